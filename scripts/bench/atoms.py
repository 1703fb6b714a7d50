"""The atoms that are put together: generated, cut from real clips, or the bundled sample's."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from bench.marks import Marks
from bench.scene import SAMPLES_PER_FRAME, pictures, sound
from bench.workshop import Workshop

_ROOT = Path(__file__).resolve().parents[2]
_HARBOR = ("a1", "a2", "a3", "a4", "a6", "a7")
_REAL = (
    ("ovi_priest_10s.mp4",),
    ("ovi_green_couple_10s.mp4",),
    ("bbb_3_v.mp4",),
    ("asl_skull_1.mp4", "asl_skull_2.mp4"),
    ("asl_yellow_1.mp4", "asl_yellow_2.mp4"),
    ("toy_pig_v.mp4", "toy_pig_v.mp4"),
)
_SCALED = "scale=720:1280,setsar=1,fps=30,format=yuv420p,setpts=PTS-STARTPTS"
_MASTER = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-pix_fmt", "yuv420p")
_COLOUR = (
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
    *("-color_range", "tv", "-x264-params", "log-level=error:threads=2"),
)


class AtomSource(StrEnum):
    """Where atoms come from."""

    GENERATED = "generated"
    MEDIA = "media"
    HARBOR = "harbor"


@dataclass(frozen=True, slots=True)
class AtomSet:
    """Files of `frames` frames each at 30 fps; `marks` where they are drawn in."""

    source: AtomSource
    files: tuple[Path, ...]
    frames: int
    marks: Marks | None
    words: str


def house_atoms(shop: Workshop, source: AtomSource) -> AtomSet:
    """The 720x1280 atoms of the comparison with other tools."""
    count, frames = (3, 156) if shop.quick else (6, 300)
    room = shop.room(f"atoms-{source.value}-{frames}")
    if source is AtomSource.GENERATED:
        marks = Marks(16)
        files = [
            generate(shop, room / f"g{n + 1}.mp4", n + 1, frames, (720, 1280), marks)
            for n in range(count)
        ]
        words = "generated: a moving world of bodies, film grain, flashes and chirps each second"
    elif source is AtomSource.HARBOR:
        marks = None
        media = _ROOT / "graphs" / "harbor" / "media"
        files = [
            _real(shop, (media / f"{name}.mp4",), room / f"{name}.mp4", frames)
            for name in _HARBOR[:count]
        ]
        words = "the bundled sample story"
    else:
        assert shop.media is not None, "no media folder"
        marks = None
        files = [
            _real(shop, tuple(shop.media / "dev" / name for name in names), room / names[0], frames)
            for names in _REAL[:count]
        ]
        words = "real clips: people, animation, a toy, AI-generated speech"
    return AtomSet(source, tuple(files), frames, marks, words)


def small_atoms(
    shop: Workshop, name: str, lengths: list[int], size: tuple[int, int] = (180, 320)
) -> list[Path]:
    """Small marked atoms numbered from 1, one for each length in frames."""
    room = shop.room(f"atoms-{name}")
    return [
        generate(shop, room / f"m{n:03d}-{length}.mp4", n, length, size, SMALL_MARKS)
        for n, length in enumerate(lengths, 1)
    ]


SMALL_MARKS = Marks(12)


def generate(
    shop: Workshop,
    path: Path,
    number: int,
    frames: int,
    size: tuple[int, int],
    marks: Marks,
    samples: Any = None,
) -> Path:
    """Write the generated atom `number`, once. `samples` are kept lossless where given."""
    if path.exists():
        return path
    lossless = samples is not None
    if samples is None:
        level = 0.05 + 0.02 * (number % 4)
        samples = sound(number, frames * SAMPLES_PER_FRAME, level=level)
    raw, draft = path.with_suffix(".f32"), path.with_suffix(".part" + path.suffix)
    np.asarray(samples, dtype="<f4").tofile(raw)
    coded = ("-c:a", "pcm_s24le") if lossless else ("-c:a", "aac", "-b:a", "192k")
    argv = [
        *(shop.ffmpeg, "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}", "-r", "30"),
        *("-i", "-", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", str(raw)),
        *(*_MASTER, *_COLOUR, *coded, "-movflags", "+faststart", str(draft)),
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for picture in pictures(number, frames, *size, marks):
            process.stdin.write(picture)
        process.stdin.close()
        if process.wait():
            raise RuntimeError(f"{path.name} could not be generated")
    raw.unlink()
    draft.replace(path)
    return path


def _real(shop: Workshop, sources: tuple[Path, ...], path: Path, frames: int) -> Path:
    """Real clips one after another, brought to exactly `frames` house frames and full sound."""
    if path.exists():
        return path
    draft = path.with_suffix(".part.mp4")
    words: list[str] = []
    for source in sources:
        words += ["-i", str(source)]
    count = len(sources)
    chains = [f"[{n}:v]{_SCALED}[v{n}]" for n in range(count)]
    joined = "".join(f"[v{n}]" for n in range(count))
    chains.append(f"{joined}concat=n={count}:v=1,trim=end_frame={frames}[v]")
    seconds = frames / 30
    if _has_sound(shop, sources[0]):
        heard = "".join(f"[{n}:a]" for n in range(count))
        chains.append(
            f"{heard}concat=n={count}:v=0:a=1,aresample=48000,apad,atrim=end={seconds}[a]"
        )
    else:
        chains.append(f"anoisesrc=r=48000:a=0.004:c=pink:seed=7,atrim=end={seconds}[a]")
    shop.run_ffmpeg(
        [
            *(*words, "-filter_complex", ";".join(chains), "-map", "[v]", "-map", "[a]"),
            *(*_MASTER, *_COLOUR, "-r", "30", "-c:a", "aac", "-b:a", "192k", "-ac", "2"),
            draft,
        ],
        path.parent,
    )
    draft.replace(path)
    return path


def _has_sound(shop: Workshop, path: Path) -> bool:
    asked = subprocess.run(
        [shop.ffmpeg, "-hide_banner", "-i", str(path)], capture_output=True, text=True, check=False
    )
    return "Audio:" in asked.stderr
