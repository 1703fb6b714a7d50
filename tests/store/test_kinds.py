"""One suite for every place that a store may lie in."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from chainer.digest import bytes_digest
from chainer.errors import StoreError
from chainer.store import Artefact, Presence, Purged, Record, collect, inspect, purge, verify

from .actors import key
from .kinds import KINDS, Kind, bytes_name, publish, record_name

pytestmark = [
    pytest.mark.parametrize("kind", KINDS, indirect=True),
    pytest.mark.usefixtures("at_once"),
]


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_what_is_published_is_found_and_opened_elsewhere(kind: Kind) -> None:
    store = kind.open()
    assert store.find(key("a")) == (Presence.ABSENT, None)
    record = publish(store, "a", b"hello", b"", frames=9)
    assert record.files["f0"] == Artefact(digest=bytes_digest(b"hello"), size=5)
    for one in (store, kind.open()):
        assert one.find(key("a")) == (Presence.CACHED, record)
        for name, data in (("f0", b"hello"), ("f1", b"")):
            with one.open(record.files[name]) as stream:
                assert stream.read() == data
            assert one.path_of(record.files[name].digest).read_bytes() == data
            assert one.fetch(record.files[name]).read_bytes() == data
            assert one.is_whole(record.files[name])
        one.use(record)
        assert list((one.root / "tmp").iterdir()) == []
    assert kind.names("ac") == [record_name("a")]


def test_a_record_without_files(kind: Kind) -> None:
    record = kind.open().publish(key("probe"), "probe", {}, {"pair": (1, 2)})
    assert kind.open().find(key("probe")) == (Presence.CACHED, record)
    assert record.facts == {"pair": [1, 2]}


def test_the_first_record_stands(kind: Kind) -> None:
    first = publish(kind.open(), "a", b"one", who=1)
    assert publish(kind.open(), "a", b"two", who=2) == first
    assert kind.open().find(key("a")) == (Presence.CACHED, first)


def test_a_broken_first_record_does_not_stand(kind: Kind) -> None:
    publish(kind.open(), "a", b"one")
    kind.remove(bytes_name(bytes_digest(b"one")))
    second = publish(kind.open(), "a", b"two")
    assert kind.open().find(key("a")) == (Presence.CACHED, second)


@pytest.mark.parametrize(
    ("data", "presence"),
    [(b"hello worle", Presence.CACHED), (b"hello", Presence.DAMAGED), (None, Presence.MISSING)],
)
@pytest.mark.parametrize("discard", [False, True])
def test_wrong_bytes_are_never_given_out_and_heal(
    kind: Kind, data: bytes | None, presence: Presence, discard: bool
) -> None:
    right = b"hello world"
    record = publish(kind.open(), "a", right)
    name = bytes_name(bytes_digest(right))
    if data is None:
        kind.remove(name)
    else:
        kind.write(name, data)
    store = kind.open()
    assert store.find(key("a")) == (presence, record)
    for read in (store.open, store.fetch):
        with pytest.raises(StoreError) as caught:
            read(record.files["f0"])
        assert caught.value.code == "store-damaged"
        assert record.files["f0"].digest in str(caught.value)
    assert not store.is_whole(record.files["f0"])
    assert not verify(store).whole
    if discard:
        store.discard(key("a"))
        assert store.find(key("a"))[0] is Presence.ABSENT
        assert kind.names("cas") == []
    for one in (store, kind.open()):
        record = publish(one, "a", right)
        with one.open(record.files["f0"]) as stream:
            assert stream.read() == right
    assert verify(kind.open()).whole
    assert kind.read(name) == right


def test_more_bytes_than_the_record_says(kind: Kind) -> None:
    record = publish(kind.open(), "a", b"hello")
    kind.write(bytes_name(bytes_digest(b"hello")), b"hello and more")
    with pytest.raises(StoreError) as caught:
        kind.open().open(record.files["f0"])
    assert caught.value.code == "store-damaged"


@pytest.mark.parametrize("text", [b"", b"{", b"null", b'{"key": 1}', b"\xff\xfe"])
def test_a_broken_record(kind: Kind, text: bytes) -> None:
    kind.write(record_name("a"), text)
    store = kind.open()
    assert store.find(key("a")) == (Presence.DAMAGED, None)
    assert len(verify(store).damaged) == 1
    record = publish(store, "a", b"new")
    assert kind.open().find(key("a")) == (Presence.CACHED, record)


def test_a_record_for_another_key(kind: Kind) -> None:
    publish(kind.open(), "b", b"b")
    kind.write(record_name("a"), kind.read(record_name("b")) or b"")
    store = kind.open()
    assert store.find(key("a")) == (Presence.DAMAGED, None)
    store.discard(key("a"))
    assert store.find(key("a"))[0] is Presence.ABSENT
    assert store.find(key("b"))[0] is Presence.CACHED


def test_verify_tells_and_repairs(kind: Kind) -> None:
    for word in "abc":
        publish(kind.open(), word, word.encode() * 20)
    kind.remove(bytes_name(bytes_digest(b"a" * 20)))
    kind.write(bytes_name(bytes_digest(b"b" * 20)), flip(b"b" * 20))
    seen: list[tuple[str, int, int]] = []
    health = verify(kind.open(), on_step=lambda *step: seen.append(step))
    assert health.checked == 3
    assert [name for name, _ in health.missing] == [key("a")]
    assert [name for name, _ in health.damaged] == [key("b")]
    assert seen == [("verify", number, 3) for number in range(3)]
    assert not verify(kind.open(), repair=True).whole
    assert verify(kind.open()).whole
    assert kind.names("ac") == [record_name("c")]


def test_inspect_counts(kind: Kind) -> None:
    store = kind.open()
    publish(store, "a", b"12345")
    publish(store, "b", b"12345", b"67")
    store.pin("p", [], folder=store.root)
    info = inspect(kind.open())
    assert (info.records, info.files, info.bytes, info.pins) == (2, 2, 7, 1)
    assert info.by_type == {"test": (2, 12)}
    assert info.url == (None if kind.bucket is None else kind.bucket.url)


def test_purging_is_for_all(kind: Kind, tmp_path: Path) -> None:
    here, there = kind.open(), kind.open()
    publish(here, "stays", b"other")
    record = publish(here, "a", b"12345", b"123")
    there.find(key("a"))
    there.fetch(record.files["f0"])
    here.pin("p", [key("a")], folder=tmp_path)
    with there.lease([key("a")]):
        assert purge(here, [key("a"), key("never")]) == Purged(1, 2, 8)
    assert purge(here, [key("a")]) == Purged()
    for one in (here, there, kind.open()):
        assert one.find(key("a")) == (Presence.ABSENT, None)
        assert one.find(key("stays"))[0] is Presence.CACHED
    assert kind.names("cas") == [bytes_name(bytes_digest(b"other"))]
    for file in record.files.values():
        assert not here.path_of(file.digest).exists()


def test_purging_a_record_that_does_not_read_takes_its_bytes(kind: Kind) -> None:
    record = publish(kind.open(), "a", b"12345")
    text = kind.read(record_name("a")) or b""
    kind.write(record_name("a"), text[:-3])
    assert purge(kind.open(), [key("a")]) == Purged(1, 1, 5)
    assert kind.names("cas") == []
    assert record.files["f0"].digest.encode() in text


def test_blobs(kind: Kind, tmp_path: Path) -> None:
    media = tmp_path / "media.mp4"
    media.write_bytes(b"media" * 1000)
    store = kind.open()
    digest = store.put_blob(media)
    assert digest == bytes_digest(b"media" * 1000)
    assert store.put_blob(media) == digest
    assert media.read_bytes() == b"media" * 1000  # a copy, not moved
    there = kind.open()
    path = there.fetch_blob(digest)
    assert path.read_bytes() == b"media" * 1000
    assert there.fetch_blob(digest) == path
    kind.write(bytes_name(digest), flip(b"media" * 1000))
    with pytest.raises(StoreError) as caught:
        kind.open().fetch_blob(digest)
    assert caught.value.code == "store-damaged"
    with pytest.raises(StoreError):
        kind.open().fetch_blob("0" * 64)
    with pytest.raises(StoreError, match="nowhere"):
        store.put_blob(tmp_path / "nowhere")


def make_old(kind: Kind) -> None:
    """Everything in a folder store; in a bucket `at_once` says so."""
    if kind.bucket is None:
        for path in (kind.folder / "store" / "cas").rglob("*"):
            os.utime(path, (1000, 1000))


def test_bytes_that_nothing_names_go_and_blobs_that_are_held_stay(
    kind: Kind, tmp_path: Path
) -> None:
    store = kind.open()
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name * 10)
    digests = [store.put_blob(path) for path in paths]
    store.pin("p", [], folder=tmp_path, blobs=digests[:1])
    make_old(kind)
    with kind.open().lease(digests[1:2]):
        done = collect(store, 10**9)
    assert (done.records, done.files, done.freed_bytes, done.left_bytes) == (0, 1, 10, 20)
    assert done.pinned_bytes == 10
    assert kind.names("cas") == sorted(map(bytes_name, digests[:2]))
    make_old(kind)
    collect(store, 10**9)
    assert kind.names("cas") == [bytes_name(digests[0])]
    store.unpin("p")
    make_old(kind)
    collect(store, 10**9)
    assert kind.names("cas") == []


def in_order(kind: Kind, *words: str) -> list[Record]:
    """Records published one after the other, each a moment later than the last."""
    store, found = kind.open(), []
    for number, word in enumerate(words):
        found.append(publish(store, word, word.encode() * 100))
        if kind.bucket is None:
            then = time.time() - 10_000 + number
            os.utime(kind.folder / "store" / record_name(word), (then, then))
        else:
            time.sleep(0.02)
    return found


def held(kind: Kind, words: str) -> str:
    store = kind.open()
    return "".join(word for word in words if store.find(key(word))[0] is Presence.CACHED)


def test_the_longest_unused_goes_first(kind: Kind) -> None:
    in_order(kind, *"cadb")
    store = kind.open()
    dry = collect(store, 200, dry_run=True)
    assert held(kind, "abcd") == "abcd"
    done = collect(store, 200)
    assert dry == done
    assert (done.records, done.files, done.freed_bytes, done.left_bytes) == (2, 2, 200, 200)
    assert done.over_bytes == 0
    assert held(kind, "abcd") == "bd"
    assert collect(store, 199).records == 1
    assert held(kind, "abcd") == "b"
    assert collect(store, 0).left_bytes == 0
    assert (kind.names("ac"), kind.names("cas")) == ([], [])


def test_shared_bytes_stay_as_long_as_one_record_needs_them(kind: Kind) -> None:
    in_order(kind, "a")
    publish(kind.open(), "b", b"a" * 100)
    in_order(kind, "c")
    with kind.open().lease([key("c")]):
        done = collect(kind.open(), 150)
    assert (done.records, done.files, done.left_bytes) == (2, 1, 100)
    assert held(kind, "abc") == "c"


def test_leases_and_pins_protect_and_the_cap_says_so(kind: Kind, tmp_path: Path) -> None:
    in_order(kind, *"abcd")
    store = kind.open()
    store.pin("film", [key("a"), key("nothing")], folder=tmp_path)
    with kind.open().lease([key("b")]):
        done = collect(store, 50)
    assert held(kind, "abcd") == "ab"
    assert (done.left_bytes, done.pinned_bytes, done.over_bytes) == (200, 100, 150)
    store.pin("film", [key("b")], folder=tmp_path)  # replaces the other
    done = collect(store, 0)
    assert (done.left_bytes, done.pinned_bytes, done.over_bytes) == (100, 100, 100)
    assert held(kind, "abcd") == "b"
    store.unpin("film")
    store.unpin("film")
    assert collect(store, 0).over_bytes == 0
    assert kind.names("leases") == []


def test_a_pin_that_does_not_read_stops_eviction(kind: Kind) -> None:
    in_order(kind, "a")
    kind.write("pins/film", b"{")
    store = kind.open()
    for dry in (True, False):
        with pytest.raises(StoreError, match="pins/film cannot be read") as caught:
            collect(store, 0, dry_run=dry)
        assert caught.value.code == "store-pin"
    assert held(kind, "a") == "a"
    health = verify(store, repair=True)
    assert [name for name, _ in health.pins] == ["film"]
    assert not health.whole
    assert kind.names("pins") == ["pins/film"]
    assert purge(store, [key("a")]).records == 1


def test_a_pin_whose_folder_is_gone_is_dropped(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from chainer.store import pins

    in_order(kind, *"ab")
    store = kind.open()
    gone = tmp_path / "gone"
    store.pin("gone", [key("a")], folder=gone)
    assert collect(store, 0).left_bytes == 100  # its folder may still get its name
    monkeypatch.setattr(pins, "_YOUNG", timedelta(0))
    publish(store, "b", b"b" * 100)
    store.pin("elsewhere", [key("b")], folder=gone)
    text = (kind.read("pins/elsewhere") or b"").decode()
    host = f'"host":"{pins.socket.gethostname()}"'
    assert host in text
    kind.write("pins/elsewhere", text.replace(host, '"host":"another-machine"').encode())
    assert collect(store, 0, dry_run=True).left_bytes == 100
    assert kind.names("pins") == ["pins/elsewhere", "pins/gone"]
    assert collect(store, 0).left_bytes == 100
    assert held(kind, "ab") == "b"
    assert kind.names("pins") == ["pins/elsewhere"]


@pytest.mark.parametrize("name", ["", ".x", "a/b", "../x", "x" * 201, "a b", "ä"])
def test_what_is_no_name_of_a_pin(kind: Kind, name: str, tmp_path: Path) -> None:
    store = kind.open()
    with pytest.raises(ValueError, match="not a pin's name"):
        store.pin(name, [], folder=tmp_path)
    with pytest.raises(ValueError, match="not a pin's name"):
        store.unpin(name)
    with pytest.raises(ValueError, match="keys"):
        store.pin("x", ["no key"], folder=tmp_path)
    assert kind.names("pins") == []


@pytest.mark.parametrize("same", [True, False])
def test_threads_that_publish_the_same_key(kind: Kind, same: bool) -> None:
    stores = [kind.open() for _ in range(6)]
    start = threading.Barrier(len(stores))
    told: list[list[Record]] = [[] for _ in stores]

    def work(number: int) -> None:
        data = b"x" if same else bytes([number])
        start.wait()
        told[number] = [publish(stores[number], f"k{turn}", data * 999) for turn in range(4)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [told[0]] * len(stores)
    assert len(told[0]) == 4
    for turn, record in enumerate(told[0]):
        assert kind.open().find(key(f"k{turn}")) == (Presence.CACHED, record)
    assert verify(kind.open()).whole
    assert len(kind.names("ac")) == 4
