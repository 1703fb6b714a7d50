"""Which container a file is, by its first bytes, before any media library sees it.

Accepts MP4/MOV and Matroska/WebM; the demuxer is then named to FFmpeg, which so never
guesses. Refuses everything else, by name where it is known: playlists and scripts that open
further files, still images, text.
"""

from __future__ import annotations

import os

from chainer.errors import MediaRefused
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile

_MOV_BOXES = (
    *(b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot"),
    *(b"uuid", b"sidx", b"meta", b"udta", b"emsg", b"prft"),
)
_MATROSKA = b"\x1a\x45\xdf\xa3"
_STILL_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"heim", b"heis")
_NAMED_MOV = "an MP4 or MOV file"
UNKNOWN_KIND = "neither MP4, MOV, MKV nor WebM"

# Prefixes after white space and a byte order mark, in lower case.
_OTHERS = (
    (b"#extm3u", "an HLS playlist, which opens further files"),
    (b"ffconcat", "an FFmpeg concat script, which opens further files"),
    (b"v=0", "an SDP session description, which opens connections"),
    (b"<?xml", "an XML text"),
    (b"<svg", "an SVG picture"),
    (b"<mpd", "a DASH manifest, which opens further files"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"\x89png", "a still image (PNG)"),
    (b"\xff\xd8\xff", "a still image (JPEG)"),
    (b"gif8", "a GIF image"),
    (b"riff", "a RIFF file (AVI, WAV or WebP)"),
    (b"flv", "an FLV file"),
    (b"oggs", "an Ogg file"),
    (b"id3", "an MP3 file"),
    (b"%pdf", "a PDF document"),
    (b"pk\x03\x04", "a ZIP archive"),
)


def container_of(source: SourceFile, limits: MediaLimits) -> str:
    """`mov` or `matroska`: the demuxer for this file.

    Raises `MediaRefused` (reason `container`) for every other kind, and for one that
    `limits.containers` leaves out.
    """
    head = os.pread(source.fd, 256, 0)
    container, name = kind_of(head)
    if container in limits.containers:
        return container
    raise MediaRefused(
        f"{source.path}: is {name}; export the clip as MP4, MOV, MKV or WebM",
        path=str(source.path),
        reason="container",
        limit=list(limits.containers),
        value=name,
    )


def kind_of(head: bytes) -> tuple[str, str]:
    """The demuxer for a file with these first bytes, empty where none fits, and words for it."""
    if head.startswith(_MATROSKA):
        return "matroska", "a Matroska or WebM file"
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        return "", "a still image (HEIF or AVIF)"
    if head[4:8] in _MOV_BOXES:
        return "mov", _NAMED_MOV
    if head[:1] == b"\x47" and head[188:189] in (b"", b"\x47"):
        return "", "an MPEG transport stream"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for prefix, name in _OTHERS:
        if text.startswith(prefix):
            return "", name
    return "", UNKNOWN_KIND
