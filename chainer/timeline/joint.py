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
    """What the author asks for (None: the planner chooses), and what is declared of the two."""

    style: JointStyle | None = None
    seconds: Fraction | None = None
    time_changes: bool = False
    note: str = ""


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
    fade_seconds: Exact = Field(default=Fraction(4, 5), gt=0, le=5)
    max_seconds: Exact = Field(default=Fraction(3), gt=0, le=10)
    auto: JointStyle | None = None
    """The style of every joint that the author leaves open; None: chosen by what is declared."""


def choose_joint(
    left: Slot, right: Slot, wish: JointWish, policy: JointPolicy, fps: Fraction, grid: AvGrid
) -> Joint:
    """Decide the joint between two neighbours.

    A length that the author gives is kept to the frame. A length of ours is bent by at most half
    a grid step, or up to the first one of at least 4 frames, so that the next clip starts on the
    AV grid, where its sound needs no shift. Each of the two joints of a clip takes less than half
    of it, so that every pair of neighbours can be decided alone.
    """
    style, why = _style(wish, policy)
    notes: tuple[str, ...] = (wish.note,) if wish.note else ()
    if style is JointStyle.CUT:
        return Joint(style, 0, 0, 0, 0, why, notes)
    seconds = policy.crossfade_seconds if style is JointStyle.CROSSFADE else policy.fade_seconds
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


def _style(wish: JointWish, policy: JointPolicy) -> tuple[JointStyle, str]:
    if wish.style is not None:
        return wish.style, "asked for by the author"
    if policy.auto is not None:
        return policy.auto, "the settings' style for joints left open"
    if wish.time_changes:
        return JointStyle.FADE, "the declared time of day changes"
    return JointStyle.CROSSFADE, "nothing declared speaks against it"


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
