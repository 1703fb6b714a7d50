"""Workers in network namespaces, and what a cable pulled in the middle of a step does."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.batch.cluster import ClusterExecutor
from chainer.batch.work import StepResult
from chainer.cluster_policy import ClusterPolicy
from chainer.digest import Digest
from chainer.store import Store
from chainer.store.keep import verify
from tests.batch.clusters import Cluster, encoding, family, heavy_settings, until, works_of
from tests.film.coded import Coded, write_graph

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2"
    ),
]
TAGS = itertools.cycle("abcdefgh")
NET = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@pytest.fixture
def cables() -> Iterator[dict[str, str]]:
    """Two namespaces on one bridge of this machine: name of each, and its cable's end here."""
    # Of each test its own: the kernel takes the ends of a deleted namespace away in its own time.
    tag = f"ch{os.getpid() % 10_000}{next(TAGS)}"
    with ExitStack() as stack:
        try:
            ip("link", "add", tag, "type", "bridge")
            stack.callback(ip, "link", "del", tag)
            ip("addr", "add", f"{NET}.1/24", "dev", tag)
            ip("link", "set", tag, "up")
            found = {}
            for number in (1, 2):
                name, here, there = f"{tag}n{number}", f"{tag}v{number}", f"{tag}w{number}"
                ip("netns", "add", name)
                stack.callback(ip, "netns", "del", name)
                ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
                ip("link", "set", here, "master", tag, "up")
                ip("-n", name, "addr", "add", f"{NET}.{number + 1}/24", "dev", there)
                ip("-n", name, "link", "set", there, "up")
                ip("-n", name, "link", "set", "lo", "up")
                found[name] = here
        except AssertionError as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield found


@pytest.mark.parametrize("heals", [False, True])
def test_a_worker_cut_off_mid_step(heals: bool, cables: dict[str, str], tmp_path: Path) -> None:
    graph = write_graph(tmp_path, [Coded(number, 300) for number in (1, 2, 3, 4)])
    settings = heavy_settings(tmp_path / "s" / "store")
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    store = Store(tmp_path / "s" / "store")
    options = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s"}
    with Cluster(tmp_path / "cluster", options=options, host=f"{NET}.1") as cluster:
        started = {
            name: cluster.worker(around=("ip", "netns", "exec", name), nthreads=1)
            for name in cables
        }
        policy = ClusterPolicy(address=str(cluster.file), lost_after=120)
        executor = ClusterExecutor.reach(policy, store, settings.store)
        until(lambda: executor.results(0.1) == [] and executor.workers == 2, 30)
        waiting, done = dict(works_of(plan)), dict[Digest, StepResult]()
        cut, pids = "", set[int]()
        end = time.monotonic() + 240
        while waiting or len(done) < len(plan.render.steps):
            for key, work in list(waiting.items()):
                if all(need in done for need in work.step.needs) and executor.takes(work):
                    executor.submit(waiting.pop(key))
            if not cut and encoding(store.root):
                cut = next(name for name in cables if busy(started[name].pid))
                pids = {process.pid for process in family(started[cut].pid)}
                ip("link", "set", cables[cut], "down")
            for result in executor.results(0.5):
                assert result.key not in done
                done[result.key] = result
            if cut and heals and len(done) >= 2:
                ip("link", "set", cables[cut], "up")
                heals = False
            assert time.monotonic() < end, cluster.log()[-3000:]
        executor.close()
    assert cut
    assert [result.error for result in done.values()] == [None] * len(done)
    assert verify(store).whole
    standing: dict[str, Any] = {key: store.find(key)[1] for key in done}
    assert standing == {key: result.record for key, result in done.items()}
    # It took part until it was cut, and the other one did its work.
    assert pids


def busy(pid: int) -> bool:
    return any("ffmpeg" in process.name() for process in family(pid))
