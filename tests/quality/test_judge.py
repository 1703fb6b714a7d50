"""What is a defect and what is only film: decided on surveys made by hand."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chainer.quality.heard import quiet_within
from chainer.quality.policy import QualityPolicy
from chainer.quality.quality import WORST, Finding, quality_of
from chainer.quality.record import Levels, Survey
from chainer.quality.words import Defect

from .made import FPS, column, defects, info, judged, made, mark


def test_nothing_is_wrong_with_a_healthy_take() -> None:
    quality = judged(made())
    assert (quality.score, quality.findings, quality.rate) == (1.0, (), None)
    assert quality.words == "nothing wrong found"


BLACK = {"top": 40, "mean": 5, "dark": 1000}


def black(first: int, last: int) -> Survey:
    return made(**{name: column(name, value, first, last) for name, value in BLACK.items()})


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (40, 46, True),  # exactly a fifth of a second
        (40, 45, False),
        (0, 15, False),  # a fade from black
        (0, 21, True),
        (105, 120, False),
        (99, 120, True),
        (0, 120, True),
    ],
)
def test_black_amid_a_take_and_at_its_ends(first: int, last: int, *, found: bool) -> None:
    quality = judged(black(first, last))
    assert defects(quality) == [Defect.BLACK] * found
    if found:
        one = quality.findings[0]
        assert (one.start, one.end) == (Fraction(first, FPS), Fraction(last, FPS))


def test_night_is_not_black() -> None:
    assert defects(judged(made(top=[1500] * 120, mean=[150] * 120, dark=[700] * 120))) == []


@pytest.mark.parametrize(("repeats", "found"), [(29, True), (28, False)])
def test_a_picture_that_stands_still(repeats: int, *, found: bool) -> None:
    quality = judged(made(most=column("most", 2, 40, 40 + repeats)))
    assert defects(quality) == [Defect.FROZEN] * found
    if found:
        one = quality.findings[0]  # with the picture that is repeated
        assert (one.start, one.end) == (Fraction(39, FPS), Fraction(40 + repeats, FPS))


@pytest.mark.parametrize(("change", "found"), [(6, True), (7, False)])
def test_how_still_it_stands(change: int, *, found: bool) -> None:
    calm = made(most=column("most", change, 1, 120))
    assert defects(judged(calm)) == [Defect.FROZEN] * found


def test_a_locked_off_shot_with_little_movement_lives() -> None:
    assert defects(judged(made(most=[0] + [9, 11, 8] * 39 + [9, 9]))) == []


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([50, -50], True),  # every picture
        ([50, 0, -50, 0], True),
        ([15, -15], False),  # below what is seen
        ([60, 0, 0, 0, 0, 0, 0, -60, 0, 0, 0, 0, 0, 0], False),  # slow pulses
        ([30], False),  # a fade goes one way
    ],
)
def test_flicker(steps: list[int], *, found: bool) -> None:
    wave = (steps * 120)[:60]
    quality = judged(made(step=[0] * 30 + wave + [0] * 30))
    assert defects(quality) == [Defect.FLICKER] * found
    if found:
        one = quality.findings[0]
        assert one.start is not None
        assert one.end is not None
        assert abs(one.start - 1) < Fraction(1, 5)
        assert abs(one.end - 3) < Fraction(1, 5)


@pytest.mark.parametrize(("count", "found"), [(6, True), (5, False)])
def test_how_often_the_light_turns(count: int, *, found: bool) -> None:
    steps = [0] * 30 + [50, -50, 50, -50, 50, -50][:count] + [0] * (90 - count)
    assert defects(judged(made(step=steps))) == [Defect.FLICKER] * found


def test_a_photographers_flashes_are_no_flicker() -> None:
    steps = [0] * 120
    steps[30:32], steps[60:62] = [400, -400], [400, -400]
    assert defects(judged(made(step=steps))) == []


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"light": 400}, [Defect.BURNT]),
        ({"light": 250}, []),
        ({"dark": 700, "top": 900}, [Defect.CRUSHED]),
        ({"dark": 700, "top": 1800}, []),  # night, with lamps
        ({"dark": 450, "top": 900}, []),  # dusk
    ],
)
def test_exposure(columns: dict[str, int], found: list[Defect]) -> None:
    half = {name: column(name, value, 30, 60) for name, value in columns.items()}
    assert defects(judged(made(**half))) == found
    flash = {name: column(name, value, 30, 42) for name, value in columns.items()}
    assert defects(judged(made(**flash))) == []
    fade = {name: column(name, value, 0, 40) for name, value in columns.items()}
    assert defects(judged(made(**fade))) == []
    whole = {name: column(name, value, 0, 120) for name, value in columns.items()}
    assert defects(judged(made(**whole))) == found


@pytest.mark.parametrize(
    ("sharp", "found"),
    [
        ([250] * 8, True),
        ([320] * 8, False),
        ([520, 200, 520, 520, 200, 520, 520, 520], False),  # a whip pan is over soon
        ([520, 200, 200, 520, 520, 520, 520, 520], True),
        ([-1] * 8, False),  # fog: no edges, nothing to tell by
    ],
)
def test_blur(sharp: list[int], *, found: bool) -> None:
    assert defects(judged(made(sharp=sharp))) == [Defect.BLUR] * found


def repeated(spots: list[int], count: int = 120) -> list[int]:
    healthy = list(made().pictures.most)
    return [0 if n in spots else healthy[n] for n in range(count)]


def test_repeats_out_of_step_are_a_stutter() -> None:
    quality = judged(made(most=repeated([11, 25, 32, 51, 70, 83, 101])))
    assert defects(quality) == [Defect.DUPLICATES]
    assert "7 of 120" in quality.words


def test_a_hold_is_no_stutter() -> None:
    held = [n for first in (20, 60, 90) for n in range(first, first + 15)]
    assert defects(judged(made(most=repeated(held)))) == []
    hangs = [n for first in (20, 60, 90) for n in range(first, first + 5)]
    assert defects(judged(made(most=repeated(hangs)))) == [Defect.DUPLICATES]


def test_what_stands_still_is_no_stutter_at_its_ends() -> None:
    spots = [*range(20, 60), 75, *range(95, 112)]
    assert defects(judged(made(most=repeated(spots)))) == [Defect.FROZEN]


def test_drawings_held_now_longer_now_shorter() -> None:
    spots, at = [], 1
    for hold in (2, 3, 2, 4, 3, 2, 2, 5, 3, 4) * 4:
        spots += range(at + 1, min(at + hold, 120))
        at += hold
    assert defects(judged(made(most=repeated(spots)))) == []


def test_repeats_amid_black_are_black() -> None:
    hangs = [n for first in (42, 49, 58, 64) for n in (first, first + 1)]
    most = repeated(hangs)
    dark = {name: column(name, value, 40, 70) for name, value in BLACK.items()}
    assert defects(judged(made(most=most, **dark))) == [Defect.BLACK]
    assert defects(judged(made(most=most))) == [Defect.DUPLICATES]


def on_twos() -> list[int]:
    """Drawings on twos; for a second all moves with every picture, then on twos again."""
    healthy = list(made(8).pictures.most)
    most = [0 if n % 2 else healthy[n] for n in range(240)]
    most[80:110] = healthy[80:110]
    return most


def test_the_step_of_the_whole_is_that_of_its_parts() -> None:
    most = on_twos()
    for spot in (61, 63, 141, 143, 145):  # coded so badly that they seem to move
        most[spot] = 90
    survey = made(8, most=most)
    for first in range(7):
        for last in range(first + 1, 9):
            quality = judged(survey, first=Fraction(first), seconds=Fraction(last - first))
            assert Defect.DUPLICATES not in defects(quality)


def test_a_stutter_beneath_drawings_on_twos() -> None:
    most = on_twos()
    for spot in (20, 34, 52, 66, 124, 150, 172, 200, 222):
        most[spot] = 0
    assert defects(judged(made(8, most=most))) == [Defect.DUPLICATES]


def test_what_moves_and_then_stands_is_no_stutter() -> None:
    healthy = list(made(8).pictures.most)
    still = [n for first in (30, 90, 160) for n in range(first, first + 20)]
    most = [2 if n in still else healthy[n] for n in range(240)]
    assert defects(judged(made(8, most=most))) == []


def test_two_repeats_are_forgiven() -> None:
    assert defects(judged(made(most=repeated([11, 52])))) == []


@pytest.mark.parametrize(
    ("spots", "rate"),
    [
        (list(range(4, 120, 5)), 24),  # film on video
        (list(range(1, 120, 2)), 15),  # drawings on twos
        ([n for n in range(1, 120) if n % 3], 10),  # on threes
        ([n for n in range(1, 120) if n % 5 in (1, 3, 4)], 12),  # twos and threes, by turns
    ],
)
def test_a_lower_rate_held_in_step_is_said_and_no_defect(spots: list[int], rate: int) -> None:
    quality = judged(made(most=repeated(spots)))
    assert defects(quality) == []
    assert quality.rate == rate


def test_repeats_that_were_coded_badly_are_in_step_all_the_same() -> None:
    most = [0] + [(9 if n * n % 7 < 3 else 25) if n % 2 else 200 for n in range(1, 120)]
    quality = judged(made(most=most))
    assert defects(quality) == []
    assert quality.rate == 15


def test_a_stutter_is_found_beneath_a_lower_rate() -> None:
    spots = [*range(4, 120, 5), 11, 26, 48, 62, 75, 91, 106]
    quality = judged(made(most=repeated(spots)))
    assert defects(quality) == [Defect.DUPLICATES]
    assert quality.rate == 24


def test_where_nothing_moves_a_repeat_cannot_be_seen() -> None:
    spots = [11, 25, 32, 51, 70, 83, 101]
    calm = [0] + [0 if n in spots else 16 for n in range(1, 120)]
    assert Defect.DUPLICATES not in defects(judged(made(most=calm)))


def test_sound() -> None:
    assert defects(judged(made(silent=True), probe=info(sound=False))) == [Defect.SILENCE]
    assert defects(judged(made(db=[-60] * 400))) == [Defect.SILENCE]
    assert defects(judged(made(db=column("db", -49, 0, 400)))) == []


@pytest.mark.parametrize(
    ("first", "last", "db", "found"),
    [
        (100, 130, -90, True),
        (100, 129, -90, False),
        (100, 180, -70, False),  # a pause in a quiet room
        (0, 60, -90, False),  # it may begin in silence
        (0, 100, -90, True),
        (340, 400, -90, False),
        (300, 400, -90, True),
    ],
)
def test_holes_in_the_sound(first: int, last: int, db: int, *, found: bool) -> None:
    quality = judged(made(db=column("db", db, first, last)))
    assert defects(quality) == [Defect.SILENCE] * found
    if found:
        one = quality.findings[0]
        assert (one.start, one.end) == (Fraction(first, 100), Fraction(last, 100))


@pytest.mark.parametrize(
    ("count", "share", "found"), [(3, 53, True), (1, 157, True), (1, 156, False), (3, 52, False)]
)
def test_clipping(count: int, share: int, *, found: bool) -> None:
    ceiling = [0] * 10 + [share] * count + [-1] * (30 - count)
    assert defects(judged(made(ceiling=ceiling))) == [Defect.CLIPPING] * found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("4", False),
        ("4.25", False),
        ("4.26", True),
        ("3", False),
        ("2.9", True),
        (None, False),
    ],
)
def test_length(wanted: str | None, *, found: bool) -> None:
    quality = judged(made(), wanted=None if wanted is None else Fraction(wanted))
    assert defects(quality) == [Defect.LENGTH] * found


@pytest.mark.parametrize(
    ("late", "ends", "found"),
    [
        ("0.08", "4", 0),
        ("0.081", "4", 1),
        ("-0.5", "4", 0),
        ("0", "3.75", 0),
        ("0", "3.7", 1),
        ("0.4", "3", 2),
    ],
)
def test_sound_beside_the_picture(late: str, ends: str, found: int) -> None:
    probe = info(late=Fraction(late), ends=Fraction(ends))
    assert defects(judged(made(), probe=probe)) == [Defect.OFFSET] * found


def test_sound_that_starts_before_the_window_is_not_late() -> None:
    assert defects(judged(made(), first=Fraction(1), probe=info(late=Fraction(1, 2)))) == []


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"above": [80] * 8, "below": [80] * 8}, True),
        ({"left": [30] * 8, "right": [33] * 8}, True),
        ({"above": [80] * 8}, False),
        ({"above": [19] * 8, "below": [19] * 8}, False),
        ({"above": [80, 20, 150, 60, 90, 40, 10, 70], "below": [80] * 8}, False),  # a night sky
        ({"above": [1000, 1000] + [80] * 6, "below": [1000, 1000] + [80] * 6}, True),  # a fade
        ({"above": [1000] * 8, "below": [1000] * 8}, False),
        ({"above": [80, 80, 80, 0, 0, 210, 0, 0], "below": [82] * 8}, True),  # a dark room
        ({"above": [80, 80, 0, 0, 0, 0, 0, 0], "below": [82] * 8}, False),
        ({"above": [80] * 8, "below": [120] * 8}, False),
    ],
)
def test_letterbox(columns: dict[str, list[int]], *, found: bool) -> None:
    assert defects(judged(made(**columns))) == [Defect.LETTERBOX] * found


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, True),
        ({"left": 380, "top": 480}, False),  # a thing in the middle
        ({"top": 776}, True),  # the middle of it at the border of what is near
        ({"top": 774}, False),
        ({"around": 90}, True),
        ({"around": 91}, False),  # part of something larger
        ({"filled": 120}, True),
        ({"filled": 119}, False),  # no letters
        ({"letters": 199}, False),
        ({"cells": (14, 7)}, False),  # a shelf of books
        ({"cells": (4, 1)}, False),
        ({"cells": (7, 5)}, False),  # as high as wide
    ],
)
def test_watermark(changed: dict[str, Any], *, found: bool) -> None:
    quality = judged(made(marks=(mark(**changed),)))
    assert defects(quality) == [Defect.WATERMARK] * found
    if found:
        assert "bottom right" in quality.words


def test_what_lies_outside_the_window_counts_for_nothing() -> None:
    survey = black(60, 90)
    assert defects(judged(survey, seconds=Fraction(2))) == []
    assert defects(judged(survey, first=Fraction(3))) == []
    found = judged(survey, first=Fraction(1), seconds=Fraction(3)).findings
    assert [(one.start, one.end) for one in found] == [(1, 2)]


def test_a_policy_that_is_off_finds_nothing() -> None:
    assert judged(black(0, 120), enabled=False).score == 1.0


def test_a_window_needs_a_length() -> None:
    for first, seconds in ((Fraction(0), Fraction(0)), (Fraction(-1), Fraction(1))):
        with pytest.raises(ValueError, match="window"):
            judged(made(), first=first, seconds=seconds)


@given(
    first=st.fractions(min_value=0, max_value=5, max_denominator=90),
    seconds=st.fractions(min_value=Fraction(1, 90), max_value=6, max_denominator=90),
    spans=st.lists(st.tuples(st.integers(0, 119), st.integers(1, 60)), max_size=4),
)
def test_findings_lie_within_any_window(
    first: Fraction, seconds: Fraction, spans: list[tuple[int, int]]
) -> None:
    top, most = [2300] * 120, list(made().pictures.most)
    for start, length in spans:
        top[start : start + length] = [10] * len(top[start : start + length])
        most[start : start + length // 2] = [0] * len(most[start : start + length // 2])
    quality = judged(made(top=top, most=most, light=most), first=first, seconds=seconds)
    assert 0 <= quality.score <= 1
    assert quality.score == pytest.approx(max(0, 1 - sum(quality.parts.values())))
    assert set(quality.parts) == set(defects(quality))
    for one in quality.findings:
        assert 0 < one.amount <= 1
        assert one.start is None or one.end is None or 0 <= one.start <= one.end <= seconds
    json.dumps(quality.as_json())


@given(
    db=st.lists(st.integers(-120, 0), max_size=120),
    first=st.fractions(min_value=0, max_value=1, max_denominator=300),
    seconds=st.fractions(min_value=Fraction(1, 300), max_value=1, max_denominator=300),
)
def test_silence_at_the_ends_is_exact(db: list[int], first: Fraction, seconds: Fraction) -> None:
    start, end = quiet_within(Levels(db=tuple(db), ceiling=()), first, seconds)
    loud = [
        n
        for n, one in enumerate(db)
        if one > -50 and Fraction(n, 100) < first + seconds and Fraction(n + 1, 100) > first
    ]
    if loud:
        assert start == max(0, Fraction(loud[0], 100) - first)
        assert end == max(0, first + seconds - Fraction(loud[-1] + 1, 100))
        assert start + end <= seconds
    else:
        assert start == end == seconds


def test_the_worst_of_a_kind_counts_and_a_quarter_of_the_others() -> None:
    one = Finding(Defect.BLACK, Fraction(0), Fraction(1), 0.5, "a")
    other = Finding(Defect.BLACK, Fraction(2), Fraction(3), 0.4, "b")
    quality = quality_of((one, other), None)
    assert quality.parts[Defect.BLACK] == pytest.approx(WORST[Defect.BLACK] * 0.6)
    assert quality.words == "a; b"
    assert set(WORST) == set(Defect)


@pytest.mark.parametrize(
    "changed",
    [
        {"pictures": {"mean": [1]}},
        {"pictures": {"at": [5, *range(1, 120)]}},
        {"schema": "chainer.survey/2"},
        {"more": 1},
        {"tick": "0"},
    ],
)
def test_records_that_are_none_are_refused(changed: dict[str, Any]) -> None:
    data = json.loads(made().to_json())
    assert Survey.model_validate(data) == made()
    for name, value in changed.items():
        data[name] = {**data[name], **value} if isinstance(value, dict) else value
    with pytest.raises(ValidationError):
        Survey.model_validate(data)


def test_the_policy_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        QualityPolicy(nonsense=1)  # type: ignore[call-arg]
