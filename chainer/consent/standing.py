"""What the ledger means: whether one person allows one other one thing, now.

Holds the entries read so far, by person, and answers needs from them alone. Everything is no
unless an entry says yes.

    standing = Standing(entries)
    refusal = standing.decide(need, at)   # None: allowed
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from chainer.consent.entry import Entry, Position
from chainer.consent.need import Missing, Need, Refusal
from chainer.consent.rules import EVERYTHING, Rules, instant, moment_of, triples
from chainer.consent.weighing import Weighing, no
from chainer.consent.words import Reach
from chainer.errors import InputError

Relation = Callable[[str, str], bool]
"""Whether the first person has the second as a mutual; both are keyed ids."""

_MUTUALS = Reach.MUTUALS.level
_AUTHORS = Reach.AUTHORS.level
_NOTHING = Rules()


class _Said:
    """The entries of one person, and their rules as far as they were needed."""

    __slots__ = ("_rules", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._rules = _NOTHING

    @property
    def rules(self) -> Rules:
        rules = self._rules
        if rules.read != len(self.entries):
            rules = self._rules = rules.and_more(self.entries[rules.read :])
        return rules


class Standing:
    """What the entries read so far mean.

    `mutual` says who counts as a mutual of whom. Without it two people are mutuals when each has a
    grant that reaches the other (by name, to mutuals, or to everyone), that holds by time and was
    not taken back as a whole from the other by name or from everyone.

    Deciding changes nothing that can be seen, so several threads may ask at once while nobody adds.
    """

    def __init__(self, entries: Iterable[Entry] = (), *, mutual: Relation | None = None) -> None:
        self._mutual = mutual
        self._people: dict[str, _Said] = {}
        self._last: Entry | None = None
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Read one more entry.

        Numbers may be left out, as by a service that reads the entries of some people alone.
        Raises `InputError` where an entry does not come after the one before it.
        """
        if self._last is not None and entry.seq <= self._last.seq:
            raise InputError(
                f"entry {entry.seq} of the ledger was read after entry {self._last.seq}; "
                "read the entries in the order of their numbers, each once",
                code="ledger-order",
                entry=entry.seq,
                after=self._last.seq,
            )
        said = self._people.get(entry.person)
        if said is None:
            said = self._people[entry.person] = _Said()
        said.entries.append(entry)
        self._last = entry

    @property
    def position(self) -> Position:
        """How far the ledger was read."""
        return Position() if self._last is None else Position(self._last.seq, self._last.digest)

    def decide(self, need: Need, at: datetime) -> Refusal | None:
        """The first no in the order of uses, modalities and edits asked; None: all is allowed.

        Of the reasons for that no the most telling is given: erased, then the latest refusal, then
        a grant that lacks one thing, then a restriction, then a grant that is over or not begun.
        A need without a modality is about whichever there is, one without an edit about no edit.
        Raises `InputError` where the need names no use, or `at` has no zone.
        """
        now = instant(at)
        return self._decide(need, now, self._relation(now))

    def decide_all(self, needs: Iterable[Need], at: datetime) -> list[Refusal]:
        """The refusals among the answers to `needs`, in their order; raises as `decide`.

        A question that differs from an earlier one by the atom alone is not decided again, unless
        the person approved single atoms.
        """
        now = instant(at)
        mutual = self._relation(now)
        known: dict[tuple[object, ...], Refusal | None] = {}
        refusals = []
        for need in needs:
            said = self._people.get(need.person)
            if said is not None and said.rules.approves:
                found = self._decide(need, now, mutual)
            else:
                question = _without_atom(need)
                if question not in known:
                    known[question] = self._decide(need, now, mutual)
                found = known[question]
                if found is not None and found.atom != need.atom:
                    found = replace(found, atom=need.atom)
            if found is not None:
                refusals.append(found)
        return refusals

    def next_change(self, people: Iterable[str], after: datetime) -> datetime | None:
        """The first moment later than `after` at which an entry of these starts or ends to hold.

        In UTC; None where nothing is due. Nothing is ever due for a person who was erased. Where
        grants to mutuals count, name the authors among the people: the relation changes with what
        they said.
        """
        now = instant(after)
        due = []
        for person in people:
            said = self._people.get(person)
            if said is not None and said.rules.erased is None:
                moments = said.rules.moments
                place = bisect_right(moments, now)
                due += moments[place : place + 1]
        return moment_of(min(due)) if due else None

    def knows(self, person: str) -> bool:
        """Whether the ledger has any entry of this person."""
        return person in self._people

    def entries_of(self, person: str) -> tuple[Entry, ...]:
        """Every entry of this person, in the order of the ledger."""
        said = self._people.get(person)
        return () if said is None else tuple(said.entries)

    def deciding(self, refusal: Refusal) -> Entry | None:
        """The entry that a refusal names; None where it names none, or it was not read here."""
        said = self._people.get(refusal.person)
        if said is None or refusal.entry is None:
            return None
        place = bisect_left(said.entries, refusal.entry, key=lambda entry: entry.seq)
        found = said.entries[place : place + 1]
        return found[0] if found and found[0].seq == refusal.entry else None

    def _decide(self, need: Need, now: int, mutual: Relation) -> Refusal | None:
        if not need.uses:
            raise InputError(
                f"nothing is asked of {need.person}: the need names no use; name one or more",
                code="need",
                person=need.person,
            )
        if need.grantee == need.person:
            return None
        said = self._people.get(need.person)
        rules = _NOTHING if said is None else said.rules
        if rules.erased is not None:
            return no(need, next(triples(need)), Missing.ERASED, rules.erased)
        return Weighing(need, rules, now, mutual).answer()

    def _relation(self, now: int) -> Relation:
        """Who is a mutual of whom at this moment, each pair looked up once."""
        known: dict[tuple[str, str], bool] = {}

        def mutual(person: str, other: str) -> bool:
            found = known.get((person, other))
            if found is None:
                if self._mutual is not None:
                    found = self._mutual(person, other)
                else:
                    # Most who ask have said nothing themselves, which is soon seen.
                    found = self._welcomes(other, person, now) and self._welcomes(
                        person, other, now
                    )
                known[person, other] = found
            return found

        return mutual

    def _welcomes(self, person: str, other: str, now: int) -> bool:
        """Whether `person` has a grant that reaches `other`, as far as that makes a mutual."""
        said = self._people.get(person)
        if said is None or said.rules.erased is not None:
            return False
        # Only what takes back everything counts: what is refused in part is refused by itself, and
        # must not end the relation by which a refusal to mutuals reaches the other.
        against = [
            rule
            for rule in said.rules.refuses
            if rule.bits == EVERYTHING
            and rule.start <= now
            and rule.level != _MUTUALS
            and (rule.level != _AUTHORS or other in rule.authors)
        ]
        last = max((rule.seq for rule in against), default=0)
        level = max((rule.level for rule in against), default=0)
        return any(
            rule.atom is None  # a grant, no approval
            and rule.seq > last
            and rule.level >= level
            and rule.start <= now < rule.end
            and (rule.level != _AUTHORS or other in rule.authors)
            for rule in said.rules.allows
        )


def _without_atom(need: Need) -> tuple[object, ...]:
    """As `Need.without_atom`, at a third of its cost: whole graphs are asked at once."""
    return (
        need.person,
        need.grantee,
        need.uses,
        need.modalities,
        need.edits,
        need.contexts,
        need.own,
    )
