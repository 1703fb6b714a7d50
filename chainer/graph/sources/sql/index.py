"""Finding words in a database: SQLite's FTS5, PostgreSQL's tsvector.

Each graph has a table of its own, so that a search looks at one graph and dropping it is cheap.
Words are taken apart by `sources/words.py`, never by the database: what a file finds a database
finds too. Only candidates are found here; `sources/words.py` ranks them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from chainer.graph.sources.sql.tables import words_table
from chainer.graph.sources.text import read_json
from chainer.graph.sources.words import (
    RANKED,
    STORY,
    Wanted,
    characters_of,
    key_of_word,
    words_of,
)

Entry = tuple[int, str, str, str]
"""An atom's number, the words of its short texts, of its long ones, and its keys."""

_BATCH = 5000


def persons_and_names(info: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Who plays each character, and what it is called, of a graph's plain values."""
    people = info.get("characters") or {}
    persons = {who: one["person"] for who, one in people.items() if one.get("person")}
    return persons, {who: one["name"] for who, one in people.items()}


def entry_of(
    pk: int, node: Mapping[str, Any], persons: Mapping[str, str], names: Mapping[str, str]
) -> Entry:
    """What is kept of one atom to find it by: the words of `texts_of`, and its keys."""
    # Not by way of `texts_of` and `keys_of`: this is done for every atom of an import. A test
    # compares.
    get, key = node.get, key_of_word
    strong = author = node["author"]
    weak = get("prompt") or ""
    keys = key("author", author)
    if title := get("title"):
        strong += f"\n{title}"
    if tags := get("tags"):
        for tag in tags:
            strong += f"\n{tag}"
            keys += f" {key('tag', tag)}"
    if place := get("place"):
        keys += f" {key('place', place)}"
    lines = get("dialogue")
    if lines or get("cast"):
        for who in characters_of(node):
            strong += f"\n{names.get(who, '')} {who}"
            keys += f" {key('who', who)}"
            if who in persons:
                keys += f" {key('who', persons[who])}"
        for line in lines or ():
            weak += f"\n{line['text']}"
    if story := get("story"):
        weak += "\n" + "\n".join(said for part in STORY if (said := story.get(part)))
    # What is plain needs no taking apart: FTS5's ascii tokenizer makes the same words of it.
    if not strong.isascii():
        strong = " ".join(words_of(strong))
    if not weak.isascii():
        weak = " ".join(words_of(weak))
    return pk, strong, weak, keys


def is_sqlite(connection: Connection) -> bool:
    """Whether it is SQLite, and not PostgreSQL."""
    return connection.dialect.name == "sqlite"


def make_words(connection: Connection, graph: int) -> None:
    """Make a graph's empty table; `settle_words` makes its index."""
    table = words_table(graph)
    if is_sqlite(connection):
        connection.exec_driver_sql(
            f"CREATE VIRTUAL TABLE {table} USING fts5("
            "strong, weak, keys, content='', columnsize=0, detail=column, tokenize='ascii')"
        )
    else:
        connection.exec_driver_sql(
            f"CREATE TABLE {table} (atom bigint PRIMARY KEY, words tsvector NOT NULL)"
        )


def drop_words(connection: Connection, graph: int) -> None:
    """Drop a graph's table."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {words_table(graph)}")


def add_words(connection: Connection, graph: int, entries: Sequence[Entry]) -> None:
    """Keep the words of new atoms."""
    if not entries:
        return
    table = words_table(graph)
    if is_sqlite(connection):
        columns = "rowid, strong, weak, keys"
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({columns}) VALUES (?, ?, ?, ?)",  # noqa: S608 - a number of ours
            list(entries),
        )
        return
    connection.execute(
        text(f"INSERT INTO {table} VALUES (:atom, CAST(:words AS tsvector))"),  # noqa: S608
        [{"atom": entry[0], "words": vector_of(entry)} for entry in entries],
    )


def remove_words(connection: Connection, graph: int, entries: Sequence[Entry]) -> None:
    """Forget the words of atoms; they must be told as they were kept."""
    table = words_table(graph)
    if not is_sqlite(connection):
        forget = text(f"DELETE FROM {table} WHERE atom = :atom")  # noqa: S608
        connection.execute(forget, [{"atom": entry[0]} for entry in entries])
        return
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({table}, rowid, strong, weak, keys) "  # noqa: S608
        "VALUES ('delete', ?, ?, ?, ?)",
        list(entries),
    )


def brace_words(connection: Connection, graph: int) -> None:
    """Make a table ready for many rows: in memory as long as it can be, merged at the end."""
    if is_sqlite(connection):
        _set(connection, graph, "automerge", 0)
        _set(connection, graph, "hashsize", 64 << 20)


def settle_words(connection: Connection, graph: int) -> None:
    """Put a table in order after many rows were added."""
    if is_sqlite(connection):
        _set(connection, graph, "automerge", 4)
        _set(connection, graph, "hashsize", 1 << 20)
    else:
        table = words_table(graph)
        connection.exec_driver_sql(
            f"CREATE INDEX IF NOT EXISTS {table}_words ON {table} USING gin (words)"
        )
        connection.exec_driver_sql(f"ANALYZE {table}")


def _set(connection: Connection, graph: int, option: str, value: int) -> None:
    table = words_table(graph)
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({table}, rank) VALUES (?, ?)",  # noqa: S608 - a number of ours
        (option, value),
    )


def index_graph(
    connection: Connection, graph: int, persons: Mapping[str, str], names: Mapping[str, str]
) -> None:
    """Make a graph's table and fill it from the bodies of its atoms."""
    make_words(connection, graph)
    rows = text(
        "SELECT pk, body FROM atoms WHERE graph = :graph AND pk > :last ORDER BY pk LIMIT :most"
    )
    last = -1
    while found := connection.execute(rows, {"graph": graph, "last": last, "most": _BATCH}).all():
        last = found[-1].pk
        entries = [entry_of(row.pk, read_json(row.body), persons, names) for row in found]
        add_words(connection, graph, entries)
    settle_words(connection, graph)


def matching(connection: Connection, graph: int, wanted: Wanted) -> list[int]:
    """The numbers of candidates: the newest that answer in a short text, and anywhere.

    With all the words, or where there is none, with some. At most twice `RANKED`.
    """
    for every in (True, False):
        if not wanted.words:
            return _newest(connection, graph, wanted, None, every=True)
        found = {
            *_newest(connection, graph, wanted, "strong", every=every),
            *_newest(connection, graph, wanted, None, every=every),
        }
        if found or len(wanted.words) == 1:
            return sorted(found)
    return []


def _newest(
    connection: Connection, graph: int, wanted: Wanted, column: str | None, *, every: bool
) -> list[int]:
    table = words_table(graph)
    if not wanted.words and not wanted.keys:
        # The numbers of a graph's atoms: no word is asked for.
        rows = text("SELECT pk FROM atoms WHERE graph = :graph ORDER BY pk DESC LIMIT :most")
        return list(connection.execute(rows, {"graph": graph, "most": RANKED}).scalars())
    if is_sqlite(connection):
        query = (
            f"SELECT rowid FROM {table} WHERE {table} MATCH :asked "  # noqa: S608
            "ORDER BY rowid DESC LIMIT :most"
        )
        asked = _fts_query(wanted, column, every=every)
    else:
        query = (
            f"SELECT atom FROM {table} WHERE words @@ CAST(:asked AS tsquery) "  # noqa: S608
            "ORDER BY atom DESC LIMIT :most"
        )
        asked = _ts_query(wanted, column, every=every)
    return list(connection.execute(text(query), {"asked": asked, "most": RANKED}).scalars())


def _fts_query(wanted: Wanted, column: str | None, *, every: bool) -> str:
    """FTS5's query: words hold letters and digits alone, and are quoted all the same."""
    where = "strong" if column else "{strong weak}"
    words = (" AND " if every else " OR ").join(f'{where} : "{word}"' for word in wanted.words)
    keys = [" OR ".join(f'keys : "{key}"' for key in either) for either in wanted.keys]
    return " AND ".join(f"({one})" for one in (words, *keys) if one)


def _ts_query(wanted: Wanted, column: str | None, *, every: bool) -> str:
    where = ":A" if column else ":AD"
    words = (" & " if every else " | ").join(f"'{word}'{where}" for word in wanted.words)
    keys = [" | ".join(f"'{key}':B" for key in either) for either in wanted.keys]
    return " & ".join(f"({one})" for one in (words, *keys) if one)


def vector_of(entry: Entry) -> str:
    """An entry as PostgreSQL writes a tsvector: short texts weigh A, keys B, long texts D."""
    _, strong, weak, keys = entry
    marks: dict[str, str] = {}
    for said, mark in ((weak, "D"), (strong, "A"), (keys, "B")):
        for word in words_of(said):
            marks[word] = marks.get(word, "") + mark
    return " ".join(
        f"'{word}':{','.join(f'{at}{mark}' for at, mark in enumerate(dict.fromkeys(got), 1))}"
        for word, got in marks.items()
    )
