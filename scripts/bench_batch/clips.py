"""The atoms of the large tree: all different, as costly to encode as real ones, quickly made.

A few generated worlds are drawn and kept; every atom is a walk through one of them that begins
elsewhere, seen in a mirror or not, with marks and sound of its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.atoms import SMALL_MARKS, generate
from bench.marks import Marks
from bench.scene import SAMPLES_PER_FRAME, pictures, sound

from bench_batch.workbench import SMALL, Size, Workbench

WORLDS = 4
_COLOUR = (
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
    *("-color_range", "tv"),
)


def marks_of(size: Size) -> Marks:
    """The marks that an atom of this size can carry."""
    return Marks(max(12, size.profile.width // 45))


def tree_files(bench: Workbench) -> list[Path]:
    """The atoms of the tree, 1 first; made once a folder."""
    size = bench.size
    shape = (size.profile.width, size.profile.height)
    room = bench.room(f"atoms-{size.frames}-{shape[0]}x{shape[1]}")
    files = [room / f"t{n}.mp4" for n in range(1, 2**size.depth)]
    missing = [n for n, file in enumerate(files, 1) if not file.exists()]
    for world in range(WORLDS):
        wanted = [n for n in missing if n % WORLDS == world]
        if wanted:
            frames = list(pictures(900 + world, size.frames, *shape, marks_of(size)))
            for number in wanted:
                _write(bench, files[number - 1], number, frames)
    return files


def small_files(bench: Workbench, count: int, frames: int = 48) -> list[Path]:
    """Small marked atoms, for cases in which encoding is not what is measured."""
    room = bench.room(f"atoms-small-{frames}")
    shape = (SMALL.width, SMALL.height)
    return [
        generate(bench.shop, room / f"s{n}.mp4", n, frames, shape, SMALL_MARKS)
        for n in range(1, count + 1)
    ]


def _write(bench: Workbench, path: Path, number: int, frames: Sequence[bytes]) -> None:
    size = bench.size
    width, height = size.profile.width, size.profile.height
    raw, draft = path.with_suffix(".f32"), path.with_suffix(".part.mp4")
    samples = sound(number, size.frames * SAMPLES_PER_FRAME, level=0.05 + 0.02 * (number % 4))
    np.asarray(samples, dtype="<f4").tofile(raw)
    argv = [
        *(bench.shop.ffmpeg, "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", "30"),
        *("-i", "-", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", str(raw)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-pix_fmt", "yuv420p"),
        *(*_COLOUR, "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", str(draft)),
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for picture in _walk(number, frames, width, height, marks_of(size)):
            process.stdin.write(picture)
        process.stdin.close()
        if process.wait():
            raise RuntimeError(f"{path.name} could not be generated")
    raw.unlink()
    draft.replace(path)


def _walk(
    number: int, frames: Sequence[bytes], width: int, height: int, marks: Marks
) -> Iterator[bytes]:
    """To and fro through a world, without a jump; `number` says where it begins and which way."""
    count = len(frames)
    begin = number // WORLDS * 37
    mirrored = number // WORLDS % 2 == 1
    for frame in range(count):
        at = (begin + frame) % (2 * count - 2)
        at = at if at < count else 2 * count - 2 - at
        luma, chroma = _planes(frames[at], width, height)
        if mirrored:
            luma, chroma = luma[:, ::-1], chroma[..., ::-1]
        luma = luma.copy()
        marks.draw(luma, number, frame)
        yield luma.tobytes() + chroma.tobytes()


def _planes(picture: bytes, width: int, height: int) -> tuple[Any, Any]:
    """Luma, and both chroma planes as one array."""
    data = np.frombuffer(picture, np.uint8)
    luma = data[: width * height].reshape(height, width)
    return luma, data[width * height :].reshape(2, height // 2, width // 2)
