"""The rows of a survey that play, and stretches of them in which something holds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from chainer.quality.record import Survey


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows [first, last) and the seconds of the window in which they show."""

    first: int
    last: int
    start: Fraction
    end: Fraction

    @property
    def seconds(self) -> Fraction:
        """How long it lasts."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Window:
    """The part [first, first + seconds) of a survey, in seconds from the first picture."""

    survey: Survey
    first: Fraction
    seconds: Fraction

    def rows(self, at: Sequence[int]) -> range:
        """The rows that show within it. The one shown when it begins may have come before."""
        tick = self.survey.tick
        first = bisect_left(at, ceil(self.first / tick))
        if first > 0 and (first == len(at) or at[first] * tick > self.first):
            first -= 1
        return range(first, max(first, bisect_left(at, ceil((self.first + self.seconds) / tick))))

    def moment(self, ticks: int) -> Fraction:
        """Seconds from its start, within it."""
        at = ticks * self.survey.tick - self.first
        return min(max(at, Fraction(0)), self.seconds)

    def stretches(self, at: Sequence[int], rows: range, holds: Sequence[bool]) -> list[Stretch]:
        """Where `holds`, given for each of `rows`, is true without a break."""
        edges = [n for n, (a, b) in enumerate(pairwise([False, *holds, False])) if a != b]
        found = []
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            a, b = rows[0] + first, rows[0] + last
            end = self.moment(at[b]) if b < rows[-1] + 1 else self.seconds
            found.append(Stretch(a, b, self.moment(at[a]), end))
        return found
