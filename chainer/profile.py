"""The house format: size, frame rate, codec, quality and loudness of everything we write."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from chainer.timebase import AvGrid, parse_time, round_half_up, time_text

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
    crf: int = Field(
        default=21,
        ge=0,
        le=63,
        description="The codec's own measure of quality, lower is better; where none is given, "
        "21 for h264, and what looks like it for hevc (22) and av1 (25)",
    )
    preset: str = Field(
        default="medium",
        pattern="^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow)$",
    )
    level: str = Field(
        default="4.0",
        pattern=r"^[1-6](\.[0-3])?$",
        description="What h264 asks of a player; hevc and av1 say by themselves what they need",
    )
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

    @model_validator(mode="before")
    @classmethod
    def _comparable(cls, data: Any) -> Any:
        """Each codec counts its quality differently: without a number it is that of the house."""
        if not isinstance(data, dict) or "crf" in data:
            return data
        try:
            codec = Codec(data.get("codec", Codec.H264))
        except ValueError:
            return data
        return {**data, "crf": USUAL_CRF[codec]}

    @model_validator(mode="after")
    def _possible(self) -> Profile:
        """All that is wrong is said at once."""
        if faults := [*self._of_the_codec(), *self._of_the_shape()]:
            raise ValueError("; ".join(faults))
        return self

    def _of_the_codec(self) -> Iterator[str]:
        if self.dynamic_range is not DynamicRange.SDR and self.codec is Codec.H264:
            yield (
                f"dynamic_range {self.dynamic_range.value} takes 10 bits, which h264 players do "
                "not show: use the codec hevc or av1"
            )
        if self.dynamic_range is not DynamicRange.SDR and self.codec is Codec.PRORES:
            yield (
                f"a prores master is BT.709: dynamic_range {self.dynamic_range.value} takes the "
                "codec hevc or av1"
            )
        if self.crf > 51 and self.codec is not Codec.AV1:
            yield f"crf goes from 0 to 51 for {self.codec.value}"
        level = self.level.removesuffix(".0")
        if self.codec is Codec.H264 and not _plays(level, self.width, self.height, self.fps):
            yield (
                f"level {self.level} of h264 ends below {self.width}x{self.height} at {self.fps} "
                "fps: write a higher one, such as 4.2 or 5.1"
            )

    def _of_the_shape(self) -> Iterator[str]:
        if self.width % 2 or self.height % 2:
            yield "width and height must be even: 4:2:0 halves them"
        if not Fraction(1) <= self.fps <= 120:
            yield "fps must lie from 1 to 120"
        elif self.grid.frames > 8 * self.fps:
            yield (
                f"at {self.fps} fps whole video and AAC frames meet only every "
                f"{self.grid.frames} frames: use 24, 25, 30, 48, 50 or 60"
            )

    @property
    def film_name(self) -> str:
        """The name of the film in an episode's folder: `episode.mp4`, or `.mov` of a master."""
        return "episode.mov" if self.codec is Codec.PRORES else "episode.mp4"

    @property
    def pcm(self) -> bool:
        """Whether the sound is uncompressed; AAC elsewhere."""
        return self.codec is Codec.PRORES

    @property
    def key_spacing(self) -> int:
        """AV grid steps between keyframes; 0 where every picture is one."""
        return 0 if self.codec is Codec.PRORES else self.keyframe_grids

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
        """What of the profile changes the bytes it makes: not its name, nor what its codec ignores.

        What came later is left out where it is as it always was: older pieces stay valid.
        """
        unused = _UNUSED.get(self.codec, frozenset())
        told = self.model_dump(mode="json", exclude={"name", "marks", *unused})
        for name in _LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                del told[name]
        return told


_LATER = ("codec", "dynamic_range")

_UNUSED = {
    Codec.HEVC: frozenset({"level"}),
    Codec.AV1: frozenset({"level"}),
    Codec.PRORES: frozenset({"level", "crf", "preset", "keyframe_grids", "audio_kbps"}),
}
"""What changes nothing in a codec: two profiles that differ in it share all their pieces."""

USUAL_CRF = {Codec.H264: 21, Codec.HEVC: 22, Codec.AV1: 25, Codec.PRORES: 21}
"""Where pictures look alike, by VMAF on real clips (see docs/profiles.md)."""

_CRF_STEP = {Codec.AV1: Fraction(12, 5)}
"""How far a step of 1 of h264 is in another codec; 1 where it is not here."""

_LEVELS = {
    "1": (99, 1485),
    "1.1": (396, 3000),
    "1.2": (396, 6000),
    "1.3": (396, 11_880),
    "2": (396, 11_880),
    "2.1": (792, 19_800),
    "2.2": (1620, 20_250),
    "3": (1620, 40_500),
    "3.1": (3600, 108_000),
    "3.2": (5120, 216_000),
    "4": (8192, 245_760),
    "4.1": (8192, 245_760),
    "4.2": (8704, 522_240),
    "5": (22_080, 589_824),
    "5.1": (36_864, 983_040),
    "5.2": (36_864, 2_073_600),
    "6": (139_264, 4_177_920),
    "6.1": (139_264, 8_355_840),
    "6.2": (139_264, 16_711_680),
}
"""Blocks of 16x16 pixels in a picture, and in a second, at most (H.264, table A-1)."""


def _plays(level: str, width: int, height: int, fps: Fraction) -> bool:
    """Whether h264 players of the level show this size and rate."""
    blocks = -(-width // 16) * -(-height // 16)
    frame, second = _LEVELS.get(level, (0, 0))
    return blocks <= frame and blocks * fps <= second


def with_codec(profile: Profile, codec: Codec) -> Profile:
    """The profile in another codec, at the crf that looks like its own there.

    Raises `ValueError` where the codec cannot do what the profile asks.
    """
    if codec is profile.codec:
        return profile
    steps = (profile.crf - USUAL_CRF[profile.codec]) / _CRF_STEP.get(profile.codec, Fraction(1))
    crf = USUAL_CRF[codec] + round_half_up(steps * _CRF_STEP.get(codec, Fraction(1)))
    most = 63 if codec is Codec.AV1 else 51
    told = profile.model_dump()
    name = f"{profile.name[: 31 - len(codec)]}-{codec.value}"
    return Profile.model_validate(
        {**told, "name": name, "codec": codec, "crf": min(most, max(0, crf))}
    )


HOUSE = Profile(name="house")

DRAFT = Profile(
    name="draft",
    width=360,
    height=640,
    crf=27,
    preset="ultrafast",
    audio_kbps=96,
    level="3.1",
    draft=True,
)
"""A quick look: a quarter of the pixels, coarse, never published.

As many frames a second as the house: every length, trim and joint is the same to the frame, and
what was looked at for one is known to the other.
"""

_DRAFT_FPS = 30


def draft_of(profile: Profile) -> Profile:
    """A quick look at films of `profile`: of its shape, in H.264, SDR, at most 30 frames a second.

    Of the house format it is `DRAFT`, of a draft the draft itself, of another its name with
    `-draft`. The shorter side has 360 pixels, or its own where that is less. Higher rates are
    halved, so that its frames are every second one of the film's.
    """
    if profile.draft:
        return profile
    share = min(Fraction(1), Fraction(DRAFT.width, min(profile.width, profile.height)))
    width, height = (
        max(64, 2 * round_half_up(side * share / 2)) for side in (profile.width, profile.height)
    )
    fps = profile.fps
    while fps > _DRAFT_FPS:
        fps /= 2
    enough = (one for one in _LEVELS if one >= DRAFT.level and _plays(one, width, height, fps))
    told = {
        **DRAFT.model_dump(),
        "name": DRAFT.name if profile.name == HOUSE.name else f"{profile.name[:26]}-{DRAFT.name}",
        "width": width,
        "height": height,
        "fps": fps,
        "level": next(enough, "6.2"),
        "keyframe_grids": profile.keyframe_grids,
        "loudness": profile.loudness,
        "marks": profile.marks,
    }
    return Profile.model_validate(told)


HD = Profile(name="hd", width=1080, height=1920)

LANDSCAPE = Profile(name="landscape", width=1920, height=1080)

SQUARE = Profile(name="square", width=1080, height=1080)

HDR = Profile(
    name="hdr", width=1080, height=1920, codec=Codec.HEVC, dynamic_range=DynamicRange.AUTO
)
"""High dynamic range as it was filmed: 10 bits in BT.2020, as PQ or HLG."""

MASTER = Profile(
    name="master",
    width=1080,
    height=1920,
    codec=Codec.PRORES,
    marks=False,
)
"""For hand-over to grading: ProRes 422 HQ with uncompressed sound, and no mark in the picture.

As large as a timeline for tall screens is: a smaller size would throw away what a 1080p clip has,
and nothing brings that back. Whose clips are all smaller names a profile of that size.
"""

PROFILES = {profile.name: profile for profile in (HOUSE, DRAFT, HD, LANDSCAPE, SQUARE, HDR, MASTER)}
