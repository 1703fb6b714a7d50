"""A chain: the atoms that a walk chose, how each was reached, and why.

Holds the finished value and its making from the steps of a board. Refuses nothing: whoever
makes a chain has checked it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainer.digest import key_of
from chainer.graph.atom import STANDARD_SECONDS, Atom
from chainer.graph.board import Board, Step
from chainer.graph.edge import Edge
from chainer.graph.graph import Graph
from chainer.graph.options import WalkKind
from chainer.graph.score import Explained, Scorer, exact
from chainer.graph.words import SlotKind


@dataclass(frozen=True, slots=True)
class Leg:
    """One atom of a chain.

    `edge` led here, None for the first. In a series it is the continuation into the place:
    where an alternate stands for an atom, the edge's ends are those that the alternates
    beside it stand for. `stands_for` is the atom that an alternate replaces, else None.
    """

    atom: str
    edge: Edge | None
    stands_for: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """An ordered path of atoms chosen by a walk; `seconds` is the sum of their lengths.

    `parts` says what the score is the sum of: the scorer's terms, the preferences, and
    `edges`; values that are nothing are left out.
    """

    kind: WalkKind
    legs: tuple[Leg, ...]
    seconds: Fraction
    score: Fraction
    parts: tuple[tuple[str, Fraction], ...]

    @property
    def atoms(self) -> tuple[str, ...]:
        """The ids of the atoms, in the order they play."""
        return tuple(leg.atom for leg in self.legs)

    @property
    def id(self) -> str:
        """A name fit for a file: first and last atom, and a digest of all that plays.

        Two chains share it only when they play the same atoms in the same places over the
        same edges.
        """
        legs = [[leg.atom, leg.stands_for, leg.edge and leg.edge.key] for leg in self.legs]
        return f"{self.atoms[0]}_{self.atoms[-1]}_{key_of('chain', [self.kind, legs])[:12]}"


def default_seconds(atom: Atom) -> Fraction:
    """How long an atom plays as far as its file says: extended slot, else trim, else 10 s."""
    if atom.slot.kind is SlotKind.EXTENDED and atom.slot.seconds is not None:
        return atom.slot.seconds
    return STANDARD_SECONDS if atom.trim is None else atom.trim.seconds


class Gauge:
    """Lengths and scores of a graph's atoms and edges, each asked for once."""

    def __init__(self, graph: Graph, scorer: Scorer, seconds: Callable[[Atom], Fraction]) -> None:
        self.graph = graph
        self._scorer = scorer
        self._explained = scorer if isinstance(scorer, Explained) else None
        self._measure = seconds
        self._seconds: dict[str, Fraction] = {}
        self._scores: dict[str, Fraction] = {}
        self._edges: dict[tuple[str, str, str], Fraction] = {}

    def seconds(self, name: str) -> Fraction:
        """The length of an atom."""
        known = self._seconds.get(name)
        if known is None:
            known = self._seconds[name] = Fraction(self._measure(self.graph.atoms[name]))
        return known

    def score(self, name: str) -> Fraction:
        """The score of an atom."""
        known = self._scores.get(name)
        if known is None:
            score = self._scorer.atom(self.graph, self.graph.atoms[name])
            known = self._scores[name] = exact(score)
        return known

    def edge(self, edge: Edge) -> Fraction:
        """The score of an edge."""
        name = (edge.source, edge.target, edge.key)
        known = self._edges.get(name)
        if known is None:
            source, target = self.graph.atoms[edge.source], self.graph.atoms[edge.target]
            known = self._edges[name] = exact(self._scorer.edge(self.graph, edge, source, target))
        return known

    def step(self, step: Step) -> Fraction:
        """The score of the edges of a step."""
        return sum((self.edge(edge) for edge in (step.edge, step.swap) if edge), Fraction(0))

    def turn(self, board: Board, vertex: int) -> tuple[int, bool, int]:
        """What settles ties between plays.

        The atom's place in the file, then a play of its own before one as an alternate, then
        the place in the file of the atom it stands for.
        """
        name, stands_for = board.atom[vertex] or "", board.stands_for[vertex]
        rank = self.graph.rank
        return rank[name], stands_for is not None, rank[stands_for or name]

    def chain(self, kind: WalkKind, board: Board, steps: Sequence[Step]) -> Chain:
        """The chain of these steps, the first of which leads to the first atom."""
        legs = tuple(
            Leg(board.atom[step.play] or "", step.edge, board.stands_for[step.play])
            for step in steps
        )
        parts: dict[str, Fraction] = {}
        for leg in legs:
            for name, value in self._terms(leg.atom):
                parts[name] = parts.get(name, Fraction(0)) + value
        edges = sum((self.step(step) for step in steps), Fraction(0))
        parts["edges"] = parts.get("edges", Fraction(0)) + edges
        return Chain(
            kind=kind,
            legs=legs,
            seconds=sum((self.seconds(leg.atom) for leg in legs), Fraction(0)),
            score=sum((self.score(leg.atom) for leg in legs), edges),
            parts=tuple((name, value) for name, value in parts.items() if value),
        )

    def _terms(self, name: str) -> Sequence[tuple[str, Fraction]]:
        if self._explained is not None:
            return self._explained.terms(self.graph, self.graph.atoms[name])
        return (("atoms", self.score(name)),)
