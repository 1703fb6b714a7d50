"""The ledger: what every store of entries can do, and what they share in doing it.

`jsonl.py` and `sqlite.py` keep it on disk, `MemoryLedger` keeps it nowhere. All three hold the same
lines and check them in the same way (`line.py`); a store only says how lines are read and written.
"""

from __future__ import annotations

import errno
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Protocol

from chainer.consent.entry import Entry, Event, Position
from chainer.consent.line import MAX_LINE, Broken, Link, check_line, link_of, make_line, read_entry
from chainer.errors import InputError, PolicyRefused, StoreError, VerifyError

_BATCH = 2000
"""Lines that are read and checked at a time; a store is locked for so long."""


class LedgerDamaged(VerifyError):
    """The ledger is not what was written; `facts`: `path`, `entry`, `why`, `torn`.

    `entry` is the number of the first bad entry. `torn` says that it is a last line that was never
    finished, which `chainer.consent.audit.repair_tail` can cut off.
    """

    code = "ledger-damaged"

    def __init__(self, path: str, entry: int, why: str, *, torn: bool = False) -> None:
        cure = (
            "its last line was never finished; `chainer consent audit --repair` cuts it off"
            if torn
            else "bring it back from a copy; nothing is decided by it as it is"
        )
        super().__init__(
            f"{path}: entry {entry}: {why}; {cure}", path=path, entry=entry, why=why, torn=torn
        )


class LedgerMoved(PolicyRefused):
    """Somebody else recorded something since the position that was expected."""

    code = "ledger-moved"

    def __init__(self, path: str, expected: Position, found: Position) -> None:
        super().__init__(
            f"{path} has {found.seq} entries, not the {expected.seq} that were read: something "
            "was recorded in between; read it again and decide anew",
            path=path,
            expected=expected.seq,
            entry=found.seq,
        )


class Ledger(Protocol):
    """Entries in order, added at the end and never changed."""

    name: str
    """What messages call it: its path, as a rule."""

    def append(
        self,
        events: Sequence[Event],
        *,
        now: datetime | None = None,
        expected: Position | None = None,
    ) -> tuple[Entry, ...]:
        """Record all `events`, in order, or none; they are on disk when it returns.

        `now` is the moment of recording, the clock's where it is None. With `expected`, raises
        `LedgerMoved` unless that is still the last entry. Raises `InputError` for an event that
        contradicts itself, `LedgerDamaged`, and `StoreError` where it cannot be written.
        """

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The entries with numbers larger than `after`, checked, in order.

        Raises `LedgerDamaged` at the first bad one, when all before it were given, and where
        fewer than `after` are left.
        """

    def head(self) -> Position:
        """The last entry's position, everything up to it checked. Raises `LedgerDamaged`."""

    def close(self) -> None:
        """Give back what is held open."""


class ChainedLedger:
    """What the stores share: the chain, its checks, and how far they have come.

    `key` None reads without looking at the seals, and cannot write. A store overrides the methods
    at the end. Safe for several threads.
    """

    def __init__(self, name: str, key: bytes | None) -> None:
        self.name = name
        self._key = key
        self._mutex = threading.RLock()
        self._known = Link()

    def append(
        self,
        events: Sequence[Event],
        *,
        now: datetime | None = None,
        expected: Position | None = None,
    ) -> tuple[Entry, ...]:
        """As `Ledger.append`."""
        if self._key is None:
            raise InputError(f"{self.name} was opened without its key and cannot be written")
        made: list[Entry] = []
        lines: list[bytes] = []
        links: list[Link] = []
        with self._mutex:
            with self._writing():
                before = self._catch_up()
                if expected is not None and expected != before.position:
                    raise LedgerMoved(self.name, expected, before.position)
                for event in events:
                    entry, line, before = make_line(event, before, self._key, now)
                    made.append(entry)
                    lines.append(line + b"\n")
                    links.append(before)
                if lines:
                    self._write(lines, before)
            for line, link in zip(lines, links, strict=True):
                self._learn(line, link)
        return tuple(made)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """As `Ledger.entries`. Nothing is locked while the caller works on what it was given."""
        at: Link | None = None
        done = False
        while not done:
            with self._mutex, self._reading():
                before = self._link(after if at is None else at.seq)
                if at is not None and before != at:
                    raise LedgerDamaged(self.name, at.seq, "it changed while it was read")
                good, at, done, damage = self._checked_batch(before)
            for seq, line in enumerate(good, before.seq + 1):
                try:
                    entry = read_entry(line.removesuffix(b"\n"))
                except Broken as broken:
                    raise LedgerDamaged(self.name, seq, broken.why) from broken
                yield entry
            if damage is not None:
                raise damage

    def head(self) -> Position:
        """As `Ledger.head`."""
        with self._mutex, self._reading():
            return self._catch_up().position

    def close(self) -> None:
        """As `Ledger.close`."""

    # -- inside ----------------------------------------------------------------

    def _catch_up(self, until: int | None = None) -> Link:
        """Check what was not looked at yet, up to entry `until`, and give the last link."""
        while until is None or self._known.seq < until:
            _, at, done, damage = self._checked_batch(self._known)
            if damage is not None:
                raise damage
            if done:
                return at
        return self._known

    def _link(self, seq: int) -> Link:
        """The link of entry `seq`, everything before it checked once."""
        self._catch_up(seq)
        if seq == self._known.seq:
            return self._known
        if seq > self._known.seq:
            why = f"it is missing: entry {seq} was read before, and now there are fewer"
            raise LedgerDamaged(self.name, self._known.seq + 1, why)
        if seq <= 0:
            return Link()
        lines = self._lines(seq - 1, 1)[0]
        try:
            link = link_of(lines[0].removesuffix(b"\n"), self._key) if lines else Link()
        except Broken as broken:
            raise LedgerDamaged(self.name, seq, broken.why) from broken
        if link.seq != seq:
            raise LedgerDamaged(self.name, seq, "it changed since it was read")
        return link

    def _checked_batch(self, before: Link) -> tuple[list[bytes], Link, bool, LedgerDamaged | None]:
        """The next good lines, the last one's link, whether they are the last, and what is bad."""
        claimed = self._claimed()  # before the lines: it is written after them
        lines, done = self._lines(before.seq, _BATCH)
        good: list[bytes] = []
        for line in lines:
            try:
                if len(line) > MAX_LINE:
                    raise Broken(f"it is longer than {MAX_LINE} bytes")
                link = check_line(line.removesuffix(b"\n"), before, self._key)
            except Broken as broken:
                torn = not line.endswith(b"\n") and len(line) <= MAX_LINE
                why = "the last line is unfinished" if torn else broken.why
                damage = LedgerDamaged(self.name, before.seq + 1, why, torn=torn)
                return good, before, True, damage
            if claimed and link.seq == claimed[0] and claimed[1] not in ("", link.digest):
                why = "another one was written in its place: the ledger was rewritten"
                return good, before, True, LedgerDamaged(self.name, link.seq, why)
            good.append(line)
            before = link
            if link.seq == self._known.seq + 1:
                self._learn(line, link)
        if done and claimed and claimed[0] > before.seq:
            why = f"entries after {before.seq} are missing: the ledger was cut off"
            return good, before, True, LedgerDamaged(self.name, before.seq + 1, why)
        return good, before, done, None

    def _learn(self, line: bytes, link: Link) -> None:
        """Note that `line` was checked; called for each once, in order, after `_forget` anew."""
        self._known = link

    def _forget(self) -> None:
        """Start over: what was checked is not what is there now."""
        self._known = Link()

    # -- what a store says -----------------------------------------------------

    def _reading(self) -> AbstractContextManager[None]:
        """Held while lines are read; sees to it that `_known` still fits what is there."""
        raise NotImplementedError

    def _writing(self) -> AbstractContextManager[None]:
        """Held while lines are read and written, by one writer of all processes at a time."""
        raise NotImplementedError

    def _lines(self, after: int, most: int) -> tuple[list[bytes], bool]:
        """Up to `most` lines after entry `after`, each with newline, and whether that was all.

        `after` is never beyond what is known. A line without newline is an unfinished last one.
        """
        raise NotImplementedError

    def _claimed(self) -> tuple[int, str] | None:
        """How far the store once came, as kept apart from the lines: number, digest or ""."""
        raise NotImplementedError

    def _write(self, lines: list[bytes], last: Link) -> None:
        """Add all lines durably, or none; `last` is the link of the last of them."""
        raise NotImplementedError


class MemoryLedger(ChainedLedger):
    """A ledger that ends with its process, for tests and for backends' own tests."""

    def __init__(self, key: bytes | None = None, name: str = "a ledger in memory") -> None:
        super().__init__(name, secrets.token_bytes(32) if key is None else key)
        self.lines: list[bytes] = []
        """The lines, each with its newline."""

    def _reading(self) -> AbstractContextManager[None]:
        known = self._known.seq
        if known and (len(self.lines) < known or self._changed(self.lines[known - 1])):
            self._forget()
        return nullcontext()

    _writing = _reading

    def _changed(self, line: bytes) -> bool:
        try:
            return link_of(line.removesuffix(b"\n"), self._key) != self._known
        except Broken:
            return True

    def _lines(self, after: int, most: int) -> tuple[list[bytes], bool]:
        found = self.lines[after : after + most]
        return found, len(found) < most

    def _claimed(self) -> tuple[int, str] | None:
        return None

    def _write(self, lines: list[bytes], last: Link) -> None:
        self.lines.extend(lines)


def store_trouble(what: str, path: Path | str, error: OSError) -> StoreError:
    """`error` of the file system at `path` as one of ours: `disk-full`, `read-only` or `store`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"{what}: the disk under {path} is full; free some space and do it again: "
            "nothing of it was kept",
            code="disk-full",
            path=str(path),
        )
    code = "read-only" if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) else "store"
    return StoreError(
        f"{what}: {path}: {error.strerror or error}; see to it that it can be read and written, "
        "or give another file",
        code=code,
        path=str(path),
    )
