"""Buckets: what they promise, and servers that are gone, slow, full, closed or lying."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chainer.digest import bytes_digest
from chainer.errors import SettingsError, StoreError
from chainer.store import Presence, SharedStore, StorePolicy, bucket, open_store, shared
from chainer.store.bucket import ObjectBucket, s3_bucket

from .actors import key
from .bad_server import BadServer, bad_server
from .kinds import SHARED, Kind, bytes_name, publish


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BadServer]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "who")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "cares")
    monkeypatch.setattr(bucket, "_REQUEST", timedelta(milliseconds=400))
    monkeypatch.setattr(bucket, "_RETRY", timedelta(milliseconds=500))
    monkeypatch.setattr(bucket, "_RETRIES", 2)
    monkeypatch.setattr(shared, "KNOWN_SECONDS", 0.0)
    with bad_server() as running:
        yield running


@pytest.fixture
def far(server: BadServer) -> ObjectBucket:
    return s3_bucket("films", "a/b", endpoint=server.endpoint)


# -- what every bucket promises ----------------------------------------------------------


@pytest.mark.parametrize("kind", SHARED, indirect=True)
def test_a_bucket_keeps_what_it_is_given(kind: Kind, tmp_path: Path) -> None:
    it = kind.bucket
    assert it is not None
    assert it.read("ac/x") is None
    assert it.stat("ac/x") is None
    assert it.size("ac/x") is None
    with (tmp_path / "out").open("w+b") as stream:
        assert not it.read_into("ac/x", stream)
        assert it.create("ac/x", b"one")
        assert not it.create("ac/x", b"two")
        assert it.read("ac/x") == b"one"
        it.replace("ac/x", b"three")
        assert it.read_into("ac/x", stream)
        stream.seek(0)
        assert stream.read() == b"three"
    assert it.size("ac/x") == 5
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 4096 * 7)
    assert it.create("cas/large", large)
    assert it.read("cas/large") == large.read_bytes()
    it.replace("acorn", b"")
    assert [entry.name for entry in it.list("ac")] == ["ac/x"]
    found = it.stat("ac/x")
    assert found is not None
    assert all(entry.same(found) for entry in it.list("ac"))
    assert not found.same(None)
    it.delete(["ac/x", "ac/never"])
    it.delete([])
    assert list(it.list("ac")) == []


@pytest.mark.parametrize("kind", SHARED, indirect=True)
def test_many_names_are_listed_and_removed(kind: Kind) -> None:
    it = kind.bucket
    assert it is not None
    names = [f"many/{number:04}" for number in range(1100)]
    for name in names:
        it.create(name, b"")
    assert sorted(entry.name for entry in it.list("many")) == names
    it.delete(iter(names))
    assert list(it.list("many")) == []


@pytest.mark.parametrize("kind", SHARED, indirect=True)
def test_of_many_who_make_the_same_one_does(kind: Kind) -> None:
    it = kind.bucket
    assert it is not None
    start = threading.Barrier(8)
    won: list[int] = []

    def make(number: int) -> None:
        start.wait()
        if it.create("ac/x", bytes([number]) * 9):
            won.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert it.read("ac/x") == bytes(won) * 9


def test_what_is_larger_than_one_request_is_refused(
    far: ObjectBucket, server: BadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "MAX_OBJECT", 4)
    with pytest.raises(StoreError, match="5 bytes are more than a bucket takes in one piece"):
        far.create("x", b"12345")
    with pytest.raises(StoreError, match="5 bytes are more"):
        far.replace("x", b"12345")
    assert far.create("x", b"1234")
    assert server.requests == ["PUT"]


def test_an_upload_is_one_request(far: ObjectBucket, server: BadServer, tmp_path: Path) -> None:
    """Of several parts a server may overlook the condition."""
    large = tmp_path / "large"
    large.write_bytes(b"x" * 12_000_000)
    assert far.create("x", large)
    assert not far.create("x", large)
    assert server.requests == ["PUT", "PUT"]
    assert server.objects == {"/films/a/b/x": large.read_bytes()}


# -- servers that answer badly -----------------------------------------------------------

BAD = [
    ("403", "store-denied", "AWS_SECRET_ACCESS_KEY"),
    ("401", "store-denied", "AWS_SECRET_ACCESS_KEY"),
    ("507", "disk-full", "is full"),
    ("503", "store-unreachable", "SlowDown"),
    ("500", "store-unreachable", "does not answer as it should"),
    ("drop", "store-unreachable", "does not answer as it should"),
    ("hang", "store-unreachable", "does not answer as it should"),
    ("400", "store", "400 Bad Request"),
    ("no-bucket", "store", "there is no such bucket"),
]


@pytest.mark.parametrize(("mode", "code", "words"), BAD)
def test_trouble_is_told_with_what_to_do(
    far: ObjectBucket, server: BadServer, mode: str, code: str, words: str
) -> None:
    server.mode = mode
    asked = [
        lambda: far.read("x"),
        lambda: far.create("x", b"1"),
        lambda: far.delete(["x"]),
        lambda: list(far.list("ac")),
    ]
    if mode not in ("hang", "no-bucket"):
        asked += [lambda: far.replace("x", b"1"), lambda: far.size("x")]
    for ask in asked:
        with pytest.raises(StoreError) as caught:
            ask()
        error = caught.value
        assert (error.code, error.exit_status) == (code, 5)
        assert "s3://films/a/b" in str(error)
        assert server.endpoint in str(error)
        assert error.facts["endpoint"] == server.endpoint
        if far.size is not asked[-1] and mode in ("503", "403", "507"):
            assert "<" not in str(error)  # no XML
    with pytest.raises(StoreError) as caught:
        far.read("x")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9", "http://no-such-host.invalid", "https://127.0.0.1:9"]
)
def test_nobody_there(server: BadServer, endpoint: str) -> None:
    far = s3_bucket("films", endpoint=endpoint)
    for ask in (lambda: far.read("x"), lambda: far.create("x", b"1")):
        with pytest.raises(StoreError) as caught:
            ask()
        assert caught.value.code == "store-unreachable"
        assert endpoint in str(caught.value)


def test_a_body_that_stalls(far: ObjectBucket, server: BadServer, tmp_path: Path) -> None:
    assert far.create("x", b"x" * 100_000)
    server.mode = "stall"
    with (tmp_path / "out").open("wb") as stream, pytest.raises(StoreError) as caught:
        far.read_into("x", stream)
    assert caught.value.code == "store-unreachable"


def test_no_credentials_at_a_server_of_ones_own(
    server: BadServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    policy = StorePolicy(path=tmp_path, url="s3://films", endpoint=server.endpoint)
    with pytest.raises(StoreError, match="no credentials") as caught:
        open_store(policy)
    assert caught.value.code == "store-denied"
    assert server.requests == []


def test_without_obstore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(SettingsError, match=r"pip install 'episode-chainer\[s3\]'"):
        open_store(StorePolicy(path=tmp_path, url="s3://films"))


def test_the_endpoint_of_the_environment(
    server: BadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    assert s3_bucket("films").create("x", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert s3_bucket("films", endpoint=server.endpoint).create("y", b"1")
    assert sorted(server.objects) == ["/films/x", "/films/y"]


# -- a store over such servers -----------------------------------------------------------


def test_a_store_over_http(server: BadServer, tmp_path: Path) -> None:
    policy = StorePolicy(path=tmp_path / "a", url="s3://films/p", endpoint=server.endpoint)
    store = open_store(policy)
    assert isinstance(store, SharedStore)
    assert store.url == "s3://films/p"
    assert store.root == tmp_path / "a"
    record = publish(store, "a", b"hello")
    other = open_store(policy.model_copy(update={"path": tmp_path / "b"}))
    assert other.find(key("a")) == (Presence.CACHED, record)
    assert other.fetch(record.files["f0"]).read_bytes() == b"hello"
    assert sorted(server.objects) == sorted(
        [f"/films/p/{bytes_name(bytes_digest(b'hello'))}", f"/films/p/ac/{key('a')[:2]}/{key('a')}"]
    )


@pytest.mark.parametrize("mode", ["lie", "short", "stall"])
def test_a_lying_server_never_gets_into_the_cache(
    server: BadServer, far: ObjectBucket, tmp_path: Path, mode: str
) -> None:
    record = publish(SharedStore(tmp_path / "a", far), "a", b"hello" * 50_000)
    store = SharedStore(tmp_path / "b", far)
    server.mode = mode
    with pytest.raises(StoreError) as caught:
        store.open(record.files["f0"])
    assert caught.value.code == ("store-damaged" if mode == "lie" else "store-unreachable")
    assert not [path for path in (store.root / "cas").rglob("*") if path.is_file()]
    assert list((store.root / "tmp").iterdir()) == []
    server.mode = "good"
    with store.open(record.files["f0"]) as stream:
        assert stream.read() == b"hello" * 50_000


@pytest.mark.parametrize(("mode", "code"), [("507", "disk-full"), ("403", "store-denied")])
def test_a_publish_that_is_refused_leaves_no_record(
    server: BadServer, far: ObjectBucket, tmp_path: Path, mode: str, code: str
) -> None:
    store = SharedStore(tmp_path / "a", far)
    with store.workspace() as folder:
        (folder / "x").write_bytes(b"x")
        server.mode = mode
        with pytest.raises(StoreError) as caught:
            store.publish(key("a"), "t", {"f0": folder / "x"}, {})
    assert caught.value.code == code
    server.mode = "good"
    assert store.find(key("a"))[0] is Presence.ABSENT
    assert server.objects == {}
    assert publish(store, "a", b"x").files["f0"].size == 1


def test_a_publish_whose_answer_got_lost_is_ours(
    server: BadServer, far: ObjectBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record was written, its answer lost, and the second try told that it is there."""
    store = SharedStore(tmp_path / "a", far)
    plain = ObjectBucket.create

    def create(self: ObjectBucket, name: str, data: Path | bytes) -> bool:
        plain(self, name, data)
        return plain(self, name, data)

    monkeypatch.setattr(ObjectBucket, "create", create)
    record = publish(store, "a", b"x")
    assert store.find(key("a")) == (Presence.CACHED, record)
