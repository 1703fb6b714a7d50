"""Decoding whole: every good film to its last picture, every damaged one refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from chainer.errors import Cancelled, MediaDamaged, MediaError, MediaRefused, RenderError
from chainer.media.child import ChildLimits, ChildResult, Stopped, run_child
from chainer.media.decode import (
    classify_failure,
    damage_in,
    decode_limits,
    decode_whole,
    input_options,
    output_guards,
    stream_maps,
)
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source

from .recipes import X264, Kitchen
from .test_values import INFO

SOMEWHERE = Path("/clips/a.mp4")


def decode(path: Path, ffmpeg: Path, limits: MediaLimits) -> tuple[int, int]:
    """Pictures that came out, pictures that were probed."""
    with open_source(path, limits=limits) as source:
        info = probe(source, limits=limits)
        assert info.video is not None
        found = decode_whole(source, info, limits=limits, ffmpeg=ffmpeg)
    return found, info.video.frames


@pytest.mark.parametrize(
    "make",
    [
        *("plain", "longer", "matroska", "fragmented", "fast_start", "silent", "uneven"),
        *("open_group", "cut", "cut_matroska", "late_key", "surround", "mono"),
    ],
)
def test_what_was_probed_comes_out(
    make: str, ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    found, probed = decode(getattr(kitchen, make)(), ffmpeg, limits)
    assert found == probed


@pytest.mark.parametrize("every", [500, 3000])
def test_turned_bits_are_refused(
    every: int, ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    with pytest.raises(MediaDamaged) as caught:
        decode(kitchen.flipped(kitchen.longer(), every), ffmpeg, limits)
    assert caught.value.facts["reason"] == "decode"
    assert caught.value.facts["argv"][0] == str(ffmpeg)
    assert caught.value.facts["stderr"]


def test_a_bad_checksum_that_is_only_logged_is_damage(
    ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    film = kitchen.coded("crc.mkv", "-c:v", "ffv1", "-slicecrc", "1", "-c:a", "flac")
    data = bytearray(film.read_bytes())
    data[len(data) // 2] ^= 1
    with pytest.raises(MediaDamaged):
        decode(kitchen.write("crc_flipped.mkv", bytes(data)), ffmpeg, limits)


def test_a_film_cut_off_after_it_was_probed(
    ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    """The decoder must see for itself: the probe may have been another day."""
    for film in (kitchen.fast_start(), kitchen.matroska(), kitchen.fragmented()):
        with open_source(film, limits=limits) as source:
            info = probe(source, limits=limits)
        shorter = kitchen.cut_off(film, 0.6)
        with open_source(shorter, limits=limits) as source, pytest.raises(MediaDamaged):
            decode_whole(source, info, limits=limits, ffmpeg=ffmpeg)


def test_a_text_in_place_of_the_film(ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen) -> None:
    text = kitchen.write("late.m3u8", b"#EXTM3U\n#EXTINF:1,\nplain.mp4\n#EXT-X-ENDLIST\n")
    with open_source(kitchen.plain(), limits=limits) as source:
        info = probe(source, limits=limits)
    with open_source(text, limits=limits) as source, pytest.raises(MediaDamaged):
        decode_whole(source, info, limits=limits, ffmpeg=ffmpeg)


def test_a_size_beyond_the_limits_in_mid_film(
    ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    assert INFO.video is not None
    video = INFO.video.model_copy(update={"codec": "mjpeg"})
    info = INFO.model_copy(update={"audio": None, "video": video})
    bomb = kitchen.bomb(header=False)
    with open_source(bomb, limits=limits) as source, pytest.raises(MediaError) as caught:
        decode_whole(source, info, limits=limits, ffmpeg=ffmpeg)
    assert caught.value.facts["reason"] == "decode"


def test_an_endless_output_is_bounded(ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen) -> None:
    """A minute between pictures makes 540 s of even frames; the guards allow what was asked."""
    with open_source(kitchen.plain(), limits=limits) as source:
        info = probe(source, limits=limits)
    lines: list[str] = []
    with open_source(kitchen.jump(), limits=limits) as source, source.lend() as fd:
        argv = [
            *(str(ffmpeg), "-v", "level+error", "-progress", "pipe:1", "-nostats", "-nostdin"),
            *input_options(info, limits),
            *("-fd", str(fd), "-i", "fd:", "-map", "0:0", "-vf", "fps=100"),
            *(*output_guards(info, limits, 150), "-f", "null", "-"),
        ]
        result = run_child(
            argv, limits=decode_limits(info, limits), pass_fds=[fd], on_line=lines.append
        )
    assert result.ok, result.stderr
    assert [line for line in lines if line.startswith("frame=")][-1] == "frame=150"


def test_a_normal_encode_fits_into_the_memory(
    ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    with open_source(kitchen.plain(), limits=limits) as source, source.lend() as fd:
        info = probe(source, limits=limits)
        argv = [
            *(str(ffmpeg), "-v", "level+error", "-y", *input_options(info, limits)),
            *("-fd", str(fd), "-i", "fd:", *stream_maps(info), "-vf", "scale=720:1280"),
            *(*X264, "-preset", "medium", "-threads", "4", *output_guards(info, limits, 99)),
            str(kitchen.folder / "house.mp4"),
        ]
        result = run_child(argv, limits=decode_limits(info, limits), pass_fds=[fd])
    assert result.ok, result.stderr


def test_memory_grows_with_an_honest_picture(limits: MediaLimits) -> None:
    assert INFO.video is not None
    large = INFO.video.model_copy(update={"width": 7680, "height": 4320, "bit_depth": 10})
    small = decode_limits(INFO, limits).memory_bytes
    huge = decode_limits(INFO.model_copy(update={"video": large}), limits).memory_bytes
    assert small is not None
    assert huge is not None
    assert small < 800 << 20 < 2 << 30 < huge


def test_cancel(ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen) -> None:
    event = threading.Event()
    with open_source(kitchen.plain(), limits=limits) as source:
        info = probe(source, limits=limits)
        event.set()
        with pytest.raises(Cancelled):
            decode_whole(source, info, limits=limits, ffmpeg=ffmpeg, cancel=event)


def test_the_options_are_closed(limits: MediaLimits) -> None:
    words = input_options(INFO, limits)
    assert words.pop(0) == "-xerror"
    words.remove("-noautorotate")
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    assert pairs["-f"] == pairs["-format_whitelist"] == "mov"
    assert pairs["-protocol_whitelist"] == "fd"
    assert pairs["-enable_drefs"] == pairs["-use_absolute_path"] == "0"
    assert "png" not in pairs["-codec_whitelist"].split(",")
    assert "-fd" not in words
    assert "-i" not in words


@pytest.mark.parametrize(
    ("stopped", "code", "stderr", "kind"),
    [
        ("timeout", -9, "", MediaRefused),
        ("cpu", -9, "", MediaRefused),
        ("memory", 1, "Cannot allocate memory", MediaRefused),
        ("crash", -11, "", MediaDamaged),
        ("killed", -9, "", RenderError),
        ("", 1, "[h264 @ 0x1] [error] error while decoding MB 1 2", MediaDamaged),
        ("", 1, "[dec:h264 @ 0x1] [error] Error submitting packet to decoder: x", MediaDamaged),
        ("", 1, "[mov @ 0x1] [fatal] corrupt input packet in stream 1", MediaDamaged),
        ("", 1, "[in#0 @ 0x1] [error] Format not on whitelist 'mov'", MediaRefused),
        ("", 1, "[mjpeg @ 0x1] Picture size 16000x16000 exceeds specified max pixel count 35389440",
         MediaRefused),
        ("", 1, "[out#0] [error] No space left on device", RenderError),
        ("", 1, "[AVFilterGraph] [error] No such filter: 'nope'", RenderError),
    ],
)  # fmt: skip
def test_whose_fault_it_was(
    stopped: Stopped, code: int, stderr: str, kind: type[Exception]
) -> None:
    result = ChildResult(code, b"", stderr, stopped, 1.0)
    error = classify_failure(result, SOMEWHERE, ["/bin/ffmpeg", "-i", "fd:"])
    assert type(error) is kind
    assert str(SOMEWHERE) in str(error)
    assert error.facts["argv"] == ["/bin/ffmpeg", "-i", "fd:"]


def test_harmless_words_are_no_damage() -> None:
    harmless = (
        "[h264] [error] mmco: unref short failure\n[h264] [error] co located POCs unavailable"
    )
    assert damage_in(ChildResult(0, b"", harmless, "", 1.0), SOMEWHERE) is None
    truncated = "[matroska,webm] [error] File ended prematurely"
    assert damage_in(ChildResult(0, b"", truncated, "", 1.0), SOMEWHERE) is not None


def test_limits_come_from_the_policy() -> None:
    limits = MediaLimits(decode_wall_seconds=5, decode_cpu_seconds=4)
    found = decode_limits(INFO, limits)
    assert isinstance(found, ChildLimits)
    assert (found.wall_seconds, found.cpu_seconds) == (5, 4)
