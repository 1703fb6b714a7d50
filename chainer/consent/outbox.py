"""The outbox: notices that a revocation owes to people, for a backend to deliver.

They are put down in the transaction that suspends or blocks an episode, so that none is lost and
none is made up. Recipients stand in them by keyed ids; who was refused is told to nobody else.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.consent.episodes import EpisodeIndex
from chainer.digest import Digest, bytes_digest
from chainer.errors import OutputError

Roles = Mapping[str, Sequence[str]]
"""Recipients by keyed id, each with some of `composer`, `author` and `person`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one recipient is to be told of one episode.

    `id` is the same whenever the same revocation strikes the same episode. `roles` are some of
    `composer`, `author` and `person`; `kind` is `suspended`, or `blocked` for a draft. `atoms` are
    those that may no longer be used, in the order of the chain; `entry` decides it. `at` is the
    moment in ISO 8601.
    """

    id: Digest
    revocation: Digest
    episode: str
    recipient: str
    roles: tuple[str, ...]
    kind: str
    entry: int | None
    at: str
    atoms: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As one JSON object, a line of the outbox."""
        return {
            "schema": "chainer.notice/1",
            "id": self.id,
            "kind": self.kind,
            "episode": self.episode,
            "draft": self.kind == "blocked",
            "to": self.recipient,
            "roles": list(self.roles),
            "atoms": list(self.atoms),
            "entry": self.entry,
            "at": self.at,
        }


def notice_id(revocation: Digest, episode: str, recipient: str) -> Digest:
    """The id of a notice: a digest of what took consent away, the episode and the recipient."""
    return bytes_digest(f"chainer:notice:{revocation}:{recipient}:{episode}".encode())


def put_notices(
    connection: sqlite3.Connection,
    rows: Iterable[tuple[int, Digest, str, str, int | None, Roles, str]],
) -> None:
    """Put down what is owed of each struck episode; what stands stays as it is.

    A row is the episode's number, the revocation, the moment, the kind, the deciding entry, the
    recipients with their roles, and the atoms as a JSON array.
    """
    connection.executemany(
        "INSERT OR IGNORE INTO notices (episode, revocation, at, kind, entry, recipients, atoms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*row[:5], json.dumps(row[5]), row[6]) for row in rows],
    )


def waiting(index: EpisodeIndex) -> list[Notice]:
    """The notices that are not delivered, in an order that does not change."""
    with index.reading() as connection:
        return [notice for _, notice in _waiting(connection)]


def _waiting(connection: sqlite3.Connection) -> Iterator[tuple[sqlite3.Row, Notice]]:
    rows = connection.execute(
        "SELECT n.*, e.id AS name FROM notices n JOIN episodes e ON e.n = n.episode"
        " WHERE n.waiting ORDER BY n.at, n.episode, n.revocation"
    ).fetchall()
    for row in rows:
        told = set(json.loads(row["told"]))
        for recipient, roles in json.loads(row["recipients"]).items():
            if recipient not in told:
                yield (
                    row,
                    Notice(
                        id=notice_id(row["revocation"], row["name"], recipient),
                        revocation=row["revocation"],
                        episode=row["name"],
                        recipient=recipient,
                        roles=tuple(roles),
                        kind=row["kind"],
                        entry=row["entry"],
                        at=row["at"],
                        atoms=tuple(json.loads(row["atoms"])),
                    ),
                )


def write_outbox(index: EpisodeIndex, path: Path) -> int:
    """Write every notice that is not delivered to `path`, a JSON object a line; how many.

    The file is replaced whole: writing it twice is writing it once, and a killed writer leaves the
    old one. Raises `OutputError` where it cannot be written.
    """
    with index.alone():  # the draft has one name, so that a killed writer leaves at most one
        notices = waiting(index)
        lines = [json.dumps(one.as_json(), sort_keys=True) + "\n" for one in notices]
        try:
            replace_file(path, "".join(lines).encode())
        except OSError as error:
            raise OutputError(
                f"the notices cannot be written: {path}: {error.strerror or error}; they are kept "
                "in the index and written when the path is mended",
                path=str(path),
            ) from error
        return len(notices)


def delivered(index: EpisodeIndex, ids: Iterable[Digest]) -> int:
    """Note that these notices were delivered; how many of them were waiting. Others are ignored."""
    known = set(ids)
    with index.writing() as connection:
        new: dict[tuple[int, Digest], list[str]] = {}
        count = 0
        for row, notice in _waiting(connection):
            if notice.id in known:
                told = new.setdefault((row["episode"], row["revocation"]), json.loads(row["told"]))
                told.append(notice.recipient)
                count += 1
        connection.executemany(
            "UPDATE notices SET told = ?1, waiting = (SELECT count(*) FROM json_each(recipients))"
            " > json_array_length(?1) WHERE episode = ?2 AND revocation = ?3",
            [(json.dumps(sorted(told)), *of) for of, told in new.items()],
        )
        return count


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, flush it, and give it the name. Raises `OSError`.

    The caller holds the lock of the index: nobody else writes the same draft.
    """
    draft = path.with_name(f".{path.name}.partial")
    with draft.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
