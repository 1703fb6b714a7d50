"""What is said of a take: findings, and a score that is one less the penalties of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from chainer.quality.words import Defect
from chainer.timebase import time_text

WORST: Mapping[Defect, float] = MappingProxyType(
    {
        Defect.BLACK: 0.6,
        Defect.FROZEN: 0.6,
        Defect.FLICKER: 0.5,
        Defect.BURNT: 0.4,
        Defect.CRUSHED: 0.4,
        Defect.BLUR: 0.5,
        Defect.DUPLICATES: 0.4,
        Defect.SILENCE: 0.4,
        Defect.CLIPPING: 0.3,
        Defect.LENGTH: 0.5,
        Defect.OFFSET: 0.4,
        Defect.LETTERBOX: 0.3,
        Defect.WATERMARK: 0.5,
    }
)
"""What the worst of each kind takes from the score of 1."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect.

    `start` and `end` are seconds of the window, half-open, None where it is all of it or no time;
    `amount` is how bad it is, from 0 to 1.
    """

    defect: Defect
    start: Fraction | None
    end: Fraction | None
    amount: float
    words: str

    def as_json(self) -> dict[str, Any]:
        """Plain values, times as exact text."""
        return {
            "defect": self.defect.value,
            "start": None if self.start is None else time_text(self.start),
            "end": None if self.end is None else time_text(self.end),
            "amount": round(self.amount, 4),
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a take is.

    `parts` are the penalties by defect; `score` is 1 less their sum, at least 0. `rate` is that of
    the pictures that differ, where they are repeated in step: of 24 held on 30 a second it is 24,
    of drawings on twos 12 or 15. That is no defect.
    """

    score: float
    parts: Mapping[Defect, float]
    findings: tuple[Finding, ...]
    rate: Fraction | None = None

    @property
    def words(self) -> str:
        """The findings in one line."""
        return "; ".join(one.words for one in self.findings) or "nothing wrong found"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "score": round(self.score, 4),
            "parts": {defect.value: round(part, 4) for defect, part in self.parts.items()},
            "findings": [one.as_json() for one in self.findings],
            "rate": None if self.rate is None else time_text(self.rate),
        }


def quality_of(findings: tuple[Finding, ...], rate: Fraction | None) -> Quality:
    """The score of these findings.

    Of several of one kind the worst counts, and a quarter of each other, up to the worst there is.
    """
    parts: dict[Defect, float] = {}
    for defect in Defect:
        amounts = sorted((one.amount for one in findings if one.defect is defect), reverse=True)
        if amounts:
            parts[defect] = WORST[defect] * min(1.0, amounts[0] + sum(amounts[1:]) / 4)
    score = max(0.0, 1.0 - sum(parts.values()))
    return Quality(score, MappingProxyType(parts), findings, rate)
