"""The choices a graph file offers, each a closed list of words.

Holds the enumerations of the file format and what each word means. Words that are written
to files are forever: add to these lists, never rename in them.
"""

from __future__ import annotations

from enum import StrEnum


class EdgeKind(StrEnum):
    """What an edge A→B says about B."""

    CONTINUATION = "continuation"
    """B plays after A: the story goes on."""
    REMIX = "remix"
    """B was derived from A by changing part of it."""


class JointKind(StrEnum):
    """How two neighbouring atoms meet; what the author asks for."""

    AUTO = "auto"
    """The planner chooses."""
    CUT = "cut"
    CROSSFADE = "crossfade"
    FADE = "fade"
    """Through black."""
    MATCH = "match"
    """A cut on matching shape or movement."""
    MORPH = "morph"
    """A few pictures between the two are interpolated."""
    CARD = "card"
    """A rendered card between the two."""


class SlotKind(StrEnum):
    """How long the place of an atom in the timeline is."""

    STANDARD = "standard"
    """Up to 10 s."""
    EXTENDED = "extended"
    """15 to 20 s."""


class SlotFill(StrEnum):
    """What fills an extended slot."""

    AUTO = "auto"
    """The first of the ways below that the media allows."""
    SOURCE = "source"
    """The media itself is long enough."""
    FUSE = "fuse"
    """The atom and its continuation flow into one shot."""
    STRETCH = "stretch"
    """The media plays slower, by at most a half."""
    HOLD = "hold"
    """The last picture stands while the camera moves in."""
    SLOW = "slow"
    """An older word for `stretch`."""
    LOOP = "loop"
    """The media starts over; not rendered, and refused where it is asked for."""
    CARD = "card"
    """A story card; not rendered here, and refused: ask for it with a joint of kind `card`."""


class CardKind(StrEnum):
    """Which card a chapter opens with."""

    STORY = "story"
    CHAPTER = "chapter"
    CHARACTER = "character"
    CREDITS = "credits"


class Status(StrEnum):
    """How far an atom has come. Only drafts and published atoms are ever played."""

    PLANNED = "planned"
    """Named so that edges can point at it; its media need not exist yet."""
    DRAFT = "draft"
    """Playable, but not yet released by its author."""
    PUBLISHED = "published"
    """Released; what an atom is unless its file says otherwise."""
    WITHDRAWN = "withdrawn"
    """Taken back by its author; kept so that old episodes can be explained."""

    @property
    def playable(self) -> bool:
        """Whether a walk may play an atom of this status."""
        return self in (Status.DRAFT, Status.PUBLISHED)


class Rating(StrEnum):
    """For whom an atom is fit. An atom without a rating is *unrated*, not fit for all."""

    ALL = "all"
    """Everyone."""
    TEEN = "teen"
    """13 years and older."""
    MATURE = "mature"
    """18 years and older."""

    @property
    def age(self) -> int:
        """The youngest viewer in whole years; ratings are ordered by it."""
        return {Rating.ALL: 0, Rating.TEEN: 13, Rating.MATURE: 18}[self]
