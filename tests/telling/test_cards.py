"""Which cards and cues a chain has: decisions, nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from chainer.cards import Card, Staging, sketch_of, staging_of, with_seconds
from chainer.graph import Chain, Graph, WalkKind, WalkOptions, parse_graph, walk
from chainer.render.spec import CardKind, CardStyle, Cues
from chainer.timeline.script import Titles

WORDS = Titles("Low tide", "Harbor")


def graph(
    authors: Sequence[str] = ("mei", "mei", "bo"),
    chapters: Sequence[dict[str, Any]] = (),
    joints: dict[int, dict[str, Any]] | None = None,
    **nodes: dict[str, Any],
) -> Graph:
    names = [f"a{n + 1}" for n in range(len(authors))]
    value = {
        "directed": True,
        "multigraph": True,
        "graph": {
            "schema": "chainer.graph/1",
            "characters": {
                "mei": {"name": "Mei Lin", "person": "mei"},
                "bo": {"name": "Bo", "person": "bo"},
            },
            "series": [
                {
                    "id": "s",
                    "title": "S",
                    "episodes": [
                        {"id": "e", "title": "E", "start": "a1", "chapters": list(chapters)}
                    ],
                }
            ],
        },
        "nodes": [
            {"id": name, "media": f"{name}.mp4", "author": author, **nodes.get(name, {})}
            for name, author in zip(names, authors, strict=True)
        ],
        "edges": [
            {
                "source": one,
                "target": two,
                "kind": "continuation",
                **({"joint": (joints or {})[n]} if n in (joints or {}) else {}),
            }
            for n, (one, two) in enumerate(pairwise(names))
        ],
    }
    return parse_graph(value, source="test")


def staged(told: Graph, **style: Any) -> Staging:
    return staging_of(told, chain_of(told), WORDS, CardStyle(**style))


def chain_of(told: Graph) -> Chain:
    return walk(told, "a1", WalkOptions(kind=WalkKind.SERIES))[0]


def test_a_film_opens_with_its_title_and_nothing_else() -> None:
    found = staged(graph())
    assert found.cards == (Card("title", CardKind.TITLE, "a1", "Low tide", "Harbor"),)
    assert found.cues == {}
    assert staged(graph(), title=False).cards == ()


def test_chapters_open_with_the_cards_that_they_ask_for() -> None:
    told = graph(
        chapters=[
            {"title": "Dawn", "at": "a1", "card": "chapter"},
            {"title": "The rope", "at": "a2", "card": "chapter"},
            {"title": "Night fell", "at": "a3", "card": "story"},
        ]
    )
    found = staged(told)
    # The title card opens the film: no second card follows it.
    assert [(card.name, card.kind, card.before) for card in found.cards] == [
        ("title", CardKind.TITLE, "a1"),
        ("chapter-a2", CardKind.CHAPTER, "a2"),
        ("story-a3", CardKind.STORY, "a3"),
    ]
    assert found.before("a2")[0].heading == "The rope"
    bare = staged(told, title=False)
    assert [card.name for card in bare.cards] == ["chapter-a1", "chapter-a2", "story-a3"]
    assert [card.name for card in staged(told, chapters=False).cards] == ["title"]


@pytest.mark.parametrize(
    ("joint", "atom", "text"),
    [
        ({"kind": "card", "text": "Three days later"}, {}, "Three days later"),
        ({"kind": "card"}, {"story": {"hook": "A knock"}}, "A knock"),
        ({"kind": "card"}, {"title": "The visitor"}, "The visitor"),
    ],
)
def test_a_joint_may_ask_for_a_story_card(
    joint: dict[str, Any], atom: dict[str, Any], text: str
) -> None:
    found = staged(graph(joints={0: joint}, a2=atom), title=False)
    assert found.cards == (Card("story-a2", CardKind.STORY, "a2", text),)
    assert found.notes == ()


def test_a_story_card_without_words_is_left_out_and_told() -> None:
    found = staged(graph(joints={0: {"kind": "card"}}), title=False)
    assert found.cards == ()
    assert "neither the joint has a text" in found.notes[0]


def test_cues_are_shown_where_asked_for_or_at_every_hand_over() -> None:
    told = graph(
        chapters=[{"title": "Bo's turn", "at": "a3", "card": "character"}],
        a3={"title": "The other side"},
    )
    asked = staged(told).cues
    assert list(asked) == ["a3"]
    assert (asked["a3"].line, asked["a3"].detail) == ("Mei Lin hands over to Bo", "Bo's turn")
    plain = graph(a3={"title": "The other side"})
    assert staged(plain).cues == {}
    every = staged(plain, cues=Cues.ALL).cues
    assert list(every) == ["a3"], "a1 and a2 are by one author"
    assert every["a3"].detail == "The other side"
    assert staged(told, cues=Cues.OFF).cues == {}


def test_a_cue_at_the_first_atom_says_who_appears() -> None:
    told = graph(
        chapters=[{"title": "At the pier", "at": "a1", "card": "character"}],
        a1={"cast": [{"character": "mei"}, {"character": "bo"}]},
    )
    cue = staged(told).cues["a1"]
    assert (cue.line, cue.detail) == ("Mei Lin and Bo", "At the pier")


def test_cues_are_left_out_where_nothing_may_be_laid_over_the_picture() -> None:
    found = staged(graph(), cues=Cues.ALL).without_cues({"a3": "somebody allows no overlay"})
    assert found.cues == {}
    assert found.notes == ("a3: no cue: somebody allows no overlay",)


def test_the_roll_of_credits_is_asked_for_by_a_chapter_or_the_settings() -> None:
    told = graph(chapters=[{"title": "The end", "at": "a3", "card": "credits"}])
    for found in (staged(told), staged(graph(), credits=True)):
        (roll,) = found.after
        assert roll.kind is CardKind.CREDITS
        assert [name for name, _ in roll.rows] == ["Mei Lin", "Bo"]
    seconds = [("mei", Fraction(186, 10)), ("bo", Fraction(10))]
    assert with_seconds(roll, told, seconds).rows == (("Mei Lin", "18.6 s"), ("Bo", "10.0 s"))


def test_a_sketch_shows_what_there_is_of_an_atom() -> None:
    told = graph(
        a1={
            "title": "The knock",
            "prompt": "A door at night",
            "story": {"hook": "A knock", "button": "Nobody there"},
            "dialogue": [{"start": "1.5", "end": "3", "character": "mei", "text": "Who is it?"}],
        }
    )
    card = sketch_of(told, told.atom("a1"))
    assert (card.kind, card.heading, card.line) == (CardKind.SKETCH, "The knock", "A door at night")
    assert card.rows == (
        ("Hook", "A knock"),
        ("Button", "Nobody there"),
        ("1.5 s Mei Lin", "Who is it?"),
    )
    empty = sketch_of(told, told.atom("a2"))
    assert (empty.heading, empty.line, empty.rows) == ("a2", "", ())
