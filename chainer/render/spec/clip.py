"""Canonical clips: an atom in the house format, and extended slots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from chainer.digest import Digest
from chainer.media.info import MediaInfo
from chainer.profile import Profile
from chainer.render.encoder import ENGINE
from chainer.render.spec.steps import StepType


class Fit(StrEnum):
    """How a picture of another shape fills the frame.

    `cover` crops, `contain` adds black, `blur` adds a blurred copy of the picture; `auto` covers
    where at most a tenth is cropped and blurs elsewhere.
    """

    AUTO = "auto"
    COVER = "cover"
    CONTAIN = "contain"
    BLUR = "blur"


class ConformPolicy(BaseModel):
    """Choices of the conform step that are no part of the house format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fit: Fit = Fit.AUTO


@dataclass(frozen=True, slots=True)
class Overlay:
    """Text over frames [first, last) of a clip; `still` is the key of the step that draws it."""

    still: Digest
    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ConformSpec:
    """One atom in the house format: `frames` from frame `first` of the media at the house rate.

    `grade` has twelve whole numbers in units of 1/10,000, a 3x3 matrix row by row and three
    offsets; see `grade.useful_grade`. `mark` is the key of the visible mark's step, None for a
    clip without one; `station`, 0 to 3, is where the mark stands first. `gain` is in dB over the
    house loudness, `overlays` the texts that are burned in; `stamp` the key of the word that says
    of a draft that it is one, None for other films.
    """

    type: ClassVar[StepType] = StepType.CONFORM

    media: Digest
    info: MediaInfo
    first: int
    frames: int
    profile: Profile
    policy: ConformPolicy
    build: str
    grade: tuple[int, ...] | None = None
    mark: Digest | None = None
    station: int = 0
    gain: Fraction = Fraction(0)
    overlays: tuple[Overlay, ...] = ()
    stamp: Digest | None = None

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one: the mark, then the texts in order, each once; the stamp."""
        needs = stills_of(self.mark, self.overlays)
        return needs if self.stamp is None else (*needs, self.stamp)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        parts: dict[str, Any] = {
            "engine": ENGINE,
            "media": self.media,
            "trim": [self.first, self.frames],
            "profile": self.profile.key(),
            "policy": self.policy.model_dump(mode="json"),
            "build": self.build,
        }
        if self.grade is not None:
            parts["grade"] = list(self.grade)
        if self.mark is not None:
            parts["mark"] = self.mark
            parts["station"] = self.station
        if self.gain:
            parts["gain"] = str(self.gain)
        if self.overlays:
            parts["text"] = overlay_parts(self.overlays)
        if self.stamp is not None:
            parts["stamp"] = self.stamp
        return parts


class Way(StrEnum):
    """How an extended slot is filled where its media is shorter than it."""

    FUSE = "fuse"
    STRETCH = "stretch"
    HOLD = "hold"


class FuseJoin(StrEnum):
    """How the two clips of a fused slot flow into each other."""

    MORPH = "morph"
    CROSSFADE = "crossfade"


@dataclass(frozen=True, slots=True)
class ExtendSpec:
    """An extended slot of exactly `frames`, made of `clips` in one go.

    Each of `clips` says which frames of which media are taken in (all that it plays, before
    it is extended) and with which grade and mark; it has no overlays of its own. Two where `way` is
    `fuse`: `overlap` frames of them then play at once. `overlays` are counted in the slot.
    """

    type: ClassVar[StepType] = StepType.EXTEND

    way: Way
    clips: tuple[ConformSpec, ...]
    frames: int
    overlap: int = 0
    join: FuseJoin = FuseJoin.CROSSFADE
    overlays: tuple[Overlay, ...] = ()

    @property
    def profile(self) -> Profile:
        """That of the clips."""
        return self.clips[0].profile

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one: the marks, then the texts, each once."""
        marks = [clip.mark for clip in self.clips]
        texts = [one.still for one in self.overlays]
        return tuple(dict.fromkeys(filter(None, (*marks, *texts, self.clips[0].stamp))))

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        parts = {
            "engine": ENGINE,
            "way": [self.way.value, self.join.value, self.overlap],
            "frames": self.frames,
        }
        told = [clip.parts() for clip in self.clips]
        for name in dict.fromkeys(name for one in told for name in one):
            parts[name] = [one.get(name) for one in told]
        if self.overlays:
            parts["text"] = overlay_parts(self.overlays)
        return parts


def stills_of(mark: Digest | None, overlays: tuple[Overlay, ...]) -> tuple[Digest, ...]:
    """The steps that draw what is laid over a clip, each once."""
    return tuple(dict.fromkeys((*filter(None, [mark]), *(one.still for one in overlays))))


def overlay_parts(overlays: tuple[Overlay, ...]) -> list[list[Any]]:
    """Overlays as a key is made of them."""
    return [[one.still, one.kind, one.first, one.last] for one in overlays]
