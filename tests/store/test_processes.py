"""The store between processes: races, claims, and what a killed one leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainer.digest import file_digest
from chainer.store import Presence, Store, collect, inspect, verify

from .actors import key, publish

REPOSITORY = Path(__file__).resolve().parents[2]


def act(*words: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tests.store.actors", *map(str, words)]
    return subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def play(*words: object) -> Any:
    with act(*words) as actor:
        try:
            out, _ = actor.communicate(timeout=100)
        finally:
            actor.kill()
    assert actor.returncode == 0
    return json.loads(out)


@contextlib.contextmanager
def holder(root: Path, what: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a claim, a lease or a workspace; killed at the end if it still is."""
    with act("hold", root, what) as actor:
        try:
            assert actor.stdout is not None
            assert json.loads(actor.stdout.readline()) == "ready"
            yield actor
        finally:
            actor.send_signal(signal.SIGKILL)


def kill(actor: subprocess.Popen[str]) -> None:
    actor.send_signal(signal.SIGKILL)
    actor.wait(60)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files_under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def age(path: Path, seconds: float = 3600) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_processes_that_publish_the_same_key(store: Store) -> None:
    told = play("race", store.root, 4)
    assert all(records == told[0] for records in told)
    info = inspect(store)
    assert info.records == 8
    for turn, record in enumerate(told[0]):
        presence, standing = store.find(key(f"k{turn}"))
        assert presence is Presence.CACHED
        assert standing is not None
        assert standing.model_dump(mode="json") == record
        assert store.is_whole(standing.files["piece"])
    assert verify(store).whole
    for path in files_under(store.root / "cas"):
        assert file_digest(path) == path.name
    assert list((store.root / "tmp").iterdir()) == []


def test_claim_excludes_processes(store: Store) -> None:
    assert play("exclude", store.root, 4) == [0, 1, 2, 3]
    assert list((store.root / "locks").iterdir()) == []


def test_a_killed_process_loses_its_claim_and_its_lease_and_its_workspace(store: Store) -> None:
    for word in ("a", "b"):
        publish(store, word, word.encode() * 100)
        age(store.root / "ac" / key(word)[:2] / key(word))
    with (
        holder(store.root, "claim") as claimer,
        holder(store.root, "lease") as leaser,
        holder(store.root, "workspace") as worker,
    ):
        assert collect(store, 0).records == 1
        assert store.find(key("a"))[0] is Presence.CACHED
        assert store.find(key("b"))[0] is Presence.ABSENT
        assert [path.name for path in files_under(store.root / "tmp")] == [".lock", "half"]
        assert len(list((store.root / "locks").iterdir())) == 1

        kill(worker)
        collect(store, 10**9)
        assert list((store.root / "tmp").iterdir()) == []

        kill(leaser)
        assert collect(store, 0).records == 1
        assert store.find(key("a"))[0] is Presence.ABSENT
        assert list((store.root / "leases").iterdir()) == []

        kill(claimer)
        with store.claim(key("a")):
            pass
        assert list((store.root / "locks").iterdir()) == []


def test_a_storm_of_killed_writers_leaves_nothing_torn(store: Store) -> None:
    assert play("storm", store.root, 20, 7) == [signal.SIGKILL] * 20
    for path in files_under(store.root / "cas"):
        assert file_digest(path) == path.name
    found = {path.name: store.find(path.name) for path in files_under(store.root / "ac")}
    for presence, record in found.values():
        assert record is not None  # no record is half written
        assert presence in (Presence.CACHED, Presence.MISSING)
    told = {name for name, _ in verify(store, repair=True).missing}
    assert told == {name for name, (presence, _) in found.items() if presence is Presence.MISSING}
    assert verify(store).whole
    for path in (store.root / "tmp").iterdir():
        if path.is_dir():
            age(path)
        age(path)
    collect(store, 10**9)
    for name in ("tmp", "locks", "leases"):
        assert list((store.root / name).iterdir()) == []
    for number in range(30):
        word = f"k{number}"
        with store.claim(key(word)):
            publish(store, word, word.encode() * 9000)
        assert store.find(key(word))[0] is Presence.CACHED
