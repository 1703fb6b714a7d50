"""Shots of the third episode and of the friends' relay: the lamp room, the light, home, the dance."""

from __future__ import annotations

import math

from sample import market, pier, props, sound, tower
from sample.canvas import Canvas
from sample.curves import key
from sample.film import Live, Plate, Shot, Stage
from sample.light import LIGHTS, Light
from sample.pose import LOOKS, Pose
from sample.shots_dawn import DECK, PIER, harbour
from sample.sound import Track
from sample.speech import Line
from sample.staging import Walk, feet, move, speak, still

NIGHT = LIGHTS["night"]


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
            head=key(t, (0, 0.7), (4.0, 0.6), (4.4, 0.1), (6.0, 0.1), (6.4, 0.4), (8.2, 0.4), (8.8, 0.9)),
            nod=key(t, (5.9, 0), (6.2, 0.08), (7.4, 0)),
            smile=key(t, (0, 0.3), (6.2, 0.5), (7.4, 1.1)),
            brow=key(t, (0.8, 0.6), (4.3, 0.2), (6.4, 1.1), (8, 0.7)),
            gaze=(0.3, key(t, (0, -0.2), (4, 0.2), (6.1, 0.6), (7.6, 0))),
            blink=key(t, (4.2, 0), (4.35, 1), (5.6, 1), (5.9, 0)),
        )
        mei.right, mei.right_holds = (
            (70, -196),
            props.lantern(lit * (1 + 0.04 * math.sin(t * 17) + 0.03 * math.sin(t * 29)), 0.03 * math.sin(t * 2), 1.1),
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
    lines = [Line("5.4", "6.9", "bo", "There she is!"), Line("7.4", "9.2", "bo", "Goodnight, Ines!")]

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
            props.far_gull(c, light.warmed(0.8), 700 - 70 * (t - 3), 150 + 20 * math.sin(t), 1.6, t * 7)

    def sounds(track: Track) -> None:
        track.add(sound.water(10, 111, 0.7), 0, 0.13)
        track.add(sound.chime([392, 523.3, 659.3], 0.22), 0.5, 0.12)
        track.add(sound.foghorn(2.0), 2.4, 0.1, -0.6)
        track.add(sound.bell(700, 2.0), 4.0, 0.07, 0.6)
        track.add(sound.bell(560, 2.0), 4.6, 0.06, -0.5)
        speak(track, lines, {"bo": -0.3}, 0.45)

    under: list[Plate | Live] = [Plate(tower.back, 0.8, solid=True), tower.live, _far_boats, Plate(tower.mid)]
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


def _sweep(c: Canvas, light: Light, t: float, level: float = 1.0) -> None:
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
        return key(t, (3.2, 1), (3.35, 0.05), (3.7, 0.05), (3.8, 1), (4.1, 1), (4.2, 0.05), (4.55, 0.05), (4.65, 1))

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


def _bulbs(c: Canvas, light: Light, t: float) -> None:
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
            track.add(sound.step(60 + k % 3, False), 0.6 * (k + 1), 0.2, (-1) ** k * 0.2)
        speak(track, lines, {"bo": 0.3, "mei": -0.3}, 0.5)

    under: list[Plate | Live] = [Plate(market.back, 0.5, solid=True), market.live, Plate(market.mid)]
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

    def far_beam(c: Canvas, light: Light, t: float) -> None:
        tower.beam(c, t * 0.5 + 1.0, 352, market.HORIZON + 8 - 0.62 * 210, 0.5, 0.8, 420)

    under: list[Plate | Live] = [Plate(market.back, 0.5, solid=True), market.live, far_beam, Plate(market.mid)]
    looks = {"mei": LOOKS["mei-berry"], "bo": LOOKS["bo"]}
    return Shot(
        "r3", NIGHT, still(360, 706, 1.06), under, act, [_bulbs], None, lines=[], looks=looks, voiced=False, crf=31
    )
