"""Which container a file of music is, by its first bytes, before any media library sees it.

Accepts what clips come in and besides MP3, WAV, FLAC and Ogg. An MP3 has no mark of its own: two
frames of it must follow each other, behind nothing but tags (ID3v2) and zeros.
"""

from __future__ import annotations

import os

from chainer.errors import MediaRefused
from chainer.media.limits import MediaLimits
from chainer.media.sniff import UNKNOWN_KIND, kind_of
from chainer.media.source import SourceFile

_WINDOW = 65_536
"""Bytes of zeros, at most, between a tag and the first frame: some taggers leave them."""

_TAGS_AT_MOST = 8
_TAG = 10

_KILOBITS = {
    # MPEG 1, then MPEG 2 and 2.5: layer III, by the index in the header.
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_SAME = 0xFFFE0C00
"""The bits of a header that no two frames of one MP3 differ in: sync, version, layer, rate."""

_OTHERS = (
    (b"FORM", "an AIFF or another IFF file"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file (WMA or WMV)"),
    (b"MThd", "a MIDI file, which holds notes and no sound"),
    (b"#!AMR", "an AMR file"),
    (b"caff", "a CAF file"),
    (b"RIFX", "a WAV file of the other byte order (RIFX)"),
)


def music_container_of(source: SourceFile, limits: MediaLimits) -> str:
    """The demuxer for this file: one of `limits.containers`.

    `limits` are those for music. Raises `MediaRefused` (reason `container`) for every other kind.
    """
    container, name = _kind(source.fd)
    if container in limits.containers:
        return container
    raise MediaRefused(
        f"{source.path}: is {name}; export the music as M4A, MP3, WAV, FLAC or Ogg",
        path=str(source.path),
        reason="container",
        limit=list(limits.containers),
        value=name,
    )


def _kind(fd: int) -> tuple[str, str]:
    """The demuxer, empty where none fits, and the words for people."""
    head = os.pread(fd, 256, 0)
    if head[:4] in (b"RIFF", b"RF64"):
        wave = head[8:12] == b"WAVE"
        return ("wav", "a WAV file") if wave else ("", "a RIFF file that is no WAV (AVI or WebP)")
    if head.startswith(b"fLaC"):
        return "flac", "a FLAC file"
    if head.startswith(b"OggS\0"):
        return "ogg", "an Ogg file"
    container, name = kind_of(head)
    if container:
        return container, name
    return _behind_tags(fd) or _other(head, name)


def _other(head: bytes, name: str) -> tuple[str, str]:
    if head.startswith(b"ID3"):
        return "", "a tag (ID3) without music behind it"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "", "bare AAC (ADTS)"
    known = next((other for prefix, other in _OTHERS if head.startswith(prefix)), "")
    return "", known or name.replace(UNKNOWN_KIND, "no music that is known here")


def _behind_tags(fd: int) -> tuple[str, str] | None:
    """MP3, or FLAC behind tags, where the file is one."""
    at = 0
    for _ in range(_TAGS_AT_MOST):
        head = os.pread(fd, _TAG, at)
        if len(head) < _TAG or not head.startswith(b"ID3") or max(head[6:10]) > 0x7F:
            break
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        at += _TAG + size + (_TAG if head[5] & 0x10 else 0)
    if os.pread(fd, 4, at) == b"fLaC":
        return "flac", "a FLAC file"
    zeros = os.pread(fd, _WINDOW, at)
    at += len(zeros) - len(zeros.lstrip(b"\0"))
    first = os.pread(fd, 4, at)
    length = _frame_bytes(first)
    if not length:
        return None
    second = os.pread(fd, 4, at + length)
    same = int.from_bytes(first) & _SAME == int.from_bytes(second) & _SAME
    return ("mp3", "an MP3 file") if _frame_bytes(second) and same else None


def _frame_bytes(head: bytes) -> int:
    """How long the frame of MPEG layer III with this header is; 0 where it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version = head[1] >> 3 & 3
    rates = _RATES.get(version, ())
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if rate >= len(rates) or not 0 < bits < 15:
        return 0
    per_rate = 144 if version == 3 else 72
    return per_rate * 1000 * _KILOBITS[version == 3][bits] // rates[rate] + padding
