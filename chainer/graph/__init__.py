"""Atoms, edges, loading, and the walks that choose a chain.

Read in this order: `model.py` (the file), `load.py` (how it becomes a graph), `graph.py`,
`board.py` (what may follow what), `walk.py`. `interop.py` alone knows networkx.
"""

from __future__ import annotations

from chainer.graph.atom import (
    Appearance,
    Atom,
    Dialogue,
    Music,
    Rights,
    Slot,
    Story,
    Take,
    Trim,
)
from chainer.graph.chains import Chain, Leg, default_seconds
from chainer.graph.edge import Edge, Joint
from chainer.graph.graph import Graph, identity_of
from chainer.graph.load import dump_graph, load_graph, parse_graph
from chainer.graph.model import (
    CURRENT_SCHEMA,
    Chapter,
    Character,
    Episode,
    GraphFile,
    GraphInfo,
    Place,
    Series,
)
from chainer.graph.options import Pick, WalkKind, WalkOptions
from chainer.graph.scalars import Box
from chainer.graph.score import HouseScorer, Scorer
from chainer.graph.shelf import Shelf, store_digest
from chainer.graph.walk import all_chains, count_chains, distinct, iter_chains, roots, walk
from chainer.graph.words import (
    CardKind,
    EdgeKind,
    JointKind,
    Rating,
    SlotFill,
    SlotKind,
    Status,
)

__all__ = [
    "CURRENT_SCHEMA",
    "Appearance",
    "Atom",
    "Box",
    "CardKind",
    "Chain",
    "Chapter",
    "Character",
    "Dialogue",
    "Edge",
    "EdgeKind",
    "Episode",
    "Graph",
    "GraphFile",
    "GraphInfo",
    "HouseScorer",
    "Joint",
    "JointKind",
    "Leg",
    "Music",
    "Pick",
    "Place",
    "Rating",
    "Rights",
    "Scorer",
    "Series",
    "Shelf",
    "Slot",
    "SlotFill",
    "SlotKind",
    "Status",
    "Story",
    "Take",
    "Trim",
    "WalkKind",
    "WalkOptions",
    "all_chains",
    "count_chains",
    "default_seconds",
    "distinct",
    "dump_graph",
    "identity_of",
    "iter_chains",
    "load_graph",
    "parse_graph",
    "roots",
    "store_digest",
    "walk",
]
