"""The cache in front of a bucket, and what only a shared store does."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from chainer.digest import bytes_digest
from chainer.errors import StoreError
from chainer.store import Presence, Store, purge, remote_lease, shared, sweep, tidy, verify
from chainer.store.bucket import ObjectBucket
from chainer.store.remote_lease import leased

from .actors import key
from .kinds import SHARED, Kind, bytes_name, publish, record_name

pytestmark = pytest.mark.parametrize("kind", SHARED[:1], indirect=True)


class Counting:
    """Counts what a bucket is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        for name in ("read", "read_into", "create", "replace", "stat", "delete", "list"):
            monkeypatch.setattr(
                ObjectBucket, name, self._counted(name, getattr(ObjectBucket, name))
            )

    def _counted(self, name: str, plain: object) -> object:
        def ask(bucket: ObjectBucket, *args: object) -> object:
            self.asked.append(name)
            return plain(bucket, *args)  # type: ignore[operator]

        return ask

    def take(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


def test_what_a_find_costs(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = kind.open_shared(), kind.open_shared()
    record = publish(here, "a", b"one", b"two")
    counting = Counting(monkeypatch)
    assert here.find(key("a"))[0] is Presence.CACHED
    assert counting.take() == ["read"]  # its bytes are in the cache
    assert there.find(key("a"))[0] is Presence.CACHED
    assert counting.take() == ["read", "stat", "stat"]
    there.open(record.files["f0"]).close()
    assert counting.take() == ["read_into"]
    there.open(record.files["f0"]).close()
    assert counting.take() == []
    monkeypatch.setattr(shared, "KNOWN_SECONDS", 60.0)
    there.find(key("a"))
    counting.take()
    assert there.find(key("a")) == (Presence.CACHED, record)
    assert counting.take() == []


def test_what_is_known_is_not_believed_for_long(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shared.KNOWN_SECONDS == 0.0
    store = kind.open_shared()
    monkeypatch.setattr(shared, "KNOWN_SECONDS", 0.2)
    publish(store, "a")
    kind.remove(record_name("a"))
    assert store.find(key("a"))[0] is Presence.CACHED
    time.sleep(0.25)
    assert store.find(key("a"))[0] is Presence.ABSENT
    monkeypatch.setattr(shared, "KNOWN_SECONDS", 60.0)
    for forget in (lambda: store.discard(key("a")), lambda: purge(store, [key("a")])):
        publish(store, "a")
        assert store.find(key("a"))[0] is Presence.CACHED
        forget()
        assert store.find(key("a"))[0] is Presence.ABSENT


def test_a_record_in_the_cache_alone_is_no_answer_and_goes(kind: Kind) -> None:
    """What was purged on another machine must not come back."""
    here, there = kind.open_shared(), kind.open_shared()
    record = publish(here, "a", b"secret")
    path = here.path_of(record.files["f0"].digest)
    mark = here.root / record_name("a")
    assert path.exists()
    assert mark.exists()
    purge(there, [key("a")])
    assert here.find(key("a")) == (Presence.ABSENT, None)
    assert path.exists()  # so young that another thread may have put it there since
    os.utime(mark, (1000, 1000))
    assert here.find(key("a")) == (Presence.ABSENT, None)
    assert not path.exists()
    assert not mark.exists()


def test_the_cache_may_vanish_and_be_tidied_at_any_time(kind: Kind) -> None:
    store = kind.open_shared()
    for word in "abc":
        publish(store, word, word.encode() * 100)
        os.utime(store.root / record_name(word), (1000, 1000))
    before = kind.names("ac") + kind.names("cas")
    tidy(store, 150)
    left = [path for path in (store.root / "cas").rglob("*") if path.is_file()]
    assert len(left) == 1
    assert kind.names("ac") + kind.names("cas") == before
    for word in "abc":
        presence, record = store.find(key(word))
        assert presence is Presence.CACHED
        assert record is not None
        with store.open(record.files["f0"]) as stream:
            assert stream.read() == word.encode() * 100
    for path in (store.root / "cas").rglob("*"):
        if path.is_file():
            path.write_bytes(b"z" * 100)  # the right size, the wrong bytes
    for word in "abc":
        record = store.find(key(word))[1]
        assert record is not None
        assert store.fetch(record.files["f0"]).read_bytes() == word.encode() * 100


def test_what_is_fetched_is_evicted_from_the_cache_by_its_record(kind: Kind) -> None:
    here, there = kind.open_shared(), kind.open_shared()
    record = publish(here, "a", b"x" * 100)
    there.find(key("a"))
    there.fetch(record.files["f0"])
    with there.lease([key("a")]):
        tidy(there, 0)
    assert there.path_of(record.files["f0"].digest).exists()
    (there.root / "tmp" / "hopeless").unlink()
    tidy(there, 0)
    assert not there.path_of(record.files["f0"].digest).exists()
    assert there.find(key("a"))[0] is Presence.CACHED


def test_using_a_record_marks_it_once_a_day(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kind.open_shared()
    record = publish(store, "a")
    store.use(record)
    assert kind.names("used") == []  # it was made just now
    os.utime(store.root / record_name("a"), (time.time() - 90_000,) * 2)
    store.use(record)
    assert kind.names("used") == [f"used/{key('a')[:2]}/{key('a')}"]
    counting = Counting(monkeypatch)
    store.use(record)
    assert counting.take() == []


def test_a_lease_is_renewed_and_ends(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_lease, "REFRESH_SECONDS", 0.02)
    store = kind.open_shared()
    with store.lease([key("a")]):
        (first,) = store.bucket.list("leases")
        end = time.monotonic() + 20
        while next(iter(store.bucket.list("leases"))).modified == first.modified:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert leased(store.bucket, datetime.now(UTC)) == {key("a")}
    assert kind.names("leases") == []
    assert not [one for one in threading.enumerate() if one.name == "chainer-lease"]


def test_a_lease_that_nobody_renews_ends_by_itself(kind: Kind) -> None:
    store = kind.open_shared()
    with store.lease([key("a")]):
        now = datetime.now(UTC)
        assert leased(store.bucket, now + timedelta(minutes=9)) == {key("a")}
        assert leased(store.bucket, now - timedelta(minutes=60)) == {key("a")}
        assert leased(store.bucket, now + timedelta(minutes=11)) == set()
        assert len(kind.names("leases")) == 1
        leased(store.bucket, now + timedelta(minutes=21))
        assert kind.names("leases") == []


def test_a_renewal_that_fails_is_tried_again(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_lease, "REFRESH_SECONDS", 0.01)
    store = kind.open_shared()
    tries: list[str] = []
    plain = ObjectBucket.replace

    def replace(self: ObjectBucket, name: str, data: bytes | Path) -> None:
        tries.append(name)
        if 1 < len(tries) < 5:
            raise StoreError("away", code="store-unreachable")
        plain(self, name, data)

    monkeypatch.setattr(ObjectBucket, "replace", replace)
    with store.lease([]):
        end = time.monotonic() + 20
        while len(tries) < 6:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert kind.names("leases") == []


def test_bytes_that_go_before_the_record_is_there_come_back(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector found the bytes without a record a moment before we used them again."""
    store = kind.open_shared()
    publish(store, "old", b"same")
    kind.remove(record_name("old"))
    plain = ObjectBucket.create
    name = bytes_name(bytes_digest(b"same"))

    def create(self: ObjectBucket, what: str, data: bytes | Path) -> bool:
        if what.startswith("ac/"):
            self.delete([name])
        return plain(self, what, data)

    monkeypatch.setattr(ObjectBucket, "create", create)
    publish(store, "new", b"same")
    assert kind.read(name) == b"same"
    assert kind.open().find(key("new"))[0] is Presence.CACHED


def test_standing_bytes_are_made_young(kind: Kind) -> None:
    """So that a collector which has condemned them sees that they were put anew."""
    store = kind.open_shared()
    publish(store, "a", b"same")
    name = bytes_name(bytes_digest(b"same"))
    before = store.bucket.stat(name)
    assert before is not None
    publish(kind.open(), "b", b"same")
    assert not before.same(store.bucket.stat(name))


def test_a_blob_that_is_there_is_not_sent_again(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_bytes(b"media")
    counting = Counting(monkeypatch)
    kind.open().put_blob(tmp_path / "m")
    assert counting.take() == ["stat", "replace"]
    kind.open().put_blob(tmp_path / "m")
    assert counting.take() == ["stat"]


def test_the_cache_full_or_closed(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    record = publish(kind.open(), "a", b"hello")
    store = kind.open_shared()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared._Hashing, "write", full)
    with pytest.raises(StoreError) as caught:
        store.open(record.files["f0"])
    assert caught.value.code == "disk-full"
    assert str(store.root) in str(caught.value)


def test_reasons_and_claims_stay_on_the_machine(kind: Kind) -> None:
    store = kind.open_shared()
    store.remember(key("slot"), {"a": 1})
    assert store.recall(key("slot")) == {"a": 1}
    with store.claim(key("a")), store.workspace() as folder:
        assert folder.is_relative_to(store.root)
    assert list(store.bucket.list("locks")) == []
    assert kind.open().recall(key("slot")) == {}


def test_a_sweep_is_of_this_machine_alone(kind: Kind) -> None:
    store = kind.open_shared()
    publish(store, "a")
    dead = store.root / "tmp" / "1-dead"
    dead.mkdir()
    (dead / ".lock").touch()
    (store.root / "leases" / "1-dead").write_text(key("a"))
    (store.root / "locks" / key("a")).touch()
    kind.write("leases/far", b"{}")
    with store.workspace() as folder, store.claim(key("b")), Store.lease(store, [key("b")]):
        sweep(store)
        assert folder.is_dir()
        assert len(list((store.root / "locks").iterdir())) == 1
        assert len(list((store.root / "leases").iterdir())) == 1
    assert not dead.exists()
    assert kind.names("leases") == ["leases/far"]
    assert store.find(key("a"))[0] is Presence.CACHED


def test_verifying_is_about_the_bucket_whatever_the_cache_has(kind: Kind) -> None:
    store = kind.open_shared()
    record = publish(store, "a", b"hello")
    kind.remove(bytes_name(record.files["f0"].digest))
    assert store.find(key("a"))[0] is Presence.CACHED  # this machine can do without
    assert [name for name, _ in verify(store).missing] == [key("a")]
    assert not verify(store, repair=True).whole
    assert store.find(key("a"))[0] is Presence.ABSENT


def test_bytes_without_end_are_not_taken_to_the_end(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = publish(kind.open(), "a", b"hello")
    sent: list[int] = []

    def endless(_bucket: ObjectBucket, _name: str, stream: IO[bytes]) -> bool:
        for number in range(1000):
            sent.append(number)
            stream.write(b"hello")
        return True

    monkeypatch.setattr(ObjectBucket, "read_into", endless)
    with pytest.raises(StoreError, match="longer than its record says") as caught:
        kind.open().open(record.files["f0"])
    assert caught.value.code == "store-damaged"
    assert len(sent) == 2


def test_a_renewal_under_way_does_not_outlive_its_lease(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_lease, "REFRESH_SECONDS", 0.01)
    renewing = threading.Event()
    plain, count = ObjectBucket.replace, []

    def replace(self: ObjectBucket, name: str, data: bytes | Path) -> None:
        count.append(name)
        if len(count) > 1:
            renewing.set()
            time.sleep(0.2)
        plain(self, name, data)

    monkeypatch.setattr(ObjectBucket, "replace", replace)
    with kind.open().lease([key("a")]):
        assert renewing.wait(20)
    time.sleep(0.3)
    assert kind.names("leases") == []
