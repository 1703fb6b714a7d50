"""Databases that are old, new, strange, busy, closed, or not there."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from chainer.errors import InputError
from chainer.graph.sources import edit_graph, open_graph
from chainer.graph.sources.address import read_address
from chainer.graph.sources.sql import engine as engines
from chainer.graph.sources.sql.bulk import import_graph
from chainer.graph.sources.sql.engine import VERSION_TABLE, engine_of
from chainer.graph.sources.sql.tables import HEAD, METADATA, VERSIONS
from chainer.graph.sources.sql.upgrade import upgrade_tables
from tests.graph.sources.forests import atom, edge, file_of


def run_sql(url: str, *lines: str) -> None:
    engine = engine_of(read_address(url), write=True)
    with engine.begin() as connection:
        for line in lines:
            connection.execute(text(line.replace(":", r"\:")))
    engine.dispose()


def old_database(url: str) -> None:
    """A database as the first version of the tables was, with a graph of two atoms in it."""
    touch(url)
    assert upgrade_tables(read_address(url), to="0001") == (None, "0001")
    info = json.dumps({"schema": "chainer.graph/1", "title": "Old"})
    bodies = [
        json.dumps(atom("a", title="Yellow coat", created="2026-01-01T00:00:00Z")),
        json.dumps(atom("b", tags=["calm"], prompt="Café")),
    ]
    run_sql(
        url,
        f"INSERT INTO graphs VALUES (1, 'old', '{info}', '{{}}', NULL, 2, 1)",
        *(
            f"INSERT INTO atoms VALUES ({pk}, 1, '{name}', 'p-x', 'published', '{body}')"
            for pk, name, body in ((1, "a", bodies[0]), (2, "b", bodies[1]))
        ),
        "INSERT INTO members VALUES (1, 1), (2, 1)",
        f"INSERT INTO edges VALUES (1, 1, 1, 2, 0, 'continuation', '{json.dumps(edge('a', 'b'))}')",
        "INSERT INTO components VALUES (1, 1, 2)",
        "INSERT INTO authors VALUES (1, 'p-x', 'p-x', 1)",
        "INSERT INTO tags VALUES (2, 'calm')",
    )


def touch(url: str) -> None:
    """An empty file, where the database is one: `upgrade` makes tables, but no databases."""
    path = read_address(url).path
    if path is not None:
        path.touch()


def put(url: str, folder: Path) -> str:
    path = folder / "g.json"
    path.write_text(json.dumps(file_of([atom("a")], [])))
    return import_graph(path, url).url


def test_an_old_database_is_named_and_upgraded_with_what_is_in_it(database: str) -> None:
    old_database(database)
    for door in (open_graph, edit_graph):
        with pytest.raises(InputError, match="chainer graph upgrade") as raised:
            door(database)
        assert (raised.value.code, raised.value.exit_status) == ("old-database", 2)
    address = read_address(database)
    assert upgrade_tables(address) == ("0001", HEAD)
    assert upgrade_tables(address) == (HEAD, HEAD)
    with open_graph(database) as source:
        assert list(source.load("a").atoms) == ["a", "b"]
        assert [one.atom for one in source.find("cafe")] == ["b"]
        assert [one.atom for one in source.find("yellow coat")] == ["a"]
        assert [one.atom for one in source.find(tags=["calm"])] == ["b"]
    engine = engine_of(address)
    with engine.connect() as connection:
        created = connection.execute(text("SELECT created FROM atoms ORDER BY pk")).scalars().all()
        assert created == ["2026-01-01T00:00:00Z", None]
    engine.dispose()


def test_a_newer_database_is_left_alone(database: str, tmp_path: Path) -> None:
    url = put(database, tmp_path)
    run_sql(database, f"UPDATE {VERSION_TABLE} SET version_num = '0099'")
    for act in (
        lambda: open_graph(url),
        lambda: edit_graph(url),
        lambda: upgrade_tables(read_address(database)),
        lambda: import_graph(tmp_path / "g.json", database, name="x"),
    ):
        with pytest.raises(InputError, match="newer chainer") as raised:
            act()
        assert raised.value.code == "newer-database"


def test_the_migrations_make_the_tables_of_this_program(database: str) -> None:
    touch(database)
    upgrade_tables(read_address(database))
    engine = engine_of(read_address(database))
    with engine.connect() as connection:
        look = inspect(connection)
        assert {VERSION_TABLE, *METADATA.tables} == set(look.get_table_names())
        for name, table in METADATA.tables.items():
            columns = {one["name"]: one["nullable"] for one in look.get_columns(name)}
            assert columns == {column.name: column.nullable for column in table.columns}
            unique = {one["name"] for one in look.get_unique_constraints(name)}
            made = {
                (one["name"], tuple(one["column_names"]), bool(one["unique"]))
                for one in look.get_indexes(name)
                if one["name"] not in unique and not str(one["name"]).endswith("_key")
            }
            assert made == {
                (index.name, tuple(column.name for column in index.columns), index.unique)
                for index in table.indexes
            }
    engine.dispose()
    assert VERSIONS[-1] == HEAD


def test_somebody_elses_database(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE things (a)")
    connection.close()
    url = f"sqlite:///{path}"
    with pytest.raises(InputError, match="another program's"):
        open_graph(url)
    graph = tmp_path / "g.json"
    graph.write_text(json.dumps(file_of([], [])))
    with pytest.raises(InputError, match="another program's"):
        import_graph(graph, url)
    with pytest.raises(InputError, match="another program's"):
        upgrade_tables(read_address(url))
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError) as raised:
        open_graph(url)
    assert raised.value.code == "not-a-database"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="holds no graph"):
        open_graph(url)
    import_graph(graph, url)
    with open_graph(url) as source:
        assert source.name == "g"


def test_nothing_is_upgraded_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        upgrade_tables(read_address(f"sqlite:///{tmp_path / 'none.db'}"))
    assert raised.value.code == "no-database"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database(tmp_path: Path) -> None:
    url = put(f"sqlite:///{tmp_path / 'g.db'}", tmp_path)
    whole = (tmp_path / "g.db").read_bytes()
    (tmp_path / "g.db").write_bytes(whole[:4096] + b"\x7f" * (len(whole) - 4096))
    with pytest.raises(InputError) as raised, open_graph(url) as source:
        source.load()
    assert raised.value.exit_status == 2


def test_a_tampered_body_is_a_fault_of_the_graph(database: str, tmp_path: Path) -> None:
    url = put(database, tmp_path)
    body = json.dumps({**atom("a"), "media": "../../etc/passwd"})
    run_sql(database, f"UPDATE atoms SET body = '{body}'")
    with open_graph(url) as source, pytest.raises(InputError, match=r"misplaced|beside|folder"):
        source.load()


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "WAIT_SECONDS", 0.1)
    url = put(f"sqlite:///{tmp_path / 'g.db'}", tmp_path)
    other = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        for act in (
            lambda: open_graph(url),
            lambda: edit_graph(url),
            lambda: import_graph(tmp_path / "g.json", url, replace=True),
        ):
            with pytest.raises(InputError) as raised:
                act()
            assert raised.value.code == "database-busy"
    finally:
        other.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'g.db'}"
    put(database, tmp_path)
    address = read_address(database)
    engine = engine_of(address)
    with (
        pytest.raises(InputError) as raised,
        engines.translated(address),
        engine.connect() as connection,
    ):
        connection.execute(text("DELETE FROM atoms"))
    engine.dispose()
    assert raised.value.code == "read-only"


def test_reading_writes_nothing(tmp_path: Path) -> None:
    url = put(f"sqlite:///{tmp_path / 'g.db'}", tmp_path)
    before = (tmp_path / "g.db").read_bytes()
    with open_graph(url) as source:
        source.load("a")
        source.find("a")
    assert (tmp_path / "g.db").read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["g.db", "g.json"]


def test_a_server_that_is_not_there_and_a_password_that_is_not_told(server: Path) -> None:
    away = "postgresql+psycopg://u:hunter2@127.0.0.1:9/d?connect_timeout=2&password=hunter2"
    with pytest.raises(InputError) as raised:
        open_graph(away)
    assert raised.value.code == "database-unreachable"
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in json.dumps(raised.value.as_json())
    for url, code in (
        (f"postgresql+psycopg://postgres:hunter2@/nowhere?host={server}", "no-database"),
        (f"postgresql://nobody:hunter2@/postgres?host={server}", "database-refused"),
        ("postgresql+psycopg://u:hun/ter2@h/d?connect_timeout=1", None),
        ("postgresql+psycopg://u:hunter2@h:port/d", "address"),
    ):
        with pytest.raises(InputError) as raised:
            open_graph(url)
        assert code is None or raised.value.code == code, url
        assert "ter2" not in str(raised.value)
        assert "ter2" not in repr(read_address(url))


def test_a_url_never_tells_a_password(postgres: str, tmp_path: Path) -> None:
    secret = postgres.replace("postgres@", "postgres:hunter2@")
    url = put(secret, tmp_path)
    assert "hunter2" not in url
    with open_graph(secret) as source:
        assert "hunter2" not in source.url
        graph = source.load()
        assert "hunter2" not in graph.source + graph.title
    with open_graph(url) as plain:
        assert graph.identity == plain.load().identity


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match="extra `postgres`") as raised:
        open_graph("postgresql+psycopg://u@h/d")
    assert raised.value.code == "extra"


def test_no_database_library_is_loaded_before_it_is_asked() -> None:
    code = (
        "import sys, chainer.graph, chainer.graph.sources as s\n"
        "s.load_any('graphs/harbor.json', 'a1')\n"
        "assert not {'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    reading = (
        "import sys\nfrom chainer.graph.sources.sql import source\n"
        "assert 'sqlalchemy' in sys.modules and 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", reading], check=True)
