"""What the ledger means, said a second time and as plainly as possible; and entries to ask about.

The oracle knows nothing of bits, of order of evaluation or of caches: it goes over the raw list of
entries again for every single question, rule by rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chainer.consent.entry import START, Entry
from chainer.consent.need import Missing, Need, Refusal
from chainer.consent.words import Edit, Kind, Modality, Reach, Use

BASE = datetime(2026, 10, 1, tzinfo=UTC)
"""The moment from which the minutes of the tests count."""

LEVEL = {Reach.EVERYONE: 0, Reach.MUTUALS: 1, Reach.AUTHORS: 2}
ALL_USES, ALL_EDITS, ALL_MODALITIES = tuple(Use), tuple(Edit), tuple(Modality)


def minute(number: float) -> datetime:
    """So many minutes after the base."""
    return BASE + timedelta(minutes=number)


def key(name: str) -> str:
    """A keyed id that is easy to read in a failing test: not a secret one."""
    return name.encode().hex().ljust(32, "0")[:32]


def entry(seq: int, kind: Kind, person: str, **more: Any) -> Entry:
    """An entry as the ledger would hold it, chain and seal aside.

    `authors` are given by name; moments as minutes after the base. Recorded and in force from the
    minute of its number unless told otherwise; a grant or approval allows everything it does not
    name.
    """
    kind = Kind(kind)
    recorded = more.pop("recorded", seq)
    effective = more.pop("effective", recorded)
    expires = more.pop("expires", None)
    authors = tuple(key(name) for name in more.pop("authors", ()))
    if kind in (Kind.GRANT, Kind.APPROVE):
        more = {"uses": ALL_USES, "edits": ALL_EDITS, "modalities": ALL_MODALITIES} | more
    return Entry(
        kind=kind,
        person=key(person),
        authors=authors,
        reach=more.pop("reach", Reach.AUTHORS if authors else Reach.EVERYONE),
        seq=seq,
        recorded_at=minute(recorded),
        effective_at=minute(effective),
        expires=None if expires is None else minute(expires),
        prev=START,
        digest=f"{seq:064x}",
        seal="0" * 64,
        **more,
    )


Relation = Callable[[str, str], bool]


def oracle(
    entries: Sequence[Entry], need: Need, at: datetime, mutual: Relation | None = None
) -> Refusal | None:
    """What `Standing(entries, mutual=mutual).decide(need, at)` must say."""
    for use in need.uses:
        for modality in need.modalities or (None,):
            for edit in need.edits or (None,):
                refusal = _Question(entries, need, use, modality, edit, at, mutual).refusal()
                if refusal is not None:
                    return refusal
    return None


class _Question:
    """May grantee g have use u with modality m and edit e, in contexts C, for atom a, at t?"""

    def __init__(self, entries, need, u, m, e, t, mutual):
        self.everything = entries
        self.said = [one for one in entries if one.person == need.person]
        self.need, self.u, self.m, self.e, self.t = need, u, m, e, t
        self.g, self.a = need.grantee, need.atom
        self.C = {name.casefold() for name in need.contexts}
        self.mutual = mutual or self.default_mutual

    # -- the rules -----------------------------------------------------------------------------

    def refusal(self) -> Refusal | None:
        if self.g == self.need.person:
            return None
        erasures = [one for one in self.said if one.kind == "erase"]
        if erasures:
            return self.no(Missing.ERASED, erasures[0])
        standing = [one for one in self.said if self.touches(one)]
        covered = any(self.live(one) and self.covers(one) for one in self.said)
        restricting = [one for one in self.counting_restrictions() if self.restricts(one)]
        allowed = covered or (self.need.own and not standing)
        if allowed and not restricting:
            return None
        if allowed:
            return self.no(Missing.RESTRICTED, restricting[-1])
        if standing:
            word = Missing.REVOKED if standing[-1].kind == "revoke" else Missing.DENIED
            return self.no(word, standing[-1])
        for missing in (Missing.CONTEXT, Missing.EDIT, Missing.MODALITY, Missing.USE):
            short = [one for one in self.said if self.live(one) and self.short_of(one) == {missing}]
            if short:
                return self.no(missing, short[-1])
        if restricting:
            return self.no(Missing.RESTRICTED, restricting[-1])
        over = [
            one
            for one in self.said
            if self.right_kind(one)
            and self.covers(one)
            and one.expires is not None
            and one.expires <= self.t
        ]
        if over:
            return self.no(Missing.EXPIRED, over[-1])
        to_come = [
            one
            for one in self.said
            if self.right_kind(one) and self.covers(one) and one.effective_at > self.t
        ]
        if to_come:
            return self.no(Missing.NOT_YET, to_come[-1])
        return self.no(Missing.GRANT, None)

    def reaches(self, one: Entry) -> bool:
        if one.reach == "everyone":
            return True
        if self.g is None:
            return False
        if one.reach == "authors":
            return self.g in one.authors
        return self.mutual(self.need.person, self.g)

    def touches(self, one: Entry) -> bool:
        if one.kind not in ("revoke", "deny") or one.effective_at > self.t:
            return False
        about_use = not one.uses or self.u in one.uses
        about_modality = not one.modalities or self.m is None or self.m in one.modalities
        return about_use and about_modality and self.strikes(one)

    def strikes(self, one: Entry) -> bool:
        """What is refused to mutuals is refused to all: the circle can be left at will."""
        return one.reach != "authors" or self.g in one.authors

    def right_kind(self, one: Entry) -> bool:
        """A grant, or an approval of this atom, that reaches who asks."""
        if one.kind == "approve":
            return one.atom is not None and one.atom == self.a and self.reaches(one)
        return one.kind == "grant" and self.reaches(one)

    def live(self, one: Entry) -> bool:
        if not self.right_kind(one) or one.effective_at > self.t:
            return False
        if one.expires is not None and one.expires <= self.t:
            return False
        for refusal in self.said:
            if self.touches(refusal):
                if refusal.seq > one.seq:
                    return False
                if LEVEL[one.reach] < LEVEL[refusal.reach]:
                    return False
        return True

    def short_of(self, one: Entry) -> set[Missing]:
        """Everything that keeps a grant from covering the question."""
        short = set()
        if self.u not in one.uses:
            short.add(Missing.USE)
        if self.m is not None and self.m not in one.modalities:
            short.add(Missing.MODALITY)
        if self.e is not None and self.e not in one.edits:
            short.add(Missing.EDIT)
        if self.C & {name.casefold() for name in one.contexts}:
            short.add(Missing.CONTEXT)
        return short

    def covers(self, one: Entry) -> bool:
        return not self.short_of(one)

    def counting_restrictions(self) -> list[Entry]:
        last: dict[tuple[Reach, frozenset[str]], Entry] = {}
        for one in self.said:
            if one.kind == "restrict" and one.effective_at <= self.t:
                last[one.reach, frozenset(one.authors)] = one
        counting = [one for one in last.values() if one.expires is None or self.t < one.expires]
        return sorted((one for one in counting if self.strikes(one)), key=lambda one: one.seq)

    def restricts(self, one: Entry) -> bool:
        if self.u in one.uses or self.e in one.edits:
            return True
        if one.modalities and (self.m is None or self.m in one.modalities):
            return True
        return bool(self.C & {name.casefold() for name in one.contexts})

    def default_mutual(self, person: str, other: str) -> bool:
        return self.welcomes(person, other) and self.welcomes(other, person)

    def welcomes(self, person: str, other: str) -> bool:
        said = [one for one in self.everything if one.person == person]
        if any(one.kind == "erase" for one in said):
            return False
        taken_back = [
            one
            for one in said
            if one.kind in ("revoke", "deny")
            and one.effective_at <= self.t
            and (one.reach == "everyone" or (one.reach == "authors" and other in one.authors))
            and set(one.uses) in (set(), set(Use))
            and set(one.modalities) in (set(), set(Modality))
        ]
        for one in said:
            if one.kind != "grant" or one.effective_at > self.t:
                continue
            if one.expires is not None and one.expires <= self.t:
                continue
            if one.reach == "authors" and other not in one.authors:
                continue
            if any(refusal.seq > one.seq for refusal in taken_back):
                continue
            if any(LEVEL[refusal.reach] > LEVEL[one.reach] for refusal in taken_back):
                continue
            return True
        return False

    # -- the answer ----------------------------------------------------------------------------

    def no(self, missing: Missing, one: Entry | None) -> Refusal:
        context = None
        if one is not None and missing in (Missing.CONTEXT, Missing.RESTRICTED):
            refused = {name.casefold() for name in one.contexts}
            hit = [name for name in self.need.contexts if name.casefold() in refused]
            context = hit[0] if hit else None
        return Refusal(
            person=self.need.person,
            grantee=self.g,
            atom=self.a,
            missing=missing,
            use=self.u,
            modality=self.m,
            edit=self.e,
            context=context,
            entry=None if one is None else one.seq,
        )
