"""The audit: a ledger looked at from the first entry to the last, against what others remember."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainer.consent.book import DATABASES, Book, open_book
from chainer.consent.entry import Position
from chainer.consent.jsonl import FileLedger
from chainer.consent.ledger import Ledger, LedgerDamaged
from chainer.errors import InputError


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    `entries` is the number of good ones from the start, `head` the position of the last of them.
    `whole` is False where anything is wrong; then `why` says what, and `first_bad` is the number
    of the first bad entry, None where it is not in an entry. `torn`: nothing but a last line that
    was never finished, which `repair_tail` cuts off.
    """

    source: str
    entries: int
    whole: bool
    first_bad: int | None
    why: str
    head: Position
    torn: bool

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "source": self.source,
            "entries": self.entries,
            "whole": self.whole,
            "first_bad": self.first_bad,
            "why": self.why,
            "head": {"seq": self.head.seq, "digest": self.head.digest},
            "torn": self.torn,
        }


def audit(book: Book | Path, positions: Iterable[tuple[str, Position]] = ()) -> AuditReport:
    """Check every entry of a book, or of the ledger at a path.

    `positions` are what others remember: an episode's id and the last entry it was decided by.
    Each must stand in the ledger with that digest. Damage is in the report and not raised; raises
    `InputError` where there is no ledger, and `StoreError` where it cannot be read.
    """
    if isinstance(book, Book):
        return _audit(book, positions)
    try:
        opened = open_book(book)
    except InputError as error:
        if error.code != "people-lost":
            raise
        # The chain can be followed without the table, the seals cannot.
        return _without_table(book, positions, error.message)
    with opened:
        return _audit(opened, positions)


def repair_tail(path: Path) -> int:
    """Cut off a last line that was never finished from the JSONL ledger at `path`.

    Gives the number of bytes that it had, 0 where there is none. Cuts nothing else: raises
    `LedgerDamaged` where an entry is damaged, or was finished once, and `InputError` where there
    is no such ledger.
    """
    if path.suffix.lower() in DATABASES:
        raise InputError(
            f"{path} is a database, which has no unfinished lines; it repairs itself when opened",
            path=str(path),
        )
    with open_book(path) as book:
        assert isinstance(book.ledger, FileLedger)
        return book.ledger.cut_tail()


def _audit(book: Book | Ledger, positions: Iterable[tuple[str, Position]]) -> AuditReport:
    told: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for episode, position in positions:
        if position.seq > 0:
            told[position.seq].append((episode, position.digest))
    head = Position()
    first_bad: int | None = None
    why = ""
    torn = False
    try:
        for entry in book.entries():
            head = Position(entry.seq, entry.digest)
            for episode, digest in told.pop(entry.seq, ()):
                if first_bad is None and digest != entry.digest:
                    first_bad = entry.seq
                    why = f"rewritten: episode {episode} saw another entry {entry.seq}"
    except LedgerDamaged as error:
        if first_bad is None:
            first_bad, why = error.facts["entry"], error.facts["why"]
            torn = error.facts["torn"]
    lost = min(told, default=None)
    if first_bad is None and lost is not None:
        first_bad = head.seq + 1
        why = f"cut off: episode {told[lost][0][0]} saw entry {lost}, and the last is {head.seq}"
    return AuditReport(book.name, head.seq, first_bad is None, first_bad, why, head, torn)


def _without_table(path: Path, positions: Iterable[tuple[str, Position]], why: str) -> AuditReport:
    ledger: Ledger
    if path.suffix.lower() in DATABASES:
        from chainer.consent.sqlite import SqliteLedger

        ledger = SqliteLedger(path, None)
    else:
        ledger = FileLedger(path, None)
    try:
        found = _audit(ledger, positions)
    finally:
        ledger.close()
    reason = f"{found.why}; and {why}" if found.why else why
    return replace(found, whole=False, why=reason)
