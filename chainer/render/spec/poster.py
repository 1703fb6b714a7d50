"""The poster, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from chainer.digest import Digest
from chainer.render.encoder import ENGINE
from chainer.render.spec.steps import StepType


@dataclass(frozen=True, slots=True)
class PosterSpec:
    """The best still of a canonical clip."""

    type: ClassVar[StepType] = StepType.POSTER

    clip: Digest
    build: str

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return (self.clip,)

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        return {"engine": ENGINE, "clip": self.clip, "build": self.build}
