"""The house format: size, frame rate, codec, quality and loudness of everything we write."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from chainer.timebase import AvGrid, parse_time, time_text

Exact = Annotated[
    Fraction,
    BeforeValidator(parse_time),
    PlainSerializer(time_text, return_type=str),
]
"""A fraction that is written as exact text."""


class Codec(StrEnum):
    """How pictures are coded. ProRes is for hand-over, with uncompressed sound in a MOV."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    PRORES = "prores"


class DynamicRange(StrEnum):
    """What the numbers of a picture mean: BT.709, or BT.2020 in PQ (HDR10) or HLG.

    `auto`: HLG where every HDR source of the film is HLG, else PQ; decided for each plan, and no
    step is ever made with it.
    """

    SDR = "sdr"
    PQ = "pq"
    HLG = "hlg"
    AUTO = "auto"


class Loudness(BaseModel):
    """What every atom's sound is brought to, by measurement (EBU R128, ITU-R BS.1770).

    `max_gain` bounds how far a quiet atom is raised: room tone must not become a roar.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Exact = Field(default=Fraction(-14), description="LUFS, integrated")
    true_peak: Exact = Field(default=Fraction(-1), description="dBTP, never above")
    max_gain: Exact = Field(default=Fraction(30), description="dB")
    floor: Exact = Field(default=Fraction(-60), description="LUFS; quieter counts as silence")


class Profile(BaseModel):
    """One house format. All episodes of a profile share canonical atoms and joints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    width: int = Field(default=720, ge=64, le=4096)
    height: int = Field(default=1280, ge=64, le=4096)
    fps: Exact = Fraction(30)
    crf: int = Field(default=21, ge=0, le=51)
    preset: str = Field(
        default="medium",
        pattern="^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow)$",
    )
    level: str = Field(default="4.0", pattern=r"^[1-6](\.[0-3])?$")
    keyframe_grids: int = Field(
        default=3, ge=1, le=30, description="AV grid steps between keyframes"
    )
    audio_kbps: int = Field(default=160, ge=48, le=512)
    loudness: Loudness = Loudness()
    draft: bool = False
    codec: Codec = Codec.H264
    dynamic_range: DynamicRange = DynamicRange.SDR
    marks: bool = True
    """Whether visible marks are burned in, where the settings ask for any."""

    @model_validator(mode="after")
    def _even(self) -> Profile:
        if self.width % 2 or self.height % 2:
            raise ValueError("width and height must be even: 4:2:0 halves them")
        if not Fraction(1) <= self.fps <= 120:
            raise ValueError("fps must lie from 1 to 120")
        if self.grid.frames > 8 * self.fps:
            raise ValueError(
                f"at {self.fps} fps whole video and AAC frames meet only every "
                f"{self.grid.frames} frames; use 24, 25, 30, 48, 50 or 60"
            )
        return self

    @property
    def film_name(self) -> str:
        """The name of the film in an episode's folder: `episode.mp4`, or `.mov` of a master."""
        return "episode.mov" if self.codec is Codec.PRORES else "episode.mp4"

    @property
    def pcm(self) -> bool:
        """Whether the sound is uncompressed; AAC elsewhere."""
        return self.codec is Codec.PRORES

    @property
    def sample_rate(self) -> int:
        """Samples a second of the sound: always 48000."""
        return 48_000

    @property
    def channels(self) -> int:
        """Channels of the sound: always stereo."""
        return 2

    @property
    def grid(self) -> AvGrid:
        """Where whole video frames and whole AAC frames end together."""
        return AvGrid(self.fps, self.sample_rate)

    def key(self) -> dict[str, Any]:
        """What of the profile changes the bytes it makes: all but its name.

        What came later is left out where it is as it always was: older pieces stay valid.
        """
        told = self.model_dump(mode="json", exclude={"name", "marks"})
        for name in _LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                del told[name]
        return told


_LATER = ("codec", "dynamic_range")

HOUSE = Profile(name="house")

DRAFT = Profile(
    name="draft",
    width=360,
    height=640,
    crf=30,
    preset="superfast",
    audio_kbps=96,
    level="3.1",
    draft=True,
)
"""A quick look: a quarter of the pixels, coarse, never published."""

PROFILES = {profile.name: profile for profile in (HOUSE, DRAFT)}
