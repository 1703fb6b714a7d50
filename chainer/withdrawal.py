"""Taking consent back, whole: the entry, and everything that it touches.

    ledger entry → episodes that are no longer allowed → marked → purged → queued → notices

The entry comes first and is durable: from then on nothing is planned, rendered, signed or
published with the person, whatever happens to the rest. The rest may be killed at any point and is
taken up again by the next command.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

from chainer.consent.book import Book, open_book, real_path
from chainer.consent.entry import Entry, Position, utc_now
from chainer.consent.episode import Episode
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.outbox import write_outbox
from chainer.consent.revocation import Applied, apply_refusals, unfinished
from chainer.consent.say import EVERYONE, Whom, refuse, restrict, unknown_person
from chainer.consent.words import Edit, Kind, Modality, Use
from chainer.errors import ChainerError
from chainer.permission import Register
from chainer.store import Store

INDEX_NAME = "episodes.sqlite"
OUTBOX_NAME = "notices.jsonl"

OnStep = Callable[[str], None]


def index_path(store: Store) -> Path:
    """Where a store keeps its list of episodes."""
    return store.root / INDEX_NAME


def outbox_path(store: Store) -> Path:
    """Where the notices lie that a backend has not delivered yet."""
    return store.root / OUTBOX_NAME


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was recorded, and what it did to episodes and the store."""

    entry: Entry
    applied: Applied
    resumed: int
    outbox: Path

    def as_json(self) -> dict[str, Any]:
        """As one JSON object, with keyed ids only."""
        return {
            "entry": self.entry.model_dump(mode="json", by_alias=True),
            **self.applied.as_json(),
            "resumed": self.resumed,
            "outbox": str(self.outbox),
        }


def episodes_showing(store: Store, person: str) -> list[Episode]:
    """The episodes of a store that show somebody (keyed id); writes nothing."""
    path = index_path(store)
    return EpisodeIndex(path, read_only=True).showing(person) if path.is_file() else []


def remembered_positions(store: Store, ledger: Path) -> list[tuple[str, Position]]:
    """What the episodes of a store remember of a ledger, for its audit."""
    path = index_path(store)
    if not path.is_file():
        return []
    index = EpisodeIndex(path, read_only=True)
    try:
        with open_book(ledger) as book:
            return index.positions(book.id)  # wherever it lay when they asked it
    except ChainerError:  # the audit itself says what is wrong with it
        names = {str(ledger), str(real_path(ledger))}
        ids = {one.ledger_id for one in index.all() if one.ledger_name in names}
        return [told for one in sorted(ids) for told in index.positions(one)]


def withdraw(
    register: Register,
    store: Store,
    person: str,
    whom: Whom = EVERYONE,
    *,
    kind: Kind = Kind.REVOKE,
    uses: Sequence[Use] = (),
    modalities: Sequence[Modality] = (),
    since: datetime | None = None,
    on_step: OnStep | None = None,
    now: datetime | None = None,
) -> Withdrawal:
    """`person` revokes or denies; every episode, draft and piece that this touches is dealt with.

    Idempotent: repeating it, after a crash too, ends in the same state. Raises `InputError` for
    an unknown person and for times without a zone, `LedgerDamaged`, `StoreError`.
    """
    entry = refuse(
        register.book,
        person,
        whom,
        kind=kind,
        uses=uses,
        modalities=modalities,
        since=since,
        now=now,
    )
    return _carry_out(register, store, entry, on_step)


def narrow(
    register: Register,
    store: Store,
    person: str,
    whom: Whom = EVERYONE,
    *,
    uses: Sequence[Use] = (),
    edits: Sequence[Edit] = (),
    modalities: Sequence[Modality] = (),
    contexts: Sequence[str] = (),
    since: datetime | None = None,
    expires: datetime | None = None,
    on_step: OnStep | None = None,
) -> Withdrawal:
    """`person` restricts what every grant allows; episodes beyond that are dealt with."""
    if person not in register.book.names():
        raise unknown_person(register.book, person)
    entry = restrict(
        register.book,
        person,
        whom,
        uses=uses,
        edits=edits,
        modalities=modalities,
        contexts=contexts,
        since=since,
        expires=expires,
    )
    return _carry_out(register, store, entry, on_step)


def forget(
    register: Register, store: Store, person: str, on_step: OnStep | None = None
) -> Withdrawal:
    """Erase `person`: nothing of theirs is allowed any more, and their name is gone.

    What shows them is dealt with before the name goes: where this is killed, it can be asked for
    again by name.
    """
    book = register.book
    if person not in book.names():
        raise unknown_person(book, person)
    entry = book.note_erasure(person)
    done = _carry_out(register, store, entry, on_step)
    book.erase(person)
    return done


def catch_up(
    register: Register, store: Store, on_step: OnStep | None = None, now: datetime | None = None
) -> Applied:
    """Take up what was left unfinished, and deal with what has expired or come into force since.

    Also what was recorded without this store hearing of it: by a process that was killed right
    after, or for another store that keeps episodes by the same ledger.
    """
    index = EpisodeIndex(index_path(store))
    moment = now or utc_now()
    done = _resume(register, index, store, on_step)
    for entry in index.unseen(register.book.entries()):
        done.append(
            apply_refusals(
                index, store, register.standing(), [entry.person], entry, moment, on_step=on_step
            )
        )
    people = index.people(register.book.id)
    done.append(
        apply_refusals(index, store, register.standing(), people, None, moment, on_step=on_step)
    )
    write_outbox(index, outbox_path(store))
    return reduce(operator.add, done)


def _carry_out(
    register: Register, store: Store, entry: Entry, on_step: OnStep | None
) -> Withdrawal:
    index = EpisodeIndex(index_path(store))
    resumed = _resume(register, index, store, on_step, but=entry)
    moment = max(utc_now(), entry.recorded_at)
    applied = apply_refusals(
        index, store, register.standing(), [entry.person], entry, moment, on_step=on_step
    )
    outbox = outbox_path(store)
    write_outbox(index, outbox)
    return Withdrawal(entry, applied, len(resumed), outbox)


def _resume(
    register: Register,
    index: EpisodeIndex,
    store: Store,
    on_step: OnStep | None,
    but: Entry | None = None,
) -> list[Applied]:
    """Carry out what was begun and not finished; what each of those entries did."""
    open_ones = set(unfinished(index)) - ({but.digest} if but is not None else set())
    return [
        apply_refusals(
            index, store, register.standing(), [entry.person], entry, utc_now(), on_step=on_step
        )
        for entry in _entries(register.book, open_ones)
    ]


def _entries(book: Book, digests: set[str]) -> list[Entry]:
    return [entry for entry in book.entries() if entry.digest in digests] if digests else []
