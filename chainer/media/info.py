"""What a media file really holds, as found by reading it: `MediaInfo`, written as JSON.

Times are exact seconds, counted from packets, not taken from headers. Refuses unknown keys.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from chainer.media.limits import ExactTime

MEDIA_SCHEMA: Final = "chainer.media/1"


class FieldOrder(StrEnum):
    """Which lines of a picture come first in time."""

    PROGRESSIVE = "progressive"
    TOP_FIRST = "tt"
    BOTTOM_FIRST = "bb"
    UNKNOWN = "unknown"


class HdrKind(StrEnum):
    """The transfer curve of a high-dynamic-range picture; empty for an ordinary one."""

    NONE = ""
    PQ = "pq"
    HLG = "hlg"


class ColourRange(StrEnum):
    """`tv` is 16-235, `pc` is 0-255 (for 8 bits)."""

    TV = "tv"
    PC = "pc"
    UNKNOWN = "unknown"


class VideoInfo(BaseModel):
    """The one picture stream that is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: int = Field(ge=0)
    """Its index in the file: `-map 0:<stream>`."""
    codec: str
    profile: str
    pixel_format: str
    bit_depth: int
    width: int
    height: int
    """As stored, before aspect ratio and rotation."""
    sample_aspect: ExactTime
    """Width of one stored pixel over its height."""
    rotation: Literal[0, 90, 180, 270]
    """Degrees clockwise by which to turn the stored picture for upright display."""
    flipped: bool
    """Mirrored left to right after the rotation, as the display matrix asks."""
    frame_rate: ExactTime
    """Average frames per second, over the pictures that are shown."""
    variable_rate: bool
    frames: int = Field(ge=0)
    """Pictures that are shown, counted by packets (edit lists applied)."""
    start: ExactTime
    end: ExactTime
    """When the first picture appears and the last one goes: half-open, seconds."""
    field_order: FieldOrder
    colour_range: ColourRange
    colour_primaries: str
    colour_transfer: str
    colour_matrix: str
    """By FFmpeg's names (`bt709`, `smpte2084`, ...); `unknown` where the file does not say."""
    hdr: HdrKind
    alpha: bool

    @property
    def seconds(self) -> Fraction:
        """How long there is a picture."""
        return self.end - self.start

    @property
    def interlaced(self) -> bool:
        """Whether the two fields of a frame come from two moments."""
        return self.field_order in (FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in square pixels as shown: aspect ratio, then rotation, applied.

        The height stays and the width is scaled, as FFmpeg and players do.
        """
        width = max(1, int(self.width * self.sample_aspect + Fraction(1, 2)))
        return (self.height, width) if self.rotation in (90, 270) else (width, self.height)


class AudioInfo(BaseModel):
    """The one sound stream that is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: int = Field(ge=0)
    codec: str
    sample_rate: int
    channels: int
    layout: str
    """By FFmpeg's names: `mono`, `stereo`, `5.1`."""
    start: ExactTime
    end: ExactTime
    """When sound begins and ends: half-open, seconds, on the clock of the picture."""
    frames: int = Field(ge=0)
    """Packets of compressed sound."""

    @property
    def seconds(self) -> Fraction:
        """How long there is sound."""
        return self.end - self.start


class MediaInfo(BaseModel):
    """What one file holds. `notes` tell people what is odd about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["chainer.media/1"] = Field(alias="schema")
    container: str
    bytes: int = Field(ge=0)
    seconds: ExactTime
    """From the first picture or sound to the last one's end."""
    streams: int = Field(ge=0)
    video: VideoInfo | None
    audio: AudioInfo | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The record as JSON text; `MediaInfo.model_validate_json` reads it back."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"
