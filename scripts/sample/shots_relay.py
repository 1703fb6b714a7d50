"""Shots of the relay: the dance at dusk, and the same dance late at night."""

from __future__ import annotations

import math

from sample import market, props, sound, tower
from sample.canvas import Canvas
from sample.curves import key
from sample.film import Live, Plate, Shot, Stage
from sample.light import LIGHTS, Light
from sample.pose import LOOKS, Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import NIGHT, speak, still


def _dance(s: Stage, slow: float, ground: float) -> None:
    """Two people dance: turn, hop, clap."""
    t = s.t
    beat = t * slow * math.pi * 2 / 1.2
    hop = -22 * abs(math.sin(beat))
    sway = math.sin(beat / 2)
    x = 60 * math.sin(t * slow * 0.9)
    mei = Pose(
        236 + x,
        ground + 10,
        1.2,
        turn=0.75 * math.sin(beat / 4 + 0.4),
        tilt=0.08 * sway,
        lift=0.0,
        smile=1.1,
        brow=0.7,
        wind=1.2,
    )
    mei.y += hop
    mei.left, mei.right = (-88 - 8 * sway, -246 - 20 * sway), (88 - 8 * sway, -246 + 20 * sway)
    bo = Pose(
        488 + x,
        ground,
        1.2,
        turn=-0.75 * math.sin(beat / 4 + 0.2),
        tilt=-0.06 * sway,
        smile=1.1,
        brow=0.6,
        wind=0.6,
        lean=0.04 * sway,
    )
    bo.y += hop * 0.55
    bo.left, bo.right = (-120 + 10 * sway, -300 - 26 * sway), (120 + 10 * sway, -220 + 30 * sway)
    s.person("bo", bo)
    s.person("mei", mei)


def _bulbs(c: Canvas, _light: Light, t: float) -> None:
    for k in range(5):
        c.glow(
            110 + 130 * k,
            470 + 34 * math.sin(math.pi * k / 4),
            60,
            (60, 130, 210),
            0.10 + 0.10 * math.sin(t * 2.6 + 2 * k),
        )


def r2() -> Shot:
    """The relay goes on: a dance under the lamps."""
    lines = [
        Line("1.0", "2.6", "bo", "One, two, and hop!"),
        Line("4.2", "5.8", "mei", "You hop like a whale!"),
        Line("6.6", "8.2", "bo", "Whales hop very well."),
    ]

    def act(s: Stage) -> None:
        props.gull(
            s.c,
            s.light,
            120,
            898 - 7 * abs(math.sin(s.t * 5.2)),
            1.1,
            1 if math.sin(s.t * 2.6) > 0 else -1,
            nod=0.6 * math.sin(s.t * 5.2),
        )
        _dance(s, 1.0, market.STREET)

    def sounds(track: Track) -> None:
        track.add(sound.murmur(10, 17), 0, 0.06)
        tune: list[tuple[int | None, float]] = [
            (0, 1),
            (4, 1),
            (7, 1),
            (4, 1),
            (9, 1),
            (7, 0.5),
            (9, 0.5),
            (7, 2),
            (5, 1),
            (9, 1),
            (12, 1),
            (9, 1),
            (7, 1),
            (4, 0.5),
            (5, 0.5),
            (4, 2),
            (0, 1),
            (4, 1),
            (7, 1),
            (12, 1),
            (11, 1),
            (9, 0.5),
            (11, 0.5),
            (12, 2),
            (9, 1),
            (7, 1),
            (5, 1),
            (2, 1),
            (0, 3),
        ]
        track.add(sound.concertina(tune, 0.3), 0.15, 0.16, 0.2)
        for k in range(16):
            track.add(sound.step(60 + k % 3, wood=False), 0.6 * (k + 1), 0.2, (-1) ** k * 0.2)
        speak(track, lines, {"bo": 0.3, "mei": -0.3}, 0.5)

    under: list[Plate | Live] = [
        Plate(market.back, 0.5, solid=True),
        market.live,
        Plate(market.mid),
    ]
    return Shot(
        "r2",
        LIGHTS["dusk"],
        still(360, 720, 1.1),
        under,
        act,
        [_bulbs],
        sounds,
        lines=lines,
        lufs=-15.5,
        fps=25,
        looks={"mei": LOOKS["mei-teal"], "bo": LOOKS["bo-stripes"]},
        crf=32.5,
    )


def r3() -> Shot:
    """The dance again, late: other clothes, moonlight, no sound at all."""

    def act(s: Stage) -> None:
        warm = s.light.warmed(0.45)
        s.light = warm
        _dance(s, 0.62, market.STREET)
        t = s.t
        x, y = key(t, (5.0, 840), (8.6, 486)), key(t, (5.0, 300), (8.6, 420))
        if t > 5:
            props.gull(s.c, warm, x, y, 0.9, -1, flap=t * 15)

    def far_beam(c: Canvas, _light: Light, t: float) -> None:
        tower.beam(c, t * 0.5 + 1.0, 352, market.HORIZON + 8 - 0.62 * 210, 0.5, 0.8, 420)

    under: list[Plate | Live] = [
        Plate(market.back, 0.5, solid=True),
        market.live,
        far_beam,
        Plate(market.mid),
    ]
    looks = {"mei": LOOKS["mei-berry"], "bo": LOOKS["bo"]}
    return Shot(
        "r3",
        NIGHT,
        still(360, 706, 1.06),
        under,
        act,
        [_bulbs],
        None,
        lines=[],
        looks=looks,
        crf=31,
    )
