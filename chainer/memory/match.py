"""Where the end of one clip and the start of the next join best, by picture and by motion.

Between two frames that follow each other in a shot, each predicts the other: things go on as they
moved. How far two frames of two clips are from doing so, how differently things move in them,
and whether things stand still for once, is their discontinuity; lively steps of the two clips
themselves have about 1. A match is the pair that
has least. A morph makes pictures between two along the optical flow, and its discontinuity is that
of its worst step, with what does not fit in the made pictures. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np

from chainer.memory.observation import Picture
from chainer.memory.pixels import Floats, common, fit, luma
from chainer.memory.point import Point
from chainer.timebase import round_half_up

Kind = Literal["match", "morph"]

SIDE = 192
"""Pixels of the longer side at which pictures are compared."""

_BLUR = 1.0
_TINY = 24
"""Pixels of the shorter side below which there is nothing to see."""
_NOISE = 1.0
"""Levels of 255 that the eye forgives in any step, so that still clips are not taken at a word."""
_REPEATED = 0.25
"""Share of the changes around it below which a picture is the one before, coded once more."""
_NEAR = 16
"""Pictures of each clip, nearest to the joint, whose steps tell what is usual there: a jump in a
still moment is seen, whatever has moved before."""
_MOTION = 1.0
_STEEPEST = 40.0
"""Levels a pixel: at sharper edges a difference in motion shows no better."""
_LIGHT = (0.8, 1.25, 24.0)
"""How far contrast, from and to, and level are made equal before two clips are compared."""

_NATURAL = 1.0
"""Discontinuity that needs no mending: the clips' own lively steps have as much."""
_CLEARLY = 0.15
_ABSOLUTELY = 0.3
"""How much less discontinuity, as a share and as such, is worth leaving frames out for."""
_STILL_A_CUT = 2.0
"""Discontinuity above which two frames do not join: any other pair is a cut as well."""
_STILL_A_JUMP = 2.5
"""The same of a morph, whose two pictures are known to show the same things."""
_A_SECOND = 1.5
"""Discontinuity that is worth a second of what somebody made."""
_COPIED = 0.05
"""Discontinuity that is worth a right clip that plays from its first frame: nothing is encoded."""

_MADE = 0.02
"""Discontinuity that is worth a picture less that nobody took."""

_LENGTHS = (Fraction(2, 15), Fraction(1, 5), Fraction(4, 15))
"""Seconds of made pictures: 4, 6 and 8 at 30 frames a second."""
_PAIRS = 10
_TRUSTED = 0.7
"""Share of what changes between two pictures that the flow must find both ways."""
_SLIP = 1.0
_FARTHEST = 0.06
"""Share of the longer side that things may move over in a morph."""
_GHOST = 0.5
"""How much two pictures that do not cover each other count in those made of both."""
_BETTER = 0.9
"""What share of a match's discontinuity a morph may have to be worth made pictures."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One way to join: the frames it leaves out, its made pictures, and how it would look."""

    left: int
    right: int
    made: int
    score: float
    trust: float = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was chosen, and the best of each way; `morph` is None where none was looked for."""

    point: Point
    plain: float
    match: Tried
    morph: Tried | None


def find_point(
    left: Sequence[Picture],
    right: Sequence[Picture],
    kind: Kind,
    fps: Fraction,
    most: tuple[int, int],
) -> Found:
    """The best point between the last pictures of one clip and the first of another.

    `left` and `right` are frames of the film in order, B G R; the last of `left` and the first of
    `right` meet in a plain cut. At most `most` frames are left out on each side, and never all
    but two. Raises `ValueError` for fewer than three pictures on a side.
    """
    if min(len(left), len(right)) < 3:
        raise ValueError("at least three pictures of each clip are needed")
    grey = _comparable(left, right)
    if min(grey[0][0].shape) < _TINY:
        point = Point(0, 0, 0, 1.0, 1.0, "the pictures are too small to compare: a plain cut")
        return Found(point, 1.0, Tried(0, 0, 0, 1.0), None)
    ends = _Ends(grey, (_runs(grey[0]), _runs(grey[1])), most)
    table, price = ends.table(), ends.price(fps)
    plain = float(table[0, 0])
    row, column = divmod(int((table + price).argmin()), table.shape[1])
    match = Tried(*ends.frames(row, column), 0, float(table[row, column]))
    morph = _best_morph(ends, price, fps) if kind == "morph" else None
    return Found(_chosen(plain, match, morph, kind, fps), plain, match, morph)


def discontinuity(pictures: Sequence[Picture], at: int) -> float:
    """How much pictures `at` - 1 and `at` stand out among all steps of a shot: 1, not at all.

    The other steps, but for the two beside it, are what it is measured by. At least six pictures,
    and three of them on each side of the step.
    """
    grey = [_grey(one) for one in pictures]
    if not 3 <= at <= len(grey) - 3:
        raise ValueError("three pictures are needed on each side")
    steps = [_step(*grey[n - 2 : n + 2]) for n in range(2, len(grey) - 1)]
    others = [step for n, step in enumerate(steps, 2) if abs(n - at) > 1]
    return steps[at - 2] / (_usual(others) + _NOISE)


def _chosen(plain: float, match: Tried, morph: Tried | None, kind: Kind, fps: Fraction) -> Point:
    """The point, with words for what was given up."""
    matches = _is_worth(match, plain, fps)
    best = match.score if matches else plain
    if morph is not None and _is_worth(morph, plain, fps) and _is_better(morph, best):
        return Point(*_frames(morph), plain, morph.score, _words(morph, plain))
    given_up = "" if kind == "match" else f"no morph: {_why_not(morph, match, plain, fps)}; "
    if matches:
        return Point(*_frames(match), plain, match.score, given_up + _words(match, plain))
    why = f"a plain cut ({plain:.1f}): {_why_not(match, None, plain, fps)}"
    return Point(0, 0, 0, plain, plain, given_up + why)


def _frames(tried: Tried) -> tuple[int, int, int]:
    return tried.left, tried.right, tried.made


def _words(tried: Tried, plain: float) -> str:
    made = f" and {tried.made} made between them" if tried.made else ""
    return (
        f"{tried.left} frames left out before the joint and {tried.right} after it{made}: "
        f"discontinuity {tried.score:.1f}, of a plain cut {plain:.1f}"
    )


def _is_worth(tried: Tried, plain: float, fps: Fraction) -> bool:
    price = _A_SECOND * (tried.left + tried.right) / float(fps) + _MADE * tried.made
    gain = plain - tried.score - price
    return (
        plain > _NATURAL
        and tried.score <= _ceiling(tried)
        and gain >= max(_ABSOLUTELY, _CLEARLY * plain)
    )


def _is_better(morph: Tried, best: float) -> bool:
    """Whether made pictures are worth more than the best joint without any."""
    return best > _NATURAL and morph.trust >= _TRUSTED and morph.score <= _BETTER * best


def _ceiling(tried: Tried) -> float:
    return _STILL_A_JUMP if tried.made else _STILL_A_CUT


def _why_not(tried: Tried | None, match: Tried | None, plain: float, fps: Fraction) -> str:
    if plain <= _NATURAL:
        return "it is a step like any other"
    if tried is None:
        return "no two pictures are near enough to each other"
    if tried.trust <= 0:
        return "things move too far between the pictures"
    if tried.trust < _TRUSTED:
        return f"the motion between the pictures is found for {tried.trust:.0%} only"
    if tried.score > _ceiling(tried):
        return f"no two pictures join (at best {tried.score:.1f})"
    if match is not None and _is_worth(tried, plain, fps):
        return f"a match is as good ({match.score:.1f}; {tried.score:.1f})"
    return f"nothing is clearly better (at best {tried.score:.1f})"


class _Ends:
    """The grey pictures of both ends, each once however long it shows, and where they may join.

    A row stands for the last picture on the left, row 0 for the very last, and a column for the
    first on the right; a picture is never left in part.
    """

    def __init__(
        self,
        grey: tuple[list[Floats], list[Floats]],
        starts: tuple[list[int], list[int]],
        most: tuple[int, int],
    ) -> None:
        ones, others = grey
        self.left, self.right = [ones[n] for n in starts[0]], [others[n] for n in starts[1]]
        # Frames that are left out where a picture is the last, or the first, that shows.
        out = [len(ones) - end for end in (*starts[0][1:], len(ones))][::-1]
        self.left_out = [n for n in out[:-1] if n <= most[0]]
        self.right_out = [n for n in starts[1][:-1] if n <= most[1]]
        # The flow of each picture to the one before it (left), and to the one after it (right).
        self._back = [_flow(here, before) for before, here in pairwise(self.left)]
        self._forth = [_flow(here, after) for here, after in pairwise(self.right)]
        # How many pictures of the left clip the right one has in the time of one of its own.
        lasts = [len(one) / len(first) for one, first in zip(grey, starts, strict=True)]
        self._pace = lasts[0] / lasts[1]
        natural = [
            _step(*shot[n - 2 : n + 2])
            for shot in (self.left[-_NEAR:], self.right[:_NEAR])
            for n in range(2, len(shot) - 1)
        ]
        self.usual = _usual(natural) + _NOISE

    def frames(self, row: int, column: int) -> tuple[int, int]:
        """Frames left out on the left and on the right."""
        return self.left_out[row], self.right_out[column]

    def price(self, fps: Fraction) -> Floats:
        """What leaving frames out costs, as discontinuity."""
        left, right = np.array(self.left_out)[:, None], np.array(self.right_out)[None]
        price = _A_SECOND * (left + right) / float(fps) + _COPIED * (right > 0)
        return np.asarray(price, np.float32)

    def table(self) -> Floats:
        """The discontinuity of each row and column."""
        found = np.zeros((len(self.left_out), len(self.right_out)), np.float32)
        behind = [_warped(self.right[j], self._forth[j]) for j in range(found.shape[1])]
        after = [_rms(self.right[j] - self.right[j + 1]) for j in range(found.shape[1])]
        for row in range(found.shape[0]):
            i = len(self.left) - 1 - row
            back = self._back[i - 1]
            ahead, edges = _warped(self.left[i], back), _edges(self.left[i])
            before = _rms(self.left[i] - self.left[i - 1])
            for j in range(found.shape[1]):
                found[row, j] = _apart(
                    (self.left[i], self.right[j]),
                    (ahead, behind[j]),
                    back + self._pace * self._forth[j],
                    edges,
                    min(before, after[j]),
                )
        return np.asarray(found / self.usual, np.float32)

    def pair(self, row: int, column: int) -> tuple[list[Floats], list[Floats]]:
        """The two last pictures that are kept on the left, and the two first on the right."""
        last = len(self.left) - row
        return self.left[last - 2 : last], self.right[column : column + 2]


def _runs(pictures: Sequence[Floats]) -> list[int]:
    """Where each picture starts that is not the one before once more; all, where nothing moves."""
    changes = [_rms(here - before) for before, here in pairwise(pictures)]
    starts = [0]
    for number, change in enumerate(changes, 1):
        # Held against the changes just before it and just after: a still moment is no repetition.
        beside = (changes[max(0, number - 3) : number - 1], changes[number : number + 2])
        if change > _REPEATED * min(max(some) for some in beside if some):
            starts.append(number)
    return starts if len(starts) >= 3 else list(range(len(pictures)))


def _best_morph(ends: _Ends, price: Floats, fps: Fraction) -> Tried | None:
    """The morph of least discontinuity among the pairs that lie nearest to each other."""
    nearest = np.zeros(price.shape, np.float32)
    for row, column in np.ndindex(price.shape):
        (_, one), (other, _) = ends.pair(row, column)
        nearest[row, column] = _rms(one - other)
    order = np.argsort(nearest / ends.usual + price, axis=None, kind="stable")[:_PAIRS]
    pairs = [(0, 0), *(divmod(int(place), price.shape[1]) for place in order)]
    lengths = sorted({max(2, round_half_up(seconds * fps)) for seconds in _LENGTHS})
    tried = [
        (one.trust < _TRUSTED, one.score + float(price[pair]) + _MADE * one.made, one)
        for pair in dict.fromkeys(pairs)
        for one in _morphs(ends, pair, lengths)
    ]
    # Where no flow is to be trusted, the least bad is told of.
    return min(tried, key=lambda told: told[:2])[2] if tried else None


def _morphs(ends: _Ends, at: tuple[int, int], lengths: Sequence[int]) -> Iterator[Tried]:
    """The morphs of these lengths at a row and a column."""
    (before, one), (other, after) = ends.pair(*at)
    forth, back = _flow(one, other), _flow(other, one)
    way = np.linalg.norm(forth, axis=2)
    far = float(np.percentile(way, 99.5)) > _FARTHEST * max(one.shape)
    trust = 0.0 if far else _trust(one, other, forth, back)
    for made in lengths:
        pictures, ghost = _between(one, other, forth, back, made)
        shot = [before, one, *pictures, other, after]
        steps = [_step(*shot[n - 2 : n + 2]) for n in range(2, len(shot) - 1)]
        score = (max(steps) + _GHOST * ghost) / ends.usual
        yield Tried(*ends.frames(*at), made, float(score), trust)


def _between(
    one: Floats, other: Floats, forth: Floats, back: Floats, count: int
) -> tuple[list[Floats], float]:
    """Pictures between two along the flow, and how far the two that each is made of differ."""
    made, ghost = [], 0.0
    for number in range(1, count + 1):
        t = number / (count + 1)
        # From a moment between, both flows are known only at its ends: each as far as it is near.
        to_one = t * t * back - t * (1 - t) * forth
        to_other = (1 - t) * (1 - t) * forth - t * (1 - t) * back
        a, b = _warped(one, to_one), _warped(other, to_other)
        made.append(np.asarray((1 - t) * a + t * b, np.float32))
        ghost = max(ghost, 4 * t * (1 - t) * _rms(a - b))
    return made, ghost


def _trust(one: Floats, other: Floats, forth: Floats, back: Floats) -> float:
    """The share of what changes that is found forth and back, 0 to 1."""
    slip = np.linalg.norm(forth + _warped(back, forth), axis=2)
    slack = _SLIP + 0.1 * np.linalg.norm(forth, axis=2)
    weight = np.abs(one - other) + 1
    return float((weight * (slip < slack)).sum() / weight.sum())


def _step(before: Floats, here: Floats, there: Floats, after: Floats) -> float:
    """The discontinuity, in levels, between `here` and `there`."""
    back, forth = _flow(here, before), _flow(there, after)
    change = min(_rms(here - before), _rms(there - after))
    return _apart(
        (here, there),
        (_warped(here, back), _warped(there, forth)),
        back + forth,
        _edges(here),
        change,
    )


def _apart(
    pair: tuple[Floats, Floats],
    expected: tuple[Floats, Floats],
    turn: Floats,
    edges: Floats,
    change: float,
) -> float:
    """How far two frames are from following each other, in levels of 255.

    `expected` is the first as it would go on, and the second as it would have been before. By
    `turn` pixels things move otherwise in the one than in the other; `edges` says how much that
    shows. By `change` pictures differ beside the two: with less between them, things stand still.
    """
    here, there = pair
    missed = (_rms(expected[0] - there) + _rms(expected[1] - here)) / 2
    jerk = np.linalg.norm(turn, axis=2) * edges
    stall = max(0.0, change - _rms(here - there))
    return missed + _MOTION * _rms(np.minimum(jerk, _STEEPEST)) + stall


def _comparable(
    left: Sequence[Picture], right: Sequence[Picture]
) -> tuple[list[Floats], list[Floats]]:
    """Both ends grey, in one shape, and the right one in the left one's light."""
    one, other = common(left[-1], right[0])
    ones = [_grey(common(picture, right[0])[0]) for picture in left]
    size = ones[0].shape[::-1]
    others = []
    for picture in right:
        inner = np.ascontiguousarray(common(left[-1], picture)[1])
        grey = luma(np.asarray(cv2.resize(inner, size, interpolation=cv2.INTER_AREA), np.uint8))
        others.append(_soft(grey))
    del one, other
    contrast = float(ones[-1].std()) / max(float(others[0].std()), 1.0)
    contrast = min(max(contrast, _LIGHT[0]), _LIGHT[1])
    level = float(others[0].mean())
    shift = min(max(float(ones[-1].mean()) - level, -_LIGHT[2]), _LIGHT[2])
    return ones, [np.asarray((one - level) * contrast + level + shift) for one in others]


def _grey(picture: Picture) -> Floats:
    return _soft(luma(fit(np.ascontiguousarray(picture), SIDE)))


def _soft(grey: Picture) -> Floats:
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _BLUR), np.float32)


def _usual(steps: Sequence[float]) -> float:
    """What a lively step has: clips of a slower rate repeat every other picture."""
    return float(np.percentile(steps, 75)) if steps else 0.0


def _edges(grey: Floats) -> Floats:
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8
    return np.asarray(np.sqrt(across * across + down * down), np.float32)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _flow(one: Floats, other: Floats) -> Floats:
    """Optical flow from `one` to `other` in pixels: float32 [h, w, 2]."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    finder.setFinestScale(1)
    a, b = (np.clip(np.rint(grey), 0, 255).astype(np.uint8) for grey in (one, other))
    return np.asarray(finder.calc(a, b, None), np.float32)  # type: ignore[call-overload]


def _warped(picture: Floats, flow: Floats) -> Floats:
    """What lies at the end of the flow: pixel x is `picture` at x + flow."""
    height, width = picture.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).astype(np.float32)
    where = grid + flow
    return np.asarray(
        cv2.remap(
            picture, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.float32,
    )
