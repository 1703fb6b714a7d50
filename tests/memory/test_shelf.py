"""Observations in the store: one look for many callers, equal bytes, and damage that is mended."""

from __future__ import annotations

import io
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from chainer.errors import MediaRefused
from chainer.media.inspect import Inspected, inspect_media
from chainer.media.limits import MediaLimits
from chainer.memory.npz import from_bytes, to_bytes
from chainer.memory.observation import Observation, Sighting
from chainer.memory.policy import FacePolicy
from chainer.memory.shelf import FILE, Observer
from chainer.store import Store

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
LIMITS = MediaLimits()
START, SECONDS = Fraction(1, 10), Fraction(8, 5)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    words = ["-f", "lavfi", "-i", "testsrc2=s=180x320:r=30:d=2"]
    words += ["-f", "lavfi", "-i", "sine=440:r=48000:d=2", "-c:a", "aac"]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([FFMPEG, "-y", "-v", "error", *words, str(path)], check=True)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def media(film: Path, store: Store) -> Inspected:
    return inspect_media(film, store, LIMITS)


def observer(store: Store, **more: int) -> Observer:
    return Observer(store, LIMITS, FacePolicy(enabled=False), **more)


def the_file(store: Store, key: str) -> Path:
    _, record = store.find(key)
    assert record is not None
    return store.path_of(record.files[FILE].digest)


def assert_equal(one: Observation, other: Observation) -> None:
    assert to_bytes(one) == to_bytes(other)
    for name in (field.name for field in fields(Observation)):
        if name not in ("head", "tail", "stills", "sightings"):
            assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.head, other.head)
    assert np.array_equal(one.tail, other.tail)
    for mine, theirs in zip(one.stills, other.stills, strict=True):
        assert mine.seconds == theirs.seconds
        assert np.array_equal(mine.pixels, theirs.pixels)


def test_one_look_for_many_callers(store: Store, media: Inspected) -> None:
    two = [observer(store), observer(store)]  # as two processes would have
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: two[n % 2].observe(media, START, SECONDS), range(16)))
    assert sum(one.observed for one in two) == 1
    assert sum(one.recalled for one in two) == 15
    assert len({one.key for one in found}) == 1
    later = observer(store)
    assert_equal(later.observe(media, START, SECONDS), found[0])
    assert (later.observed, later.recalled) == (0, 1)
    assert later.observe(media, START, SECONDS) is later.observe(media, START, SECONDS)
    assert_equal(later.find(found[0].key) or found[1], found[0])
    assert later.find("0" * 64) is None


def test_two_looks_give_the_same_bytes(
    tmp_path: Path, film: Path, store: Store, media: Inspected
) -> None:
    one = observer(store).observe(media, START, SECONDS)
    other_store = Store(tmp_path / "other")
    again = observer(other_store)
    other = again.observe(inspect_media(film, other_store, LIMITS), START, SECONDS)
    assert again.observed == 1
    assert the_file(store, one.key).read_bytes() == the_file(other_store, other.key).read_bytes()


def test_another_window_is_another_look(store: Store, media: Inspected) -> None:
    shelf = observer(store, kept=1)
    one = shelf.observe(media, START, SECONDS)
    other = shelf.observe(media, START, SECONDS - Fraction(1, 30))
    assert one.key != other.key
    assert shelf.observed == 2
    assert shelf.observe(media, START, SECONDS) is not one  # no longer in memory
    assert (shelf.observed, shelf.recalled) == (2, 1)


@pytest.mark.parametrize("harm", ["flip", "cut", "gone", "foreign"])
def test_what_is_damaged_is_looked_at_again(harm: str, store: Store, media: Inspected) -> None:
    one = observer(store).observe(media, START, SECONDS)
    path = the_file(store, one.key)
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(data[:-10])
    elif harm == "gone":
        path.unlink()
    else:  # a whole file in its place, and not an observation
        store.discard(one.key)
        with store.workspace() as folder:
            (folder / FILE).write_bytes(b"PK not an archive")
            store.publish(one.key, "observation", {FILE: folder / FILE}, {})
    again = observer(store)
    assert_equal(again.observe(media, START, SECONDS), one)
    assert again.observed == 1
    whole = observer(store)
    whole.observe(media, START, SECONDS)
    assert whole.observed == 0


def test_a_file_that_changed_is_refused(
    tmp_path: Path, film: Path, store: Store, media: Inspected
) -> None:
    copy = tmp_path / "b.mp4"
    copy.write_bytes(film.read_bytes() + b"\0")
    with pytest.raises(MediaRefused, match="changed"):
        observer(store).observe(replace(media, path=copy), START, SECONDS)


def test_sightings_come_back_whole(store: Store, media: Inspected) -> None:
    plain = observer(store).observe(media, START, SECONDS)
    rng = np.random.default_rng(1)
    seen = Sighting(
        character="ana",
        seconds=Fraction(1001, 30000),
        box=(0.1, 0.2, 0.3, 0.4),
        how="box",
        confidence=0.1 + 0.2,
        torso=rng.random(400, np.float32),
        face=rng.random(128, np.float32),
        palette=((0.5, 1.0, 2.0, 3.0), (0.5, 4.0, 5.0, 6.0)),
        head=(0.1, 0.2, 0.1, 0.1),
        face_width=80,
        yaw=-0.25,
        sharpness=12.5,
        crop=b"\xff\xd8 a crop",
    )
    bare = Sighting(character="", seconds=Fraction(0), box=(0, 0, 1, 1), how="track", confidence=0)
    back = from_bytes(to_bytes(replace(plain, sightings=(seen, bare), measurable=False)))
    assert not back.measurable
    for mine, theirs in zip((seen, bare), back.sightings, strict=True):
        for field in fields(Sighting):
            assert np.array_equal(getattr(mine, field.name), getattr(theirs, field.name))
    with pytest.raises(ValueError, match="read-only"):
        back.stills[0].pixels[0] = 0


def rewritten(data: bytes, name: str, body: bytes | None) -> bytes:
    """The archive with one of its files replaced, or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
            elif body is not None:
                new.writestr(entry, body)
    return out.getvalue()


def npy(array: object) -> bytes:
    out = io.BytesIO()
    np.save(out, np.asarray(array))
    return out.getvalue()


def test_no_foreign_file_is_taken_for_an_observation(store: Store, media: Inspected) -> None:
    data = to_bytes(observer(store).observe(media, START, SECONDS))
    pickled = npy(np.array([object()], dtype=object))
    foreign = [
        *(b"", b"PK\x05\x06" + bytes(18), data[: len(data) // 2], npy([1, 2])),
        *(rewritten(data, "head.npy", None), rewritten(data, "head.npy", pickled)),
        *(rewritten(data, "head.npy", npy([1.5])), rewritten(data, "still0.npy", b"junk")),
        rewritten(data, "header.npy", npy(np.frombuffer(b"{}", np.uint8))),
        rewritten(data, "header.npy", npy(np.frombuffer(b"[" * 50, np.uint8))),
        rewritten(data, "header.npy", npy(np.frombuffer(b'{"schema": "x/1"}', np.uint8))),
    ]
    for one in foreign:
        with pytest.raises(ValueError):  # noqa: PT011  the kind is what matters
            from_bytes(one)
