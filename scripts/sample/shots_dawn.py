"""Shots of the first episode: the pier at dawn and in the morning, and the market."""

from __future__ import annotations

import math
from dataclasses import replace

from sample import market, pier, props, sound
from sample.curves import ellipse, key, path
from sample.film import Live, Plate, Shot, Stage
from sample.light import LIGHTS
from sample.pose import LOOKS, Look, Pose
from sample.sound import Track
from sample.speech import Line
from sample.staging import Walk, feet, move, speak, still

PIER: list[Plate | Live] = [Plate(pier.back, 0.45, solid=True), pier.live, Plate(pier.mid), pier.water_under]
PIER_NEAR = [Plate(pier.back, 0.45, 3.0, solid=True), Plate(pier.mid, 1.0, 1.6)]
DECK = pier.DECK + 8


def harbour(track: Track, seconds: float, seed: int, level: float = 0.12, gulls: tuple[float, ...] = ()) -> None:
    """Water, a little wind, gulls far off."""
    track.add(sound.water(seconds, seed), 0, level)
    track.add(sound.wind(seconds, seed + 30), 0, level * 0.35)
    for k, at in enumerate(gulls):
        track.add(sound.gull_cry(seed + k, 2 + k % 2), at, 0.05, (-1) ** k * 0.6)


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
            if 6.5 < t:
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
        rise = key(t, (0.8, 1180), (2.0, 1120), (2.4, 1110), (3.5, 980), (3.8, 975), (5.1, 850), (5.6, 806))
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
            path([hand, ((hand[0] + lx) / 2 + 3, (hand[1] + rise) / 2 + 14 * (1 - done)), (lx, rise)], 6),
            5,
            s.light.colour("#d9bd86"),
        )
        s.c.push(lx, rise, 1.45)
        props.lantern(0.0, sway)(s.c, s.light)
        for k in range(3):  # it drips
            u = (t * 1.3 + k / 3) % 1.0
            if 1.6 < t < 9:
                s.c.fill(ellipse(-8 + 9 * k, 92 + 130 * u * u, 2.6, 4.2), s.light.colour("#bfe0ea"), 0.9 * (1 - u))
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
        feet(track, walk, 0.34, pan=lambda at: 0.5)
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
            props.gull(s.c, s.light, swoop_x, swoop_y, 1.35, -1, flap=t * 17, holds="fish", turn=0.2)

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

    under: list[Plate | Live] = [Plate(market.back, 0.5, solid=True), market.live, Plate(market.mid)]
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
        dip = 3.5 * math.exp(-max(t - 7.1, 0) * 5) * math.sin(max(t - 7.1, 0) * 26) if t > 7.1 else 0.0
        bo = Pose(
            360,
            1078,
            1.2,
            turn=0.2,
            head=key(
                t, (0, -0.1), (0.8, -0.6), (3.0, -0.5), (3.7, 0.15), (6.0, 0.15), (6.6, 0.7), (7.3, 0.1), (8, 0.0)
            ),
            nod=key(t, (0.5, 0), (1.0, 0.06), (3.2, 0.06), (3.8, 0)),
            tilt=key(t, (3, 0), (4, 0.06), (6, 0.04), (7.1, 0)),
            smile=key(t, (3, 0.5), (4.2, 0.1), (7.0, 0), (7.6, -0.5), (9.3, -0.3)),
            brow=key(t, (0.8, 0.5), (3.8, 0.9), (6, 0.4), (7.1, 1.2), (7.7, -0.9)),
            gaze=(
                key(t, (0.6, 0), (1, -0.8), (3, -0.7), (3.7, 0), (6.2, 0.2), (6.5, 1), (7.2, 0.2), (7.5, 0)),
                key(t, (0.6, 0), (1, 0.7), (3, 0.5), (3.7, 0), (6.4, -0.6), (7.0, -1.2), (7.8, -1.2), (8.1, 0)),
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

    under: list[Plate | Live] = [Plate(market.back, 0.5, 7.0, solid=True), Plate(market.mid, 0.9, 6.0)]
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
