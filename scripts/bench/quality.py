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

    def cut(number: int, first: int, name: str) -> str:
        last = first + part.frames
        return (
            f"[{number}:v]trim=start_frame={first}:end_frame={last},"
            f"settb=1/30,setpts=N,format=yuv420p[{name}]"
        )

    graph = f"{cut(0, part.film_first, 'a')};{cut(1, part.source_first, 'b')}"
    # Read no further than needed; half a second of room for the last frame.
    limits = [(part.film_first + part.frames) / 30 + 0.5, 3600.0]
    words = []
    for path, limit in zip((film, part.source), limits, strict=True):
        words += ["-t", f"{limit:.3f}", "-i", str(path)]
    return words, graph


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
