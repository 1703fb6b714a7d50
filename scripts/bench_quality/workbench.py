"""Clips, their planted copies and what is measured of them; what was made is kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench_quality.plant import Clip, Plan, Planted, make, plan
from chainer.media.info import MediaInfo
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.media.sweep import sweep
from chainer.quality.record import Survey
from chainer.quality.survey import survey
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
        return Clip(path.name, target, media.info, light, sound)

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


def with_wanted(seen: Seen, wanted: Fraction | None) -> Seen:
    return replace(seen, wanted=wanted)
