"""What else may go wrong around a batch: accounts, folders, disks and threads.

All steps are in the store already, so that only what is around them happens.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chainer.batch import course, machine
from chainer.batch.ask import plan_jobs
from chainer.batch.clock import BatchProgress
from chainer.batch.ledger import JobLedger
from chainer.batch.local import LocalExecutor
from chainer.batch.plan import BatchPlan
from chainer.batch.report import BatchReport
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.batch.work import StepResult, StepWork
from chainer.consent.episodes import EpisodeIndex, EpisodeState
from chainer.errors import (
    ChainerError,
    MediaMissing,
    OutputError,
    PolicyRefused,
    ProvenanceError,
    RenderError,
    StoreError,
)
from chainer.making import Making
from chainer.render.encoder import find_ffmpeg
from chainer.settings import Settings
from chainer.store import Store
from chainer.withdrawal import index_path
from tests.batch.asked import write_clips, write_graph
from tests.film.coded import small_settings

FULL = StoreError("the disk is full", code="disk-full")
PATHS = {"a": "c0,c1", "b": "c0", "c": "c1"}


class Stage:
    """A graph of two clips whose films are all in the store; batches go into `out`."""

    def __init__(self, stage: Path, out: Path) -> None:
        self.graph = stage / "graph.json"
        self.settings: Settings = small_settings(stage / "store")
        self.store = Store(stage / "store")
        self.folder = out
        self.out = out / "out"

    def plan(self, **paths: str) -> BatchPlan:
        entries = [
            {"name": name, "graph": str(self.graph), "path": path}
            for name, path in (paths or PATHS).items()
        ]
        file = self.folder / "jobs.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in entries), encoding="utf-8")
        return plan_jobs(file, self.out, settings=self.settings)

    def run(self, plan: BatchPlan | None = None, **more: Any) -> BatchReport:
        return run_batch(plan or self.plan(), self.out, settings=self.settings, **more)

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.out / "report.json").read_text(encoding="utf-8"))
        return told

    def states(self) -> set[str]:
        return {row["state"] for row in self.told()["jobs"]}

    def films(self) -> list[str]:
        return sorted(path.parent.name for path in self.out.glob("*/episode.mp4"))

    def steps(self) -> Counter[str]:
        with sqlite3.connect(self.out / "batch.sqlite") as db:
            found = Counter(dict(db.execute("SELECT state, count(*) FROM steps GROUP BY state")))
        db.close()
        return found

    def closed(self) -> bool:
        """Whether no episode is in the making, and no lease is left."""
        index = EpisodeIndex(index_path(self.store))
        making = [one for one in index.all() if one.state is EpisodeState.MAKING]
        return not making and not list((self.store.root / "leases").iterdir())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    write_clips(folder, 2)
    nodes = [{"id": f"c{n}", "media": f"media/c{n}.mp4", "author": "p-a"} for n in range(2)]
    write_graph(folder, nodes, [("c0", "c1", "continuation")])
    Stage(folder, folder).run()
    return folder


@pytest.fixture
def batch(stage: Path, tmp_path: Path) -> Stage:
    return Stage(stage, tmp_path)


def fails_for(
    monkeypatch: pytest.MonkeyPatch, what: str, name: str, error: Callable[[], Exception]
) -> None:
    """Let the making of the job `name` fail: as it begins, or as it is delivered."""
    if what == "begin":
        real = Making.of

        @contextmanager
        def of(plan: Any, out: Path, **more: Any) -> Iterator[Making]:
            if Path(out).name == name:
                raise error()
            with real(plan, out, **more) as making:
                yield making

        monkeypatch.setattr(Making, "of", staticmethod(of))
        return
    deliver = Making.deliver

    def failing(self: Making, *args: Any, **more: Any) -> Any:
        if self.target.name == name:
            raise error()
        return deliver(self, *args, **more)

    monkeypatch.setattr(Making, "deliver", failing)


# -- one job's error, and everybody's -------------------------------------------------------------


@pytest.mark.parametrize("what", ["begin", "deliver"])
@pytest.mark.parametrize("error", [RuntimeError("odd"), ProvenanceError("no key")])
def test_an_error_of_one_job_harms_no_other(
    batch: Stage, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception
) -> None:
    seen: list[BatchProgress] = []
    fails_for(monkeypatch, what, "a", lambda: error)
    report = batch.run(on_progress=seen.append)
    assert report.batch.exit_status == 7
    assert batch.films() == ["b", "c"]
    (failed,) = [row for row in report.jobs if row.state is JobState.FAILED]
    assert failed.log is not None
    log = Path(failed.log).read_text(encoding="utf-8")
    assert str(error) in log
    assert (type(error) is RuntimeError) == ("code: fault" in log)
    assert batch.closed()
    last = seen[-1]
    assert (last.done, last.seconds_left, last.failed, last.steps_done) == (1.0, 0.0, 1, last.steps)


def test_steps_that_nobody_wants_any_more_are_through(
    batch: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[BatchProgress] = []
    fails_for(monkeypatch, "begin", "a", lambda: RenderError("no"))
    assert batch.run(batch.plan(a="c0,c1"), on_progress=seen.append).batch.jobs.failed == 1
    last = seen[-1]
    assert (last.done, last.seconds_left, last.steps_done) == (1.0, 0.0, last.steps)


@pytest.mark.parametrize("what", ["begin", "deliver"])
def test_what_ends_the_batch_fails_no_job(
    batch: Stage, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with monkeypatch.context() as patch:
        fails_for(patch, what, "a", lambda: FULL)
        with pytest.raises(StoreError, match="disk is full"):
            batch.run()
    assert batch.told()["batch"]["exit_status"] == 5
    assert batch.states() <= {"waiting", "done"}
    assert batch.closed()
    assert batch.run().batch.jobs.done == 3, "the same command again, as the message says"


@pytest.mark.parametrize(
    ("error", "again"), [(OutputError("in the way"), 3), (PolicyRefused("no"), 3),
                         (MediaMissing("gone"), 3),
                         (RenderError("no film"), 2)],
)  # fmt: skip
def test_what_failed_by_its_surroundings_is_tried_again(
    batch: Stage, monkeypatch: pytest.MonkeyPatch, error: ChainerError, again: int
) -> None:
    with monkeypatch.context() as patch:
        fails_for(patch, "deliver", "b", lambda: error)
        assert batch.run().batch.jobs.failed == 1
    assert batch.run().batch.jobs.done == again


def test_a_film_in_two_folders(batch: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are one episode on the store's list: what befalls one leaves the other."""
    plan = batch.plan(one="c0,c1", two="c0,c1")
    fails_for(monkeypatch, "deliver", "two", lambda: RenderError("no film"))
    report = batch.run(plan)
    assert (report.batch.jobs.done, report.batch.jobs.failed) == (1, 1)
    manifest = json.loads((batch.out / "one/episode.json").read_text(encoding="utf-8"))
    episode = EpisodeIndex(index_path(batch.store)).get(manifest["id"])
    assert episode is not None
    assert episode.state is EpisodeState.MADE
    assert batch.closed()


# -- the ledger, the log, the report, the pin --------------------------------------------------


@pytest.mark.parametrize("call", ["job_running", "step_cached", "job_done", "job_waiting"])
def test_a_ledger_that_takes_no_more(
    batch: Stage, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(JobLedger, call, full)
        if call == "job_waiting":
            fails_for(patch, "deliver", "b", lambda: FULL)
        with pytest.raises(StoreError, match="disk is full"):
            batch.run()
    assert batch.told()["batch"]["exit_status"] == 5
    assert batch.closed(), "every account is closed, whatever cannot be noted"
    assert batch.run().batch.jobs.done == 3


def test_no_place_for_a_log(batch: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    batch.out.mkdir()
    (batch.out / "logs").write_text("a file")
    fails_for(monkeypatch, "deliver", "a", lambda: RenderError("no film"))
    report = batch.run()
    assert batch.films() == ["b", "c"]
    row = report.jobs[0]
    assert (row.state, row.log) == (JobState.FAILED, None)
    assert row.error is not None
    assert row.error["message"] == "no film"


def test_a_disk_that_is_full_as_a_log_is_written(
    batch: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FULL

    plan = batch.plan(a="c0,c1", b="c0,none")
    monkeypatch.setattr(course, "write_log", full)
    with pytest.raises(StoreError, match="disk is full"):
        batch.run(plan)
    assert batch.told()["batch"]["exit_status"] == 5


@pytest.mark.parametrize("call", ["pin", "unpin", "tidy"])
def test_the_report_tells_what_the_store_said(
    batch: Stage, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(Store, call, None)

    def failing(self: Store, name: str, *args: Any, **more: Any) -> None:
        if call == "tidy" or name.startswith("batch-"):
            raise StoreError("read-only")
        assert real is not None
        real(self, name, *args, **more)

    if call == "tidy":
        monkeypatch.setattr("chainer.batch.run.tidy", failing)
    else:
        monkeypatch.setattr(Store, call, failing)
    with pytest.raises(StoreError, match="read-only"):
        batch.run()
    assert batch.told()["batch"]["exit_status"] == 5
    assert len(batch.films()) == (0 if call == "pin" else 3)


def test_the_pin_goes_when_all_is_delivered(batch: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def pins() -> set[str]:
        return {name for name, _ in batch.store.pin_texts() if name.startswith("batch-")}

    before = pins()
    with monkeypatch.context() as patch:
        fails_for(patch, "deliver", "a", lambda: RenderError("no film"))
        batch.run()
    assert len(pins() - before) == 1
    batch.run(retry_failed=True)
    assert pins() == before


@pytest.mark.parametrize("where", ["folder", "file/report.json"])
def test_a_report_that_cannot_be_written(batch: Stage, tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--report"):
        batch.run(report=tmp_path / where)
    assert not batch.out.exists(), "said before anything is made"


def test_a_report_in_a_folder_that_is_not_there_yet(batch: Stage, tmp_path: Path) -> None:
    batch.run(report=tmp_path / "new/sub/report.json")
    told = json.loads((tmp_path / "new/sub/report.json").read_text(encoding="utf-8"))
    assert told["batch"]["jobs"]["done"] == 3
    assert not (batch.out / "report.json").exists()


def test_a_report_that_fails_does_not_hide_why_the_batch_ended(
    batch: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise OutputError("no report")

    fails_for(monkeypatch, "deliver", "a", lambda: FULL)
    monkeypatch.setattr("chainer.batch.run.write_report", unreadable)
    with pytest.raises(StoreError, match="disk is full"):
        batch.run()
    monkeypatch.setattr(Making, "deliver", Making.deliver)
    with pytest.raises((OutputError, StoreError)):
        batch.run()


# -- plans of nothing ---------------------------------------------------------------------------


def test_nothing_asked(batch: Stage) -> None:
    seen: list[BatchProgress] = []
    report = batch.run(BatchPlan((), {}), on_progress=seen.append)
    assert (report.batch.exit_status, report.jobs) == (0, ())
    assert seen[-1].done == 1.0


def test_faults_and_nothing_else(batch: Stage) -> None:
    seen: list[BatchProgress] = []
    report = batch.run(batch.plan(a="none", b="c0,none"), on_progress=seen.append)
    assert report.batch.exit_status == 7
    assert report.batch.jobs.failed == 2
    assert all(Path(str(row.log)).is_file() for row in report.jobs)
    assert (seen[-1].done, seen[-1].failed, seen[-1].steps) == (1.0, 2, 0)


# -- progress ------------------------------------------------------------------------------------


def test_progress_ends_with_the_last_film(batch: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "_TELL", 0.0)
    seen: list[BatchProgress] = []
    batch.run(on_progress=seen.append)
    assert all(before.done <= after.done for before, after in pairwise(seen))
    assert all(one.done < 1 for one in seen if one.jobs_done < 3), "films are part of it"
    last = seen[-1]
    assert (last.done, last.jobs_done, last.seconds_left) == (1.0, 3, 0.0)
    assert last.steps_done == last.steps > 0
    batch.run(on_progress=seen.append)
    assert (seen[-1].done, seen[-1].jobs_done, seen[-1].steps) == (1.0, 3, 0)


# -- stops and threads ----------------------------------------------------------------------------


def test_a_stop_that_comes_too_late_stops_nothing(
    batch: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = threading.Event()
    real, left = JobLedger.job_done, iter(range(2, -1, -1))

    def job_done(self: JobLedger, *args: Any) -> None:
        real(self, *args)
        if next(left) == 0:
            cancel.set()

    monkeypatch.setattr(JobLedger, "job_done", job_done)
    assert batch.run(cancel=cancel).batch.exit_status == 0
    assert cancel.is_set()


def test_films_wait_for_delivery_in_small_numbers(
    batch: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each that is begun holds a file open, and a batch may have more films than that."""
    monkeypatch.setattr(course, "_WHOLE", 1)
    monkeypatch.setattr(course, "_ON_THE_WAY", 1)
    now, peak, lock = [0], [0], threading.Lock()
    real = Making.of

    @contextmanager
    def of(*args: Any, **more: Any) -> Iterator[Making]:
        with real(*args, **more) as making:
            with lock:
                now[0] += 1
                peak[0] = max(peak[0], now[0])
            yield making
            with lock:
                now[0] -= 1

    monkeypatch.setattr(Making, "of", staticmethod(of))
    trims = {f"j{n}": f"c{n % 2}" for n in range(8)} | {f"k{n}": "c0,c1" for n in range(4)}
    assert batch.run(batch.plan(**trims)).batch.jobs.done == 12
    assert now == [0]
    assert 1 <= peak[0] <= 4


class _Shy(LocalExecutor):
    """Takes nothing, and is lost after a while."""

    asked = 0

    def takes(self, work: StepWork) -> bool:
        return False

    def results(self, timeout: float) -> list[StepResult]:
        self.asked += 1
        if self.asked == 3:
            raise RenderError("nobody is there", code="executor-lost")
        return []


def test_an_executor_that_takes_nothing_is_asked_why(stage: Path, tmp_path: Path) -> None:
    batch = Stage(stage, tmp_path)
    batch.settings = small_settings(tmp_path / "store")
    executor = _Shy(Store(tmp_path / "store"), find_ffmpeg(None, batch.store), 1)
    with pytest.raises(RenderError, match="nobody is there"):
        batch.run(executor=executor)
    assert executor.asked == 3
    assert batch.states() == {"waiting"}


class _Stopping(LocalExecutor):
    """Sets an event when a step is submitted."""

    def __init__(self, store: Store, event: threading.Event) -> None:
        super().__init__(store, find_ffmpeg(None, store), 1)
        self.event = event

    def submit(self, work: StepWork) -> None:
        super().submit(work)
        self.event.set()


def test_after_a_stop_nothing_is_said_to_run(stage: Path, tmp_path: Path) -> None:
    batch = Stage(stage, tmp_path)
    batch.settings = small_settings(tmp_path / "store")
    batch.store = Store(tmp_path / "store")
    stop = threading.Event()
    with pytest.raises(ChainerError) as caught:
        batch.run(executor=_Stopping(batch.store, stop), stop=stop)
    assert caught.value.exit_status == 130
    assert set(batch.steps()) <= {"waiting", "done"}
    assert batch.closed()


# -- the machine ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "used", "cache", "usable"),
    [("1000", "400", "300", 900), ("1000", "1500", "0", 0), ("max", "400", "0", None),
     ("1000", "10", "20", 1000)],
)  # fmt: skip
def test_the_memory_of_a_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, cache: str,
    usable: int | None,
) -> None:  # fmt: skip
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text(used + "\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\nactive_file 7\n")
    assert machine._within_group() == usable
    if usable is not None:
        assert machine.usable_memory() == round(0.8 * usable)
    for path in tmp_path.iterdir():
        path.unlink()
    assert machine._within_group() is None
