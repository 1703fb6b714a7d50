"""Ledgers and events for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from chainer.consent.entry import Event
from chainer.consent.jsonl import FileLedger
from chainer.consent.ledger import ChainedLedger, MemoryLedger
from chainer.consent.sqlite import SqliteLedger
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Reach, Use

KEY = bytes(range(32))
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MEI = "a" * 32
TOM = "b" * 32
ADA = "c" * 32


class Shelf:
    """One ledger that can be opened again and again, as other processes would."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.path = folder / ("consent.db" if kind == "sqlite" else "consent.jsonl")
        self._memory: list[bytes] = []
        self._open: list[ChainedLedger] = []

    def open(self, key: bytes | None = KEY) -> ChainedLedger:
        ledger: ChainedLedger
        if self.kind == "jsonl":
            ledger = FileLedger(self.path, key)
        elif self.kind == "sqlite":
            ledger = SqliteLedger(self.path, key)
        else:
            ledger = MemoryLedger(key)
            ledger.lines = self._memory
        self._open.append(ledger)
        return ledger

    def lines(self) -> list[bytes]:
        """The lines as they lie there, without newlines."""
        if self.kind == "jsonl":
            return self.path.read_bytes().splitlines()
        if self.kind == "memory":
            return [line[:-1] for line in self._memory]
        with database(self.path) as db:
            rows = db.execute("SELECT line FROM entry ORDER BY seq").fetchall()
        return [line.encode() for (line,) in rows]

    def replace(self, lines: list[bytes], *, forget_head: bool = False) -> None:
        """Put other lines in their place, as somebody with the disk in hand could."""
        if self.kind == "jsonl":
            self.path.write_bytes(b"".join(line + b"\n" for line in lines))
            if forget_head:
                self.path.with_name(self.path.name + ".head").unlink()
        elif self.kind == "memory":
            self._memory[:] = [line + b"\n" for line in lines]
        else:
            with database(self.path) as db:
                db.execute("DROP TRIGGER entry_stays")
                db.execute("DROP TRIGGER entry_remains")
                db.execute("DELETE FROM entry")
                rows = [(seq, line.decode()) for seq, line in enumerate(lines, 1)]
                db.executemany("INSERT INTO entry (seq, line) VALUES (?, ?)", rows)
                if forget_head:
                    db.execute("UPDATE sqlite_sequence SET seq = ?", (len(lines),))

    def close(self) -> None:
        for ledger in self._open:
            ledger.close()


@contextmanager
def database(path: Path) -> Iterator[Any]:
    """The database at `path`, written when left."""
    import sqlite3

    db = sqlite3.connect(path)
    try:
        yield db
        db.commit()
    finally:
        db.close()


def grant(person: str = MEI, **more: Any) -> Event:
    """A grant to everyone for the usual things."""
    fields: dict[str, Any] = {
        "uses": (Use.DRAFT, Use.EPISODE),
        "edits": USUAL_EDITS,
        "modalities": tuple(Modality),
    }
    return Event(kind=Kind.GRANT, person=person, **(fields | more))


def revoke(person: str = MEI, **more: Any) -> Event:
    """A revocation of everything for everyone."""
    return Event(kind=Kind.REVOKE, person=person, **more)


PEOPLE = st.sampled_from([MEI, TOM, ADA])
ZONES = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2039, 1, 1), timezones=ZONES)  # noqa: DTZ001
LATE = st.datetimes(datetime(2040, 1, 1), datetime(2050, 1, 1), timezones=ZONES)  # noqa: DTZ001
PRINTABLE = st.characters(categories=["L", "M", "N", "P", "S"]) | st.just(" ")
WORDS = st.text(PRINTABLE, min_size=1, max_size=12)


def some(members: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(list(members)), unique=True, max_size=3).map(tuple)


@st.composite
def events(draw: Callable[..., Any]) -> Event:
    """Any event that can be recorded until 2039."""
    kind = draw(st.sampled_from(list(Kind)))
    reach = draw(st.sampled_from(list(Reach)))
    authors = draw(st.lists(PEOPLE, min_size=1)) if reach is Reach.AUTHORS else ()
    return Event(
        kind=kind,
        person=draw(PEOPLE),
        reach=reach,
        authors=authors,
        uses=draw(some(Use)),
        edits=draw(some(Edit)),
        modalities=draw(some(Modality)),
        contexts=tuple(draw(st.lists(WORDS, max_size=2))),
        effective_at=None if kind is Kind.ERASE else draw(st.none() | MOMENTS),
        expires=None if kind.refuses else draw(st.none() | LATE),
        atom=draw(st.text(min_size=1, max_size=8)) if kind is Kind.APPROVE else None,
        evidence=draw(st.none() | st.just("e" * 64)),
        notice=draw(st.none() | WORDS),
    )
