"""Eviction in a bucket: by any machine, of several at once, while others write.

A record goes before its bytes, so whoever finds a record finds its bytes. Why nothing goes that
somebody needs:

- Bytes are listed before records. A publish that is through is seen; one that is under way has put
  its bytes within the grace, or will: bytes that stand already it puts anew, which changes them.
- Leases are read before pins, and both again before every batch, so what a render leased and then
  pinned is in one of them. Whoever pins first and looks then is safe from us.
- What is condemned is looked at once more right before it goes, and spared if it was written anew.
- A writer looks once more after its record is there, and puts back bytes that went meanwhile.

What is left: between our last look and our delete, milliseconds to a few seconds, somebody may put
the same bytes anew, write a record, and look after them; or may lease or pin. Then that record is
found without its bytes, and its step is made again: never wrong bytes, only work done twice. S3 has
no delete with a condition that all servers know, so this cannot be closed here.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from chainer.digest import Digest
from chainer.errors import StoreError
from chainer.store.bucket import Bucket, Entry
from chainer.store.evict import Collected
from chainer.store.keep import OnStep
from chainer.store.pins import Held, held_by
from chainer.store.record import Record
from chainer.store.remote_keep import read_records
from chainer.store.remote_lease import leased
from chainer.store.shared import SharedStore, used_name

GRACE = timedelta(minutes=10)
"""Nothing younger is taken, record or bytes, by the clock of the server."""

_BATCH = 64
_PROBES = 5

_SURE = timedelta(minutes=1)
"""Servers tell times to the second: what was written lately may differ and look the same."""

_Item = TypeVar("_Item")


def collect_bucket(
    store: SharedStore, max_bytes: int, tell: OnStep, *, dry_run: bool = False
) -> Collected:
    """Evict the longest unused from the bucket until `max_bytes` hold.

    Reads every record once. Raises `StoreError` as `collect` does.
    """
    return _Collector(store, max_bytes, tell, dry_run=dry_run).run()


class _Collector:
    """One run: what was listed, what has gone, and what must not."""

    def __init__(self, store: SharedStore, max_bytes: int, tell: OnStep, *, dry_run: bool) -> None:
        self._store = store
        self._bucket: Bucket = store.bucket
        self._max = max_bytes
        self._tell = tell
        self._dry = dry_run
        self._now = datetime.now(UTC) if dry_run else _server_time(self._bucket)
        self._pins: dict[str, tuple[Entry, bytes]] = {}
        self._records = self._files = self._freed = self._total = 0

    def run(self) -> Collected:
        listed = {entry.name.rpartition("/")[2]: entry for entry in self._bucket.list("cas")}
        self._total = sum(entry.size for entry in listed.values())
        spared, held = self._held()
        if not self._dry:
            self._bucket.delete(f"pins/{name}" for name in held.dead)
            left = (entry.name for entry in self._bucket.list("tmp") if self._is_old(entry))
            self._bucket.delete(left)
        found = list(read_records(self._store, self._tell))
        users = Counter(file.digest for record, _ in found for file in record.files.values())
        orphans = [digest for digest in listed if not users[digest]]
        for batch in _batches(orphans):
            self._tell("bytes", self._files, len(orphans))
            spared, _ = self._held()
            self._take_bytes(batch, listed, spared)
        self._evict(found, users, listed)
        spared, held = self._held()
        kept = held.blobs | {
            file.digest
            for record, _ in found
            if record.key in held.keys
            for file in record.files.values()
        }
        pinned = sum(entry.size for digest, entry in listed.items() if digest in kept)
        over = max(0, self._total - self._max)
        return Collected(self._records, self._files, self._freed, self._total, pinned, over)

    def _evict(
        self,
        found: Sequence[tuple[Record, Entry]],
        users: Counter[Digest],
        listed: dict[Digest, Entry],
    ) -> None:
        if self._total <= self._max:
            return
        last = {
            entry.name.rpartition("/")[2]: entry.modified for entry in self._bucket.list("used")
        }
        order = sorted(
            (pair for pair in found if pair[0].files and self._is_old(pair[1])),
            key=lambda pair: (
                max(pair[1].modified, last.get(pair[0].key, pair[1].modified)),
                pair[0].key,
            ),
        )
        seen = 0
        for batch in _batches(order):
            if self._total <= self._max:
                return
            self._tell("evict", seen, len(order))
            seen += len(batch)
            self._evict_batch(batch, users, listed)

    def _evict_batch(
        self,
        batch: Sequence[tuple[Record, Entry]],
        users: Counter[Digest],
        listed: dict[Digest, Entry],
    ) -> None:
        spared, _ = self._held()
        going: list[str] = []
        free: list[Digest] = []
        promised = 0
        for record, entry in batch:
            if self._total - promised <= self._max:
                break
            if record.key in spared or not self._is_same(entry):
                continue
            going += [entry.name, used_name(record.key)]
            self._records += 1
            for file in record.files.values():
                users[file.digest] -= 1
                if not users[file.digest] and file.digest in listed:
                    free.append(file.digest)
                    promised += listed[file.digest].size
        if not self._dry:
            self._bucket.delete(going)
        self._take_bytes(free, listed, spared)

    def _take_bytes(
        self, digests: Sequence[Digest], listed: dict[Digest, Entry], spared: set[Digest]
    ) -> None:
        """Remove bytes that no record names any more, but none that is young or was renewed."""
        going = [
            entry
            for entry in (listed[digest] for digest in digests if digest not in spared)
            if self._is_old(entry) and self._is_same(entry)
        ]
        if not self._dry:
            self._bucket.delete(entry.name for entry in going)
        size = sum(entry.size for entry in going)
        self._files += len(going)
        self._freed += size
        self._total -= size

    def _held(self) -> tuple[set[Digest], Held]:
        """Keys and digests that must stay now; pins are read again only where they changed."""
        # At the moment of our start: a lease that ended since is respected, none is missed.
        names = leased(self._bucket, self._now)
        pins: dict[str, tuple[Entry, bytes]] = {}
        for entry in self._bucket.list("pins"):
            known = self._pins.get(entry.name)
            if known is not None and known[0] == entry and self._now - entry.modified > _SURE:
                pins[entry.name] = known
            elif (text := self._bucket.read(entry.name)) is not None:
                pins[entry.name] = (entry, text)
        self._pins = pins
        texts = [(name.removeprefix("pins/"), text) for name, (_, text) in sorted(pins.items())]
        held = held_by(texts, f"{self._store.url}/pins")
        return names | held.keys | held.blobs, held

    def _is_old(self, entry: Entry) -> bool:
        return self._now - entry.modified > GRACE

    def _is_same(self, entry: Entry) -> bool:
        return self._dry or entry.same(self._bucket.stat(entry.name))


def _server_time(bucket: Bucket) -> datetime:
    """What the server's clock says: our own may be wrong, and ages are judged by it."""
    for _ in range(_PROBES):  # another collector may sweep it away
        name = f"tmp/now-{uuid.uuid4().hex}"
        bucket.replace(name, b"")
        try:
            found = bucket.stat(name)
        finally:
            bucket.delete([name])
        if found is not None:
            break
    else:
        raise StoreError(
            f"{bucket.url}: what was just written is not there; nothing was evicted",
            code="store",
            url=bucket.url,
        )
    return found.modified


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
