"""From where on a measurement is a defect: one frozen policy, one default each."""

from __future__ import annotations

from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from chainer.media.limits import ExactTime


class QualityPolicy(BaseModel):
    """How takes are judged. `enabled` False: nobody looks, every take is as good as another.

    Times are seconds. Light is 0 black to 255 white, of the luma as it is shown. Loudness is in
    dB of full scale, root mean square.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    every: bool = False
    """Plans survey every take, not only where there are several to choose from."""
    weight: float = Field(default=0.5, ge=0, le=10)
    """What the worst quality counts beside a take that does not fit the memory at all, which
    counts 1."""

    black_light: int = Field(default=20, ge=0, le=80)
    """All but a hundredth of the picture is at most this light: it is black."""
    black_seconds: ExactTime = Field(default=Fraction(1, 5), gt=0)
    """How long, amid the take."""
    black_end_seconds: ExactTime = Field(default=Fraction(7, 10), gt=0)
    """How long at its start or end, where a fade belongs."""

    frozen_seconds: ExactTime = Field(default=Fraction(1), gt=0)
    frozen_change: float = Field(default=0.6, gt=0)
    """Levels by which no tenth of the picture's width and height changes."""

    flicker_step: float = Field(default=1.6, gt=0)
    """Levels by which the whole picture goes up and down again, on average over half a second."""
    flicker_seconds: ExactTime = Field(default=Fraction(1, 2), gt=0)

    burnt_share: float = Field(default=0.28, gt=0, le=1)
    """Share of the picture that is white to the full."""
    crushed_share: float = Field(default=0.5, gt=0, le=1)
    """Share of the picture that is black to the full."""
    crushed_light: int = Field(default=110, ge=0, le=255)
    """The lights, all but a hundredth, are at most this light."""
    exposure_seconds: ExactTime = Field(default=Fraction(1, 2), gt=0)
    """How long; a second more at the start or end, where a fade belongs."""

    sharpness: float = Field(default=0.3, gt=0, lt=1)
    """Least share of the contrast of edges that a small blur takes away."""
    blur_seconds: ExactTime = Field(default=Fraction(1), gt=0)

    duplicates: int = Field(default=3, ge=1)
    """How often it hangs, in the window."""
    duplicates_share: float = Field(default=0.03, gt=0, lt=1)
    """Pictures repeated out of step, of those that move and are not held in step."""
    hold_seconds: ExactTime = Field(default=Fraction(2, 5), gt=0)
    """What hangs for longer is held on purpose, until it is frozen."""

    silent_db: float = Field(default=-50.0, ge=-120, lt=0)
    """The loudest tenth of a second of a silent take."""
    hole_db: float = Field(default=-75.0, ge=-120, lt=0)
    hole_seconds: ExactTime = Field(default=Fraction(3, 10), gt=0)
    """Silence amid sound that is no pause of a speaker, who breathes and sits in a room. Made
    sound has real pauses of half a second at -70 dB."""
    hole_end_seconds: ExactTime = Field(default=Fraction(1), gt=0)

    clipped_seconds: ExactTime = Field(default=Fraction(1, 640), gt=0)
    """How long the samples on tops that were cut off take, all together."""

    length_short: ExactTime = Field(default=Fraction(1, 4), ge=0)
    length_long: ExactTime = Field(default=Fraction(1), ge=0)
    """A clip is longer than wanted more easily than it is shorter: it is cut."""

    offset_start: ExactTime = Field(default=Fraction(2, 25), gt=0)
    offset_end: ExactTime = Field(default=Fraction(1, 4), gt=0)

    letterbox_share: float = Field(default=0.02, gt=0, lt=1)
    """Of the height or width, each of the two bars."""
    watermark_share: float = Field(default=0.12, gt=0, le=1)
    """How much of its box the edges of a mark's letters fill."""
