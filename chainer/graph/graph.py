"""The graph: atoms, edges, and who leads to whom.

Holds the loaded graph with its neighbourhoods worked out once. Refuses to change: another
graph is another object. Only `load.py` makes one, after every check.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chainer.digest import Digest, key_of
from chainer.errors import Fault, GraphError, WalkError
from chainer.graph.atom import Atom
from chainer.graph.edge import Edge
from chainer.graph.faults import near_miss
from chainer.graph.model import GraphInfo
from chainer.graph.shelf import Misplaced, Shelf
from chainer.graph.words import EdgeKind

_Near = Mapping[str, tuple[Edge, ...]]


def identity_of(source: str) -> Digest:
    """The digest under which notes about the graph from `source` (path or URL) are kept."""
    return key_of("graph-source", source)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Atoms and edges, in the order of the file; a DAG.

    Two graphs are equal when what they say is equal, wherever they came from.
    """

    info: GraphInfo
    atoms: Mapping[str, Atom]
    edges: tuple[Edge, ...]
    extensions: Mapping[str, Any] = field(default_factory=dict)
    source: str = field(compare=False)
    shelf: Shelf = field(compare=False)
    identity: Digest = field(compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "atoms", MappingProxyType(dict(self.atoms)))

    def __hash__(self) -> int:
        return hash(tuple(self.atoms))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mappingproxy cannot be pickled, and what is worked out need not be.
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _rebuilt, ({**state, "atoms": dict(self.atoms)},)

    @property
    def title(self) -> str:
        """The graph's title, or its source where it has none."""
        return self.info.title or self.source

    @property
    def base(self) -> Path | None:
        """The folder that media paths are relative to, links resolved."""
        return self.shelf.base

    def atom(self, name: str) -> Atom:
        """The atom with this id. Raises `WalkError`, with a near miss, where there is none."""
        atom = self.atoms.get(name)
        if atom is None:
            expected = near_miss(name, self.atoms, "use the id of an atom of this graph")
            message = f"{self.source}: there is no atom {name!r}; {expected}"
            raise WalkError(message, code="unknown-atom", atom=name)
        return atom

    def edges_out(self, name: str, kinds: Collection[EdgeKind] | None = None) -> tuple[Edge, ...]:
        """The edges that leave an atom, in the order of the file; of all kinds by default."""
        return _of_kinds(self._out[self.atom(name).id], kinds)

    def edges_in(self, name: str, kinds: Collection[EdgeKind] | None = None) -> tuple[Edge, ...]:
        """The edges that reach an atom, in the order of the file; of all kinds by default."""
        return _of_kinds(self._in[self.atom(name).id], kinds)

    def edges_between(self, source: str, target: str) -> tuple[Edge, ...]:
        """Every edge from one atom straight to another."""
        return tuple(edge for edge in self.edges_out(source) if edge.target == target)

    def roots(self, kinds: Collection[EdgeKind] | None = None) -> tuple[str, ...]:
        """The atoms that no edge of these kinds reaches, in the order of the file."""
        return tuple(name for name in self.atoms if not self.edges_in(name, kinds))

    def leaves(self, kinds: Collection[EdgeKind] | None = None) -> tuple[str, ...]:
        """The atoms that no edge of these kinds leaves, in the order of the file."""
        return tuple(name for name in self.atoms if not self.edges_out(name, kinds))

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """The place of each atom in the file, from 0: what settles every tie."""
        return MappingProxyType({name: index for index, name in enumerate(self.atoms)})

    def topological_order(self) -> tuple[str, ...]:
        """Every atom after all that lead to it; of those that are ready, file order first."""
        return self._order

    def media_path(self, media: str) -> Path:
        """The absolute path of a file that the graph names, links resolved now.

        Takes media, reference pictures and the ledger. The file need not exist. Raises
        `GraphError` for what lies outside, and for `store:…` or a scheme, which have no path.
        """
        try:
            return self.shelf.path(media)
        except Misplaced as fault:
            raise GraphError(
                self.source,
                [Fault("$", f"{media!r}: {fault.problem}", fault.expected, "misplaced-file")],
            ) from fault

    @cached_property
    def _out(self) -> _Near:
        return _by_atom(self.atoms, ((edge.source, edge) for edge in self.edges))

    @cached_property
    def _in(self) -> _Near:
        return _by_atom(self.atoms, ((edge.target, edge) for edge in self.edges))

    @cached_property
    def _order(self) -> tuple[str, ...]:
        names = tuple(self.atoms)
        waits = {name: len(edges) for name, edges in self._in.items()}
        ready = [self.rank[name] for name in names if waits[name] == 0]
        order: list[str] = []
        while ready:
            name = names[heapq.heappop(ready)]
            order.append(name)
            for edge in self._out[name]:
                waits[edge.target] -= 1
                if waits[edge.target] == 0:
                    heapq.heappush(ready, self.rank[edge.target])
        return tuple(order)


def _rebuilt(state: Mapping[str, Any]) -> Graph:
    return Graph(**state)


def _of_kinds(edges: tuple[Edge, ...], kinds: Collection[EdgeKind] | None) -> tuple[Edge, ...]:
    return edges if kinds is None else tuple(edge for edge in edges if edge.kind in kinds)


def _by_atom(names: Iterable[str], edges: Iterable[tuple[str, Edge]]) -> _Near:
    near: dict[str, list[Edge]] = {name: [] for name in names}
    for name, edge in edges:
        near[name].append(edge)
    return {name: tuple(found) for name, found in near.items()}
