"""A graph file that is changed: one writer at a time, whole or not at all.

    lock the graph → finish what a killed writer left → change the text → write a draft beside it
    → add to the history → rename the draft

The lock is the kernel's, on the graph file itself: it ends with its process, so none is ever stale.
The draft is named by the number of its entry. It is there as long as the graph was not written: a
draft that is found tells that the last entry of the history was never carried out. Whoever changes
the file without the lock is noticed up to the rename.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chainer.digest import bytes_digest
from chainer.errors import ChainerError, Fault, GraphError, OutputError, StoreError
from chainer.graph.amend.history import (
    Entry,
    EntryKind,
    History,
    append,
    entry_line,
    history_path,
    now_entry,
    read_history,
)
from chainer.graph.plain import MAX_BYTES
from chainer.graph.written import Unreadable, read_written
from chainer.store.folder import flush_folder

WAIT = 30.0
"""Seconds that an edit waits for another."""

_TRIES = 5
_POLL = 0.02
_DRAFT = re.compile(r"\.edit-([0-9]+)\.part\Z")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The new text of a graph file and the entry that tells of it; the file names the digests."""

    text: str
    entry: Entry


Rewriter = Callable[[str, History], Rewrite | None]
"""From the text of a file and its history to what is to be written; None: nothing."""


class _Changed(Exception):
    """Somebody wrote the file meanwhile, without the lock."""


def read_graph_text(path: Path) -> str:
    """The text of a graph file, a byte order mark included. Raises `GraphError`."""
    try:
        data = read_written(path, "graph", MAX_BYTES, "split the graph")
    except Unreadable as error:
        raise GraphError(str(path), [Fault("$", *error.words)]) from error.__cause__
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        fault = Fault(
            "$", f"it is not UTF-8 from byte {error.start}", "save it as UTF-8", "encoding"
        )
        raise GraphError(str(path), [fault]) from error


def rewrite(path: Path, rewriter: Rewriter, *, wait: float = WAIT) -> Entry | None:
    """Let `rewriter` change the graph file at `path`; the entry as it was written, or None.

    Links are followed. Raises what `rewriter` does, with the file untouched; `GraphError`,
    `OutputError` where it cannot be written or is busy for longer than `wait` seconds, `StoreError`
    where the disk is full.
    """
    for _ in range(_TRIES):
        real = Path(os.path.realpath(path))
        try:
            with _locked(real, path, wait) as descriptor:
                return _Held(real, descriptor).rewrite(rewriter)
        except _Changed:
            continue
        except OSError as error:
            if isinstance(error, ChainerError):
                raise
            raise _refused(path, error) from error
    raise OutputError(
        f"{path} is being changed by another program again and again; stop it, and run the same "
        "command again",
        code="changed-meanwhile",
        path=str(path),
    )


def history_of(path: Path) -> History:
    """The history of the graph file at `path`, as it is now; nothing is written.

    Raises `GraphError` where there is no such graph, `InputError` for a damaged history.
    """
    if not path.is_file():
        raise GraphError(
            str(path), [Fault("$", "there is no such file", "check the path", "no-file")]
        )
    real = Path(os.path.realpath(path))
    try:
        history, _ = read_history(history_path(real))
        drafts = dict(_drafts(real))
    except OSError as error:
        raise _refused(path, error) from error
    entries = history.entries
    if entries and entries[-1].number in drafts:
        entries = entries[:-1]  # not carried out, or not yet
    return History(entries)


class _Held:
    """The graph file while we hold its lock."""

    def __init__(self, real: Path, descriptor: int) -> None:
        self._real = real
        self._history = history_path(real)
        self._stat = os.fstat(descriptor)
        self._mode = stat.S_IMODE(self._stat.st_mode)

    def rewrite(self, rewriter: Rewriter) -> Entry | None:
        """As the function of that name, once."""
        history, whole = self._recovered()
        text = read_graph_text(self._real)
        before = text.encode()
        wanted = rewriter(text, history)
        if wanted is None:
            return None
        after = wanted.text.encode()
        entry = wanted.entry.model_copy(
            update={"file_before": bytes_digest(before), "file_after": bytes_digest(after)}
        )
        draft = _draft_path(self._real, entry.number)
        written = None
        try:
            self._write(draft, after)
            self._demand_unchanged(before)
            written = append(self._history, whole, [entry_line(entry)], self._mode)
            draft.replace(self._real)
        except BaseException:
            # The entry first: a draft without one is swept, an entry without one would count.
            with contextlib.suppress(OSError):
                if written is not None and draft.exists():
                    append(self._history, whole, [], self._mode)
            draft.unlink(missing_ok=True)
            raise
        flush_folder(self._real.parent)
        return entry

    def _recovered(self) -> tuple[History, int]:
        """The history, after what a killed writer left was put right."""
        history, whole = read_history(self._history)
        for number, draft in _drafts(self._real):
            last = history.entries[-1] if history.entries else None
            if last is not None and last.number == number and last.kind is not EntryKind.VOID:
                void = now_entry(
                    datetime.now(UTC),
                    number=number + 1,
                    kind=EntryKind.VOID,
                    of=number,
                    words="stopped before it was carried out",
                )
                whole = append(self._history, whole, [entry_line(void)], self._mode)
                history = History((*history.entries, void))
            draft.unlink(missing_ok=True)
        return history, whole

    def _write(self, draft: Path, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(draft, flags, 0o600)
        try:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, self._stat.st_uid, self._stat.st_gid)
            os.fchmod(descriptor, self._mode)
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _demand_unchanged(self, before: bytes) -> None:
        if not os.path.samestat(self._real.stat(), self._stat) or bytes_digest(
            self._real.read_bytes()
        ) != bytes_digest(before):
            raise _Changed


@contextlib.contextmanager
def _locked(real: Path, path: Path, wait: float) -> Iterator[int]:
    """The file, open and ours alone; it may have been exchanged while we waited."""
    deadline = time.monotonic() + wait
    while True:
        descriptor = _opened(real, path)
        try:
            if _take(descriptor) and os.path.samestat(os.fstat(descriptor), real.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise OutputError(
                f"{path} is being edited by another process, for more than {wait:g} s; run the "
                "same command again when it is done",
                code="busy",
                path=str(path),
            )
        time.sleep(_POLL)


def _opened(real: Path, path: Path) -> int:
    try:
        if not stat.S_ISREG(real.stat().st_mode):
            raise GraphError(
                str(path), [Fault("$", "it is no regular file", "name a graph file", "no-file")]
            )
        return os.open(real, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        fault = Fault("$", "there is no such file", "check the path", "no-file")
        raise GraphError(str(path), [fault]) from error


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _draft_path(real: Path, number: int) -> Path:
    return real.with_name(f".{real.name}.edit-{number}.part")


def _drafts(real: Path) -> Iterator[tuple[int, Path]]:
    """(number, path) of what killed writers left, or the one at work now has."""
    for path in sorted(real.parent.glob(f".{glob.escape(real.name)}.edit-*.part")):
        if found := _DRAFT.search(path.name):
            yield int(found[1]), path


def _refused(path: Path, error: OSError) -> ChainerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"{path} was not changed: the disk is full; free some space and run the same command "
            "again",
            code="disk-full",
            path=str(path),
        )
    return OutputError(
        f"{path} was not changed: {error.strerror or error}; see to it that the file and its "
        "folder can be written",
        path=str(path),
    )
