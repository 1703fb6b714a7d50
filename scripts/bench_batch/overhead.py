"""What a step costs on a cluster beside its work: no-op steps through one worker.

    python scripts/bench_batch/overhead.py [--steps N] [--window W]

Starts a scheduler and a worker of two threads on this machine, sends N steps that do nothing
(default 10,000) through a `ClusterExecutor`, and prints as one JSON object the milliseconds of
wall time a step, processor time of the client, scheduler and worker, and the largest resident
memory of the scheduler in MB. The look into the store is left out: nothing is stored.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from itertools import count, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import psutil  # noqa: E402

from chainer.batch.cluster import ClusterExecutor  # noqa: E402
from chainer.cluster_policy import ClusterPolicy  # noqa: E402
from chainer.store import StorePolicy  # noqa: E402
from tests.batch.clusters import Blind, Cluster, bare, family, noop, until  # noqa: E402

MOST_MS, MOST_MB = 5.0, 200.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--window", type=int, default=None)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as name:
        print(json.dumps(measured(Path(name), args.steps, args.window)))
    return 0


def measured(folder: Path, steps: int, window: int | None) -> dict[str, object]:
    with Cluster(folder / "cluster") as cluster:
        worker = cluster.worker(nthreads=2)
        store = Blind(folder / "store")
        policy = ClusterPolicy(address=str(cluster.file), window=window)
        places = StorePolicy(path=store.root)
        executor = ClusterExecutor.reach(policy, store, places, make=noop)
        until(lambda: len(family(worker.pid)) > 1)
        assert cluster.scheduler is not None
        scheduler = psutil.Process(cluster.scheduler.pid)
        ours = psutil.Process()
        before = {who: used([one]) for who, one in (("client", ours), ("scheduler", scheduler))}
        before["worker"] = used(family(worker.pid))
        begun, load = time.monotonic(), os.getloadavg()[0]
        largest = most = done = 0
        works = (bare(number) for number in islice(count(), steps))
        waiting = next(works, None)
        while done < steps:
            while waiting is not None and executor.takes(waiting):
                executor.submit(waiting)
                waiting = next(works, None)
            most = max(most, executor.in_flight)
            done += len(executor.results(1.0))
            largest = max(largest, scheduler.memory_info().rss)
        wall = time.monotonic() - begun
        after = {
            "client": used([ours]),
            "scheduler": used([scheduler]),
            "worker": used(family(worker.pid)),
        }
        executor.close()
    cpu = {who: round((after[who] - before[who]) / steps * 1000, 3) for who in after}
    return {
        "case": "overhead",
        "steps": steps,
        "asked": {"ms_a_step": MOST_MS, "scheduler_mb": MOST_MB},
        "measured": {
            "ms_a_step": round(wall / steps * 1000, 3),
            "cpu_ms_a_step": cpu,
            "scheduler_mb": round(largest / 1e6, 1),
            "most_in_flight": most,
        },
        "reached": wall / steps * 1000 <= MOST_MS and largest / 1e6 < MOST_MB,
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def used(processes: list[psutil.Process]) -> float:
    """Processor seconds so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    sys.exit(main())
