"""What follows when consent was taken away: episodes marked, copies tombstoned, pieces purged.

    note → decide → mark, with notices and re-renders, in one transaction → tombstones → purge

Every step can be killed at any point and repeated: what is done stays done, and what was begun is
known to the index until it is finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from chainer.consent.entry import Entry, Position
from chainer.consent.episode_rows import check_person, row_of
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.need import Need, Refusal
from chainer.consent.outbox import replace_file
from chainer.consent.striking import Blow, judge, strike
from chainer.digest import Digest, file_digest, key_of, read_regular
from chainer.errors import InputError
from chainer.store import Purged, Store, purge

_T = TypeVar("_T")

TOMBSTONE_NAME = "suspended.json"
MANIFEST_NAME = "episode.json"
FILM_NAMES = ("episode.mp4", "episode.mov")

OnStep = Callable[[str], None]


class Decider(Protocol):
    """Whoever knows what the ledger means."""

    @property
    def position(self) -> Position:
        """How far the ledger was read."""

    def decide_all(self, needs: Iterable[Need], at: datetime) -> list[Refusal]:
        """The refusals among the answers; each names the person, grantee and atom of its need."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What taking consent away did, earlier runs of the same that were cut short included.

    `decided` counts the distinct needs that were decided, and `purged` what left the store, in
    this run alone. `suspended` and `blocked` are ids of episodes; `tombstones` the folders that
    say so; `unreachable` the folders that do not, each with why.
    """

    revocation: Digest
    entry: int | None
    decided: int
    suspended: tuple[str, ...]
    blocked: tuple[str, ...]
    tombstones: tuple[Path, ...]
    unreachable: tuple[tuple[Path, str], ...]
    purged: Purged
    queued: int
    notices: int

    def __add__(self, other: Applied) -> Applied:
        """Both, one after the other, under the name of the later one."""
        return replace(
            other,
            decided=self.decided + other.decided,
            suspended=_both(self.suspended, other.suspended),
            blocked=_both(self.blocked, other.blocked),
            tombstones=_both(self.tombstones, other.tombstones),
            unreachable=_both(self.unreachable, other.unreachable),
            purged=self.purged + other.purged,
            queued=self.queued + other.queued,
            notices=self.notices + other.notices,
        )

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "revocation": self.revocation,
            "decided": self.decided,
            "suspended": list(self.suspended),
            "blocked": list(self.blocked),
            "tombstones": [str(path) for path in self.tombstones],
            "unreachable": [{"folder": str(path), "why": why} for path, why in self.unreachable],
            "purged": {
                "records": self.purged.records,
                "files": self.purged.files,
                "bytes": self.purged.bytes,
            },
            "queued": self.queued,
            "notices": self.notices,
        }


def _both(first: tuple[_T, ...], second: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def apply_refusals(
    index: EpisodeIndex,
    store: Store,
    decider: Decider,
    people: Iterable[str],
    entry: Entry | None,
    at: datetime,
    *,
    folders: bool = True,
    on_step: OnStep | None = None,
) -> Applied:
    """Carry out what `entry`, or the end of grants (None: a timer asks), took from `people`.

    `decider` has read the ledger up to `entry` or further; `people` are keyed ids, `at` has a zone.
    All needs of these people in episodes that are still allowed are decided; an episode with a
    refused one is suspended, a draft blocked, a published one being asked for publishing too. In
    the same transaction its notices and its re-render are put down. Then, unless `folders` is
    False, every folder that still holds it gets a `suspended.json`; one that is missing or cannot
    be written is reported, never fatal.

    Then pieces that show these people leave the store. A piece that a live episode uses stays.
    Of the others one goes if it was used by any episode, all of which are then suspended, blocked
    or gone; and one that no episode ever used goes if the person is refused for everyone: for
    whoever asks, and in every need of others that the index knows of them. A timer purges only
    people of whom something was refused just now, or taken back from everyone before.

    Repeating it ends in the same state, after a kill at any point too; unfinished timers' work is
    finished by every call. `on_step` hears the name of every step before and after it and within
    loops. Raises `InputError` for a time without zone or people not keyed, and `StoreError`.
    """
    tell = on_step or _quiet
    whom = sorted(set(people))
    for person in whom:
        check_person(person)
    if at.tzinfo is None:
        raise InputError("the moment of a revocation needs a time zone", code="no-zone")
    if entry is None:
        name = key_of("consent-expiry", {"at": at.isoformat(), "people": whom})
    else:
        name = entry.digest
    blow = Blow(name, None if entry is None else entry.seq, at, tuple(whom), folders)
    with index.held_open():
        if entry is not None:
            tell("note")
            with index.writing() as connection:
                blow.note(connection)
                tell("commit note")
            tell("noted")
        tell("decide")
        with index.writing() as connection:
            verdict = judge(connection, decider, blow)
            tell("decided")
            strike(connection, blow, verdict, tell)
            tell("commit mark")
        tell("marked")
        return _finish(index, store, blow, verdict.decided, tell)


def _finish(index: EpisodeIndex, store: Store, blow: Blow, decided: int, tell: OnStep) -> Applied:
    """Tombstones and purge of this revocation, and of those that a timer left."""
    tombstones: dict[Path, None] = {}
    unreachable: list[tuple[Path, str]] = []
    purged = Purged()
    with index.alone():
        todo = _to_finish(index, blow.name)
        for one, with_folders in todo:
            if with_folders:
                _bury(index, one, tombstones, unreachable, tell)
            purged += _purge(index, store, one, tell)
            tell("finish")
            _done(index, one)
        tell("finished")
    names = [one for one, _ in todo]
    return _told(index, blow, decided, names, tombstones, unreachable, purged)


def unfinished(index: EpisodeIndex) -> list[Digest]:
    """The revocations that were begun and not finished, by the digests of their entries.

    Apply them again. Those of a timer are among them by names of their own; any call of
    `apply_refusals` finishes these.
    """
    with index.reading() as connection:
        rows = connection.execute(
            "SELECT id FROM revocations WHERE state <> 'done' ORDER BY entry, id"
        )
        return [row["id"] for row in rows]


def purge_left(
    index: EpisodeIndex, store: Store, episode: str, refused: Iterable[str] = ()
) -> Purged:
    """Purge once more what the maker of an episode that is not allowed may have put back.

    For the process that rendered while consent was taken back: it stops, then calls this. `refused`
    are the people whose no it has heard: what it made of them goes as well, but for what a live
    episode uses.
    """
    with index.alone():
        with index.reading() as connection:
            row = row_of(connection, episode)
        gone = _purge(index, store, row["cause"], _quiet) if row["cause"] is not None else Purged()
        of = (row["n"], json.dumps(sorted(set(refused))))
        return gone + _purge_rows(index, store, _LEFT, of, _quiet)


def _to_finish(index: EpisodeIndex, name: Digest) -> list[tuple[Digest, bool]]:
    """The one named and those that a timer left, each with whether folders are to be marked."""
    with index.reading() as connection:
        rows = connection.execute(
            "SELECT id, folders FROM revocations WHERE state = 'marked'"
            " AND (id = ? OR entry IS NULL) ORDER BY id",
            (name,),
        )
        return [(row["id"], bool(row["folders"])) for row in rows]


def _bury(
    index: EpisodeIndex,
    name: Digest,
    tombstones: dict[Path, None],
    unreachable: list[tuple[Path, str]],
    tell: OnStep,
) -> None:
    """Write the tombstones of the episodes that this revocation suspended or blocked."""
    with index.reading() as connection:
        rows = connection.execute(
            "SELECT e.id, e.state, e.entry, s.at, d.folder, d.film FROM struck s"
            " JOIN episodes e ON e.n = s.episode AND e.cause = s.revocation"
            " JOIN deliveries d ON d.episode = e.n"
            " WHERE s.revocation = ? AND e.state IN ('suspended', 'blocked') ORDER BY d.n",
            (name,),
        ).fetchall()
    films: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        films.setdefault((row["id"], row["folder"]), []).append(row["film"])
    by_folder = {(row["id"], row["folder"]): row for row in rows}  # the last film of each
    for of, row in by_folder.items():
        folder = Path(row["folder"])
        tell("tombstone")
        held = _held(folder)
        if held != row["id"] and not _films_in(folder).isdisjoint(films[of]):
            held = row["id"]  # its manifest is gone or was changed
        if held is None:
            unreachable.append((folder, "no episode can be read there"))
        elif held == row["id"]:
            told = {
                "schema": "chainer.suspended/1",
                "episode": row["id"],
                "state": row["state"],
                "at": row["at"],
                "entry": row["entry"],
                "film": row["film"] or None,
            }
            try:
                replace_file(folder / TOMBSTONE_NAME, (json.dumps(told, indent=2) + "\n").encode())
            except OSError as error:
                unreachable.append((folder, error.strerror or str(error)))
            else:
                tombstones[folder] = None
        tell("buried")


def _held(folder: Path) -> str | None:
    """The id of the episode in `folder`; None where there is none that reads, '' without an id."""
    try:
        manifest = json.loads(read_regular(folder / MANIFEST_NAME))
    except (OSError, ValueError, RecursionError):
        return None
    return str(manifest.get("id", "")) if isinstance(manifest, dict) else None


def _films_in(folder: Path) -> set[str]:
    """The digests of what may be the film in `folder`; none where there is none that reads."""
    found = set()
    for name in FILM_NAMES:
        with suppress(OSError):
            found.add(file_digest(folder / name))
    return found


def _purge(index: EpisodeIndex, store: Store, name: Digest, tell: OnStep) -> Purged:
    tell("purge")
    gone = _purge_rows(index, store, _TO_PURGE, (name,), tell)
    tell("purged")
    return gone


def _purge_rows(
    index: EpisodeIndex, store: Store, which: str, values: tuple[object, ...], tell: OnStep
) -> Purged:
    """Purge the keys that a query finds, some at a time.

    Nobody can begin an episode between the question whether a piece is used and its end: one that
    begins later finds it gone, and one that has begun keeps it.
    """
    with index.reading() as connection:
        keys = [row["key"] for row in connection.execute(which, values)]
    gone = Purged()
    for first in range(0, len(keys), _AT_ONCE):
        some = keys[first : first + _AT_ONCE]
        with index.writing() as connection:
            still = {row["key"] for row in connection.execute(_UNUSED, (json.dumps(some),))}
            some = [key for key in some if key in still]
            gone += purge(store, some, on_step=lambda step: tell(f"purge {step}"))
            connection.executemany(
                "UPDATE pieces SET purged = 1 WHERE key = ?", [(key,) for key in some]
            )
    return gone


_AT_ONCE = 64
"""Pieces purged while writers of the index wait."""

_UNUSED = """
SELECT p.key FROM pieces p
WHERE p.key IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
    SELECT 1 FROM used u JOIN episodes e ON e.n = u.episode
    WHERE u.piece = p.n AND e.state IN ('making', 'made', 'published', 'draft')
)
"""

# A timer comes often and need not look again at what is gone; an entry comes once.
_TO_PURGE = """
SELECT DISTINCT p.key
FROM taken t
JOIN revocations r ON r.id = t.revocation
JOIN shows s ON s.person = t.person
JOIN pieces p ON p.n = s.piece
WHERE t.revocation = ?
  AND (r.entry IS NOT NULL OR NOT p.purged)
  AND (t.everyone OR EXISTS (SELECT 1 FROM used u WHERE u.piece = p.n))
  AND NOT EXISTS (
    SELECT 1 FROM used u JOIN episodes e ON e.n = u.episode
    WHERE u.piece = p.n AND e.state IN ('making', 'made', 'published', 'draft')
  )
ORDER BY p.key
"""


_LEFT = """
SELECT DISTINCT p.key
FROM used u
JOIN pieces p ON p.n = u.piece
JOIN shows s ON s.piece = p.n
WHERE u.episode = ? AND s.person IN (SELECT value FROM json_each(?))
  AND NOT EXISTS (
    SELECT 1 FROM used o JOIN episodes e ON e.n = o.episode
    WHERE o.piece = p.n AND e.state IN ('making', 'made', 'published', 'draft')
  )
ORDER BY p.key
"""


def _done(index: EpisodeIndex, name: Digest) -> None:
    with index.writing() as connection:
        connection.execute(
            "UPDATE revocations SET state = 'done' WHERE id = ? AND state = 'marked'", (name,)
        )


def _told(
    index: EpisodeIndex,
    blow: Blow,
    decided: int,
    names: list[Digest],
    tombstones: dict[Path, None],
    unreachable: list[tuple[Path, str]],
    purged: Purged,
) -> Applied:
    which = json.dumps(names or [blow.name])
    by_state: dict[str, list[str]] = {"suspended": [], "blocked": []}
    with index.reading() as connection:
        for row in connection.execute(
            "SELECT id, state FROM episodes WHERE n IN (SELECT episode FROM struck"
            " WHERE revocation IN (SELECT value FROM json_each(?)))"
            " AND state IN ('suspended', 'blocked') ORDER BY n",
            (which,),
        ):
            by_state[row["state"]].append(row["id"])
        queued = connection.execute(_QUEUED, (which,)).fetchone()[0]
        notices = connection.execute(_NOTICES, (which,)).fetchone()[0]
    return Applied(
        revocation=blow.name,
        entry=blow.entry,
        decided=decided,
        suspended=tuple(by_state["suspended"]),
        blocked=tuple(by_state["blocked"]),
        tombstones=tuple(tombstones),
        unreachable=tuple(unreachable),
        purged=purged,
        queued=queued,
        notices=notices,
    )


_QUEUED = """
SELECT count(*) FROM reruns WHERE revocation IN (SELECT value FROM json_each(?))
"""

_NOTICES = """
SELECT count(*) FROM notices n, json_each(n.recipients)
WHERE n.revocation IN (SELECT value FROM json_each(?))
"""


def _quiet(step: str) -> None:
    """Nobody listens."""
