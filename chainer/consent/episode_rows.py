"""How episodes, needs and pieces stand in the rows of the index."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from chainer.consent.entry import Position, utc_now
from chainer.consent.episode import LIVE, Episode, EpisodeRecord, EpisodeState, Piece, ShownAtom
from chainer.consent.need import Need
from chainer.consent.words import Edit, Modality, Use
from chainer.errors import InputError, PolicyRefused

_PERSON = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_episode(connection: sqlite3.Connection, row: sqlite3.Row) -> Episode:
    """The episode of a row of `episodes`."""
    atoms = connection.execute(
        "SELECT atom, media, author FROM atoms WHERE episode = ? ORDER BY place", (row["n"],)
    )
    sent = connection.execute(
        "SELECT folder, film, urn FROM deliveries WHERE episode = ? ORDER BY n", (row["n"],)
    ).fetchall()
    last = next((one for one in reversed(sent) if one["film"]), None)
    dead = row["state"] in (EpisodeState.SUSPENDED, EpisodeState.BLOCKED)
    return Episode(
        id=row["id"],
        title=row["title"],
        draft=bool(row["draft"]),
        composer=row["composer"],
        atoms=tuple(ShownAtom(*atom) for atom in atoms),
        request=json.loads(row["request"]),
        ledger_id=row["ledger_id"],
        ledger_name=row["ledger_name"],
        position=Position(row["seq"], row["digest"]),
        folders=tuple(dict.fromkeys(Path(one["folder"]) for one in sent)),
        state=EpisodeState(row["state"]),
        film=last["film"] if last else None,
        urn=last["urn"] if last else None,
        was_published=bool(row["published"]),
        created=datetime.fromisoformat(row["created"]),
        changed=datetime.fromisoformat(row["changed"]),
        refusal=json.loads(row["refusal"]) if dead and row["refusal"] else None,
        entry=row["entry"] if dead else None,
    )


def row_of(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The row of the episode with this id. Raises `InputError` where there is none."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM episodes WHERE id = ?", (name,)
    ).fetchone()
    if row is None:
        raise InputError(
            f"no episode {name!r} in the index; name one that was begun there",
            code="no-such-episode",
            episode=name,
        )
    return row


def put_episode(connection: sqlite3.Connection, record: EpisodeRecord) -> int:
    """Write the episode as in the making; its number. Raises `InputError` for a bad record."""
    if not record.id:
        raise InputError("an episode needs an id that is not empty")
    for one in (record.composer, *(atom.author for atom in record.atoms)):
        check_person(one)
    try:
        request = json.dumps(dict(record.request), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the request of episode {record.id} is not plain JSON: {error}", episode=record.id
        ) from error
    old = connection.execute(
        "SELECT n, state, before, published FROM episodes WHERE id = ?", (record.id,)
    ).fetchone()
    now = now_text()
    if old is None:
        number = connection.execute(
            "INSERT INTO episodes (id, state, draft, created) VALUES (?, 'making', 0, ?)",
            (record.id, now),
        ).lastrowid
        assert number is not None
        before, published = None, 0
    else:
        number, published = old["n"], old["published"]
        before = old["before"] if old["state"] == EpisodeState.MAKING else old["state"]
        if before == EpisodeState.GONE:
            before = None
        if before not in LIVE:  # no film of it is shown any more: it starts afresh
            published = 0
            connection.execute("DELETE FROM asked WHERE episode = ?", (number,))
            connection.execute("DELETE FROM used WHERE episode = ?", (number,))
        connection.execute("DELETE FROM atoms WHERE episode = ?", (number,))
        connection.execute(
            "UPDATE reruns SET state = 'done', result = ?, why = 'begun again'"
            " WHERE episode = ? AND state = 'queued'",
            (record.id, number),
        )
    connection.execute(
        "UPDATE episodes SET makers = CASE state WHEN 'making' THEN makers + ? ELSE 1 END,"
        " round = CASE state WHEN 'making' THEN round ELSE round + 1 END,"
        " state = 'making', before = ?, published = ?, draft = ?, composer = ?,"
        " seq = ?, digest = ?, ledger_id = ?, ledger_name = ?, title = ?, request = ?, changed = ?"
        " WHERE n = ?",
        (
            old is not None,
            before,
            published,
            record.draft,
            record.composer,
            record.position.seq,
            record.position.digest,
            record.ledger_id,
            record.ledger_name,
            record.title,
            request,
            now,
            number,
        ),
    )
    connection.executemany(
        "INSERT INTO atoms (episode, place, atom, media, author) VALUES (?, ?, ?, ?, ?)",
        [(number, i, one.id, one.media, one.author) for i, one in enumerate(record.atoms)],
    )
    connection.executemany(
        "INSERT INTO deliveries (episode, folder) SELECT ?1, ?2 WHERE NOT EXISTS"
        " (SELECT 1 FROM deliveries WHERE episode = ?1 AND folder = ?2)",
        [(number, path_text(folder)) for folder in record.folders],
    )
    return int(number)


def put_needs(connection: sqlite3.Connection, episode: int, needs: Iterable[Need]) -> None:
    """Each distinct question once, linked with the atoms of the episode it is asked for."""
    for need in needs:
        for one in (need.person, need.grantee):
            check_person(one)
        question = (need.person, need.grantee or "", what_of(need))
        connection.execute(
            "INSERT OR IGNORE INTO questions (person, grantee, what) VALUES (?, ?, ?)", question
        )
        connection.execute(
            "INSERT OR IGNORE INTO asked (question, episode, atom)"
            " SELECT n, ?, ? FROM questions WHERE person = ? AND grantee = ? AND what = ?",
            (episode, need.atom, *question),
        )


def put_pieces(
    connection: sqlite3.Connection, episode: int | None, pieces: Iterable[Piece]
) -> None:
    """Each piece once, with whom it shows; linked with the episode if it is of one."""
    for piece in pieces:
        check_digest(piece.key, "the key of a piece")
        connection.execute(
            "INSERT INTO pieces (key, type) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET type = excluded.type, purged = 0",
            (piece.key, piece.type),
        )
        for person in piece.people:
            check_person(person)
            connection.execute(
                "INSERT OR IGNORE INTO shows (person, piece) SELECT ?, n FROM pieces WHERE key = ?",
                (person, piece.key),
            )
        if episode is not None:
            connection.execute(
                "INSERT OR IGNORE INTO used (piece, episode) SELECT n, ? FROM pieces WHERE key = ?",
                (episode, piece.key),
            )


def what_of(need: Need) -> str:
    """What a need asks, whoever asks it of whom and for which atom: one text for equal sets."""
    told = need.as_json()
    asked = {name: sorted(set(told[name])) for name in ("uses", "modalities", "edits", "contexts")}
    return json.dumps({**asked, "own": need.own}, sort_keys=True, separators=(",", ":"))


def need_of(person: str, grantee: str, what: str, atom: str = "") -> Need:
    """The need that a row of questions holds; `grantee` is empty for whoever."""
    return Need(person, grantee or None, atom, *_what(what))


@lru_cache(maxsize=1024)  # few differ
def _what(
    what: str,
) -> tuple[tuple[Use, ...], tuple[Modality, ...], tuple[Edit, ...], tuple[str, ...], bool]:
    told = json.loads(what)
    return (
        tuple(map(Use, told["uses"])),
        tuple(map(Modality, told["modalities"])),
        tuple(map(Edit, told["edits"])),
        tuple(told["contexts"]),
        told["own"],
    )


def refused_by(row: sqlite3.Row, what: str) -> PolicyRefused:
    """A state that does not allow it, as an error that says why."""
    refusal = json.loads(row["refusal"]) if row["refusal"] else None
    why = f"{row['id']} {what}: it is {row['state']}"
    if row["state"] in (EpisodeState.SUSPENDED, EpisodeState.BLOCKED):
        if row["entry"] is not None:
            why += f" by entry {row['entry']} of the ledger"
        if refusal:
            why += f" ({refusal['missing']}, atom {refusal['atom']})"
        why += "; render it along another path, or ask for consent anew and begin it again"
    return PolicyRefused(
        why,
        code=f"episode-{row['state']}",
        episode=row["id"],
        state=row["state"],
        entry=row["entry"],
        refusal=refusal,
    )


def check_digest(value: str, what: str) -> None:
    """Raise `InputError` unless `value` is a SHA-256 in lower-case hexadecimal digits."""
    if not _DIGEST.fullmatch(value):
        raise InputError(f"{what} is no SHA-256 of 64 hexadecimal digits: {value!r}")


def check_person(key: str | None) -> None:
    """Raise `InputError` unless `key` is a keyed id, or None for nobody."""
    if key is not None and not _PERSON.fullmatch(key):
        raise InputError(
            "the index of episodes holds keyed ids of 32 hexadecimal digits, never names: take "
            "the key from the table of names",
            code="not-keyed",
        )


def path_text(folder: Path) -> str:
    """A folder as it is written. Raises `InputError` unless it is absolute."""
    if not folder.is_absolute():
        raise InputError(
            f"the folder of an episode must be an absolute path: {folder}", path=str(folder)
        )
    return str(folder)


def now_text() -> str:
    """The moment now as it is written."""
    return utc_now().isoformat()
