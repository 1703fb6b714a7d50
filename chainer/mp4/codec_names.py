"""What codecs are called where players decide whether they can play them (RFC 6381).

Read out of the configuration that the pieces carry, so that it says what is really there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from chainer.mp4.box import Mp4Error, boxes
from chainer.mp4.index import AudioSpec, VideoSpec


def video_codec(spec: VideoSpec) -> str:
    """`avc1.64001f`, `hvc1.1.6.L120.90` or `av01.0.08M.08`. Raises `Mp4Error`."""
    name = _NAMES.get(spec.codec)
    if name is None:
        raise Mp4Error(f"pictures of type {spec.codec!r} have no name in playlists")
    try:
        return name(spec)
    except (struct.error, IndexError) as error:
        raise Mp4Error(f"the configuration of {spec.codec} is cut off") from error


def audio_codec(spec: AudioSpec) -> str:
    """`mp4a.40.2` for AAC-LC. Raises `Mp4Error`."""
    if len(spec.config) < 2:
        raise Mp4Error("the configuration of the sound is cut off")
    kind = spec.config[0] >> 3
    if kind == 31:  # escaped: six more bits, counted from 32 (ISO/IEC 14496-3, 1.6.2.1)
        kind = 32 + ((spec.config[0] & 7) << 3 | spec.config[1] >> 5)
    return f"mp4a.40.{kind}"


def _avc(spec: VideoSpec) -> str:
    """Profile, constraints and level (ISO/IEC 14496-15, avcC)."""
    return "avc1." + bytes((spec.config[1], spec.config[2], spec.config[3])).hex()


def _hevc(spec: VideoSpec) -> str:
    """As ISO/IEC 14496-15, annex E.3, says."""
    first, compatible, constraints, level = struct.unpack_from(">BI6sB", spec.config, 1)
    space = ("", "A", "B", "C")[first >> 6]
    turned = int(f"{compatible:032b}"[::-1], 2)
    tier = "H" if first & 0x20 else "L"
    told = constraints.rstrip(b"\0")
    more = "".join(f".{byte:X}" for byte in told)
    return f"{spec.codec}.{space}{first & 0x1F}.{turned:X}.{tier}{level}{more}"


def _av1(spec: VideoSpec) -> str:
    """As the AV1 binding to MP4 (5) says; colour is told where it is not BT.709."""
    _, second, third = struct.unpack_from(">BBB", spec.config)
    profile, level, tier = second >> 5, second & 0x1F, "H" if third & 0x80 else "M"
    high, twelve = third & 0x40, third & 0x20
    depth = 12 if high and twelve else 10 if high else 8
    name = f"av01.{profile}.{level:02d}{tier}.{depth:02d}"
    colour = _colour(spec.entry)
    if colour is None or colour[:3] == (1, 1, 1):
        return name
    mono = third >> 4 & 1
    sampling = f"{third >> 3 & 1}{third >> 2 & 1}{third & 3}"
    primaries, transfer, matrix, full = colour
    return f"{name}.{mono}.{sampling}.{primaries:02d}.{transfer:02d}.{matrix:02d}.{full}"


_NAMES: dict[str, Callable[[VideoSpec], str]] = {"avc1": _avc, "hvc1": _hevc, "av01": _av1}


def _colour(entry: bytes) -> tuple[int, int, int, int] | None:
    """(primaries, transfer, matrix, full range) from a colr box; None where there is none."""
    for kind, first, last in boxes(entry):
        if kind == b"colr" and entry[first : first + 4] == b"nclx" and last - first >= 11:
            primaries, transfer, matrix, full = struct.unpack_from(">HHHB", entry, first + 4)
            return primaries, transfer, matrix, full >> 7
    return None
