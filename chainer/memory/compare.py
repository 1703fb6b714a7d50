"""How two pictures of a joint differ: structure, light, colour, side and size.

Pure. Colours are compared only between pixels that show the same thing, which finds a tenth of
an exposure step where means and histograms of whole pictures see none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.memory.observation import Picture
from chainer.memory.pixels import Floats, common, correlation, gradients, lab, luma, sized
from chainer.memory.register import Pairs, register, shift_of

_PIXELS = 2304  # 64x36, in whatever shape
_FLAT = 3.0
"""Standard deviation of luma below which a picture shows nothing."""

_UNMOVED, _UNMOVED_SCORE = 0.06, 0.8
"""Structural difference below and share found again above which pictures lie on each other so
well that features need not be looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A picture against an earlier one.

    `structure` is 1 - correlation of edges, of the picture or its mirror image, whichever is
    nearer; `mirror` how much better the mirror image fits (correlation plus share found again).
    `shift` is (dL, da, db), the median over pixels found again, None where too few are. `scale`
    is log2 of the later picture's size over the earlier one's, from `inliers` features. `apart`
    is the mean CIELAB distance of the two at the same places, whatever they show. `empty` says
    that one of them shows nothing.
    """

    structure: float
    mirror: float
    shift: tuple[float, float, float] | None
    scale: float
    inliers: int
    apart: float
    pairs: Pairs
    empty: bool

    @property
    def light(self) -> float | None:
        """Change of lightness, L* units."""
        return None if self.shift is None else abs(self.shift[0])

    @property
    def colour(self) -> float | None:
        """Change of chroma, a*b* units."""
        return None if self.shift is None else float(np.hypot(self.shift[1], self.shift[2]))


def shows_nothing(pixels: Picture) -> bool:
    """Whether a picture is all but one even tone."""
    return float(luma(pixels).std()) < _FLAT


def compare(before: Picture, after: Picture) -> Comparison:
    """How `after` differs from `before`; both about 192 pixels long, of any shape."""
    one, other = (np.ascontiguousarray(picture) for picture in common(before, after))
    small, later = _small(one, other)
    edges, flipped = gradients(luma(small)), gradients(luma(later))
    plain, mirrored = correlation(edges, flipped), correlation(edges, flipped[:, ::-1])
    pairs = register(other, one)
    turned = register(np.ascontiguousarray(other[:, ::-1]), one)
    better = (mirrored - plain) + (turned.score - pairs.score)
    used = turned if better > 0.05 and turned.score > pairs.score else pairs
    structure = 1 - max(plain, mirrored)
    if structure < _UNMOVED and used.score > _UNMOVED_SCORE:
        scale, inliers = used.scale, len(np.unique(used.cell))
    else:
        scale, inliers = _scale(one, other if used is pairs else other[:, ::-1])
    flat = [shows_nothing(picture) for picture in (small, later)]
    apart = float(np.linalg.norm(lab(small) - lab(later), axis=2).mean())
    if all(flat):
        structure = min(1.0, apart / 20)
    return Comparison(
        structure=structure,
        mirror=better,
        shift=shift_of(used),
        scale=scale,
        inliers=inliers,
        apart=apart,
        pairs=used,
        empty=any(flat),
    )


def _small(one: Picture, other: Picture) -> tuple[Picture, Picture]:
    height, width = one.shape[:2]
    factor = (_PIXELS / (height * width)) ** 0.5
    size = max(8, round(width * factor)), max(8, round(height * factor))
    return sized(one, *size), sized(other, *size)


def _scale(one: Picture, other: NDArray[Any]) -> tuple[float, int]:
    """log2 of how much larger things are in `other`, and how many features say so.

    SIFT features (Lowe 2004) at twice the size, matched by his ratio test, and a similarity by
    RANSAC.
    """
    here, there = _features(one), _features(np.ascontiguousarray(other))
    if here is None or there is None:
        return 0.0, 0
    matches = cv2.BFMatcher().knnMatch(there[1], here[1], k=2)
    good = [m[0] for m in matches if len(m) == 2 and m[0].distance < 0.75 * m[1].distance]
    if len(good) < 6:
        return 0.0, 0
    cv2.setRNGSeed(1)
    found: Any
    found, inliers = cv2.estimateAffinePartial2D(
        np.array([here[0][m.trainIdx] for m in good], np.float32),
        np.array([there[0][m.queryIdx] for m in good], np.float32),
        method=cv2.RANSAC,
        ransacReprojThreshold=3,
    )
    if found is None:
        return 0.0, 0
    size = float(np.hypot(found[0, 0], found[1, 0]))
    return float(np.log2(max(size, 1e-3))), int(np.asarray(inliers).sum())


def _features(pixels: Picture) -> tuple[Floats, Floats] | None:
    grey = luma(pixels)
    double = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    finder = cv2.SIFT.create(nfeatures=300, contrastThreshold=0.02)
    described: Any
    points, described = finder.detectAndCompute(double, None)
    if described is None or len(points) < 8:
        return None
    return np.array([p.pt for p in points], np.float32), np.asarray(described, np.float32)
