"""A grade in the filter graph: rgb' = M rgb + o on BT.709 R'G'B', clipped once, at the end.

FFmpeg's mixer of channels is fast but clips at both ends and takes no offset without a fourth
channel. So the values are drawn together to the middle of the scale first, mixed there with room on
both sides, and drawn apart again with the offset added. At 12 bits the two extra roundings
do not show: the error against the model is that of writing 8-bit 4:2:0 at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from chainer.memory.report import GRADE_UNIT

_LEAST = Fraction(1, 2 * 255)
"""A change of less than half a step of 8 bits, for every colour, is not worth a filter."""

_BANDS = (Fraction(1, 2), Fraction(1, 4))
"""Shares of the scale that values are drawn into: the wider one keeps more of the 12 bits."""

_FORMAT = "gbrp12le"
_PEAK = 4095
_NAMES = "rgb"


def useful_grade(numbers: Sequence[int]) -> tuple[int, ...] | None:
    """The grade as a spec takes it; None where no colour would change by half a step of 255.

    `numbers` are a 3x3 matrix row by row and three offsets, in units of 1/10,000. Raises
    `ValueError` where they are not twelve, or where a row takes away more than three fifths of
    what it adds: no drift of a camera asks for that, and it has no room in the filter.
    """
    if len(numbers) != 12:
        raise ValueError(f"a grade has 12 numbers, not {len(numbers)}")
    largest = Fraction(0)
    for number, (row, offset) in enumerate(_rows(numbers)):
        if not any(row) or not _fits(row, _BANDS[-1]):
            raise ValueError(
                f"no grade: row {number + 1} of the matrix, {[float(x) for x in row]}, takes away "
                "more than three fifths of what it adds"
            )
        # A change is largest at a corner of the cube: where all that adds is 1, or all else is.
        moves = [x - (column == number) for column, x in enumerate(row)]
        up = offset + _sum(x for x in moves if x > 0)
        down = offset + _sum(x for x in moves if x < 0)
        largest = max(largest, abs(up), abs(down))
    return tuple(numbers) if largest >= _LEAST else None


def graded(stream: Any, grade: Sequence[int], pixels: str = "yuv420p") -> Any:
    """`stream` (ffmpeg-python; BT.709, limited range) with its colours changed, as `pixels`."""
    rows = _rows(grade)
    band = next(one for one in _BANDS if all(_fits(row, one) for row, _ in rows))
    low, high = (1 - band) / 2, (1 + band) / 2
    # Within the band no sum falls below 0; where one would reach beyond the scale, all are made
    # smaller.
    highest = max(high * _plus(row) - low * _minus(row) for row, _ in rows)
    scale = 1 / max(Fraction(1), highest)
    mix = {
        f"{out}{into}": _number(scale * x)
        for out, (row, _) in zip(_NAMES, rows, strict=True)
        for into, x in zip(_NAMES, row, strict=True)
    }
    apart = {
        out: f"clip(round({_number(1 / (scale * band))}*val"
        f"+{_number(_PEAK * (offset - low / band * _sum(row)))}),0,{_PEAK})"
        for out, (row, offset) in zip(_NAMES, rows, strict=True)
    }
    together = f"round({_number(band)}*val+{_number(_PEAK * low)})"
    # zimg takes half the time of swscale here and keeps 12 bits; bicubic is for the chroma.
    stream = stream.filter(
        "zscale", f="bicubic", matrixin="709", rangein="limited", matrix="gbr", range="full"
    ).filter("format", _FORMAT)
    stream = stream.filter("lutrgb", **dict.fromkeys(_NAMES, together))
    stream = stream.filter("colorchannelmixer", **mix)
    stream = stream.filter("lutrgb", **apart)
    return stream.filter(
        "zscale", f="bicubic", matrixin="gbr", rangein="full", matrix="709", range="limited"
    ).filter("format", pixels)


def _rows(numbers: Sequence[int]) -> list[tuple[list[Fraction], Fraction]]:
    """Each row of the matrix with its offset."""
    exact = [Fraction(number, GRADE_UNIT) for number in numbers]
    return [(exact[3 * n : 3 * n + 3], exact[9 + n]) for n in range(3)]


def _fits(row: Sequence[Fraction], band: Fraction) -> bool:
    """Whether no mix of values within the band falls below 0."""
    return (1 - band) * _plus(row) >= (1 + band) * _minus(row)


def _plus(row: Iterable[Fraction]) -> Fraction:
    return _sum(x for x in row if x > 0)


def _minus(row: Iterable[Fraction]) -> Fraction:
    return -_sum(x for x in row if x < 0)


def _sum(numbers: Iterable[Fraction]) -> Fraction:
    return sum(numbers, Fraction(0))


def _number(value: Fraction) -> str:
    return f"{float(value):.6f}"
