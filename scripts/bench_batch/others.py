"""The cases that are scripts of their own: the forest in a database, and the cluster.

Each prints JSON objects, one for each thing that it measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.outcome import Goal, Outcome

from bench_batch.workbench import Workbench

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A goal over the value `key` of what a script calls `case`."""

    case: str
    key: str
    name: str
    limit: float
    unit: str = ""
    at_least: bool = False

    def goal(self, found: Sequence[Mapping[str, Any]]) -> Goal:
        """The goal; of what was not measured, a missed one."""
        values = [one.get(self.key) for one in found if one.get("case", "") == self.case]
        value = values[-1] if values else None
        return Goal(self.name, value, self.limit, self.unit, at_least=self.at_least)


_FOREST = (
    Wanted("import", "measured", "import, atoms a second", 30_000, "/s", at_least=True),
    Wanted("plan, memory off", "measured", "plan of 12 atoms, component loaded", 0.3, " s"),
    Wanted("plan, memory off", "peak_mb", "the same, its memory", 150, " MB"),
    Wanted("search", "measured", "the slowest search", 50, " ms"),
    Wanted("a million under one start", "measured", "a component too large, refused", 1, " s"),
)
_OVERHEAD = (
    Wanted("overhead", "measured.ms_a_step", "wall time a step that does nothing", 5, " ms"),
    Wanted("overhead", "measured.scheduler_mb", "the scheduler's memory", 200, " MB"),
)
_WORKERS = (
    Wanted(
        "two workers against one",
        "measured.throughput",
        "throughput of two / of one",
        1.8,
        at_least=True,
    ),
)
_LONG = 80


def forest(bench: Workbench) -> Outcome:
    """A forest of atoms in SQLite."""
    atoms = 100_000 if bench.shop.quick else 1_000_000
    outcome = Outcome("forest", f"A forest of {atoms:,} atoms in SQLite")
    return _script(outcome, _FOREST, "-m", "scripts.bench_batch.forest", "--atoms", str(atoms))


def overhead(bench: Workbench) -> Outcome:
    """What the cluster adds to each step."""
    steps = 1_000 if bench.shop.quick else 10_000
    outcome = Outcome("overhead", f"{steps:,} steps that do nothing, on a cluster")
    return _script(outcome, _OVERHEAD, "scripts/bench_batch/overhead.py", "--steps", str(steps))


def workers(bench: Workbench) -> Outcome:
    """Two workers of a cluster against one."""
    outcome = Outcome("workers", "Two workers of a cluster against one, each pinned to one core")
    clips = 4 if bench.shop.quick else 12
    return _script(outcome, _WORKERS, "scripts/bench_batch/workers.py", "--clips", str(clips))


def _script(outcome: Outcome, wanted: Sequence[Wanted], *words: str) -> Outcome:
    """Run a script and take in what it prints; what it could not measure is a goal missed."""
    done = subprocess.run(
        [sys.executable, *words], cwd=_ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    found = [dict(_flat(one)) for one in objects(done.stdout)]
    for one in found:
        # One column for what was measured: the cases of a script have little else in common.
        outcome.rows += [
            {"case": one.get("case"), "measured": key, "value": value}
            for key, value in one.items()
            if key not in ("case", "unit") and not key.startswith("asked")
        ]
    outcome.goals += [one.goal(found) for one in wanted]
    if done.returncode:
        outcome.notes.append(f"The script ended with {done.returncode}.")
        outcome.goals.append(Goal("exit status of the script", abs(done.returncode), 0))
    outcome.facts["found"] = found
    outcome.commands = [" ".join(["python", *words])]
    return outcome


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, one after another."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        yield value


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{above}{key}.")
        else:
            yield f"{above}{key}", one[:_LONG] if isinstance(one, str) else one
