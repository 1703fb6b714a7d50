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

_ZERO = Fraction(0)


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
    values = _Values(board, goal, gauge)
    steps = values.steps(None)
    if goal.max_seconds is None or steps is None:
        return steps
    length = sum((gauge.seconds(board.atom[step.play] or "") for step in steps), _ZERO)
    if length <= goal.max_seconds:
        return steps  # the best of all chains, and it fits
    return _Pairs(board, goal, gauge).steps(goal.max_seconds)


@dataclass(frozen=True, slots=True)
class _State:
    """A chain so far, at a play, and what the rest of it must bring from here on."""

    step: Step
    hits: int
    score: Fraction
    left: Fraction | None
    before: _State | None


class _Search(ABC):
    """Values of what can follow each vertex, and the reading off of a chain."""

    def __init__(self, board: Board, goal: Goal, gauge: Gauge) -> None:
        self.board, self.goal, self.gauge = board, goal, gauge

    @abstractmethod
    def best(self) -> Fraction | None:
        """The best score from the start with all required atoms; None where there is none."""

    @abstractmethod
    def leads(self, vertex: int, hits: int, score: Fraction, left: Fraction | None) -> bool:
        """Whether what follows from `vertex`, itself included, can be worth exactly this."""

    def own(self, vertex: int) -> tuple[int, Fraction, Fraction]:
        """Required atoms, score and seconds of a vertex by itself; nothing for a junction."""
        name = self.board.atom[vertex]
        if name is None:
            return 0, _ZERO, _ZERO
        hit = self.goal.hit(self.board, vertex)
        return hit, self.gauge.score(name), self.gauge.seconds(name)

    def stops(self, vertex: int) -> bool:
        """Whether a chain may stop here."""
        return self.board.atom[vertex] is not None and self.goal.may_stop(self.board, vertex)

    def steps(self, left: Fraction | None) -> list[Step] | None:
        """The first of the best chains."""
        score = self.best()
        if score is None:
            return None
        begin = Step(self.board.start, None, None)
        states = [_State(begin, len(self.goal.required), score, left, None)]
        while True:
            for state in states:
                hits, score, _ = self.own(state.step.play)
                if self.stops(state.step.play) and (state.hits, state.score) == (hits, score):
                    return _unwind(state)
            states = self._next(states)

    def _next(self, states: Iterable[_State]) -> list[_State]:
        """Every way on that keeps to the value, by the one atom that comes first in the file."""
        gauge, board = self.gauge, self.board
        found: dict[tuple[int, Fraction], _State] = {}
        for state in states:
            hits, score, seconds = self.own(state.step.play)
            for step in board.steps(state.step.play):
                rest = state.score - score - gauge.step(step)
                left = None if state.left is None else state.left - seconds
                if self.leads(step.play, state.hits - hits, rest, left):
                    after = _State(step, state.hits - hits, rest, left, state)
                    found.setdefault((step.play, rest), after)
        states = sorted(found.values(), key=lambda state: gauge.turn(board, state.step.play))
        first = board.atom[states[0].step.play]
        return [state for state in states if board.atom[state.step.play] == first]


def _unwind(state: _State | None) -> list[Step]:
    steps = []
    while state is not None:
        steps.append(state.step)
        state = state.before
    return steps[::-1]


class _Values(_Search):
    """For each vertex the most required atoms and then the highest score that can follow."""

    def __init__(self, board: Board, goal: Goal, gauge: Gauge) -> None:
        super().__init__(board, goal, gauge)
        self.values: list[tuple[int, Fraction] | None] = [None] * len(board.atom)
        for vertex in board.order:
            top: tuple[int, Fraction] | None = (0, _ZERO) if self.stops(vertex) else None
            for onward, edge in board.out[vertex]:
                after = self.values[onward]
                if after is not None:
                    worth = (after[0], after[1] + gauge.edge(edge) if edge else after[1])
                    top = worth if top is None or worth > top else top
            if top is not None:
                hit, score, _ = self.own(vertex)
                self.values[vertex] = (top[0] + hit, top[1] + score)

    def best(self) -> Fraction | None:
        value = self.values[self.board.start]
        return value[1] if value and value[0] == len(self.goal.required) else None

    def leads(self, vertex: int, hits: int, score: Fraction, left: Fraction | None) -> bool:
        return self.values[vertex] == (hits, score)


_Pair = tuple[Fraction, Fraction]


class _Pairs(_Search):
    """For each vertex and number of required atoms, the pairs that no other pair beats.

    A pair is (seconds, score) of what follows; kept in rising order of both.
    """

    def __init__(self, board: Board, goal: Goal, gauge: Gauge) -> None:
        super().__init__(board, goal, gauge)
        self.pairs: list[dict[int, list[_Pair]]] = [{} for _ in board.atom]
        before = self._before()
        kept = 0
        for vertex in board.order:
            hit, score, seconds = self.own(vertex)
            # What is too long even after the shortest way here can never be used.
            budget = (goal.max_seconds or _ZERO) - before[vertex] - seconds
            many: dict[int, list[_Pair]] = {0: [(_ZERO, _ZERO)]} if self.stops(vertex) else {}
            for onward, edge in board.out[vertex]:
                worth = gauge.edge(edge) if edge else _ZERO
                for hits, pairs in self.pairs[onward].items():
                    many.setdefault(hits, []).extend((time, value + worth) for time, value in pairs)
            for hits, pairs in many.items():
                unbeaten = _unbeaten(pair for pair in pairs if pair[0] <= budget)
                if unbeaten:
                    self.pairs[vertex][hits + hit] = [
                        (time + seconds, value + score) for time, value in unbeaten
                    ]
                    kept += len(unbeaten)
            if kept > MAX_PAIRS:
                message = (
                    "max_seconds: too many chains of different lengths to compare; "
                    "give an end, avoid more, or leave max_seconds out"
                )
                raise WalkError(message, code="walk-too-large")

    def _before(self) -> list[Fraction]:
        """The least seconds from the start to before each vertex."""
        before: list[Fraction | None] = [None] * len(self.board.atom)
        before[self.board.start] = _ZERO
        for vertex in reversed(self.board.order):
            so_far = before[vertex]
            if so_far is None:
                continue
            after = so_far + self.own(vertex)[2]
            for onward, _ in self.board.out[vertex]:
                known = before[onward]
                before[onward] = after if known is None or after < known else known
        return [_ZERO if time is None else time for time in before]

    def best(self) -> Fraction | None:
        pairs = self.pairs[self.board.start].get(len(self.goal.required))
        return pairs[-1][1] if pairs else None

    def leads(self, vertex: int, hits: int, score: Fraction, left: Fraction | None) -> bool:
        pairs = self.pairs[vertex].get(hits, [])
        at = bisect_right(pairs, score, key=lambda pair: pair[1]) - 1
        return at >= 0 and pairs[at][1] == score and (left is None or pairs[at][0] <= left)


def _unbeaten(pairs: Iterable[_Pair]) -> list[_Pair]:
    """The pairs than which no other is as short and scores as much, by rising seconds."""
    kept: list[_Pair] = []
    for pair in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if not kept or pair[1] > kept[-1][1]:
            kept.append(pair)
    return kept
