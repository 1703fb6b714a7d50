"""Segments hold what they were cut from, at the times they were given, and headers nothing else."""

from __future__ import annotations

import io
import struct
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.mp4 import AudioSpec, Mp4Error, VideoSpec
from chainer.mp4.box import boxes, find
from chainer.mp4.codec_names import audio_codec, video_codec
from chainer.mp4.fragment import audio_init, audio_segment, video_init, video_segment
from chainer.timebase import AAC_FRAME, AAC_PRIMING

from .conftest import Piece

OWNER = bytes(range(32))
steady = settings(derandomize=True, deadline=None, max_examples=150)


def specs(piece: Piece) -> tuple[VideoSpec, AudioSpec]:
    video, audio = piece.index.track("vide"), piece.index.track("soun")
    picture = VideoSpec(
        video.config, video.entry, video.width, video.height, Fraction(30), video.codec
    )
    return picture, AudioSpec(audio.config, 48_000, 2)


def read(segment: bytes) -> tuple[int, int, list[tuple[int, int]], list[bytes]]:
    """(sequence number, time, (ticks, flags) of each sample, bytes of each sample)."""
    places = {kind: (first, last) for kind, first, last in boxes(segment)}
    assert list(places) == [b"styp", b"free", b"moof", b"mdat"]
    assert segment[slice(*places[b"free"])] == OWNER
    start, end = places[b"moof"]
    base = start - 8
    at, _ = find(segment, b"mfhd", start=start, end=end)
    (number,) = struct.unpack_from(">I", segment, at + 4)
    start, end = find(segment, b"traf", start=start, end=end)
    at, _ = find(segment, b"tfhd", start=start, end=end)
    word, track, delta, flags = struct.unpack_from(">IIII", segment, at)
    assert (word, track) == (0x20028, 1)  # counted from the moof; default length and flags
    at, _ = find(segment, b"tfdt", start=start, end=end)
    version, time = struct.unpack_from(">B3xQ", segment, at)
    assert version == 1
    at, _ = find(segment, b"trun", start=start, end=end)
    word, count, place = struct.unpack_from(">IIi", segment, at)
    assert word & 0x201 == 0x201
    position, samples, told = base + place, [], []
    assert position == places[b"mdat"][0]
    at += 12
    for _ in range(count):
        (size,) = struct.unpack_from(">I", segment, at)
        at += 4
        own = flags
        if word & 0x400:
            (own,) = struct.unpack_from(">I", segment, at)
            at += 4
        told.append((delta, own))
        samples.append(segment[position : position + size])
        position += size
    assert position == places[b"mdat"][1] == len(segment)
    return number, time, told, samples


def own(piece: Piece, handler: str, first: int, last: int) -> list[bytes]:
    track = piece.index.track(handler)
    return [
        piece.data[track.offsets[n] : track.offsets[n] + track.sizes[n]] for n in range(first, last)
    ]


@steady
@given(data=st.data())
def test_pictures_come_back_at_their_times(pieces: dict[str, Piece], data: st.DataObject) -> None:
    piece = pieces["one"]
    track, (spec, _) = piece.index.track("vide"), specs(piece)
    first = data.draw(st.sampled_from(list(track.sync)))
    last = data.draw(st.integers(first + 1, track.samples))
    at = data.draw(st.integers(0, 10**9))
    made = video_segment(io.BytesIO(piece.data), track, first, last, spec, at, OWNER)
    number, time, told, samples = read(made)
    assert samples == own(piece, "vide", first, last)
    assert Fraction(time, spec.timescale) == Fraction(at, 30)
    assert number == (at + 1) & 0xFFFFFFFF
    keys = {n for n, (_, flags) in enumerate(told, first) if not flags & 0x10000}
    assert keys == {key for key in track.sync if first <= key < last}
    assert {Fraction(delta, spec.timescale) for delta, _ in told} == {Fraction(1, 30)}


@steady
@given(data=st.data())
def test_packets_come_back_at_their_times(pieces: dict[str, Piece], data: st.DataObject) -> None:
    piece = pieces["two"]
    track = piece.index.track("soun")
    first = data.draw(st.integers(0, track.samples - 1))
    last = data.draw(st.integers(first + 1, track.samples))
    at = data.draw(st.integers(0, 10**9))
    _, time, told, samples = read(
        audio_segment(io.BytesIO(piece.data), track, first, last, at, OWNER)
    )
    assert samples == own(piece, "soun", first, last)
    assert time == at * AAC_FRAME
    assert set(told) == {(AAC_FRAME, 0x2000000)}


def test_headers_are_the_same_for_all_pieces_of_a_profile(pieces: dict[str, Piece]) -> None:
    (video, audio), (other_video, other_audio) = specs(pieces["one"]), specs(pieces["two"])
    assert video_init(video) == video_init(other_video)
    assert audio_init(audio, 1024) == audio_init(other_audio, 1024)
    assert audio_init(audio, 1024) != audio_init(audio, 0)
    header = audio_init(audio, AAC_PRIMING)
    at, _ = find(header, b"moov", b"trak", b"edts", b"elst")
    assert struct.unpack_from(">IIi", header, at + 4) == (1, 0, AAC_PRIMING)
    find(header, b"moov", b"mvex", b"trex")


def test_what_cannot_be_a_segment_is_refused(pieces: dict[str, Piece]) -> None:
    piece = pieces["one"]
    video, audio = piece.index.track("vide"), piece.index.track("soun")
    spec, _ = specs(piece)
    stream = io.BytesIO(piece.data)
    with pytest.raises(Mp4Error, match="keyframe"):
        video_segment(stream, video, 1, 5, spec, 0, OWNER)
    for first, last in ((0, 0), (3, 2), (0, audio.samples + 1), (-1, 2)):
        with pytest.raises(Mp4Error, match="were asked of"):
            audio_segment(stream, audio, first, last, 0, OWNER)
    cut = io.BytesIO(piece.data[: audio.offsets[-1] + 1])
    with pytest.raises(Mp4Error, match="shorter"):
        audio_segment(cut, audio, 0, audio.samples, 0, OWNER)


def test_ffmpeg_reads_segments_one_after_another_as_the_piece(
    pieces: dict[str, Piece], tmp_path: Path
) -> None:
    piece = pieces["one"]
    spec, sound = specs(piece)
    stream = io.BytesIO(piece.data)
    video, audio = piece.index.track("vide"), piece.index.track("soun")
    cuts = [0, *video.sync[1:3], video.samples]
    film = video_init(spec) + b"".join(
        video_segment(stream, video, first, last, spec, first, OWNER)
        for first, last in pairwise(cuts)
    )
    edges = [0, 7, 8, audio.samples]
    words = audio_init(sound, AAC_PRIMING) + b"".join(
        audio_segment(stream, audio, first, last, first, OWNER) for first, last in pairwise(edges)
    )
    for name, data, which in (("v.mp4", film, "v"), ("a.mp4", words, "a")):
        (tmp_path / name).write_bytes(data)
        assert hashes(tmp_path / name, which) == hashes(piece.path, which)


def hashes(path: Path, which: str) -> list[tuple[str, ...]]:
    """(time, length, hash) of each decoded picture or run of sound, times in milliseconds."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", f"0:{which}:0"]
    argv += ["-enc_time_base", "1:48000", "-f", "framehash", "-hash", "md5", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    lines = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    # The last packet of a flat file may be told to be shorter than it is.
    return [(line[2].strip(), line[5].strip()) for line in lines][:-1]


@pytest.mark.parametrize(
    ("codec", "config", "entry", "name"),
    [
        ("avc1", "0164001fffe1", "", "avc1.64001f"),
        ("avc1", "014d4028ffe1", "", "avc1.4d4028"),
        ("hvc1", "01016000000090000000000078f000", "", "hvc1.1.6.L120.90"),
        ("hvc1", "010220000000b00000000000967000", "", "hvc1.2.4.L150.B0"),
        ("hvc1", "01214000000000000000000099ff00", "", "hvc1.1.2.H153"),
        ("av01", "81080c00", "", "av01.0.08M.08"),
        ("av01", "810d4c00", "", "av01.0.13M.10"),
        (
            "av01",
            "810d4c00",
            "00000013636f6c726e636c78000900100009" + "00",
            "av01.0.13M.10.0.110.09.16.09.0",
        ),
        ("av01", "81080c00", "00000013636f6c726e636c78000100010001" + "00", "av01.0.08M.08"),
    ],
)
def test_codecs_are_called_as_rfc_6381_says(codec: str, config: str, entry: str, name: str) -> None:
    spec = VideoSpec(bytes.fromhex(config), bytes.fromhex(entry), 720, 1280, Fraction(30), codec)
    assert video_codec(spec) == name


def test_codecs_without_a_name_are_refused() -> None:
    with pytest.raises(Mp4Error, match="no name"):
        video_codec(VideoSpec(b"", b"", 2, 2, Fraction(30), "apch"))
    with pytest.raises(Mp4Error, match="cut off"):
        video_codec(VideoSpec(b"\1\2", b"", 2, 2, Fraction(30)))
    with pytest.raises(Mp4Error, match="cut off"):
        audio_codec(AudioSpec(b"", 48_000, 2))
    assert audio_codec(AudioSpec(bytes.fromhex("1190"), 48_000, 2)) == "mp4a.40.2"
    assert audio_codec(AudioSpec(bytes.fromhex("f94640"), 48_000, 2)) == "mp4a.40.42"
