"""The answer of the probe's child process, as models that take nothing on trust.

The child has read a hostile file and may have been taken over by it, so its answer is
input like any other: unknown keys, wrong types and numbers beyond 64 bits are refused.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Number = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
_Word = Annotated[str, StringConstraints(max_length=64)]
_Text = Annotated[str, StringConstraints(max_length=600)]
_Ratio = tuple[_Number, Annotated[int, Field(gt=0, lt=1 << 63)]]
_Colour = tuple[_Number, _Number, _Number, _Number]


class _Raw(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class RawStream(_Raw):
    """One stream as its header describes it. Ratios are numerator and denominator."""

    index: _Count
    type: _Word
    codec: _Word
    tick: _Ratio
    seconds: _Ratio
    frames: _Number
    cover: bool = False
    profile: _Word = ""
    width: _Count = 0
    height: _Count = 0
    pixel_format: _Word = ""
    sample_aspect: _Ratio = (0, 1)
    field_order: _Number = 0
    colour: _Colour = (0, 2, 2, 2)
    rates: tuple[_Ratio, _Ratio] = ((0, 1), (0, 1))
    alpha_mode: bool = False
    sample_rate: _Count = 0
    channels: _Count = 0
    layout: _Word = ""


class RawFrame(_Raw):
    """The first decoded picture. `matrix` is the display matrix, row by row, or empty."""

    width: _Count
    height: _Count
    pixel_format: _Word
    bits: _Count
    components: _Count
    interlaced: bool
    matrix: Annotated[list[_Number], Field(max_length=9)]
    colour: _Colour


class RawPictures(_Raw):
    """The packets of the picture stream.

    Times are in ticks of the stream; `steps` are (distance, how often) between neighbours in
    order of display.
    """

    packets: _Count
    keyframes: _Count
    leading: _Count
    hidden: _Count
    untimed: _Count
    corrupt: _Count
    shown: _Count
    start: _Number
    end: _Number
    steps: list[tuple[_Count, _Count]]
    frame: RawFrame | None
    decode_error: _Text


class RawSound(_Raw):
    """The packets of the sound stream, in ticks of the stream; `hole` is the longest."""

    packets: _Count
    corrupt: _Count
    untimed: _Count
    hole: _Number
    start: _Number
    end: _Number


class RawRead(_Raw):
    """What reading the packets brought, of the sound alone or beside the picture."""

    partial: _Count
    encrypted: bool = False
    too_many: bool = False
    read_error: _Text = ""
    sound: RawSound | None


class RawScan(RawRead):
    """What reading the packets of picture and sound brought."""

    pictures: RawPictures


class RawAnswer(_Raw):
    """All of it. Without `scan`, the picture was not one to be opened.

    `heard` stands in its place where the sound alone was asked after.
    """

    open_error: _Text = ""
    fault: _Text = ""
    format: _Word = ""
    seconds: _Ratio = (0, 1)
    streams: list[RawStream] = []
    video: _Count | None = None
    audio: _Count | None = None
    scan: RawScan | None = None
    heard: RawRead | None = None

    def stream(self, index: int | None) -> RawStream | None:
        """The stream of this index, if there is one."""
        return next((one for one in self.streams if one.index == index), None)


def ratio(value: tuple[int, int]) -> Fraction:
    """A numerator and a denominator as one exact number."""
    return Fraction(value[0], value[1])
