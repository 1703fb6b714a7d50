"""What a step makes, as values: everything that changes its bytes is here and in its key."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chainer.digest import Digest, key_of
from chainer.media.info import MediaInfo
from chainer.profile import Profile
from chainer.render.encoder import ENGINE


class StepType(StrEnum):
    """The kinds of cached work."""

    CONFORM = "conform"
    CARD = "card"
    JOINT = "joint"
    POSTER = "poster"
    MARK = "mark"


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


class WatermarkPolicy(BaseModel):
    """The visible mark that is burned into every clip, but not into cards.

    `service` is its first line, `handle` says whether the author's id stands below it. `opacity`
    is in percent. `font` None takes the bundled one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    service: str = Field(default="chainer", min_length=1, max_length=40)
    handle: bool = True
    opacity: int = Field(default=90, ge=40, le=100)
    font: str | None = None

    @field_validator("service")
    @classmethod
    def _one_plain_line(cls, value: str) -> str:
        value = unicodedata.normalize("NFC", value)
        if not value.isprintable() or value != value.strip():
            raise ValueError("must be one line, without spaces around it or control characters")
        # Letters are set one after another from the left: the same way on every machine, but
        # wrong where they join, stack, or run the other way.
        for char in value:
            joins = unicodedata.category(char)[0] == "M"
            if joins or unicodedata.bidirectional(char) in ("R", "AL", "AN"):
                raise ValueError(
                    f"{char!r} (U+{ord(char):04X}) belongs to a script whose letters join or run "
                    "from right to left, which the mark cannot set; write the name in another"
                )
        return value


@dataclass(frozen=True, slots=True)
class MarkSpec:
    """The visible mark of one author at one frame size, as a picture with transparency.

    `handle` is the author's id, empty where the mark shows none; `font` the digest of the font
    that `policy` names; `maker` the version of what draws it.
    """

    type: ClassVar[StepType] = StepType.MARK

    handle: str
    policy: WatermarkPolicy
    font: Digest
    width: int
    height: int
    maker: str

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": ENGINE,
            "service": self.policy.service,
            "handle": self.handle,
            "opacity": self.policy.opacity,
            "font": self.font,
            "profile": [self.width, self.height],
            "maker": self.maker,
        }


@dataclass(frozen=True, slots=True)
class ConformSpec:
    """One atom in the house format: `frames` from frame `first` of the media at the house rate.

    `grade` has twelve whole numbers in units of 1/10,000, a 3x3 matrix row by row and three
    offsets; see `grade.useful_grade`. `mark` is the key of the visible mark's step, None for a
    clip without one; `station`, 0 to 3, is where the mark stands first.
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
        return parts


@dataclass(frozen=True, slots=True)
class JointSpec:
    """The piece between two canonical clips; numbers as in `timeline.JointPiece`."""

    type: ClassVar[StepType] = StepType.JOINT

    left: Digest
    right: Digest
    style: str
    left_frames: int
    right_frames: int
    out: int
    gap: int
    back: int
    overlap: int
    right_last: int
    shift: int
    packet_first: int
    packet_last: int
    profile: Profile
    build: str

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "engine": ENGINE, "profile": self.profile.key()}

    @property
    def frames(self) -> int:
        """Frames of picture in the piece; 0 for a cut, which only has sound to join."""
        if self.out + self.back + self.gap == 0:
            return 0
        return self.out + self.gap + self.right_last - self.overlap


class CardStyle(BaseModel):
    """How cards look. Colours are sRGB as `#rrggbb`; `font` None takes the bundled one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: bool = True
    frames_per_grid: int = Field(default=4, ge=2, le=20, description="length in AV grid steps")
    text: str = Field(default="#ffffff", pattern="^#[0-9a-fA-F]{6}$")
    accent: str = Field(default="#f2b84b", pattern="^#[0-9a-fA-F]{6}$")
    font: str | None = None


@dataclass(frozen=True, slots=True)
class CardSpec:
    """A title over the blurred first picture of the clip `behind`."""

    type: ClassVar[StepType] = StepType.CARD

    behind: Digest
    heading: str
    line: str
    frames: int
    style: CardStyle
    font: Digest
    profile: Profile
    build: str
    maker: str

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": ENGINE,
            "behind": self.behind,
            "text": [self.heading, self.line],
            "frames": self.frames,
            "style": self.style.model_dump(mode="json", exclude={"title"}),
            "font": self.font,
            "profile": self.profile.key(),
            "build": self.build,
            "maker": self.maker,
        }


@dataclass(frozen=True, slots=True)
class PosterSpec:
    """The best still of a canonical clip."""

    type: ClassVar[StepType] = StepType.POSTER

    clip: Digest
    build: str

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {"engine": ENGINE, "clip": self.clip, "build": self.build}


Spec = ConformSpec | JointSpec | CardSpec | PosterSpec | MarkSpec


def spec_key(spec: Spec) -> Digest:
    """The key of the step that makes `spec`."""
    return key_of(spec.type.value, spec.parts())
