"""What an order of an episode carries on: to whoever asks for consent, and to a later rendering."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainer.again import _told_alike
from chainer.enrol import request_of
from chainer.errors import InputError
from chainer.graph import WalkOptions, walk
from chainer.permission import Permission
from chainer.settings import Settings, parse_settings
from chainer.store import Store
from tests.graph.examples import graph_of

GRAPH = graph_of("a>b b>c")


@pytest.mark.parametrize(
    ("scenario", "commercial"),
    [("brand_short", True), ("Brand short", True), ("story_challenge", False), (None, False)],
)
def test_the_scenario_of_a_brand_makes_an_episode_commercial(
    scenario: str | None, commercial: bool, tmp_path: Path
) -> None:
    settings = parse_settings({"slots": {"scenario": scenario}}, "test")
    permission = Permission(GRAPH, settings, Store(tmp_path))
    assert permission.settings.consent.commercial is commercial
    assert settings.consent.commercial is False


def test_an_episode_is_told_again_as_it_was() -> None:
    told = {
        "takes": {"a": 2},
        "card": {"cues": "all", "credits": True},
        "captions": {"burn": True},
        "bed": {"media": "/music/sea.mp3", "gain": "-18"},
        "slots": {"scenario": "story_challenge"},
        "sketches": True,
    }
    asked = parse_settings(told, "test")
    chain = walk(GRAPH, "a", WalkOptions())[0]
    request = request_of(GRAPH, chain, None, asked)
    mine = parse_settings({"card": {"text": "#000000"}, "slots": {"extended": "18"}}, "test")
    again = _told_alike(mine, request["telling"])
    assert (again.takes, again.captions, again.bed) == (asked.takes, asked.captions, asked.bed)
    assert again.sketches
    assert (again.card.cues, again.card.credits, again.card.text) == ("all", True, "#000000")
    assert (again.slots.scenario, again.slots.extended) == ("story_challenge", 18)
    plain = request_of(GRAPH, chain, None, Settings())
    assert plain["telling"] == {}
    assert _told_alike(mine, plain["telling"]) == mine


def test_an_order_that_is_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="order"):
        _told_alike(Settings(), {"captions": {"burn": "perhaps"}})
