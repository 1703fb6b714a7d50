"""What an edge asks of its joint, as the timeline hears it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.graph import Atom, Edge, Leg
from chainer.memory.point import Point
from chainer.memory.report import JointClass
from chainer.timebase import AvGrid
from chainer.timeline import JointPolicy, JointWish, Slot, choose_joint, lay_out
from chainer.timeline.joint import JointStyle
from chainer.timeline.script import author_seconds, joint_wish, shown, slots_by_atom
from chainer.timeline.slot import Played, SlotContent


def wish(
    joint: dict[str, Any] | None,
    *memory: JointClass,
    drift: bool = False,
    point: Point | None = None,
) -> JointWish:
    """Of an edge from a morning to a place where nobody says the time."""
    ends = {"source": "a", "target": "b", "kind": "continuation"}
    edge = Edge.model_validate({**ends, "joint": joint} if joint is not None else ends)
    before, after = (
        Atom.model_validate({"id": name, "media": "x.mp4", "author": "p", **more})
        for name, more in (("a", {"time_of_day": "morning"}), ("b", {}))
    )
    return joint_wish(Leg("b", edge), before, after, *memory, drift=drift, point=point)


def test_an_edge_that_asks_for_nothing_leaves_all_open() -> None:
    assert wish(None) == wish({}) == wish({"kind": "auto", "seconds": 1}) == JointWish()


@pytest.mark.parametrize("kind", JointClass)
@pytest.mark.parametrize("drift", [True, False])
def test_what_was_seen_goes_along(kind: JointClass, drift: bool) -> None:
    assert wish(None, kind, drift=drift) == JointWish(kind=kind, drift=drift)
    assert wish({"kind": "fade", "seconds": "1/2"}, kind, drift=drift) == JointWish(
        style=JointStyle.FADE, seconds=Fraction(1, 2), kind=kind, drift=drift
    )


@pytest.mark.parametrize("style", [JointStyle.MATCH, JointStyle.MORPH])
def test_a_match_takes_the_point_that_was_found(style: JointStyle) -> None:
    asked = {"kind": style.value, "seconds": 1}
    seen = wish(asked, JointClass.SAME_SETUP)
    assert seen == JointWish(style=style, kind=JointClass.SAME_SETUP), "its length is what is found"
    point = Point(left=3, right=0, made=0, plain=2.0, score=0.5, why="they join")
    assert wish(asked, point=point) == JointWish(style=style, point=point)


def test_the_sound_may_lead_or_lag_where_the_picture_is_cut() -> None:
    leads = wish({"kind": "cut", "lead": "2/5"})
    assert leads == JointWish(style=JointStyle.CUT, lead=Fraction(2, 5))
    lags = wish({"lag": "1/2"}, JointClass.SEAMLESS)
    assert lags == JointWish(style=JointStyle.CUT, lag=Fraction(1, 2), kind=JointClass.SEAMLESS)


def test_around_a_card_all_is_open() -> None:
    found = wish({"kind": "card", "text": "Later"}, JointClass.SEAMLESS)
    assert (found.style, found.seconds, found.note) == (None, None, "")


ATOMS = st.lists(st.integers(20, 300), min_size=1, max_size=6)


@given(ATOMS, st.data())
def test_what_is_shown_adds_up_to_the_film(frames: list[int], data: st.DataObject) -> None:
    grid = AvGrid(Fraction(30), 48_000)
    kinds = [data.draw(st.sampled_from(list(SlotContent))) for _ in frames]
    slots = [
        Slot(f"s{n}", kind, count)
        for n, (kind, count) in enumerate(zip(kinds, frames, strict=True))
    ]
    styles = (JointStyle.CUT, JointStyle.CROSSFADE, JointStyle.FADE)
    wishes = [
        JointWish(
            style=data.draw(st.sampled_from(styles)),
            lag=data.draw(st.sampled_from([None, Fraction(1, 5)])),
        )
        for _ in slots[1:]
    ]
    joints = [
        choose_joint(left, right, one, JointPolicy(), Fraction(30), grid)
        for (left, right), one in zip(pairwise(slots), wishes, strict=True)
    ]
    layout = lay_out(slots, joints, grid, 3)
    told = shown(layout)
    assert [one.atom for one in told] == [
        slot.name for slot in slots if slot.content is not SlotContent.CARD
    ]
    assert all(0 < one.frames <= layout.slots[one.slot].frames for one in told)
    if SlotContent.CARD not in kinds:
        black = sum(joint.gap for joint in joints)
        assert sum(one.frames for one in told) == layout.frames - black
    authors = {one.atom: "x" if one.slot % 2 else "y" for one in told}
    seconds = author_seconds(layout, authors, Fraction(30))
    assert sum(told for _, told in seconds) == sum(one.frames for one in told) / 30
    assert list(seconds) == sorted(seconds, key=lambda one: (-one[1], one[0]))


def test_two_atoms_of_one_shot_share_what_both_show() -> None:
    plays = (Played("a", 0, 200), Played("b", 180, 120))
    layout = lay_out(
        [Slot("a+b", SlotContent.ATOM, 300, plays)], [], AvGrid(Fraction(30), 48_000), 3
    )
    assert [(one.atom, one.frames) for one in shown(layout)] == [("a", 190), ("b", 110)]
    assert slots_by_atom(layout) == {"a": 0, "b": 0}
