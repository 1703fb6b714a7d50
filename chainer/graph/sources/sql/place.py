"""Where an import writes to: a transaction in a database, or a new file that appears whole.

A new SQLite file is written beside its final place, without a journal, and linked to its name at
the end. What a program that died left there goes when the next one comes to write the same file.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from chainer.errors import ChainerError, InputError
from chainer.graph.sources.address import SQLITE, Address
from chainer.graph.sources.sql.engine import (
    demand_version,
    engine_of,
    take_turn,
    translated,
    version_of,
)
from chainer.graph.sources.sql.index import drop_words
from chainer.graph.sources.sql.upgrade import migrate

_ENDING = "importing"

_PRAGMAS = (
    "journal_mode=OFF",
    "synchronous=OFF",
    "cache_size=-65536",
    "temp_store=MEMORY",
    "threads=2",
    "locking_mode=EXCLUSIVE",
)


@contextmanager
def database_for(address: Address, name: str, *, replace: bool) -> Iterator[Connection]:
    """A transaction in which there is no graph of that name any more, or yet."""
    if address.scheme == SQLITE and address.path is not None and not address.path.exists():
        with _new_file(address) as connection:
            yield connection
        return
    engine = engine_of(address, write=True)
    try:
        with translated(address), engine.begin() as connection:
            take_turn(connection)
            if version_of(connection) is None and _is_empty(connection):
                migrate(connection)
            demand_version(connection, address)
            pk = connection.execute(
                text("SELECT pk FROM graphs WHERE name = :name"), {"name": name}
            ).scalar_one_or_none()
            if pk is not None and not replace:
                raise InputError(
                    f"{address.url}: it holds a graph {name!r} already; choose another name with "
                    "--name, or put this one in its place with --replace",
                    code="graph-exists",
                    graph=name,
                )
            if pk is not None:
                remove_graph(connection, pk)
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _new_file(address: Address) -> Iterator[Connection]:
    """A transaction in a file of its own, which appears under its name when it is whole."""
    path = address.path
    assert path is not None
    try:
        _sweep(path)
        with _hidden(path) as part:
            engine = engine_of(replace(address, path=part), write=True)
            try:
                with translated(address), engine.connect() as connection:
                    # Nobody else knows this file, and a half of it is thrown away.
                    driver: Any = connection.connection.driver_connection
                    driver.execute("ROLLBACK") if driver.in_transaction else None
                    for pragma in _PRAGMAS:
                        driver.execute(f"PRAGMA {pragma}")
                    migrate(connection)
                    yield connection
                    connection.commit()
            finally:
                engine.dispose()
            _publish(part, path, address)
    except OSError as error:
        if isinstance(error, ChainerError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise InputError(
            f"{address.url}: it cannot be written: {error.strerror}; "
            f"{'make room' if full else 'check the folder'}",
            code="disk-full" if full else "unwritable",
            url=address.url,
        ) from error


@contextmanager
def _hidden(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, held by a lock that ends with this program; gone at the end."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.{_ENDING}")
    while True:
        held = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(held, fcntl.LOCK_EX)
        if part.exists():
            break
        os.close(held)  # somebody swept it between the two lines above
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        # Closed last: SQLite's own locks end when any descriptor of the file is closed.
        os.close(held)


def _sweep(path: Path) -> None:
    """Remove what dead programs left beside `path`."""
    for old in path.parent.glob(f".{glob.escape(path.name)}.*.{_ENDING}"):
        with suppress(OSError), old.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            old.unlink()


def _publish(part: Path, path: Path, address: Address) -> None:
    """Give a whole file its name, unless somebody was first."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise InputError(
            f"{address.url}: another program has made it meanwhile; run the command again",
            code="database-busy",
            url=address.url,
        ) from error
    except OSError:  # a file system without links
        part.rename(path)


def _is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def remove_graph(connection: Connection, graph: int) -> None:
    """Take a graph out of the tables."""
    drop_words(connection, graph)
    held = {"graph": graph}
    for table in ("tags", "casts", "members"):
        of_graph = f"DELETE FROM {table} WHERE atom IN (SELECT pk FROM atoms WHERE graph = :graph)"  # noqa: S608
        connection.execute(text(of_graph), held)
    for table in ("edges", "atoms", "components", "authors"):
        connection.execute(text(f"DELETE FROM {table} WHERE graph = :graph"), held)  # noqa: S608
    connection.execute(text("DELETE FROM graphs WHERE pk = :graph"), held)
