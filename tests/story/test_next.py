"""What a chain needs next, for graphs of any origin."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from chainer.errors import WalkError
from chainer.graph import parse_graph
from chainer.story.items import Item, Need, Needs
from chainer.story.next import needs_of
from chainer.story.speech import seconds_to_speak
from tests.graph.examples import data_of

FULL = {"story": {"hook": "h", "beat": "b", "button": "u"}, "prompt": "p"}


def needs(
    folder: Path, edges: str, there: str = "", start: str | None = None, **each: dict[str, Any]
) -> Needs:
    """The needs of a small graph; `there` are the atoms whose files are, the others are planned."""
    files = there.split()
    value = data_of(edges.split())
    for node in value["nodes"]:
        planned = {} if node["id"] in files else {"status": "planned"}
        node |= {**FULL, **planned, **each.get(node["id"], {})}
    for name in files:
        (folder / f"{name}.mp4").write_bytes(b"x")
    return needs_of(parse_graph(value, source="g.json", base=folder), "g.json", start)


def kinds(found: Needs) -> list[tuple[str, str | None]]:
    return [(item.kind.value, item.atom) for item in found.items]


def only(found: Needs, kind: Need) -> Item:
    (one,) = [item for item in found.items if item.kind is kind]
    return one


def test_what_can_be_filmed_now_comes_first(tmp_path: Path) -> None:
    found = needs(tmp_path, "a>b b>c b~r c>d r>d", "a")
    assert kinds(found) == [("film", "b"), ("later", "c"), ("later", "r"), ("later", "d")]
    assert (found.atoms, found.filmed) == (5, 1)
    film = found.items[0]
    assert film.author == "by-b"
    assert film.facts["continues"] == [
        {
            "atom": "a",
            "kind": "continuation",
            "command": ["chainer", "memory", "g.json", "--path", "a", "--pack", "next-b",
                        "--prompt", "p"],
        }
    ]  # fmt: skip
    assert "chainer memory g.json --path a --pack next-b" in film.words
    assert "goes on from the last picture of a (by by-a)" in film.words
    assert found.items[-1].facts["after"] == ["c", "r"]


def test_two_leaves_are_two_things_to_film_and_a_remix_is_told_as_one(tmp_path: Path) -> None:
    found = needs(tmp_path, "a>b a~r r>s", "a r")
    assert kinds(found) == [("film", "b"), ("film", "s")]
    assert "--kind relay" in found.items[1].words
    again = needs(tmp_path, "a>b a~x", "a b")
    assert "it is a remix of a" in only(again, Need.FILM).words
    assert kinds(needs(tmp_path, "a>b a~r r>s", "a r", start="r")) == [("film", "s")]
    with pytest.raises(WalkError):
        needs(tmp_path, "a>b", start="z")


def test_a_file_that_is_there_wants_its_status(tmp_path: Path) -> None:
    found = needs(tmp_path, "a>b", "a", a={"status": "planned"})
    assert kinds(found) == [("film", "b"), ("publish", "a")]
    assert "`chainer edit g.json a --status published`" in found.items[1].words
    assert found.items[0].facts["continues"][0]["command"] is None
    assert "publish that first" in found.items[0].words


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    found = needs(tmp_path, "a>b", "a b", b={"media": "other.mp4"})
    assert kinds(found) == [("missing", "b")]
    assert "other.mp4" in found.items[0].words
    stored = needs(tmp_path, "a>b", "a b", b={"media": "store:" + "0" * 64})
    assert stored.items == ()
    withdrawn = needs(tmp_path, "a>b", "a b", b={"media": "gone.mp4", "status": "withdrawn"})
    assert withdrawn.items == ()
    assert withdrawn.atoms == 1


def test_the_form_is_asked_of_what_is_not_published(tmp_path: Path) -> None:
    bare: dict[str, Any] = {"story": {"button": "u"}, "prompt": ""}
    found = needs(tmp_path, "a>b", "a", a=bare, b=bare)
    assert [item.words for item in found.items if item.kind is Need.FORM] == [
        "b has no hook and no beat",
        "b has no prompt",
    ]


def line(start: str, end: str, text: str) -> dict[str, str]:
    return {"start": start, "end": end, "text": text}


@pytest.mark.parametrize(
    ("one", "more", "told"),
    [
        (line("1", "2", "one two three"), {}, None),
        (line("1", "2", "one two three four"), {}, "takes 1.3 s"),
        (line("1", "2", "你好你好你"), {}, None),
        (line("1", "2", "你好你好你好"), {}, "takes 1.2 s"),
        (line("9", "10", "x"), {}, None),
        (line("9", "10.1", "x"), {}, "not inside what plays (0 to 10 s)"),
        (line("1", "3", "x"), {"trim": {"start": "2", "end": "8"}}, "(2 to 8 s)"),
        (line("15", "16", "x"), {"slot": {"kind": "extended", "seconds": 16}}, None),
    ],
)
def test_lines_that_cannot_be_spoken(
    tmp_path: Path, one: dict[str, str], more: dict[str, Any], told: str | None
) -> None:
    found = needs(tmp_path, "a>b", "a", b={"dialogue": [one], **more})
    words = [item.words for item in found.items if item.kind is Need.DIALOGUE]
    assert (len(words), told or "") == (1 if told else 0, told or "")
    assert all(str(told) in one for one in words)


def test_how_fast_people_speak() -> None:
    assert seconds_to_speak("Don't. Stop — now, please!") == Fraction(5, 3)
    assert seconds_to_speak("… !? —") == 0
    assert seconds_to_speak("شكرا جزيلا") == Fraction(2, 3)
    assert seconds_to_speak("OK 你好") == Fraction(1, 3) + Fraction(2, 5)


def test_how_a_chain_ends(tmp_path: Path) -> None:
    story = {"hook": "h", "beat": "b"}
    assert kinds(needs(tmp_path, "a>b", "a b", b={"story": story})) == [("button", "b")]
    assert kinds(needs(tmp_path, "a>b", "a b", a={"story": story})) == []
    asked = {"story": {**story, "button": "And who is that?"}}
    found = needs(tmp_path, "a>b", "a b", b=asked)
    assert kinds(found) == [("thread", "b")]
    assert found.items[0].facts["question"] == "And who is that?"
    assert kinds(needs(tmp_path, "a>b", "a b", b={**asked, "tags": ["ending"]})) == []
    spoken = {"dialogue": [line("8", "9", "Ready?"), line("1", "2", "Go.")]}
    assert kinds(needs(tmp_path, "a>b", "a b", b=spoken)) == [("thread", "b")]


def test_what_is_opened_is_closed(tmp_path: Path) -> None:
    opened = {"tags": ["opens:key"]}
    closed = {"tags": ["closes:key"]}
    assert kinds(needs(tmp_path, "a>b b>c", "a b c", a=opened, c=closed)) == []
    assert kinds(needs(tmp_path, "a>b b>c", "a b c", a=closed, c=opened)) == [("thread", "c")]
    found = needs(tmp_path, "a>b a>c", "a b c", a=opened)
    assert found.items[0].facts["thread"] == "key"
    assert "`closes:key`" in found.items[0].words


def test_nothing_to_do(tmp_path: Path) -> None:
    found = needs(tmp_path, "a>b", "a b")
    assert found.as_json()["done"] is True
    assert found.as_json()["items"] == []


def test_names_are_fit_for_a_shell(tmp_path: Path) -> None:
    value = data_of(["a>b"])
    value["nodes"] = [{**node, **FULL} for node in value["nodes"]]
    value["nodes"][1]["status"] = "planned"
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "b.mp4").write_bytes(b"x")
    graph = parse_graph(value, source="g", base=tmp_path)
    (item,) = needs_of(graph, "my $(g).json").items
    assert "`chainer edit 'my $(g).json' b --status published`" in item.words
    (there,) = needs_of(graph, "sqlite:///g.db").items
    assert "in the database" in there.words
