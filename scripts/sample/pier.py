"""The old pier: deck, posts, hut and lamp, with the bay behind it."""

from __future__ import annotations

import numpy as np

from sample import sky
from sample.canvas import Canvas, bgr
from sample.curves import box, ellipse, loop, path, soft_box
from sample.light import Light
from sample.props import small_boat

HORIZON = 610.0
DECK = 1010.0  # where feet stand
SUNS = {
    "dawn": (520.0, 560.0, 44.0),
    "morning": (560.0, 250.0, 40.0),
    "day": (150.0, 120.0, 42.0),
    "afternoon": (140.0, 330.0, 46.0),
    "dusk": (200.0, 566.0, 56.0),
    "night": (318.0, 205.0, 42.0),
}


def back(c: Canvas, light: Light) -> None:
    """Sky, land, far lighthouse, water."""
    sun = SUNS[light.name]
    sky.sky(c, light, HORIZON, sun=sun)
    for x, y, size, seed in (
        (130, 240, 1.15, 1),
        (560, 170, 0.8, 2),
        (-150, 420, 1.0, 3),
        (690, 400, 0.75, 4),
        (300, 455, 0.6, 5),
    ):
        sky.cloud(c, light, x, y, size, 0.8 if light.name != "night" else 0.5, seed)
    sky.hills(c, light, HORIZON)
    sky.sea_base(c, light, HORIZON)
    sky.far_lighthouse(c, light, 610, HORIZON + 6, 0.9, 0.42)


def live(c: Canvas, light: Light, t: float) -> None:
    """Waves, glitter, a moored boat."""
    sky.glitter(c, light, t, SUNS[light.name][0], HORIZON, 230, 50)
    sky.wave_band(c, light, t, 720, 3, 60, 0.9, 0.62, 800, crest=0.3)
    roll = 0.035 * np.sin(t * 1.1)
    small_boat(
        c, light, 96, 792 + 4 * np.sin(t * 1.3), 1.35, "#2f7f86", light.lamps * 0.7, float(roll)
    )
    sky.wave_band(c, light, t, 800, 5, 80, 1.1, 0.78, 980, crest=0.3)
    sky.wave_band(c, light, t, 890, 6, 100, -1.0, 0.9, 980, crest=0.25)


def mid(c: Canvas, light: Light) -> None:
    """The pier itself."""
    wood, dark = light.colour("#9b7653"), light.dark("#8a6545")
    rng = np.random.default_rng(11)
    _hut(c, light)
    for x in (90, 330, 570, 810):  # rail posts at the back edge
        c.fill(soft_box(x - 9, 866, 18, 92, 6), light.dark("#8a6545"))
        c.fill(soft_box(x - 11, 860, 22, 14, 5), wood)
    for a, b in ((90, 330), (330, 570), (570, 810)):
        line = path([(a, 884), ((a + b) / 2, 914), (b, 884)], 8)
        c.stroke(line, 7, light.dark("#c9a66b"))
        c.stroke(line + np.array([0, -1.5]), 3.5, light.colour("#d9bd86"))
    _lamp(c, light, 452, 946)
    c.fill([(-320, 944), (1040, 944), (1040, 1062), (-320, 1062)], wood)
    for k in range(-6, 22):  # planks
        x = k * 58
        near, far = x, 360 + (x - 360) * 0.86
        tone = rng.choice(np.array(["#a5805c", "#957050", "#8d6a4b", "#a07a56"]))
        x2 = x + 58
        c.fill(
            [(near, 1062), (far, 944), (360 + (x2 - 360) * 0.86, 944), (x2, 1062)],
            light.colour(str(tone)),
        )
        c.stroke([(near, 1062), (far, 944)], 2.6, dark)
        c.fill(ellipse(x + 12, 1052, 2.6, n=8), dark)
        c.fill(ellipse(x + 46, 1052, 2.6, n=8), dark)
    c.fill([(-320, 940), (1040, 940), (1040, 949), (-320, 949)], light.colour("#b8926a"), 0.8)
    c.fill(box(-320, 1062, 1360, 36), light.dark("#7d5b3f"))
    c.fill(box(-320, 1062, 1360, 7), light.colour("#c09a70"))
    under = light.dark("#3f3a48")
    c.fill(box(-320, 1098, 1360, 500), under)
    c.gradient(1098, 1500, [(0, light.dark("#2c2a3c")), (1, light.dark("#39506a"))])
    for x in (40, 300, 560, 820, -220):
        c.fill(box(x - 22, 1090, 44, 500), light.dark("#6f5240"))
        c.fill(
            box(x - 22 + (30 if light.side > 0 else 0), 1090, 14, 500), light.colour("#8a6a50"), 0.7
        )
        c.fill(box(x - 24, 1150, 48, 60), light.colour("#5d6f4a"), 0.75)
        for k in range(6):
            c.fill(ellipse(x - 18 + 7 * k, 1208 + 4 * (k % 2), 5, 8), light.colour("#5d6f4a"), 0.75)
    _goods(c, light)


def _hut(c: Canvas, light: Light) -> None:
    wall, dark = light.colour("#7fa3a0"), light.dark("#7fa3a0")
    c.fill(box(-300, 560, 270, 400), wall)
    for x in range(-300, -30, 30):
        c.stroke([(x, 560), (x, 960)], 3, dark)
    c.fill([(-340, 575), (-170, 440), (10, 575)], light.colour("#b5503c"))
    c.stroke([(-340, 578), (12, 578)], 12, light.dark("#b5503c"))
    c.fill(soft_box(-160, 640, 90, 110, 4), light.colour("#f2ead9"))
    c.fill(box(-152, 648, 74, 94), (96, 190, 250) if light.lamps > 0.5 else light.colour("#4f7f92"))


def _lamp(c: Canvas, light: Light, x: float, y: float) -> None:
    iron = light.colour("#34394a")
    c.fill(soft_box(x - 15, y - 22, 30, 24, 5), iron)
    c.stroke([(x, y), (x, 600)], 11, iron)
    c.stroke(path([(x, 620), (x + 6, 570), (x + 44, 556), (x + 66, 580)], 7), 7, iron)
    c.fill(
        loop([(x + 66, 574), (x + 86, 594), (x + 92, 604), (x + 40, 604), (x + 46, 594)], 4), iron
    )
    bulb = ellipse(x + 66, 608, 15, 12)
    c.fill(bulb, (170, 232, 255) if light.lamps > 0.5 else light.colour("#cfdcd8"))
    if light.lamps > 0.5:
        c.glow(x + 66, 610, 70, (130, 210, 255), 0.6)
        c.glow(x + 66, 612, 330, (60, 120, 190), 0.35 * light.lamps)


def _goods(c: Canvas, light: Light) -> None:
    wood, dark = light.colour("#b98a56"), light.dark("#b98a56")
    c.fill(soft_box(636, 898, 104, 96, 4), wood)  # crates
    c.shade(soft_box(636, 898, 104, 96, 4), 26 * light.side, -8, dark)
    for y in (900, 930, 962):
        c.stroke([(638, y), (738, y)], 3, dark)
    c.stroke([(640, 990), (736, 902)], 9, light.colour("#c99c66"))
    c.fill(soft_box(664, 838, 72, 62, 4), light.colour("#8f6f4a"))
    for k in range(4):
        c.stroke([(666, 850 + 14 * k), (734, 850 + 14 * k)], 2.5, light.dark("#6f5238"))
    net = loop([(742, 990), (752, 930), (800, 906), (860, 930), (880, 994)])
    c.fill(net, light.dark("#3f7f7a"))
    for k in range(6):
        c.clipped(
            [path([(730 + 26 * k, 1000), (760 + 22 * k, 900)], 2)],
            net,
            light.colour("#5fa39a"),
            0.5,
        )
    c.fill(ellipse(776, 930, 17), light.colour("#e2703a"))
    c.fill(ellipse(822, 946, 17), light.colour("#f2ead9"))


def front(c: Canvas, light: Light) -> None:
    """Two dark posts close to the eye, with rope."""
    shade = light.dark("#4b3a40")
    c.fill(soft_box(-40, 1040, 130, 420, 26), shade)
    c.fill(ellipse(25, 1050, 66, 22), light.colour("#6d5650"))
    for k in range(3):
        c.stroke(
            path([(-50, 1110 + 26 * k), (25, 1128 + 26 * k), (98, 1106 + 26 * k)], 6),
            25,
            light.dark("#9b7d50"),
        )
        c.stroke(
            path([(-50, 1106 + 26 * k), (25, 1124 + 26 * k), (98, 1102 + 26 * k)], 6),
            13,
            light.colour("#b8995f"),
        )
    c.stroke(
        path([(90, 1160), (260, 1262), (500, 1290), (790, 1200)], 8), 24, light.dark("#9b7d50")
    )
    c.stroke(
        path([(90, 1156), (260, 1258), (500, 1286), (790, 1196)], 8), 11, light.colour("#b8995f")
    )


def water_under(c: Canvas, light: Light, t: float) -> None:
    """The water between the posts."""
    sky.wave_band(c, light, t, 1196, 5, 70, 1.0, 0.95, 1320, crest=0.3)
    sky.wave_band(c, light, t, 1246, 6, 90, -0.9, 1.0, 1500, crest=0.2)
    c.fill(box(-60, 1300, 0.1, 0.1), bgr(light.sea[1]), 0.0)
