"""What the header of an MP4 or MOV file declares: lengths, sizes, where its samples lie.

A small reader of boxes (ISO/IEC 14496-12) that follows only the few it needs, in their
places, within fixed bounds; everything else is skipped by its length. It trusts nothing:
what a header says serves to refuse early and to tell people where a file lies.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

_BOXES_AT_MOST = 4096
_PAYLOAD_AT_MOST = 4096
_UNKNOWN_DURATIONS = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)

# Which boxes are entered, and from where: a moov inside a moov is never followed.
_CHILDREN = {
    b"": (b"moov",),
    b"moov": (b"mvhd", b"trak", b"mvex"),
    b"trak": (b"mdia",),
    b"mdia": (b"hdlr", b"minf"),
    b"minf": (b"dinf", b"stbl"),
    b"dinf": (b"dref",),
    b"stbl": (b"stsd",),
}
_ENCRYPTED = (b"encv", b"enca", b"drmi", b"drms")


@dataclass(slots=True)
class Declared:
    """What a header says; empty where it says nothing.

    `seconds` is the length of the whole film, `sizes` the picture sizes in pixels,
    `external` the tracks whose samples lie in another file, `encrypted` those under DRM.
    """

    seconds: Fraction | None = None
    tracks: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    external: int = 0
    encrypted: int = 0
    fragmented: bool = False


def read_declared(fd: int) -> Declared:
    """What the MP4 or MOV file behind `fd` declares.

    Reads with `pread`, and never raises for what the file holds: a header that breaks off or
    contradicts itself ends the reading.
    """
    found = Declared()
    left = _BOXES_AT_MOST
    # (start, end, kind of the parent); the last pushed is read first.
    pending = [(0, os.fstat(fd).st_size, b"")]
    picture = False
    while pending:
        start, end, parent = pending.pop()
        inner: list[tuple[int, int, bytes]] = []
        picture = picture and parent != b"mdia"
        for kind, begin, stop in _boxes(fd, start, end):
            left -= 1
            if left < 0:
                return found
            if kind not in _CHILDREN.get(parent, ()):
                continue
            if kind in _CHILDREN:
                inner.append((begin, stop, kind))
                found.tracks += kind == b"trak"
                continue
            body = os.pread(fd, min(stop - begin, _PAYLOAD_AT_MOST), begin)
            if kind == b"hdlr":
                picture = body[8:12] == b"vide"
            elif kind == b"stsd":
                _read_samples(body, found, picture=picture)
            else:
                _READERS[kind](body, found)
        pending += reversed(inner)
    return found


def _boxes(fd: int, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and begin and end of the payload, of each box between two offsets."""
    while start + 8 <= end:
        head = os.pread(fd, 16, start)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        length = 8
        if size == 1 and len(head) == 16:
            size, length = struct.unpack(">Q", head[8:])[0], 16
        elif size == 0:  # to the end of the file
            size = end - start
        if size < length:
            return
        yield kind, start + length, min(start + size, end)
        start += size


def _read_film(body: bytes, found: Declared) -> None:
    wide = body[:1] == b"\x01"
    layout, begin = (">IQ", 20) if wide else (">II", 12)
    if len(body) < begin + struct.calcsize(layout):
        return
    scale, duration = struct.unpack_from(layout, body, begin)
    if scale and duration not in _UNKNOWN_DURATIONS:
        found.seconds = Fraction(duration, scale)


def _read_references(body: bytes, found: Declared) -> None:
    """Count the references that name another place: flag 1 means this file."""
    at, count = 8, 0
    while at + 12 <= len(body) and count < 64:
        size, _, flags = struct.unpack_from(">I4sI", body, at)
        # Without the flag and without a name there is nowhere else to look.
        found.external += not flags & 1 and size > 12
        count += 1
        at += max(size, 12)


def _read_fragments(_: bytes, found: Declared) -> None:
    found.fragmented = True


def _read_samples(body: bytes, found: Declared, *, picture: bool) -> None:
    """The first sample description: its kind, and the size of a picture."""
    kind = body[12:16]
    found.encrypted += kind in _ENCRYPTED
    if picture and len(body) >= 44:
        found.sizes.append(struct.unpack_from(">HH", body, 40))


_READERS = {
    b"mvhd": _read_film,
    b"dref": _read_references,
    b"mvex": _read_fragments,
}
