"""Housekeeping: what is evicted, in which order, and what never is."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainer.digest import bytes_digest
from chainer.errors import StoreError
from chainer.store import Presence, Record, Store, collect, folder, inspect

from .actors import key
from .actors import publish as publish_bytes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def record_path(store: Store, word: str) -> Path:
    return store.root / "ac" / key(word)[:2] / key(word)


def publish(store: Store, word: str, data: bytes, used_seconds_ago: float = 0) -> Record:
    """A record that was last used so long ago; bytes are never so young as to be spared for it."""
    record = Record.model_validate(publish_bytes(store, word, data))
    then = time.time() - used_seconds_ago
    os.utime(record_path(store, word), (then, then))
    return record


def held(store: Store, *words: str) -> str:
    return "".join(word for word in words if store.find(key(word))[0] is Presence.CACHED)


def test_the_longest_unused_goes_first(store: Store) -> None:
    for word, ago in (("c", 300), ("a", 500), ("d", 200), ("b", 400)):
        publish(store, word, word.encode() * 100, ago)
    done = collect(store, 200)
    assert held(store, *"abcd") == "cd"
    assert (done.records, done.files, done.freed_bytes, done.left_bytes) == (2, 2, 200, 200)
    assert collect(store, 199).records == 1
    assert held(store, *"abcd") == "d"
    assert collect(store, 0).left_bytes == 0
    assert held(store, *"abcd") == ""
    assert inspect(store).files == 0


def test_nothing_is_evicted_below_the_cap(store: Store) -> None:
    for word in "abc":
        publish(store, word, word.encode() * 100, 10_000)
    done = collect(store, 300)
    assert (done.records, done.files, done.freed_bytes, done.left_bytes) == (0, 0, 0, 300)
    assert held(store, *"abc") == "abc"


def test_using_a_record_saves_it(store: Store) -> None:
    for word, ago in (("a", 500), ("b", 400), ("c", 300)):
        record = publish(store, word, word.encode() * 100, ago)
        if word == "a":
            first = record
    store.use(first)
    collect(store, 200)
    assert held(store, *"abc") == "ac"


def test_shared_bytes_stay_as_long_as_one_record_needs_them(store: Store) -> None:
    publish(store, "a", b"s" * 100, 500)
    publish(store, "b", b"s" * 100, 400)
    publish(store, "c", b"c" * 100, 300)
    done = collect(store, 100)
    # a and b both had to go before their bytes could
    assert (done.records, done.files, done.left_bytes) == (2, 1, 100)
    assert held(store, *"abc") == "c"
    publish(store, "a", b"s" * 100, 500)
    publish(store, "b", b"s" * 100, 100)
    publish(store, "c", b"c" * 100, 300)
    with store.lease([key("b")]):
        collect(store, 100)
    assert held(store, *"abc") == "b"
    assert store.is_whole(
        Record.model_validate_json(record_path(store, "b").read_bytes()).files["piece"]
    )


def test_a_lease_protects_while_it_is_open(store: Store) -> None:
    for word in "abc":
        publish(store, word, word.encode() * 100, 500)
    with store.lease([key("a"), key("zzz")]), store.lease(key(word) for word in "b"):
        done = collect(store, 0)
        assert held(store, *"abc") == "ab"
        assert done.left_bytes == 200
    collect(store, 0)
    assert held(store, *"abc") == ""
    assert list((store.root / "leases").iterdir()) == []


def test_an_empty_lease_is_one(store: Store) -> None:
    with store.lease([]):
        collect(store, 0)


def test_a_sweep_sees_a_lease_only_locked_and_full(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that runs between the making of the file and its locking."""
    publish(store, "a", b"a" * 100, 500)
    plain_flock, swept = fcntl.flock, []

    def flock(stream: Any, how: int) -> None:
        if not swept:
            swept.append(True)
            collect(store, 10**9)
        plain_flock(stream, how)

    def keys() -> Iterator[str]:
        collect(store, 10**9)
        yield key("a")

    monkeypatch.setattr(fcntl, "flock", flock)
    with store.lease(keys()):
        assert swept
        collect(store, 0)
        assert held(store, "a") == "a"


def test_a_sweep_never_takes_a_workspace_that_is_being_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_flock, swept = fcntl.flock, []

    def flock(stream: Any, how: int) -> None:
        if not swept:
            swept.append(True)
            collect(store, 10**9)  # finds the lock file, and nobody holding it
        plain_flock(stream, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with store.workspace() as path:
        assert swept
        assert path.is_dir()
        collect(store, 10**9)
        assert path.is_dir()


def test_a_sweep_holds_a_lock_while_it_removes_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one process could take the old lock file and another one a new one."""
    lock = store.root / "locks" / key("a")
    lock.touch()
    plain_unlink, tried = Path.unlink, []

    def unlink(self: Path, *, missing_ok: bool = False) -> None:
        if self == lock and not tried:
            with lock.open("w") as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried.append(True)
        plain_unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    collect(store, 10**9)
    assert tried
    assert not lock.exists()


def test_bytes_without_a_record_are_swept_when_they_are_old(store: Store) -> None:
    for number, ago in ((0, 30), (1, 7200)):
        data = b"orphan %d" % number
        path = store.path_of(bytes_digest(data))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time.time() - ago,) * 2)
    done = collect(store, 10**9)
    assert (done.files, done.freed_bytes, done.left_bytes) == (1, 8, 8)


@pytest.mark.parametrize("known", [False, True])
def test_a_publish_under_way_is_spared_however_old_its_file_is(
    store: Store, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """A sound that was written first, a picture that took twenty minutes; then a sweep."""
    plain_write = folder._write_flushed

    def write(path: Path, data: bytes) -> None:
        collect(store, 10**9)
        plain_write(path, data)

    if known:
        # The same bytes lie there already, left by a process that was killed long ago.
        path = store.path_of(bytes_digest(b"old"))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"old")
        os.utime(path, (1000, 1000))
    monkeypatch.setattr(folder, "_write_flushed", write)
    with store.workspace() as place:
        (place / "x").write_bytes(b"old")
        os.utime(place / "x", (1000, 1000))
        store.publish(key("a"), "t", {"piece": place / "x"}, {})
    assert held(store, "a") == "a"


def test_drafts_are_swept_when_they_are_old(store: Store) -> None:
    young, old = store.root / "tmp" / "ac-1-x", store.root / "tmp" / "ac-1-y"
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    bare = store.root / "tmp" / "1-bare"  # killed between mkdir and lock
    bare.mkdir()
    collect(store, 10**9)
    assert young.exists()
    assert not old.exists()
    assert bare.exists()
    os.utime(bare, (1000, 1000))
    collect(store, 10**9)
    assert not bare.exists()


def test_records_without_files_are_no_burden(store: Store) -> None:
    store.publish(key("probe"), "probe", {}, {"x": 1})
    publish(store, "a", b"a" * 100, 500)
    assert collect(store, 0).records == 1
    assert store.find(key("probe"))[0] is Presence.CACHED


def test_a_record_under_a_wrong_key_does_no_harm(store: Store) -> None:
    publish(store, "a", b"a" * 100, 100)
    publish(store, "b", b"b" * 100, 500)
    wrong = record_path(store, "z")
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_bytes(record_path(store, "a").read_bytes())
    os.utime(wrong, (1000, 1000))
    record_path(store, "y").parent.mkdir(exist_ok=True)
    record_path(store, "y").write_bytes(b"{")
    collect(store, 100)
    assert held(store, *"ab") == "a"
    assert inspect(store).records == 1


def test_bytes_that_are_gone_already(store: Store) -> None:
    record = publish(store, "a", b"a" * 100, 500)
    publish(store, "b", b"b" * 100, 400)
    store.path_of(record.files["piece"].digest).unlink()
    done = collect(store, 0)
    assert (done.records, done.files, done.freed_bytes, done.left_bytes) == (2, 1, 100, 0)


def test_one_record_with_the_same_bytes_twice(store: Store) -> None:
    with store.workspace() as place:
        for name in "ab":
            (place / name).write_bytes(b"same" * 25)
        store.publish(key("a"), "t", {name: place / name for name in "ab"}, {})
    done = collect(store, 0)
    assert (done.records, done.files, done.left_bytes) == (1, 1, 0)


def test_a_store_that_cannot_be_cleaned_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "a", b"a" * 100, 500)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", fail)
    for clean in (lambda: collect(store, 0), lambda: store.discard(key("a"))):
        with pytest.raises(StoreError, match="Read-only") as caught:
            clean()
        assert caught.value.code == "store"
