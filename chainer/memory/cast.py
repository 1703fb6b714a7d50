"""Where a clip's cast is: in declared boxes, like a reference picture, or the only face there.

What cannot be used (a box on nothing, a reference that is no picture) becomes a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from chainer.memory.appearance import (
    Box,
    describe,
    inside,
    lab_pixels,
    person_of_face,
    region,
)
from chainer.memory.faces import Face, face_distance
from chainer.memory.figures import Search, Seen
from chainer.memory.follow import matched, sameness
from chainer.memory.observation import Picture

_FLAT = 3.0
"""Standard deviation of luma below which there is nothing in a box."""
_LARGEST_REFERENCE = 32 << 20
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class CastBox:
    """A declared appearance; `seconds` from the window's start. Without a box it is somewhere."""

    character: str
    box: Box | None
    seconds: Fraction


def anchors_of(search: Search, cast: Sequence[CastBox]) -> dict[str, list[Seen]]:
    """What the declared boxes show, by character; a note for each that shows nothing."""
    anchors: dict[str, list[Seen]] = {}
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
        face = face_in(shot.faces, box)
        if face is not None:
            if face.box[3] > 0.45 * box[3]:
                box = person_of_face(face.box)  # only the face was marked
            look = describe(shot.pixels, box, face.box)
        elif _is_a_face(shot.pixels, box):
            x, y, w, h = box  # drawn around the head, so wider than from ear to ear
            box = person_of_face((x + 0.08 * w, y + 0.1 * h, 0.84 * w, 0.84 * h))
            look = describe(shot.pixels, box)
        anchor = Seen(one.character, number, box, look, "box", 1.0, face)
        anchors.setdefault(one.character, []).append(anchor)
    return anchors


def face_in(faces: Iterable[Face], box: Box) -> Face | None:
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


def _is_a_face(pixels: Picture, box: Box) -> bool:
    """Whether a declared box holds a face alone, told without a model.

    It is about as high as wide, one colour fills most of it, and below it there is another one;
    in a box of a figure the clothes in its middle go on below.
    """
    x, y, w, h = box
    shape = w * pixels.shape[1] / max(h * pixels.shape[0], 1e-6)
    below = region(pixels, (x - 0.3 * w, y + 1.3 * h, 1.6 * w, 1.0 * h))
    within = region(pixels, (x + 0.15 * w, y + 0.2 * h, 0.7 * w, 0.7 * h))
    if not 0.55 <= shape <= 1.2 or below is None or within is None or y + 1.8 * h > 1:
        return False
    inner, outer = lab_pixels(within, 32), lab_pixels(below, 32)
    main = np.median(inner.reshape(32, 32, 3)[8:24, 8:24].reshape(-1, 3), axis=0)
    scale = np.array([22, 9, 9], np.float32)
    filled, goes_on = (
        float((np.linalg.norm((part - main) / scale, axis=1) < 1).mean()) for part in (inner, outer)
    )
    return filled > 0.5 and goes_on < 0.35 and bool(main[1] > 3)


def by_reference(search: Search, character: str, pictures: Sequence[bytes]) -> Seen | None:
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


def _by_face(search: Search, character: str, pictures: Sequence[Picture]) -> Seen | None:
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
                found = Seen(character, number, box, look, "reference", 0.95, face)
        if found is not None:
            break
    return found


def _by_pattern(search: Search, character: str, pictures: Sequence[Picture]) -> Seen | None:
    for number in _ends_first(len(search.shots))[:3]:
        shot = search.shots[number]
        for picture in pictures[:2]:
            place = matched(picture, shot.pixels, shot.field)
            if place is not None:
                box, sure = inside(place[0]), place[1]
                look = describe(shot.pixels, box)
                return Seen(character, number, box, look, "reference", sure)
    return None


def _ends_first(count: int) -> list[int]:
    """0, the last, the middle, then the others in order."""
    return list(dict.fromkeys([0, count - 1, count // 2, *range(count)]))


def the_only_face(search: Search, character: str, seen: Sequence[Seen]) -> Seen | None:
    """The one person whose face nobody in `seen` has; None where there are two, or none.

    Good enough where the cast names one such character and nothing else tells who it is.
    """
    free: dict[int, list[Face]] = {}
    for number, shot in enumerate(search.shots):
        taken = [one for one in seen if one.number == number]
        faces = [face for face in shot.faces if not any(_has(one, face) for one in taken)]
        # A small face behind the wide one may be a poster or a passer-by.
        free[number] = [face for face in faces if face.width >= 0.6 * faces[0].width]
    if any(len(faces) > 1 for faces in free.values()):
        return None
    found = []
    for number, faces in free.items():
        for face in faces:
            box = person_of_face(face.box)
            if min(box[2], box[3]) > 0:
                look = describe(search.shots[number].pixels, box, face.box)
                found.append(Seen(character, number, box, look, "face", 0.7, face))
    if not found or (len(found) == 1 and len(search.shots) > 4):
        return None
    third = max(1, len(found) // 3)
    early, late = (
        max(part, key=lambda one: one.quality) for part in (found[:third], found[-third:])
    )
    ends = [search.descriptor(one.number, one.face) for one in (early, late) if one.face]
    distance = face_distance(*ends) if len(ends) == 2 else None
    if (
        distance is not None
        and distance >= search.policy.other_at_least
        and sameness(early.look, late.look) < 0.5
    ):
        return None  # one after the other
    return early


def _has(one: Seen, face: Face) -> bool:
    if one.face is not None:
        return one.face.box == face.box
    x, y, w, h = face.box
    return holds(one.box, (x + w / 2, y + h / 2))


def holds(box: Box, at: tuple[float, float]) -> bool:
    """Whether a face in the middle of `at` is that of a figure in `box`."""
    return box[0] <= at[0] <= box[0] + box[2] and box[1] <= at[1] <= box[1] + 0.5 * box[3]


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
