"""Sky and sea: gradients, sun, clouds, stars, hills, the far lighthouse and the moving water."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sample.canvas import Canvas, bgr, blend_colours
from sample.curves import Points, array, box, ellipse, loop, path
from sample.light import Light


def sky(
    c: Canvas,
    light: Light,
    horizon: float,
    top: float = -700,
    sun: tuple[float, float, float] | None = None,
) -> None:
    """The still sky down to the horizon; sun is (x, y, radius)."""
    a = [bgr(x) for x in light.sky]
    c.gradient(top, horizon + 2, [(0, a[0]), (0.5, a[1]), (0.82, a[2]), (1, a[3])])
    if light.name == "night":
        stars(c)
    if sun is not None:
        x, y, r = sun
        core = bgr(light.sun)
        c.glow(x, y, r * 6, core, 0.26 if light.name != "night" else 0.12)
        c.glow(x, y, r * 2.4, core, 0.35 if light.name != "night" else 0.2)
        c.fill(ellipse(x, y, r, n=60), core)
        if light.name == "night":  # the moon has seas
            for dx, dy, q in ((-0.3, -0.2, 0.24), (0.25, 0.2, 0.3), (0.2, -0.42, 0.14)):
                c.fill(
                    ellipse(x + dx * r, y + dy * r, q * r),
                    blend_colours(core, bgr("#b9bfae"), 0.5),
                    0.6,
                )


def stars(c: Canvas, seed: int = 7, count: int = 130) -> None:
    """Still stars, a few of them large."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        x, y = float(rng.uniform(-300, 1020)), float(rng.uniform(-600, 560))
        size = float(rng.choice([1.0, 1.3, 1.8, 2.6], p=[0.5, 0.3, 0.15, 0.05]))
        c.fill(ellipse(x, y, size, n=10), (255, 244, 232), float(rng.uniform(0.4, 0.95)))


def cloud(
    c: Canvas, light: Light, x: float, y: float, size: float, alpha: float = 0.85, seed: int = 1
) -> None:
    """A flat-bottomed cloud with a lit top."""
    rng = np.random.default_rng(seed)
    n = 5
    bumps = [(x - 100 * size, y)]
    for k in range(n):
        u = (k + 0.5) / n
        high = math.sin(math.pi * u) * 46 + float(rng.uniform(4, 18))
        bumps.append((x + (u * 200 - 100) * size, y - high * size))
    bumps += [(x + 104 * size, y), (x + 40 * size, y + 7 * size), (x - 40 * size, y + 6 * size)]
    shape = loop(bumps)
    c.fill(shape, bgr(light.cloud), alpha)
    c.shade(shape, 10 * light.side * size, -20 * size, bgr(light.sky[1]), 0.4 * alpha)


def hills(c: Canvas, light: Light, horizon: float) -> None:
    """Two rows of land across the bay."""
    back = [
        (-420, 0),
        (-300, -40),
        (-160, -96),
        (-20, -60),
        (120, -112),
        (260, -48),
        (400, -14),
        (520, 0),
    ]
    c.fill(_ground(back, horizon), light.far("#5d7f86", 0.72))
    front = [(-420, 0), (-320, -60), (-210, -44), (-110, -58), (30, -22), (150, -10), (240, 0)]
    c.fill(_ground(front, horizon), light.far("#4e7a66", 0.5))


def _ground(points: Sequence[tuple[float, float]], y: float) -> Points:
    line = path([(px, y + py) for px, py in points], 6)
    return np.concatenate([line, array([(points[-1][0], y + 3), (points[0][0], y + 3)])])


def far_lighthouse(
    c: Canvas, light: Light, x: float, y: float, size: float, haze: float = 0.35
) -> None:
    """The lighthouse across the water, on its rock."""
    c.push(x, y, size)
    rock = loop([(-90, 4), (-74, -16), (-36, -30), (10, -36), (50, -24), (92, 4)])
    c.fill(rock, light.far("#55505e", haze))
    tower = array([(-17, -28), (-11, -190), (11, -190), (17, -28)])
    c.fill(tower, light.far("#f4ece0", haze))
    for u in (0.12, 0.42, 0.72):
        w0, w1 = 17 - 6 * u, 17 - 6 * (u + 0.15)
        c.fill(
            [
                (-w0, -28 - 162 * u),
                (w0, -28 - 162 * u),
                (w1, -28 - 162 * (u + 0.15)),
                (-w1, -28 - 162 * (u + 0.15)),
            ],
            light.far("#c93f35", haze),
        )
    c.shade(tower, 9 * light.side, 0, light.far("#6a6480", haze), 0.5)
    c.fill(box(-19, -198, 38, 9), light.far("#3a3a4a", haze))
    c.fill(box(-9, -222, 18, 24), light.far("#7fa0ac", haze))
    c.fill([(-14, -221), (14, -221), (0, -244)], light.far("#c93f35", haze))
    c.pop()


def sea_base(c: Canvas, light: Light, horizon: float, bottom: float = 1500) -> None:
    """The still body of the water."""
    c.gradient(
        horizon,
        bottom,
        [
            (0, bgr(light.sea[0])),
            (0.16, blend_colours(bgr(light.sea[0]), bgr(light.sea[1]), 0.5)),
            (0.6, bgr(light.sea[1])),
            (1, blend_colours(bgr(light.sea[1]), (20, 10, 10), 0.25)),
        ],
    )


def glitter(
    c: Canvas,
    light: Light,
    t: float,
    x: float,
    horizon: float,
    depth: float = 240,
    width: float = 60,
    seed: int = 3,
    level: float = 0.8,
) -> None:
    """The path of light below sun or moon: dashes that come and go."""
    rng = np.random.default_rng(seed)
    for k in range(22):
        u = (k + 0.5) / 22
        phase, speed = float(rng.uniform(0, 6.28)), float(rng.uniform(1.2, 2.4))
        offset, long = float(rng.normal(0, 0.5)), float(rng.uniform(0.5, 1.1))
        on = 0.5 + 0.5 * math.sin(phase + t * speed)
        if on > 0.15:
            w = (12 + width * u) * long * (0.4 + 0.6 * on)
            cx, cy = x + offset * width * (0.3 + u), horizon + 5 + depth * u**1.3
            c.fill(
                ellipse(cx, cy, w, 1.2 + 3.2 * u, n=16),
                bgr(light.sun),
                level * (0.35 + 0.65 * on) * (1 - 0.5 * u),
            )


def wave_band(
    c: Canvas,
    light: Light,
    t: float,
    y: float,
    high: float,
    long: float,
    speed: float,
    deep: float,
    bottom: float,
    x0: float = -60,
    x1: float = 780,
    crest: float = 0.5,
) -> None:
    """One row of waves from y down to bottom, with a lit crest line."""
    xs = np.linspace(x0, x1, 49)
    ys = y + high * (
        np.sin(xs / long + t * speed) + 0.35 * np.sin(xs / long * 2.3 - t * speed * 1.3 + y)
    )
    colour = blend_colours(bgr(light.sea[0]), bgr(light.sea[1]), deep)
    line = np.stack([xs, ys], axis=1)
    c.fill(np.concatenate([line, array([(x1, bottom), (x0, bottom)])]), colour)
    if crest > 0:
        foam = blend_colours(colour, bgr(light.sky[3]), crest)
        thick = 1 + 2.2 * np.clip(np.sin(xs / long + t * speed + 2.2), 0, 1)
        c.stroke(line, (thick * (0.6 + deep * 0.8)).tolist(), foam)


def wave_height(t: float, x: float, y: float, high: float, long: float, speed: float) -> float:
    """The height of such a row at x, so that boats ride it."""
    return y + high * (
        math.sin(x / long + t * speed) + 0.35 * math.sin(x / long * 2.3 - t * speed * 1.3 + y)
    )
