"""The file behind the index of episodes: its tables, its connections, what can go wrong with it.

Every call has a connection of its own, closed when it ends: nothing is shared between threads or
carried into a forked process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from chainer.consent.sqlite import marks_of
from chainer.errors import StoreError

_APPLICATION = 0x63684570  # "chEp": tells our file from any other SQLite database
_VERSION = 1
_PAGES = 16_000  # of 4 KB in the log before a writer stops to put them in their places


class EpisodeFile:
    """An SQLite file in WAL mode, flushed at every commit, made if there is none.

    `read_only` makes nothing and writes nothing: for a file that is there, on any disk.

    Raises `StoreError`, here and in every call: code `index-damaged` for a file that is no index,
    `index-newer` for one of a later version, `index-busy` where others write for longer than
    `wait` seconds, `disk-full` and `store` for what the disk says.
    """

    def __init__(self, path: Path, *, wait: float = 30.0, read_only: bool = False) -> None:
        self.path = path
        self._wait = wait
        self._read_only = read_only
        if read_only:
            with self._connected() as connection:
                ready = self._is_ready(connection)
            if not ready:
                raise _nothing_there(path)
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(path, error.strerror or str(error)) from error
        with self._connected() as connection:
            ready = self._is_ready(connection)
        if not ready:
            with self.alone(), self._connected() as connection:
                if not self._is_ready(connection):
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("BEGIN IMMEDIATE")
                    for statement in _SCHEMA.split(";"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                    connection.execute("COMMIT")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one moment of the index."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that nobody else writes beside; kept if the block ends."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection  # an error leaves by the closing of the connection: rolled back
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def held_open(self) -> Iterator[None]:
        """Until the end of the block no call puts the log in its places when it closes."""
        with self._connected() as connection:
            connection.execute("SELECT 1 FROM episodes LIMIT 1").fetchone()
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock for work beside the database; goes with its holder."""
        path = self.path.with_name(self.path.name + ".lock")
        try:
            lock = path.open("a")
        except OSError as error:
            raise _cannot_write(path, error.strerror or str(error)) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(self._connect()) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES}")
                yield connection
        except sqlite3.Error as error:
            raise _index_error(self.path, self._wait, error) from error

    def _connect(self) -> sqlite3.Connection:
        if not self._read_only:
            return sqlite3.connect(self.path, timeout=self._wait, isolation_level=None)
        # Beside a log that others write, reading writes too; where that cannot be, nobody does.
        where = self.path.absolute().as_uri()
        shut = not os.access(self.path.parent, os.W_OK) or not os.access(self.path, os.W_OK)
        mode = "mode=ro&immutable=1" if shut else "mode=ro"
        return sqlite3.connect(
            f"{where}?{mode}", uri=True, timeout=self._wait, isolation_level=None
        )

    def _is_ready(self, connection: sqlite3.Connection) -> bool:
        application, version, tables = marks_of(connection)
        if application == _APPLICATION and version == _VERSION:
            return True
        if application == _APPLICATION and version > _VERSION:
            raise StoreError(
                f"{self.path} is of version {version}, written by a newer chainer; this one reads "
                f"version {_VERSION}: update chainer, or choose another folder with --store",
                code="index-newer",
                path=str(self.path),
                version=version,
            )
        if application or version or tables:
            raise StoreError(
                f"{self.path} is a database of something else, not an index of episodes; move it "
                "away, or choose another folder with --store",
                code="index-damaged",
                path=str(self.path),
            )
        return False


def _nothing_there(path: Path) -> StoreError:
    return StoreError(
        f"{path} holds no index of episodes; move it away, or choose another folder with --store",
        code="index-damaged",
        path=str(path),
    )


def _cannot_write(path: Path, why: str) -> StoreError:
    return StoreError(
        f"the index of episodes cannot be written: {path}: {why}; choose another folder with "
        "--store",
        path=str(path),
    )


def _index_error(path: Path, wait: float, error: sqlite3.Error) -> StoreError:
    """What SQLite says of the file at `path`, as one of ours, with what to do about it."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"{path} is being written by another process, for more than {wait:g} s; run the same "
            "command again when it is done",
            code="index-busy",
            path=str(path),
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreError(
            f"{path} is damaged or no index of episodes ({error}); put a copy of it back, or move "
            "it away and render anew: without it no revocation finds the episodes it held",
            code="index-damaged",
            path=str(path),
        )
    if name.startswith("SQLITE_FULL"):
        return StoreError(
            f"the disk under {path} is full; free some space and run the same command again",
            code="disk-full",
            path=str(path),
        )
    return _cannot_write(path, str(error))


_SCHEMA = """
CREATE TABLE episodes (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    draft INTEGER NOT NULL,
    before TEXT,
    round INTEGER NOT NULL DEFAULT 1,
    makers INTEGER NOT NULL DEFAULT 1,
    cause TEXT,
    entry INTEGER,
    composer TEXT,
    seq INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL DEFAULT '',
    ledger_id TEXT NOT NULL DEFAULT '',
    ledger_name TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    changed TEXT NOT NULL DEFAULT '',
    refusal TEXT,
    title TEXT NOT NULL DEFAULT '',
    request TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY,
    episode INTEGER NOT NULL REFERENCES episodes,
    folder TEXT NOT NULL,
    film TEXT NOT NULL DEFAULT '',
    urn TEXT,
    UNIQUE (episode, folder, film)
);
CREATE INDEX deliveries_by_film ON deliveries (film);
CREATE TABLE atoms (
    episode INTEGER NOT NULL REFERENCES episodes,
    place INTEGER NOT NULL,
    atom TEXT NOT NULL,
    media TEXT NOT NULL,
    author TEXT,
    PRIMARY KEY (episode, place)
) WITHOUT ROWID;
CREATE TABLE questions (
    n INTEGER PRIMARY KEY,
    person TEXT NOT NULL,
    grantee TEXT NOT NULL,
    what TEXT NOT NULL,
    UNIQUE (person, grantee, what)
);
CREATE TABLE asked (
    question INTEGER NOT NULL REFERENCES questions,
    episode INTEGER NOT NULL REFERENCES episodes,
    atom TEXT NOT NULL,
    PRIMARY KEY (question, episode, atom)
) WITHOUT ROWID;
CREATE INDEX asked_by_episode ON asked (episode);
CREATE TABLE pieces (
    n INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    purged INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE shows (
    person TEXT NOT NULL,
    piece INTEGER NOT NULL REFERENCES pieces,
    PRIMARY KEY (person, piece)
) WITHOUT ROWID;
CREATE TABLE used (
    piece INTEGER NOT NULL REFERENCES pieces,
    episode INTEGER NOT NULL REFERENCES episodes,
    PRIMARY KEY (piece, episode)
) WITHOUT ROWID;
CREATE INDEX used_by_episode ON used (episode);
CREATE TABLE revocations (
    id TEXT PRIMARY KEY,
    entry INTEGER,
    at TEXT NOT NULL,
    people TEXT NOT NULL,
    folders INTEGER NOT NULL,
    state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX revocations_open ON revocations (state) WHERE state <> 'done';
CREATE TABLE taken (
    person TEXT NOT NULL,
    revocation TEXT NOT NULL REFERENCES revocations,
    everyone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (person, revocation)
) WITHOUT ROWID;
CREATE INDEX taken_by_revocation ON taken (revocation);
CREATE TABLE struck (
    revocation TEXT NOT NULL REFERENCES revocations,
    episode INTEGER NOT NULL REFERENCES episodes,
    at TEXT NOT NULL,
    PRIMARY KEY (revocation, episode)
) WITHOUT ROWID;
CREATE TABLE reruns (
    episode INTEGER NOT NULL REFERENCES episodes,
    revocation TEXT NOT NULL REFERENCES revocations,
    at TEXT NOT NULL,
    request TEXT NOT NULL,
    avoid TEXT NOT NULL,
    state TEXT NOT NULL,
    result TEXT,
    why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (episode, revocation)
) WITHOUT ROWID;
CREATE TABLE notices (
    episode INTEGER NOT NULL REFERENCES episodes,
    revocation TEXT NOT NULL REFERENCES revocations,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    entry INTEGER,
    recipients TEXT NOT NULL,
    atoms TEXT NOT NULL,
    told TEXT NOT NULL DEFAULT '[]',
    waiting INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (episode, revocation)
) WITHOUT ROWID;
CREATE INDEX notices_waiting ON notices (at, episode, revocation) WHERE waiting
"""
