"""The small readers of first bytes: they always end, and never take noise for music."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import MediaRefused
from chainer.media.limits import MediaLimits, music_limits
from chainer.media.sniff_music import music_container_of
from chainer.media.source import open_source
from chainer.media.wave import WaveEnd, wave_end

LIMITS = music_limits(MediaLimits())


@contextmanager
def descriptor(data: bytes) -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.fileno()


def chunk(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    length = len(body) if size is None else size
    return kind + struct.pack("<I", length) + body + bytes(len(body) % 2)


def kind_of(data: bytes, folder: Path) -> str:
    path = folder / "x"
    path.write_bytes(data)
    with open_source(path, limits=LIMITS) as source:
        try:
            return music_container_of(source, LIMITS)
        except MediaRefused:
            return ""


@settings(derandomize=True, deadline=None)
@given(
    chunks=st.lists(
        st.tuples(st.sampled_from([b"LIST", b"bext", b"fmt "]), st.binary()), max_size=6
    ),
    samples=st.integers(1, 400),
    missing=st.integers(0, 40),
    behind=st.binary(max_size=30),
)
def test_the_end_of_a_wav_is_found_behind_any_chunks(
    chunks: list[tuple[bytes, bytes]], samples: int, missing: int, behind: bytes
) -> None:
    front = b"".join(chunk(kind, body) for kind, body in chunks)
    data = b"RIFF\0\0\0\0WAVE" + front + chunk(b"data", b"", samples + missing) + bytes(samples)
    with descriptor(data + (b"" if missing else behind)) as fd:
        assert wave_end(fd) is (WaveEnd.BEYOND if missing else WaveEnd.WITHIN)
    for size in (0, 0xFFFFFFFF, 0x7FFF0000):
        with descriptor(b"RIFF\0\0\0\0WAVE" + front + chunk(b"data", bytes(samples), size)) as fd:
            assert wave_end(fd) is WaveEnd.OPEN
    wide = chunk(b"ds64", struct.pack("<QQQI", 0, samples + missing, 0, 0))
    open_end = chunk(b"data", b"", 0xFFFFFFFF) + bytes(samples)
    with descriptor(b"RF64\xff\xff\xff\xffWAVE" + wide + front + open_end) as fd:
        assert wave_end(fd) is (WaveEnd.BEYOND if missing else WaveEnd.WITHIN)


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=300))
def test_noise_behind_the_head_of_a_wav_ends(noise: bytes) -> None:
    with descriptor(b"RIFF\0\0\0\0WAVE" + noise) as fd:
        assert wave_end(fd) in WaveEnd


def test_a_wav_of_empty_chunks_ends() -> None:
    with descriptor(b"RIFF\0\0\0\0WAVE" + bytes(100_000) + b"data\xff\xff\0\0") as fd:
        assert wave_end(fd) is WaveEnd.WITHIN


@settings(derandomize=True, deadline=None)
@given(noise=st.binary(min_size=1, max_size=300), tagged=st.booleans())
def test_noise_is_no_music(noise: bytes, tagged: bool) -> None:
    data = (b"ID3\4\0\0\0\0\0\0" if tagged else b"") + noise
    with tempfile.TemporaryDirectory() as folder:
        assert kind_of(data, Path(folder)) not in ("mp3", "flac", "wav", "ogg") or noise.startswith(
            (b"fLaC", b"OggS\0")
        )


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (0xFFFB9000, 417),  # MPEG 1, 128 kbit/s, 44.1 kHz
        (0xFFFB9200, 418),  # the same, padded
        (0xFFFBE400, 960),  # 320 kbit/s, 48 kHz
        (0xFFF38000, 208),  # MPEG 2, 64 kbit/s, 22.05 kHz
        (0xFFE38800, 576),  # MPEG 2.5, 64 kbit/s, 8 kHz
    ],
)
def test_two_frames_make_an_mp3(head: int, length: int, tmp_path: Path) -> None:
    first = head.to_bytes(4) + os.urandom(length - 4)
    assert kind_of(first + head.to_bytes(4), tmp_path) == "mp3"
    assert kind_of(first + (head ^ 0x400).to_bytes(4), tmp_path) == ""
    assert kind_of(first[:-1] + head.to_bytes(4), tmp_path) == ""
    assert kind_of(first + b"\xff\xfb", tmp_path) == ""


@pytest.mark.parametrize(
    "head",
    [
        *(0xFFFD9000, 0xFFFF9000, 0xFFEB9000, 0xFFFBF000),  # other layers, no version, bad rate
        *(0xFFFB0000, 0xFFFB9C00, 0x7FFB9000, 0xFF7B9000),  # free format, no rate, no sync
    ],
)
def test_what_is_no_frame(head: int, tmp_path: Path) -> None:
    for length in range(24, 1500, 4):
        data = (head.to_bytes(4) + bytes(length - 4)) * 2
        if length in (24, 416, 1044):
            assert kind_of(data, tmp_path) == ""
    assert kind_of(head.to_bytes(4) * 500, tmp_path) == ""
