"""Looks of pictures: what survives handling, what does not, and pictures that have none."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.consent.blocklist import DEFAULT_DISTANCE, BlockPolicy, image_faults
from chainer.memory.observation import Observation, Picture, Sighting, Still, World
from chainer.memory.phash import (
    distance,
    observation_hashes,
    phash,
    phash_jpeg,
    phash_text,
    phashes,
)

SEEDS = range(24)


def picture(seed: int, height: int = 320, width: int = 180) -> Picture:
    """Blots of light of many sizes, as natural pictures have them."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for level, strength in ((3, 1.0), (6, 0.7), (12, 0.4), (48, 0.15)):
        blots = rng.normal(size=(level, level, 3)).astype(np.float32)
        total += strength * cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)
    total = (total - total.min()) / (total.max() - total.min())
    return (total * 255).astype(np.uint8)


def jpeg(pixels: Picture, quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def nearest(listed: Picture, shown: Picture) -> int:
    wanted = phash(listed)
    assert wanted is not None
    return min(distance(wanted, one) for one in phashes(shown))


def crop(pixels: Picture, share: float) -> Picture:
    height, width = pixels.shape[:2]
    y, x = round(height * share / 2), round(width * share / 2)
    return np.ascontiguousarray(pixels[y : height - y, x : width - x])


@pytest.mark.parametrize("seed", SEEDS)
def test_handling_changes_little(seed: int) -> None:
    whole = picture(seed)
    half = cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    poor = cv2.imdecode(np.frombuffer(jpeg(whole, 20), np.uint8), cv2.IMREAD_COLOR)
    wide = cv2.resize(whole, (640, 200), interpolation=cv2.INTER_LINEAR)
    darker = (whole * 0.75).astype(np.uint8)
    boxed = cv2.copyMakeBorder(whole, 40, 90, 0, 0, cv2.BORDER_CONSTANT, value=(16, 16, 16))
    sides = cv2.copyMakeBorder(whole, 0, 0, 70, 70, cv2.BORDER_CONSTANT, value=(200, 180, 90))
    boxed = cv2.imdecode(np.frombuffer(jpeg(boxed, 60), np.uint8), cv2.IMREAD_COLOR)
    for other in (half, poor, wide, darker, whole[:, ::-1], boxed, boxed[:, ::-1], sides):
        assert nearest(whole, np.ascontiguousarray(other)) <= 6
    assert nearest(whole, crop(whole, 0.05)) <= DEFAULT_DISTANCE + 4


def test_other_pictures_lie_far_apart() -> None:
    hashes = [phashes(picture(seed)) for seed in SEEDS]
    apart = [min(distance(one[0], two) for two in other) for one, other in combinations(hashes, 2)]
    assert min(apart) > DEFAULT_DISTANCE
    assert 24 <= np.median(apart) <= 34


def test_a_mirrored_picture_is_told_from_the_picture_itself() -> None:
    whole = picture(1)
    mirrored = np.ascontiguousarray(whole[:, ::-1])
    one, other = phash(whole), phash(mirrored)
    assert one is not None
    assert other is not None
    assert distance(one, other) > DEFAULT_DISTANCE
    assert set(phashes(whole)) == set(phashes(mirrored)) == {one, other}


@pytest.mark.parametrize("value", [0, 16, 128, 255])
def test_flat_pictures_have_no_look(value: int) -> None:
    flat = np.full((120, 90, 3), value, np.uint8)
    noisy = np.clip(flat + np.random.default_rng(value).normal(0, 2, flat.shape), 0, 255)
    for one in (flat, noisy.astype(np.uint8), flat[:1, :1], flat[:1]):
        assert phash(one) is None
        assert phashes(one) == ()
    assert phash_jpeg(jpeg(flat, 90)) is None


def test_a_flat_picture_within_bars_has_the_look_of_the_whole_alone() -> None:
    framed = np.full((120, 90, 3), 200, np.uint8)
    framed[:30] = framed[-30:] = 0
    assert len(phashes(framed)) == 1


def test_bars_do_not_eat_the_picture() -> None:
    sky = picture(3)
    sky[:240] = 130  # most of it is even: that is a picture, not a bar
    assert set(phashes(sky)) == {phash(sky), phash(np.ascontiguousarray(sky[:, ::-1]))}


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_text_and_distance(one: int, other: int) -> None:
    assert int(phash_text(one).removeprefix("phash:"), 16) == one
    assert len(phash_text(one)) == 22
    assert distance(one, other) == distance(other, one) == len(f"{one ^ other:b}".replace("0", ""))
    assert (distance(one, other) == 0) == (one == other)
    assert BlockPolicy(images=(phash_text(one),)).names_looks


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 40), st.binary(max_size=400))
def test_any_picture_and_any_bytes(height: int, width: int, data: bytes) -> None:
    raw = np.frombuffer(data.ljust(4800, b"\7")[: height * width * 3], np.uint8)
    pixels = raw.reshape(height, width, 3)
    hashes = phashes(pixels)
    assert len(set(hashes)) == len(hashes) <= 4
    assert all(0 <= one < 2**64 for one in hashes)
    assert phash_jpeg(data) is None


def test_everything_a_look_has_kept_counts() -> None:
    world = World(0.0, 0.0, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (), 0, 0, 0)
    stills = tuple(Still(Fraction(n), picture(n, 192, 108)) for n in (1, 2))
    box = (0.0, 0.0, 1.0, 1.0)
    seen = Sighting("", Fraction(0), box, "track", 1.0, crop=jpeg(picture(3), 90))
    damaged = Sighting("", Fraction(0), box, "track", 1.0, crop=b"\xff\xd8 no picture")
    bare = Sighting("", Fraction(0), box, "track", 1.0)
    luma = np.zeros((1, 4, 4), np.uint8)
    observation = Observation(
        "key", Fraction(2), Fraction(30), 720, 1280, luma, luma, stills, world, None,
        (seen, damaged, bare),
    )  # fmt: skip
    hashes = observation_hashes(observation)
    assert len(hashes) == 6
    for seed, count in ((1, 1), (2, 1), (3, 1), (4, 0)):
        look = phash(picture(seed))
        assert look is not None
        policy = BlockPolicy(images=(phash_text(look),))
        assert len(image_faults(policy, "a", None, hashes)) == count
