"""The graph as a networkx user has it.

Holds the turn to and from `networkx.MultiDiGraph`: the one place that loads networkx, and
only when called, for its import takes a quarter of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from chainer.graph.graph import Graph
from chainer.graph.load import dump_graph, parse_graph

if TYPE_CHECKING:
    import networkx as nx


def to_networkx(graph: Graph) -> nx.MultiDiGraph[str]:
    """The graph with the file's keys as attributes of graph, nodes and edges.

    `x-…` keys at the top of the file, for which networkx has no place, are left behind.
    """
    import networkx as nx

    return cast("nx.MultiDiGraph[str]", nx.node_link_graph(dump_graph(graph), edges="edges"))


def from_networkx(
    graph: nx.MultiDiGraph[Any], *, source: str = "networkx", base: Path | None = None
) -> Graph:
    """The graph that a networkx graph with the same attributes describes.

    Raises `GraphError` with all faults, as for a file.
    """
    import networkx as nx

    return parse_graph(nx.node_link_data(graph, edges="edges"), source=source, base=base)
