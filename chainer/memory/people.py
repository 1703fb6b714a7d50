"""Who is in a clip: declared boxes, references and faces become sightings over its samples.

    box, reference ──> anchor ──followed──> first and last sample ──> sightings
    faces of nobody declared ───────────────────────────────────────> sightings without a name

Refuses nothing: what cannot be used (a box on nothing, a reference that is no picture) is a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import cv2
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
from chainer.memory.faces import Face, FaceReader, face_distance, load_faces
from chainer.memory.follow import (
    Field,
    Target,
    field_of,
    find_again,
    matched,
    sameness,
    target_of,
)
from chainer.memory.observation import Picture, Sample, Sighting, Vector
from chainer.memory.policy import FacePolicy

MOST_DESCRIPTORS = 5
"""Faces of a clip that get a descriptor: each costs 70 to 170 ms of CPU time."""

MOST_SIGHTINGS = 24
MOST_CROPS = 3
"""Sightings of one character that keep a crop."""

KEPT = 0.35
"""Sameness from which on a figure that was followed is still the same one."""

_FLAT = 3.0
"""Standard deviation of luma below which there is nothing in a box."""
_NEAR_END = Fraction(1)
_LARGEST_REFERENCE = 32 << 20
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class CastBox:
    """A declared appearance; `seconds` from the window's start. Without a box it is somewhere."""

    character: str
    box: Box | None
    seconds: Fraction


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """Sightings in order of time, and what could not be used, in sentences."""

    sightings: tuple[Sighting, ...]
    notes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Shot:
    """A sample with what was found out about it, made at first use."""

    sample: Sample
    reader: FaceReader | None
    _faces: tuple[Face, ...] | None = None
    _field: Field | None = None

    @property
    def pixels(self) -> Picture:
        return self.sample.pixels

    @property
    def faces(self) -> tuple[Face, ...]:
        if self._faces is None:
            self._faces = self.reader.faces(self.pixels) if self.reader else ()
        return self._faces

    @property
    def field(self) -> Field:
        if self._field is None:
            self._field = field_of(self.pixels)
        return self._field


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Somebody in the shot of this number."""

    character: str
    number: int
    box: Box
    look: Look
    how: str
    confidence: float
    face: Face | None = None
    descriptor: Vector | None = None

    @property
    def quality(self) -> float:
        sharp = self.look.sharpness / (self.look.sharpness + 100)
        if self.face is None:
            return 0.2 * sharp * self.confidence
        return min(1.0, self.face.width / 160) * (1 - abs(self.face.yaw)) * sharp


@dataclass(slots=True)
class _Search:
    shots: list[_Shot]
    reader: FaceReader | None
    policy: FacePolicy
    left: int = MOST_DESCRIPTORS
    notes: list[str] = field(default_factory=list)
    known: dict[tuple[int, Box], Vector | None] = field(default_factory=dict)

    def descriptor(self, number: int, face: Face) -> Vector | None:
        """The descriptor of a face, as long as there is time for one."""
        key = number, face.box
        if key not in self.known:
            if self.left <= 0 or self.reader is None or face.width < self.policy.min_width:
                return None
            self.left -= 1
            self.known[key] = self.reader.descriptor(self.shots[number].pixels, face)
        return self.known[key]


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
    shots = [_Shot(one, reader) for one in samples if min(one.pixels.shape[:2]) >= 16]
    search = _Search(shots, reader, faces)
    if not shots:
        return PeopleFound((), ("no picture large enough to look for characters",))
    anchors = _anchors(search, cast)
    unplaced = dict.fromkeys(one.character for one in cast if one.box is None)
    for character in unplaced:
        if character not in anchors:
            anchor = _by_reference(search, character, references.get(character, ()))
            if anchor is not None:
                anchors[character] = [anchor]
    seen = [one for name in anchors for one in _followed(search, anchors[name])]
    seen = _one_face_each(seen)
    seen += _strangers(search, seen)
    seen = _named_by_face(_with_descriptors(search, seen), faces)
    return PeopleFound(_sightings(search, _fewer(search, seen)), tuple(search.notes))


def _anchors(search: _Search, cast: Sequence[CastBox]) -> dict[str, list[_Seen]]:
    """What the declared boxes show, by character; a note for each that shows nothing."""
    anchors: dict[str, list[_Seen]] = {}
    for one in cast:
        if one.box is None:
            continue
        number = min(
            range(len(search.shots)),
            key=lambda n: abs(search.shots[n].sample.seconds - one.seconds),
        )
        shot = search.shots[number]
        box = inside(one.box)
        look = describe(shot.pixels, box)
        if look.contrast < _FLAT:
            search.notes.append(
                f"{one.character}: nothing to see in the declared box at {float(one.seconds):.2f} s"
            )
            continue
        face = _face_in(shot.faces, box)
        if face is not None:
            if face.box[3] > 0.45 * box[3]:
                box = person_of_face(face.box)  # only the face was marked
            look = describe(shot.pixels, box, face.box)
        anchor = _Seen(one.character, number, box, look, "box", 1.0, face)
        anchors.setdefault(one.character, []).append(anchor)
    return anchors


def _face_in(faces: Iterable[Face], box: Box) -> Face | None:
    """The face of a figure in `box`: inside it, wide, near its top and middle."""
    best, found = 0.0, None
    for face in faces:
        x, y = face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2
        across, down = (x - box[0]) / max(box[2], 1e-6), (y - box[1]) / max(box[3], 1e-6)
        if not (-0.05 <= across <= 1.05 and -0.05 <= down <= 0.8):
            continue
        value = face.box[2] / box[2] * (1 - abs(across - 0.5)) * (1.2 - down)
        if value > best:
            best, found = value, face
    return found


def _by_reference(search: _Search, character: str, pictures: Sequence[bytes]) -> _Seen | None:
    """The character found by one of its reference pictures: by face, else by its pattern."""
    readable = []
    for number, data in enumerate(pictures, 1):
        picture = _decoded(data)
        if picture is None:
            search.notes.append(f"{character}: reference {number} is no JPEG or PNG to read")
        else:
            readable.append(picture)
    if not readable:
        return None
    found = _by_face(search, character, readable) or _by_pattern(search, character, readable)
    if found is None:
        search.notes.append(f"{character}: not found by reference picture")
    return found


def _by_face(search: _Search, character: str, pictures: Sequence[Picture]) -> _Seen | None:
    if search.reader is None or not search.reader.tells_apart:
        return None
    wanted = []
    for picture in pictures[:2]:
        face = next(iter(search.reader.faces(picture)), None)
        vector = None if face is None else search.reader.descriptor(picture, face)
        if vector is not None:
            wanted.append(vector)
    if not wanted:
        return None
    best, found = search.policy.same_at_most, None
    tried = 0
    for number in _ends_first(len(search.shots)):
        for face in search.shots[number].faces[:3]:
            vector = search.descriptor(number, face) if tried < 3 else None
            tried += vector is not None
            distance = min((face_distance(one, vector) or 9.0) for one in wanted)
            if vector is not None and distance <= best:
                best = distance
                box = person_of_face(face.box)
                look = describe(search.shots[number].pixels, box, face.box)
                found = _Seen(character, number, box, look, "reference", 0.95, face)
        if found is not None:
            break
    return found


def _by_pattern(search: _Search, character: str, pictures: Sequence[Picture]) -> _Seen | None:
    for number in _ends_first(len(search.shots))[:3]:
        shot = search.shots[number]
        for picture in pictures[:2]:
            place = matched(picture, shot.pixels, shot.field)
            if place is not None:
                box, sure = inside(place[0]), place[1]
                look = describe(shot.pixels, box)
                return _Seen(character, number, box, look, "reference", sure)
    return None


def _ends_first(count: int) -> list[int]:
    """0, the last, the middle, then the others in order."""
    return list(dict.fromkeys([0, count - 1, count // 2, *range(count)]))


def _followed(search: _Search, anchors: Sequence[_Seen]) -> list[_Seen]:
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


def _next(search: _Search, number: int, anchor: _Seen, last: _Seen) -> _Seen | None:
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
        return _Seen(anchor.character, number, box, look, "track", fade * _sure(best[0]), face)
    return _next_by_look(search, number, anchor, last, fade)


def _next_by_look(
    search: _Search, number: int, anchor: _Seen, last: _Seen, fade: float
) -> _Seen | None:
    shot = search.shots[number]
    targets = list(filter(None, (_target(search, one) for one in dict.fromkeys((anchor, last)))))
    if not targets:
        return None
    found = find_again(shot.pixels, shot.field, targets, last.box)
    if found is None or found[2] < KEPT:
        return None
    box, look, same = found
    face = _face_in(shot.faces, box)
    if face is not None:
        look = describe(shot.pixels, box, face.box)
    return _Seen(anchor.character, number, box, look, "track", 0.9 * fade * _sure(same), face)


def _target(search: _Search, seen: _Seen) -> Target | None:
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


def _one_face_each(seen: Sequence[_Seen]) -> list[_Seen]:
    """Of two characters that were followed to the same face, the surer one keeps it."""
    kept: list[_Seen] = []
    for one in sorted(seen, key=lambda one: (one.how == "track", -one.confidence)):
        rivals = (two for two in kept if two.number == one.number)
        if not any(_same_place(one, two) for two in rivals):
            kept.append(one)
    return sorted(kept, key=lambda one: one.number)


def _same_place(one: _Seen, two: _Seen) -> bool:
    if one.character == two.character:
        return False
    if one.face is not None and two.face is not None:
        return one.face.box == two.face.box
    return one.how == "track" and overlap(one.box, two.box) > 0.7


def _strangers(search: _Search, seen: Sequence[_Seen]) -> list[_Seen]:
    """Faces of nobody declared, near both ends and where they are widest."""
    taken = {(one.number, one.face.box) for one in seen if one.face is not None}
    count = len(search.shots)
    ends = {0, 1, count - 2, count - 1} & set(range(count))
    found: list[_Seen] = []
    middle: list[_Seen] = []
    for number, shot in enumerate(search.shots):
        for face in shot.faces[:4]:
            x, y, w, h = face.box
            at = (x + w / 2, y + h / 2)
            if (number, face.box) in taken or any(
                one.number == number and one.face is None and _holds(one.box, at) for one in seen
            ):
                continue
            box = person_of_face(face.box)
            if min(box[2], box[3]) <= 0:
                continue
            look = describe(shot.pixels, box, face.box)
            (found if number in ends else middle).append(
                _Seen("", number, box, look, "face", face.score, face)
            )
    middle.sort(key=lambda one: -one.quality)
    return found + middle[:3]


def _holds(box: Box, at: tuple[float, float]) -> bool:
    return box[0] <= at[0] <= box[0] + box[2] and box[1] <= at[1] <= box[1] + 0.5 * box[3]


def _with_descriptors(search: _Search, seen: Sequence[_Seen]) -> list[_Seen]:
    """Descriptors where they tell most: at both ends, named before unnamed, then the best face."""
    start = search.shots[0].sample.seconds + _NEAR_END
    end = search.shots[-1].sample.seconds - _NEAR_END
    names = sorted({one.character for one in seen}, key=lambda name: name == "")
    wanted: list[_Seen] = []
    for early in (True, False, None):
        for name in names:
            group = [
                one
                for one in seen
                if one.character == name
                and one.face is not None
                and (
                    early is None
                    or (_at(search, one) <= start if early else _at(search, one) >= end)
                )
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


def _at(search: _Search, one: _Seen) -> Fraction:
    return search.shots[one.number].sample.seconds


def _named_by_face(seen: Sequence[_Seen], faces: FacePolicy) -> list[_Seen]:
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


def _fewer(search: _Search, seen: Sequence[_Seen]) -> list[_Seen]:
    """At most 24: of every character the first, the last and the anchors, then the best."""
    if len(seen) <= MOST_SIGHTINGS:
        return sorted(seen, key=lambda one: (one.number, one.character))
    rank: dict[_Seen, tuple[float, ...]] = {}
    for name in {one.character for one in seen}:
        group = sorted((one for one in seen if one.character == name), key=lambda one: one.number)
        for place, one in enumerate(group):
            end = place in (0, len(group) - 1)
            kept = end or one.how != "track" or one.descriptor is not None
            rank[one] = (float(not kept), float(name == ""), -one.quality)
    best = sorted(seen, key=lambda one: (rank[one], one.number))[:MOST_SIGHTINGS]
    return sorted(best, key=lambda one: (one.number, one.character))


def _sightings(search: _Search, seen: Sequence[_Seen]) -> tuple[Sighting, ...]:
    best: set[_Seen] = set()
    for name in {one.character for one in seen}:
        group = [one for one in seen if one.character == name]
        best |= set(sorted(group, key=lambda one: (-one.quality, one.number))[:MOST_CROPS])
    result = []
    for one in seen:
        shot = search.shots[one.number]
        head = head_of_face(one.face.box) if one.face else split_person(one.box)[0]
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


def _decoded(data: bytes) -> Picture | None:
    """A reference picture at no more than 1280 pixels a side; None for what is no picture."""
    size = _declared_size(data[:65536])
    if size is None or size[0] * size[1] > _MOST_PIXELS or len(data) > _LARGEST_REFERENCE:
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if picture is None or min(picture.shape[:2]) < 16:
        return None
    scale = 1280 / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _declared_size(head: bytes) -> tuple[int, int] | None:
    """Width and height by a PNG's or JPEG's own header; None for anything else.

    Read before decoding: a file of a few bytes may ask for a picture of gigabytes.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    at = 2
    while head.startswith(b"\xff\xd8") and at + 9 < len(head) and head[at] == 0xFF:
        kind = head[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(head[at + 7 : at + 9]), int.from_bytes(head[at + 5 : at + 7])
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None
