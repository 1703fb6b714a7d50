"""The benchmark of batches: what many episodes cost together, and what they survive.

    python scripts/bench_batch.py [--quick] [--only CASE...] [--frames N] [--depth N] [-o DIR]

Writes DIR/batch-<date>.json and DIR/batch.md (default docs/benchmark; `-quick` in their names with
--quick). With --only, the cases of the same day that were not run again are kept. With --strict the
exit status is 1 where a goal is missed.

The whole of it takes about 5 GB of disk and, on two cores, an hour and a half: the tree's 127 atoms
of 10 s are encoded twice, once without a batch for the yardstick; --no-apart leaves that out, and
the ledger's own account of the steps is the yardstick alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(ROOT))

from bench.outcome import Outcome  # noqa: E402
from bench.workshop import Workshop  # noqa: E402
from bench_batch import embedded, kills, many, others, tree  # noqa: E402
from bench_batch.report import Report  # noqa: E402
from bench_batch.workbench import FULL, QUICK, Workbench  # noqa: E402

CASES: dict[str, Callable[[Workbench], Outcome]] = {
    "tree": tree.tree,
    "again": tree.again,
    "embedded": embedded.embedded,
    "workers": others.workers,
    "overhead": others.overhead,
    "memory": many.many,
    "kills": kills.kills,
    "forest": others.forest,
}


def main() -> int:
    """Run the cases; 0 unless --strict finds a goal missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small cases: some minutes")
    parser.add_argument("--only", nargs="+", default=[], choices=list(CASES), metavar="CASE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--frames", type=int, help="frames of an atom of the tree")
    parser.add_argument("--depth", type=int, help="depth of the tree: 7 has 127 atoms, 64 chains")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--jobs", type=int, help="jobs of the case `memory`")
    parser.add_argument("--no-apart", dest="apart", action="store_false")
    parser.add_argument("--work", type=Path, help="keep atoms and films here")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    given = {
        name: value
        for name in ("frames", "depth", "kills", "jobs")
        if (value := getattr(args, name)) is not None
    }
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        work = (args.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        shop = Workshop(work, args.quick, None)
        size = replace(QUICK if args.quick else FULL, **given)
        bench = Workbench(shop, size, args.apart)
        report = Report(
            args.out, list(CASES), quick=args.quick, keep=bool(args.only), shown=shop.shown
        )
        for name in args.only or CASES:
            begun = time.monotonic()
            outcome = CASES[name](bench)
            report.add(outcome)
            print(f"== {outcome.title} ({time.monotonic() - begun:.0f} s)")
            for goal in outcome.goals:
                print(f"   {goal.line()}")
            sys.stdout.flush()
    return int(args.strict and report.missed > 0)


if __name__ == "__main__":
    sys.exit(main())
