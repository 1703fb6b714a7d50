"""Shots at sea: the boat in the afternoon, the fog at dusk and its worse take."""

from __future__ import annotations

import math

import numpy as np

from sample import props, sky, sound
from sample.canvas import Canvas, Picture, bgr
from sample.curves import ellipse, key, path
from sample.film import Plate, Shot, Stage
from sample.light import LIGHTS, Light
from sample.pose import Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import move, speak

HORIZON = 640.0


def open_sea(c: Canvas, light: Light) -> None:
    """Sky, sun, the lighthouse far ahead, water."""
    sky.sky(
        c,
        light,
        HORIZON,
        sun=(150.0, 470.0, 48.0) if light.name == "afternoon" else (170.0, 590.0, 56.0),
    )
    for x, y, size, seed in (
        (160, 250, 1.3, 31),
        (600, 190, 1.0, 32),
        (430, 420, 0.8, 33),
        (-60, 400, 0.8, 34),
        (760, 480, 0.8, 35),
    ):
        sky.cloud(c, light, x, y, size, 0.85, seed)
    c.fill(
        path(
            [
                (-300, HORIZON + 2),
                (-200, HORIZON - 40),
                (-60, HORIZON - 66),
                (60, HORIZON - 34),
                (210, HORIZON + 2),
            ],
            6,
        ),
        light.far("#4f6f7a", 0.55),
    )
    sky.sea_base(c, light, HORIZON)
    sky.far_lighthouse(c, light, 600, HORIZON + 8, 1.0, 0.35)


def swell(c: Canvas, light: Light, t: float) -> None:
    """Waves behind the boat."""
    sky.glitter(c, light, t, 150 if light.name == "afternoon" else 170, HORIZON, 260, 60)
    sky.wave_band(c, light, t, 720, 4, 64, 0.9, 0.5, 800, -200, 920, 0.3)
    sky.wave_band(c, light, t, 800, 6, 84, 1.0, 0.68, 900, -200, 920, 0.32)
    sky.wave_band(c, light, t, 890, 9, 104, 1.1, 0.82, 1000, -200, 920, 0.34)


def near_swell(c: Canvas, light: Light, t: float) -> None:
    """Waves in front of the boat."""
    sky.wave_band(c, light, t, 1010, 11, 120, 1.25, 0.92, 1130, -200, 920, 0.36)
    sky.wave_band(c, light, t, 1120, 13, 150, 1.1, 1.0, 1600, -200, 920, 0.25)


def in_boat(s: Stage, x: float, mei: Pose, bo: Pose, light: Light | None = None) -> float:
    """The boat with both in it, riding the swell; says how it rolls."""
    t = s.t
    y = sky.wave_height(t, x, 968, 9, 120, 1.25) + 6
    roll = 0.035 * math.sin(t * 1.25 + x / 120) + 0.012 * math.sin(t * 2.3)
    c = s.c
    c.push(x, y, 1.0, turn=roll)
    props.rowing_boat_back(c, s.light)
    bo.seated = mei.seated = True
    s.person("bo", bo, light)
    s.person("mei", mei, light)
    props.rowing_boat_front(c, s.light)
    c.pop()
    foam = s.light.far("#ffffff", 0.25)
    for k in range(5):
        u = (t * 0.6 + k / 5) % 1.0
        c.fill(
            ellipse(x - 210 - 90 * u, y + 18 + 8 * u, 40 * (0.4 + u), 5 * (1 - u) + 1.5, n=16),
            foam,
            0.6 * (1 - u),
        )
        c.fill(
            ellipse(x + 240 - 60 * u, y + 16 + 14 * u, 34 * (0.3 + u), 5 * (1 - u) + 1.5, n=16),
            foam,
            0.5 * (1 - u),
        )
    return roll


def a6() -> Shot:
    """Out to sea with a song; a wall of fog waits."""
    lines = [
        Line("1.8", "3.8", "bo", "Heave and ho, away we go!"),
        Line("4.4", "5.6", "mei", "There it is!"),
        Line("7.3", "9.0", "bo", "And there is the fog."),
    ]

    def act(s: Stage) -> None:
        t = s.t
        props.far_gull(s.c, s.light, 620 - 30 * t, 300 + 6 * t, 1.2, t * 6)
        props.far_gull(s.c, s.light, 700 - 34 * t, 350 + 4 * t, 0.9, t * 6.4 + 2)
        x = key(t, (0, -60), (5.5, 330), (10, 372))
        row = math.sin(t * 3.0)
        bo = Pose(
            -130,
            84,
            1.0,
            turn=0.6,
            head=key(t, (5.8, 0.7), (6.6, 0.95)),
            lean=0.04 * row,
            smile=key(t, (5.8, 0.9), (6.8, -0.4)),
            brow=key(t, (6, 0.3), (6.8, -0.6)),
            gaze=(0.4, -0.1),
            wind=0.6,
        )
        bo.left, bo.right = (30 + 26 * row, -190), (70 + 24 * row, -200)
        point = key(t, (4.1, 0), (4.6, 1), (6.2, 1), (7.0, 0))
        mei = Pose(
            146,
            44,
            1.0,
            turn=0.7,
            head=key(t, (3.6, 0.3), (4.2, 0.9), (6.8, 0.9), (7.2, -0.5), (8.8, -0.5), (9.4, 0.8)),
            smile=key(t, (6.2, 0.9), (7.3, -0.2)),
            brow=key(t, (4.0, 0.2), (4.4, 0.9), (9.0, 0.8)),
            gaze=(0.5, -0.1),
            wind=0.9,
            tilt=0.03 * math.sin(t * 2),
        )
        mei.right = (60 + 40 * point, -132 - 92 * point)
        mei.left = (10, -110)
        in_boat(s, x, mei, bo)

    def fog_bank(c: Canvas, _light: Light, t: float) -> None:
        rise = key(t, (4.5, 0.0), (9.5, 1.0))
        for k in range(4):
            x = 700 - 46 * k - 150 * rise + 12 * math.sin(t * 0.6 + k)
            c.soft(
                ellipse(x, HORIZON - 20 + 22 * k, 150 + 30 * k, 42 + 6 * k),
                bgr("#f3e6d2"),
                26,
                0.62 * rise,
            )

    def sounds(track: Track) -> None:
        track.add(sound.water(10, 61, 0.9), 0, 0.15)
        track.add(sound.wind(10, 62), 0, 0.07)
        for k in range(5):
            track.add(sound.creak(70 + k, 0.8), 0.9 + 2.09 * k * 0.98, 0.07, -0.3)
            track.add(sound.splash(80 + k, 0.6), 0.5 + 2.05 * k, 0.07, -0.2)
        track.add(sound.gull_cry(6, 2), 0.5, 0.05, 0.5)
        speak(track, lines, {"bo": -0.25, "mei": 0.3}, 0.45)

    return Shot(
        "a6",
        LIGHTS["afternoon"],
        move((360, 640, 1.0), (380, 676, 1.1), 8.6, 5.8),
        [Plate(open_sea, 0.5, solid=True), swell, fog_bank],
        act,
        [near_swell],
        sounds,
        lines=lines,
        lufs=-19,
        crf=31.5,
    )


class Worse:
    """What is wrong with the second take: it is dark, and stands still for eighteen frames."""

    def __init__(self) -> None:
        self.stuck: Picture | None = None

    def __call__(self, k: int, frame: Picture) -> Picture:
        """The frame as this take has it."""
        if self.stuck is not None and 126 < k < 144:
            return self.stuck
        dark: Picture = (frame * 0.62).astype(np.uint8)
        self.stuck = dark if k == 126 else self.stuck
        return dark


def a7(*, second: bool = False) -> Shot:
    """Lost in the fog; then a bell. The second take is darker and sticks for a moment."""
    lines = [
        Line("0.8", "2.4", "mei", "I can't see the shore."),
        Line("4.2", "6.3", "bo", "Then stop looking. Listen."),
        Line("8.0", "9.3", "mei", "A bell! Over there!"),
    ]

    def act(s: Stage) -> None:
        t = s.t
        found = key(t, (7.3, 0), (7.9, 1))
        bo = Pose(
            -118,
            84,
            1.0,
            turn=0.6,
            head=key(t, (2.6, 0.4), (3.2, -0.3), (4.1, 0.7), (7.2, 0.7), (7.8, 0.95)),
            smile=key(t, (3, -0.4), (5, 0.2), (8, 0.8)),
            brow=key(t, (2, -0.3), (4.2, 0.6), (8, 0.9)),
            gaze=(0.4, 0.2),
            blink=key(t, (6.4, 0), (6.6, 1), (7.2, 1), (7.4, 0)),
            wind=0.2,
        )
        hush = key(t, (4.0, 0), (4.6, 1), (6.8, 1), (7.4, 0))
        bo.right = (90 - 30 * hush, -200 - 60 * hush)
        bo.left = (20, -190)
        mei = Pose(
            138,
            44,
            1.0,
            turn=key(t, (0, 0.4), (1.4, -0.2), (2.8, 0.7), (4.2, -0.6), (6.6, -0.4), (7.6, 0.9)),
            smile=key(t, (6.8, -0.4), (7.8, 1)),
            brow=key(t, (0, 0.9), (6.8, 0.7), (7.5, 1.2)),
            gaze=(0.2, -0.1),
            blink=key(t, (6.5, 0), (6.7, 1), (7.2, 1), (7.35, 0)),
            wind=0.3,
        )
        mei.right = (64 + 38 * found, -124 - 96 * found)
        mei.left = (-4, -104)
        mei.left_holds = props.lantern(0.0, 0.1 * math.sin(t * 2.3), 0.8)
        in_boat(s, 350, mei, bo)

    def fog(c: Canvas, _light: Light, t: float) -> None:
        ink = bgr("#c79aa6")
        for k in range(3):
            x = (k * 330 + t * (16 + 5 * k)) % 1100 - 190
            c.soft(ellipse(x, 610 + 96 * k, 330, 54), ink, 44, 0.5)
        c.soft(ellipse(600, 540, 150, 170), ink, 50, 0.72)
        c.soft(ellipse(420 + 20 * math.sin(t * 0.4), 530, 520, 150), ink, 60, 0.78)

    def thin_fog(c: Canvas, _light: Light, t: float) -> None:
        for k in range(2):
            c.soft(
                ellipse(900 - ((k * 520 + t * (34 + 9 * k)) % 1160), 1000 + 70 * k, 280, 34),
                bgr("#c79aa6"),
                34,
                0.42,
            )

    def sounds(track: Track) -> None:
        track.add(sound.water(10, 71, 0.3), 0, 0.1)
        track.add(sound.foghorn(), 2.3, 0.2, 0.5)
        track.add(sound.creak(72, 1.1), 3.6, 0.08, -0.3)
        for at in (6.5, 7.2, 7.9, 9.2):
            track.add(sound.bell(), at, 0.14, 0.6)
        speak(track, lines, {"bo": -0.25, "mei": 0.25}, 0.42)

    shot = Shot(
        "a7",
        LIGHTS["dusk"],
        move((352, 742, 1.34), (366, 742, 1.44), 8.6, 6.6),
        [Plate(open_sea, 0.5, 3.0, solid=True), swell, fog],
        act,
        [near_swell, thin_fog],
        sounds,
        lines=lines,
        lufs=-24,
        crf=31.5,
    )
    if second:
        shot.worse, shot.crf = Worse(), 33
    return shot
