"""Consent taken back while workers of a cluster make the steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainer.batch.cluster import ClusterExecutor
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.batch.work import StepWork
from chainer.cluster_policy import ClusterPolicy
from chainer.consent.episodes import EpisodeState
from chainer.enrol import pieces_of
from chainer.store import Presence
from chainer.withdrawal import withdraw
from tests.batch.clusters import Cluster
from tests.batch.test_consent import planned
from tests.consent.flow import BO, Flow

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("step", ["conform", "joint"])
def test_taken_back_while_workers_make_the_steps(tmp_path: Path, step: str) -> None:
    """The film that shows her fails, the other is made, and no piece of hers stays."""
    flow = Flow(tmp_path / "flow")
    flow.grants()
    plan = planned(flow, "c1,c2,c3", "c1,c4")
    shows, other = plan.jobs[0].plan, plan.jobs[1].plan
    assert shows is not None
    assert other is not None
    hers = {piece.key for piece in pieces_of(shows, flow.register) if piece.people}
    own = {piece.key for piece in pieces_of(other, flow.register)}
    told: list[str] = []

    def before(work: StepWork) -> None:
        if work.step.type.value == step and work.key in hers and not told:
            told.append(work.key)
            withdraw(flow.register, flow.store, "p-mei", BO)

    with Cluster(tmp_path / "cluster") as cluster:
        cluster.worker()
        executor = _Watched.reach(
            ClusterPolicy(address=str(cluster.file)), flow.store, flow.settings.store
        )
        assert isinstance(executor, _Watched)
        executor.before = before
        report = run_batch(plan, flow.folder / "out", settings=flow.settings, executor=executor)
        executor.close()
    assert told
    refused, made = report.jobs
    assert (refused.state, made.state) == (JobState.FAILED, JobState.DONE)
    assert refused.error is not None
    assert refused.error["exit_status"] == 4
    assert report.batch.exit_status == 7
    assert not (flow.folder / "out" / refused.name).exists()
    assert (flow.folder / "out" / made.name / "episode.mp4").is_file()
    left = {key for key in hers - own if flow.store.find(key)[0] is not Presence.ABSENT}
    assert not left
    assert EpisodeState.MAKING not in {episode.state for episode in flow.index().all()}


class _Watched(ClusterExecutor):
    """Tells of every work once it has been handed over: a worker may have begun it."""

    before = staticmethod(lambda work: None)

    def submit(self, work: StepWork) -> None:
        super().submit(work)
        self.before(work)
