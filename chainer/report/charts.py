"""Curves and dots as numbers for SVG: loudness over time, and how near each joint is to drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEFT, RIGHT, TOP, BOTTOM = 52, 16, 16, 30
WIDTH, HEIGHT = 1000, 280
HIGHEST, LOWEST = 0.0, -50.0
"""LUFS at the top and the bottom of the loudness chart."""
STEP_LU = 10
"""LU between two lines of the loudness chart."""
MOST_POINTS = 500


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight scale from values to units of a chart."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies, held within the chart, to a tenth of a unit."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start), 1)


def time_scale(seconds: float) -> Scale:
    """Seconds from left to right."""
    return Scale(0.0, max(seconds, 0.1), LEFT, WIDTH - RIGHT)


LOUD = Scale(LOWEST, HIGHEST, HEIGHT - BOTTOM, TOP)
"""LUFS from bottom to top."""


def curve(values: Sequence[float | None], step: float, across: Scale, up: Scale = LOUD) -> str:
    """An SVG path through `values`, the n-th of which is of second `(n + 1) * step`.

    Breaks where there is None. Long ones are thinned out, to the loudest of each few.
    """
    every = max(1, -(-len(values) // MOST_POINTS))
    parts: list[str] = []
    drawing = False
    for first in range(0, len(values), every):
        some = [one for one in values[first : first + every] if one is not None]
        if not some:
            drawing = False
            continue
        x = across.at((first + every / 2 + 0.5) * step)
        parts.append(f"{'L' if drawing else 'M'}{x:g} {up.at(max(some)):g}")
        drawing = True
    return "".join(parts)


def ticks(seconds: float, most: int = 8) -> tuple[float, ...]:
    """Round seconds to label an axis with, from 0 on."""
    for step in (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600):
        if seconds / step <= most:
            return tuple(float(n * step) for n in range(int(seconds // step) + 1))
    return (0.0, seconds)
