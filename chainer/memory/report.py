"""What the memory found at a joint and what it would do about it, as values that print.

Holds kinds, flags, measures, grade and cut. Decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from chainer.timebase import time_text

GRADE_UNIT = 10_000
"""A grade's numbers are whole ten-thousandths, so that they can be part of a key."""


SURE = 0.5
"""Confidence below which a finding is told, but raises no flag."""


class JointClass(StrEnum):
    """How much of the last picture is still there in the first one."""

    SEAMLESS = "seamless"
    SAME_SETUP = "same_setup"
    NEW_SETUP = "new_setup"


class Flag(StrEnum):
    """What can drift."""

    LIGHT = "light"
    COLOUR = "colour"
    MIRROR = "mirror"
    ZOOM = "zoom"
    IDENTITY = "identity"
    WARDROBE = "wardrobe"
    MISSING = "missing"
    LOUDNESS = "loudness"


class Against(StrEnum):
    """What a clip was compared with."""

    PREVIOUS = "previous"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number, with the threshold from which on it is drift and how sure that is (0 to 1)."""

    value: float
    unit: str
    threshold: float
    confidence: float = 1.0

    @property
    def exceeds(self) -> bool:
        """Whether it lies beyond its threshold."""
        return self.value > self.threshold

    def as_json(self) -> dict[str, Any]:
        """Rounded for people; the decision was made on the exact value."""
        return {
            "value": round(self.value, 4),
            "unit": self.unit,
            "threshold": round(self.threshold, 4),
            "confidence": round(self.confidence, 3),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One flag: what drifted, against what, by which measure.

    `subject` is a character's id, or empty for the picture or sound as a whole. `declared`
    says which declaration makes it information instead of a fault; empty where none does.
    """

    flag: Flag
    against: Against
    measure: str
    confidence: float
    words: str
    subject: str = ""
    declared: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is a flag: nobody declared it, and it is more likely than not."""
        return not self.declared and self.confidence >= SURE

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "flag": self.flag.value,
            "against": self.against.value,
            "measure": self.measure,
            "confidence": round(self.confidence, 3),
            "subject": self.subject or None,
            "declared": self.declared or None,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class Grade:
    """An affine change of colour: `rgb' = matrix @ rgb + offset` on BT.709 R'G'B' in 0..1.

    `matrix` has nine numbers row by row and `offset` three, in units of 1/10,000. `score` is
    the share of the picture that was registered with its reference, `shift` how far the
    pictures lay apart and `residual` how far they still do, both mean CIEDE2000. `reference`
    names the atom and second that the colours were taken from.
    """

    matrix: tuple[int, ...]
    offset: tuple[int, ...]
    score: float
    shift: float
    residual: float
    reference: str = ""

    def numbers(self) -> list[int]:
        """The twelve numbers that change the picture, for a key."""
        return [*self.matrix, *self.offset]

    def as_json(self) -> dict[str, Any]:
        """With a 3x3 matrix and offsets as fractions of full scale."""
        rows = [[one / GRADE_UNIT for one in self.matrix[n : n + 3]] for n in (0, 3, 6)]
        return {
            "matrix": rows,
            "offset": [one / GRADE_UNIT for one in self.offset],
            "score": round(self.score, 3),
            "shift_de": round(self.shift, 3),
            "residual_de": round(self.residual, 3),
            "reference": self.reference or None,
        }


@dataclass(frozen=True, slots=True)
class Cut:
    """What to leave out at the end of one clip and at the start of the next.

    Whole frames at each clip's own rate, and the same as exact seconds.
    """

    out: int = 0
    into: int = 0
    out_seconds: Fraction = Fraction(0)
    in_seconds: Fraction = Fraction(0)
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Frames, and exact seconds as text."""
        return {
            "out": self.out,
            "in": self.into,
            "out_seconds": time_text(self.out_seconds),
            "in_seconds": time_text(self.in_seconds),
        }


@dataclass(frozen=True, slots=True)
class JointReport:
    """A joint as the memory judges it. `score` is 0 for a perfect continuation, 1 for none."""

    source: str
    target: str
    kind: JointClass
    measures: tuple[tuple[str, Measure], ...]
    findings: tuple[Finding, ...]
    grade: Grade | None
    grade_why: str
    cut: Cut
    badness: float
    notes: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What drifted for sure and undeclared, each once, in the order of `Flag`."""
        found = {finding.flag for finding in self.findings if finding.counts}
        return tuple(flag for flag in Flag if flag in found)

    def measure(self, name: str) -> Measure | None:
        """The measure of this name, if it was taken."""
        return dict(self.measures).get(name)
