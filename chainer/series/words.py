"""Names and lengths as pages and feeds write them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainer.timebase import round_half_up


def names_text(names: Sequence[str]) -> str:
    """Names as a sentence lists them; empty for none."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def length_text(seconds: Fraction) -> str:
    """`0:48`, rounded to whole seconds."""
    minutes, rest = divmod(round_half_up(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def spoken_text(seconds: Fraction) -> str:
    """The same in words, for who listens to the page."""
    minutes, rest = divmod(round_half_up(seconds), 60)
    words = [f"{minutes} min"] if minutes else []
    return " ".join([*words, f"{rest} s"] if rest or not words else words)
