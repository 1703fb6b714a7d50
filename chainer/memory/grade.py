"""Brings the colours of one clip back to those it was remembered with.

An affine change is fitted to pixels that show the same thing in both pictures: least squares in
BT.709 R'G'B', reweighted by Cauchy's function against what really moved or changed, and held to
the identity by a ridge. Statistics of whole pictures are not used: they confuse a new thing in
the picture with a new light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.memory.observation import Picture
from chainer.memory.pixels import Floats, ciede2000, lab
from chainer.memory.policy import GradePolicy
from chainer.memory.register import Pairs
from chainer.memory.report import GRADE_UNIT, Grade
from chainer.memory.state import Palette

_RIDGE = 1e-4
"""Weight of the identity for each pixel: on real clips 1e-3 leaves saturation behind, 1e-5
follows noise."""
_SCALE = 6 / 255
"""Cauchy's scale: half the weight at this distance."""
_ROUNDS = 8
_MOST_PIXELS = 6000
_LEAST_PIXELS = 150
_EXPLAINED = 0.45
"""A light that changed is explained by one affine change for all pixels; a picture in which
things changed is not. Less of the difference explained than this: no correction."""
_FIELDS = 144
_LEAST_IN_FIELD = 6
_WEAKEST = 0.4
"""Least factor of any colour axis: half the saturation is 0.5, a flat grey wall 0."""
_NOISE = 0.2
"""CIEDE2000 that coding alone leaves between fields of two pictures of the same thing."""
_NEXT = 0.6
"""Share found again from which on the picture just shown can speak alone."""
_DRIFTED = 1.0
"""CIEDE2000 that a chain may have drifted before anybody sees it."""
_IDENTITY = np.vstack([np.eye(3), np.zeros(3)])
_SURE, _SURE_SCORE = 0.75, 0.55
"""Share explained and share found again from which on even a large shift is drift. Strong drift
clips, and what is clipped is not found again."""


_Pooled = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """Pairs with one reference picture, how much they count, and what the reference is.

    `last` marks the picture that was shown just before.
    """

    pairs: Pairs
    weight: float
    reference: str
    last: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A grade, or why there is none."""

    grade: Grade | None
    why: str


def propose(witnesses: Sequence[Witness], policy: GradePolicy, *, drifted: bool) -> Proposal:
    """The grade that brings the source of `witnesses` to their targets, if it may be done.

    Only where drift was found, enough of the picture was found again, one change explains the
    difference, and that change is neither too small to matter nor too large to be drift.
    """
    if not policy.enabled:
        return Proposal(None, "switched off")
    if not drifted:
        return Proposal(None, "no drift")
    good = [w for w in witnesses if w.pairs.score >= policy.min_score and w.pairs.count]
    found, change = _judged(good, policy)
    last = next((w for w in good if w.last and w.pairs.score >= _NEXT), None)
    if last is None or len(good) == 1:
        return found
    alone, by_last = _judged([last], policy)
    # Remembered pictures say where the chain has drifted to, little by little. Where they ask for
    # much else than the picture just shown, the scene has changed since, and that one counts.
    strayed = _missed(change, last) > _missed(by_last, last) + _DRIFTED
    return alone if found.grade is None or strayed else found


def _judged(good: Sequence[Witness], policy: GradePolicy) -> tuple[Proposal, NDArray[np.float64]]:
    """What these witnesses ask for, and the change itself; the identity where they are too few."""
    if sum(w.pairs.count for w in good) < _LEAST_PIXELS:
        return Proposal(None, "too little of the picture is found again"), _IDENTITY
    source, target, weight, fields = _pooled(good)
    change = _fitted(source, target, weight)
    return _allowed(good, policy, change, (source, target, weight, fields)), change


def _missed(change: NDArray[np.float64], witness: Witness) -> float:
    """How far the fields of a witness's picture still lie apart after a change."""
    source, target, _, fields = _pooled([witness])
    return _by_field(_lab(np.clip(source @ change[:3] + change[3], 0, 1)), _lab(target), fields)


def _allowed(
    good: Sequence[Witness], policy: GradePolicy, change: NDArray[np.float64], pooled: _Pooled
) -> Proposal:
    source, target, weight, fields = pooled
    graded = np.clip(source @ change[:3] + change[3], 0, 1)
    before = _lab(source)
    shift = float(np.average(ciede2000(before, _lab(graded)), weights=weight))
    residual = float(np.average(ciede2000(_lab(graded), _lab(target)), weights=weight))
    apart, left = (_by_field(one, _lab(target), fields) for one in (before, _lab(graded)))
    best = max(good, key=lambda one: one.pairs.score * one.weight)
    score = best.pairs.score
    if shift < policy.min_shift:
        return Proposal(None, f"a shift of {shift:.1f} dE is too small to matter")
    if left > (1 - _EXPLAINED) * apart + _NOISE:
        return Proposal(None, "the pictures differ in more than their light")
    strength = np.linalg.svd(change[:3], compute_uv=False)
    if not _WEAKEST <= strength[-1] <= strength[0] <= 1 / _WEAKEST:
        return Proposal(None, "no light does that: colours would be flattened or torn apart")
    sure = score >= _SURE_SCORE and left <= (1 - _SURE) * apart
    most = policy.max_shift_sure if sure else policy.max_shift
    if shift > most:
        return Proposal(None, f"a shift of {shift:.1f} dE is more than drift ({most:g})")
    if any(3 * row[row > 0].sum() < -5 * row[row < 0].sum() for row in change[:3].T):
        return Proposal(None, "no light takes so much of one colour away from another")
    rows = change[:3].T  # rgb' = M rgb, so that rows of M make red, green and blue
    return Proposal(
        Grade(
            matrix=tuple(round(float(one) * GRADE_UNIT) for one in rows.ravel()),
            offset=tuple(round(float(one) * GRADE_UNIT) for one in change[3]),
            score=round(score, 6),
            shift=round(shift, 6),
            residual=round(residual, 6),
            reference=best.reference,
        ),
        f"{apart:.1f} dE from {best.reference}",
    )


def apply_grade(pixels: Picture, grade: Grade | None) -> Picture:
    """The picture as it is shown: graded, clipped and rounded."""
    if grade is None:
        return pixels
    matrix = np.array(grade.matrix, np.float32).reshape(3, 3) / GRADE_UNIT
    offset = np.array(grade.offset, np.float32) / GRADE_UNIT
    shown = pixels[..., ::-1].astype(np.float32) @ matrix.T + offset * 255
    return np.asarray(np.clip(np.rint(shown), 0, 255)[..., ::-1], np.uint8)


def grade_palette(palette: Palette, grade: Grade | None) -> Palette:
    """The colours of a palette as they are shown."""
    if grade is None or not palette:
        return palette
    colours = np.array([entry[1:] for entry in palette], np.float32)[None]
    pixels = cv2.cvtColor(colours, cv2.COLOR_LAB2BGR) * 255
    shown = apply_grade(np.asarray(np.clip(np.rint(pixels), 0, 255), np.uint8), grade)
    found = lab(shown)[0]
    return tuple(
        (entry[0], float(c[0]), float(c[1]), float(c[2]))
        for entry, c in zip(palette, found, strict=True)
    )


def grade_jpeg(data: bytes, grade: Grade | None) -> bytes:
    """A JPEG as it is shown; what is no picture is given back as it came."""
    if grade is None:
        return data
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if pixels is None:
        return data
    done, coded = cv2.imencode(".jpg", apply_grade(np.asarray(pixels, np.uint8), grade))
    return coded.tobytes() if done else data


def _pooled(witnesses: Sequence[Witness]) -> _Pooled:
    """Source and target as R G B in 0..1, weight and field of each pixel; a fixed sample."""
    parts = []
    share = _MOST_PIXELS // len(witnesses)
    for number, one in enumerate(witnesses):
        step = max(1, one.pairs.count // share)
        here, there = one.pairs.source[::step], one.pairs.target[::step]
        each = np.full(len(here), one.weight * one.pairs.score / len(here))
        field = one.pairs.cell[::step].astype(np.int64) + number * _FIELDS
        parts.append((here[:, ::-1] / 255, there[:, ::-1] / 255, each, field))
    source = np.concatenate([part[0] for part in parts]).astype(np.float64)
    target = np.concatenate([part[1] for part in parts]).astype(np.float64)
    weight = np.concatenate([part[2] for part in parts])
    fields = np.concatenate([part[3] for part in parts])
    return source, target, weight / weight.mean(), fields


def _by_field(one: Floats, other: Floats, fields: NDArray[np.int64]) -> float:
    """The mean over fields of the picture of how far their mean colours lie apart.

    Noise averages out within a field; what changed in a part of the picture only does not.
    """
    _, where = np.unique(fields, return_inverse=True)
    count = np.bincount(where)
    means = [
        np.stack([np.bincount(where, colours[:, n]) / count for n in range(3)], axis=1)
        for colours in (one, other)
    ]
    away = ciede2000(*means)[count >= _LEAST_IN_FIELD]
    return float(away.mean()) if away.size else 0.0


def _fitted(
    source: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[4, 3]: three rows that are multiplied with R G B, and the offset."""
    given = np.concatenate([source, np.ones((len(source), 1))], axis=1)
    ridge = _RIDGE * len(source) * np.eye(4)
    change = _IDENTITY
    for _ in range(_ROUNDS):
        away = np.linalg.norm(given @ change - target, axis=1)
        now = weight / (1 + (away / _SCALE) ** 2)
        squared = given.T @ (given * now[:, None]) + ridge
        change = np.linalg.solve(squared, given.T @ (target * now[:, None]) + ridge @ _IDENTITY)
    return change


def _lab(rgb: NDArray[np.float64]) -> Floats:
    return np.asarray(lab((rgb[None, :, ::-1] * 255).astype(np.float32))[0])
