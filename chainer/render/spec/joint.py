"""The piece between two canonical clips, as values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from chainer.digest import Digest
from chainer.profile import Profile
from chainer.render.encoder import ENGINE
from chainer.render.spec.steps import StepType
from chainer.timeline.joint import JointStyle


@dataclass(frozen=True, slots=True)
class JointSpec:
    """The piece between two canonical clips; numbers as in `timeline.Joint` and `JointPiece`.

    `style` is a `JointStyle`; `out` and `back` are the joint's `left` and `right`.
    """

    type: ClassVar[StepType] = StepType.JOINT

    left: Digest
    right: Digest
    style: str
    left_frames: int
    right_frames: int
    out: int
    gap: int
    back: int
    overlap: int
    right_last: int
    shift: int
    packet_first: int
    packet_last: int
    profile: Profile
    build: str
    sound_at: int = 0
    made: int = 0

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return (self.left, self.right)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "engine": ENGINE, "profile": self.profile.key()}

    @property
    def frames(self) -> int:
        """Frames of picture in the piece; 0 for a plain cut, which only has sound to join."""
        if JointStyle(self.style).blends:
            return self.out + self.gap + self.right_last - self.overlap
        return self.made + self.right_last - self.back
