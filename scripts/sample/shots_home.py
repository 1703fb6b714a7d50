"""Shots back on the pier at night: the two endings."""

from __future__ import annotations

import math

from sample import pier, props, sound, tower
from sample.canvas import Canvas
from sample.curves import key
from sample.film import Live, Plate, Shot, Stage
from sample.light import Light
from sample.pose import Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import DECK, NIGHT, PIER, harbour, move, speak, still


def _sweep(c: Canvas, _light: Light, t: float, level: float = 1.0) -> None:
    """The far light across the bay, seen from the pier."""
    x, y = 610, pier.HORIZON + 6 - 0.9 * 210
    tower.beam(c, t, x, y, 0.55 * level, 0.7, 640)


def _night_pier(c: Canvas, light: Light, t: float) -> None:
    pier.live(c, light, t)


def a12() -> Shot:
    """Home: soup was promised, and a cap goes missing."""
    lines = [
        Line("0.9", "2.4", "bo", "Now. Where is my soup?"),
        Line("3.0", "4.5", "ines", "Where is my gull?"),
        Line("7.2", "8.8", "mei", "Your cap, Bo! Your cap!"),
    ]

    def act(s: Stage) -> None:
        t = s.t
        warm = s.light.warmed(0.62)
        steal = t > 5.9
        gx = key(t, (4.8, 830), (5.9, 566), (6.1, 560), (9.0, 60), (9.8, -80))
        gy = key(t, (4.8, 360), (5.9, 568), (6.1, 560), (9.0, 380), (9.8, 300))
        look_up = key(t, (5.8, 0), (6.3, 1))
        bo = Pose(
            560,
            DECK,
            1.12,
            turn=-0.55,
            head=key(t, (0, -0.6), (5.9, -0.5), (6.4, 0.1), (7.4, -0.7)),
            smile=key(t, (2, 0.8), (6, 0.5), (6.4, -0.5), (8.6, -0.4), (9.3, 0.9)),
            brow=key(t, (1, 0.4), (6, 1.2), (8.4, -0.5), (9.3, 0.8)),
            gaze=(-0.3, -0.8 * look_up),
            mouth=key(t, (6.1, 0), (6.3, 0.8), (6.9, 0.5), (7.1, 0)),
        )
        if steal:
            bo.extra = {"bare": 1.0}
            feel = key(t, (6.6, 0), (7.1, 1), (8.6, 1), (9.2, 0))
            bo.left = (-110 + 80 * feel, -160 - 250 * feel)
        bo.right_holds = props.lantern(1.0, 0.05 * math.sin(t * 2), 1.0, 0.75)
        ines = Pose(
            352,
            DECK - 4,
            1.12,
            turn=key(t, (0, 0.5), (4.6, 0.4), (6.2, 0.5), (8.2, -0.5)),
            smile=key(t, (0, 0.6), (6, 0.7), (6.6, 1.1)),
            brow=key(t, (2.8, 0.2), (3.2, 0.8), (6, 1)),
            gaze=(0.2, -0.5 * look_up),
            wind=0.4,
            mouth=key(t, (6.4, 0), (6.6, 0.5), (6.9, 0.2), (7.1, 0.5), (7.4, 0.1), (7.6, 0)),
        )
        mei = Pose(
            166,
            DECK + 6,
            1.12,
            turn=key(t, (0, 0.6), (8.4, 0.5), (9.2, -0.3)),
            smile=1.0,
            brow=key(t, (5.8, 0.3), (6.2, 1.1)),
            gaze=(0.4, -0.3 - 0.4 * look_up),
            wind=0.4,
        )
        point = key(t, (6.6, 0), (7.1, 1), (8.6, 1), (9.2, 0))
        mei.right = (50 + 40 * point, -118 - 130 * point)
        s.person("bo", bo, warm)
        s.person("ines", ines, warm)
        s.person("mei", mei, warm)
        if t > 4.8:
            props.gull(s.c, warm, gx, gy, 1.25, -1, flap=t * 17, holds="cap" if steal else "")

    def sounds(track: Track) -> None:
        harbour(track, 10, 121, 0.08)
        track.add(sound.flutter(4.4, 5.4), 4.8, 0.35, 0.1)
        track.add(sound.gull_cry(13, 4), 6.3, 0.2, -0.2)
        track.add(sound.chime([784.0, 659.3, 523.3, 659.3, 1046.5], 0.15), 8.2, 0.07)
        speak(track, lines, {"bo": 0.35, "ines": 0.0, "mei": -0.35}, 0.45)

    return Shot(
        "a12",
        NIGHT,
        still(360, 716, 1.1),
        [PIER[0], _night_pier, lambda c, li, t: _sweep(c, li, t + 1.0), PIER[2], PIER[3]],
        act,
        sound=sounds,
        lines=lines,
        lufs=-17,
        crf=31,
    )


def b12() -> Shot:
    """Another ending: two on the pier, and a light that answers."""
    lines = [
        Line("1.2", "2.9", "mei", "Goodnight, Grandma."),
        Line("6.2", "7.4", "mei", "Are you crying?"),
        Line("7.9", "9.2", "bo", "It is the wind."),
    ]

    def act(s: Stage) -> None:
        t = s.t
        warm = s.light.warmed(0.5)
        bo = Pose(
            250,
            DECK,
            1.2,
            turn=0.55,
            head=key(t, (0, 0.8), (7.4, 0.8), (7.9, 0.3)),
            smile=key(t, (0, 0.3), (4.5, 0.8)),
            brow=key(t, (3, 0.4), (4.6, 1.1), (7.4, 0.8), (8, -0.4)),
            gaze=(0.6, -0.2),
            wind=0.3,
        )
        wipe = key(t, (5.2, 0), (5.7, 1), (6.6, 1), (7.2, 0))
        if wipe > 0.02:
            bo.left = (-96 + 62 * wipe, -150 - 222 * wipe + 4 * math.sin(t * 12) * wipe)
        if 4.6 < t < 5.9:
            u = (t - 4.6) / 1.3
            bo.extra = {"tear": u}
        mei = Pose(
            446,
            DECK + 8,
            1.2,
            turn=key(t, (0, 0.6), (5.6, 0.6), (6.2, -0.5), (9.2, -0.5)),
            head=key(t, (0, 0.7), (5.5, 0.8), (6.1, -0.75), (9.2, -0.7), (9.7, 0.3)),
            smile=key(t, (0, 0.5), (4.4, 1)),
            brow=key(t, (0, 0.3), (4.3, 1), (6, 0.7)),
            gaze=(0.2, -0.4),
            tilt=key(t, (6, 0), (6.4, 0.08)),
            wind=0.4,
        )
        up = key(t, (1.0, 0), (1.5, 1), (4.6, 1), (5.3, 0))
        mei.right = (78 + 6 * up, -116 - 120 * up)
        mei.right_holds = props.lantern(1.0, 0.06 * math.sin(t * 2.4), 0.95, 0.8)
        s.person("bo", bo, warm)
        s.person("mei", mei, warm)

    def answer(t: float) -> float:
        return key(
            t,
            (3.2, 1),
            (3.35, 0.05),
            (3.7, 0.05),
            (3.8, 1),
            (4.1, 1),
            (4.2, 0.05),
            (4.55, 0.05),
            (4.65, 1),
        )

    def sounds(track: Track) -> None:
        harbour(track, 10, 131, 0.1)
        track.add(sound.chime([659.3], 0.2), 3.75, 0.09, 0.5)
        track.add(sound.chime([784.0], 0.2), 4.6, 0.09, 0.5)
        track.add(sound.creak(133, 0.9), 8.9, 0.05)
        speak(track, lines, {"bo": -0.3, "mei": 0.2}, 0.4)

    under: list[Plate | Live] = [
        PIER[0],
        _night_pier,
        lambda c, li, t: _sweep(c, li, t * 0.35 + 2.2, answer(t)),
        PIER[2],
        PIER[3],
    ]
    return Shot(
        "b12",
        NIGHT,
        move((360, 690, 1.04), (388, 700, 1.14), 6.4, 3.4),
        under,
        act,
        [Plate(pier.front)],
        sounds,
        lines=lines,
        lufs=-28,
        fps=25,
        crf=31,
    )
