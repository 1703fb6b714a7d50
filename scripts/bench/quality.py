"""How much a picture has lost: VMAF of parts of a film against the parts they came from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import CommandError
from bench.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Part:
    """Frames [film_first, film_first + frames) show [source_first, …) of `source`."""

    source: Path
    source_first: int
    film_first: int
    frames: int


@dataclass(frozen=True, slots=True)
class Likeness:
    """`metric` is VMAF, or SSIM times 100 where FFmpeg has no libvmaf; mean and worst part."""

    metric: str
    mean: float
    worst: float


def likeness(shop: Workshop, film: Path, parts: Sequence[Part], *, every: int = 1) -> Likeness:
    """Compare all parts, every `every`-th frame."""
    metric = "VMAF"
    values = []
    for part in parts:
        try:
            values.append(_vmaf(shop, film, part, every))
        except CommandError as error:
            if "No such filter" not in str(error):
                raise
            metric = "SSIM x 100"
            values.append(_ssim(shop, film, part))
    return Likeness(metric, sum(values) / len(values), min(values))


def _inputs(film: Path, part: Part) -> tuple[list[str], str]:
    """Both pictures as [a] and [b], frame upon frame."""
    words: list[str] = []
    for path, first in ((film, part.film_first), (part.source, part.source_first)):
        # Half a frame early: the first picture at or after that time is the one meant.
        words += ["-ss", f"{max(0.0, (first - 0.5) / 30):.6f}", "-i", str(path)]
    # Where one is tagged and the other is not, FFmpeg would convert colours before comparing.
    tags = "range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    even = f"trim=end_frame={part.frames},settb=1/30,setpts=N,format=yuv420p,setparams={tags}"
    return words, f"[0:v]{even}[a];[1:v]{even}[b]"


def _vmaf(shop: Workshop, film: Path, part: Part, every: int) -> float:
    words, graph = _inputs(film, part)
    room = shop.room("quality")
    log = room / "vmaf.json"
    log.unlink(missing_ok=True)
    compare = f"[a][b]libvmaf=log_fmt=json:log_path=vmaf.json:n_threads=2:n_subsample={every}"
    shop.run_ffmpeg([*words, "-lavfi", f"{graph};{compare}", "-f", "null", "-"], room)
    return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


def _ssim(shop: Workshop, film: Path, part: Part) -> float:
    words, graph = _inputs(film, part)
    run = shop.run_ffmpeg(
        [*words, "-lavfi", f"{graph};[a][b]ssim", "-f", "null", "-"], shop.room("quality")
    )
    return 100 * float(run.stderr.rsplit("All:", 1)[1].split()[0])
