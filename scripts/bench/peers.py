"""Other ways to the same film, each as one command with the house encoder settings.

A hand-written FFmpeg graph (without and with loudness), the concat demuxer, MoviePy and melt.
Thread settings are the tools' own defaults.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from bench.measure import Run, measure
from bench.workshop import Workshop
from chainer.profile import Profile
from chainer.render.encoder import sound_options

OVERLAP = 12
"""Frames that neighbours share: 0.4 s."""

_WORKER = Path(__file__).with_name("moviepy_film.py")


def encoder_words(profile: Profile) -> list[str]:
    """The house settings for any FFmpeg command line."""
    every = profile.keyframe_grids * profile.grid.frames
    return [
        *("-c:v", "libx264", "-preset", profile.preset, "-crf", str(profile.crf), "-bf", "0"),
        *("-profile:v", "high", "-level:v", profile.level, "-pix_fmt", "yuv420p"),
        *("-x264-params", f"keyint={every}:min-keyint=1:scenecut=0:open-gop=0"),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-color_range", "tv", "-movflags", "+faststart"),
    ]


def sound_words(profile: Profile) -> list[str]:
    """The house settings of the sound."""
    options = {name: value for name, value in sound_options(profile).items() if ":" in name}
    words = [word for name, value in options.items() for word in (f"-{name}", str(value))]
    return [*words, "-aac_coder", str(sound_options(profile).get("aac_coder", "twoloop"))]


def film_frames(count: int, frames: int) -> int:
    """Frames of `count` atoms crossfaded into each other."""
    return count * frames - (count - 1) * OVERLAP


def graph_words(
    files: Sequence[Path], frames: int, profile: Profile, *, loudness: bool
) -> list[str]:
    """The hand-written filter graph: `xfade` and `acrossfade` between all neighbours."""
    seconds = Fraction(OVERLAP) / profile.fps
    chains, words = [], []
    for n, file in enumerate(files):
        words += ["-i", file.name]
        if loudness:
            target = profile.loudness
            chains.append(
                f"[{n}:a]loudnorm=I={target.target}:TP={target.true_peak}:LRA=11,"
                f"aresample=48000[s{n}]"
            )
    picture = "0:v"
    heard = "s0" if loudness else "0:a"
    for n in range(1, len(files)):
        offset = float(Fraction(n * (frames - OVERLAP)) / profile.fps)
        fade = f"xfade=transition=fade:duration={float(seconds)}:offset={offset:.6f}"
        chains.append(f"[{picture}][{n}:v]{fade}[v{n}]")
        right = f"s{n}" if loudness else f"{n}:a"
        chains.append(f"[{heard}][{right}]acrossfade=d={float(seconds)}:c1=qsin:c2=qsin[a{n}]")
        picture, heard = f"v{n}", f"a{n}"
    words += ["-filter_complex", ";".join(chains), "-map", f"[{picture}]", "-map", f"[{heard}]"]
    return [*words, *encoder_words(profile), *sound_words(profile)]


def hand_written(
    shop: Workshop,
    files: Sequence[Path],
    frames: int,
    profile: Profile,
    out: Path,
    *,
    loudness: bool,
) -> Run:
    """Run the hand-written graph."""
    words = [*graph_words(files, frames, profile, loudness=loudness), str(out)]
    return shop.run_ffmpeg(words, files[0].parent)


def concat_copy(shop: Workshop, files: Sequence[Path], out: Path) -> Run:
    """Copy with the concat demuxer: no crossfades, no encoding."""
    listing = out.with_suffix(".txt")
    listing.write_text("".join(f"file '{file}'\n" for file in files), encoding="utf-8")
    words = ["-f", "concat", "-safe", "0", "-i", listing.name, "-c", "copy", out.name]
    return shop.run_ffmpeg(words, out.parent)


def moviepy(shop: Workshop, files: Sequence[Path], frames: int, profile: Profile, out: Path) -> Run:
    """MoviePy with CrossFadeIn and CrossFadeOut, in a process of its own."""
    order = {
        "files": [str(file) for file in files],
        "out": str(out),
        "step": (frames - OVERLAP) / float(profile.fps),
        "fade": OVERLAP / float(profile.fps),
        "length": film_frames(len(files), frames) / float(profile.fps),
        "fps": float(profile.fps),
        "preset": profile.preset,
        "audio_bitrate": f"{profile.audio_kbps}k",
        "ffmpeg_params": encoder_words(profile)[4:],
    }
    env = {"FFMPEG_BINARY": shop.ffmpeg}
    return measure([sys.executable, _WORKER, json.dumps(order)], out.parent, env=env)


def melt(files: Sequence[Path], frames: int, profile: Profile, out: Path) -> Run | None:
    """MLT, or None where it is not installed."""
    program = shutil.which("melt")
    if program is None:
        return None
    shape = out.with_suffix(".profile")
    shape.write_text(
        f"description=house\nframe_rate_num={profile.fps.numerator}\n"
        f"frame_rate_den={profile.fps.denominator}\nwidth={profile.width}\n"
        f"height={profile.height}\nprogressive=1\nsample_aspect_num=1\nsample_aspect_den=1\n"
        f"display_aspect_num={profile.width}\ndisplay_aspect_den={profile.height}\n"
        "colorspace=709\n",
        encoding="utf-8",
    )
    words = [program, "-silent", "-profile", str(shape)]
    for n, file in enumerate(files):
        words += [str(file), "in=0", f"out={frames - 1}"]
        if n:
            words += ["-mix", str(OVERLAP), "-mixer", "luma", "-mixer", "mix:-1"]
    every = profile.keyframe_grids * profile.grid.frames
    words += [
        *("-consumer", f"avformat:{out}", "vcodec=libx264", f"preset={profile.preset}"),
        *(f"crf={profile.crf}", "bf=0", f"g={every}", "sc_threshold=0", "pix_fmt=yuv420p"),
        *("acodec=aac", f"ab={profile.audio_kbps}k", "ar=48000", "channels=2", "real_time=-1"),
    ]
    return measure(words, out.parent, env={"SDL_VIDEODRIVER": "dummy", **os.environ})
