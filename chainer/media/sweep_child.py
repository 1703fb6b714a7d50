"""Decodes one untrusted media file once, to tiny grey pictures and its samples.

Run as a script by `sweep`, never imported. It opens the descriptor that it is given as
`probe_child` does, decodes the one picture stream and the one sound stream in a single pass, and
appends to another descriptor: the pictures, one byte a pixel, 0 black to 255 white, in stored
orientation, some once more and larger; then the sound, 32-bit floats in the byte order of the
machine, channels interleaved, filled up with silence from the first picture on. What it wrote goes
to stdout as JSON.

To be quick it leaves out the loop filter, and most H.264 pictures that no other leans on (`skip`),
where their size in bytes is the usual one: a repeated picture is far smaller, a flash far larger.
In the first quarter of every 0.8 s all are decoded, for what goes up and down with every
picture. Whoever needs pictures whole reads them otherwise.

Usage: sweep_child.py SITE FD OUTPUT QUESTION, where SITE is the folder PyAV lies in and QUESTION a
JSON object, see `sweep._question`. Ends with status 3 after an input that cannot be decoded; stderr
then says why.
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

_USUAL = (0.35, 2.2)
"""Share of the median size between which a picture that no other leans on is an ordinary one."""
_REMEMBERED = 15
_LEAST_BYTES = 200
_WAVE = 800_000  # microseconds, of which all pictures are decoded in the first part
_CREST = 200_000
_SLICES = (1, 5)


def main(fd: str, output: int, question: dict[str, Any]) -> dict[str, Any]:
    """Write what `question` asks for of the file behind `fd` to descriptor `output`."""
    av.logging.set_level(av.logging.ERROR)
    av.logging.restore_default_callback()
    options = {**question["options"], "fd": fd}
    with av.open("fd:", format=question["container"], options=options) as container:
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
        pictures.finish()
        return {
            "tick": [video.time_base.numerator, video.time_base.denominator],
            "pictures": pictures.written,
            "skipped": sorted(pictures.skipped),
            "sound": None if sound is None else sound.finish(output),
        }


class _Pictures:
    """Writes the pictures in order of display, each small and some large."""

    def __init__(self, stream: Any, output: int, question: dict[str, Any]) -> None:
        self.context = stream.codec_context
        self.context.thread_count = 1  # more threads take more time of all processors together
        self.context.options = {
            "max_pixels": question["options"]["max_pixels"],
            "err_detect": question["picture_detection"],
            "skip_loop_filter": "all",
        }
        self.output, self.question = output, question
        self.tick = Fraction(stream.time_base)
        self.ticks = 1_000_000 * self.tick  # microseconds of one
        self.origin = 1_000_000 * Fraction(*question["origin"])
        self.prefix = _prefix_bytes(self.context.extradata) if question["skip"] else 0
        self.sizes: list[int] = []
        self.leant_on = 0
        self.skipping = False
        self.written: list[list[int]] = []
        self.skipped: list[int] = []
        self.next_pts = 0
        self.large_at = 0
        self.small_at = -(1 << 62)
        self._scalers: dict[tuple[Any, ...], Any] = {}

    def take(self, packet: Any) -> None:
        """Decode one packet, unless it is one to leave out."""
        if self.prefix:
            skip = packet.pts is not None and self._is_usual(packet)
            if skip:
                self.skipped.append(packet.pts)
            if skip != self.skipping:
                self.skipping = skip
                self.context.skip_frame = "NONREF" if skip else "DEFAULT"
        self._decode(packet)

    def _is_usual(self, packet: Any) -> bool:
        """Whether no other picture leans on this one and it is of the usual size."""
        sizes, size = self.sizes, packet.size
        if not _is_free(packet, self.prefix):
            self.leant_on = size
            return False
        sizes.append(size)
        repeat = size < max(_LEAST_BYTES, self.leant_on // 12)
        if repeat or len(sizes) <= _REMEMBERED // 2 or self._micro(packet.pts) % _WAVE < _CREST:
            return False
        del sizes[:-_REMEMBERED]
        usual = sorted(sizes)[len(sizes) // 2]
        return bool(_USUAL[0] * usual <= size <= _USUAL[1] * usual)

    def finish(self) -> None:
        """Draw what the decoder still holds."""
        self._decode(None)

    def _decode(self, packet: Any) -> None:
        for frame in self.context.decode(packet):
            if frame.is_corrupt:
                raise _Damage("corrupt decoded frame")
            pts = self.next_pts if frame.pts is None else frame.pts
            self.next_pts = pts + (frame.duration or 1)
            at = self._micro(pts)
            if at < 0:
                continue
            if at - self.small_at >= self.question["closest"]:
                self.small_at = at
                self._draw(frame, pts, 0)
                if at >= self.large_at:
                    step = self.question["large_every"]
                    self.large_at = (at // step + 1) * step
                    self._draw(frame, pts, 1)

    def _micro(self, pts: int) -> int:
        return int(pts * self.ticks - self.origin)

    def _draw(self, frame: Any, pts: int, kind: int) -> None:
        width, height = self.question[("small", "large")[kind]]
        key = (kind, frame.width, frame.height, frame.format.name, int(frame.color_range))
        if key not in self._scalers:  # a stream may change its size on the way
            self._scalers[key] = self._scaler(frame, width, height)
        scaler = self._scalers[key]
        scaler.push(frame)
        drawn = scaler.pull()
        plane = memoryview(drawn.planes[0])
        stride = len(plane) // height
        if stride != width:
            rows = (plane[row * stride : row * stride + width] for row in range(height))
            plane = memoryview(b"".join(rows))
        _write_all(self.output, plane)
        self.written.append([pts, kind])

    def _scaler(self, frame: Any, width: int, height: int) -> Any:
        words = f"{width}:{height}:flags=area:out_range=pc"
        if self.question["range"]:
            words += f":in_range={self.question['range']}"
        tick = frame.time_base or self.tick
        source = {
            "video_size": f"{frame.width}x{frame.height}",
            "pix_fmt": frame.format.name,
            "time_base": f"{tick.numerator}/{tick.denominator}",
            "colorspace": str(int(frame.colorspace)),
            "range": str(int(frame.color_range)),
        }
        return _graph("buffer", source, [("scale", words), ("format", "gray")])


class _Sound:
    """The samples, from the first picture on, at their own rate up to `most_rate`."""

    def __init__(self, stream: Any, question: dict[str, Any]) -> None:
        self.context = stream.codec_context
        self.context.thread_count = 1
        self.context.options = {"err_detect": question["sound_detection"]}
        self.origin, self.most_rate = question["origin"], question["most_rate"]
        self.most_bytes = question["most_sound"]
        self.data: list[bytes] = []
        self.bytes = 0
        self.rate = self.channels = 0
        self.fault = ""
        self._graph: Any = None
        self._shape: tuple[Any, ...] = ()
        self._tick = Fraction(stream.time_base)

    def take(self, packet: Any) -> None:
        """Decode one packet."""
        if not self.fault:
            for frame in self.context.decode(packet):
                self._hear(frame)

    def _hear(self, frame: Any) -> None:
        frame.time_base = frame.time_base or self._tick
        shape = (frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base)
        if self._graph is None:
            self._shape = shape
            self._graph = self._open(frame)
        if shape != self._shape:
            self.fault = "its sound changes its format on the way"
        elif self.bytes < self.most_bytes:
            self._push(frame)

    def _open(self, frame: Any) -> Any:
        tick, (above, below) = frame.time_base, self.origin
        self.rate = min(frame.sample_rate, self.most_rate)
        self.channels = min(2, frame.layout.nb_channels)
        source = {
            "time_base": f"{tick.numerator}/{tick.denominator}",
            "sample_rate": str(frame.sample_rate),
            "sample_fmt": frame.format.name,
            "channel_layout": frame.layout.name,
        }
        layout = "mono" if self.channels == 1 else "stereo"
        filters = [
            ("asetpts", f"PTS-({above}/{below})/TB"),
            ("aresample", f"{self.rate}:async=1:first_pts=0"),
            ("aformat", f"sample_fmts=flt:channel_layouts={layout}"),
        ]
        return _graph("abuffer", source, filters)

    def _push(self, frame: Any) -> None:
        self._graph.push(frame)
        while True:
            try:
                out = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            data = bytes(memoryview(out.planes[0])[: 4 * self.channels * out.samples])
            self.bytes += len(data)
            self.data.append(data)

    def finish(self, output: int) -> dict[str, Any]:
        """Write the samples; what they are."""
        if not self.fault:
            for frame in self.context.decode(None):
                self._hear(frame)
        if self._graph is None or self.fault:
            return {"samples": 0, "rate": 0, "channels": 0, "fault": self.fault}
        self._push(None)
        data = memoryview(b"".join(self.data))[: self.most_bytes]
        each = 4 * self.channels
        count = len(data) // each
        _write_all(output, data[: count * each])
        return {"samples": count, "rate": self.rate, "channels": self.channels, "fault": ""}


class _Damage(Exception):
    """The input cannot be decoded."""


def _prefix_bytes(extradata: bytes | None) -> int:
    """How many bytes give the length of each unit of a packet; 0 where that is not the form."""
    if extradata is None or len(extradata) < 7 or extradata[0] != 1:
        return 0
    return (extradata[4] & 3) + 1


def _is_free(packet: Any, prefix: int) -> bool:
    """Whether the first slice of an H.264 packet says that no picture leans on it."""
    data = memoryview(packet)
    at = 0
    while at + prefix < len(data):
        head = data[at + prefix]
        if head & 31 in _SLICES:
            return bool(head & 31 == 1 and not head >> 5 & 3)
        at += prefix + int.from_bytes(data[at : at + prefix], "big")
    return False


def _graph(kind: str, source: dict[str, str], filters: list[tuple[str, str]]) -> Any:
    graph = av.filter.Graph()
    graph.threads = 1
    before = graph.add(kind, **source)
    for name, words in (*filters, (kind + "sink", "")):
        after = graph.add(name, words or None)
        before.link_to(after)
        before = after
    graph.configure()
    return graph


def _write_all(output: int, data: memoryview) -> None:
    while data:
        data = data[os.write(output, data) :]


if __name__ == "__main__":
    try:
        found = main(sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
    except MemoryError:  # FFmpeg's is one too; the parent knows the word
        raise
    except (av.FFmpegError, _Damage) as error:
        sys.stderr.write(f"Decoding error: {type(error).__name__}: {error}\n"[:600])
        sys.exit(3)
    sys.stdout.write(json.dumps(found))
