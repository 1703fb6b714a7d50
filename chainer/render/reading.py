"""How long cards stand and credits roll: arithmetic only.

People read about fifteen letters a second; an ideograph counts as two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from chainer.profile import Profile
from chainer.render.measure import roll_of
from chainer.render.spec import CardKind

LETTERS_A_SECOND = 15

_BOUNDS = {
    CardKind.TITLE: (Fraction(8, 5), Fraction(2), Fraction(5)),
    CardKind.CHAPTER: (Fraction(6, 5), Fraction(2), Fraction(4)),
    CardKind.STORY: (Fraction(8, 5), Fraction(5, 2), Fraction(10)),
    CardKind.CREDITS: (Fraction(2), Fraction(3), Fraction(8)),
    CardKind.SKETCH: (Fraction(2), Fraction(3), Fraction(20)),
}
"""For each kind: the seconds beside reading, the least and the most."""

_LONGEST_ROLL = 30
_CROSSING = 8
"""Seconds in which a row of a roll that is in no hurry crosses the screen."""


def card_seconds(kind: CardKind, text: str) -> Fraction:
    """How long a card with so much to read should stand, in seconds."""
    base, least, most = _BOUNDS[kind]
    letters = sum(
        2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
        for char in text
        if unicodedata.category(char)[0] != "M"
    )
    return min(most, max(least, base + Fraction(letters, LETTERS_A_SECOND)))


def roll_frames(rows: Sequence[tuple[str, str]], profile: Profile) -> int:
    """How many frames a roll needs: whole AV grid steps, about thirty seconds at most.

    A few rows stand; more go up in no hurry, and hundreds in columns and faster.
    """
    roll = roll_of(len(rows), profile.width, profile.height)
    if roll.still:
        seconds = min(Fraction(8), Fraction(12, 5) + Fraction(9, 20) * roll.rows)
        return profile.grid.ceil(ceil(seconds * profile.fps))
    distance = roll.start + roll.height
    easy = max(1, round(profile.height / (_CROSSING * profile.fps)))
    speed = max(easy, ceil(distance / (_LONGEST_ROLL * profile.fps)))
    return profile.grid.ceil(-(-distance // speed))
