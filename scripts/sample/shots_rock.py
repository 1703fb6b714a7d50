"""Shots at the lighthouse: the landing at dusk, and the light at night."""

from __future__ import annotations

import math

from sample import props, sound, tower
from sample.canvas import Canvas
from sample.curves import ellipse, key
from sample.film import Live, Plate, Shot, Stage
from sample.light import LIGHTS, Light
from sample.pose import Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import NIGHT, Walk, move, speak


def a8() -> Shot:
    """The landing: Ines rings, Mei comes up the rock."""
    lines = [
        Line("3.4", "4.8", "ines", "Mei! In this fog?"),
        Line("5.3", "7.2", "mei", "You didn't say goodnight."),
        Line("8.0", "9.4", "ines", "Oh. Come up, come up."),
    ]
    walk = Walk((1.2, 60), (4.2, 262), scale=0.72, stride=30)

    def act(s: Stage) -> None:
        t = s.t
        ring = key(t, (0, 1), (2.6, 1), (3.1, 0))
        swing = math.sin(t * 9.0) * ring
        ines = Pose(
            452,
            1040,
            0.72,
            turn=-0.6,
            smile=key(t, (2.6, 0.1), (3.3, 0.8), (5.4, 0.4), (7.4, 0.9)),
            brow=key(t, (2.4, 0.1), (3.0, 1), (5.4, 0.6), (7.6, 0.9)),
            gaze=(-0.5, 0.3),
            wind=1.0,
            tilt=key(t, (7.0, 0), (7.5, -0.1)),
        )
        ines.left = (-70 + 12 * swing, -214 - 60 * ring + 40 * (1 - ring))
        if t > 7.4:
            call = key(t, (7.4, 0), (7.9, 1))
            ines.left = (-60 - 12 * call + 14 * math.sin(t * 7) * call, -180 - 50 * call)

        def hand_bell(c: Canvas, light: Light) -> None:
            c.push(0, 0, 1.1, turn=0.5 * swing)
            c.stroke([(0, -6), (0, 12)], 7, light.dark("#6b4a36"))
            c.fill([(-7, 10), (7, 10), (17, 36), (-17, 36)], light.colour("#e0b04a"))
            c.fill(ellipse(0, 37, 17, 4), light.dark("#b8842f"))
            c.fill(ellipse(5 * swing, 41, 4.5), light.dark("#8a5f28"))
            c.pop()

        if t < 7.4:
            ines.left_holds = hand_bell
        props.small_boat(
            s.c,
            s.light,
            key(t, (0, -130), (1.4, 14)),
            1096 + 4 * math.sin(t * 1.4),
            1.5,
            "#b5412f",
            0.0,
            0.03 * math.sin(t * 1.1),
        )
        s.person("ines", ines)
        if t > 0.9:
            mei = Pose(
                0,
                1052 - key(t, (1.2, -22), (2.4, 0)),
                turn=0.7,
                smile=key(t, (4, 0.3), (5.4, -0.4), (7.2, -0.2), (8.6, 0.9)),
                brow=key(t, (4.6, 0.6), (5.4, 1), (8.6, 0.4)),
                gaze=(0.5, -0.6),
                wind=0.9,
                tilt=-0.04,
            )
            mei.right_holds = props.lantern(0.0, 0.15 * math.sin(t * 4), 0.9)
            mei.shadow = t > 1.6
            s.person("mei", walk.apply(mei, t))
        if t > 8.2:
            props.gull(
                s.c,
                s.light,
                key(t, (8.2, 800), (9.3, 648)),
                key(t, (8.2, 600), (9.3, 806)),
                0.8,
                -1,
                flap=None if t > 9.35 else t * 17,
            )

    def sounds(track: Track) -> None:
        track.add(sound.water(10.4, 81, 0.9), 0, 0.15)
        track.add(sound.wind(10.4, 82), 0, 0.12)
        for k in range(4):
            track.add(sound.bell(), 0.1 + 0.7 * k, 0.16, 0.1)
        track.add(sound.step(5), 1.5, 0.2, -0.5)
        for k, at in enumerate(walk.steps()):
            track.add(sound.step(50 + k % 4, wood=False), at, 0.12, -0.3)
        speak(track, lines, {"ines": 0.2, "mei": -0.3}, 0.45)

    camera = move((360, 560, 1.0), (352, 842, 1.5), 4.4, 0.4)
    under: list[Plate | Live] = [Plate(tower.back, 0.55, solid=True), tower.live, Plate(tower.mid)]
    return Shot(
        "a8",
        LIGHTS["dusk"],
        camera,
        under,
        act,
        [tower.shore],
        sounds,
        lines=lines,
        lufs=-22,
        seconds=10.4,
        crf=31.5,
    )


def _far_boats(c: Canvas, light: Light, t: float) -> None:
    for k, (x, y, size) in enumerate(((40, 848, 0.42), (700, 866, 0.5), (180, 930, 0.62))):
        drift = (1 if k != 1 else -1) * 9 * t
        props.small_boat(
            c,
            light,
            x + drift,
            y + 3 * math.sin(t * 1.3 + k),
            size,
            ("#2f7f86", "#c5503f", "#d9a032")[k],
            1.0,
            0.04 * math.sin(t * 1.2 + k),
        )


def a11() -> Shot:
    """The beam sweeps; boats turn for home."""
    lines = [
        Line("5.4", "6.9", "bo", "There she is!"),
        Line("7.4", "9.2", "bo", "Goodnight, Ines!"),
    ]

    def force(t: float) -> float:
        return key(t, (0.4, 0), (0.6, 0.6), (0.8, 0.3), (1.8, 1))

    def act(s: Stage) -> None:
        t = s.t
        for who, x, face in (("ines", 470, -0.3), ("mei", 392, 0.4)):
            pose = Pose(x, 284, 0.26, turn=face, smile=1.0, wind=0.8, shadow=False)
            if t > 2.2:
                pose.right = (70 + 14 * math.sin(t * 8 + x), -300 if who == "ines" else -250)
            s.person(who, pose, s.light.warmed(0.8 * force(t)))
        up = key(t, (4.9, 0), (5.4, 1))
        bo = Pose(
            key(t, (0, 236), (10, 236)),
            1062,
            0.74,
            turn=key(t, (4.8, -0.5), (5.4, 0.5)),
            head=key(t, (4.6, -0.6), (5.2, 0.75)),
            smile=1.0,
            brow=0.8,
            gaze=(0.4, -0.9),
            tilt=-0.1 * up,
            wind=0.5,
        )
        bo.right = (90 + 16 * math.sin(t * 7) * up, -200 - 190 * up)
        bo.left_holds = props.lantern(1.0, 0.05 * math.sin(t * 2), 1.0, 0.7)
        s.person("bo", bo, s.light.warmed(0.45))

    def light_up(c: Canvas, light: Light, t: float) -> None:
        tower.beam(c, t * 1.0 + 2.4, *tower.LAMP, force(t), 0.62)
        if t > 3:
            props.far_gull(
                c, light.warmed(0.8), 700 - 70 * (t - 3), 150 + 20 * math.sin(t), 1.6, t * 7
            )

    def sounds(track: Track) -> None:
        track.add(sound.water(10, 111, 0.7), 0, 0.13)
        track.add(sound.chime([392, 523.3, 659.3], 0.22), 0.5, 0.12)
        track.add(sound.foghorn(2.0), 2.4, 0.1, -0.6)
        track.add(sound.bell(700, 2.0), 4.0, 0.07, 0.6)
        track.add(sound.bell(560, 2.0), 4.6, 0.06, -0.5)
        speak(track, lines, {"bo": -0.3}, 0.45)

    under: list[Plate | Live] = [
        Plate(tower.back, 0.8, solid=True),
        tower.live,
        _far_boats,
        Plate(tower.mid),
    ]
    return Shot(
        "a11",
        NIGHT,
        move((372, 520, 1.16), (352, 646, 1.0), 6.5, 1.0),
        under,
        act,
        [tower.shore, light_up],
        sounds,
        lines=lines,
        lufs=-18,
        crf=31,
    )
