"""Which part of a media file an atom uses, where what is declared meets what the file is.

The file decides. Every difference is said in words, for the plan, the manifest and `check`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from chainer.errors import MediaRefused
from chainer.graph import Atom, SlotKind
from chainer.media.info import MediaInfo, VideoInfo
from chainer.profile import Exact
from chainer.timebase import time_text, to_frames

_MIN_FRAMES = 8

_TICK = Fraction(1, 1000)
"""Seconds by which a container may have rounded when a picture shows."""


class SlotPolicy(BaseModel):
    """Lengths of slots, in seconds.

    A standard slot plays media up to `standard` and is lenient up to `standard_at_most`, since
    "ten seconds" is often 10.08. An extended slot plays up to `extended`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    standard: Exact = Field(default=Fraction(10), gt=0)
    standard_at_most: Exact = Field(default=Fraction(12), gt=0)
    extended: Exact = Field(default=Fraction(20), gt=0)
    scenario: str | None = None
    """That of the episode, for slots that name none of their own."""
    scenarios: Mapping[str, int] = Field(
        default={"story_challenge": 2, "brand_short": 1}, max_length=20
    )
    """Which scenarios allow extended slots, and how many in one episode."""
    stretch: Exact = Field(default=Fraction(3, 2), ge=1, le=2)
    """How much slower a clip may play to fill its slot."""


@dataclass(frozen=True, slots=True)
class UsedRange:
    """Frames [first, first + frames) of the media at the house rate, and the differences."""

    first: int
    frames: int
    differences: tuple[str, ...]


def used_range(
    atom: Atom,
    info: MediaInfo,
    fps: Fraction,
    policy: SlotPolicy,
    *,
    drop_start: Fraction = Fraction(0),
    drop_end: Fraction = Fraction(0),
) -> UsedRange:
    """What of the media plays. Raises `MediaRefused` where nothing to speak of is left.

    `drop_start` and `drop_end` are seconds that are left out of what would play otherwise: no
    picture that appears in them is shown, not even for one frame of the house rate. Where too
    little would be left, they are ignored, and a difference says so.
    """
    video = info.video
    if video is None:
        raise MediaRefused(f"atom {atom.id}: {atom.media} has no picture", atom=atom.id)
    differences = list(info.notes)
    length = video.seconds
    start, end = Fraction(0), length
    if atom.trim is not None:
        start, end = atom.trim.start, atom.trim.end
        if end > length + 1 / fps:
            differences.append(
                f"trim ends at {_text(end)} s, the picture already at {_text(length)} s"
            )
        end = min(end, length)
    limit = end
    # What is left out at the start of an extended slot is made up for at its end, while there is.
    begin = start + drop_start if atom.slot.kind is SlotKind.EXTENDED else start
    end, words = _fit_slot(atom, begin, end, policy)
    differences += words
    for number, line in enumerate(atom.dialogue):
        if line.end > end:
            differences.append(
                f"line {number + 1} ends at {_text(line.end)} s, what plays at {_text(end)} s"
            )
            break
    first, last = to_frames(start, fps), to_frames(end, fps)
    if last - first < _MIN_FRAMES:
        raise MediaRefused(
            f"atom {atom.id}: of {atom.media} only {max(last - first, 0)} frames are left, at "
            f"least {_MIN_FRAMES} are needed; trim less, or give a longer file",
            code="media-short",
            atom=atom.id,
            frames=last - first,
        )
    if drop_start > 0 or drop_end > 0:
        inner = (
            _shown_from(start + drop_start, video, fps) if drop_start > 0 else first,
            _gone_before(end - drop_end, fps) if drop_end > 0 else last,
        )
        if inner[1] - inner[0] >= _MIN_FRAMES:
            first, last = inner
        else:
            differences.append(
                f"{_text(drop_start)} s at the start and {_text(drop_end)} s at the end were to be "
                f"left out, but of {_text(end - start)} s that is too much: all of it plays"
            )
    if atom.slot.seconds is not None and end < limit and drop_end <= 0:
        # Exact to the frame, wherever it starts.
        last = min(first + to_frames(atom.slot.seconds, fps), to_frames(limit, fps))
    return UsedRange(first, last - first, tuple(differences))


def _shown_from(moment: Fraction, video: VideoInfo, fps: Fraction) -> int:
    """The first house frame by which every picture from before `moment` is gone.

    A picture of time t is first seen in house frame round(t * fps) and stays until the next
    one comes. So this is the frame of the first picture at or after `moment`: that very picture,
    unless the media has more pictures than the house and the next one falls into the same frame.
    """
    if video.variable_rate:
        return math.ceil(moment * fps)  # nobody knows here when the next picture comes
    number = math.ceil((moment - _TICK) * video.frame_rate)
    return to_frames(number / video.frame_rate + _TICK, fps)


def _gone_before(moment: Fraction, fps: Fraction) -> int:
    """The first house frame that could show a picture from `moment` on."""
    return to_frames(moment - _TICK, fps)


def _fit_slot(
    atom: Atom, start: Fraction, end: Fraction, policy: SlotPolicy
) -> tuple[Fraction, list[str]]:
    seconds = end - start
    if atom.slot.kind is SlotKind.EXTENDED:
        wanted = atom.slot.seconds
        most = min(wanted, policy.extended) if wanted is not None else policy.extended
        if seconds > most:
            return start + most, [
                f"{_text(seconds)} s do not fit the slot: the first {_text(most)} s play"
            ]
        return end, []  # where there is less, `fill` says how the slot is filled
    if seconds > policy.standard_at_most:
        return start + policy.standard, [
            f"{_text(seconds)} s do not fit a standard slot: the first "
            f"{_text(policy.standard)} s play; set a trim or an extended slot"
        ]
    return end, []


def _text(seconds: Fraction) -> str:
    """Exact where short, else to the millisecond."""
    exact = time_text(seconds)
    return exact if len(exact) <= 6 and "/" not in exact else f"{float(seconds):.3f}"
