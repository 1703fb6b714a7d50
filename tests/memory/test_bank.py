"""The exemplar bank keeps what is unlike all else, however long ago it was shown."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.memory.bank import banked, exemplar_of, with_one
from chainer.memory.grade import apply_grade
from chainer.memory.policy import MemoryPolicy
from chainer.memory.state import Exemplar, FrameRef
from chainer.memory.world import difference, thumb_from, thumb_of

from .made import DARKER
from .scene import exposure, flat, lit, observed, scene

POLICY = MemoryPolicy()


def exemplar(look: int, number: int, *, sink: bool = False, shade: float = 0.0) -> Exemplar:
    """The picture `number` of a chain, which shows set-up `look`."""
    thumb = np.random.default_rng(look).integers(0, 256, 32 * 18, dtype=np.uint8).tobytes()
    return Exemplar(
        FrameRef(f"{number:064x}", 0),
        f"a{number}",
        Fraction(0),
        thumb,
        (50.0 + shade, 0.0, 0.0),
        sink=sink,
    )


def looks(bank: tuple[Exemplar, ...]) -> list[bytes]:
    return [one.thumb for one in bank]


def filled(count: int, policy: MemoryPolicy = POLICY) -> tuple[Exemplar, ...]:
    """A bank to which `count` pictures without likeness were given, the first ones as sinks."""
    bank: tuple[Exemplar, ...] = ()
    for number in range(count):
        bank = with_one(bank, exemplar(number, number, sink=number < policy.sinks), policy)
    return bank


def test_it_holds_no_more_than_its_size() -> None:
    assert len(filled(15)) == 15
    assert len(filled(16)) == len(filled(40)) == 16
    assert len(filled(40, MemoryPolicy(bank=5))) == 5


def test_the_first_ones_stay_and_so_do_the_two_newest() -> None:
    for count in range(3, 40):
        names = [one.atom for one in filled(count)]
        assert names[:3] == ["a0", "a1", "a2"]
        assert names[-2:] == [f"a{count - 2}", f"a{count - 1}"]


def test_a_picture_that_repeats_another_takes_its_place() -> None:
    bank = filled(6)
    again = with_one(bank, exemplar(4, 99), POLICY)
    assert looks(again) == looks(bank)
    assert [one.atom for one in again] == ["a0", "a1", "a2", "a3", "a99", "a5"]


def test_a_sink_is_not_replaced() -> None:
    bank = filled(6)
    assert with_one(bank, exemplar(1, 99), POLICY) == bank


def test_a_picture_in_clearly_another_light_is_another_picture() -> None:
    bank = with_one((), exemplar(1, 0), POLICY)
    assert len(with_one(bank, exemplar(1, 1, shade=2.0), POLICY)) == 1
    assert len(with_one(bank, exemplar(1, 1, shade=20.0), POLICY)) == 2


def test_the_most_redundant_one_goes() -> None:
    """Number 20 lies near number 7, though not near enough to be one with it."""
    bank = filled(16)
    near = replace(exemplar(7, 20), lab=(60.0, 0.0, 0.0))
    after = with_one(bank, near, POLICY)
    assert {one.atom for one in bank} - {one.atom for one in after} == {"a7"}
    assert after[-1] == near


@pytest.mark.parametrize("seed", range(5))
def test_setups_seen_again_in_any_order_are_all_remembered(seed: int) -> None:
    order = np.random.default_rng(seed)
    bank: tuple[Exemplar, ...] = ()
    shown: set[int] = set()
    for number in range(60):
        look = int(order.integers(0, 8))
        # Each time in slightly another light, near the limit of being the same picture.
        shade = float(order.uniform(-6, 6))
        sink = sum(one.sink for one in bank) < POLICY.sinks
        bank = with_one(bank, exemplar(look, number, shade=shade, sink=sink), POLICY)
        shown.add(look)
        assert {exemplar(one, 0).thumb for one in shown} == set(looks(bank))


entries = st.lists(st.tuples(st.integers(0, 30), st.floats(-30, 30)), max_size=40)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(entries, st.integers(8, 16), st.integers(0, 4))
def test_whatever_comes_the_bank_keeps_its_promises(
    given_: list[tuple[int, float]], size: int, sinks: int
) -> None:
    policy = MemoryPolicy(bank=size, sinks=sinks)
    bank: tuple[Exemplar, ...] = ()
    for number, (look, shade) in enumerate(given_):
        before = bank
        sink = sum(one.sink for one in bank) < sinks
        new = exemplar(look, number, shade=shade, sink=sink)
        bank = with_one(bank, new, policy)
        assert len(bank) <= size
        assert [one for one in before if one.sink] == [one for one in bank if one.sink][
            : sum(one.sink for one in before)
        ]
        mine = thumb_from(new.thumb, new.lab)
        gaps = [difference(mine, thumb_from(one.thumb, one.lab)) for one in before]
        assert any(one.thumb == new.thumb for one in bank)
        if min(gaps, default=1) > 0.13:
            assert bank[-1] == new
            assert bank[-2:-1] == before[-1:]
        assert set(bank) <= {*before, new, replace(new, sink=False)}


@pytest.mark.parametrize(("size", "sinks"), [(4, 8), (4, 3), (8, 8)])
def test_a_bank_of_little_else_than_sinks_is_no_fault(size: int, sinks: int) -> None:
    assert len(filled(12, MemoryPolicy(bank=size, sinks=sinks))) == size


# -- from clips ----------------------------------------------------------------------------------


def test_a_clip_brings_its_own_pictures_the_first_ones_as_sinks() -> None:
    seen = observed(np.concatenate([scene(1, 0, 6), scene(2, 0, 6)]))
    bank = banked((), seen, "a0", None, POLICY)
    assert 2 <= len(bank) <= len(seen.stills)
    assert all(one.sink for one in bank[: POLICY.sinks])
    assert {one.ref.observation for one in bank} == {seen.key}
    later = banked(bank, observed(scene(3, 0, 6)), "a1", None, POLICY)
    assert {one.atom for one in later} == {"a0", "a1"}
    assert sum(one.sink for one in later) <= POLICY.sinks


def test_a_clip_seen_twice_brings_nothing_new() -> None:
    seen = observed(scene(1, 0, 6))
    bank = banked((), seen, "a0", None, POLICY)
    assert looks(banked(bank, seen, "a0", None, POLICY)) == looks(bank)


def test_a_black_clip_is_not_kept() -> None:
    bank = banked((), observed(scene(1, 0, 6)), "a0", None, POLICY)
    assert banked(bank, observed(flat((0, 0, 0))), "a1", None, POLICY) == bank


def test_an_exemplar_is_kept_as_it_is_shown() -> None:
    seen = observed(lit(scene(1, 0, 3), exposure(0.2)))
    plain, graded = (exemplar_of(seen, 0, "a0", grade) for grade in (None, DARKER))
    shown = thumb_of(apply_grade(seen.first.pixels, DARKER))
    assert graded.lab == shown.mean
    assert graded.lab[0] < plain.lab[0] - 2
    assert graded.grade == DARKER
    assert graded.ref == FrameRef(seen.key, 0)
    assert difference(thumb_from(graded.thumb, graded.lab), shown) < 0.01
