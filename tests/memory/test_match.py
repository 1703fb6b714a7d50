"""Where two clips meet, against clips of which the truth is known because they were one."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import cv2
import numpy as np
import pytest

from chainer.memory.match import Found, discontinuity, find_point
from chainer.memory.observation import Picture

from .scene import exposure, lit, recoded, scene

FPS = Fraction(30)
MOST = (16, 16)
SIZE = (135, 240)


@lru_cache
def swing(first: int, count: int, pace: float = 1.0) -> Picture:
    """A camera that swings to and fro before a wall: no two moments of a second look the same."""
    rng = np.random.default_rng(3)
    wall = cv2.GaussianBlur(rng.uniform(0, 255, (400, 400, 3)).astype(np.float32), (0, 0), 4)
    wall = np.clip((wall - wall.mean()) * 5 + 128, 0, 255)
    out = []
    for frame in range(first, first + count):
        at = frame * pace
        x, y = 80 + 50 * np.sin(at / 17), 80 + 30 * np.sin(at / 23 + 1)
        there = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
        out.append(cv2.warpAffine(wall, there, SIZE, flags=cv2.INTER_LINEAR))
    return recoded(np.asarray(np.stack(out), np.uint8))


def find(left: Picture, right: Picture, kind: str = "match", **more: object) -> Found:
    return find_point(list(left), list(right), kind, FPS, more.get("most", MOST))  # type: ignore[arg-type]


@pytest.mark.parametrize("overlap", [4, 9, 15])
def test_frames_that_play_twice_are_left_out_once(overlap: int) -> None:
    """The clip was cut in two with an overlap: pairs that leave out just that go on exactly."""
    found = find(swing(0, 24), swing(24 - overlap, 24))
    point = found.point
    assert point.left + point.right == overlap
    assert point.made == 0
    assert point.right == 0  # where it is all the same, the right clip is copied whole
    assert point.plain > 2 * point.score
    assert point.score < 1.2
    assert f"{point.left} frames left out" in point.why


def test_a_clip_that_goes_on_is_cut_where_it_is() -> None:
    for kind in ("match", "morph"):
        point = find(swing(0, 20), swing(20, 20), kind, most=(8, 8)).point
        assert point.is_plain
        assert "a step like any other" in point.why
        assert point.plain == point.score <= 1


def test_another_light_does_not_hide_the_pair() -> None:
    right = lit(swing(11, 20), exposure(0.25))
    point = find(swing(0, 20), right).point
    assert point.left + point.right == 9


def test_two_clips_that_have_nothing_in_common_are_cut() -> None:
    for kind in ("match", "morph"):
        point = find(swing(0, 20), np.asarray(scene(5, 0, 20, SIZE)), kind).point
        assert point.is_plain
        assert "no two pictures join" in point.why
        assert point.plain > 2


@pytest.mark.parametrize("lost", [4, 6])
def test_a_jump_is_filled_by_a_morph(lost: int) -> None:
    left, right = swing(0, 16, 0.4), swing(16 + lost, 16, 0.4)
    found = find(left, right, "morph", most=(6, 6))
    point = found.point
    assert point.made > 0
    assert found.morph is not None
    assert found.morph.trust > 0.7
    assert point.score < 0.7 * point.plain
    assert point.left + point.right <= 6
    assert "made between them" in point.why
    match = find(left, right, most=(6, 6)).point
    assert match.made == 0


def test_what_moves_too_far_is_not_made_up() -> None:
    """Half a picture away, and upside down: there is no motion to follow."""
    other = np.ascontiguousarray(np.stack([np.rot90(one, 2) for one in swing(60, 16)]))
    found = find(swing(0, 16), other, "morph", most=(3, 3))
    assert found.point.is_plain
    assert "no morph" in found.point.why


def test_little_is_not_worth_much() -> None:
    """The same overlap, but hardly anything moves: half a second is not given for it."""
    slow = swing(0, 24, 0.004), swing(9, 24, 0.004)
    found = find(*slow)
    assert found.point.is_plain
    assert found.plain < 1.5


def test_no_more_is_left_out_than_may_be() -> None:
    point = find(swing(0, 20), swing(10, 20), most=(5, 6)).point
    assert point.left <= 5
    assert point.right <= 6


def test_a_still_is_cut() -> None:
    still = np.repeat(swing(0, 1), 20, axis=0)
    for kind in ("match", "morph"):
        assert find(still, still, kind).point.is_plain


def test_pictures_that_show_for_several_frames_are_not_torn() -> None:
    """Media of 10 pictures a second: a joint lies where a picture changes, not where one stands."""
    rng = np.random.default_rng(1)
    held = np.repeat(swing(0, 30, 0.5)[::3], 3, axis=0)
    right = np.repeat(swing(24, 30, 0.5)[::3], 3, axis=0)
    # as a coder leaves them: the same picture is never quite the same again
    held, right = (
        np.asarray(np.clip(one + rng.integers(-1, 2, one.shape), 0, 255), np.uint8)
        for one in (held, right)
    )
    point = find(held, right, most=(20, 20)).point
    assert (point.left % 3, point.right % 3) == (0, 0)
    assert point.left + point.right == 6


def test_shapes_may_differ() -> None:
    narrow = swing(11, 20)[:, :, 23:112]  # what a film of that shape shows of it
    point = find(swing(0, 20), narrow).point
    assert point.left + point.right == 9
    tiny = find(swing(0, 5)[:, :, :9], swing(5, 5)[:, :, :9])
    assert tiny.point.is_plain
    assert "too small" in tiny.point.why


def test_three_pictures_are_the_least() -> None:
    with pytest.raises(ValueError, match="three pictures"):
        find(swing(0, 2), swing(2, 5))


def test_the_search_is_steady() -> None:
    one, two = (find(swing(0, 16), swing(14, 16), "morph", most=(3, 3)) for _ in range(2))
    assert one == two


def test_a_step_stands_out_by_its_discontinuity() -> None:
    shot = list(swing(0, 30))
    assert discontinuity(shot, 15) < 1.3
    jump = [*shot[:15], *swing(25, 15)]
    assert discontinuity(jump, 15) > 2 * discontinuity(shot, 15)
    freeze = [*shot[:15], shot[14], *shot[15:]]
    assert discontinuity(freeze, 15) > discontinuity(shot, 15)
    with pytest.raises(ValueError, match="each side"):
        discontinuity(shot[:5], 2)
