"""How two neighbours meet, in whole frames.

A joint takes `left` frames off the end of one clip and `right` frames off the start of the
next; `overlap` of them play at once and `gap` frames come between. Crossfades and fades show
what they take. The others are cuts inside the overlap: the picture changes where the left clip
has `left` frames to go and the right one has played `right`, and the sound at a place of its own.
All lengths follow from the two clips, what was found at their ends, and the policy alone, never
from the place in a film, so that every film in which the two meet shares the joint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chainer.memory.point import Point
from chainer.memory.report import JointClass
from chainer.profile import Exact
from chainer.timebase import AAC_FRAME, AvGrid, time_text, to_frames
from chainer.timeline.slot import Slot

_SOUND_BETWEEN = 4
"""AAC frames that a clip keeps to itself between its two joints. The sound of each joint reaches
up to one further than its pictures, one more where it is placed off the grid, and ends on whole
ones: with fewer between, the two would meet in a frame that neither has right."""

CUT_FADE_SAMPLES = 480
"""At a cut one sound goes over into the next within 10 ms: too short to hear, too long to click."""

_WIDEST_GRID = 32
"""Frames: joints are bent to a grid of at most this step, which 25, 30, 50 and 60 fps have."""


class JointStyle(StrEnum):
    """The joints that are rendered."""

    CUT = "cut"
    """Also where the sound is cut before the picture (J) or after it (L)."""
    CROSSFADE = "crossfade"
    FADE = "fade"
    MATCH = "match"
    """A cut between the two pictures that join best."""
    MORPH = "morph"
    """A match with interpolated pictures between the two."""

    @property
    def blends(self) -> bool:
        """Whether all that it takes off the clips is shown, as new pictures."""
        return self in (JointStyle.CROSSFADE, JointStyle.FADE)


@dataclass(frozen=True, slots=True)
class JointWish:
    """What the author asks for (None: the planner chooses), what is declared, and what was seen.

    `kind` is what the memory made of the two (None: it did not look), and `drift` says that their
    colours still differ after correction. By `lead` seconds the right clip's sound starts before
    its picture (J cut), by `lag` the left one's ends after its own (L cut). `point` is what the
    search for a match or a morph has found (None: nobody looked).
    """

    style: JointStyle | None = None
    seconds: Fraction | None = None
    time_changes: bool = False
    note: str = ""
    kind: JointClass | None = None
    drift: bool = False
    lead: Fraction | None = None
    lag: Fraction | None = None
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Joint:
    """The decision. The next clip starts `gap - overlap` frames after this one ends.

    Where it is no blend, `made` interpolated pictures stand between the left clip's last shown
    frame and the right one's frame `right`, and the sounds change over from frame `sound_at` of the
    right clip on: within 10 ms, or over `made` frames where there are any. A `gap` is black in a
    fade; in a morph made pictures fill it.
    """

    style: JointStyle
    left: int
    right: int
    overlap: int
    gap: int
    why: str
    notes: tuple[str, ...] = ()
    sound_at: int = 0
    made: int = 0

    @property
    def frames(self) -> int:
        """How long it takes: what both play at once, or is put between, or is made."""
        return self.overlap or self.made or self.left + self.gap + self.right

    @property
    def is_picture(self) -> bool:
        """Whether any picture may be new work: a right clip is copied from keyframes on only."""
        return self.style.blends or self.right + self.made > 0


class JointPolicy(BaseModel):
    """Defaults of the joints. Lengths are exact seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crossfade_seconds: Exact = Field(default=Fraction(2, 5), gt=0, le=5)
    soft_seconds: Exact = Field(default=Fraction(4, 15), gt=0, le=5)
    """Of the crossfade within one shot whose colours still differ. Between clips of 10 s it comes
    out as long as any other, since at 30 fps only 12 frames, or 28, keep to the AV grid there."""
    fade_seconds: Exact = Field(default=Fraction(4, 5), gt=0, le=5)
    max_seconds: Exact = Field(default=Fraction(3), gt=0, le=10)
    auto: Literal[JointStyle.CUT, JointStyle.CROSSFADE, JointStyle.FADE] | None = None
    """The style of every joint that the author leaves open; None: chosen by what is declared and
    what the memory has seen."""


def choose_joint(
    left: Slot, right: Slot, wish: JointWish, policy: JointPolicy, fps: Fraction, grid: AvGrid
) -> Joint:
    """Decide the joint between two neighbours.

    A length that the author gives is kept to the frame, and so is a point that was found. A length
    of ours is bent by at most half a grid step, or up to the first one of at least 4 frames, so
    that the next clip starts on the AV grid, where its sound needs no shift. Each of the two
    joints of a clip takes less than half of it, so that every pair of neighbours can be decided
    alone; where that leaves less than was asked for, or nothing, a note says so.
    """
    style, seconds, why = _style(wish, policy)
    notes: tuple[str, ...] = (wish.note,) if wish.note else ()
    rooms = (_room(left, grid), _room(right, grid))
    if style is JointStyle.CUT:
        return _cut(wish, why, notes, policy, rooms, grid)
    if wish.lead or wish.lag:
        notes += (f"lead and lag are of cuts: this is a {style.value}",)
    if not style.blends:
        return _at_point(wish.point, style, why, notes, rooms, grid)
    asked = wish.seconds is not None
    if wish.seconds is not None:
        seconds, notes = _bounded(wish.seconds, policy, notes)
    frames = to_frames(seconds, fps)
    if frames < 2:
        frames = 2
        if asked:
            notes += (f"asked for {wish.seconds} s, at least 2 frames are joined",)
    room = min(rooms)
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


def _cut(
    wish: JointWish,
    why: str,
    notes: tuple[str, ...],
    policy: JointPolicy,
    rooms: tuple[int, int],
    grid: AvGrid,
) -> Joint:
    """A cut of the picture, and of the sound at the same moment, before it or after it."""
    asked = wish.lead or wish.lag
    if not asked:
        return Joint(JointStyle.CUT, 0, 0, 0, 0, why, notes)
    if wish.lead and wish.lag:
        notes += ("a joint cannot both lead and lag: it leads",)
    seconds, notes = _bounded(asked, policy, notes)
    frames = to_frames(seconds, grid.fps)
    # The sound that starts early takes the end of the left clip, the one that goes on takes the
    # start of the right one, and 10 ms of it for the change.
    room = min(rooms[0], rooms[1] - _change_frames(grid))
    if frames < 1 or room < 1:
        short = "a clip is too short" if frames else f"{time_text(asked)} s are less than a frame"
        notes += (f"picture and sound are cut together: {short}",)
        return Joint(JointStyle.CUT, 0, 0, 0, 0, why, notes)
    if frames > room:
        frames = room
        notes += (f"shortened to {room} frames: a neighbour is short",)
    if wish.lead:
        return Joint(JointStyle.CUT, 0, frames, frames, 0, why, notes)
    return Joint(JointStyle.CUT, frames, 0, frames, 0, why, notes, sound_at=frames)


def _at_point(
    point: Point | None,
    style: JointStyle,
    why: str,
    notes: tuple[str, ...],
    rooms: tuple[int, int],
    grid: AvGrid,
) -> Joint:
    """A match or a morph at the point that was found, else the plain cut."""
    plain = Joint(JointStyle.CUT, 0, 0, 0, 0, f"{why} as a {style.value}", notes)
    if point is None:
        note = f"nobody has looked for a {style.value}, so it is a plain cut"
        return replace(plain, notes=(*notes, note))
    if point.is_plain:
        return replace(plain, notes=(*notes, point.why))
    found = JointStyle.MORPH if point.made else JointStyle.MATCH
    if found is not style:
        notes += (point.why,)
    overlap = point.left + point.right - point.made
    if found is JointStyle.MATCH:
        sound_at, length = point.right, _change_frames(grid)
    elif overlap >= point.made:
        # Where both clips have sound, as near to the made pictures as that goes.
        sound_at = min(max(point.right - point.made, 0), overlap - point.made)
        length = point.made
    else:
        sound_at, length = (overlap - point.made) // 2, point.made
    reach = (max(point.left, overlap - sound_at), max(point.right, sound_at + length))
    if reach[0] > rooms[0] or reach[1] > rooms[1]:
        word = f"the {found.value} leaves too little of a short clip, so it is a plain cut"
        return replace(plain, notes=(*notes, word))
    return Joint(
        found,
        point.left,
        point.right,
        max(0, overlap),
        max(0, -overlap),
        f"{why}; {point.why}" if found is style else why,
        notes,
        sound_at=sound_at,
        made=point.made,
    )


def _bounded(
    asked: Fraction, policy: JointPolicy, notes: tuple[str, ...]
) -> tuple[Fraction, tuple[str, ...]]:
    if asked <= policy.max_seconds:
        return asked, notes
    most = policy.max_seconds
    return most, (*notes, f"asked for {asked} s, at most {most} s are joined")


def _room(slot: Slot, grid: AvGrid) -> int:
    """Frames that a joint may take of a clip; may be negative."""
    return (slot.frames - _between(grid)) // 2


def _between(grid: AvGrid) -> int:
    """Frames that last at least `_SOUND_BETWEEN` AAC frames."""
    return math.ceil(_SOUND_BETWEEN * AAC_FRAME * grid.fps / grid.sample_rate)


def _change_frames(grid: AvGrid) -> int:
    """Frames in which the sound has changed over at a cut."""
    return math.ceil(CUT_FADE_SAMPLES * grid.fps / grid.sample_rate)


def _style(wish: JointWish, policy: JointPolicy) -> tuple[JointStyle, Fraction, str]:
    """The style, how long it is where nobody asks for a length, and why."""
    style: JointStyle = JointStyle.CROSSFADE
    seconds = policy.crossfade_seconds
    if wish.style is not None or wish.lead or wish.lag:
        # Sound that is cut at another moment than the picture says that the picture is cut.
        style, why = wish.style or JointStyle.CUT, "asked for by the author"
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
