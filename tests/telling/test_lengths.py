"""How long cards stand: whole steps of the AV grid where it is fine, and never a tedious time."""

from __future__ import annotations

from fractions import Fraction

import pytest

from chainer.cards import Card
from chainer.placing import card_frames
from chainer.render.spec import CardKind
from chainer.settings import parse_settings

SHORT = Card("chapter-a", CardKind.CHAPTER, "a", "The rope")
LONG = Card("story-a", CardKind.STORY, "a", "Three days later, and still nobody had come. " * 3)


@pytest.mark.parametrize("fps", [24, 25, 30, 48, 50, 60])
def test_cards_are_as_long_at_every_frame_rate(fps: int) -> None:
    settings = parse_settings({"profile": {"fps": str(fps)}}, "test")
    grid = settings.profile.grid.frames
    for card in (None, SHORT, LONG):
        frames = card_frames(settings, card)
        seconds = Fraction(frames, fps)
        assert (Fraction(2) if card is not LONG else Fraction(5)) < seconds < 11
        if grid <= 32:
            assert (frames - grid * 3 // 4) % grid == 0, "a crossfade at its end keeps to the grid"
    assert card_frames(settings, LONG) > card_frames(settings, SHORT)


def test_a_roll_is_as_long_as_its_names_take() -> None:
    settings = parse_settings({}, "test")
    rolls = [
        Card("credits", CardKind.CREDITS, None, "Harbor", "", (("Mei", "10 s"),) * count)
        for count in (2, 40, 400)
    ]
    lengths = [card_frames(settings, roll) for roll in rolls]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[1]
    assert Fraction(lengths[2], 30) < 32
