"""Cycles among plain edges, before there is a graph.

Holds the search that `check.py` runs over names and pairs of names. Atoms must form a DAG:
every walk relies on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MAX_CYCLES = 10
"""How many cycles are looked for; a file with more is told of these first."""


def cycles(ids: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Cycles that share no atom, each in the order of its edges.

    Each starts with the one of its atoms that comes first in `ids`. Empty exactly when the
    edges form a DAG. Linear in ids and edges for each cycle found, of which there are at
    most `MAX_CYCLES`. Edges from an atom to itself, or to and from unknown ids, are passed over.
    """
    rank = {name: index for index, name in enumerate(dict.fromkeys(ids))}
    out: dict[str, list[str]] = {name: [] for name in rank}
    for source, target in edges:
        if source in rank and target in rank and source != target:
            out[source].append(target)
    found: list[list[str]] = []
    while len(found) < MAX_CYCLES and (left := _without_ends(out)):
        cycle = _one(left)
        first = cycle.index(min(cycle, key=rank.__getitem__))
        found.append(cycle[first:] + cycle[:first])
        gone = set(cycle)
        out = {
            name: [target for target in targets if target not in gone]
            for name, targets in left.items()
            if name not in gone
        }
    return found


def _without_ends(out: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What is left when atoms that lead nowhere are taken away, again and again.

    Every atom left leads to another one left.
    """
    before: dict[str, list[str]] = {name: [] for name in out}
    leads = {name: len(targets) for name, targets in out.items()}
    for name, targets in out.items():
        for target in targets:
            before[target].append(name)
    ends = [name for name, count in leads.items() if count == 0]
    gone = set(ends)
    while ends:
        for name in before[ends.pop()]:
            leads[name] -= 1
            if leads[name] == 0:
                gone.add(name)
                ends.append(name)
    return {
        name: [target for target in targets if target not in gone]
        for name, targets in out.items()
        if name not in gone
    }


def _one(out: Mapping[str, list[str]]) -> list[str]:
    """A cycle, where every atom leads to another: walk on until one comes again."""
    at = next(iter(out))
    seen: dict[str, int] = {}
    while at not in seen:
        seen[at] = len(seen)
        at = out[at][0]
    return list(seen)[seen[at] :]
