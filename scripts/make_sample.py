"""Draw and sound the bundled sample story: graphs/harbor.json and everything it names.

    python scripts/make_sample.py [--out DIR] [--only a1,a3]

Writes the same bytes each time. With --only, films just these and leaves the graph file alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sample import graphfile, ledger, loudness
from sample.film import Shot, write
from sample.sound import Track
from sample.speech import Sound
from sample.story import ATOMS, TAKES

LIMIT = 5_600_000  # bytes of everything under the output folder that this script wrote


def sounded(shot: Shot) -> Sound | None:
    """The sound of a shot at the loudness its author works at."""
    if shot.sound is None:
        return None
    track = Track(shot.seconds)
    shot.sound(track)
    samples = track.samples
    # Both ends fade over ten milliseconds, so that no cut clicks.
    n = 480
    ramp = (1 - np.cos(np.linspace(0, np.pi, n))) / 2
    samples[:n] *= ramp[:, None]
    samples[-n:] *= ramp[::-1, None]
    return loudness.bring_to(samples, shot.lufs)


def main() -> int:
    """Make the sample; 0 when all is within its limits."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parent.parent / "graphs"
    )
    parser.add_argument("--only", default="", help="film only these, for example a1,a7-take2")
    args = parser.parse_args()
    only = {x for x in args.only.split(",") if x}
    folder = args.out / "harbor"
    media = folder / "media"
    media.mkdir(parents=True, exist_ok=True)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()

    films = {name: atom.film for name, atom in ATOMS.items()} | {
        take: film for take, film, _ in TAKES.values()
    }
    nodes: dict[str, dict[str, Any]] = {}
    truths: dict[str, Any] = {}
    total = 0
    for order, (name, film) in enumerate(films.items()):
        if only and name not in only:
            continue
        began = time.perf_counter()
        shot = film()
        samples = sounded(shot)
        target = media / f"{name}.mp4"
        seen = write(shot, samples, target, ffmpeg)
        total += target.stat().st_size
        truths[name] = graphfile.truth(shot, seen, None if samples is None else shot.lufs)
        if name in ATOMS:
            nodes[name] = graphfile.node(
                name, shot, graphfile.cast(shot, seen), graphfile.created(order)
            )
        else:
            truths[name]["worse"] = next(why for take, _, why in TAKES.values() if take == name)
        print(
            f"{name}: {target.stat().st_size // 1024} KiB in {time.perf_counter() - began:.1f} s",
            flush=True,
        )
    if only:
        return 0
    graphfile.references(folder / "ref")
    ledger.write(folder)
    graphfile.save(graphfile.graph(nodes), args.out / "harbor.json")
    graphfile.save(truths, folder / "truth.json")
    total = (args.out / "harbor.json").stat().st_size + sum(
        f.stat().st_size for f in folder.rglob("*") if f.is_file()
    )
    print(f"in all {total // 1024} KiB")
    return 0 if total < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
