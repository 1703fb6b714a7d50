"""What is remembered along a chain, as frozen values: characters, world, exemplars, facts.

A state holds no pixels: pictures are named by the observation they lie in. It is written as JSON
and read back. `buffer.py` makes one from another.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from chainer.digest import Digest
from chainer.memory.report import Grade
from chainer.timebase import time_text

Palette = tuple[tuple[float, float, float, float], ...]
"""Up to five (weight, L, a, b), heaviest first."""


class Source(StrEnum):
    """Where a fact comes from, strongest first."""

    DECLARED = "declared"
    OBSERVED = "observed"
    INFERRED = "inferred"


class Presence(StrEnum):
    """Whether a character was in the last picture."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known. `subject` is a character's id, or `world`."""

    subject: str
    key: str
    value: str | bool | int | None
    source: Source
    atom: str
    author: str = ""
    confidence: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "subject": self.subject,
            "key": self.key,
            "value": self.value,
            "source": self.source.value,
            "atom": self.atom,
            "author": self.author or None,
            "confidence": round(self.confidence, 3),
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two facts that cannot both hold; the first one stands."""

    stands: Fact
    refused: Fact

    @property
    def words(self) -> str:
        """In a sentence."""
        one, two = self.stands, self.refused
        return (
            f"{one.subject}: {one.key} is {one.value} ({one.source}, {one.atom}), "
            f"but {two.atom} shows {two.value} ({two.source})"
        )


@dataclass(frozen=True, slots=True)
class FrameRef:
    """A picture of an observation: its key, and which of its stills."""

    observation: Digest
    still: int


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A remembered picture of the world.

    `thumb` is the 32x18 gradient picture that near-duplicates are found by, uint8 row by row (18
    rows; portrait pictures are squeezed into it); `lab` the mean colour after `grade`, which
    is what was done to the clip before it was shown.
    """

    ref: FrameRef
    atom: str
    seconds: Fraction
    thumb: bytes
    lab: tuple[float, float, float]
    grade: Grade | None = None
    sink: bool = False

    def as_json(self) -> dict[str, Any]:
        """As one JSON object; the thumb as base64."""
        return {
            "atom": self.atom,
            "seconds": time_text(self.seconds),
            "observation": self.ref.observation,
            "still": self.ref.still,
            "lab": [round(one, 2) for one in self.lab],
            "grade": None if self.grade is None else self.grade.as_json(),
            "sink": self.sink,
            "thumb": base64.b64encode(self.thumb).decode(),
        }


@dataclass(frozen=True, slots=True)
class CropRef:
    """A crop of a character: the sighting `number` of an observation, and what it is worth."""

    observation: Digest
    number: int
    atom: str
    seconds: Fraction
    sharpness: float
    face_width: int
    yaw: float | None


@dataclass(frozen=True, slots=True)
class CharacterState:
    """What is remembered of one character.

    `face` is the mean descriptor (128 numbers) of `face_count` faces, `torso` the mean torso
    histogram (400), `texture` that of head and shoulders; empty where never seen. `prior` is True
    where the wardrobe is only expected, after a remix. `exit` is (x, y) of the middle of the person
    in the last picture seen, as fractions, `scale` the height of the box.
    """

    id: str
    name: str
    face: tuple[float, ...] = ()
    face_count: int = 0
    torso: tuple[float, ...] = ()
    texture: tuple[float, ...] = ()
    palette: Palette = ()
    crops: tuple[CropRef, ...] = ()
    box: tuple[float, float, float, float] | None = None
    yaw: float | None = None
    presence: Presence = Presence.UNSURE
    last_atom: str = ""
    last_seconds: Fraction = Fraction(0)
    confidence: float = 0.0
    prior: bool = False


@dataclass(frozen=True, slots=True)
class WorldState:
    """What is remembered of place and light.

    `ev`, `wb` and `lab` run along with the clips as shown: exponential mean, 0.3 for the newest.
    """

    place: str = ""
    time_of_day: str = ""
    ev: float | None = None
    wb: tuple[float, float] | None = None
    lab: tuple[float, float, float] | None = None
    palette: Palette = ()
    lufs: float | None = None
    ambience: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MemoryState:
    """All that is remembered after an atom. Equal digests are equal states.

    `tail` is the last picture shown, `grade` what was done to that clip.
    """

    digest: Digest
    depth: int
    atom: str
    characters: tuple[CharacterState, ...] = ()
    world: WorldState = WorldState()
    bank: tuple[Exemplar, ...] = ()
    facts: tuple[Fact, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    tail: Exemplar | None = None

    def character(self, name: str) -> CharacterState | None:
        """The character of this id, if it is known."""
        return next((one for one in self.characters if one.id == name), None)

    def fact(self, subject: str, key: str) -> Fact | None:
        """What is known of `subject` under `key`."""
        for one in self.facts:
            if (one.subject, one.key) == (subject, key):
                return one
        return None
