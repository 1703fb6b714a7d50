"""A planned episode and a finished one, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from chainer.consent.answer import ClosedRoad, Consented
from chainer.consent.rights import RightsBounds
from chainer.digest import Digest
from chainer.episode.manifest import Manifest
from chainer.graph import Atom, Chain, Graph, Rating
from chainer.graph.model import Bed
from chainer.media.inspect import Inspected
from chainer.memory.report import JointReport
from chainer.memory.state import MemoryState
from chainer.provenance.credential import Credential
from chainer.quality.quality import Quality
from chainer.render.encoder import FFmpeg
from chainer.render.plan import RenderPlan
from chainer.settings import Settings
from chainer.timebase import time_text, to_seconds
from chainer.timeline import Layout
from chainer.timeline.captions import Caption
from chainer.timeline.fill import Filled
from chainer.timeline.script import Mark, Titles
from chainer.timeline.used import UsedRange

TITLE_CARD = "title"
"""The name of the title card's slot."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where there was something to choose: what won, what came second, and why.

    `of` says what was chosen among: takes of atom `at`, or roads that lead on from it. Scores are
    larger for better; those of takes lie between 0 and 1, those of roads are whole chains'.
    """

    at: str
    of: Literal["take", "road"]
    chosen: str
    score: float
    runner_up: str
    runner_up_score: float
    why: str

    @property
    def words(self) -> str:
        """In a sentence."""
        return (
            f"{self.why} ({self.score:.2f}; the runner-up, {self.runner_up}, "
            f"{self.runner_up_score:.2f})"
        )

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "at": self.at,
            "of": self.of,
            "chosen": self.chosen,
            "score": round(self.score, 4),
            "runner_up": self.runner_up,
            "runner_up_score": round(self.runner_up_score, 4),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class PlannedAtom:
    """An atom of the chain with what its media is and which part of it plays.

    `take` 0 is its own media, n the n-th of its takes. `fill` says how an extended slot is filled
    (None: a standard one), `quality` what was found in the take, where it was surveyed. `grade`
    are the twelve numbers of a grade that is burned in, `report` what the memory found at the joint
    before it. `credential` is what the file says of its own origin, as far as that was read.
    """

    atom: Atom
    media: Inspected
    used: UsedRange
    take: int = 0
    grade: tuple[int, ...] | None = None
    report: JointReport | None = None
    choice: Choice | None = None
    credential: Credential | None = None
    fill: Filled | None = None
    quality: Quality | None = None

    @property
    def named(self) -> str:
        """The media that plays, as the graph names it."""
        return self.atom.takes[self.take - 1].media if self.take else self.atom.media


@dataclass(frozen=True, slots=True)
class PlannedMusic:
    """A bed of music: what the graph or the settings say of it, and what the file is."""

    bed: Bed
    media: Inspected


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that looking has left in the store, by its key, and whom it shows (names)."""

    key: Digest
    type: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """Everything decided, nothing rendered. Values only: it prints, compares and travels."""

    graph: Graph
    chain: Chain
    settings: Settings
    titles: Titles
    atoms: tuple[PlannedAtom, ...]
    render: RenderPlan
    chapters: tuple[Mark, ...]
    notes: tuple[str, ...]
    ffmpeg: FFmpeg
    store: Path
    consented: Consented
    bounds: RightsBounds
    states: tuple[MemoryState, ...] = ()
    roads: tuple[Choice, ...] = ()
    closed: tuple[ClosedRoad, ...] = ()
    rating: Rating | None = None
    kept: tuple[Kept, ...] = ()
    music: tuple[PlannedMusic, ...] = ()
    sketches: tuple[Atom, ...] = ()
    """Atoms of the chain that have no media yet: their cards play."""
    captions: tuple[Caption, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    """How to plan an episode like this again, as plain JSON."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Everything that was chosen: roads, then takes, in the chain's order."""
        return (*self.roads, *(one.choice for one in self.atoms if one.choice is not None))

    @property
    def media_paths(self) -> Mapping[Digest, Path]:
        """Where the media lies that the steps of this plan read."""
        media = [*(one.media for one in self.atoms), *(one.media for one in self.music)]
        return {one.digest: one.path for one in media}

    @property
    def is_draft(self) -> bool:
        """Whether the film is only for looking at: coarse, or with cards for what is not there."""
        return self.settings.profile.draft or bool(self.sketches)

    @property
    def burned(self) -> bool:
        """Whether visible marks are burned into the film."""
        return self.settings.watermark.enabled and self.settings.profile.marks

    @property
    def layout(self) -> Layout:
        """What plays when."""
        return self.render.layout

    @property
    def seconds(self) -> Fraction:
        """The length of the film."""
        return to_seconds(self.layout.frames, self.settings.profile.fps)

    def as_json(self) -> dict[str, Any]:
        """The plan as one JSON object: chain, timeline, joints, steps with their reasons."""
        fps = self.settings.profile.fps
        layout = self.layout
        joints = zip(layout.joint_pieces, self.render.joints, strict=True)
        return {
            "schema": "chainer.plan/1",
            "title": self.titles.heading,
            "kind": self.chain.kind.value,
            "chain": list(self.chain.atoms),
            "score": str(self.chain.score),
            "why": {name: str(value) for name, value in self.chain.parts},
            "profile": self.settings.profile.name,
            "frames": layout.frames,
            "seconds": time_text(self.seconds),
            "timeline": [
                {
                    "name": slot.name,
                    "content": slot.content.value,
                    "start": time_text(to_seconds(start, fps)),
                    "seconds": time_text(to_seconds(slot.frames, fps)),
                    "step": key,
                }
                for slot, start, key in zip(
                    layout.slots, layout.starts, self.render.slots, strict=False
                )
            ],
            "joints": [
                {
                    "left": layout.slots[piece.left].name,
                    "right": layout.slots[piece.left + 1].name,
                    "kind": piece.joint.style.value,
                    "seconds": time_text(to_seconds(piece.joint.frames, fps)),
                    "new_frames": piece.frames,
                    "why": piece.joint.why,
                    "step": key,
                }
                for piece, key in joints
            ],
            "chapters": [
                {"title": mark.title, "start": time_text(to_seconds(mark.frame, fps))}
                for mark in self.chapters
            ],
            "steps": [step.as_json() for step in self.render.steps],
            "continuity": [
                {
                    "from": one.report.source,
                    "to": one.report.target,
                    "kind": one.report.kind.value,
                    "flags": [flag.value for flag in one.report.flags],
                    "grade": None if one.report.grade is None else one.report.grade.as_json(),
                    "grade_why": one.report.grade_why,
                    "cut": one.report.cut.as_json(),
                }
                for one in self.atoms
                if one.report is not None
            ],
            "choices": [choice.as_json() for choice in self.choices],
            "fills": [_fill_json(one.atom, one.fill, fps) for one in self.atoms if one.fill],
            "quality": {
                one.atom.id: one.quality.as_json() for one in self.atoms if one.quality is not None
            },
            "captions": len(self.captions),
            "bed": [
                {
                    "media": one.bed.media,
                    "gain": time_text(one.bed.gain),
                    "duck": time_text(one.bed.duck),
                }
                for one in self.music
            ],
            "sketches": [atom.id for atom in self.sketches],
            "consent": self.consented.as_json(),
            "closed": [road.as_json() for road in self.closed],
            "rating": None if self.rating is None else self.rating.value,
            "rights": self.bounds.as_json(),
            "credentials": {
                one.atom.id: one.credential.verdict.value
                for one in self.atoms
                if one.credential is not None
            },
            "to_run": len(self.render.to_run),
            "notes": list(self.notes),
        }


def _fill_json(atom: Atom, fill: Filled, fps: Fraction) -> dict[str, Any]:
    """How an extended slot is filled, and what the other ways would have been."""
    return {
        "atom": atom.id,
        "way": fill.way.value,
        "seconds": time_text(to_seconds(fill.frames, fps)),
        "synthetic": str(fill.synthetic),
        "cpu_seconds": round(fill.cpu_seconds, 1),
        "why": fill.why,
        "ways": [
            {
                "way": one.way.value,
                "possible": one.possible,
                "why": one.why,
                "synthetic": None if one.synthetic is None else str(one.synthetic),
                "cpu_seconds": None if one.cpu_seconds is None else round(one.cpu_seconds, 1),
            }
            for one in fill.others
        ],
    }


@dataclass(frozen=True, slots=True)
class Episode:
    """A finished episode: its folder, its manifest, and how many steps really ran."""

    path: Path
    manifest: Manifest
    steps_run: int
    steps_cached: int

    def as_json(self) -> dict[str, Any]:
        """What became of it, as one JSON object."""
        return {
            "path": str(self.path),
            "title": self.manifest.title,
            "chain": list(self.manifest.chain),
            "seconds": time_text(self.manifest.seconds),
            "frames": self.manifest.frames,
            "steps_run": self.steps_run,
            "steps_cached": self.steps_cached,
            "notes": list(self.manifest.notes),
        }
