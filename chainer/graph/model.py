"""The graph file as objects: the graph-level part and the file as a whole.

Holds characters, places, series, and the outer object that networkx reads and writes.
Atoms are in `atom.py`, edges in `edge.py`. Whether ids meet each other is `check.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from chainer.graph.atom import Atom, Music
from chainer.graph.edge import Edge
from chainer.graph.file_model import FileModel
from chainer.graph.scalars import Decibels, Facts, FilePath, Id, Line, Text
from chainer.graph.words import CardKind

CURRENT_SCHEMA = "chainer.graph/1"
"""The version of the file format that these models describe."""

WORLD = "world"
"""The subject of facts that belong to no character and no place."""


class Character(FileModel):
    """Someone who appears; `person` is who must consent, where it is a real one."""

    name: Line
    person: Id | None = None
    references: tuple[FilePath, ...] = ()
    facts: Facts = Field(default_factory=dict)


class Place(FileModel):
    """Somewhere that atoms play."""

    name: Line
    references: tuple[FilePath, ...] = ()
    facts: Facts = Field(default_factory=dict)


class Chapter(FileModel):
    """A chapter begins with atom `at`; `card` asks for a title card before it."""

    title: Line
    at: Id
    card: CardKind | None = None


class Bed(FileModel):
    """Music under a whole episode.

    `gain` is the bed's loudness in dB relative to the house loudness, `duck` by how many dB it goes
    down under dialogue, `rights` whose music it is.
    """

    media: FilePath
    gain: Decibels = Fraction(-14)
    duck: Decibels = Fraction(9)
    rights: Music | None = None


class Episode(FileModel):
    """A planned episode: where its walk starts."""

    id: Id
    title: Line
    start: Id
    chapters: tuple[Chapter, ...] = ()
    bed: Bed | None = None


class Series(FileModel):
    """Episodes that belong together, in order."""

    id: Id
    title: Line
    episodes: tuple[Episode, ...] = ()


class GraphInfo(FileModel):
    """What a file says of the graph as a whole."""

    schema_version: Literal["chainer.graph/1"] = Field(alias="schema")
    title: Line | None = None
    description: Text | None = None
    characters: Mapping[Id, Character] = Field(default_factory=dict)
    places: Mapping[Id, Place] = Field(default_factory=dict)
    series: tuple[Series, ...] = ()
    ledger: FilePath | None = None


def _true(value: object) -> bool:
    if value is True:
        return True
    expected = "set it to true: a graph of atoms is a directed multigraph (networkx.MultiDiGraph)"
    raise PydanticCustomError("not-a-multigraph", "not true", {"expected": expected})


_Always = Annotated[bool, PlainValidator(_true), WithJsonSchema({"const": True})]


class GraphFile(FileModel):
    """A whole graph file, as `networkx.node_link_graph(json, edges="edges")` reads it."""

    directed: _Always
    multigraph: _Always
    graph: GraphInfo
    nodes: tuple[Atom, ...]
    edges: tuple[Edge, ...]

    def as_json(self) -> dict[str, Any]:
        """The file as plain JSON values, with what was written and nothing that was not."""
        written = self.model_dump(mode="json", exclude_unset=True)
        for edge, data in zip(self.edges, written["edges"], strict=True):
            data["key"] = edge.key  # networkx would number an edge without one
        return written
