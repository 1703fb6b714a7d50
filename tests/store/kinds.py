"""The same store over different places, and what a test does to them behind its back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chainer.digest import Digest
from chainer.store import Record, SharedStore, Store
from chainer.store.bucket import ObjectBucket, folder_bucket, memory_bucket, s3_bucket

from .actors import key

KINDS = ["folder", "memory", "local", pytest.param("rgw", marks=pytest.mark.slow)]
SHARED = ["memory", "local", pytest.param("rgw", marks=pytest.mark.slow)]


@dataclass
class Kind:
    """A place for stores. `open` gives another machine's view of it, with a cache of its own."""

    name: str
    bucket: ObjectBucket | None
    folder: Path
    count: int = 0

    def open(self) -> Store:
        self.count += 1
        if self.bucket is None:
            return Store(self.folder / "store")
        return SharedStore(self.folder / f"cache{self.count}", self.bucket)

    def open_shared(self) -> SharedStore:
        store = self.open()
        assert isinstance(store, SharedStore)
        return store

    def _path(self, name: str) -> Path:
        return self.folder / "store" / name

    def write(self, name: str, data: bytes) -> None:
        if self.bucket is not None:
            self.bucket.replace(name, data)
            return
        self._path(name).parent.mkdir(parents=True, exist_ok=True)
        self._path(name).write_bytes(data)

    def remove(self, name: str) -> None:
        if self.bucket is not None:
            self.bucket.delete([name])
        else:
            self._path(name).unlink(missing_ok=True)

    def read(self, name: str) -> bytes | None:
        if self.bucket is not None:
            return self.bucket.read(name)
        return self._path(name).read_bytes() if self._path(name).exists() else None

    def names(self, prefix: str) -> list[str]:
        if self.bucket is not None:
            return sorted(entry.name for entry in self.bucket.list(prefix))
        root = self.folder / "store"
        paths = (root / prefix).rglob("*")
        return sorted(str(path.relative_to(root)) for path in paths if path.is_file())


def make_kind(name: str, folder: Path, rgw: Callable[[], str]) -> Kind:
    folder.mkdir(parents=True, exist_ok=True)
    if name == "folder":
        return Kind(name, None, folder)
    if name == "memory":
        return Kind(name, memory_bucket(), folder)
    if name == "local":
        return Kind(name, folder_bucket(folder / "bucket"), folder)
    return Kind(name, s3_bucket(rgw(), folder.name), folder)


def publish(store: Store, word: str, *data: bytes, **facts: object) -> Record:
    with store.workspace() as folder:
        files = {}
        for number, one in enumerate(data or (b"bytes",)):
            files[f"f{number}"] = folder / f"f{number}"
            files[f"f{number}"].write_bytes(one)
        return store.publish(key(word), "test", files, facts)


def record_name(word: str) -> str:
    return f"ac/{key(word)[:2]}/{key(word)}"


def bytes_name(digest: Digest) -> str:
    return f"cas/{digest[:2]}/{digest}"


AT_ONCE = timedelta(seconds=-60)
"""A grace under which everything is old."""
