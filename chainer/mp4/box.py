"""Boxes of ISO/IEC 14496-12: building them from bytes, and walking over them."""

from __future__ import annotations

import struct
from collections.abc import Iterator


class Mp4Error(ValueError):
    """The file is not a flat MP4 as chainer or FFmpeg's mov muxer writes it."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of type `kind` around `parts`."""
    size = 8 + sum(len(part) for part in parts)
    return struct.pack(">I4s", size, kind) + b"".join(parts)


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with a version and flags word."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(type, first byte of the body, end of the body) of each box in data[start:end]."""
    position = start
    end = len(data) if end is None else end
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1:
            if position + 16 > end:
                raise Mp4Error(f"box {kind!r} at {position} is cut off")
            (size,) = struct.unpack_from(">Q", data, position + 8)
            header = 16
        elif size == 0:
            size = end - position
        if size < header or position + size > end:
            raise Mp4Error(f"box {kind!r} at {position} does not fit")
        yield kind, position + header, position + size
        position += size


def find(data: bytes, *path: bytes, start: int = 0, end: int | None = None) -> tuple[int, int]:
    """The body of the first box along `path`. Raises `Mp4Error` where there is none."""
    end = len(data) if end is None else end
    for kind in path:
        for found, body, stop in boxes(data, start, end):
            if found == kind:
                start, end = body, stop
                break
        else:
            raise Mp4Error(f"no box {kind.decode('latin-1')} in {b'/'.join(path).decode()}")
    return start, end
