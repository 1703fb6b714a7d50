"""One place in the timeline: a clip of a known number of frames, and where it may be cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chainer.timebase import AvGrid


class SlotContent(StrEnum):
    """What fills a slot."""

    ATOM = "atom"
    CARD = "card"
    SKETCH = "sketch"
    """The card of an atom that is planned and has no media yet."""


@dataclass(frozen=True, slots=True)
class Played:
    """An atom in a slot, in which it shows frames [first, first + frames).

    The frames of two that flow into each other overlap.
    """

    atom: str
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A clip in the timeline: `name` is an atom's id or a card's, `frames` its whole length.

    `fused` are the atoms of a slot in which several flow into one shot; empty everywhere else.
    """

    name: str
    content: SlotContent
    frames: int
    fused: tuple[Played, ...] = ()

    @property
    def plays(self) -> tuple[Played, ...]:
        """The atoms that play here, in order; none in a card."""
        if self.fused or self.content is SlotContent.CARD:
            return self.fused
        return (Played(self.name, 0, self.frames),)


def keyframes(frames: int, grid: AvGrid, spacing: int) -> tuple[int, ...]:
    """The frames of a canonical clip that are keyframes: where bodies may start.

    All but one lie on the AV grid, so that a playlist finds segments that start with whole AAC
    frames. The head has one at each of the first three grid points, so that a joint re-encodes at
    most a grid step beyond itself, and one where a crossfade from a clip of 10 s ends, the most
    usual joint of all, so that this one re-encodes nothing. The tail has one at its last two, so
    that a joint decodes little; between them one every `spacing` grid steps. With `spacing` 0 every
    frame is one, as where each picture is coded by itself: a joint then re-encodes nothing.
    """
    if not spacing:
        return tuple(range(frames))
    step = grid.frames
    last = (frames - 1) // step * step
    points = {0, *range(2 * step, frames, spacing * step)}
    head = (step * 3 // 4, step, 2 * step)
    points |= {point for point in (*head, last - step, last) if 0 < point < frames}
    return tuple(sorted(points))
