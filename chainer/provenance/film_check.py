"""Checks the Content Credentials of a film: of ours just written, or of any copy met later.

Read in a child process, since the copy may be anybody's. The film's own manifest and each of
its components are judged apart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.digest import Digest
from chainer.errors import ProvenanceError
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.provenance.certificate import read_anchors
from chainer.provenance.claim import WATERMARKED, ClaimAtom, FilmClaim
from chainer.provenance.policy import ProvenancePolicy, Verdict
from chainer.provenance.reading import RawAnswer, ask, is_soft, verdict_of

_LIMITS = MediaLimits(max_bytes=1 << 42)
"""A film may be far larger than an atom."""


@dataclass(frozen=True, slots=True)
class FilmIngredient:
    """A component as the film's manifest has it; `manifest` is the label of its own.

    `failures` are those on record from when it was put in, `later` what was found besides now.
    Without a manifest the verdict is `none`.
    """

    label: str
    verdict: Verdict
    failures: tuple[str, ...]
    manifest: str | None
    later: tuple[str, ...] = ()

    @property
    def damage(self) -> tuple[str, ...]:
        """Of `later`, what speaks against more than who signed and when."""
        return tuple(code for code in self.later if not is_soft(code))


@dataclass(frozen=True, slots=True)
class FilmCredential:
    """What the Content Credentials of a film turned out to be.

    `state` is the verdict on the film's own manifest; `failures` the library's codes of what is
    wrong with that. `ingredients` are in the order in which the film places them.
    """

    state: Verdict
    urn: str | None
    issuer: str | None
    common_name: str | None
    signed_at: str | None
    generator: str | None
    source_type: str | None
    failures: tuple[str, ...]
    ingredients: tuple[FilmIngredient, ...]
    actions: tuple[str, ...]
    governance: dict[str, Any] | None
    watermarked: bool
    digest: Digest
    problem: str = ""


def check_film(
    path: Path,
    policy: ProvenancePolicy,
    expected: FilmClaim | None = None,
    *,
    cancel: threading.Event | None = None,
) -> FilmCredential:
    """What the credentials of the film at `path` are now, whoever made it.

    With `expected`, raises `ProvenanceError` unless it is signed and says exactly that, nothing
    is wrong with it but a signer that `policy` does not trust, and every component is what its
    atom was found to be. Raises `MediaError` where the file cannot be read.
    """
    anchors = read_anchors(policy.trust_anchors)
    with (
        open_source(path, limits=_LIMITS) as source,
        ThreadPoolExecutor(1, thread_name_prefix="chainer-digest") as pool,
    ):
        hashed = pool.submit(lambda: source.digest)  # while the child does the same its own way
        raw = ask(source, anchors=anchors, ekus=policy.ekus, cancel=cancel)
        digest = hashed.result()
    found = _credential(raw, expected, digest)
    if expected is not None and (faults := _differences(raw, found, expected)):
        raise ProvenanceError(
            f"{path}: the film's Content Credentials are not as they should be: "
            + "; ".join(faults),
            code="film-credentials",
            path=str(path),
            faults=faults,
        )
    return found


def _credential(raw: RawAnswer, expected: FilmClaim | None, digest: Digest) -> FilmCredential:
    ingredients = _ingredients(raw, expected)
    own = tuple(sorted(set(raw.codes)))
    state = raw.verdict
    if raw.found and state is not Verdict.TAMPERED:
        # A component by a signer that we do not know is no reason to doubt the film's own.
        state = Verdict.TRUSTED if raw.known and not own else Verdict.UNTRUSTED
    governance = raw.governance if isinstance(raw.governance, dict) else None
    return FilmCredential(
        state=state,
        urn=raw.label,
        issuer=raw.issuer,
        common_name=raw.common_name,
        signed_at=raw.signed_at,
        generator=raw.generator,
        source_type=raw.source_type,
        failures=own,
        ingredients=ingredients,
        actions=tuple(action.action or "" for action in raw.actions),
        governance=governance,
        watermarked=any(action.action == WATERMARKED for action in raw.actions),
        digest=digest,
        problem=f"could not be read safely: {raw.unsafe}" if raw.unsafe else raw.problem,
    )


def _ingredients(raw: RawAnswer, expected: FilmClaim | None) -> tuple[FilmIngredient, ...]:
    """In the order of placing, then those that are nowhere placed."""
    by_name = {found.name: found for found in raw.ingredients}
    placed = [name for action in raw.actions for name in action.places if name in by_name]
    names = list(dict.fromkeys([*placed, *by_name]))
    labels = [atom.label for atom in expected.atoms] if expected is not None else []
    told = []
    for number, name in enumerate(names):
        found = by_name[name]
        later = {
            code
            for delta in raw.deltas
            if delta.at.rsplit("/", 1)[-1] == name and f"/{raw.label}/" in delta.at
            for code in delta.codes
        }
        failures = tuple(sorted(set(found.codes)))
        verdict = Verdict.NONE
        if found.label is not None:
            state = "Trusted" if found.known and not (later or failures) else "Valid"
            verdict = verdict_of((*failures, *later), state)
        label = labels[number] if number < len(labels) else f"atom-{number + 1}"
        told.append(FilmIngredient(label, verdict, failures, found.label, tuple(sorted(later))))
    return tuple(told)


def _differences(raw: RawAnswer, found: FilmCredential, claim: FilmClaim) -> tuple[str, ...]:
    """What is not as claimed, in words."""
    if not raw.found:
        return (found.problem or "there are none",)
    faults = []
    bad = [code for code in found.failures if code != "signingCredential.untrusted"]
    if bad:
        faults.append(f"the film's own manifest fails: {', '.join(bad)}")
    if found.actions != claim.actions:
        faults.append(f"its actions are {', '.join(found.actions)}")
    if found.governance != claim.told:
        faults.append("its governance data are not what was to be signed")
    places = [action.places for action in raw.actions if action.action == "c2pa.placed"]
    names = {ingredient.name for ingredient in raw.ingredients}
    if len(raw.ingredients) != len(claim.atoms) or [len(place) for place in places] != [1] * len(
        claim.atoms
    ):
        faults.append(f"it places {len(places)} and has {len(names)} of {len(claim.atoms)} atoms")
    elif {place[0] for place in places} != names:
        faults.append("an atom is placed twice, and another never")
    else:
        for atom, ingredient in zip(claim.atoms, found.ingredients, strict=True):
            faults += _turned_bad(atom, ingredient)
    if any(ingredient.relationship != "componentOf" for ingredient in raw.ingredients):
        faults.append("an atom is no component")
    inner = [code for delta in raw.deltas for code in delta.codes]
    if hard := _hard(inner):
        faults.append(f"a component fails: {', '.join(hard)}")
    return tuple(faults)


def _turned_bad(atom: ClaimAtom, found: FilmIngredient) -> list[str]:
    if atom.archive is None:
        if found.manifest is None:
            return []
        return [f"{atom.label} has credentials, and had none when it was read"]
    faults = []
    if found.manifest != atom.manifest:
        faults.append(f"{atom.label} has another manifest than when it was read")
    if found.failures != tuple(sorted(set(atom.why))):
        then, now = (", ".join(codes) or "nothing" for codes in (atom.why, found.failures))
        faults.append(f"{atom.label} fails in {now}, and failed in {then} when it was read")
    if _hard(found.failures) and atom.verdict is not Verdict.TAMPERED:
        faults.append(f"{atom.label} was tampered with")
    return faults


def _hard(codes: Iterable[str]) -> list[str]:
    return sorted({code for code in codes if not is_soft(code)})
