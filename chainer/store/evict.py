"""Eviction from a folder, and the sweep of what dead processes left there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from chainer.digest import Digest
from chainer.store.folder import Store
from chainer.store.links import sweep_links
from chainer.store.pins import Held, held_by
from chainer.store.record import Record

_GRACE_SECONDS = 600.0
"""Bytes without a record may belong to a publish that is under way in another process."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` removed, or would have, and what remains.

    `pinned_bytes`: how many of those left a pin keeps; `over_bytes`: by how many they are more
    than was asked for, because they are pinned, leased or too young to go.
    """

    records: int
    files: int
    freed_bytes: int
    left_bytes: int
    pinned_bytes: int = 0
    over_bytes: int = 0


def collect_folder(store: Store, max_bytes: int, *, dry_run: bool = False) -> Collected:
    """Sweep, then evict from the folder alone: of a shared store the cache. Raises `OSError`."""
    if not dry_run:
        sweep_workspaces(store)
        sweep_links(store)
    # Leases before pins: whoever pins what it leases does so before the lease ends.
    leased = leased_keys(store, remove=not dry_run)
    held = held_by(Store.pin_texts(store), str(store.root / "pins"))
    if not dry_run:
        for name in held.dead:
            Store.unpin(store, name)
    return _Collector(store, max_bytes, leased, held, dry_run=dry_run).run()


class _Collector:
    """One run: who uses which bytes, what must stay, and what has gone."""

    def __init__(
        self, store: Store, max_bytes: int, leased: set[Digest], held: Held, *, dry_run: bool
    ) -> None:
        self._store = store
        self._max = max_bytes
        self._dry = dry_run
        self._kept_keys = leased | held.keys
        self._found = list(records(store))
        self._users = Counter(
            file.digest for record, _ in self._found for file in record.files.values()
        )
        self._pinned = held.blobs | {
            file.digest
            for record, _ in self._found
            if record.key in held.keys
            for file in record.files.values()
        }
        self._kept_bytes = leased | self._pinned
        self._records = self._files = self._freed = self._total = 0

    def run(self) -> Collected:
        pinned = self._take_orphans()
        for record, _ in sorted(self._found, key=lambda pair: (pair[1], pair[0].key)):
            if self._total <= self._max:
                break
            if record.key not in self._kept_keys and record.files:
                self._evict(record)
        over = max(0, self._total - self._max)
        return Collected(self._records, self._files, self._freed, self._total, pinned, over)

    def _take_orphans(self) -> int:
        """Remove old bytes that nothing names, count the others; how many of those are pinned."""
        now = time.time()
        pinned = 0
        for entry in walk(self._store.root / "cas"):
            with contextlib.suppress(FileNotFoundError):
                stat = entry.stat()
                wanted = entry.name in self._users or entry.name in self._kept_bytes
                if wanted or now - stat.st_mtime <= _GRACE_SECONDS:
                    self._total += stat.st_size
                    pinned += stat.st_size if entry.name in self._pinned else 0
                else:
                    self._remove(Path(entry.path))
                    self._files += 1
                    self._freed += stat.st_size
        return pinned

    def _evict(self, record: Record) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._remove(self._store.root / "ac" / record.key[:2] / record.key)
        self._records += 1
        for file in record.files.values():
            self._users[file.digest] -= 1
            if self._users[file.digest] or file.digest in self._kept_bytes:
                continue
            with contextlib.suppress(FileNotFoundError):
                path = self._store.path_of(file.digest)
                size = path.stat().st_size
                self._remove(path)
                self._files += 1
                self._freed += size
                self._total -= size

    def _remove(self, path: Path) -> None:
        if not self._dry:
            path.unlink()


def records(store: Store) -> Iterator[tuple[Record, float]]:
    """Every readable record that lies under its own key, with the time of its last use."""
    for entry in walk(store.root / "ac"):
        try:
            used = entry.stat().st_mtime
            record = Record.model_validate_json(Path(entry.path).read_bytes())
        except (OSError, ValidationError):
            continue
        if record.key == entry.name:
            yield record, used


def walk(root: Path) -> Iterator[os.DirEntry[str]]:
    """Every file of a fanned-out folder, in order."""
    with os.scandir(root) as fan:
        folders = sorted(entry.path for entry in fan if entry.is_dir())
    for folder in folders:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)


def leased_keys(store: Store, *, remove: bool = True) -> set[str]:
    """What live leases name; those of dead processes go."""
    keys: set[str] = set()
    for path in sorted((store.root / "leases").iterdir()):
        with contextlib.suppress(OSError), _abandoned(path) as gone:
            if gone:
                if remove:
                    path.unlink(missing_ok=True)
            else:
                keys.update(path.read_text(encoding="ascii").split())
    return keys


def sweep_workspaces(store: Store) -> None:
    """Remove workspaces, drafts and locks whose process is dead."""
    now = time.time()
    for path in sorted((store.root / "tmp").iterdir()):
        with contextlib.suppress(OSError):
            if path.is_dir():
                with _abandoned(path / ".lock") as gone:
                    if gone:
                        shutil.rmtree(path, ignore_errors=True)
            elif now - path.stat().st_mtime > _GRACE_SECONDS:
                path.unlink()
    for path in sorted((store.root / "locks").iterdir()):
        with contextlib.suppress(OSError), _abandoned(path) as gone:
            if gone:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def _abandoned(lock: Path) -> Iterator[bool]:
    """Whether nobody holds `lock`, which goes with its process; nobody can take it meanwhile."""
    try:
        stream = lock.open("r")
    except OSError:
        # No lock file yet: its owner may be between mkdir and open.
        age = time.time() - lock.parent.stat().st_mtime
        yield age > _GRACE_SECONDS
        return
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = True
        except BlockingIOError:
            gone = False
        yield gone
