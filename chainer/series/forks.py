"""Where roads lead off the main story, and which films that takes. Pure: asks a walk.

A fork is an atom from which an edge of either kind leads elsewhere than the film does. Where the
edge leads to what a film plays already, it is a way into that film; else a branch is built: a relay
from there to its end, or up to where it meets what is played already. What must not be played is
never offered and never named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chainer.batch.expand import stops_all
from chainer.digest import key_of
from chainer.errors import ChainerError
from chainer.graph import Edge, EdgeKind, Graph, WalkKind, WalkOptions
from chainer.series.episodes import cut_before
from chainer.series.wanted import Kept, Link, Walk, Wanted

_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Branching:
    """The branches, in the order in which they were met, and the ways of every film by its id.

    `then` says where a branch goes on after its end. `left_out` counts roads that were not built,
    for there were more than was asked for.
    """

    branches: tuple[Wanted, ...]
    links: Mapping[str, tuple[Link, ...]]
    then: Mapping[str, Link]
    left_out: int


def branching(
    graph: Graph,
    main: Sequence[Wanted],
    kept: Sequence[Kept],
    walk: Walk,
    plays: Callable[[str], bool],
    most: int,
) -> Branching:
    """The roads off `main`, breadth first: at most `most` new ones beside those published before.

    `plays` tells whether an atom may be played. A published branch keeps its chain while that is
    allowed. Raises `Cancelled`, and a `StoreError` that would meet every film.
    """
    return _Scout(graph, main, kept, walk, plays, most).go()


def branch_id(atom: str) -> str:
    """The id of the branch that begins with an atom."""
    name = f"road-{atom}"
    if len(name) <= _LONGEST_ID:
        return name
    tail = key_of("branch", atom)[:12]
    return f"{name[: _LONGEST_ID - len(tail) - 1]}-{tail}"


class _Scout:
    def __init__(
        self,
        graph: Graph,
        main: Sequence[Wanted],
        kept: Sequence[Kept],
        walk: Walk,
        plays: Callable[[str], bool],
        most: int,
    ) -> None:
        self._graph, self._walk, self._plays = graph, walk, plays
        self._main = [one for one in main if one.chain is not None]
        self._kept = {one.chain[0]: one for one in kept}
        self._ids = {one.id for one in main}
        self._room = most
        self._home: dict[str, str] = {}  # in which film an atom plays
        for one in self._main:
            for atom in one.atoms:
                self._home.setdefault(atom, one.id)
        self._branches: list[Wanted] = []
        self._left_out: set[str] = set()

    def go(self) -> Branching:
        waiting = deque(self._main)
        links: dict[str, tuple[Link, ...]] = {}
        while waiting:
            road = waiting.popleft()
            found = []
            for after, edge in self._ways(road):
                branch = self._met(road, edge)
                if branch is not None:
                    waiting.append(branch)
                if edge.target in self._home:
                    home = self._home[edge.target]
                    found.append(Link(after, edge.kind, home, edge.target))
            links[road.id] = tuple(found)
        then: dict[str, Link] = {}
        for one in self._branches:
            onward = self._onward(one, links.get(one.id, ()))
            if onward is not None:
                then[one.id] = onward
                links[one.id] = tuple(link for link in links[one.id] if link != onward)
        return Branching(tuple(self._branches), links, then, len(self._left_out))

    def _ways(self, road: Wanted) -> Iterator[tuple[str, Edge]]:
        """(atom, edge) for every edge that leads off the film to what may be played."""
        nexts = {a.id: b.atoms[0] for a, b in zip(self._main, self._main[1:], strict=False)}
        atoms = road.atoms
        for number, atom in enumerate(atoms):
            goes_to = atoms[number + 1] if number + 1 < len(atoms) else nexts.get(road.id)
            seen = {goes_to}
            for edge in self._graph.edges_out(atom):
                if edge.target not in seen and self._plays(edge.target):
                    seen.add(edge.target)
                    yield atom, edge

    def _met(self, road: Wanted, edge: Edge) -> Wanted | None:
        """The branch that begins where `edge` leads, where it is a new one."""
        start = edge.target
        if start in self._home:
            return None
        kept = self._kept.get(start)
        if kept is None:
            if self._room < 1:
                self._left_out.add(start)
                return None
            self._room -= 1
        name = branch_id(start)
        while name in self._ids:
            name = f"{name[: _LONGEST_ID - 2]}-x"
        self._ids.add(name)
        title = self._graph.atom(start).title or start
        branch = Wanted(name, title, None, leaves=road.id)
        try:
            branch = self._walked(branch, start, kept)
        except ChainerError as error:
            if stops_all(error):
                raise
            branch = replace(branch, fault=error)
        self._branches.append(branch)
        for atom in branch.atoms:
            self._home.setdefault(atom, name)
        return None if branch.chain is None else branch

    def _walked(self, branch: Wanted, start: str, kept: Kept | None) -> Wanted:
        if (
            kept is not None
            and all(name in self._graph.atoms for name in kept.chain)
            and not any(name in self._home for name in kept.chain)
        ):
            try:
                path = WalkOptions(kind=WalkKind.RELAY, path=kept.chain)
                return replace(branch, chain=self._walk(start, path)[0], held=True)
            except ChainerError as error:
                if stops_all(error):
                    raise
        chain = self._walk(start, WalkOptions(kind=WalkKind.RELAY))[0]
        return replace(branch, chain=cut_before(chain, self._home, self._walk))

    def _onward(self, branch: Wanted, links: Sequence[Link]) -> Link | None:
        """Where the story of a branch goes on when its last atom has played."""
        if not branch.atoms:
            return None
        last = [link for link in links if link.after == branch.atoms[-1]]
        last.sort(key=lambda link: link.kind is not EdgeKind.CONTINUATION)
        return last[0] if last else None
