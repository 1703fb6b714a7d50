"""What a step makes, as values: everything that changes its bytes is here and in its key."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

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
class ConformSpec:
    """One atom in the house format: `frames` from frame `first` of the media at the house rate.

    `grade` has twelve whole numbers in units of 1/10,000, a 3x3 matrix row by row and three
    offsets; see `grade.useful_grade`.
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


Spec = ConformSpec | JointSpec | CardSpec | PosterSpec


def spec_key(spec: Spec) -> Digest:
    """The key of the step that makes `spec`."""
    return key_of(spec.type.value, spec.parts())
