"""The visible mark, as values."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chainer.digest import Digest
from chainer.render.encoder import ENGINE
from chainer.render.spec.steps import StepType


class WatermarkPolicy(BaseModel):
    """The visible mark that is burned into every clip, but not into cards.

    `service` is its first line, `handle` says whether the author's id stands below it. `opacity`
    is in percent. `font` None takes the bundled one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    service: str = Field(default="chainer", min_length=1, max_length=40)
    handle: bool = True
    opacity: int = Field(default=90, ge=40, le=100)
    font: str | None = None

    @field_validator("service")
    @classmethod
    def _one_plain_line(cls, value: str) -> str:
        value = unicodedata.normalize("NFC", value)
        if not value.isprintable() or value != value.strip():
            raise ValueError("must be one line, without spaces around it or control characters")
        # Letters are set one after another from the left: the same way on every machine, but
        # wrong where they join, stack, or run the other way.
        for char in value:
            joins = unicodedata.category(char)[0] == "M"
            if joins or unicodedata.bidirectional(char) in ("R", "AL", "AN"):
                raise ValueError(
                    f"{char!r} (U+{ord(char):04X}) belongs to a script whose letters join or run "
                    "from right to left, which the mark cannot set; write the name in another"
                )
        return value


@dataclass(frozen=True, slots=True)
class MarkSpec:
    """The visible mark of one author at one frame size, as a picture with transparency.

    With `stamp` it is the word that says of a draft that it is one, alone on a darker plate.
    `handle` is the author's id, empty where the mark shows none; `font` the digest of the font
    that `policy` names; `maker` the version of what draws it.
    """

    type: ClassVar[StepType] = StepType.MARK

    handle: str
    policy: WatermarkPolicy
    font: Digest
    width: int
    height: int
    maker: str
    stamp: bool = False

    @property
    def needs(self) -> tuple[Digest, ...]:
        """The steps before this one."""
        return ()

    def parts(self) -> dict[str, Any]:
        """What the key is made of, by the names that reasons use."""
        parts = {
            "engine": ENGINE,
            "service": self.policy.service,
            "handle": self.handle,
            "opacity": self.policy.opacity,
            "font": self.font,
            "profile": [self.width, self.height],
            "maker": self.maker,
        }
        return {**parts, "stamp": True} if self.stamp else parts
