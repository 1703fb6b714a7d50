"""Joints as real files: cut from a clip, changed, coded by FFmpeg, read by the real observer.

What coding noise, colour subsampling and the decoder's path do to the numbers is seen only here.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np

from bench_memory.clips import Shot
from chainer.graph import Atom
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from chainer.memory.observation import Observation
from chainer.memory.policy import FacePolicy
from chainer.memory.shelf import Observer
from chainer.profile import HOUSE
from chainer.store import Store
from chainer.timebase import to_seconds
from chainer.timeline.used import SlotPolicy, used_range

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SIDE = 720
"""Longer side of the files that are made."""

_CODED = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "1")
_COLOUR = (
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
    *("-color_range", "tv", "-vf", "scale=out_color_matrix=bt709:out_range=tv"),
)

Frames = Callable[[np.ndarray], np.ndarray]
"""Takes and gives uint8 [n, h, w, 3], B G R."""


def same(frames: np.ndarray) -> np.ndarray:
    return frames


def source_frames(path: Path, first: int, last: int) -> np.ndarray:
    """Frames [first, last) of a clip, upright, even sides, at most `SIDE` long."""
    found = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            if number >= last:
                break
            if number < first:
                continue
            scale = min(1.0, SIDE / max(frame.width, frame.height))
            pixels = frame.reformat(
                width=round(frame.width * scale / 2) * 2,
                height=round(frame.height * scale / 2) * 2,
                format="bgr24",
                interpolation="AREA" if scale < 1 else "BICUBIC",
            ).to_ndarray()
            turn = int(getattr(frame, "rotation", 0) or 0)
            found.append(np.rot90(pixels, turn // 90) if turn else pixels)
    return np.ascontiguousarray(np.stack(found))


def write_file(
    path: Path,
    frames: np.ndarray,
    fps: Fraction,
    *,
    quality: int = 20,
    sound: tuple[Path, Fraction] | None = None,
) -> None:
    """An MP4 file of these frames; `sound` is a clip and where in it the frames begin."""
    height, width = frames.shape[1:3]
    seconds = float(len(frames) / fps)
    words = [FFMPEG, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    words += ["-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    if sound is not None:
        words += ["-ss", f"{float(sound[1]):.6f}", "-t", f"{seconds:.6f}", "-i", str(sound[0])]
        words += ["-map", "0:v", "-map", "1:a?", "-c:a", "aac", "-b:a", "128k", "-ac", "2"]
    words += [*_CODED, "-crf", str(quality), *_COLOUR, str(path)]
    subprocess.run(words, input=frames.tobytes(), check=True, capture_output=True)


@dataclass(frozen=True)
class Piece:
    """Frames [first, last) of a shot, counted from the shot's first."""

    shot: Shot
    first: int
    last: int

    def frames(self) -> np.ndarray:
        """At full size."""
        start = self.shot.start
        return source_frames(self.shot.path, start + self.first, start + self.last)


class Studio:
    """Makes files in a folder and looks at them as the product does. Keeps both."""

    def __init__(self, folder: Path, faces: FacePolicy | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = Store(folder / "store")
        self.limits = MediaLimits()
        self.observer = Observer(
            self.store, self.limits, faces or FacePolicy(enabled=False), rate=HOUSE.fps, kept=4
        )

    def take(
        self, piece: Piece, name: str = "", change: Frames = same, *, sound: bool = False
    ) -> Observation:
        """The observation of a piece after `change`, which `name` names."""
        return self.look(self.file(piece, name, change, sound=sound))

    def file(
        self, piece: Piece, name: str = "", change: Frames = same, *, sound: bool = False
    ) -> Path:
        """The same as a file."""
        shot = piece.shot
        mark = f"{shot.name} {piece.first} {piece.last} {name} {sound}"
        path = self.folder / (hashlib.sha256(mark.encode()).hexdigest()[:16] + ".mp4")
        if not path.exists():
            begin = (shot.start + piece.first) / shot.fps
            part = path.with_suffix(".part.mp4")
            write_file(
                part,
                change(piece.frames()),
                shot.fps,
                sound=(shot.path, begin) if sound else None,
            )
            part.rename(path)
        return path

    def look(self, path: Path) -> Observation:
        """The observation of a whole file, as the house rate shows it."""
        media = inspect_media(path, self.store, self.limits)
        atom = Atom(id="a", media=path.name, author="bench")
        used = used_range(atom, media.info, HOUSE.fps, SlotPolicy())
        return self.observer.observe(
            media, to_seconds(used.first, HOUSE.fps), to_seconds(used.frames, HOUSE.fps)
        )


def scaled(frames: np.ndarray, factor: float) -> np.ndarray:
    """The middle of every frame, larger by `factor`."""
    height, width = frames.shape[1:3]
    tall, wide = round(height / factor), round(width / factor)
    top, left = (height - tall) // 2, (width - wide) // 2
    inner = frames[:, top : top + tall, left : left + wide]
    return np.stack(
        [
            cv2.resize(np.ascontiguousarray(f), (width, height), interpolation=cv2.INTER_CUBIC)
            for f in inner
        ]
    )
