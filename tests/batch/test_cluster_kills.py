"""Clusters of real processes: killed, cancelled, poisoned, encrypted."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import chainer
from chainer.batch.cluster import ClusterExecutor
from chainer.batch.work import StepWork
from chainer.batch.worker import FFMPEG as FFMPEG_NAME
from chainer.cluster_policy import ClusterPolicy
from chainer.errors import InputError, RenderError
from chainer.render.encoder import find_ffmpeg
from chainer.render.spec import StepType
from chainer.store import Presence, Store, StorePolicy
from chainer.store.keep import inspect, verify
from tests.batch import clusters
from tests.batch.clusters import (
    ROOT,
    Cluster,
    bare,
    drive,
    encoders,
    encoding,
    heavy_settings,
    papers,
    runs,
    taken,
    until,
    works_of,
)
from tests.film.coded import Coded, small_settings, write_graph

pytestmark = pytest.mark.slow
KINDS = {kind.value for kind in StepType}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph(tmp_path_factory.mktemp("graph"), [Coded(n, 300) for n in (1, 2)])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "s" / "store")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster") as running:
        yield running


def reach(cluster: Cluster, store: Store, **options: Any) -> ClusterExecutor:
    make = {"make": options.pop("make")} if "make" in options else {}
    policy = ClusterPolicy(address=str(cluster.file), lost_after=60, connect_timeout=10, **options)
    return ClusterExecutor.reach(policy, store, StorePolicy(path=store.root), **make)


def clip(graph: Path, store: Store) -> StepWork:
    """A clip that keeps a core busy for some seconds."""
    plan = chainer.plan_episode(
        chainer.load_graph(graph), "c1", settings=heavy_settings(store.root)
    )
    return next(work for work in works_of(plan).values() if not work.step.needs)


def until_ended(executor: ClusterExecutor) -> Any:
    found: list[Any] = []
    until(lambda: found.extend(executor.results(0.5)) or found, 120)
    assert len(found) == 1
    return found[0]


def begun(executor: ClusterExecutor, work: StepWork, store: Store) -> list[psutil.Process]:
    executor.submit(work)
    until(lambda: executor.results(0.05) or encoding(store.root), 60)
    running = encoders(store.root)
    assert running
    return running


@pytest.mark.parametrize("nanny", [True, False])
def test_a_worker_killed_mid_step_is_replaced(
    nanny: bool, graph: Path, store: Store, cluster: Cluster
) -> None:
    for _ in range(2):
        cluster.worker(nanny=nanny)
    executor = reach(cluster, store)
    work = clip(graph, store)
    running = begun(executor, work, store)
    victim = running[0].parent()
    assert victim is not None
    victim.kill()
    until(lambda: not any(process.is_running() for process in running), 10)
    result = until_ended(executor)
    assert result.error is None
    assert result.ran
    assert not result.worker.endswith(f":{victim.pid}")
    assert inspect(store).by_type["conform"][0] == 1
    assert verify(store).whole
    assert encoders(store.root) == []
    executor.close()


def test_a_killed_nanny_takes_all_below_it_along(
    graph: Path, store: Store, cluster: Cluster
) -> None:
    nanny = cluster.worker()
    executor = reach(cluster, store)
    running = begun(executor, clip(graph, store), store)
    nanny.kill()
    until(lambda: not any(process.is_running() for process in running), 20)
    assert store.find(clip(graph, store).key)[0] is Presence.ABSENT
    executor.close()


def test_cancelled_steps_leave_no_encoder(graph: Path, store: Store, cluster: Cluster) -> None:
    cluster.worker()
    executor = reach(cluster, store)
    work = clip(graph, store)
    begun(executor, work, store)
    executor.stop()
    assert encoders(store.root) == []
    assert store.find(work.key)[0] is Presence.ABSENT
    [result] = taken(executor, [work], 120)
    assert result.error is None
    executor.close()


def test_a_killed_client_leaves_no_encoder(graph: Path, store: Store, cluster: Cluster) -> None:
    cluster.worker()
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.clusters", cluster.file, graph, store.root], cwd=ROOT
    )
    try:
        until(lambda: encoding(store.root), 60)
        running = encoders(store.root)
        client.kill()
        until(lambda: not any(process.is_running() for process in running), 20)
        time.sleep(0.5)
        assert encoders(store.root) == []
    finally:
        client.kill()
        client.wait()


def test_a_killed_scheduler_is_told_and_leaves_no_encoder(
    graph: Path, store: Store, cluster: Cluster
) -> None:
    workers = [cluster.worker() for _ in range(2)]
    executor = reach(cluster, store)
    work = clip(graph, store)
    running = begun(executor, work, store)
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    with pytest.raises(RenderError, match="its scheduler went away") as caught:
        until(lambda: executor.results(0.5) and False, 60)
    assert (caught.value.code, caught.value.exit_status) == ("executor-lost", 5)
    until(lambda: not any(process.is_running() for process in running), 30)
    for worker in workers:
        worker.wait(60)
    assert encoders(store.root) == []
    executor.stop()
    executor.close()


def test_a_connection_that_comes_back_loses_nothing(store: Store, cluster: Cluster) -> None:
    cluster.worker(nthreads=2)
    executor = reach(cluster, store, make=clusters.published)
    works = [bare(n, "flapping") for n in range(60)]
    for work in works:
        executor.submit(work)
    found = executor.results(5.0)
    client = executor._link._client
    client.loop.add_callback(client.scheduler_comm.comm.abort)
    end = time.monotonic() + 60
    while len(found) < 60:
        found += executor.results(0.5)
        assert time.monotonic() < end
    assert {result.key for result in found} == {work.key for work in works}
    assert [result.error for result in found] == [None] * 60
    assert len(found) == 60
    executor.close()


def test_a_poisoned_step_fails_alone(store: Store, tmp_path: Path) -> None:
    few = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with Cluster(tmp_path / "few", options=few) as cluster:
        for _ in range(2):
            cluster.worker()
        executor = reach(cluster, store, make=clusters.poison)
        works = [bare(0, "poison"), *(bare(n, "well") for n in range(8))]
        results = {result.key: result for result in taken(executor, works, 120)}
        error = results[works[0].key].error
        assert error is not None
        assert error.code == "workers-died"
        assert "poster of poison" in str(error)
        executor.close()
        for work in works[1:]:
            # Whoever waited on a poisoned worker may be suspected with it, but is never lost.
            assert results[work.key].error is None or results[work.key].error.code == "workers-died"
        assert sum(results[work.key].error is None for work in works[1:]) >= 6


def test_a_bad_worker_swallows_no_steps(store: Store, cluster: Cluster) -> None:
    cluster.worker(CHAINER_TEST_BAD="1")
    cluster.worker()
    executor = reach(cluster, store, make=clusters.picky)
    until(lambda: executor._look() or executor.workers == 2)
    works = [bare(n, "picky") for n in range(10)]
    assert [result.error for result in taken(executor, works, 60)] == [None] * 10
    executor.close()


def test_another_ffmpeg_on_one_worker(graph: Path, store: Store, cluster: Cluster) -> None:
    settings = small_settings(store.root)
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    fake = cluster.folder / "ffmpeg"
    fake.write_text("#!/bin/sh\necho 'ffmpeg version 0.0.1 Copyright'\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    assert find_ffmpeg(fake, store).build != plan.ffmpeg.build
    bad = cluster.worker(**{FFMPEG_NAME: str(fake)})
    executor = reach(cluster, store)
    works = works_of(plan)
    first = next(work for work in works.values() if not work.step.needs)
    [result] = taken(executor, [first], 60)
    assert result.error is not None
    assert result.error.code == "other-build"
    assert bad.poll() is None
    cluster.worker()
    until(lambda: executor._look() or executor.workers == 2)
    found = drive(executor, works)
    assert all(result.error is None for result in found.values())
    executor.close()


def test_two_clients_the_same_steps(graph: Path, store: Store, cluster: Cluster) -> None:
    cluster.worker(nthreads=2)
    settings = small_settings(store.root)
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    one, two = reach(cluster, store), reach(cluster, store)
    works = works_of(plan)
    first = [work for work in works.values() if not work.step.needs]
    for work in first:
        one.submit(work)
        two.submit(work)
    found: dict[int, dict[str, Any]] = {0: {}, 1: {}}
    end = time.monotonic() + 60
    while any(len(got) < len(first) for got in found.values()):
        for number, executor in enumerate((one, two)):
            found[number].update({result.key: result for result in executor.results(0.2)})
        assert time.monotonic() < end
    assert {k: r.record for k, r in found[0].items()} == {k: r.record for k, r in found[1].items()}
    assert all(result.error is None for got in found.values() for result in got.values())
    assert all(result.error is None for result in drive(two, works).values())
    made = [count for kind, (count, _) in inspect(store).by_type.items() if kind in KINDS]
    assert sum(made) == len(works)
    one.close()
    two.close()


def test_no_worker_ever_comes(store: Store, cluster: Cluster) -> None:
    policy = ClusterPolicy(address=str(cluster.file), lost_after=0.5)
    with pytest.raises(InputError, match="has no workers") as caught:
        ClusterExecutor.reach(policy, store, StorePolicy(path=store.root))
    assert (caught.value.code, caught.value.exit_status) == ("scheduler", 2)


# -- TLS -------------------------------------------------------------------------


def test_tls_works_and_refuses_strangers(store: Store, tmp_path: Path) -> None:
    ours, others = papers(tmp_path / "ours"), papers(tmp_path / "others", "other-ca")
    with Cluster(tmp_path / "tls", tls=ours) as cluster, Cluster(tmp_path / "plain") as plain:
        cluster.worker()
        address = json.loads(cluster.file.read_text())["address"]
        assert address.startswith("tls://")
        executor = reach(cluster, store, make=clusters.published, **ours.policy())
        work = bare(1, "secret")
        [result] = taken(executor, [work])
        assert result.error is None
        assert runs(store, work) == 1
        executor.close()

        def refused(**policy: Any) -> str:
            with pytest.raises(InputError) as caught:
                ClusterExecutor.reach(
                    ClusterPolicy(**{"address": address, "connect_timeout": 10, **policy}),
                    store,
                    StorePolicy(path=store.root),
                )
            assert (caught.value.code, caught.value.exit_status) == ("scheduler", 2)
            assert caught.value.facts["address"] in str(caught.value)
            return str(caught.value)

        assert "TLS needs tls_ca, tls_cert and tls_key" in refused()
        # A refusal is an alert, a hang-up, or silence: it depends on who is faster.
        unknown = r"not issued by the authority in tls_ca|(may refuse|refuses) our certificate"
        assert re.search(unknown, refused(**others.policy()))
        stranger = {**others.policy(), "tls_ca": ours.authority}
        assert re.search(unknown, refused(**stranger))
        assert "does not belong to" in refused(**{**ours.policy(), "tls_key": others.key})
        assert "not PEM" in refused(**{**ours.policy(), "tls_ca": cluster.file})
        assert "write tls://" in refused(address=address.replace("tls:", "tcp:"))
        open_one = json.loads(plain.file.read_text())["address"].replace("tcp:", "tls:")
        assert "does not speak TLS" in refused(address=open_one, **ours.policy())


def test_tls_of_dasks_own_configuration(store: Store, tmp_path: Path) -> None:
    ours = papers(tmp_path / "ours")
    with Cluster(tmp_path / "tls", tls=ours) as cluster:
        cluster.worker()
        variables = {
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(ours.authority),
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": str(ours.certificate),
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": str(ours.key),
        }
        code = (
            "import sys; from chainer.batch import dask_door as d;"
            "from chainer.cluster_policy import ClusterPolicy as P;"
            "print(d.connect(P(address=sys.argv[1])).address)"
        )
        argv = [sys.executable, "-c", code, str(cluster.file)]
        done = subprocess.run(
            argv, env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("tls://"), done.stderr


def test_a_stopped_cluster_leaves_nothing(tmp_path: Path) -> None:
    with Cluster(tmp_path / "c") as cluster:
        cluster.worker()
        members = [one for process in cluster.processes for one in clusters.family(process.pid)]
        assert len(members) >= 2
    assert not any(one.is_running() and one.status() != "zombie" for one in members)
