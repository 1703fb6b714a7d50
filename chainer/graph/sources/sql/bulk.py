"""A whole graph into a database, from a file or a stream: all of it, or nothing.

Into a new SQLite file it is written beside its final place, without a journal, and appears whole;
into a database that is in use it is one transaction. Indexes are made after the rows where the
tables were empty before.
"""

from __future__ import annotations

import gc
import os
import re
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from chainer.errors import Cancelled, Fault, GraphError, InputError
from chainer.graph.cycles import cycles
from chainer.graph.faults import Found
from chainer.graph.load import load_graph
from chainer.graph.plain import plain
from chainer.graph.scalars import ID_PATTERN, PATTERN_WORDS
from chainer.graph.shelf import Shelf
from chainer.graph.sources.address import SQLITE, Address, read_address
from chainer.graph.sources.judge import Judge
from chainer.graph.sources.lean import faulty_atoms, faulty_edges
from chainer.graph.sources.sql.engine import (
    demand_version,
    engine_of,
    take_turn,
    translated,
    version_of,
)
from chainer.graph.sources.sql.index import (
    brace_words,
    drop_words,
    make_words,
    persons_and_names,
    settle_words,
)
from chainer.graph.sources.sql.rows import AtomRows, edge_key, edge_row, write_rows
from chainer.graph.sources.sql.tables import (
    AUTHORS,
    COMPONENTS,
    EDGES,
    GRAPHS,
    LATE,
    MEMBERS,
)
from chainer.graph.sources.sql.upgrade import migrate
from chainer.graph.sources.stream import Faults, Lines, TooManyFaults, read_header, read_lines
from chainer.graph.sources.text import write_json
from chainer.graph.sources.witness import folded
from chainer.graph.upgrade import upgrade

STREAM_ENDING = ".jsonl"

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is; `done` of 1, by the bytes read."""

    atoms: int
    edges: int
    done: float


OnImport = Callable[[ImportProgress], None]


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
    with _database(address, name, replace=replace) as connection, _unhurried():
        work = _Import(connection, path, name, base, on_progress, cancel)
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


# --- where to --------------------------------------------------------------------------------


@contextmanager
def _database(address: Address, name: str, *, replace: bool) -> Iterator[Connection]:
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
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.importing")
    engine = engine_of(replace_path(address, part), write=True, create=True)
    try:
        with translated(address):
            with engine.connect() as connection:
                # Nobody else knows this file, and a half of it is thrown away.
                driver: Any = connection.connection.driver_connection
                driver.execute("ROLLBACK") if driver.in_transaction else None
                for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
                    driver.execute(f"PRAGMA {pragma}")
                driver.execute("PRAGMA locking_mode=EXCLUSIVE")
                migrate(connection)
                yield connection
                connection.commit()
            engine.dispose()
            _publish(part, path, address)
    except OSError as error:
        raise InputError(
            f"{address.url}: it cannot be written: {error.strerror}; check the folder",
            code="unwritable",
            url=address.url,
        ) from error
    finally:
        engine.dispose()
        with suppress(OSError):
            part.unlink(missing_ok=True)


def replace_path(address: Address, path: Path) -> Address:
    """The same address with another file."""
    return replace(address, path=path)


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
    from sqlalchemy import inspect

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


# --- what --------------------------------------------------------------------------------------


class _Import:
    """One import under way."""

    def __init__(
        self,
        connection: Connection,
        path: Path,
        name: str,
        base: Path,
        on_progress: OnImport | None,
        cancel: threading.Event | None,
    ) -> None:
        self._connection = connection
        self._path, self._name, self._base = path, name, base
        self._on_progress = on_progress
        self._cancel = cancel
        self._graph = _next(connection, "graphs")
        self._first_atom = self._atom = _next(connection, "atoms")
        self._edge = self._first_edge = _next(connection, "edges")
        self._numbers: dict[str, int] = {}
        self._authors: dict[str, int] = {}
        self._parent = array("q")
        self._pairs: set[int | tuple[int, int, str]] = set()
        self._ends: array[int] = array("q")
        self._lines: array[int] = array("q")
        self._atom_lines: array[int] = array("q")
        self._backward: set[int] = set()
        self.components = 0

    @property
    def atoms(self) -> int:
        """How many atoms there are so far."""
        return self._atom - self._first_atom

    @property
    def edges(self) -> int:
        """How many edges there are so far."""
        return self._edge - self._first_edge

    def run(self) -> None:
        """Read all, write all."""
        if self._path.suffix == STREAM_ENDING:
            self._from_stream()
        else:
            self._from_file()

    def _from_file(self) -> None:
        load_graph(self._path)  # every fault of it, in the loader's own words
        value, _ = plain(self._path.read_bytes(), str(self._path))
        value, _, _ = upgrade(value)
        nodes, edges = value.pop("nodes"), value.pop("edges", None)
        if edges is None:
            edges = value.pop("links")
        faults = Faults(str(self._path))
        runs = (
            (_lines(nodes[at : at + _BATCH], at), _lines(edges[: 0 if more else None], len(nodes)))
            for at in range(0, len(nodes) or 1, _BATCH)
            for more in (at + _BATCH < len(nodes),)
        )
        total = len(nodes) + len(edges) or 1
        self._take(value, runs, faults, lambda: (self.atoms + self.edges) / total)
        if faults.found:
            raise faults.error()

    def _from_stream(self) -> None:
        faults = Faults(str(self._path))
        try:
            with self._path.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size or 1
                header = read_header(stream, faults)
                if header is not None:
                    runs = read_lines(stream, faults)
                    self._take(header, runs, faults, lambda: stream.tell() / size)
        except TooManyFaults:
            pass
        except OSError as error:
            problem = f"it cannot be read ({error.strerror})"
            fault = Fault("$", problem, "check the path", "unreadable")
            raise GraphError(str(self._path), [fault]) from error
        if faults.found:
            raise faults.error()

    def _take(
        self,
        header: dict[str, Any],
        runs: Iterable[tuple[Lines, Lines]],
        faults: Faults,
        done: Callable[[], float],
    ) -> None:
        judge = Judge(header, Shelf.of(self._base, None, ()))
        for one in judge.header():
            faults.add(1, one)
        if faults.found:
            return
        late = self._drop_indexes()
        make_words(self._connection, self._graph)
        brace_words(self._connection, self._graph)
        info = header["graph"]
        extensions = {name: one for name, one in header.items() if name.startswith("x-")}
        connection = self._connection
        connection.execute(
            GRAPHS.insert(),
            {
                "pk": self._graph,
                "name": self._name,
                "info": write_json(info),
                "extensions": write_json(extensions),
                "base": str(self._base),
                "atoms": 0,
                "edges": 0,
            },
        )
        persons, names = persons_and_names(info)
        rows = AtomRows(self._graph, persons, names)
        for some_nodes, some_edges in runs:
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled("cancelled: the database is as it was")
            self._take_atoms(some_nodes, judge, rows, faults)
            self._take_edges(some_edges, judge, faults)
            if self._on_progress is not None:
                self._on_progress(ImportProgress(self.atoms, self.edges, min(done(), 1.0)))
        self._demand_no_cycle(faults)
        for one in judge.series([at for at in judge.named() if at in self._numbers]):
            faults.add(1, one)
        if faults.found:
            return
        self._settle()
        for table in late:
            for index in sorted(table.indexes, key=lambda one: str(one.name)):
                index.create(connection)
        settle_words(connection, self._graph)
        connection.execute(
            text("UPDATE graphs SET atoms = :atoms, edges = :edges WHERE pk = :pk"),
            {"atoms": self.atoms, "edges": self.edges, "pk": self._graph},
        )
        connection.exec_driver_sql("ANALYZE")

    def _drop_indexes(self) -> tuple[Any, ...]:
        """Drop what is made faster afterwards; the tables that it was dropped of."""
        if self._connection.exec_driver_sql("SELECT 1 FROM atoms LIMIT 1").first() is not None:
            return ()
        for table in LATE:
            for index in table.indexes:
                index.drop(self._connection)
        return LATE

    def _take_atoms(self, run: Lines, judge: Judge, rows: AtomRows, faults: Faults) -> None:
        faulty = _judged(faulty_atoms(run.values), run, faults)
        known, authors, parent = self._numbers, self._authors, self._parent
        for at, node in enumerate(run.values):
            if at in faulty:
                if isinstance(node, dict) and isinstance(node.get("id"), str):
                    known.setdefault(node["id"], -1)  # so that its edges are not faulty as well
                continue
            for one in judge.atom(node):
                faults.add(run.numbers[at], one)
            name, pk = node["id"], self._atom
            if known.setdefault(name, pk) != pk:
                problem = f"the atom id {name} is there twice"
                one = Found(("id",), problem, "give each its own id", "doubled-id")
                faults.add(run.numbers[at], one)
                continue
            self._atom += 1
            parent.append(pk - self._first_atom)
            self._atom_lines.append(run.numbers[at])
            authors.setdefault(node["author"], pk)
            rows.add(pk, node, run.bodies[at])
        if not faults.found:
            rows.write(self._connection)

    def _take_edges(self, run: Lines, judge: Judge, faults: Faults) -> None:
        faulty = _judged(faulty_edges(run.values), run, faults)
        known, pairs, found = self._numbers, self._pairs, []
        lines, first = self._atom_lines, self._first_atom
        for at, edge in enumerate(run.values):
            if at in faulty:
                continue
            line = run.numbers[at]
            source, target = known.get(edge["source"]), known.get(edge["target"])
            if source is not None and source >= first and lines[source - first] > line:
                source = None
            if target is not None and target >= first and lines[target - first] > line:
                target = None
            if source is None or target is None or source == target or "removes" in edge:
                wrong = judge.edge(edge, ends=(source is not None, target is not None))
                for one in wrong:
                    faults.add(line, one)
                if wrong or source is None or target is None:
                    continue
            if source < 0 or target < 0:
                continue  # one of its ends is at fault itself
            kind, key = edge["kind"], edge_key(edge)
            pair: int | tuple[int, int, str] = (source, target, key)
            if key == kind:
                pair = source << 33 | target << 1 | (kind == "remix")
            if pair in pairs:
                problem = f'a second edge {edge["source"]} → {edge["target"]} with key "{key}"'
                one = Found((), problem, "drop it, or give it another key", "doubled-edge")
                faults.add(line, one)
                continue
            pairs.add(pair)
            self._join(source - first, target - first)
            self._lines.append(line)
            found.append(
                edge_row(self._edge, self._graph, (source, target), key, edge, run.bodies[at])
            )
            self._edge += 1
        if not faults.found:
            write_rows(self._connection, EDGES, found)

    def _join(self, source: int, target: int) -> None:
        """Remember an edge between two atoms, counted from the first of this graph."""
        self._ends.append(source)
        self._ends.append(target)
        if target < source:
            self._backward.add(source)
        parent = self._parent
        while parent[source] != source:
            parent[source] = source = parent[parent[source]]
        while parent[target] != target:
            parent[target] = target = parent[parent[target]]
        # The earlier atom is the root: trees then grow from their first atoms, and stay low.
        if source < target:
            parent[target] = source
        elif target < source:
            parent[source] = target

    def _root(self, at: int) -> int:
        parent = self._parent
        while parent[at] != at:
            parent[at] = at = parent[parent[at]]
        return at

    def _demand_no_cycle(self, faults: Faults) -> None:
        """Look for cycles where an edge leads back in the order of the lines; only there is one."""
        if not self._backward or faults.found:
            return
        suspects = {self._root(at) for at in self._backward}
        names = list(self._numbers)
        pairs: dict[tuple[str, str], int] = {}
        for number in range(0, len(self._ends), 2):
            source, target = self._ends[number], self._ends[number + 1]
            if self._root(source) in suspects:
                pairs.setdefault((names[source], names[target]), number // 2)
        inside = [name for at, name in enumerate(names) if self._root(at) in suspects]
        for cycle in cycles(inside, list(pairs)):
            way = cycle if len(cycle) <= 40 else [*cycle[:20], "…", *cycle[-20:]]
            problem = f"a cycle: {' → '.join([*way, cycle[0]])}"
            line = self._lines[pairs[cycle[-1], cycle[0]]]
            faults.add(line, Found((), problem, "remove one of its edges", "cycle"))

    def _settle(self) -> None:
        """Write what is known only at the end: components and authors."""
        first = self._first_atom
        roots = [self._root(at) + first for at in range(len(self._parent))]
        write_rows(self._connection, MEMBERS, enumerate(roots, first))
        sizes = Counter(roots)
        self.components = len(sizes)
        graph = self._graph
        sized = ((root, graph, size) for root, size in sizes.items())
        write_rows(self._connection, COMPONENTS, sized)
        told = ((graph, name, folded(name), pk) for name, pk in self._authors.items())
        write_rows(self._connection, AUTHORS, told)


def _lines(values: list[Any], first: int) -> Lines:
    """Values of a file as lines; what is wrong with them has been said before."""
    numbers = list(range(first, first + len(values)))
    return Lines(numbers, values, [write_json(one) for one in values])


def _judged(wrong: Iterable[tuple[int, list[Found]]], run: Lines, faults: Faults) -> set[int]:
    """The places of the faulty among a run; what is wrong with them is kept."""
    places = set()
    for at, found in wrong:
        places.add(at)
        for one in found:
            faults.add(run.numbers[at], one)
    return places


def _next(connection: Connection, table: str) -> int:
    """The first free number."""
    last = connection.exec_driver_sql(f"SELECT max(pk) FROM {table}").scalar()  # noqa: S608
    return (last or 0) + 1
