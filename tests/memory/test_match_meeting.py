"""Meetings of media files: read in a child, kept in the store, and found again."""

from __future__ import annotations

import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainer.errors import Cancelled, MediaError, MediaRefused
from chainer.media.inspect import Inspected, inspect_media
from chainer.media.limits import MediaLimits
from chainer.memory import match
from chainer.memory.meeting import Meeting, meet, meeting_key
from chainer.memory.observation import Picture
from chainer.store import Presence, Store
from tests.film.coded import FFMPEG

from .test_match import swing

FPS = Fraction(30)
LIMITS = MediaLimits()


def write(path: Path, pictures: Picture, *options: str, rate: int = 30) -> Path:
    height, width = pictures.shape[1:3]
    argv = [FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    argv += ["-s", f"{width}x{height}", "-r", str(rate), "-i", "-", "-pix_fmt", "yuv420p"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-threads", "1"]
    subprocess.run([*argv, *options, str(path)], input=pictures.tobytes(), check=True)
    return path


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("media")
    whole = np.ascontiguousarray(swing(0, 80)[:, :, :134])
    return {
        "left": write(folder / "left.mp4", whole[:40]),
        "right": write(folder / "right.mp4", whole[33:73]),
        # every second picture shows for two frames: variable rate
        "vfr": write(
            folder / "vfr.mkv",
            whole[33:73],
            *("-vf", "select='not(eq(mod(n,4),3))'", "-fps_mode", "vfr"),
        ),
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def asked(store: Store, media: dict[str, Path], right: str = "right", **more: Any) -> Meeting:
    left, other = (inspect_media(media[name], store, LIMITS) for name in ("left", right))
    windows = more.get("windows", ((0, 40), (0, 40)))
    return meet(store, LIMITS, left, windows[0], other, windows[1], FPS, more.get("kind", "match"))


def test_the_pair_is_found_in_the_files_and_kept(
    store: Store, media: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(store, media)
    assert found.left + found.right == 7
    assert found.made == 0
    assert found.plain > 2 * found.score
    assert (found.point.left, found.point.right) == (found.left, found.right)
    assert Meeting.model_validate(found.as_json()) == found
    left, right = (inspect_media(media[name], store, LIMITS) for name in ("left", "right"))
    key = meeting_key(left.digest, (0, 40), right.digest, (0, 40), FPS, "match")
    presence, record = store.find(key)
    assert presence is Presence.CACHED
    assert record is not None
    assert (record.type, record.files) == ("meeting", {})

    def never(*_: object) -> None:
        raise AssertionError("it was looked at twice")

    monkeypatch.setattr(match, "find_point", never)
    assert asked(store, media) == found
    with pytest.raises(AssertionError, match="twice"):
        asked(store, media, kind="morph")
    store.discard(key)  # as when consent is taken back
    with pytest.raises(AssertionError, match="twice"):
        asked(store, media)


def test_windows_are_counted_in_frames_of_the_film(store: Store, media: dict[str, Path]) -> None:
    """Of the right clip 3 frames are trimmed already: only 4 are left that play again."""
    found = asked(store, media, windows=((0, 40), (3, 37)))
    assert found.left + found.right == 4
    # and of the left one 2 more
    fewer = asked(store, media, windows=((0, 38), (3, 37)))
    assert fewer.left + fewer.right == 2


def test_pictures_of_variable_rate_are_placed_by_their_time(
    store: Store, media: dict[str, Path]
) -> None:
    found = asked(store, media, "vfr")
    assert 6 <= found.left + found.right <= 8
    assert found.plain > 2 * found.score


def test_less_than_half_of_a_clip_is_given(store: Store, media: dict[str, Path]) -> None:
    found = asked(store, media, windows=((32, 8), (0, 8)))
    assert max(found.left, found.right) <= 1
    tiny = asked(store, media, windows=((38, 2), (0, 40)))
    assert tiny.point.is_plain
    assert "too little plays" in tiny.why


def test_a_damaged_answer_is_found_again(store: Store, media: dict[str, Path]) -> None:
    found = asked(store, media)
    left, right = (inspect_media(media[name], store, LIMITS) for name in ("left", "right"))
    key = meeting_key(left.digest, (0, 40), right.digest, (0, 40), FPS, "match")
    store.discard(key)
    store.publish(key, "meeting", {}, {"schema": "chainer.meeting/1", "asked": "cut"})
    assert asked(store, media) == found


def test_a_file_that_cannot_be_decoded_is_refused_and_nothing_kept(
    store: Store, media: dict[str, Path], tmp_path: Path
) -> None:
    good = inspect_media(media["right"], store, LIMITS)
    data = bytearray(media["right"].read_bytes())
    start = data.index(b"mdat") + 600
    data[start : start + 6000] = bytes(6000)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(bytes(data))
    from chainer.media.source import open_source

    with open_source(broken, limits=LIMITS) as source:
        bad = Inspected(broken, source.digest, good.info)
    left = inspect_media(media["left"], store, LIMITS)
    with pytest.raises(MediaError):
        meet(store, LIMITS, left, (0, 40), bad, (0, 40), FPS, "match")
    key = meeting_key(left.digest, (0, 40), bad.digest, (0, 40), FPS, "match")
    assert store.find(key)[0] is Presence.ABSENT
    moved = Inspected(media["left"], good.digest, good.info)
    with pytest.raises(MediaRefused, match="changed after it was inspected"):
        meet(store, LIMITS, moved, (0, 40), good, (0, 40), FPS, "match")


def test_a_search_can_be_stopped(store: Store, media: dict[str, Path]) -> None:
    left, right = (inspect_media(media[name], store, LIMITS) for name in ("left", "right"))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        meet(store, LIMITS, left, (0, 40), right, (0, 40), FPS, "match", stop)


def test_the_key_knows_all_that_changes_the_answer() -> None:
    one: tuple[Any, ...] = ("a" * 64, (0, 40), "b" * 64, (0, 40), FPS, "match")
    others = [
        ("c" * 64, *one[1:]),
        (one[0], (1, 40), *one[2:]),
        (*one[:2], "d" * 64, *one[3:]),
        (*one[:3], (0, 41), *one[4:]),
        (*one[:4], Fraction(24), one[5]),
        (*one[:5], "morph"),
        (one[2], one[3], one[0], one[1], *one[4:]),
    ]
    assert len({meeting_key(*key) for key in [one, *others]}) == len(others) + 1
