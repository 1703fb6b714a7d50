"""Small raw pictures of a window: exactly those that the conform shows, and honest bytes."""

from __future__ import annotations

import os
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from chainer.errors import Cancelled, ChainerError, MediaDamaged, MediaRefused
from chainer.media import frames
from chainer.media.child import ChildResult
from chainer.media.decode import input_options
from chainer.media.frames import (
    Footage,
    FootageRequest,
    RawPicture,
    _question,
    kept_rate,
    read_footage,
)
from chainer.media.info import MediaInfo
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import SourceFile, open_source

from .conftest import REPOSITORY
from .recipes import PICTURE, STEREO, X264, Kitchen

MEDIA = Path(os.environ.get("CHAINER_MEDIA", REPOSITORY.parent / "shared" / "media"))
HOUSE = Fraction(30)
LONG = ("-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=5")
DEEP = ("-bf", "3", "-g", "40", "-x264-params", "b-pyramid=normal:scenecut=0")
CODECS = {
    "b.mp4": (*LONG, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", *DEEP),
    "open.mkv": (
        *(*LONG, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "3"),
        *("-x264-params", "open-gop=1:keyint=30:scenecut=0"),
    ),
    "hevc.mp4": (
        *(*LONG, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-x265-params", "bframes=4:b-pyramid=1:temporal-layers=3:keyint=60:log-level=none"),
    ),
    "mpeg4.mp4": (*LONG, "-c:v", "mpeg4", "-bf", "2", "-g", "30", "-pix_fmt", "yuv420p"),
    "vp9.webm": (*LONG, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "many-a-second.mp4": ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=120:d=4", *X264, "-bf", "2"),
}


def look(
    path: Path, limits: MediaLimits, first: int, count: int, **more: object
) -> tuple[Footage, MediaInfo]:
    """The footage of frames [first, first + count) of the house rate."""
    with open_source(path, limits=limits) as source:
        info = probe(source, limits=limits)
        request = FootageRequest(
            start=first / HOUSE,
            seconds=count / HOUSE,
            **more,  # type: ignore[arg-type]
        )
        return read_footage(source, info, request, limits=limits), info


def pixels(picture: RawPicture) -> NDArray[np.int16]:
    array = np.frombuffer(picture.pixels, np.uint8)
    return array.reshape(picture.height, picture.width, 3).astype(np.int16)


def conformed(
    source: SourceFile, info: MediaInfo, ffmpeg: Path, limits: MediaLimits, first: int, count: int
) -> NDArray[np.int16]:
    """What the conform's filters make of it, at the size of small footage; all pictures of the
    media where `count` is 0."""
    video = info.video
    assert video is not None
    asked = _question(info, video, FootageRequest(start=Fraction(0), seconds=Fraction(1)), limits)
    width, height = asked["small"]
    words = [f"setpts=PTS-({video.start.numerator}/{video.start.denominator})/TB"]
    if video.interlaced:
        words.append("bwdif=mode=send_frame:parity=auto:deint=all")
    if count:
        words += ["fps=fps=30/1:start_time=0", "tpad=stop=1:stop_mode=clone"]
        words.append(f"trim=start_frame={first}:end_frame={first + count}")
    scale = f"scale={width}:{height}:flags=area+accurate_rnd+full_chroma_int"
    given = f":in_range={asked['range']}" if asked["range"] else ""
    words += [f"{scale}:in_color_matrix={asked['matrix']}{given}", "format=bgr24"]
    with source.lend() as fd:
        argv = [
            *(str(ffmpeg), "-v", "error", "-nostdin", "-copyts"),
            *(*input_options(info, limits, threads=1), "-fd", str(fd), "-i", "fd:"),
            *("-map", f"0:{video.stream}", "-vf", ",".join(words)),
            *("-fps_mode", "passthrough", "-f", "rawvideo", "-"),
        ]
        data = subprocess.run(argv, pass_fds=[fd], check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3).astype(np.int16)


def assert_same_as_conform(
    path: Path, ffmpeg: Path, limits: MediaLimits, first: int, count: int
) -> None:
    """The ends are the very pictures of the film, and near them none of the media is missing."""
    found, info = look(path, limits, first, count)
    with open_source(path, limits=limits) as source:
        shown = conformed(source, info, ffmpeg, limits, first, count)
        every = conformed(source, info, ffmpeg, limits, 0, 0)[:, ::5, ::5]
    for mine, theirs in ((found.small[0], shown[0]), (found.small[-1], shown[-1])):
        assert np.abs(pixels(mine) - theirs).mean() < 0.05
    seconds = count / HOUSE
    for end in (
        [one for one in found.small if one.seconds < 1],
        [one for one in found.small if one.seconds >= seconds - 1],
    ):
        gaps = [np.abs(every - pixels(one)[::5, ::5]).mean((1, 2, 3)) for one in end]
        numbers = [int(gap.argmin()) for gap in gaps]
        assert max(gap.min() for gap in gaps) < 0.05
        assert info.video is not None
        step = round(info.video.frame_rate / kept_rate(info.video))
        steps = np.diff(numbers)
        assert np.isin(steps[:-1], step).all()  # the very last one is kept whatever its distance
        assert ((steps >= 1) & (steps <= step)).all()


@pytest.mark.parametrize("name", CODECS)
def test_the_ends_are_whole_and_end_where_the_film_ends(
    name: str, ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    film = kitchen.make(name, *CODECS[name])
    # Long enough for pictures to be skipped on the way.
    assert_same_as_conform(film, ffmpeg, limits, 11, 109 if name == "many-a-second.mp4" else 131)


@pytest.mark.parametrize("recipe", ["cut", "cut_matroska", "open_group", "uneven", "late_key"])
def test_odd_times(recipe: str, ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen) -> None:
    """Edit lists, hidden pictures, open groups, a rate that varies."""
    film = getattr(kitchen, recipe)()
    with open_source(film, limits=limits) as source:
        info = probe(source, limits=limits)
    assert info.video is not None
    frames_shown = int(info.video.seconds * HOUSE)
    assert_same_as_conform(film, ffmpeg, limits, 4, frames_shown - 9)


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_pictures_are_deinterlaced(
    order: str, ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    # Of the very first picture two builds of FFmpeg make different ones: it has none before it.
    assert_same_as_conform(kitchen.interlaced(order), ffmpeg, limits, 5, 24)


def test_colour_and_range_are_those_of_the_conform(
    ffmpeg: Path, limits: MediaLimits, kitchen: Kitchen
) -> None:
    for name, pixel_format, tags in (
        ("full.mp4", "yuvj420p", "range=pc:colorspace=bt709"),
        ("sd.mp4", "yuv422p", "range=tv"),
        ("ten.mp4", "yuv420p10le", "range=tv:colorspace=smpte170m"),
    ):
        words = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", pixel_format)
        film = kitchen.make(name, *PICTURE, "-vf", f"setparams={tags}", *words)
        assert_same_as_conform(film, ffmpeg, limits, 0, 30)


def test_real_media(ffmpeg: Path, limits: MediaLimits) -> None:
    if not MEDIA.is_dir():
        pytest.skip(f"no media in {MEDIA}; name the folder with CHAINER_MEDIA")
    for name, first, count in (
        ("dev/bbb_1_23976_51.mp4", 20, 270),
        ("dev/streamio_sign_vfr.mov", 0, 200),
        ("odd/iphone_hevc60_rot90_0.6s.mov", 2, 14),
        ("odd/h264_yuv444_vfr_15s.mp4", 60, 200),
    ):
        found, info = look(MEDIA / name, limits, first, count)
        with open_source(MEDIA / name, limits=limits) as source:
            shown = conformed(source, info, ffmpeg, limits, first, count)
        assert np.abs(pixels(found.small[0]) - shown[0]).mean() < 0.05, name
        assert np.abs(pixels(found.small[-1]) - shown[-1]).mean() < 0.05, name


def test_which_pictures_come(limits: MediaLimits, kitchen: Kitchen) -> None:
    found, _ = look(
        kitchen.make("b.mp4", *CODECS["b.mp4"]), limits, 0, 150, moments=(Fraction(3, 5),)
    )
    times = [one.seconds for one in found.small]
    assert times == sorted(times)
    assert times[:26] == [Fraction(n, 25) for n in range(26)]
    assert times[-25:] == [Fraction(n, 25) for n in range(100, 125)]
    assert 11 <= len(times) - 50 <= 13  # four a second between
    large = [one.seconds for one in found.large]
    assert (large[0], large[-1]) == (times[0], times[-1])
    assert Fraction(3, 5) in large
    assert all(max(one.width, one.height) == 320 for one in found.small)
    assert all((one.width, one.height) == (160, 96) for one in found.large)
    assert (found.last.width, found.last.height) == (160, 96)
    assert found.last.seconds == large[-1]


def test_large_pictures_are_reduced_and_the_last_one_less(
    limits: MediaLimits, kitchen: Kitchen
) -> None:
    picture = ("-f", "lavfi", "-i", "color=red:s=2560x1440:r=10:d=0.6,setsar=1/2")
    found, _ = look(kitchen.make("large.mp4", *picture, *X264), limits, 0, 18)
    assert [(one.width, one.height) for one in found.large] == [(1138, 1280)] * len(found.large)
    assert (found.last.width, found.last.height) == (1280, 1440)
    assert found.last.seconds == found.small[-1].seconds


@pytest.mark.parametrize("size", ["16x16", "2048x16", "16x2000"])
def test_tiny_and_wide_pictures(size: str, limits: MediaLimits, kitchen: Kitchen) -> None:
    picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=10:d=0.6")
    found, _ = look(kitchen.make(f"{size}.mp4", *picture, *X264), limits, 0, 18)
    assert max(found.small[0].width, found.small[0].height) == 320
    assert min(found.small[0].width, found.small[0].height) >= 2


def test_a_window_of_one_frame(limits: MediaLimits, kitchen: Kitchen) -> None:
    found, _ = look(kitchen.longer(), limits, 40, 1)
    assert [one.seconds for one in found.small] == [0]
    assert len(found.large) == 1


def test_a_long_run_before_the_window_is_left_out(limits: MediaLimits, kitchen: Kitchen) -> None:
    """And what is decoded starts soon enough all the same."""
    film = kitchen.make("b.mp4", *CODECS["b.mp4"])
    late, _ = look(film, limits, 120, 30)
    whole, _ = look(film, limits, 0, 150)
    assert np.array_equal(pixels(late.small[0]), pixels(whole.small[-25]))
    assert np.array_equal(pixels(late.small[-1]), pixels(whole.small[-1]))


def test_sound_is_that_of_the_window(limits: MediaLimits, kitchen: Kitchen) -> None:
    """A sine of -20 LUFS that begins after three seconds of silence."""
    level = 10 ** (-20 / 20)
    sine = f"gt(t\\,3)*{level}*sin(2*PI*997*t)"
    tone = f"aevalsrc={sine}|{sine}:s=48000:d=7"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=7")
    stereo = ("-c:a", "flac", "-strict", "-2")
    film = kitchen.make("tone.mp4", *picture, "-f", "lavfi", "-i", tone, *X264, *stereo)
    found, _ = look(film, limits, 0, 90)
    assert found.sound is not None
    assert len(found.sound.short) == 30
    assert len(found.sound.samples) == 3 * 48_000 * 2
    assert not np.frombuffer(found.sound.samples, "<i2").any()
    found, _ = look(film, limits, 90, 120)
    assert found.sound is not None
    assert found.sound.integrated == pytest.approx(-20, abs=0.3)
    assert found.sound.short[29] == pytest.approx(-20, abs=0.3)
    samples = np.frombuffer(found.sound.samples, "<i2")
    assert len(samples) == 4 * 48_000
    assert np.abs(samples).max() == pytest.approx(32768 * level, rel=0.02)


def test_no_sound_and_sound_that_ends_early(limits: MediaLimits, kitchen: Kitchen) -> None:
    found, _ = look(kitchen.silent(), limits, 0, 30)
    assert found.sound is None
    short = ("-f", "lavfi", "-i", "sine=440:r=44100:d=0.4")
    found, _ = look(kitchen.make("short.mp4", *PICTURE, *short, *X264, *STEREO), limits, 0, 30)
    assert found.sound is not None
    samples = np.frombuffer(found.sound.samples, "<i2")
    assert len(samples) == 48_000
    assert samples[:18_000].any()
    assert not samples[24_000:].any()


def test_turned_bits_are_damage(limits: MediaLimits, kitchen: Kitchen) -> None:
    film = kitchen.flipped(kitchen.plain(), 300)
    with open_source(kitchen.plain(), limits=limits) as source:
        info = probe(source, limits=limits)
    request = FootageRequest(start=Fraction(0), seconds=Fraction(1))
    with open_source(film, limits=limits) as source, pytest.raises(MediaDamaged) as caught:
        read_footage(source, info, request, limits=limits)
    assert caught.value.facts["reason"] == "decode"


def test_a_film_that_breaks_off_is_damage(limits: MediaLimits, kitchen: Kitchen) -> None:
    for film in (kitchen.fast_start(), kitchen.matroska()):
        with open_source(film, limits=limits) as source:
            info = probe(source, limits=limits)
        request = FootageRequest(start=Fraction(0), seconds=Fraction(4))
        shorter = kitchen.cut_off(film, 0.6)
        with open_source(shorter, limits=limits) as source, pytest.raises(MediaDamaged):
            read_footage(source, info, request, limits=limits)


def test_limits_and_cancel_hold(limits: MediaLimits, kitchen: Kitchen) -> None:
    tight = limits.model_copy(update={"decode_wall_seconds": 0.01})
    with pytest.raises(MediaRefused) as caught:
        look(kitchen.plain(), tight, 0, 30)
    assert caught.value.facts["reason"] == "decode_timeout"
    request = FootageRequest(start=Fraction(0), seconds=Fraction(1))
    with open_source(kitchen.plain(), limits=limits) as source:
        info = probe(source, limits=limits)
        stop = threading.Event()
        stop.set()
        with pytest.raises(Cancelled):
            read_footage(source, info, request, limits=limits, cancel=stop)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b'{"tick": [1, 0], "pictures": [], "sound": null}',
        b'{"tick": [1, 10], "pictures": [[0, 0]], "sound": null}',
        b'{"tick": [1, 10], "pictures": [[0, 0], [0, 1], [1, 0], [1, 1]], "sound": null}',
        b'{"tick": [1, 10], "pictures": [[0, 7]], "sound": null}',
        b'{"tick": [1, 10], "pictures": [[0, 0]], "sound": null, "more": 1}',
    ],
)
def test_an_answer_that_does_not_match_its_bytes_is_refused(
    answer: bytes, limits: MediaLimits, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child may have been taken over by the file."""

    def run(argv: list[str], *, pass_fds: list[int], **_: object) -> ChildResult:
        os.write(pass_fds[1], b"x" * 1000)
        return ChildResult(0, answer, "", "", 0.1)

    monkeypatch.setattr(frames, "run_child", run)
    with pytest.raises(ChainerError) as caught:
        look(kitchen.silent(), limits, 0, 30)
    assert caught.value.code == "media-refused"
