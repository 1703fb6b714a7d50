"""One atom, one edge at a time, into a graph that is in use.

Each call is one transaction, and writers take turns: two that would join the same components see
one another's. Components are kept as edges come: the smaller is told that it belongs to the larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Row, text

from chainer.errors import Fault, GraphError
from chainer.graph.faults import Found, json_path
from chainer.graph.plain import plain
from chainer.graph.shelf import Shelf
from chainer.graph.sources.address import Address
from chainer.graph.sources.judge import Judge
from chainer.graph.sources.lean import faulty_atoms, faulty_edges
from chainer.graph.sources.sql import source as sql_source
from chainer.graph.sources.sql.engine import demand_version, engine_of, take_turn, translated
from chainer.graph.sources.sql.index import entry_of, persons_and_names, remove_words
from chainer.graph.sources.sql.near import rows_of
from chainer.graph.sources.sql.rows import AtomRows, edge_key, edge_row, write_rows
from chainer.graph.sources.sql.tables import COMPONENTS, EDGES, MEMBERS
from chainer.graph.sources.text import read_json, write_json
from chainer.graph.sources.witness import folded


class SqlEditor:
    """Changes one graph of a database. Safe for one thread at a time; several may be at work."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._engine = engine_of(address, write=True)
        try:
            with translated(address), self._engine.begin() as connection:
                demand_version(connection, address)
                names = connection.execute(text("SELECT name FROM graphs ORDER BY name"))
                self._name = sql_source.choose(address, list(names.scalars()))
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where the graph is, without a password."""
        return self._address.named(self._name)

    def add_atoms(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Add atoms, each as its node object in a file. Raises `GraphError` with all faults."""
        with self._writing() as (connection, row):
            values = self._plain(list(nodes), "nodes")
            judge, found = self._judge(row), _faults("nodes", faulty_atoms(values))
            self._demand_none(found)
            names = [node["id"] for node in values]
            known = self._numbers(connection, row, names)
            seen: set[str] = set(known)
            for at, node in enumerate(values):
                found += [_at("nodes", at, one) for one in judge.atom(node)]
                if node["id"] in seen:
                    problem = f"there is an atom {node['id']!r} already"
                    expected = "give each its own id, or change it with update_atom"
                    one = Found(("id",), problem, expected, "doubled-id")
                    found.append(_at("nodes", at, one))
                seen.add(node["id"])
            self._demand_none(found)
            first = _next(connection, "atoms")
            rows = AtomRows(row.pk, *persons_and_names(row.info))
            for pk, node in enumerate(values, first):
                rows.add(pk, node, write_json(node))
            rows.write(connection)
            numbers = range(first, first + len(values))
            write_rows(connection, MEMBERS, ((pk, pk) for pk in numbers))
            write_rows(connection, COMPONENTS, ((pk, row.pk, 1) for pk in numbers))
            for pk, node in enumerate(values, first):
                _keep_author(connection, row.pk, node["author"], pk)
            grown = text("UPDATE graphs SET atoms = atoms + :more WHERE pk = :pk")
            connection.execute(grown, {"more": len(values), "pk": row.pk})

    def add_edges(self, edges: Sequence[Mapping[str, Any]]) -> None:
        """Add edges between atoms that are there, each as its object in a file.

        Raises `GraphError` with the first edge that would close a cycle, and with all other faults.
        """
        with self._writing() as (connection, row):
            values = self._plain(list(edges), "edges")
            judge, found = self._judge(row), _faults("edges", faulty_edges(values))
            self._demand_none(found)
            ends = {name for edge in values for name in (edge["source"], edge["target"])}
            known = self._numbers(connection, row, sorted(ends))
            for at, edge in enumerate(values):
                there = edge["source"] in known, edge["target"] in known
                found += [_at("edges", at, one) for one in judge.edge(edge, ends=there)]
            self._demand_none(found)
            pk = _next(connection, "edges")
            for at, edge in enumerate(values):
                source, target = known[edge["source"]], known[edge["target"]]
                if one := self._in_the_way(connection, edge, source, target):
                    self._demand_none([_at("edges", at, one)])
                body = write_json(edge)
                write_rows(
                    connection,
                    EDGES,
                    [edge_row(pk + at, row.pk, (source, target), edge_key(edge), edge, body)],
                )
                _merge(connection, source, target)
            grown = text("UPDATE graphs SET edges = edges + :more WHERE pk = :pk")
            connection.execute(grown, {"more": len(values), "pk": row.pk})

    def update_atom(self, node: Mapping[str, Any]) -> None:
        """Put another node object in the place of the atom with its id; its edges stay.

        Raises `GraphError` with all faults, also where there is no such atom.
        """
        with self._writing() as (connection, row):
            values = self._plain([node], "nodes")
            judge, found = self._judge(row), _faults("nodes", faulty_atoms(values))
            self._demand_none(found)
            (value,) = values
            found = [_at("nodes", 0, one) for one in judge.atom(value)]
            pk = self._numbers(connection, row, [value["id"]]).get(value["id"])
            if pk is None:
                one = Found(("id",), "there is no such atom", "add it first", "unknown-atom")
                found.append(_at("nodes", 0, one))
            self._demand_none(found)
            assert pk is not None
            persons, names = persons_and_names(row.info)
            held = {"pk": pk}
            body = connection.execute(text("SELECT body FROM atoms WHERE pk = :pk"), held).scalar()
            before = read_json(str(body))
            remove_words(connection, row.pk, [entry_of(pk, before, persons, names)])
            for query in (
                "DELETE FROM tags WHERE atom = :pk",
                "DELETE FROM casts WHERE atom = :pk",
                "DELETE FROM atoms WHERE pk = :pk",
            ):
                connection.execute(text(query), held)
            rows = AtomRows(row.pk, persons, names)
            rows.add(pk, value, write_json(value))
            rows.write(connection)
            if before["author"] != value["author"]:
                _forget_author(connection, row.pk, before["author"])
                _keep_author(connection, row.pk, value["author"], pk)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, sql_source.Row]]:
        with translated(self._address), self._engine.begin() as connection:
            take_turn(connection)
            yield connection, sql_source.row_of(connection, self._address, self._name)

    def _plain(self, values: list[Any], section: str) -> list[Any]:
        value, found = plain({section: values}, self.url)
        self._demand_none(found)
        return list(value[section])

    def _judge(self, row: sql_source.Row) -> Judge:
        header = {"directed": True, "multigraph": True, "graph": row.info}
        return Judge(header, Shelf.of(row.base, None, ()))

    def _demand_none(self, found: Sequence[Found]) -> None:
        if found:
            faults = [Fault(json_path(f.loc), f.problem, f.expected, f.code) for f in found]
            raise GraphError(self.url, faults)

    @staticmethod
    def _numbers(
        connection: Connection, row: sql_source.Row, names: Sequence[str]
    ) -> dict[str, int]:
        query = "SELECT id, pk FROM atoms WHERE graph = :graph AND {among}"
        rows = rows_of(connection, query, "id", names, texts=True, graph=row.pk)
        return {one.id: one.pk for one in rows}

    @staticmethod
    def _in_the_way(
        connection: Connection, edge: Mapping[str, Any], source: int, target: int
    ) -> Found | None:
        """Why this edge cannot be added: it is there, or it closes a cycle."""
        key = edge_key(edge)
        there = text("SELECT 1 FROM edges WHERE source = :s AND target = :t AND key = :key")
        held = {"s": source, "t": target, "key": key}
        if connection.execute(there, held).first() is not None:
            problem = f'a second edge {edge["source"]} → {edge["target"]} with key "{key}"'
            return Found((), problem, "drop it, or give it another key", "doubled-edge")
        one, other = (_component(connection, name)[0] for name in (source, target))
        if one == other and (cycle := _way(connection, target, source)):
            names = _ids(connection, cycle)
            shown = names if len(names) <= 40 else [*names[:20], "…", *names[-20:]]
            problem = f"a cycle: {' → '.join([*shown, names[0]])}"
            return Found((), problem, "leave it out", "cycle")
        return None


def _faults(section: str, wrong: Iterator[tuple[int, list[Found]]]) -> list[Found]:
    return [_at(section, at, one) for at, found in wrong for one in found]


def _at(section: str, at: int, one: Found) -> Found:
    return Found((section, at, *one.loc), one.problem, one.expected, one.code)


def _next(connection: Connection, table: str) -> int:
    last = connection.exec_driver_sql(f"SELECT max(pk) FROM {table}").scalar()  # noqa: S608
    return (last or 0) + 1


def _component(connection: Connection, atom: int) -> Row[Any]:
    """The component of an atom, and its size."""
    query = text(
        "SELECT pk, size FROM components WHERE pk = "
        "(SELECT component FROM members WHERE atom = :atom)"
    )
    return connection.execute(query, {"atom": atom}).one()


def _merge(connection: Connection, source: int, target: int) -> None:
    """Let the components of two atoms be one: the smaller is renamed."""
    small, large = sorted(
        (_component(connection, name) for name in (source, target)), key=lambda one: one.size
    )
    if small.pk == large.pk:
        return
    held = {"small": small.pk, "large": large.pk, "size": small.size}
    for query in (
        "UPDATE members SET component = :large WHERE component = :small",
        "UPDATE components SET size = size + :size WHERE pk = :large",
        "DELETE FROM components WHERE pk = :small",
    ):
        connection.execute(text(query), held)


def _way(connection: Connection, source: int, target: int) -> list[int]:
    """The atoms on a way from `source` to `target`, both included; empty where there is none.

    Looked for backwards: an atom has few parents, but may have a million descendants.
    """
    onward: dict[int, int] = {target: target}
    level = [target]
    while level and source not in onward:
        query = "SELECT source, target FROM edges WHERE {among}"
        before = rows_of(connection, query, "target", level)
        level = []
        for row in before:
            if row.source not in onward:
                onward[row.source] = row.target
                level.append(row.source)
    if source not in onward:
        return []
    way = [source]
    while way[-1] != target:
        way.append(onward[way[-1]])
    return way


def _ids(connection: Connection, numbers: Sequence[int]) -> list[str]:
    rows = rows_of(connection, "SELECT pk, id FROM atoms WHERE {among}", "pk", numbers)
    ids = {row.pk: row.id for row in rows}
    return [ids[number] for number in numbers]


def _keep_author(connection: Connection, graph: int, author: str, pk: int) -> None:
    """Remember that an atom is an author's, if it is the first."""
    held = {"graph": graph, "author": author, "folded": folded(author), "pk": pk}
    connection.execute(
        text(
            "INSERT INTO authors (graph, author, folded, first) "
            "VALUES (:graph, :author, :folded, :pk) ON CONFLICT (graph, author) DO UPDATE "
            "SET first = CASE WHEN excluded.first < authors.first THEN excluded.first "
            "ELSE authors.first END"
        ),
        held,
    )


def _forget_author(connection: Connection, graph: int, author: str) -> None:
    """Look for an author's first atom again, after one was given to another; a rare thing."""
    held = {"graph": graph, "author": author}
    first = connection.execute(
        text("SELECT min(pk) FROM atoms WHERE graph = :graph AND author = :author"), held
    ).scalar()
    query = "DELETE FROM authors WHERE graph = :graph AND author = :author"
    if first is not None:
        query = "UPDATE authors SET first = :first WHERE graph = :graph AND author = :author"
    connection.execute(text(query), {**held, "first": first} if first is not None else held)
