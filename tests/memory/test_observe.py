"""One look at a take: what it brings of ordinary ones, and that no odd one breaks it."""

from __future__ import annotations

import os
import subprocess
from fractions import Fraction
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from chainer.graph import Appearance
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source
from chainer.memory.keys import observation_key
from chainer.memory.observation import EDGE_SIDE, STILL_SIDE, Observation
from chainer.memory.observe import observe
from chainer.memory.policy import FacePolicy

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
NOBODY = FacePolicy(enabled=False)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1")
MEDIA = Path(
    os.environ.get("CHAINER_MEDIA", Path(__file__).resolve().parents[3] / "shared" / "media")
)


def make(path: Path, *words: str) -> Path:
    subprocess.run([FFMPEG, "-y", "-v", "error", *words, str(path)], check=True)
    return path


def picture(words: str) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", words)


def look(
    path: Path, start: Fraction, seconds: Fraction, *cast: Appearance, **more: object
) -> Observation:
    limits = MediaLimits()
    with open_source(path, limits=limits) as source:
        info = probe(source, limits=limits)
        return observe(
            source,
            info,
            start,
            seconds,
            cast=cast,
            faces=NOBODY,
            limits=limits,
            **more,  # type: ignore[arg-type]
        )


def test_what_one_look_brings(tmp_path: Path) -> None:
    sound = ("-f", "lavfi", "-i", "sine=440:r=48000:d=4", "-c:a", "aac")
    film = make(tmp_path / "a.mp4", *picture("testsrc2=s=360x640:r=30:d=4"), *sound, *X264)
    found = look(film, Fraction(1, 2), Fraction(10, 3))
    assert (found.width, found.height, found.fps) == (360, 640, 30)
    assert found.seconds == Fraction(10, 3)
    assert found.head.shape == found.tail.shape == (30, EDGE_SIDE, 90)
    assert max(found.first.pixels.shape) == STILL_SIDE
    assert found.first.seconds == 0
    assert found.last.seconds == Fraction(99, 30)
    assert found.sound is not None
    assert found.sound.integrated is not None
    assert found.sound.head is not None
    assert found.measurable
    assert found.notes == ()
    last = cv2.imdecode(np.frombuffer(found.last_frame, np.uint8), cv2.IMREAD_COLOR)
    assert last is not None
    assert last.shape == (640, 360, 3)
    small = cv2.resize(last, (108, 192), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(small - found.last.pixels).mean() < 3  # JPEG halves the colours
    with pytest.raises(ValueError, match="read-only"):
        found.head[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("words", "rotation", "flipped"),
    [
        (("-display_rotation", "-90"), 90, False),
        (("-display_rotation", "90"), 270, False),
        (("-display_rotation", "180"), 180, False),
        (("-display_hflip",), 0, True),
        (("-display_rotation", "90", "-display_hflip"), None, True),
    ],
)
def test_pictures_are_upright_as_a_player_shows_them(
    words: tuple[str, ...], rotation: int | None, flipped: bool, tmp_path: Path
) -> None:
    plain = make(tmp_path / "a.mp4", *picture("testsrc2=s=320x192:r=10:d=0.6"), *X264)
    film = make(tmp_path / "b.mp4", *words, "-i", str(plain), "-c", "copy")
    limits = MediaLimits()
    with open_source(film, limits=limits) as source:
        video = probe(source, limits=limits).video
    assert video is not None
    assert video.flipped == flipped
    assert rotation in (None, video.rotation)
    found = look(film, Fraction(0), Fraction(3, 5))
    size = f"{found.width}:{found.height}"
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-vf", f"scale={size},format=bgr24"]
    data = subprocess.run([*argv, "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
    shown = np.frombuffer(data, np.uint8).reshape(-1, found.height, found.width, 3)[-1]
    last = cv2.imdecode(np.frombuffer(found.last_frame, np.uint8), cv2.IMREAD_COLOR)
    assert last is not None
    assert np.abs(last.astype(int) - shown).mean() < 12  # another matrix and JPEG: a level or two


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    film = make(tmp_path / "a.mp4", *picture("testsrc2=s=320x320:r=10:d=0.6,setsar=1/2"), *X264)
    found = look(film, Fraction(0), Fraction(3, 5))
    assert (found.width, found.height) == (160, 320)
    assert found.first.pixels.shape == (STILL_SIDE, STILL_SIDE // 2, 3)


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("color=black:s=64x48:r=10:d=0.6", "black"),
        ("color=gray:s=64x48:r=10:d=0.6", "does not move"),
        ("testsrc2=s=16x16:r=10:d=0.6", "no sound"),
        ("testsrc2=s=2048x16:r=10:d=0.6", "no sound"),
        ("testsrc2=s=16x2000:r=10:d=0.6", "no sound"),
    ],
)
def test_odd_pictures_are_observed_with_notes(source: str, note: str, tmp_path: Path) -> None:
    found = look(make(tmp_path / "a.mp4", *picture(source), *X264), Fraction(0), Fraction(3, 5))
    assert any(note in one for one in found.notes)
    assert found.sound is None
    assert found.last_frame.startswith(b"\xff\xd8")


def test_a_window_of_one_frame(tmp_path: Path) -> None:
    film = make(tmp_path / "a.mp4", *picture("testsrc2=s=64x48:r=30:d=1"), *X264)
    found = look(film, Fraction(1, 2), Fraction(1, 30))
    assert len(found.stills) == len(found.head) == len(found.tail) == 1
    assert found.first.seconds == found.last.seconds == 0


def test_silence_is_a_note(tmp_path: Path) -> None:
    silence = ("-f", "lavfi", "-i", "anullsrc=r=48000:d=4", "-c:a", "aac", "-shortest")
    film = make(tmp_path / "a.mp4", *picture("testsrc2=s=64x48:r=10:d=4"), *silence, *X264)
    found = look(film, Fraction(0), Fraction(4))
    assert found.sound is not None
    assert (found.sound.integrated, found.sound.head, found.sound.tail) == (None, None, None)
    assert "it is silent" in found.notes


def test_high_dynamic_range_is_not_measured(tmp_path: Path) -> None:
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    ten = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
    words = (*picture("testsrc2=s=64x48:r=10:d=0.6"), "-vf", tags, *ten)
    found = look(make(tmp_path / "a.mp4", *words), Fraction(0), Fraction(3, 5))
    assert not found.measurable
    assert any("dynamic range" in one for one in found.notes)


def test_a_declared_box_is_looked_at_on_the_windows_clock(tmp_path: Path) -> None:
    film = make(tmp_path / "a.mp4", *picture("testsrc2=s=320x320:r=30:d=3"), *X264)
    inside = Appearance(
        character="ana",
        box=["0.25", "0.25", "0.5", "0.5"],
        at=Fraction(3, 2),  # type: ignore[arg-type]
    )
    outside = inside.model_copy(update={"character": "bo", "at": Fraction(1, 4)})
    found = look(film, Fraction(1), Fraction(2), inside, outside)
    assert any("bo" in note and "outside" in note for note in found.notes)
    declared = [one for one in found.sightings if one.how == "box"]
    assert {one.character for one in declared} == {"ana"}
    assert Fraction(1, 2) in {one.seconds for one in declared}


def test_the_key_holds_all_that_changes_the_look() -> None:
    base = observation_key("0" * 64, Fraction(0), Fraction(10), faces=NOBODY)
    ana = Appearance(character="ana")
    box = Appearance(character="ana", box=[0, 0, "0.5", 1])  # type: ignore[arg-type]
    others = [
        observation_key("1" * 64, Fraction(0), Fraction(10), faces=NOBODY),
        observation_key("0" * 64, Fraction(1), Fraction(10), faces=NOBODY),
        observation_key("0" * 64, Fraction(0), Fraction(9), faces=NOBODY),
        observation_key("0" * 64, Fraction(0), Fraction(10), faces=NOBODY, cast=[ana]),
        observation_key("0" * 64, Fraction(0), Fraction(10), faces=NOBODY, cast=[box]),
        observation_key("0" * 64, Fraction(0), Fraction(10), faces=NOBODY, rate=Fraction(25)),
        observation_key("0" * 64, Fraction(0), Fraction(10), faces=FacePolicy()),
        *(
            observation_key(
                "0" * 64, Fraction(0), Fraction(10), faces=NOBODY, references={name: data}
            )
            for name, data in (("ana", [b"1"]), ("ana", [b"2"]), ("bo", [b"1"]))
        ),
    ]
    assert len({base, *others}) == 1 + len(others)
    again = observation_key("0" * 64, Fraction(0), Fraction(10), faces=NOBODY, references={})
    assert again == base


def test_the_room_is_light_until_something_is_looked_at() -> None:
    code = "import sys, chainer, chainer.settings; print({'cv2', 'numpy'} & set(sys.modules))"
    argv = [os.sys.executable, "-c", code]  # type: ignore[attr-defined]
    assert subprocess.run(argv, check=True, capture_output=True).stdout.strip() == b"set()"


def test_real_takes() -> None:
    if not MEDIA.is_dir():
        pytest.skip(f"no media in {MEDIA}; name the folder with CHAINER_MEDIA")
    turned = look(MEDIA / "dev/asl_skull_1_rotmeta.mp4", Fraction(0), Fraction(2))
    upright = look(MEDIA / "dev/asl_skull_1.mp4", Fraction(0), Fraction(2))
    assert (turned.width, turned.height) == (upright.width, upright.height)
    for one, other in zip((turned.first, turned.last), (upright.first, upright.last), strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 3
    assert abs(turned.world.ev - upright.world.ev) < 0.05
