"""A small world of episodes, drafts and shared pieces, for tests of revocation.

Run as `python -m tests.consent.revoked ROOT SEED TURNS` it revokes in forked processes that are
killed at random moments.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from chainer.consent.entry import Entry, Event, Position
from chainer.consent.episodes import EpisodeIndex, EpisodeRecord, Piece, ShownAtom
from chainer.consent.ledger import MemoryLedger
from chainer.consent.need import Need
from chainer.consent.outbox import write_outbox
from chainer.consent.revocation import Applied, OnStep, apply_refusals
from chainer.consent.standing import Standing
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Reach, Use
from chainer.digest import file_digest, key_of
from chainer.store import Store

START = datetime(2026, 10, 1, tzinfo=UTC)
NOW = START + timedelta(days=10)
LATER = START + timedelta(days=40)

ALL_USES = (Use.DRAFT, Use.EPISODE, Use.PUBLISH)


def person(name: str) -> str:
    """A keyed id."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


MEI, BO, ANN, BEN = (person(name) for name in ("mei", "bo", "ann", "ben"))


class Register:
    """A ledger in memory and what it means. Its entries are the same in every run."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(b"k" * 32)
        self.standing = Standing()

    def say(self, kind: Kind, whose: str, at: datetime = START, **rest: Any) -> Entry:
        if kind in (Kind.GRANT, Kind.APPROVE):
            rest.setdefault("uses", ALL_USES)
            rest.setdefault("edits", USUAL_EDITS)
            rest.setdefault("modalities", tuple(Modality))
        if "authors" in rest:
            rest.setdefault("reach", Reach.AUTHORS)
        (entry,) = self.ledger.append([Event(kind=kind, person=whose, **rest)], now=at)
        self.standing.add(entry)
        return entry


def need(whose: str, grantee: str | None, atom: str, *uses: Use, **rest: Any) -> Need:
    rest.setdefault("modalities", (Modality.FACE,))
    rest.setdefault("edits", (Edit.TRIM, Edit.JOIN))
    return Need(whose, grantee, atom, uses or (Use.EPISODE,), **rest)


def key(word: str) -> str:
    return key_of("test", word)


def film(name: str) -> str:
    return key_of("film", name)


def record(name: str, atoms: Iterable[str] = (), **rest: Any) -> EpisodeRecord:
    chain = tuple(ShownAtom(one, key_of("media", one), ANN) for one in atoms)
    rest.setdefault("ledger_id", "l" * 32)
    rest.setdefault("request", {"start": name})
    return EpisodeRecord(id=name, atoms=chain, **rest)


SHOWN = {"a1": (MEI,), "a2": (BO,), "a3": (MEI,), "a4": (MEI, BO), "a5": (BO,), "a7": (MEI,)}

EPISODES: tuple[tuple[str, str, bool, str, tuple[str, ...]], ...] = (
    # id, composer, draft, how far it got, chain
    ("e1", ANN, False, "published", ("a1", "a2")),
    ("e2", BEN, False, "made", ("a2", "a3")),
    ("e3", ANN, True, "draft", ("a1",)),
    ("e4", ANN, False, "making", ("a1", "a5")),
    ("e5", BEN, True, "making", ("a1", "a2")),
    ("e6", BEN, False, "published", ("a2", "a5")),
    ("e7", ANN, False, "gone", ("a7",)),
    ("e8", BEN, False, "published", ("a4",)),
)


def register() -> Register:
    made = Register()
    made.say(Kind.GRANT, MEI, reach=Reach.EVERYONE, expires=LATER)
    made.say(Kind.GRANT, BO, reach=Reach.EVERYONE)
    return made


class World:
    """Folders under one root: the store with its index, delivered episodes, the outbox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "store")
        self.index = EpisodeIndex(root / "store" / "episodes.sqlite")
        self.outbox = root / "outbox.jsonl"

    def fill(self) -> World:
        for atom, people in SHOWN.items():
            self.publish(f"clip {atom}", atom.encode(), *people)
        self.publish("clip shared bytes", b"a5")
        for name, composer, draft, state, chain in EPISODES:
            pieces = [Piece(key(f"clip {atom}"), "conform", SHOWN[atom]) for atom in chain]
            for left, right in pairwise(chain):
                both = tuple(dict.fromkeys((*SHOWN[left], *SHOWN[right])))
                pieces.append(self.publish(f"joint {left} {right}", b"joint", *both))
            pieces.append(self.publish(f"poster {name}", name.encode() * 9, *SHOWN[chain[0]]))
            pieces.append(self.publish("card", b"card"))  # shows nobody
            use = Use.DRAFT if draft else Use.EPISODE
            needs = [
                need(whose, grantee, atom, use)
                for atom in chain
                for whose in SHOWN[atom]
                for grantee in (composer, ANN)
            ]
            self.index.begin(record(name, chain, composer=composer, draft=draft), needs, pieces)
            if state == "gone":
                self.index.give_up(name)
            elif state != "making":
                for number in (1, 2):
                    self.deliver(name, number)
                self.index.finish(name, self.folder(name, 1), film(name), "urn:1", Position())
                if state == "published":
                    self.index.publish(name, Position())
        with self.index.writing() as connection:  # delivered to a second place too
            connection.execute(
                "INSERT INTO deliveries (episode, folder, film)"
                " SELECT episode, substr(folder, 1, length(folder) - 1) || '2', film"
                " FROM deliveries WHERE film <> ''"
            )
        shutil.rmtree(self.folder("e1", 2))
        (self.folder("e2", 2) / "episode.json").write_text('{"id": "another"}')
        self.index.note_pieces(
            [self.publish("seen mei", b"m", MEI), self.publish("seen bo", b"b", BO)]
        )
        return self

    def publish(self, word: str, data: bytes, *people: str) -> Piece:
        with self.store.workspace() as folder:
            (folder / "file").write_bytes(data)
            self.store.publish(key(word), "conform", {"file": folder / "file"}, {})
        return Piece(key(word), "conform", people)

    def folder(self, name: str, number: int) -> Path:
        return self.root / "out" / f"{name}-{number}"

    def deliver(self, name: str, number: int) -> None:
        folder = self.folder(name, number)
        folder.mkdir(parents=True)
        (folder / "episode.json").write_text(json.dumps({"id": name}))
        (folder / "episode.mp4").write_bytes(name.encode())

    def held(self) -> set[str]:
        """The pieces that the store still has, by the words of their keys."""
        words = [f"clip {atom}" for atom in SHOWN] + ["card", "seen mei", "seen bo"]
        words += [f"poster {name}" for name, *_ in EPISODES] + ["clip shared bytes"]
        words += [
            f"joint {left} {right}" for *_, chain in EPISODES for left, right in pairwise(chain)
        ]
        return {word for word in words if self.store.find(key(word))[1] is not None}

    def states(self) -> dict[str, str]:
        return {one.id: one.state.value for one in self.index.all()}

    def apply(
        self,
        said: Register,
        entry: Entry | None,
        people: Iterable[str] | None = None,
        at: datetime = NOW,
        on_step: OnStep | None = None,
    ) -> Applied:
        whom = people if people is not None else [entry.person] if entry else []
        return apply_refusals(
            self.index, self.store, said.standing, whom, entry, at, on_step=on_step
        )

    def snapshot(self) -> dict[str, Any]:
        """Everything that a test compares: tables without times of the clock, and all files."""
        write_outbox(self.index, self.outbox)
        tables: dict[str, Any] = {}
        with contextlib.closing(sqlite3.connect(self.index.path)) as connection:
            connection.row_factory = sqlite3.Row
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in names.fetchall():
                rows = connection.execute(f"SELECT * FROM {name}").fetchall()
                clock = ("created", "changed")
                tables[name] = sorted(
                    str({part: row[part] for part in row.keys() if part not in clock})  # noqa: SIM118
                    for row in rows
                )
        files = {
            str(path.relative_to(self.root)): file_digest(path)
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.name.startswith("episodes.sqlite")
        }
        return {"tables": tables, "files": files}


def storm(root: Path, seed: int, turns: int) -> None:
    """Revoke in a process that is killed at a random moment, `turns` times, each from the start."""
    dice = random.Random(seed)
    kept, live = root / "kept", root / "live"
    said = register()
    entry = said.say(Kind.REVOKE, MEI, NOW)
    began = time.monotonic()
    World(live).apply(said, entry)
    whole = World(live).snapshot()
    usual = time.monotonic() - began
    killed = 0
    for _ in range(turns):
        shutil.rmtree(live)
        shutil.copytree(kept, live)
        pid = os.fork()
        if not pid:
            try:
                World(live).apply(said, entry)
                write_outbox(World(live).index, live / "outbox.jsonl")
            finally:
                os._exit(0)
        time.sleep(dice.uniform(0, usual))
        os.kill(pid, signal.SIGKILL)
        killed += os.waitpid(pid, 0)[1] == signal.SIGKILL
        World(live).apply(said, entry)
        assert World(live).snapshot() == whole
    sys.stdout.write(json.dumps({"killed": killed}))


if __name__ == "__main__":
    storm(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
