"""What a person says, by name: the functions behind `chainer consent`, for a backend too.

Each records one entry and returns it. A revocation, a denial, a restriction and an erasure take
something away; what that touches is worked through by `revocation.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from chainer.consent.book import Book
from chainer.consent.entry import Entry, Event, utc_now
from chainer.consent.line import in_zone
from chainer.consent.words import USUAL_EDITS, Edit, Kind, Modality, Reach, Use
from chainer.errors import InputError
from chainer.graph.faults import near_miss

_T = TypeVar("_T")

USUAL_USES = (Use.DRAFT, Use.EPISODE)
"""What a grant that lists no uses permits: making episodes, not yet showing them around."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom an entry is about: authors by name, mutuals, or everyone (the default)."""

    authors: tuple[str, ...] = ()
    mutuals: bool = False

    @property
    def reach(self) -> Reach:
        """The reach as the ledger has it. Raises `InputError` where both are given."""
        if self.authors and self.mutuals:
            raise InputError("name authors or mutuals, not both")
        if self.authors:
            return Reach.AUTHORS
        return Reach.MUTUALS if self.mutuals else Reach.EVERYONE


EVERYONE = Whom()


def grant(
    book: Book,
    person: str,
    whom: Whom,
    *,
    uses: Sequence[Use] = USUAL_USES,
    edits: Sequence[Edit] = USUAL_EDITS,
    modalities: Sequence[Modality] = tuple(Modality),
    contexts: Sequence[str] = (),
    not_before: datetime | None = None,
    expires: datetime | None = None,
    atom: str | None = None,
    evidence: str | None = None,
    notice: str | None = None,
    now: datetime | None = None,
) -> Entry:
    """`person` allows `whom` the uses, edits and modalities, except in `contexts`.

    With `atom` it is an approval of that atom alone. `evidence` is the SHA-256 of what proves it.
    """
    kind = Kind.GRANT if atom is None else Kind.APPROVE
    event = _event(
        kind=kind,
        person=book.key(person),
        reach=whom.reach,
        authors=_keys(book, whom),
        uses=_once(uses),
        edits=_once(edits),
        modalities=_once(modalities),
        contexts=tuple(dict.fromkeys(contexts)),
        effective_at=not_before,
        expires=expires,
        atom=atom,
        evidence=evidence,
        notice=notice,
    )
    return book.record([event], now=now)[0]


def refuse(
    book: Book,
    person: str,
    whom: Whom = EVERYONE,
    *,
    kind: Kind = Kind.REVOKE,
    uses: Sequence[Use] = (),
    modalities: Sequence[Modality] = (),
    since: datetime | None = None,
    now: datetime | None = None,
) -> Entry:
    """`person` takes back (`revoke`) or refuses (`deny`) uses and modalities; none named: all.

    Repeating the same words changes nothing: where the last entry of the person says just this,
    it is returned and none is added. Raises `InputError` for a revocation of somebody unknown.
    """
    if kind is Kind.REVOKE and person not in book.names():
        raise unknown_person(book, person)
    event = _event(
        kind=kind,
        person=book.key(person),
        reach=whom.reach,
        authors=_keys(book, whom),
        uses=_once(uses),
        modalities=_once(modalities),
        effective_at=since,
    )
    return _unless_said(book, event, now)


def restrict(
    book: Book,
    person: str,
    whom: Whom = EVERYONE,
    *,
    uses: Sequence[Use] = (),
    edits: Sequence[Edit] = (),
    modalities: Sequence[Modality] = (),
    contexts: Sequence[str] = (),
    since: datetime | None = None,
    expires: datetime | None = None,
    now: datetime | None = None,
) -> Entry:
    """Under every grant of `person` to `whom`, what is listed is refused.

    Replaces the last restriction of equal reach; one that lists nothing lifts it.
    """
    event = _event(
        kind=Kind.RESTRICT,
        person=book.key(person),
        reach=whom.reach,
        authors=_keys(book, whom),
        uses=_once(uses),
        edits=_once(edits),
        modalities=_once(modalities),
        contexts=tuple(dict.fromkeys(contexts)),
        effective_at=since,
        expires=expires,
    )
    return _unless_said(book, event, now)


def unknown_person(book: Book, person: str) -> InputError:
    """The error for a name that the ledger has never heard."""
    expected = near_miss(person, book.names(), "use the id that the graph gives the person")
    return InputError(
        f"{book.name}: nobody is called {person!r} there; {expected}",
        code="unknown-person",
        person=person,
    )


def _event(**values: Any) -> Event:
    try:
        return Event(**values)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'entry'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise InputError(f"this cannot be recorded: {told}", code="consent-event") from error


def _keys(book: Book, whom: Whom) -> tuple[str, ...]:
    return tuple(sorted({book.key(name) for name in whom.authors}))


def _once(values: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))


_SAID = {"kind", "person", "reach", "authors", "uses", "edits", "modalities", "contexts", "expires"}


def _unless_said(book: Book, event: Event, now: datetime | None) -> Entry:
    last = next((e for e in reversed(list(book.entries())) if e.person == event.person), None)
    if last is not None and last.model_dump(include=_SAID) == event.model_dump(include=_SAID):
        asked = event.effective_at or now or utc_now()
        if in_zone(asked, "since") >= last.effective_at:
            return last
    return book.record([event], now=now)[0]
