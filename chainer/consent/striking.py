"""Which episodes a revocation strikes, decided and written in one transaction.

verdict = judge(connection, decider, blow)
strike(connection, blow, verdict, tell)
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chainer.consent.episode_rows import need_of
from chainer.consent.need import Missing, Need, Refusal
from chainer.consent.outbox import put_notices
from chainer.consent.words import Edit, Modality, Use
from chainer.digest import Digest

_Ask = tuple[int, int, str]
"""A question by its number, whether publishing is asked besides (0 or 1), and the atom."""

_TAKEN = {
    Missing.REVOKED,
    Missing.DENIED,
    Missing.ERASED,
    Missing.EXPIRED,
    Missing.RESTRICTED,
}
"""What was allowed once, or refused on purpose; the rest was never granted."""


class _Decides(Protocol):
    def decide_all(self, needs: Iterable[Need], at: datetime) -> list[Refusal]: ...


@dataclass(frozen=True, slots=True)
class Blow:
    """One revocation (`entry` is its number) or the end of grants (None), and whom it is about."""

    name: Digest
    entry: int | None
    at: datetime
    people: tuple[str, ...]
    folders: bool

    def note(self, connection: sqlite3.Connection, state: str = "noted") -> None:
        """Write that this is under way; `state` is `noted`, then `marked`, at the end `done`."""
        connection.execute(
            "INSERT INTO revocations (id, entry, at, people, folders, state)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
            " folders = max(folders, excluded.folders)",
            (
                self.name,
                self.entry,
                self.at.isoformat(),
                json.dumps(self.people),
                self.folders,
                state,
            ),
        )
        if self.entry is not None:
            connection.executemany(
                "INSERT OR IGNORE INTO taken (person, revocation) VALUES (?, ?)",
                [(person, self.name) for person in self.people],
            )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided: the refused needs by episode, in the order of its chain.

    `taken` maps a person whose pieces are to be purged to whether they are refused for everyone;
    `decided` counts distinct needs.
    """

    hits: Mapping[int, list[Refusal]]
    taken: Mapping[str, bool]
    decided: int


def judge(connection: sqlite3.Connection, decider: _Decides, blow: Blow) -> Verdict:
    """Decide every distinct need of these people in episodes that are still allowed, once each."""
    people = json.dumps(blow.people)
    questions = {
        number: need_of(person, grantee, what)
        for number, person, grantee, what in connection.execute(_QUESTIONS, (people,))
    }
    asked: defaultdict[_Ask, list[int]] = defaultdict(list)
    for number, published, atom, episode in connection.execute(_ASKED, (people,)):
        asked[number, published, atom].append(episode)
    hits: dict[int, list[Refusal]] = {}
    for ask, refusal in _decide(decider, questions, asked, blow.at).items():
        for episode in asked[ask]:
            hits.setdefault(episode, []).append(refusal)
    return Verdict(hits, _taken(connection, decider, blow, hits, questions), len(asked))


def strike(
    connection: sqlite3.Connection, blow: Blow, verdict: Verdict, tell: Callable[[str], None]
) -> None:
    """Mark the episodes, and put down their notices and re-renders."""
    if blow.entry is None and not verdict.taken and not verdict.hits:
        return  # a timer that found nothing leaves no trace
    at = blow.at.isoformat()
    blow.note(connection, "marked")
    connection.executemany(
        "INSERT INTO taken (person, revocation, everyone) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET everyone = max(everyone, excluded.everyone)",
        [(person, blow.name, everyone) for person, everyone in verdict.taken.items()],
    )
    marks, struck, reruns, notices = [], [], [], []
    for hit in _hits(connection, verdict):
        refusals = hit.refusals
        first = next((one for one in refusals if one.entry == blow.entry), refusals[0])
        entry = blow.entry if first.entry is None else first.entry
        avoid = json.dumps(tuple(dict.fromkeys(one.atom for one in refusals)))
        kind = "blocked" if hit.draft else "suspended"
        marks.append((kind, blow.name, entry, json.dumps(first.as_json()), at, hit.number))
        struck.append((blow.name, hit.number, at))
        reruns.append((hit.number, blow.name, at, hit.request, avoid))
        notices.append((hit.number, blow.name, at, kind, entry, hit.recipients(), avoid))
    connection.executemany(
        "UPDATE episodes SET state = ?, before = NULL, cause = ?, entry = ?, refusal = ?,"
        " changed = ? WHERE n = ?",
        marks,
    )
    tell("struck")
    connection.executemany("INSERT OR REPLACE INTO struck VALUES (?, ?, ?)", struck)
    connection.executemany(
        "INSERT OR REPLACE INTO reruns (episode, revocation, at, request, avoid, state)"
        " VALUES (?, ?, ?, ?, ?, 'queued')",
        reruns,
    )
    tell("queued")
    put_notices(connection, notices)


@dataclass(frozen=True, slots=True)
class _Hit:
    """An episode that is struck; `chain` holds its atoms with their authors."""

    number: int
    draft: bool
    composer: str | None
    request: str
    chain: list[tuple[str, str | None]]
    refusals: list[Refusal]

    def recipients(self) -> dict[str, list[str]]:
        """Who is told, each once, in which roles."""
        roles: dict[str, list[str]] = {}
        if self.composer is not None:
            roles[self.composer] = ["composer"]
        for author in dict.fromkeys(author for _, author in self.chain):
            if author is not None:
                roles.setdefault(author, []).append("author")
        for person in dict.fromkeys(one.person for one in self.refusals):
            roles.setdefault(person, []).append("person")
        return roles


def _hits(connection: sqlite3.Connection, verdict: Verdict) -> Iterator[_Hit]:
    """The episodes, with their refusals in the order of the chain."""
    which = json.dumps(sorted(verdict.hits))
    chains: defaultdict[int, list[tuple[str, str | None]]] = defaultdict(list)
    for number, atom, author in connection.execute(_CHAINS, (which,)):
        chains[number].append((atom, author))
    for number, draft, composer, request in connection.execute(_STRUCK, (which,)):
        chain = chains[number]
        refusals = verdict.hits[number]
        if len(refusals) > 1:
            names = [atom for atom, _ in chain]
            order = {
                atom: names.index(atom) if atom in names else len(names)
                for atom in {one.atom for one in refusals}
            }
            refusals.sort(
                key=lambda one, order=order: (  # type: ignore[misc]
                    order[one.atom],
                    one.atom,
                    one.person,
                    one.grantee or "",
                )
            )
        yield _Hit(number, bool(draft), composer, request, chain, refusals)


def _taken(
    connection: sqlite3.Connection,
    decider: _Decides,
    blow: Blow,
    hits: Mapping[int, list[Refusal]],
    questions: Mapping[int, Need],
) -> dict[str, bool]:
    """Whose pieces are to be purged, and whether those of no episode go too."""
    refused = {one.person for found in hits.values() for one in found}
    taken = dict.fromkeys(sorted(refused if blow.entry is None else blow.people), False)
    noted = [row[0] for row in connection.execute(_NOTED, (json.dumps(blow.people),))]
    if not noted:
        return taken
    asked = {
        number: need
        for number, need in questions.items()
        if need.person in noted and need.grantee != need.person
    }
    for number, person in enumerate(noted, 1):
        asked[-number] = Need(person, None, "", (Use.DRAFT,), (Modality.FACE,), (Edit.TRIM,))
    found = _decide(decider, asked, [(number, 0, "") for number in asked], blow.at)
    allowed = {need.person for number, need in asked.items() if (number, 0, "") not in found}
    lost = {one.person for one in found.values() if one.missing in _TAKEN}
    for person in noted:
        # A timer also asks of people who never said anything: of those nothing was taken.
        if person not in allowed and (blow.entry is not None or person in lost):
            taken[person] = True
    return taken


def _decide(
    decider: _Decides, questions: Mapping[int, Need], asks: Iterable[_Ask], at: datetime
) -> dict[_Ask, Refusal]:
    """The refusal of each question that has one.

    A refusal names its person, grantee and atom alone. Questions that have all three in common are
    therefore asked in different rounds.
    """
    rounds: list[dict[tuple[str, str | None, str], _Ask]] = []
    needs: list[list[Need]] = []
    turns: Counter[tuple[str, str | None, str]] = Counter()
    for ask in asks:
        number, published, atom = ask
        need = questions[number]
        uses = need.uses
        if published and Use.PUBLISH not in uses:
            uses = (*uses, Use.PUBLISH)
        need = Need(
            need.person,
            need.grantee,
            atom,
            uses,
            need.modalities,
            need.edits,
            need.contexts,
            need.own,
        )
        who = (need.person, need.grantee, atom)
        turn = turns[who]
        turns[who] += 1
        if turn == len(rounds):
            rounds.append({})
            needs.append([])
        rounds[turn][who] = ask
        needs[turn].append(need)
    found = {}
    for asked, batch in zip(rounds, needs, strict=True):
        for refusal in decider.decide_all(batch, at):
            found[asked[refusal.person, refusal.grantee, refusal.atom]] = refusal
    return found


_QUESTIONS = """
SELECT n, person, grantee, what FROM questions
WHERE person IN (SELECT value FROM json_each(?))
"""

_ASKED = """
SELECT a.question, e.published, a.atom, a.episode
FROM json_each(?) who
JOIN questions q ON q.person = who.value
JOIN asked a ON a.question = q.n
JOIN episodes e ON e.n = a.episode
WHERE e.state IN ('making', 'made', 'published', 'draft')
"""

_CHAINS = """
SELECT episode, atom, author FROM atoms
WHERE episode IN (SELECT value FROM json_each(?)) ORDER BY episode, place
"""

_STRUCK = """
SELECT n, draft, composer, request FROM episodes
WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n
"""

_NOTED = """
SELECT who.value FROM json_each(?) who
WHERE EXISTS (
    SELECT 1 FROM shows s JOIN pieces p ON p.n = s.piece
    WHERE s.person = who.value AND NOT p.purged
      AND NOT EXISTS (SELECT 1 FROM used u WHERE u.piece = p.n)
)
"""
