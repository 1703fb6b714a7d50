"""The one FFmpeg in use, and the options that make pieces fit each other.

x264 with `stitchable`, closed groups, no B-frames and explicit colour and shape writes the same
SPS and PPS for every piece, so pieces follow each other in one track. Without B-frames a piece
may end at any frame, and CMAF readers agree on when a picture shows; at equal VMAF this costs
about 7 % in size (measured on three real clips).
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.digest import bytes_digest, key_of
from chainer.errors import RenderError, SettingsError
from chainer.media.child import ChildLimits, run_child
from chainer.profile import Codec, DynamicRange, Profile
from chainer.store import Store
from chainer.timebase import AAC_PRIMING

ENGINE = 3
"""Raised whenever the same inputs would come out as other bytes: old pieces are then not used."""

_QUICK = ChildLimits(wall_seconds=20.0, cpu_seconds=20)


@dataclass(frozen=True, slots=True)
class FFmpeg:
    """A binary, and the digest of what it says of its build, which is part of every key."""

    path: Path
    version: str
    build: str


def find_ffmpeg(named: Path | None, store: Store) -> FFmpeg:
    """The binary the caller names, else the one that imageio-ffmpeg carries, never another.

    Asking it for its version takes a process, so the answer is kept in the store for as long as
    the file does not change. Raises `SettingsError` where there is no such program.
    """
    path = named or _carried()
    try:
        stat = path.stat()
    except OSError as error:
        raise SettingsError(
            f"there is no FFmpeg at {path}: {error.strerror}; leave `ffmpeg` out of the settings "
            "to use the one that comes with imageio-ffmpeg",
            path=str(path),
        ) from error
    slot = key_of("ffmpeg", [str(path), stat.st_size, stat.st_mtime_ns])
    known = store.recall(slot)
    if known.get("version") and known.get("build"):
        return FFmpeg(path, str(known["version"]), str(known["build"]))
    result = run_child([str(path), "-version"], limits=_QUICK)
    text = result.stdout.decode("utf-8", "replace")
    found = re.match(r"ffmpeg version (\S+)", text)
    if not result.ok or not found:
        raise SettingsError(f"{path} does not answer as FFmpeg does", path=str(path))
    build = bytes_digest(text.encode())
    store.remember(slot, {"version": found[1], "build": build})
    return FFmpeg(path, found[1], build)


def _carried() -> Path:
    """The binary inside imageio-ffmpeg, found without importing it, which starts a process."""
    spec = importlib.util.find_spec("imageio_ffmpeg")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted((Path(folder) / "binaries").glob("ffmpeg-*")):
            return path
    raise RenderError(
        "imageio-ffmpeg carries no binary for this platform; name an FFmpeg with `ffmpeg = …` "
        "in the settings",
        code="no-ffmpeg",
    )


def pixel_format(profile: Profile) -> str:
    """How pixels are stored in the pictures of a profile, and in all that makes them."""
    if profile.codec is Codec.PRORES:
        return "yuv422p10le"
    return "yuv420p" if profile.dynamic_range is DynamicRange.SDR else "yuv420p10le"


def with_alpha(pixels: str) -> str:
    """The format of a still that is laid over pictures stored as `pixels`."""
    return pixels.replace("yuv", "yuva")


def laid_format(pixels: str) -> str:
    """What the overlay filter calls pictures stored as `pixels`."""
    return pixels.removesuffix("le") if "10" in pixels else pixels.removesuffix("p")


def picture_options(profile: Profile, keys: tuple[int, ...]) -> dict[str, str | int]:
    """Output options of the picture, with keyframes at exactly the frames `keys`."""
    if profile.codec is Codec.PRORES:
        return _prores_options(profile)
    times = ",".join(_before(key, profile) for key in keys)
    own = {Codec.H264: _h264_options, Codec.HEVC: _hevc_options, Codec.AV1: _av1_options}
    return {
        **own[profile.codec](profile),
        "crf": profile.crf,
        "pix_fmt": pixel_format(profile),
        "force_key_frames": times,
        **colour_tags(profile),
        "color_range": "tv",
        "fps_mode": "passthrough",
        "flags:v": "+bitexact",
    }


def colour_tags(profile: Profile) -> dict[str, str]:
    """What the numbers of a profile's pictures mean, as FFmpeg's options of an output say it.

    Raises `ValueError` where it is not decided yet: `auto` is for plans alone.
    """
    if profile.dynamic_range is DynamicRange.AUTO:
        raise ValueError(f"the profile {profile.name} has no dynamic range yet")
    return dict(zip(_TAGS, _COLOURS[profile.dynamic_range], strict=True))


_TAGS = ("color_primaries", "color_trc", "colorspace")
_COLOURS = {
    DynamicRange.SDR: ("bt709", "bt709", "bt709"),
    DynamicRange.PQ: ("bt2020", "smpte2084", "bt2020nc"),
    DynamicRange.HLG: ("bt2020", "arib-std-b67", "bt2020nc"),
}


def _h264_options(profile: Profile) -> dict[str, str | int]:
    return {
        "c:v": "libx264",
        "preset": profile.preset,
        "profile:v": "high",
        "level:v": profile.level,
        "bf": 0,
        # One thread: the bytes must not depend on the machine, and a pool of pieces keeps all
        # cores busy at less cost than threads within one.
        "threads:v": 1,
        "forced-idr": 1,
        "x264-params": "stitchable=1:open-gop=0:scenecut=0:keyint=100000:min-keyint=1",
    }


def _hevc_options(profile: Profile) -> dict[str, str | int]:
    """x265 with nothing in its headers that depends on what is seen, and one thread alone."""
    params = {
        "pools": "none",
        "frame-threads": 1,
        "wpp": 0,
        "bframes": 0,
        "open-gop": 0,
        "scenecut": 0,
        "keyint": 100_000,
        "min-keyint": 1,
        # The headers stand in the sample entry, once: pieces have none between their pictures.
        "repeat-headers": 0,
        "info": 0,
        "aud": 0,
        "hrd": 0,
        "log-level": "error",
    }
    return {
        "c:v": "libx265",
        "preset": profile.preset,
        "profile:v": "main" if profile.dynamic_range is DynamicRange.SDR else "main10",
        "forced-idr": 1,
        "x265-params": ":".join(f"{name}={value}" for name, value in params.items()),
        # What a source says of its own mastering is not the film's.
        "dolbyvision": 0,
        "tag:v": "hvc1",
    }


def _av1_options(profile: Profile) -> dict[str, str | int]:
    """SVT-AV1 with keyframes where they are asked for, and no others.

    It looks ahead, yet every picture comes in its own time: a piece may end at any of them.
    """
    return {
        "c:v": "libsvtav1",
        "preset": _SVT_PRESETS[profile.preset],
        "g": 100_000,
        "svtav1-params": "lp=1:scd=0",
        "dolbyvision": 0,
    }


_SVT_PRESETS = {
    "ultrafast": 12,
    "superfast": 11,
    "veryfast": 10,
    "faster": 9,
    "fast": 8,
    "medium": 7,
    "slow": 5,
    "slower": 4,
    "veryslow": 3,
}
"""What x264's presets are to SVT-AV1: about twice the time of x264's at `medium`."""


def _prores_options(profile: Profile) -> dict[str, str | int]:
    """Those of ProRes 422 HQ: every picture stands alone, and none asks for a size in bytes."""
    return {
        "f": "mov",
        "c:v": "prores_ks",
        "profile:v": 3,
        "pix_fmt": pixel_format(profile),
        "threads:v": 1,
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
        "color_range": "tv",
        "fps_mode": "passthrough",
        "flags:v": "+bitexact",
        "fflags": "+bitexact",
    }


SOUND, RAW_SOUND = "sound.mp4", "sound.s24"
"""What freshly coded sound is called in a work folder: AAC, or plain samples."""


def coded_sound(stream: Any, profile: Profile) -> Any:
    """An output (ffmpeg-python) of `stream` as the film's sound is coded, in `sound_file`.

    Uncompressed sound starts with a packet of silence, where AAC has its priming: packet p then has
    the samples of frame p-1, and all that counts packets holds for both.
    """
    import ffmpeg

    if profile.pcm:
        stream = stream.filter("adelay", f"{AAC_PRIMING}S", all=1)
    return ffmpeg.output(stream, sound_file(profile), **sound_options(profile))


def sound_file(profile: Profile) -> str:
    """The name of what `coded_sound` writes."""
    return RAW_SOUND if profile.pcm else SOUND


def heard_sound(profile: Profile) -> Any:
    """What `coded_sound` wrote, decoded again, from its first own sample on."""
    import ffmpeg

    if not profile.pcm:
        return ffmpeg.input(SOUND).audio
    raw = ffmpeg.input(RAW_SOUND, f="s24be", ar=profile.sample_rate, ac=profile.channels).audio
    return raw.filter("atrim", start_sample=AAC_PRIMING).filter("asetpts", "N/SR/TB")


def master_sound(stream: Any, name: str, profile: Profile) -> Any:
    """An output (ffmpeg-python) of `stream` without loss, for what is made of it: FLAC.

    24 bits where the film's own sound has them, else 16.
    """
    import ffmpeg

    stream = stream.filter("aformat", sample_fmts="s32" if profile.pcm else "s16")
    options = {"c:a": "flac", "flags:a": "+bitexact", "fflags": "+bitexact"}
    if profile.draft:
        options["compression_level"] = "0"
    return ffmpeg.output(stream, name, **options)


def sound_options(profile: Profile) -> dict[str, str | int]:
    """Output options of the sound."""
    if profile.pcm:
        return {
            "f": "s24be",
            "c:a": "pcm_s24be",
            "ar": profile.sample_rate,
            "ac": profile.channels,
        }
    return {
        "c:a": "aac",
        # At equal size its noise is a seventh of the default coder's (measured on speech), and
        # it takes three quarters of the time.
        "aac_coder": "fast",
        "b:a": f"{profile.audio_kbps}k",
        "ar": profile.sample_rate,
        "ac": profile.channels,
        "flags:a": "+bitexact",
    }


def _before(frame: int, profile: Profile) -> str:
    """A time half a frame before `frame`: the first picture at or after it is forced."""
    if frame == 0:
        return "0"
    return f"{float((frame - 1) / profile.fps + 1 / (2 * profile.fps)):.6f}"
