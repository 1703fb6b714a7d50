"""Housekeeping of the store: what it holds, whether it is whole, and eviction.

Records go before bytes, the longest unused first. What a live render leases, and what is
too young to be judged, is never taken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from chainer.errors import StoreError
from chainer.store.folder import Presence, Store, store_error
from chainer.store.record import Artefact, Record

_GRACE_SECONDS = 600.0
"""Bytes without a record may belong to a publish that is under way in another process."""


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """Counts and bytes; `by_type` maps a step's type word to (records, bytes)."""

    root: Path
    records: int
    files: int
    bytes: int
    by_type: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """What `verify` found: `damaged` and `missing` are (key, what) pairs."""

    checked: int
    damaged: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged or missing."""
        return not self.damaged and not self.missing


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` removed, and what remains."""

    records: int
    files: int
    freed_bytes: int
    left_bytes: int


def inspect(store: Store) -> StoreInfo:
    """Count what the store holds."""
    by_type: dict[str, tuple[int, int]] = {}
    records = 0
    for record, _ in _records(store):
        count, size = by_type.get(record.type, (0, 0))
        by_type[record.type] = (count + 1, size + record.size)
        records += 1
    sizes: list[int] = []
    for entry in _walk(store.root / "cas"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(entry.stat().st_size)
    return StoreInfo(store.root, records, len(sizes), sum(sizes), dict(sorted(by_type.items())))


def verify(store: Store, *, repair: bool = False) -> StoreHealth:
    """Read every byte; with `repair`, forget what is not whole so that it is made again."""
    damaged: list[tuple[str, str]] = []
    missing: list[tuple[str, str]] = []
    checked = 0
    for entry in _walk(store.root / "ac"):
        checked += 1
        presence, record = store.find(entry.name)
        bad = presence is not Presence.CACHED
        if presence is Presence.MISSING:
            missing.append((entry.name, "a file of this record is gone"))
        elif presence is Presence.DAMAGED or record is None:
            damaged.append((entry.name, "the record or the size of a file is wrong"))
        else:
            for name, artefact in record.files.items():
                if not store.is_whole(artefact):
                    damaged.append((entry.name, f"{name} does not hash to {artefact.digest}"))
                    bad = True
        if bad and repair:
            store.discard(entry.name)
    return StoreHealth(checked, tuple(damaged), tuple(missing))


def collect(store: Store, max_bytes: int) -> Collected:
    """Sweep what dead processes left, then evict the longest unused until `max_bytes` hold.

    Raises `StoreError` where the file system does not let it.
    """
    try:
        return _collect(store, max_bytes)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise store_error("the store cannot be cleaned up", store.root, error) from error


def tidy(store: Store, max_bytes: int) -> None:
    """What a render does when it has added to the store: sweep, and evict only above the cap.

    Looks at the sizes of files but into no record, so that a large store costs little. Raises
    `StoreError` as `collect` does.
    """
    try:
        _sweep_workspaces(store)
        held = sum(entry.stat().st_size for entry in _walk(store.root / "cas"))
    except OSError:
        held = max_bytes + 1  # something vanished under us: let the thorough one look
    if held > max_bytes:
        collect(store, max_bytes)


def _collect(store: Store, max_bytes: int) -> Collected:
    _sweep_workspaces(store)
    leased = _leased(store)
    held = list(_records(store))
    users: dict[str, int] = {}
    for record, _ in held:
        for artefact in record.files.values():
            users[artefact.digest] = users.get(artefact.digest, 0) + 1
    removed_files = freed = 0
    now = time.time()
    total = 0
    for entry in _walk(store.root / "cas"):
        with contextlib.suppress(FileNotFoundError):
            stat = entry.stat()
            if entry.name not in users and now - stat.st_mtime > _GRACE_SECONDS:
                Path(entry.path).unlink()
                removed_files += 1
                freed += stat.st_size
            else:
                total += stat.st_size
    removed_records = 0
    for record, _ in sorted(held, key=lambda pair: (pair[1], pair[0].key)):
        if total <= max_bytes:
            break
        if record.key in leased or not record.files:
            continue
        with contextlib.suppress(FileNotFoundError):
            (store.root / "ac" / record.key[:2] / record.key).unlink()
        removed_records += 1
        for artefact in record.files.values():
            users[artefact.digest] -= 1
            if users[artefact.digest] == 0:
                size = _unlink(store, artefact)
                removed_files += size > 0
                freed += size
                total -= size
    return Collected(removed_records, removed_files, freed, total)


def _unlink(store: Store, artefact: Artefact) -> int:
    try:
        store.path_of(artefact.digest).unlink()
    except FileNotFoundError:
        return 0
    return artefact.size


def _records(store: Store) -> Iterator[tuple[Record, float]]:
    """Every readable record that lies under its own key, with the time of its last use."""
    for entry in _walk(store.root / "ac"):
        try:
            used = entry.stat().st_mtime
            record = Record.model_validate_json(Path(entry.path).read_bytes())
        except (OSError, ValidationError):
            continue
        if record.key == entry.name:
            yield record, used


def _walk(root: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(root) as fan:
        folders = sorted(entry.path for entry in fan if entry.is_dir())
    for folder in folders:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)


def _leased(store: Store) -> set[str]:
    keys: set[str] = set()
    for path in sorted((store.root / "leases").iterdir()):
        with contextlib.suppress(OSError), _abandoned(path) as gone:
            if gone:
                path.unlink(missing_ok=True)
            else:
                keys.update(path.read_text(encoding="ascii").split())
    return keys


def _sweep_workspaces(store: Store) -> None:
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
