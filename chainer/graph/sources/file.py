"""A graph file as a source: loaded whole, then cut and searched in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chainer.graph.edge import Edge
from chainer.graph.graph import Graph
from chainer.graph.load import dump_graph, load_graph
from chainer.graph.options import WalkOptions
from chainer.graph.sources.cut import cut_graph, starts_of_chapters
from chainer.graph.sources.part import (
    EDGES_FOR_ATOM,
    REMIX,
    SEEDED,
    NoRoom,
    Row,
    component_of,
    parts_of,
)
from chainer.graph.sources.source import MAX_ATOMS, demand_room, too_large
from chainer.graph.sources.witness import folded, holders_of, witnesses
from chainer.graph.sources.words import (
    RANKED,
    STRONG,
    Found,
    Wanted,
    answers,
    keys_of,
    ranked,
    texts_of,
)
from chainer.graph.words import EdgeKind


class FileSource:
    """The graph of a file; read at the first question, once."""

    def __init__(
        self,
        path: Path,
        *,
        media_root: Path | None = None,
        allow_schemes: Sequence[str] = (),
    ) -> None:
        self._path = path
        self._media_root = media_root
        self._allow_schemes = tuple(allow_schemes)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self._path.stem

    @property
    def url(self) -> str:
        """The path."""
        return str(self._path)

    @cached_property
    def graph(self) -> Graph:
        """The whole graph, however large. Raises `GraphError`."""
        return load_graph(
            self._path, media_root=self._media_root, allow_schemes=self._allow_schemes
        )

    def load(
        self,
        start: str | None = None,
        *,
        options: WalkOptions | None = None,
        max_atoms: int = MAX_ATOMS,
    ) -> Graph:
        """The graph, or the part of it that walks from `start` need."""
        demand_room(max_atoms)
        graph = self.graph
        if start is None:
            if len(graph.atoms) > max_atoms:
                raise too_large(self.url, None, max_atoms)
            if len(graph.edges) > max_atoms * EDGES_FOR_ATOM:
                raise too_large(self.url, None, max_atoms, edges=True)
            return graph
        graph.atom(start)
        return part_of(graph, start, options or WalkOptions(), max_atoms)

    def find(
        self,
        query: str = "",
        *,
        with_: Sequence[str] = (),
        tags: Sequence[str] = (),
        author: str | None = None,
        place: str | None = None,
        limit: int = 20,
    ) -> list[Found]:
        """The atoms that answer, the best first."""
        wanted = Wanted.of(query, with_=with_, tags=tags, author=author, place=place)
        every = [
            (number, node, texts)
            for number, (node, texts, keys) in enumerate(self._index)
            if wanted.holds(keys)
        ]
        hits = [one for one in every if answers(one[2], wanted.words)]
        if not hits and len(wanted.words) > 1:
            hits = [one for one in every if any(answers(one[2], [w]) for w in wanted.words)]
        strong = [one for one in hits if wanted.words and _strongly(one[2], wanted.words)]
        chosen = {one[0]: one for one in (*hits[-RANKED:], *strong[-RANKED:])}
        return ranked(chosen.values(), wanted, limit)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _index(self) -> list[tuple[dict[str, Any], dict[str, str], frozenset[str]]]:
        people = self.graph.info.characters
        names = {ident: one.name for ident, one in people.items()}
        persons = {ident: one.person for ident, one in people.items() if one.person is not None}
        return [
            (node, texts_of(node, names), frozenset(keys_of(node, persons)))
            for node in dump_graph(self.graph)["nodes"]
        ]


def part_of(graph: Graph, start: str, options: WalkOptions, max_atoms: int) -> Graph:
    """The part of a loaded graph that walks from `start` need. Raises `GraphTooLarge`."""
    named = list(dict.fromkeys((*(options.path or ()), *sorted(options.required))))
    wanted = [name for name in named if name in graph.atoms]
    for names in _choices(graph, start, options, wanted, max_atoms):
        kept = {*names, *wanted}
        kept |= starts_of_chapters(graph.info, kept)
        inside = [graph.atoms[name] for name in graph.atoms if name in kept]
        authors = list(dict.fromkeys(atom.author for atom in inside))
        kept |= witnesses(graph.info, authors, holders_of(inside), _Firsts(graph))
        if len(kept) <= max_atoms:
            return cut_graph(graph, kept)
    raise too_large(graph.source, start, max_atoms)


def _choices(
    graph: Graph, start: str, options: WalkOptions, wanted: Sequence[str], room: int
) -> Iterator[Collection[str]]:
    near = _Edges(graph)
    with suppress(NoRoom):
        yield component_of(near, start, room)
    for part in parts_of(near, start, options, wanted, room):
        yield part.names


def _strongly(texts: Mapping[str, str], words: Iterable[str]) -> bool:
    return answers({field: texts[field] for field in STRONG if field in texts}, words)


class _Edges:
    """A loaded graph as `part.py` asks it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def out(self, names: Sequence[str], limit: int) -> Sequence[Row[str]]:
        """The edges that leave these atoms."""
        return _rows((edge for name in names for edge in self._graph.edges_out(name)), limit)

    def into(self, names: Sequence[str], limit: int) -> Sequence[Row[str]]:
        """The edges that reach these atoms."""
        return _rows((edge for name in names for edge in self._graph.edges_in(name)), limit)


def _rows(edges: Iterable[Edge], limit: int) -> list[Row[str]]:
    rows = []
    for edge in edges:
        rows.append((edge.source, edge.target, bits_of(edge.kind, seeded=edge.seeded)))
        if len(rows) > limit:
            break
    return rows


def bits_of(kind: str, *, seeded: bool) -> int:
    """An edge as `part.py` has it."""
    return (REMIX if kind == EdgeKind.REMIX else 0) | (SEEDED if seeded else 0)


class _Firsts:
    """The authors of a loaded graph with their first atoms."""

    def __init__(self, graph: Graph) -> None:
        self._first: dict[str, str] = {}
        for name, atom in graph.atoms.items():
            self._first.setdefault(atom.author, name)
        self._rank = graph.rank

    def firsts(self, authors: Sequence[str]) -> Mapping[str, str]:
        """By the id of the author."""
        return {name: self._first[name] for name in authors if name in self._first}

    def called(self, names: Sequence[str]) -> Mapping[str, str]:
        """By how the id reads."""
        wanted = set(names)
        return {name: first for name, first in self._first.items() if folded(name) in wanted}

    def place(self, first: str) -> int:
        """Where an atom stands in the file."""
        return self._rank[first]
