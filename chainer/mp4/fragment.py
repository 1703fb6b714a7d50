"""Fragmented MP4 (CMAF, ISO/IEC 23000-19): one track a file, headers apart from the media.

A header holds nothing that differs between the pieces of a profile, not even a length, so that all
films of a profile have the same two. A segment holds one run of samples, the absolute time of its
first one, and whose it is. Pictures are never out of order here, so no sample has a time of its
own.
"""

from __future__ import annotations

import struct
from array import array
from fractions import Fraction
from typing import IO

from chainer.mp4.box import Mp4Error, box, full_box
from chainer.mp4.index import (
    MOVIE_TIMESCALE,
    AudioSpec,
    VideoSpec,
    audio_entry,
    edits_box,
    handler_box,
    media_box,
    track_header,
    video_entry,
)
from chainer.mp4.read import Track
from chainer.timebase import AAC_FRAME

_FILE = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"cmfc", b"mp41")
_SEGMENT = box(b"styp", b"msdh", struct.pack(">I", 0), b"msdh", b"cmfs")
_TRACK = 1
_SYNC = 0x0200_0000
"""Sample flags of a keyframe or a packet of sound: depends on no other."""
_LATER = 0x0101_0000
"""Sample flags of any other picture: depends on others, is no keyframe."""
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_RUN = 4 << 20


def video_init(spec: VideoSpec) -> bytes:
    """The header of segments of pictures."""
    media = media_box(
        spec.timescale,
        0,
        handler_box(b"vide", b"chainer picture"),
        full_box(b"vmhd", 0, 1, bytes(8)),
        _no_samples(video_entry(spec)),
    )
    header = track_header(_TRACK, Fraction(0), 3, 0, spec.width, spec.height)
    return _init(box(b"trak", header, media))


def audio_init(spec: AudioSpec, skip: int) -> bytes:
    """The header of segments of sound, of which the first `skip` samples are not heard.

    They are counted at time 0, so all sound is heard `skip` samples before its time says.
    """
    media = media_box(
        spec.sample_rate,
        0,
        handler_box(b"soun", b"chainer sound"),
        full_box(b"smhd", 0, 0, bytes(4)),
        _no_samples(audio_entry(_TRACK, spec)),
    )
    header = track_header(_TRACK, Fraction(0), 3, 0x100, 0, 0)
    return _init(box(b"trak", header, edits_box(Fraction(0), skip), media))


def video_segment(
    piece: IO[bytes], track: Track, first: int, last: int, spec: VideoSpec, at: int, owner: bytes
) -> bytes:
    """Pictures [first, last) of `track`, the first at frame `at`, as one segment.

    `owner` stands in it where no player looks, so that those of two owners never have equal bytes.
    Raises `Mp4Error` where they are not all there, or do not start with a keyframe.
    """
    if track.reordered:
        raise Mp4Error("pictures out of order cannot be cut into segments")
    data = _samples(piece, track, first, last)
    sync = set(track.sync)
    if first not in sync:
        raise Mp4Error(f"there is no keyframe at {first} for a segment to start with")
    table = array("I")
    for sample in range(first, last):
        table.extend((track.sizes[sample], _SYNC if sample in sync else _LATER))
    index = _index(at + 1, at * spec.delta, spec.delta, _LATER, 0x401, table)
    return _SEGMENT + box(b"free", owner) + index + box(b"mdat", data)


def audio_segment(
    piece: IO[bytes], track: Track, first: int, last: int, at: int, owner: bytes
) -> bytes:
    """Packets [first, last) of `track`, the first as packet `at`, as one segment.

    `owner` as in `video_segment`. Raises `Mp4Error` where they are not all there.
    """
    data = _samples(piece, track, first, last)
    table = array("I", track.sizes[first:last])
    index = _index(at + 1, at * AAC_FRAME, AAC_FRAME, _SYNC, 0x1, table)
    return _SEGMENT + box(b"free", owner) + index + box(b"mdat", data)


def _init(track: bytes) -> bytes:
    mvhd = full_box(
        b"mvhd",
        0,
        0,
        struct.pack(">IIII", 0, 0, MOVIE_TIMESCALE, 0),
        struct.pack(">IH10x", 0x10000, 0x100),
        _MATRIX,
        bytes(24),
        struct.pack(">I", _TRACK + 1),
    )
    trex = full_box(b"trex", 0, 0, struct.pack(">IIIII", _TRACK, 1, 0, 0, 0))
    return _FILE + box(b"moov", mvhd, track, box(b"mvex", trex))


def _no_samples(entry: bytes) -> bytes:
    """A sample table that describes samples and has none."""
    none = [full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    stsd = full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry)
    return box(b"stbl", stsd, *none[:2], full_box(b"stsz", 0, 0, bytes(8)), none[2])


def _index(
    number: int, start: int, delta: int, flags: int, run_flags: int, table: array[int]
) -> bytes:
    """The moof; `table` has the words of each sample that `run_flags` promise."""
    words = bool(run_flags & 0x400) + 1
    count = len(table) // words
    run_flags |= 0x200
    told = struct.pack(f">{len(table)}I", *table)
    tfhd = full_box(b"tfhd", 0, 0x20028, struct.pack(">III", _TRACK, delta, flags))
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", start))
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", number & 0xFFFF_FFFF))

    def moof(place: int) -> bytes:
        trun = full_box(b"trun", 0, run_flags, struct.pack(">Ii", count, place), told)
        return box(b"moof", mfhd, box(b"traf", tfhd, tfdt, trun))

    return moof(len(moof(0)) + 8)


def _samples(piece: IO[bytes], track: Track, first: int, last: int) -> bytes:
    """The bytes of samples [first, last), read in runs as they lie."""
    if not 0 <= first < last <= track.samples:
        raise Mp4Error(f"samples [{first}, {last}) were asked of {track.samples}")
    parts = []
    while first < last:
        position, size = track.offsets[first], 0
        while first < last and track.offsets[first] == position + size and size < _RUN:
            size += track.sizes[first]
            first += 1
        piece.seek(position)
        part = piece.read(size)
        if len(part) != size:
            raise Mp4Error("the piece is shorter than its index says")
        parts.append(part)
    return b"".join(parts)
