"""A piece packed for playlists, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from chainer.digest import Digest
from chainer.profile import Profile
from chainer.render.spec.steps import StepType

PACKING = 2
"""Which way of packing this is; another one is another key."""


@dataclass(frozen=True, slots=True)
class SegmentsSpec:
    """Frames and packets, both [first, last), of the piece of key `piece`, in segments.

    `at_frame` and `at_packet` are the times of the first ones. No codec runs, so no encoder is
    part of the key beyond the one in the piece's.
    """

    type: ClassVar[StepType] = StepType.SEGMENTS

    piece: Digest
    frames: tuple[int, int]
    packets: tuple[int, int]
    at_frame: int
    at_packet: int
    profile: Profile

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return (self.piece,)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {
            "engine": PACKING,
            "clip": self.piece,
            "range": [*self.frames, *self.packets],
            # A stretch without pictures or sound is the same wherever those would have been.
            "place": [
                self.at_frame if self.frames[0] < self.frames[1] else 0,
                self.at_packet if self.packets[0] < self.packets[1] else 0,
            ],
            "profile": self.profile.key(),
        }
