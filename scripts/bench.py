"""The benchmark of chainer: cost beside other tools, and how exact films come out.

    python scripts/bench.py [--quick] [--atoms generated|media|harbor] [--only CASE…] [-o DIR]

Writes DIR/<date>.json and DIR/latest.md (default docs/benchmark). With --only, the cases of the
same day that were not run again are kept. Real clips are looked for in CHAINER_MEDIA (default
../shared/media); nothing of them is kept. With --strict the exit status is 1 where
a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench.atoms import AtomSource  # noqa: E402
from bench.cases import (  # noqa: E402
    long_chain,
    picture,
    relay_tree,
    seams,
    side_by_side,
    start,
    sync_chain,
)
from bench.outcome import Outcome  # noqa: E402
from bench.report import Report  # noqa: E402
from bench.workshop import Workshop  # noqa: E402

Case = Callable[[Workshop], Outcome]


def cases(shop: Workshop, atoms: AtomSource | None, rounds: int) -> dict[str, Case]:
    """The cases by name, in the order in which they run."""
    sources = [atoms] if atoms else [AtomSource.GENERATED]
    if atoms is None and shop.media is not None and not shop.quick:
        sources.append(AtomSource.MEDIA)
    found: dict[str, Case] = {"start": start.start}
    for source in sources:
        found[f"side-{source.value}"] = partial(
            side_by_side.side_by_side, source=source, rounds=rounds
        )
    return found | {
        "picture": picture.picture,
        "seams": seams.seams,
        "sync": sync_chain.sync_chain,
        "tree": relay_tree.relay_tree,
        "long": long_chain.long_chain,
    }


def main() -> int:
    """Run the cases; 0 unless --strict finds a goal missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small cases: about three minutes")
    parser.add_argument("--atoms", type=AtomSource, choices=list(AtomSource))
    parser.add_argument("--only", nargs="+", default=[], metavar="CASE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument(
        "--rounds", type=int, default=1, help="cold runs, of which the least counts"
    )
    parser.add_argument("--work", type=Path, help="keep atoms and films here")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    media = Path(os.environ.get("CHAINER_MEDIA", ROOT.parent / "shared" / "media"))
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        work = (args.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        shop = Workshop(work, args.quick, media if (media / "dev").is_dir() else None)
        known = cases(shop, args.atoms, args.rounds)
        if unknown := set(args.only) - set(known):
            parser.error(f"unknown cases {sorted(unknown)}; there are {', '.join(known)}")
        report = Report(shop, args.out, keep=bool(args.only))
        for name, case in known.items():
            if args.only and name not in args.only:
                continue
            begun = time.monotonic()
            outcome = case(shop)
            report.add(outcome)
            print(f"== {outcome.title} ({time.monotonic() - begun:.0f} s)")
            for goal in outcome.goals:
                print(f"   {goal.line()}")
            sys.stdout.flush()
    return int(args.strict and report.missed > 0)


if __name__ == "__main__":
    sys.exit(main())
