"""The time left, against simulated batches whose end is known."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.batch.clock import Clock


@dataclass(frozen=True)
class Told:
    """What was told at one moment, and how long it really took from there."""

    at: float
    done: float
    left: float | None
    really: float

    @property
    def wrong(self) -> float:
        assert self.left is not None
        return abs(self.left / self.really - 1)


def simulate(
    seed: int,
    *,
    workers: int,
    steps: int,
    factor: float = 1.0,
    noise: float = 0.0,
    parts: bool = True,
    used: int | None = None,
) -> list[Told]:
    """Steps of random lengths, the longest first; each takes `factor` and noise as estimated.

    `used` is how many of the workers really get something to do.
    """
    dice = random.Random(seed)
    costs = {key: dice.uniform(2, 20) for key in range(steps)}
    takes = {key: cost * factor * dice.lognormvariate(0, noise) for key, cost in costs.items()}
    now = 0.0
    clock = Clock(costs, workers, lambda: now)
    todo = sorted(costs, key=lambda key: -costs[key])
    running: dict[int, float] = {}
    told: list[tuple[float, float, float | None]] = []
    look = sum(takes.values()) / (used or workers) / 150
    while todo or running:
        while todo and len(running) < (used or workers):
            clock.started(todo[0])
            running[todo.pop(0)] = now
        following = min(running, key=lambda key: running[key] + takes[key])
        end = running[following] + takes[following]
        if (moment := len(told) * look) < end:
            now = moment
            for key, begun in running.items():
                if parts:
                    clock.part(key, (now - begun) / takes[key])
            told.append((now, clock.done, clock.seconds_left))
        else:
            now = end
            del running[following]
            clock.ended(following, takes[following])
    assert clock.seconds_left == 0
    assert clock.done == 1
    assert clock.steps_done == clock.steps == steps
    return [Told(at, done, left, now - at) for at, done, left in told if at < now]


def later(told: list[Told], share: float = 0.2) -> list[Told]:
    return [one for one in told if one.done >= share]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


@pytest.mark.parametrize("parts", [True, False], ids=["parts told", "ends told"])
@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("noise", [0.0, 0.15, 0.3])
def test_it_is_about_right_from_a_fifth_on(factor: float, noise: float, parts: bool) -> None:
    wrong = []
    for workers in (1, 2, 4, 8, 16):
        for steps in (30, 100, 300):
            for seed in range(3):
                told = simulate(
                    seed, workers=workers, steps=steps, factor=factor, noise=noise, parts=parts
                )
                wrong += [one.wrong for one in later(told)]
    assert median(wrong) <= 0.15
    assert percentile(wrong, 0.9) <= 0.35


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_estimates_that_are_right_give_the_right_time(workers: int) -> None:
    told = later(simulate(5, workers=workers, steps=100, parts=False))
    assert percentile([one.wrong for one in told], 0.9) <= 0.05


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    workers=st.integers(1, 16),
    steps=st.integers(1, 80),
    factor=st.floats(0.3, 3),
    noise=st.floats(0, 0.6),
    parts=st.booleans(),
)
def test_never_nothing_while_work_is_left(
    seed: int, workers: int, steps: int, factor: float, noise: float, parts: bool
) -> None:
    told = simulate(seed, workers=workers, steps=steps, factor=factor, noise=noise, parts=parts)
    assert all(one.left is None or one.left > 0 for one in told)
    assert all(0 <= one.done < 1 for one in told)
    shares = [one.done for one in told]
    assert shares == sorted(shares)
    assert all(
        later.left is not None for sooner, later in pairwise(told) if sooner.left is not None
    )


def test_it_does_not_jump() -> None:
    # However often it is asked, what is told moves on by little more than the time that passed.
    for seed in range(5):
        told = [one for one in simulate(seed, workers=4, steps=200, noise=0.3) if one.done > 0.2]
        for before, after in pairwise(told):
            assert before.left is not None
            assert after.left is not None
            passed = after.at - before.at
            moved = abs(after.left - (before.left - passed))
            assert moved <= 0.1 * before.left + passed


def test_workers_that_wait_for_each_other_count() -> None:
    # Sixteen could work; memory lets only four.
    told = later(simulate(1, workers=16, steps=200, used=4))
    assert median([one.wrong for one in told]) <= 0.15


def test_a_last_long_step_is_not_averaged_away() -> None:
    now = 0.0
    clock = Clock({"long": 100.0, **{f"s{n}": 1.0 for n in range(20)}}, 4, lambda: now)
    clock.started("long")
    for number in range(15):
        clock.started(f"s{number}")
        now += 1.0
        clock.ended(f"s{number}", 1.0)
    assert clock.seconds_left == pytest.approx(85.0, rel=0.01)


def test_a_long_step_that_waits_counts_among_very_many() -> None:
    now = 0.0
    clock = Clock({"long": 500.0, **dict.fromkeys(range(2000), 0.1)}, 8, lambda: now)
    for number in range(0, 800, 8):
        for key in range(number, number + 8):
            clock.started(key)
        now += 0.1
        for key in range(number, number + 8):
            clock.ended(key, 0.1)
    left = clock.seconds_left
    assert left is not None
    assert left >= 499.9


def test_very_many_steps_are_judged_like_few() -> None:
    few = later(simulate(1, workers=4, steps=400, noise=0.2))
    many = later(simulate(1, workers=4, steps=3_000, noise=0.2))
    for told in (few, many):
        assert median([one.wrong for one in told]) <= 0.05


def test_nothing_is_told_before_there_is_something_to_judge_by() -> None:
    now = 0.0
    clock = Clock({"a": 10.0, "b": 10.0}, 2, lambda: now)
    assert clock.seconds_left is None
    assert (clock.done, clock.steps, clock.steps_done) == (0.0, 2, 0)
    clock.started("a")
    clock.started("b")
    now = 3.0
    assert clock.seconds_left is None
    clock.part("a", 0.5)
    assert clock.done == 0.25
    assert clock.seconds_left == pytest.approx(3.0)
    clock.part("a", 0.1)
    assert clock.done == 0.25


def test_what_was_there_and_what_failed_says_nothing_of_the_pace() -> None:
    now = 0.0
    clock = Clock(dict.fromkeys("abcde", 10.0), 1, lambda: now)
    clock.cached("a")
    clock.started("b")
    now = 0.5
    clock.ended("b", 0.0)
    assert clock.seconds_left is None
    assert clock.done == pytest.approx(0.4)
    clock.started("c")
    now = 20.5
    clock.ended("c", 20.0)
    assert clock.seconds_left == pytest.approx(40.0, rel=0.05)


def test_a_worker_says_itself_how_long_it_took() -> None:
    # Its seconds are of the making alone; that the machine idles between steps shows as well.
    now = 0.0
    clock = Clock(dict.fromkeys(range(10), 10.0), 1, lambda: now)
    for number in range(5):
        clock.started(number)
        now += 20.0
        clock.ended(number, 4.0, seconds=5.0)
    assert clock.seconds_left == pytest.approx(25.0)


def test_what_is_queued_at_the_workers_is_not_taken_for_running() -> None:
    now = 0.0
    clock = Clock(dict.fromkeys(range(12), 10.0), 2, lambda: now)
    for number in range(12):
        clock.started(number)
    for number in range(6):
        now += 5.0
        clock.ended(number, 10.0)
    # Two at once, ten seconds each, six are left.
    assert clock.seconds_left == pytest.approx(30.0, rel=0.2)


def test_a_step_may_have_to_be_made_once_more() -> None:
    now = 0.0
    clock = Clock({"a": 10.0, "b": 10.0}, 1, lambda: now)
    clock.started("a")
    now = 10.0
    clock.ended("a", 10.0)
    clock.started("a")
    assert (clock.steps_done, clock.done) == (0, 0.0)
    clock.part("a", 0.5)
    clock.started("a")
    assert clock.done == 0.0
    now = 20.0
    clock.ended("a", 10.0)
    assert clock.steps_done == 1
    assert clock.seconds_left == pytest.approx(10.0)


def test_more_workers_come() -> None:
    now = 0.0
    clock = Clock(dict.fromkeys(range(100), 1.0), 1, lambda: now)
    for number in range(20):
        clock.started(number)
        now += 1.0
        clock.ended(number, 1.0)
    assert clock.seconds_left == pytest.approx(80.0)
    clock.workers = 4
    for number in range(20, 40, 4):
        for key in range(number, number + 4):
            clock.started(key)
        now += 1.0
        for key in range(number, number + 4):
            clock.ended(key, 1.0)
    assert clock.seconds_left == pytest.approx(15.0, rel=0.1)


def test_no_steps_at_all() -> None:
    clock: Clock[str] = Clock({}, 0)
    assert (clock.done, clock.seconds_left, clock.steps) == (1.0, 0.0, 0)
    free = Clock({"a": 0.0}, 1)
    assert free.seconds_left is None
    assert free.done == 0.0
    free.started("a")
    free.ended("a", 0.0)
    assert (free.done, free.seconds_left) == (1.0, 0.0)


def test_a_surprise_is_told_little_by_little() -> None:
    now = 0.0
    clock = Clock(dict.fromkeys(range(200), 1.0), 1, lambda: now)
    for number in range(50):
        clock.started(number)
        now += 1.0
        clock.ended(number, 1.0)
    before = clock.seconds_left
    assert before == pytest.approx(150.0)
    # As if each had taken four times as long: that much more is found to be left at once.
    for number in range(50, 60):
        clock.ended(number, 40.0, seconds=40.0)
    assert clock.seconds_left == pytest.approx(before)
    now += 1.0
    soon = clock.seconds_left
    now += 1_000.0
    late = clock.seconds_left
    assert soon is not None
    assert late is not None
    assert before < soon < 0.5 * late


def test_no_less_than_the_longest_step_is_told() -> None:
    now = 0.0
    clock = Clock({"a": 1.0, "b": 1.0, "long": 50.0}, 3, lambda: now)
    for key in ("a", "b", "long"):
        clock.started(key)
    now = 1.0
    clock.ended("a", 1.0)
    assert clock.seconds_left == pytest.approx(49.0)
    # The pace is found to be a tenth; what was told must follow at once.
    clock.ended("b", 9.0, seconds=19.0)
    assert clock.seconds_left == pytest.approx(499.0, rel=0.05)


def test_late_steps_speak_for_those_to_come() -> None:
    now = 0.0
    clock = Clock(dict.fromkeys(range(22), 10.0), 2, lambda: now)
    clock.started(0)
    clock.started(1)
    now = 10.0
    clock.ended(0, 10.0)
    clock.started(2)
    now = 11.0
    clock.ended(2, 1.0, seconds=10.0)
    clock.started(3)
    now = 50.0
    left = clock.seconds_left
    # Eighteen wait. Those that ended took 10 s, the two that run took 50 s and 39 s already.
    assert left is not None
    assert left > 18 * 20 / 2
