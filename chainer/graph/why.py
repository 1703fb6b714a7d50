"""Why there is no chain: which limit removed what.

Holds the explanation of a walk that found nothing. It compares the board as the limits left
it with the board as the graph alone would have it, and names the first reason that is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chainer.errors import WalkError
from chainer.graph.best import Goal
from chainer.graph.board import Board, Rules, relay_board
from chainer.graph.chains import Gauge
from chainer.graph.graph import Graph
from chainer.graph.options import WalkKind, WalkOptions
from chainer.graph.trails import Trails
from chainer.timebase import time_text

_SHOWN = 8


def no_chain(
    graph: Graph,
    start: str,
    options: WalkOptions,
    *,
    closed: Callable[[str], str | None],
    boards: tuple[Board, Board],
    gauge: Gauge,
) -> WalkError:
    """The error for a walk that found nothing.

    `closed` says why an atom must not be played; `boards` are the board without any limit
    but `end`, and the board with all.
    """
    bare, limited = boards
    wanted = sorted(options.required, key=graph.rank.__getitem__)

    def error(why: str, code: str, **facts: Any) -> WalkError:
        message = f"{graph.source}: no {options.kind} from {start}: {why}"
        return WalkError(message, code=code, start=start, kind=str(options.kind), **facts)

    for name in wanted:
        if reason := closed(name):
            return error(f"{name} must be played, but {reason}", "closed", atom=name, reason=reason)
    reachable = bare.names()
    for name in wanted:
        if name not in reachable:
            return error(_unreached(graph, start, options, name), "unreachable", atom=name)
    goal = Goal(options.required, options.end)
    if _most(bare, goal, gauge) < len(wanted):
        return error(f"no one chain plays {_names(wanted)}{_end(options)}", "apart", atoms=wanted)
    trails = Trails(limited, replace(goal, max_seconds=options.max_seconds), gauge)
    shortest = trails.shortest()
    if shortest is not None and options.max_seconds is not None:
        limit = time_text(options.max_seconds)
        why = f"the shortest takes {time_text(shortest)} s, more than the {limit} s allowed"
        return error(why, "too-long", seconds=shortest, limit=options.max_seconds)
    removed = _removed(bare, closed)
    why = f"what is closed leaves no way to {_names(wanted)}: {_reasons(removed, options)}"
    return error(why, "closed", atoms=wanted, removed=dict(removed))


def _most(board: Board, goal: Goal, gauge: Gauge) -> int:
    return Trails(board, goal, gauge).most()


def _unreached(graph: Graph, start: str, options: WalkOptions, name: str) -> str:
    if options.end is not None and name != options.end:
        unended = relay_board(graph, start, Rules()).names()
        if (
            name in unended
            and name
            not in relay_board(graph, start, Rules(ends=lambda at: at == options.end)).names()
        ):
            return f"{name} comes only after the end, {options.end}"
    if options.kind is WalkKind.SERIES and name in relay_board(graph, start, Rules()).names():
        return f"{name} is reached only over remixes that a series does not follow; try a relay"
    return f"nothing leads from {start} to {name}"


def _removed(bare: Board, closed: Callable[[str], str | None]) -> list[tuple[str, str]]:
    """The atoms that could have been reached but must not be played, and why."""
    reasons = ((name, closed(name)) for name in bare.atom if name is not None)
    return list(dict.fromkeys((name, reason) for name, reason in reasons if reason))


def _reasons(removed: Sequence[tuple[str, str]], options: WalkOptions) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, reason in removed:
        by_reason.setdefault(reason, []).append(name)
    parts = [f"{_names(names)} ({reason})" for reason, names in by_reason.items()]
    if options.author_changes_on_remix:
        parts.append("remixes by their parent's own author")
    return "; ".join(parts)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _end(options: WalkOptions) -> str:
    return "" if options.end is None else f" and ends with {options.end}"
