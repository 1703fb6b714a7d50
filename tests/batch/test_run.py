"""A batch as it is run: films over a few tiny clips, whatever goes wrong on the way."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from chainer.batch.ask import plan_jobs
from chainer.batch.clock import BatchProgress
from chainer.batch.local import LocalExecutor
from chainer.batch.plan import BatchPlan
from chainer.batch.report import BatchReport
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.batch.work import StepResult, StepWork
from chainer.compose import plan_episode, render_episode
from chainer.digest import file_digest
from chainer.errors import Cancelled, InputError, RenderError, StoreError
from chainer.graph import WalkKind, load_graph
from chainer.render.encoder import find_ffmpeg
from chainer.render.plan import Why
from chainer.settings import Settings
from chainer.store import Presence, Store
from chainer.store import verify as verify_store
from tests.batch.asked import write_clips, write_graph
from tests.film.coded import small_settings


def settings_in(folder: Path, **changes: Any) -> Settings:
    return small_settings(folder / "store", **changes)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clips(folder, 5)
    return folder


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Where a batch is made."""
    return tmp_path


def graph_of(world: Path, clips: Path, **nodes: dict[str, Any]) -> Path:
    """A tree of five atoms with three leaves: c0 → c1 → c2, c1 → c3, c0 → c4 (a remix)."""
    folder = world / "graph"
    (folder / "media").mkdir(parents=True, exist_ok=True)
    for clip in sorted((clips / "media").glob("c*.mp4")):
        os.link(clip, folder / "media" / clip.name)
    names = [f"c{number}" for number in range(5)]
    return write_graph(
        folder,
        [
            {"id": name, "media": f"media/{name}.mp4", "author": f"p-{name}", **nodes.get(name, {})}
            for name in names
        ],
        [
            ("c0", "c1", "continuation"),
            ("c1", "c2", "continuation"),
            ("c1", "c3", "continuation"),
            ("c0", "c4", "remix"),
        ],
    )


def jobs_file(world: Path, *entries: dict[str, Any]) -> Path:
    path = world / "jobs.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def tree(graph: Path, name: str = "tree") -> dict[str, Any]:
    return {"name": name, "all_chains": {"graph": str(graph), "start": "c0", "kind": "relay"}}


def asked(world: Path, *entries: dict[str, Any], **changes: Any) -> tuple[BatchPlan, Settings]:
    settings = settings_in(world, **changes)
    return plan_jobs(jobs_file(world, *entries), world / "out", settings=settings), settings


def ffmpegs() -> list[int]:
    """FFmpeg processes below this one."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "ffmpeg" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def states(report: BatchReport) -> dict[str, JobState]:
    return {row.name: row.state for row in report.jobs}


def written(world: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((world / "out/report.json").read_text(encoding="utf-8"))
    return value


def test_every_step_runs_once_and_films_are_those_of_single_renders(
    world: Path, clips: Path
) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    assert len(plan.jobs) == 3
    asked_for = sum(len(one.plan.render.steps) for one in plan.jobs if one.plan is not None)
    assert asked_for > len(plan.steps), "the chains share steps"
    shares: list[float] = []
    report = run_batch(
        plan, world / "out", settings=settings, on_progress=lambda now: shares.append(now.done)
    )
    assert report.batch.exit_status == 0
    assert set(states(report).values()) == {JobState.DONE}
    assert report.batch.steps.run == len(plan.steps)
    assert sum(row.ran for row in report.jobs) == len(plan.steps)
    assert all(after > before - 1e-9 for before, after in pairwise(shares)), "it never goes back"
    assert written(world)["batch"]["exit_status"] == 0

    alone = settings_in(world / "alone")
    for one in plan.jobs:
        assert one.plan is not None
        single = plan_episode(load_graph(graph), chain=one.plan.chain, settings=alone)
        render_episode(single, world / "single" / one.job.name)
        assert file_digest(world / "single" / one.job.name / "episode.mp4") == file_digest(
            one.job.out / "episode.mp4"
        )
    assert verify_store(Store(world / "store")).whole


def test_the_same_batch_again_does_nothing(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    run_batch(plan, world / "out", settings=settings)
    before = {path: path.stat().st_mtime_ns for path in sorted(world.glob("out/*/episode.mp4"))}
    plan, settings = asked(world, tree(graph))
    assert {one.step.why for one in plan.steps.values()} == {Why.CACHED}
    report = run_batch(plan, world / "out", settings=settings, executor=_Nobody())
    assert all(row.kept for row in report.jobs)
    assert {path: path.stat().st_mtime_ns for path in sorted(before)} == before

    # One folder is gone: that film is put together again, from the store alone.
    (world / "out" / plan.jobs[1].job.name / "episode.mp4").unlink()
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings, executor=_Nobody())
    assert [row.kept for row in report.jobs] == [True, False, True]
    assert report.batch.steps.run == 0
    assert plan.jobs[1].job.out.joinpath("episode.mp4").is_file()


def test_one_bad_job_harms_no_other(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    data = bytearray((clips / "media/c2.mp4").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    bad = graph.parent / "media/c2.mp4"
    bad.unlink()
    bad.write_bytes(data)
    nothing = {"name": "nothing", "graph": str(world / "none.json"), "start": "c0"}
    plan, settings = asked(world, tree(graph), nothing)
    report = run_batch(plan, world / "out", settings=settings)
    assert report.batch.exit_status == 7
    failed = {row.name: row for row in report.jobs if row.state is JobState.FAILED}
    broken = next(name for name in failed if name != "nothing")
    assert set(failed) == {broken, "nothing"}
    assert failed["nothing"].error is not None
    assert failed["nothing"].error["exit_status"] == 2
    assert failed[broken].error is not None
    assert failed[broken].error["exit_status"] == 3
    assert failed[broken].log is not None
    assert "c2.mp4" in Path(failed[broken].log).read_text(encoding="utf-8")
    assert not (world / "out" / broken).exists()
    assert sorted(path.parent.name for path in world.glob("out/*/episode.mp4")) == sorted(
        name for name, state in states(report).items() if state is JobState.DONE
    )

    # It failed the same before: it is told again, and tried again only when asked.
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings, executor=_Nobody())
    row = next(row for row in report.jobs if row.name == broken)
    assert (row.state, row.kept, row.attempts) == (JobState.FAILED, True, 1)
    assert report.batch.exit_status == 7
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings, retry_failed=True)
    row = next(row for row in report.jobs if row.name == broken)
    assert (row.state, row.kept, row.attempts) == (JobState.FAILED, False, 2)

    # Mended, it is another film, and is made.
    bad.unlink()
    os.link(clips / "media/c2.mp4", bad)
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings)
    assert report.batch.exit_status == 0
    assert not (world / "out/logs" / f"{broken}.log").exists()


def test_fail_fast_begins_nothing_new(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    nothing = {"name": "nothing", "graph": str(world / "none.json"), "start": "c0"}
    plan, settings = asked(world, nothing, tree(graph))
    report = run_batch(plan, world / "out", settings=settings, fail_fast=True, executor=_Nobody())
    assert report.batch.exit_status == 7
    assert report.batch.jobs.waiting == 3
    report = run_batch(plan, world / "out", settings=settings)
    assert report.batch.jobs.done == 3


def test_cancel_finishes_what_runs_and_the_next_run_does_the_rest(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    cancel = threading.Event()
    begun: list[str] = []

    def watch(store: Store) -> LocalExecutor:
        return _Watching(store, settings, lambda work: (begun.append(work.key), cancel.set()))

    with pytest.raises(Cancelled):
        run_batch(
            plan,
            world / "out",
            settings=settings,
            executor=watch(Store(world / "store")),
            cancel=cancel,
        )
    assert begun
    store = Store(world / "store")
    made = [key for key in plan.steps if store.find(key)[0] is Presence.CACHED]
    assert sorted(made) == sorted(begun), "what was begun was finished, and nothing else begun"
    told = written(world)
    assert told["batch"]["exit_status"] == 130
    assert {row["state"] for row in told["jobs"]} == {"waiting"}
    assert not ffmpegs()
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings)
    assert report.batch.jobs.done == 3
    assert report.batch.steps.run == len(plan.steps) - len(made)


def test_stop_kills_what_runs(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    stop = threading.Event()
    executor = _Watching(Store(world / "store"), settings, lambda _: stop.set())
    with pytest.raises(Cancelled):
        run_batch(plan, world / "out", settings=settings, executor=executor, stop=stop)
    assert not ffmpegs()
    assert not list((world / "store/tmp").iterdir())
    assert not list(world.glob("out/*/episode.mp4"))
    assert written(world)["batch"]["exit_status"] == 130


def test_a_lost_piece_is_made_again(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    store = Store(world / "store")
    spoilt: list[str] = []

    def spoil(work: StepWork) -> None:
        """Before the first joint is made, one of its neighbours is damaged."""
        if work.step.type.value == "joint" and not spoilt:
            need = work.step.needs[0]
            _, record = store.find(need)
            assert record is not None
            path = store.path_of(record.files["piece"].digest)
            path.write_bytes(bytes(path.stat().st_size))
            spoilt.append(need)

    seen: list[BatchProgress] = []
    report = run_batch(
        plan,
        world / "out",
        settings=settings,
        executor=_Watching(store, settings, spoil),
        on_progress=seen.append,
    )
    assert spoilt
    assert all(before.done <= after.done for before, after in pairwise(seen))
    assert (seen[-1].done, seen[-1].jobs_done) == (1.0, 3)
    assert sum(row.cpu_seconds for row in report.jobs) == pytest.approx(
        report.batch.cpu_seconds, abs=0.01
    )
    assert report.batch.exit_status == 0
    assert verify_store(store).whole


def test_two_runs_of_one_folder(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    errors: list[InputError] = []

    def second(_: StepWork) -> None:
        if not errors:
            with pytest.raises(InputError) as caught:
                run_batch(plan, world / "out", settings=settings, command=["second"])
            errors.append(caught.value)

    executor = _Watching(Store(world / "store"), settings, second)
    report = run_batch(
        plan, world / "out", settings=settings, executor=executor, command=["first", "one"]
    )
    assert report.batch.jobs.done == 3
    assert errors[0].code == "held"
    assert str(os.getpid()) in str(errors[0])
    assert "first one" in str(errors[0])


def test_a_full_disk_ends_the_batch_with_a_report(
    world: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    publish, count = Store.publish, iter(range(1000))

    def full(self: Store, *args: Any, **more: Any) -> Any:
        if next(count) >= 2:
            raise StoreError("the disk is full", code="disk-full")
        return publish(self, *args, **more)

    monkeypatch.setattr(Store, "publish", full)
    with pytest.raises(StoreError, match="disk is full"):
        run_batch(plan, world / "out", settings=settings)
    told = written(world)
    assert told["batch"]["exit_status"] == 5
    assert told["batch"]["jobs"] == {"done": 0, "failed": 0, "waiting": 3}
    assert not list(world.glob("out/*/episode.mp4"))
    monkeypatch.undo()
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings)
    assert report.batch.jobs.done == 3


def test_a_lost_executor_ends_the_batch_and_nothing_is_lost(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    plan, settings = asked(world, tree(graph))
    executor = _Lost(Store(world / "store"), settings, after=3)
    with pytest.raises(RenderError) as caught:
        run_batch(plan, world / "out", settings=settings, executor=executor)
    assert caught.value.code == "executor-lost"
    assert written(world)["batch"]["exit_status"] == 5
    assert {row["state"] for row in written(world)["jobs"]} <= {"waiting", "done"}
    plan, settings = asked(world, tree(graph))
    report = run_batch(plan, world / "out", settings=settings)
    assert report.batch.jobs.done == 3
    assert report.batch.steps.run <= len(plan.steps) - 3


def test_jobs_of_other_profiles_do_not_meet(world: Path, clips: Path) -> None:
    graph = graph_of(world, clips)
    entry = {"name": "one", "graph": str(graph), "start": "c0", "end": "c2"}
    plan, settings = asked(world, {**entry, "matrix": {"kind": ["series", "relay"]}})
    series, relay = (one.plan for one in plan.jobs)
    assert series is not None
    assert relay is not None
    assert series.chain.kind is WalkKind.SERIES
    assert series.chain.atoms == relay.chain.atoms == ("c0", "c1", "c2")
    report = run_batch(plan, world / "out", settings=settings)
    assert [row.ran for row in report.jobs] == [len(plan.steps), 0], "equal steps run once"


def test_memory_bounds_how_many_run_at_once(tmp_path: Path, clips: Path) -> None:
    store = Store(tmp_path / "store")
    ffmpeg = find_ffmpeg(None, store)
    graph = graph_of(tmp_path, clips)
    plan, _ = asked(tmp_path, tree(graph))
    works = [
        StepWork(one.step, "other", one.home.settings.media, (), "", memory_bytes=60)
        for one in plan.steps.values()
    ]
    executor = LocalExecutor(store, ffmpeg, 4, memory_bytes=130)
    for number, work in enumerate(works[:3]):
        assert executor.takes(work) is (number < 2)
        if number < 2:
            executor._memory[work.key] = work.memory_bytes
    executor._memory.clear()
    alone = StepWork(works[0].step, "other", works[0].limits, (), "", memory_bytes=10**6)
    assert executor.takes(alone), "a step that is larger than the budget runs alone"
    executor.close()


class _Watching(LocalExecutor):
    """Tells of every work before it begins."""

    def __init__(
        self, store: Store, settings: Settings, before: Callable[[StepWork], object]
    ) -> None:
        super().__init__(store, find_ffmpeg(settings.ffmpeg, store), 2)
        self._before = before

    def submit(self, work: StepWork) -> None:
        self._before(work)
        super().submit(work)


class _Lost(_Watching):
    """Is gone after some results."""

    def __init__(self, store: Store, settings: Settings, after: int) -> None:
        super().__init__(store, settings, lambda _: None)
        self._after = after

    def results(self, timeout: float) -> list[StepResult]:
        found = super().results(timeout)
        self._after -= len(found)
        if self._after <= 0:
            raise RenderError("the scheduler is gone", code="executor-lost")
        return found


class _Nobody:
    """An executor that nothing may be given to."""

    name, workers = "nobody", 1

    def takes(self, work: StepWork) -> bool:
        raise AssertionError(f"{work.step.name} is to be made")

    def submit(self, work: StepWork) -> None:
        raise AssertionError(f"{work.step.name} is made")

    def results(self, timeout: float) -> list[StepResult]:
        time.sleep(timeout)
        return []

    def parts(self) -> dict[str, int]:
        return {}

    def recall(self) -> None:
        """Nothing is to be given back."""

    def stop(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    assert not ffmpegs()
