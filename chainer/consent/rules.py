"""Entries made ready to be weighed: what one person said, as bits and whole microseconds.

What can be asked is a *triple* of use, modality and edit. Every entry and every need is a set of
triples, kept as the bits of one number, so that fifty entries are weighed in a few microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import TypeVar

from chainer.consent.entry import Entry
from chainer.consent.need import Need
from chainer.consent.words import Edit, Kind, Modality, Reach, Use
from chainer.errors import InputError

Triple = tuple[Use, Modality | None, Edit | None]
"""One thing asked. None: no modality was named, whichever it may be; no edit, none is done."""

BITS: Mapping[Triple, int] = {
    triple: 1 << place
    for place, triple in enumerate(product(Use, (*Modality, None), (*Edit, None)))
}
"""The bit of each triple."""

EVERYTHING = (1 << len(BITS)) - 1
"""All triples."""

_USES = {one: sum(bit for of, bit in BITS.items() if of[0] is one) for one in Use}
_MODALITIES = {
    one: sum(bit for of, bit in BITS.items() if of[1] is one) for one in (*Modality, None)
}
_EDITS = {one: sum(bit for of, bit in BITS.items() if of[2] is one) for one in (*Edit, None)}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER = 1 << 62
_NO_ATOM = "\0"

_Named = TypeVar("_Named")


@dataclass(slots=True)
class Rule:
    """One entry. It holds in `[start, end)`; `atom` is None where it is for every atom.

    `bits` are the triples that it allows, takes back, or refuses under every grant.
    """

    seq: int
    level: int
    authors: frozenset[str]
    bits: int
    contexts: frozenset[str]
    start: int
    end: int
    atom: str | None
    entry: Entry


@dataclass(slots=True)
class Rules:
    """What one person said, sorted by what it does; each list in the order of the ledger.

    `read` entries are in it. `erased` is the number of the entry that erased the person;
    `approves` says that single atoms were approved; `moments` are all starts and ends, sorted.
    """

    read: int = 0
    allows: list[Rule] = field(default_factory=list)
    refuses: list[Rule] = field(default_factory=list)
    restricts: dict[tuple[Reach, frozenset[str]], list[Rule]] = field(default_factory=dict)
    erased: int | None = None
    approves: bool = False
    moments: list[int] = field(default_factory=list)

    def and_more(self, entries: Sequence[Entry]) -> Rules:
        """These and the rules of later entries, as a new object: another thread may be reading."""
        more = Rules(
            self.read + len(entries),
            list(self.allows),
            list(self.refuses),
            {scope: list(rules) for scope, rules in self.restricts.items()},
            self.erased,
            self.approves,
        )
        moments = set(self.moments)
        for entry in entries:
            if entry.kind is Kind.ERASE:
                more.erased = entry.seq if more.erased is None else more.erased
                continue
            rule = _rule(entry)
            if entry.kind.allows:
                more.allows.append(rule)
                more.approves = more.approves or entry.kind is Kind.APPROVE
            elif entry.kind.refuses:
                more.refuses.append(rule)
            else:
                more.restricts.setdefault((entry.reach, rule.authors), []).append(rule)
            moments.update((rule.start, rule.end))
        more.moments = sorted(moments - {_FOREVER})
        return more

    def restrictions(self, now: int) -> Iterator[Rule]:
        """The restriction of each scope that counts: the last that began, unless it is over."""
        for rules in self.restricts.values():
            last = next((rule for rule in reversed(rules) if rule.start <= now), None)
            if last is not None and now < last.end:
                yield last


def asked_bits(need: Need) -> int:
    """Everything that is asked, as bits."""
    return (
        _any(_USES, need.uses)
        & _any(_MODALITIES, need.modalities or (None,))
        & _any(_EDITS, need.edits or (None,))
    )


def triples(need: Need) -> Iterator[Triple]:
    """Everything that is asked, in the order in which it is."""
    return product(need.uses, need.modalities or (None,), need.edits or (None,))


def instant(moment: datetime) -> int:
    """Whole microseconds since 1970, exact. Raises `InputError` for a moment without zone."""
    try:
        since = moment - _EPOCH
    except TypeError as error:
        text = moment.isoformat()
        raise InputError(
            f"{text} has no zone; give a moment with one, such as {text}+00:00",
            code="moment",
            moment=text,
        ) from error
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(now: int) -> datetime:
    """The moment in UTC that `instant` made this of."""
    return _EPOCH + timedelta(microseconds=now)


@lru_cache(maxsize=4096)
def _bits(
    kind: Kind,
    uses: tuple[Use, ...],
    modalities: tuple[Modality, ...],
    edits: tuple[Edit, ...],
) -> int:
    """What an entry is about; kept for a while, since most people say one of a few things."""
    of_uses = _any(_USES, uses)
    of_edits = _any(_EDITS, edits)
    # A modality that nobody named may be any: grants cover it, and refusals refuse it.
    of_modalities = _any(_MODALITIES, modalities)
    nameless = _MODALITIES[None]
    if kind.allows:
        return of_uses & (of_modalities | nameless) & (of_edits | _EDITS[None])
    if of_modalities:
        of_modalities |= nameless
    if kind.refuses:
        return (of_uses or EVERYTHING) & (of_modalities or EVERYTHING)
    return of_uses | of_edits | of_modalities


def _rule(entry: Entry) -> Rule:
    return Rule(
        seq=entry.seq,
        level=entry.reach.level,
        authors=frozenset(entry.authors),
        bits=_bits(entry.kind, entry.uses, entry.modalities, entry.edits),
        contexts=frozenset(context.casefold() for context in entry.contexts),
        start=instant(entry.effective_at),
        # A refusal has no end of its own, whatever was written.
        end=_FOREVER if entry.expires is None or entry.kind.refuses else instant(entry.expires),
        # An approval without an atom is for none.
        atom=(entry.atom or _NO_ATOM) if entry.kind is Kind.APPROVE else None,
        entry=entry,
    )


def _any(bits_of: Mapping[_Named, int], members: Iterable[_Named]) -> int:
    bits = 0
    for member in members:
        bits |= bits_of[member]
    return bits
