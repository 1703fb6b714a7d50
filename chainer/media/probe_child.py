"""Looks into one untrusted media file, in a child process, and prints what it found as JSON.

Run as a script by `probe`, never imported; the only module that uses PyAV. It opens the
descriptor it is given with one named demuxer and closed lists of protocols and decoders,
looks at codec names and sizes before it opens a decoder itself, reads all packets of one
picture and one sound stream without decoding them, and decodes the first picture. Asked for the
sound alone it reads only that and decodes nothing. It judges nothing: that is the parent's work,
who trusts nothing of this either.

Usage: probe_child.py SITE FD QUESTION, where SITE is the folder PyAV lies in and QUESTION a
JSON object with `container`, `options` to open it with, `sound_only`, `max_seconds`, `max_pixels`,
`max_side`, `max_pictures` and `video_codecs`.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from typing import Any

sys.path.append(sys.argv[1])  # before PyAV is imported from there

import av
import av.logging

_DECODE_AT_MOST = 120  # packets after the first keyframe: no codec delays a picture longer
_SOUND_PACKETS_AT_MOST = 4_000_000
_ATTACHED_PICTURE = 1024
_DISPLAY_MATRIX_BYTES = 36


def main(fd: str, question: dict[str, Any]) -> dict[str, Any]:
    """The answer to `question` about the file behind descriptor `fd`."""
    # Errors of FFmpeg go to stderr: the parent reads there of files that end too early.
    av.logging.set_level(av.logging.ERROR)
    av.logging.restore_default_callback()
    options = {**question["options"], "fd": fd}
    try:
        container = av.open(
            "fd:", format=question["container"], options=options, metadata_errors="replace"
        )
    except MemoryError:  # FFmpeg's is one too; the parent knows the word
        raise
    except (av.FFmpegError, ValueError) as error:
        return {"open_error": _words(error)}
    with container:
        answer: dict[str, Any] = {
            "format": container.format.name,
            "seconds": _seconds(container.duration, Fraction(1, av.time_base)),
            "streams": [_stream(stream) for stream in container.streams],
        }
        video = next((s for s in container.streams if _is_picture(s)), None)
        audio = next((s for s in container.streams if s.type == "audio"), None)
        answer["video"] = None if video is None else video.index
        answer["audio"] = None if audio is None else audio.index
        if question["sound_only"]:
            if audio is not None:
                answer["heard"] = _hear(container, audio, question["max_seconds"])
        elif video is not None and _may_open(video, question):
            answer["scan"] = _scan(container, video, audio, question)
        return answer


def _is_picture(stream: Any) -> bool:
    return stream.type == "video" and not int(stream.disposition) & _ATTACHED_PICTURE


def _may_open(video: Any, question: dict[str, Any]) -> bool:
    """Whether the picture's codec is accepted, and the size that is known so far."""
    context = video.codec_context
    return (
        context is not None
        and context.codec.canonical_name in question["video_codecs"]
        and context.width * context.height <= question["max_pixels"]
        and max(context.width, context.height) <= question["max_side"]
    )


def _stream(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else ""
    facts: dict[str, Any] = {
        "index": stream.index,
        "type": stream.type,
        "codec": codec,
        "tick": _ratio(stream.time_base),
        "seconds": _seconds(stream.duration, stream.time_base),
        "frames": int(stream.frames or 0),
    }
    if stream.type == "video" and context is not None:
        facts |= {
            "cover": not _is_picture(stream),
            "profile": context.profile or "",
            "width": context.width,
            "height": context.height,
            "pixel_format": context.pix_fmt or "",
            "sample_aspect": _ratio(stream.sample_aspect_ratio),
            "field_order": int(context.field_order),
            "colour": [
                int(context.color_range or 0),
                int(context.color_primaries or 0),
                int(context.color_trc or 0),
                int(context.colorspace or 0),
            ],
            "rates": [_ratio(stream.average_rate), _ratio(stream.base_rate)],
            "alpha_mode": stream.metadata.get("alpha_mode", "") == "1",
        }
    if stream.type == "audio" and context is not None:
        facts |= {
            "sample_rate": context.sample_rate or 0,
            "channels": context.layout.nb_channels,
            "layout": context.layout.name,
        }
    return facts


def _scan(container: Any, video: Any, audio: Any, question: dict[str, Any]) -> dict[str, Any]:
    """Read every packet of the two streams; decode until one picture has come out."""
    if audio is not None and audio.codec_context is None:
        audio = None  # no decoder is known for it: the parent refuses that by its empty name
    pictures = _Pictures(video, question)
    sound = _Sound(audio) if audio is not None else None
    answer: dict[str, Any] = {"partial": _beyond_the_end(container, video, audio)}
    try:
        for packet in container.demux([video] if audio is None else [video, audio]):
            if packet.size == 0:
                continue
            if packet.has_sidedata("encryption_info"):
                answer["encrypted"] = True
                break
            takes = pictures if packet.stream_index == video.index else sound
            if takes is not None and not takes.take(packet):
                answer["too_many"] = True
                break
    except MemoryError:
        raise
    except av.FFmpegError as error:
        answer["read_error"] = _words(error)
    pictures.finish()
    answer["pictures"] = pictures.facts()
    answer["sound"] = None if sound is None else sound.facts()
    return answer


def _hear(container: Any, audio: Any, max_seconds: float) -> dict[str, Any]:
    """Read every packet of the sound; a little more than `max_seconds` of it at most."""
    if audio.codec_context is None:
        return {"partial": 0, "sound": None}  # refused by its empty name
    sound = _Sound(audio)
    answer: dict[str, Any] = {"partial": _beyond_the_end(container, audio)}
    try:
        for packet in container.demux([audio]):
            if packet.size == 0:
                continue
            if packet.has_sidedata("encryption_info"):
                answer["encrypted"] = True
                break
            if not sound.take(packet):
                answer["too_many"] = True
                break
            if sound.length > max_seconds:
                break  # the parent refuses it for its length
    except MemoryError:
        raise
    except av.FFmpegError as error:
        answer["read_error"] = _words(error)
    return answer | {"sound": sound.facts()}


class _Pictures:
    """What the packets of the picture stream say, and the first decoded picture."""

    def __init__(self, stream: Any, question: dict[str, Any]) -> None:
        self.context = stream.codec_context
        self.context.thread_count = 1
        self.at_most: int = question["max_pictures"]
        self.context.options = {"max_pixels": str(question["max_pixels"])}
        self.packets = self.leading = self.hidden = self.untimed = self.corrupt = 0
        self.keyframes = 0
        self.first: int | None = None
        self.shown: list[tuple[int, int]] = []
        self.fed = 0
        self.frame: dict[str, Any] | None = None
        self.decode_error = ""

    def take(self, packet: Any) -> bool:
        """Count one packet; False when there are too many."""
        self.packets += 1
        self.corrupt += packet.is_corrupt
        self.keyframes += packet.is_keyframe
        if self.keyframes:
            self._place(packet)
        else:
            self.leading += 1  # nothing can be decoded before the first keyframe
        return self.packets <= self.at_most

    def _place(self, packet: Any) -> None:
        if self.frame is None and self.fed < _DECODE_AT_MOST:
            self.fed += 1
            self._decode(packet)
        time = packet.pts if packet.pts is not None else packet.dts
        if self.first is None:
            self.first = time
        if packet.is_discard:
            self.hidden += 1
        elif time is None:
            self.untimed += 1
        elif self.first is not None and time < self.first:
            # Shown before the first keyframe and stored after it: an open group of pictures
            # that was cut. They refer to what is gone, and decoders skip them.
            self.leading += 1
        else:
            self.shown.append((time, packet.duration or 0))

    def finish(self) -> None:
        if self.frame is None:
            self._decode(None)

    def _decode(self, packet: Any) -> None:
        try:
            for frame in self.context.decode(packet):
                if self.frame is None:
                    self.frame = _frame(frame)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError) as error:
            self.decode_error = self.decode_error or _words(error)

    def facts(self) -> dict[str, Any]:
        self.shown.sort()
        runs: list[list[int]] = []
        for (before, _), (after, _) in zip(self.shown, self.shown[1:], strict=False):
            if runs and runs[-1][0] == after - before:
                runs[-1][1] += 1
            else:
                runs.append([after - before, 1])
        return {
            "packets": self.packets,
            "keyframes": self.keyframes,
            "leading": self.leading,
            "hidden": self.hidden,
            "untimed": self.untimed,
            "corrupt": self.corrupt,
            "shown": len(self.shown),
            "start": self.shown[0][0] if self.shown else 0,
            "end": max((time + length for time, length in self.shown), default=0),
            "steps": runs,
            "frame": self.frame,
            "decode_error": self.decode_error,
        }


def _frame(frame: Any) -> dict[str, Any]:
    matrix: list[int] = []
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            matrix = memoryview(bytes(data)[:_DISPLAY_MATRIX_BYTES]).cast("i").tolist()
    return {
        "width": frame.width,
        "height": frame.height,
        "pixel_format": frame.format.name,
        "bits": frame.format.components[0].bits,
        "components": len(frame.format.components),
        "interlaced": bool(frame.interlaced_frame),
        "matrix": matrix,
        "colour": [
            int(frame.color_range or 0),
            int(frame.color_primaries or 0),
            int(frame.color_trc or 0),
            int(frame.colorspace or 0),
        ],
    }


class _Sound:
    """What the packets of the sound stream say."""

    def __init__(self, stream: Any) -> None:
        self.tick = stream.time_base
        self.rate = stream.codec_context.sample_rate or 1
        self.packets = self.corrupt = self.untimed = self.hole = 0
        self.start: int | None = None
        self.end: int | None = None

    def take(self, packet: Any) -> bool:
        """Count one packet; False when there are too many."""
        self.packets += 1
        self.corrupt += packet.is_corrupt
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None:
            self.untimed += 1
        elif not packet.is_discard:
            self._place(packet, time)
        return self.packets <= _SOUND_PACKETS_AT_MOST

    def _place(self, packet: Any, time: int) -> None:
        end = time + (packet.duration or 0)
        if packet.has_sidedata("skip_samples"):
            # Encoder delay and padding: samples to drop at either end, as two uint32.
            skip = memoryview(bytes(packet.get_sidedata("skip_samples"))[:8]).cast("I")
            time += int(skip[0] / (self.rate * self.tick))
            end -= int(skip[1] / (self.rate * self.tick))
        if self.end is not None:
            self.hole = max(self.hole, time - self.end)
        self.start = time if self.start is None else min(self.start, time)
        self.end = end if self.end is None else max(self.end, end)

    @property
    def length(self) -> float:
        """Seconds from the first sound so far to the last."""
        return float(((self.end or 0) - (self.start or 0)) * self.tick)

    def facts(self) -> dict[str, Any]:
        return {
            "packets": self.packets,
            "corrupt": self.corrupt,
            "untimed": self.untimed,
            "hole": self.hole,
            "start": self.start or 0,
            "end": self.end or 0,
        }


def _beyond_the_end(container: Any, *streams: Any) -> int:
    """How many of the samples that an MP4 index lists lie beyond the end of the file."""
    if "mov" not in container.format.name:
        return 0
    size = container.size
    return sum(
        entry.pos + entry.size > size
        for stream in streams
        if stream is not None
        for entry in stream.index_entries
    )


def _ratio(value: Any) -> list[int]:
    return [0, 1] if value is None else [value.numerator, value.denominator]


def _seconds(duration: int | None, tick: Any) -> list[int]:
    return [0, 1] if duration is None or tick is None else _ratio(duration * Fraction(tick))


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[2], json.loads(sys.argv[3]))))
