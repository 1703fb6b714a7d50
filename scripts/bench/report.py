"""The results as files: one JSON object for each day, and the page `latest.md` made from it."""

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
from bench.workshop import Workshop
from chainer import __version__
from chainer.render.encoder import ENGINE

SCHEMA = "chainer.bench/1"
_TOOLS = ("av", "imageio-ffmpeg", "moviepy", "numpy", "opencv-python-headless")


class Report:
    """Keeps what was found, on disk after every case. No host name and no path goes in."""

    def __init__(self, shop: Workshop, folder: Path, *, keep: bool) -> None:
        self._shop = shop
        self._folder = folder
        self._path = folder / f"{datetime.now(UTC):%Y-%m-%d}{'-quick' if shop.quick else ''}.json"
        self._load = os.getloadavg()[0]
        self._data: dict[str, Any] = {
            "schema": SCHEMA,
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "quick": shop.quick,
            "machine": _machine(),
            "versions": _versions(shop),
            "cases": {},
        }
        if keep and self._path.exists():
            self._data["cases"] = json.loads(self._path.read_text(encoding="utf-8"))["cases"]

    @property
    def missed(self) -> int:
        """How many goals of all cases were missed."""
        cases = self._data["cases"].values()
        return sum(not goal["reached"] for case in cases for goal in case["goals"])

    def add(self, outcome: Outcome) -> None:
        """Take a case in and write the files."""
        case = outcome.as_json()
        case["engine"] = ENGINE
        case["load_at_start"] = round(self._load, 1)
        self._load = os.getloadavg()[0]
        text = json.dumps(case, ensure_ascii=False)
        self._data["cases"][outcome.name] = json.loads(self._shop.shown(text))
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = json.dumps(self._data, indent=1, ensure_ascii=False) + "\n"
        self._path.write_text(whole, encoding="utf-8")
        (self._folder / "latest.md").write_text(page(self._data), encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = page_head(
        "Benchmark",
        data,
        "python scripts/bench.py" + (" --quick" if data["quick"] else ""),
        "CPU s is user and system time of the command and all its children. Other jobs ran on the "
        "machine, so wall times mean little. Peak is the largest sum of resident memory over the "
        "process tree.",
    )
    lines += goals_table(data["cases"], named=True)
    for case in data["cases"].values():
        lines += _section(case)
    return "\n".join(lines) + "\n"


def _section(case: dict[str, Any]) -> list[str]:
    lines = ["", f"## {case['title']}", "", _made(case), ""]
    if case["rows"]:
        columns = list(dict.fromkeys(key for row in case["rows"] for key in row))
        lines += [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
        for row in case["rows"]:
            lines.append("| " + " | ".join(number(row.get(column)) for column in columns) + " |")
    if case["notes"]:
        lines += ["", *(f"- {note}" for note in case["notes"])]
    if case["commands"]:
        lines += ["", "```sh", *case["commands"], "```"]
    return lines


def _made(case: dict[str, Any]) -> str:
    return f"Engine {case['engine']}. Load average at start: {case['load_at_start']}."


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({platform.machine()}, {platform.system()})"


def _versions(shop: Workshop) -> dict[str, str]:
    first = shop.run_ffmpeg(["-version"], shop.folder).stdout.split()
    found = {"chainer": __version__, "Python": sys.version.split()[0], "FFmpeg": first[2]}
    return found | {name: version(name) for name in _TOOLS}
