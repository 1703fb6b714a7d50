"""Writing: the film is its pieces' bytes behind an index that PyAV and we read alike."""

from __future__ import annotations

import hashlib
import io
import struct
from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.mp4 import (
    AudioSpec,
    Chapter,
    FilmTracks,
    Mp4,
    Mp4Error,
    Span,
    VideoSpec,
    read_mp4,
    write_excerpt,
    write_film,
    write_piece,
)
from chainer.mp4.index import TrackIndex, audio_track, clean_text, movie_box, ticks, video_track

from .conftest import EXACT, SOURCE, X264, Piece, encode

FPS = Fraction(30)
steady = settings(derandomize=True, deadline=None)


def video_spec(piece: Piece) -> VideoSpec:
    track = piece.index.track("vide")
    return VideoSpec(track.config, track.entry, track.width, track.height, FPS)


def audio_spec(piece: Piece) -> AudioSpec:
    return AudioSpec(piece.index.track("soun").config, 48_000, 2)


VIDEO_SPANS = [Span("one", 0, 40), Span("two", 16, 60), Span("one", 48, 60), Span("two", 0, 16)]
# 112 frames are 175 packets, and one of priming
AUDIO_SPANS = [Span("one", 0, 70), Span("two", 30, 90), Span("one", 10, 56)]


def film(pieces: dict[str, Piece], **changes: Any) -> FilmTracks:
    told: dict[str, Any] = {
        "video": video_spec(pieces["one"]),
        "audio": audio_spec(pieces["one"]),
        "video_spans": VIDEO_SPANS,
        "audio_spans": AUDIO_SPANS,
        "skip": 1024,
        "chunk_frames": 16,
        **changes,
    }
    return FilmTracks(**told)


def write(pieces: dict[str, Piece], target: Path, told: FilmTracks, **more: Any) -> tuple[str, int]:
    return write_film(
        target,
        told,
        lambda name: pieces[name].index,
        lambda name: pieces[name].path.open("rb"),
        **more,
    )


def read(path: Path) -> Mp4:
    with path.open("rb") as stream:
        return read_mp4(stream)


def samples(data: bytes, index: Mp4, handler: str) -> list[bytes]:
    track = index.track(handler)
    return [data[at : at + size] for at, size in zip(track.offsets, track.sizes, strict=True)]


def expected(pieces: dict[str, Piece], spans: Sequence[Span], handler: str) -> list[bytes]:
    return [
        sample
        for span in spans
        for sample in samples(pieces[span.piece].data, pieces[span.piece].index, handler)[
            span.first : span.last
        ]
    ]


@pytest.fixture(scope="module")
def made(pieces: dict[str, Piece], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write(pieces, path, film(pieces, title="Low tide"))
    return path


@pytest.mark.parametrize("chunk_frames", [0, 1, 7, 16, 1000])
@pytest.mark.parametrize("drop", [None, "video", "audio"])
def test_every_sample_is_its_sources(
    pieces: dict[str, Piece], tmp_path: Path, chunk_frames: int, drop: str | None
) -> None:
    changes: dict[str, Any] = {"chunk_frames": chunk_frames}
    if drop:
        changes |= {drop: None, f"{drop}_spans": (), "duration": Fraction(112, 30)}
    path = tmp_path / "film.mp4"
    write(pieces, path, film(pieces, **changes))
    data, index = path.read_bytes(), read(path)
    for handler, name, spans in (
        ("vide", "video", VIDEO_SPANS),
        ("soun", "audio", AUDIO_SPANS),
    ):
        if name == drop:
            with pytest.raises(Mp4Error):
                index.track(handler)
        else:
            assert samples(data, index, handler) == expected(pieces, spans, handler)


def test_the_index_says_what_was_written(pieces: dict[str, Piece], made: Path) -> None:
    index = read(made)
    picture, sound = index.track("vide"), index.track("soun")
    assert (picture.samples, sound.samples) == (112, 176)
    assert picture.config == pieces["one"].index.track("vide").config
    assert picture.entry == pieces["one"].index.track("vide").entry
    assert sound.config == pieces["one"].index.track("soun").config
    assert (picture.width, picture.height) == (64, 64)
    assert (sound.sample_rate, sound.channels) == (48_000, 2)
    assert picture.delta * 30 == picture.timescale
    assert (sound.delta, sound.timescale) == (1024, 48_000)
    assert (picture.skip, sound.skip) == (0, 1024)
    # 0, 16, 32 of one; two from its 16; one from its 48; two from its start
    assert list(picture.sync) == [0, 16, 32, 40, 56, 72, 84, 96]
    assert Fraction(index.duration, index.timescale) == Fraction(112, 30)


def test_digest_size_and_bytes_are_the_same_every_time(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    told = film(pieces, title="x", chapters=[Chapter(Fraction(0), "a"), Chapter(Fraction(2), "b")])
    results = [write(pieces, tmp_path / name, told) for name in ("a.mp4", "b.mp4")]
    data = (tmp_path / "a.mp4").read_bytes()
    assert data == (tmp_path / "b.mp4").read_bytes()
    assert results == [(hashlib.sha256(data).hexdigest(), len(data))] * 2


def top_boxes(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        found.append(kind)
        at += size
    assert at == len(data)
    return found


def test_the_index_is_in_front_and_nothing_is_left_over(made: Path) -> None:
    assert top_boxes(made.read_bytes()) == [b"ftyp", b"moov", b"mdat"]


def test_pictures_and_sound_lie_side_by_side(pieces: dict[str, Piece], made: Path) -> None:
    """A player that reads on from one second finds picture and sound of that second close by."""
    index = read(made)
    picture, sound = index.track("vide"), index.track("soun")
    for frame in range(picture.samples):
        packet = min(sound.samples - 1, frame * 25 // 16)
        between = sorted([picture.offsets[frame], sound.offsets[packet]])
        inside = sum(
            size
            for track in (picture, sound)
            for at, size in zip(track.offsets, track.sizes, strict=True)
            if between[0] <= at < between[1]
        )
        group = sum(sorted(picture.sizes)[-16:]) + sum(sorted(sound.sizes)[-26:])
        assert inside <= 2 * group
    assert picture.offsets[0] < sound.offsets[0]


def test_pyav_demuxes_with_a_steady_clock(made: Path, pieces: dict[str, Piece]) -> None:
    for number, spans, handler in ((0, VIDEO_SPANS, "vide"), (1, AUDIO_SPANS, "soun")):
        with av.open(str(made)) as container:
            assert container.metadata["title"] == "Low tide"
            stream = container.streams[number]
            packets = [packet for packet in container.demux(stream) if packet.size]
            assert [bytes(packet) for packet in packets] == expected(pieces, spans, handler)
            steps = {b.dts - a.dts for a, b in pairwise(packets)}
            assert len(steps) == 1
            assert steps.pop() > 0
            assert all(packet.pts == packet.dts for packet in packets)
            # Sound: the packet of priming stands before 0, so that what sounds starts at 0.
            before = 1024 if handler == "soun" else 0
            assert packets[0].pts * stream.time_base == Fraction(-before, 48_000)


def test_pyav_decodes_all_frames_and_the_sound_from_zero(made: Path) -> None:
    with av.open(str(made)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == FPS
        frames = list(container.decode(stream))
        assert len(frames) == 112
        assert [frame.pts * stream.time_base for frame in frames] == [n / FPS for n in range(112)]
        container.seek(0)
        sound = container.streams.audio[0]
        heard = list(container.decode(sound))
        first = heard[0]
        assert first.pts * sound.time_base == 0
        # 112 frames are exactly 175 packets of sound, the priming not counted
        assert sum(frame.samples for frame in heard) == 175 * 1024


def test_ffmpeg_reads_it_without_complaint(made: Path, tmp_path: Path) -> None:
    encode(tmp_path / "x.mp4", "-xerror", "-i", str(made), "-c", "copy", "-f", "null")


CHAPTERS = [
    Chapter(Fraction(0), "Dämmerung 🌅 — 第一章"),
    Chapter(Fraction(1, 3), "two\x00\x07\x1b[31m\u202e lines\nof\ttext "),
    Chapter(Fraction(1), "é" * 150),  # 300 bytes
    Chapter(Fraction(2), "x" * 254 + "é"),
    Chapter(Fraction(3), ""),
]


def chapter_texts(path: Path) -> list[str]:
    """The titles of the text track."""
    data, index = path.read_bytes(), read(path)
    texts = []
    for sample in samples(data, index, "text"):
        (length,) = struct.unpack_from(">H", sample)
        texts.append(sample[2 : 2 + length].decode())
    return texts


def test_chapters_are_read_back(pieces: dict[str, Piece], tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write(pieces, path, film(pieces, chapters=CHAPTERS))
    index = read(path)
    titles = [title for _, title in index.chapters]
    assert titles[0] == "Dämmerung 🌅 — 第一章"
    assert titles[1] == "two[31m lines of text"
    assert titles[2] == "é" * 127
    assert titles[3] == "x" * 254
    assert titles[4] == ""
    assert [at for at, _ in index.chapters] == [0, 3_333_333, 10_000_000, 20_000_000, 30_000_000]
    assert chapter_texts(path) == [clean_text(chapter.title) for chapter in CHAPTERS]
    with av.open(str(path)) as container:
        found = container.chapters()
        starts = [Fraction(c["start"]) * Fraction(c["time_base"]) for c in found]
        # FFmpeg prefers the text track, which holds the whole titles.
        shown = [chapter.get("metadata", {}).get("title", "") for chapter in found]
        assert shown == [clean_text(chapter.title) for chapter in CHAPTERS]
        for start, chapter in zip(starts, CHAPTERS, strict=True):
            assert abs(start - chapter.start) <= Fraction(1, 10_000)
        ends = [Fraction(c["end"]) * Fraction(c["time_base"]) for c in found]
        assert ends[:-1] == starts[1:]
        assert len(list(container.decode(video=0))) == 112


def test_the_track_of_titles_lasts_as_long_as_the_film(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    write(pieces, path, film(pieces, chapters=CHAPTERS))
    text = read(path).track("text")
    assert Fraction(text.length, text.timescale) == Fraction(112, 30)
    assert text.samples == len(CHAPTERS)


def test_more_than_255_chapters(pieces: dict[str, Piece], tmp_path: Path) -> None:
    chapters = [Chapter(Fraction(number, 100), f"part {number}") for number in range(300)]
    path = tmp_path / "film.mp4"
    write(pieces, path, film(pieces, chapters=chapters))
    assert chapter_texts(path) == [chapter.title for chapter in chapters]
    assert [title for _, title in read(path).chapters] == [f"part {n}" for n in range(255)]


@pytest.mark.parametrize(
    "starts", [[1], [0, 0], [0, 2, 1], [0, 4], [0, Fraction(112, 30)], [-1, 0]], ids=str
)
def test_chapters_out_of_order_or_beyond_the_film_are_refused(
    pieces: dict[str, Piece], tmp_path: Path, starts: list[Fraction]
) -> None:
    chapters = [Chapter(Fraction(start), "x") for start in starts]
    with pytest.raises(Mp4Error, match="chapters"):
        write(pieces, tmp_path / "x.mp4", film(pieces, chapters=chapters))


def test_a_title_of_a_megabyte(pieces: dict[str, Piece], tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write(pieces, path, film(pieces, chapters=[Chapter(Fraction(0), "é" * 500_000)]))
    assert chapter_texts(path) == ["é" * 32_500]
    assert read(path).chapters == ((0, "é" * 127),)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("  a \n b\tc  ", "a b c"),
        ("a\u3000b\u00a0c", "a b c"),
        ("\x00\x1b\x7f\u202e\ufeff", ""),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ud800x", "x"),
    ],
)
def test_text_is_cleaned(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@steady
@given(st.text())
def test_any_text_is_cleaned_to_one_printable_line(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert clean.encode().decode() == clean
    assert not any(char in clean for char in "\n\r\t\x00\u2028")


# -- refusals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        ([Span("one", 8, 40)], "no keyframe at 8"),
        ([Span("one", 0, 40), Span("two", 17, 20)], "no keyframe at 17"),
        ([Span("one", 0, 61)], "60 samples"),
        ([Span("one", 60, 61)], "60 samples"),
        ([Span("one", -1, 10)], "60 samples"),
        ([Span("one", 20, 10)], "60 samples"),
    ],
)
def test_spans_that_cannot_be_copied(
    pieces: dict[str, Piece], tmp_path: Path, spans: list[Span], why: str
) -> None:
    with pytest.raises(Mp4Error, match=why):
        write(pieces, tmp_path / "x.mp4", film(pieces, video_spans=spans))
    if "samples" in why:
        sounds = [Span(span.piece, span.first + 40, span.last + 40) for span in spans]
        beyond = [s for s in sounds if not 0 <= s.first <= s.last <= 95]
        if beyond:
            with pytest.raises(Mp4Error, match="95 samples"):
                write(pieces, tmp_path / "x.mp4", film(pieces, audio_spans=sounds))


def test_empty_spans_do_no_harm(pieces: dict[str, Piece], tmp_path: Path) -> None:
    spans = [Span("two", 5, 5), *VIDEO_SPANS, Span("one", 60, 60), Span("one", 0, 0)]
    write(pieces, tmp_path / "x.mp4", film(pieces, video_spans=spans))
    write(pieces, tmp_path / "y.mp4", film(pieces))
    assert (tmp_path / "x.mp4").read_bytes() == (tmp_path / "y.mp4").read_bytes()


def test_frames_out_of_order_are_refused(pieces: dict[str, Piece], tmp_path: Path) -> None:
    options = [*X264, *EXACT]
    options[options.index("-bf") + 1] = "2"
    path = encode(tmp_path / "b.mp4", *SOURCE, "anullsrc", "-t", "1", *options, "-an")
    swapped = Piece(path, read(path), path.read_bytes())
    told = film(pieces, video_spans=[Span("b", 0, 30)])
    with pytest.raises(Mp4Error, match="out of order"):
        write({**pieces, "b": swapped}, tmp_path / "x.mp4", told)


def test_a_film_without_pictures_needs_a_duration(pieces: dict[str, Piece], tmp_path: Path) -> None:
    with pytest.raises(Mp4Error, match="duration"):
        write(pieces, tmp_path / "x.mp4", film(pieces, video=None, video_spans=()))


def test_a_piece_that_shrank_is_an_mp4_error(pieces: dict[str, Piece], tmp_path: Path) -> None:
    short = pieces["one"].data[:2000]
    with pytest.raises(Mp4Error, match="shorter than its index"):
        write_film(
            tmp_path / "x.mp4",
            film(pieces),
            lambda name: pieces[name].index,
            lambda _: io.BytesIO(short),
        )


def test_progress_reaches_the_end_and_may_stop_the_copy(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    write(pieces, tmp_path / "x.mp4", film(pieces), on_bytes=lambda *at: seen.append(at))
    dones = [done for done, _ in seen]
    assert dones == sorted(dones)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1]

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    opened: list[IO[bytes]] = []

    def open_piece(name: str) -> IO[bytes]:
        opened.append(pieces[name].path.open("rb"))
        return opened[-1]

    with pytest.raises(Stop):
        write_film(
            tmp_path / "y.mp4",
            film(pieces),
            lambda name: pieces[name].index,
            open_piece,
            on_bytes=stop,
        )
    assert opened
    assert all(stream.closed for stream in opened)


def test_few_files_are_open_at_once(pieces: dict[str, Piece], tmp_path: Path) -> None:
    spans = [Span(f"p{number % 40}", 0, 16) for number in range(120)]
    open_now: set[int] = set()
    most = 0

    class Watched(io.FileIO):
        def close(self) -> None:
            open_now.discard(id(self))
            super().close()

    def open_piece(name: str) -> Any:
        nonlocal most
        stream = Watched(pieces["one"].path, "rb")
        open_now.add(id(stream))
        most = max(most, len(open_now))
        return stream

    told = film(pieces, video_spans=spans, audio=None, audio_spans=())
    write_film(tmp_path / "x.mp4", told, lambda _: pieces["one"].index, open_piece)
    assert read(tmp_path / "x.mp4").track("vide").samples == 120 * 16
    assert most <= 8
    assert not open_now


# -- more than 4 GiB ---------------------------------------------------------------------


class Sparse(io.BytesIO):
    """An index with media of any length behind it that is never read."""

    def __init__(self, data: bytes, length: int) -> None:
        super().__init__(data)
        self.length = length

    def seek(self, position: int, whence: int = 0) -> int:
        return super().seek(self.length if whence == 2 else position)


def test_places_beyond_4_gib() -> None:
    frames, packets = 9000, 14_063
    sizes = array("I", [1_000_000]) * frames
    starts = [5_000_000 + 16_000_000 * n for n in range(frames // 16 + 1)]
    counts = [16] * (frames // 16) + [frames % 16]
    video = VideoSpec(b"avcC", b"", 64, 64, FPS)
    picture = TrackIndex(sizes, counts, starts, array("I", range(0, frames, 16)))
    sound = TrackIndex(array("I", [300]) * packets, [packets], [9_100_000_000])
    tracks = [
        video_track(1, video, picture),
        audio_track(2, AudioSpec(b"\x11\x90", 48_000, 2), sound, Fraction(300), 1024),
    ]
    data = movie_box(Fraction(300), tracks)
    index = read_mp4(Sparse(data, 10_000_000_000))
    track = index.track("vide")
    assert track.offsets[0] == 5_000_000
    assert track.offsets[-1] == starts[-1] + 7_000_000 > 1 << 32
    assert index.track("soun").offsets[-1] == 9_100_000_000 + 300 * (packets - 1)
    with pytest.raises(Mp4Error, match="cut off"):
        read_mp4(Sparse(data, 9_000_000_000))


def test_the_media_of_a_film_of_more_than_4_gib_has_a_64_bit_length(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    """Stopped at the first byte, when the index is already written."""
    big = 200_000_000
    track = pieces["one"].index.track("vide")
    fake = type(track)(
        **{
            **{name: getattr(track, name) for name in track.__slots__},
            "sizes": array("I", [big] * 60),
            "offsets": array("Q", range(0, 60 * big, big)),
        }
    )
    index = Mp4((fake,), 0, 1, ())
    target = tmp_path / "x.mp4"
    told = film(pieces, video_spans=[Span("one", 0, 60)], audio=None, audio_spans=())

    class Stop(Exception):
        pass

    def open_piece(_: str) -> IO[bytes]:
        raise Stop

    with pytest.raises(Stop):
        write_film(target, told, lambda _: index, open_piece)
    head = target.read_bytes()
    at = head.index(b"mdat") - 4
    assert struct.unpack_from(">I4sQ", head, at) == (1, b"mdat", 60 * big + 16)
    length = at + 60 * big + 16
    back = read_mp4(Sparse(head, length)).track("vide")
    assert back.offsets[0] == at + 16
    assert back.offsets[-1] + back.sizes[-1] == length


def test_films_of_days_have_64_bit_times() -> None:
    """240,000 ticks a second fill 32 bits after five hours."""
    seconds = Fraction(20 * 3600)
    frames = int(seconds * 30)
    sizes = array("I", [1]) * frames
    index = TrackIndex(sizes, [frames], [0], array("I", [0]))
    movie = movie_box(seconds, [video_track(1, VideoSpec(b"x", b"", 64, 64, FPS), index)])
    back = read_mp4(Sparse(movie, 1 << 34))
    assert Fraction(back.duration, back.timescale) == seconds
    assert back.duration == ticks(seconds) > 1 << 32
    assert back.track("vide").length == frames * 512


# -- pieces and excerpts --------------------------------------------------------------------


def test_a_piece_holds_all_pictures_and_a_range_of_sound(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    one, two = pieces["one"], pieces["two"]
    target = tmp_path / "piece.mp4"
    write_piece(
        target,
        ("one", one.index, video_spec(one)),
        ("two", two.index, audio_spec(two), 7, 50),
        lambda name: pieces[name].path.open("rb"),
    )
    data, index = target.read_bytes(), read(target)
    assert samples(data, index, "vide") == samples(one.data, one.index, "vide")
    assert samples(data, index, "soun") == samples(two.data, two.index, "soun")[7:50]
    assert index.track("soun").skip == 0
    assert list(index.track("vide").sync) == [0, 16, 32, 48]


def test_a_piece_of_sound_alone_lasts_as_long_as_its_packets(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    two = pieces["two"]
    target = tmp_path / "piece.mp4"
    write_piece(
        target,
        None,
        ("two", two.index, audio_spec(two), 7, 9),
        lambda name: pieces[name].path.open("rb"),
    )
    index = read(target)
    assert [track.handler for track in index.tracks] == ["soun"]
    assert Fraction(index.duration, index.timescale) == Fraction(2048, 48_000)


def test_a_piece_of_a_piece_is_read_like_its_source(
    pieces: dict[str, Piece], tmp_path: Path, made: Path
) -> None:
    """What we write, we copy from again."""
    again = Piece(made, read(made), made.read_bytes())
    told = film(pieces, video_spans=[Span("film", 40, 112)], audio_spans=[Span("film", 1, 114)])
    write({"film": again}, tmp_path / "x.mp4", told)
    index = read(tmp_path / "x.mp4")
    data = (tmp_path / "x.mp4").read_bytes()
    assert samples(data, index, "vide") == samples(again.data, again.index, "vide")[40:]


def decoded(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("first", "last", "lead"),
    [(0, 1, 0), (0, 60, 0), (15, 17, 15), (16, 32, 0), (50, 60, 2), (59, 60, 11), (47, 48, 15)],
)
def test_an_excerpt_decodes_to_the_same_pictures(
    pieces: dict[str, Piece], tmp_path: Path, first: int, last: int, lead: int
) -> None:
    target = tmp_path / "x.mp4"
    with pieces["one"].path.open("rb") as stream:
        assert write_excerpt(stream, first, last, FPS, target) == lead
        assert not stream.closed
    assert decoded(target)[lead:] == decoded(pieces["one"].path)[first:last]


@pytest.mark.parametrize(("first", "last"), [(0, 61), (60, 60), (60, 61), (5, 5), (9, 3), (-1, 4)])
def test_an_excerpt_of_frames_that_are_not_there(
    pieces: dict[str, Piece], tmp_path: Path, first: int, last: int
) -> None:
    with pieces["one"].path.open("rb") as stream, pytest.raises(Mp4Error, match="asked"):
        write_excerpt(stream, first, last, FPS, tmp_path / "x.mp4")


@pytest.mark.parametrize(
    ("fps", "timescale", "delta"),
    [
        (Fraction(24), 12_288, 512),
        (Fraction(25), 12_800, 512),
        (Fraction(30), 15_360, 512),
        (Fraction(60), 15_360, 256),
        (Fraction(30_000, 1001), 30_000, 1001),
        (Fraction(24_000, 1001), 24_000, 1001),
        (Fraction(15, 2), 15_360, 2048),
    ],
)
def test_ticks_of_a_frame_are_whole(fps: Fraction, timescale: int, delta: int) -> None:
    spec = VideoSpec(b"", b"", 64, 64, fps)
    assert (spec.timescale, spec.delta) == (timescale, delta)
    assert Fraction(spec.delta, spec.timescale) == 1 / fps


@settings(steady, max_examples=25)
@given(data=st.data())
def test_any_choice_of_spans_is_copied_exactly(
    pieces: dict[str, Piece], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    names = st.sampled_from(["one", "two"])
    pictures, sounds = [], []
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.sampled_from([0, 16, 32, 48]))
        pictures.append(Span(data.draw(names), first, data.draw(st.integers(first + 1, 60))))
    for _ in range(data.draw(st.integers(0, 6))):
        first = data.draw(st.integers(0, 95))
        sounds.append(Span(data.draw(names), first, data.draw(st.integers(first, 95))))
    path = tmp_path_factory.mktemp("any") / "x.mp4"
    chunk = data.draw(st.sampled_from([0, 1, 5, 16, 200]))
    told = film(pieces, video_spans=pictures, audio_spans=sounds, chunk_frames=chunk)
    digest, size = write(pieces, path, told)
    content, index = path.read_bytes(), read(path)
    assert samples(content, index, "vide") == expected(pieces, pictures, "vide")
    assert samples(content, index, "soun") == expected(pieces, sounds, "soun")
    assert (digest, size) == (hashlib.sha256(content).hexdigest(), len(content))
