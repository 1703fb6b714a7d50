"""How an extended slot is filled: exact, by what is there, and only where it is earned."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import InputError, PolicyRefused
from chainer.graph.atom import Slot
from chainer.graph.words import SlotFill
from chainer.timebase import to_frames
from chainer.timeline.fill import (
    HOLD_SECONDS,
    WAYS,
    Filled,
    Offer,
    choose_fill,
    refuse_unearned,
    slowed_share,
    usual_overlap,
)
from chainer.timeline.used import SlotPolicy

FPS = Fraction(30)
POLICY = SlotPolicy()


def fill(
    asked: SlotFill | None, wanted: int, own: int, then: int | None = None, **more: object
) -> Filled:
    return choose_fill(asked, wanted, own, then, POLICY, FPS, lambda offer: 1.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "own", "then", "way"),
    [
        (450, 450, None, SlotFill.SOURCE),
        (450, 600, 300, SlotFill.SOURCE),
        (450, 300, 300, SlotFill.FUSE),
        (450, 300, 166, SlotFill.FUSE),
        (450, 300, 165, SlotFill.STRETCH),  # one frame short of the overlap
        (450, 300, 333, SlotFill.STRETCH),  # less than half of the continuation would play
        (450, 300, None, SlotFill.STRETCH),
        (450, 299, None, SlotFill.HOLD),
        (450, 270, None, SlotFill.HOLD),
        (450, 447, 300, SlotFill.HOLD),  # so little is missing
        (450, 446, 300, SlotFill.STRETCH),
    ],
)
def test_auto_takes_the_first_way_that_is_possible(
    wanted: int, own: int, then: int | None, way: SlotFill
) -> None:
    found = fill(SlotFill.AUTO, wanted, own, then)
    assert found.way is way
    assert found.frames == wanted
    assert found == fill(None, wanted, own, then)
    assert [one.way for one in found.others] == list(WAYS)


def test_a_fused_slot_says_what_is_cut() -> None:
    found = fill(SlotFill.FUSE, 450, 300, 300)
    assert (found.own, found.then, found.overlap, found.dropped) == (300, 166, 16, 134)
    assert found.own + found.then - found.overlap == 450
    assert "its last 4.47 s are cut" in found.why
    assert found.synthetic == 0
    assert fill(SlotFill.FUSE, 450, 300, 300, morph=True).synthetic == Fraction(16, 450)


def test_what_is_made_is_counted() -> None:
    assert fill(SlotFill.STRETCH, 450, 300).synthetic == Fraction(2, 3)
    assert fill(SlotFill.HOLD, 450, 300).synthetic == Fraction(1, 3)
    assert fill(SlotFill.SOURCE, 450, 450).synthetic == 0
    assert fill(SlotFill.STRETCH, 450, 300, rate=Fraction(60)).synthetic == 0
    assert slowed_share(450, 300, FPS, Fraction(24)) == Fraction(14, 15)


@given(st.integers(450, 600), st.integers(2, 599), st.sampled_from([24, 25, 30, 48, 60]))
@settings(derandomize=True, deadline=None)
def test_the_share_is_that_of_frames_between_two_pictures(wanted: int, own: int, rate: int) -> None:
    step = Fraction(own, wanted) * rate / FPS
    between = sum((k * step).denominator != 1 for k in range(wanted)) if step < 1 else 0
    assert slowed_share(wanted, own, FPS, Fraction(rate)) == Fraction(between, wanted)


@given(
    st.sampled_from([SlotFill.AUTO, *WAYS]),
    st.integers(450, 600),
    st.integers(8, 700),
    st.none() | st.integers(8, 400),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_whatever_is_chosen_fills_the_slot_exactly_or_is_refused(
    asked: SlotFill, wanted: int, own: int, then: int | None
) -> None:
    error = None
    try:
        found = fill(asked, wanted, own, then)
    except InputError as caught:
        error = caught
    if error is not None:
        assert error.code == "fill"
        possible = error.facts["possible"]
        assert asked.value not in possible
        for name in possible:
            fill(SlotFill(name), wanted, own, then)
        assert asked is not SlotFill.AUTO or not possible
        return
    assert asked in (SlotFill.AUTO, found.way)
    assert 0 <= found.synthetic < 1
    if found.way is SlotFill.SOURCE:
        assert found.own == wanted <= own
    elif found.way is SlotFill.FUSE:
        assert then is not None
        assert found.own + found.then - found.overlap == wanted
        assert found.then + found.dropped == then <= 2 * found.then
        assert 2 <= found.overlap <= min(own, found.then)
    elif found.way is SlotFill.STRETCH:
        assert own < wanted <= own * POLICY.stretch
    else:
        assert wanted - own <= HOLD_SECONDS * FPS


def test_a_named_way_that_cannot_be_says_what_would() -> None:
    with pytest.raises(InputError, match=r"plays 10\.00 s; use \"stretch\" or hold") as caught:
        fill(SlotFill.SOURCE, 450, 300)
    assert caught.value.exit_status == 2
    with pytest.raises(InputError, match=r"held for 10\.00 s, at most 6 s"):
        fill(SlotFill.HOLD, 600, 300)
    with pytest.raises(InputError, match=r"give media of at least 14\.00 s"):
        fill(SlotFill.AUTO, 600, 300)
    with pytest.raises(InputError, match="no standard atom follows"):
        fill(SlotFill.FUSE, 450, 300)
    assert fill(SlotFill.HOLD, 480, 300).way is SlotFill.HOLD
    with pytest.raises(InputError):
        fill(SlotFill.HOLD, 481, 300)


def test_older_words() -> None:
    assert fill(SlotFill.SLOW, 450, 300).way is SlotFill.STRETCH
    for word in (SlotFill.LOOP, SlotFill.CARD):
        with pytest.raises(InputError, match=f'not filled by "{word.value}"') as caught:
            fill(word, 450, 300)
        assert caught.value.code == "fill"


def test_every_possible_way_has_its_cost() -> None:
    def cost(offer: Offer) -> float:
        return 100.0 * WAYS.index(offer.way) + offer.made

    found = choose_fill(SlotFill.AUTO, 450, 300, 300, POLICY, FPS, cost)
    costs = {one.way: one.cpu_seconds for one in found.others}
    assert costs == {
        SlotFill.SOURCE: None,
        SlotFill.FUSE: 100.0,
        SlotFill.STRETCH: 500.0,
        SlotFill.HOLD: 450.0,
    }
    assert found.cpu_seconds == 100.0


def test_the_overlap_is_about_half_a_second_on_the_grid_where_there_is_one() -> None:
    found = {fps: usual_overlap(Fraction(fps)) for fps in (24, 25, 30, 48, 50, 60)}
    assert found == {24: 12, 25: 16, 30: 16, 48: 24, 50: 32, 60: 32}


def extended(scenario: str | None = None) -> Slot:
    return Slot.model_validate({"kind": "extended", "seconds": 15, "scenario": scenario})


def test_standard_slots_need_no_scenario() -> None:
    refuse_unearned([("a", Slot()), ("b", Slot())], POLICY)


@pytest.mark.parametrize("scenario", ["brand_short", "Brand short", " BRAND-SHORT "])
def test_a_scenario_may_be_spelled_otherwise(scenario: str) -> None:
    slots = [("a", extended(scenario))]
    refuse_unearned(slots, POLICY)
    with pytest.raises(PolicyRefused, match="at most 1 are allowed: a, b") as caught:
        refuse_unearned([*slots, ("b", extended("brand_short"))], POLICY)
    assert caught.value.facts["atoms"] == ["a", "b"]


@pytest.mark.parametrize("scenario", [None, "", "prestige"])
def test_an_extended_slot_must_be_earned(scenario: str | None) -> None:
    slot = extended() if not scenario else extended(scenario)
    with pytest.raises(PolicyRefused, match="atom b: ") as caught:
        refuse_unearned([("a", Slot()), ("b", slot)], POLICY)
    assert caught.value.code == "scenario"
    assert caught.value.exit_status == 4
    assert "story_challenge" in str(caught.value)


def test_the_episode_may_name_it_and_each_has_its_own_limit() -> None:
    policy = SlotPolicy(scenario="Story challenge", scenarios={"Story-Challenge": 2, "x": 1})
    slots = [("a", extended()), ("b", extended("x")), ("c", extended())]
    refuse_unearned(slots, policy)
    with pytest.raises(PolicyRefused, match="3 extended slots of the scenario story_challenge"):
        refuse_unearned([*slots, ("a", extended())], policy)
    with pytest.raises(PolicyRefused, match="at most 0"):
        refuse_unearned([("a", extended("y"))], SlotPolicy(scenarios={"y": 0}))


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("seconds", ["15", "16.7", "20"])
def test_lengths_are_whole_frames_at_every_rate(fps: int, seconds: str) -> None:
    wanted = to_frames(Fraction(seconds), Fraction(fps))
    own = to_frames(Fraction(14), Fraction(fps))
    found = choose_fill(
        SlotFill.STRETCH, wanted, own, None, POLICY, Fraction(fps), lambda offer: 0.0
    )
    assert found.frames == wanted
