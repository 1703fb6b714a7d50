"""The board of a walk: which play may follow which.

A *play* is an atom at its turn. In a relay the board is the graph: an edge leads from play to
play. In a series it is a DAG derived from the graph, with two junctions between plays:

    play of p ──────────────► exit of p ──continuation──► place of q ─┬─► play of q
    play of r standing for p ─┬─► exit of p                           ├─► play of s for q
                              └─► exit of r                           └─► …  (q's remixes)

so that swapping never multiplies edges: the board has at most one place and one exit for
every atom and one play for every atom and remix edge, and stays linear in atoms and edges.

A remix is an alternate only, never a leg of its own, and no chain plays an atom twice. Where
the way on from p's exit comes to r's place, or to another atom that r may stand for, r
standing for p therefore goes on by its own exit only. Finding that out costs a search, and
only for remixes that something continues into or that have several parents.

Parallel edges count as one: the best of them by score, the first in the file among equals.
And where r and p both continue to q, r standing for p takes its own edge. So two chains of a
board differ in an atom, or in the place that an atom has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from chainer.graph.edge import Edge
from chainer.graph.graph import Graph
from chainer.graph.words import EdgeKind

_CONTINUATIONS = (EdgeKind.CONTINUATION,)
_REMIXES = (EdgeKind.REMIX,)

_Vertex = tuple[str, ...]
_Way = tuple[_Vertex, Edge | None]
_Onward = Callable[[_Vertex], Iterable[_Way]]
_PlayOf = Callable[[_Vertex], tuple[str | None, str | None]]


def _any(_: object) -> bool:
    return True


def _none(_: object) -> bool:
    return False


def _equal(_: object) -> Fraction:
    return Fraction(0)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a board leaves out, and how it chooses among parallel edges."""

    plays: Callable[[str], bool] = _any
    follows: Callable[[Edge], bool] = _any
    ends: Callable[[str], bool] = _none
    """Where a chain stops at once, with nothing after it."""
    worth: Callable[[Edge], Fraction] = _equal


@dataclass(frozen=True, slots=True)
class Step:
    """A way from one play to the next: the leg's edge, and in a series the swap's remix edge."""

    play: int
    edge: Edge | None
    swap: Edge | None


@dataclass(slots=True)
class Board:
    """Vertices by number, from `start`; `order` lists each after everything it leads to.

    `atom` is None for a junction. `out` holds the vertices a vertex leads to and the edge
    taken, without junctions that lead nowhere: a play without a way on is a leaf.
    """

    start: int = 0
    order: list[int] = field(default_factory=list)
    atom: list[str | None] = field(default_factory=list)
    stands_for: list[str | None] = field(default_factory=list)
    out: list[list[tuple[int, Edge | None]]] = field(default_factory=list)

    def steps(self, vertex: int) -> list[Step]:
        """Every next play, junctions passed through; an alternate's own continuations first."""
        found: list[Step] = []
        todo: list[Step] = [Step(vertex, None, None)]
        while todo:
            step = todo.pop()
            if step.play != vertex and self.atom[step.play] is not None:
                found.append(step)
                continue
            junction = self.atom[step.play] is None
            for onward, taken in reversed(self.out[step.play]):
                if junction and taken is not None and taken.kind is EdgeKind.REMIX:
                    todo.append(Step(onward, step.edge, taken))
                else:
                    todo.append(Step(onward, taken or step.edge, step.swap))
        return found

    def names(self) -> set[str]:
        """The atoms that some chain on this board begins to reach."""
        return {name for name in self.atom if name is not None}


def relay_board(graph: Graph, start: str, rules: Rules) -> Board:
    """The board of a relay from `start`, which is on it whatever the rules say."""

    def onward(vertex: _Vertex) -> Iterator[_Way]:
        (name,) = vertex
        if not rules.ends(name):
            for edge in _single(graph.edges_out(name), rules):
                if rules.plays(edge.target):
                    yield (edge.target,), edge

    return _lay((start,), onward, lambda vertex: (vertex[0], None))


def series_board(graph: Graph, start: str, rules: Rules, *, swap_start: bool = False) -> Board:
    """The board of a series from `start`; only with `swap_start` may an alternate open it."""
    return _Series(graph, rules).board(start, swap_start)


class _Series:
    """The vertices of a series: `("place", p, "")`, `("play", atom, place)`, and exits.

    `("exit", p, r)` is the exit of p without what r continues to; `("exit", p, "")` has all.
    """

    def __init__(self, graph: Graph, rules: Rules) -> None:
        self._graph, self._rules = graph, rules
        self._merged = _Merged(graph)
        self._from = {"place": self._place, "play": self._play, "exit": self._exit}

    def board(self, start: str, swap_start: bool) -> Board:  # noqa: FBT001 - a private class
        first = ("place", start, "") if swap_start else ("play", start, start)
        return _lay(first, lambda vertex: self._from[vertex[0]](*vertex[1:]), self._shown)

    def _place(self, name: str, _: str) -> Iterator[_Way]:
        if self._rules.plays(name):
            yield ("play", name, name), None
        for edge in _single(self._graph.edges_out(name, _REMIXES), self._rules):
            if self._rules.plays(edge.target):
                yield ("play", edge.target, name), edge

    def _play(self, name: str, place: str) -> Iterator[_Way]:
        if self._rules.ends(name):
            return
        yield ("exit", name, ""), None
        if place != name and not self._merged.comes_again(place, name):
            yield ("exit", place, name if self._merged.share(place, name) else ""), None

    def _exit(self, name: str, without: str) -> Iterator[_Way]:
        taken = self._merged.targets(without) if without else frozenset()
        for edge in _single(self._graph.edges_out(name, _CONTINUATIONS), self._rules):
            if edge.target not in taken:
                yield ("place", edge.target, ""), edge

    @staticmethod
    def _shown(vertex: _Vertex) -> tuple[str | None, str | None]:
        what, name, place = vertex
        if what != "play":
            return None, None
        return name, place if place != name else None


def _single(edges: Sequence[Edge], rules: Rules) -> Iterable[Edge]:
    """The edges that may be followed, one for each target."""
    best: dict[str, tuple[Fraction, Edge]] = {}
    for edge in edges:
        if rules.follows(edge):
            worth = rules.worth(edge)
            if edge.target not in best or worth > best[edge.target][0]:
                best[edge.target] = worth, edge
    return [edge for _, edge in best.values()]


class _Merged:
    """Where an alternate's own story and that of the atom it stands for meet."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._turn: dict[str, int] | None = None
        self._targets: dict[str, frozenset[str]] = {}

    def targets(self, name: str) -> frozenset[str]:
        """What an atom continues to."""
        known = self._targets.get(name)
        if known is None:
            edges = self._graph.edges_out(name, _CONTINUATIONS)
            known = self._targets[name] = frozenset(edge.target for edge in edges)
        return known

    def share(self, place: str, alternate: str) -> bool:
        """Whether both continue to some atom."""
        return not self.targets(alternate).isdisjoint(self.targets(place))

    def comes_again(self, place: str, alternate: str) -> bool:
        """Whether the way on from `place` can bring `alternate` a second time.

        At once False for a remix of one atom that nothing continues into; otherwise a search
        among the atoms between the two in topological order.
        """
        graph = self._graph
        parents = {edge.source for edge in graph.edges_in(alternate, _REMIXES)}
        awaited = parents - {place}
        if graph.edges_in(alternate, _CONTINUATIONS):
            awaited.add(alternate)
        if not awaited:
            return False
        if self._turn is None:
            self._turn = {name: at for at, name in enumerate(graph.topological_order())}
        last = self._turn[alternate]
        left, seen = [place], {place}
        while left:
            for edge in graph.edges_out(left.pop(), _CONTINUATIONS):
                if edge.target in awaited:
                    return True
                swaps = (swap.target for swap in graph.edges_out(edge.target, _REMIXES))
                for name in (edge.target, *swaps):
                    if name not in seen and self._turn[name] < last:
                        seen.add(name)
                        left.append(name)
        return False


def _lay(first: _Vertex, onward: _Onward, play: _PlayOf) -> Board:
    """The board of everything that `onward` leads to, depth first and without recursion."""
    board = Board()
    number: dict[_Vertex, int] = {}

    def put(vertex: _Vertex) -> Iterator[_Way]:
        number[vertex] = len(board.atom)
        name, stands_for = play(vertex)
        board.atom.append(name)
        board.stands_for.append(stands_for)
        board.out.append([])
        return iter(onward(vertex))

    stack = [(0, put(first))]
    via: list[Edge | None] = [None]
    while stack:
        at, left = stack[-1]
        for vertex, edge in left:
            if vertex not in number:
                stack.append((len(board.atom), put(vertex)))
                via.append(edge)
                break
            _join(board, at, number[vertex], edge)
        else:
            stack.pop()
            edge = via.pop()
            board.order.append(at)
            if stack:
                _join(board, stack[-1][0], at, edge)
    return board


def _join(board: Board, source: int, target: int, edge: Edge | None) -> None:
    if board.atom[target] is not None or board.out[target]:
        board.out[source].append((target, edge))
