"""The table of names as a SQLite database beside a ledger in SQLite.

With a rollback journal rather than a log of pages, because that leaves no earlier picture of a row
behind: an erased row is overwritten with zeros where it stood, the journal is removed, and the
file is packed anew.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from chainer.consent.entry import PersonKey
from chainer.consent.people import NO_SECRETS, SECRET_BYTES, check_name, person_key
from chainer.consent.people_file import people_lost
from chainer.consent.sqlite import (
    connect,
    database_code,
    database_trouble,
    foreign_database,
    make_schema,
    marks_of,
)
from chainer.errors import ChainerError

_APPLICATION = 0x4348504C  # "CHPL"
_VERSION = 1
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS about (one INTEGER PRIMARY KEY CHECK (one = 1),
    ledger TEXT NOT NULL, seal BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS person (name TEXT PRIMARY KEY, secret BLOB NOT NULL,
    key TEXT NOT NULL UNIQUE);
{about}
PRAGMA application_id = {application};
PRAGMA user_version = {version};
COMMIT;
"""


class SqlitePeople:
    """Names in the SQLite database at `path`; with `create` a new one where there is none.

    Safe for several threads and processes on one machine at once. Raises `InputError`, code
    `people-lost`, where the database is missing or damaged, and `StoreError` where it cannot be
    read or written.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path = path
        self._lock = threading.RLock()
        if not create and not path.exists():
            raise people_lost(path, "is missing")
        if create and not path.exists():
            with contextlib.suppress(OSError):  # SQLite says better what is wrong
                path.touch(mode=0o600)
        with self._translated("opened"):
            self._db = connect(path, "rwc" if create else "rw")
        try:
            with self._translated("read"):
                self._ledger_id, self._seal_key = self._prepare(create=create)
        except BaseException:
            self._db.close()
            raise

    @property
    def ledger_id(self) -> str:
        """As `People.ledger_id`."""
        return self._ledger_id

    @property
    def seal_key(self) -> bytes:
        """As `People.seal_key`."""
        return self._seal_key

    def known(self, name: str) -> PersonKey | None:
        """As `People.known`."""
        return self._one("SELECT key FROM person WHERE name = ?", name)

    def name_of(self, key: str) -> str | None:
        """As `People.name_of`."""
        return self._one("SELECT name FROM person WHERE key = ?", key)

    def names(self) -> tuple[str, ...]:
        """As `People.names`."""
        with self._lock, self._translated("read"):
            rows = self._db.execute("SELECT name FROM person").fetchall()
        return tuple(sorted(name.decode() for (name,) in rows))

    def add(
        self, names: Iterable[str], given: Mapping[str, bytes] = NO_SECRETS
    ) -> dict[str, PersonKey]:
        """As `People.add`."""
        wanted = [check_name(name) for name in names]
        found = {name: key for name in wanted if (key := self.known(name))}
        if len(found) == len(set(wanted)):
            return found
        with self._lock, self._translated("written"), self._changing():
            for name in wanted:
                secret = given.get(name) or secrets.token_bytes(SECRET_BYTES)
                self._db.execute(
                    "INSERT OR IGNORE INTO person (name, secret, key) VALUES (?, ?, ?)",
                    (name, secret, person_key(secret, name)),
                )
            return {name: key for name in wanted if (key := self.known(name))}

    def erase(self, name: str) -> bool:
        """As `People.erase`."""
        with self._lock, self._translated("written"):
            with self._changing():
                count = self._db.execute("DELETE FROM person WHERE name = ?", (name,)).rowcount
            # Rows that moved as others went may have left a shadow; even if not now, after a kill.
            self._db.execute("VACUUM")
        return count > 0

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    # -- inside ----------------------------------------------------------------

    def _prepare(self, *, create: bool) -> tuple[str, bytes]:
        for pragma in ("secure_delete = ON", "synchronous = FULL", "temp_store = MEMORY"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        application, version, tables = marks_of(self._db)
        if create and not (application or version or tables):
            new = secrets.token_hex(16), secrets.token_bytes(SECRET_BYTES).hex()
            about = f"INSERT OR IGNORE INTO about VALUES (1, '{new[0]}', x'{new[1]}');"  # noqa: S608
            make_schema(
                self._db, _SCHEMA.format(about=about, application=_APPLICATION, version=_VERSION)
            )
        elif not (application or version or tables):
            raise people_lost(self._path, "is empty")
        elif (application, version) != (_APPLICATION, _VERSION):
            raise foreign_database(
                self._path, "a table of names that this version of chainer knows"
            )
        row = self._db.execute("SELECT ledger, seal FROM about").fetchone()
        if row is None:
            raise people_lost(self._path, "is damaged")
        return row[0].decode(), bytes(row[1])

    def _one(self, sql: str, value: str) -> str | None:
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        with self._lock, self._translated("read"):
            row = self._db.execute(sql, (value,)).fetchone()
        return row[0].decode() if row else None

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._trouble(what, error) from error

    def _trouble(self, what: str, error: sqlite3.Error) -> ChainerError:
        lost: tuple[int, ...] = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        if database_code(error) in lost:
            return people_lost(self._path, "is damaged")
        return database_trouble(f"the table of names cannot be {what}", self._path, error)
