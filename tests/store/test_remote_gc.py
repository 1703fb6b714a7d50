"""Eviction in a bucket: what is young, what is put anew meanwhile, several at once."""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.digest import bytes_digest
from chainer.errors import StoreError
from chainer.store import Presence, SharedStore, Store, collect, remote_gc, shared, tidy, verify
from chainer.store.bucket import memory_bucket

from .actors import key
from .kinds import AT_ONCE, Kind, bytes_name, publish, record_name

MEMORY = pytest.mark.parametrize("kind", ["memory"], indirect=True)


@MEMORY
def test_what_is_young_stays(kind: Kind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = kind.open_shared()
    publish(store, "a", b"a" * 100)
    (tmp_path / "m").write_bytes(b"m" * 100)
    store.put_blob(tmp_path / "m")
    done = collect(store, 0)
    assert (done.records, done.files, done.left_bytes, done.over_bytes) == (0, 0, 200, 200)
    monkeypatch.setattr(remote_gc, "GRACE", timedelta(milliseconds=50))
    time.sleep(0.1)
    assert collect(store, 0).left_bytes == 0


@MEMORY
@pytest.mark.usefixtures("at_once")
def test_what_was_used_lately_stays_longest(kind: Kind) -> None:
    store = kind.open_shared()
    records = [publish(store, word, word.encode() * 100) for word in "abc"]
    (store.root / record_name("a")).unlink()  # as on a machine that never had it
    store.use(records[0])
    assert kind.names("used") == [f"used/{key('a')[:2]}/{key('a')}"]
    collect(store, 100)
    assert kind.names("ac") == [record_name("a")]
    collect(store, 0)
    assert kind.names("used") == []


@MEMORY
@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("what", ["record", "bytes", "lease", "pin"])
def test_what_comes_back_during_a_run_is_spared(
    kind: Kind, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """After everything was listed, and before the first thing goes."""
    store, other = kind.open_shared(), kind.open_shared()
    record = publish(store, "a", b"a" * 100)
    plain = remote_gc._Collector._evict
    held = []

    def evict(self: remote_gc._Collector, *args: object) -> None:
        if what == "record":
            store.bucket.replace(record_name("a"), kind.read(record_name("a")) or b"")
        elif what == "bytes":
            kind.remove(record_name("a"))
            publish(other, "b", b"a" * 100)
        elif what == "pin":
            other.pin("p", [key("a")], folder=other.root)
        else:
            held.append(other.lease([key("a")]))
            held[0].__enter__()
        plain(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(remote_gc._Collector, "_evict", evict)
    assert collect(store, 0).left_bytes == 100
    for one in held:
        one.__exit__(None, None, None)
    assert kind.names("cas") == [bytes_name(record.files["f0"].digest)]
    assert verify(kind.open()).whole
    assert len(kind.names("ac")) == 1


@MEMORY
@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("orphan", [False, True])
def test_bytes_that_are_used_again_during_a_run_are_spared(
    kind: Kind, monkeypatch: pytest.MonkeyPatch, orphan: bool
) -> None:
    """After their record went, or was never there, and before they go themselves."""
    store, other = kind.open_shared(), kind.open_shared()
    publish(store, "a", b"a" * 100)
    if orphan:
        kind.remove(record_name("a"))
    plain = remote_gc._Collector._take_bytes

    def take(self: remote_gc._Collector, *args: object) -> None:
        if kind.names("ac") == []:
            publish(other, "b", b"a" * 100)
        plain(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(remote_gc._Collector, "_take_bytes", take)
    assert collect(store, 0).left_bytes == 100
    assert kind.names("ac") == [record_name("b")]
    assert verify(kind.open()).whole


@MEMORY
@pytest.mark.usefixtures("at_once")
def test_a_lease_that_does_not_read_stops_eviction(kind: Kind) -> None:
    store = kind.open_shared()
    publish(store, "a", b"a" * 100)
    kind.write("leases/x", b"{")
    with pytest.raises(StoreError, match="leases/x cannot be read") as caught:
        collect(store, 0)
    assert caught.value.code == "store-lease"
    assert kind.names("ac") == [record_name("a")]


@MEMORY
@pytest.mark.usefixtures("at_once")
def test_several_collectors_at_once_are_harmless(kind: Kind) -> None:
    store = kind.open_shared()
    for number in range(60):
        publish(store, f"k{number}", b"%03d" % number * 10)
    kept = [key(f"k{number}") for number in range(20)]
    failed: list[BaseException] = []

    def work() -> None:
        try:
            collect(kind.open(), 0)
        except BaseException as error:
            failed.append(error)
            raise

    with store.lease(kept):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    assert sorted(kind.names("ac")) == sorted(record_name(f"k{number}") for number in range(20))
    assert len(kind.names("cas")) == 20
    assert verify(kind.open()).whole
    assert kind.names("tmp") == []


@MEMORY
def test_a_collector_against_a_live_writer(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a grace longer than a publish, nothing that was published under a lease is lost."""
    monkeypatch.setattr(remote_gc, "GRACE", timedelta(milliseconds=500))
    bucket = kind.bucket
    assert bucket is not None
    done = threading.Event()
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            store = SharedStore(kind.folder / f"w{number}", bucket)
            with store.lease([key(f"w{number}-{turn}") for turn in range(40)]):
                for turn in range(40):
                    # Bytes that others use too, and that go again and again.
                    publish(store, f"w{number}-{turn}", b"%d" % (turn % 5) * 50)
                    publish(store, f"loose{turn % 7}", b"%d" % (turn % 5) * 50)
                    time.sleep(0.03)
                for turn in range(40):
                    presence, record = kind.open().find(key(f"w{number}-{turn}"))
                    assert presence is Presence.CACHED
                    assert record is not None
        except BaseException as error:
            failed.append(error)
            raise

    def gather() -> None:
        while not done.is_set():
            collect(SharedStore(kind.folder / "gc", bucket), 0)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    collectors = [threading.Thread(target=gather) for _ in range(2)]
    for thread in (*writers, *collectors):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in collectors:
        thread.join()
    assert failed == []
    for entry in bucket.list("cas"):
        data = bucket.read(entry.name)
        if data is not None:
            assert bytes_digest(data) == entry.name.rpartition("/")[2]


words = st.sampled_from("abcdefgh")
content = st.binary(min_size=1, max_size=3)
stores = st.dictionaries(words, st.lists(content, max_size=3), max_size=8)


@pytest.mark.parametrize("where", ["folder", "memory"])
@settings(deadline=None, max_examples=60)
@given(
    records=stores,
    loose=st.lists(content, max_size=3),
    pinned=st.sets(words),
    leased=st.sets(words),
    blobs=st.lists(content, max_size=2),
    cap=st.integers(0, 20),
    dry=st.booleans(),
)
def test_what_is_held_is_never_evicted(
    where: str,
    records: dict[str, list[bytes]],
    loose: list[bytes],
    pinned: set[str],
    leased: set[str],
    blobs: list[bytes],
    cap: int,
    dry: bool,
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote_gc, "GRACE", AT_ONCE)
        patch.setattr("chainer.store.evict._GRACE_SECONDS", -60.0)
        patch.setattr(shared, "KNOWN_SECONDS", 0.0)
        root = Path(name)
        bucket = memory_bucket()
        store = Store(root / "s") if where == "folder" else SharedStore(root / "s", bucket)
        for number, data in enumerate((*loose, *blobs)):
            (root / str(number)).write_bytes(data)
            store.put_blob(root / str(number))
        for word, files in records.items():
            publish(store, word, *files) if files else store.publish(key(word), "t", {}, {})
        store.pin("p", map(key, pinned), folder=root, blobs=map(bytes_digest, blobs))

        def there(data: bytes) -> bool:
            digest = bytes_digest(data)
            if where == "folder":
                return store.path_of(digest).exists()
            return bucket.read(bytes_name(digest)) == data

        with store.lease(map(key, leased)):
            done = collect(store, cap, dry_run=dry)
        held = (pinned | leased) & set(records)
        for word in held:
            assert store.find(key(word))[0] is Presence.CACHED
            assert all(map(there, records[word]))
        assert all(map(there, blobs))
        everything = {*loose, *blobs, *(one for files in records.values() for one in files)}
        left = sum(len(data) for data in everything if there(data))
        whole = sum(map(len, everything))
        assert left == (whole if dry else done.left_bytes)
        assert done.left_bytes + done.freed_bytes == whole
        assert done.over_bytes == max(0, done.left_bytes - cap)
        must = {one for word in held for one in records[word]} | set(blobs)
        if done.over_bytes:
            assert done.left_bytes == sum(map(len, must))
        for word in records:  # nobody finds a record without its bytes
            assert store.find(key(word))[0] in (Presence.CACHED, Presence.ABSENT)


def test_tidying_spares_pins_and_stays_cheap_when_it_cannot_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chainer.store import evict, keep

    store = Store(tmp_path / "s")
    for word in "ab":
        publish(store, word, word.encode() * 1000)
    store.pin("p", map(key, "ab"), folder=tmp_path)
    looks = []
    plain = evict.collect_folder

    def look(*args: object, **named: object) -> object:
        looks.append(args)
        return plain(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(keep, "collect_folder", look)
    for _ in range(3):
        tidy(store, 1500)
    assert len(looks) == 1
    assert store.find(key("a"))[0] is Presence.CACHED
    publish(store, "c", b"c" * 1000)
    tidy(store, 1500)  # there is much that was not there
    assert len(looks) == 2
    assert store.find(key("c"))[0] is Presence.ABSENT
    store.unpin("p")
    tidy(store, 500)  # a smaller cap is another question
    assert len(looks) == 3
    assert store.find(key("b"))[0] is Presence.ABSENT
