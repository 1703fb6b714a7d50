"""Shots in the market street by day."""

from __future__ import annotations

import math

from sample import market, props, sound
from sample.curves import key
from sample.film import Live, Plate, Shot, Stage
from sample.light import LIGHTS
from sample.pose import Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import Walk, feet, move, speak, still


def a4() -> Shot:
    """Through the market; the gull goes shopping."""
    lines = [
        Line("1.6", "3.2", "bo", "Oil is this way. Follow the smell."),
        Line("4.0", "5.3", "mei", "That smell is fish!"),
        Line("8.3", "9.3", "bo", "Hey! Come back!"),
    ]
    mei_walk = Walk((0, 60), (4.6, 470), scale=1.2, stride=30)
    bo_walk = Walk((0, -110), (4.9, 250), scale=1.2, stride=38)

    def act(s: Stage) -> None:
        t = s.t
        swoop_x = key(t, (5.6, 900), (7.0, 650), (7.25, 640), (9.8, 60))
        swoop_y = key(t, (5.6, 520), (7.0, 914), (7.25, 912), (9.8, 500))
        if t > 5.6 and t < 7.1:
            props.gull(s.c, s.light, swoop_x, swoop_y, 1.25, -1, flap=t * 17)
        track = key(t, (5.9, 0), (6.6, 1))
        bo = Pose(
            0,
            market.STREET + 6,
            turn=0.7,
            head=key(t, (5.8, 0.7), (6.3, 0.9), (7.6, 0.8), (8.3, -0.7)),
            gaze=(key(t, (7.6, 0.4), (8.4, -0.5)), -0.2 - 0.3 * track),
            smile=key(t, (6.5, 0.6), (7.4, -0.5)),
            brow=key(t, (6.4, 0.2), (7.2, 1.0), (8.4, -0.8)),
        )
        bo.right_holds = props.rope_coil(1.1)
        if t > 7.4:
            up = key(t, (7.4, 0), (8.2, 1))
            bo.left = (-100 + 10 * up, -160 - 210 * up + 12 * math.sin(t * 14) * up)
        s.person("bo", bo_walk.apply(bo, t))
        mei = Pose(
            0,
            market.STREET + 14,
            turn=key(t, (3.5, 0.8), (4.0, 0.2), (5.5, 0.2), (6.1, 0.7), (7.6, 0.7), (8.2, -0.6)),
            gaze=(0.3, -0.2),
            smile=key(t, (5, 0.7), (7.1, 0.2), (7.6, 0.9)),
            brow=key(t, (3.5, 0.2), (4.1, -0.3), (6.0, 0.2), (7, 1)),
            mouth=key(t, (7.1, 0), (7.4, 0.6), (7.9, 0.5), (8.2, 0)),
        )
        if 3.7 < t < 5.7:
            pinch = key(t, (3.7, 0), (4.1, 1), (5.2, 1), (5.7, 0))
            mei.left = (-40 + 30 * pinch, -110 - 90 * pinch)
        mei.right_holds = props.lantern(0.0, 0.1 * math.sin(t * 5), 0.95)
        s.person("mei", mei_walk.apply(mei, t))
        if t >= 7.1:
            props.gull(
                s.c, s.light, swoop_x, swoop_y, 1.35, -1, flap=t * 17, holds="fish", turn=0.2
            )

    def sounds(track: Track) -> None:
        track.add(sound.murmur(10, 3), 0, 0.13)
        track.add(sound.water(10, 44), 0, 0.03)
        feet(track, mei_walk, 0.14, wood=False)
        feet(track, bo_walk, 0.2, wood=False)
        track.add(sound.bell(1180, 0.9), 0.7, 0.06, 0.6)
        track.add(sound.flutter(1.6, 5.4), 5.8, 0.4, 0.5)
        track.add(sound.gull_cry(15, 3), 7.15, 0.22, 0.2)
        track.add(sound.flutter(2.4, 5.4, 6), 7.2, 0.3, -0.2)
        speak(track, lines, {"mei": 0.15, "bo": -0.25}, 0.45)

    under: list[Plate | Live] = [
        Plate(market.back, 0.5, solid=True),
        market.live,
        Plate(market.mid),
    ]
    return Shot(
        "a4",
        LIGHTS["day"],
        move((300, 690, 1.08), (420, 690, 1.12), 5.6),
        under,
        act,
        [Plate(market.front, 1.15)],
        sounds,
        lines=lines,
        lufs=-16,
        crf=32.5,
    )


def a5() -> Shot:
    """Bo, close: the oil, and a passenger."""
    lines = [
        Line("0.8", "2.9", "bo", "My father filled that lamp with this."),
        Line("3.8", "5.8", "bo", "Nobody sails home without it."),
        Line("8.0", "9.2", "bo", "Not one word."),
    ]

    def act(s: Stage) -> None:
        t = s.t
        lift = key(t, (0.2, 0), (0.9, 1), (3.2, 1), (4.0, 0.7), (7, 0.6))
        land = key(t, (6.3, 0), (7.1, 1))
        dip = (
            3.5 * math.exp(-max(t - 7.1, 0) * 5) * math.sin(max(t - 7.1, 0) * 26)
            if t > 7.1
            else 0.0
        )
        bo = Pose(
            360,
            1078,
            1.2,
            turn=0.2,
            head=key(
                t,
                (0, -0.1),
                (0.8, -0.6),
                (3.0, -0.5),
                (3.7, 0.15),
                (6.0, 0.15),
                (6.6, 0.7),
                (7.3, 0.1),
                (8, 0.0),
            ),
            nod=key(t, (0.5, 0), (1.0, 0.06), (3.2, 0.06), (3.8, 0)),
            tilt=key(t, (3, 0), (4, 0.06), (6, 0.04), (7.1, 0)),
            smile=key(t, (3, 0.5), (4.2, 0.1), (7.0, 0), (7.6, -0.5), (9.3, -0.3)),
            brow=key(t, (0.8, 0.5), (3.8, 0.9), (6, 0.4), (7.1, 1.2), (7.7, -0.9)),
            gaze=(
                key(
                    t,
                    (0.6, 0),
                    (1, -0.8),
                    (3, -0.7),
                    (3.7, 0),
                    (6.2, 0.2),
                    (6.5, 1),
                    (7.2, 0.2),
                    (7.5, 0),
                ),
                key(
                    t,
                    (0.6, 0),
                    (1, 0.7),
                    (3, 0.5),
                    (3.7, 0),
                    (6.4, -0.6),
                    (7.0, -1.2),
                    (7.8, -1.2),
                    (8.1, 0),
                ),
            ),
            wind=0.15,
        )
        bo.left = (-70 + 26 * lift, -176 - 66 * lift)
        bo.left_holds = props.oil_can(1.05)
        bo.lift = dip
        s.person("bo", bo)
        if t > 6.2:
            x, y = 640 - 282 * land, 420 + 96 * land + 30 * math.sin(land * 3.1) + dip
            if t < 7.1:
                props.gull(s.c, s.light, x, y, 1.15, -1, flap=t * 18)
            else:
                props.gull(
                    s.c,
                    s.light,
                    358,
                    517 + dip,
                    1.15,
                    -1,
                    nod=key(t, (7.3, 0), (7.6, 0.8), (8.1, 0), (9.3, 0), (9.6, 0.6)),
                    beak=float(9.4 < t < 9.8),
                    blink=float(8.5 < t < 8.64),
                )

    def sounds(track: Track) -> None:
        track.add(sound.murmur(10, 8), 0, 0.08)
        track.add(sound.flutter(1.0, 5.7), 6.2, 0.4, 0.4)
        track.add(sound.step(3), 7.1, 0.3)
        track.add(sound.splash(4, 0.5), 1.0, 0.05)
        track.add(sound.gull_cry(23, 1), 9.4, 0.2)
        speak(track, lines, {}, 0.5)

    under: list[Plate | Live] = [
        Plate(market.back, 0.5, 7.0, solid=True),
        Plate(market.mid, 0.9, 6.0),
    ]
    return Shot(
        "a5",
        LIGHTS["day"],
        still(352, 664, 1.95),
        under,
        act,
        [],
        sounds,
        lines=lines,
        lufs=-15,
        size=(1080, 1920),
        crf=33,
    )
