"""The index of episodes: which episode shows whom, from what it was made, and how it stands.

One SQLite file beside the store, for many processes and threads at once. A revocation finds by it
every episode and every piece in the store that shows a person; a film finds by it what became of
it. Persons and authors stand in it by their keyed ids alone.

    making ──> made ──> published ──> suspended       what was delivered may no longer be shown
       │  └──> draft ───────────────> blocked         the same for a draft
       └─────> gone                                   given up, nothing was delivered

Consent given anew lets a suspended or blocked episode begin again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from chainer.consent.entry import Entry, Position
from chainer.consent.episode import (
    LIVE,
    Episode,
    EpisodeRecord,
    EpisodeState,
    Piece,
    Rerun,
    ShownAtom,
)
from chainer.consent.episode_file import EpisodeFile
from chainer.consent.episode_rows import (
    check_digest,
    need_of,
    now_text,
    path_text,
    put_episode,
    put_needs,
    put_pieces,
    read_episode,
    refused_by,
    row_of,
)
from chainer.consent.need import Need
from chainer.digest import Digest
from chainer.errors import PolicyRefused

__all__ = [
    "LIVE",
    "Episode",
    "EpisodeIndex",
    "EpisodeRecord",
    "EpisodeState",
    "Piece",
    "Rerun",
    "ShownAtom",
]


class EpisodeIndex(EpisodeFile):
    """The index at `path`, made if there is none. Safe for many processes and threads.

    Every call writes in one transaction, on the disk when it returns, and raises `StoreError` as
    `EpisodeFile` says.
    """

    # -- an episode's life -----------------------------------------------------

    def begin(self, record: EpisodeRecord, needs: Iterable[Need], pieces: Iterable[Piece]) -> int:
        """Register an episode that is about to be rendered: what it asks for, and its pieces.

        Returns the round of its making, which goes up whenever it is begun anew; for `give_up`.

        The same id again updates it. While a film of it that was delivered is still allowed, what
        that film showed stays asked and noted besides. A suspended or blocked episode goes back to
        making; whoever calls this has asked the ledger for its needs, and asks once more before
        rendering: a revocation from here on finds it, one before does not. Raises `InputError` for
        a record that cannot be kept.
        """
        return self.begin_all([(record, needs, pieces)])[0]

    def begin_all(
        self, episodes: Iterable[tuple[EpisodeRecord, Iterable[Need], Iterable[Piece]]]
    ) -> list[int]:
        """Register several in one transaction; as `begin`."""
        rounds = []
        with self.writing() as connection:
            for record, needs, pieces in episodes:
                number = put_episode(connection, record)
                put_needs(connection, number, needs)
                put_pieces(connection, number, pieces)
                rounds.append(int(row_of(connection, record.id)["round"]))
        return rounds

    def note_pieces(self, pieces: Iterable[Piece]) -> None:
        """Remember pieces of no episode, such as clips that were only looked at."""
        with self.writing() as connection:
            put_pieces(connection, None, pieces)

    def finish(
        self, name: str, folder: Path, film: Digest, urn: str, position: Position
    ) -> EpisodeState:
        """Note that the film stands in `folder`; the state it has from now on.

        That is made, or draft, and published for another delivery of an episode that is. Call it
        when the folder stands under its final name: a revocation before this call makes it fail,
        one after it finds the folder. Several may make the same episode at once, and each finishes
        it. Raises `PolicyRefused` with the state where it is no longer allowed, such as suspended
        meanwhile: then the folder must go.
        """
        check_digest(film, "the film's digest")
        with self.writing() as connection:
            row = row_of(connection, name)
            number, told = row["n"], path_text(folder)
            if row["state"] not in LIVE:
                raise refused_by(row, "cannot be finished")
            state = EpisodeState(row["state"])
            if state is EpisodeState.MAKING:
                state = EpisodeState.DRAFT if row["draft"] else EpisodeState.MADE
                if row["before"] == EpisodeState.PUBLISHED:
                    state = EpisodeState.PUBLISHED
            connection.execute(
                "DELETE FROM deliveries WHERE episode = ? AND folder = ? AND film IN ('', ?)",
                (number, told, film),
            )
            connection.execute(
                "INSERT INTO deliveries (episode, folder, film, urn) VALUES (?, ?, ?, ?)",
                (number, told, film, urn),
            )
            connection.execute(
                "UPDATE episodes SET state = ?, before = NULL, cause = NULL, entry = NULL,"
                " refusal = NULL, seq = ?, digest = ?, changed = ? WHERE n = ?",
                (state, position.seq, position.digest, now_text(), number),
            )
            return state

    def give_up(self, name: str, begun: int | None = None) -> EpisodeState:
        """Note that one making ended without a film; the state it has from now on.

        `begun` is the round that `begin` told: where it was begun anew since, nothing changes.
        While others make it still, it stays in the making. One that was begun again is what it was
        before; others are gone. One that is not in the making is left as it is.
        """
        with self.writing() as connection:
            row = row_of(connection, name)
            if row["state"] != EpisodeState.MAKING or begun not in (None, row["round"]):
                return EpisodeState(row["state"])
            if row["makers"] > 1:
                connection.execute(
                    "UPDATE episodes SET makers = makers - 1 WHERE n = ?", (row["n"],)
                )
                return EpisodeState.MAKING
            state = EpisodeState(row["before"] or EpisodeState.GONE)
            connection.execute(
                "UPDATE episodes SET state = ?, before = NULL, changed = ? WHERE n = ?",
                (state, now_text(), row["n"]),
            )
            return state

    def publish(self, name: str, position: Position) -> None:
        """Note that a made episode is shown to the public; from now on it is asked for that too.

        `position` is how far the ledger was read when publishing was asked. Already published is
        fine. Else raises `PolicyRefused` with its state and why; and with code `consent-changed`
        where a later entry took something from a person it shows: read the ledger, and ask again.
        """
        with self.writing() as connection:
            row = row_of(connection, name)
            if row["state"] == EpisodeState.PUBLISHED:
                return
            if row["state"] != EpisodeState.MADE:
                raise refused_by(row, "cannot be published")
            newest = connection.execute(
                "SELECT max(r.entry) AS entry FROM asked a JOIN questions q ON q.n = a.question"
                " JOIN taken t ON t.person = q.person JOIN revocations r ON r.id = t.revocation"
                " WHERE a.episode = ?",
                (row["n"],),
            ).fetchone()["entry"]
            if newest is not None and newest > position.seq:
                raise PolicyRefused(
                    f"{name} cannot be published yet: entry {newest} of the ledger, later than the "
                    f"entry {position.seq} up to which consent was asked, took something back from "
                    "a person it shows; read the ledger again and ask once more",
                    code="consent-changed",
                    episode=name,
                    state=row["state"],
                    entry=newest,
                )
            connection.execute(
                "UPDATE episodes SET state = ?, published = 1, seq = ?, digest = ?, changed = ?"
                " WHERE n = ?",
                (EpisodeState.PUBLISHED, position.seq, position.digest, now_text(), row["n"]),
            )

    # -- asking ----------------------------------------------------------------

    def get(self, name: str) -> Episode | None:
        """The episode of this id."""
        return next(iter(self._load("WHERE e.id = ?", (name,))), None)

    def find_film(self, film: Digest) -> Episode | None:
        """The episode that this film (SHA-256 of the file) was ever a delivery of.

        Of several, one that may no longer be shown comes first.
        """
        where = (
            "WHERE e.n IN (SELECT episode FROM deliveries WHERE film = ?)"
            " ORDER BY e.state NOT IN ('suspended', 'blocked'), e.n"
        )
        return next(iter(self._load(where, (film,))), None) if film else None

    def is_film_of(self, film: Digest, name: str) -> bool:
        """Whether the film was ever a delivery of the episode with this id."""
        with self.reading() as connection:
            found = connection.execute(
                "SELECT 1 FROM deliveries d JOIN episodes e ON e.n = d.episode"
                " WHERE d.film = ? AND e.id = ?",
                (film, name),
            ).fetchone()
            return bool(film) and found is not None

    def needs(self, name: str) -> list[Need]:
        """What the episode with this id asks for, by its last making and films still allowed."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT q.person, q.grantee, q.what, a.atom FROM asked a"
                " JOIN questions q ON q.n = a.question JOIN episodes e ON e.n = a.episode"
                " WHERE e.id = ? ORDER BY a.atom, q.n",
                (name,),
            )
            return [need_of(*row) for row in rows]

    def all(self, state: EpisodeState | None = None) -> list[Episode]:
        """Every episode, or those in one state, in the order they were first registered."""
        if state is None:
            return self._load("ORDER BY e.n", ())
        return self._load("WHERE e.state = ? ORDER BY e.n", (state,))

    def showing(self, person: str) -> list[Episode]:
        """Every episode that asks something of this person, in whatever state."""
        where = (
            "WHERE e.n IN (SELECT a.episode FROM questions q JOIN asked a ON a.question = q.n"
            " WHERE q.person = ?) ORDER BY e.n"
        )
        return self._load(where, (person,))

    def people(self, ledger_id: str) -> list[str]:
        """Whom a timer asks about, by keyed id.

        Everyone of whom an episode of this ledger that is still allowed asks something, and
        everyone in a piece that is still there and that no episode ever used, but for those whom
        another ledger knows.
        """
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT q.person FROM questions q WHERE EXISTS (SELECT 1 FROM asked a"
                " JOIN episodes e ON e.n = a.episode WHERE a.question = q.n AND e.ledger_id = ?1"
                " AND e.state IN ('making', 'made', 'published', 'draft'))"
                " UNION SELECT s.person FROM shows s JOIN pieces p ON p.n = s.piece"
                " WHERE NOT p.purged AND NOT EXISTS (SELECT 1 FROM used u WHERE u.piece = p.n)"
                " AND NOT EXISTS (SELECT 1 FROM questions q JOIN asked a ON a.question = q.n"
                " JOIN episodes e ON e.n = a.episode"
                " WHERE q.person = s.person AND e.ledger_id <> ?1)"
                " ORDER BY 1",
                (ledger_id,),
            )
            return [row["person"] for row in rows]

    def positions(self, ledger_id: str) -> list[tuple[str, Position]]:
        """What the episodes of this ledger remember of it: (episode id, position).

        Of an episode that was suspended or blocked also the entry that did it.
        """
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT n, id, seq, digest FROM episodes WHERE ledger_id = ?1"
                " UNION SELECT e.n, e.id, r.entry, r.id FROM episodes e"
                " JOIN struck s ON s.episode = e.n JOIN revocations r ON r.id = s.revocation"
                " WHERE e.ledger_id = ?1 AND r.entry IS NOT NULL ORDER BY 1, 3",
                (ledger_id,),
            )
            return [(row["id"], Position(row["seq"], row["digest"])) for row in rows]

    def unseen(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of the entries that take something from people shown here and were not applied.

        In their order. Somebody recorded them and was killed, or applied them to another store.
        """
        with self.reading() as connection:
            known = {row["id"] for row in connection.execute("SELECT id FROM revocations")}
            people = {
                row["person"]
                for row in connection.execute(
                    "SELECT person FROM questions UNION SELECT person FROM shows"
                )
            }
        return [
            one
            for one in entries
            if one.person in people and not one.kind.allows and one.digest not in known
        ]

    # -- what is to be made again ----------------------------------------------

    def queued(self) -> list[Rerun]:
        """The episodes that wait to be made again, the first revoked first."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT e.id AS name, r.* FROM reruns r JOIN episodes e ON e.n = r.episode"
                " WHERE r.state = 'queued' ORDER BY r.at, r.episode"
            )
            return [
                Rerun(
                    row["name"],
                    row["revocation"],
                    json.loads(row["request"]),
                    tuple(json.loads(row["avoid"])),
                )
                for row in rows
            ]

    def rerendered(self, episode: str, new_id: str | None, why: str = "") -> None:
        """Note what became of a queued episode: the new one's id, or None and why it cannot be."""
        with self.writing() as connection:
            connection.execute(
                "UPDATE reruns SET state = ?, result = ?, why = ?"
                " WHERE episode = ? AND state = 'queued'",
                (
                    "impossible" if new_id is None else "done",
                    new_id,
                    why,
                    row_of(connection, episode)["n"],
                ),
            )

    # -- inside ----------------------------------------------------------------

    def _load(self, which: str, values: tuple[object, ...]) -> list[Episode]:
        with self.reading() as connection:
            rows = connection.execute(f"SELECT e.* FROM episodes e {which}", values).fetchall()  # noqa: S608 - `which` is ours
            return [read_episode(connection, row) for row in rows]
