"""The edges of atoms in a database, as `sources/part.py` asks for them: a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, text

from chainer.graph.sources import part
from chainer.graph.sources.sql.index import is_sqlite

_BATCH = 5000

_T = TypeVar("_T")


def among(connection: Connection, column: str, *, texts: bool = False) -> str:
    """SQL that holds for rows whose `column` is in the list bound as `:many` (`many_of`)."""
    if is_sqlite(connection):
        return f"{column} IN (SELECT value FROM json_each(:many))"  # noqa: S608 - a name of ours
    return f"{column} = ANY(CAST(:many AS {'text' if texts else 'bigint'}[]))"


def many_of(connection: Connection, values: Sequence[Any]) -> Any:
    """A list as `among` takes it."""
    return json.dumps(values) if is_sqlite(connection) else list(values)


def batches(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """The values, not too many at a time."""
    return (values[at : at + _BATCH] for at in range(0, len(values), _BATCH))


def rows_of(
    connection: Connection,
    query: str,
    column: str,
    values: Sequence[Any],
    *,
    texts: bool = False,
    **more: Any,
) -> list[Row[Any]]:
    """The rows of a query with `{among}` in it, for all `values`, batch after batch."""
    asked = text(query.format(among=among(connection, column, texts=texts)))
    found: list[Row[Any]] = []
    for batch in batches(values):
        bound = {"many": many_of(connection, batch), **more}
        found += connection.execute(asked, bound).all()
    return found


class Edges:
    """The edges of a database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def out(self, names: Sequence[int], limit: int) -> Sequence[part.Row[int]]:
        """The edges that leave these atoms."""
        return self._ask("source", names, limit)

    def into(self, names: Sequence[int], limit: int) -> Sequence[part.Row[int]]:
        """The edges that reach these atoms."""
        return self._ask("target", names, limit)

    def _ask(self, end: str, names: Sequence[int], limit: int) -> Sequence[part.Row[int]]:
        held = among(self._connection, end)
        query = text(f"SELECT source, target, how FROM edges WHERE {held} LIMIT :most")  # noqa: S608
        found: list[part.Row[int]] = []
        for batch in batches(names):
            bound = {"many": many_of(self._connection, batch), "most": limit + 1 - len(found)}
            found += [(s, t, how) for s, t, how in self._connection.execute(query, bound)]
            if len(found) > limit:
                break
        return found


class Firsts:
    """The authors of one graph with their first atoms."""

    def __init__(self, connection: Connection, graph: int) -> None:
        self._connection = connection
        self._graph = graph

    def firsts(self, authors: Sequence[str]) -> Mapping[str, int]:
        """By the id of the author."""
        return self._ask("author", authors)

    def called(self, names: Sequence[str]) -> Mapping[str, int]:
        """By how the id reads."""
        return self._ask("folded", names)

    def place(self, first: int) -> int:
        """Numbers are places."""
        return first

    def _ask(self, column: str, names: Sequence[str]) -> Mapping[str, int]:
        query = "SELECT author, first FROM authors WHERE graph = :graph AND {among}"
        rows = rows_of(self._connection, query, column, list(names), texts=True, graph=self._graph)
        return {row.author: row.first for row in rows}
