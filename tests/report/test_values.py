"""Frames, steps, curves and words: without FFmpeg."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.episode.manifest import JointEntry, PlayedEntry, SlotEntry
from chainer.report.charts import LOUD, curve, ticks, time_scale
from chainer.report.facts import cues_of
from chainer.report.sound import read_measures
from chainer.report.strips import choosing, picture_step, strip_of, thumbnail_of
from chainer.report.view import css_of_lab
from chainer.report.words import clock_text, length_text, number_text, signed_text, size_text


def joint(at: int, frames: int) -> JointEntry:
    return JointEntry(
        left="a", right="b", kind="cut", at=at, frames=frames, overlap=0, gap=0, why="", step=""
    )


def test_a_cut_shows_two_frames_on_either_side() -> None:
    told = [(one.number, one.part) for one in strip_of(joint(100, 0), 500)]
    assert told == [(90, "before"), (99, "before"), (100, "after"), (109, "after")]


def test_a_crossfade_shows_three_of_its_own() -> None:
    told = [(one.number, one.part) for one in strip_of(joint(100, 12), 500)]
    assert told == [
        (90, "before"),
        (99, "before"),
        (103, "joint"),
        (106, "joint"),
        (109, "joint"),
        (112, "after"),
        (121, "after"),
    ]


@given(st.integers(0, 60), st.integers(0, 30), st.integers(1, 60))
def test_a_strip_is_in_order_and_within_the_film(at: int, length: int, frames: int) -> None:
    numbers = [one.number for one in strip_of(joint(at, length), frames)]
    assert numbers == sorted(set(numbers))
    assert all(0 <= number < frames for number in numbers)


def test_a_thumbnail_is_the_middle_of_what_an_atom_plays() -> None:
    slot = SlotEntry(
        name="a",
        content="atom",
        start=100,
        frames=60,
        sound_shift_samples=0,
        step="",
        fused=(
            PlayedEntry(atom="a", first=0, frames=20),
            PlayedEntry(atom="b", first=20, frames=40),
        ),
    )
    assert thumbnail_of(slot, "a", 1000) == 110
    assert thumbnail_of(slot, "b", 1000) == 140
    assert thumbnail_of(slot, "c", 1000) == 130
    assert thumbnail_of(slot, "c", 120) == 119


def test_the_step_at_a_joint_is_held_against_its_neighbours() -> None:
    steps = [0.0] + [2.0] * 200
    steps[100] = 30.0
    told = picture_step(joint(100, 0), tuple(steps))
    assert told is not None
    assert (told.value, told.usual, told.ratio) == (30.0, 2.0, 15.0)
    still = picture_step(joint(100, 0), (0.0,) * 100 + (30.0,) + (0.0,) * 100)
    assert still is not None
    assert still.ratio is None
    within = [2.0] * 200
    within[106] = 9.0
    told = picture_step(joint(100, 12), tuple(within))
    assert told is not None
    assert told.value == 9.0
    assert picture_step(joint(100, 0), ()) is None


@given(st.lists(st.integers(0, 400), max_size=60, unique=True), st.integers(0, 400))
def test_ffmpegs_expression_chooses_these_frames_alone(numbers: list[int], n: int) -> None:
    text = choosing(sorted(numbers))
    chosen = eval(  # our own text, with FFmpeg's functions
        text.replace("if(", "when("),
        {
            "when": lambda test, a, b: a if test else b,
            "lt": lambda a, b: a < b,
            "eq": lambda a, b: int(a == b),
            "n": n,
        },
    )
    assert chosen == (n in numbers)


def test_a_tree_of_many_frames_is_shallow() -> None:
    text, depth, deepest = choosing(list(range(0, 4000, 2))), 0, 0
    for char in text:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    assert deepest < 20


def test_measures_of_the_sound_are_read() -> None:
    text = (
        "frame:0 pts:0 pts_time:0\nlavfi.r128.M=-120.691\nlavfi.r128.S=-120.691\n"
        "lavfi.r128.I=-70.000\nlavfi.r128.LRA=0.000\nlavfi.r128.true_peak=0.1\n"
        "frame:1 pts:4800 pts_time:0.1\nlavfi.r128.M=-14.5\nlavfi.r128.S=nan\n"
        "lavfi.r128.I=-14.03\nlavfi.r128.LRA=9.63\nlavfi.r128.true_peak=0.8\n"
    )
    told = read_measures(text)
    assert told.momentary == (None, -14.5)
    assert told.short == (None, None)
    assert (told.integrated, told.range) == (-14.03, 9.63)
    assert told.true_peak == pytest.approx(-1.94, abs=0.01)
    assert read_measures("").integrated is None


def test_the_sounds_step_looks_at_either_side_of_the_joint() -> None:
    lines = [f"lavfi.r128.M={-10 - n}" for n in range(40)]
    told = read_measures("\n".join(lines))
    # The value before second 2 is that of the tenth which ends there; the one after looks on the
    # four tenths that follow.
    assert told.step(2.0, 2.0) == (-29.0, -33.0)
    assert told.step(0.0, 0.0)[0] is None
    assert told.step(3.9, 3.9)[1] == -49.0


def test_a_curve_breaks_in_silence() -> None:
    across = time_scale(4.0)
    path = curve((-10.0, -20.0, None, -10.0), 1.0, across)
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert len(curve((-10.0,) * 100_000, 0.1, time_scale(10_000)).split("L")) <= 501
    assert LOUD.at(0.0) < LOUD.at(-50.0)
    assert LOUD.at(-90.0) == LOUD.at(-50.0)
    assert curve((), 0.1, across) == ""


@given(st.floats(0.1, 100_000))
def test_ticks_are_few_and_within(seconds: float) -> None:
    told = ticks(seconds)
    assert 1 <= len(told) <= 9
    assert told[0] == 0.0
    assert told[-1] <= seconds


def test_captions_are_read_without_their_mark_up() -> None:
    text = (
        "WEBVTT\n\nNOTE Language: en\n\n1\n00:00:01.500 --> 00:00:02.000\n"
        "<v Mei &lt;b&gt;>Tom &amp; <i>Jerry</i></v>\nplain\n\n"
        "00:05.000 --> 00:04.000\nnever\n\n01:00:00.000 --> 01:00:01.000 line:0\nlate\n"
    )
    first, last = cues_of(text)
    assert (first.start, first.end) == (Fraction(3, 2), Fraction(2))
    assert first.lines == (("Mei <b>", "Tom & Jerry"), ("", "plain"))
    assert last.start == 3600


@given(st.text())
def test_any_text_is_read_as_captions(text: str) -> None:
    assert all(cue.start < cue.end for cue in cues_of(text))


def test_words_for_people() -> None:
    assert clock_text(Fraction(187, 2)) == "1:33.500"
    assert clock_text(3601.5) == "1:00:01.500"
    assert length_text(Fraction(1898, 15)) == "2 min 7 s"
    assert length_text(Fraction(9)) == "9 s"
    assert size_text(999) == "999 B"
    assert size_text(18_000_000) == "18.0 MB"
    assert signed_text(-0.04) == "+0.0"
    assert signed_text(-1.26) == "−1.3"
    assert number_text(None) == "–"


@pytest.mark.parametrize(
    ("lab", "css"),
    [((100, 0, 0), "#ffffff"), ((0, 0, 0), "#000000"), ((53.24, 80.09, 67.20), "#ff0000")],
)
def test_a_colour_of_the_memory_is_shown_as_itself(
    lab: tuple[float, float, float], css: str
) -> None:
    told = css_of_lab(*lab)
    for place in (1, 3, 5):
        assert int(told[place : place + 2], 16) == pytest.approx(
            int(css[place : place + 2], 16), abs=1
        )
