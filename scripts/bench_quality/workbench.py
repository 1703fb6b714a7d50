"""Clips, their planted copies and what is measured of them; what was made is kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench_quality.plant import BARS, LIVELY, Clip, Plan, Planted, make, plan
from chainer.media.info import MediaInfo
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.media.sweep import Sweep, sweep
from chainer.quality.record import Survey
from chainer.quality.repeats import repeats_in
from chainer.quality.survey import survey
from chainer.quality.window import Window
from chainer.quality.words import Defect
from chainer.render.encoder import find_ffmpeg
from chainer.store import Store

LIMITS = MediaLimits()
SIDE = 640
"""Longer side of the planted files."""


@dataclass(frozen=True)
class Seen:
    """A file and what was measured of it."""

    clip: str
    info: MediaInfo
    survey: Survey
    wanted: Fraction | None = None


class Workbench:
    """Makes files in a folder and measures them as the product does."""

    def __init__(self, folder: Path, media: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.media = folder, media
        self.store = Store(folder / "store")
        self.ffmpeg = find_ffmpeg(None, self.store).path

    def originals(self) -> list[Path]:
        kinds = (".mp4", ".mov", ".mkv", ".webm")
        return sorted(one for one in (self.media / "dev").iterdir() if one.suffix in kinds)

    def seen(self, path: Path, clip: str, wanted: Fraction | None = None) -> Seen:
        media = inspect_media(path, self.store, LIMITS)
        return Seen(clip, media.info, survey(media, self.store, LIMITS), wanted)

    def base(self, path: Path) -> Clip:
        """The clip as small H.264, from which all planted ones are made."""
        target = self.folder / f"{path.stem}.base.mp4"
        if not target.exists():
            size = f"scale='min(iw,{SIDE})':'min(ih,{SIDE})':force_original_aspect_ratio=decrease"
            argv = [str(self.ffmpeg), "-y", "-v", "error", "-nostdin", "-i", str(path)]
            argv += ["-map", "0:v:0", "-map", "0:a:0?", "-vf"]
            argv += [f"{size}:force_divisible_by=2:out_range=tv"]
            argv += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]
            argv += ["-c:a", "aac", "-b:a", "160k", "-fps_mode", "passthrough", "-threads", "1"]
            part = target.with_suffix(".part.mp4")
            subprocess.run([*argv, str(part)], check=True, capture_output=True)
            part.rename(target)
        media = inspect_media(target, self.store, LIMITS)
        with open_source(target, limits=LIMITS) as source:
            found = sweep(source, media.info, limits=LIMITS)
        light = np.concatenate([np.frombuffer(one, np.uint8)[::7] for one in found.small[::5]])
        sound = None
        if found.sound is not None:
            sound = np.frombuffer(found.sound, np.float32).reshape(-1, found.channels).copy()
        lively, held = self._moves(target, path.name)
        beside = {(side, part): _beside(found, side, part) for side in "hw" for part in BARS}
        return Clip(path.name, target, media.info, light, sound, lively, held, beside)

    def _moves(self, path: Path, clip: str) -> tuple[tuple[int, ...], int]:
        """The pictures that differ visibly from the one before, and for how long each is held.

        One that was not decoded is taken to move as the next that was.
        """
        seen = self.seen(path, clip)
        rate = seen.info.video.frame_rate
        rows = seen.survey.pictures
        shown = sorted({*rows.at, *seen.survey.skipped})
        most = dict(zip(rows.at, rows.most, strict=True))
        lively, size = [], 0
        for n in range(len(shown) - 1, 0, -1):
            size = most.get(shown[n], size)
            if size >= LIVELY:
                lively.append(n)
        whole = repeats_in(Window(seen.survey, Fraction(0), seen.survey.seconds))
        return tuple(sorted(lively)), max(1, round(rate / whole.rate)) if whole.rate else 1

    def planted(self, clip: Clip, defects: list[Defect], times: int) -> Iterator[Planted]:
        for defect in defects:
            for number in range(times):
                what = plan(clip, defect, number)
                if what is None:
                    continue
                yield Planted(
                    clip.name, defect, number, what, self._file(clip, defect, number, what)
                )

    def _file(self, clip: Clip, defect: Defect, number: int, what: Plan) -> Path:
        if what.wanted is not None:
            return clip.path
        target = self.folder / f"{Path(clip.name).stem}.{defect}.{number}.mp4"
        if not target.exists():
            make(self.ffmpeg, clip, what, target)
        return target


def _beside(found: Sweep, side: str, part: float) -> float:
    """Median light beside the darker of two bars: of the middle of the lines over the file."""
    width, height = found.large_size
    pictures = np.stack([np.frombuffer(one, np.uint8) for one in found.large])
    lines = pictures.reshape(-1, height, width)
    if side == "w":
        lines = lines.transpose(0, 2, 1)
    depth = round(part * lines.shape[1])
    ends = (lines[:, depth : depth + 4], lines[:, ::-1][:, depth : depth + 4])
    return min(float(np.median(one)) for one in ends)


def with_wanted(seen: Seen, wanted: Fraction | None) -> Seen:
    return replace(seen, wanted=wanted)
