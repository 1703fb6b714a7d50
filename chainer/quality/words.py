"""The names of what can be wrong with a take."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """One kind of defect. Written to disk: names are forever."""

    BLACK = "black"
    """Nothing to see, longer than a fade takes."""
    FROZEN = "frozen"
    """The picture stands still to the last bit of it."""
    FLICKER = "flicker"
    """The whole picture goes brighter and darker from frame to frame."""
    BURNT = "burnt"
    """Overexposed: the lights are gone."""
    CRUSHED = "crushed"
    """Underexposed: the shadows are gone, and there are no lights."""
    BLUR = "blur"
    """Nothing in the picture is sharp."""
    DUPLICATES = "duplicates"
    """Pictures repeated out of step while things move: it stutters."""
    SILENCE = "silence"
    """No sound, or a hole in it."""
    CLIPPING = "clipping"
    """Sound cut off at full scale."""
    LENGTH = "length"
    """Not as long as was wanted."""
    OFFSET = "offset"
    """Sound begins or ends elsewhere than the picture."""
    LETTERBOX = "letterbox"
    """Black bars at two opposite sides."""
    WATERMARK = "watermark"
    """A mark near the border that stands still while the picture moves."""
