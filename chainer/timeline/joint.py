"""How two neighbours meet, in whole frames.

A joint takes `left` frames off the end of one clip and `right` frames off the start of the
next; `overlap` of them play at once and `gap` frames of black come between. All lengths follow
from the two clips and the policy alone, never from the place in a film, so that every film
in which the two meet shares the joint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from chainer.memory.report import JointClass
from chainer.profile import Exact
from chainer.timebase import AAC_FRAME, AvGrid, to_frames
from chainer.timeline.slot import Slot

_SOUND_BETWEEN = 4
"""AAC frames that a clip keeps to itself between its two joints. The sound of each joint reaches
up to one further than its pictures, one more where it is placed off the grid, and ends on whole
ones: with fewer between, the two would meet in a frame that neither has right."""

_WIDEST_GRID = 32
"""Frames: joints are bent to a grid of at most this step, which 25, 30, 50 and 60 fps have."""


class JointStyle(StrEnum):
    """The joints that are rendered."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    FADE = "fade"


@dataclass(frozen=True, slots=True)
class JointWish:
    """What the author asks for (None: the planner chooses), what is declared, and what was seen.

    `kind` is what the memory made of the two (None: it did not look), and `drift` says that their
    colours still differ after correction.
    """

    style: JointStyle | None = None
    seconds: Fraction | None = None
    time_changes: bool = False
    note: str = ""
    kind: JointClass | None = None
    drift: bool = False


@dataclass(frozen=True, slots=True)
class Joint:
    """The decision. The next clip starts `gap - overlap` frames after this one ends."""

    style: JointStyle
    left: int
    right: int
    overlap: int
    gap: int
    why: str
    notes: tuple[str, ...] = ()

    @property
    def is_picture(self) -> bool:
        """Whether any picture is new work."""
        return self.left + self.right + self.gap > 0


class JointPolicy(BaseModel):
    """Defaults of the joints. Lengths are exact seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crossfade_seconds: Exact = Field(default=Fraction(2, 5), gt=0, le=5)
    soft_seconds: Exact = Field(default=Fraction(4, 15), gt=0, le=5)
    """Of the crossfade within one shot whose colours still differ. Between clips of 10 s it comes
    out as long as any other, since at 30 fps only 12 frames, or 28, keep to the AV grid there."""
    fade_seconds: Exact = Field(default=Fraction(4, 5), gt=0, le=5)
    max_seconds: Exact = Field(default=Fraction(3), gt=0, le=10)
    auto: JointStyle | None = None
    """The style of every joint that the author leaves open; None: chosen by what is declared and
    what the memory has seen."""


def choose_joint(
    left: Slot, right: Slot, wish: JointWish, policy: JointPolicy, fps: Fraction, grid: AvGrid
) -> Joint:
    """Decide the joint between two neighbours.

    A length that the author gives is kept to the frame. A length of ours is bent by at most half
    a grid step, or up to the first one of at least 4 frames, so that the next clip starts on the
    AV grid, where its sound needs no shift. Each of the two joints of a clip takes less than half
    of it, so that every pair of neighbours can be decided alone.
    """
    style, seconds, why = _style(wish, policy)
    notes: tuple[str, ...] = (wish.note,) if wish.note else ()
    if style is JointStyle.CUT:
        return Joint(style, 0, 0, 0, 0, why, notes)
    asked = wish.seconds is not None
    if wish.seconds is not None:
        seconds = min(wish.seconds, policy.max_seconds)
        if seconds != wish.seconds:
            notes += (f"asked for {wish.seconds} s, at most {policy.max_seconds} s are joined",)
    frames = to_frames(seconds, fps)
    if frames < 2:
        frames = 2
        if asked:
            notes += (f"asked for {wish.seconds} s, at least 2 frames are joined",)
    room = (min(left.frames, right.frames) - _between(grid)) // 2
    if room < 2:
        return Joint(JointStyle.CUT, 0, 0, 0, 0, "a clip is too short to fade", notes)
    # At 24 and 48 fps the grid is so wide (2.7 s) that lengths are not bent to it.
    step = grid.frames if grid.frames <= _WIDEST_GRID else 1
    if style is JointStyle.CROSSFADE:
        length = frames if asked else _near(frames, left.frames % step, step)
        if length > room:
            length = room
            notes += (f"shortened to {room} frames: a neighbour is short",)
        return Joint(style, length, length, length, 0, why, notes)
    out, gap, back = _fade(frames, left.frames, step, asked=asked)
    if max(out, back) > room:
        out, back = min(out, room), min(back, room)
        notes += (f"shortened to {room} frames a side: a neighbour is short",)
    return Joint(style, out, back, 0, gap, why, notes)


def _between(grid: AvGrid) -> int:
    """Frames that last at least `_SOUND_BETWEEN` AAC frames."""
    return math.ceil(_SOUND_BETWEEN * AAC_FRAME * grid.fps / grid.sample_rate)


def _style(wish: JointWish, policy: JointPolicy) -> tuple[JointStyle, Fraction, str]:
    """The style, how long it is where nobody asks for a length, and why."""
    style, seconds = JointStyle.CROSSFADE, policy.crossfade_seconds
    if wish.style is not None:
        style, why = wish.style, "asked for by the author"
    elif policy.auto is not None:
        style, why = policy.auto, "the settings' style for joints left open"
    elif wish.time_changes:
        style, why = JointStyle.FADE, "the declared time of day changes"
    elif wish.kind is JointClass.SEAMLESS and not wish.drift:
        style, why = JointStyle.CUT, "one shot goes on"
    elif wish.kind is JointClass.SEAMLESS:
        seconds, why = policy.soft_seconds, "one shot goes on, but its colours still differ"
    elif wish.kind is JointClass.SAME_SETUP:
        why = "the same set-up again: a crossfade hides the jump"
    elif wish.kind is JointClass.NEW_SETUP:
        style, why = JointStyle.CUT, "another set-up: a cut, as films do"
    else:
        why = "nothing declared speaks against it"
    return style, policy.fade_seconds if style is JointStyle.FADE else seconds, why


def _near(frames: int, rest: int, step: int) -> int:
    """The length nearest to `frames` that is `rest` modulo `step`, and at least 4."""
    best = frames - (frames - rest + step // 2) % step + step // 2
    while best < 4:
        best += step
    return best


def _fade(frames: int, left_frames: int, step: int, *, asked: bool) -> tuple[int, int, int]:
    """(frames out, frames of black, frames in) of a fade through black.

    The black between brings the next clip onto the grid: it is `-left_frames` modulo `step`.
    A fade of asked length takes the black out of itself where at least half, and a frame on
    each side, is left to fade.
    """
    gap = -left_frames % step
    if asked:
        if gap > min(frames // 2, frames - 2):
            gap = 0
        out = (frames - gap) // 2
        return out, gap, frames - gap - out
    half = max(4, frames // 2)
    return half, gap, half
