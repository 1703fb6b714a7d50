"""The benchmark of edits: what one change to one atom of a twelve-atom episode makes again.

    python scripts/bench_story.py [--work DIR] [-o DIR]

Copies the sample story, builds its episode of twelve atoms once, then changes atom a10 in one way
after the other with `chainer edit`, asks `chainer plan` what would run, builds, and undoes the
change. Writes DIR/story-<date>.json and DIR/story.md (default docs/benchmark). CPU seconds are
those of all processes of the command.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

EDITS: dict[str, list[str]] = {
    "trim": ["--trim", "1.2:9.0"],
    "gain": ["--gain", "-3"],
    "another clip": ["--replace", "harbor/media/a5.mp4"],
    "joint": ["--joint", "crossfade:2/5"],
    "J cut": ["--joint", "j:2/5"],
    "match": ["--joint", "match"],
    "captions": ["--caption", "1:3=Somebody else speaks now."],
    "title": ["--title", "Another name"],
    "nothing": [],
}


NOTE = """
"Trim" makes a third joint anew, a11→a12, and no picture for it: these neighbours meet by plain
cuts of 300 frames, which are not whole steps of the AV grid, so their sound may be placed at
either of two AAC frames, and a clip that is 66 frames shorter before them changes which. With
crossfades, whose lengths keep clips on the grid, that does not happen. An atom with a chapter card
over its first picture takes the card and one joint more.
"""


def run(*words: str) -> tuple[dict[str, Any], float]:
    """A command's JSON and its CPU seconds, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = [sys.executable, "-m", "chainer", *words, "--json"]
    done = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), spent


def measure(work: Path) -> list[dict[str, Any]]:
    """One row for each edit."""
    shutil.copytree(ROOT / "graphs", work / "graphs")
    graph, store, out = str(work / "graphs/harbor.json"), str(work / "store"), str(work / "out")
    common = ("--start", "a1", "--store", store)
    first, cpu = run("compose", graph, *common, "-o", out)
    rows = [
        {
            "edit": "(first build)",
            "steps": first["steps_run"] + first["steps_cached"],
            "run": first["steps_run"],
            "what": {},
            "pictures": None,
            "cpu_seconds": round(cpu, 2),
        }
    ]
    for name, words in EDITS.items():
        if words:
            run("edit", graph, "a10", *words)
        plan, _ = run("plan", graph, *common)
        running = [step for step in plan["steps"] if step["runs"]]
        built, cpu = run("compose", graph, *common, "-o", out)
        rows.append(
            {
                "edit": name,
                "steps": len(plan["steps"]),
                "run": built["steps_run"],
                "what": dict(Counter(step["type"] for step in running)),
                "names": [f"{step['type']} {step['name']}" for step in running],
                "pictures": sum(step["frames"] for step in running),
                "cpu_seconds": round(cpu, 2),
            }
        )
        print(rows[-1], flush=True)
        if words:
            run("edit", graph, "--undo")
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| edit of a10 | steps run, of | which | pictures encoded | CPU s |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        what = ", ".join(row.get("names", [])) or "-"
        pictures = "-" if row["pictures"] is None else row["pictures"]
        lines.append(
            f"| {row['edit']} | {row['run']} of {row['steps']} | {what} | {pictures} | "
            f"{row['cpu_seconds']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "benchmark")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as folder:
        rows = measure(args.work or Path(folder))
    today = dt.datetime.now(dt.UTC).date().isoformat()
    told = {"date": today, "command": "python scripts/bench_story.py", "rows": rows}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"story-{today}.json").write_text(json.dumps(told, indent=2) + "\n")
    head = (
        "# What one edit makes again\n\n"
        f"{today}, `python scripts/bench_story.py`, 2 cores. The sample story of twelve atoms, "
        "2:06; each edit is undone before the next one. CPU seconds are those of `chainer compose` "
        "with all its children, signing included.\n\n"
    )
    (args.out / "story.md").write_text(head + table(rows) + NOTE)
    print(table(rows))


if __name__ == "__main__":
    main()
