"""The chains of a graph, listed for `chainer chains`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chainer.console import seconds_text
from chainer.graph import Chain, Graph, WalkKind, WalkOptions, count_chains, iter_chains, roots
from chainer.timebase import time_text


@dataclass(frozen=True, slots=True)
class Listing:
    """The first chains in order, and how many there are in all."""

    kind: WalkKind
    chains: tuple[Chain, ...]
    total: int

    def as_json(self) -> dict[str, Any]:
        """The list as one JSON object; `seconds` are exact text."""
        return {
            "kind": self.kind.value,
            "total": self.total,
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
        }

    def lines(self) -> Iterator[str]:
        """The list for people."""
        for chain in self.chains:
            yield (
                f"{float(chain.score):8.2f}  {seconds_text(chain.seconds):>9}  "
                f"{len(chain.atoms):4} atoms  {' → '.join(chain.atoms)}"
            )
        more = "" if self.total == len(self.chains) else f", {len(self.chains)} shown"
        noun = "chain" if self.total == 1 else "chains"
        yield f"{self.total} {self.kind.value} {noun}{more}"


def list_chains(graph: Graph, start: str | None, kind: WalkKind, limit: int) -> Listing:
    """Chains from `start`, or from every root of the kind; at most `limit` are listed."""
    options = WalkOptions(kind=kind)
    starts = (start,) if start is not None else roots(graph, kind)
    total = sum(count_chains(graph, root, kind) for root in starts)
    found = (chain for root in starts for chain in iter_chains(graph, root, options))
    return Listing(kind, tuple(islice(found, limit)), total)
