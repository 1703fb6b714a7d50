"""How an atom's share of an episode is divided: a setting; `episode/credits.py` does it."""

from __future__ import annotations

from fractions import Fraction

from pydantic import BaseModel, ConfigDict, field_validator

from chainer.profile import Exact


class CreditPolicy(BaseModel):
    """How an atom's share is divided.

    `ancestors` of it, 0 or more and less than 1, goes to those whose work it was remixed from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ancestors: Exact = Fraction(1, 5)

    @field_validator("ancestors")
    @classmethod
    def _leaves_something(cls, value: Fraction) -> Fraction:
        if not 0 <= value < 1:
            raise ValueError("the ancestors' share must be 0 or more and less than 1")
        return value
