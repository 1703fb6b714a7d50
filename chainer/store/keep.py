"""Housekeeping of the store: what it holds, whether it is whole, and eviction.

Records go before bytes, the longest unused first. What a live render leases, what a pin keeps, and
what is too young to be judged, is never taken. `inspect`, `verify` and `collect` of a shared store
are about its bucket; `tidy` and `sweep` are about the folder on this machine, always.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chainer.errors import StoreError
from chainer.store.evict import (
    Collected,
    collect_folder,
    leased_keys,
    records,
    sweep_workspaces,
    walk,
)
from chainer.store.folder import Presence, Store, store_error
from chainer.store.links import sweep_links
from chainer.store.pins import parse_pin
from chainer.store.shared import SharedStore

_HOPELESS_SECONDS = 900.0

OnStep = Callable[[str, int, int], None]
"""Hears of long work: what is being done, how many are through, of how many."""


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """Counts and bytes; `by_type` maps a step's type word to (records, bytes).

    `url` names the bucket that was counted; None: the folder `root`.
    """

    root: Path
    records: int
    files: int
    bytes: int
    by_type: dict[str, tuple[int, int]]
    url: str | None = None
    pins: int = 0


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """What `verify` found: `damaged` and `missing` are (key, what) pairs, of records.

    `pins` are (name, what) pairs of pins that do not read; no repair removes those.
    """

    checked: int
    damaged: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    pins: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged or missing."""
        return not self.damaged and not self.missing and not self.pins


def inspect(store: Store, *, on_step: OnStep | None = None) -> StoreInfo:
    """Count what the store holds."""
    if isinstance(store, SharedStore):
        from chainer.store.remote_keep import inspect_bucket

        return inspect_bucket(store, on_step or _quiet)
    by_type: dict[str, tuple[int, int]] = {}
    counted = 0
    for record, _ in records(store):
        count, size = by_type.get(record.type, (0, 0))
        by_type[record.type] = (count + 1, size + record.size)
        counted += 1
    sizes: list[int] = []
    for entry in walk(store.root / "cas"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(entry.stat().st_size)
    kinds = dict(sorted(by_type.items()))
    pins = len(store.pin_texts())
    return StoreInfo(store.root, counted, len(sizes), sum(sizes), kinds, pins=pins)


def verify(store: Store, *, repair: bool = False, on_step: OnStep | None = None) -> StoreHealth:
    """Read every byte; with `repair`, forget what is not whole so that it is made again.

    A pin that does not read is told of and left alone: nobody knows what it keeps.
    """
    tell = on_step or _quiet
    if isinstance(store, SharedStore):
        from chainer.store.remote_keep import verify_bucket

        return verify_bucket(store, repair, tell)
    damaged: list[tuple[str, str]] = []
    missing: list[tuple[str, str]] = []
    names = [entry.name for entry in walk(store.root / "ac")]
    for number, name in enumerate(names):
        tell("verify", number, len(names))
        presence, record = store.find(name)
        bad = presence is not Presence.CACHED
        if presence is Presence.MISSING:
            missing.append((name, "a file of this record is gone"))
        elif presence is Presence.DAMAGED or record is None:
            damaged.append((name, "the record or the size of a file is wrong"))
        else:
            for file, artefact in record.files.items():
                if not store.is_whole(artefact):
                    damaged.append((name, f"{file} does not hash to {artefact.digest}"))
                    bad = True
        if bad and repair:
            store.discard(name)
    return StoreHealth(len(names), tuple(damaged), tuple(missing), bad_pins(store))


def bad_pins(store: Store) -> tuple[tuple[str, str], ...]:
    """The pins that do not read, each with what is wrong."""
    return tuple(
        (name, "the pin cannot be read: nothing is evicted while it is there")
        for name, text in store.pin_texts()
        if parse_pin(name, text) is None
    )


def collect(
    store: Store, max_bytes: int, *, dry_run: bool = False, on_step: OnStep | None = None
) -> Collected:
    """Sweep what dead processes left, then evict the longest unused until `max_bytes` hold.

    With `dry_run` nothing is removed. Raises `StoreError` where the store does not let it, and
    with code `store-pin` where a pin cannot be read.
    """
    tell = on_step or _quiet
    if isinstance(store, SharedStore):
        from chainer.store.remote_gc import collect_bucket

        return collect_bucket(store, max_bytes, tell, dry_run=dry_run)
    return _collected(store, max_bytes, dry_run=dry_run)


def tidy(store: Store, max_bytes: int) -> None:
    """What a render does when it has added to the store: sweep, and evict only above the cap.

    Looks at the sizes of files but into no record, so that a large store costs little; where pins
    and leases keep it above the cap, it looks thoroughly a few times an hour. Of a shared store
    only the cache is tidied. Raises `StoreError` as `collect` does.
    """
    try:
        sweep(store)
        held = sum(entry.stat().st_size for entry in walk(store.root / "cas"))
    except FileNotFoundError:
        held = max_bytes + 1  # something vanished under us: let the thorough one look
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise store_error("the store cannot be cleaned up", store.root, error) from error
    if held <= max_bytes or _was_hopeless(store, held, max_bytes):
        return
    done = _collected(store, max_bytes, dry_run=False)
    if done.over_bytes:
        with contextlib.suppress(OSError):
            _hopeless(store).write_text(f"{done.left_bytes} {max_bytes}", encoding="ascii")


def _hopeless(store: Store) -> Path:
    return store.root / "tmp" / "hopeless"


def _was_hopeless(store: Store, held: int, max_bytes: int) -> bool:
    """Whether a thorough look a while ago came to little less, so that another would too."""
    try:
        if time.time() - _hopeless(store).stat().st_mtime > _HOPELESS_SECONDS:
            return False
        left, cap = map(int, _hopeless(store).read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return False
    return cap <= max_bytes and held <= left + max_bytes // 20


def sweep(store: Store) -> None:
    """Remove what dead processes left on this machine: workspaces, drafts, locks and leases.

    Takes nothing from anybody who lives. Raises `StoreError`.
    """
    try:
        sweep_workspaces(store)
        sweep_links(store)
        leased_keys(store)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise store_error("the store cannot be cleaned up", store.root, error) from error


def _quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody listens."""


def _collected(store: Store, max_bytes: int, *, dry_run: bool) -> Collected:
    try:
        return collect_folder(store, max_bytes, dry_run=dry_run)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise store_error("the store cannot be cleaned up", store.root, error) from error
