"""What is around the people at a joint: whether it is one place, and how its light changed.

Leaves out everybody's box, or at least their clothes: new clothes are no new light.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.memory.appearance import (
    Box,
    Change,
    Gains,
    apart,
    inside,
    lab_pixels,
    region,
    to_lab,
    torso_histogram,
)
from chainer.memory.grade import Witness, propose
from chainer.memory.observation import Observation, Picture, Sighting
from chainer.memory.policy import GradePolicy
from chainer.memory.register import register
from chainer.memory.report import GRADE_UNIT

_ANY = GradePolicy(min_score=0.1, min_shift=1.0, max_shift=60.0, max_shift_sure=60.0)
"""Asks for the change of light whatever its size: nothing is corrected by it here."""


@dataclass(frozen=True, slots=True)
class Light:
    """How the light changed at a joint.

    `gains` are log2 gains of linear B, G, R from old to new; `change` brings the new colours back
    to the old light where that could be measured; `size` is how far apart they lie, CIEDE2000.
    """

    gains: Gains = (0.0, 0.0, 0.0)
    change: Change | None = None
    size: float = 0.0


def light_at(old: Picture, new: Picture, people: Sequence[Sighting]) -> Light:
    """The change of light between two pictures that show one place.

    The affine change is measured on everything but the people's clothes; heads count, as often
    nothing else in the picture is as dark or has a colour.
    """
    gains = light_change(old, new, people)
    # 1 EV is about 14 units of lightness where it is neither dark nor bright.
    size = 14 * max(abs(one) for one in gains)
    pairs = register(_undressed(new, people), _undressed(old, people))
    found = propose([Witness(pairs, 1.0, "")], _ANY, drifted=True).grade
    if found is None:
        return Light(gains, None, size)
    change = tuple(one / GRADE_UNIT for one in found.numbers())
    return Light(gains, change, max(size, found.shift))


def _undressed(pixels: Picture, people: Sequence[Sighting]) -> Picture:
    """The picture with black instead of everybody below the head: black tells nothing."""
    height, width = pixels.shape[:2]
    result = pixels.copy()
    for person in people:
        x, y, w, h = person.box
        head = person.head
        top = y + 0.25 * h if head is None else head[1] + 0.85 * head[3]
        left, right = (round(one * width) for one in (x - 0.15 * w, x + 1.15 * w))
        result[max(0, round(top * height)) :, max(0, left) : max(0, right)] = 0
    return result


def same_room(previous: Observation, now: Observation, near: Fraction) -> bool:
    """Whether the last and the first picture show one place around the people in them.

    Half of what is neither black nor a person lies within 6 Lab units, or its edges correlate by
    more than 0.6 over a good part of the picture. Measured: 1 to 5 units in one room, 11 and more
    between rooms. People seen within `near` seconds of the joint are left out.
    """
    end = previous.seconds - near
    people = [s for s in previous.sightings if s.seconds >= end]
    people += [s for s in now.sightings if s.seconds <= near]
    one, two = _small(previous.last.pixels), _small(now.first.pixels)
    lit = np.maximum(one.max(axis=2), two.max(axis=2)) > 30
    # A box of the upper body, or of somebody who moves, leaves much of them outside; in a box
    # that fills the picture, the little that is left around it must do.
    for wider, to_ground in ((0.1, True), (0.0, True), (0.0, False), (-0.15, True)):
        keep = _surroundings(people, wider=wider, down=to_ground) & lit
        if keep.mean() >= 0.08:
            break
    if keep.mean() < 0.05:
        return False
    if float(np.median(np.linalg.norm(to_lab(one) - to_lab(two), axis=2)[keep])) < 6.0:
        return True
    edges = []
    for picture in (one, two):
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        across, down = (cv2.Sobel(luma, cv2.CV_32F, 1 - n, n) for n in (0, 1))
        edges.append(np.log1p(np.hypot(across, down))[keep])
    if keep.mean() < 0.15 or min(float(edge.std()) for edge in edges) < 1e-3:
        return False
    return bool(float(np.corrcoef(np.stack(edges))[0, 1]) > 0.6)


def _small(pixels: Picture) -> Picture:
    return np.asarray(cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA), np.uint8)


def _surroundings(
    people: Iterable[Sighting], *, wider: float = 0.0, down: bool = False
) -> NDArray[np.bool_]:
    """Which pixels of a 64 x 64 picture lie in nobody's box.

    Boxes may be made `wider` on both sides, as a share of them, and reach `down` to the ground.
    """
    keep = np.ones((64, 64), bool)
    for person in people:
        x, y, w, h = person.box
        x, y, w, h = inside((x - wider * w, y, (1 + 2 * wider) * w, 1 - y if down else h))
        keep[int(y * 64) : int((y + h) * 64) + 1, int(x * 64) : int((x + w) * 64) + 1] = False
    return keep


def light_change(old: Picture, new: Picture, people: Iterable[Sighting]) -> Gains:
    """log2 gains of linear B, G, R from `old` to `new`, by what is the same in both.

    Counts pixels outside the people's boxes whose surroundings have the same structure; zeros
    where fewer than a twentieth are left.
    """
    one, two = _small(old), _small(new)
    keep = _surroundings(people)
    keep &= _local_agreement(one, two) > 0.5
    for picture in (one, two):
        keep &= (picture.min(axis=2) > 8) & (picture.max(axis=2) < 247)
    if keep.sum() < 0.05 * keep.size:
        return (0.0, 0.0, 0.0)
    # 2.2 is close enough to the real curve for a ratio of two pictures.
    ratio = 2.2 * (np.log2(two[keep].astype(np.float64)) - np.log2(one[keep].astype(np.float64)))
    blue, green, red = (float(np.clip(one, -1.5, 1.5)) for one in np.median(ratio, axis=0))
    return (blue, green, red)


def _local_agreement(one: Picture, two: Picture) -> NDArray[np.float32]:
    """Correlation of luma in 9 x 9 neighbourhoods; flat places count as half agreed."""
    a, b = (cv2.cvtColor(p, cv2.COLOR_BGR2GRAY).astype(np.float32) for p in (one, two))
    mean_a, mean_b = cv2.blur(a, (9, 9)), cv2.blur(b, (9, 9))
    var_a = cv2.blur(a * a, (9, 9)) - mean_a**2
    var_b = cv2.blur(b * b, (9, 9)) - mean_b**2
    both = cv2.blur(a * b, (9, 9)) - mean_a * mean_b
    return np.asarray((both + 4) / (np.sqrt(np.maximum(var_a * var_b, 0)) + 6), np.float32)


def background_shows(new: Picture, old: Picture, box: Box) -> bool:
    """Whether `box` in the new picture has the colours that lay around it in the old one."""
    x, y, w, h = box
    middle = region(new, (x + 0.2 * w, y, 0.6 * w, h))
    if middle is None:
        return False
    around = to_lab(_small(old))
    keep = np.ones((64, 64), bool)
    # Boxes are drawn narrow and short: an elbow beside one or legs below are no background.
    left, right = max(0.0, x - 0.4 * w), x + 1.4 * w
    keep[int(y * 64) :, int(left * 64) : int(right * 64) + 1] = False
    if keep.mean() < 0.02:
        return False
    here = torso_histogram(lab_pixels(middle, 32))
    return (apart(here, torso_histogram(around[keep])) or 0.0) < 0.4
