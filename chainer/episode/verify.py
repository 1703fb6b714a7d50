"""Is an episode whole, as planned and signed? Needs nothing but its folder."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from chainer.digest import file_digest
from chainer.episode.manifest import FILM_NAME, Manifest, ProvenanceEntry, read_manifest
from chainer.errors import MediaError
from chainer.mp4 import Mp4Error, read_mp4
from chainer.provenance.film import check_film
from chainer.provenance.policy import ProvenancePolicy, SigningMode
from chainer.provenance.policy import Verdict as Credentials
from chainer.timebase import round_half_up


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `faults` is empty for a whole episode.

    `credentials` is the verdict on the film's Content Credentials, `signer` who signed; both are
    empty for a film that was not to be signed.
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


def verify_episode(folder: Path, policy: ProvenancePolicy | None = None) -> Verdict:
    """Hash every file, hold the film's index against the manifest, check its credentials.

    `policy` says whose signatures are trusted; a film signed by nobody we know is whole all the
    same. Raises `VerifyError` where there is no readable manifest to hold anything against.
    """
    policy = policy or ProvenancePolicy()
    manifest = read_manifest(folder)
    faults: list[str] = []
    for entry in manifest.files:
        if "/" in entry.name or entry.name in (".", ".."):
            faults.append(f"{entry.name!r} is no name of a file in the folder")
            continue
        path = folder / entry.name
        if not path.is_file():
            faults.append(f"{entry.name} is missing")
        elif path.stat().st_size != entry.size:
            faults.append(f"{entry.name} has {path.stat().st_size} bytes, not {entry.size}")
        elif file_digest(path) != entry.digest:
            faults.append(f"{entry.name} was changed: its SHA-256 is not the manifest's")
    film = folder / FILM_NAME
    credentials = signer = ""
    if film.is_file():
        faults.extend(_film_faults(film, manifest))
        if manifest.provenance is not None and manifest.provenance.mode != SigningMode.OFF:
            credentials, signer, wrong = _credentials(film, manifest.provenance, policy)
            faults.extend(wrong)
    return Verdict(
        folder,
        manifest.title,
        manifest.frames,
        manifest.seconds,
        len(manifest.files),
        tuple(faults),
        credentials,
        signer,
    )


def _credentials(
    film: Path, told: ProvenanceEntry, policy: ProvenancePolicy
) -> tuple[str, str, list[str]]:
    """The verdict on the film's credentials, who signed, and what is wrong with them."""
    try:
        found = check_film(film, policy)
    except MediaError as error:
        return Credentials.LOST.value, "", [f"{film.name}: its credentials cannot be read: {error}"]
    faults = []
    if found.state in (Credentials.NONE, Credentials.LOST):
        faults.append(f"{film.name} was signed and has lost its Content Credentials")
    elif found.state is Credentials.TAMPERED:
        faults.append(
            f"{film.name} is not what was signed: {', '.join(found.failures) or found.problem}"
        )
    if found.urn != told.urn and found.urn is not None:
        faults.append(f"{film.name} carries other Content Credentials than it was given")
    faults += [
        f"{film.name}: the credentials of a component are damaged: {', '.join(one.later)}"
        for one in found.ingredients
        if one.verdict is Credentials.TAMPERED and one.later
    ]
    return found.state.value, found.common_name or found.issuer or "", faults


def _film_faults(path: Path, manifest: Manifest) -> list[str]:
    try:
        with path.open("rb") as stream:
            film = read_mp4(stream)
        video, audio = film.track("vide"), film.track("soun")
    except Mp4Error as error:
        return [f"{path.name} is damaged: {error}"]
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
