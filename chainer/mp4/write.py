"""Writing a film as byte ranges of finished pieces, with the index in front of the media.

No codec runs and no packet is looked at: the sizes of all samples are known from the pieces'
indexes, so the film's own index is written first and the media copied behind it once.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import IO

from chainer.mp4.box import Mp4Error, box
from chainer.mp4.captions import Subtitle, SubtitleSamples, subtitle_samples, subtitle_track
from chainer.mp4.index import (
    PRORES,
    AudioSpec,
    Chapter,
    TrackIndex,
    VideoSpec,
    audio_track,
    movie_box,
    text_sample,
    text_track,
    video_track,
)
from chainer.mp4.language import UNDETERMINED
from chainer.mp4.read import Mp4, Track
from chainer.timebase import AAC_FRAME, round_half_up

_QUICK_BRANDS = box(b"ftyp", b"qt  ", struct.pack(">I", 0x20050300), b"qt  ")
_OPEN_FILES = 8
_COPY_STEP = 4 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """Samples [first, last) of a track of the piece named `piece`."""

    piece: str
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many samples."""
        return self.last - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTracks:
    """What a film is made of. Either track may be absent; `skip` are samples of sound before 0.

    With ProRes or uncompressed sound it is a QuickTime movie. Where such sound is to start with
    `skip`, it is cut to what is heard, from the first sample to the last, so that no edit list has
    to be obeyed; AAC is shown in part.
    """

    video: VideoSpec | None
    audio: AudioSpec | None
    video_spans: Sequence[Span] = ()
    audio_spans: Sequence[Span] = ()
    skip: int = 0
    chapters: Sequence[Chapter] = ()
    title: str = ""
    chunk_frames: int = 0
    """Frames between changes from picture to sound in the file; 0: all pictures, then all sound."""
    duration: Fraction | None = None
    """How long the film shows; by default as long as its pictures."""
    captions: Sequence[Subtitle] = ()
    """What players offer to show; they follow one another within the film."""
    language: str = UNDETERMINED
    """Of the captions, a BCP 47 tag."""
    facts: Sequence[tuple[str, str]] = ()
    """QuickTime metadata of the whole film: names and texts."""

    @property
    def quick(self) -> bool:
        """Whether it is a QuickTime movie."""
        coded = self.video is not None and self.video.codec in PRORES
        return coded or (self.audio is not None and self.audio.pcm)


@dataclass(slots=True)
class _Lane:
    """One track on its way: what is copied, in chunks."""

    spans: Sequence[Span]
    tracks: Sequence[Track]
    sizes: array[int]
    chunks: list[int]
    offsets: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def total(self) -> int:
        return sum(self.sizes)

    def end_at(self, most: int) -> None:
        """Leave out what lies behind the first `most` bytes."""
        over = self.total - most
        while over > 0:
            size = self.sizes.pop()
            if size > over:
                self.sizes.append(size - over)
            else:
                while not self.chunks[-1]:
                    self.chunks.pop()
                self.chunks[-1] -= 1
            over -= size


def write_film(
    target: Path,
    film: FilmTracks,
    pieces: Callable[[str], Mp4],
    open_piece: Callable[[str], IO[bytes]],
    *,
    on_bytes: Callable[[int, int], None] | None = None,
) -> tuple[str, int]:
    """Write the film to `target`; returns the SHA-256 and the size of the file.

    `pieces` gives the index of a piece by name, `open_piece` its bytes. `on_bytes(done, total)`
    is called as the copy goes on and may raise to stop it.
    """
    frames = sum(span.count for span in film.video_spans)
    heard = None
    if film.audio is not None and film.audio.pcm and film.skip:
        heard = ceil(_shown(film, frames) * film.audio.sample_rate)
        film = replace(film, audio_spans=_later(film.audio_spans, film.skip), skip=0)
    brands = _QUICK_BRANDS if film.quick else _brands(film)
    lanes: list[_Lane] = []
    if film.video is not None:
        lanes.append(_lane("vide", film.video_spans, pieces, _video_chunks(frames, film)))
    if film.audio is not None:
        packets = sum(span.count for span in film.audio_spans)
        lane = _lane("soun", film.audio_spans, pieces, _audio_chunks(packets, frames, film))
        if heard is not None:
            lane.end_at(heard * film.audio.sample_bytes)
        lanes.append(lane)
    texts = _texts(film, lanes)
    size = _index_size(film, lanes, texts)
    start = len(brands) + size + 16
    media = len(texts.data) + sum(lane.total for lane in lanes)
    _place(lanes, start + len(texts.data))
    moov = _movie(film, lanes, texts, start)
    state = hashlib.sha256()
    with target.open("wb") as out, ExitStack() as stack:
        head = brands + moov + struct.pack(">I4sQ", 1, b"mdat", media + 16) + texts.data
        out.write(head)
        state.update(head)
        done = 0
        reader = _Reader(open_piece, stack)
        for data in _media_bytes(lanes, reader):
            out.write(data)
            state.update(data)
            done += len(data)
            if on_bytes is not None:
                on_bytes(done, media)
    return state.hexdigest(), len(head) + done


def write_piece(
    target: Path,
    video: tuple[str, Mp4, VideoSpec] | None,
    audio: tuple[str, Mp4, AudioSpec, int, int] | None,
    open_piece: Callable[[str], IO[bytes]],
) -> None:
    """Write a piece for the store: all pictures in one run, then sound packets [first, last)."""
    indexes: dict[str, Mp4] = {}
    video_spans: list[Span] = []
    audio_spans: list[Span] = []
    if video is not None:
        name, index, _ = video
        indexes[name] = index
        video_spans.append(Span(name, 0, index.track("vide").samples))
    if audio is not None:
        name, index, _, first, last = audio
        indexes[name] = index
        audio_spans.append(Span(name, first, last))
    duration = None
    if video is None and audio is not None:
        duration = Fraction((audio[4] - audio[3]) * AAC_FRAME, audio[2].sample_rate)
    film = FilmTracks(
        video=video[2] if video else None,
        audio=audio[2] if audio else None,
        video_spans=video_spans,
        audio_spans=audio_spans,
        skip=0,
        duration=duration,
    )
    write_film(target, film, indexes.__getitem__, open_piece)


def _later(spans: Sequence[Span], skip: int) -> list[Span]:
    """Packets from sample `skip` on. Raises `Mp4Error` where that lies within a packet."""
    left, inside = divmod(skip, AAC_FRAME)
    if inside:
        raise Mp4Error(f"{skip} samples are no whole packets, which alone can be left out")
    found = []
    for span in spans:
        first = min(span.last, span.first + left)
        left -= first - span.first
        if first < span.last:
            found.append(Span(span.piece, first, span.last))
    return found


def _brands(film: FilmTracks) -> bytes:
    """What the file says it is; each codec of MP4 has a brand of its own."""
    codec = (film.video.codec if film.video is not None else "avc1").encode()
    return box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isom", b"iso2", codec, b"mp41")


def _lane(
    handler: str, spans: Sequence[Span], pieces: Callable[[str], Mp4], chunks: list[int]
) -> _Lane:
    tracks = [pieces(span.piece).track(handler) for span in spans]
    sizes = array("I")
    for span, track in zip(spans, tracks, strict=True):
        if not 0 <= span.first <= span.last <= track.samples:
            raise Mp4Error(
                f"{span.piece} has {track.samples} samples, [{span.first}, {span.last}) was asked"
            )
        if track.reordered:
            raise Mp4Error(f"{span.piece} has frames out of order, which copying does not keep")
        sizes.extend(track.sizes[span.first : span.last])
    return _Lane(spans, tracks, sizes, chunks)


def _video_chunks(frames: int, film: FilmTracks) -> list[int]:
    step = film.chunk_frames or max(frames, 1)
    return [min(step, frames - at) for at in range(0, frames, step)]


def _audio_chunks(packets: int, frames: int, film: FilmTracks) -> list[int]:
    """Packets of each chunk: those that sound while the pictures of the chunk beside it show."""
    if not film.chunk_frames or film.video is None or film.audio is None or not frames:
        return [packets] if packets else []
    per_frame = Fraction(film.audio.sample_rate) / film.video.fps / AAC_FRAME
    lead = Fraction(film.skip, AAC_FRAME)
    edges = [0]
    for at in range(film.chunk_frames, frames, film.chunk_frames):
        edges.append(min(packets, max(edges[-1], round_half_up(at * per_frame + lead))))
    edges.append(packets)
    return [later - earlier for earlier, later in pairwise(edges)]


def _sync(lane: _Lane) -> array[int]:
    """Keyframe indexes in the film. Raises `Mp4Error` where a span does not start on one."""
    sync = array("I")
    base = 0
    for span, track in zip(lane.spans, lane.tracks, strict=True):
        low = bisect_left(track.sync, span.first)
        high = bisect_left(track.sync, span.last)
        if span.count and (low == high or track.sync[low] != span.first):
            raise Mp4Error(f"{span.piece} has no keyframe at {span.first} to copy from")
        sync.extend(key - span.first + base for key in track.sync[low:high])
        base += span.count
    return sync


@dataclass(frozen=True, slots=True)
class _Texts:
    """The samples of text, which lie before all others: titles of chapters, then captions."""

    titles: Sequence[bytes]
    captions: SubtitleSamples

    @property
    def data(self) -> bytes:
        """All of them."""
        return b"".join((*self.titles, *self.captions.samples))


def _texts(film: FilmTracks, lanes: Sequence[_Lane]) -> _Texts:
    titles = [text_sample(chapter.title) for chapter in film.chapters]
    return _Texts(titles, subtitle_samples(film.captions, _duration(film, lanes)))


def _duration(film: FilmTracks, lanes: Sequence[_Lane]) -> Fraction:
    return _shown(film, len(lanes[0].sizes))


def _shown(film: FilmTracks, frames: int) -> Fraction:
    """How long the film shows. Raises `Mp4Error` where nothing says so."""
    if film.duration is not None:
        return film.duration
    if film.video is None:
        raise Mp4Error("a film without pictures needs a duration")
    return Fraction(frames) / film.video.fps


def _movie(film: FilmTracks, lanes: Sequence[_Lane], texts: _Texts, start: int) -> bytes:
    tracks: list[bytes] = []
    duration = _duration(film, lanes)
    shape = (0, 0)
    if film.video is not None:
        lane = lanes[0]
        sync = None if _all_sync(lane) else _sync(lane)
        index = TrackIndex(lane.sizes, lane.chunks, lane.offsets, sync)
        chapters_in = len(lanes) + 1 if texts.titles else 0
        tracks.append(video_track(1, film.video, index, chapters_in=chapters_in, quick=film.quick))
        shape = (film.video.width, film.video.height)
    if film.audio is not None:
        lane = lanes[-1]
        chunks = [
            (count, place) for count, place in zip(lane.chunks, lane.offsets, strict=True) if count
        ]
        index = TrackIndex(lane.sizes, [c for c, _ in chunks], [p for _, p in chunks])
        if film.audio.pcm:
            index = _in_samples(index, film.audio.sample_bytes)
        tracks.append(
            audio_track(len(tracks) + 1, film.audio, index, duration, film.skip, quick=film.quick)
        )
    if texts.titles:
        starts = _chapter_starts(film.chapters, duration)
        index = _in_one_chunk(texts.titles, start)
        tracks.append(text_track(len(tracks) + 1, starts, duration, index, quick=film.quick))
    if texts.captions.samples:
        index = _in_one_chunk(texts.captions.samples, start + sum(map(len, texts.titles)))
        number = len(tracks) + 1
        tracks.append(
            subtitle_track(
                number, texts.captions, duration, index, shape, film.language, quick=film.quick
            )
        )
    return movie_box(duration, tracks, chapters=film.chapters, title=film.title, facts=film.facts)


def _all_sync(lane: _Lane) -> bool:
    """Whether no piece says which of its pictures are keyframes: then all are."""
    return all(isinstance(track.sync, range) for track in lane.tracks)


def _in_samples(packets: TrackIndex, each: int) -> TrackIndex:
    """The index of uncompressed sound as files have it: by samples, all of `each` bytes."""
    samples, at = [], 0
    for count in packets.chunk_samples:
        samples.append(sum(packets.sizes[at : at + count]) // each)
        at += count
    return TrackIndex(array("I"), samples, packets.chunk_offsets, same=each)


def _in_one_chunk(samples: Sequence[bytes], start: int) -> TrackIndex:
    return TrackIndex(array("I", map(len, samples)), [len(samples)], [start])


def _chapter_starts(chapters: Sequence[Chapter], duration: Fraction) -> list[Fraction]:
    """Where the titles stand. Raises `Mp4Error` where they do not follow one another from 0 on."""
    starts = [chapter.start for chapter in chapters]
    if starts[0] != 0 or any(a >= b for a, b in pairwise([*starts, duration])):
        raise Mp4Error("the chapters must start at 0, follow one another, and lie within the film")
    return starts


def _index_size(film: FilmTracks, lanes: Sequence[_Lane], texts: _Texts) -> int:
    """Bytes of the index, which do not depend on the places it will name."""
    for lane in lanes:
        lane.offsets = array("Q", bytes(8 * len(lane.chunks)))
    return len(_movie(film, lanes, texts, 0))


def _place(lanes: Sequence[_Lane], start: int) -> None:
    """Lay the chunks out one behind the other, a chunk of each lane in turn."""
    taken = [0] * len(lanes)
    position = start
    for lane in lanes:
        lane.offsets = array("Q", bytes(8 * len(lane.chunks)))
    for turn in range(max((len(lane.chunks) for lane in lanes), default=0)):
        for number, lane in enumerate(lanes):
            if turn < len(lane.chunks):
                lane.offsets[turn] = position
                upto = taken[number] + lane.chunks[turn]
                position += sum(lane.sizes[taken[number] : upto])
                taken[number] = upto


def _media_bytes(lanes: Sequence[_Lane], reader: _Reader) -> Iterator[bytes]:
    sources = [_Source(lane, reader) for lane in lanes]
    for turn in range(max((len(lane.chunks) for lane in lanes), default=0)):
        for lane, source in zip(lanes, sources, strict=True):
            if turn < len(lane.chunks):
                yield from source.take(lane.chunks[turn])


class _Reader:
    """Keeps the pieces last read from open, a few at a time."""

    def __init__(self, open_piece: Callable[[str], IO[bytes]], stack: ExitStack) -> None:
        self._open_piece = open_piece
        self._files: dict[str, IO[bytes]] = {}
        stack.callback(self.close)

    def read(self, piece: str, position: int, size: int) -> bytes:
        stream = self._files.pop(piece, None)
        if stream is None:
            while len(self._files) >= _OPEN_FILES:
                self._files.pop(next(iter(self._files))).close()
            stream = self._open_piece(piece)
        self._files[piece] = stream
        stream.seek(position)
        data = stream.read(size)
        if len(data) != size:
            raise Mp4Error(f"{piece} is shorter than its index says")
        return data

    def close(self) -> None:
        for stream in self._files.values():
            stream.close()
        self._files.clear()


class _Source:
    """Hands out the bytes of a lane, some samples at a time, in runs as long as they lie."""

    def __init__(self, lane: _Lane, reader: _Reader) -> None:
        self._lane = lane
        self._reader = reader
        self._left = lane.total
        self._span = 0
        self._next = lane.spans[0].first if lane.spans else 0

    def take(self, samples: int) -> Iterator[bytes]:
        while samples:
            span, track = self._lane.spans[self._span], self._lane.tracks[self._span]
            if self._next == span.last:
                self._span += 1
                self._next = self._lane.spans[self._span].first
                continue
            first = self._next
            last = min(span.last, first + samples)
            samples -= last - first
            self._next = last
            for data in self._runs(span.piece, track, first, last):
                kept = data[: self._left]
                self._left -= len(kept)
                yield kept

    def _runs(self, piece: str, track: Track, first: int, last: int) -> Iterator[bytes]:
        while first < last:
            position = track.offsets[first]
            size = 0
            while first < last and track.offsets[first] == position + size and size < _COPY_STEP:
                size += track.sizes[first]
                first += 1
            yield self._reader.read(piece, position, size)
