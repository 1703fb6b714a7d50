"""One look found again: in the other samples of a clip, or at a joint in another clip's picture.

A target is what lay in a box: its pattern of luma and the colours that set it off from its
surroundings. Places are scored by both on a picture of 128 pixels, then described at full size and
held against the first look. Needs no model, so it works for animals, drawings and backs of heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.memory.appearance import Box, Floats, Look, apart, describe, inside, overlap, to_lab
from chainer.memory.observation import Picture

SIDE = 128
"""Longer side of the pictures that are searched, pixels."""

TEXTURE_SCALE = 0.42
TORSO_SCALE = 0.45
"""Distances of texture and torso at which a look is not the same one any more: the 98th and 99th
percentile of pairs within one clip up to ten seconds apart."""

_SCALES = (0.8, 0.9, 1.0, 1.12, 1.25)
_WIDE_SCALES = (0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5)
_MARGIN = 0.25
"""The picture is continued by this share on every side, so that a figure may leave it."""
_BINS = (6, 14, 14)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A picture made ready to be searched; `fit` is its size before the margin, (w, h)."""

    luma: Floats
    colours: NDArray[np.int64]
    fit: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What to look for. `table` has the log-likelihood of each colour being the figure's."""

    patch: Floats
    table: Floats
    box: Box
    look: Look


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a target may be: its box, and how well pattern and colours fit there (-1 to 1)."""

    box: Box
    pattern: float
    colour: float


def field_of(pixels: Picture) -> Field:
    """A picture of any size, ready to be searched."""
    scale = SIDE / max(pixels.shape[:2])
    fit = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, fit, interpolation=cv2.INTER_AREA)
    x, y = _margins(fit)
    small = cv2.copyMakeBorder(small, y, y, x, x, cv2.BORDER_REPLICATE)
    luma = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (0, 0), 0.8)
    lab = to_lab(small)
    bins = np.empty(lab.shape, np.int64)
    bins[..., 0] = np.clip(lab[..., 0] / 100 * _BINS[0], 0, _BINS[0] - 1)
    bins[..., 1:] = np.clip((lab[..., 1:] + 63) / 9, 0, _BINS[1] - 1)
    colours = (bins[..., 0] * _BINS[1] + bins[..., 1]) * _BINS[2] + bins[..., 2]
    return Field(np.asarray(luma, np.float32), colours, fit)


def target_of(pixels: Picture, field: Field, box: Box, look: Look | None = None) -> Target | None:
    """What lies in `box`; None where it is too small or flat to be found again."""
    left, top, right, bottom = _pixels(field, box)
    if right - left < 4 or bottom - top < 4:
        return None
    patch = field.luma[top:bottom, left:right]
    if float(patch.std()) < 2.0:
        return None
    size = int(np.prod(_BINS))
    pad = (right - left) // 6, (bottom - top) // 8
    within = field.colours[top + pad[1] : bottom - pad[1], left + pad[0] : right - pad[0]]
    x, y = _margins(field.fit)
    whole = field.colours[y : y + field.fit[1], x : x + field.fit[0]]
    figure = np.bincount(within.ravel(), minlength=size).astype(np.float64)
    every = np.bincount(whole.ravel(), minlength=size).astype(np.float64)
    around = np.maximum(every - figure, 0)
    ratio = (figure / figure.sum() + 1e-3) / (around / max(around.sum(), 1.0) + 1e-3)
    table = np.clip(np.log(ratio), -2, 2) / 2
    return Target(patch, table.astype(np.float32), box, look or describe(pixels, box))


def places(field: Field, target: Target, near: Box | None) -> tuple[Place, ...]:
    """Where the target may be, best first: by pattern and colour together, then by each alone.

    With `near` places far from it cost: an eighth of the score for half a picture. Without, all
    places count the same and sizes from a third to one and a half are tried.
    """
    likely = target.table[field.colours]
    found: dict[str, tuple[float, Place]] = {}
    around = near or target.box
    for scale in _SCALES if near else _WIDE_SCALES:
        width = round(target.patch.shape[1] * scale * around[2] / target.box[2])
        height = round(target.patch.shape[0] * scale * around[3] / target.box[3])
        if min(width, height) < 4 or width > likely.shape[1] or height > likely.shape[0]:
            continue
        patch = cv2.resize(target.patch, (width, height), interpolation=cv2.INTER_AREA)
        pattern = cv2.matchTemplate(field.luma, patch, cv2.TM_CCOEFF_NORMED)
        # A flat place has no pattern to be like: OpenCV gives 1 or infinity there.
        pattern = np.where(np.isfinite(pattern) & (np.abs(pattern) <= 1.0), pattern, 0.0)
        colour = _means(likely, width, height)
        far = _distance(field, pattern.shape, width, height, near)
        scores = {
            "both": 0.6 * pattern + 0.4 * colour - far,
            "pattern": pattern - far,
            "colour": colour - far,
        }
        for name, score in scores.items():
            row, column = np.unravel_index(int(score.argmax()), score.shape)
            best = float(score[row, column])
            if name not in found or best > found[name][0]:
                box = _fractions(field, int(column), int(row), width, height)
                place = Place(box, float(pattern[row, column]), float(colour[row, column]))
                found[name] = best, place
    distinct: list[Place] = []
    for _, place in (found[name] for name in ("both", "pattern", "colour") if name in found):
        if all(overlap(place.box, other.box) < 0.8 for other in distinct):
            distinct.append(place)
    return tuple(distinct)


def sameness(first: Look, now: Look) -> float:
    """How much two looks are of one figure in the same clothes, 0 to 1; 0.5 is a coin's toss."""
    head, torso = apart(first.texture, now.texture), apart(first.torso, now.torso)
    parts = [
        (distance / scale) ** 2
        for distance, scale in ((head, TEXTURE_SCALE), (torso, TORSO_SCALE))
        if distance is not None
    ]
    if not parts:
        return 0.0
    return float(np.clip(1.0 - 0.5 * sum(parts) / len(parts), 0.0, 1.0))


def find_again(
    pixels: Picture, field: Field, targets: Sequence[Target], near: Box | None
) -> tuple[Box, Look, float] | None:
    """The place whose look is most like the first target's, with its sameness; None without one.

    `targets[0]` is what was declared, others are how it looked since; all are searched for.
    """
    best: tuple[Box, Look, float] | None = None
    for target in targets:
        for place in places(field, target, near):
            box = inside(place.box)
            if min(box[2], box[3]) <= 0 or box[2] * box[3] < 0.3 * place.box[2] * place.box[3]:
                continue
            look = describe(pixels, box)
            # Looks change as a figure turns: its latest one counts nearly as the first.
            same = max(
                sameness(other.look, look) * (1.0 if n == 0 else 0.9)
                for n, other in enumerate(targets)
            )
            same *= 0.5 + 0.5 * max(0.0, min(1.0, 0.7 * place.pattern + 0.6 * place.colour + 0.2))
            if best is None or same > best[2]:
                best = box, look, same
    return best


def _margins(fit: tuple[int, int]) -> tuple[int, int]:
    return round(fit[0] * _MARGIN), round(fit[1] * _MARGIN)


def _pixels(field: Field, box: Box) -> tuple[int, int, int, int]:
    x, y = _margins(field.fit)
    left, top, width, height = inside(box)
    return (
        x + round(left * field.fit[0]),
        y + round(top * field.fit[1]),
        x + round((left + width) * field.fit[0]),
        y + round((top + height) * field.fit[1]),
    )


def _fractions(field: Field, column: int, row: int, width: int, height: int) -> Box:
    x, y = _margins(field.fit)
    w, h = field.fit
    return ((column - x) / w, (row - y) / h, width / w, height / h)


def _means(values: Floats, width: int, height: int) -> NDArray[np.float64]:
    total = cv2.integral(values, sdepth=cv2.CV_64F)
    box = total[height:, width:] - total[:-height, width:] - total[height:, :-width]
    return np.asarray((box + total[:-height, :-width]) / (width * height), np.float64)


def _distance(
    field: Field, shape: tuple[int, ...], width: int, height: int, near: Box | None
) -> NDArray[np.float64] | float:
    if near is None:
        return 0.0
    x, y = _margins(field.fit)
    down = (np.arange(shape[0]) - y + height / 2) / field.fit[1] - (near[1] + near[3] / 2)
    across = (np.arange(shape[1]) - x + width / 2) / field.fit[0] - (near[0] + near[2] / 2)
    return 0.25 * np.hypot(across[None, :], down[:, None])


def matched(reference: Picture, pixels: Picture, field: Field) -> tuple[Box, float] | None:
    """Where a reference picture's figure is in `pixels`, with a confidence; None if not found.

    By SIFT (Lowe, 2004) with a similarity transform on at least eight points; where the figure
    has too little detail, by its colours against those of the picture.
    """
    found = _by_points(reference, pixels)
    if found is not None:
        return found, 0.8
    # The margin of a portrait is its background: the figure is what lies in the middle.
    middle = (0.15, 0.1, 0.7, 0.8)
    own = field_of(reference)
    target = target_of(reference, own, middle)
    if target is None:
        return None
    height, width = pixels.shape[:2]
    shape = reference.shape[1] / reference.shape[0] * height / width
    # As high as two thirds of the picture; sizes from a third to one and a half of that are tried.
    near = (0.0, 0.0, 0.7 * 0.8 * shape, 0.67)
    best: tuple[Box, float] | None = None
    for place in places(field, Target(target.patch, target.table, near, target.look), None):
        box = inside(place.box)
        same = sameness(target.look, describe(pixels, box))
        sure = 0.6 * same if place.colour > 0.2 or place.pattern > 0.6 else 0.0
        if sure >= 0.35 and (best is None or sure > best[1]):
            best = box, sure
    return best


def _by_points(reference: Picture, pixels: Picture) -> Box | None:
    sift = cv2.SIFT.create(nfeatures=500)
    luma = [_at_most(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY), 480) for one in (reference, pixels)]
    (first, ones), (second, twos) = (sift.detectAndCompute(one, None) for one in luma)
    if len(first) < 8 or len(second) < 8:  # without points there are no descriptors either
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(ones, twos, k=2)
    good = [a for a, b in (p for p in pairs if len(p) == 2) if a.distance < 0.75 * b.distance]
    if len(good) < 8:
        return None
    source = np.array([first[one.queryIdx].pt for one in good], np.float64)
    goal = np.array([second[one.trainIdx].pt for one in good], np.float64)
    cv2.setRNGSeed(0)
    matrix, kept = cv2.estimateAffinePartial2D(source, goal, ransacReprojThreshold=4.0)
    if int(np.sum(kept)) < 8:
        return None
    if not 0.1 < float(np.hypot(matrix[0, 0], matrix[0, 1])) < 10:
        return None
    # The figure reaches as far as the points that were found again, and a little beyond.
    points = goal[kept.ravel() > 0]
    low, high = np.percentile(points, [2, 98], axis=0)
    size = np.array(luma[1].shape[::-1], np.float64)
    pad = 0.08 * (high - low)
    low, high = (low - pad) / size, (high + pad) / size
    return inside((float(low[0]), float(low[1]), *(float(n) for n in high - low)))  # type: ignore[arg-type]


def _at_most(luma: NDArray[Any], side: int) -> NDArray[Any]:
    scale = side / max(luma.shape)
    if scale >= 1:
        return luma
    return np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
