"""The best chain on a board that keeps to a length.

Holds the search under `max_seconds`. Each vertex keeps every (seconds, score) pair that no
other pair beats and that can still be part of a chain as good as one already known. Exact;
linear in the pairs kept times the edges. Their number is at worst exponential for lengths and
scores without a common measure, at most `max_seconds` / grid for lengths on a grid, and few
in practice. Refuses with `WalkError` to keep more than `MAX_PAIRS`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from chainer.errors import WalkError
from chainer.graph.best import Goal, Scale, Search, Values
from chainer.graph.board import Board, Step
from chainer.graph.chains import Gauge

MAX_PAIRS = 2_000_000
"""How many pairs a search keeps before it gives up: about 500 MB."""

_PRICES = 6
"""How many prices of time are tried for a first good chain."""


def best_steps(board: Board, goal: Goal, gauge: Gauge) -> list[Step] | None:
    """The steps of the best chain, the first of which leads to its first atom.

    None where no chain reaches the goal. Raises `WalkError` where `max_seconds` makes the
    search too large.
    """
    scale = Scale(board, goal, gauge)
    steps = Values(scale).steps()
    if goal.max_seconds is None or steps is None:
        return steps
    if sum(scale.seconds[step.play] for step in steps) <= scale.max_seconds:
        return steps  # the best of all chains, and it fits
    return Pairs(scale, _floor(scale, steps)).steps()


def _floor(scale: Scale, best: Sequence[Step]) -> int:
    """The score of a good chain that fits, or less than any score where none is found.

    Tried are the best chain and those that are best when seconds have a price, each cut
    where it becomes too long: the better this guess, the fewer pairs are kept.
    """
    floor = _cut(scale, best)
    seconds = max(1, sum(scale.seconds[step.play] for step in best))
    score = abs(sum(scale.scores[step.play] for step in best)) + 1
    dear, cheap = 4 * score, 0  # prices of all the seconds of the best chain together
    for _ in range(_PRICES):
        price = (dear + cheap) // 2
        steps = Values(scale.priced(seconds, price)).steps() or []
        if (fitting := _cut(scale, steps)) is not None:
            floor = fitting if floor is None else max(floor, fitting)
        if sum(scale.seconds[step.play] for step in steps) <= scale.max_seconds:
            dear = price
        else:
            cheap = price
    lowest = sum(min(0, worth) for worth in scale.scores)
    lowest += sum(min(0, worth) for each in scale.edges for worth in each)
    return lowest if floor is None else floor


def _cut(scale: Scale, steps: Sequence[Step]) -> int | None:
    """The best score of a beginning of this chain that reaches the goal, or None."""
    found: int | None = None
    hits = seconds = score = 0
    for step in steps:
        hits += scale.hits[step.play]
        seconds += scale.seconds[step.play]
        score += scale.scores[step.play] + scale.step(step)
        if seconds > scale.max_seconds:
            break
        if hits == len(scale.goal.required) and scale.stops(step.play):
            found = score if found is None else max(found, score)
    return found


_Pair = tuple[int, int]


class Pairs(Search):
    """For each vertex and number of required atoms, the pairs that no other pair beats.

    A pair is (seconds, score) of what follows; kept in rising order of both.
    """

    def __init__(self, scale: Scale, floor: int) -> None:
        super().__init__(scale)
        self.pairs: list[dict[int, list[_Pair]]] = [{} for _ in self.board.atom]
        least, most = self._before()
        kept = 0
        for vertex in self.board.order:
            # What is too long even after the shortest way here can never be used.
            budget = scale.max_seconds - least[vertex] - scale.seconds[vertex]
            if budget < 0:
                continue
            time, score, hit = scale.seconds[vertex], scale.scores[vertex], scale.hits[vertex]
            for hits, pairs in self._following(vertex, budget).items():
                before = most[vertex].get(self.required - hits - hit)
                if before is None:
                    continue
                # Nor what is worth too little even after the best way here.
                enough = floor - before - score
                unbeaten = _unbeaten([pair for pair in pairs if pair[1] >= enough])
                if unbeaten:
                    self.pairs[vertex][hits + hit] = [
                        (after + time, worth + score) for after, worth in unbeaten
                    ]
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

    def _before(self) -> tuple[list[int], list[dict[int, int]]]:
        """The least seconds of a way to before each vertex, and the best score by hits."""
        scale = self.scale
        least = [scale.max_seconds + 1] * len(self.board.atom)
        most: list[dict[int, int]] = [{} for _ in self.board.atom]
        least[self.board.start], most[self.board.start] = 0, {0: 0}
        for vertex in reversed(self.board.order):
            after = least[vertex] + scale.seconds[vertex]
            so_far = [
                (hits + scale.hits[vertex], score + scale.scores[vertex])
                for hits, score in most[vertex].items()
            ]
            for (onward, _), edge in zip(self.board.out[vertex], scale.edges[vertex], strict=True):
                least[onward] = min(least[onward], after)
                known = most[onward]
                for hits, score in so_far:
                    known[hits] = max(known.get(hits, score + edge), score + edge)
        return least, most

    def best(self) -> int | None:
        """The most that a pair of the start scores, of those that count all required atoms."""
        pairs = self.pairs[self.board.start].get(self.required)
        return pairs[-1][1] if pairs else None

    def leads(self, vertex: int, hits: int, score: int, left: int) -> bool:
        """Whether a pair scores this and is short enough."""
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
