"""From an address to a graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chainer.errors import InputError
from chainer.graph.graph import Graph
from chainer.graph.load import load_graph
from chainer.graph.options import WalkOptions
from chainer.graph.sources.address import is_url, read_address
from chainer.graph.sources.file import FileSource
from chainer.graph.sources.source import MAX_ATOMS, GraphSource

if TYPE_CHECKING:
    from chainer.graph.sources.sql.add import SqlEditor


def open_graph(
    address: str | Path,
    *,
    base: Path | None = None,
    media_root: Path | None = None,
    allow_schemes: Sequence[str] = (),
) -> GraphSource:
    """The graph at `address`: a path, `sqlite:///FILE` or `postgresql+psycopg://USER@HOST/DB`.

    `?graph=NAME` names one of several graphs in a database. `base` is the folder that media paths
    are relative to, instead of the one that the database remembers; a file has its own. The others
    are as in `load_graph`. Raises `InputError`, also where a database cannot be opened.
    """
    where = read_address(address)
    if where.is_file:
        assert where.path is not None
        return FileSource(where.path, media_root=media_root, allow_schemes=allow_schemes)
    from chainer.graph.sources.sql.source import SqlSource

    return SqlSource(where, base=base, media_root=media_root, allow_schemes=allow_schemes)


def load_any(
    address: str | Path,
    start: str | None = None,
    options: WalkOptions | None = None,
    *,
    max_atoms: int = MAX_ATOMS,
    base: Path | None = None,
    media_root: Path | None = None,
    allow_schemes: Sequence[str] = (),
) -> Graph:
    """The graph at `address`: a file whole, of a database what walks from `start` need.

    Raises as `load_graph` and `GraphSource.load` do.
    """
    if not is_url(address):
        return load_graph(Path(address), media_root=media_root, allow_schemes=allow_schemes)
    with open_graph(
        address, base=base, media_root=media_root, allow_schemes=allow_schemes
    ) as source:
        return source.load(start, options=options, max_atoms=max_atoms)


def edit_graph(address: str) -> SqlEditor:
    """The graph of a database at `address`, to add to and to change. Raises `InputError`."""
    where = read_address(address)
    if where.is_file:
        raise InputError(
            f"{address}: a graph file is changed by writing another; name a database",
            code="address",
        )
    from chainer.graph.sources.sql.add import SqlEditor

    return SqlEditor(where)
