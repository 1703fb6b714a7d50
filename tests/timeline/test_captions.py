"""Captions from lines: where they stand in the film, how long, and what never happens to them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.timebase import AAC_FRAME, AvGrid
from chainer.timeline import Joint, Layout, Slot, lay_out
from chainer.timeline.bed import BedPolicy, edge_packets, speech_windows
from chainer.timeline.captions import (
    DASH,
    SHORTEST,
    Caption,
    Spoken,
    Window,
    atom_captions,
    burned_for,
    captions_of,
    said_in_film,
)
from chainer.timeline.joint import JointStyle
from chainer.timeline.pages import NARROW, Shape, pages_of, plain, rows_of, units
from chainer.timeline.slot import Played, SlotContent

FPS = Fraction(30)
GRID = AvGrid(FPS, 48_000)
steady = settings(derandomize=True, deadline=None, max_examples=150)
CUT = Joint(JointStyle.CUT, 0, 0, 0, 0, "")
CROSS = Joint(JointStyle.CROSSFADE, 12, 12, 12, 0, "")


@dataclass(frozen=True)
class Said:
    start: Fraction
    end: Fraction
    text: str
    speaker: str = ""


def said(start: object, end: object, text: str, speaker: str = "") -> Said:
    return Said(Fraction(str(start)), Fraction(str(end)), text, speaker)


def spoken(atom: str, line: Said) -> Spoken:
    return Spoken(atom, line.start, line.end, line.text, line.speaker)


def whole(frames: int = 300, first: int = 0, speed: Fraction = Fraction(1)) -> Window:
    return Window(first, frames, speed)


def atom(name: str, frames: int = 300, fused: tuple[Played, ...] = ()) -> Slot:
    return Slot(name, SlotContent.ATOM, frames, fused)


def film(slots: list[Slot], joints: list[Joint]) -> Layout:
    return lay_out(slots, joints, GRID, 3)


def told(captions: tuple[Caption, ...]) -> list[tuple[float, float, tuple[str, ...]]]:
    return [(float(one.start), float(one.end), one.lines) for one in captions]


def test_a_line_stands_where_it_is_heard() -> None:
    layout = film([atom("a"), atom("b")], [CROSS])
    lines = [spoken("b", said("2.5", "4", "Here."))]
    found = captions_of(layout, lines, {"a": whole(), "b": whole(300, 30)}, FPS)
    assert found.captions == (
        Caption(Fraction(288, 30) + Fraction(3, 2), Fraction(126, 10), ("Here.",)),
    )
    assert found.notes == ()


def test_a_slowed_atom_has_its_lines_later_and_longer() -> None:
    factor = Fraction(450, 300)
    found = atom_captions([said(2, 4, "Slow")], whole(300, 0, factor), FPS)
    assert [(float(one.start), float(one.end)) for one in found.captions] == [(3, 6)]


def test_what_does_not_play_has_no_caption_and_what_half_plays_half() -> None:
    lines = [said(0, "0.9", "before"), said(2, 6, "half of it"), said(9, 10, "after")]
    found = atom_captions(lines, whole(120, 30), FPS)  # seconds 1 to 5
    assert told(found.captions) == [(1.0, 4.0, ("half of it",))]


def test_nothing_stands_over_a_card_or_a_sketch() -> None:
    card = Slot("t", SlotContent.CARD, 76)
    sketch = Slot("s", SlotContent.SKETCH, 90)
    layout = film([card, atom("a"), sketch], [CROSS, CROSS])
    lines = [spoken("a", said(0, 10, "All of the time there is.")), spoken("s", said(1, 2, "no"))]
    found = captions_of(layout, lines, {"a": whole(), "s": whole(90)}, FPS)
    assert [(float(one.start * 30), float(one.end * 30)) for one in found.captions] == [
        (76, 76 - 12 + 300 - 12)
    ]


def test_a_line_that_a_card_hides_comes_earlier_or_not_at_all() -> None:
    layout = film([atom("a"), Slot("t", SlotContent.CARD, 76)], [CROSS])
    window = {"a": whole()}
    late = [spoken("a", said("9.5", 10, "Late."))]
    found = captions_of(layout, late, window, FPS)
    assert [(one.start, one.end) for one in found.captions] == [
        (Fraction(288, 30) - SHORTEST, Fraction(288, 30))
    ]
    assert found.notes == ("a: line 1: its caption comes earlier, where there is room to read it",)
    crowded = [spoken("a", said(8, "9.5", "Quite early, but it takes its time.")), *late]
    found = captions_of(layout, crowded, window, FPS)
    assert len(found.captions) == 1
    assert "line 2: no caption" in found.notes[-1]


def test_lines_said_at_once_are_one_caption_with_a_dash_each() -> None:
    lines = [said(1, 3, "Stay!", "Mei"), said(2, 4, "No.", "Bo")]
    (one,) = atom_captions(lines, whole(), FPS).captions
    assert (float(one.start), float(one.end)) == (1, 4)
    assert one.lines == (DASH + "Stay!", DASH + "No.")
    assert one.speakers == ("Mei", "Bo")


def test_one_speaker_over_himself_has_no_dash() -> None:
    lines = [said(1, 3, "Well,", "Bo"), said(2, 4, "no.", "Bo")]
    (one,) = atom_captions(lines, whole(), FPS).captions
    assert (one.lines, one.speakers) == (("Well, no.",), ("Bo",))


def test_lines_that_only_touch_stay_apart() -> None:
    lines = [said(1, "3.1", "One.", "Bo"), said(3, 4, "Two.", "Mei")]
    found = atom_captions(lines, whole(), FPS).captions
    assert told(found) == [(1.0, 3.0, ("One.",)), (3.0, 4.0, ("Two.",))]


def test_a_fast_line_takes_of_the_silence_behind_it_but_no_more_than_it_needs() -> None:
    text = "x" * 34  # two seconds at 17 a second
    lines = [said(1, "1.5", text), said(9, 10, "end")]
    assert told(atom_captions(lines, whole(), FPS).captions)[0][:2] == (1.0, 3.0)
    lines[1] = said(2, 3, "end")
    found = atom_captions(lines, whole(), FPS)
    assert told(found.captions)[0][:2] == (1.0, 2.0)
    assert found.notes[0].startswith("line 1: 34 letters in 1 s cannot be read")


def test_neighbours_that_meet_in_a_crossfade_are_never_at_once() -> None:
    layout = film([atom("a"), atom("b")], [CROSS])
    lines = [spoken("a", said(8, 10, "Left.")), spoken("b", said(0, 2, "Right."))]
    found = captions_of(layout, lines, {"a": whole(), "b": whole()}, FPS).captions
    assert told(found) == [(8.0, 9.6, ("Left.",)), (9.6, 11.6, ("Right.",))]


def test_two_short_calls_over_one_joint_are_shown_together() -> None:
    layout = film([atom("a"), atom("b")], [CROSS])
    lines = [
        spoken("a", said("9.6", 10, "Hey!", "Mei")),
        spoken("b", said("0.1", "0.45", "Ho!", "Bo")),
    ]
    (one,) = captions_of(layout, lines, {"a": whole(), "b": whole()}, FPS).captions
    assert one.lines == (DASH + "Hey!", DASH + "Ho!")
    assert one.speakers == ("Mei", "Bo")


def test_where_the_sound_is_cut_late_so_are_the_captions() -> None:
    late = Joint(JointStyle.CUT, 0, 15, 15, 0, "", sound_at=15)
    layout = film([atom("a"), atom("b")], [late])
    lines = [spoken("a", said(8, 10, "Goes on.")), spoken("b", said(0, 3, "Then me."))]
    found = captions_of(layout, lines, {"a": whole(), "b": whole()}, FPS).captions
    assert told(found) == [(8.0, 10.0, ("Goes on.",)), (10.0, 12.5, ("Then me.",))]


def test_both_atoms_of_a_fused_slot_have_theirs() -> None:
    slot = atom("a", 480, (Played("a", 0, 250), Played("b", 240, 240)))
    layout = film([slot], [])
    lines = [spoken("a", said(1, 2, "First.")), spoken("b", said(2, 3, "Second."))]
    found = captions_of(layout, lines, {"a": whole(250), "b": whole(240, 30)}, FPS).captions
    assert told(found) == [(1.0, 2.0, ("First.",)), (9.0, 10.0, ("Second.",))]
    assert burned_for([said(2, 3, "Second.")], whole(240, 30), layout, 0, FPS, atom="b") == (
        (270, 300, ("Second.",)),
    )


def test_ten_thousand_letters() -> None:
    text = " ".join(["wordy"] * 1666)
    found = atom_captions([said(0, 10, text)], whole(), FPS)
    assert 20 <= len(found.captions) <= 25
    assert all(one.end - one.start >= SHORTEST for one in found.captions)
    assert found.captions[-1].lines[0].endswith("\u2026")
    assert "of 9995 letters" in found.notes[0]
    long = atom_captions([said(0, 600, text)], whole(18_000), FPS)
    assert " ".join(one.lines[0] for one in long.captions) == text
    assert long.notes == ()


def test_what_is_burned_knows_nothing_of_the_place_in_a_film() -> None:
    lines = [said("0.1", 2, "Early."), said(8, 10, "Late.")]
    alone = film([atom("a")], [])
    amid = film([atom("x", 200), atom("a"), atom("y", 90)], [CROSS, CUT])
    expected = ((3, 60, ("Early.",)), (240, 300, ("Late.",)))
    assert burned_for(lines, whole(), alone, 0, FPS) == expected
    assert burned_for(lines, whole(), amid, 1, FPS) == expected
    carded = film([Slot("t", SlotContent.CARD, 76), atom("a")], [CROSS])
    assert burned_for(lines, whole(), carded, 1, FPS)[0] == (12, 60, ("Early.",))


@pytest.mark.parametrize("text", ["", "  \n ", "\u202e\x07"])
def test_a_line_that_says_nothing(text: str) -> None:
    assert atom_captions([said(1, 2, text)], whole(), FPS).captions == ()


def test_atoms_without_media_or_lines() -> None:
    layout = film([atom("a")], [])
    assert captions_of(layout, [spoken("z", said(1, 2, "x"))], {"a": whole()}, FPS).captions == ()
    assert captions_of(layout, [spoken("a", said(1, 2, "x"))], {}, FPS).captions == ()


# -- pages -------------------------------------------------------------------------------------


def test_pages_end_with_sentences_where_they_can() -> None:
    text = (
        "We had the rope, wet and short. It was too much for the two of us and so we let go of it."
    )
    first, second = pages_of(text, Shape())
    assert first.endswith("short.")
    assert f"{first} {second}" == text


def test_chinese_fills_rows_of_sixteen_and_starts_none_with_a_stop() -> None:
    text = "\u6211\u4eec\u5728\u7801\u5934\u7b49\u4e86\u5f88\u4e45\uff0c" * 8
    pages = pages_of(text, Shape())
    assert "".join(pages) == text
    assert all(len(page) <= 32 for page in pages)
    assert not any(page.startswith("\uff0c") for page in pages)
    assert units("\u6211") * 16 <= 42 * NARROW < units("\u6211") * 17


def test_what_belongs_together_is_not_cut() -> None:
    family, flag = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea"
    text = (family + flag + "e\u0301") * 30
    for page in pages_of(text, Shape(1, 10)):
        assert page[0] in family[0] + flag[0] + "e"
        assert page.count(flag[0]) == page.count(flag[1])


@steady
@given(st.text(max_size=400), st.integers(1, 3), st.integers(4, 50))
def test_pages_lose_nothing_and_fit(text: str, rows: int, width: int) -> None:
    text, shape = plain(text), Shape(rows, width)
    pages = pages_of(text, shape)
    assert "".join(pages).replace(" ", "") == text.replace(" ", "")
    assert all(rows_of(page, shape) <= rows for page in pages)
    assert all(page == page.strip() and page for page in pages)


times = st.fractions(0, 12, max_denominator=1000)


@st.composite
def any_lines(draw: st.DrawFn) -> list[Said]:
    found = []
    for _ in range(draw(st.integers(0, 6))):
        start, length = draw(times), draw(st.fractions(Fraction(1, 100), 5, max_denominator=100))
        text = draw(st.text("ab \u6211.,", min_size=0, max_size=300))
        found.append(Said(start, start + length, text, draw(st.sampled_from(["", "Mei", "Bo"]))))
    return found


@steady
@given(st.data())
def test_captions_of_any_film_keep_the_rules(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    slots, windows, lines = [], {}, []
    for number in range(count):
        name = f"a{number}"
        frames = data.draw(st.integers(90, 360))
        if data.draw(st.integers(0, 3)) == 0:
            slots.append(Slot(name, SlotContent.CARD, frames))
            continue
        slots.append(atom(name, frames))
        windows[name] = Window(data.draw(st.integers(0, 60)), frames)
        lines += [spoken(name, line) for line in data.draw(any_lines())]
    joints = [data.draw(st.sampled_from([CUT, CROSS])) for _ in slots[1:]]
    layout = film(slots, joints)
    found = captions_of(layout, lines, windows, FPS)
    assert found == captions_of(layout, lines, windows, FPS)
    end = Fraction(layout.frames) / FPS
    edges = [edge for one in found.captions for edge in (one.start, one.end)]
    assert all(a <= b for a, b in pairwise(edges))
    assert not edges or 0 <= edges[0] <= edges[-1] <= end
    cards = [
        (Fraction(start) / FPS, Fraction(start + slot.frames) / FPS)
        for slot, start in zip(slots, layout.starts, strict=True)
        if slot.content is SlotContent.CARD
    ]
    for one in found.captions:
        assert one.end - one.start >= SHORTEST / 2
        assert one.lines
        assert all(line == plain(line) and line for line in one.lines)
        assert not one.speakers or len(one.speakers) == len(one.lines)
        assert all(one.end <= first or last <= one.start for first, last in cards)


# -- where somebody speaks ------------------------------------------------------------------------


def test_speech_windows_hold_lines_and_bridge_short_pauses() -> None:
    layout = film([atom("a"), atom("b")], [CROSS])
    lines = [
        spoken("a", said(2, 3, "x")),
        spoken("a", said("3.8", 5, "y")),
        spoken("b", said(4, 5, "z")),
    ]
    heard = said_in_film(layout, lines, {"a": whole(), "b": whole()}, FPS)
    assert [(float(a), float(b)) for a, b in heard] == [(2.0, 3.0), (3.8, 5.0), (13.6, 14.6)]
    windows = speech_windows(heard, GRID, layout.packets)
    assert windows is not None
    rate = 48_000 / AAC_FRAME
    assert [(round(a / rate, 1), round(b / rate, 1)) for a, b in windows] == [
        (1.7, 5.3),
        (13.3, 14.9),
    ]


def test_windows_know_times_and_no_words() -> None:
    layout = film([atom("a")], [])
    found = {
        speech_windows(
            said_in_film(layout, [spoken("a", said(1, 2, text))], {"a": whole()}, FPS), GRID, 500
        )
        for text in ("Yes.", "Something else altogether, and very much longer than that.")
    }
    assert len(found) == 1


def test_nobody_said_where() -> None:
    assert speech_windows((), GRID, 100) is None


@steady
@given(st.lists(st.tuples(times, times), max_size=8))
def test_windows_are_apart_and_within_the_film(said: list[tuple[Fraction, Fraction]]) -> None:
    ranges = [(min(pair), max(pair)) for pair in said]
    windows = speech_windows(ranges, GRID, 400) or ()
    edges = [edge for one in windows for edge in one]
    assert all(a < b for a, b in pairwise(edges))
    assert not edges or 0 <= edges[0] < edges[-1] <= 400


def test_the_fade_of_a_bed_is_whole_packets() -> None:
    assert edge_packets(BedPolicy(fade=Fraction(1)), 48_000) == 47
    assert edge_packets(BedPolicy(fade=Fraction(0)), 48_000) == 0


def test_every_mark_of_direction_that_is_kept_is_one() -> None:
    assert plain("\u200fx\u202e\u2066") == "\u200fx"
    assert unicodedata.bidirectional("\u200f") == "R"
