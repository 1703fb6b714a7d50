"""Every picture of a media file, tiny and grey, and its samples, from a child process.

`sweep` asks `sweep_child.py`, which decodes the whole file once under limits; here its answer is
checked like any input. It is made for measuring takes, as quickly as can be: pictures are decoded
without the loop filter, and many that would be like their neighbours are left out. Pictures stay in
stored orientation.

Damage in pictures that no other leans on may go unseen here. The conform decodes them all.
"""

from __future__ import annotations

import json
import mmap
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chainer.errors import MediaDamaged
from chainer.media.child import run_child
from chainer.media.decode import decode_limits, input_options
from chainer.media.info import ColourRange, MediaInfo, VideoInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import opening_options, pyav_folder
from chainer.media.raw import ratio
from chainer.media.reading import check_read, nonsense
from chainer.media.source import SourceFile
from chainer.timebase import round_half_up

SMALL_SIDE = 160
LARGE_SIDE = 480

_REASON = "sweep"
"""What was being read, where a file is refused."""

_CHILD = Path(__file__).with_name("sweep_child.py")
_MOST_FPS = 61
_CLOSEST = 16_300
"""Microseconds between two pictures: just under a 60th of a second."""
_EVERY = Fraction(1, 2)
_MOST_LARGE = 60
_MOST_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was decoded: `small` and `large` are bytes of grey pictures one after another.

    `small_size` and `large_size` are width and height. `small_at` and `large_at` say when each is
    shown, in ticks of `tick` seconds from the first picture; `skipped` when one is shown that was
    not decoded. `sound` holds 32-bit floats, `channels` interleaved, `rate` a second from the first
    picture on, and is None where there is none; `fault` then may say why. All lie in a file without
    a name, which goes with the last view of it.
    """

    tick: Fraction
    small_size: tuple[int, int]
    small_at: tuple[int, ...]
    small: tuple[memoryview, ...]
    large_size: tuple[int, int]
    large_at: tuple[int, ...]
    large: tuple[memoryview, ...]
    skipped: tuple[int, ...]
    sound: memoryview | None
    rate: int
    channels: int
    fault: str


_Number = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
_Positive = Annotated[int, Field(gt=0, lt=1 << 31)]


class _Raw(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _RawSound(_Raw):
    samples: Annotated[int, Field(ge=0, lt=1 << 40)]
    rate: Annotated[int, Field(ge=0, le=_MOST_RATE)]
    channels: Annotated[int, Field(ge=0, le=2)]
    fault: Annotated[str, StringConstraints(max_length=100)]


class _RawSweep(_Raw):
    """The child's answer. A picture is its time in ticks and 0 small, 1 large."""

    tick: tuple[_Positive, _Positive]
    pictures: list[tuple[_Number, Literal[0, 1]]]
    skipped: list[_Number]
    sound: _RawSound | None


def sweep(
    source: SourceFile,
    info: MediaInfo,
    *,
    limits: MediaLimits,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> Sweep:
    """Decode all of it; `folder` is where the bytes may lie meanwhile.

    Raises `MediaDamaged` where it cannot be decoded, `MediaRefused` where that meets a limit,
    `StoreError` where `folder` is full, `Cancelled` when `cancel` is set. Safe to call from many
    threads, on one source as well.
    """
    video = info.video
    if video is None:
        raise ValueError("a file without pictures is refused at the door")
    question = _question(info, video, limits)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as output:
        with source.lend() as fd:
            argv = [
                *(sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_CHILD), pyav_folder()),
                *(str(fd), str(output.fileno()), json.dumps(question)),
            ]
            result = run_child(
                argv,
                limits=replace(
                    decode_limits(info, limits), file_bytes=_most_bytes(question, video)
                ),
                pass_fds=[fd, output.fileno()],
                cancel=cancel,
            )
        source.check_unchanged()
        check_read(result, source.path, argv, _REASON)
        try:
            raw = _RawSweep.model_validate_json(result.stdout)
        except ValidationError as error:
            raise nonsense(source.path, f"{error.error_count()} values", _REASON) from error
        size = output.seek(0, 2)
        if size == 0 or not raw.pictures:
            raise MediaDamaged(
                f"{source.path}: no picture could be decoded; export or upload it again",
                path=str(source.path),
                reason="decode",
            )
        data = memoryview(mmap.mmap(output.fileno(), size, access=mmap.ACCESS_READ))
    return _unpacked(raw, data, question, video, source.path)


def _question(info: MediaInfo, video: VideoInfo, limits: MediaLimits) -> dict[str, Any]:
    options = input_options(info, limits)
    upright = video.display_size
    stored = upright[::-1] if video.rotation in (90, 270) else upright
    every = max(_EVERY, video.seconds / _MOST_LARGE)
    return {
        "container": info.container,
        "options": opening_options(info.container, limits),
        "picture_detection": options[options.index("-err_detect:v") + 1],
        "sound_detection": options[options.index("-err_detect:a") + 1],
        "video": video.stream,
        "audio": None if info.audio is None else info.audio.stream,
        "origin": [video.start.numerator, video.start.denominator],
        "small": _fitted(stored, SMALL_SIDE),
        "large": _fitted(stored, LARGE_SIDE),
        "large_every": int(every * 1_000_000),
        "closest": 0 if video.frame_rate <= _MOST_FPS else _CLOSEST,
        "range": "" if video.colour_range is ColourRange.UNKNOWN else video.colour_range.value,
        "skip": video.codec == "h264"
        and not (video.variable_rate or video.interlaced)
        and video.frame_rate >= 20,
        "most_rate": _MOST_RATE,
        "most_sound": 8 * _MOST_RATE * ceil(info.seconds + 1),
    }


def _fitted(size: tuple[int, int], side: int) -> list[int]:
    """`size` with its longer side at `side`, and the other at least 16."""
    longest = max(size)
    return [max(16, round_half_up(Fraction(one * side, longest))) for one in size]


def _most_bytes(question: dict[str, Any], video: VideoInfo) -> int:
    """More than an honest child writes."""
    small, large = question["small"], question["large"]
    pictures = small[0] * small[1] * (2 * video.frames + 16)
    return int(
        pictures + large[0] * large[1] * (2 * _MOST_LARGE + 4) + question["most_sound"] + 4096
    )


def _unpacked(
    raw: _RawSweep, data: memoryview, question: dict[str, Any], video: VideoInfo, path: Path
) -> Sweep:
    """The answer as a value. Raises `MediaRefused` where the bytes are not what it says."""
    tick, at = ratio(raw.tick), 0
    origin = round_half_up(video.start / tick)
    times: tuple[list[int], list[int]] = ([], [])
    views: tuple[list[memoryview], list[memoryview]] = ([], [])
    sizes = [tuple(question[kind]) for kind in ("small", "large")]
    for pts, kind in raw.pictures:
        width, height = sizes[kind]
        pixels = data[at : at + width * height]
        at += len(pixels)
        moment = max(0, pts - origin)
        if len(pixels) != width * height or (times[kind] and moment < times[kind][-1]):
            raise nonsense(path, "pictures out of order or too short", _REASON)
        times[kind].append(moment)
        views[kind].append(pixels)
    sound, rate, channels, fault = None, 0, 0, ""
    if raw.sound is not None:
        length = 4 * raw.sound.samples * raw.sound.channels
        samples = data[at : at + length]
        at += len(samples)
        fault = raw.sound.fault
        if len(samples) != length or (length and not raw.sound.rate):
            raise nonsense(path, "sound of another length", _REASON)
        if length:
            sound, rate, channels = samples, raw.sound.rate, raw.sound.channels
    if at != len(data) or not views[1]:
        raise nonsense(path, "bytes that nothing speaks of", _REASON)
    return Sweep(
        tick=tick,
        small_size=(sizes[0][0], sizes[0][1]),
        small_at=tuple(times[0]),
        small=tuple(views[0]),
        large_size=(sizes[1][0], sizes[1][1]),
        large_at=tuple(times[1]),
        large=tuple(views[1]),
        skipped=tuple(sorted(one - origin for one in raw.skipped if one >= origin)),
        sound=sound,
        rate=rate,
        channels=channels,
        fault=fault,
    )
