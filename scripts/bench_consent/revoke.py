"""How long a revocation takes to decide and to mark, in a large index of episodes.

    python scripts/bench_consent/revoke.py [--atoms N] [--episodes N] [--cuts N] [--people N]

Prints one JSON object. Some people are shown far more often than others. 50 of them revoke one
after the other, the most shown first: "mark" is from the call until every episode is marked, with
its notices and re-renders, on the disk; "whole" is to the end of the call, with a store that holds
none of the pieces. Seconds of the clock and of the processor. The rate of bare flushes on that disk
is given beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from chainer.consent.entry import Event
from chainer.consent.episodes import EpisodeIndex, EpisodeRecord, Piece, ShownAtom
from chainer.consent.ledger import MemoryLedger
from chainer.consent.need import Need
from chainer.consent.revocation import apply_refusals
from chainer.consent.standing import Standing
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Reach, Use
from chainer.digest import key_of
from chainer.store import Store

START = datetime(2026, 10, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
EDITS = (Edit.TRIM, Edit.JOIN, Edit.CROSSFADE, Edit.GRADE)
_REVOKE = 50
_FLUSHES = 200


def main() -> int:
    """Fill an index, revoke, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, default=100_000, metavar="N")
    parser.add_argument("--episodes", type=int, default=20_000, metavar="N")
    parser.add_argument("--cuts", type=int, default=8, metavar="N")
    parser.add_argument("--people", type=int, default=2_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to write; the system's place for drafts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-revoke-", dir=args.folder) as name:
        folder = Path(name)
        report: dict[str, Any] = {
            "atoms": args.atoms,
            "episodes": args.episodes,
            "cuts": args.cuts,
            "people": args.people,
            "flushes_per_second": _flushes(folder / "flushes"),
        }
        began = time.perf_counter()
        town = Town(random.Random(args.seed), args.atoms, args.people)
        index = EpisodeIndex(folder / "episodes.sqlite")
        shown = _fill(index, town, args.episodes, args.cuts)
        report["filled_in_seconds"] = round(time.perf_counter() - began, 1)
        report["index_bytes"] = index.path.stat().st_size
        with index.reading() as connection:
            report["questions"], report["asked"], report["pieces"] = connection.execute(
                "SELECT (SELECT count(*) FROM questions), (SELECT count(*) FROM asked),"
                " (SELECT count(*) FROM pieces)"
            ).fetchone()
        report |= _revoke(index, Store(folder / "store"), town, shown)
    print(json.dumps(report, indent=1))
    return 0


class Town:
    """People, their atoms, and a ledger in which each of them granted something."""

    def __init__(self, dice: random.Random, atoms: int, people: int) -> None:
        self.dice = dice
        self.people = [hashlib.sha256(b"%d" % n).hexdigest()[:32] for n in range(people)]
        weights = [1 / (rank + 30) for rank in range(people)]
        authors = dice.choices(self.people, k=atoms)
        seen = dice.choices(self.people, weights, k=atoms)
        second = dice.choices(self.people, weights, k=atoms)
        self.atoms = [
            (
                ShownAtom(f"a{n}", key_of("media", n), authors[n]),
                (seen[n], second[n])
                if dice.random() < 0.3 and seen[n] != second[n]
                else (seen[n],),
            )
            for n in range(atoms)
        ]
        self.ledger = MemoryLedger(b"k" * 32)
        self.standing = Standing()
        for person in self.people:
            self.say(Kind.GRANT, person, START)
            if dice.random() < 0.3:
                names = tuple(dice.choices(self.people, k=3))
                self.say(Kind.GRANT, person, START, reach=Reach.AUTHORS, authors=names)

    def say(self, kind: Kind, person: str, at: datetime, **rest: Any) -> Any:
        if kind is Kind.GRANT:
            rest |= {"uses": tuple(Use), "edits": USUAL_EDITS, "modalities": tuple(Modality)}
        (entry,) = self.ledger.append([Event(kind=kind, person=person, **rest)], now=at)
        self.standing.add(entry)
        return entry


def _fill(index: EpisodeIndex, town: Town, episodes: int, cuts: int) -> Counter[str]:
    """Register all; a third each becomes published, made and draft. Episodes by person shown."""
    shown: Counter[str] = Counter()

    def each() -> Iterator[tuple[EpisodeRecord, list[Need], list[Piece]]]:
        for number in range(episodes):
            composer = town.dice.choice(town.people)
            chain = town.dice.choices(town.atoms, k=cuts)
            use = Use.DRAFT if number % 3 == 0 else Use.EPISODE
            needs = [
                Need(
                    person,
                    grantee,
                    atom.id,
                    (use,),
                    tuple(Modality),
                    EDITS,
                    own=person == atom.author,
                )
                for atom, people in chain
                for person in people
                for grantee in dict.fromkeys((atom.author, composer))
            ]
            shown.update({person for _, people in chain for person in people})
            pieces = [Piece(key_of("clip", atom.id), "conform", people) for atom, people in chain]
            pieces += [
                Piece(key_of("joint", [left.id, right.id]), "joint", (*one, *two))
                for (left, one), (right, two) in pairwise(chain)
            ]
            record = EpisodeRecord(
                id=f"e{number}",
                draft=number % 3 == 0,
                composer=composer,
                atoms=tuple(atom for atom, _ in chain),
                request={"graph": "graphs/town.json", "start": chain[0][0].id, "kind": "series"},
            )
            yield record, needs, pieces

    index.begin_all(each())
    with index.writing() as connection:  # twenty thousand single calls would only wait for the disk
        connection.execute(
            "UPDATE episodes SET published = n % 3 = 2,"
            " state = CASE WHEN draft THEN 'draft' WHEN n % 3 = 2 THEN 'published' ELSE 'made' END"
        )
    return shown


def _revoke(index: EpisodeIndex, store: Store, town: Town, shown: Counter[str]) -> dict[str, Any]:
    ranked = [person for person, _ in shown.most_common()]
    chosen = [ranked[0], *town.dice.sample(ranked[1:], _REVOKE - 1)]
    rows: dict[str, list[float]] = {
        name: []
        for name in ("mark", "mark_cpu", "whole", "whole_cpu", "struck", "needs", "notices")
    }
    for person in chosen:
        entry = town.say(Kind.REVOKE, person, NOW)
        marked: list[tuple[float, float]] = []

        def listen(step: str, marked: list[tuple[float, float]] = marked) -> None:
            if step == "marked":
                marked.append((time.perf_counter(), time.process_time()))

        began = time.perf_counter(), time.process_time()
        done = apply_refusals(index, store, town.standing, [person], entry, NOW, on_step=listen)
        ended = time.perf_counter(), time.process_time()
        for name, at in (("mark", marked[0]), ("whole", ended)):
            rows[name].append(at[0] - began[0])
            rows[f"{name}_cpu"].append(at[1] - began[1])
        rows["struck"].append(len(done.suspended) + len(done.blocked))
        rows["needs"].append(done.decided)
        rows["notices"].append(done.notices)
    return {
        "revocations": len(chosen),
        "most_shown": {name: round(values[0], 4) for name, values in rows.items()},
        **{
            name: {
                "min": round(min(values), 4),
                "median": round(statistics.median(values), 4),
                "max": round(max(values), 4),
            }
            for name, values in rows.items()
        },
    }


def _flushes(path: Path) -> int:
    began = time.perf_counter()
    with path.open("wb") as stream:
        for _ in range(_FLUSHES):
            stream.write(b"x" * 4096)
            stream.flush()
            os.fsync(stream.fileno())
    return round(_FLUSHES / (time.perf_counter() - began))


if __name__ == "__main__":
    sys.exit(main())
