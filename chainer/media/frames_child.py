"""Decodes a window of one untrusted media file to small raw pictures and measured sound.

Run as a script by `frames`, never imported. It opens the descriptor that it is given as
`probe_child` does, decodes the one picture stream and the one sound stream of the window in a
single pass, and appends to another descriptor: first the chosen pictures, packed B G R, in
stored orientation, each small one before the large one of the same moment, and the last one once
more, larger; then the sound,
mono, 16 bits, low byte first, 48 kHz. What it wrote goes to stdout as JSON. It chooses and
judges as little as it can: sizes, colours and moments come from the parent.

Between the two ends of the window, pictures that no other leans on are not decoded where the
parent allows that (`skip`): whoever needs every picture whole decodes the file once more.

Usage: frames_child.py SITE FD OUTPUT QUESTION, where SITE is the folder PyAV lies in and
QUESTION a JSON object, see `frames._question`. Ends with status 3 after an input that cannot be
decoded; stderr then says why.
"""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from typing import Any

sys.path.append(sys.argv[1])  # before PyAV is imported from there

import av
import av.filter
import av.logging

_EDGE = 1_000_000  # microseconds at both ends of which every picture is kept
_RUN_UP = 1_000_000  # decoded whole before an end: more than any group leans back
_CLOSEST = 16_300  # microseconds between two kept pictures: just under a 60th of a second
_WAITING_BYTES = 64 << 20
_SOUND_RATE = 48_000
_KINDS = ("small", "large", "last")


def main(fd: str, output: int, question: dict[str, Any]) -> dict[str, Any]:
    """Write what `question` asks for of the file behind `fd` to descriptor `output`."""
    av.logging.set_level(av.logging.ERROR)
    av.logging.restore_default_callback()
    options = {**question["options"], "fd": fd}
    with av.open(
        "fd:", format=question["container"], options=options, metadata_errors="replace"
    ) as container:
        video = container.streams[question["video"]]
        streams = [video]
        pictures = _Pictures(video, output, question)
        sound = None
        if question["audio"] is not None:
            streams.append(container.streams[question["audio"]])
            sound = _Sound(streams[1], question)
        for packet in container.demux(streams):
            if packet.size and packet.stream_index != video.index:
                assert sound is not None
                sound.take(packet)
            elif packet.size:
                pictures.take(packet)
            if pictures.done and (sound is None or sound.done):
                break
        pictures.finish()
        answer = {"tick": _ratio(video.time_base), "pictures": pictures.written}
        answer["sound"] = None if sound is None else sound.finish(output)
        return answer


class _Pictures:
    """Chooses among the pictures of the window, in order of display, and writes them."""

    def __init__(self, stream: Any, output: int, question: dict[str, Any]) -> None:
        self.context = stream.codec_context
        self.context.thread_count = 1  # more threads take more time of all processors together
        self.context.options = {
            "max_pixels": question["options"]["max_pixels"],
            "err_detect": question["picture_detection"],
        }
        self.output, self.question = output, question
        self.tick = Fraction(stream.time_base)
        self.start = Fraction(*question["start"])
        self.length = _micro(Fraction(*question["seconds"]))
        self.rate = Fraction(*question["rate"])
        self.first = round(self.start * self.rate)
        self.last = self.first + question["frames"] - 1
        self.small_at: list[int] = question["small_at"][::-1]
        self.large_at: list[int] = question["large_at"][::-1]
        self.written: list[list[int]] = []
        self.kept_at = -_EDGE
        self.next_pts = 0
        self.done = False
        # Packets before the window: those before its last keyframe need no decoding.
        self._waiting: list[Any] | None = []
        self._held: tuple[Any, int] | None = None
        self._skipped = False
        self._scalers: dict[tuple[Any, ...], Any] = {}
        self._deinterlacer = _Deinterlacer() if question["interlaced"] else None

    def take(self, packet: Any) -> None:
        """Decode one packet, or lay it aside until it is clear that the window leans on it."""
        if self._waiting is None:
            self._feed(packet)
            return
        at = None if packet.pts is None else self._micro_of(packet.pts)
        if packet.is_keyframe and at is not None and at <= -_RUN_UP:
            self._waiting.clear()
        self._waiting.append(packet)
        if at is None or at > -_RUN_UP or sum(p.size for p in self._waiting) > _WAITING_BYTES:
            self._feed_waiting()

    def _feed_waiting(self) -> None:
        packets, self._waiting = self._waiting or [], None
        for packet in packets:
            self._feed(packet)

    def _feed(self, packet: Any) -> None:
        """Decode one packet; the decoder drops it where no other leans on it and none is kept."""
        if self.done:
            return
        skip = self.question["skip"] and packet.pts is not None and self._between(packet.pts)
        self._skipped |= skip
        self.context.skip_frame = "NONREF" if skip else "DEFAULT"
        self._decode(packet)

    def _between(self, pts: int) -> bool:
        """Whether a picture shown at `pts` is in neither end nor the run-up to one."""
        at = self._micro_of(pts)
        whole = range(-_RUN_UP, _EDGE), range(self.length - _EDGE - _RUN_UP, self.length + _RUN_UP)
        return not any(at in span for span in whole)

    def finish(self) -> None:
        """Draw what the decoder still holds, and write the last picture."""
        self._feed_waiting()
        if not self.done:
            self._decode(None)
            if self._deinterlacer is not None:
                self._sift(self._deinterlacer.rest())
        if self._held is not None:
            self._write(*self._held, last=True)

    def _decode(self, packet: Any) -> None:
        for frame in self.context.decode(packet):
            frame.time_base = frame.time_base or self.tick  # those drawn at the end have none
            # Where pictures were left out, HEVC may lean on one of them before the run-up is over.
            if frame.is_corrupt and not (self._skipped and self.question["may_lean"]):
                raise _Damage("corrupt decoded frame")
            if self._deinterlacer is None:
                self._sift([frame])
            else:
                self._sift(self._deinterlacer.take(frame))
            if self.done:
                return

    def _sift(self, frames: list[Any]) -> None:
        """Find the pictures that the window shows; write each once its successor is known."""
        for frame in frames:
            pts = self._pts(frame)
            index = self._index(pts)
            if index > self.last and self._held is not None:
                self.done = True
                return
            if self._held is not None and index > self.first:
                self._write(*self._held)
            self._held = frame, pts

    def _pts(self, frame: Any) -> int:
        """When it is shown, in ticks; a picture without a time follows the one before."""
        pts = self.next_pts if frame.pts is None else frame.pts
        if frame.pts is not None and frame.time_base != self.tick:
            pts = round(frame.pts * Fraction(frame.time_base) / self.tick)
        self.next_pts = pts + (frame.duration or 1)
        return int(pts)

    def _index(self, pts: int) -> int:
        """The first frame at the house rate that shows this picture.

        In the very steps of the conform: `setpts` counts in doubles and cuts off, `fps` rounds
        to the nearest.
        """
        origin = self.question["origin"]
        tick = self.tick.numerator / self.tick.denominator
        ticks = int(float(pts) - (origin[0] / origin[1]) / tick)
        doubled = 2 * ticks * self.tick * self.rate
        return int((doubled + 1) // 2) if ticks >= 0 else -1

    def _micro_of(self, pts: int) -> int:
        return _micro(pts * self.tick - Fraction(*self.question["origin"]) - self.start)

    def _write(self, frame: Any, pts: int, *, last: bool = False) -> None:
        at = self._micro_of(pts)
        ends = not self.written or last
        edge = at < _EDGE or at >= self.length - _EDGE
        small = self._is_due(self.small_at, at)
        if ends or ((small or edge) and at - self.kept_at >= _CLOSEST):
            self.kept_at = at
            self._draw(frame, pts, "small")
        if self._is_due(self.large_at, at) or ends:
            self._draw(frame, pts, "large")
        if last:
            self._draw(frame, pts, "last")

    @staticmethod
    def _is_due(moments: list[int], at: int) -> bool:
        due = False
        while moments and moments[-1] <= at:
            moments.pop()
            due = True
        return due

    def _draw(self, frame: Any, pts: int, kind: str) -> None:
        width, height = self.question[kind]
        shape = (kind, *_buffer(frame)[1].values())
        if shape not in self._scalers:  # a stream may change its size on the way
            self._scalers[shape] = _scaler(frame, kind, self.question)
        scaler = self._scalers[shape]
        scaler.push(frame)
        plane = memoryview(scaler.pull().planes[0])
        stride = len(plane) // height
        if stride != 3 * width:
            rows = (plane[row * stride : row * stride + 3 * width] for row in range(height))
            plane = memoryview(b"".join(rows))
        _write_all(self.output, plane)
        self.written.append([pts, _KINDS.index(kind)])


class _Deinterlacer:
    """The deinterlacer that the conform uses, one picture out for each in."""

    def __init__(self) -> None:
        self._graph: Any = None

    def take(self, frame: Any) -> list[Any]:
        if self._graph is None:
            source = _buffer(frame)
            self._graph = _graph(source, [("bwdif", "mode=send_frame:parity=auto:deint=all")])
        self._graph.push(frame)
        return _pulled(self._graph)

    def rest(self) -> list[Any]:
        if self._graph is None:
            return []
        self._graph.push(None)
        return _pulled(self._graph)


def _buffer(frame: Any) -> tuple[str, dict[str, str]]:
    """The source of a filter graph for pictures like `frame`."""
    tick = frame.time_base
    return "buffer", {
        "video_size": f"{frame.width}x{frame.height}",
        "pix_fmt": frame.format.name,
        "time_base": f"{tick.numerator}/{tick.denominator}",
        "colorspace": str(int(frame.colorspace)),
        "range": str(int(frame.color_range)),
    }


def _scaler(frame: Any, kind: str, question: dict[str, Any]) -> Any:
    """The scaler of the conform, to B G R by area."""
    width, height = question[kind]
    # With whole chroma a large picture takes ten times as long, and differs by a level of 255.
    chroma = "" if kind == "large" else "+full_chroma_int"
    words = f"{width}:{height}:flags=area+accurate_rnd{chroma}"
    words += f":in_color_matrix={question['matrix']}"
    if question["range"]:
        words += f":in_range={question['range']}"
    return _graph(_buffer(frame), [("scale", words), ("format", "bgr24")])


def _graph(source: tuple[str, dict[str, str]], filters: list[tuple[str, str]]) -> Any:
    graph = av.filter.Graph()
    graph.threads = 1
    sound = source[0] == "abuffer"
    before = graph.add(source[0], **source[1])
    for name, words in (*filters, ("abuffersink" if sound else "buffersink", "")):
        after = graph.add(name, words or None)
        before.link_to(after)
        before = after
    graph.configure()
    return graph


def _pulled(graph: Any) -> list[Any]:
    """All that can be had of a graph now."""
    found = []
    while True:
        try:
            found.append(graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return found


class _Sound:
    """The sound of the window as the conform hears it, measured and mixed to one channel."""

    def __init__(self, stream: Any, question: dict[str, Any]) -> None:
        self.context = stream.codec_context
        self.context.thread_count = 1
        self.context.options = {"err_detect": question["sound_detection"]}
        self.tick = Fraction(stream.time_base)
        self.origin: list[int] = question["origin"]
        start, length = Fraction(*question["start"]), question["samples"]
        self.first = round(start * _SOUND_RATE)
        self.count: int = length
        self.begin = Fraction(*self.origin) + start
        self.end = self.begin + Fraction(length, _SOUND_RATE)
        self.done = False
        self.fault = ""
        self.data: list[bytes] = []
        self.short: list[float | None] = []
        self.whole: float | None = None
        self._graph: Any = None
        self._shape: tuple[Any, ...] = ()

    def take(self, packet: Any) -> None:
        """Decode one packet."""
        at = None if packet.pts is None else packet.pts * self.tick
        if self.done or (at is not None and at < self.begin - 2):
            return  # a second of run-up is more than any codec of sound needs
        for frame in self.context.decode(packet):
            self._hear(frame)
        self.done |= at is not None and at > self.end + 1

    def _hear(self, frame: Any) -> None:
        frame.time_base = frame.time_base or self.tick
        shape = (frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base)
        if self._graph is None:
            self._shape = shape
            self._graph = self._open(frame)
        if shape != self._shape:
            self.fault = "its sound changes its format on the way"
            self.done = True
        if not self.done:
            self._push(frame)

    def _open(self, frame: Any) -> Any:
        tick, (above, below) = frame.time_base, self.origin
        source = {
            "time_base": f"{tick.numerator}/{tick.denominator}",
            "sample_rate": str(frame.sample_rate),
            "sample_fmt": frame.format.name,
            "channel_layout": frame.layout.name,
        }
        end = self.first + self.count
        return _graph(
            ("abuffer", source),
            [
                ("asetpts", f"PTS-({above}/{below})/TB"),
                ("aresample", f"{_SOUND_RATE}:async=1:first_pts=0"),
                ("aformat", "sample_fmts=flt:channel_layouts=stereo"),
                ("atrim", f"start_sample={self.first}:end_sample={end}"),
                ("asetpts", "N/SR/TB"),
                ("apad", f"whole_len={self.count}"),
                ("ebur128", "metadata=1:framelog=quiet"),
                ("aformat", "sample_fmts=s16:channel_layouts=mono"),
            ],
        )

    def _push(self, frame: Any) -> None:
        try:
            self._graph.push(frame)
        except av.EOFError:  # the window is full
            self.done = True
        for out in _pulled(self._graph):
            self.data.append(bytes(memoryview(out.planes[0])[: 2 * out.samples]))
            short, whole = (out.metadata.get(f"lavfi.r128.{name}") for name in "SI")
            if short is not None and whole is not None:
                self.short.append(_finite(short))
                self.whole = _finite(whole)

    def finish(self, output: int) -> dict[str, Any]:
        """Write the samples; what was measured."""
        if not self.done:
            for frame in self.context.decode(None):
                self._hear(frame)
        if self._graph is not None and not self.fault:
            self._push(None)
        if self.fault or self._graph is None:
            return {"samples": 0, "short": [], "integrated": None, "fault": self.fault}
        data = b"".join(self.data)
        _write_all(output, memoryview(data))
        samples = len(data) // 2
        return {"samples": samples, "short": self.short, "integrated": self.whole, "fault": ""}


class _Damage(Exception):
    """The input cannot be decoded."""


def _write_all(output: int, data: memoryview) -> None:
    while data:
        data = data[os.write(output, data) :]


def _finite(text: str) -> float | None:
    value = float(text)
    return value if abs(value) < 1000 else None  # NaN and infinity are not smaller


def _micro(seconds: Fraction) -> int:
    return int(seconds * 1_000_000 // 1)


def _ratio(value: Any) -> list[int]:
    return [value.numerator, value.denominator]


if __name__ == "__main__":
    try:
        found = main(sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
    except MemoryError:  # FFmpeg's is one too; the parent knows the word
        raise
    except (av.FFmpegError, _Damage) as error:
        sys.stderr.write(f"Decoding error: {type(error).__name__}: {error}\n"[:600])
        sys.exit(3)
    sys.stdout.write(json.dumps(found))
