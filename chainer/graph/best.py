"""The best chain on a board, where no length is to be kept to.

Holds the goal of a search, a board's scores as whole numbers, and the search that keeps one
value per vertex: time and space are linear in atoms and edges, `through` included, because
no chain plays an atom twice and so the most required atoms on the way are all of them
exactly when it can be done. `best_within.py` keeps to a length.

A search finds the best *value* first, then reads the chain off from the start, at each step
the atom that comes first in the file among those that still lead to that value. So a tie
goes to the chain whose atoms come first in file order at the first difference; a chain that
ends comes before one that goes on.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from fractions import Fraction

from chainer.graph.board import Board, Step
from chainer.graph.chains import Gauge


@dataclass(frozen=True, slots=True)
class Goal:
    """What a chain must be: which atoms it plays, and where it may stop.

    Without `end` a chain stops at a leaf, and with `max_seconds` wherever it likes.
    """

    required: frozenset[str] = frozenset()
    end: str | None = None
    max_seconds: Fraction | None = None

    def may_stop(self, board: Board, vertex: int) -> bool:
        """Whether a chain may stop with this play, as far as one play can tell."""
        if self.end is not None:
            return board.atom[vertex] == self.end
        return self.max_seconds is not None or not board.out[vertex]

    def hit(self, board: Board, vertex: int) -> int:
        """1 for the play of a required atom, else 0."""
        return int(board.atom[vertex] in self.required)


class Scale:
    """A board's scores and lengths as whole numbers of a common unit.

    Exact like the Fractions they stand for, and ten times as fast to add and compare. Lists
    are by vertex, with nothing for junctions; `edges` is beside `board.out`.
    """

    def __init__(self, board: Board, goal: Goal, gauge: Gauge) -> None:
        self.board, self.goal, self.gauge = board, goal, gauge
        none = Fraction(0)
        scores = [none if name is None else gauge.score(name) for name in board.atom]
        seconds = [none if name is None else gauge.seconds(name) for name in board.atom]
        edges = [[gauge.edge(edge) if edge else none for _, edge in out] for out in board.out]
        self.unit = _unit(scores, *edges)
        clock = _unit(seconds, [goal.max_seconds or none])
        self.scores = [_whole(score, self.unit) for score in scores]
        self.edges = [[_whole(score, self.unit) for score in each] for each in edges]
        self.seconds = [_whole(time, clock) for time in seconds]
        self.max_seconds = _whole(goal.max_seconds or none, clock)
        self.hits = [goal.hit(board, vertex) for vertex in range(len(board.atom))]

    def priced(self, worth: int, price: int) -> Scale:
        """The same board with scores times `worth`, less `price` for each unit of time."""
        other = copy(self)
        both = zip(self.scores, self.seconds, strict=True)
        other.unit = self.unit * worth
        other.scores = [score * worth - price * time for score, time in both]
        other.edges = [[score * worth for score in each] for each in self.edges]
        return other

    def step(self, step: Step) -> int:
        """The score of the edges of a step."""
        return _whole(self.gauge.step(step), self.unit)

    def stops(self, vertex: int) -> bool:
        """Whether a chain may stop here."""
        return self.board.atom[vertex] is not None and self.goal.may_stop(self.board, vertex)


def _unit(*values: Iterable[Fraction]) -> int:
    """The least number that makes every value whole."""
    return math.lcm(*{value.denominator for each in values for value in each})


def _whole(value: Fraction, unit: int) -> int:
    return value.numerator * (unit // value.denominator)


@dataclass(frozen=True, slots=True)
class _State:
    """A chain so far, at a play, and what the rest of it must bring from here on."""

    step: Step
    hits: int
    score: int
    left: int
    before: _State | None


class Search(ABC):
    """Values of what can follow each vertex, and the reading off of a chain."""

    def __init__(self, scale: Scale) -> None:
        self.scale, self.board = scale, scale.board
        self.required = len(scale.goal.required)

    @abstractmethod
    def best(self) -> int | None:
        """The best score from the start with all required atoms; None where there is none."""

    @abstractmethod
    def leads(self, vertex: int, hits: int, score: int, left: int) -> bool:
        """Whether what follows from `vertex`, itself included, can be worth exactly this."""

    def steps(self) -> list[Step] | None:
        """The first of the best chains."""
        score, scale = self.best(), self.scale
        if score is None:
            return None
        begin = Step(self.board.start, None, None)
        states = [_State(begin, self.required, score, scale.max_seconds, None)]
        while True:
            for state in states:
                at = state.step.play
                own = (scale.hits[at], scale.scores[at])
                if scale.stops(at) and (state.hits, state.score) == own:
                    return _unwind(state)
            states = self._next(states)

    def _next(self, states: Iterable[_State]) -> list[_State]:
        """Every way on that keeps to the value, by the one atom that comes first in the file."""
        scale, board, gauge = self.scale, self.board, self.scale.gauge
        found: dict[tuple[int, int], _State] = {}
        for state in states:
            at = state.step.play
            hits, left = state.hits - scale.hits[at], state.left - scale.seconds[at]
            for step in board.steps(at):
                rest = state.score - scale.scores[at] - scale.step(step)
                if self.leads(step.play, hits, rest, left):
                    found.setdefault((step.play, rest), _State(step, hits, rest, left, state))
        onward = sorted(found.values(), key=lambda state: gauge.turn(board, state.step.play))
        first = board.atom[onward[0].step.play]
        return [state for state in onward if board.atom[state.step.play] == first]


def _unwind(state: _State | None) -> list[Step]:
    steps = []
    while state is not None:
        steps.append(state.step)
        state = state.before
    return steps[::-1]


class Values(Search):
    """For each vertex the most required atoms and then the highest score that can follow."""

    def __init__(self, scale: Scale) -> None:
        super().__init__(scale)
        self.values: list[tuple[int, int] | None] = [None] * len(self.board.atom)
        for vertex in self.board.order:
            top: tuple[int, int] | None = (0, 0) if scale.stops(vertex) else None
            for (onward, _), worth in zip(self.board.out[vertex], scale.edges[vertex], strict=True):
                after = self.values[onward]
                if after is not None:
                    value = (after[0], after[1] + worth)
                    top = value if top is None or value > top else top
            if top is not None:
                value = (top[0] + scale.hits[vertex], top[1] + scale.scores[vertex])
                self.values[vertex] = value

    def best(self) -> int | None:
        """The value of the start, where it counts all required atoms."""
        value = self.values[self.board.start]
        return value[1] if value and value[0] == self.required else None

    def leads(
        self,
        vertex: int,
        hits: int,
        score: int,
        left: int,
    ) -> bool:
        """Whether this is the vertex's value."""
        return self.values[vertex] == (hits, score)
