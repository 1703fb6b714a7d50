"""The track of captions: what it says to FFmpeg, PyAV and us, and that it disturbs nothing."""

from __future__ import annotations

import io
import re
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.mp4 import Chapter, Mp4Error, Subtitle, read_mp4, read_subtitles
from chainer.mp4.captions import subtitle_samples
from chainer.mp4.language import pack_language, three_letters, unpack_language

from .conftest import Piece
from .test_write import film, read, samples, write

steady = settings(derandomize=True, deadline=None)
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
LENGTH = Fraction(112, 30)

SAID = (
    Subtitle(Fraction(1, 3), Fraction(1), ("Is anyone there?",)),
    Subtitle(Fraction(1), Fraction(2), ("\u2013 Stay <b>!", "\u2013 No & no --> yes")),
    Subtitle(
        Fraction(5, 2),
        LENGTH,
        ("\u6f6e\u6c34\u9000\u4e86 \U0001f30a \u0645\u0631\u062d\u0628\u0627",),
    ),
)


@pytest.fixture(scope="module")
def made(pieces: dict[str, Piece], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("said") / "film.mp4"
    chapters = [Chapter(Fraction(0), "One"), Chapter(Fraction(2), "Two")]
    write(pieces, path, film(pieces, captions=SAID, language="zh-Hans", chapters=chapters))
    return path


def test_we_read_what_we_wrote(made: Path) -> None:
    with made.open("rb") as stream:
        found = read_subtitles(stream, read_mp4(stream))
    assert [one.lines for one in found] == [one.lines for one in SAID]
    for got, want in zip(found, SAID, strict=True):
        assert got.start == Fraction(round(want.start * 1000), 1000)
        assert abs(got.end - want.end) <= Fraction(1, 2000)


def test_ffmpeg_lists_the_track_and_gives_the_same_back(made: Path, tmp_path: Path) -> None:
    listed = subprocess.run(
        [FFMPEG, "-hide_banner", "-i", str(made)], capture_output=True, text=True, check=False
    ).stderr
    (line,) = re.findall(r".*Subtitle: mov_text.*", listed)
    assert "(zho)" in line
    assert "(default)" not in line
    out = tmp_path / "x.srt"
    argv = [FFMPEG, "-v", "error", "-i", str(made), "-map", "0:s:0", str(out)]
    assert subprocess.run(argv, capture_output=True, check=True).stderr == b""
    blocks = [block.split("\n") for block in out.read_text("utf-8").strip().split("\n\n")]
    times = [f"{_clock(one.start)} --> {_clock(one.end)}" for one in SAID]
    assert [block[1] for block in blocks] == times
    bare = [[re.sub(r"</?font[^>]*>", "", row) for row in block[2:]] for block in blocks]
    assert bare == [list(one.lines) for one in SAID]


def _clock(seconds: Fraction) -> str:
    millis = round(seconds * 1000)
    return f"00:00:{millis // 1000:02d},{millis % 1000:03d}"


def test_pyav_sees_pictures_sound_chapters_and_captions(made: Path) -> None:
    with av.open(str(made)) as container:
        assert len(container.streams.subtitles) == 1
        assert container.streams.subtitles[0].language == "zho"
        assert Fraction(container.duration or 0, 1_000_000) == pytest.approx(
            float(LENGTH), abs=1e-3
        )
        assert len(container.chapters()) == 2
        assert len(list(container.decode(video=0))) == 112


def test_pictures_sound_and_chapters_are_as_without(
    pieces: dict[str, Piece], made: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.mp4"
    chapters = [Chapter(Fraction(0), "One"), Chapter(Fraction(2), "Two")]
    write(pieces, bare, film(pieces, chapters=chapters))
    before, after = read(bare), read(made)
    assert [t.handler for t in before.tracks] == ["vide", "soun", "text"]
    assert [t.handler for t in after.tracks] == ["vide", "soun", "text", "sbtl"]
    assert (before.duration, before.chapters) == (after.duration, after.chapters)
    for handler in ("vide", "soun", "text"):
        assert samples(bare.read_bytes(), before, handler) == samples(
            made.read_bytes(), after, handler
        )


def test_a_film_without_captions_has_the_bytes_it_had(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    write(pieces, tmp_path / "x.mp4", film(pieces))
    write(pieces, tmp_path / "y.mp4", film(pieces, captions=(), language="de"))
    assert (tmp_path / "x.mp4").read_bytes() == (tmp_path / "y.mp4").read_bytes()
    with (tmp_path / "x.mp4").open("rb") as stream:
        assert read_subtitles(stream, read_mp4(stream)) == ()


def test_the_track_lasts_exactly_as_long_as_the_film(made: Path) -> None:
    track = read(made).track("sbtl")
    assert Fraction(track.length, track.timescale) == LENGTH
    assert (track.language, track.skip) == ("zho", 0)
    data = made.read_bytes()
    assert b"elng" in data
    at = data.index(b"tkhd", data.index(b"chapters") + 9) + 4
    assert data[at : at + 4] == bytes([0, 0, 0, 2])  # in the movie, not switched on


@pytest.mark.parametrize(
    "told",
    [
        [(1, 2), (0, 1)],
        [(0, 2), (1, 3)],
        [(-1, 1)],
        [(3, 4)],
        [(2, 1)],
        [(1, Fraction(10_001, 10_000))],
    ],
    ids=str,
)
def test_captions_out_of_order_or_beyond_the_film_are_refused(
    pieces: dict[str, Piece], tmp_path: Path, told: list[tuple[Any, Any]]
) -> None:
    captions = [Subtitle(Fraction(a), Fraction(b), ("x",)) for a, b in told]
    with pytest.raises(Mp4Error, match="caption"):
        write(pieces, tmp_path / "x.mp4", film(pieces, captions=captions))


def test_a_pause_of_days_is_several_samples() -> None:
    day = Fraction(86_400)
    found = subtitle_samples([Subtitle(day, day + 1, ("x",))], 2 * day)
    assert sum(found.lasting) == 2 * day * 240_000
    assert max(found.lasting) < 1 << 32
    assert [one for one in found.samples if len(one) > 2] == [b"\x00\x01x"]


def test_a_caption_that_is_cut_off_is_damage(made: Path) -> None:
    index = read(made)
    track = index.track("sbtl")
    data = bytearray(made.read_bytes())
    at = track.offsets[1]
    data[at : at + 2] = b"\xff\xff"
    with pytest.raises(Mp4Error, match="cut off"):
        read_subtitles(io.BytesIO(bytes(data)), index)
    data[at : at + 4] = b"\x00\x02\xff\xfe"
    with pytest.raises(Mp4Error, match="UTF-8"):
        read_subtitles(io.BytesIO(bytes(data)), index)


@pytest.mark.parametrize(
    ("tag", "letters"),
    [
        ("en", "eng"),
        ("DE", "deu"),
        ("zh-Hans-CN", "zho"),
        ("fil", "fil"),
        ("und", "und"),
        ("xx", "und"),
        ("mandarin", "und"),
        ("ar-EG", "ara"),
    ],
)
def test_languages(tag: str, letters: str) -> None:
    assert three_letters(tag) == letters
    assert unpack_language(pack_language(letters)) == letters


def test_languages_are_packed_as_the_standard_says() -> None:
    assert pack_language("und") == 0x55C4
    assert pack_language("eng") == 0x15C7
    assert unpack_language(0) == unpack_language(0x7FFF) == "und"


@steady
@given(st.data())
def test_any_captions_come_back(data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, 60_000), max_size=20)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
    told = [Subtitle(Fraction(a, 1000), Fraction(b, 1000), (data.draw(texts),)) for a, b in pairs]
    found = subtitle_samples(told, Fraction(60))
    assert sum(found.lasting) == (60 * 240_000 if told else 0)
    at, back = 0, []
    for sample, length in zip(found.samples, found.lasting, strict=True):
        (size,) = struct.unpack(">H", sample[:2])
        assert len(sample) == 2 + size
        if size:
            back.append((at, at + length, sample[2:].decode()))
        at += length
    assert back == [
        (int(one.start * 240_000), int(one.end * 240_000), one.lines[0]) for one in told
    ]
