"""Where two clips go over into each other: what the search for a match or a morph has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Leave out `left` frames at the end of one clip and `right` at the start of the next.

    `made` pictures are interpolated between the two. All 0: nothing is better than the plain cut.
    `plain` and `score` are the discontinuity of the plain cut and of this point, 1 for a step like
    any other in the two clips; `why` says in words what was found.
    """

    left: int
    right: int
    made: int
    plain: float
    score: float
    why: str

    def __post_init__(self) -> None:
        if min(self.left, self.right, self.made) < 0:
            raise ValueError("a point counts frames from 0 on")

    @property
    def is_plain(self) -> bool:
        """Whether it is the plain cut."""
        return not (self.left or self.right or self.made)
