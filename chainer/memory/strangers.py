"""Sightings without a name: who they are by what is remembered, and whether they stay the same.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from chainer.memory.faces import face_distance
from chainer.memory.observation import Observation, Sighting
from chainer.memory.policy import FacePolicy
from chainer.memory.state import CharacterState

_MARGIN = 0.05
"""How much nearer a face must be to one character than to the next one."""


def named_by_memory(
    now: Observation, remembered: Sequence[CharacterState], faces: FacePolicy
) -> Observation:
    """The observation with names for unnamed faces that are one remembered character's."""
    known = {s.id: np.asarray(s.face, np.float32) for s in remembered if s.face}
    if not known:
        return now
    there = {(one.character, one.seconds) for one in now.sightings if one.character}
    changed = []
    for one in now.sightings:
        name = "" if one.character else _nearest(one, known, faces)
        if name and (name, one.seconds) not in there:
            there.add((name, one.seconds))
            changed.append(replace(one, character=name))
        else:
            changed.append(one)
    return replace(now, sightings=tuple(changed))


def _nearest(one: Sighting, known: dict[str, np.ndarray], faces: FacePolicy) -> str:
    ranked = sorted(
        (distance, name)
        for name, face in known.items()
        if (distance := face_distance(one.face, face)) is not None
    )
    if not ranked or ranked[0][0] > faces.same_at_most:
        return ""
    if len(ranked) > 1 and ranked[1][0] < ranked[0][0] + _MARGIN:
        return ""
    return ranked[0][1]


def another_stranger(
    previous: Observation, now: Observation, near: Fraction
) -> tuple[list[Sighting], list[Sighting]] | None:
    """The one clear unnamed face at the end and the one at the start, each as sightings.

    None where there is none, or more than one at a time, or somebody with a name.
    """
    end = previous.seconds - near
    groups = (
        [s for s in previous.sightings if s.seconds >= end],
        [s for s in now.sightings if s.seconds <= near],
    )
    for group in groups:
        times = [s.seconds for s in group]
        if any(s.character for s in group) or len(times) != len(set(times)):
            return None
        if not any(s.face is not None for s in group):
            return None
    before, after = groups
    return sorted(before, key=lambda s: -s.seconds), sorted(after, key=lambda s: s.seconds)
