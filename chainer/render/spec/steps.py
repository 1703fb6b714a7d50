"""What kinds of cached work there are."""

from __future__ import annotations

from enum import StrEnum


class StepType(StrEnum):
    """The kinds of cached work."""

    CONFORM = "conform"
    EXTEND = "extend"
    """An extended slot that its media does not fill by itself."""
    CARD = "card"
    JOINT = "joint"
    POSTER = "poster"
    MARK = "mark"
    TEXT = "text"
    BED = "bed"
    """The whole film's sound, with music under it."""
    SEGMENTS = "segments"
    """A piece packed for playlists."""
