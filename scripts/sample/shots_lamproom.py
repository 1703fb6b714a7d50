"""Shots in the lamp room: the cold lamp, and the flame."""

from __future__ import annotations

import math

from sample import props, sound, tower
from sample.curves import key
from sample.film import Plate, Shot, Stage
from sample.pose import Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import NIGHT, Walk, feet, move, speak


def a9() -> Shot:
    """The lamp is dry; Mei has oil, and good knees."""
    lines = [
        Line("1.0", "3.2", "ines", "The lamp ran dry. My knees said no."),
        Line("4.0", "6.2", "mei", "I have oil. And very good knees."),
        Line("7.3", "8.9", "ines", "Then let us wake her up."),
    ]
    walk = Walk((0.0, -10), (2.0, 176), scale=1.25)

    def act(s: Stage) -> None:
        t = s.t
        moon = s.light.warmed(0.34)
        tower.lens(s.c, s.light.warmed(0.12), 0.4, 0.0)
        tower.candle(s.c, s.light, t, 668, 846)
        tower.candle(s.c, s.light, t + 3, 60, 846)
        ines = Pose(
            556,
            tower.FLOOR,
            1.25,
            turn=-0.65,
            head=key(t, (0, -0.7), (3.2, -0.7), (6.4, -0.5), (7.0, -0.1), (7.3, -0.6)),
            smile=key(t, (1, -0.2), (3.4, -0.1), (6, 0.5), (7, 1.0)),
            brow=key(t, (0, 0.8), (5.8, 0.6), (6.6, 1.0), (8, 0.4)),
            gaze=(-0.3, 0.4),
            tilt=key(t, (1, 0), (2, 0.06), (3.4, 0), (6.4, 0), (7, -0.08)),
        )
        sigh = key(t, (1.6, 0), (2.2, 1), (3.2, 1), (3.8, 0))
        heart = key(t, (6.3, 0), (6.9, 1), (9.4, 1))
        ines.left = (-54 + 40 * heart - 20 * sigh, -146 - 66 * heart - 10 * sigh)
        s.person("ines", ines, moon)
        show = key(t, (3.6, 0), (4.2, 1), (6.2, 1), (7.0, 0.4))
        hop = -14 * abs(math.sin((t - 5.2) * 8)) if 5.2 < t < 5.98 else 0.0
        mei = Pose(
            0,
            tower.FLOOR + 8,
            turn=0.7,
            smile=key(t, (3, 0), (4, 0.7), (9, 0.9)),
            brow=key(t, (1, 0.9), (4, 0.5)),
            gaze=(0.5, -0.5),
            tilt=-0.04,
            lift=hop,
        )
        mei.right, mei.right_holds = (54 + 30 * show, -118 - 76 * show), props.oil_can(0.9)
        mei.left_holds = props.lantern(0.0, 0.08 * math.sin(t * 3), 0.95)
        s.person("mei", walk.apply(mei, t), moon)

    def sounds(track: Track) -> None:
        track.add(sound.wind(10, 91), 0, 0.09)
        track.add(sound.water(10, 92, 0.2), 0, 0.03)
        feet(track, walk, 0.22)
        track.add(sound.creak(93, 0.8), 0.4, 0.06, 0.4)
        for k in range(2):
            track.add(sound.step(9 + k), 5.58 + 0.39 * k, 0.2, -0.3)
        speak(track, lines, {"ines": 0.3, "mei": -0.3}, 0.42)

    return Shot(
        "a9",
        NIGHT,
        move((362, 716, 1.08), (364, 742, 1.2), 6.6, 3.4),
        [Plate(tower.room, 0.9, 1.0, solid=True)],
        act,
        sound=sounds,
        lines=lines,
        lufs=-23,
    )


def a10() -> Shot:
    """Close: say it first. The flame catches and the dark goes."""
    lines = [
        Line("0.8", "2.0", "mei", "Shall I light it?"),
        Line("2.6", "3.7", "ines", "Say it first."),
        Line("4.5", "6.0", "mei", "Goodnight, everyone."),
    ]

    def lit_at(t: float) -> float:
        return key(t, (6.2, 0), (6.45, 0.5), (6.6, 0.35), (7.6, 1))

    def act(s: Stage) -> None:
        t, c = s.t, s.c
        lit = lit_at(t)
        light = s.light.warmed(0.1 + 0.85 * lit)
        if lit > 0.01:
            c.glow(386, 840, 620, (40, 85, 130), 0.5 * lit)
        ines = Pose(
            484,
            tower.FLOOR - 14,
            1.25,
            turn=-0.6,
            head=key(t, (0, -0.7), (6.5, -0.6), (7.6, -0.3), (8.6, -0.8)),
            smile=key(t, (1, 0.3), (3, 0.7), (7, 0.6), (7.8, 1)),
            brow=key(t, (2.4, 0.2), (3, 0.6), (6.6, 1)),
            gaze=(-0.6, key(t, (6, 0.5), (7.8, 0.1))),
            tilt=-0.05,
        )
        ines.left = (-40, -170)
        s.person("ines", ines, light)
        mei = Pose(
            288,
            tower.FLOOR - 8,
            1.4,
            turn=0.5,
            head=key(
                t, (0, 0.7), (4.0, 0.6), (4.4, 0.1), (6.0, 0.1), (6.4, 0.4), (8.2, 0.4), (8.8, 0.9)
            ),
            nod=key(t, (5.9, 0), (6.2, 0.08), (7.4, 0)),
            smile=key(t, (0, 0.3), (6.2, 0.5), (7.4, 1.1)),
            brow=key(t, (0.8, 0.6), (4.3, 0.2), (6.4, 1.1), (8, 0.7)),
            gaze=(0.3, key(t, (0, -0.2), (4, 0.2), (6.1, 0.6), (7.6, 0))),
            blink=key(t, (4.2, 0), (4.35, 1), (5.6, 1), (5.9, 0)),
        )
        mei.right, mei.right_holds = (
            (70, -196),
            props.lantern(
                lit * (1 + 0.04 * math.sin(t * 17) + 0.03 * math.sin(t * 29)),
                0.03 * math.sin(t * 2),
                1.1,
            ),
        )
        mei.left = (26, -160)
        s.person("mei", mei, light)

    def sounds(track: Track) -> None:
        track.add(sound.wind(10, 101), 0, 0.07)
        track.add(sound.ignite(), 6.1, 0.4, -0.1)
        track.add(sound.chime([523.3, 659.3, 784.0, 1046.5], 0.2), 6.7, 0.14)
        speak(track, lines, {"ines": 0.3, "mei": -0.15}, 0.4)

    return Shot(
        "a10",
        NIGHT,
        move((384, 760, 1.98), (384, 750, 2.26), 8.4, 5.9),
        [Plate(tower.room, 0.9, 4.0, solid=True)],
        act,
        sound=sounds,
        lines=lines,
        lufs=-26,
        crf=31,
        level_end=0.77,
    )
