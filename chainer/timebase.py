"""Exact time: seconds are `Fraction`, frames are `int`, and this is where they meet.

Holds parsing and printing of times, the turn from seconds to frames and back, and the
AV grid: the lengths at which whole video frames and whole AAC frames end together.
Refuses floats, except as the decimal text they were written with.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

AAC_FRAME = 1024
"""Samples in one AAC-LC frame (ISO/IEC 14496-3, frameLengthFlag 0)."""

AAC_PRIMING = 1024
"""Samples that the AAC-LC encoder of FFmpeg puts before the first real one: one frame,
since packet k carries the overlapping windows of frames k-1 and k."""

_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?")
_RATIO = re.compile(r"(-?[0-9]{1,12})/([1-9][0-9]{0,11})")


def parse_time(value: object) -> Fraction:
    """Exact seconds from `"9.5"`, `"2/5"`, an integer, a Fraction, or a float's decimal text.

    Raises `ValueError` for anything else, and for more than 12 digits before or 9 after the
    point (a duration has no use for them and a hostile file has).
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12:
        return Fraction(value)
    if isinstance(value, float) and math.isfinite(value):
        # float(): numpy's floats write themselves as "np.float64(9.5)".
        value = format(Decimal(repr(float(value))), "f")
    if isinstance(value, str):
        if _DECIMAL.fullmatch(value):
            return Fraction(value)
        if ratio := _RATIO.fullmatch(value):
            return Fraction(int(ratio[1]), int(ratio[2]))
    raise ValueError(f'{repr(value)[:60]} is not a time; write seconds as "9.5", "2/5" or 9')


def time_text(seconds: Fraction) -> str:
    """The shortest exact text of `seconds`: `"9.5"` where a decimal is exact, else `"1/3"`."""
    denominator = seconds.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1:
        return f"{seconds.numerator}/{seconds.denominator}"
    digits = 0
    while (seconds * 10**digits).denominator != 1:
        digits += 1
    if digits == 0:
        return str(seconds.numerator)
    if digits > 9:
        return f"{seconds.numerator}/{seconds.denominator}"
    scaled = abs(seconds.numerator * 10**digits // seconds.denominator)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{scaled // 10**digits}.{scaled % 10**digits:0{digits}d}"


def round_half_up(value: Fraction) -> int:
    """The nearest integer; a half goes up, so that equal inputs never alternate."""
    return math.floor(value + Fraction(1, 2))


def to_frames(seconds: Fraction, fps: Fraction) -> int:
    """The nearest whole number of frames."""
    return round_half_up(seconds * fps)


def to_seconds(frames: int, fps: Fraction) -> Fraction:
    """The exact length of `frames` frames."""
    return Fraction(frames) / fps


def clock(seconds: Fraction) -> str:
    """`HH:MM:SS.mmm`, rounded to the nearest millisecond, as WebVTT writes times."""
    millis = round_half_up(seconds * 1000)
    hours, rest = divmod(millis, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


@dataclass(frozen=True, slots=True)
class AvGrid:
    """Where whole video frames and whole AAC frames end together.

    At 30 fps and 48 kHz, 16 video frames are exactly 25 AAC frames.
    """

    fps: Fraction
    sample_rate: int

    @property
    def frames(self) -> int:
        """The smallest positive number of video frames that is a whole number of AAC frames."""
        aac_frames_per_frame = Fraction(self.sample_rate) / self.fps / AAC_FRAME
        return aac_frames_per_frame.denominator

    def samples(self, frames: int) -> int:
        """Samples in `frames` video frames, rounded to the nearest where not whole."""
        return round_half_up(frames * Fraction(self.sample_rate) / self.fps)

    def aac_frames(self, frames: int) -> int:
        """The AAC frame boundary nearest to video frame boundary `frames`."""
        return round_half_up(frames * Fraction(self.sample_rate) / self.fps / AAC_FRAME)

    def floor(self, frames: int) -> int:
        """The last grid point at or before `frames`."""
        return frames - frames % self.frames

    def ceil(self, frames: int) -> int:
        """The first grid point at or after `frames`."""
        return frames + -frames % self.frames
