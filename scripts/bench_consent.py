"""The benchmark of consent and provenance: asking, recording, taking back, marking, signing.

    python scripts/bench_consent.py [--only CASE...] [-o DIR]

Runs the scripts in `bench_consent/` one after the other and writes DIR/consent-<date>.json and
DIR/consent.md (default docs/benchmark). With --only, the cases of the same day that were not run
again are kept. With --strict the exit status is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))
sys.path.insert(1, str(ROOT))

from bench.outcome import Goal, goals_table, page_head  # noqa: E402

from chainer import __version__  # noqa: E402

SCHEMA = "chainer.bench-consent/1"
_TOOLS = ("c2pa-python", "cryptography", "imageio-ffmpeg", "pillow", "pydantic")
Found = Mapping[str, Any]


def _ledger(found: Found) -> Iterator[Goal]:
    for store in ("jsonl", "sqlite"):
        rate = found[store]["appends_per_second"]
        yield Goal(f"durable entries a second, {store}", rate, 1000, "/s", at_least=True)


def _plan(found: Found) -> Iterator[Goal]:
    extra = found["extra"]["median"]
    yield Goal("plan of 60 atoms, more than without people", extra, 50, " ms")


def _revoke(found: Found) -> Iterator[Goal]:
    for which, name in (("median", "median"), ("max", "slowest")):
        yield Goal(f"decide and mark, {name} of 50, CPU", found["mark_cpu"][which], 0.2, " s")
        yield Goal(f"decide and mark, {name} of 50, clock", found["mark"][which], 0.2, " s")


def _sign(found: Found) -> Iterator[Goal]:
    for what in ("cpu", "wall"):
        both = found["sign"][what] + found["check"][what]
        yield Goal(f"sign and check 60 s 720p, {what}", both, 0.5, " s")


def _mark(found: Found) -> Iterator[Goal]:
    yield Goal("conform with the mark / without, CPU", found["ratio"]["median"], 1.05)
    yield Goal("film from the store with the mark / without, CPU", found["copy_ratio"], 1.1)


CASES: dict[str, tuple[str, str, Callable[[Found], Iterator[Goal]]]] = {
    "ledger": ("The ledger: durable entries, and reading 100,000", "ledger.py", _ledger),
    "plan": ("The plan of a chain of 60 atoms, two people in each", "plan.py", _plan),
    "revoke": ("A revocation among 100,000 atoms in 20,000 episodes", "revoke.py", _revoke),
    "sign": ("Content Credentials of a film of 60 s, six atoms", "sign.py", _sign),
    "mark": ("The visible mark", "mark.py", _mark),
}


def main() -> int:
    """Run the cases; 0 unless --strict finds a goal missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], choices=list(CASES), metavar="CASE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    path = args.out / f"consent-{day}.json"
    cases: dict[str, Any] = {}
    if args.only and path.exists():
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    for name in args.only or CASES:
        title, script, goals_of = CASES[name]
        command = [sys.executable, str(HERE / "bench_consent" / script)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        goals = list(goals_of(found))
        cases[name] = {
            "title": title,
            "command": f"python scripts/bench_consent/{script}",
            "found": found,
            "goals": [{**asdict(goal), "reached": goal.reached} for goal in goals],
        }
        print(f"== {title}")
        for goal in goals:
            print(f"   {goal.line()}")
        sys.stdout.flush()
    data = {
        "schema": SCHEMA,
        "date": day,
        "command": "python scripts/bench_consent.py",
        "machine": f"{len(os.sched_getaffinity(0))} cores ({platform.machine()})",
        "versions": {
            "chainer": __version__,
            "Python": sys.version.split()[0],
            **{name: version(name) for name in _TOOLS},
        },
        "cases": {name: cases[name] for name in CASES if name in cases},
    }
    args.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (args.out / "consent.md").write_text(page(data), encoding="utf-8")
    missed = sum(not goal["reached"] for case in cases.values() for goal in case["goals"])
    return int(args.strict and missed > 0)


def page(data: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    lines = page_head(
        "Benchmark of consent and provenance",
        data,
        data["command"],
        "Seconds of the clock depend on the disk, which flushes for every entry and every mark, "
        "and on what else runs on the machine.",
    )
    lines += goals_table(data["cases"])
    for case in data["cases"].values():
        told = json.dumps(case["found"], indent=1, ensure_ascii=False)
        lines += ["", f"## {case['title']}", "", "```json", told, "```", "", f"`{case['command']}`"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
