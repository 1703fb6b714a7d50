"""The benchmark of the memory: what it finds, mends, remembers and costs.

    python scripts/bench_memory.py [--quick] [--only CASE...] [-o DIR]

Joints are made of single shots of the clips in CHAINER_MEDIA (default ../shared/media) and of
generated ones. Writes DIR/memory-<date>.json and DIR/memory.md (default docs/benchmark). With
--only, the cases of the same day that were not run again are kept. With --strict the exit status
is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(ROOT))

from bench.outcome import Outcome  # noqa: E402
from bench_memory import characters, costs, drift, overlap, real, walks  # noqa: E402
from bench_memory.report import Report  # noqa: E402
from bench_memory.workbench import Workbench  # noqa: E402

CASES: dict[str, Callable[[Workbench], Outcome]] = {
    "continuations": drift.continuations,
    "drift": drift.drift,
    "chain": walks.chains,
    "revisit": walks.revisits,
    "rank": walks.ranking,
    "overlap": overlap.overlaps,
    "people": characters.characters,
    "cost": costs.cost,
    "tree": costs.tree,
    "real": real.real,
}


def main() -> int:
    """Run the cases; 0 unless --strict finds a goal missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a sample of every case")
    parser.add_argument("--only", nargs="+", default=[], choices=list(CASES), metavar="CASE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--work", type=Path, help="keep what is made here")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        work = (args.work or Path(folder)).resolve()
        bench = Workbench(work, args.quick)
        report = Report(args.out, quick=args.quick, keep=bool(args.only))
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
