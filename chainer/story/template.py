"""A story template: roles, places, and for each ten seconds a form to fill.

Holds the template file (`chainer.template/1`) as frozen models. Texts may name `{A}`, a role's
character, and `{thing}`, a word of the template that whoever uses it may choose. Whether the parts
fit each other is `check.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool
from pydantic_core import PydanticCustomError

from chainer.graph import EdgeKind, Joint, Rating, Rights, Series, Slot, SlotKind
from chainer.graph.atom import STANDARD_SECONDS
from chainer.graph.scalars import Facts, Id, Line, Text, Time, Word

CURRENT_TEMPLATE = "chainer.template/1"
"""The version of the template file that these models describe."""

_ROLE = re.compile(r"[A-Z][A-Za-z0-9]{0,15}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,23}")

PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")
"""`{A}` or `{thing}` in a text."""


def _role_name(name: str) -> str:
    if not _ROLE.fullmatch(name):
        expected = "use up to 16 letters and digits, the first a capital, such as A or Host"
        raise PydanticCustomError("role", "no name of a role", {"expected": expected})
    return name


def _word_name(name: str) -> str:
    if not _WORD.fullmatch(name):
        expected = 'use up to 24 small letters, digits or "_", the first a letter, such as thing'
        raise PydanticCustomError("word", "no name of a word", {"expected": expected})
    return name


RoleName = Annotated[str, AfterValidator(_role_name)]
WordName = Annotated[str, AfterValidator(_word_name)]


class TemplateModel(BaseModel):
    """One object of a template file: frozen, and closed against keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Role(TemplateModel):
    """Somebody to be cast. With a `default` id nobody needs to be named for it.

    `seen` is whether it is a character of the story, or only the author of atoms; `person` whether
    a real one plays it, who must consent.
    """

    about: Line
    default: Id | None = None
    name: Line | None = None
    seen: StrictBool = True
    person: StrictBool = False
    facts: Facts = Field(default_factory=dict)


class Choice(TemplateModel):
    """A word that the texts use, and what it is unless somebody says otherwise."""

    about: Line
    default: Line


class Setting(TemplateModel):
    """A place of the story."""

    name: Line
    facts: Facts = Field(default_factory=dict)


class Prompt(TemplateModel):
    """What a generator is told, a line each."""

    shot: Text
    action: Text
    sound: Text
    camera: Text
    continuity: Text


class Part(TemplateModel):
    """Hook, beat or button: what happens in `[start, end)`, seconds of the clip."""

    start: Time
    end: Time
    text: Text


class Form(TemplateModel):
    """What the ten seconds do for the story."""

    hook: Part
    beat: Part
    button: Part

    def parts(self) -> Iterator[tuple[str, Part]]:
        """The three, with their names."""
        yield from (("hook", self.hook), ("beat", self.beat), ("button", self.button))


class SpokenLine(TemplateModel):
    """A suggested line, `[start, end)` in seconds; without a role a narrator says it."""

    start: Time
    end: Time
    role: RoleName | None = None
    text: Text


class Plan(TemplateModel):
    """An atom to be filmed."""

    id: Id
    author: RoleName
    title: Line
    place: Id | None = None
    time_of_day: Word | None = None
    cast: tuple[RoleName, ...] = ()
    tags: tuple[Word, ...] = ()
    slot: Slot = Slot()
    form: Form
    prompt: Prompt
    dialogue: tuple[SpokenLine, ...] = ()
    facts: Mapping[str, Facts] = Field(default_factory=dict)
    """By a role's name, a place's id, or `world`."""

    @property
    def seconds(self) -> Fraction:
        """How long it is."""
        if self.slot.kind is SlotKind.EXTENDED and self.slot.seconds is not None:
            return self.slot.seconds
        return STANDARD_SECONDS


class Link(TemplateModel):
    """One atom leads to another."""

    source: Id
    target: Id
    kind: EdgeKind = EdgeKind.CONTINUATION
    joint: Joint | None = None
    changes: tuple[Word, ...] = ()
    seeded: StrictBool = False


class Template(TemplateModel):
    """A whole template file."""

    schema_: Literal["chainer.template/1"] = Field(alias="schema")
    name: Id
    title: Line
    summary: Line
    advice: Text
    roles: Mapping[RoleName, Role]
    words: Mapping[WordName, Choice] = Field(default_factory=dict)
    places: Mapping[Id, Setting] = Field(default_factory=dict)
    rating: Rating | None = None
    rights: Rights | None = None
    atoms: tuple[Plan, ...] = Field(min_length=1, max_length=500)
    edges: tuple[Link, ...] = ()
    series: tuple[Series, ...] = ()

    @property
    def seconds(self) -> Fraction:
        """How long the longest chain of continuations is, joints aside."""
        lengths = {atom.id: atom.seconds for atom in self.atoms}
        onward = [(e.source, e.target) for e in self.edges if e.kind is EdgeKind.CONTINUATION]
        longest = dict(lengths)
        for _ in self.atoms:  # as often as a chain can be long, so that a cycle ends too
            before = dict(longest)
            for source, target in onward:
                if source in longest and target in longest:
                    wanted = longest[source] + lengths[target]
                    longest[target] = max(longest[target], wanted)
            if longest == before:
                break
        return max(longest.values())
