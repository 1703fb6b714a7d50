"""Exactly this chain: the atoms that a caller named, checked against the board.

Holds the reading of a named path. Refuses with `WalkError` which pair is not joined, and
what edges there are instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainer.errors import WalkError
from chainer.graph.board import Board, Step
from chainer.graph.chains import Gauge
from chainer.graph.graph import Graph
from chainer.graph.options import WalkKind, WalkOptions
from chainer.graph.words import EdgeKind
from chainer.timebase import time_text


def path_steps(
    graph: Graph, board: Board, gauge: Gauge, path: Sequence[str], options: WalkOptions
) -> list[Step]:
    """The steps of the chain that plays these atoms; its limits are checked too.

    In a series an atom may be its own place or stand for another: the reading that scores
    most counts, then the one with fewer alternates so far. The path may stop before a leaf.
    """
    begin = Step(board.start, None, None)
    # A link for each play that the last atom named can be; its steps so far are shared.
    links: dict[int, _Link] = {board.start: _Link(begin, Fraction(0), None)}
    for at, name in enumerate(path[1:]):
        onward: dict[int, _Link] = {}
        for vertex, link in links.items():
            for step in board.steps(vertex):
                if board.atom[step.play] == name:
                    worth = link.worth + gauge.step(step)
                    known = onward.get(step.play)
                    if known is None or worth > known.worth:
                        onward[step.play] = _Link(step, worth, link)
        if not onward:
            raise _not_joined(graph, path, at, options)
        turns = sorted(onward, key=lambda vertex: gauge.turn(board, vertex))
        links = {vertex: onward[vertex] for vertex in turns}
    _check_limits(gauge, path, options)
    return max(links.values(), key=lambda link: link.worth).steps()


class _Link:
    """The last step of a path so far, its edges' score, and the link before it."""

    __slots__ = ("before", "step", "worth")

    def __init__(self, step: Step, worth: Fraction, before: _Link | None) -> None:
        self.step, self.worth, self.before = step, worth, before

    def steps(self) -> list[Step]:
        steps: list[Step] = []
        link: _Link | None = self
        while link is not None:
            steps.append(link.step)
            link = link.before
        return steps[::-1]


def _not_joined(graph: Graph, path: Sequence[str], at: int, options: WalkOptions) -> WalkError:
    source, target = path[at], path[at + 1]
    between = [str(edge.kind) for edge in graph.edges_between(source, target)]
    leads = [f"{edge.target} ({edge.kind})" for edge in graph.edges_out(source)]
    if source == options.end:
        hint = f"{source} is the end asked for"
    elif between and options.kind is WalkKind.SERIES and EdgeKind.CONTINUATION not in between:
        hint = (
            "they are joined by a remix, which a series swaps in but does not follow; try a relay"
        )
    elif between:
        hint = f"the {' and the '.join(between)} between them may not be followed here"
    else:
        hint = f"{source} leads to " + (", ".join(leads[:8]) or "nothing")
        hint += f" and {len(leads) - 8} more" if len(leads) > 8 else ""
    return WalkError(
        f"the path is not joined between {source} and {target} in a {options.kind}: {hint}",
        code="path-not-joined",
        source=source,
        target=target,
        between=between,
        leads=leads,
    )


def _check_limits(gauge: Gauge, path: Sequence[str], options: WalkOptions) -> None:
    if missing := sorted(options.required - set(path)):
        message = f"the path does not play {', '.join(missing)}, which must be played"
        raise WalkError(message, code="path", missing=missing)
    if options.end is not None and path[-1] != options.end:
        raise WalkError(f"the path ends with {path[-1]}, not with {options.end}", code="path")
    seconds = sum((gauge.seconds(name) for name in path), Fraction(0))
    if options.max_seconds is not None and seconds > options.max_seconds:
        limit = time_text(options.max_seconds)
        message = f"the path takes {time_text(seconds)} s, more than the {limit} s allowed"
        raise WalkError(message, code="too-long", seconds=seconds, limit=options.max_seconds)
