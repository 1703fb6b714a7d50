"""The store in a bucket that machines share, with a folder as its cache.

    ac/ab/<key>      the record of a step: made only if absent, the one point that decides
    cas/ab/<sha256>  the bytes
    used/ab/<key>    an empty mark, put anew when a record was used a day after the last
    leases/<name>    keys that a running render needs; unless renewed, it ends by itself
    pins/<name>      keys and bytes that a finished episode or an unfinished batch refers to

What the bucket says counts: a record that lies in the cache alone is no answer, so that what was
purged on one machine does not come back on another. Bytes are believed by their hash alone,
whoever gave them. Claims, workspaces and the reasons of `recall` stay on the machine: two machines
may make the same step at once, and the first one's record stands.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from chainer.digest import Digest
from chainer.errors import StoreError
from chainer.store.bucket import Bucket
from chainer.store.folder import Presence, Store, measured, store_error, written
from chainer.store.pins import check_pin_name, pin_of
from chainer.store.record import Artefact, Record
from chainer.store.remote_lease import remote_lease

KNOWN_SECONDS = 3.0
"""How long a record that was whole is believed without asking: a plan asks often for the same."""

_MANY_KNOWN = 50_000
_USED_AFTER = 86_400.0
_LONG_PUBLISH = 60.0


class SharedStore(Store):
    """A store in a bucket. Safe for several threads, processes and machines at once.

    `root` is the cache: a folder that may vanish at any time, capped like a folder store.
    """

    def __init__(self, root: Path, bucket: Bucket) -> None:
        super().__init__(root)
        self.bucket = bucket
        self._known: dict[Digest, tuple[float, Record]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """How people name the bucket."""
        return self.bucket.url

    # -- finding ---------------------------------------------------------------

    def find(self, key: Digest) -> tuple[Presence, Record | None]:
        """The record of `key`, as the bucket has it now, or had it within `KNOWN_SECONDS`.

        Judged by presence and size of its files, of which those in the cache are not asked for.
        """
        with self._lock:
            known = self._known.get(key)
        if known is not None and time.monotonic() - known[0] < KNOWN_SECONDS:
            return Presence.CACHED, known[1]
        presence, record, text = self.ask(key)
        if presence is Presence.CACHED and record is not None:
            self._know(record)
            self._keep_record(record, text)
        elif presence is Presence.ABSENT:
            self._drop_cached(key)
        return presence, record

    def ask(self, key: Digest, *, cached: bool = True) -> tuple[Presence, Record | None, bytes]:
        """What the bucket says of `key` at this moment, and the text of the record.

        With `cached` it is not asked for bytes that the cache has in the right size.
        """
        text = self.bucket.read(record_name(key))
        if text is None:
            return Presence.ABSENT, None, b""
        try:
            record = Record.model_validate_json(text)
        except ValidationError:
            return Presence.DAMAGED, None, text
        if record.key != key:
            return Presence.DAMAGED, None, text
        for artefact in record.files.values():
            if cached and self._cached_size(artefact.digest) == artefact.size:
                continue
            size = self.bucket.size(bytes_name(artefact.digest))
            if size is None:
                return Presence.MISSING, record, text
            if size != artefact.size:
                return Presence.DAMAGED, record, text
        return Presence.CACHED, record, text

    def use(self, record: Record) -> None:
        """Note that `record` was used now, so that it is evicted late, here and in the bucket."""
        path = self._record_path(record.key)
        try:
            old = time.time() - path.stat().st_mtime > _USED_AFTER
        except OSError:
            old = True
        super().use(record)
        if old:
            with contextlib.suppress(StoreError):
                self.bucket.replace(used_name(record.key), b"")

    def is_whole(self, artefact: Artefact) -> bool:
        """Whether the bytes are there and hash to their name; brings them into the cache."""
        try:
            self.open(artefact).close()
        except StoreError as error:
            if error.code != "store-damaged":
                raise
            return False
        return True

    def open(self, artefact: Artefact) -> IO[bytes]:
        """The bytes, hash-checked, as an open file: from the cache, or brought into it first.

        Raises `StoreError` with code `store-damaged` where the bucket has none, or others than the
        name says, which are never kept.
        """
        try:
            return super().open(artefact)
        except StoreError as error:
            if error.code != "store-damaged":
                raise
        self._bring(artefact.digest, artefact.size)
        return super().open(artefact)

    def is_whole_there(self, artefact: Artefact) -> bool:
        """Whether the bytes in the bucket hash to their name; the cache is not asked."""
        state = _Hashing(None, artefact.size)
        try:
            found = self.bucket.read_into(bytes_name(artefact.digest), state.stream)
        except _TooLongError:
            return False
        return found and state.hexdigest() == artefact.digest

    def fetch_blob(self, digest: Digest) -> Path:
        """The bytes that `put_blob` kept, on whichever machine: hash-checked, in the cache.

        Raises `StoreError` with code `store-damaged` as `open` does.
        """
        if not self._hashes(digest):
            self._bring(digest, None)
        return self.path_of(digest)

    # -- making ----------------------------------------------------------------

    def publish(
        self, key: Digest, type_word: str, files: Mapping[str, Path], facts: Mapping[str, Any]
    ) -> Record:
        """Put `files` into the bucket and the cache, and make them the answer to `key`.

        The bytes first, then the record. Returns the record that stands: another's, where another
        was first and its bytes are there.
        """
        began = time.monotonic()
        stood: dict[Digest, int] = {}
        try:
            artefacts: dict[str, Artefact] = {}
            for name, path in files.items():
                artefact = measured(path)
                if self._put(artefact, path):
                    stood[artefact.digest] = artefact.size
                artefacts[name] = self._keep(path, artefact)
            record, text = written(key, type_word, artefacts, facts)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise store_error("a finished step could not be kept", self.root, error) from error
        name = record_name(key)
        if not self.bucket.create(name, text):
            presence, standing, found = self.ask(key)
            if presence is Presence.CACHED and standing is not None:
                self._know(standing)
                self._keep_record(standing, found)
                return standing
            self.bucket.replace(name, text)
        if time.monotonic() - began > _LONG_PUBLISH:
            stood = {file.digest: file.size for file in artefacts.values()}
        self._still_there(stood)
        self._keep_record(record, text)
        self._know(record)
        return record

    def put_blob(self, path: Path) -> Digest:
        """Keep a copy of the file's bytes in the bucket, for machines that know their digest.

        Nothing refers to them: after ten minutes only a pin or a lease that names the digest
        keeps them from eviction. Pin first, then put, and they are never at risk. What is there
        with the right size is not sent again.
        """
        try:
            artefact = measured(path)
        except OSError as error:
            raise store_error("a file could not be kept", path, error) from error
        name = bytes_name(artefact.digest)
        if self.bucket.size(name) != artefact.size:
            self.bucket.replace(name, path)
        return artefact.digest

    def discard(self, key: Digest) -> None:
        """Forget the record of `key`, and those of its files that are damaged, in the bucket first.

        Files that have the right size are read to tell.
        """
        self._forget(key)
        presence, record, _ = self.ask(key)
        if presence is not Presence.ABSENT:
            lost = [record_name(key)]
            files = record.files.values() if record is not None else ()
            lost += [bytes_name(file.digest) for file in files if not self.is_whole_there(file)]
            self.bucket.delete(lost)
        here, kept = Store.find(self, key)
        if here is Presence.ABSENT:
            return
        try:
            self._record_path(key).unlink(missing_ok=True)
            for file in kept.files.values() if kept is not None else ():
                if not self._hashes(file.digest):
                    self.path_of(file.digest).unlink(missing_ok=True)
        except OSError as error:
            raise store_error("a record cannot be removed", self.root, error) from error

    def forget(self, key: Digest) -> None:
        """Believe nothing of `key` without asking the bucket: it was removed there."""
        self._forget(key)

    # -- holding ---------------------------------------------------------------

    @contextlib.contextmanager
    def lease(self, keys: Iterable[Digest]) -> Iterator[None]:
        """While open, eviction spares `keys`: in the cache, and by any machine in the bucket.

        In the bucket it is renewed every two minutes and ends ten after the last time, so it
        outlives a killed process by no more than that, and a server that is away for less.
        """
        wanted = sorted(set(keys))
        with super().lease(wanted), remote_lease(self.bucket, wanted):
            yield

    def pin(
        self, name: str, keys: Iterable[Digest], *, folder: Path, blobs: Iterable[Digest] = ()
    ) -> None:
        """See to it that eviction in the bucket spares `keys`, their files, and `blobs`.

        A pin of the same name is replaced, in one step. It is live while `folder` exists on this
        machine; other machines cannot tell, and keep to it. Purging ignores pins. Raises
        `ValueError` for a name or a digest that is none, and `StoreError`.
        """
        check_pin_name(name)
        pin = pin_of(name, keys, blobs, folder)
        self.bucket.replace(f"pins/{name}", pin.model_dump_json(by_alias=True).encode())

    def unpin(self, name: str) -> None:
        """Remove the pin `name`; none is no error."""
        self.bucket.delete([f"pins/{check_pin_name(name)}"])

    def pin_texts(self) -> Sequence[tuple[str, bytes]]:
        """The name and the raw text of every pin in the bucket."""
        found = []
        for entry in self.bucket.list("pins"):
            text = self.bucket.read(entry.name)
            if text is not None:  # it may have gone since
                found.append((entry.name.removeprefix("pins/"), text))
        return sorted(found)

    # -- inside ----------------------------------------------------------------

    def _know(self, record: Record) -> None:
        with self._lock:
            if len(self._known) >= _MANY_KNOWN:
                self._known.clear()
            self._known[record.key] = (time.monotonic(), record)

    def _forget(self, key: Digest) -> None:
        with self._lock:
            self._known.pop(key, None)

    def _cached_size(self, digest: Digest) -> int | None:
        try:
            return self.path_of(digest).stat().st_size
        except OSError:
            return None

    def _put(self, artefact: Artefact, path: Path) -> bool:
        """Put bytes into the bucket; whether some of that name stood there already.

        Those that stand are put anew: that mends them should they be damaged, and makes them
        young, so that a collector which found them without a record lets them be.
        """
        name = bytes_name(artefact.digest)
        if self.bucket.size(name) is None and self.bucket.create(name, path):
            return False
        self.bucket.replace(name, path)
        return True

    def _still_there(self, wanted: Mapping[Digest, int]) -> None:
        """Put what a collector took before it could know of our record."""
        for digest, size in wanted.items():
            if self.bucket.size(bytes_name(digest)) != size and self._hashes(digest):
                self.bucket.replace(bytes_name(digest), self.path_of(digest))

    def _bring(self, digest: Digest, size: int | None) -> None:
        """Fetch bytes into the cache; only what hashes to its name gets there."""
        name = bytes_name(digest)
        place = f"{self.url}/{name}"
        try:
            with self._draft("fetch") as draft:
                with draft.open("wb") as stream:
                    state = _Hashing(stream, size)
                    try:
                        found = self.bucket.read_into(name, state.stream)
                    except _TooLongError:
                        raise _wrong(place, "is longer than its record says") from None
                if not found:
                    raise _wrong(place, "is missing")
                if state.hexdigest() != digest:
                    raise _wrong(place, "does not hash to its name")
                target = self.path_of(digest)
                target.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(target)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise store_error("the cache cannot be written", self.root, error) from error

    def _keep_record(self, record: Record, text: bytes) -> None:
        """Have the record in the cache too, where eviction there goes by it."""
        if not record.files:
            return
        path = self._record_path(record.key)
        with contextlib.suppress(OSError):
            try:
                if path.read_bytes() == text:
                    return
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
            with self._draft("ac") as draft:
                draft.write_bytes(text)
                draft.replace(path)

    def _drop_cached(self, key: Digest) -> None:
        """The bucket has no such record: what the cache holds of it is not kept either.

        A record that is only seconds old is let be: it may have got there since we asked.
        """
        path = self._record_path(key)
        with contextlib.suppress(OSError, ValidationError):
            if time.time() - path.stat().st_mtime < 60:
                return
            record = Record.model_validate_json(path.read_bytes())
            for file in record.files.values():
                self.path_of(file.digest).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def record_name(key: Digest) -> str:
    """What the record of `key` is called in a bucket."""
    return f"ac/{key[:2]}/{key}"


def bytes_name(digest: Digest) -> str:
    """What the bytes of `digest` are called in a bucket."""
    return f"cas/{digest[:2]}/{digest}"


def used_name(key: Digest) -> str:
    """What the mark of the last use of `key` is called in a bucket."""
    return f"used/{key[:2]}/{key}"


class _TooLongError(Exception):
    """More bytes came than there are."""


class _Hashing:
    """A stream that hashes what goes through it, and ends what does not end."""

    def __init__(self, onward: IO[bytes] | None, size: int | None) -> None:
        self._onward = onward
        self._left = size
        self._state = hashlib.sha256()

    @property
    def stream(self) -> Any:
        return self

    def write(self, data: bytes) -> int:
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise _TooLongError
        self._state.update(data)
        return len(data) if self._onward is None else self._onward.write(data)

    def hexdigest(self) -> str:
        return self._state.hexdigest()


def _wrong(place: str, how: str) -> StoreError:
    return StoreError(f"{place} {how}", code="store-damaged", path=place)
