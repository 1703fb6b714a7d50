"""A graph of a database as a file again: equal to what was imported, key for key."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, text

from chainer.errors import Cancelled, OutputError
from chainer.graph.plain import MAX_BYTES
from chainer.graph.sources.address import read_address
from chainer.graph.sources.sql.engine import demand_version, engine_of, translated
from chainer.graph.sources.sql.intake import STREAM_ENDING
from chainer.graph.sources.sql.source import Row, choose, row_of
from chainer.graph.sources.text import write_json

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `readable`: small enough to be loaded as one file, or a stream."""

    path: str
    atoms: int
    edges: int
    bytes: int
    readable: bool

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {field: getattr(self, field) for field in self.__slots__}


def export_graph(url: str, out: str | Path, *, cancel: threading.Event | None = None) -> Exported:
    """Write the graph at `url` to a file, or to a stream where `out` ends in `.jsonl`.

    The file appears whole under its name, or not at all. Raises `OutputError` where it cannot be
    written, `Cancelled` once `cancel` is set.
    """
    path, address = Path(out), read_address(url)
    stream = path.suffix == STREAM_ENDING
    engine = engine_of(address)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with translated(address), engine.connect() as connection:
            demand_version(connection, address)
            names = connection.execute(text("SELECT name FROM graphs ORDER BY name")).scalars()
            row = row_of(connection, address, choose(address, list(names)))
            try:
                with part.open("w", encoding="utf-8", newline="\n") as file:
                    for piece in (_stream if stream else _file)(connection, row):
                        if cancel is not None and cancel.is_set():
                            raise Cancelled("cancelled: nothing was written")
                        file.write(piece)
                    _keep(file)
                part.replace(path)
            except OSError as error:
                why = error.strerror or str(error)
                raise OutputError(f"{path}: it cannot be written: {why}", path=str(path)) from error
    finally:
        engine.dispose()
        with suppress(OSError):
            part.unlink(missing_ok=True)
    size = path.stat().st_size
    return Exported(str(path), row.atoms, row.edges, size, stream or size <= MAX_BYTES)


def _keep(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _head(row: Row) -> str:
    header = {"directed": True, "multigraph": True, "graph": row.info, **row.extensions}
    return write_json(header)


def _file(connection: Connection, row: Row) -> Iterator[str]:
    """The text of a graph file, one atom or edge on a line."""
    yield _head(row)[:-1]
    for section, table in (("nodes", "atoms"), ("edges", "edges")):
        yield f',\n"{section}":['
        between = "\n"
        for bodies in _bodies(connection, table, row.pk):
            yield between + ",\n".join(bodies)
            between = ",\n"
        yield "\n]"
    yield "}\n"


def _stream(connection: Connection, row: Row) -> Iterator[str]:
    yield _head(row) + "\n"
    for word, table in (("node", "atoms"), ("edge", "edges")):
        for bodies in _bodies(connection, table, row.pk):
            yield "".join(f'{{"{word}":{body}}}\n' for body in bodies)


def _bodies(connection: Connection, table: str, graph: int) -> Iterator[list[str]]:
    query = text(
        f"SELECT pk, body FROM {table} WHERE graph = :graph AND pk > :last "  # noqa: S608
        "ORDER BY pk LIMIT :most"
    )
    last = 0
    while rows := connection.execute(query, {"graph": graph, "last": last, "most": _BATCH}).all():
        last = rows[-1].pk
        yield [row.body for row in rows]
