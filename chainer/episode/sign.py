"""The film's own Content Credentials: what is claimed of it, and the signing, last of all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from chainer.consent.entry import Position
from chainer.consent.words import Use
from chainer.digest import key_of
from chainer.episode.manifest import ProvenanceEntry
from chainer.episode.plan import EpisodePlan
from chainer.errors import StoreError
from chainer.graph.scalars import moment_text
from chainer.provenance.claim import ClaimAtom, FilmClaim, FilmEdit
from chainer.provenance.credential import read_credential
from chainer.provenance.film import sign_film
from chainer.provenance.policy import SigningMode, SigningPolicy
from chainer.provenance.signer import FilmSigner, signer_for
from chainer.render.assemble import FilmFile
from chainer.render.fit import crops
from chainer.store import Artefact, Store

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
    asked = plan.consented
    labels: dict[str, str] = {}
    atoms = []
    for one in plan.atoms:
        assert one.credential is not None, "the credentials are read with the plan"
        if one.media.digest not in labels:
            labels[one.media.digest] = f"atom-{len(labels) + 1}"
            atoms.append(ClaimAtom.of(labels[one.media.digest], one.credential))
    bounds = plan.bounds
    told = terms_told(
        watermark=plan.burned,
        rating=None if plan.rating is None else plan.rating.value,
        territories=bounds.territories,
        rights_end=None if bounds.expires is None else moment_text(bounds.expires),
    )
    consent = consent_told(
        episode, asked.ledger_id, asked.uses, (position.seq, position.digest), asked.people
    )
    authors = dict.fromkeys((labels[one.media.digest], one.atom.author) for one in plan.atoms)
    governance: dict[str, Any] = {
        **told,
        "authors": [
            {"atom": label, "id": _salted(episode, keys.key(author))} for label, author in authors
        ],
        "consent": consent,
    }
    own_words = [told["watermark"], told["rating"], consent["entry"], *consent["uses"]]
    own_words += [*labels.values(), told["rights_end"] or "", *(bounds.territories or ())]
    people = [one.person for one in plan.graph.info.characters.values() if one.person]
    names = [one.name for one in plan.graph.info.characters.values() if one.person]
    return FilmClaim(
        episode=episode,
        version=version,
        atoms=tuple(atoms),
        watermarked=plan.burned,
        edits=_edits(plan),
        draft=plan.is_draft,
        governance=governance,
        forbidden=tuple(dict.fromkeys([*people, *names, *(one.atom.author for one in plan.atoms)])),
        own_words=tuple(dict.fromkeys([*own_words, "everywhere"])),
    )


def terms_told(
    *,
    watermark: bool,
    rating: str | None,
    territories: Sequence[str] | None,
    rights_end: str | None,
) -> dict[str, Any]:
    """What the credentials say of the mark, of the rating, and of where and until when."""
    return {
        "watermark": "burned" if watermark else "off",
        "rating": "unrated" if rating is None else rating,
        "territories": "everywhere" if territories is None else list(territories),
        "rights_end": rights_end,
    }


def consent_told(
    episode: str,
    ledger: str,
    uses: Iterable[Use],
    position: tuple[int, str],
    people: Iterable[str],
) -> dict[str, Any]:
    """What the credentials say of who allowed the film, by ids that are salted for this episode.

    `position` is the number and digest of the ledger's entry, `people` are keyed ids.
    """
    return {
        "ledger": ledger and _salted(episode, ledger),
        "entry": str(position[0]),
        "entry_digest": position[1],
        "uses": [use.value for use in uses],
        "people": sorted({_salted(episode, person) for person in people}),
    }


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

    Without a signer it stays as it is. Raises `ProvenanceError`, `OutputError`, `Cancelled`, and
    `MediaError` where an atom's credentials are gone from the store and its file too.
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
    archives = _archives(plan, store, cancel)
    done = sign_film(bare, path, claim, signer, archives, plan.settings.provenance, cancel=cancel)
    bare.unlink()
    return FilmFile(done.digest, done.size), ProvenanceEntry(
        mode=signer.mode,
        urn=done.urn,
        issuer=done.credential.common_name or done.credential.issuer,
        atoms=verdicts,
    )


def _archives(
    plan: EpisodePlan, store: Store, cancel: threading.Event | None
) -> Callable[[Artefact], IO[bytes]]:
    """Opens the atoms' packed credentials; what the store has lost since the plan is read again."""

    def open_archive(wanted: Artefact) -> IO[bytes]:
        try:
            return store.open(wanted)
        except StoreError:
            for one in plan.atoms:
                if one.credential is None or one.credential.archive != wanted:
                    continue
                policy, media = plan.settings.provenance, one.media
                again = read_credential(media.path, media.digest, store, policy, cancel=cancel)
                if again.archive is not None:
                    return store.open(again.archive)
            raise

    return open_archive


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
