"""Props: the lantern, rope, oil can, fish, boats and the gull."""

from __future__ import annotations

import math

from sample.canvas import Canvas
from sample.curves import array, box, ellipse, loop, mirror, path, soft_box
from sample.light import Light
from sample.pose import Prop


def lantern(lit: float, swing: float = 0.0, size: float = 1.0, glow: float = 1.0) -> Prop:
    """A brass storm lantern that hangs from the hand."""

    def draw(c: Canvas, light: Light) -> None:
        c.push(0, 0, size, turn=swing)
        brass, dark = light.colour("#c8923a"), light.dark("#9a6526")
        hoop = path([(-15, 34), (-13, 8), (0, 0), (13, 8), (15, 34)], 6)
        c.stroke(hoop, 3, dark)
        glass = loop(mirror([(0, 32), (14, 34), (19, 52), (14, 72), (0, 73)]))
        c.fill(glass, light.colour("#8fb0b5"), 1.0)
        if lit > 0.02:
            c.fill(glass, (150, 226, 255), min(1.0, lit))
            flick = 1 + 0.05 * math.sin(lit * 40)
            c.fill(loop([(0, 40 - 3 * flick), (6, 56), (0, 67), (-6, 56)]), (225, 250, 255), lit)
        else:
            c.stroke([(-8, 42), (-11, 60)], 3, light.colour("#e6f3f2"), 0.6)
        c.fill(soft_box(-17, 70, 34, 18, 5), brass)
        c.shade(soft_box(-17, 70, 34, 18, 5), 8 * light.side, -3, dark)
        c.fill(loop([(-14, 35), (-11, 25), (11, 25), (14, 35)]), brass)
        c.fill(soft_box(-7, 17, 14, 9, 3), dark)
        for x in (-15, 15):
            c.stroke([(x, 34), (x, 72)], 2.5, dark)
        if lit > 0.02 and glow > 0:
            c.glow(0, 54, 60, (140, 215, 255), 0.55 * lit * glow)
            c.glow(0, 54, 230, (50, 120, 200), 0.42 * lit * glow)
        c.pop()

    return draw


def rope_coil(size: float = 1.0) -> Prop:
    """A coil of rope over the fist."""

    def draw(c: Canvas, light: Light) -> None:
        c.push(0, 0, size)
        for k in range(5):
            w = 22 + 3 * k
            ring = ellipse(2 * math.sin(k * 2.2), 36 + 2 * k, w, 40 + 2 * k)
            closed = [*ring.tolist(), *ring[:2].tolist()]
            c.stroke(closed, 8, light.dark("#a9824e"))
            c.stroke(closed, 5, light.colour("#d9b679"))
        c.pop()

    return draw


def oil_can(size: float = 1.0) -> Prop:
    """A copper can with a spout."""

    def draw(c: Canvas, light: Light) -> None:
        c.push(0, 0, size)
        body = loop(mirror([(0, 26), (10, 28), (24, 44), (26, 74), (0, 78)]))
        c.stroke(path([(18, 46), (34, 34), (44, 14)], 5), [9, 6, 4], light.dark("#b0623a"))
        c.fill(body, light.colour("#c9703f"))
        c.shade(body, 9 * light.side, -4, light.dark("#b0623a"))
        c.stroke(path([(-12, 30), (-4, 4), (8, 6), (12, 30)], 5), 4, light.dark("#8a4a2a"))
        c.fill(soft_box(-13, 50, 26, 16, 3), light.colour("#f1e3b8"))
        c.fill(ellipse(0, 58, 5), light.colour("#d8433b"))
        c.pop()

    return draw


def fish(c: Canvas, light: Light, x: float, y: float, size: float, turn: float = 0.0) -> None:
    """A silver fish."""
    c.push(x, y, size, turn=turn)
    body = loop([(-30, 0), (-8, -11), (18, -8), (30, 0), (18, 8), (-8, 10)])
    c.fill(loop([(-24, 0), (-44, -12), (-40, 0), (-44, 12)], 4), light.dark("#8fb2c9"))
    c.fill(body, light.colour("#a9c9da"))
    c.shade(body, 0, -7, light.dark("#8fb2c9"))
    c.fill(ellipse(20, -2, 2.6, n=10), light.colour("#1d2230"))
    c.pop()


def gull(
    c: Canvas,
    light: Light,
    x: float,
    y: float,
    size: float = 1.0,
    face: float = 1.0,
    *,
    flap: float | None = None,
    beak: float = 0.0,
    nod: float = 0.0,
    turn: float = 0.0,
    blink: float = 0.0,
    holds: str = "",
) -> None:
    """The gull: on its feet, or flying when flap (radians) is given. The feet are at (x, y)."""
    c.push(x, y, size * face, size, turn=turn)
    white, grey, dark = light.colour("#fbf9f4"), light.dark("#e3e6ee"), light.colour("#59606f")
    orange = light.colour("#f0982e")
    if flap is None:
        for q in (-5, 6):
            c.stroke([(q, -22), (q + 1, -2)], 3, orange)
            c.stroke([(q - 3, -1), (q + 8, -1)], 3.5, orange)
    else:
        up = math.sin(flap)
        wing = [
            (-8, -40),
            (-2, -42 - 34 * up),
            (-16, -44 - 76 * up),
            (-30, -40 - 84 * up),
            (-24, -38 - 40 * up),
            (-22, -30),
        ]
        c.fill(loop(wing), light.dark("#aeb6c4"))
    tail = loop([(-34, -38), (-58, -34), (-60, -26), (-34, -24)], 4)
    c.fill(tail, dark)
    body = loop([(-40, -32), (-18, -48), (12, -50), (26, -38), (16, -22), (-14, -18)])
    c.fill(body, white)
    c.shade(body, 0, -10, grey)
    c.push(20, -50 + nod * 10, 1, turn=nod * 0.5)
    neck = loop([(-16, 14), (-10, -10), (4, -22), (18, -14), (16, 0), (6, 16)])
    c.fill(neck, white)
    c.fill(loop([(14, -11), (34, -7 - 2 * beak), (35, -4 - 2 * beak), (14, -4)], 4), orange)
    c.fill(
        loop([(13, -4), (29, -1 + 9 * beak), (28, 2 + 9 * beak), (12, 1)], 4), light.dark("#e0862a")
    )
    if holds == "fish":
        fish(c, light, 32, 2, 0.8, 1.2)
    elif holds == "cap":
        cap = loop(mirror([(0, -16), (22, -8), (28, 16), (0, 20)]))
        c.push(36, 14, 1.35, turn=2.6)
        c.fill(cap, light.colour("#27365a"))
        c.fill(soft_box(-30, 10, 60, 13, 5), light.colour("#43527a"))
        c.fill(ellipse(0, -20, 9), light.colour("#43527a"))
        c.pop()
    if blink > 0.5:
        c.stroke([(4, -10), (11, -10)], 2, dark)
    else:
        c.fill(ellipse(7, -11, 3.6, n=12), light.colour("#1b1a24"))
        c.fill(ellipse(8.2, -12.3, 1.2, n=8), white)
    c.pop()
    if flap is None:
        wing = [(-44, -28), (-16, -42), (8, -40), (6, -28), (-16, -22), (-56, -22)]
        c.fill(loop(wing), light.colour("#aeb6c4"))
        c.fill(loop([(-58, -24), (-38, -31), (-30, -25), (-62, -20)], 4), dark)
    else:
        up = math.sin(flap)
        wing = [
            (-10, -38),
            (6, -40 - 30 * up),
            (-6, -44 - 72 * up),
            (-22, -42 - 100 * up),
            (-20, -36 - 46 * up),
            (-24, -28),
        ]
        c.fill(loop(wing), light.colour("#c3cad6"))
        c.fill(loop([(-6, -44 - 72 * up), (-22, -42 - 100 * up), (-14, -40 - 66 * up)], 4), dark)
    c.pop()


def far_gull(c: Canvas, light: Light, x: float, y: float, size: float, flap: float) -> None:
    """Two strokes of wing in the distance."""
    up = 7 * math.sin(flap)
    line = path(
        [
            (x - 22 * size, y - up * size),
            (x - 10 * size, y - (4 + up * 0.7) * size),
            (x, y),
            (x + 10 * size, y - (4 + up * 0.7) * size),
            (x + 22 * size, y - up * size),
        ],
        5,
    )
    c.stroke(
        line,
        [1.5 * size, 4.5 * size, 4 * size, 4.5 * size, 1.5 * size],
        light.colour("#f6f3ee") if light.level > 0.3 else light.far("#c9cfdd", 0.4),
    )


def rowing_boat_back(c: Canvas, light: Light, hull: str = "#b5412f") -> None:
    """The far side of the big boat, mast and sail: people sit before it. Water line at y 0."""
    wood, dark = light.colour("#8a5a36"), light.dark("#8a5a36")
    mast = path([(-10, -40), (-14, -560)], 4)
    sail = loop(
        [(-4, -548), (70, -420), (150, -250), (176, -176), (60, -168), (-2, -176), (4, -360)], 6
    )
    c.fill(sail, light.colour("#f3e6cb"))
    c.shade(sail, 34 * light.side, -20, light.dark("#e6d3b0"))
    patch = [(40, -300), (86, -292), (80, -244), (36, -250)]
    c.fill(array(patch), light.colour("#d98a5a"))
    c.stroke(mast, [16, 10], wood)
    c.stroke(path([(-6, -166), (182, -172)], 2), 9, wood)
    c.stroke([(-14, -556), (-270, -70)], 2.2, dark)
    c.stroke([(-14, -556), (268, -78)], 2.2, dark)
    inside = loop(
        [(-270, -78), (-150, -62), (0, -58), (150, -62), (268, -82), (200, -30), (-200, -30)]
    )
    c.fill(inside, light.dark("#6b4630"))
    c.fill(array([(-14, -556), (-14, -530), (-64, -546)]), light.colour(hull))


def rowing_boat_front(c: Canvas, light: Light, hull: str = "#b5412f") -> None:
    """The near side of the hull."""
    shell = loop(
        [
            (-292, -92),
            (-160, -62),
            (0, -52),
            (160, -62),
            (290, -96),
            (270, -30),
            (220, 26),
            (120, 44),
            (-120, 44),
            (-220, 26),
            (-268, -30),
        ],
        6,
    )
    c.fill(shell, light.colour(hull))
    c.shade(shell, 12 * light.side, -44, light.dark(hull))
    for y in (-34, -8):
        c.clipped([box(-320, y, 640, 4)], shell, light.dark(hull), 0.7)
    rim = path([(-294, -96), (-160, -66), (0, -56), (160, -66), (292, -100)], 8)
    c.stroke(rim, 17, light.colour("#f0dfba"))
    c.stroke(
        path([(-294, -90), (-160, -60), (0, -50), (160, -60), (292, -94)], 8),
        5,
        light.dark("#c9b384"),
    )
    for x in (-170, 0, 170):
        c.fill(ellipse(x, -18 - abs(x) * 0.03, 13, 13), light.colour("#f0dfba"))
        c.fill(ellipse(x, -18 - abs(x) * 0.03, 7, 7), light.dark(hull))


def small_boat(
    c: Canvas,
    light: Light,
    x: float,
    y: float,
    size: float,
    hull: str,
    lit: float = 0.0,
    roll: float = 0.0,
) -> None:
    """A moored or far boat."""
    c.push(x, y, size, turn=roll)
    c.stroke([(0, -10), (0, -150)], 5, light.colour("#6b4a36"))
    c.stroke([(0, -145), (-60, -22)], 1.6, light.dark("#6b4a36"))
    c.stroke([(0, -145), (62, -24)], 1.6, light.dark("#6b4a36"))
    c.stroke(path([(4, -60), (52, -42)], 2), 9, light.colour("#efe2c6"))
    cabin = soft_box(-40, -52, 44, 34, 6)
    c.fill(cabin, light.colour("#f2ead9"))
    c.shade(cabin, 10 * light.side, -4, light.dark("#f2ead9"))
    c.fill(
        soft_box(-32, -44, 14, 14, 3),
        (120, 205, 255) if light.lamps > 0.5 and lit else light.colour("#5f8fa6"),
    )
    shell = loop([(-72, -26), (0, -16), (74, -30), (58, 8), (-54, 8)], 5)
    c.fill(shell, light.colour(hull))
    c.shade(shell, 0, -14, light.dark(hull))
    c.stroke(path([(-73, -28), (0, -18), (75, -32)], 5), 5, light.colour("#f3ead6"))
    if lit > 0:
        c.glow(0, -140, 26, (150, 220, 255), 0.9 * lit)
        c.glow(0, -140, 90, (60, 130, 200), 0.5 * lit)
    c.pop()
