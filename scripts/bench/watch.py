"""What a viewer gets of a film: every frame with its time and marks, and the sound by its times.

Reads with PyAV, which obeys edit lists as players do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from bench.marks import Marks
from bench.scene import RATE


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame: seconds, (atom, frame) as its strip says, whether it is lit, and its mean luma."""

    time: float
    code: tuple[int, int] | None
    lit: bool
    mean: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Sound at 48 kHz, left channel. `timed` stands where its timestamps put it, `run` as it comes.

    `channels` holds both channels as they come, shape (samples, 2).
    """

    timed: Any
    run: Any
    channels: Any


def watch(path: Path, marks: Marks) -> list[Shown]:
    """Every frame of the film in the order of showing."""
    found = []
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in film.decode(stream):
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            luma = rows[: marks.height, : frame.width]
            low = rows[marks.height : frame.height : 7, : frame.width : 7]
            found.append(
                Shown(float(frame.time), marks.read(luma), marks.is_lit(luma), float(low.mean()))
            )
    return found


def listen(path: Path) -> Heard:
    """The whole sound of the film."""
    parts, places = [], []
    with av.open(str(path)) as film:
        stream = film.streams.audio[0]
        for frame in film.decode(stream):
            data = frame.to_ndarray()
            if not frame.format.is_planar:
                data = data.reshape(-1, len(frame.layout.channels)).T
            if data.dtype.kind == "i":
                data = data / float(2 ** (8 * data.dtype.itemsize - 1))
            parts.append(data[:2].astype(np.float32))
            places.append(round(float(frame.time) * RATE))
    run = np.concatenate(parts, axis=1)
    timed = np.zeros(max(0, places[-1]) + parts[-1].shape[1], np.float32)
    for place, part in zip(places, parts, strict=True):
        cut = max(0, -place)
        timed[place + cut : place + part.shape[1]] = part[0, cut:]
    return Heard(timed, run[0], run.T)


def count_frames(path: Path) -> int:
    """Frames that decode."""
    with av.open(str(path)) as film:
        film.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in film.decode(video=0))
