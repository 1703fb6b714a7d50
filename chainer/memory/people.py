"""Who is in a clip: declared boxes, references and faces become sightings over its samples.

    box, reference, the only face ──> anchor ──followed──> both ends ──> sightings
    faces of nobody declared ──────────────────────────────────────────> sightings without a name

Refuses nothing: what cannot be used (a box on nothing, a reference that is no picture) is a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from chainer.memory.appearance import (
    Box,
    Look,
    crop,
    describe,
    head_of_face,
    inside,
    overlap,
    person_of_face,
    split_person,
)
from chainer.memory.cast import (
    CastBox,
    anchors_of,
    by_reference,
    face_in,
    holds,
    the_only_face,
)
from chainer.memory.faces import Face, face_distance, load_faces
from chainer.memory.figures import MOST_DESCRIPTORS, Search, Seen, Shot
from chainer.memory.follow import Target, find_again, sameness, target_of
from chainer.memory.observation import Sample, Sighting
from chainer.memory.policy import FacePolicy

__all__ = [
    "MOST_CROPS",
    "MOST_DESCRIPTORS",
    "MOST_SIGHTINGS",
    "CastBox",
    "PeopleFound",
    "find_people",
]

MOST_SIGHTINGS = 24
MOST_CROPS = 3
"""Sightings of one character that keep a crop."""

KEPT = 0.35
"""Sameness from which on a figure that was followed is still the same one."""

_NEAR_END = Fraction(1)


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """Sightings in order of time, and what could not be used, in sentences."""

    sightings: tuple[Sighting, ...]
    notes: tuple[str, ...]


def find_people(
    samples: Sequence[Sample],
    cast: Sequence[CastBox],
    references: Mapping[str, Sequence[bytes]],
    faces: FacePolicy,
) -> PeopleFound:
    """Sightings of the declared characters, and of faces that belong to none of them.

    `samples` are upright pictures in order of time, first and last of the clip among them;
    `references` pictures of characters (JPEG or PNG). Raises `SettingsError` for a face model
    that cannot be used, and nothing else.
    """
    reader = load_faces(faces)
    shots = [Shot(one, reader) for one in samples if min(one.pixels.shape[:2]) >= 16]
    search = Search(shots, reader, faces)
    if not shots:
        return PeopleFound((), ("no picture large enough to look for characters",))
    anchors = anchors_of(search, cast)
    # A box on nothing says where the character should be: no face elsewhere is taken for it.
    boxed = {one.character for one in cast if one.box is not None}
    unplaced = [name for name in dict.fromkeys(one.character for one in cast) if name not in boxed]
    for character in unplaced:
        anchor = by_reference(search, character, references.get(character, ()))
        if anchor is not None:
            anchors[character] = [anchor]
    seen = [one for name in anchors for one in _followed(search, anchors[name])]
    seen = _one_face_each(seen)
    alone = [name for name in unplaced if name not in anchors]
    if len(alone) == 1 and not references.get(alone[0]):
        face = the_only_face(search, alone[0], seen)
        if face is not None:
            seen = _one_face_each([*seen, *_followed(search, [face])])
    seen += _strangers(search, seen)
    seen = _named_by_face(_with_descriptors(search, seen), faces)
    return PeopleFound(_sightings(search, _fewer(search, seen)), tuple(search.notes))


def _followed(search: Search, anchors: Sequence[Seen]) -> list[Seen]:
    """The anchors, and what was found on both sides of each, half way to the next at most."""
    seen = {anchor.number: anchor for anchor in anchors}
    anchors = list(seen.values())
    for anchor in anchors:
        mine = [
            n
            for n in range(len(search.shots))
            if min(anchors, key=lambda one: abs(one.number - n)) is anchor
        ]
        for way in (
            [n for n in mine if n > anchor.number],
            [n for n in reversed(mine) if n < anchor.number],
        ):
            last = anchor
            for number in way:
                found = _next(search, number, anchor, last)
                if found is not None:
                    last = seen[number] = found
    return [seen[number] for number in sorted(seen)]


def _next(search: Search, number: int, anchor: Seen, last: Seen) -> Seen | None:
    shot = search.shots[number]
    steps = abs(number - anchor.number)
    fade = 0.985**steps * anchor.confidence
    best: tuple[float, Face, Look] | None = None
    for face in shot.faces[:6] if anchor.face else ():
        look = describe(shot.pixels, person_of_face(face.box), face.box)
        same = max(sameness(anchor.look, look), 0.9 * sameness(last.look, look))
        reference = (last.face or anchor.face or face).box
        moved = float(np.hypot(face.box[0] - reference[0], face.box[1] - reference[1]))
        same -= 0.3 * min(1.0, moved)
        if best is None or same > best[0]:
            best = same, face, look
    if best is not None and best[0] >= KEPT:
        _, face, look = best
        from_face = last.face or anchor.face
        box = person_of_face(face.box)
        if from_face is not None:
            box = _moved(last.box if last.face else anchor.box, from_face.box, face.box)
        return Seen(anchor.character, number, box, look, "track", fade * _sure(best[0]), face)
    return _next_by_look(search, number, anchor, last, fade)


def _next_by_look(
    search: Search, number: int, anchor: Seen, last: Seen, fade: float
) -> Seen | None:
    shot = search.shots[number]
    targets = list(filter(None, (_target(search, one) for one in dict.fromkeys((anchor, last)))))
    if not targets:
        return None
    found = find_again(shot.pixels, shot.field, targets, last.box)
    if found is None or found[2] < KEPT:
        return None
    box, look, same = found
    face = face_in(shot.faces, box)
    if face is not None:
        look = describe(shot.pixels, box, face.box)
    return Seen(anchor.character, number, box, look, "track", 0.9 * fade * _sure(same), face)


def _target(search: Search, seen: Seen) -> Target | None:
    shot = search.shots[seen.number]
    # Looked for by its box, so described by its box, whether or not there is a face.
    return target_of(shot.pixels, shot.field, seen.box)


def _sure(same: float) -> float:
    return min(1.0, 0.5 + 0.6 * same)


def _moved(box: Box, old: Box, new: Box) -> Box:
    """`box` brought along with a face that went from `old` to `new`."""
    scale = new[3] / max(old[3], 1e-6)
    x = new[0] + (box[0] - old[0]) * scale
    y = new[1] + (box[1] - old[1]) * scale
    return inside((x, y, box[2] * scale, box[3] * scale))


def _one_face_each(seen: Sequence[Seen]) -> list[Seen]:
    """Of two characters that were followed to the same face, the surer one keeps it."""
    kept: list[Seen] = []
    for one in sorted(seen, key=lambda one: (one.how == "track", -one.confidence)):
        rivals = (two for two in kept if two.number == one.number)
        if not any(_same_place(one, two) for two in rivals):
            kept.append(one)
    return sorted(kept, key=lambda one: one.number)


def _same_place(one: Seen, two: Seen) -> bool:
    if one.character == two.character:
        return False
    if one.face is not None and two.face is not None:
        return one.face.box == two.face.box
    return one.how == "track" and overlap(one.box, two.box) > 0.7


def _strangers(search: Search, seen: Sequence[Seen]) -> list[Seen]:
    """Faces of nobody declared, near both ends and where they are widest."""
    taken = {(one.number, one.face.box) for one in seen if one.face is not None}
    count = len(search.shots)
    ends = {0, 1, count - 2, count - 1} & set(range(count))
    found: list[Seen] = []
    middle: list[Seen] = []
    for number, shot in enumerate(search.shots):
        for face in shot.faces[:4]:
            x, y, w, h = face.box
            at = (x + w / 2, y + h / 2)
            if (number, face.box) in taken or any(
                one.number == number and one.face is None and holds(one.box, at) for one in seen
            ):
                continue
            box = person_of_face(face.box)
            if min(box[2], box[3]) <= 0:
                continue
            look = describe(shot.pixels, box, face.box)
            (found if number in ends else middle).append(
                Seen("", number, box, look, "face", face.score, face)
            )
    middle.sort(key=lambda one: -one.quality)
    return found + middle[:3]


def _with_descriptors(search: Search, seen: Sequence[Seen]) -> list[Seen]:
    """Descriptors where they tell most: at both ends, named before unnamed, then the best face."""
    start = search.shots[0].sample.seconds + _NEAR_END
    end = search.shots[-1].sample.seconds - _NEAR_END
    names = sorted({one.character for one in seen}, key=lambda name: name == "")
    wanted: list[Seen] = []
    for early in (True, False, None):
        for name in names:
            group = [
                one
                for one in seen
                if one.character == name
                and one.face is not None
                and (early is None or (search.at(one) <= start if early else search.at(one) >= end))
            ]
            group.sort(key=lambda one: -one.quality)
            # Two unnamed faces at one end may be two people.
            wanted += group[: 1 if name else 2]
    for one in dict.fromkeys(wanted):
        assert one.face is not None
        search.descriptor(one.number, one.face)
    return [
        one
        if one.face is None
        else replace(one, descriptor=search.known.get((one.number, one.face.box)))
        for one in seen
    ]


def _named_by_face(seen: Sequence[Seen], faces: FacePolicy) -> list[Seen]:
    """Unnamed faces that are a named one's, lost on the way, get that name."""
    named = [one for one in seen if one.character and one.descriptor is not None]
    result = []
    for one in seen:
        if not one.character and one.descriptor is not None:
            near = [(face_distance(one.descriptor, two.descriptor) or 0.0, two) for two in named]
            free = [
                (distance, two)
                for distance, two in near
                if distance <= faces.same_at_most
                and not any(
                    three.character == two.character and three.number == one.number
                    for three in seen
                )
            ]
            if free:
                two = min(free, key=lambda pair: pair[0])[1]
                one = replace(one, character=two.character, confidence=0.9)  # noqa: PLW2901
        result.append(one)
    return result


def _fewer(search: Search, seen: Sequence[Seen]) -> list[Seen]:
    """At most 24: of every character the first, the last and the anchors, then the best."""
    if len(seen) <= MOST_SIGHTINGS:
        return sorted(seen, key=lambda one: (one.number, one.character))
    rank: dict[Seen, tuple[float, ...]] = {}
    for name in {one.character for one in seen}:
        group = sorted((one for one in seen if one.character == name), key=lambda one: one.number)
        for place, one in enumerate(group):
            end = place in (0, len(group) - 1)
            kept = end or one.how != "track" or one.descriptor is not None
            rank[one] = (float(not kept), float(name == ""), -one.quality)
    best = sorted(seen, key=lambda one: (rank[one], one.number))[:MOST_SIGHTINGS]
    return sorted(best, key=lambda one: (one.number, one.character))


def _sightings(search: Search, seen: Sequence[Seen]) -> tuple[Sighting, ...]:
    best: set[Seen] = set()
    for name in {one.character for one in seen}:
        group = [one for one in seen if one.character == name]
        best |= set(sorted(group, key=lambda one: (-one.quality, one.number))[:MOST_CROPS])
    result = []
    for one in seen:
        shot = search.shots[one.number]
        aspect = shot.pixels.shape[1] / shot.pixels.shape[0]
        head = head_of_face(one.face.box) if one.face else split_person(one.box, aspect)[0]
        result.append(
            Sighting(
                character=one.character,
                seconds=shot.sample.seconds,
                box=one.box,
                how=one.how,
                confidence=round(float(one.confidence), 4),
                torso=one.look.torso,
                texture=one.look.texture,
                palette=one.look.palette,
                head=inside(head),
                face=one.descriptor,
                face_width=one.face.width if one.face else 0,
                yaw=one.face.yaw if one.face else None,
                sharpness=one.look.sharpness,
                crop=crop(shot.pixels, one.box) if one in best else b"",
            )
        )
    return tuple(result)
