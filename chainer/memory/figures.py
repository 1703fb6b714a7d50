"""What is known of a clip while people are looked for in it: its pictures, faces and figures.

Holds values and what is made of them at first use; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from chainer.memory.appearance import Box, Look
from chainer.memory.faces import Face, FaceReader
from chainer.memory.follow import Field, field_of
from chainer.memory.observation import Picture, Sample, Vector
from chainer.memory.policy import FacePolicy

MOST_DESCRIPTORS = 5
"""Faces of a clip that get a descriptor: each costs 70 to 170 ms of CPU time."""


@dataclass(slots=True, eq=False)
class Shot:
    """A sample with what was found out about it, made at first use."""

    sample: Sample
    reader: FaceReader | None
    _faces: tuple[Face, ...] | None = None
    _field: Field | None = None

    @property
    def pixels(self) -> Picture:
        """The whole picture."""
        return self.sample.pixels

    @property
    def faces(self) -> tuple[Face, ...]:
        """Widest first; none without a reader."""
        if self._faces is None:
            self._faces = self.reader.faces(self.pixels) if self.reader else ()
        return self._faces

    @property
    def field(self) -> Field:
        """Ready to be searched."""
        if self._field is None:
            self._field = field_of(self.pixels)
        return self._field


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
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
        """What it is worth as a picture of somebody, 0 to 1."""
        sharp = self.look.sharpness / (self.look.sharpness + 100)
        if self.face is None:
            return 0.2 * sharp * self.confidence
        return min(1.0, self.face.width / 160) * (1 - abs(self.face.yaw)) * sharp


@dataclass(slots=True)
class Search:
    """A search through one clip; `left` descriptors may still be computed."""

    shots: list[Shot]
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

    def at(self, seen: Seen) -> Fraction:
        """The second at which somebody was seen."""
        return self.shots[seen.number].sample.seconds
