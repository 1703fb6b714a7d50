"""Pixels that show the same thing are found, whatever the light; nothing is found in nothing."""

from __future__ import annotations

import numpy as np
import pytest

from chainer.memory.compare import compare
from chainer.memory.observation import Picture
from chainer.memory.pixels import ciede2000, gradients
from chainer.memory.register import moved, register, shift_of

from .scene import (
    balance,
    exposure,
    flat,
    gamma,
    lit,
    mirrored,
    recoded,
    saturation,
    scene,
    zoomed,
)

LIGHTS = {
    "nothing": exposure(0.0),
    "darker": exposure(-0.5),
    "lighter": exposure(0.4),
    "warmer": balance(0.3),
    "paler": saturation(0.6),
    "gamma": gamma(1.2),
}


@pytest.mark.parametrize("name", LIGHTS)
def test_a_picture_finds_itself_in_another_light(name: str) -> None:
    one = scene(1, 0, 1)
    pairs = register(recoded(lit(one, LIGHTS[name]))[0], recoded(one)[0])
    assert pairs.score > 0.9
    assert pairs.moved < 0.01
    assert pairs.count > 5000


def test_a_view_that_moved_is_found_where_it_went() -> None:
    there = np.roll(scene(1, 0, 1)[0], 6, axis=1)
    pairs = register(there, scene(1, 0, 1)[0])
    assert pairs.score > 0.8
    assert pairs.moved == pytest.approx(6 / 240, abs=0.004)


@pytest.mark.parametrize("seed", [2, 3, 5, 8])
def test_an_unrelated_picture_is_not_found(seed: int) -> None:
    assert register(scene(seed, 0, 1)[0], scene(1, 0, 1)[0]).score < 0.3


def test_pairs_hold_the_same_thing_in_both_lights() -> None:
    one = scene(1, 0, 1)[0]
    pairs = register(lit(one, exposure(-0.5)), one)
    wanted = lit(np.asarray(np.rint(pairs.target)[None], np.uint8), exposure(-0.5))[0]
    assert np.abs(pairs.source - wanted).mean() < 1.5
    assert pairs.cell.min() >= 0
    assert len(np.unique(pairs.cell)) > 100


def test_the_shift_of_light_is_measured_with_its_sign() -> None:
    one = scene(1, 0, 1)[0]
    darker, same, warmer = (
        shift_of(register(lit(one, light), one))
        for light in (exposure(-0.5), exposure(0.0), balance(0.3))
    )
    assert darker is not None
    assert same is not None
    assert warmer is not None
    assert darker[0] < -4
    assert np.abs(same).max() < 0.1
    assert warmer[2] > 1.5
    assert abs(warmer[0]) < 1


NOTHING = {
    "black": flat((0, 0, 0), 1)[0],
    "white": flat((255, 255, 255), 1)[0],
    "grey": flat((120, 120, 120), 1)[0],
    "one row": scene(1, 0, 1)[0][60:61],
    "one column": np.ascontiguousarray(scene(1, 0, 1)[0][:, 60:61]),
    "one pixel": np.ascontiguousarray(scene(1, 0, 1)[0][:1, :1]),
}


@pytest.mark.parametrize("name", list(NOTHING))
@pytest.mark.parametrize("turned", [False, True])
def test_nothing_to_see_is_compared_with_a_room_without_a_fault(name: str, turned: bool) -> None:
    pictures: list[Picture] = [NOTHING[name], scene(1, 0, 1)[0]]
    one, other = pictures[::-1] if turned else pictures
    found = compare(one, other)
    assert 0 <= found.pairs.score <= 1
    assert 0 <= found.structure <= 2
    assert np.isfinite([found.structure, found.mirror, found.scale, found.apart]).all()


@pytest.mark.parametrize("name", ["black", "grey"])
def test_a_picture_of_nothing_is_called_empty(name: str) -> None:
    assert compare(NOTHING[name], scene(1, 0, 1)[0]).empty
    assert compare(scene(1, 0, 1)[0], NOTHING[name]).empty
    assert compare(NOTHING[name], NOTHING[name]).structure < 0.1
    assert not compare(scene(1, 0, 1)[0], scene(2, 0, 1)[0]).empty


@pytest.mark.parametrize("name", ["black", "white", "grey"])
def test_a_room_is_not_found_in_nothing(name: str) -> None:
    assert register(scene(1, 0, 1)[0], NOTHING[name]).score < 0.3
    assert register(NOTHING[name], scene(1, 0, 1)[0]).score < 0.3


def test_edges_are_the_same_wherever_in_memory_they_lie() -> None:
    grey = np.ascontiguousarray(scene(1, 0, 1)[0][::8, ::8, 1])
    kept, found = [], set()
    for number in range(3000):
        kept.append(bytes(number * 977 % 5000))
        found.add(gradients(grey).tobytes())
    assert len(found) == 1
    assert kept


def test_side_and_size_are_told() -> None:
    one = scene(1, 0, 1)
    assert compare(one[0], mirrored(one)[0]).mirror > 0.5
    assert compare(one[0], one[0]).mirror < -0.5
    found = compare(one[0], zoomed(one, 1.25)[0])
    assert found.inliers >= 8
    assert found.scale == pytest.approx(np.log2(1.25), abs=0.04)


def test_luma_that_stands_moves_nowhere() -> None:
    one = scene(1, 0, 1)[0][..., 1]
    assert moved(one, one) < 0.001
    assert moved(one, np.roll(one, 3, axis=1)) == pytest.approx(3 / 240, abs=0.003)


SHARMA = (
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
)
"""From the test data of Sharma, Wu and Dalal (2005)."""


@pytest.mark.parametrize(("one", "other", "difference"), SHARMA)
def test_colour_differences_are_those_that_are_published(
    one: tuple[float, ...], other: tuple[float, ...], difference: float
) -> None:
    a, b = np.array(one), np.array(other)
    assert float(ciede2000(a, b)) == pytest.approx(difference, abs=1e-4)
    assert float(ciede2000(b, a)) == pytest.approx(difference, abs=1e-4)
