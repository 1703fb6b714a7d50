"""What was measured of one take: the record `Survey`, kept in the store as JSON.

It holds numbers, no judgement: another policy judges the same record. Times are whole ticks of
`tick` seconds from the first picture, so they are exact. Refuses unknown keys and columns of
unequal length.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chainer.digest import Digest
from chainer.media.limits import ExactTime

SURVEY_SCHEMA: Final = "chainer.survey/1"

SURVEY = 2
"""Raised whenever the same media would be measured differently: old records are then not used."""

LEVEL_SECONDS: Final = Fraction(1, 100)
"""Length of the windows of `Levels.db`, of which the first begins with the first picture."""

SILENT_DB: Final = -120
"""What stands for no sound at all."""

_Times = tuple[Annotated[int, Field(ge=0, lt=1 << 63)], ...]
_Numbers = tuple[Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)], ...]


class _Columns(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at: _Times

    @model_validator(mode="after")
    def _even(self) -> Self:
        columns = [getattr(self, name) for name in type(self).model_fields]
        if len({len(column) for column in columns}) != 1:
            raise ValueError("columns of unequal length")
        if any(one > other for one, other in zip(self.at, self.at[1:], strict=False)):
            raise ValueError("pictures out of order")
        return self


class Pictures(_Columns):
    """One row for each picture that was decoded. Light in tenths of a level of 255.

    `step` and `change` compare it with the picture before: 0 in the first row.
    """

    mean: _Numbers
    middle: _Numbers
    """The median."""
    top: _Numbers
    """What a hundredth of the picture is lighter than."""
    dark: _Numbers
    """Thousandths of the picture that are black to the full, or nearly: below 6."""
    light: _Numbers
    """Thousandths that are white to the full, or nearly: above 249."""
    step: _Numbers
    """By how much the whole picture went brighter, whatever moved in it: the median of its
    blocks."""
    change: _Numbers
    """Mean absolute difference."""
    most: _Numbers
    """The same of the block that changed most."""


class Looks(_Columns):
    """One row for each picture that was looked at more closely, two a second."""

    above: _Numbers
    below: _Numbers
    left: _Numbers
    right: _Numbers
    """Thousandths of the height or width that are a black bar throughout the file; 1000 where all
    of the picture is black."""
    sharp: _Numbers
    """Thousandths of the contrast of its sharpest edges that a small blur takes away; -1 where
    there are no edges."""


class Mark(BaseModel):
    """Letters that stand still: thousandths of width and height, upright."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: int = Field(ge=0, le=1000)
    top: int = Field(ge=0, le=1000)
    width: int = Field(ge=0, le=1000)
    height: int = Field(ge=0, le=1000)
    cells: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    """The same width and height in squares of a sixtieth of the longer side of the picture."""
    letters: int = Field(ge=0, le=1000)
    """Thousandths of its squares in which strokes stand: both of their edges."""
    filled: int = Field(ge=0, le=1000)
    """Thousandths of the box in which edges stand."""
    around: int = Field(ge=0, le=1000)
    """The same of the frame of two or three squares around it."""


class Levels(BaseModel):
    """The sound, in windows of `LEVEL_SECONDS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    db: _Numbers
    """Loudness of each window in dB of full scale, of the loudest channel, rounded down."""
    ceiling: _Numbers
    """Hundredths of a percent of the samples of each tenth of a second, of the worst channel, on
    tops that were cut off; -1 where it does not come near full scale."""


class Survey(BaseModel):
    """What was measured of one media file, whole. `notes` tell people what could not be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["chainer.survey/1"] = Field(alias="schema")
    engine: int
    media: Digest
    tick: ExactTime = Field(gt=0)
    seconds: ExactTime = Field(ge=0)
    """How long there is a picture."""
    pictures: Pictures
    skipped: _Times
    """Pictures that were not decoded, since they are like their neighbours."""
    looks: Looks
    marks: tuple[Mark, ...]
    sound: Levels | None
    quiet_start: ExactTime = Field(ge=0)
    quiet_end: ExactTime = Field(ge=0)
    """Seconds of silence at the two ends of the sound: what trimming it would cut. Both are the
    whole length where there is nothing else."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The record as JSON text; `Survey.model_validate_json` reads it back."""
        return self.model_dump_json(by_alias=True)
