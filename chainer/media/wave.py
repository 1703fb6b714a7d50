"""How much sound the header of a WAV file declares: a small reader of its chunks.

FFmpeg plays what there is of a WAV that breaks off, so its length is looked up here. It trusts
nothing, reads within fixed bounds and never raises for what the file holds.
"""

from __future__ import annotations

import os
import struct
from enum import StrEnum

_CHUNKS_AT_MOST = 4096
_ENDLESS = 0x7FFF0000
"""From here on a size is what programs write that cannot go back to it: the sound ends where the
file does. So does it after a size of 0."""


class WaveEnd(StrEnum):
    """How the size that a header declares meets the file."""

    WITHIN = "within"
    BEYOND = "beyond"
    OPEN = "open"


def wave_end(fd: int) -> WaveEnd:
    """Whether the samples lie within the file, are said to go on beyond its end, or end openly.

    `WITHIN` also where there is no chunk of samples: FFmpeg then says what is wrong.
    """
    size = os.fstat(fd).st_size
    wide: int | None = None
    at = 12
    for _ in range(_CHUNKS_AT_MOST):
        head = os.pread(fd, 24, at)
        if len(head) < 8:
            break
        kind, length = struct.unpack_from("<4sI", head)
        if kind == b"ds64" and len(head) == 24:
            wide = struct.unpack_from("<Q", head, 16)[0]
        if kind == b"data":
            if wide is not None and length == 0xFFFFFFFF:
                return WaveEnd.WITHIN if at + 8 + wide <= size else WaveEnd.BEYOND
            if length == 0:
                return WaveEnd.OPEN
            if at + 8 + length <= size:
                return WaveEnd.WITHIN
            return WaveEnd.OPEN if length >= _ENDLESS else WaveEnd.BEYOND
        at += 8 + length + length % 2
    return WaveEnd.WITHIN
