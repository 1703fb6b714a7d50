"""Pictures that repeat the one before: in step, as of a lower rate held on a higher one, or not.

Film of 24 pictures a second on 30 repeats every fifth, drawings on twos every second. Such repeats
come again at one distance. What stutters repeats a picture anywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainer.quality.window import Stretch, Window

_AROUND = 8
"""Pictures on each side that say how much moves."""
_NOTHING = 4
"""Tenths of a level: whatever changes less has not changed."""
_SMALL, _SMALLEST = 0.06, 10
"""Share of what moves around, and tenths of a level at most: an encoder that mends a picture while
it stands changes less."""
_LIKE = 0.2
"""What changes by less of what moves around may be a repeat that was coded badly: enough to be in
step, too little to be called a defect."""
_STEADY = 0.9
"""How surely repeats must come again for so many to be in step."""
_ALIKE, _SAME = 1, 2
_MOVES = 20
"""Tenths of a level in the block that moves most: below it nobody sees a repeat."""
_SHORT = 3
"""At such distances a repeat that seems out of step is one of drawings held unevenly or unseen."""
_LONGEST = 15
"""The longest distance at which repeats are in step."""
_LEAST_STEADY = 4
_HELD = 0.4
"""Share of repeats from which on pictures are held on purpose, as drawings are."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """What repeats in a window.

    `odd`: pictures repeated out of step, one stretch for each time that it hangs; `pictures`: how
    many there are; `lively`: how many of them could have been seen to repeat out of step; `rate`:
    how many a second differ, where there are repeats in step.
    """

    odd: tuple[Stretch, ...]
    pictures: int
    lively: int
    rate: Fraction | None


def repeats_in(window: Window) -> Repeats:
    """The repeats in a window; the step is that of the whole file, which a part may not show."""
    survey = window.survey
    at, most = survey.pictures.at, survey.pictures.most
    rows = window.rows(at)
    if len(rows) < 3:
        return Repeats((), len(rows), 0, None)
    every = sorted({*at, *survey.skipped})
    place = {ticks: n for n, ticks in enumerate(every)}
    first, last = place[at[rows[0]]], place[at[rows[-1]]]
    judged = {place[at[n]]: _repeats(most, n, range(len(at))) for n in range(1, len(at))}
    known = {spot for spot, answer in judged.items() if answer is not None}
    alike = {spot for spot, answer in judged.items() if answer}
    distance, steady, agreement = _in_step(alike, known)
    count = last - first + 1
    if len(alike) >= _HELD * len(known) > 0 and agreement < _STEADY:
        held = round(1 / (1 - len(alike) / (len(known) + 1)))
        return Repeats((), count, 0, _rate(window, count, 1 / held))
    if 2 <= distance <= _SHORT:
        steady |= _continued(alike - steady, steady, distance)
    hangs = [
        n > rows[0] and place[at[n]] not in steady and judged.get(place[at[n]]) == _SAME
        for n in rows
    ]
    odd = tuple(window.stretches(at, rows, hangs))
    lively = sum(first < spot <= last for spot in known - steady)
    rate = None
    if distance:
        held = max(1, round(len(steady) * distance / len(known)))
        rate = _rate(window, count, 1 - held / distance)
    return Repeats(odd, count, lively, rate)


def _continued(spots: set[int], steady: set[int], distance: int) -> set[int]:
    """Those of `spots` at which the step goes on that was kept before or is kept after.

    What stands still for a moment or was left out breaks it no more than a scene in which all moves
    with every picture.
    """
    ordered = sorted(steady)
    found = set()
    for spot in spots:
        after = bisect_left(ordered, spot)
        near = ordered[max(0, after - 1) : after + 1]
        if any((spot - one) % distance == 0 for one in near):
            found.add(spot)
    return found


def _repeats(most: Sequence[int], n: int, rows: range) -> int | None:
    """Whether picture `n` is the one before: `_SAME`, `_ALIKE` or 0.

    None where too little moves to tell.
    """
    around = sorted(
        most[m]
        for m in range(max(rows[0] + 1, n - _AROUND), min(rows[-1], n + _AROUND) + 1)
        if m != n and most[m] > _NOTHING
    )
    moves = around[len(around) * 2 // 3] if len(around) >= 3 else 0
    if moves < _MOVES:
        return None
    if most[n] <= min(_SMALLEST, max(_NOTHING, _SMALL * moves)):
        return _SAME
    return _ALIKE if most[n] <= _LIKE * moves else 0


def _in_step(spots: set[int], known: set[int]) -> tuple[int, set[int], float]:
    """The distance at which most repeats come again, those that do, and how surely they do."""
    best, fits = (0, set[int](), 0.0), 0.0
    for distance in range(2, _LONGEST + 1):
        steady, agree, asked = set(), 0, 0
        for spot in spots:
            near = [spot + k * distance for k in (-2, -1, 1, 2)]
            there = [one for one in near if one in known]
            again = sum(one in spots for one in there)
            if there and again >= min(2, len(there)):
                steady.add(spot)
                agree, asked = agree + again, asked + len(there)
        enough = len(steady) > max(len(known) / (2 * distance), _LEAST_STEADY)
        # A multiple of the distance fits nearly as well.
        if enough and len(steady) * agree / asked > 1.1 * fits:
            best, fits = (distance, steady, agree / asked), len(steady) * agree / asked
    return best


def _rate(window: Window, pictures: int, share: float) -> Fraction:
    """Pictures a second of which this share differs, to the nearest half."""
    return Fraction(max(1, round(2 * share * pictures / float(window.seconds))), 2)
