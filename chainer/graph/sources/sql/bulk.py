"""A whole graph into a database, from a file or a stream: all of it, or nothing.

Holds the door: what is asked, what is told. `place.py` opens what is written to, `intake.py` reads
and writes.
"""

from __future__ import annotations

import gc
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.errors import InputError
from chainer.graph.scalars import ID_PATTERN, PATTERN_WORDS
from chainer.graph.sources.address import read_address
from chainer.graph.sources.sql.intake import ImportProgress, Intake, OnImport
from chainer.graph.sources.sql.place import database_for

__all__ = ["ImportProgress", "Imported", "OnImport", "import_graph"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was put into a database."""

    name: str
    url: str
    atoms: int
    edges: int
    components: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {field: getattr(self, field) for field in self.__slots__}


def import_graph(
    source: str | Path,
    url: str,
    *,
    name: str | None = None,
    replace: bool = False,
    base: Path | None = None,
    on_progress: OnImport | None = None,
    cancel: threading.Event | None = None,
) -> Imported:
    """Put the graph of a file, or of a stream (`.jsonl`), into the database at `url`.

    It is called `name`, else as the URL says, else as the file. `base` is the folder that media
    paths are relative to, by default that of the file. Raises `GraphError` with the faults of the
    graph, `InputError` where the database cannot be written or has such a graph already and
    `replace` is not set, `Cancelled` once `cancel` is set. Then nothing has changed.
    """
    path, address = Path(source), read_address(url)
    if address.is_file:
        raise InputError(f"{url}: a database is asked for, as in sqlite:///graphs.db")
    began = time.monotonic()
    name = _name(name or address.graph, path)
    base = (base or path.absolute().parent).resolve()
    with database_for(address, name, replace=replace) as connection, _unhurried():
        work = Intake(connection, path, name, base, on_progress, cancel)
        work.run()
    return Imported(
        name,
        address.named(name),
        work.atoms,
        work.edges,
        work.components,
        round(time.monotonic() - began, 3),
    )


def _name(given: str | None, path: Path) -> str:
    name = given or path.stem
    if not re.fullmatch(ID_PATTERN, name):
        raise InputError(
            f"{name[:80]!r} cannot be the name of a graph; give one with --name: "
            f"{PATTERN_WORDS[ID_PATTERN]}",
            code="name",
        )
    return name


@contextmanager
def _unhurried() -> Iterator[None]:
    """No collection of cyclic garbage meanwhile: rows make none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
