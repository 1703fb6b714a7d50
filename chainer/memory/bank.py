"""The exemplar bank: a few pictures that stand for all that was shown.

Pure. A picture that repeats another takes its place; else, when the bank is full, the most
redundant one goes, so that set-ups seen long ago stay. First-in first-out forgets two of three
of them, this none (8 set-ups in random order, 16 exemplars).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainer.memory.grade import apply_grade
from chainer.memory.observation import Observation
from chainer.memory.policy import MemoryPolicy
from chainer.memory.report import Grade
from chainer.memory.state import Exemplar, FrameRef
from chainer.memory.world import differences, thumb_from, thumb_of

_DUPLICATE = 0.12
"""Pictures nearer than this are one exemplar; measured, as the form of the distance."""
_YOUNG = 2
"""Exemplars that are not evicted because they have only just come."""


def exemplar_of(
    observation: Observation, still: int, atom: str, grade: Grade | None, *, sink: bool = False
) -> Exemplar:
    """The exemplar of one of a clip's pictures, as it is shown under `grade`."""
    kept = observation.stills[still]
    thumb = thumb_of(apply_grade(kept.pixels, grade))
    ref = FrameRef(observation.key, still)
    return Exemplar(ref, atom, kept.seconds, thumb.to_bytes(), thumb.mean, grade, sink)


def banked(
    bank: tuple[Exemplar, ...],
    observation: Observation,
    atom: str,
    grade: Grade | None,
    policy: MemoryPolicy,
) -> tuple[Exemplar, ...]:
    """The bank after the clip's own different pictures have come in."""
    if observation.world.dark > 0.5:
        return bank
    for number in range(len(observation.stills)):
        sink = sum(one.sink for one in bank) < policy.sinks
        bank = with_one(bank, exemplar_of(observation, number, atom, grade, sink=sink), policy)
    return bank


def with_one(
    bank: tuple[Exemplar, ...], new: Exemplar, policy: MemoryPolicy
) -> tuple[Exemplar, ...]:
    """The bank with one more picture, which may push out the most redundant one.

    A duplicate replaces the one it repeats, in place, except a sink: those keep the colours that
    the chain began with.
    """
    mine = thumb_from(new.thumb, new.lab)
    thumbs = [thumb_from(one.thumb, one.lab) for one in bank]
    if bank:
        gaps = differences([mine], thumbs)[0]
        place = int(gaps.argmin())
        if gaps[place] < _DUPLICATE:
            if bank[place].sink:
                return bank
            return (*bank[:place], replace(new, sink=False), *bank[place + 1 :])
    bank = (*bank, new)
    if len(bank) <= policy.bank:
        return bank
    thumbs.append(mine)
    free = [n for n, one in enumerate(bank[:-_YOUNG]) if not one.sink]
    if not free:
        return bank[:-1]
    each = differences(thumbs, thumbs)
    np.fill_diagonal(each, np.inf)
    gone = min(free, key=each.min(axis=1).__getitem__)
    return tuple(one for n, one in enumerate(bank) if n != gone)
