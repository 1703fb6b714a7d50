"""What a chain needs next, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Need(StrEnum):
    """What is needed. The order is that in which they are told."""

    FILM = "film"
    """An atom is to be filmed now: what it goes on from is there."""
    PUBLISH = "publish"
    """A planned atom's file is there."""
    MISSING = "missing"
    """An atom is said to be playable and its file is not there."""
    FORM = "form"
    """Hook, beat or button are not written."""
    DIALOGUE = "dialogue"
    """A line is too long to be spoken, or lies outside the clip."""
    BUTTON = "button"
    """A chain ends with an atom that has no button."""
    THREAD = "thread"
    """Something that was opened is not closed, or a chain ends on a question."""
    LATER = "later"
    """An atom is to be filmed once another one is."""
    BEGIN = "begin"
    """There is no atom at all."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is needed. `words` say it; `facts` hold more for machines."""

    kind: Need
    words: str
    atom: str | None = None
    author: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The item as one JSON object."""
        return {
            "kind": self.kind.value,
            "atom": self.atom,
            "author": self.author,
            "words": self.words,
            **self.facts,
        }


@dataclass(frozen=True, slots=True)
class Needs:
    """All that a graph needs, in order."""

    source: str
    title: str
    atoms: int
    filmed: int
    items: tuple[Item, ...]

    def as_json(self) -> dict[str, Any]:
        """The needs as one JSON object."""
        return {
            "graph": self.source,
            "title": self.title,
            "atoms": self.atoms,
            "filmed": self.filmed,
            "done": not self.items,
            "items": [item.as_json() for item in self.items],
        }
