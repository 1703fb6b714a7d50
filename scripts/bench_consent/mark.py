"""What the visible mark costs: in the one encode of a clip, and in a film copied from the store.

    python scripts/bench_consent/mark.py [--rounds N]

Prints one JSON object. A generated clip of 10 s, 720x1280, is conformed to the house format in
turns without and with the mark; then a film of four such clips is built twice from a store that has
everything, without and with. Seconds of processor time, children included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import imageio_ffmpeg

import chainer
from chainer.store import collect

CLIPS = 4


def main() -> int:
    """Conform in turns, copy in turns, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-mark-") as name:
        folder = Path(name)
        one, four = (_graph(folder, count) for count in (1, CLIPS))
        spent: dict[str, list[float]] = {"without": [], "with": []}
        copied: dict[str, list[float]] = {"without": [], "with": []}
        for _ in range(args.rounds):
            for kind, times in spent.items():
                settings = _settings(folder, kind)
                times.append(_build(one, settings, folder / "out"))
                collect(chainer.Store(folder / kind), 0)  # so that it is made again
        for kind in copied:
            settings = _settings(folder, kind)
            _build(four, settings, folder / "out")
            copied[kind] = [_build(four, settings, folder / "out") for _ in range(args.rounds)]
    ratios = [b / a for a, b in zip(spent["without"], spent["with"], strict=True)]
    report: dict[str, Any] = {
        "rounds": args.rounds,
        **{f"conform_{kind}": round(statistics.median(times), 2) for kind, times in spent.items()},
        "ratio": {"least": round(min(ratios), 3), "median": round(statistics.median(ratios), 3)},
        **{f"copy_{kind}": round(min(times), 3) for kind, times in copied.items()},
        "copy_ratio": round(min(copied["with"]) / min(copied["without"]), 3),
    }
    print(json.dumps(report, indent=1))
    return 0


def _settings(folder: Path, kind: str) -> chainer.Settings:
    return chainer.Settings.model_validate(
        {
            "store": {"path": folder / kind},
            "memory": {"enabled": False},
            "card": {"title": False},
            "signing": {"mode": "off"},
            "watermark": {"enabled": kind == "with"},
            "workers": 1,
        }
    )


def _build(graph: Path, settings: chainer.Settings, out: Path) -> float:
    began = os.times()
    plan = chainer.plan_episode(chainer.load_graph(graph), "a0", settings=settings)
    chainer.render_episode(plan, out)
    ended = os.times()
    return sum(ended[:4]) - sum(began[:4])


def _graph(folder: Path, count: int) -> Path:
    for number in range(count):
        clip = folder / f"a{number}.mp4"
        if not clip.exists():
            source = f"testsrc2=s=720x1280:r=30,hue=h={40 * number}"
            argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
            argv += ["-f", "lavfi", "-i", f"sine=f={300 + 50 * number}", "-t", "10"]
            argv += ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", str(clip)]
            subprocess.run(argv, check=True)
    data = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1"},
        "nodes": [{"id": f"a{n}", "media": f"a{n}.mp4", "author": f"p-{n}"} for n in range(count)],
        "edges": [
            {"source": f"a{n}", "target": f"a{n + 1}", "kind": "continuation"}
            for n in range(count - 1)
        ],
    }
    path = folder / f"graph{count}.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
