"""The store in one process: publish, find, open, damage and what mends it, a full disk."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chainer.digest import bytes_digest, file_digest, key_of
from chainer.errors import Cancelled, StoreError
from chainer.store import Artefact, Presence, Record, Store, StorePolicy, inspect, verify


def key(word: str) -> str:
    return key_of("test", word)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def publish(store: Store, word: str, data: bytes = b"bytes", **facts: Any) -> Record:
    with store.workspace() as folder:
        path = folder / "piece.mp4"
        path.write_bytes(data)
        return store.publish(key(word), "test", {"piece": path}, facts)


def files_under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def check_nothing_torn(store: Store) -> None:
    """Every file in cas/ hashes to its name, every record is whole, tmp/ is empty."""
    for path in files_under(store.root / "cas"):
        assert file_digest(path) == path.name
        assert path.parent.name == path.name[:2]
    for path in files_under(store.root / "ac"):
        assert store.find(path.name)[0] is Presence.CACHED
    assert files_under(store.root / "tmp") == []


def test_what_is_published_is_found_and_opened(store: Store) -> None:
    assert store.find(key("a")) == (Presence.ABSENT, None)
    record = publish(store, "a", b"hello", frames=9, nested={"x": [1, None]})
    assert record.files["piece"] == Artefact(digest=bytes_digest(b"hello"), size=5)
    assert store.find(key("a")) == (Presence.CACHED, record)
    assert record.facts == {"frames": 9, "nested": {"x": [1, None]}}
    assert record.size == 5
    with store.open(record.files["piece"]) as stream:
        assert stream.read() == b"hello"
    check_nothing_torn(store)


def test_a_record_without_files_and_one_with_several(store: Store) -> None:
    empty = store.publish(key("probe"), "probe", {}, {"width": 1})
    assert store.find(key("probe")) == (Presence.CACHED, empty)
    with store.workspace() as folder:
        for name in ("a", "b", "c"):
            (folder / name).write_bytes(b"" if name == "c" else b"same")
        files = {name: folder / name for name in ("a", "b", "c")}
        record = store.publish(key("many"), "test", files, {})
    assert record.files["a"] == record.files["b"]
    assert record.files["c"].size == 0
    for artefact in record.files.values():
        store.open(artefact).close()
    check_nothing_torn(store)


def test_the_first_record_stands(store: Store) -> None:
    first = publish(store, "a", b"one", who=1)
    assert publish(store, "a", b"two", who=2) == first
    assert store.find(key("a")) == (Presence.CACHED, first)


def test_facts_are_given_back_as_they_will_be_read(store: Store) -> None:
    """The run that makes a step must see the same as the next one, which finds it."""
    record = store.publish(key("a"), "t", {}, {"pair": (1, 2), "path": Path("x")})
    assert record == store.find(key("a"))[1]
    assert record.facts == {"pair": [1, 2], "path": "x"}


def test_a_record_is_plain_json(store: Store) -> None:
    publish(store, "a", b"x", frames=1)
    text = (store.root / "ac" / key("a")[:2] / key("a")).read_text()
    assert json.loads(text) == {
        "schema": "chainer.record/1",
        "key": key("a"),
        "type": "test",
        "files": {"piece": {"digest": bytes_digest(b"x"), "size": 1}},
        "facts": {"frames": 1},
    }


# -- damage ------------------------------------------------------------------------------


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def heal(store: Store, word: str, data: bytes) -> None:
    record = publish(store, word, data)
    assert store.find(key(word)) == (Presence.CACHED, record)
    with store.open(record.files["piece"]) as stream:
        assert stream.read() == data
    check_nothing_torn(store)


@pytest.mark.parametrize("discard", [True, False])
def test_a_flipped_byte_is_found_when_opened(store: Store, discard: bool) -> None:
    record = publish(store, "a", b"hello world")
    artefact = record.files["piece"]
    flip(store.path_of(artefact.digest))
    assert store.find(key("a"))[0] is Presence.CACHED  # sizes only
    assert not store.is_whole(artefact)
    with pytest.raises(StoreError) as caught:
        store.open(artefact)
    assert caught.value.code == "store-damaged"
    assert caught.value.exit_status == 5
    if discard:
        store.discard(key("a"))
        assert store.find(key("a"))[0] is Presence.ABSENT
        assert not store.path_of(artefact.digest).exists()
    heal(store, "a", b"hello world")


def test_truncated_bytes(store: Store) -> None:
    record = publish(store, "a", b"hello world")
    path = store.path_of(record.files["piece"].digest)
    path.write_bytes(b"hello")
    assert store.find(key("a")) == (Presence.DAMAGED, record)
    with pytest.raises(StoreError, match="does not hash"):
        store.open(record.files["piece"])
    heal(store, "a", b"hello world")


def test_missing_bytes(store: Store) -> None:
    record = publish(store, "a", b"hello world")
    store.path_of(record.files["piece"].digest).unlink()
    assert store.find(key("a")) == (Presence.MISSING, record)
    with pytest.raises(StoreError, match="is missing") as caught:
        store.open(record.files["piece"])
    assert caught.value.code == "store-damaged"
    heal(store, "a", b"hello world")


def test_bytes_that_come_out_different_the_next_time(store: Store) -> None:
    """A record whose bytes are gone does not stand against one whose bytes are there."""
    record = publish(store, "a", b"one")
    store.path_of(record.files["piece"].digest).unlink()
    heal(store, "a", b"two")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b'{"schema": "chainer.record/2"}', b"x" * 9999],
    ids=range(8),
)
def test_a_broken_record(store: Store, text: bytes) -> None:
    publish(store, "a", b"hello")
    (store.root / "ac" / key("a")[:2] / key("a")).write_bytes(text)
    assert store.find(key("a")) == (Presence.DAMAGED, None)
    heal(store, "a", b"hello")
    (store.root / "ac" / key("a")[:2] / key("a")).write_bytes(text)
    store.discard(key("a"))
    assert store.find(key("a")) == (Presence.ABSENT, None)


def test_a_record_that_names_a_file_outside_is_broken(store: Store) -> None:
    publish(store, "a", b"hello")
    path = store.root / "ac" / key("a")[:2] / key("a")
    path.write_text(path.read_text().replace(bytes_digest(b"hello"), "../../../etc/passwd"))
    assert store.find(key("a")) == (Presence.DAMAGED, None)


def test_a_record_under_the_wrong_key(store: Store) -> None:
    record = publish(store, "a", b"hello")
    wrong = store.root / "ac" / key("b")[:2] / key("b")
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_bytes((store.root / "ac" / key("a")[:2] / key("a")).read_bytes())
    assert store.find(key("b")) == (Presence.DAMAGED, None)
    store.discard(key("b"))
    assert store.find(key("b")) == (Presence.ABSENT, None)
    assert store.find(key("a")) == (Presence.CACHED, record)


def test_discarding_spares_bytes_that_are_whole(store: Store) -> None:
    record = publish(store, "a", b"shared")
    publish(store, "b", b"shared")
    store.discard(key("a"))
    assert store.find(key("a"))[0] is Presence.ABSENT
    assert store.find(key("b"))[0] is Presence.CACHED
    assert store.is_whole(record.files["piece"])
    store.discard(key("nothing"))


def test_verify_tells_and_repairs(store: Store) -> None:
    records = {word: publish(store, word, word.encode() * 9) for word in "abcde"}
    assert verify(store).whole
    flip(store.path_of(records["b"].files["piece"].digest))
    store.path_of(records["c"].files["piece"].digest).unlink()
    (store.root / "ac" / key("d")[:2] / key("d")).write_bytes(b"{")
    health = verify(store)
    assert health.checked == 5
    assert {found for found, _ in health.damaged} == {key("b"), key("d")}
    assert {found for found, _ in health.missing} == {key("c")}
    assert not health.whole
    assert verify(store, repair=True) == health
    assert verify(store).whole
    assert verify(store).checked == 2
    for word in "bcd":
        heal(store, word, word.encode() * 9)


def test_inspect_counts(store: Store) -> None:
    publish(store, "a", b"12345")
    publish(store, "b", b"12345")
    store.publish(key("p"), "probe", {}, {})
    info = inspect(store)
    assert (info.records, info.files, info.bytes) == (3, 1, 5)
    assert info.by_type == {"probe": (1, 0), "test": (2, 10)}
    assert list(info.by_type) == ["probe", "test"]


def test_an_open_file_survives_eviction(store: Store) -> None:
    record = publish(store, "a", b"hello")
    with store.open(record.files["piece"]) as stream:
        store.path_of(record.files["piece"].digest).unlink()
        assert stream.read() == b"hello"


# -- threads ------------------------------------------------------------------------------


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    results: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = work(number)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.parametrize("same", [True, False])
def test_threads_that_publish_the_same_key(store: Store, same: bool) -> None:
    for turn in range(10):
        data = [b"x" * 5000 if same else bytes([number]) * 5000 for number in range(4)]
        records = in_threads(4, lambda n, t=turn, d=data: publish(store, f"k{t}", d[n], who=n))
        assert all(isinstance(record, Record) for record in records)
        standing = store.find(key(f"k{turn}"))
        assert standing == (Presence.CACHED, records[0])
        assert all(record == records[0] for record in records)
    assert inspect(store).records == 10
    check_nothing_torn(store)


def test_claim_excludes_threads(store: Store) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            with store.claim(key("a")):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    assert in_threads(4, work) == [None] * 4
    assert len(most) == 40
    assert set(most) == {1}
    assert list((store.root / "locks").iterdir()) == []


def test_claims_of_different_keys_do_not_wait(store: Store) -> None:
    with store.claim(key("a")), store.claim(key("b")):
        assert len(list((store.root / "locks").iterdir())) == 2


def test_waiting_for_a_claim_can_be_cancelled(store: Store) -> None:
    cancel = threading.Event()
    cancel.set()
    with store.claim(key("a"), cancel), pytest.raises(Cancelled), store.claim(key("a"), cancel):
        pytest.fail("two held one claim")
    with store.claim(key("a"), cancel):
        pass  # nobody has it: nothing to wait for


def test_a_claim_is_given_back_after_an_error(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.claim(key("a")):
        raise ZeroDivisionError
    with store.claim(key("a"), threading.Event()):
        pass


def test_a_workspace_goes_whatever_happens(store: Store) -> None:
    def fail(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "x").write_bytes(b"x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.workspace() as folder:
        fail(folder)
    assert list((store.root / "tmp").iterdir()) == []


def test_using_a_record_makes_it_young(store: Store) -> None:
    record = publish(store, "a")
    path = store.root / "ac" / key("a")[:2] / key("a")
    os.utime(path, (1000, 1000))
    store.use(record)
    assert time.time() - path.stat().st_mtime < 600
    path.unlink()
    store.use(record)


# -- what a place was last made from ----------------------------------------------------------


def test_a_place_is_remembered(store: Store) -> None:
    assert store.recall(key("place")) == {}
    store.remember(key("place"), {"a": 1})
    store.remember(key("place"), {"a": 2, "b": [1]})
    assert store.recall(key("place")) == {"a": 2, "b": [1]}
    path = store.root / "slots" / key("place")[:2] / key("place")
    for broken in (b"", b"[]", b"\xff", b"{"):
        path.write_bytes(broken)
        assert store.recall(key("place")) == {}
    assert files_under(store.root / "tmp") == []


# -- a disk that does not want to -----------------------------------------------------------


def no_room(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_when_linking(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(StoreError) as caught:
        publish(store, "a")
    assert (caught.value.code, caught.value.exit_status) == ("disk-full", 5)
    assert "full" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    monkeypatch.undo()
    assert files_under(store.root / "cas") == []
    assert files_under(store.root / "ac") == []
    assert files_under(store.root / "tmp") == []
    heal(store, "a", b"bytes")


@pytest.fixture
def full_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """After so many files were opened for writing, the disk is full; half of what is written."""
    left = [10**9]
    plain_open = Path.open

    def limited(self: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        if "w" not in mode:
            return plain_open(self, mode, *args, **more)
        left[0] -= 1
        stream = plain_open(self, mode, *args, **more)
        if left[0] < 0:
            stream.write(b"half" if "b" in mode else "half")
            stream.close()
            no_room()
        return stream

    def arm(files: int) -> None:
        left[0] = files

    monkeypatch.setattr(Path, "open", limited)
    yield arm
    arm(10**9)


def test_a_full_disk_when_writing_the_record(
    store: Store, full_after: Callable[[int], None]
) -> None:
    with store.workspace() as folder:
        (folder / "x").write_bytes(b"data")
        full_after(0)
        with pytest.raises(StoreError) as caught:
            store.publish(key("a"), "t", {"piece": folder / "x"}, {})
        full_after(10**9)
    assert (caught.value.code, caught.value.exit_status) == ("disk-full", 5)
    assert store.find(key("a")) == (Presence.ABSENT, None)
    check_nothing_torn(store)


@pytest.mark.parametrize("what", ["workspace", "claim", "lease"])
def test_a_full_disk_elsewhere(store: Store, full_after: Callable[[int], None], what: str) -> None:
    make: dict[str, Callable[[], Any]] = {
        "workspace": store.workspace,
        "claim": lambda: store.claim(key("a")),
        "lease": lambda: store.lease([key("a")]),
    }
    full_after(0)
    with pytest.raises(StoreError) as caught, make[what]():
        pytest.fail("there was no room")
    assert (caught.value.code, caught.value.exit_status) == ("disk-full", 5)
    full_after(10**9)
    assert files_under(store.root / "tmp") == []
    assert files_under(store.root / "leases") == []
    with make[what]():
        pass


def test_a_full_disk_when_remembering_is_no_matter(
    store: Store, full_after: Callable[[int], None]
) -> None:
    full_after(0)
    store.remember(key("place"), {"a": 1})
    assert store.recall(key("place")) == {}
    assert files_under(store.root / "tmp") == []


def test_a_file_in_the_way_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for root in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(StoreError) as caught:
            Store(root)
        assert (caught.value.code, caught.value.exit_status) == ("store", 5)
        assert "--store" in str(caught.value)
        assert str(root) in caught.value.facts["path"]


@pytest.mark.parametrize("name", ["cas", "ac"])
def test_a_file_in_the_way_inside_the_store(store: Store, name: str) -> None:
    digest = bytes_digest(b"bytes") if name == "cas" else key("a")
    (store.root / name / digest[:2]).write_bytes(b"in the way")
    with pytest.raises(StoreError) as caught:
        publish(store, "a")
    assert caught.value.code == "store"
    (store.root / name / digest[:2]).unlink()
    heal(store, "a", b"bytes")


def test_folders_that_vanish(store: Store) -> None:
    for name in ("tmp", "locks", "leases"):
        (store.root / name).rmdir()
    for make in (store.workspace, lambda: store.claim(key("a")), lambda: store.lease([key("a")])):
        with pytest.raises(StoreError) as caught, make():
            pytest.fail("there is no such folder")
        assert caught.value.exit_status == 5


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, "no links here")

    monkeypatch.setattr(os, "link", fail)
    first = publish(store, "a", b"one", who=1)
    assert publish(store, "a", b"two", who=2) == first
    assert store.find(key("a")) == (Presence.CACHED, first)
    publish(store, "b", b"one")
    flip(store.path_of(first.files["piece"].digest))
    heal(store, "a", b"one")


def test_any_other_trouble_with_links_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(StoreError, match="Read-only") as caught:
        publish(store, "a")
    assert caught.value.code == "store"


def test_bytes_that_cannot_be_read_are_damaged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing disk answers with EIO in the middle of a file."""
    record = publish(store, "a")

    def fail(_: Any) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("chainer.store.folder.stream_digest", fail)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        store.open(record.files["piece"])
    assert caught.value.code == "store-damaged"


def test_the_cap_has_a_lower_bound() -> None:
    assert StorePolicy().max_bytes == 40 * 2**30
    with pytest.raises(ValueError, match="max_bytes"):
        StorePolicy(max_bytes=1)
