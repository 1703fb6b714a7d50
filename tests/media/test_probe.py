"""Good but odd clips, made here, and what the probe says of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from chainer.errors import Cancelled, MediaDamaged, MediaError, MediaRefused
from chainer.media.info import ColourRange, FieldOrder, HdrKind, MediaInfo, VideoInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source

from .recipes import X264, Kitchen

Look = Callable[[Path], MediaInfo]


def picture(info: MediaInfo) -> VideoInfo:
    assert info.video is not None
    return info.video


def refusal(look: Look, path: Path, kind: type[MediaError] = MediaRefused) -> dict[str, Any]:
    with pytest.raises(kind) as caught:
        look(path)
    assert str(path) in str(caught.value)
    assert caught.value.facts["path"] == str(path)
    return dict(caught.value.facts)


def test_a_plain_clip(look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.plain())
    video, audio = picture(info), info.audio
    assert (info.container, info.streams, info.notes) == ("mov", 2, ())
    assert info.bytes == kitchen.plain().stat().st_size
    assert (video.codec, video.pixel_format, video.bit_depth) == ("h264", "yuv420p", 8)
    assert (video.width, video.height, video.display_size) == (64, 48, (64, 48))
    assert (video.frame_rate, video.variable_rate, video.frames) == (10, False, 10)
    assert (video.start, video.end) == (0, 1)
    assert (video.rotation, video.flipped, video.interlaced, video.alpha) == (
        0,
        False,
        False,
        False,
    )
    assert audio is not None
    assert (audio.codec, audio.sample_rate, audio.channels, audio.layout) == (
        *("aac", 48000, 2, "stereo"),
    )
    assert audio.start == 0
    assert abs(audio.end - 1) < Fraction(1, 20)


@pytest.mark.parametrize("make", ["matroska", "fragmented", "fast_start"])
def test_the_container_does_not_change_what_is_in_it(
    make: str, look: Look, kitchen: Kitchen
) -> None:
    found, expected = picture(look(getattr(kitchen, make)())), picture(look(kitchen.longer()))
    assert (found.frames, found.frame_rate, found.seconds) == (
        *(expected.frames, expected.frame_rate, expected.seconds),
    )
    assert not found.variable_rate


def test_a_picture_without_sound_comes_in(look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.silent())
    assert info.audio is None
    assert "it has no sound" in info.notes


def test_sound_without_a_picture_does_not(look: Look, kitchen: Kitchen) -> None:
    assert refusal(look, kitchen.sound_only())["reason"] == "no_picture"


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_still_image_named_mp4(kind: str, look: Look, kitchen: Kitchen) -> None:
    facts = refusal(look, kitchen.still(kind))
    assert facts["reason"] == "container"
    assert "still image" in facts["value"]


def test_a_cover_picture_is_not_the_film(look: Look, kitchen: Kitchen) -> None:
    cover = kitchen.still("png")
    words = ("-i", kitchen.plain(), "-i", cover, "-map", "0", "-map", "1", "-c", "copy")
    film = kitchen.make("cover.mp4", *words, "-disposition:v:1", "attached_pic")
    info = look(film)
    assert picture(info).codec == "h264"
    assert info.streams == 3
    words = ("-i", kitchen.sound_only(), "-i", cover, "-map", "0", "-map", "1", "-c", "copy")
    song = kitchen.make("song.mp4", *words, "-disposition:v:0", "attached_pic")
    assert refusal(look, song)["reason"] == "no_picture"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ("one_frame", "one_frame"),
        ("blink", "min_seconds"),
        ("hour", "max_seconds"),
        ("jump", "max_gap_seconds"),
        ("thousand", "max_fps"),
        ("png_film", "video_codec"),
        ("external", "external_data"),
        ("encrypted", "encrypted"),
    ],
)
def test_beyond_the_limits(make: str, reason: str, look: Look, kitchen: Kitchen) -> None:
    facts = refusal(look, getattr(kitchen, make)())
    assert facts["reason"] == reason
    assert "value" in facts or reason == "encrypted"


def test_a_limit_is_the_callers(kitchen: Kitchen) -> None:
    for changed, reason in (
        ({"max_seconds": "1/2"}, "max_seconds"),
        ({"max_side": 50}, "max_side"),
        ({"max_pixels": 3000}, "max_pixels"),
        ({"min_side": 64}, "min_side"),
        ({"max_fps": 8}, "max_fps"),
        ({"max_channels": 1}, "max_channels"),
        ({"max_sample_rate": 44100}, "sample_rate"),
        ({"video_codecs": ["vp9"]}, "video_codec"),
        ({"audio_codecs": ["opus"]}, "audio_codec"),
        ({"containers": ["matroska"]}, "container"),
        ({"max_streams": 1}, "max_streams"),
        ({"probe_wall_seconds": 0.01}, "probe_timeout"),
    ):
        limits = MediaLimits.model_validate(changed)
        film = kitchen.plain()
        with open_source(film, limits=limits) as source, pytest.raises(MediaRefused) as caught:
            pytest.fail(f"{changed}: {probe(source, limits=limits)}")
        assert caught.value.facts["reason"] == reason, changed


@pytest.mark.parametrize("header", [True, False])
def test_a_picture_bomb_takes_no_memory(header: bool, look: Look, kitchen: Kitchen) -> None:
    """16,000 x 16,000 needs 384 MB for one picture: the probe may use 600 MB, and says no
    for the size, not for the memory."""
    facts = refusal(look, kitchen.bomb(header=header), MediaError)
    assert facts["reason"] in {"max_side", "decode"}


def test_too_many_tracks(look: Look, kitchen: Kitchen) -> None:
    assert look(kitchen.tracks(16)).streams == 16
    assert refusal(look, kitchen.tracks(17))["reason"] == "max_streams"


def test_too_many_streams_in_matroska(look: Look, kitchen: Kitchen) -> None:
    maps = ("-map", "0:v") * 17
    film = kitchen.make("tracks17.mkv", "-i", kitchen.silent(), *maps, "-c", "copy")
    assert refusal(look, film)["reason"] == "max_streams"


def test_a_varying_frame_rate(look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.uneven())
    assert picture(info).variable_rate
    assert any("varies" in note for note in info.notes)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["", "h"])
def test_turning_by_our_numbers_is_what_ffmpeg_would_do(
    degrees: int, flip: str, look: Look, kitchen: Kitchen
) -> None:
    path = kitchen.turned(degrees, flip)
    video = picture(look(path))
    assert video.flipped == bool(flip)
    assert video.display_size == ((64, 48) if degrees % 180 == 0 else (48, 64))
    turns = {0: "null", 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}
    ours = turns[video.rotation] + (",hflip" if video.flipped else "")
    name = f"pixels{degrees}{flip}"
    pixels = ("-frames:v", "3", "-f", "rawvideo")
    by_ffmpeg = kitchen.make(f"{name}.a", "-i", path, *pixels)
    by_us = kitchen.make(f"{name}.b", "-noautorotate", "-i", path, "-vf", ours, *pixels)
    assert by_us.read_bytes() == by_ffmpeg.read_bytes()


def test_a_picture_turned_by_an_odd_angle(look: Look, kitchen: Kitchen) -> None:
    assert refusal(look, kitchen.turned(30))["reason"] == "rotation"


@pytest.mark.parametrize(
    ("order", "field"), [("tff", FieldOrder.TOP_FIRST), ("bff", FieldOrder.BOTTOM_FIRST)]
)
def test_interlaced(order: str, field: FieldOrder, look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.interlaced(order))
    assert picture(info).field_order is field
    assert picture(info).interlaced
    assert picture(info).frame_rate == 25


PRORES = ("-c:v", "prores_ks", "-profile:v", "0", "-c:a", "pcm_s16le")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
AV1 = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-c:a", "libopus")


@pytest.mark.parametrize(
    ("name", "words", "codecs", "depth"),
    [
        ("hevc.mp4", (*HEVC, "-pix_fmt", "yuv420p"), ("hevc", "aac"), 8),
        ("hevc10.mov", (*HEVC, "-pix_fmt", "yuv420p10le"), ("hevc", "aac"), 10),
        ("ten.mp4", (*X264[:4], "-pix_fmt", "yuv420p10le", "-c:a", "alac"), ("h264", "alac"), 10),
        ("vp9.webm", VP9, ("vp9", "opus"), 8),
        ("av1.mp4", (*AV1, "-pix_fmt", "yuv420p"), ("av1", "opus"), 8),
        ("vp8.webm", ("-c:v", "libvpx", "-c:a", "libvorbis"), ("vp8", "vorbis"), 8),
        ("prores.mov", PRORES, ("prores", "pcm_s16le"), 10),
        ("ffv1.mkv", ("-c:v", "ffv1", "-c:a", "flac"), ("ffv1", "flac"), 8),
        ("mpeg4.mp4", ("-c:v", "mpeg4", "-c:a", "libmp3lame"), ("mpeg4", "mp3"), 8),
        ("mjpeg.mov", ("-c:v", "mjpeg", "-c:a", "ac3"), ("mjpeg", "ac3"), 8),
    ],
)
def test_accepted_codecs(
    *, name: str, words: tuple[str, ...], codecs: tuple[str, str], depth: int,
    look: Look, kitchen: Kitchen,
) -> None:  # fmt: skip
    info = look(kitchen.coded(name, *words))
    assert info.audio is not None
    assert (picture(info).codec, info.audio.codec) == codecs
    assert picture(info).bit_depth == depth
    assert (picture(info).frames, picture(info).frame_rate) == (10, 10)


@pytest.mark.parametrize(
    ("transfer", "kind"), [("smpte2084", HdrKind.PQ), ("arib-std-b67", HdrKind.HLG)]
)
def test_hdr_tags(transfer: str, kind: HdrKind, look: Look, kitchen: Kitchen) -> None:
    video = picture(look(kitchen.hdr(transfer)))
    assert (video.hdr, video.colour_transfer, video.colour_primaries) == (kind, transfer, "bt2020")
    assert (video.colour_matrix, video.colour_range) == ("bt2020nc", ColourRange.TV)


def test_transparency(look: Look, kitchen: Kitchen) -> None:
    four = ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")
    assert picture(look(kitchen.coded("alpha.mov", *four))).alpha


def test_pixels_that_are_not_square(look: Look, kitchen: Kitchen) -> None:
    video = picture(look(kitchen.coded("wide.mp4", *X264, "-vf", "setsar=2/1")))
    assert video.sample_aspect == 2
    assert video.display_size == (128, 48)


def test_late_mono_sound_at_44100(look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.mono())
    audio = info.audio
    assert audio is not None
    assert (audio.sample_rate, audio.channels, audio.layout) == (44100, 1, "mono")
    assert abs(audio.start - Fraction(1, 2)) < Fraction(1, 40)
    assert info.seconds == audio.end - picture(info).start
    assert any("after the picture" in note for note in info.notes)


def test_surround_sound(look: Look, kitchen: Kitchen) -> None:
    audio = look(kitchen.surround()).audio
    assert audio is not None
    assert (audio.channels, audio.layout) == (6, "5.1")


def test_a_cut_without_encoding(look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.cut())
    assert abs(picture(info).seconds - Fraction(5, 2)) < Fraction(1, 10)
    assert any("edit list" in note for note in info.notes)


def test_a_film_without_its_first_keyframe(look: Look, kitchen: Kitchen) -> None:
    info = look(kitchen.late_key())
    assert picture(info).start > 1
    assert any("lack a keyframe" in note for note in info.notes)


def test_the_answer_is_the_same_from_many_threads(limits: MediaLimits, kitchen: Kitchen) -> None:
    with open_source(kitchen.longer(), limits=limits) as source, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: probe(source, limits=limits), range(8)))
    assert all(one == found[0] for one in found)


def test_cancel(limits: MediaLimits, kitchen: Kitchen) -> None:
    event = threading.Event()
    event.set()
    with open_source(kitchen.plain(), limits=limits) as source, pytest.raises(Cancelled):
        probe(source, limits=limits, cancel=event)


@pytest.mark.usefixtures("no_leaks")
def test_nothing_stays_open(look: Look, kitchen: Kitchen) -> None:
    look(kitchen.plain())
    refusal(look, kitchen.one_frame())
    refusal(look, kitchen.cut_off(kitchen.longer(), 0.5), MediaDamaged)
