"""QuickTime movies: ProRes and uncompressed sound, in the shape that other programs read."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.mp4 import (
    PCM_CODEC,
    AudioSpec,
    Chapter,
    FilmTracks,
    Mp4,
    Mp4Error,
    Span,
    Subtitle,
    VideoSpec,
    raw_index,
    read_mp4,
    read_subtitles,
    write_excerpt,
    write_film,
    write_piece,
)
from chainer.mp4.box import boxes, find
from chainer.mp4.index import quicktime_metadata

from .conftest import EXACT, Piece, encode

PCM = AudioSpec(b"", 48_000, 2, PCM_CODEC)
EACH = 6
PACKET = 1024 * EACH
FPS = Fraction(30)
PRORES = (
    *("-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le", "-f", "mov"),
    *(
        "-vf",
        "format=yuv422p10le,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
    ),
    *("-threads", "1"),
)
steady = settings(derandomize=True, deadline=None, max_examples=60)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Piece:
    """60 frames of ProRes as FFmpeg writes it."""
    path = tmp_path_factory.mktemp("prores") / "picture.mov"
    encode(path, "-f", "lavfi", "-i", "testsrc2=s=64x64:r=30:d=2", *PRORES, *EXACT)
    with path.open("rb") as stream:
        return Piece(path, read_mp4(stream), path.read_bytes())


def noise(size: int, seed: int = 7) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def spec(piece: Piece) -> VideoSpec:
    track = piece.index.track("vide")
    return VideoSpec(track.config, track.entry, track.width, track.height, FPS, track.codec)


def read(path: Path) -> Mp4:
    with path.open("rb") as stream:
        return read_mp4(stream)


def sound_of(data: bytes, index: Mp4) -> bytes:
    track = index.track("soun")
    return b"".join(
        data[at : at + size] for at, size in zip(track.offsets, track.sizes, strict=True)
    )


@steady
@given(
    frames=st.integers(1, 60),
    chunk_frames=st.sampled_from([0, 1, 5, 16, 100]),
    cuts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=4),
)
def test_samples_come_back_as_they_were_and_end_with_the_pictures(
    picture: Piece,
    tmp_path_factory: pytest.TempPathFactory,
    frames: int,
    chunk_frames: int,
    cuts: list[tuple[int, int]],
) -> None:
    raw = noise(120 * PACKET)
    spans = [Span("raw", first, first + count) for first, count in cuts]
    needed = 1 + ceil(Fraction(frames * 1600, 1024))
    got = sum(span.count for span in spans)
    spans.append(Span("raw", 2, 2 + max(1, needed - got)))
    path = tmp_path_factory.mktemp("pcm") / "film.mov"
    told = FilmTracks(
        video=spec(picture),
        audio=PCM,
        video_spans=[Span("picture", 0, frames)],
        audio_spans=spans,
        skip=1024,
        chunk_frames=chunk_frames,
    )
    indexes = {"picture": picture.index, "raw": raw_index(len(raw), PCM)}
    files = {"picture": picture.data, "raw": raw}
    write_film(path, told, indexes.__getitem__, lambda name: io.BytesIO(files[name]))
    data, film = path.read_bytes(), read(path)
    whole = b"".join(raw[span.first * PACKET : span.last * PACKET] for span in spans)
    wanted = whole[PACKET : PACKET + frames * 1600 * EACH]
    assert sound_of(data, film) == wanted
    track = film.track("soun")
    assert (track.skip, track.length, track.codec) == (0, frames * 1600, PCM_CODEC)
    assert sum(count * ticks for count, ticks in track.runs) == frames * 1600
    pictures = film.track("vide")
    assert (pictures.samples, list(pictures.sync)) == (frames, list(range(frames)))
    with av.open(str(path)) as container:
        decoded = b"".join(bytes(packet) for packet in container.demux(audio=0))
    assert decoded == wanted


def test_the_sound_stands_in_the_file_sample_by_sample(picture: Piece, tmp_path: Path) -> None:
    """One size for all, one tick each: not packets of a size that only we know."""
    raw, path = noise(70 * PACKET), tmp_path / "film.mov"
    told = FilmTracks(
        video=spec(picture),
        audio=PCM,
        video_spans=[Span("picture", 0, 30)],
        audio_spans=[Span("raw", 0, 60)],
        skip=1024,
        chunk_frames=16,
        chapters=[Chapter(Fraction(0), "One")],
        captions=[Subtitle(Fraction(0), Fraction(1, 2), ("Hello",))],
    )
    indexes = {"picture": picture.index, "raw": raw_index(len(raw), PCM)}
    files = {"picture": picture.data, "raw": raw}
    write_film(path, told, indexes.__getitem__, lambda name: io.BytesIO(files[name]))
    data = path.read_bytes()
    assert data[4:12] == b"ftypqt  "
    moov, moov_end = find(data, b"moov")
    traks = [(a, b) for kind, a, b in boxes(data, moov, moov_end) if kind == b"trak"]
    assert len(traks) == 4
    video, sound = traks[0], traks[1]
    table = find(data, b"mdia", b"minf", b"stbl", start=sound[0], end=sound[1])
    parts = {kind: a for kind, a, _ in boxes(data, *table)}
    assert struct.unpack_from(">II", data, parts[b"stsz"] + 4) == (EACH, 48_000)
    assert struct.unpack_from(">III", data, parts[b"stts"] + 4) == (1, 48_000, 1)
    assert b"sgpd" not in parts
    table = find(data, b"mdia", b"minf", b"stbl", start=video[0], end=video[1])
    assert b"stss" not in {kind for kind, _, _ in boxes(data, *table)}
    for start, end in traks:
        media, _ = find(data, b"mdia", b"hdlr", start=start, end=end)
        carrier, _ = find(data, b"mdia", b"minf", b"hdlr", start=start, end=end)
        assert data[media + 4 : media + 8] == b"mhlr"
        assert data[carrier + 4 : carrier + 12] == b"dhlrurl "
        name = data[media + 24 : media + 25 + data[media + 24]]
        assert name[0] == len(name) - 1
    with path.open("rb") as stream:
        assert read_subtitles(stream, read(path)) == (
            Subtitle(Fraction(0), Fraction(1, 2), ("Hello",)),
        )
    with av.open(str(path)) as container:
        stream_of = container.streams.audio[0]
        assert (stream_of.codec_context.name, stream_of.layout.name) == ("pcm_s24be", "stereo")
        assert container.streams.video[0].codec_context.codec_tag == "apch"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv422p10le"
        assert Fraction(stream_of.duration * stream_of.time_base) == 1
        assert sum(1 for _ in container.decode(video=0)) == 30
        assert [one["metadata"]["title"] for one in container.chapters()] == ["One"]


def test_a_piece_keeps_all_packets_and_can_be_taken_apart(picture: Piece, tmp_path: Path) -> None:
    raw = noise(20 * PACKET + 100)
    index = raw_index(len(raw), PCM)
    assert index.track("soun").samples == 20
    path, files = tmp_path / "piece.mp4", {"picture": picture.data, "raw": raw}
    write_piece(
        path,
        ("picture", picture.index, spec(picture)),
        ("raw", index, PCM, 3, 17),
        lambda name: io.BytesIO(files[name]),
    )
    piece = read(path)
    assert piece.track("soun").samples == 14
    assert sound_of(path.read_bytes(), piece) == raw[3 * PACKET : 17 * PACKET]
    assert piece.track("vide").entry == picture.index.track("vide").entry
    assert b"colr" in piece.track("vide").entry
    assert b"fiel" in piece.track("vide").entry
    with path.open("rb") as stream:
        assert write_excerpt(stream, 10, 12, FPS, tmp_path / "part.mp4") == 0
    with av.open(str(tmp_path / "part.mp4")) as container:
        assert len(list(container.decode(video=0))) == 2


def test_sound_alone_is_a_piece_too(tmp_path: Path) -> None:
    raw, path = noise(9 * PACKET), tmp_path / "piece.mp4"
    index = raw_index(len(raw), PCM)
    write_piece(path, None, ("raw", index, PCM, 2, 8), lambda _: io.BytesIO(raw))
    assert sound_of(path.read_bytes(), read(path)) == raw[2 * PACKET : 8 * PACKET]


@steady
@given(data=st.data())
def test_a_damaged_index_is_refused_or_places_all_within_the_file(data: st.DataObject) -> None:
    raw = noise(8 * PACKET)
    whole = _film(raw)
    at = data.draw(st.integers(0, _index_end(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        film = read_mp4(io.BytesIO(bytes(changed)))
    except Mp4Error:
        return
    for track in film.tracks:
        assert all(
            offset >= 0 and offset + size <= len(changed)
            for offset, size in zip(track.offsets, track.sizes, strict=True)
        )


def test_what_is_cut_off_is_refused() -> None:
    whole = _film(noise(8 * PACKET))
    with pytest.raises(Mp4Error):
        read_mp4(io.BytesIO(whole[:-1]))


def test_sound_without_a_packet_or_cut_within_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mp4Error, match="no packet"):
        raw_index(PACKET - 1, PCM)
    index = raw_index(9 * PACKET, PCM)
    told = FilmTracks(
        video=None, audio=PCM, audio_spans=[Span("raw", 0, 4)], skip=500, duration=Fraction(1, 50)
    )
    with pytest.raises(Mp4Error, match="whole packets"):
        write_film(tmp_path / "film.mov", told, {"raw": index}.__getitem__, lambda _: io.BytesIO())


def test_metadata_is_read_by_others(picture: Piece, tmp_path: Path) -> None:
    path = tmp_path / "film.mov"
    told = FilmTracks(
        video=spec(picture),
        audio=None,
        video_spans=[Span("picture", 0, 3)],
        facts=[("com.apple.quicktime.title", "海\nharbor"), ("org.chainer.marks", '{"a": [1]}')],
    )
    write_film(
        path, told, {"picture": picture.index}.__getitem__, lambda _: picture.path.open("rb")
    )
    with av.open(str(path)) as container:
        assert container.metadata["com.apple.quicktime.title"] == "海 harbor"
        assert container.metadata["org.chainer.marks"] == '{"a": [1]}'
    assert quicktime_metadata([("a", "b")])[4:8] == b"meta"


def _film(raw: bytes) -> bytes:
    path = io.BytesIO()
    told = FilmTracks(
        video=None,
        audio=PCM,
        audio_spans=[Span("raw", 0, 7)],
        skip=1024,
        duration=Fraction(5, 50),
    )
    target = _Memory(path)
    write_film(target, told, lambda _: raw_index(len(raw), PCM), lambda _: io.BytesIO(raw))  # type: ignore[arg-type]
    return path.getvalue()


class _Memory:
    """A path that is not one: what is opened there stays in memory."""

    def __init__(self, kept: io.BytesIO) -> None:
        self._kept = kept

    def open(self, _mode: str) -> _Kept:
        return _Kept(self._kept)


class _Kept:
    def __init__(self, kept: io.BytesIO) -> None:
        self._kept = kept

    def __enter__(self) -> io.BytesIO:
        return self._kept

    def __exit__(self, *_: object) -> None:
        pass


def _index_end(data: bytes) -> int:
    return next(end for kind, _, end in boxes(data) if kind == b"moov")
