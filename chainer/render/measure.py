"""How large letters are, and where the rows of a credit roll stand: arithmetic only.

The children that draw need it too, so it imports nothing that takes time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

MOST_ROWS = 1000
"""Rows of a roll that are shown; the last then says how many more there are."""

_START = 0.62
"""Where a roll's heading is at first, as a share of the height from the top."""


def unit(width: int, height: int) -> int:
    """What letters are sized by: the width of a picture that stands, less of one that lies."""
    return min(width, height * 11 // 10)


def smallest(width: int) -> int:
    """The smallest letters of a picture, in pixels an em: 4 % of its width.

    At 360 pixels a capital is then at least ten pixels high.
    """
    return ceil(width / 25)


@dataclass(frozen=True, slots=True)
class Roll:
    """Where the rows of a credit roll stand, in pixels.

    The strip is as high as `head` (for the heading) and `lines` lines of `pitch` pixels, with
    `columns` rows on each. It starts `start` pixels below the picture's top and goes up until
    nothing of it is left; a `still` one stands in the middle.
    """

    rows: int
    columns: int
    lines: int
    pitch: int
    head: int
    start: int
    still: bool

    @property
    def height(self) -> int:
        """The strip's height."""
        return self.head + self.lines * self.pitch

    def speed(self, frames: int) -> int:
        """Whole pixels a frame, so that the last row is gone after `frames`; 0 for a still one."""
        return 0 if self.still else max(1, -(-(self.start + self.height) // frames))


def roll_of(rows: int, width: int, height: int) -> Roll:
    """The roll of so many rows in a picture of so many pixels; `MOST_ROWS` at most are shown."""
    shown = min(rows, MOST_ROWS)
    columns = 1 if shown <= 48 else 2
    if width > height:
        columns = 1 if shown <= 8 else 2 if shown <= 90 else 3
    lines = ceil(shown / columns)
    size = max(smallest(width), unit(width, height) * 44 // 1000)
    pitch, head = size * 7 // 4, round(height * 0.2)
    still = head + lines * pitch <= height * 8 // 10
    return Roll(shown, columns, lines, pitch, head, 0 if still else int(height * _START), still)
