"""The book: a ledger together with its table of names, as everybody uses them.

Whoever asks or records something names people; the ledger knows only keyed ids. A name without a
row gets a provisional id, which is kept in memory until something is recorded.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from chainer.consent.entry import Entry, Event, PersonKey, Position
from chainer.consent.jsonl import FileLedger, head_path
from chainer.consent.ledger import Ledger, store_trouble
from chainer.consent.people import SECRET_BYTES, People, check_name, person_key
from chainer.consent.people_file import FilePeople
from chainer.consent.words import Kind
from chainer.errors import InputError, StoreError
from chainer.graph.faults import near_miss

DATABASES = (".db", ".sqlite", ".sqlite3")
"""The suffixes of ledgers that are SQLite databases; all others are JSONL files."""


class Book:
    """A ledger and its table of names. Safe for several threads; a context manager.

    A backend makes one of its own `ledger` and `people`; `open_book` makes one of files.
    """

    def __init__(self, ledger: Ledger, people: People) -> None:
        self.ledger = ledger
        self.people = people
        self._lock = threading.RLock()
        self._provisional: dict[str, bytes] = {}
        self._provisional_names: dict[PersonKey, str] = {}
        # Ids under which somebody was asked for before another process gave the name its row.
        self._moved: dict[PersonKey, PersonKey] = {}

    @property
    def id(self) -> str:
        """The ledger's id: 32 hexadecimal digits that stay the same wherever it lies."""
        return self.people.ledger_id

    @property
    def name(self) -> str:
        """What messages call the ledger: its path, as a rule."""
        return self.ledger.name

    def key(self, name: str) -> PersonKey:
        """The id of `name`: its row's, or a provisional one that this book will keep.

        Raises `InputError` for what cannot be a name.
        """
        with self._lock:
            known = self.people.known(name)
            if known is not None:
                return known
            if name not in self._provisional:
                self._provisional[check_name(name)] = secrets.token_bytes(SECRET_BYTES)
            key = person_key(self._provisional[name], name)
            self._provisional_names[key] = name
            return key

    def settle(self) -> None:
        """Give every provisional id its row. Where the table is read-only they stay in memory.

        Raises `StoreError` where it cannot be written for another reason.
        """
        try:
            self._settle()
        except StoreError as error:
            if error.code != "read-only":
                raise

    def settled(self, key: PersonKey) -> PersonKey:
        """The id that a name has for good, by the provisional one it was asked for under."""
        with self._lock:
            return self._moved.get(key, key)

    def has_row(self, key: PersonKey) -> bool:
        """Whether there is a name behind this id in the table, so that it stays."""
        return self.people.name_of(key) is not None

    def name_of(self, key: str) -> str:
        """The name behind an id, or `someone (key…1a2b3c4d)` with its last eight digits."""
        with self._lock:
            name = self.people.name_of(self._moved.get(key, key))
            return name or self._provisional_names.get(key) or f"someone (key…{key[-8:]})"

    def names(self) -> tuple[str, ...]:
        """The names that have a row, sorted."""
        return self.people.names()

    def record(
        self,
        events: Sequence[Event],
        *,
        now: datetime | None = None,
        expected: Position | None = None,
    ) -> tuple[Entry, ...]:
        """As `Ledger.append`, when every provisional id has its row."""
        with self._lock:
            self._settle()
            events = [self._with_rows(event) for event in events]
        return self.ledger.append(events, now=now, expected=expected)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """As `Ledger.entries`."""
        return self.ledger.entries(after)

    def position(self) -> Position:
        """The position of the last entry, all before it checked. Raises `LedgerDamaged`."""
        return self.ledger.head()

    def erase(self, name: str, *, now: datetime | None = None) -> Entry:
        """Record that `name` is to be forgotten, then forget the name; the entry that says so.

        Can be repeated after a crash in between: what is recorded already is not recorded twice.
        Raises `InputError` for a name that has no row.
        """
        with self._lock:
            entry = self.note_erasure(name, now=now)
            self.people.erase(name)
            self._provisional.pop(name, None)
            return entry

    def note_erasure(self, name: str, *, now: datetime | None = None) -> Entry:
        """The first half of `erase`: nothing of `name` is allowed any more, the name still stands.

        For what must be done while somebody can still ask for it again by name.
        """
        with self._lock:
            key = self.people.known(name)
            if key is None:
                hint = near_miss(name, self.names(), "`chainer consent show` lists those it has")
                raise InputError(
                    f"{self.name} knows nobody called {name[:60]!r}; {hint}",
                    code="unknown-person",
                    name=name[:60],
                )
            last: Entry | None = None
            for entry in self.entries():
                if entry.person == key:
                    last = entry
            if last is None or last.kind is not Kind.ERASE:
                (last,) = self.ledger.append([Event(kind=Kind.ERASE, person=key)], now=now)
            return last

    def close(self) -> None:
        """Close ledger and table."""
        self.ledger.close()
        self.people.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------

    def _settle(self) -> None:
        with self._lock:
            if not self._provisional:
                return
            rows = self.people.add(self._provisional, self._provisional)
            for name, secret in self._provisional.items():
                provisional = person_key(secret, name)
                if rows[name] != provisional:
                    self._moved[provisional] = rows[name]
            self._provisional.clear()
            self._provisional_names.clear()

    def _with_rows(self, event: Event) -> Event:
        """`event` with the ids that its people's rows have."""
        if not self._moved:
            return event
        person = self._moved.get(event.person, event.person)
        authors = tuple(self._moved.get(one, one) for one in event.authors)
        return event.model_copy(update={"person": person, "authors": authors})


def open_book(path: Path, *, create: bool = False) -> Book:
    """The book at `path`: SQLite for the suffixes in `DATABASES`, else a JSONL file.

    With `create` a new one where there is none. Raises `InputError` where there is none, or where
    there is a ledger without its table of names, and `StoreError` where it cannot be read.
    Links are followed: the table lies beside the ledger itself.
    """
    path = real_path(path)
    try:
        size = path.stat().st_size if path.exists() else 0
        remembered = head_path(path).exists()
    except OSError as error:
        raise store_trouble("the ledger cannot be read", path, error) from error
    if not (path.exists() or remembered) and not create:
        raise InputError(
            f"{path}: there is no consent ledger; start one with "
            f"`chainer consent grant … --ledger {path}`, or give another file",
            code="no-ledger",
            path=str(path),
        )
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"cannot be made: {path.parent} is no folder"
        raise InputError(f"{path} {what}; give a file", code="no-ledger", path=str(path))
    # A table is made only for a ledger that has nothing in it yet.
    new = create and not size and not remembered
    if path.suffix.lower() in DATABASES:
        from chainer.consent.people_sqlite import SqlitePeople
        from chainer.consent.sqlite import SqliteLedger

        names = SqlitePeople(people_path(path), create=new)
        return Book(SqliteLedger(path, names.seal_key), names)
    people = FilePeople(people_path(path), create=new)
    return Book(FileLedger(path, people.seal_key), people)


def real_path(path: Path) -> Path:
    """Where a ledger really lies, absolute, links followed. Raises `InputError` for endless ones.

    So that one ledger has one name, however it is called.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{path} leads nowhere: {error}; give another file", code="no-ledger", path=str(path)
        ) from error


def people_path(path: Path) -> Path:
    """Where the table of names of the ledger at `path` lies."""
    suffix = path.suffix if path.suffix.lower() in DATABASES else ".json"
    return path.with_name(f"{path.stem}.people{suffix}")
