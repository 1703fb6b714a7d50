"""Shots on the pier at dawn and in the morning, and the meeting told again by another author."""

from __future__ import annotations

import math
from dataclasses import replace

from sample import pier, props, sound
from sample.curves import ellipse, key, path
from sample.film import Plate, Shot, Stage
from sample.light import LIGHTS
from sample.pose import LOOKS, Look, Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import DECK, PIER, PIER_NEAR, Walk, feet, harbour, move, speak


def a1() -> Shot:
    """Mei comes out on to the pier; the lighthouse is dark."""
    lines = [
        Line("4.5", "6.0", "mei", "Morning, Captain Feathers."),
        Line("6.8", "8.5", "mei", "Why is Grandma's light out?"),
    ]
    walk = Walk((0.2, -70), (4.2, 300), scale=1.2)

    def act(s: Stage) -> None:
        t = s.t
        props.far_gull(s.c, s.light, 90 + 46 * t, 330 - 8 * t, 1.1, t * 6)
        props.far_gull(s.c, s.light, 10 + 40 * t, 380 - 5 * t, 0.8, t * 6.6 + 1)
        squawk = key(t, (8.7, 0), (8.8, 1), (9.25, 1), (9.4, 0))
        props.gull(
            s.c,
            s.light,
            570,
            862,
            1.1,
            -1 if t < 6.6 or t > 8.4 else 1,
            beak=squawk,
            nod=key(t, (4.6, 0), (4.9, 1), (5.3, 0), (8.6, 0), (8.8, -0.7), (9.5, 0)),
            blink=float(5.6 < t < 5.75),
        )
        pose = Pose(
            0,
            DECK,
            turn=0.75,
            head=key(t, (4.3, 0.75), (6.2, 0.8), (6.6, 0.95), (8.7, 0.95), (9.1, 0.2)),
            tilt=key(t, (4.4, 0), (4.8, 0.08), (6.0, 0)),
            wind=0.5,
            smile=key(t, (6.0, 0.7), (6.6, -0.3), (9.0, -0.2)),
            brow=key(t, (6.1, 0.1), (6.6, 0.9), (9, 0.5)),
            gaze=(0.5, key(t, (6.0, 0), (6.5, -0.6))),
        )
        if t > 4.4:
            wave = key(t, (4.4, 0), (4.8, 1), (5.8, 1), (6.2, 0))
            if wave > 0.02:
                pose.right = (46 + 26 * wave, -120 - 130 * wave + 10 * math.sin(t * 13) * wave)
            if t > 6.5:
                up = key(t, (6.5, 0), (7.0, 1), (8.6, 1), (9.1, 0))
                pose.right = (44 + 46 * up, -112 - 92 * up)
        s.person("mei", walk.apply(pose, t))

    def sounds(track: Track) -> None:
        harbour(track, 10, 1, gulls=(0.8, 3.0))
        feet(track, walk, 0.2)
        track.add(sound.gull_cry(5, 2), 8.72, 0.2, 0.4)
        track.add(sound.creak(3), 5.9, 0.05, -0.5)
        speak(track, lines, {"mei": -0.1}, 0.42)

    return Shot(
        "a1",
        LIGHTS["dawn"],
        move((360, 640, 1.0), (384, 668, 1.14), 8.0, 4.4),
        PIER,
        act,
        [Plate(pier.front)],
        sounds,
        lines=lines,
        lufs=-20,
    )


def a2() -> Shot:
    """Something heavy hangs on the line: a lantern."""
    lines = [
        Line("0.6", "2.2", "mei", "Something is on the line."),
        Line("6.0", "7.6", "mei", "It is Grandma's lantern!"),
    ]

    def act(s: Stage) -> None:
        t = s.t
        pull = math.sin(t * 4.2) * key(t, (0.3, 0), (1.0, 1), (4.6, 1), (5.0, 0))
        rise = key(
            t, (0.8, 1180), (2.0, 1120), (2.4, 1110), (3.5, 980), (3.8, 975), (5.1, 850), (5.6, 806)
        )
        done = key(t, (5.0, 0), (5.7, 1))
        sway = 0.16 * math.sin(t * 3.1) * key(t, (1, 1), (7, 0.45))
        lx = 502 - 24 * done
        hand = (300 + 1.45 * 76, DECK - 1.45 * (150 - 34 * done) + 8 * pull)
        pose = Pose(
            300,
            DECK,
            1.45,
            turn=0.7,
            lean=key(t, (0.3, 0), (1, -0.07), (4.8, -0.07), (5.4, 0.02)) + 0.02 * pull,
            smile=key(t, (5, 0.1), (5.8, 0.9), (8.2, 0.9), (9, -0.1)),
            brow=key(t, (0.3, 0.5), (2.5, -0.4), (4.8, -0.5), (5.5, 1), (8.2, 0.6), (9, 0.9)),
            gaze=(0.6, key(t, (0, 0.8), (5, 0.5), (8, 0.3), (8.8, -0.5))),
            nod=key(t, (0, 0.08), (5, 0.05), (8.6, 0)),
            wind=0.4,
        )
        pose.right = ((hand[0] - 300) / 1.45, (hand[1] - DECK) / 1.45)
        pose.left = (60 - 30 * done, -128 + 6 * pull + 10 * done)
        s.c.stroke(
            path(
                [
                    hand,
                    ((hand[0] + lx) / 2 + 3, (hand[1] + rise) / 2 + 14 * (1 - done)),
                    (lx, rise),
                ],
                6,
            ),
            5,
            s.light.colour("#d9bd86"),
        )
        s.c.push(lx, rise, 1.45)
        props.lantern(0.0, sway)(s.c, s.light)
        for k in range(3):  # it drips
            u = (t * 1.3 + k / 3) % 1.0
            if 1.6 < t < 9:
                s.c.fill(
                    ellipse(-8 + 9 * k, 92 + 130 * u * u, 2.6, 4.2),
                    s.light.colour("#bfe0ea"),
                    0.9 * (1 - u),
                )
        s.c.pop()
        s.person("mei", pose)
        peek = key(t, (7.9, 0), (8.3, 1), (9.6, 1), (9.9, 0.8))
        props.gull(
            s.c,
            s.light,
            720 - 130 * peek,
            1092 + 40 * (1 - peek),
            1.5,
            -1,
            nod=key(t, (8.4, 0), (8.7, 0.9), (9.1, 0)),
            beak=float(9.1 < t < 9.5),
            blink=float(8.55 < t < 8.68),
        )

    def sounds(track: Track) -> None:
        harbour(track, 10, 12, 0.13)
        for at in (1.1, 2.6, 4.1):
            track.add(sound.creak(int(at * 10), 1.0), at, 0.16, 0.2)
        track.add(sound.splash(9), 2.3, 0.25, 0.3)
        track.add(sound.splash(19, 0.5), 3.4, 0.12, 0.3)
        track.add(sound.gull_cry(8, 1), 9.1, 0.2, 0.5)
        track.add(sound.chime([880, 1108.7, 1318.5]), 5.4, 0.06)
        speak(track, lines, {"mei": -0.1}, 0.42)

    return Shot(
        "a2",
        LIGHTS["dawn"],
        move((392, 828, 1.52), (392, 806, 1.66), 7.0, 4.8),
        PIER_NEAR,
        act,
        sound=sounds,
        lines=lines,
        lufs=-23,
    )


def _meeting(name: str, lines: list[Line], looks: dict[str, Look], **more: object) -> Shot:
    """Bo comes along the pier with his rope: told twice, in other clothes."""
    walk = Walk((0.0, 800), (2.6, 512), scale=1.2, stride=38)

    def act(s: Stage) -> None:
        t = s.t
        wants = key(t, (4.4, 0), (4.9, 1), (6.6, 1), (7.1, 0.25))
        mei = Pose(
            216,
            DECK,
            turn=key(t, (0, 0.3), (0.5, 0.7)),
            smile=key(t, (2.4, 0.2), (4.6, -0.1), (7.4, 0.2), (9.2, 0.9)),
            brow=key(t, (0.5, 0.4), (4.6, 0.9), (9, 0.4)),
            gaze=(0.6, -0.5),
            tilt=-0.05,
            wind=0.35,
        )
        mei.right = (74 + 8 * wants, -128 - 58 * wants)
        mei.right_holds = props.lantern(0.0, 0.08 * math.sin(t * 3), 0.95)
        far = key(t, (6.9, 0), (7.3, 1), (8.4, 1), (8.8, 0))
        bo = Pose(
            0,
            DECK,
            turn=-0.7,
            head=-0.75 + 1.5 * far,
            smile=key(t, (2, 0.3), (5, 0.1), (7, -0.1), (8.9, 0.8)),
            brow=key(t, (2.2, 0.5), (5.2, -0.5), (7.2, -0.6), (8.8, 0.5)),
            gaze=(-0.4, key(t, (2, 0.5), (6.8, 0.5), (7.2, -0.2), (8.7, 0.5))),
            wind=0.3,
            tilt=key(t, (2.4, 0), (2.9, -0.07), (4.3, 0)),
        )
        think = key(t, (7.0, 0), (7.5, 1), (9.0, 1), (9.5, 0))
        if think > 0.02:
            bo.left = (-96 + 60 * think, -170 - 100 * think)
        bo.right_holds = props.rope_coil(1.15)
        s.person("bo", walk.apply(bo, t))
        s.person("mei", mei)

    def sounds(track: Track) -> None:
        harbour(track, 10, 21, 0.1, (6.5,))
        feet(track, walk, 0.34, pan=lambda _: 0.5)
        track.add(sound.creak(31, 0.7), 2.5, 0.08, 0.3)
        speak(track, lines, {"mei": -0.35, "bo": 0.35}, 0.42)

    shot = Shot(
        name,
        LIGHTS["morning"],
        move((360, 790, 1.24), (372, 778, 1.36), 7.4, 4.6),
        [Plate(pier.back, 0.45, 1.2, solid=True), pier.live, Plate(pier.mid), pier.water_under],
        act,
        sound=sounds,
        lines=lines,
        looks=looks,
    )
    return replace(shot, **more)  # type: ignore[arg-type]


def a3() -> Shot:
    """Bo meets Mei."""
    lines = [
        Line("2.5", "4.1", "bo", "Lost a light, little one?"),
        Line("4.6", "6.6", "mei", "The lighthouse is dark. Take me there?"),
        Line("7.6", "9.4", "bo", "Then we need oil. And soup."),
    ]
    return _meeting("a3", lines, {}, lufs=-17)


def r1() -> Shot:
    """The same meeting in other clothes, by another author."""
    lines = [
        Line("2.5", "4.2", "bo", "That is a fine old lamp."),
        Line("4.6", "6.5", "mei", "It needs a party to shine."),
        Line("7.6", "9.4", "bo", "Then to the market, ho!"),
    ]
    looks = {"mei": LOOKS["mei-teal"], "bo": LOOKS["bo-stripes"]}
    return _meeting("r1", lines, looks, lufs=-26, rate=44_100, channels=1)
