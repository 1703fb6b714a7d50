"""Is an episode whole, as planned and signed? Needs nothing but its folder.

The manifest vouches for the bytes of every file, and the film's signature for what the manifest
says of it: each is held against the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from chainer.digest import Digest, file_digest, open_regular
from chainer.episode.manifest import (
    MANIFEST_NAME,
    FileEntry,
    Manifest,
    ProvenanceEntry,
    read_manifest,
)
from chainer.episode.segments import segment_faults
from chainer.episode.sign import consent_told, terms_told
from chainer.errors import MediaError
from chainer.mp4 import Mp4Error, read_mp4
from chainer.provenance.film import FilmCredential, check_film
from chainer.provenance.policy import ProvenancePolicy, SigningMode
from chainer.provenance.policy import Verdict as Credentials
from chainer.timebase import round_half_up


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `faults` is empty for a whole episode.

    `credentials` is the verdict on the film's Content Credentials, `signer` who signed; both are
    empty for a film that was not to be signed and is not.
    """

    folder: Path
    title: str
    frames: int
    seconds: Fraction
    files: int
    faults: tuple[str, ...]
    credentials: str = ""
    signer: str = ""
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """Those of `faults` that are of segments beyond the folder."""

    @property
    def signed(self) -> bool:
        """Whether the film carries Content Credentials."""
        return self.credentials not in ("", Credentials.NONE.value)

    @property
    def signing_words(self) -> str:
        """How it is signed, in words."""
        return f"signed by {self.signer} ({self.credentials})" if self.signed else "not signed"

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def folder_whole(self) -> bool:
        """Whether nothing is wrong with what the folder itself holds."""
        return len(self.faults) == len(self.lost)


def verify_episode(
    folder: Path,
    policy: ProvenancePolicy | None = None,
    segments: Callable[[Digest], Path] | None = None,
) -> Verdict:
    """Hash every file, hold the film's index and its credentials against the manifest.

    `policy` says whose signatures are trusted; a film signed by nobody we know is whole all the
    same. `segments` gives the bytes of a segment that the folder has no link to, hash-checked, as
    `Store.fetch_blob` does; without it, those of another address are not looked at. Raises
    `VerifyError` where there is no readable manifest to hold anything against.
    """
    policy = policy or ProvenancePolicy()
    manifest = read_manifest(folder)
    faults: list[str] = []
    film = folder / manifest.film
    found: FilmCredential | None = None
    unread: list[str] = []
    if film.is_file():
        try:
            found = check_film(film.resolve(), policy)
        except MediaError as error:
            unread = [f"{film.name}: its credentials cannot be read: {error}"]
    for entry in manifest.files:
        # Reading its credentials has hashed the film already.
        known = found.digest if found is not None and entry.name == film.name else None
        faults.extend(file_faults(folder, entry, known))
    if all(entry.name != film.name for entry in manifest.files):
        faults.append(f"{film.name} is not listed in {MANIFEST_NAME}, which should vouch for it")
    if film.is_file():
        faults.extend(_film_faults(film, manifest))
    faults.extend(unread)
    listed = {entry.name for entry in manifest.files}
    lost, notes = segment_faults(folder, sorted(listed), segments)
    faults.extend(lost)
    credentials = signer = ""
    told = manifest.provenance
    if told is None or told.mode == SigningMode.OFF:
        if found is not None and (found.urn or found.state is Credentials.TAMPERED):
            faults.append(
                f"{film.name} carries Content Credentials, and {MANIFEST_NAME} says that it was "
                "not signed"
            )
            credentials, signer = found.state.value, found.common_name or found.issuer or ""
    elif found is not None:
        credentials, signer = found.state.value, found.common_name or found.issuer or ""
        faults.extend(_credential_faults(film, told, found))
        if found.urn is not None and found.state is not Credentials.TAMPERED:
            faults.extend(_disagreements(manifest, found.governance or {}))
    elif unread:
        credentials = Credentials.LOST.value
    return Verdict(
        folder,
        manifest.title,
        manifest.frames,
        manifest.seconds,
        len(manifest.files),
        tuple(faults),
        credentials,
        signer,
        notes,
        tuple(lost),
    )


def file_faults(folder: Path, entry: FileEntry, known: Digest | None = None) -> list[str]:
    """What is wrong with a file that the manifest lists; empty where nothing is.

    `known` is its digest, where that was computed already.
    """
    path = folder / entry.name
    if not _is_inside(folder, entry.name):
        return [f"{entry.name!r} is no name of a file in the folder"]
    try:
        if not path.is_file():
            return [f"{entry.name} is missing"]
        if (size := path.stat().st_size) != entry.size:
            return [f"{entry.name} has {size} bytes, not {entry.size}"]
        if (known or file_digest(path)) != entry.digest:
            return [f"{entry.name} was changed: its SHA-256 is not the manifest's"]
    except OSError as error:
        return [f"{entry.name} cannot be read: {error.strerror or error}"]
    return []


def _is_inside(folder: Path, name: str) -> bool:
    """Whether `name` is of a file in the folder, or in a folder there that is no link to others."""
    above, _, last = name.rpartition("/")
    parts = [above, last] if "/" in name else [last]
    if any(not one or one in (".", "..") or set(one) & set("/\\\0") for one in parts):
        return False
    if not above:
        return True
    path = folder / name
    return not (folder / above).is_symlink() and not path.is_symlink()


def _credential_faults(film: Path, told: ProvenanceEntry, found: FilmCredential) -> list[str]:
    """What is wrong with the credentials of a film that was signed."""
    faults = []
    if found.state in (Credentials.NONE, Credentials.LOST):
        faults.append(f"{film.name} was signed and has lost its Content Credentials")
    elif found.state is Credentials.TAMPERED:
        faults.append(
            f"{film.name} is not what was signed: {', '.join(found.failures) or found.problem}"
        )
    if found.urn is not None:
        if found.urn != told.urn:
            faults.append(f"{film.name} carries other Content Credentials than it was given")
        elif told.issuer != (signer := found.common_name or found.issuer):
            faults.append(
                f"{film.name} is signed by {signer}, and {MANIFEST_NAME} says {_shown(told.issuer)}"
            )
    faults += [
        f"{film.name}: the credentials of a component are damaged: {', '.join(one.damage)}"
        for one in found.ingredients
        if one.damage
    ]
    return faults


def _disagreements(manifest: Manifest, governance: dict[str, Any]) -> list[str]:
    """Where the manifest, which anybody can edit, says other things than the film's signature."""
    if governance.get("episode") != manifest.id:
        return [
            f"{manifest.film} is the film of another episode: {_shown(governance.get('episode'))}"
        ]
    consent, rights = manifest.consent, manifest.rights
    said: dict[str, Any] = {"draft": manifest.draft} | terms_told(
        watermark=manifest.watermark is not None and manifest.watermark.burned,
        rating=manifest.rating,
        territories=rights.territories,
        rights_end=rights.expires,
    )
    if consent is None:
        return [f"{manifest.film}: its credentials tell of a ledger, and {MANIFEST_NAME} of none"]
    place = (consent.position.seq, consent.position.digest)
    people = [need.person for need in consent.needs]
    said |= consent_told(manifest.id, consent.ledger, consent.uses, place, people)
    signed = governance.get("consent")
    signed = {**governance, **(signed if isinstance(signed, dict) else {})}
    told = {name: (_shown(signed.get(name)), _shown(said.get(name))) for name in _AGREED}
    film = manifest.film
    return [
        f"{film}: its credentials say {there} for {_AGREED[name]}, and {MANIFEST_NAME} {here}"
        for name, (there, here) in told.items()
        if signed.get(name) != said.get(name)
    ]


_AGREED = {
    "draft": "draft",
    "watermark": "its watermark",
    "rating": "its rating",
    "territories": "its territories",
    "rights_end": "the end of its rights",
    "ledger": "the ledger",
    "entry": "the ledger's entry",
    "entry_digest": "the digest of the ledger's entry",
    "uses": "its uses",
    "people": "whom the ledger was asked about",
}
"""What is told in both places, by its name in the credentials."""


def _shown(value: Any) -> str:
    """A value from a file as it may be shown: one short line without control characters."""
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _film_faults(path: Path, manifest: Manifest) -> list[str]:
    try:
        with open_regular(path) as stream:
            film = read_mp4(stream)
        video, audio = film.track("vide"), film.track("soun")
    except Mp4Error as error:
        return [f"{path.name} is damaged: {error}"]
    except OSError as error:
        return [f"{path.name} cannot be read: {error.strerror or error}"]
    faults = []
    if video.samples != manifest.frames:
        faults.append(f"{path.name} has {video.samples} frames, {manifest.frames} were planned")
    if video.delta * manifest.fps != video.timescale:
        faults.append(f"{path.name} does not run at {manifest.fps} frames a second")
    joined = {joint.at for joint in manifest.joints if joint.frames}
    if absent := sorted(joined - set(video.sync)):
        faults.append(f"{path.name} has no keyframe where joints start: {absent}")
    sound = Fraction(audio.length - audio.skip, audio.timescale)
    if sound < manifest.seconds:
        faults.append(f"{path.name} has {float(sound):.3f} s of sound")
    listed = [(round_half_up(c.start * 10_000_000), c.title) for c in manifest.chapters[:255]]
    if [start for start, _ in film.chapters] != [start for start, _ in listed]:
        faults.append(f"{path.name} does not have the planned chapters")
    last = max(
        (track.offsets[-1] + track.sizes[-1] for track in film.tracks if track.samples), default=0
    )
    if last > path.stat().st_size:
        faults.append(f"{path.name} is cut off")
    return faults
