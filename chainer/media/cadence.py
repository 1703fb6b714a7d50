"""At what rate pictures follow each other, worked out from the times of all of them.

Containers round times to their ticks, so that a steady 30 fps reads 33, 34, 33 ms in one and
differs by a tick in another. A rate is steady here when every picture lies within one tick
(at least a millisecond) of an even grid; anything else is variable. Declared rates are only
candidates for that grid: they are wrong too often to be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in (
        *("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"),
        *("10", "12", "15000/1001", "15", "20", "48000/1001", "48", "90", "100"),
        *("120000/1001", "120", "240000/1001", "240"),
    )
)


def cadence(
    steps: Sequence[tuple[int, int]],
    tick: Fraction,
    length: Fraction,
    declared: Iterable[Fraction],
) -> tuple[Fraction, bool]:
    """The frame rate per second, and whether it varies.

    `steps` are (distance in ticks, how often) from picture to picture, `length` the seconds
    from the first picture to the end of the last. A varying rate is the average.
    """
    count = 1 + sum(times for _, times in steps)
    average = Fraction(count) / length if length > 0 else Fraction(0)
    if len({distance for distance, _ in steps}) == 1 and steps[0][0] > 0:
        return 1 / (steps[0][0] * tick), False
    near = [rate for rate in (*declared, *STANDARD_RATES) if _is_near(rate, average)]
    average = average.limit_denominator(1_000_000)
    for rate in (*sorted(near, key=lambda rate: abs(rate - average)), average):
        if _fits(steps, tick, rate):
            return rate, False
    return average, True


def _is_near(rate: Fraction, average: Fraction) -> bool:
    return rate > 0 and abs(rate - average) * 20 <= average


def _fits(steps: Sequence[tuple[int, int]], tick: Fraction, rate: Fraction) -> bool:
    """Whether every picture lies within a tick of a grid of `rate`, wherever that begins."""
    # All in units of tick / (ticks * numerator), so that whole numbers suffice.
    scale = rate * tick
    step, grid = scale.numerator, scale.denominator
    tolerance = max(Fraction(1), Fraction(1, 1000) / tick) * step
    at = low = high = 0
    for distance, times in steps:
        drift = distance * step - grid
        # Inside a run of equal distances the error moves one way, so its ends suffice.
        low = min(low, at + drift, at + drift * times)
        high = max(high, at + drift, at + drift * times)
        at += drift * times
        if high - low > 2 * tolerance:
            return False
    return True
