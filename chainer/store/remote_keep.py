"""What the bucket of a shared store holds, and whether it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from pydantic import ValidationError

from chainer.digest import Digest
from chainer.store.bucket import Entry
from chainer.store.folder import Presence
from chainer.store.keep import OnStep, StoreHealth, StoreInfo, bad_pins
from chainer.store.record import Record
from chainer.store.shared import SharedStore

_READERS = 16
_HASHERS = 4
_WINDOW = 256

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def inspect_bucket(store: SharedStore, tell: OnStep) -> StoreInfo:
    """Count what the bucket holds: one small request for each record."""
    by_type: dict[str, tuple[int, int]] = {}
    records = 0
    for record, _ in read_records(store, tell):
        count, size = by_type.get(record.type, (0, 0))
        by_type[record.type] = (count + 1, size + record.size)
        records += 1
    sizes = [entry.size for entry in store.bucket.list("cas")]
    pins = sum(1 for _ in store.bucket.list("pins"))
    kinds = dict(sorted(by_type.items()))
    return StoreInfo(store.root, records, len(sizes), sum(sizes), kinds, store.url, pins)


def verify_bucket(store: SharedStore, repair: bool, tell: OnStep) -> StoreHealth:  # noqa: FBT001
    """Read every byte that a record of the bucket names, each once; nothing enters the cache."""
    entries = list(store.bucket.list("ac"))
    hashed: dict[tuple[Digest, int], bool] = {}
    damaged: list[tuple[str, str]] = []
    missing: list[tuple[str, str]] = []

    def look(entry: Entry) -> tuple[str, Presence, str]:
        key = entry.name.rpartition("/")[2]
        presence, record, _ = store.ask(key, cached=False)
        if presence is not Presence.CACHED or record is None:
            return key, presence, "the record or the size of a file is wrong"
        for name, artefact in record.files.items():
            known = (artefact.digest, artefact.size)
            if known not in hashed:
                hashed[known] = store.is_whole_there(artefact)
            if not hashed[known]:
                return key, Presence.DAMAGED, f"{name} does not hash to {artefact.digest}"
        return key, presence, ""

    for number, (key, presence, what) in enumerate(mapped(look, entries, _HASHERS)):
        tell("verify", number, len(entries))
        if presence in (Presence.CACHED, Presence.ABSENT):  # absent: it went since it was listed
            continue
        if presence is Presence.MISSING:
            missing.append((key, "a file of this record is gone"))
        else:
            damaged.append((key, what))
        if repair:
            store.discard(key)
    return StoreHealth(len(entries), tuple(damaged), tuple(missing), bad_pins(store))


def read_records(store: SharedStore, tell: OnStep) -> Iterator[tuple[Record, Entry]]:
    """Every readable record that lies under its own key, with its object."""
    entries = list(store.bucket.list("ac"))

    def read(entry: Entry) -> tuple[Entry, bytes | None]:
        return entry, store.bucket.read(entry.name)

    for number, (entry, text) in enumerate(mapped(read, entries, _READERS)):
        tell("records", number, len(entries))
        if text is None:
            continue
        try:
            record = Record.model_validate_json(text)
        except ValidationError:
            continue
        if record.key == entry.name.rpartition("/")[2]:
            yield record, entry


def mapped(
    work: Callable[[_In], _Out], items: Sequence[_In] | Iterable[_In], threads: int
) -> Iterator[_Out]:
    """`work` of every item, in order, a window of them at a time in `threads` threads."""
    waiting = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, _WINDOW)):
            yield from pool.map(work, some)
