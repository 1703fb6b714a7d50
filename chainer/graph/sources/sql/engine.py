"""Opening a database, and saying what is wrong when it cannot be opened or used.

The one place where SQLAlchemy's and the drivers' errors are translated. No message has a password
in it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool, StaticPool

from chainer.errors import InputError, SettingsError
from chainer.graph.sources.address import POSTGRES, SQLITE, Address
from chainer.graph.sources.sql.tables import HEAD, VERSIONS

WAIT_SECONDS = 10
"""How long a writer waits for another."""

VERSION_TABLE = "chainer_graph_version"

_LOCK = 0x63686169  # the letters of "chai": one writer at a time in PostgreSQL


def engine_of(address: Address, *, write: bool = False, create: bool = False) -> Engine:
    """An engine for the database; connects at its first use.

    SQLite is opened for reading alone unless `write`. Raises `InputError` where its file is not
    there, unless `create`; `SettingsError` where the driver is not installed.
    """
    if address.scheme == SQLITE:
        return _sqlite(address, write=write, create=create)
    assert address.scheme == POSTGRES
    try:
        url = make_url(address.secret or "")
        connect_args: dict[str, Any] = {"application_name": "chainer"}
        if "connect_timeout" not in url.query:
            connect_args["connect_timeout"] = WAIT_SECONDS
        return create_engine(
            url,
            poolclass=StaticPool if not write else NullPool,
            connect_args=connect_args,
            isolation_level="READ COMMITTED" if write else "REPEATABLE READ",
            hide_parameters=True,
        )
    except (ImportError, NoSuchModuleError) as error:
        raise SettingsError(
            f"{address.url}: PostgreSQL needs the extra `postgres`: "
            "pip install 'episode-chainer[postgres]'",
            code="extra",
            extra="postgres",
        ) from error
    except (ArgumentError, ValueError):
        # The cause is not kept: it may quote the whole address.
        raise InputError(
            f"{address.url}: the address cannot be read; write "
            "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, with odd signs in the password "
            "as %XX",
            code="address",
            url=address.url,
        ) from None


def _sqlite(address: Address, *, write: bool, create: bool) -> Engine:
    path = address.path
    assert path is not None
    if path.is_dir():
        raise InputError(
            f"{address.url}: it is a folder; name a file in it", code="address", url=address.url
        )
    if not create and not path.exists():
        raise InputError(
            f"{address.url}: there is no such file; `chainer graph import FILE {address.url}` "
            "makes it",
            code="no-database",
            url=address.url,
        )
    mode = "rwc" if create else "rw" if write else "ro"
    where = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            where, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )

    # One connection for a reader: to open a file again for every question is most of its cost.
    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=NullPool if write else StaticPool,
        hide_parameters=True,
    )
    event.listen(
        engine,
        "begin",
        lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN"),
    )
    return engine


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn what the database complains of into `InputError`."""
    try:
        yield
    except InterfaceError as error:
        raise _told(
            address, "database", _first_line(error, address), "check the address"
        ) from error
    except DBAPIError as error:
        line = _first_line(error, address)
        low = line.lower()
        for words, code, advice in _COMPLAINTS:
            if words in low:
                raise _told(address, code, line, advice) from error
        raise _told(address, "database", line, "check the database") from error
    except SQLAlchemyError as error:
        raise _told(address, "database", _first_line(error, address), "check it") from error
    except UnicodeError as error:
        raise _told(address, "database", str(error), "keep the database in UTF-8") from error


_COMPLAINTS = (
    ("not a database", "not-a-database", "name a SQLite file that chainer made"),
    ("malformed", "database-damaged", "bring it back from a copy, or import the graph again"),
    ("locked", "database-busy", "wait until the other program has written, and try again"),
    ("lock timeout", "database-busy", "wait until the other program has written, and try again"),
    ("readonly", "read-only", "let the file and its folder be writable, or write elsewhere"),
    ("read-only", "read-only", "write to the primary server"),
    ("unable to open", "no-database", "check the path, and that its folder may be written to"),
    ("is full", "disk-full", "make room"),
    ("no space left", "disk-full", "make room"),
    ("password", "database-refused", "check the user and the password"),
    ("authentication", "database-refused", "check the user and the password"),
    ("permission denied", "database-refused", "ask for the right to use these tables"),
    ("role ", "database-refused", "check the user"),
    ("does not exist", "no-database", "check the name of the database"),
    ("connection", "database-unreachable", "check the host and the port, and that it runs"),
    ("resolve", "database-unreachable", "check the name of the host"),
    ("interrupted", "cancelled", "start again"),
)


def _told(address: Address, code: str, what: str, advice: str) -> InputError:
    return InputError(f"{address.url}: {what}; {advice}", code=code, url=address.url)


def _first_line(error: Exception, address: Address) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    line = next((line for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    if address.secret is not None and address.secret != address.url:
        try:
            password = make_url(address.secret).password
        except (ArgumentError, ValueError):
            password = None
        if password:
            line = line.replace(str(password), "…")
    return re.sub(r"\s+", " ", line)[:300]


def version_of(connection: Connection) -> str | None:
    """The version of the tables; None where there are none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found.scalar_one_or_none()


def demand_version(connection: Connection, address: Address) -> None:
    """Raise `InputError` unless the tables are those that this program knows."""
    version = version_of(connection)
    if version == HEAD:
        return
    if version is None:
        tables = inspect(connection).get_table_names()
        what = "it is another program's database" if tables else "it holds no graph yet"
        advice = f"`chainer graph import FILE {address.url}` puts one in"
        raise InputError(
            f"{address.url}: {what}; {advice if not tables else 'name another'}",
            code="no-graphs",
            url=address.url,
        )
    if version in VERSIONS:
        raise InputError(
            f"{address.url}: its tables are of version {version}, this chainer works with {HEAD}; "
            f"run `chainer graph upgrade {address.url}`, which changes them for good",
            code="old-database",
            url=address.url,
            version=version,
        )
    raise InputError(
        f"{address.url}: it was written by a newer chainer (version {str(version)[:40]} of the "
        f"tables, this one knows {', '.join(VERSIONS)}); update chainer",
        code="newer-database",
        url=address.url,
        version=version,
    )


def take_turn(connection: Connection) -> None:
    """Wait until no other writer is at work; SQLite does so when a transaction begins."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
