"""The track of captions in a film: timed text (3GPP TS 26.245) that players offer to switch on.

Between two captions lies an empty sample, since samples of a track follow each other without a
gap. The track is not enabled: a player shows it to who asks for it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import IO

from chainer.mp4.box import Mp4Error, box, full_box
from chainer.mp4.index import (
    MOVIE_TIMESCALE,
    TrackIndex,
    clean_text,
    clip_text,
    edits_box,
    handler_box,
    media_box,
    sample_table,
    ticks,
    track_header,
)
from chainer.mp4.language import UNDETERMINED, pack_language, three_letters
from chainer.mp4.read import Mp4
from chainer.timebase import round_half_up

_MOST_TEXT = 65_000
_LONGEST = 1 << 31
"""Ticks of one sample: longer pauses are several empty ones."""

_IN_MOVIE = 2
_GROUP = 2
"""Tracks of one group are alternatives: of several languages, players show one."""

_EMPTY = bytes(2)


@dataclass(frozen=True, slots=True)
class Subtitle:
    """What is said in [start, end), exact seconds; `lines` stand one below the other."""

    start: Fraction
    end: Fraction
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubtitleSamples:
    """The samples of a track of captions: their bytes, and how many ticks each lasts."""

    samples: tuple[bytes, ...]
    lasting: tuple[int, ...]


def subtitle_samples(subtitles: Sequence[Subtitle], duration: Fraction) -> SubtitleSamples:
    """The samples that fill a film of `duration` seconds; none where nothing is said.

    Times are those that WebVTT has: the nearest millisecond. Raises `Mp4Error` where captions do
    not follow one another within the film.
    """
    if not subtitles:
        return SubtitleSamples((), ())
    edges = [edge for one in subtitles for edge in (one.start, one.end)]
    if edges[0] < 0 or edges[-1] > duration or any(a > b for a, b in pairwise(edges)):
        raise Mp4Error("captions must follow one another within the film")
    whole = ticks(duration)
    samples: list[bytes] = []
    lasting: list[int] = []
    at = 0
    for one in subtitles:
        start, end = (min(_millis(edge), whole) for edge in (one.start, one.end))
        if end <= start:
            raise Mp4Error(f"a caption at {float(one.start):.3f} s lasts less than a millisecond")
        for length in _pieces(start - at):
            samples.append(_EMPTY)
            lasting.append(length)
        samples.append(_sample(one.lines))
        lasting.append(end - start)
        at = end
    for length in _pieces(whole - at):
        samples.append(_EMPTY)
        lasting.append(length)
    return SubtitleSamples(tuple(samples), tuple(lasting))


def subtitle_track(
    number: int,
    told: SubtitleSamples,
    duration: Fraction,
    index: TrackIndex,
    shape: tuple[int, int],
    language: str,
    *,
    quick: bool = False,
) -> bytes:
    """The trak box of `told` over pictures of `shape`, in the language of a BCP 47 tag."""
    width, height = shape
    # The lowest eighth but a margin, where captions are looked for.
    rows, top = height // 8, height * 27 // 32
    size = max(1, min(255, height // 24))
    style = struct.pack(">HHHBBI", 0, 0, 1, 0, size, 0xFFFFFFFF)
    fonts = box(b"ftab", struct.pack(">HHB", 1, 1, 5) + b"Arial")
    entry = box(
        b"tx3g",
        struct.pack(">6xHIbbIhhhh", 1, 0, 1, -1, 0, 0, 0, rows, width),
        style,
        fonts,
    )
    runs = [(1, length) for length in told.lasting]
    extended = b""
    if language.lower() not in (UNDETERMINED, three_letters(language)):
        extended = full_box(b"elng", 0, 0, language.encode("ascii") + b"\0")
    media = media_box(
        MOVIE_TIMESCALE,
        sum(told.lasting),
        handler_box(b"sbtl", b"captions", quick=quick),
        full_box(b"nmhd", 0, 0),
        sample_table(index, entry, runs),
        language=pack_language(three_letters(language)),
        extended=extended,
        quick=quick,
    )
    header = track_header(number, duration, _IN_MOVIE, 0, width, rows, group=_GROUP, down=top)
    return box(b"trak", header, edits_box(duration, 0), media)


def read_subtitles(stream: IO[bytes], index: Mp4) -> tuple[Subtitle, ...]:
    """The captions of a film of ours, in order; none where it has no such track.

    Raises `Mp4Error` where a sample is damaged.
    """
    for track in index.tracks:
        if track.handler == "sbtl":
            break
    else:
        return ()
    found: list[Subtitle] = []
    at = 0
    for offset, size, length in zip(track.offsets, track.sizes, _each(track.runs), strict=True):
        stream.seek(offset)
        data = stream.read(size)
        if len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            raise Mp4Error(f"a caption at byte {offset} is cut off")
        try:
            text = data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8")
        except UnicodeDecodeError as error:
            raise Mp4Error(f"a caption at byte {offset} is no UTF-8") from error
        if text:
            start, end = (Fraction(edge, track.timescale) for edge in (at, at + length))
            found.append(Subtitle(start, end, tuple(text.split("\n"))))
        at += length
    return tuple(found)


def _millis(seconds: Fraction) -> int:
    """Movie ticks of the nearest millisecond."""
    return round_half_up(seconds * 1000) * (MOVIE_TIMESCALE // 1000)


def _pieces(length: int) -> Iterator[int]:
    while length > 0:
        yield min(length, _LONGEST)
        length -= _LONGEST


def _sample(lines: Sequence[str]) -> bytes:
    kept = [line for line in (clean_text(line) for line in lines) if line]
    text = clip_text("\n".join(kept), _MOST_TEXT)
    return struct.pack(">H", len(text)) + text


def _each(runs: Sequence[tuple[int, int]]) -> array[int]:
    lengths = array("Q")
    for count, length in runs:
        lengths.extend(array("Q", [length]) * count)
    return lengths
