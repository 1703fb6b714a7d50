"""An atom: one published clip of about ten seconds, and what its author says about it.

Holds the node objects of a graph file. Refuses lines of dialogue that end before they start,
trims that leave nothing, and slots of impossible length. Whether the media exists is not
decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chainer.graph.file_model import FileModel
from chainer.graph.scalars import (
    Decibels,
    Facts,
    FilePath,
    Id,
    Line,
    Moment,
    PictureBox,
    Territory,
    Text,
    Time,
    Word,
)
from chainer.graph.words import Rating, SlotFill, SlotKind, Status

STANDARD_SECONDS = Fraction(10)
"""The length of a standard slot, and of an atom nobody has measured yet."""

EXTENDED_SECONDS = (Fraction(15), Fraction(20))
"""The shortest and the longest extended slot, both allowed."""


class Slot(FileModel):
    """The place of an atom in the timeline; only an extended one says how long it is."""

    kind: SlotKind = SlotKind.STANDARD
    seconds: Time | None = None
    scenario: Text | None = None
    fill: SlotFill | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Slot:
        if self.kind is SlotKind.STANDARD:
            if self.seconds is not None or self.scenario is not None or self.fill is not None:
                problem = "a standard slot takes no seconds, scenario or fill"
                expected = 'leave them out, or set "kind": "extended"'
                raise PydanticCustomError("slot", problem, {"expected": expected})
            return self
        shortest, longest = EXTENDED_SECONDS
        if self.seconds is None or not shortest <= self.seconds <= longest:
            problem = "an extended slot without a length of 15 to 20 seconds"
            raise PydanticCustomError("slot", problem, {"expected": 'give "seconds": 15 to 20'})
        return self


class Appearance(FileModel):
    """A character in the picture: where, and at which time of the untrimmed media."""

    character: Id
    box: PictureBox | None = None
    at: Time = Fraction(0)


class Story(FileModel):
    """What the atom does for the story: how it hooks, what happens, how it ends."""

    hook: Text | None = None
    beat: Text | None = None
    button: Text | None = None


class Dialogue(FileModel):
    """One spoken line, `[start, end)` in seconds of the untrimmed media.

    A line without a character is a narrator's.
    """

    start: Time
    end: Time
    character: Id | None = None
    text: Text

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Dialogue:
        if self.start >= self.end:
            raise PydanticCustomError(
                "dialogue", "the line ends before it starts", {"expected": "let start < end"}
            )
        return self


class Take(FileModel):
    """Another media file that could fill the same atom."""

    media: FilePath
    title: Line | None = None


class Trim(FileModel):
    """The part of the media that is used: `[start, end)` in seconds."""

    start: Time = Fraction(0)
    end: Time

    @model_validator(mode="after")
    def _leaves_something(self) -> Trim:
        if self.start >= self.end:
            raise PydanticCustomError(
                "trim", "the trim leaves nothing", {"expected": "let start < end"}
            )
        return self

    @property
    def seconds(self) -> Fraction:
        """How much is left."""
        return self.end - self.start


class Terms(FileModel):
    """Under what licence, whose, where and until when something may be used.

    `territories` are ISO 3166-1 codes of two letters; empty: everywhere. `expires` is the first
    moment at which the right is over.
    """

    license: Line | None = None
    holder: Line | None = None
    territories: tuple[Territory, ...] = ()
    expires: Moment | None = None


class Music(Terms):
    """A piece of music heard in the atom, with rights of its own."""

    title: Line


class AtomSound(FileModel):
    """What is done to an atom's sound.

    `gain` is in dB, exact, on top of the house loudness. `silence` says what becomes of silence at
    the start and end of what plays: `keep`, or `trim`, which takes its pictures away with it.
    """

    gain: Decibels | None = None
    silence: Literal["keep", "trim"] = "keep"


class Rights(Terms):
    """The rights in an atom, and in the music that is heard in it."""

    music: tuple[Music, ...] = ()


class Atom(FileModel):
    """One clip of the graph: a node."""

    id: Id
    media: FilePath
    author: Id
    created: Moment | None = None
    title: Line | None = None
    prompt: Text | None = None
    tags: tuple[Word, ...] = ()
    status: Status = Status.PUBLISHED
    rating: Rating | None = None
    slot: Slot = Slot()
    cast: tuple[Appearance, ...] = ()
    place: Id | None = None
    time_of_day: Word | None = None
    facts: Mapping[Id, Facts] = Field(default_factory=dict)
    story: Story = Story()
    dialogue: tuple[Dialogue, ...] = ()
    takes: tuple[Take, ...] = ()
    trim: Trim | None = None
    sound: AtomSound | None = None
    rights: Rights | None = None

    def __hash__(self) -> int:
        # The mappings inside cannot be hashed, and within a graph the id says it all.
        return hash(self.id)

    @property
    def characters(self) -> tuple[str, ...]:
        """Every character seen or heard, once each, in the order of the file."""
        seen = [appearance.character for appearance in self.cast]
        heard = [line.character for line in self.dialogue if line.character is not None]
        return tuple(dict.fromkeys(seen + heard))
