"""Whether a film stands already, as it would be delivered now."""

from __future__ import annotations

from pathlib import Path

from chainer.consent.revocation import TOMBSTONE_NAME
from chainer.digest import read_regular
from chainer.enrol import episode_id
from chainer.episode.hls import INDEX_NAME, MEDIA_NAMES, named_segments
from chainer.episode.manifest import Manifest, read_manifest
from chainer.episode.otio import OTIO_NAME
from chainer.episode.plan import EpisodePlan
from chainer.episode.segments import segment_faults
from chainer.episode.verify import file_faults
from chainer.errors import VerifyError
from chainer.permission import Register
from chainer.report.write import REPORT_NAME


def standing(folder: Path, plan: EpisodePlan, register: Register) -> Manifest | None:
    """The manifest of the episode in `folder`, if it is the one that `plan` makes, and whole.

    None where it has to be made: it is not there, another film, not what its manifest lists,
    without a file that is asked for now, its playlists name a segment that is lost, or consent was
    taken back since. Its signature is not looked at; `chainer verify` does that.
    """
    if not folder.is_dir() or (folder / TOMBSTONE_NAME).exists():
        return None
    try:
        manifest = read_manifest(folder)
    except VerifyError:
        return None
    same = manifest.id == episode_id(plan, register) and manifest.draft == plan.is_draft
    if not same or not _signed_alike(manifest, plan) or not _has_all(manifest, plan):
        return None
    if any(file_faults(folder, one) for one in manifest.files):
        return None
    # Derived, so the manifest does not list it.
    if plan.settings.report.write and not (folder / REPORT_NAME).is_file():
        return None
    return manifest if _streams(folder, manifest, plan) else None


def _signed_alike(manifest: Manifest, plan: EpisodePlan) -> bool:
    """Cards alone are never signed, so nothing is expected of a film without an atom."""
    told = manifest.provenance
    return not plan.atoms or told is None or told.mode == plan.settings.signing.mode


def _has_all(manifest: Manifest, plan: EpisodePlan) -> bool:
    """Whether the files that are made on request are there as far as they are asked for."""
    names = {one.name for one in manifest.files}
    settings = plan.settings
    return (not settings.hls.write or INDEX_NAME in names) and (
        not settings.otio.write or OTIO_NAME in names
    )


def _streams(folder: Path, manifest: Manifest, plan: EpisodePlan) -> bool:
    """Whether the playlists, where they are asked for, are those that would be written now.

    Their segments lie in the store, which may have lost some since.
    """
    policy = plan.settings.hls
    if not policy.write:
        return True
    if manifest.hls is None or manifest.hls.timeline != policy.timeline.value:
        return False
    playlists = [one.name for one in manifest.files if one.name in MEDIA_NAMES]
    base = policy.base or "segments/"
    texts = [read_regular(folder / name).decode("utf-8") for name in playlists]
    if not all(one.startswith(base) for text in texts for one in named_segments(text)):
        return False
    faults, _ = segment_faults(folder, playlists, None)
    return not faults
