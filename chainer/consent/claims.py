"""What works ask of whoever shows or remixes them, gathered along remix edges.

A work is an atom or a piece of music. A remix holds what all its ancestors made, so what each of
them asks adds up; here it adds up in bounded room, by keeping only claims that refuse somebody
whom the ones before let through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chainer.consent.licence import Licence


class Asked(StrEnum):
    """What a licence may forbid."""

    NO_DERIVATIVES = "no-derivatives"
    NON_COMMERCIAL = "non-commercial"
    SHARE_ALIKE = "share-alike"


@dataclass(frozen=True, slots=True)
class Claim:
    """The rights in one work: in an atom, or in the music called `title` that is heard in it.

    `licence` is None where none is named. `makers` are those who may derive from it whatever it
    says, `holders` those who need no licence at all; both are ids. `territories` None: everywhere.
    """

    atom: str
    title: str | None
    licence: Licence | None
    holder: str | None
    makers: frozenset[str]
    holders: frozenset[str]
    territories: frozenset[str] | None
    expires: datetime | None


@dataclass(slots=True)
class Claims:
    """Several claims as one. Built with `add` and `join`, then left as it is.

    `earliest` is the claim that ends first; `uncovered` has, for each country asked for, the
    first claim that leaves it out; `unknown` and `undeclared` are the first of their kind.
    """

    asked: dict[tuple[Asked, str], tuple[Claim, ...]] = field(default_factory=dict)
    earliest: Claim | None = None
    territories: frozenset[str] | None = None
    uncovered: dict[str, Claim] = field(default_factory=dict)
    unknown: Claim | None = None
    undeclared: Claim | None = None

    def add(self, claim: Claim, countries: Iterable[str]) -> None:
        """Take one more claim; `countries` are those that the episode is to be shown in."""
        licence = claim.licence
        if licence is None:
            self.undeclared = self.undeclared or claim
        elif not licence.known:
            self.unknown = self.unknown or claim
        else:
            if not licence.derivatives:
                self._ask(Asked.NO_DERIVATIVES, "", claim)
            if not licence.commercial:
                self._ask(Asked.NON_COMMERCIAL, "", claim)
            if licence.share_alike:
                self._ask(Asked.SHARE_ALIKE, licence.family, claim)
        self._end(claim)
        self._narrow(claim.territories)
        if claim.territories is not None:
            for country in countries:
                if country not in claim.territories:
                    self.uncovered.setdefault(country, claim)

    def join(self, other: Claims) -> None:
        """Take all of `other`."""
        for (what, family), claims in other.asked.items():
            for claim in claims:
                self._ask(what, family, claim)
        self.unknown = self.unknown or other.unknown
        self.undeclared = self.undeclared or other.undeclared
        self._end(other.earliest)
        self._narrow(other.territories)
        for country, claim in other.uncovered.items():
            self.uncovered.setdefault(country, claim)

    def refusing(self, what: Asked, person: str | None) -> tuple[Claim, ...]:
        """A claim that asks this of `person` (None: of somebody unknown), if there is one.

        Of share-alike claims one for each family of licences.
        """
        found = []
        for (asked, _), claims in self.asked.items():
            if asked is what:
                free = (claim for claim in claims if person not in self._free_of(what, claim))
                found += [claim for claim in (next(free, None),) if claim is not None]
        return tuple(found)

    def _ask(self, what: Asked, family: str, claim: Claim) -> None:
        claims = self.asked.get((what, family), ())
        if claims:
            # Each claim that is kept leaves fewer people free, so there are few.
            free = frozenset.intersection(*(self._free_of(what, one) for one in claims))
            if free <= self._free_of(what, claim):
                return
        self.asked[what, family] = (*claims, claim)

    @staticmethod
    def _free_of(what: Asked, claim: Claim) -> frozenset[str]:
        return claim.holders if what is Asked.NON_COMMERCIAL else claim.makers

    def _end(self, claim: Claim | None) -> None:
        if claim is None or claim.expires is None:
            return
        known = self.earliest.expires if self.earliest is not None else None
        if known is None or claim.expires < known:
            self.earliest = claim

    def _narrow(self, territories: frozenset[str] | None) -> None:
        self.territories = common(self.territories, territories)


def common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The countries in both; None stands for all there are."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
