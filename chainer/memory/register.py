"""Finds which pixels of two pictures show the same thing, whatever the light.

Method: luma normalised by local contrast, dense optical flow both ways (DIS: Kroeger et al.,
"Fast Optical Flow using Dense Inverse Search", 2016), and trust only where both ways agree and
the normalised pictures match. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.memory.observation import Luma, Picture
from chainer.memory.pixels import Floats, common, correlation, fit, lab, luma

_SIDE = 192
_BLUR = 8.0
_SLIP = 1.0
"""Pixels by which forth and back may disagree."""
_MISMATCH = 0.55
"""Difference of locally normalised luma (standard deviations) above which a pixel is not the
same thing."""
_CLIPPED = (14, 249)
"""Strongest channel below and above which a pixel says nothing of its light. A pure colour, of
which another channel is 0, does."""
_TEXTURE_FLOOR = 3.0
_CELLS = 12
_THIN = 16
"""Pixels: flow is not looked for in narrower pictures."""
_AGREE = 0.2
"""Correlation of the normalised pictures below which a match means nothing; true ones have 0.6 and
more."""
_LEAST_PAIRS = 150


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pixels of two pictures that show the same thing, in the same light or not.

    `source` and `target` are B G R, float32 [n, 3] in 0..255, slightly blurred, from places
    without edges and without clipping. `cell` says in which of 12x12 fields of the picture each
    lies. `score` is the share of the whole picture that was found again, 0 to 1, and `moved` the
    median way of those pixels, as a fraction of the longer side; `scale` is log2 of how much
    larger things are in the source, true near 0 only.
    """

    source: Floats
    target: Floats
    cell: NDArray[np.int16]
    score: float
    moved: float
    scale: float

    @property
    def count(self) -> int:
        """How many pixels there are."""
        return len(self.source)


def register(source: Picture, target: Picture, side: int = _SIDE) -> Pairs:
    """The pixels of `source` that are found again in `target`.

    Compared at `side` pixels; shapes may differ, then the middle of the wider counts.
    """
    source, target = (np.ascontiguousarray(one) for one in common(source, target))
    source = fit(source, side)
    if target.shape != source.shape:
        size = (source.shape[1], source.shape[0])
        target = np.asarray(cv2.resize(target, size, interpolation=cv2.INTER_AREA), np.uint8)
    if min(source.shape[:2]) < _THIN:
        return nothing_found()
    here, there = _normalised(luma(source)), _normalised(luma(target))
    forth, back = _flow(here, there), _flow(there, here)
    height, width = here.shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).astype(np.float32)
    where = grid + forth
    returned = cv2.remap(back, where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    slip = np.linalg.norm(forth + returned, axis=2)
    near, far = (cv2.GaussianBlur(one.astype(np.float32), (0, 0), 1.0) for one in (source, target))
    warped = cv2.remap(far, where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    seen = cv2.remap(there, where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    inside = (
        (where[..., 0] >= 0)
        & (where[..., 0] <= width - 1)
        & (where[..., 1] >= 0)
        & (where[..., 1] <= height - 1)
    )
    match = cv2.GaussianBlur(np.abs(here - seen), (0, 0), 1.5)
    trusted = inside & (slip < _SLIP) & (match < _MISMATCH)
    # Where neither has anything to see, anything matches: the pictures as wholes must agree too.
    if trusted.any() and correlation(here[inside], seen[inside]) < _AGREE:
        return nothing_found()
    usable = trusted & _plain(source) & _unclipped(near) & _unclipped(warped)
    way = np.linalg.norm(forth, axis=2)[trusted]
    down, across = np.nonzero(usable)
    cell = down * _CELLS // height * _CELLS + across * _CELLS // width
    return Pairs(
        np.asarray(near[usable], np.float32),
        np.asarray(warped[usable], np.float32),
        cell.astype(np.int16),
        float(trusted.mean()),
        float(np.median(way)) / side if way.size else 1.0,
        _scale(grid[trusted], where[trusted]),
    )


def nothing_found() -> Pairs:
    """No pixel found again."""
    none = np.zeros((0, 3), np.float32)
    return Pairs(none, none, np.zeros(0, np.int16), 0.0, 1.0, 0.0)


def _scale(source: Floats, target: Floats) -> float:
    """log2 of how much further apart the points lie in `source`, by least squares."""
    if len(source) < _LEAST_PAIRS:
        return 0.0
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    ratio = float((a * b).sum()) / max(float((a * a).sum()), 1.0)
    return float(-np.log2(max(ratio, 0.1)))


def moved(one: Luma, other: Luma) -> float:
    """The median way of the pixels of two luma frames, as a fraction of the longer side."""
    if min(one.shape) < _THIN:
        return 0.0
    here, there = _normalised(one), _normalised(other)
    way = np.linalg.norm(_flow(here, there), axis=2)
    return float(np.median(way) / max(one.shape))


def shift_of(pairs: Pairs) -> tuple[float, float, float] | None:
    """Median CIELAB difference, source less target; None from fewer than 150 pixels."""
    if pairs.count < _LEAST_PAIRS:
        return None
    away = lab(pairs.source[None])[0] - lab(pairs.target[None])[0]
    middle = np.median(away, axis=0)
    return float(middle[0]), float(middle[1]), float(middle[2])


def _normalised(luminance: Luma) -> Floats:
    """Luma less its surroundings, over their spread: what is left when the light changes."""
    grey = luminance.astype(np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), _BLUR)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), _BLUR) - mean * mean, 0))
    return np.asarray((grey - mean) / (spread + _TEXTURE_FLOOR), np.float32)


def _flow(one: Floats, other: Floats) -> Floats:
    """Flow from `one` to `other`, pixels: float32 [h, w, 2]."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    finder.setFinestScale(1)
    a, b = (np.clip(n * 32 + 128, 0, 255).astype(np.uint8) for n in (one, other))
    return np.asarray(finder.calc(a, b, None), np.float32)  # type: ignore[call-overload]


def _plain(pixels: Picture) -> NDArray[np.bool_]:
    """Where a shift of a pixel changes little."""
    grey = luma(pixels).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(across * across + down * down < 120**2, np.bool_)


def _unclipped(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    low, high = _CLIPPED
    return np.asarray((pixels.max(axis=2) >= low) & (pixels.max(axis=2) <= high), np.bool_)
