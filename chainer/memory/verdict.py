"""Another person, or other clothes: what the distances between two groups of sightings say.

Faces decide where both sides have a descriptor; else head and torso together: another person has
another head *and* other clothes. Clothes are compared under every light that the joint could have
changed to. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from chainer.memory.appearance import Look, apart, least_apart
from chainer.memory.faces import face_distance
from chainer.memory.observation import Sighting
from chainer.memory.policy import FacePolicy, Thresholds
from chainer.memory.report import Measure
from chainer.memory.surroundings import Light

HEAD = 0.27
"""Texture distance from which on a head may be another one."""

TORSO = 0.24
"""Torso distance from which on, with another head, it is another person."""

VOTE = 0.7
"""Share of `HEAD` and `TORSO` from which on a face that could be either is another's."""

CERTAIN = 0.85
"""Share of `FacePolicy.same_at_most` up to which a face needs no second witness.

Two men in one room lie 0.46 to 0.62 apart, and one man up to 0.60 from himself as he turns.
"""

_TURNED = 0.3
"""Yaw from which on a face lies up to 0.1 further from itself."""
_SLACK = 0.1

_LIT = 0.012
"""How much further clothes may lie apart for each CIEDE2000 that the light changed by.

No model of light is exact: what it leaves over grows with the change.
"""


@dataclass(frozen=True, slots=True)
class Apart:
    """The least distances between two groups of sightings; None where they cannot be had.

    `turned`: one of the two nearest faces is in half profile.
    """

    face: float | None
    head: float | None
    torso: float | None
    turned: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`other`: another person; `new_clothes`: the same one in other clothes.

    `looks` is how far head and torso speak for another one without the face: 1 and more is enough.
    """

    other: bool
    new_clothes: bool
    confidence: float
    identity: Measure | None
    wardrobe: Measure | None
    looks: float | None = None


def least(
    old: Sequence[Sighting], new: Sequence[Sighting], light: Light, reach: float, *, mirrored: bool
) -> Apart:
    """The least distances between any two of two groups, under lights up to `reach` off."""
    pairs = list(product(old[:5], new[:6]))
    faces = [
        (distance, max(abs(a.yaw or 0.0), abs(b.yaw or 0.0)) >= _TURNED)
        for a, b in pairs
        if (distance := face_distance(a.face, b.face)) is not None
    ]
    face, turned = min(faces, default=(None, False))
    # Looks mean the same only where both were placed by a face, or both by a box.
    alike = [(a, b) for a, b in pairs if (a.yaw is None) == (b.yaw is None)]
    head = [None if mirrored else apart(a.texture, b.texture) for a, b in alike]
    torso = [least_apart(a, b, light.gains, reach, light.change) for a, b in alike]
    return Apart(face, _smallest(head), _smallest(torso), turned)


def _smallest(values: Iterable[float | None]) -> float | None:
    return min((one for one in values if one is not None), default=None)


def decide(
    by: Apart,
    thresholds: Thresholds,
    faces: FacePolicy,
    light: Light,
    *,
    far: bool,
    unmoved: bool = False,
) -> Verdict:
    """Another person, or other clothes.

    `far`: over a change of set-up, where only faces tell people apart. `unmoved`: the picture went
    on without a step, as it does not where somebody else comes into it.
    """
    limit = thresholds.wardrobe * (1.25 if far else 1.0) + _LIT * max(0.0, light.size - 3)
    wardrobe = None
    if by.torso is not None:
        wardrobe = Measure(by.torso, "hellinger", min(limit, 0.9), 0.6 if far else 0.8)
    clothes = wardrobe is not None and wardrobe.exceeds
    fused = None
    if by.head is not None and by.torso is not None:
        fused = min(by.head / HEAD, by.torso / TORSO)
    if by.face is not None:
        other, identity = _by_face(by, fused, faces, far=far, unmoved=unmoved)
        clothes = clothes and not other
        # Two witnesses that agree are more than the face that could be either.
        sure = max(identity.confidence, 0.65 if other or not far else 0.55)
        return Verdict(other, clothes, sure, identity, wardrobe, fused)
    if fused is None:
        return Verdict(False, clothes, 0.55, None, wardrobe)  # noqa: FBT003
    confidence = 0.4 if far else float(np.clip(0.4 + 0.4 * fused, 0.3, 0.9))
    identity = Measure(fused, "ratio", 1.0, confidence)
    other = fused > 1.0 and not far
    # How far apart heads are says nothing against new clothes.
    sure = confidence if other else max(confidence, 0.55 if far else 0.65)
    return Verdict(other, clothes and not other, sure, identity, wardrobe, fused)


def _by_face(
    by: Apart, fused: float | None, faces: FacePolicy, *, far: bool, unmoved: bool
) -> tuple[bool, Measure]:
    assert by.face is not None
    limit = faces.other_at_least + (_SLACK if by.turned else 0.0)
    other = by.face >= limit
    sure = by.face <= CERTAIN * faces.same_at_most or other
    if not sure and fused is not None and not far:
        # Between the two limits of faces, the rest of the figure has the casting vote.
        other = fused > VOTE
        limit = by.face - 1e-6 if other else limit
    elif other and not far and _plainly_same(by, unmoved=unmoved):
        other, sure, limit = False, False, by.face
    return other, Measure(by.face, "distance", limit, 0.95 if sure else 0.45)


def _plainly_same(by: Apart, *, unmoved: bool) -> bool:
    """Whether hair, outline and clothes leave no doubt.

    A face that turns fast lies up to 0.7 from itself; another person's head that fits this well
    was not seen.
    """
    if by.head is None or by.torso is None or by.face is None:
        return False
    most = 0.9 if by.turned else 0.8
    return (unmoved or by.head < 0.65 * HEAD) and by.torso < 0.5 * TORSO and by.face < most


def look_of(sighting: Sighting) -> Look:
    """What a sighting looks like."""
    return Look(sighting.torso, sighting.texture, sighting.palette, sighting.sharpness, 0.0)
