"""Two workers against one: the throughput of real conform steps, each worker on a core of its own.

    python scripts/bench_batch/workers.py [--clips N] [--rounds R]

Makes N clips of 10 s (default 12), conforms them to the house profile on a cluster of one worker
pinned to one core, then of two workers on two cores, with a new store each time; the least wall
time of R rounds (default 1) counts. The scheduler and this process yield to the workers, and in
both cases have only the second core: two workers pay for them, one does not. On a machine that
does other work too, `processor` tells more than `throughput`: the processor seconds of the one
worker over those of the busier of the two. Prints one JSON object. Needs `taskset` and two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import chainer  # noqa: E402
from chainer.batch.cluster import ClusterExecutor  # noqa: E402
from chainer.cluster_policy import ClusterPolicy  # noqa: E402
from chainer.profile import HOUSE  # noqa: E402
from chainer.store import Store  # noqa: E402
from tests.batch.clusters import Cluster, drive, family, until, works_of  # noqa: E402
from tests.film.coded import Coded, small_settings, write_graph  # noqa: E402

LEAST = 1.8


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("this needs two cores")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as name:
        folder = Path(name)
        graph = write_graph(folder, [Coded(number, 300) for number in range(1, args.clips + 1)])
        os.sched_setaffinity(0, {cores[1]})
        os.nice(5)
        walls = {1: [], 2: []}  # type: dict[int, list[float]]
        busy = {1: [], 2: []}  # type: dict[int, list[float]]
        for turn in range(args.rounds):
            for count in (1, 2):
                place = folder / f"{turn}-{count}"
                wall, used = conformed(graph, place, cores[:count])
                walls[count].append(round(wall, 3))
                busy[count].append(round(used, 3))
    times = {count: min(found) for count, found in walls.items()}
    ratio = times[1] / times[2]
    print(
        json.dumps(
            {
                "case": "two workers against one",
                "clips": args.clips,
                "asked": {"throughput": LEAST},
                "measured": {
                    "throughput": round(ratio, 3),
                    "processor": round(min(busy[1]) / min(busy[2]), 3),
                    "seconds_one": times[1],
                    "seconds_two": times[2],
                },
                "reached": ratio >= LEAST,
                "load_before": round(load, 2),
                "load_after": round(os.getloadavg()[0], 2),
            }
        )
    )
    return 0


def conformed(graph: Path, place: Path, cores: list[int]) -> tuple[float, float]:
    """All conform steps of `graph` on one worker for each of `cores`.

    Wall seconds, and the processor seconds of the busiest worker with its encoders.
    """
    settings = small_settings(place / "store", profile=HOUSE)
    plan = chainer.plan_episode(chainer.load_graph(graph), "c1", settings=settings)
    works = {key: work for key, work in works_of(plan).items() if not work.step.needs}
    with Cluster(place / "cluster") as cluster:
        # Of the priority that this process had before it stepped back.
        raised = ("nice", "-n", "-5") if os.geteuid() == 0 else ()
        workers = [
            cluster.worker("--resources", "chainer=1", around=(*raised, "taskset", "-c", str(core)))
            for core in cores
        ]
        policy = ClusterPolicy(address=str(cluster.file))
        executor = ClusterExecutor.reach(policy, Store(place / "store"), settings.store)
        until(lambda: executor.results(0.1) == [] and executor.workers == len(cores))
        spent = [used(worker.pid) for worker in workers]
        begun = time.monotonic()
        found = drive(executor, works, 1800)
        wall = time.monotonic() - begun
        busiest = max(used(w.pid) - before for w, before in zip(workers, spent, strict=True))
        executor.close()
    assert all(result.error is None and result.ran for result in found.values())
    return wall, busiest


def used(pid: int) -> float:
    """Processor seconds of a worker and of all that it has run."""
    return sum(sum(process.cpu_times()[:4]) for process in family(pid))


if __name__ == "__main__":
    sys.exit(main())
