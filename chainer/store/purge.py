"""Purging: what may no longer be kept leaves the store, its bytes first.

Not eviction: leases and claims do not protect what is purged, and nothing is too young for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from chainer.digest import Digest
from chainer.errors import StoreError
from chainer.store.folder import Presence, Store, flush_folder, store_error
from chainer.store.shared import SharedStore, bytes_name, record_name, used_name

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Purged:
    """What one purge removed; what was gone already does not count."""

    records: int = 0
    files: int = 0
    bytes: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(
            self.records + other.records, self.files + other.files, self.bytes + other.bytes
        )


def purge(
    store: Store, keys: Iterable[Digest], *, on_step: Callable[[str], None] | None = None
) -> Purged:
    """Remove the records of `keys` and the bytes they name, and flush that to the disk.

    In a shared store from the bucket and from the cache on this machine; what counts is what left
    the bucket. A cache on another machine drops its copies when it is next asked for the key.
    Pins do not keep anything from being purged.

    The store knows of no file which records share it, and asking all of them would cost a walk
    through the store: shared bytes go too. The other record is then found `MISSING`, and its
    step is made again. A record that does not read gives up whatever bytes it still names. A
    process that makes a key at this moment may put it back: stop that first, or purge again.

    The bytes go before the record that leads to them, so a purge that was killed anywhere and is
    repeated ends as one that was not. `on_step` is called with `bytes` before the first file of a
    key, with `record` before its record, and with `flush` at the end. Raises `ValueError` for
    what is no key, and `StoreError` where the file system does not let it.
    """
    tell = on_step or _quiet
    wanted = list(keys)
    for key in wanted:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of the store: {key!r}")
    gone = Purged()
    touched: set[Path] = set()
    for key in wanted:
        try:
            if isinstance(store, SharedStore):
                gone += _purge_shared(store, key, touched, tell)
            else:
                gone += _purge_here(store, key, touched, tell)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            path = store.root / "ac" / key[:2] / key
            raise store_error("what must go cannot be removed", path, error) from error
    tell("flush")
    try:
        for folder in sorted(touched):
            flush_folder(folder)
    except OSError as error:
        raise store_error("what was removed cannot be flushed", store.root, error) from error
    return gone


def _purge_here(
    store: Store, key: Digest, touched: set[Path], tell: Callable[[str], None]
) -> Purged:
    path = store.root / "ac" / key[:2] / key
    digests = _named(store, key, path)
    if digests is None:
        return Purged()
    tell("bytes")
    gone = _remove_bytes(store, digests, touched)
    tell("record")
    if _unlink(path) is not None:
        touched.add(path.parent)
        gone += Purged(records=1)
    return gone


def _purge_shared(
    store: SharedStore, key: Digest, touched: set[Path], tell: Callable[[str], None]
) -> Purged:
    """The bytes, in the bucket and in the cache, then both records."""
    there = _named_there(store, key)
    path = store.root / "ac" / key[:2] / key
    here = _named(store, key, path)
    if there is None and here is None:
        return Purged()
    tell("bytes")
    digests = sorted({*(there or ()), *(here or ())})
    sizes = {bytes_name(digest): store.bucket.size(bytes_name(digest)) for digest in digests}
    found = {name: size for name, size in sizes.items() if size is not None}
    store.bucket.delete(found)
    _remove_bytes(store, digests, touched)
    tell("record")
    store.bucket.delete([record_name(key), used_name(key)])
    store.forget(key)
    if _unlink(path) is not None:
        touched.add(path.parent)
    return Purged(int(there is not None), len(found), sum(found.values()))


def _remove_bytes(store: Store, digests: list[Digest], touched: set[Path]) -> Purged:
    gone = Purged()
    for file in map(store.path_of, digests):
        size = _unlink(file)
        if size is not None:
            gone += Purged(files=1, bytes=size)
            touched.add(file.parent)
    return gone


def _named_there(store: SharedStore, key: Digest) -> list[Digest] | None:
    """The digests that the record in the bucket names; None where there is no record."""
    presence, record, text = store.ask(key)
    if presence is Presence.ABSENT:
        return None
    if record is not None:
        return [artefact.digest for artefact in record.files.values()]
    return [found.decode() for found in _DIGEST.findall(text)]


def _named(store: Store, key: Digest, path: Path) -> list[Digest] | None:
    """The digests of the files that the record names; None where there is no record."""
    presence, record = Store.find(store, key)  # in the folder, also where that is only a cache
    if presence is Presence.ABSENT:
        return None
    if record is not None:
        return sorted({artefact.digest for artefact in record.files.values()})
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    return sorted({found.decode() for found in _DIGEST.findall(text)})


def _unlink(path: Path) -> int | None:
    """Remove a file; how large it was, or None where there was none."""
    try:
        size = path.lstat().st_size
        path.unlink()
    except FileNotFoundError:
        return None
    return size


def _quiet(step: str) -> None:
    """Nobody listens."""
