"""Whether an episode may show an atom, as far as licences, countries and dates say.

    rights of the atom ───────────────┐
    rights of its remix ancestors ────┼──> RightsGate ──> faults and notes of an atom,
    rights of the music heard in it ──┘                   bounds and faults of a chain

A remix holds the work of every ancestor, so what an ancestor asks it asks of all remixes down the
line, whatever lies between. Music is inherited until a remix says itself what is heard in it.
A work set to pictures is derived from (CC 4.0, section 1a), an episode made of whole clips is a
collection of them: so no-derivatives music is refused, a no-derivatives atom is not. Holders are
told by the author's id or by a name that the graph's characters give that person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from chainer.consent.claims import Asked, Claim, Claims, common
from chainer.consent.licence import parse_licence
from chainer.consent.works import Works
from chainer.errors import InputError, PolicyRefused
from chainer.graph import Atom, Graph
from chainer.graph.scalars import Territory, moment_text

BRAND_SHORT = "brand_short"
"""The scenario of an extended slot that makes an episode commercial."""

Doubt = Literal["use", "note", "refuse"]


class RightsPolicy(BaseModel):
    """Where the episode will be shown (empty: not said), and what is done in doubt.

    `unknown` is for a licence that is named and not understood, `undeclared` for none named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    territory: tuple[Territory, ...] = ()
    unknown: Doubt = "note"
    undeclared: Doubt = "use"


@dataclass(frozen=True, slots=True)
class RightsFault:
    """Why an atom must not be shown: `code` for machines, `words` for people.

    Codes: `expired`, `territory`, `no-territory`, `reserved`, `no-derivatives`, `share-alike`,
    `non-commercial`, `unknown-licence`, `undeclared-licence`. `holder` is whom to ask, as the
    file names them; None where it names nobody.
    """

    atom: str
    code: str
    words: str
    holder: str | None

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "atom": self.atom,
            "code": self.code,
            "words": self.words,
            "holder": self.holder,
        }


@dataclass(frozen=True, slots=True)
class RightsBounds:
    """What a chain may be used for as a whole.

    `territories` are sorted codes (None: everywhere, empty: nowhere), `expires` the first moment
    at which some right is over, `licences` those of the atoms and of the music heard in them, each
    once, in order; `notes` what was let through in doubt.
    """

    territories: tuple[str, ...] | None
    expires: datetime | None
    licences: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "territories": None if self.territories is None else list(self.territories),
            "expires": None if self.expires is None else moment_text(self.expires.astimezone(UTC)),
            "licences": list(self.licences),
            "notes": list(self.notes),
        }


class RightsGate:
    """Answers for one graph. Every atom and its remix ancestors are looked at once.

    `composer` is the id of who makes the episode: what is theirs binds them to no licence.
    Raises `InputError` for a moment without zone.
    """

    def __init__(
        self,
        graph: Graph,
        policy: RightsPolicy,
        commercial: bool,  # noqa: FBT001 - named in every call
        at: datetime,
        composer: str | None = None,
    ) -> None:
        if at.tzinfo is None:
            raise InputError(
                f"{at.isoformat()} is no moment without a zone; give one, such as UTC",
                code="moment",
            )
        self._graph = graph
        self._policy = policy
        self._commercial = commercial
        self._at = at
        self._composer = composer
        self._works = Works(graph, policy.territory, composer)
        self._found: dict[str, tuple[tuple[RightsFault, ...], tuple[str, ...]]] = {}

    def faults(self, atom: str) -> tuple[RightsFault, ...]:
        """Everything that forbids showing `atom`; empty where nothing does.

        Raises `WalkError` for an unknown atom.
        """
        return self._look(self._graph.atom(atom))[0]

    def notes(self, atom: str) -> tuple[str, ...]:
        """What is unsure about `atom` and used all the same."""
        return self._look(self._graph.atom(atom))[1]

    def closed(self) -> dict[str, str]:
        """Every atom of the graph that must not be shown, and why."""
        return {
            atom: "; ".join(fault.words for fault in faults)
            for atom in self._graph.atoms
            if (faults := self.faults(atom))
        }

    def bounds(self, atoms: Iterable[str]) -> RightsBounds:
        """Where and until when a chain of `atoms` may be shown, and under which licences."""
        territories: frozenset[str] | None = None
        ends: list[datetime] = []
        licences: dict[str, None] = {}
        notes: dict[str, None] = {}
        for name in dict.fromkeys(atoms):
            atom = self._graph.atom(name)
            territories = common(territories, self._territories(atom))
            first = (claims.earliest for claims in self._layers(atom))
            ends += [one.expires for one in first if one is not None and one.expires is not None]
            for terms in () if atom.rights is None else (atom.rights, *atom.rights.music):
                if terms.license is not None:
                    licences[parse_licence(terms.license).text] = None
            notes.update(dict.fromkeys(self.notes(name)))
        return RightsBounds(
            territories=None if territories is None else tuple(sorted(territories)),
            expires=min(ends, default=None),
            licences=tuple(licences),
            notes=tuple(notes),
        )

    def chain_faults(self, atoms: Sequence[str]) -> tuple[RightsFault, ...]:
        """What forbids showing these atoms together, beyond the faults of each alone.

        That is no country in common, and non-commercial atoms beside a brand short.
        """
        found: list[RightsFault] = []
        chain = [self._graph.atom(name) for name in dict.fromkeys(atoms)]
        so_far: frozenset[str] | None = None
        for atom in chain:
            here = self._territories(atom)
            both = common(so_far, here)
            if both == frozenset() and here and so_far:
                words = (
                    f"{atom.id} may be shown in {_list(here)} alone, and the atoms before it in "
                    f"{_list(so_far)}: no country is common to all"
                )
                found.append(RightsFault(atom.id, "no-territory", words, _holder(atom)))
                break
            so_far = both
        brand = next((atom.id for atom in chain if is_brand_short(atom)), None)
        if brand is not None and not self._commercial:
            for atom in chain:
                if not is_brand_short(atom):
                    found.extend(self._non_commercial(atom, f"{brand} makes this a brand short"))
        return tuple(found)

    def demand(self, atoms: Sequence[str]) -> None:
        """Raise `PolicyRefused` where these atoms must not be shown, alone or together."""
        alone = [fault for name in dict.fromkeys(atoms) for fault in self.faults(name)]
        found = [*alone, *self.chain_faults(atoms)]
        if not found:
            return
        told = "; ".join(f"{fault.atom}: {fault.words}" for fault in found[:8])
        more = f"; and {len(found) - 8} more" if len(found) > 8 else ""
        raise PolicyRefused(
            f"refused by rights: {told}{more}; ask the holders, walk around with --avoid atom:ID, "
            "or change `rights` in the settings",
            code="rights",
            faults=[fault.as_json() for fault in found],
        )

    # --- one atom ------------------------------------------------------------------------

    def _look(self, atom: Atom) -> tuple[tuple[RightsFault, ...], tuple[str, ...]]:
        known = self._found.get(atom.id)
        if known is None and self._says_nothing(atom):
            return (), ()
        if known is None:
            faults: list[RightsFault] = []
            notes: list[str] = []
            for claims in self._layers(atom):
                faults += self._bounded(atom, claims)
            if not faults and self._territories(atom) == frozenset():
                words = f"what {atom.id} is made of may be shown together in no country"
                faults.append(RightsFault(atom.id, "no-territory", words, _holder(atom)))
            self._derived(atom, faults, notes)
            if self._commercial or is_brand_short(atom):
                why = "the episode is commercial" if self._commercial else "it is a brand short"
                faults += self._non_commercial(atom, why)
            self._doubts(atom, faults, notes)
            known = self._found[atom.id] = tuple(faults), tuple(dict.fromkeys(notes))
        return known

    def _says_nothing(self, atom: Atom) -> bool:
        """Whether there is nothing to look at: no rights, no ancestors, and no mind to ask."""
        return (
            atom.rights is None
            and self._policy.undeclared == "use"
            and not self._works.parents(atom.id)
        )

    def _bounded(self, atom: Atom, claims: Claims) -> list[RightsFault]:
        """Over, or not where the episode will be shown."""
        found: list[RightsFault] = []
        first = claims.earliest
        if first is not None and first.expires is not None and self._at >= first.expires:
            ended = moment_text(first.expires.astimezone(UTC))
            words = f"the rights in {_work(first, atom)} ended {ended}"
            found.append(_fault(atom, "expired", words, first))
        missing: dict[Claim, list[str]] = {}
        for country, claim in claims.uncovered.items():
            missing.setdefault(claim, []).append(country)
        for claim, countries in missing.items():
            words = f"the rights in {_work(claim, atom)} do not cover {_list(countries)}"
            found.append(_fault(atom, "territory", words, claim))
        return found

    def _derived(self, atom: Atom, faults: list[RightsFault], notes: list[str]) -> None:
        """What may not be derived from, or only under its own licence."""
        held = self._works.held(atom)
        for claim in held.own.refusing(Asked.NO_DERIVATIVES, atom.author):
            # Nobody derives an atom from itself; left are the reserved rights of another.
            words = f"all rights in {atom.id} are reserved by {claim.holder}, not by its author"
            faults.append(_fault(atom, "reserved", words, claim))
        text = atom.rights.license if atom.rights is not None else None
        licence = parse_licence(text) if text is not None else None
        for claims in held.layers[1:]:
            for claim in claims.refusing(Asked.NO_DERIVATIVES, atom.author):
                reserved = claim.licence is not None and claim.licence.reserved
                code = "reserved" if reserved else "no-derivatives"
                words = f"{_licence_of(claim, atom)} allows no derivatives"
                faults.append(_fault(atom, code, words, claim))
            for claim in claims.refusing(Asked.SHARE_ALIKE, atom.author):
                words = f"{_licence_of(claim, atom)} asks for itself"
                if licence is None or not licence.known:
                    said = "names none" if licence is None else f"says {licence.text!r}"
                    notes.append(f"{words}, and {atom.id} {said}")
                elif claim.licence is not None and not claim.licence.accepts(licence):
                    words = f"{words}, and {atom.id} is under {licence.text}"
                    faults.append(_fault(atom, "share-alike", words, claim))

    def _non_commercial(self, atom: Atom, why: str) -> list[RightsFault]:
        return [
            _fault(
                atom,
                "non-commercial",
                f"{_licence_of(claim, atom)} allows no commercial use, and {why}",
                claim,
            )
            for claims in self._layers(atom)
            for claim in claims.refusing(Asked.NON_COMMERCIAL, self._composer)
        ]

    def _doubts(self, atom: Atom, faults: list[RightsFault], notes: list[str]) -> None:
        """Licences that are not named, or not understood."""
        for claims in self._layers(atom):
            for claim, doubt, code in (
                (claims.unknown, self._policy.unknown, "unknown-licence"),
                (claims.undeclared, self._policy.undeclared, "undeclared-licence"),
            ):
                if claim is None or doubt == "use":
                    continue
                words = (
                    f"no licence is named for {_work(claim, atom)}"
                    if claim.licence is None
                    else f"{_licence_of(claim, atom)} is not understood"
                )
                if doubt == "note":
                    notes.append(words)
                else:
                    faults.append(_fault(atom, code, words, claim))

    # --- what is known of it ---------------------------------------------------------------

    def _layers(self, atom: Atom) -> tuple[Claims, ...]:
        return self._works.held(atom).layers

    def _territories(self, atom: Atom) -> frozenset[str] | None:
        found: frozenset[str] | None = None
        for claims in self._layers(atom):
            found = common(found, claims.territories)
        return found


def is_brand_short(atom: Atom) -> bool:
    """Whether the atom's slot is for a brand, however that is spelled."""
    scenario = (atom.slot.scenario or "").strip().casefold()
    return scenario.replace("-", "_").replace(" ", "_") == BRAND_SHORT


def _holder(atom: Atom) -> str | None:
    return atom.rights.holder if atom.rights is not None else None


def _fault(atom: Atom, code: str, words: str, claim: Claim) -> RightsFault:
    return RightsFault(atom.id, code, words, claim.holder)


def _work(claim: Claim, atom: Atom) -> str:
    origin = claim.atom
    if origin != atom.id:
        origin = f"{origin} (of which {atom.id} is a remix)"
    return origin if claim.title is None else f"the music {claim.title!r} in {origin}"


def _licence_of(claim: Claim, atom: Atom) -> str:
    text = claim.licence.text if claim.licence is not None else "none"
    return f"the licence {text} of {_work(claim, atom)}"


def _list(countries: Iterable[str]) -> str:
    return ", ".join(sorted(countries))
