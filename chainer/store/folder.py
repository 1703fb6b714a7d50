"""The store as a folder that many processes share.

    ac/ab/<key>      the record of a step: made only if absent, the one point that decides
    cas/ab/<sha256>  the bytes
    tmp/<name>/      private work folders, each held by a lock while its owner lives
    locks/<key>      held by whoever makes that step now
    leases/<name>    keys that a running render needs, held by a lock while it lives
    pins/<name>      keys and bytes that a finished episode or an unfinished batch refers to
    segments/<name>  links to the bytes that playlists name, see links.py
    slots/ab/<hash>  what a place in a film was last made from, to tell why it changed

A file becomes visible only whole: written in tmp/, flushed to disk, then linked to its name.
Whoever is second keeps the first one's record. Reading checks the hash; damage is an answer,
not a crash, and the caller makes the step again. Layout after Bazel's action cache and CAS.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from chainer.digest import Digest, file_digest, stream_digest
from chainer.errors import Cancelled, StoreError
from chainer.store.pins import check_pin_name, pin_of
from chainer.store.record import Artefact, Record

_TOUCH_AFTER = 60.0
_POLL = 0.05
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class Presence(StrEnum):
    """What the store knows of a key without reading the bytes."""

    ABSENT = "absent"
    CACHED = "cached"
    MISSING = "missing"
    DAMAGED = "damaged"


class Store:
    """A folder store. Safe for several threads and processes on one machine at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            for name in ("ac", "cas", "tmp", "locks", "leases", "pins", "slots"):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store_error("the store cannot be written", root, error) from error

    # -- finding ---------------------------------------------------------------

    def find(self, key: Digest) -> tuple[Presence, Record | None]:
        """The record of `key`, judged by presence and size of its files, not their bytes."""
        try:
            text = self._record_path(key).read_bytes()
        except FileNotFoundError:
            return Presence.ABSENT, None
        except OSError as error:
            raise store_error("a record cannot be read", self._record_path(key), error) from error
        try:
            record = Record.model_validate_json(text)
        except ValidationError:
            return Presence.DAMAGED, None
        if record.key != key:
            return Presence.DAMAGED, None
        for artefact in record.files.values():
            try:
                size = self.path_of(artefact.digest).stat().st_size
            except OSError:
                return Presence.MISSING, record
            if size != artefact.size:
                return Presence.DAMAGED, record
        return Presence.CACHED, record

    def use(self, record: Record) -> None:
        """Note that `record` was used now, so that it is evicted late."""
        path = self._record_path(record.key)
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _TOUCH_AFTER:
                os.utime(path)

    def path_of(self, digest: Digest) -> Path:
        """Where the bytes of `digest` lie, or would."""
        return self.root / "cas" / digest[:2] / digest

    def is_whole(self, artefact: Artefact) -> bool:
        """Whether the bytes are there and hash to their name."""
        return self._hashes(artefact.digest)

    def open(self, artefact: Artefact) -> IO[bytes]:
        """The bytes, hash-checked, as an open file that eviction cannot take away.

        Raises `StoreError` with code `store-damaged` where they are not what the name says.
        """
        path = self.path_of(artefact.digest)
        try:
            stream = path.open("rb")
        except OSError as error:
            raise _damaged(path, "is missing") from error
        try:
            whole = stream_digest(stream) == artefact.digest
            stream.seek(0)
        except OSError as error:
            stream.close()
            raise _damaged(path, "cannot be read") from error
        if not whole:
            stream.close()
            raise _damaged(path, "does not hash to its name")
        return stream

    def fetch(self, artefact: Artefact) -> Path:
        """Where the bytes lie on this machine, hash-checked; eviction may take them from there.

        Raises `StoreError` with code `store-damaged` where they are not what the name says.
        """
        self.open(artefact).close()
        return self.path_of(artefact.digest)

    def fetch_blob(self, digest: Digest) -> Path:
        """As `fetch`, for bytes that `put_blob` kept."""
        path = self.path_of(digest)
        if not self._hashes(digest):
            raise _damaged(path, "is missing or does not hash to its name")
        return path

    # -- making ----------------------------------------------------------------

    def put_blob(self, path: Path) -> Digest:
        """Keep a copy of the file's bytes without a record, for whoever knows their digest.

        Nothing refers to them: after ten minutes only a pin or a lease that names the digest
        keeps them from eviction. Pin first, then put, and they are never at risk.
        """
        try:
            digest = file_digest(path)
            if not self._hashes(digest):
                with self._draft("blob") as draft:
                    shutil.copyfile(path, draft)
                    self._keep(draft, measured(draft))
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.path_of(digest))
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise store_error("a file could not be kept", path, error) from error
        return digest

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A private folder on the store's disk, removed at the end whatever happens."""
        while True:
            path = self.root / "tmp" / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
            try:
                path.mkdir()
                lock = _locked(path / ".lock")
            except OSError as error:
                shutil.rmtree(path, ignore_errors=True)
                raise store_error("the store cannot be written", path, error) from error
            # A sweep may have taken the folder for abandoned between open and lock.
            if _same_file(lock, path / ".lock"):
                break
            lock.close()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            lock.close()

    @contextlib.contextmanager
    def claim(self, key: Digest, cancel: threading.Event | None = None) -> Iterator[None]:
        """Hold the right to make `key`; waits while another process or thread has it.

        The lock goes with its holder, so a killed process never blocks the next.
        """
        path = self.root / "locks" / key
        while True:
            try:
                lock = path.open("w")
            except OSError as error:
                raise store_error("the store cannot be written", path, error) from error
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                if cancel is not None and cancel.is_set():
                    raise Cancelled("cancelled while waiting for another process") from None
                time.sleep(_POLL)
                continue
            # The file may have been unlinked by its last holder between open and lock.
            if _same_file(lock, path):
                break
            lock.close()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            lock.close()

    def publish(
        self, key: Digest, type_word: str, files: Mapping[str, Path], facts: Mapping[str, Any]
    ) -> Record:
        """Move `files` into the store and make them the answer to `key`.

        Returns the record that stands: another's, where another was first.
        """
        try:
            artefacts = {name: self._keep(path, measured(path)) for name, path in files.items()}
            record, text = written(key, type_word, artefacts, facts)
            target = self._record_path(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._draft("ac") as draft:
                _write_flushed(draft, text)
                if not _link_new(draft, target):
                    presence, standing = self.find(key)
                    if presence is Presence.CACHED and standing is not None:
                        return standing
                    _write_flushed(draft, text)
                    draft.replace(target)
            flush_folder(target.parent)
        except OSError as error:
            raise store_error("a finished step could not be kept", self.root, error) from error
        return record

    def discard(self, key: Digest) -> None:
        """Forget the record of `key`, and those of its files that are damaged."""
        presence, record = self.find(key)
        if presence is Presence.ABSENT:
            return
        lost = [self._record_path(key)]
        if record is not None:
            files = record.files.values()
            lost += [self.path_of(file.digest) for file in files if not self.is_whole(file)]
        try:
            for path in lost:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise store_error("a record cannot be removed", self.root, error) from error

    # -- holding ---------------------------------------------------------------

    @contextlib.contextmanager
    def lease(self, keys: Iterable[Digest]) -> Iterator[None]:
        """While open, eviction in any process spares the records of `keys`."""
        path = self.root / "leases" / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        try:
            # Seen only once it is locked and full: to a sweep, an unlocked one is a dead one's.
            with self._draft("lease") as draft:
                stream = _locked(draft)
                try:
                    stream.write("\n".join(keys))
                    stream.flush()
                    draft.replace(path)
                except BaseException:
                    stream.close()
                    raise
        except OSError as error:
            raise store_error("the store cannot be written", path, error) from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            stream.close()

    def pin(
        self, name: str, keys: Iterable[Digest], *, folder: Path, blobs: Iterable[Digest] = ()
    ) -> None:
        """See to it that eviction spares `keys`, their files, and `blobs`, while `folder` exists.

        A pin of the same name is replaced, in one step. Purging ignores pins. Raises `ValueError`
        for a name or a digest that is none, and `StoreError`.
        """
        path = self.root / "pins" / check_pin_name(name)
        pin = pin_of(name, keys, blobs, folder)
        try:
            with self._draft("pin") as draft:
                _write_flushed(draft, pin.model_dump_json(by_alias=True).encode())
                draft.replace(path)
            flush_folder(path.parent)
        except OSError as error:
            raise store_error("a pin cannot be written", path, error) from error

    def unpin(self, name: str) -> None:
        """Remove the pin `name`; none is no error."""
        path = self.root / "pins" / check_pin_name(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise store_error("a pin cannot be removed", path, error) from error

    def pin_texts(self) -> Sequence[tuple[str, bytes]]:
        """The name and the raw text of every pin."""
        found = []
        for path in sorted((self.root / "pins").iterdir()):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.name, path.read_bytes()))
        return found

    def recall(self, slot: Digest) -> dict[str, Any]:
        """What `slot` was last made from; empty where nothing is known."""
        try:
            value = json.loads((self.root / "slots" / slot[:2] / slot).read_bytes())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def remember(self, slot: Digest, inputs: Mapping[str, Any]) -> None:
        """Keep what `slot` was made from. Only a reason hangs on it, so loss is harmless."""
        path = self.root / "slots" / slot[:2] / slot
        with contextlib.suppress(OSError), self._draft("slot") as draft:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(dict(inputs), sort_keys=True), encoding="utf-8")
            draft.replace(path)

    # -- inside ----------------------------------------------------------------

    def _record_path(self, key: Digest) -> Path:
        return self.root / "ac" / key[:2] / key

    @contextlib.contextmanager
    def _draft(self, kind: str) -> Iterator[Path]:
        """A name in tmp/ for a small file; what still has it at the end is removed."""
        path = self.root / "tmp" / f"{kind}-{os.getpid()}-{uuid.uuid4().hex}"
        try:
            yield path
        finally:
            with contextlib.suppress(OSError):
                path.unlink()

    def _hashes(self, digest: Digest) -> bool:
        try:
            return file_digest(self.path_of(digest)) == digest
        except OSError:
            return False

    def _keep(self, path: Path, artefact: Artefact) -> Artefact:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        target = self.path_of(artefact.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Young again, however long ago it was written: until the record stands, eviction spares
        # bytes without one by their age alone.
        os.utime(path)
        if target.exists() and not self.is_whole(artefact):
            path.replace(target)
        elif not _link_new(path, target):
            os.utime(target)
        flush_folder(target.parent)
        return artefact


def measured(path: Path) -> Artefact:
    """A file's digest and size."""
    return Artefact(digest=file_digest(path), size=path.stat().st_size)


def written(
    key: Digest, type_word: str, files: Mapping[str, Artefact], facts: Mapping[str, Any]
) -> tuple[Record, bytes]:
    """A record as everyone after us will read it, and its text."""
    record = Record(key=key, type=type_word, files=dict(files), facts=dict(facts))
    text = record.model_dump_json(by_alias=True).encode()
    return Record.model_validate_json(text), text


def _link_new(path: Path, target: Path) -> bool:
    """Give `path` the name `target` unless that is taken; `path` is gone afterwards."""
    try:
        os.link(path, target)
    except FileExistsError:
        path.unlink()
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without hard links: rename is atomic too, and equal keys have equal bytes.
        if target.exists():
            path.unlink()
            return False
        path.replace(target)
        return True
    path.unlink()
    return True


def _locked(path: Path) -> IO[str]:
    """A new file, open for writing and locked until it is closed or its process ends."""
    stream = path.open("w", encoding="ascii")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError:
        stream.close()
        raise
    return stream


def _write_flushed(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def flush_folder(path: Path) -> None:
    """See to it that the names in a folder are on the disk, where its file system can do that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems cannot flush a folder; the file itself is flushed
    finally:
        os.close(descriptor)


def _same_file(stream: IO[Any], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False


def _damaged(path: Path, how: str) -> StoreError:
    return StoreError(f"{path} {how}", code="store-damaged", path=str(path))


def store_error(what: str, path: Path, error: OSError) -> StoreError:
    """`error` of the file system at `path` as one of ours, with what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"{what}: the disk under {path} is full; free some space, or lower the store's cap "
            "with `chainer store gc --max-bytes`, and run the same command again: "
            "finished steps are kept",
            code="disk-full",
            path=str(path),
        )
    return StoreError(
        f"{what}: {path}: {error.strerror or error}; choose another folder with --store",
        code="store",
        path=str(path),
    )
