"""Processes that share a store: run as `python -m tests.store.actors ROLE ROOT …`.

Those that work in a crowd are forked from one process, which has nothing but the store loaded;
the others say "ready" and wait to be killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from chainer.digest import key_of
from chainer.errors import StoreError
from chainer.store import Presence, SharedStore, Store, collect


def key(word: str) -> str:
    return key_of("test", word)


def say(word: object) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def crowd(root: Path, count: int, work: Callable[[int], object]) -> list[int]:
    """Fork `count` workers that start together; what each returns is written beside the store."""
    go = root.parent / "go"
    pids = []
    for number in range(count):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                while not go.exists():
                    time.sleep(0.001)
                text = json.dumps(work(number))
                (root.parent / f"result-{number}").write_text(text)
                status = 0
            finally:
                os._exit(status)
        pids.append(pid)
    go.touch()
    return pids


def results(root: Path, pids: list[int]) -> list[object]:
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
    return [json.loads((root.parent / f"result-{n}").read_text()) for n in range(len(pids))]


def publish(store: Store, word: str, data: bytes, slowly: float = 0) -> dict[str, object]:
    with store.workspace() as folder:
        path = folder / "piece"
        with path.open("wb") as stream:
            for at in range(0, len(data), 4096):
                stream.write(data[at : at + 4096])
                if slowly:
                    stream.flush()
                    time.sleep(slowly)
        record = store.publish(key(word), "test", {"piece": path}, {"who": data[:1].hex()})
    return record.model_dump(mode="json")


def race(root: Path, count: str) -> None:
    """All publish the same keys, each with bytes of its own."""

    def work(number: int) -> object:
        store = Store(root)
        data = bytes([number]) * 20_000
        return [publish(store, f"k{turn}", data) for turn in range(8)]

    say(results(root, crowd(root, int(count), work)))


def exclude(root: Path, count: str) -> None:
    """All want one claim; inside, a file that only one may make."""

    def work(number: int) -> object:
        store, inside = Store(root), root.parent / "inside"
        for _ in range(10):
            with store.claim(key("a")):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                time.sleep(0.001)
                inside.unlink()
                if number == 0:
                    collect(store, 10**9)  # a sweep must not take a lock that is held
        return number

    say(results(root, crowd(root, int(count), work)))


def storm(root: Path, count: str, seed: str) -> None:
    """Writers and sweepers that are killed at random moments, once all are in full swing."""
    dice = random.Random(int(seed))
    log = root.parent / "log"
    log.touch()
    end = time.monotonic() + 60  # should nobody be left to kill them

    def work(number: int) -> object:
        store, turn = Store(root), 0
        while time.monotonic() < end:
            turn += 1
            word = f"k{(number + turn) % 30}"
            data = word.encode() * 9000
            with contextlib.suppress(StoreError):
                if number % 10 == 9:
                    collect(store, 200_000)
                    continue
                with store.claim(key(word)):
                    publish(store, word, data, slowly=0.0005)
                with log.open("ab") as stream:
                    stream.write(b".")
                with store.lease([key(word)]):
                    store.find(key(word))
                if turn % 7 == 0:
                    store.discard(key(word))
        return turn

    pids = crowd(root, int(count), work)
    while log.stat().st_size < 2 * len(pids) and time.monotonic() < end:
        time.sleep(0.01)
    for pid in pids:
        time.sleep(dice.uniform(0, 0.12))
        os.kill(pid, signal.SIGKILL)
    say([os.waitpid(pid, 0)[1] for pid in pids])


def open_place(place: str, cache: Path) -> SharedStore:
    """A shared store as a machine of its own has it; only children may, for its threads."""
    from chainer.store.bucket import folder_bucket, s3_bucket

    scheme, _, name = place.partition(":")
    if scheme == "s3":
        return SharedStore(cache, s3_bucket(*name.split("/", 1)))
    return SharedStore(cache, folder_bucket(Path(name)))


def race_far(root: Path, place: str, count: str) -> None:
    """As `race`, each with a cache of its own; says too who made which name in the bucket."""

    def work(number: int) -> object:
        store = open_place(place, root / f"cache{number}")
        data = bytes([number]) * 20_000
        told = [publish(store, f"k{turn}", data) for turn in range(8)]
        won = [store.bucket.create(f"race/{turn}", data) for turn in range(20)]
        return [told, won]

    say(results(root, crowd(root, int(count), work)))


def storm_far(root: Path, place: str, count: str, seed: str) -> None:
    """Writers and collectors on a bucket that are killed at random moments."""
    from chainer.store import remote_gc

    remote_gc.GRACE = timedelta(seconds=1)  # shorter than the storm, longer than a publish
    dice = random.Random(int(seed))
    log = root.parent / "log"
    log.touch()
    end = time.monotonic() + 90

    def work(number: int) -> object:
        store, turn = open_place(place, root / f"cache{number % 4}"), 0
        while time.monotonic() < end:
            turn += 1
            word = f"k{(number + turn) % 30}"
            if number % 6 == 5:
                collect(store, 10**6)
                continue
            with store.lease([key(word)]):
                record = publish(store, word, word.encode() * 90_000)
                if turn % 5 == 0:
                    store.discard(key(word))
            with log.open("a") as stream:
                stream.write(json.dumps(record) + "\n")
        return turn

    pids = crowd(root, int(count), work)
    while log.read_text().count("\n") < 12 * len(pids) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in pids:
        time.sleep(dice.uniform(0, 0.2))
        os.kill(pid, signal.SIGKILL)
    say([os.waitpid(pid, 0)[1] for pid in pids])


def once_far(root: Path, place: str, word: str) -> None:
    """Publish one key as a step would: look, make, publish. Says whether it was made here."""

    def work(_number: int) -> object:
        store = open_place(place, root / f"once-{os.getpid()}")
        made = store.find(key(word))[0] is not Presence.CACHED
        if made:
            publish(store, word, word.encode() * 9000)
        return made

    say(results(root, crowd(root, 1, work)))


def hold(root: Path, what: str) -> None:
    """Hold a claim, a lease or a workspace until killed."""
    store = Store(root)
    holds = {
        "claim": lambda: store.claim(key("a")),
        "lease": lambda: store.lease([key("a")]),
        "workspace": store.workspace,
    }
    with holds[what]() as folder:
        if isinstance(folder, Path):
            (folder / "half").write_bytes(b"half")
        say("ready")
        time.sleep(60)


if __name__ == "__main__":
    role, root, *rest = sys.argv[1:]
    roles: dict[str, Callable[..., None]] = {
        "race": race,
        "exclude": exclude,
        "storm": storm,
        "hold": hold,
        "race_far": race_far,
        "storm_far": storm_far,
        "once_far": once_far,
    }
    roles[role](Path(root), *rest)
