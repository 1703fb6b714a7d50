"""The best chain on a board.

Holds two searches over the same boards. Without a length to keep to, one value per vertex
is enough: time and space are linear in atoms and edges, `through` included, because no chain
plays an atom twice and so the most required atoms on the way are all of them exactly when it
can be done. With `max_seconds` each vertex keeps every (seconds, score) pair that no other
pair beats: exact, linear in the pairs kept times the edges, at worst exponential in general
but at most `max_seconds` x denominator pairs for lengths on a common grid.

Both find the best *value* first, then read the chain off from the start, at each step the
atom that comes first in the file among those that still lead to that value. So a tie goes to
the chain whose atoms come first in file order at the first difference; a chain that ends
comes before one that goes on.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from chainer.errors import WalkError
from chainer.graph.board import Board, Step
from chainer.graph.chains import Gauge

MAX_PAIRS = 2_000_000
"""How many pairs a search under `max_seconds` keeps before it gives up: about 500 MB."""


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


def best_steps(board: Board, goal: Goal, gauge: Gauge) -> list[Step] | None:
    """The steps of the best chain, the first of which leads to its first atom.

    None where no chain reaches the goal. Raises `WalkError` where `max_seconds` makes the
    search too large.
    """
    scale = _Scale(board, goal, gauge)
    steps = _Values(scale).steps()
    if goal.max_seconds is None or steps is None:
        return steps
    if sum(scale.seconds[step.play] for step in steps) <= scale.max_seconds:
        return steps  # the best of all chains, and it fits
    return _Pairs(scale).steps()


class _Scale:
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
        self._unit = _unit(scores, *edges)
        clock = _unit(seconds, [goal.max_seconds or none])
        self.scores = [_whole(score, self._unit) for score in scores]
        self.edges = [[_whole(score, self._unit) for score in each] for each in edges]
        self.seconds = [_whole(time, clock) for time in seconds]
        self.max_seconds = _whole(goal.max_seconds or none, clock)
        self.hits = [goal.hit(board, vertex) for vertex in range(len(board.atom))]

    def step(self, step: Step) -> int:
        """The score of the edges of a step."""
        return _whole(self.gauge.step(step), self._unit)

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


class _Search(ABC):
    """Values of what can follow each vertex, and the reading off of a chain."""

    def __init__(self, scale: _Scale) -> None:
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


class _Values(_Search):
    """For each vertex the most required atoms and then the highest score that can follow."""

    def __init__(self, scale: _Scale) -> None:
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
        value = self.values[self.board.start]
        return value[1] if value and value[0] == self.required else None

    def leads(self, vertex: int, hits: int, score: int, left: int) -> bool:
        return self.values[vertex] == (hits, score)


_Pair = tuple[int, int]


class _Pairs(_Search):
    """For each vertex and number of required atoms, the pairs that no other pair beats.

    A pair is (seconds, score) of what follows; kept in rising order of both.
    """

    def __init__(self, scale: _Scale) -> None:
        super().__init__(scale)
        self.pairs: list[dict[int, list[_Pair]]] = [{} for _ in self.board.atom]
        before = self._before()
        kept = 0
        for vertex in self.board.order:
            # What is too long even after the shortest way here can never be used.
            budget = scale.max_seconds - before[vertex] - scale.seconds[vertex]
            if budget < 0:
                continue
            time, score = scale.seconds[vertex], scale.scores[vertex]
            for hits, pairs in self._following(vertex, budget).items():
                unbeaten = [(after + time, worth + score) for after, worth in _unbeaten(pairs)]
                self.pairs[vertex][hits + scale.hits[vertex]] = unbeaten
                kept += len(unbeaten)
            if kept > MAX_PAIRS:
                message = (
                    "max_seconds: too many chains of different lengths to compare; "
                    "give an end, avoid more, or leave max_seconds out"
                )
                raise WalkError(message, code="walk-too-large")

    def _following(self, vertex: int, budget: int) -> dict[int, list[_Pair]]:
        """Every pair that can follow a vertex within the budget, by required atoms."""
        many: dict[int, list[_Pair]] = {0: [(0, 0)]} if self.scale.stops(vertex) else {}
        for (onward, _), edge in zip(self.board.out[vertex], self.scale.edges[vertex], strict=True):
            for hits, pairs in self.pairs[onward].items():
                fitting = [(time, worth + edge) for time, worth in pairs if time <= budget]
                if fitting:
                    many.setdefault(hits, []).extend(fitting)
        return many

    def _before(self) -> list[int]:
        """The least seconds from the start to before each vertex."""
        far = self.scale.max_seconds + 1
        before = [far] * len(self.board.atom)
        before[self.board.start] = 0
        for vertex in reversed(self.board.order):
            after = before[vertex] + self.scale.seconds[vertex]
            for onward, _ in self.board.out[vertex]:
                before[onward] = min(before[onward], after)
        return before

    def best(self) -> int | None:
        pairs = self.pairs[self.board.start].get(self.required)
        return pairs[-1][1] if pairs else None

    def leads(self, vertex: int, hits: int, score: int, left: int) -> bool:
        pairs = self.pairs[vertex].get(hits, [])
        at = bisect_right(pairs, score, key=lambda pair: pair[1]) - 1
        return at >= 0 and pairs[at][1] == score and pairs[at][0] <= left


def _unbeaten(pairs: list[_Pair]) -> list[_Pair]:
    """The pairs than which no other is as short and scores as much, by rising seconds."""
    if len(pairs) == 1:
        return pairs
    kept: list[_Pair] = []
    for pair in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if not kept or pair[1] > kept[-1][1]:
            kept.append(pair)
    return kept
