"""Frames that are played again are found to the frame, and none where there are none."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from chainer.memory.observation import EDGE_SIDE, Luma, Picture
from chainer.memory.pixels import fit, luma
from chainer.memory.policy import MemoryPolicy
from chainer.memory.replay import find_replay

from .scene import Light, balance, exposure, flat, gamma, joint, lit, observed, recoded, scene

MOST = MemoryPolicy().replay_frames


def lumas(frames: Picture) -> Luma:
    return np.stack([fit(luma(frame), EDGE_SIDE) for frame in recoded(frames)])


def replayed(seed: int, overlap: int, light: Light | None = None, most: int = MOST) -> int:
    """What is found where a clip begins `overlap` frames before the end of its parent."""
    tail, head = scene(seed, 0, 30), scene(seed, 30 - overlap, 30)
    return find_replay(lumas(tail), lumas(lit(head, light) if light else head), most).frames


@pytest.mark.parametrize("overlap", [1, 3, 6, 10])
@pytest.mark.parametrize("seed", [1, 4])
def test_what_is_played_again_is_counted_exactly(seed: int, overlap: int) -> None:
    assert replayed(seed, overlap) == overlap


@pytest.mark.parametrize("light", [exposure(-0.4), balance(0.3), gamma(1.2)])
def test_also_in_another_light(light: Light) -> None:
    assert [replayed(1, overlap, light) for overlap in (1, 6)] == [1, 6]


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_true_continuation_plays_nothing_again(seed: int) -> None:
    assert replayed(seed, 0) == 0


@pytest.mark.parametrize("gap", [1, 5, 20])
def test_nor_does_one_after_a_gap(gap: int) -> None:
    assert find_replay(lumas(scene(1, 0, 30)), lumas(scene(1, 30 + gap, 30)), MOST).frames == 0


def test_nor_does_another_scene() -> None:
    assert find_replay(lumas(scene(1, 0, 30)), lumas(scene(2, 0, 30)), MOST).frames == 0


def test_it_looks_no_further_than_it_may() -> None:
    assert replayed(1, 10, most=6) == 0
    assert replayed(1, 6, most=6) == 6
    assert replayed(1, 1, most=0) == 0


STILL = np.repeat(scene(1, 0, 1), 12, axis=0)


@pytest.mark.parametrize(
    "frames", [STILL, flat((0, 0, 0)), flat((90, 90, 90))], ids=["still", "black", "grey"]
)
def test_a_picture_that_stands_repeats_nothing(frames: Picture) -> None:
    assert find_replay(lumas(frames), lumas(frames), MOST).frames == 0


def test_few_frames_and_other_shapes_are_no_fault() -> None:
    wide, tall = lumas(scene(1, 0, 12)), lumas(scene(1, 0, 12, (135, 240)))
    assert find_replay(wide, tall, MOST).frames == 0
    assert find_replay(tall, wide, MOST).frames == 0
    assert find_replay(wide[:1], lumas(scene(2, 0, 1)), MOST).frames == 0
    assert find_replay(wide[:0], wide, MOST).frames == 0


def test_the_joint_leaves_out_what_is_played_again() -> None:
    cut = joint(observed(scene(1, 0, 24)), observed(recoded(scene(1, 18, 24)))).cut
    assert (cut.into, cut.in_seconds) == (6, Fraction(1, 5))
    assert (cut.out, cut.out_seconds) == (0, 0)
    assert "6 frames" in cut.why
    assert cut.as_json()["in_seconds"] == "0.2"


def test_the_joint_counts_seconds_at_the_rate_of_the_media() -> None:
    rate = Fraction(25)
    cut = joint(observed(scene(1, 0, 24), fps=rate), observed(scene(1, 18, 24), fps=rate)).cut
    assert (cut.into, cut.in_seconds) == (6, Fraction(6, 25))


def test_clips_of_different_rates_are_not_cut() -> None:
    before, after = scene(1, 0, 24), scene(1, 18, 24)
    assert joint(observed(before), observed(after, fps=Fraction(24))).cut.into == 0
    near = Fraction(30_000, 1001)
    assert joint(observed(before), observed(after, fps=near)).cut.into == 6


def test_the_policy_can_switch_it_off() -> None:
    off = MemoryPolicy(trim_replay=False)
    assert joint(observed(scene(1, 0, 24)), observed(scene(1, 18, 24)), policy=off).cut.into == 0
