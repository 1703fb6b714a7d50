"""A graph file becomes a `Graph`, or every fault of it is reported together.

Holds the way from a file, a text or plain values to the graph and back. Refuses whatever
the models or the checks find fault with; it never opens the media.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chainer.errors import Fault, GraphError
from chainer.graph.check import check
from chainer.graph.faults import Found, in_order, shown, translate
from chainer.graph.graph import Graph, identity_of
from chainer.graph.model import CURRENT_SCHEMA, GraphFile
from chainer.graph.plain import MAX_BYTES, plain
from chainer.graph.shelf import Shelf
from chainer.graph.upgrade import upgrade
from chainer.graph.written import Unreadable, read_written


def load_graph(
    path: str | Path, *, media_root: Path | None = None, allow_schemes: Sequence[str] = ()
) -> Graph:
    """The graph in the file at `path`; media paths are relative to its folder.

    `media_root` is a second folder that media may lie in, also by absolute path; files
    named with one of `allow_schemes` (such as `"https"`) are let through unseen.
    Raises `GraphError` with all faults, also where the file is missing or unreadable.
    """
    path = Path(path)
    data = _read(path)
    shelf = Shelf.of(path.absolute().parent, media_root, allow_schemes)
    return _graph(data, str(path), shelf, identity_of(str(path.resolve())))


def parse_graph(
    data: object,
    *,
    source: str,
    base: Path | None = None,
    media_root: Path | None = None,
    allow_schemes: Sequence[str] = (),
) -> Graph:
    """The graph in `data`: JSON text, its bytes, or the plain values of one.

    `source` names it in messages and is its identity; `base` is the folder that media
    paths are relative to. Raises `GraphError` with all faults.
    """
    shelf = Shelf.of(base, media_root, allow_schemes)
    return _graph(data, source, shelf, identity_of(source))


def dump_graph(graph: Graph) -> dict[str, Any]:
    """The graph as plain JSON values, `x-…` keys and all; `parse_graph` reads it back equal."""
    file = GraphFile.model_construct(
        {"directed", "multigraph", "graph", "nodes", "edges", "extensions"},
        directed=True,
        multigraph=True,
        graph=graph.info,
        nodes=tuple(graph.atoms.values()),
        edges=graph.edges,
        extensions=graph.extensions,
    )
    return file.as_json()


def _read(path: Path) -> bytes:
    try:
        return read_written(path, "graph", MAX_BYTES, "split the graph")
    except Unreadable as error:
        raise GraphError(str(path), [Fault("$", *error.words)]) from error.__cause__


def _graph(data: object, source: str, shelf: Shelf, identity: str) -> Graph:
    value, found = plain(data, source)
    if not isinstance(value, dict):
        found = found or [Found((), f"{shown(value)} is no graph", "give a JSON object", "json")]
        raise GraphError(source, in_order(found))
    value, written, faults = upgrade(value)
    if any(fault.code == "newer-schema" for fault in faults):
        raise GraphError(source, in_order([*found, *faults]))  # the rest cannot be judged
    if written != CURRENT_SCHEMA and not faults:
        source = f"{source} (upgraded from {written})"
    value, more = _with_edges(value)
    found += faults + more
    file: GraphFile | None = None
    with _unhurried():
        try:
            file = GraphFile.model_validate(value)
        except ValidationError as error:
            # What has been explained already is not explained again by what followed from it.
            known = {fault.loc for fault in found}
            found += [one for one in translate(error, GraphFile) if one.loc not in known]
        found += check(value, shelf)
    if found or file is None:
        raise GraphError(source, in_order(found))
    return Graph(
        info=file.graph,
        atoms={atom.id: atom for atom in file.nodes},
        edges=file.edges,
        extensions=file.extensions,
        source=source,
        shelf=shelf,
        identity=identity,
    )


@contextmanager
def _unhurried() -> Iterator[None]:
    """No collection of cyclic garbage meanwhile.

    Making 100,000 atoms makes no garbage, but each new object brings the next search for it
    nearer: that took two thirds of the time of a load.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _with_edges(value: dict[str, Any]) -> tuple[dict[str, Any], list[Found]]:
    """`value` with its edges under `edges`, where an older networkx wrote `links`."""
    if "links" not in value or "edges" in value:
        return value, []
    expected = 'rename it to "edges", or write it with node_link_data(graph, edges="edges")'
    problem = 'the edges are under "links", as an older networkx writes them'
    rest = {key: item for key, item in value.items() if key != "links"}
    return {**rest, "edges": value["links"]}, [Found(("links",), problem, expected, "links")]
