"""What authors say of a joint, in words and fields, and which flags that excuses."""

from __future__ import annotations

from typing import Any

import pytest

from chainer.graph import Edge
from chainer.memory.declared import Declared, declared_changes, is_remix
from chainer.memory.report import Against, Finding, Flag

from .scene import atom


def edge(**values: Any) -> Edge:
    ends = {"source": "a1", "target": "a2", "kind": "continuation"}
    return Edge.model_validate({**ends, **values})


def finding(flag: Flag, subject: str = "") -> Finding:
    return Finding(flag, Against.PREVIOUS, flag.value, 0.9, "", subject)


def excused(declared: Declared, subject: str = "") -> set[Flag]:
    return {flag for flag in Flag if declared.reason(finding(flag, subject))}


def told(way: Edge | None = None, first: dict[str, Any] | None = None, **values: Any) -> Declared:
    return declared_changes(way, atom("a1", **(first or {})), atom("a2", **values))


def test_nothing_said_excuses_nothing() -> None:
    for way in (None, edge()):
        assert excused(told(way), "mei") == set()
        assert told(way).light == ""


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("light", Flag.LIGHT),
        ("weather", Flag.LIGHT),
        ("colour", Flag.COLOUR),
        ("color", Flag.COLOUR),
        ("direction", Flag.MIRROR),
        ("framing", Flag.ZOOM),
        ("cast", Flag.IDENTITY),
        ("cast", Flag.MISSING),
        ("wardrobe", Flag.WARDROBE),
        ("Costume", Flag.WARDROBE),
        ("music", Flag.LOUDNESS),
    ],
)
def test_a_word_on_the_edge_excuses_its_flag(word: str, flag: Flag) -> None:
    declared = told(edge(changes=[word]))
    assert flag in excused(declared)
    assert word in declared.reason(finding(flag))


def test_a_word_excuses_only_its_own() -> None:
    assert excused(told(edge(changes=["wardrobe"]))) == {Flag.WARDROBE}
    assert excused(told(edge(changes=["music"]))) == {Flag.LOUDNESS}
    assert excused(told(edge(changes=["mood"]))) == set()


def test_another_place_may_look_and_sound_different_but_not_hold_other_people() -> None:
    wanted = {Flag.LIGHT, Flag.COLOUR, Flag.MIRROR, Flag.ZOOM, Flag.LOUDNESS}
    declared = told(first={"place": "pier"}, place="cellar")
    assert excused(declared, "mei") == wanted
    assert "cellar" in declared.light
    assert excused(told(edge(changes=["place"]))) == wanted - {Flag.LOUDNESS}


@pytest.mark.parametrize(
    ("first", "values"),
    [
        ({"place": "pier"}, {"place": "pier"}),
        ({"place": "pier"}, {}),
        ({}, {"place": "pier"}),
        ({"time_of_day": "dusk"}, {"time_of_day": "dusk"}),
        ({}, {"time_of_day": "dusk"}),
    ],
)
def test_only_what_is_said_on_both_sides_changes(
    first: dict[str, Any], values: dict[str, Any]
) -> None:
    assert excused(told(first=first, **values)) == set()


def test_another_hour_is_another_light() -> None:
    declared = told(first={"time_of_day": "day"}, time_of_day="night")
    assert excused(declared) == {Flag.LIGHT, Flag.COLOUR}
    assert "night" in declared.light


@pytest.mark.parametrize(
    "text",
    [
        "Night falls.",
        "as the night slowly falls over the pier",
        "Dawn breaks behind them",
        "the sun sets",
        "The sunset fades.",
        "a light goes on",
        "the lights go out",
        "The lamp goes out",
        "darkness comes",
        "The sun goes down.",
        "night is falling",
        "the light in the cellar goes out",
        "day turns to night",
    ],
)
def test_a_story_in_which_the_light_changes_says_so(text: str) -> None:
    for values in ({"prompt": text}, {"story": {"hook": text}}, {"story": {"beat": text}}):
        assert excused(told(**values)) == {Flag.LIGHT, Flag.COLOUR}
    quoted = told(prompt=text).light.strip('"')
    assert quoted
    assert quoted in text


@pytest.mark.parametrize(
    "text",
    [
        "Mei walks along the pier at night.",
        "a bright day",
        "The rope falls. Night.",
        "Goodnight, she says, and turns",
        "the lighthouse comes into view",
        "One day she turns around.",
        "In the morning light Mei comes out of the house",
        "At night a man comes to the pier",
    ],
)
def test_a_story_that_only_names_the_hour_excuses_nothing(text: str) -> None:
    assert excused(told(prompt=text)) == set()


def test_what_the_clip_before_tells_is_over() -> None:
    assert excused(told(first={"prompt": "Night falls."})) == set()


def test_new_clothes_that_are_declared_are_one_characters_own() -> None:
    old, new = {"mei": {"coat": "yellow"}}, {"mei": {"coat": "red"}}
    declared = told(first={"facts": old}, facts=new)
    assert excused(declared, "mei") == {Flag.WARDROBE}
    assert excused(declared, "kai") == set()
    assert "red" in declared.reason(finding(Flag.WARDROBE, "mei"))
    assert excused(told(first={"facts": old}, facts=old), "mei") == set()
    assert excused(told(first={"facts": old}, facts={"mei": {"mood": "sad"}}), "mei") == set()


def test_who_a_remix_removes_is_not_missed() -> None:
    declared = told(edge(kind="remix", removes=["mei"]))
    assert {Flag.MISSING, Flag.IDENTITY} <= excused(declared, "mei")
    assert excused(declared, "kai") == set()


def test_a_remix_is_told_from_a_continuation() -> None:
    assert is_remix(edge(kind="remix"))
    assert not is_remix(edge())
    assert not is_remix(None)
