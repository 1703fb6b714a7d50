"""The lighthouse: the tower on its rock, and the lamp room at the top."""

from __future__ import annotations

import math

import numpy as np

from sample import sky
from sample.canvas import Canvas, bgr, blend_colours
from sample.curves import Points, array, box, ellipse, loop, path, soft_box
from sample.light import Light

HORIZON = 760.0
ROCK = 1046.0  # where feet stand
LAMP = (430.0, 196.0)  # the light at the top of the tower
FLOOR = 1090.0


def back(c: Canvas, light: Light) -> None:
    """Sky and sea behind the rock."""
    sky.sky(
        c,
        light,
        HORIZON,
        sun=(120.0, 690.0, 54.0) if light.name == "dusk" else (130.0, 150.0, 42.0),
    )
    for x, y, size, seed in (
        (120, 380, 1.2, 9),
        (640, 300, 0.9, 10),
        (60, 560, 0.8, 12),
        (640, 600, 0.7, 13),
    ):
        sky.cloud(c, light, x, y, size, 0.75 if light.name != "night" else 0.4, seed)
    c.fill(
        path(
            [
                (-300, HORIZON),
                (-200, HORIZON - 30),
                (-60, HORIZON - 46),
                (60, HORIZON - 24),
                (180, HORIZON + 1),
            ],
            6,
        ),
        light.far("#4f6f7a", 0.6),
    )
    sky.sea_base(c, light, HORIZON)
    if light.lamps > 0.5:
        rng = np.random.default_rng(5)
        for _ in range(16):  # the town across the bay
            c.fill(
                ellipse(
                    float(rng.uniform(-60, 150)), HORIZON - float(rng.uniform(2, 26)), 2.2, n=8
                ),
                (120, 200, 255),
            )


def live(c: Canvas, light: Light, t: float) -> None:
    """Open water."""
    sky.glitter(c, light, t, 120.0, HORIZON, 200, 46, level=0.8 if light.name != "night" else 0.45)
    sky.wave_band(c, light, t, 850, 4, 70, 0.9, 0.7, 960, crest=0.3)
    sky.wave_band(c, light, t, 930, 6, 90, 1.1, 0.85, 1400, crest=0.28)


def mid(c: Canvas, light: Light) -> None:
    """Rock, tower and the keeper's cottage."""
    rock = loop(
        [
            (40, 1120),
            (90, 1060),
            (180, 1030),
            (300, 1010),
            (430, 1000),
            (620, 1006),
            (760, 1020),
            (860, 1120),
            (800, 1200),
            (120, 1200),
        ]
    )
    c.fill(
        loop(
            [(250, 1040), (300, 960), (400, 930), (560, 936), (700, 960), (860, 1030), (700, 1060)]
        ),
        light.dark("#6a6372"),
    )
    _cottage(c, light)
    x, base, top = 430.0, 1000.0, 300.0
    w0, w1 = 92.0, 56.0
    tower = array([(x - w0, base), (x - w1, top), (x + w1, top), (x + w0, base)])
    c.fill(tower, light.colour("#f7efe2"))
    for u0 in (0.12, 0.44, 0.76):
        u1 = u0 + 0.16
        a, b = w0 + (w1 - w0) * u0, w0 + (w1 - w0) * u1
        ya, yb = base + (top - base) * u0, base + (top - base) * u1
        band = path([(x - a, ya), (x, ya + 14), (x + a, ya)], 8)
        upper = path([(x + b, yb), (x, yb + 12), (x - b, yb)], 8)
        c.fill(np.concatenate([band, upper]), light.colour("#cf4034"))
    c.shade(tower, 62 * light.side, 0, light.dark("#8a809a"), 0.5)
    c.shade(tower, -9 * light.side, 0, bgr(light.rim), 0.5 * light.rim_level)
    for y in (420, 590, 740):
        c.fill(
            loop([(x - 13, y + 40), (x - 13, y), (x, y - 16), (x + 13, y), (x + 13, y + 40)], 4),
            (100, 190, 250) if light.lamps > 0.5 else light.dark("#4d6f80"),
        )
    door = loop([(x - 32, 1006), (x - 32, 906), (x, 872), (x + 32, 906), (x + 32, 1006)], 4)
    c.fill(door, light.colour("#2f6f6a"))
    c.stroke([(x, 884), (x, 1002)], 3, light.dark("#2f6f6a"))
    c.fill(ellipse(x + 18, 950, 4.5), light.colour("#e0b04a"))
    c.stroke(
        path([(x - 38, 1006), (x - 38, 902), (x, 864), (x + 38, 902), (x + 38, 1006)], 5),
        9,
        light.dark("#c9bda8"),
    )
    iron = light.colour("#3a3f50")
    c.fill(
        [(x - w1 - 4, 304), (x - 92, 282), (x + 92, 282), (x + w1 + 4, 304)], light.dark("#5a5568")
    )
    c.fill(box(x - 96, 270, 192, 14), iron)
    for k in range(9):
        c.stroke([(x - 92 + 23 * k, 270), (x - 92 + 23 * k, 232)], 3.5, iron)
    c.stroke([(x - 94, 232), (x + 94, 232)], 5, iron)
    c.fill(
        box(x - 42, 150, 84, 120),
        light.colour("#8fb6bd") if light.lamps < 0.5 else light.dark("#5f8290"),
    )
    for k in range(5):
        c.stroke([(x - 42 + 21 * k, 150), (x - 42 + 21 * k, 270)], 4, iron)
    c.stroke([(x - 42, 210), (x + 42, 210)], 4, iron)
    dome = loop([(x - 58, 152), (x - 40, 112), (x, 88), (x + 40, 112), (x + 58, 152)], 5)
    c.fill(dome, light.colour("#cf4034"))
    c.shade(dome, 20 * light.side, -5, light.dark("#cf4034"))
    c.stroke([(x, 90), (x, 56)], 5, iron)
    c.fill(ellipse(x, 84, 9), iron)
    c.fill(rock, light.colour("#7d7480"))
    c.shade(rock, 30 * light.side, -26, light.dark("#6a6372"))
    for px, py, w in (
        (180, 1090, 60),
        (340, 1120, 90),
        (560, 1076, 70),
        (700, 1120, 80),
        (480, 1160, 110),
    ):
        c.stroke(
            path([(px - w, py + 8), (px, py - 6), (px + w * 0.7, py + 10)], 5),
            [2, 6, 2],
            light.dark("#4f4858"),
        )
    for k in range(4):  # steps
        c.fill(
            box(x - 46 - 8 * k, 1002 + 9 * k, 92 + 16 * k, 9),
            light.colour("#b8aea6") if k % 2 == 0 else light.dark("#b8aea6"),
        )
    for px, py in ((250, 1030), (560, 1022), (640, 1030), (720, 1040), (200, 1042)):
        for q in range(5):
            c.stroke(
                path([(px + 5 * q, py), (px + 5 * q + 3 * (q - 2), py - 20)], 2),
                [4, 1],
                light.colour("#6f8f5a"),
            )


def _cottage(c: Canvas, light: Light) -> None:
    c.fill(box(560, 880, 190, 130), light.colour("#f2e6d0"))
    c.fill([(540, 886), (585, 800), (735, 800), (776, 886)], light.colour("#5f5a70"))
    c.fill(box(690, 770, 30, 60), light.dark("#a5583f"))
    c.fill(
        soft_box(610, 920, 46, 50, 3),
        (110, 200, 255) if light.lamps > 0.5 else light.dark("#5f8fa3"),
    )
    c.stroke([(633, 920), (633, 970)], 4, light.colour("#fff8ea"))
    c.stroke([(610, 945), (656, 945)], 4, light.colour("#fff8ea"))
    c.fill(box(692, 930, 40, 80), light.colour("#a5503f"))


def shore(c: Canvas, light: Light, t: float) -> None:
    """Waves that break on the rock."""
    sky.wave_band(c, light, t, 1150, 7, 80, 1.0, 0.95, 1260, crest=0.4)
    for k in range(7):
        u = (t * 0.5 + k * 0.37) % 1.0
        c.fill(
            ellipse(
                110 + 112 * k,
                1150 - 10 * math.sin(math.pi * u),
                46 * (0.5 + u),
                9 * (1 - u) + 2,
                n=18,
            ),
            blend_colours(bgr(light.sea[0]), bgr(light.sky[3]), 0.5),
            0.6 * (1 - u),
        )
    sky.wave_band(c, light, t, 1196, 8, 110, -0.9, 1.0, 1500, crest=0.25)


def beam(
    c: Canvas, t: float, x: float, y: float, level: float, turn: float = 0.6, reach: float = 1100
) -> None:
    """The sweeping light: two soft arms that swing round."""
    for k in (0, 1):
        a = t * turn + k * math.pi
        dx, toward = math.cos(a), 0.5 + 0.5 * math.sin(a)
        wide = (0.05 + 0.11 * toward) * reach
        end = x + math.copysign(max(abs(dx), 0.05) * reach, dx)
        drop = y + 0.1 * reach * (toward - 0.4)
        shape = array([(x, y - 6), (end, drop - wide), (end, drop + wide), (x, y + 6)])
        c.ray(
            shape, x, y, max(abs(dx), 0.05) * reach, (150, 215, 245), level * 0.75 * abs(dx) ** 0.8
        )
        # Pointing at us it is a flash, not a shape.
        c.glow(x, y, 0.35 * reach, (120, 190, 235), 0.6 * level * max(0.0, math.sin(a)) ** 10)
    c.glow(x, y, 60, (190, 235, 255), 0.9 * level)
    c.glow(x, y, 260, (70, 130, 190), 0.55 * level)


# -- the lamp room
def room(c: Canvas, light: Light) -> None:
    """Windows on the night, the floor and the rail."""
    sky.sky(c, light, 760, sun=(150.0, 300.0, 40.0))
    c.fill(
        path([(-300, 760), (-100, 730), (80, 742), (260, 720), (420, 750), (560, 760)], 6),
        light.far("#4f6f7a", 0.55),
    )
    sky.sea_base(c, light, 760)
    rng = np.random.default_rng(5)
    for _ in range(26):
        c.fill(
            ellipse(float(rng.uniform(60, 440)), 760 - float(rng.uniform(2, 24)), 2.0, n=8),
            (120, 200, 255),
        )
    frame, edge = light.colour("#4a4150"), light.dark("#4a4150")
    c.fill([(-300, 96), (1020, 96), (1020, -300), (-300, -300)], light.colour("#5d4a50"))
    c.fill([(-300, 96), (1020, 96), (1020, 120), (-300, 120)], light.colour("#b07a45"))
    for k in range(-2, 7):  # the roof beams meet above
        x = k * 180
        c.stroke([(x, 100), (360 + (x - 360) * 0.25, -200)], 16, edge)
    for x in (-180, 0, 180, 540, 720, 900):
        c.fill(box(x - 11, 100, 22, 800), frame)
        c.fill(
            box(x - 11 + (13 if light.side > 0 else 0), 100, 8, 800), light.colour("#c08a4f"), 0.6
        )
    for y in (400, 660):
        c.fill(box(-300, y, 1320, 10), frame)
    c.fill(box(-300, 850, 1320, 150), light.colour("#6d4f48"))
    for x in range(-300, 1020, 66):
        c.stroke([(x, 866), (x, 994)], 3, light.dark("#5a3f3c"))
    c.fill(box(-300, 846, 1320, 20), light.colour("#b07a45"))
    c.fill([(-300, 992), (1020, 992), (1020, 1500), (-300, 1500)], light.colour("#7f5c48"))
    for k in range(-8, 20):
        x = k * 70
        c.stroke(
            [(360 + (x - 360) * 0.7, 992), (360 + (x - 360) * 1.5, 1420)], 4, light.dark("#6a4a3c")
        )
    for y in (1030, 1100, 1200):
        c.stroke([(-300, y), (1020, y)], 2, light.dark("#6a4a3c"), 0.5)


def lens(c: Canvas, light: Light, t: float, lit: float) -> None:
    """The great lens on its pedestal; rings of glass round the flame."""
    x, y = 360.0, 610.0
    brass, dark = light.colour("#c8923a"), light.dark("#8a5f28")
    c.fill([(x - 60, 1010), (x - 40, 830), (x + 40, 830), (x + 60, 1010)], light.colour("#3f5f5c"))
    c.shade(
        array([(x - 60, 1010), (x - 40, 830), (x + 40, 830), (x + 60, 1010)]),
        34 * light.side,
        0,
        light.dark("#2f4a48"),
    )
    c.fill(soft_box(x - 92, 808, 184, 26, 8), brass)
    c.shade(soft_box(x - 92, 808, 184, 26, 8), 40 * light.side, -8, dark)
    shell = _lens_shape(x, y, 1.0)
    c.fill(shell, light.colour("#7fa6a8"))
    if lit > 0.01:
        c.fill(shell, (120, 205, 255), 0.75 * lit)
    for k in range(7):
        q = (k - 3) / 3.4
        wide = 104 * math.sqrt(max(0.05, 1 - (q * 0.92) ** 2))
        line = path([(x - wide, y + q * 190), (x, y + q * 190 + 12), (x + wide, y + q * 190)], 7)
        c.stroke(line, 5, light.colour("#d9eef0") if lit < 0.5 else (215, 245, 255), 0.8)
    for k in range(3):
        w = 104 * math.cos((k * 0.7 + t * 0.5) % math.pi)
        c.stroke(path([(x, y - 196), (x + w, y), (x, y + 196)], 9), 4, brass, 0.8)
    c.fill(soft_box(x - 70, y - 214, 140, 22, 8), brass)
    c.fill(soft_box(x - 76, y + 184, 152, 22, 8), brass)
    if lit > 0.01:
        c.fill(ellipse(x, y, 26, 36), (235, 252, 255), lit)
        c.glow(x, y, 180, (150, 220, 255), 0.8 * lit)
        c.glow(x, y, 560, (50, 105, 165), 0.6 * lit)


def candle(c: Canvas, light: Light, t: float, x: float, y: float) -> None:
    """A candle on the ledge: all the light there is."""
    c.fill(soft_box(x - 16, y - 6, 32, 8, 3), light.colour("#c8923a"))
    c.fill(soft_box(x - 8, y - 44, 16, 40, 3), light.warmed(0.8).colour("#f4ead2"))
    lean = 2.0 * math.sin(t * 5) + math.sin(t * 9.7)
    c.fill(
        loop([(x + lean, y - 74), (x + 7, y - 54), (x, y - 45), (x - 7, y - 54)]), (140, 222, 255)
    )
    c.glow(x, y - 58, 60, (130, 205, 255), 0.5)
    c.glow(x, y - 58, 360, (40, 90, 140), 0.5 + 0.02 * math.sin(t * 11))


def _lens_shape(x: float, y: float, k: float) -> Points:
    return loop(
        [
            (x, y - 200 * k),
            (x + 74 * k, y - 150 * k),
            (x + 108 * k, y),
            (x + 74 * k, y + 150 * k),
            (x, y + 200 * k),
            (x - 74 * k, y + 150 * k),
            (x - 108 * k, y),
            (x - 74 * k, y - 150 * k),
        ]
    )
