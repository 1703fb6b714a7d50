"""A bed of music under a film: what is asked for, and where somebody speaks over it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from chainer.profile import Exact
from chainer.timebase import AAC_FRAME, AvGrid

_LEAD = Fraction(1, 4)
"""Seconds before a line at which the music begins to go down, and after it to come back."""

_PAUSE = Fraction(1)
"""Seconds of silence between two lines in which the music does not come up: it would only pump."""


class BedPolicy(BaseModel):
    """Music for episodes whose graph names none. `media` None: there is none.

    `gain` is its loudness over the house loudness, `duck` by how much it goes down under speech,
    both in dB; `fade` the seconds in which it comes and goes at the ends of the film.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    media: str | None = None
    gain: Exact = Field(default=Fraction(-14), ge=-60, le=0)
    duck: Exact = Field(default=Fraction(9), ge=0, le=40)
    fade: Exact = Field(default=Fraction(3, 2), ge=0, le=30)


def edge_packets(policy: BedPolicy, sample_rate: int) -> int:
    """Over how many AAC frames the music comes and goes."""
    return math.ceil(policy.fade * sample_rate / AAC_FRAME)


def speech_windows(
    said: Iterable[tuple[Fraction, Fraction]], grid: AvGrid, packets: int
) -> tuple[tuple[int, int], ...] | None:
    """Ranges of AAC frames of the film in which somebody speaks, half-open, apart, in order.

    `said` are seconds of the film, as `captions.said_in_film` has them; `packets` is the film's
    length. None where nothing is said, for then nobody has written down where. What a line says
    does not count, only when.
    """
    rate = Fraction(grid.sample_rate, AAC_FRAME)
    found: list[tuple[int, int]] = []
    for start, end in sorted(said):
        first = max(0, math.floor((start - _LEAD) * rate))
        last = min(packets, math.ceil((end + _LEAD) * rate))
        if first >= last:
            continue
        if found and first - found[-1][1] < _PAUSE * rate:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found) or None
