"""Single shots of real clips, decoded small: the material that joints are made of.

Every clip under the media folder is decoded once at the memory's working size and split at its
own cuts, so that a joint made by cutting a shot in two is a true continuation.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from chainer.memory.observation import Sample
from chainer.memory.world import difference, thumb_of

MEDIA = Path(os.environ.get("CHAINER_MEDIA", Path(__file__).parents[3] / "shared" / "media"))
YUNET = Path(os.environ.get("CHAINER_YUNET", MEDIA.parent / "models" / "yunet_s_640_640.onnx"))
SIDE = 320
SKIP = {"asl_skull_1_rotmeta.mp4", "asl_yellow_2_drift.mp4", "asl_skull_2_land.mkv"}
"""Copies of other clips."""


@dataclass(frozen=True)
class Shot:
    """One shot: `frames` uint8 [n, h, w, 3], BGR, at `fps`, from frame `start` of `path` on."""

    name: str
    clip: str
    frames: np.ndarray
    fps: Fraction
    path: Path
    start: int

    def samples(self, first: int, last: int) -> list[Sample]:
        """Frames [first, last) as the observer would see them: all of both ends, 4/s between."""
        return samples_of(self.frames[first:last], self.fps)


def samples_of(frames: np.ndarray, fps: Fraction) -> list[Sample]:
    """All frames of the first and the last second, four a second between."""
    count, second = len(frames), round(fps)
    keep = {*range(min(second, count)), *range(max(0, count - second), count)}
    keep |= {round(n * fps / 4) for n in range(int(count / fps * 4))}
    return [Sample(n / fps, frames[n]) for n in sorted(keep) if n < count]


def shots(least_seconds: float = 3.0, folders: tuple[str, ...] = ("dev", "odd")) -> list[Shot]:
    """Every shot of at least this length, in the order of the file names."""
    found = []
    for folder in folders:
        for path in sorted((MEDIA / folder).iterdir()):
            if path.suffix not in {".mp4", ".mov", ".mkv", ".webm"} or path.name in SKIP:
                continue
            found += [s for s in _shots_of(path) if len(s.frames) / s.fps >= least_seconds]
    return found


def _shots_of(path: Path) -> list[Shot]:
    frames, fps = _decode(path)
    if len(frames) < 2:
        return []
    thumbs = [thumb_of(frame) for frame in frames]
    steps = [difference(a, b) for a, b in pairwise(thumbs)]
    usual = float(np.median(steps))
    cuts = [n + 1 for n, step in enumerate(steps) if step > max(0.30, 6 * usual)]
    bounds = [0, *cuts, len(frames)]
    return [
        Shot(f"{path.stem}#{n}", path.stem, frames[a:b], fps, path, a)
        for n, (a, b) in enumerate(pairwise(bounds))
    ]


def _decode(path: Path) -> tuple[np.ndarray, Fraction]:
    cache = Path(os.environ.get("BENCH_CACHE", tempfile.gettempdir())) / (
        "chainer-shot-" + hashlib.sha256(f"{path}{SIDE}".encode()).hexdigest()[:16] + ".npz"
    )
    if cache.exists():
        with np.load(cache) as stored:
            return stored["frames"], Fraction(str(stored["fps"]))
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = Fraction(stream.average_rate or 30).limit_denominator(1001)
        turn = 0
        for frame in container.decode(stream):
            turn = int(getattr(frame, "rotation", 0) or 0)
            width, height = frame.width, frame.height
            scale = SIDE / max(width, height)
            small = frame.reformat(
                width=max(2, round(width * scale)),
                height=max(2, round(height * scale)),
                format="bgr24",
                interpolation="AREA",
            ).to_ndarray()
            frames.append(np.rot90(small, turn // 90) if turn else small)
            if len(frames) > 700:
                break
    array = np.ascontiguousarray(np.stack(frames)) if frames else np.zeros((0, 2, 2, 3), np.uint8)
    np.savez(cache, frames=array, fps=str(fps))
    return array, fps
