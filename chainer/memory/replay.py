"""Finds the frames at the start of a clip that play the end of its parent again.

Generators that continue a clip often begin with its last frames. Played on, the picture stutters.
Pure: works on the luma frames that both observations keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from chainer.memory.observation import Luma
from chainer.memory.pixels import Floats, common

_BLUR = 8.0
_SMOOTH = 0.8
_SAME = 0.5
"""Repeated frames differ by less than this share of what two neighbouring frames differ by."""
_ALIKE = 0.85
_AGREE = 0.9
"""Longer replays, made again rather than copied, may differ by more where this share of the
comparisons says that no other alignment is as good."""
_LONG = 3
_STILL = 1e-6


@dataclass(frozen=True, slots=True)
class Replay:
    """How many frames are played again, and how far they differ, in steps between frames."""

    frames: int
    distance: float


def find_replay(tail: Luma, head: Luma, most: int) -> Replay:
    """How many of the first frames of `head` repeat the last ones of `tail`; 0 for none.

    Both [n, height, width] at one frame rate. A still picture repeats nothing.
    """
    count = min(len(tail), len(head), most)
    if count == 0:
        return Replay(0, 0.0)
    parts = [common(one, other) for one, other in zip(tail[-1:], head[:1], strict=True)]
    if parts[0][0].shape != parts[0][1].shape:
        return Replay(0, 0.0)
    before, after = _prepared(tail, parts[0][0].shape), _prepared(head, parts[0][1].shape)
    gaps = _distances(before, after)
    steps = np.concatenate([_steps(before), _steps(after)])
    if len(steps) == 0 or steps.mean() < _STILL:
        return Replay(0, 0.0)
    rows = len(before)
    costs = [float(np.mean([gaps[rows - n + k, k] for k in range(n)])) for n in range(1, count + 1)]
    best = int(np.argmin(costs)) + 1
    reach = max(best, 4)
    usual = np.concatenate([_steps(before)[-reach:], _steps(after)[:reach]])
    step = float(usual.mean() if best > 1 else min(usual.mean(), np.median(usual)))
    distance = costs[best - 1] / max(step, _STILL)
    if distance < _SAME:
        return Replay(best, distance)
    if best >= _LONG and distance < _ALIKE and _agreement(gaps, best) >= _AGREE:
        return Replay(best, distance)
    return Replay(0, distance)


def _prepared(run: Luma, shape: tuple[int, ...]) -> Floats:
    """Without slow shading, without the clip's own contrast, and slightly smoothed: [n, p]."""
    height, width = shape
    frames = []
    for frame in run:
        left = (frame.shape[1] - width) // 2
        plain = frame[:height, left : left + width].astype(np.float32)
        plain -= cv2.GaussianBlur(plain, (0, 0), _BLUR)
        frames.append(cv2.GaussianBlur(plain, (0, 0), _SMOOTH))
    stack = np.stack(frames)
    stack /= max(float(stack.std()), 1e-3)
    return np.asarray(stack.reshape(len(stack), -1), np.float32)


def _distances(one: Floats, other: Floats) -> Floats:
    """Mean squared difference of every frame of one to every frame of the other: [n, m]."""
    a, b = (one * one).sum(axis=1), (other * other).sum(axis=1)
    # Not numpy's: its threads spin for longer than this takes.
    both = cv2.gemm(one, other, 1, None, 0, flags=cv2.GEMM_2_T)  # type: ignore[call-overload]
    return np.asarray((a[:, None] + b[None, :] - 2 * both) / one.shape[1], np.float32)


def _steps(run: Floats) -> Floats:
    return np.asarray(((run[1:] - run[:-1]) ** 2).mean(axis=1), np.float32)


def _agreement(gaps: Floats, frames: int) -> float:
    """The share of neighbours in time that each repeated frame matches worse than its own."""
    rows, columns = gaps.shape
    better = compared = 0
    for k in range(frames):
        row = rows - frames + k
        near = [(row - 1, k), (row + 1, k), (row, k - 1), (row, k + 1)]
        others = [gaps[r, c] for r, c in near if 0 <= r < rows and 0 <= c < columns]
        compared += len(others)
        better += sum(1 for gap in others if gaps[row, k] < gap)
    return better / compared
