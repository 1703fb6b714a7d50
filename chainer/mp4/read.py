"""The index of a flat MP4: per track its codec configuration and where every sample lies.

Understands what chainer and FFmpeg's mov muxer write: no fragments, no encryption, one sample
description a track. Refuses the rest with `Mp4Error`.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

from chainer.mp4.box import Mp4Error, boxes, find
from chainer.mp4.index import CONFIG_BOXES, PCM, PRORES, AudioSpec
from chainer.mp4.language import UNDETERMINED, unpack_language
from chainer.timebase import AAC_FRAME

_MAX_INDEX = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Track:
    """One track. `offsets` and `sizes` place each sample's bytes in the file, in decode order.

    `handler` is `vide`, `soun`, `text` or `sbtl`; `codec` the sample entry's four letters, such as
    `avc1`; `config` the body of the picture's configuration box, or the AudioSpecificConfig, and
    empty for ProRes and plain samples; `entry` the raw boxes after it that describe the picture
    (colr, pasp; fiel of ProRes);
    `sync` the indexes of keyframes; `delta` the ticks of one sample where all are equal, else 0;
    `skip` the ticks that the edit list leaves out at the start; `length` the ticks of media; `runs`
    (how many samples, ticks of each) in order; `language` three letters of ISO 639-2.

    Uncompressed sound is told in packets of 1024 samples, as if it were AAC; the last one of all
    may be shorter.
    """

    handler: str
    timescale: int
    config: bytes
    entry: bytes
    width: int
    height: int
    sample_rate: int
    channels: int
    offsets: array[int]
    sizes: array[int]
    sync: Sequence[int]
    delta: int
    skip: int
    length: int
    reordered: bool
    runs: Sequence[tuple[int, int]] = ()
    language: str = UNDETERMINED
    codec: str = ""

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.sizes)


@dataclass(frozen=True, slots=True)
class Mp4:
    """The tracks in file order, and `seconds` as (ticks, timescale) of the whole movie."""

    tracks: tuple[Track, ...]
    duration: int
    timescale: int
    chapters: tuple[tuple[int, str], ...]

    def track(self, handler: str) -> Track:
        """The first track with this handler. Raises `Mp4Error` where there is none."""
        for track in self.tracks:
            if track.handler == handler:
                return track
        raise Mp4Error(f"no {handler} track")


def read_mp4(stream: IO[bytes]) -> Mp4:
    """Read the index. Raises `Mp4Error` where the file is of another kind or damaged.

    Every sample is known to lie in the file, so what is read takes memory in proportion to it.
    """
    stream.seek(0, 2)
    end = stream.tell()
    data = _movie_box(stream, end)
    try:
        return _parse(data, end)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise Mp4Error(f"the index is damaged: {error}") from error


def raw_index(size: int, spec: AudioSpec) -> Mp4:
    """The index of a file of nothing but `size` bytes of uncompressed sound, without a header.

    It starts with a packet of silence, which is left out; what follows the last whole packet is no
    part of it. Raises `Mp4Error` where there is not one.
    """
    each = AAC_FRAME * spec.sample_bytes
    packets = size // each
    if packets < 1:
        raise Mp4Error("there is no packet of sound")
    track = Track(
        handler="soun",
        timescale=spec.sample_rate,
        config=spec.config,
        entry=b"",
        width=0,
        height=0,
        sample_rate=spec.sample_rate,
        channels=spec.channels,
        offsets=array("Q", range(0, packets * each, each)),
        sizes=array("I", [each]) * packets,
        sync=range(packets),
        delta=AAC_FRAME,
        skip=AAC_FRAME,
        length=packets * AAC_FRAME,
        reordered=False,
        runs=((packets, AAC_FRAME),),
        codec=spec.codec,
    )
    return Mp4((track,), packets * AAC_FRAME, spec.sample_rate, ())


def _movie_box(stream: IO[bytes], end: int) -> bytes:
    position = 0
    while position + 8 <= end:
        stream.seek(position)
        header = stream.read(16)
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
        elif size == 0:
            size = end - position
        if size < 8 or position + size > end:
            raise Mp4Error(f"box {kind!r} at byte {position} does not fit the file")
        if kind == b"moov":
            if size > _MAX_INDEX:
                raise Mp4Error(f"an index of {size} bytes is not one of ours")
            stream.seek(position)
            return stream.read(size)
        position += size
    raise Mp4Error("there is no moov box: the file is cut off or of another kind")


def _parse(data: bytes, file_size: int) -> Mp4:
    body, end = find(data, b"moov")
    if any(kind == b"mvex" for kind, _, _ in boxes(data, body, end)):
        raise Mp4Error("a fragmented file is not ours")
    start, _ = find(data, b"mvhd", start=body, end=end)
    timescale, duration = _header_times(data, start)
    tracks = tuple(
        _track(data, first, last, file_size)
        for kind, first, last in boxes(data, body, end)
        if kind == b"trak"
    )
    return Mp4(tracks, duration, timescale, tuple(_chapters(data, body, end)))


def _header_times(data: bytes, start: int) -> tuple[int, int]:
    """(timescale, duration) of an mvhd or mdhd box."""
    if data[start]:
        timescale, duration = struct.unpack_from(">IQ", data, start + 20)
    else:
        timescale, duration = struct.unpack_from(">II", data, start + 12)
    return timescale, duration


def _track(data: bytes, start: int, end: int, file_size: int) -> Track:
    mdhd, _ = find(data, b"mdia", b"mdhd", start=start, end=end)
    timescale, _ = _header_times(data, mdhd)
    (language,) = struct.unpack_from(">H", data, mdhd + (32 if data[mdhd] else 20))
    hdlr, _ = find(data, b"mdia", b"hdlr", start=start, end=end)
    handler = data[hdlr + 8 : hdlr + 12].decode("latin-1")
    table, table_end = find(data, b"mdia", b"minf", b"stbl", start=start, end=end)
    parts = {kind: first for kind, first, _ in boxes(data, table, table_end)}
    if absent := {b"stsd", b"stsz", b"stts", b"stsc"} - parts.keys():
        raise Mp4Error(f"the index is damaged: a track has no {min(absent).decode()}")
    runs = _pairs(data, parts[b"stts"])
    codec, config, entry, shape = _description(data, parts[b"stsd"], handler)
    if handler == "soun" and codec in PCM:
        sizes, offsets, runs = _pcm_packets(data, parts, runs, PCM[codec] * shape[3], file_size)
    else:
        sizes = _sizes(data, parts[b"stsz"], file_size)
        if sum(count for count, _ in runs) != len(sizes):
            raise Mp4Error("the index is damaged: not every sample has a time")
        offsets = _offsets(data, parts, sizes, file_size)
    return Track(
        handler=handler,
        timescale=timescale,
        config=config,
        entry=entry,
        width=shape[0],
        height=shape[1],
        sample_rate=shape[2],
        channels=shape[3],
        offsets=offsets,
        sizes=sizes,
        sync=_sync(data, parts, len(sizes)),
        delta=runs[0][1] if len({delta for _, delta in runs}) == 1 else 0,
        skip=_skip(data, start, end),
        length=sum(count * delta for count, delta in runs),
        reordered=b"ctts" in parts,
        runs=runs,
        language=unpack_language(language),
        codec=codec,
    )


def _sizes(data: bytes, start: int, file_size: int) -> array[int]:
    same, count = struct.unpack_from(">II", data, start + 4)
    if same * count > file_size:
        raise Mp4Error(f"{count} samples of {same} bytes do not fit the file")
    return array("I", [same]) * count if same else _words(data, start + 12, count)


def _words(data: bytes, start: int, count: int) -> array[int]:
    values = array("I")
    chunk = data[start : start + 4 * count]
    if len(chunk) != 4 * count:
        raise Mp4Error("a table of the index is cut off")
    values.frombytes(chunk)
    if sys.byteorder == "little":
        values.byteswap()
    return values


def _pairs(data: bytes, start: int) -> list[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", data, start + 4)
    words = _words(data, start + 8, 2 * count)
    return list(zip(words[::2], words[1::2], strict=True))


def _chunks(data: bytes, parts: dict[bytes, int]) -> Sequence[int]:
    """The byte position of each chunk."""
    start = parts.get(b"co64", parts.get(b"stco"))
    if start is None:
        raise Mp4Error("the index is damaged: it places no samples")
    (count,) = struct.unpack_from(">I", data, start + 4)
    words = _words(data, start + 8, 2 * count if b"co64" in parts else count)
    if b"co64" not in parts:
        return words
    return array("Q", (high << 32 | low for high, low in zip(words[::2], words[1::2], strict=True)))


def _chunk_runs(
    data: bytes, parts: dict[bytes, int], chunks: Sequence[int]
) -> Iterator[tuple[Sequence[int], int]]:
    """(byte positions of chunks, samples in each of them), in order."""
    start = parts[b"stsc"]
    (count,) = struct.unpack_from(">I", data, start + 4)
    words = _words(data, start + 8, 3 * count)
    firsts = [*words[::3], len(chunks) + 1]
    if firsts[0] != 1 or any(first >= later for first, later in pairwise(firsts)):
        raise Mp4Error("the index is damaged: its chunks are out of order")
    for (first, later), per_chunk in zip(pairwise(firsts), words[1::3], strict=True):
        yield chunks[first - 1 : later - 1], per_chunk


def _pcm_packets(
    data: bytes,
    parts: dict[bytes, int],
    runs: Sequence[tuple[int, int]],
    each: int,
    file_size: int,
) -> tuple[array[int], array[int], list[tuple[int, int]]]:
    """(sizes, byte positions, runs) of packets of samples of `each` bytes."""
    same, total = struct.unpack_from(">II", data, parts[b"stsz"] + 4)
    if not each or same != each or same * total > file_size or list(runs) != [(total, 1)]:
        raise Mp4Error("uncompressed sound of this kind is not ours")
    sizes, offsets = array("I"), array("Q")
    left = total
    for places, samples in _chunk_runs(data, parts, _chunks(data, parts)):
        if samples > left:
            raise Mp4Error("the index is damaged: a chunk has more samples than there are")
        for at in places:
            if at + samples * each > file_size:
                raise Mp4Error(f"the media is cut off: its index goes on to byte {at}")
            left -= samples
            if left < 0 or (left and samples % AAC_FRAME):
                raise Mp4Error("uncompressed sound in chunks of this size is not ours")
            for first in range(0, samples, AAC_FRAME):
                sizes.append(min(AAC_FRAME, samples - first) * each)
                offsets.append(at + first * each)
    if left:
        raise Mp4Error(f"the index places {total - left} of {total} samples")
    whole, rest = divmod(total, AAC_FRAME)
    return sizes, offsets, [pair for pair in ((whole, AAC_FRAME), (1, rest)) if all(pair)]


def _offsets(data: bytes, parts: dict[bytes, int], sizes: array[int], file_size: int) -> array[int]:
    """The byte position of each sample, from chunks and the run-length table of their sizes."""
    offsets = array("Q")
    for places, per_chunk in _chunk_runs(data, parts, _chunks(data, parts)):
        for at in places:
            upto = len(offsets) + per_chunk
            position = at
            for size in sizes[len(offsets) : upto]:
                offsets.append(position)
                position += size
            if position > file_size:
                raise Mp4Error(f"the media is cut off: its index goes on to byte {position}")
            if len(offsets) != upto:
                raise Mp4Error("the index is damaged: a chunk has more samples than there are")
    if len(offsets) != len(sizes):
        raise Mp4Error(f"the index places {len(offsets)} of {len(sizes)} samples")
    return offsets


def _sync(data: bytes, parts: dict[bytes, int], samples: int) -> Sequence[int]:
    if b"stss" not in parts:
        return range(samples)
    start = parts[b"stss"]
    (count,) = struct.unpack_from(">I", data, start + 4)
    numbers = (0, *_words(data, start + 8, count), samples + 1)
    if any(number >= later for number, later in pairwise(numbers)):
        raise Mp4Error("the index is damaged: its keyframes are out of order")
    return tuple(number - 1 for number in numbers[1:-1])


def _skip(data: bytes, start: int, end: int) -> int:
    """Ticks of media before the first edit with media in it."""
    try:
        body, _ = find(data, b"edts", b"elst", start=start, end=end)
    except Mp4Error:
        return 0
    version = data[body]
    (count,) = struct.unpack_from(">I", data, body + 4)
    layout, step = (">Qq", 20) if version else (">Ii", 12)
    for index in range(count):
        _, media_time = struct.unpack_from(layout, data, body + 8 + index * step)
        if media_time >= 0:
            return int(media_time)
    return 0


def _description(
    data: bytes, start: int, handler: str
) -> tuple[str, bytes, bytes, tuple[int, int, int, int]]:
    """(sample entry, configuration, picture boxes, (width, height, sample rate, channels))."""
    (count,) = struct.unpack_from(">I", data, start + 4)
    if count != 1:
        raise Mp4Error(f"a track with {count} sample descriptions is not ours")
    kind, entry, end = next(boxes(data, start + 8), (b"", 0, 0))
    codec = kind.decode("latin-1")
    if handler == "vide":
        width, height = struct.unpack_from(">HH", data, entry + 24)
        config, extra = b"", b""
        for child, first, last in boxes(data, entry + 78, end):
            if child == CONFIG_BOXES.get(codec):
                config = data[first:last]
            elif child in (b"colr", b"pasp") or (child == b"fiel" and codec in PRORES):
                extra += data[first - 8 : last]
        if not config and codec not in PRORES:
            raise Mp4Error(f"video of type {kind!r} is not ours")
        return codec, config, extra, (width, height, 0, 0)
    if handler == "soun":
        if codec in PCM:
            channels, _, _, _, rate = struct.unpack_from(">HHHHI", data, entry + 16)
            return codec, b"", b"", (0, 0, rate >> 16, channels)
        if kind != b"mp4a":
            raise Mp4Error(f"sound of type {kind!r} is not ours")
        channels, _, _, _, rate = struct.unpack_from(">HHHHI", data, entry + 16)
        body, stop = find(data, b"esds", start=entry + 28, end=end)
        return codec, _audio_config(data[body + 4 : stop]), b"", (0, 0, rate >> 16, channels)
    return codec, b"", b"", (0, 0, 0, 0)


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of the MPEG-4 descriptors in `data` (ISO/IEC 14496-1, 8.3.3)."""
    position = 0
    while position + 2 <= len(data):
        tag = data[position]
        size = 0
        position += 1
        while position < len(data):
            byte = data[position]
            position += 1
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        yield tag, data[position : position + size]
        position += size


def _audio_config(esds: bytes) -> bytes:
    for tag, body in _descriptors(esds):
        if tag == 3:
            for inner, config in _descriptors(body[3:]):
                if inner == 4:
                    for last, specific in _descriptors(config[13:]):
                        if last == 5:
                            return specific
    raise Mp4Error("the sound has no AudioSpecificConfig")


def _chapters(data: bytes, start: int, end: int) -> Iterator[tuple[int, str]]:
    """(start in 100 ns, title) from the `chpl` box."""
    try:
        body, _ = find(data, b"udta", b"chpl", start=start, end=end)
    except Mp4Error:
        return
    count = data[body + 8]
    position = body + 9
    for _ in range(count):
        (at,) = struct.unpack_from(">Q", data, position)
        length = data[position + 8]
        yield at, data[position + 9 : position + 9 + length].decode("utf-8")
        position += 9 + length
