"""Market street: tall houses, stalls under striped awnings, bunting, cobbles."""

from __future__ import annotations

import math

import numpy as np

from sample import sky
from sample.canvas import Canvas
from sample.curves import box, ellipse, loop, path, soft_box
from sample.light import Light
from sample.props import fish, small_boat

STREET = 1070.0  # where feet stand
HORIZON = 720.0


def back(c: Canvas, light: Light) -> None:
    """Sky and a slip of the harbour at the end of the street."""
    sky.sky(c, light, HORIZON, sun=(470.0, 655.0, 40.0) if light.name == "dusk" else None)
    for x, y, size, seed in ((380, 260, 0.9, 6), (560, 420, 0.6, 7), (250, 470, 0.5, 8)):
        sky.cloud(c, light, x, y, size, 0.85, seed)
    sky.hills(c, light, HORIZON)
    sky.sea_base(c, light, HORIZON)
    sky.far_lighthouse(c, light, 350, HORIZON + 8, 0.62, 0.5)
    small_boat(c, light, 450, 812, 0.9, "#c5503f", light.lamps)
    small_boat(c, light, 300, 836, 0.8, "#2f6f8f", light.lamps)


def live(c: Canvas, light: Light, t: float) -> None:
    """Smoke from two chimneys."""
    for x, y, seed in ((96, 168, 0.0), (742, 210, 1.7)):
        for k in range(6):
            u = (t * 0.16 + k / 6 + seed) % 1.0
            puff = ellipse(
                x + 60 * u + 10 * math.sin(6 * u + seed), y - 190 * u, 8 + 26 * u, 7 + 20 * u, n=18
            )
            c.fill(puff, light.far("#f2f2f4", 0.3), 0.42 * (1 - u) * min(1, u * 8))


def _house(
    c: Canvas,
    light: Light,
    x: float,
    w: float,
    top: float,
    wall: str,
    roof: str,
    shutters: str,
    seed: int,
    *,
    gable: bool,
) -> None:
    rng = np.random.default_rng(seed)
    body = box(x, top, w, 920 - top)
    c.fill(body, light.colour(wall))
    c.fill(
        box(x if light.side > 0 else x + w * 0.84, top, w * 0.16, 920 - top), light.dark(wall), 0.55
    )
    if gable:
        c.fill(
            [(x - 14, top + 6), (x + w / 2, top - 110), (x + w + 14, top + 6)], light.colour(roof)
        )
        c.fill(
            [(x + w / 2, top - 110), (x + w + 14, top + 6), (x + w / 2, top + 6)]
            if light.side < 0
            else [(x + w / 2, top - 110), (x - 14, top + 6), (x + w / 2, top + 6)],
            light.dark(roof),
            0.6,
        )
        c.fill(ellipse(x + w / 2, top - 34, 15), light.dark("#4d6f80"))
    else:
        c.fill(
            [(x - 14, top + 4), (x + 10, top - 62), (x + w - 10, top - 62), (x + w + 14, top + 4)],
            light.colour(roof),
        )
        for k in range(3):
            c.stroke(
                [(x - 8 + 5 * k, top - 12 - 18 * k), (x + w + 8 - 5 * k, top - 12 - 18 * k)],
                3,
                light.dark(roof),
                0.7,
            )
        c.fill(box(x + w * 0.18, top - 120, 34, 70), light.dark("#a5583f"))
        c.fill(box(x + w * 0.18 - 5, top - 126, 44, 14), light.colour("#a5583f"))
    c.stroke([(x - 14, top + 6), (x + w + 14, top + 6)], 8, light.dark(roof))
    columns = max(int(w // 96), 2)
    for row in range(int((700 - top) // 138)):
        for k in range(columns):
            cx, cy = x + w * (k + 0.5) / columns, top + 44 + row * 138
            lit = light.lamps > 0.5 and rng.random() < 0.62
            c.fill(soft_box(cx - 25, cy, 50, 76, 3), light.colour("#f7f0e0"))
            c.fill(box(cx - 20, cy + 5, 40, 66), (110, 196, 250) if lit else light.dark("#5f8fa3"))
            if lit:
                c.glow(cx, cy + 38, 70, (60, 120, 190), 0.25)
            else:
                c.fill(
                    [(cx - 20, cy + 40), (cx + 6, cy + 5), (cx + 20, cy + 5), (cx - 20, cy + 60)],
                    light.colour("#9fc4cf"),
                    0.5,
                )
            c.stroke([(cx, cy + 5), (cx, cy + 71)], 3.5, light.colour("#f7f0e0"))
            c.stroke([(cx - 20, cy + 34), (cx + 20, cy + 34)], 3.5, light.colour("#f7f0e0"))
            for s in (-1, 1):
                c.fill(box(cx + (26 if s > 0 else -42), cy - 1, 16, 78), light.colour(shutters))
                for q in range(6):
                    c.stroke(
                        [
                            (cx + (28 if s > 0 else -40), cy + 8 + 12 * q),
                            (cx + (40 if s > 0 else -28), cy + 8 + 12 * q),
                        ],
                        2,
                        light.dark(shutters),
                    )
            if row % 2 == 0 and rng.random() < 0.75:
                c.fill(box(cx - 28, cy + 78, 56, 12), light.dark("#8a5a3c"))
                for q in range(6):
                    c.fill(
                        ellipse(cx - 24 + 9.6 * q, cy + 74 - 5 * (q % 2), 7.5, n=10),
                        light.colour(["#e0503f", "#f1c24b", "#4f8f4a"][q % 3]),
                    )


def _stall(c: Canvas, light: Light, x: float, w: float, a: str, goods: str) -> None:
    wood = light.colour("#a9794c")
    for q in (x + 10, x + w - 10):
        c.stroke([(q, 770), (q, 1010)], 10, light.dark("#7d5636"))
    c.fill(box(x + 6, 800, w - 12, 110), light.dark("#4a3a44"))
    c.fill([(x - 4, 908), (x + w + 4, 908), (x + w + 16, 946), (x - 16, 946)], wood)
    c.fill(box(x - 12, 946, w + 24, 78), light.dark("#8a5f3a"))
    for k in range(int(w // 42) + 1):
        c.stroke([(x - 8 + 42 * k, 950), (x - 8 + 42 * k, 1022)], 3, light.dark("#5f3f28"))
    n = int(w // 34)
    for k in range(n):
        cx = x + 22 + k * 34
        if goods == "fish":
            fish(c, light, cx + 6, 920 + 9 * (k % 2), 0.62, 0.15)
        else:
            colour = {
                "fruit": ["#e2622f", "#f0b83a", "#6f9f3f"],
                "oil": ["#c9703f", "#e7c06a", "#8f4a3a"],
            }[goods][k % 3]
            if goods == "fruit":
                for dx, dy in ((-8, 2), (8, 2), (0, -9)):
                    blob = ellipse(cx + dx, 916 + dy, 10.5)
                    c.fill(blob, light.colour(colour))
                    c.shade(blob, 3 * light.side, -3, light.dark(colour))
            else:
                c.fill(soft_box(cx - 11, 870, 22, 52, 6), light.colour(colour))
                c.fill(soft_box(cx - 5, 856, 10, 18, 2), light.dark(colour))
                c.fill(box(cx - 8, 888, 16, 14), light.colour("#f5ead0"))
    stripes = max(int(w // 36), 3)
    step = (w + 44) / stripes
    for k in range(stripes):
        x0 = x - 22 + k * step
        t0, t1 = x + 8 + (w - 16) * k / stripes, x + 8 + (w - 16) * (k + 1) / stripes
        hexa = a if k % 2 == 0 else "#f8efdc"
        c.fill([(t0, 716), (t1, 716), (x0 + step, 796), (x0, 796)], light.colour(hexa))
        scallop = loop(
            [(x0, 794), (x0 + step, 794), (x0 + step, 808), (x0 + step / 2, 822), (x0, 808)], 5
        )
        c.fill(scallop, light.dark(hexa))


def mid(c: Canvas, light: Light) -> None:
    """Houses, stalls and the street."""
    _house(c, light, -420, 230, 330, "#d98f6a", "#7f4a3f", "#3f6f72", 1, gable=False)
    _house(c, light, -190, 200, 210, "#efd9a6", "#a5503f", "#4f7f6a", 2, gable=True)
    _house(c, light, 10, 220, 300, "#d87f66", "#6f4650", "#f1dfb8", 3, gable=False)
    _house(c, light, 520, 190, 350, "#9fc0b0", "#a5583f", "#f5ead0", 4, gable=True)
    _house(c, light, 710, 240, 290, "#f0c98a", "#7f4a3f", "#b5503f", 5, gable=False)
    _house(c, light, 950, 220, 230, "#c9869a", "#5f4658", "#f1dfb8", 6, gable=True)
    c.fill([(-460, 905), (1200, 905), (1200, 1500), (-460, 1500)], light.colour("#c2ab92"))
    rng = np.random.default_rng(21)
    y, row = 912.0, 0
    while y < 1440:
        high = 10 + (y - 912) * 0.075
        x = -460.0 - (row % 2) * high
        while x < 1200:
            long = high * float(rng.uniform(1.6, 2.2))
            tone = str(
                rng.choice(np.array(["#b59d86", "#cbb59c", "#bba48c", "#c7b097", "#ad967f"]))
            )
            c.fill(soft_box(x, y, long - 3, high - 3, high * 0.3), light.colour(tone))
            x += long
        y += high
        row += 1
    for x, w, a, goods in (
        (-330, 210, "#3f8f8a", "oil"),
        (-60, 230, "#d8483b", "fruit"),
        (545, 230, "#2f78a8", "fish"),
        (850, 220, "#e0a032", "oil"),
    ):
        c.fill(ellipse(x + w / 2, 1026, w * 0.62, 14), light.dark("#6f5f5f"), 0.5)
        _stall(c, light, x, w, a, goods)
    _bunting(c, light)


def _bunting(c: Canvas, light: Light) -> None:
    colours = ("#e0503f", "#f5c542", "#2f9a94", "#f8efdc", "#4f7fc0")
    for a, b, sag, start in (((-190, 330), (620, 380), 120, 0), ((120, 470), (960, 400), 110, 2)):
        n = 15
        line = path(
            [
                (
                    a[0] + (b[0] - a[0]) * k / n,
                    a[1] + (b[1] - a[1]) * k / n + sag * math.sin(math.pi * k / n),
                )
                for k in range(n + 1)
            ],
            3,
        )
        c.stroke(line, 2.5, light.dark("#6f5f5f"))
        for k in range(n):
            p, q = line[k * 3], line[k * 3 + 2]
            hexa = colours[(k + start) % 5]
            flag = [(p[0], p[1]), (q[0], q[1]), ((p[0] + q[0]) / 2 + 3, (p[1] + q[1]) / 2 + 36)]
            c.fill(flag, light.colour(hexa))
            if light.lamps > 0.5 and k % 3 == 1:
                c.fill(ellipse(p[0], p[1] + 12, 9, 12), (130, 210, 255))
                c.glow(p[0], p[1] + 12, 90, (60, 130, 210), 0.5)


def front(c: Canvas, light: Light) -> None:
    """Baskets close to the eye."""
    for x, hexa in ((-30, "#e2622f"), (720, "#f0b83a")):
        for k in range(9):
            cx, cy = x - 70 + 18 * k, 1176 - 26 * math.sin(math.pi * k / 8)
            c.fill(ellipse(cx, cy, 24), light.dark(hexa))
            c.fill(ellipse(cx + 5 * light.side, cy - 5, 18), light.colour(hexa))
        c.fill(
            loop([(x - 110, 1180), (x, 1194), (x + 110, 1180), (x + 84, 1330), (x - 84, 1330)], 5),
            light.dark("#8a6238"),
        )
        for k in range(4):
            c.stroke(
                path(
                    [
                        (x - 106 + 6 * k, 1206 + 30 * k),
                        (x, 1222 + 30 * k),
                        (x + 106 - 6 * k, 1206 + 30 * k),
                    ],
                    6,
                ),
                9,
                light.colour("#a97c48"),
                0.7,
            )
