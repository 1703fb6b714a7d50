"""Processes that share a bucket, as machines do: races, and what killed ones leave behind."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from chainer.digest import bytes_digest
from chainer.store import Presence, collect, inspect, verify

from .actors import key
from .kinds import Kind, publish
from .test_processes import play

pytestmark = pytest.mark.parametrize(
    "kind", ["local", pytest.param("rgw", marks=pytest.mark.slow)], indirect=True
)


def place_of(kind: Kind) -> str:
    if kind.name == "rgw":
        assert kind.bucket is not None
        return f"s3:{kind.bucket.url.removeprefix('s3://')}"
    return f"dir:{kind.folder / 'bucket'}"


def root_of(kind: Kind) -> Path:
    root = kind.folder / "processes" / "root"
    root.mkdir(parents=True)
    return root


def test_processes_that_race_for_the_same_names(kind: Kind) -> None:
    told = play("race_far", root_of(kind), place_of(kind), 8)
    records, wins = zip(*told, strict=True)
    assert all(one == records[0] for one in records)
    assert [sum(turn) for turn in zip(*wins, strict=True)] == [1] * 20
    store = kind.open()
    info = inspect(store)
    assert (info.records, info.by_type["test"]) == (8, (8, 160_000))
    assert verify(store).whole
    for turn, record in enumerate(records[0]):
        presence, standing = store.find(key(f"k{turn}"))
        assert presence is Presence.CACHED
        assert standing is not None
        assert standing.model_dump(mode="json") == record


@pytest.mark.usefixtures("at_once")
def test_a_storm_of_killed_writers_leaves_nothing_torn(kind: Kind) -> None:
    place = place_of(kind)
    root = root_of(kind)
    assert play("storm_far", root, place, 12, 11) == [signal.SIGKILL] * 12
    it = kind.bucket
    assert it is not None
    for entry in it.list("cas"):
        data = it.read(entry.name)
        assert data is not None
        assert bytes_digest(data) == entry.name.rpartition("/")[2]
    store = kind.open()
    health = verify(store)
    assert health.missing == ()
    assert health.damaged == ()
    assert health.checked > 0
    assert len(kind.names("leases")) <= 12  # those of the killed; they end by themselves
    for name in kind.names("leases"):
        kind.remove(name)
    done = collect(store, 0)
    assert done.left_bytes == 0
    assert (kind.names("ac"), kind.names("cas")) == ([], [])
    for number in range(30):
        word = f"k{number}"
        record = publish(store, word, word.encode() * 9000)
        assert kind.open().find(key(word)) == (Presence.CACHED, record)


def test_work_that_is_there_is_not_done_again_elsewhere(kind: Kind) -> None:
    root, place = root_of(kind), place_of(kind)
    assert play("once_far", root, place, "w") == [True]
    assert play("once_far", root, place, "w") == [False]
