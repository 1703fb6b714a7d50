"""The pictures and the sound of a window of one media file, small and raw, from a child process.

`read_footage` asks `frames_child.py`, which decodes under limits; here its answer is checked
like any input: the pictures must be in order, and the bytes as many as the pictures and samples
that it names. Pictures stay in stored orientation (`VideoInfo.rotation` turns them upright);
aspect ratio, range and matrix are applied as the conform applies them, wide gamut and high
dynamic range are not.

Damage in pictures that no other leans on may go unseen here: they are skipped between the ends.
The conform decodes them all.
"""

from __future__ import annotations

import json
import mmap
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chainer.errors import MediaDamaged
from chainer.media.child import run_child
from chainer.media.colour import scaler_matrix
from chainer.media.decode import decode_limits, input_options
from chainer.media.info import ColourRange, MediaInfo, VideoInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import opening_options, pyav_folder
from chainer.media.raw import ratio
from chainer.media.reading import check_read, nonsense
from chainer.media.source import SourceFile
from chainer.timebase import round_half_up, to_frames

SOUND_RATE = 48_000
"""Samples a second of `Heard.samples`: the octave band at 16 kHz ends at 22.6 kHz."""
SMALL_SIDE = 320
LARGE_SIDE = 1280
LAST_SIDE = 1920

MOST_FPS = 61
"""Of faster media only so many pictures a second are kept at the ends."""

_REASON = "footage"
"""What was being read, where a file is refused."""

_CHILD = Path(__file__).with_name("frames_child.py")
_MOST_BETWEEN = 120
_MOST_LARGE = 40
_EDGE_SECONDS = 2
_SKIPPING = ("h264", "hevc", "mpeg4")
"""Codecs whose decoders tell by the packet whether another picture leans on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FootageRequest:
    """Which part is looked at, and how closely.

    The window is `[start, start + seconds)`, counted from the first picture, and begins and
    ends with the pictures that a film of `rate` frames a second shows there. Small pictures are
    all of its first and last second, and `per_second` between; large ones are the first and the
    last, `large_per_second` between, and those at `moments` (seconds from the window's start).
    Of long windows fewer are taken.
    """

    start: Fraction
    seconds: Fraction
    rate: Fraction = Fraction(30)
    per_second: Fraction = Fraction(4)
    large_per_second: Fraction = Fraction(2)
    moments: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True)
class RawPicture:
    """Packed B G R, 8 bits, in stored orientation, at `seconds` from the window's start."""

    seconds: Fraction
    width: int
    height: int
    pixels: memoryview


@dataclass(frozen=True, slots=True)
class Heard:
    """The sound of the window, filled up with silence to its whole length.

    `short` is the short-term loudness (the last three seconds) after every tenth of a second and
    `integrated` that of the whole, in LUFS by EBU R128, None where it is not a number. `samples`
    are 16 bits, mono, `SOUND_RATE` a second, in the byte order of files.
    """

    short: tuple[float | None, ...]
    integrated: float | None
    samples: memoryview


@dataclass(frozen=True, slots=True)
class Footage:
    """What was decoded. `last` is the last picture at up to `LAST_SIDE` pixels.

    The pictures lie in a file without a name, which goes with the last view of it.
    """

    small: tuple[RawPicture, ...]
    large: tuple[RawPicture, ...]
    last: RawPicture
    sound: Heard | None
    notes: tuple[str, ...]


_Number = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
_Loudness = Annotated[float, Field(ge=-1000, le=1000)] | None


class _Raw(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _RawSound(_Raw):
    samples: Annotated[int, Field(ge=0, lt=1 << 40)]
    short: list[_Loudness]
    integrated: _Loudness
    fault: Annotated[str, StringConstraints(max_length=100)]


class _RawFootage(_Raw):
    """The child's answer. A picture is its time in ticks and 0 small, 1 large, 2 the last."""

    tick: tuple[Annotated[int, Field(gt=0, lt=1 << 31)], Annotated[int, Field(gt=0, lt=1 << 31)]]
    pictures: list[tuple[_Number, Literal[0, 1, 2]]]
    sound: _RawSound | None


def read_footage(
    source: SourceFile,
    info: MediaInfo,
    request: FootageRequest,
    *,
    limits: MediaLimits,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> Footage:
    """Decode what `request` asks for; `folder` is where the bytes may lie meanwhile.

    Raises `MediaDamaged` where the window cannot be decoded whole, `MediaRefused` where that
    meets a limit, `StoreError` where `folder` is full, `Cancelled` when `cancel` is set. Safe to
    call from many threads, on one source as well.
    """
    video = info.video
    if video is None or request.seconds <= 0 or request.start < 0:
        raise ValueError("footage needs a picture stream and a window with a length")
    question = _question(info, video, request, limits)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as output:
        with source.lend() as fd:
            argv = [
                *(sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_CHILD), pyav_folder()),
                *(str(fd), str(output.fileno()), json.dumps(question)),
            ]
            result = run_child(
                argv,
                limits=replace(decode_limits(info, limits), file_bytes=_most_bytes(question)),
                pass_fds=[fd, output.fileno()],
                cancel=cancel,
            )
        source.check_unchanged()
        check_read(result, source.path, argv, _REASON)
        try:
            raw = _RawFootage.model_validate_json(result.stdout)
        except ValidationError as error:
            raise nonsense(source.path, f"{error.error_count()} values", _REASON) from error
        size = output.seek(0, 2)
        if size == 0 or not raw.pictures:
            raise MediaDamaged(
                f"{source.path}: no picture could be decoded from second {request.start} on; "
                "export or upload it again",
                path=str(source.path),
                reason="decode",
            )
        data = memoryview(mmap.mmap(output.fileno(), size, access=mmap.ACCESS_READ))
    return _unpacked(raw, data, question, video, request, source.path)


def kept_rate(video: VideoInfo) -> Fraction:
    """Pictures a second at the ends of a window.

    That is the media's own rate, or an even part of it where that is above `MOST_FPS`.
    """
    return video.frame_rate / ceil(video.frame_rate / MOST_FPS)


def _question(
    info: MediaInfo, video: VideoInfo, request: FootageRequest, limits: MediaLimits
) -> dict[str, Any]:
    options = input_options(info, limits)
    seconds = request.seconds
    upright = video.display_size
    stored = upright[::-1] if video.rotation in (90, 270) else upright
    step = max(1 / request.per_second, (seconds - _EDGE_SECONDS) / _MOST_BETWEEN)
    large = list(request.moments)
    if request.large_per_second > 0:
        wide = max(1 / request.large_per_second, seconds / _MOST_LARGE)
        large += _grid(wide, seconds - wide / 2, wide)
    largest = max(stored)
    return {
        "container": info.container,
        "options": opening_options(info.container, limits),
        "picture_detection": options[options.index("-err_detect:v") + 1],
        "sound_detection": options[options.index("-err_detect:a") + 1],
        "video": video.stream,
        "audio": None if info.audio is None else info.audio.stream,
        "origin": _pair(video.start),
        "start": _pair(request.start),
        "seconds": _pair(seconds),
        "rate": _pair(request.rate),
        "frames": max(1, to_frames(seconds, request.rate)),
        "samples": round_half_up(seconds * SOUND_RATE),
        "small": _fitted(stored, SMALL_SIDE),
        "large": _fitted(stored, min(LARGE_SIDE, largest)),
        "last": _fitted(stored, min(LAST_SIDE, largest)),
        "small_at": _micros(_grid(Fraction(1), seconds - 1, step)),
        "large_at": _micros(large),
        "matrix": scaler_matrix(video),
        "range": "" if video.colour_range is ColourRange.UNKNOWN else video.colour_range.value,
        "interlaced": video.interlaced,
        # Where a picture may stand for long, any one can be the last that is shown.
        "skip": video.codec in _SKIPPING
        and not (video.variable_rate or video.interlaced)
        and video.frame_rate >= 4,
        "may_lean": video.codec == "hevc",
    }


def _fitted(size: tuple[int, int], side: int) -> list[int]:
    """`size` with its longer side at `side`, and the other at least 2."""
    longest = max(size)
    return [max(2, round_half_up(Fraction(one * side, longest))) for one in size]


def _grid(first: Fraction, end: Fraction, step: Fraction) -> list[Fraction]:
    return [first + n * step for n in range(max(0, ceil((end - first) / step)))]


def _micros(moments: Sequence[Fraction]) -> list[int]:
    return sorted({max(0, int(moment * 1_000_000)) for moment in moments})


def _pair(value: Fraction) -> list[int]:
    return [value.numerator, value.denominator]


def _most_bytes(question: dict[str, Any]) -> int:
    """More than an honest child writes."""
    counts = {
        "small": len(question["small_at"]) + _EDGE_SECONDS * (MOST_FPS + 2) + 2,
        "large": len(question["large_at"]) + 2,
        "last": 1,
    }
    pictures = sum(3 * question[kind][0] * question[kind][1] * counts[kind] for kind in counts)
    return int(pictures + 2 * question["samples"] + 4096)


def _unpacked(
    raw: _RawFootage,
    data: memoryview,
    question: dict[str, Any],
    video: VideoInfo,
    request: FootageRequest,
    path: Path,
) -> Footage:
    """The answer as a value. Raises `MediaRefused` where the bytes are not what it says."""
    tick, at = ratio(raw.tick), 0
    kinds: tuple[list[RawPicture], ...] = ([], [], [])
    last_seconds = Fraction(0)
    for pts, kind in raw.pictures:
        width, height = question[("small", "large", "last")[kind]]
        pixels = data[at : at + 3 * width * height]
        at += len(pixels)
        # The first picture may have come before the window; it is shown from its start on.
        seconds = min(max(Fraction(0), pts * tick - video.start - request.start), request.seconds)
        if len(pixels) != 3 * width * height or seconds < last_seconds:
            raise nonsense(path, "pictures out of order or too short", _REASON)
        last_seconds = seconds
        kinds[kind].append(RawPicture(seconds, width, height, pixels))
    small, large, last = kinds
    if not small or not large or len(last) != 1 or large[-1].seconds != small[-1].seconds:
        raise nonsense(path, "pictures missing", _REASON)
    sound, notes = None, []
    if raw.sound is not None:
        samples = data[at : at + 2 * raw.sound.samples]
        at += len(samples)
        if raw.sound.samples not in (0, question["samples"]) or (
            len(samples) != 2 * raw.sound.samples
        ):
            raise nonsense(path, "sound of another length", _REASON)
        if raw.sound.samples:
            sound = Heard(tuple(raw.sound.short), raw.sound.integrated, samples)
        else:
            notes.append(raw.sound.fault or "there is no sound in this part of it")
    if at != len(data):
        raise nonsense(path, "bytes that nothing speaks of", _REASON)
    return Footage(tuple(small), tuple(large), last[0], sound, tuple(notes))
