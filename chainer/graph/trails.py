"""Every chain on a board, one after the other, and how many there are.

Holds the walk through all chains in file order, which never holds more than one, and the
exact count. Each step taken leads to a chain: dead ends are known before they are entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from chainer.graph.best import Goal
from chainer.graph.board import Board, Step
from chainer.graph.chains import Gauge

_ZERO = Fraction(0)


def count(board: Board) -> int:
    """How many chains lead from the start to a leaf; linear in atoms and edges."""
    ways = [0] * len(board.atom)
    for vertex in board.order:
        after = sum(ways[onward] for onward, _ in board.out[vertex])
        ways[vertex] = after or int(board.atom[vertex] is not None)
    return ways[board.start]


class Trails:
    """The chains on a board that reach a goal.

    In file order at the first difference. With `max_seconds` and no end these are the
    chains that cannot be made longer: each stops at a leaf or where nothing more fits.
    """

    def __init__(self, board: Board, goal: Goal, gauge: Gauge) -> None:
        self._board, self._goal, self._gauge = board, goal, gauge
        # For each vertex and number of required atoms, the least seconds that can follow.
        self._least: list[dict[int, Fraction]] = [{} for _ in board.atom]
        for vertex in board.order:
            least = self._least[vertex]
            name = board.atom[vertex]
            seconds = gauge.seconds(name) if name is not None else _ZERO
            hit = goal.hit(board, vertex)
            if name is not None and goal.may_stop(board, vertex):
                least[hit] = seconds
            for onward, _ in board.out[vertex]:
                for hits, time in self._least[onward].items():
                    known = least.get(hits + hit)
                    if known is None or time + seconds < known:
                        least[hits + hit] = time + seconds

    def shortest(self) -> Fraction | None:
        """The least seconds of a chain with all required atoms, whatever `max_seconds` says."""
        return self._least[self._board.start].get(len(self._goal.required))

    def most(self) -> int:
        """The most required atoms that one chain can play."""
        return max(self._least[self._board.start], default=0)

    def __iter__(self) -> Iterator[list[Step]]:
        """The steps of each chain, the first of which leads to its first atom."""
        path: list[Step] = []
        spent: list[tuple[int, Fraction]] = [(0, _ZERO)]  # required atoms and seconds so far
        ways = [iter(self._first())]
        while ways:
            step = next(ways[-1], None)
            if step is None:
                ways.pop()
                if path:
                    path.pop()
                    spent.pop()
                continue
            hits, seconds = spent[-1]
            hits += self._goal.hit(self._board, step.play)
            seconds += self._gauge.seconds(self._board.atom[step.play] or "")
            path.append(step)
            spent.append((hits, seconds))
            onward = self._feasible(self._board.steps(step.play), hits, seconds)
            if not onward:
                yield list(path)
            ways.append(iter(onward))

    def _first(self) -> list[Step]:
        """The ways to begin: one, unless an alternate may open the chain."""
        board = self._board
        begin = [Step(board.start, None, None)]
        if board.atom[board.start] is None:
            begin = board.steps(board.start)
        return self._feasible(begin, 0, _ZERO)

    def _feasible(self, steps: list[Step], hits: int, seconds: Fraction) -> list[Step]:
        """The steps after which the goal can still be reached, in file order."""
        board, goal, missing = self._board, self._goal, len(self._goal.required) - hits
        feasible = []
        for step in steps:
            least = self._least[step.play].get(missing)
            if least is not None and (
                goal.max_seconds is None or seconds + least <= goal.max_seconds
            ):
                feasible.append(step)
        return sorted(feasible, key=lambda step: self._gauge.turn(board, step.play))
