"""The results as files: `memory-<date>.json`, and the page `memory.md` made from it."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.outcome import Outcome, goals_table, number, page_head

from chainer import __version__
from chainer.memory.keys import OBSERVE, STEP

SCHEMA = "chainer.bench-memory/1"
_TOOLS = ("av", "imageio-ffmpeg", "numpy", "opencv-python-headless")


class Report:
    """Keeps what was found, on disk after every case. No host name and no path goes in."""

    def __init__(self, folder: Path, *, quick: bool, keep: bool) -> None:
        self._folder = folder
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        self._path = folder / f"memory-{day}{'-quick' if quick else ''}.json"
        cores = len(os.sched_getaffinity(0))
        self._data: dict[str, Any] = {
            "schema": SCHEMA,
            "date": day,
            "quick": quick,
            "command": "python scripts/bench_memory.py" + (" --quick" if quick else ""),
            "machine": f"{cores} cores ({platform.machine()}, {platform.system()})",
            "versions": {
                "chainer": __version__,
                "Python": sys.version.split()[0],
                **{name: version(name) for name in _TOOLS},
            },
            "cases": {},
        }
        self._keep = keep

    @property
    def missed(self) -> int:
        """How many goals of all cases were missed."""
        cases = self._data["cases"].values()
        return sum(not goal["reached"] for case in cases for goal in case["goals"])

    def add(self, outcome: Outcome) -> None:
        """Take a case in and write the files."""
        if self._keep and self._path.exists():  # others may run other cases meanwhile
            self._data["cases"] = json.loads(self._path.read_text(encoding="utf-8"))["cases"]
        self._keep = True
        case = {**outcome.as_json(), "observe": OBSERVE, "step": STEP}
        self._data["cases"][outcome.name] = json.loads(json.dumps(case, ensure_ascii=False))
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = json.dumps(self._data, indent=1, ensure_ascii=False) + "\n"
        self._path.write_text(whole, encoding="utf-8")
        name = "memory-quick.md" if self._data["quick"] else "memory.md"
        (self._folder / name).write_text(page(self._data), encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = page_head(
        "Benchmark of the memory",
        data,
        data["command"],
        "Joints are made of single shots of real clips (`CHAINER_MEDIA`) and of generated ones, "
        "cut in two; what is done to the second half is the truth. The clips are in two halves, "
        "`chosen` and `other`, that share none; defaults were last set while looking at both, so "
        "neither is unseen. A change that moves a picture by less than 0.5 dE is not counted as "
        "one that should be found.",
    )
    lines += goals_table(data["cases"])
    for case in data["cases"].values():
        lines += ["", f"## {case['title']}", ""]
        columns = list(dict.fromkeys(key for row in case["rows"] for key in row))
        lines += [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
        for row in case["rows"]:
            lines.append("| " + " | ".join(number(row.get(column)) for column in columns) + " |")
        if case["notes"]:
            lines += ["", *(f"- {note}" for note in case["notes"])]
        lines += ["", f"`{data['command']} --only {case['name']}`"]
    return "\n".join(lines) + "\n"
