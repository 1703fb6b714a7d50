"""The ledger as a file of lines that many processes share.

    consent.jsonl        one entry a line, only ever added to
    consent.jsonl.head   number and digest of the last entry, to tell a file that was cut off

Writers hold an exclusive lock on the file, readers a shared one. Every addition is one write,
flushed to disk before it counts; one that fails is taken back. The `.head` file is not flushed: it
may lag behind after a crash, but it is never ahead of what was flushed. Whoever puts an old copy of
the ledger in the place of a newer one on purpose has to remove it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

from chainer.consent.ledger import ChainedLedger, LedgerDamaged, store_trouble
from chainer.consent.line import MAX_LINE, Link
from chainer.store.folder import flush_folder

_HEAD = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")
_CHUNK = 1 << 20


class FileLedger(ChainedLedger):
    """Entries in a JSONL file; `key` seals them. A file that is not there yet is empty.

    Safe for several threads and processes on one machine at once. After a crash in the middle of
    an addition of several events, a first part of them may stand. Each object reads and checks
    only what is new since it last did, and all of it again where the file shrank, was exchanged or
    does not end as it did.
    """

    def __init__(self, path: Path, key: bytes | None) -> None:
        super().__init__(str(path), key)
        self._path = path
        self._fd = -1
        # Where each checked entry ends, its newline included (even one that is still to come).
        self._ends = array("Q", [0])
        self._last = b""
        self._file: tuple[int, int] | None = None

    def cut_tail(self) -> int:
        """Cut off a last line that was never finished; how many bytes that were.

        Raises `LedgerDamaged` where anything else is wrong, and where more than that line is
        missing.
        """
        if not self._path.exists():
            return 0
        with self._mutex, self._writing():
            done = False
            while not done:
                _, at, done, damage = self._checked_batch(self._known)
            if damage is None:
                return 0
            if not damage.facts["torn"]:
                raise damage
            claimed = self._claimed()
            if claimed and claimed[0] > at.seq:
                why = "it was finished once, and what is left of it is damaged"
                raise LedgerDamaged(self.name, at.seq + 1, why) from damage
            end = self._ends[at.seq]
            cut = self._size() - end
            try:
                os.ftruncate(self._fd, end)
                os.fsync(self._fd)
            except OSError as error:
                raise store_trouble("the ledger cannot be repaired", self._path, error) from error
            return cut

    # -- what a store says -----------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._forget()
            yield
            return
        except OSError as error:
            raise store_trouble("the ledger cannot be read", self._path, error) from error
        try:
            # Where a file system knows no locks, reading goes on without: what a writer has not
            # finished is then at worst taken for damage.
            with contextlib.suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_SH)
            self._fd = fd
            self._look()
            yield
        finally:
            self._fd = -1
            os.close(fd)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        fd = self._open_to_write()
        try:
            self._fd = fd
            self._look()
            yield
        finally:
            self._fd = -1
            os.close(fd)

    def _lines(self, after: int, most: int) -> tuple[list[bytes], bool]:
        if self._fd < 0:
            return [], True
        start = self._ends[after]
        try:
            if self._size() <= start:
                return [], True
            lines: list[bytes] = []
            with open(self._fd, "rb", buffering=_CHUNK, closefd=False) as stream:
                stream.seek(start)
                while len(lines) < most and (line := stream.readline(MAX_LINE + 1)):
                    lines.append(line)
        except OSError as error:
            raise store_trouble("the ledger cannot be read", self._path, error) from error
        return lines, len(lines) < most

    def _claimed(self) -> tuple[int, str] | None:
        try:
            with self._head_path.open("rb") as stream:
                found = _HEAD.fullmatch(stream.read(86))
        except OSError:
            return None
        return (int(found[1]), found[2].decode()) if found else None

    def _write(self, lines: list[bytes], last: Link) -> None:
        # The last line that stands may still lack its newline.
        open_end = self._size() < self._ends[-1]
        data = b"".join([b"\n", *lines] if open_end else lines)
        before = self._size()
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._fd, left) :]
            os.fsync(self._fd)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, before)
                os.fsync(self._fd)
            if isinstance(error, OSError):
                what = "the ledger cannot be written"
                raise store_trouble(what, self._path, error) from error
            raise
        with contextlib.suppress(OSError):
            # Of one length, and written in one go, so that no reader sees a half of it.
            head = os.open(self._head_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                os.pwrite(head, b"%020d %s\n" % (last.seq, last.digest.encode()), 0)
            finally:
                os.close(head)

    def _learn(self, line: bytes, link: Link) -> None:
        super()._learn(line, link)
        self._last = line.removesuffix(b"\n")
        self._ends.append(self._ends[-1] + len(self._last) + 1)

    def _forget(self) -> None:
        super()._forget()
        self._ends = array("Q", [0])
        self._last = b""

    # -- inside ----------------------------------------------------------------

    @property
    def _head_path(self) -> Path:
        return head_path(self._path)

    def _open_to_write(self) -> int:
        """The file, open and locked for this writer alone; made where it is not there."""
        what = "the ledger cannot be written"
        try:
            while True:
                new = not self._path.exists()
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                fd = os.open(self._path, flags, 0o666)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX)
                    # It may have been exchanged between open and lock.
                    if os.path.samestat(os.fstat(fd), self._path.stat()):
                        if new:
                            flush_folder(self._path.parent)
                        return fd
                except FileNotFoundError:
                    pass
                except BaseException:
                    os.close(fd)
                    raise
                os.close(fd)
        except OSError as error:
            raise store_trouble(what, self._path, error) from error

    def _look(self) -> None:
        """Forget what was checked unless the file still ends it the same way."""
        stat = os.fstat(self._fd)
        file = (stat.st_dev, stat.st_ino)
        known = self._known.seq
        if file != self._file:
            self._forget()
        elif known:
            start, end = self._ends[known - 1], self._ends[known]
            # The newline before it, too: without it the line is not where a line begins.
            begin = max(start - 1, 0)
            wanted = (b"\n" if start else b"") + self._last
            try:
                found = os.pread(self._fd, end - begin, begin)
            except OSError as error:
                raise store_trouble("the ledger cannot be read", self._path, error) from error
            if found != wanted + b"\n" and not (found == wanted and stat.st_size == end - 1):
                self._forget()
        self._file = file

    def _size(self) -> int:
        return os.fstat(self._fd).st_size


def head_path(path: Path) -> Path:
    """The file that remembers the last entry of the ledger at `path`."""
    return path.with_name(path.name + ".head")
