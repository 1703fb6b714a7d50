"""The results as files: `batch-<date>.json`, and the page `batch.md` made from it."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.outcome import Outcome, goals_table, number, page_head

from chainer import __version__
from chainer.render.encoder import ENGINE

SCHEMA = "chainer.bench-batch/1"
_TOOLS = ("distributed", "imageio-ffmpeg", "numpy", "pydantic", "sqlalchemy")


class Report:
    """Keeps what was found, on disk after every case. No host name and no path goes in."""

    def __init__(
        self,
        folder: Path,
        order: Sequence[str],
        *,
        quick: bool,
        keep: bool,
        shown: Callable[[str], str],
    ) -> None:
        self._folder, self._order, self._shown = folder, order, shown
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        self._path = folder / f"batch-{day}{'-quick' if quick else ''}.json"
        self._load = os.getloadavg()[0]
        cores = len(os.sched_getaffinity(0))
        self._data: dict[str, Any] = {
            "schema": SCHEMA,
            "date": day,
            "quick": quick,
            "command": "python scripts/bench_batch.py" + (" --quick" if quick else ""),
            "machine": f"{cores} cores ({platform.machine()}, {platform.system()})",
            "versions": {
                "chainer": __version__,
                "Python": sys.version.split()[0],
                **{name: found for name in _TOOLS if (found := _version(name))},
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
        case = {**outcome.as_json(), "engine": ENGINE, "load_at_start": round(self._load, 1)}
        self._load = os.getloadavg()[0]
        text = self._shown(json.dumps(case, ensure_ascii=False))
        cases = {**self._data["cases"], outcome.name: json.loads(text)}
        self._data["cases"] = {name: cases[name] for name in self._order if name in cases}
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = json.dumps(self._data, indent=1, ensure_ascii=False) + "\n"
        self._path.write_text(whole, encoding="utf-8")
        name = "batch-quick.md" if self._data["quick"] else "batch.md"
        (self._folder / name).write_text(page(self._data), encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = page_head(
        "Benchmark of batches",
        data,
        data["command"],
        "CPU s is user and system time of the command and all its children. Other jobs ran on the "
        "machine, so wall times mean little where nothing else is said. Own peak is the resident "
        "memory of the command's own process.",
    )
    lines += goals_table(data["cases"], named=True)
    for case in data["cases"].values():
        lines += _section(case, data["command"])
    return "\n".join(lines) + "\n"


def _section(case: dict[str, Any], command: str) -> list[str]:
    lines = ["", f"## {case['title']}", ""]
    lines += [f"Engine {case['engine']}. Load average at start: {case['load_at_start']}.", ""]
    if case["rows"]:
        columns = list(dict.fromkeys(key for row in case["rows"] for key in row))
        lines += [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
        for row in case["rows"]:
            lines.append("| " + " | ".join(number(row.get(column)) for column in columns) + " |")
    if case["notes"]:
        lines += ["", *(f"- {note}" for note in case["notes"])]
    if case["commands"]:
        lines += ["", "```sh", *case["commands"], "```"]
    return [*lines, "", f"`{command} --only {case['name']}`"]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # an extra that is not installed
        return ""
