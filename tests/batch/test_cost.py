"""What a step is likely to cost: the constants' manners, and what is learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.batch import cost
from chainer.batch.cost import CostBook, Ratio, estimate
from chainer.batch.expand import Planners
from chainer.batch.planning import plan_batch
from chainer.making import Making
from chainer.profile import DRAFT, HOUSE
from chainer.render.make import make_step
from chainer.render.plan import Step
from chainer.render.spec import ConformSpec, JointSpec, StepType
from chainer.store import Store
from tests.batch.asked import asked_of, planned, relay_tree
from tests.film.coded import small_settings

TEXT = "- {name: t, graph: graph.json, kind: relay, path: 'n0, n1'}"


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[StepType, Step]:
    """A step of each type that any film has."""
    folder = tmp_path_factory.mktemp("cost")
    relay_tree(folder, 3, 2)
    settings = small_settings(
        folder / "store",
        card={"title": True},
        watermark={"enabled": True},
        profile=HOUSE,
        hls={"write": True},
    )
    plan = planned(TEXT, folder, settings)
    found = {one.step.type: one.step for one in plan.steps.values()}
    # Those of extended slots, texts and music are in test_story.py.
    assert set(found) == set(StepType) - {StepType.EXTEND, StepType.TEXT, StepType.BED}
    return found


def changed(step: Step, **changes: Any) -> Step:
    return replace(step, spec=replace(step.spec, **changes))


def test_every_type_of_step_costs_something(steps: dict[StepType, Step]) -> None:
    for step in steps.values():
        told = estimate(step)
        assert 0 < told.cpu_seconds < 100
        assert 1000 < told.bytes < 10**8
        assert 10 << 20 < told.memory_bytes < 1 << 30


def test_more_work_costs_more(steps: dict[StepType, Step]) -> None:
    conform = steps[StepType.CONFORM]
    spec = conform.spec
    assert isinstance(spec, ConformSpec)
    assert spec.info.video is not None
    base = estimate(conform)
    twice = estimate(changed(conform, frames=spec.frames * 2))
    assert twice.cpu_seconds > base.cpu_seconds
    assert twice.bytes == pytest.approx(2 * base.bytes, abs=2)
    draft = estimate(changed(conform, profile=DRAFT))
    assert draft.cpu_seconds < base.cpu_seconds
    assert draft.bytes < base.bytes
    assert draft.memory_bytes < base.memory_bytes
    slow = estimate(changed(conform, profile=HOUSE.model_copy(update={"preset": "veryslow"})))
    assert slow.cpu_seconds > base.cpu_seconds
    video = spec.info.video.model_copy(update={"width": 3840, "height": 2160})
    large = estimate(changed(conform, info=spec.info.model_copy(update={"video": video})))
    assert large.cpu_seconds > base.cpu_seconds
    assert large.memory_bytes > base.memory_bytes
    assert large.bytes == base.bytes
    late = estimate(changed(conform, first=30, frames=spec.frames))
    assert late.cpu_seconds >= base.cpu_seconds
    joint = steps[StepType.JOINT]
    assert isinstance(joint.spec, JointSpec)
    longer = changed(joint, out=joint.spec.out + 30)
    assert estimate(longer).cpu_seconds > estimate(joint).cpu_seconds


def test_presets_are_all_known_and_in_order() -> None:
    costs = list(cost._ENCODE.values())
    assert costs == sorted(costs)
    for preset in cost._ENCODE:
        HOUSE.model_copy(update={"preset": preset})
        assert type(HOUSE).model_validate({"name": "x", "preset": preset}).preset in cost._ENCODE


def test_what_steps_cost_is_learned_by_type_and_profile(
    steps: dict[StepType, Step], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    book = CostBook(store)
    conform, joint = steps[StepType.CONFORM], steps[StepType.JOINT]
    plain = estimate(conform)
    book.learn(conform, plain.cpu_seconds * 3, plain.bytes * 2)
    assert book.estimate(conform).cpu_seconds == pytest.approx(plain.cpu_seconds * 3)
    assert book.estimate(conform).bytes == pytest.approx(plain.bytes * 2, rel=1e-6)
    assert book.estimate(conform).memory_bytes == plain.memory_bytes
    assert book.estimate(joint) == estimate(joint)
    other = changed(conform, profile=DRAFT)
    assert book.estimate(other) == estimate(other)
    assert CostBook(store).ratio(conform) == Ratio()  # not kept yet
    book.save()
    again = CostBook(store)
    assert again.ratio(conform) == book.ratio(conform) == Ratio(*again_numbers(book, conform))
    assert again.ratio(conform).seen == 1
    again.learn(conform, plain.cpu_seconds * 3, plain.bytes * 2)
    assert again.estimate(conform).cpu_seconds == pytest.approx(plain.cpu_seconds * 3)


def again_numbers(book: CostBook, step: Step) -> tuple[float, float, int]:
    ratio = book.ratio(step)
    return ratio.cpu, ratio.bytes, ratio.seen


def test_the_first_steps_count_evenly_and_later_ones_fade() -> None:
    ratio = Ratio()
    for value in (4.0, 1.0):
        ratio = ratio.with_step(value, 1.0)
    assert ratio.cpu == pytest.approx(2.0)  # as factors
    for _ in range(60):
        ratio = ratio.with_step(0.5, 1.0)
    assert ratio.cpu == pytest.approx(0.5, rel=1e-4)
    wild = ratio.with_step(1e300, 1.0)
    assert wild.cpu < ratio.cpu * 3  # one odd step does not spoil it


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e300, allow_subnormal=True), st.floats(0, 1e300, allow_subnormal=True)
        ),
        max_size=30,
    )
)
def test_a_ratio_stays_within_bounds(pairs: list[tuple[float, float]]) -> None:
    ratio = Ratio()
    for cpu, size in pairs:
        ratio = ratio.with_step(cpu, size)
        assert 1 / 50 <= ratio.cpu <= 50
        assert 1 / 50 <= ratio.bytes <= 50


@pytest.mark.parametrize("cpu", [0.0, -1.0, float("nan"), float("inf")])
def test_what_cannot_be_is_not_learned(
    steps: dict[StepType, Step], tmp_path: Path, cpu: float
) -> None:
    book = CostBook(Store(tmp_path))
    step = steps[StepType.CONFORM]
    book.learn(step, cpu, 1000)
    book.learn(step, 1.0, 0)
    assert book.ratio(step) == Ratio()


@pytest.mark.parametrize(
    "kept",
    [
        {"cpu": 0, "bytes": 1, "seen": 1},
        {"cpu": 1e9, "bytes": 1, "seen": 1},
        {"cpu": "2", "bytes": 1, "seen": 1},
        {"cpu": float("nan"), "bytes": 1, "seen": 1},
        {"cpu": 2, "bytes": 1, "seen": -4},
        {"cpu": 2, "bytes": 1},
    ],
)
def test_a_damaged_note_is_nothing_learned(
    steps: dict[StepType, Step], tmp_path: Path, kept: dict[str, Any]
) -> None:
    store, step = Store(tmp_path), steps[StepType.CONFORM]
    store.remember(cost._slot(step), kept)
    assert CostBook(store).ratio(step) == Ratio()


def test_a_real_step_teaches_the_book(tmp_path: Path) -> None:
    """What a real step cost is taken in whole, and the next estimate is just that."""
    relay_tree(tmp_path, 1, 1)
    settings = small_settings(tmp_path / "store")
    planners = Planners()
    text = "- {name: t, graph: graph.json, kind: relay, start: n0}"
    jobs = asked_of(text, tmp_path, settings, planners)
    store = Store(tmp_path / "store")
    book = CostBook(store)
    (job,) = plan_batch(jobs, planners, estimate=book.estimate).jobs
    assert job.plan is not None
    with Making.of(job.plan, tmp_path / "film") as making:
        step = job.plan.render.steps[0]
        done = make_step(step, making.kitchen)
    assert done.ran
    assert done.cpu_seconds > 0
    book.learn(step, done.cpu_seconds, done.record.size)
    book.save()
    told = CostBook(store).estimate(step)
    plain = estimate(step)
    assert told.bytes == pytest.approx(done.record.size, rel=1e-3)
    bounded = min(max(done.cpu_seconds / plain.cpu_seconds, 1 / 50), 50)
    assert told.cpu_seconds == pytest.approx(plain.cpu_seconds * bounded)
