"""An edge: how one atom leads to another.

Holds the edge objects of a graph file. Refuses joints that contradict themselves, and
removals on anything but a remix.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chainer.graph.file_model import FileModel
from chainer.graph.scalars import ID_PATTERN, Id, Text, Time, Word
from chainer.graph.words import EdgeKind, JointKind


def _key_text(value: Any) -> Any:
    """Networkx numbers the keys that its caller did not name."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


EdgeKey = Annotated[
    str,
    BeforeValidator(_key_text),
    StringConstraints(pattern=ID_PATTERN),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": ID_PATTERN}, {"type": "integer", "minimum": 0}]}
    ),
]
"""Tells parallel edges apart; a whole number, as networkx gives, is read as its text."""


class Joint(FileModel):
    """How the author wants two atoms to meet; without `seconds` the planner chooses.

    `lead` lets the second one's sound start so many seconds before its picture (a J cut), `lag`
    lets the first one's go on so long under the second's picture (an L cut); only where the
    picture is cut. `text` is what a story card between the two says. With `grade` false the memory
    leaves the colours of the second atom as they are at this joint, with `trim` false all frames of
    both.
    """

    kind: JointKind = JointKind.AUTO
    seconds: Time | None = None
    lead: Time | None = None
    lag: Time | None = None
    text: Text | None = None
    grade: StrictBool = True
    trim: StrictBool = True

    @model_validator(mode="after")
    def _cut_takes_no_time(self) -> Joint:
        if self.kind is JointKind.CUT and self.seconds:
            raise PydanticCustomError(
                "joint", "a cut takes no time", {"expected": 'leave "seconds" out'}
            )
        return self

    @model_validator(mode="after")
    def _sound_is_cut_once(self) -> Joint:
        if self.lead is None and self.lag is None:
            return self
        if self.lead is not None and self.lag is not None:
            raise PydanticCustomError(
                "joint",
                "a joint cannot both lead and lag",
                {"expected": "keep one of the two"},
            )
        if self.kind not in (JointKind.AUTO, JointKind.CUT):
            raise PydanticCustomError(
                "joint",
                "lead and lag are of joints whose picture is cut",
                {"expected": 'set "kind": "cut", or leave lead and lag out'},
            )
        return self

    @model_validator(mode="after")
    def _only_a_card_says_something(self) -> Joint:
        if self.text is not None and self.kind is not JointKind.CARD:
            raise PydanticCustomError(
                "joint", "text on a joint that is no card", {"expected": 'set "kind": "card"'}
            )
        return self


class Edge(FileModel):
    """One atom leads to another; `(source, target, key)` is unique in a graph.

    `seeded` says that a continuation was generated from a frame of its parent, so that whoever was
    seen there may be seen again.
    """

    source: Id
    target: Id
    kind: EdgeKind
    # Told by its kind unless the file says otherwise; empty only while the kind is at fault.
    key: EdgeKey = Field(default_factory=lambda data: str(data.get("kind", "")))
    joint: Joint | None = None
    changes: tuple[Word, ...] = ()
    removes: tuple[Id, ...] = ()
    seeded: StrictBool = False

    @model_validator(mode="after")
    def _only_a_remix_removes(self) -> Edge:
        if self.removes and self.kind is not EdgeKind.REMIX:
            raise PydanticCustomError(
                "removes",
                '"removes" on an edge that is no remix',
                {"expected": 'leave it out, or set "kind": "remix"'},
            )
        return self

    def __hash__(self) -> int:
        return hash((self.source, self.target, self.key))
