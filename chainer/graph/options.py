"""What a caller asks of a walk.

Holds the options with their one default each. Refuses what contradicts itself before any
graph is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from chainer.errors import WalkError
from chainer.graph.keys import matcher


class WalkKind(StrEnum):
    """How a walk goes on."""

    SERIES = "series"
    """Along continuations, with remixes as alternates of the atoms on the way."""
    RELAY = "relay"
    """Along both kinds of edge: a remix is the next leg."""


class Pick(StrEnum):
    """Which of the chains that fit."""

    BEST = "best"
    """The one that scores most; among equals the first."""
    FIRST = "first"
    """The first in the order of the file, unscored."""
    ALL = "all"
    """All of them in the order of the file, up to the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkOptions:
    """The options of a walk. Raises `WalkError` where they contradict themselves.

    `end` is the last atom, `through` are atoms that must be played, in whatever order the
    story has them. `max_seconds` bounds the sum of the atoms' lengths, itself allowed; a
    chain may then end before its leaf. `path` is exactly this chain. `prefer` and `avoid`
    take keys (`keys.py`): a weight is added for every atom that matches, and an avoided atom
    is never played. With `author_changes_on_remix` a remix by its parent's author is not
    followed, with `planned` atoms that are only planned are walked too. `limit` is how many chains
    `Pick.ALL` returns at most.
    """

    kind: WalkKind = WalkKind.SERIES
    end: str | None = None
    through: tuple[str, ...] = ()
    max_seconds: Fraction | None = None
    path: tuple[str, ...] | None = None
    pick: Pick = Pick.BEST
    prefer: tuple[tuple[str, int | Fraction], ...] = ()
    avoid: tuple[str, ...] = ()
    author_changes_on_remix: bool = False
    planned: bool = False
    limit: int = 10_000

    def __post_init__(self) -> None:
        for key in (*self.avoid, *(key for key, _ in self.prefer)):
            matcher(key)
        if self.limit < 1:
            raise WalkError("limit: let it be 1 or more", code="walk-options")
        if self.max_seconds is not None and self.max_seconds <= 0:
            raise WalkError("max_seconds: let it be more than 0", code="walk-options")
        if self.path is not None and not self.path:
            raise WalkError("path: name at least the atom to start with", code="walk-options")

    @property
    def required(self) -> frozenset[str]:
        """The atoms that a chain must play, `end` among them."""
        return frozenset(self.through) | ({self.end} if self.end is not None else frozenset())
