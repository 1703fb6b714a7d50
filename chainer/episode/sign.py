"""The film's own Content Credentials: what is claimed of it, and the signing, last of all."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

from chainer.consent.entry import Position
from chainer.digest import key_of
from chainer.episode.manifest import ProvenanceEntry
from chainer.episode.plan import EpisodePlan
from chainer.graph.scalars import moment_text
from chainer.provenance.claim import ClaimAtom, FilmClaim, FilmEdit
from chainer.provenance.film import sign_film
from chainer.provenance.policy import SigningMode, SigningPolicy
from chainer.provenance.signer import FilmSigner, signer_for
from chainer.render.assemble import FilmFile
from chainer.render.fit import crops
from chainer.store import Store

SIGNING_FOLDER = "signing"
"""Beneath the store: where the development certificate is kept."""


class Keys(Protocol):
    """Salted ids for names."""

    def key(self, name: str) -> str:
        """The salted id of a person or author."""


def signer_of(policy: SigningPolicy, store: Store) -> FilmSigner | None:
    """Who signs as the settings say; None where nobody shall. Raises `ProvenanceError`."""
    if policy.mode is SigningMode.OFF:
        return None
    return signer_for(policy, store.root / SIGNING_FOLDER)


def claim_of(
    plan: EpisodePlan, episode: str, keys: Keys, position: Position, version: str
) -> FilmClaim:
    """What is said of the film of `plan`: its atoms, once each, and who allowed what, by ids."""
    told = plan.consented
    labels: dict[str, str] = {}
    atoms = []
    for one in plan.atoms:
        assert one.credential is not None, "the credentials are read with the plan"
        if one.media.digest not in labels:
            labels[one.media.digest] = f"atom-{len(labels) + 1}"
            atoms.append(ClaimAtom.of(labels[one.media.digest], one.credential))
    bounds = plan.bounds
    governance: dict[str, Any] = {
        "watermark": "burned" if plan.settings.watermark.enabled else "off",
        "rating": "unrated" if plan.rating is None else plan.rating.value,
        "territories": "everywhere" if bounds.territories is None else list(bounds.territories),
        "rights_end": None if bounds.expires is None else moment_text(bounds.expires),
        "authors": [
            {"atom": labels[one.media.digest], "id": _salted(episode, keys.key(one.atom.author))}
            for one in plan.atoms
        ],
        "consent": {
            "ledger": told.ledger_id and _salted(episode, told.ledger_id),
            "entry": str(position.seq),
            "entry_digest": position.digest,
            "uses": [use.value for use in told.uses],
            "people": sorted({_salted(episode, person) for person in told.people}),
        },
    }
    people = [one.person for one in plan.graph.info.characters.values() if one.person]
    names = [one.name for one in plan.graph.info.characters.values() if one.person]
    return FilmClaim(
        episode=episode,
        version=version,
        atoms=tuple(atoms),
        watermarked=plan.settings.watermark.enabled,
        edits=_edits(plan),
        draft=plan.settings.profile.draft,
        governance=governance,
        forbidden=tuple(dict.fromkeys([*people, *names, *(one.atom.author for one in plan.atoms)])),
    )


def signed(
    plan: EpisodePlan,
    film: FilmFile,
    path: Path,
    signer: FilmSigner | None,
    claim: FilmClaim,
    store: Store,
    cancel: threading.Event | None = None,
) -> tuple[FilmFile, ProvenanceEntry]:
    """Sign the film at `path` in its place; the file as it is then, and what was signed.

    Without a signer it stays as it is. Raises `ProvenanceError`, `OutputError`.
    """
    verdicts = {
        one.atom.id: one.credential.verdict.value
        for one in plan.atoms
        if one.credential is not None
    }
    if signer is None:
        return film, ProvenanceEntry(mode=SigningMode.OFF.value, atoms=verdicts)
    bare = path.with_name(f".unsigned-{path.name}")
    path.rename(bare)
    done = sign_film(bare, path, claim, signer, store.open, plan.settings.provenance, cancel=cancel)
    bare.unlink()
    mode = "callback"
    if signer.development or plan.settings.signing.mode is SigningMode.KEY:
        mode = "development" if signer.development else "key"
    return FilmFile(done.digest, done.size), ProvenanceEntry(
        mode=mode,
        urn=done.urn,
        issuer=done.credential.common_name or done.credential.issuer,
        atoms=verdicts,
    )


def _salted(episode: str, key: str) -> str:
    """The same person has another id in each film, so that films cannot be joined by it."""
    return key_of("film-person", [episode, key])[:32]


def _edits(plan: EpisodePlan) -> tuple[FilmEdit, ...]:
    settings = plan.settings
    found = [FilmEdit.TRANSCODED]
    if any(one.grade is not None for one in plan.atoms):
        found.append(FilmEdit.GRADED)
    videos = [one.media.info.video for one in plan.atoms]
    profile = settings.profile
    if any(v is not None and crops(v, profile, settings.conform.fit) for v in videos):
        found.append(FilmEdit.CROPPED)
    size = (profile.width, profile.height)
    if any(v is not None and v.display_size != size for v in videos):
        found.append(FilmEdit.RESIZED)
    return tuple(found)
