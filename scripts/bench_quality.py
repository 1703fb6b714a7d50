"""The benchmark of the quality of takes: which planted defects are found, and at what cost.

    python scripts/bench_quality.py [--quick] [--only CASE...] [--work DIR] [-o DIR]

Plants each defect into the clips in CHAINER_MEDIA (default ../shared/media), in a temporary folder
or in --work, where what was made is kept. Writes DIR/quality-<date>.json and DIR/quality.md
(default docs/benchmark). With --strict the exit status is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(ROOT))

from bench.outcome import Outcome  # noqa: E402
from bench_quality import report  # noqa: E402
from bench_quality.cases import planted_and_untouched  # noqa: E402
from bench_quality.cost import cost  # noqa: E402
from bench_quality.workbench import Workbench  # noqa: E402


def main() -> int:
    """Run the cases; 0 unless --strict finds a goal missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one strength instead of three")
    parser.add_argument("--only", nargs="+", choices=("cost", "planted"), default=[])
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--work", type=Path, help="keep what is made here")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    media = Path(os.environ.get("CHAINER_MEDIA", ROOT.parent / "shared" / "media"))
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {text}", flush=True)

    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        bench = Workbench((args.work or Path(folder)).resolve(), media)
        if not args.only or "cost" in args.only:
            outcomes.append(cost(bench))
            say("cost")
        if not args.only or "planted" in args.only:
            times = 1 if args.quick else 3
            outcomes.append(planted_and_untouched(bench, bench.originals(), times, say))
    for goal in (goal for one in outcomes for goal in one.goals):
        print(goal.line())
    print(report.write(args.out, outcomes, "python scripts/bench_quality.py"))
    return int(args.strict and not all(goal.reached for one in outcomes for goal in one.goals))


if __name__ == "__main__":
    sys.exit(main())
