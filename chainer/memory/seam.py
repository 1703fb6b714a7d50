"""The pictures on both sides of a joint: who stands where somebody stood, found without a name.

Serves where one of the two clips says nothing of a character: what lay in the box before is looked
for in the picture after, or the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import numpy as np

from chainer.memory.appearance import Box, Look, apart, describe_at, inside
from chainer.memory.follow import field_of, find_again, sameness, target_of
from chainer.memory.observation import Observation, Picture, Sighting
from chainer.memory.surroundings import background_shows
from chainer.memory.verdict import Verdict, look_of

_JUDGED = 5
"""Places that are judged under every light, best first: each costs 10 ms."""

_FLAT = 3.0
"""Standard deviation of luma below which nobody is in a box."""

Judge = Callable[[list[Sighting], list[Sighting]], Verdict]
"""How two groups of sightings compare."""


def found_beyond(
    name: str, here: Picture, there: Picture, box: Box, judge: Judge, *, seconds: Fraction
) -> tuple[Sighting, bool] | None:
    """Who stands in `there` for the one in `box` of `here`: a sighting, and whether it is another.

    None where only the wall behind them is there. Both pictures are stills of one size; `seconds`
    are those of `there`.
    """
    box = inside(box)
    first = sighting_of(name, seconds, box, describe_at(here, box), 0.6)
    target = target_of(here, field_of(here), box)
    found = None if target is None else find_again(there, field_of(there), [target], box)
    candidates = [box] if found is None else [found[0], box]
    # In new clothes it is found a little beside its place: heads must lie on each other.
    step = 0.04 * box[2], 0.025 * box[3]
    for x, y, w, h in tuple(candidates):
        for across, down in product((-1, 0, 1), repeat=2):
            candidates.append(inside((x + across * step[0], y + down * step[1], w, h)))
    ranked: list[tuple[float, int, Sighting]] = []
    for number, place in enumerate(candidates):
        look = describe_at(there, place)
        sighting = sighting_of(name, seconds, place, look, 0.6)
        head = apart(first.texture, look.texture)
        if look.contrast >= _FLAT:  # else black, or a wall
            ranked.append(((head or 0.0) - sameness(look_of(first), look), number, sighting))
    ranked.sort(key=lambda one: one[:2])
    for _, _, sighting in ranked[:_JUDGED]:
        if not judge([first], [sighting]).other:
            return sighting, False
    # Another one stands just there; what is most like the first elsewhere is nobody.
    look = describe_at(there, box)
    if look.contrast < _FLAT or background_shows(there, here, box):
        return None
    return sighting_of(name, seconds, box, look, 0.6), True


def followed_to_the_end(name: str, now: Observation, first: Sighting) -> Sighting | None:
    """One found in the first still, in the last one."""
    place, seen = first.box, None
    target = target_of(now.first.pixels, field_of(now.first.pixels), place)
    for still in now.stills[1:] if target else ():
        assert target is not None
        found = find_again(still.pixels, field_of(still.pixels), [target], place)
        seen = None
        if found is not None and found[2] >= 0.4:
            place = found[0]
            seen = sighting_of(name, still.seconds, place, found[1], 0.5)
    return seen


def by_their_boxes(
    before: list[Sighting],
    group: list[Sighting],
    old: Picture,
    new: Picture,
    near: tuple[Fraction, Fraction],
) -> tuple[list[Sighting], list[Sighting]]:
    """The two at the joint itself described again by their boxes, from the two stills.

    A face that is seen on one side only places the same clothes elsewhere; and somebody who has
    not moved looks the same in the same place, however the face turned. `near` are the earliest
    second of the clip before and the latest of the new one that count.
    """
    last = max(before, key=lambda s: s.seconds)
    first = min(group, key=lambda s: s.seconds)
    if last.seconds < near[0] or first.seconds > near[1]:
        return [], []
    ones = [sighting_of("", last.seconds, last.box, describe_at(old, last.box), 0.5)]
    places = [first.box, last.box] if _shared(last.box, first.box) > 0.5 else [first.box]
    twos = [sighting_of("", first.seconds, box, describe_at(new, box), 0.5) for box in places]
    return ones, twos


def _shared(one: Box, two: Box) -> float:
    width = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    height = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    return max(0.0, width) * max(0.0, height) / max(min(one[2] * one[3], two[2] * two[3]), 1e-9)


def mirror_image(pixels: Picture) -> Picture:
    """Left and right exchanged."""
    return np.ascontiguousarray(pixels[:, ::-1])


def sighting_of(name: str, seconds: Fraction, box: Box, look: Look, sure: float) -> Sighting:
    """A look at a place as a sighting."""
    return Sighting(
        character=name,
        seconds=seconds,
        box=box,
        how="track",
        confidence=sure,
        torso=look.torso,
        texture=look.texture,
        palette=look.palette,
        sharpness=look.sharpness,
    )
