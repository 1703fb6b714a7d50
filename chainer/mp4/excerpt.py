"""A few pictures out of a piece, as a file of their own that any decoder reads from the start."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

from chainer.mp4.box import Mp4Error
from chainer.mp4.index import VideoSpec
from chainer.mp4.read import read_mp4
from chainer.mp4.write import FilmTracks, Span, write_film


def write_excerpt(piece: IO[bytes], first: int, last: int, fps: Fraction, target: Path) -> int:
    """Copy frames [first, last) of `piece` with those since the keyframe before `first`.

    Returns how many frames come before `first` in the excerpt. `piece` stays open. Raises
    `Mp4Error` where the piece has no such frames.
    """
    index = read_mp4(piece)
    track = index.track("vide")
    before = bisect_right(track.sync, first)
    if not 0 <= first < last <= track.samples or not before:
        raise Mp4Error(f"frames [{first}, {last}) were asked of {track.samples}")
    key = track.sync[before - 1]
    film = FilmTracks(
        video=VideoSpec(track.config, track.entry, track.width, track.height, fps, track.codec),
        audio=None,
        video_spans=[Span("piece", key, last)],
    )
    write_film(
        target, film, {"piece": index}.__getitem__, lambda _: cast("IO[bytes]", _Kept(piece))
    )
    return first - key


class _Kept:
    """Lets a writer close a file that its owner goes on using."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def seek(self, position: int) -> int:
        return self._stream.seek(position)

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def close(self) -> None:
        """Leave the file open."""
