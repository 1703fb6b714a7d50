"""What consent adds to the plan of a long chain, and what a walk around closed atoms costs.

    python scripts/bench_consent/plan.py [--atoms N] [--rounds N]

Prints one JSON object. The same chain of N atoms over one small clip is planned in turns: with
nobody in it, and with two people in every atom, by six authors, whose ledger has 50 entries each
for them. The memory is on; everything is in the store after the first turn. Milliseconds of the
processor, least and median of the rounds, and the difference of each pair of turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import imageio_ffmpeg

import chainer
from chainer.consent.book import open_book
from chainer.consent.say import Whom, grant
from chainer.consent.words import Use
from chainer.graph import WalkOptions

AUTHORS = [f"p-author{n}" for n in range(6)]
PEOPLE = {"mei": "p-mei", "bo": "p-bo"}
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> int:
    """Plan in turns, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, default=60, metavar="N")
    parser.add_argument("--rounds", type=int, default=21, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-consent-") as name:
        folder = Path(name)
        _clip(folder / "clip.mp4")
        _ledger(folder / "consent.jsonl")
        graphs = {
            kind: chainer.load_graph(
                _graph(folder / f"{kind}.json", args.atoms, people=kind == "people")
            )
            for kind in ("nobody", "people")
        }
        settings = chainer.Settings.model_validate(
            {"store": {"path": folder / "store"}, "workers": 1}
        )
        spent: dict[str, list[float]] = {kind: [] for kind in graphs}
        for round_number in range(args.rounds + 1):
            for kind, graph in graphs.items():
                began = time.process_time()
                plan = chainer.plan_episode(
                    graph, "a0", options=_path(args.atoms), settings=settings
                )
                if round_number:
                    spent[kind].append(1000 * (time.process_time() - began))
        needs = len(plan.consented.needs)
    extra = [b - a for a, b in zip(spent["nobody"], spent["people"], strict=True)]
    report: dict[str, Any] = {
        "atoms": args.atoms,
        "needs": needs,
        "rounds": args.rounds,
        **{
            kind: {"least": round(min(times), 1), "median": round(statistics.median(times), 1)}
            for kind, times in spent.items()
        },
        "extra": {
            "least": round(min(spent["people"]) - min(spent["nobody"]), 1),
            "median": round(statistics.median(extra), 1),
        },
    }
    print(json.dumps(report, indent=1))
    return 0


def _path(atoms: int) -> WalkOptions:
    return WalkOptions(path=tuple(f"a{n}" for n in range(atoms)))


def _clip(path: Path) -> None:
    argv = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=180x320",
    ]
    argv += ["-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(argv, check=True)


def _ledger(path: Path) -> None:
    uses = (Use.DRAFT, Use.EPISODE)
    with open_book(path, create=True) as book:
        for number in range(50):
            for person in PEOPLE.values():
                whom = Whom((AUTHORS[number % len(AUTHORS)],))
                grant(book, person, whom, uses=uses, now=START + timedelta(minutes=number))


def _graph(path: Path, atoms: int, *, people: bool) -> Path:
    cast = [{"character": name} for name in PEOPLE]
    characters = {
        name: {"name": name, **({"person": person} if people else {})}
        for name, person in PEOPLE.items()
    }
    data = {
        "directed": True,
        "multigraph": True,
        "graph": {
            "schema": "chainer.graph/1",
            "characters": characters,
            **({"ledger": "consent.jsonl"} if people else {}),
        },
        "nodes": [
            {"id": f"a{n}", "media": "clip.mp4", "author": AUTHORS[n % len(AUTHORS)], "cast": cast}
            for n in range(atoms)
        ],
        "edges": [
            {"source": f"a{n}", "target": f"a{n + 1}", "kind": "continuation"}
            for n in range(atoms - 1)
        ],
    }
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
