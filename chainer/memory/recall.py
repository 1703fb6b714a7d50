"""What is kept of a character after a clip: running means, the best crops, where it was last.

Pure: makes new states from old ones and from who was recognised.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainer.memory.likeness import AT_JOINT, Recognised
from chainer.memory.observation import Observation, Vector
from chainer.memory.state import CharacterState, CropRef, Presence

MOST_CROPS = 6
"""Crops that a character keeps."""

_OLD = 8.0
"""Sightings that the remembered clothes and head count for beside new ones."""


def remember_people(
    states: Sequence[CharacterState],
    observation: Observation,
    people: Sequence[Recognised],
    atom: str,
    names: Mapping[str, str],
    *,
    missing: Collection[str] = (),
    prior: bool = False,
) -> tuple[CharacterState, ...]:
    """The states after a clip, in the order in which characters were first seen.

    Means run over sightings weighted by their confidence; at most 40 count, so that nobody is
    fixed for ever. New clothes replace the old ones. Who is in nobody's sightings was absent;
    `missing` are those who should have been there. `names` are the display names. `prior`: the
    clip is a remix, its clothes are only expected from now on.
    """
    known = {state.id: state for state in states}
    groups: dict[str, list[Recognised]] = {}
    for one in people:
        groups.setdefault(one.character, []).append(one)
    result = {}
    for name in dict.fromkeys([*known, *groups]):
        state = known.get(name) or CharacterState(id=name, name=names.get(name, name))
        group = sorted(groups.get(name, []), key=lambda one: one.sighting.seconds)
        if group:
            result[name] = _after(state, observation, group, atom, prior=prior)
        else:
            lost = Presence.UNSURE if name in missing else Presence.ABSENT
            result[name] = replace(state, presence=lost, prior=state.prior or prior)
    return tuple(result.values())


def _after(
    state: CharacterState,
    observation: Observation,
    group: Sequence[Recognised],
    atom: str,
    *,
    prior: bool,
) -> CharacterState:
    last = group[-1].sighting
    changed = any(one.new_clothes for one in group)
    faces = [(1.0, one.sighting.face) for one in group if one.sighting.face is not None]
    by_face = any(one.sighting.yaw is not None for one in group)
    # A look placed by a face replaces one placed by a box, never the other way round.
    usable = [one for one in group if (one.sighting.yaw is not None) == by_face]
    regained = by_face and state.yaw is None
    keep_old = not by_face and state.yaw is not None
    torsos = [] if keep_old else [(one.sighting.confidence, one.sighting.torso) for one in usable]
    heads = [] if keep_old else [(one.sighting.confidence, one.sighting.texture) for one in usable]
    there = last.seconds >= observation.seconds - AT_JOINT
    palettes = [one.sighting for one in usable if one.sighting.palette]
    best = max(palettes, key=lambda s: (s.confidence, s.sharpness), default=None)
    yaws = [one.sighting.yaw for one in usable if one.sighting.yaw is not None]
    count = state.face_count
    return replace(
        state,
        face=_mean(state.face, count, faces, unit=False),
        face_count=count + len(faces),
        torso=_mean(() if changed or regained else state.torso, _OLD, torsos, unit=True),
        texture=_mean(() if regained else state.texture, _OLD, heads, unit=True),
        palette=best.palette if best is not None and not keep_old else state.palette,
        crops=_crops(state.crops, observation, group, atom),
        box=last.box,
        yaw=yaws[-1] if yaws else state.yaw,
        presence=Presence.PRESENT if there else Presence.ABSENT,
        last_atom=atom,
        last_seconds=last.seconds,
        confidence=round(max(one.sighting.confidence for one in group), 4),
        prior=prior,
    )


def _mean(
    old: tuple[float, ...],
    weight: float,
    new: Sequence[tuple[float, Vector | None]],
    *,
    unit: bool,
) -> tuple[float, ...]:
    """The running mean; rounded, so that a state written and read back is the same state."""
    vectors = [(sure, one) for sure, one in new if one is not None]
    if not vectors:
        return old
    total = np.zeros(len(vectors[0][1]), np.float64)
    if old and len(old) == len(total):
        total += np.asarray(old) * min(max(weight, 1.0), 40.0)
    for sure, one in vectors:
        total += sure * np.asarray(one, np.float64)
    known = min(max(weight, 1.0), 40.0) if old and len(old) == len(total) else 0.0
    mean = total / (known + sum(sure for sure, _ in vectors))
    if unit:
        mean /= max(float(np.linalg.norm(mean)), 1e-9)
    return tuple(round(float(one), 5) for one in mean)


def _crops(
    old: tuple[CropRef, ...], observation: Observation, group: Sequence[Recognised], atom: str
) -> tuple[CropRef, ...]:
    """Up to six crops: sharp, wide faces, from different sides."""
    fresh = [
        CropRef(
            observation=observation.key,
            number=one.number,
            atom=atom,
            seconds=one.sighting.seconds,
            sharpness=round(one.sighting.sharpness, 2),
            face_width=one.sighting.face_width,
            yaw=None if one.sighting.yaw is None else round(one.sighting.yaw, 3),
        )
        for one in group
        if one.number is not None and one.sighting.crop
    ]
    left = [*old, *fresh]
    chosen: list[CropRef] = []
    while left and len(chosen) < MOST_CROPS:
        best = max(left, key=lambda crop: _worth(crop) * _variety(crop, chosen))
        chosen.append(best)
        left.remove(best)
    return tuple(chosen)


def _worth(crop: CropRef) -> float:
    return (0.2 + min(1.0, crop.face_width / 160)) * (0.1 + crop.sharpness / (crop.sharpness + 100))


def _variety(crop: CropRef, chosen: Sequence[CropRef]) -> float:
    """1 for another side or the first crop, a half for one more of the same."""
    turns = [abs((crop.yaw or 0.0) - (one.yaw or 0.0)) for one in chosen]
    return 0.5 + 0.5 * min(1.0, min(turns, default=1.0) / 0.25)
