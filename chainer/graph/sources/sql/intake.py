"""Reading a graph and writing it into the tables of a transaction, many rows at a time.

Indexes are made after the rows where the tables were empty before. Every atom and edge is checked
by the rules of a file; with the first fault nothing more is written, but all are looked for.
"""

from __future__ import annotations

import os
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from chainer.errors import Cancelled, Fault, GraphError
from chainer.graph.faults import Found
from chainer.graph.load import load_graph
from chainer.graph.plain import plain
from chainer.graph.shelf import Shelf
from chainer.graph.sources.judge import Judge
from chainer.graph.sources.lean import faulty_atoms, faulty_edges
from chainer.graph.sources.sql.index import (
    brace_words,
    is_sqlite,
    make_words,
    persons_and_names,
    settle_words,
)
from chainer.graph.sources.sql.joined import Joined
from chainer.graph.sources.sql.rows import AtomRows, edge_key, edge_row, write_rows
from chainer.graph.sources.sql.tables import (
    AUTHORS,
    COMPONENTS,
    EDGES,
    GRAPHS,
    LATE,
    MEMBERS,
)
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


class Intake:
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
        self._joined = Joined()
        self._pairs: set[int | tuple[int, int, str]] = set()
        self._lines: array[int] = array("q")
        self._atom_lines: array[int] = array("q")
        self._run_first = self._atom
        """The first atom that came with the lines at hand: edges may come before those."""
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
            self._run_first = self._atom
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
        if is_sqlite(connection):  # some rows tell enough
            connection.exec_driver_sql("PRAGMA analysis_limit=1000")
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
        if not run.values:
            return
        faulty = _judged(faulty_atoms(run.values), run, faults)
        if not faulty and judge.fits(run.values) and self._number(run):
            rows.add_run(self._atom, run.values, run.bodies)
            self._atom += len(run.values)
        else:
            self._take_each_atom(run, faulty, judge, rows, faults)
        if not faults.found:
            rows.write(self._connection)

    def _number(self, run: Lines) -> bool:
        """Number the atoms of a run; nothing is done where one of them is there already."""
        first, count = self._atom, len(run.values)
        numbered = {node["id"]: pk for pk, node in enumerate(run.values, first)}
        if len(numbered) < count or not self._numbers.keys().isdisjoint(numbered):
            return False
        self._numbers.update(numbered)
        self._joined.grow(count)
        self._atom_lines.extend(run.numbers)
        authors = self._authors
        for pk, node in enumerate(run.values, first):
            if (author := node["author"]) not in authors:
                authors[author] = pk
        return True

    def _take_each_atom(
        self, run: Lines, faulty: set[int], judge: Judge, rows: AtomRows, faults: Faults
    ) -> None:
        known = self._numbers
        for at, node in enumerate(run.values):
            if at in faulty:
                if isinstance(node, dict) and isinstance(node.get("id"), str):
                    known.setdefault(node["id"], -1)  # so that its edges are not faulty as well
                continue
            for one in judge.atom(node):
                faults.add(run.numbers[at], one)
            pk = self._atom
            if not self._number(Lines([run.numbers[at]], [node], [run.bodies[at]])):
                problem = f"the atom id {node['id']} is there twice"
                one = Found(("id",), problem, "give each its own id", "doubled-id")
                faults.add(run.numbers[at], one)
                continue
            self._atom += 1
            rows.add_run(pk, [node], [run.bodies[at]])

    def _take_edges(self, run: Lines, judge: Judge, faults: Faults) -> None:
        if not run.values:
            return
        faulty = _judged(faulty_edges(run.values), run, faults)
        known, pairs, join = self._numbers, self._pairs, self._joined.join
        kept, found, first = self._lines, [], self._first_atom
        pk, graph = self._edge, self._graph
        for at, (line, edge, body) in enumerate(
            zip(run.numbers, run.values, run.bodies, strict=True)
        ):
            if faulty and at in faulty:
                continue
            source, target = (
                self._before(line, known.get(edge["source"])),
                self._before(line, known.get(edge["target"])),
            )
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
            join(source - first, target - first)
            kept.append(line)
            found.append(edge_row(pk, graph, (source, target), key, edge, body))
            pk += 1
        self._edge = pk
        if not faults.found:
            write_rows(self._connection, EDGES, found)

    def _before(self, line: int, atom: int | None) -> int | None:
        """An atom, if it is told before a line."""
        if atom is None or atom < self._run_first:
            return atom
        return None if self._atom_lines[atom - self._first_atom] > line else atom

    def _demand_no_cycle(self, faults: Faults) -> None:
        if faults.found:
            return
        for cycle, number in self._joined.cycles(list(self._numbers)):
            way = cycle if len(cycle) <= 40 else [*cycle[:20], "…", *cycle[-20:]]
            problem = f"a cycle: {' → '.join([*way, cycle[0]])}"
            expected = "remove one of its edges"
            faults.add(self._lines[number], Found((), problem, expected, "cycle"))

    def _settle(self) -> None:
        """Write what is known only at the end: components and authors."""
        first, graph = self._first_atom, self._graph
        roots = [root + first for root in self._joined.roots()]
        write_rows(self._connection, MEMBERS, enumerate(roots, first))
        sizes = Counter(roots)
        self.components = len(sizes)
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
