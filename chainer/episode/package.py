"""Filling the episode's folder: poster, chapters and manifest beside the film."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainer.consent.entry import Position
from chainer.digest import Digest, bytes_digest
from chainer.episode.captions import CAPTIONS_NAME
from chainer.episode.credits import CREDITS_NAME, ancestor_authors, credits_of
from chainer.episode.manifest import (
    MANIFEST_NAME,
    ChapterEntry,
    ConsentEntry,
    CreditEntry,
    FileEntry,
    FillEntry,
    HlsEntry,
    JointEntry,
    Manifest,
    MusicEntry,
    NeedEntry,
    PlayedEntry,
    PositionEntry,
    ProvenanceEntry,
    RightsEntry,
    SlotEntry,
    SourceEntry,
    WatermarkEntry,
)
from chainer.episode.marks import marks_of
from chainer.episode.plan import EpisodePlan
from chainer.episode.remembered import CONTINUITY_NAME
from chainer.graph.scalars import moment_text
from chainer.graph.sources.address import name_of
from chainer.render.assemble import FilmFile
from chainer.render.encoder import ENGINE
from chainer.store import Record, Store
from chainer.timebase import AAC_FRAME, to_seconds
from chainer.timeline.script import author_seconds, slots_by_atom
from chainer.timeline.slot import Slot

CHAPTERS_NAME = "chapters.vtt"
POSTER_NAME = "poster.jpg"
_CLOSE_ENOUGH_LU = 1.0
_NOT_IN_MANIFEST: Any = {
    **dict.fromkeys(("profile", "profiles", "store", "workers", "ffmpeg", "providers"), True),
    **dict.fromkeys(("signing", "blocklist", "hls", "otio", "report"), True),
    "bed": {"media"},
    "faces": {"detector_model"},
    "consent": {"ledger", "composer"},
    "provenance": {"trust_anchors"},
}
"""Where things lie and how many run at once changes no byte of an episode; who puts it together is
told by keyed id alone, and what is refused is not part of it."""


@dataclass(frozen=True, slots=True)
class FilmParts:
    """What has been made: the film in the folder, the records of all steps, and what is written.

    `episode` is its id, `position` how far the ledger had been read when it was last asked.
    `captions_vtt` is empty where nobody speaks, `continuity` where the memory was switched off,
    `credits` where nothing plays but sketches.
    """

    film: FilmFile
    records: Mapping[Digest, Record]
    chapters_vtt: str
    captions_vtt: str
    continuity: str
    credits: str
    episode: str
    position: Position
    provenance: ProvenanceEntry
    more: Mapping[str, str | bytes] = field(default_factory=dict)
    """Files that were asked for besides, by their names in the folder, such as
    `hls/index.m3u8`."""
    hls: HlsEntry | None = None


def manifest_of(plan: EpisodePlan, parts: FilmParts, version: str) -> Manifest:
    """The manifest of the finished film."""
    profile = plan.settings.profile
    chapters = parts.chapters_vtt.encode()
    files = [
        FileEntry(name=profile.film_name, digest=parts.film.digest, size=parts.film.size),
        FileEntry(name=CHAPTERS_NAME, digest=bytes_digest(chapters), size=len(chapters)),
    ]
    for name, told in _more(parts):
        if told:
            files.append(FileEntry(name=name, digest=bytes_digest(told), size=len(told)))
    if plan.render.poster is not None:
        poster = parts.records[plan.render.poster].files["poster"]
        files.append(FileEntry(name=POSTER_NAME, digest=poster.digest, size=poster.size))
    return Manifest(
        id=parts.episode,
        title=plan.titles.heading,
        kind=plan.chain.kind.value,
        chain=plan.chain.atoms,
        graph=name_of(plan.graph.source),
        score=str(plan.chain.score),
        draft=plan.is_draft,
        profile={"name": profile.name, **profile.key()},
        settings=plan.settings.model_dump(mode="json", exclude=_NOT_IN_MANIFEST),
        frames=plan.layout.frames,
        fps=profile.fps,
        seconds=plan.seconds,
        sources=tuple(_sources(plan, parts)),
        music=tuple(_music(plan)),
        timeline=tuple(_slots(plan)),
        joints=tuple(_joints(plan)),
        chapters=tuple(
            ChapterEntry(title=m.title, start=to_seconds(m.frame, profile.fps), atom=m.atom)
            for m in plan.chapters
        ),
        credits=tuple(_credits(plan)),
        rating=None if plan.rating is None else plan.rating.value,
        rights=_rights(plan),
        consent=_consent(plan, parts.position),
        watermark=_watermark(plan),
        provenance=parts.provenance,
        hls=parts.hls,
        notes=(*plan.notes, *_quiet(plan, parts)),
        files=tuple(files),
        versions={"chainer": version, "engine": str(ENGINE), "ffmpeg": plan.ffmpeg.version},
    )


def write_folder(
    folder: Path, plan: EpisodePlan, parts: FilmParts, manifest: Manifest, store: Store
) -> None:
    """Write everything but the film, which is there already."""
    (folder / CHAPTERS_NAME).write_text(parts.chapters_vtt, encoding="utf-8")
    for name, told in _more(parts):
        if told:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(told)
    if plan.render.poster is not None:
        artefact = parts.records[plan.render.poster].files["poster"]
        with store.open(artefact) as source, (folder / POSTER_NAME).open("wb") as target:
            shutil.copyfileobj(source, target)
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")


def _more(parts: FilmParts) -> Iterator[tuple[str, bytes]]:
    """Files that are there only where there is something to say."""
    named = {
        CAPTIONS_NAME: parts.captions_vtt,
        CONTINUITY_NAME: parts.continuity,
        CREDITS_NAME: parts.credits,
        **parts.more,
    }
    for name, told in named.items():
        yield name, told.encode() if isinstance(told, str) else told


def _rights(plan: EpisodePlan) -> RightsEntry:
    bounds = plan.bounds
    return RightsEntry(
        territories=bounds.territories,
        expires=None if bounds.expires is None else moment_text(bounds.expires),
        licences=bounds.licences,
    )


def _consent(plan: EpisodePlan, position: Position) -> ConsentEntry:
    told = plan.consented
    return ConsentEntry(
        uses=told.uses,
        ledger=told.ledger_id,
        position=PositionEntry(seq=position.seq, digest=position.digest),
        needs=tuple(NeedEntry.model_validate(need.as_json()) for need in told.needs),
    )


def _watermark(plan: EpisodePlan) -> WatermarkEntry:
    policy = plan.settings.watermark
    if not policy.enabled:
        return WatermarkEntry(burned=False)
    return WatermarkEntry(
        burned=plan.burned, service=policy.service, handle=policy.handle, marks=marks_of(plan)
    )


def _quiet(plan: EpisodePlan, parts: FilmParts) -> list[str]:
    """Atoms whose sound could not be brought to the target, and why that may be."""
    target = float(plan.settings.profile.loudness.target)
    found = []
    places = slots_by_atom(plan.layout)
    for planned in plan.atoms:
        if planned.atom.sound is not None and planned.atom.sound.gain:
            continue  # it was asked to be louder or softer
        sound = parts.records[plan.render.slots[places[planned.atom.id]]].facts.get("sound", {})
        loudness, given = sound.get("loudness"), sound.get("loudness_in")
        if loudness is None or given is None or abs(loudness - target) <= _CLOSE_ENOUGH_LU:
            continue
        found.append(
            f"{planned.atom.id}: its sound came with {given} LUFS and is now at {loudness}, not "
            f"{target:g}: it is nearly silent, or has peaks far above the rest"
        )
    return found


def _sources(plan: EpisodePlan, parts: FilmParts) -> list[SourceEntry]:
    found = []
    places = slots_by_atom(plan.layout)
    for planned in plan.atoms:
        number = places[planned.atom.id]
        video = planned.media.info.video
        assert video is not None
        found.append(
            SourceEntry(
                atom=planned.atom.id,
                author=planned.atom.author,
                media=planned.named,
                take=planned.take,
                grade=planned.grade,
                digest=planned.media.digest,
                container=planned.media.info.container,
                codec=video.codec,
                size=video.display_size,
                frame_rate=video.frame_rate,
                seconds=planned.media.info.seconds,
                sound=parts.records[plan.render.slots[number]].facts.get("sound", {}),
                differences=planned.used.differences,
            )
        )
    return found


def _music(plan: EpisodePlan) -> list[MusicEntry]:
    """The bed, by the name that the graph has for it; of a file of the settings its own alone."""
    asked = plan.settings.bed.media is not None
    return [
        MusicEntry(
            media=Path(one.bed.media).name if asked else one.bed.media,
            digest=one.media.digest,
            gain=one.bed.gain,
            duck=one.bed.duck,
            title=None if one.bed.rights is None else one.bed.rights.title,
        )
        for one in plan.music
    ]


def _slots(plan: EpisodePlan) -> list[SlotEntry]:
    layout = plan.layout
    legs = {leg.atom: leg for leg in plan.chain.legs}
    entries = []
    for number, slot in enumerate(layout.slots):
        leg = legs.get(slot.plays[0].atom) if slot.plays else None
        placed = layout.sound_starts[number] * AAC_FRAME
        meant = plan.settings.profile.grid.samples(layout.starts[number])
        entries.append(
            SlotEntry(
                name=slot.name,
                content=slot.content.value,
                start=layout.starts[number],
                frames=slot.frames,
                sound_shift_samples=placed - meant,
                step=plan.render.slots[number],
                edge=leg.edge.kind.value if leg and leg.edge else None,
                stands_for=leg.stands_for if leg else None,
                fused=tuple(
                    PlayedEntry(atom=one.atom, first=one.first, frames=one.frames)
                    for one in slot.fused
                ),
                fill=_fill(plan, slot),
            )
        )
    return entries


def _fill(plan: EpisodePlan, slot: Slot) -> FillEntry | None:
    for planned in plan.atoms:
        if slot.plays and planned.atom.id == slot.plays[0].atom and planned.fill is not None:
            told = planned.fill
            return FillEntry(way=told.way.value, synthetic=told.synthetic, why=told.why)
    return None


def _joints(plan: EpisodePlan) -> list[JointEntry]:
    layout = plan.layout
    return [
        JointEntry(
            left=layout.slots[piece.left].name,
            right=layout.slots[piece.left + 1].name,
            kind=piece.joint.style.value,
            at=piece.at,
            frames=piece.frames,
            overlap=piece.joint.overlap,
            gap=piece.joint.gap,
            why=piece.joint.why,
            step=key,
            notes=piece.joint.notes,
        )
        for piece, key in zip(layout.joint_pieces, plan.render.joints, strict=True)
    ]


def credits_text(plan: EpisodePlan) -> str:
    """The text of `credits.json`: who is owed what share of the film."""
    authors = {one.atom.id: one.atom.author for one in plan.atoms}
    if not authors:
        return ""  # an animatic is nobody's work yet
    ancestors = {name: ancestor_authors(plan.graph, name) for name in authors}
    policy = plan.settings.credits
    told = credits_of(plan.layout, authors, ancestors, plan.settings.profile.fps, policy)
    return told.to_json()


def _credits(plan: EpisodePlan) -> list[CreditEntry]:
    authors = {one.atom.id: one.atom.author for one in plan.atoms}
    seconds = author_seconds(plan.layout, authors, plan.settings.profile.fps)
    return [CreditEntry(author=author, seconds=told) for author, told in seconds]
