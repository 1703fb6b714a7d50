"""What is in an untrusted media file? Asked of a child process, judged here.

The door in order: first bytes name the container, an MP4 header is read by our own small
reader, a child process under limits reads the packets, its answer is checked like any
input, and then each limit in turn. Nothing is decoded but the first picture; whether the
rest decodes whole shows when it is conformed (`decode`).

Measured on one core: 0.13 to 0.2 s for a clip of 10 s, nearly all of it the start of Python
and PyAV in the child.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import threading
from fractions import Fraction
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from chainer.errors import ChainerError
from chainer.media.child import ChildLimits, ChildResult, run_child
from chainer.media.declared import Declared, read_declared
from chainer.media.describe import describe_audio, describe_video
from chainer.media.info import MEDIA_SCHEMA, MediaInfo
from chainer.media.judge import (
    damaged,
    judge_header,
    judge_length,
    judge_scan,
    judge_sound,
    judge_streams,
    judge_time,
    longest_gap,
    refuse,
    refuse_streams,
)
from chainer.media.limits import MediaLimits, decoder_names
from chainer.media.notes import differences, picture_notes, sound_notes
from chainer.media.raw import RawAnswer, RawScan, ratio
from chainer.media.sniff import container_of
from chainer.media.source import SourceFile

_CHILD = Path(__file__).with_name("probe_child.py")
_OPEN_FILES = 64


def probe(
    source: SourceFile, *, limits: MediaLimits, cancel: threading.Event | None = None
) -> MediaInfo:
    """What `source` holds.

    Raises `MediaRefused` when it is hostile, of no accepted kind or beyond `limits`,
    `MediaDamaged` when it is broken, `Cancelled` when `cancel` is set. Safe to call from
    many threads, on one source as well.
    """
    path = source.path
    container = container_of(source, limits)
    declared = read_declared(source.fd) if container == "mov" else Declared()
    judge_header(path, declared, limits)
    raw, complaints = ask(source, container, limits, cancel)
    if "exceeds max_streams" in complaints:  # of Matroska FFmpeg then reads half
        refuse_streams(path, None, limits)
    if raw.open_error:
        damaged(
            path,
            "begins like a film and cannot be opened: "
            + (first_line(complaints) or raw.open_error),
            reason="open",
        )
    stream = judge_streams(path, raw, limits)
    if raw.scan is None:
        refuse(path, "its picture was not opened", "report this file", reason="probe")
    judge_scan(path, raw.scan, complaints, limits)
    video = describe_video(path, stream, raw.scan.pictures)
    judge_time(path, video, longest_gap(raw.scan, stream.tick), limits)
    sound_stream, sound = raw.stream(raw.audio), raw.scan.sound
    audio = None
    if sound_stream is not None and sound is not None and sound.packets:
        audio = describe_audio(sound_stream, sound)
        judge_sound(path, audio, limits)
    seconds = video.seconds
    if audio is not None:
        seconds = max(video.end, audio.end) - min(video.start, audio.start)
        judge_length(path, seconds, limits)
    info = MediaInfo(
        schema=MEDIA_SCHEMA,
        container=container,
        bytes=source.size,
        seconds=seconds,
        streams=len(raw.streams),
        video=video,
        audio=audio,
    )
    return info.model_copy(update={"notes": _notes(info, raw, raw.scan, declared)})


def _notes(info: MediaInfo, raw: RawAnswer, scan: RawScan, declared: Declared) -> tuple[str, ...]:
    assert info.video is not None
    stream = raw.stream(info.video.stream)
    assert stream is not None
    hole = Fraction(0)
    if info.audio is not None and scan.sound is not None:
        sound_stream = raw.stream(info.audio.stream)
        hole = scan.sound.hole * ratio(sound_stream.tick) if sound_stream else hole
    found = differences(
        info,
        declared_seconds=declared.seconds or ratio(raw.seconds),
        declared_frames=stream.frames,
        declared_sizes=declared.sizes,
        declared_rate=ratio(stream.rates[0]),
    )
    found += picture_notes(
        info.video,
        leading=scan.pictures.leading,
        hidden=scan.pictures.hidden,
        untimed=scan.pictures.untimed,
    )
    found += sound_notes(info.video, info.audio, hole)
    if info.audio is None and raw.audio is not None:
        found.append("its sound stream is empty")
    for kind, name in (("video", "picture"), ("audio", "sound")):
        count = sum(one.type == kind and not one.cover for one in raw.streams)
        if count > 1:
            found.append(f"it has {count} {name} streams; the first is used")
    return tuple(found)


def ask(
    source: SourceFile,
    container: str,
    limits: MediaLimits,
    cancel: threading.Event | None,
    *,
    sound_only: bool = False,
) -> tuple[RawAnswer, str]:
    """The child's answer, and what FFmpeg complained of meanwhile.

    With `sound_only` it reads no pictures and decodes nothing. Raises `MediaRefused` where the
    child does not end well, `Cancelled` when `cancel` is set.
    """
    question = {
        "container": container,
        "sound_only": sound_only,
        "max_seconds": float(limits.max_seconds),
        "options": opening_options(container, limits),
        "max_pixels": limits.max_pixels,
        "max_side": limits.max_side,
        "max_pictures": int(limits.max_seconds * limits.max_fps) + limits.max_fps,
        "video_codecs": list(limits.video_codecs),
    }
    with source.lend() as fd:
        result = run_child(
            [
                *(sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_CHILD)),
                *(pyav_folder(), str(fd), json.dumps(question)),
            ],
            limits=ChildLimits(
                wall_seconds=limits.probe_wall_seconds,
                cpu_seconds=limits.probe_cpu_seconds,
                memory_bytes=limits.probe_memory_bytes,
                file_bytes=0,
                open_files=_OPEN_FILES,
            ),
            pass_fds=[fd],
            cancel=cancel,
        )
    if not result.ok:
        _refuse_for_its_child(source.path, result, limits)
    try:
        answer = RawAnswer.model_validate_json(result.stdout)
    except ValidationError as error:
        raise _unreadable(source.path, error) from error
    return answer, result.stderr


def _refuse_for_its_child(path: Path, result: ChildResult, limits: MediaLimits) -> None:
    """Raise for a probe that did not end well: a good file never makes it do that."""
    words = {
        "timeout": f"took more than {limits.probe_wall_seconds} s to look at",
        "cpu": f"took more than {limits.probe_cpu_seconds} s of processor time to look at",
        "memory": f"took more than {limits.probe_memory_bytes} bytes of memory to look at",
        "killed": "made the process that looked at it be killed, likely for its memory",
        "crash": f"made the process that looked at it crash (signal {-result.returncode})",
        "output": "made the process that looked at it print without end",
    }
    imports = "ModuleNotFoundError" in result.stderr or "ImportError" in result.stderr
    if imports and not result.stopped:
        raise ChainerError(
            f"PyAV cannot be loaded, so no media can be looked at: {_last(result.stderr)}"
        )
    refuse(
        path,
        words.get(result.stopped, f"cannot be looked at: {_last(result.stderr)}"),
        "export it again with a common encoder",
        reason=f"probe_{result.stopped or 'failed'}",
        value=result.returncode,
        stderr=result.stderr[-2000:],
    )


def _unreadable(path: Path, error: ValidationError) -> ChainerError:
    try:
        refuse(
            path,
            f"made the probe answer nonsense in {error.error_count()} places",
            "export it again with a common encoder",
            reason="probe_answer",
        )
    except ChainerError as refusal:
        return refusal


@cache
def opening_options(container: str, limits: MediaLimits) -> dict[str, str]:
    """How a child opens a stranger's file: one demuxer, closed lists, bounds, nothing beside it.

    `container` is the demuxer's name; the child adds the descriptor.
    """
    decoders = decoder_names(limits.video_codecs + limits.audio_codecs)
    options = {
        "protocol_whitelist": "fd",
        "format_whitelist": container,
        "codec_whitelist": ",".join(decoders),
        "max_streams": str(limits.max_streams),
        "max_pixels": str(limits.max_pixels),
        "probesize": "20000000",
        "analyzeduration": "5000000",
    }
    if container == "mov":
        options |= {"enable_drefs": "0", "use_absolute_path": "0", "ignore_chapters": "1"}
    return options


def pyav_folder() -> str:
    """The folder that PyAV lies in, found without importing it."""
    found = importlib.util.find_spec("av")
    if found is None or found.origin is None:
        raise ChainerError("PyAV is not installed; install chainer with its dependencies")
    return str(Path(found.origin).parent.parent)


def first_line(text: str) -> str:
    """The first line that is not empty, without the addresses that FFmpeg puts in."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return re.sub(r"^\[[^]]* @ 0x[0-9a-f]+\] ", "", line)


def _last(text: str) -> str:
    """The last line that is not empty."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
