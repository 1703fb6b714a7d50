"""The ledger in a SQLite database: one table of lines that takes additions only.

In WAL mode with full flushing, so that an addition is on disk when it returns, and readers do not
wait for writers. The number of the last entry is kept apart by SQLite itself (`sqlite_sequence`),
to tell a table that was cut off. One object must not be used on both sides of a fork.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from chainer.consent.ledger import ChainedLedger, LedgerDamaged
from chainer.consent.line import Link
from chainer.errors import ChainerError, InputError, StoreError

BUSY_SECONDS = 30.0
"""How long another process may hold a database before it is given up."""

_APPLICATION = 0x43484C47  # "CHLG"
_VERSION = 1
_SCHEMA = f"""
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries of a ledger are never changed'); END;
CREATE TRIGGER IF NOT EXISTS entry_remains BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries of a ledger are never removed'); END;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class SqliteLedger(ChainedLedger):
    """Entries in the SQLite database at `path`; `key` seals them. Absent is empty.

    Safe for several threads and processes on one machine at once; several events are recorded all
    or none, crashes included.
    """

    def __init__(self, path: Path, key: bytes | None) -> None:
        super().__init__(str(path), key)
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._brief = False
        self._last = b""

    def close(self) -> None:
        """Close the database."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- what a store says -----------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            if not self._opened(create=False):
                self._forget()
                yield
                return
            self._execute("BEGIN")
            try:
                self._look()
                yield
            finally:
                self._end("ROLLBACK")
        except sqlite3.Error as error:
            raise self._trouble("read", error) from error
        finally:
            if self._brief:
                self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._opened(create=True)
            try:
                self._execute("BEGIN IMMEDIATE")
                self._look()
                yield
                self._execute("COMMIT")
            except BaseException:
                self._end("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._trouble("written", error) from error
        finally:
            if self._brief:
                self.close()

    def _lines(self, after: int, most: int) -> tuple[list[bytes], bool]:
        lines: list[bytes] = []
        if self._connection is None:
            return lines, True
        rows = self._execute("SELECT seq, line FROM entry WHERE seq > ? ORDER BY seq", (after,))
        try:
            for seq, line in rows:
                # After a gap comes nothing that could be an entry: it ends there.
                if seq != after + len(lines) + 1:
                    lines.append(b"\n")
                    break
                lines.append((line if isinstance(line, bytes) else b"") + b"\n")
                if len(lines) == most:
                    return lines, False
        except sqlite3.DatabaseError:
            if not lines:
                raise
            return lines, False  # the next reading begins where it fails
        finally:
            rows.close()
        return lines, True

    def _claimed(self) -> tuple[int, str] | None:
        if self._connection is None:
            return None
        row = self._execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
        return (row[0], "") if row and isinstance(row[0], int) else None

    def _write(self, lines: list[bytes], last: Link) -> None:
        assert self._connection is not None
        first = last.seq - len(lines) + 1
        self._connection.executemany(
            "INSERT INTO entry (seq, line) VALUES (?, CAST(? AS TEXT))",
            [(seq, line[:-1]) for seq, line in enumerate(lines, first)],
        )

    # -- inside ----------------------------------------------------------------

    def _look(self) -> None:
        """Forget what was checked unless its last row is the same."""
        known = self._known
        if known.seq:
            row = self._execute("SELECT line FROM entry WHERE seq = ?", (known.seq,)).fetchone()
            if row is None or row[0] != self._last:
                self._forget()

    def _learn(self, line: bytes, link: Link) -> None:
        super()._learn(line, link)
        self._last = line[:-1]

    def _forget(self) -> None:
        super()._forget()
        self._last = b""

    def _opened(self, *, create: bool) -> bool:
        """See to it that the database is open; False where there is none."""
        file = self._identity()
        if self._connection is not None and file == self._file and file is not None:
            return True
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if file != self._file:
            self._forget()
        if file is None and not create:
            return False
        self._connection = self._connect(create=create)
        self._file = self._identity()
        return self._connection is not None

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _connect(self, *, create: bool) -> sqlite3.Connection | None:
        self._brief = False
        try:
            return self._prepared("rwc" if create else "rw")
        except sqlite3.OperationalError as error:
            wal = self._path.with_name(self._path.name + "-wal")
            if create or database_code(error) not in _NOT_WRITABLE or _has_bytes(wal):
                raise
        # A folder that cannot be written has no place for SQLite's own files; with no unfinished
        # business in them, the database alone says it all. Looked at afresh every time.
        self._brief = True
        return self._prepared("ro&immutable=1")

    def _prepared(self, mode: str) -> sqlite3.Connection | None:
        """The database, open; None where it is empty and not to be made."""
        connection = connect(self._path, mode)
        ready = False
        try:
            connection.execute("PRAGMA synchronous = FULL")
            ready = _is_ledger(connection, self._path)
            if not ready and mode == "rwc":
                make_schema(connection, _SCHEMA)
                ready = True
        finally:
            if not ready:
                connection.close()
        return connection if ready else None

    def _execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        assert self._connection is not None
        return self._connection.execute(sql, values)

    def _end(self, word: str) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection is not None and self._connection.in_transaction:
                self._execute(word)

    def _trouble(self, what: str, error: sqlite3.Error) -> ChainerError:
        if database_code(error) in _DAMAGED:
            return LedgerDamaged(self.name, self._known.seq + 1, f"SQLite says: {error}")
        return database_trouble(f"the ledger cannot be {what}", self._path, error)


_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """The database at `path`, transactions left to the caller, texts as bytes.

    `mode` as in SQLite's addresses: `ro`, `rw`, `rwc`. Raises `sqlite3.Error`.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = bytes
    return connection


def marks_of(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Whose file it is: application id, version of its schema, how many tables it has.

    Of one moment: another process may be making the file between two questions.
    """
    inside = connection.in_transaction
    if not inside:
        connection.execute("BEGIN")
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not inside:
        connection.execute("COMMIT")
    return application, version, tables


def make_schema(connection: sqlite3.Connection, script: str) -> None:
    """Run `script`, which others may be running as well and which does no harm when repeated."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.executescript(script)
        except sqlite3.OperationalError as error:
            # Unlike other statements, a change of the journal's mode does not wait for its turn.
            if database_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            time.sleep(0.01)
        else:
            return


def database_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of `error`; 0 where it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def database_trouble(what: str, path: Path, error: sqlite3.Error) -> StoreError:
    """`error` as one of ours: `disk-full`, `read-only`, `busy` or `store`."""
    cures = {
        sqlite3.SQLITE_FULL: ("disk-full", "free some space and do it again: nothing was kept"),
        sqlite3.SQLITE_READONLY: ("read-only", "see to it that it can be written"),
        sqlite3.SQLITE_CANTOPEN: ("read-only", "see to it that its folder can be written"),
        sqlite3.SQLITE_BUSY: ("busy", "another process holds it; do it again"),
    }
    code, cure = cures.get(database_code(error), ("store", "look at the disk under it"))
    return StoreError(f"{what}: {path}: {error}; {cure}", code=code, path=str(path))


def foreign_database(path: Path, what: str) -> InputError:
    """The fault of a database that holds something else than `what`."""
    return InputError(
        f"{path} is a database of something else than {what}; give another file",
        code="foreign-database",
        path=str(path),
    )


def _is_ledger(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether it holds a ledger; False where it holds nothing. Raises `InputError` for others."""
    application, version, tables = marks_of(connection)
    if application == _APPLICATION and version == _VERSION:
        return True
    if application or version or tables:
        raise foreign_database(path, "a ledger that this version of chainer knows")
    return False


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
