"""Reading: what PyAV sees, we see; what is damaged or hostile is refused, at no great cost."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.mp4 import Mp4, Mp4Error, read_mp4

from .conftest import AAC, EXACT, SOURCE, X264, Piece, encode

steady = settings(derandomize=True, deadline=None)


def read(data: bytes) -> Mp4:
    return read_mp4(io.BytesIO(data))


@pytest.mark.parametrize("name", ["one", "two"])
def test_agrees_with_pyav(pieces: dict[str, Piece], name: str) -> None:
    piece = pieces[name]
    with av.open(str(piece.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        seen = {"vide": video, "soun": audio}
        packets: dict[int, list[av.Packet]] = {video.index: [], audio.index: []}
        for packet in container.demux():
            if packet.size:
                packets[packet.stream.index].append(packet)
        for handler, stream in seen.items():
            track = piece.index.track(handler)
            found = packets[stream.index]
            assert track.samples == len(found)
            assert list(track.sizes) == [packet.size for packet in found]
            assert list(track.offsets) == [packet.pos for packet in found]
            assert list(track.sync) == [n for n, p in enumerate(found) if p.is_keyframe]
            assert track.timescale == stream.time_base.denominator
            for number in (0, len(found) // 2, len(found) - 1):
                at, size = track.offsets[number], track.sizes[number]
                assert piece.data[at : at + size] == bytes(found[number])
        picture, sound = piece.index.track("vide"), piece.index.track("soun")
        assert (picture.width, picture.height) == (64, 64)
        assert (picture.config, sound.config) == (video.codec_context.extradata, b"\x11\x90V\xe5\0")
        assert picture.delta * 30 == picture.timescale
        assert (picture.skip, sound.skip) == (0, 1024)
        assert (sound.sample_rate, sound.channels) == (48_000, 2)
        assert sound.length - sound.skip == 96_000
        assert not picture.reordered
        assert piece.index.duration == 2 * piece.index.timescale


def test_frames_out_of_order_are_noticed(tmp_path: Path) -> None:
    options = [*X264, *EXACT]
    options[options.index("-bf") + 1] = "2"
    path = encode(tmp_path / "b.mp4", *SOURCE, "anullsrc", "-t", "1", *options, "-an")
    with path.open("rb") as stream:
        assert read_mp4(stream).track("vide").reordered


@pytest.mark.parametrize(
    "flags", [("-movflags", "+faststart"), ("-f", "mov"), ("-movflags", "+write_colr")]
)
def test_other_flat_files_of_ffmpeg(
    tmp_path: Path, pieces: dict[str, Piece], flags: tuple[str, ...]
) -> None:
    path = encode(tmp_path / "x.mp4", "-i", str(pieces["one"].path), "-c", "copy", *EXACT, *flags)
    with path.open("rb") as stream:
        if "mov" in flags:
            # QuickTime wraps the sound's configuration in another box, which is not ours to read.
            with contextlib.suppress(Mp4Error):
                read_mp4(stream)
            return
        index = read_mp4(stream)
    for handler in ("vide", "soun"):
        assert index.track(handler).sizes == pieces["one"].index.track(handler).sizes


def test_fragments_are_refused(tmp_path: Path, pieces: dict[str, Piece]) -> None:
    flags = ("-movflags", "+frag_keyframe+empty_moov")
    path = encode(tmp_path / "x.mp4", "-i", str(pieces["one"].path), "-c", "copy", *flags)
    with pytest.raises(Mp4Error, match="fragmented"):
        read(path.read_bytes())


@pytest.mark.parametrize(
    ("codecs", "why"),
    [
        (("-c:v", "mpeg4", "-an"), "not ours"),
        (("-vn", "-c:a", "alac"), "not ours"),
    ],
)
def test_other_codecs_are_refused(tmp_path: Path, codecs: tuple[str, ...], why: str) -> None:
    path = encode(tmp_path / "x.mp4", *SOURCE, "sine=d=1", "-t", "1", *codecs)
    with pytest.raises(Mp4Error, match=why):
        read(path.read_bytes())


def test_no_such_track(tmp_path: Path) -> None:
    path = encode(tmp_path / "x.mp4", *SOURCE, "sine=d=1", "-t", "1", "-vn", *AAC)
    index = read(path.read_bytes())
    assert index.track("soun").samples
    with pytest.raises(Mp4Error, match="no vide track"):
        index.track("vide")


# -- damage --------------------------------------------------------------------------


def find_moov(data: bytes) -> tuple[int, int]:
    at = data.index(b"moov") - 4
    return at, at + struct.unpack_from(">I", data, at)[0]


def only_mp4_errors(data: bytes) -> None:
    with contextlib.suppress(Mp4Error):
        read(data)


@settings(steady, max_examples=300)
@given(data=st.data())
def test_flipped_bytes_of_the_index_raise_nothing_else(
    pieces: dict[str, Piece], data: st.DataObject
) -> None:
    whole = bytearray(pieces["one"].data)
    start, end = find_moov(bytes(whole))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(start, end - 1))
        whole[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 0x7F, 255])))
    only_mp4_errors(bytes(whole))


BOXES = "moov mvhd trak mdia mdhd hdlr minf stbl stsd avc1 avcC mp4a esds stts stss stsc stsz stco"


@pytest.mark.parametrize("kind", BOXES.split())
def test_a_lost_box_is_an_mp4_error(pieces: dict[str, Piece], kind: str) -> None:
    data = pieces["one"].data
    lost = data.replace(kind.encode(), b"free")
    if kind == "stss":
        assert read(lost).track("vide").sync == range(60)
        return
    with pytest.raises(Mp4Error):
        read(lost).track("vide")


@pytest.mark.parametrize("kind", ["stsz", "stts", "stsc", "stco", "stss", "stsd", "elst", "hdlr"])
@pytest.mark.parametrize("word", [0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_every_word_of_a_table_may_lie(pieces: dict[str, Piece], kind: str, word: int) -> None:
    data = pieces["one"].data
    at = data.index(kind.encode())
    for offset in range(-4, 40, 4):
        whole = bytearray(data)
        struct.pack_into(">I", whole, at + offset, word)
        only_mp4_errors(bytes(whole))


@settings(steady, max_examples=100)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(noise: bytes) -> None:
    with pytest.raises(Mp4Error):
        read(noise)
    with pytest.raises(Mp4Error):
        read(struct.pack(">I4s", len(noise) + 8, b"moov") + noise)


def test_truncated_anywhere(pieces: dict[str, Piece]) -> None:
    """The index of FFmpeg's files is behind the media: no cut leaves it whole."""
    data = pieces["one"].data
    start, end = find_moov(data)
    for length in [*range(40), start - 1, *range(start, end, 37), end - 1]:
        with pytest.raises(Mp4Error):
            read(data[:length])


def test_media_that_is_cut_off_behind_its_index(tmp_path: Path, pieces: dict[str, Piece]) -> None:
    path = encode(
        tmp_path / "x.mp4", "-i", str(pieces["one"].path), "-c", "copy", "-movflags", "+faststart"
    )
    data = path.read_bytes()
    start, end = find_moov(data)
    assert start < 100
    assert read(data)
    for length in (end, end + 8, len(data) // 2, len(data) - 1):
        with pytest.raises(Mp4Error, match="cut off"):
            read(data[:length])


def patched(data: bytes, kind: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    whole = bytearray(data)
    change(whole, data.index(kind) + 4)
    return bytes(whole)


def words(*values: int, at: int) -> Callable[[bytearray, int], None]:
    def change(whole: bytearray, body: int) -> None:
        struct.pack_into(f">{len(values)}I", whole, body + at, *values)

    return change


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (b"stsz", words(1, 2**31, at=4)),
        (b"stsz", words(2**32 - 1, 2**32 - 1, at=4)),
        (b"stsz", words(1, 2**20, at=4)),
        (b"stsz", words(0, 2**32 - 1, at=4)),
        (b"stts", words(1, 2**32 - 1, at=4)),
        (b"stts", words(2**32 - 1, at=4)),
        (b"stsc", words(2**32 - 1, at=4)),
        (b"stsc", words(1, 1, 2**32 - 1, at=4)),
        (b"stco", words(2**32 - 1, at=4)),
        (b"stco", words(1, 2**32 - 1, at=4)),
        (b"stss", words(2**32 - 1, at=4)),
        (b"stsd", words(2**32 - 1, at=4)),
        (b"elst", words(2**32 - 1, at=4)),
    ],
)
def test_a_lie_about_a_count_costs_no_memory(
    pieces: dict[str, Piece], kind: bytes, change: Callable[[bytearray, int], None]
) -> None:
    data = patched(pieces["one"].data, kind, change)
    tracemalloc.start()
    try:
        only_mp4_errors(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_same_size_samples_must_fit_the_file(pieces: dict[str, Piece]) -> None:
    data = patched(pieces["one"].data, b"stsz", words(4, 2**31, at=4))
    with pytest.raises(Mp4Error, match="do not fit the file"):
        read(data)


def test_an_index_of_a_gigabyte_is_not_read() -> None:
    class Vast(io.BytesIO):
        def seek(self, position: int, whence: int = 0) -> int:
            return super().seek(position) if whence == 0 else 1 << 31

        def tell(self) -> int:
            return 1 << 31

    with pytest.raises(Mp4Error, match="not one of ours"):
        read_mp4(Vast(struct.pack(">I4s8x", 1 << 30, b"moov")))


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        (b"stss", words(2, at=8), "not"),  # the first keyframe is not the first frame: no damage
        (b"stss", words(0, at=8), "keyframes"),
        (b"stss", words(1, 1, at=8), "keyframes"),
        (b"stss", words(1, 61, at=8), "keyframes"),
        (b"stsc", words(0, at=8), "chunks"),
        (b"stsc", words(2, at=8), "chunks"),
        (b"stsc", words(1, 2**31, at=8), "more samples"),
        (b"stts", words(59, at=8), "time"),
        (b"stco", words(2**32 - 1, at=8), "cut off"),
        (b"stsd", words(2, at=4), "descriptions"),
    ],
)
def test_what_the_tables_must_say(
    pieces: dict[str, Piece], kind: bytes, change: Callable[[bytearray, int], None], why: str
) -> None:
    data = patched(pieces["one"].data, kind, change)
    if why == "not":
        assert read(data).track("vide").sync[0] == 1
        return
    with pytest.raises(Mp4Error, match=why):
        read(data)


def test_many_runs_over_many_chunks_take_no_long_time(pieces: dict[str, Piece]) -> None:
    """Chunks out of order could otherwise be walked over once for every run."""
    runs, chunks = 20_000, 20_000
    stsc = struct.pack(">II", 0, runs) + struct.pack(">III", 1, 0, 1) * runs
    data = pieces["one"].data
    start, end = find_moov(data)
    moov = data[start:end]
    at = moov.index(b"stsc") - 4
    size = struct.unpack_from(">I", moov, at)[0]
    swapped = moov[:at] + struct.pack(">I4s", len(stsc) + 8, b"stsc") + stsc + moov[at + size :]
    grown = len(swapped) - len(moov)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        place = swapped.index(kind) - 4
        (old,) = struct.unpack_from(">I", swapped, place)
        swapped = swapped[:place] + struct.pack(">I", old + grown) + swapped[place + 4 :]
    assert chunks
    with pytest.raises(Mp4Error, match="chunks are out of order"):
        read(data[:start] + swapped + data[end:])
