"""Where graphs come from: a file, or a database that holds more than one file could.

    open_graph("sqlite:///graphs.db").load("a1")

Read in this order: `source.py` (what a source can do), `part.py` (how much of a large graph one
walk needs), `file.py`, `sql/`. Importing this loads no database library: `sql/` is loaded when an
address first names a database.
"""

from __future__ import annotations

from chainer.graph.sources.door import edit_graph, load_any, open_graph
from chainer.graph.sources.source import MAX_ATOMS, GraphSource, GraphTooLarge
from chainer.graph.sources.words import Found

__all__ = [
    "MAX_ATOMS",
    "Found",
    "GraphSource",
    "GraphTooLarge",
    "edit_graph",
    "load_any",
    "open_graph",
]
