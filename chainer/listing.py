"""The chains of a graph, listed for `chainer chains`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chainer.consent.answer import ClosedRoad
from chainer.console import seconds_text
from chainer.graph import (
    Chain,
    Graph,
    WalkKind,
    WalkOptions,
    count_chains,
    distinct,
    iter_chains,
    roots,
)
from chainer.permission import Permission
from chainer.timebase import time_text


@dataclass(frozen=True, slots=True)
class Listing:
    """The first chains in order, and how many there are in all; not `exact`: at most so many."""

    kind: WalkKind
    chains: tuple[Chain, ...]
    total: int
    exact: bool
    closed: tuple[ClosedRoad, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The list as one JSON object; `seconds` are exact text."""
        return {
            "kind": self.kind.value,
            "total": self.total,
            "exact": self.exact,
            "chains": [
                {
                    "id": chain.id,
                    "atoms": list(chain.atoms),
                    "length": len(chain.atoms),
                    "seconds": time_text(chain.seconds),
                    "score": str(chain.score),
                }
                for chain in self.chains
            ],
            "closed": [road.as_json() for road in self.closed],
        }

    def lines(self) -> Iterator[str]:
        """The list for people."""
        for chain in self.chains:
            yield (
                f"{float(chain.score):8.2f}  {seconds_text(chain.seconds):>9}  "
                f"{len(chain.atoms):4} atoms  {' → '.join(chain.atoms)}"
            )
        for road in self.closed:
            yield f"closed: {road.atom} ({road.by}): {road.why}"
        noun = "chain" if self.total == 1 else "chains"
        if self.exact:
            yield f"{self.total} {self.kind.value} {noun}"
        else:
            yield f"{len(self.chains)} of up to {self.total} {self.kind.value} {noun} shown"


def list_chains(
    graph: Graph, start: str | None, kind: WalkKind, limit: int, permission: Permission
) -> Listing:
    """Chains from `start`, or from every root of the kind; at most `limit` are listed.

    Around what must not be played. Raises `PolicyRefused` where `start` itself must not, and
    `WalkError` where nothing leads on from it.
    """
    options = WalkOptions(kind=kind)
    closed = permission.reasons
    shut = tuple(permission.closed.values())
    if start is not None:
        permission.demand((start,))
    starts = [name for name in roots(graph, kind) if name not in closed]
    starts = starts if start is None else [start]
    found = distinct(
        chain for root in starts for chain in iter_chains(graph, root, options, closed=closed)
    )
    chains = tuple(islice(found, limit + 1))
    if len(chains) <= limit:
        return Listing(kind, chains, len(chains), exact=True, closed=shut)
    total = sum(count_chains(graph, root, kind, closed=closed) for root in starts)
    return Listing(kind, chains[:limit], total, exact=False, closed=shut)
