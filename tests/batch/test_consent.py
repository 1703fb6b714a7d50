"""Consent in a batch: asked for each film, and taken back while steps are made for several."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chainer.batch.ask import plan_jobs
from chainer.batch.local import LocalExecutor
from chainer.batch.plan import BatchPlan
from chainer.batch.report import BatchReport
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.batch.work import StepWork
from chainer.consent.episodes import EpisodeState
from chainer.enrol import pieces_of
from chainer.render.encoder import find_ffmpeg
from chainer.store import Presence
from chainer.withdrawal import withdraw
from tests.consent.flow import BO, Flow


def planned(flow: Flow, *paths: str) -> BatchPlan:
    file = flow.folder / "jobs.jsonl"
    entries = [
        {"name": path.replace(",", "-"), "graph": str(flow.path), "path": path} for path in paths
    ]
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return plan_jobs(file, flow.folder / "out", settings=flow.settings)


def run(
    flow: Flow, plan: BatchPlan, before: Callable[[StepWork], object] | None = None
) -> BatchReport:
    executor = None
    if before is not None:
        executor = _Watching(flow, before)
    return run_batch(plan, flow.folder / "out", settings=flow.settings, executor=executor)


def test_a_job_that_is_refused_stands_beside_one_that_is_not(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    report = run(flow, planned(flow, "c1,c2", "c1,c4"))
    refused, made = report.jobs
    assert refused.error is not None
    assert refused.error["exit_status"] == 4
    assert made.state is JobState.DONE
    assert report.batch.exit_status == 7


@pytest.mark.parametrize("step", ["conform", "joint"])
def test_taken_back_while_the_steps_are_made(tmp_path: Path, step: str) -> None:
    """The film that shows her fails, the other is made, and no piece of hers stays."""
    flow = Flow(tmp_path)
    flow.grants()
    plan = planned(flow, "c1,c2,c3", "c1,c4")
    shows = plan.jobs[0].plan
    assert shows is not None
    hers = {piece.key for piece in pieces_of(shows, flow.register) if piece.people}
    told: list[str] = []

    def before(work: StepWork) -> None:
        if work.step.type.value == step and work.key in hers and not told:
            told.append(work.key)
            withdraw(flow.register, flow.store, "p-mei", BO)

    report = run(flow, plan, before)
    assert told
    refused, made = report.jobs
    assert refused.state is JobState.FAILED
    assert refused.error is not None
    assert refused.error["exit_status"] == 4
    assert not (flow.folder / "out" / refused.name).exists()
    assert made.state is JobState.DONE, "c1 is her own, c4 shows nobody"
    own = {piece.key for piece in pieces_of(plan.jobs[1].plan, flow.register)}  # type: ignore[arg-type]
    left = {key for key in hers - own if flow.store.find(key)[0] is not Presence.ABSENT}
    assert not left
    states = {episode.state for episode in flow.index().all()}
    assert EpisodeState.MAKING not in states


def test_taken_back_after_the_film_was_made(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.grants()
    report = run(flow, planned(flow, "c1,c2"))
    assert report.batch.exit_status == 0
    withdraw(flow.register, flow.store, "p-mei", BO)
    report = run(flow, planned(flow, "c1,c2"))
    (job,) = report.jobs
    assert job.state is JobState.FAILED, "it is not told as done any more"
    assert job.error is not None
    assert job.error["exit_status"] == 4
    flow.grants()
    report = run(flow, planned(flow, "c1,c2"))
    assert report.jobs[0].state is JobState.DONE
    assert not report.jobs[0].kept, "what was suspended is made anew"
    assert not (flow.folder / "out/c1-c2/suspended.json").exists()


class _Watching(LocalExecutor):
    """Tells of every work before it begins."""

    def __init__(self, flow: Flow, before: Callable[[StepWork], object]) -> None:
        super().__init__(flow.store, find_ffmpeg(None, flow.store), 1)
        self._before = before

    def submit(self, work: StepWork) -> None:
        self._before(work)
        super().submit(work)
