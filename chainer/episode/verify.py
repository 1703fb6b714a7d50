"""Is an episode whole and as planned? Needs nothing but its folder."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from chainer.digest import file_digest
from chainer.episode.manifest import FILM_NAME, Manifest, read_manifest
from chainer.mp4 import Mp4Error, read_mp4
from chainer.timebase import round_half_up


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `faults` is empty for a whole episode."""

    folder: Path
    title: str
    frames: int
    seconds: Fraction
    files: int
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify_episode(folder: Path) -> Verdict:
    """Hash every file and hold the film's index against the manifest.

    Raises `VerifyError` where there is no readable manifest to hold anything against.
    """
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
    if film.is_file():
        faults.extend(_film_faults(film, manifest))
    return Verdict(
        folder,
        manifest.title,
        manifest.frames,
        manifest.seconds,
        len(manifest.files),
        tuple(faults),
    )


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
