"""Rows of atoms and edges, written many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table

from chainer.graph.sources.part import REMIX, SEEDED
from chainer.graph.sources.sql.index import Entry, add_words, entry_of, is_sqlite, vector_of
from chainer.graph.sources.sql.tables import (
    ATOMS,
    AUTHORS,
    CASTS,
    COMPONENTS,
    EDGES,
    MEMBERS,
    TAGS,
    words_table,
)
from chainer.graph.sources.words import characters_of

_COLUMNS: Mapping[Table, tuple[str, ...]] = {
    ATOMS: ("pk", "graph", "id", "author", "status", "body", "place", "created"),
    MEMBERS: ("atom", "component"),
    EDGES: ("pk", "graph", "source", "target", "how", "key", "body"),
    COMPONENTS: ("pk", "graph", "size"),
    AUTHORS: ("graph", "author", "folded", "first"),
    TAGS: ("atom", "tag"),
    CASTS: ("atom", "character", "person"),
}


def write_rows(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows, with their columns in the order of `_COLUMNS`."""
    columns = _COLUMNS[table]
    if not is_sqlite(connection):
        copy_rows(connection, table.name, columns, rows)
        return
    many = list(rows)
    if many:
        marks = ", ".join("?" * len(columns))
        named = ", ".join(f'"{column}"' for column in columns)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({named}) VALUES ({marks})",  # noqa: S608 - names of ours
            many,
        )


def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """PostgreSQL's way to take many rows."""
    driver: Any = connection.connection.driver_connection
    named = ", ".join(f'"{column}"' for column in columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({named}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


@dataclass(slots=True)
class AtomRows:
    """Atoms on their way into the tables."""

    graph: int
    persons: Mapping[str, str]
    names: Mapping[str, str]
    atoms: list[tuple[Any, ...]] = field(default_factory=list)
    tags: list[tuple[int, str]] = field(default_factory=list)
    casts: list[tuple[int, str, str | None]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def add(self, pk: int, node: Mapping[str, Any], body: str) -> None:
        """Take an atom."""
        self.add_run(pk, [node], [body])

    def add_run(
        self, first: int, nodes: Sequence[Mapping[str, Any]], bodies: Sequence[str]
    ) -> None:
        """Take atoms, numbered from `first`."""
        graph, persons, names = self.graph, self.persons, self.names
        for pk, (node, body) in enumerate(zip(nodes, bodies, strict=True), first):
            get = node.get
            status = get("status", "published")
            self.atoms.append(
                (pk, graph, node["id"], node["author"], status, body, get("place"), get("created"))
            )
            if tags := get("tags"):
                # Nearly always each is there once.
                own = tags if len(tags) < 2 or len(set(tags)) == len(tags) else dict.fromkeys(tags)
                for tag in own:
                    self.tags.append((pk, tag))
            if get("cast") or get("dialogue"):
                self.casts += [(pk, who, persons.get(who)) for who in characters_of(node)]
            self.entries.append(entry_of(pk, node, persons, names))

    def write(self, connection: Connection) -> None:
        """Write what was taken, and begin anew."""
        write_rows(connection, ATOMS, self.atoms)
        write_rows(connection, TAGS, self.tags)
        write_rows(connection, CASTS, self.casts)
        if is_sqlite(connection):
            add_words(connection, self.graph, self.entries)
        else:
            vectors = ((entry[0], vector_of(entry)) for entry in self.entries)
            copy_rows(connection, words_table(self.graph), ("atom", "words"), vectors)
        for rows in (self.atoms, self.tags, self.casts, self.entries):
            rows.clear()


def edge_row(
    pk: int, graph: int, ends: tuple[int, int], key: str, edge: Mapping[str, Any], body: str
) -> tuple[Any, ...]:
    """The row of an edge."""
    source, target = ends
    how = (REMIX if edge["kind"] == "remix" else 0) | (SEEDED if edge.get("seeded") else 0)
    return pk, graph, source, target, how, key, body


def edge_key(edge: Mapping[str, Any]) -> str:
    """What tells an edge from others between the same atoms."""
    return str(edge.get("key", edge["kind"]))
