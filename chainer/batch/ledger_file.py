"""The file behind the job ledger: its tables, how it is opened, what can go wrong with it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chainer.consent.sqlite import marks_of
from chainer.errors import ChainerError, InputError, OutputError, StoreError

LEDGER_NAME = "batch.sqlite"

_APPLICATION = 0x63684261  # "chBa": tells our file from any other SQLite database
_VERSION = 1
_WAIT = 10.0  # seconds that somebody who looks into it may keep us waiting
_ANEW = "finished steps are in the store and are not made again"


def connect(path: Path) -> sqlite3.Connection:
    """The ledger at `path`, made if there is none; transactions are left to the caller.

    In WAL mode, where a process that is killed loses nothing that was committed; a machine that
    loses its power may lose the last commits, but never gets a torn file.

    Raises `InputError` for a database of something else (`foreign-database`) or of another version
    (`ledger-newer`, `ledger-older`), `OutputError` where it cannot be written, `StoreError` for a
    damaged one (`ledger-damaged`) and a full disk (`disk-full`).
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OutputError(
            f"{path} is in the way: it is no plain file; move it away, or name another folder "
            "with -o",
            path=str(path),
        )
    try:
        connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
    except sqlite3.Error as error:
        raise ledger_error(path, error) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise ledger_error(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def ledger_error(path: Path, error: sqlite3.Error) -> ChainerError:
    """What SQLite says of the ledger at `path`, as one of ours, with what to do about it."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"{path} is being written by another process, for more than {_WAIT:g} s; run the same "
            "command again when it is done",
            code="ledger-busy",
            path=str(path),
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return _damaged(path, str(error))
    if name.startswith("SQLITE_FULL"):
        return StoreError(
            f"the disk under {path} is full; free some space and run the same command again: "
            f"{_ANEW}",
            code="disk-full",
            path=str(path),
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return OutputError(
            f"{path} cannot be written: {error}; name another folder with -o",
            path=str(path),
        )
    return StoreError(
        f"the ledger of the batch cannot be used: {path}: {error}; look at the disk under it and "
        "run the same command again",
        path=str(path),
    )


def damaged_row(path: Path, what: str) -> StoreError:
    """The fault of a ledger that SQLite reads and we cannot."""
    return _damaged(path, what)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.text_factory = _text
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    application, version, tables = marks_of(connection)
    if (application, version) == (_APPLICATION, _VERSION):
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _damaged(path, found)
        # Asks for the write lock: a folder that became read-only is told of now, not mid-way.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        return
    if application == _APPLICATION:
        age = "newer" if version > _VERSION else "older"
        raise InputError(
            f"{path} is of version {version}, written by a chainer {age} than this one, which "
            f"knows version {_VERSION}: use that chainer, name another folder with -o, or move the "
            f"file away: {_ANEW}",
            code=f"ledger-{age}",
            path=str(path),
            version=version,
        )
    if application or version or tables:
        raise InputError(
            f"{path} is a database of something else, no ledger of a batch; move it away, or name "
            "another folder with -o",
            code="foreign-database",
            path=str(path),
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path} is damaged or no ledger of a batch ({why}); move it away and run the same command "
        f"again: {_ANEW}",
        code="ledger-damaged",
        path=str(path),
    )


def _text(data: bytes) -> str:
    # Paths need not be UTF-8.
    return data.decode("utf-8", "surrogateescape")


# The checks are what may be relied on: no film without its note, no failure without its error.
_SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    command TEXT NOT NULL,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    started TEXT NOT NULL,
    ended TEXT NOT NULL DEFAULT '',
    how TEXT NOT NULL DEFAULT ''
);
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    n INTEGER,
    place TEXT NOT NULL,
    graph TEXT NOT NULL,
    start TEXT NOT NULL,
    chain TEXT NOT NULL,
    digest TEXT NOT NULL,
    out TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    film TEXT,
    film_size INTEGER,
    film_mtime_ns INTEGER,
    film_seconds TEXT,
    error TEXT,
    log TEXT NOT NULL DEFAULT '',
    started TEXT NOT NULL DEFAULT '',
    ended TEXT NOT NULL DEFAULT '',
    run INTEGER REFERENCES runs,
    CHECK ((state = 'done') = (film IS NOT NULL)),
    CHECK ((state = 'failed') = (error IS NOT NULL)),
    CHECK ((state IN ('done', 'failed')) = (ended <> '')),
    CHECK (state NOT IN ('running', 'done') OR (attempts >= 1 AND started <> '')),
    CHECK ((film IS NULL) = (film_size IS NULL)),
    CHECK ((film IS NULL) = (film_mtime_ns IS NULL)),
    CHECK ((film IS NULL) = (film_seconds IS NULL))
);
CREATE TABLE steps (
    key TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'cached', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    ran INTEGER NOT NULL DEFAULT 0,
    cpu_seconds REAL NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    worker TEXT NOT NULL DEFAULT '',
    error TEXT,
    started TEXT NOT NULL DEFAULT '',
    ended TEXT NOT NULL DEFAULT '',
    run INTEGER REFERENCES runs,
    CHECK ((state = 'done') = ran),
    CHECK ((state = 'failed') = (error IS NOT NULL)),
    CHECK (state NOT IN ('running', 'done') OR (attempts >= 1 AND started <> ''))
) WITHOUT ROWID;
CREATE TABLE job_steps (
    job TEXT NOT NULL REFERENCES jobs,
    step TEXT NOT NULL REFERENCES steps,
    PRIMARY KEY (job, step)
) WITHOUT ROWID;
CREATE INDEX job_steps_by_step ON job_steps (step)
"""
