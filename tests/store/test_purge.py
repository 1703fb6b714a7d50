"""Purging from the store: bytes and record, shared bytes, damage, interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainer.digest import key_of
from chainer.errors import StoreError
from chainer.store import Presence, Purged, Record, Store, purge


class Killed(BaseException):
    """Stands for a process that ends here."""


def key(word: str) -> str:
    return key_of("test", word)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def publish(store: Store, word: str, **files: bytes) -> Record:
    with store.workspace() as folder:
        paths = {}
        for name, data in files.items():
            paths[name] = folder / name
            paths[name].write_bytes(data)
        return store.publish(key(word), "test", paths, {})


def held(store: Store) -> list[str]:
    paths = [*(store.root / "ac").rglob("*"), *(store.root / "cas").rglob("*")]
    return sorted(str(path.relative_to(store.root)) for path in paths if path.is_file())


def test_record_and_bytes_go_and_nothing_else(store: Store) -> None:
    publish(store, "stays", film=b"other")
    left = held(store)
    publish(store, "a", film=b"12345", sound=b"123")
    publish(store, "b", film=b"1")
    assert purge(store, [key("a"), key("b"), key("never")]) == Purged(2, 3, 9)
    assert held(store) == left
    assert store.find(key("a")) == (Presence.ABSENT, None)
    assert purge(store, [key("a"), key("b")]) == Purged()


def test_bytes_that_another_record_shares_go_and_are_made_again(store: Store) -> None:
    publish(store, "a", film=b"same")
    publish(store, "other", film=b"same")
    assert purge(store, [key("a")]) == Purged(1, 1, 4)
    assert store.find(key("other"))[0] is Presence.MISSING
    publish(store, "other", film=b"same")
    assert store.find(key("other"))[0] is Presence.CACHED


def test_a_lease_or_a_claim_does_not_protect(store: Store) -> None:
    publish(store, "a", film=b"x")
    with store.lease([key("a")]), store.claim(key("a")):
        assert purge(store, [key("a")]).files == 1
    assert held(store) == []


def test_a_record_that_does_not_read_gives_up_the_bytes_it_names(store: Store) -> None:
    publish(store, "a", film=b"shows somebody")
    path = store.root / "ac" / key("a")[:2] / key("a")
    path.write_bytes(path.read_bytes().replace(b"chainer.record/1", b"chainer.record/9"))
    assert store.find(key("a")) == (Presence.DAMAGED, None)
    assert purge(store, [key("a")]) == Purged(1, 1, 14)
    assert held(store) == []


def test_a_record_without_its_bytes_goes_too(store: Store) -> None:
    record = publish(store, "a", film=b"x")
    store.path_of(record.files["film"].digest).unlink()
    assert purge(store, [key("a")]) == Purged(1, 0, 0)
    assert held(store) == []


def test_killed_at_any_step_and_repeated_ends_the_same(tmp_path: Path) -> None:
    steps: list[str] = []

    def fill(name: str) -> Store:
        store = Store(tmp_path / name)
        for word in ("a", "b"):
            publish(store, word, film=word.encode(), shared=b"both")
        publish(store, "stays", film=b"stays")
        return store

    whole = fill("whole")
    purge(whole, [key("a"), key("b")], on_step=steps.append)
    assert steps == ["bytes", "record", "bytes", "record", "flush"]
    for at in range(len(steps)):
        store = fill(f"killed-{at}")
        seen = 0

        def kill(step: str, at: int = at) -> None:
            nonlocal seen
            seen += 1
            if seen > at:
                raise Killed(step)

        with pytest.raises(Killed):
            purge(store, [key("a"), key("b")], on_step=kill)
        purge(store, [key("a"), key("b")])
        assert held(store) == held(whole)


def test_what_is_no_key_is_refused_before_anything_is_touched(store: Store) -> None:
    for word in ("../../etc/passwd", "", key("a")[:-1], key("a").upper()):
        with pytest.raises(ValueError, match="not a key"):
            purge(store, [word])


def test_a_file_that_cannot_be_removed_is_a_store_error(store: Store) -> None:
    record = publish(store, "a", film=b"x")
    path = store.path_of(record.files["film"].digest)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be removed") as caught:
        purge(store, [key("a")])
    assert caught.value.exit_status == 5
    assert isinstance(caught.value.__cause__, OSError)
    assert store.find(key("a"))[1] == record  # what leads to the bytes is still there
