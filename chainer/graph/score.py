"""What makes one chain better than another: a sum over its atoms and edges.

Holds the house score and the interface of others. Scores are exact, so that a tie is a tie
on every machine. Refuses numbers that are not finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Protocol, runtime_checkable

from chainer.errors import WalkError
from chainer.graph.atom import Atom
from chainer.graph.edge import Edge
from chainer.graph.graph import Graph
from chainer.graph.keys import matcher
from chainer.graph.words import EdgeKind, Status

Terms = Sequence[tuple[str, Fraction]]
"""What a score is the sum of, by name."""

_NEW_YEAR = datetime(2020, 1, 1, tzinfo=UTC)


class Scorer(Protocol):
    """Scores atoms and edges one by one; a chain scores the sum.

    Each atom and edge within reach is asked for once in a walk. An edge's score does not
    depend on what was played before: `source` and `target` are the edge's own ends, also
    where an alternate stands for one of them.
    """

    def atom(self, graph: Graph, atom: Atom) -> Fraction:
        """What it is worth to play this atom; may be negative."""
        ...

    def edge(self, graph: Graph, edge: Edge, source: Atom, target: Atom) -> Fraction:
        """What it is worth to follow this edge; in a series, a remix edge is a swap."""
        ...


@runtime_checkable
class Explained(Protocol):
    """A scorer that can say what an atom's score is the sum of."""

    def terms(self, graph: Graph, atom: Atom) -> Terms:
        """The parts of `atom()`, by name; those that are nothing may be left out."""
        ...


class HouseScorer:
    """The score when the caller names none.

    Every atom counts a little, so that a longer story wins where nothing else decides. A
    draft costs more than it brings. A remix costs a little, so that an alternate is chosen
    for a reason and not for its age. Newer atoms win among otherwise equal ones.
    """

    ATOM = Fraction(1, 10)
    DRAFT = Fraction(-1)
    REMIX = Fraction(-1, 20)
    DAY = Fraction(1, 1_000_000)
    """For each day since 2020: below the cost of a remix until the year 2156."""

    def atom(self, graph: Graph, atom: Atom) -> Fraction:
        """The sum of `terms`."""
        return sum((value for _, value in self.terms(graph, atom)), Fraction(0))

    def edge(
        self,
        graph: Graph,
        edge: Edge,
        source: Atom,
        target: Atom,
    ) -> Fraction:
        """The cost of a remix; nothing for a continuation."""
        return self.REMIX if edge.kind is EdgeKind.REMIX else Fraction(0)

    def terms(self, graph: Graph, atom: Atom) -> Terms:
        """`length`, and where they apply `draft` and `newer`."""
        terms = [("length", self.ATOM)]
        if atom.status is Status.DRAFT:
            terms.append(("draft", self.DRAFT))
        if atom.created is not None and atom.created > _NEW_YEAR:
            age = atom.created - _NEW_YEAR
            terms.append(("newer", (age.days + Fraction(age.seconds, 86_400)) * self.DAY))
        return terms


class Preferring:
    """Another scorer, and a weight for every key that an atom matches."""

    def __init__(self, scorer: Scorer, prefer: Iterable[tuple[str, int | Fraction]]) -> None:
        self._scorer = scorer
        self._prefer = [(key, matcher(key), Fraction(weight)) for key, weight in prefer]

    def atom(self, graph: Graph, atom: Atom) -> Fraction:
        """The other scorer's score, and the weights."""
        score = exact(self._scorer.atom(graph, atom))
        return score + sum(weight for _, matches, weight in self._prefer if matches(atom))

    def edge(self, graph: Graph, edge: Edge, source: Atom, target: Atom) -> Fraction:
        """The other scorer's score."""
        return exact(self._scorer.edge(graph, edge, source, target))

    def terms(self, graph: Graph, atom: Atom) -> Terms:
        """The other scorer's terms, or its score as `atoms`; then `prefer KEY` for each key."""
        scorer = self._scorer
        inner: Terms = (
            [(name, exact(value)) for name, value in scorer.terms(graph, atom)]
            if isinstance(scorer, Explained)
            else [("atoms", exact(scorer.atom(graph, atom)))]
        )
        liked = [
            (f"prefer {key}", weight) for key, matches, weight in self._prefer if matches(atom)
        ]
        return [*inner, *liked]


def exact(value: Fraction | float) -> Fraction:
    """`value` as a Fraction; a scorer that answers in floats gets exactly what it said.

    Raises `WalkError` for what is not finite.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise WalkError(f"a score of {value} cannot be compared", code="score")
    return Fraction(value)
