"""Templates: the ones that come with chainer, and what is wrong with others."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from chainer.graph import EdgeKind, SlotKind, parse_graph, walk
from chainer.graph.options import WalkOptions
from chainer.story import (
    Template,
    TemplateError,
    Wishes,
    load_template,
    parse_template,
    story_graph,
    template_names,
)
from chainer.story.fill import TIMING
from chainer.story.items import Need
from chainer.story.next import needs_of
from chainer.timeline.used import SlotPolicy

NAMES = template_names()
FOLDER = Path(__file__).parents[2] / "graphs" / "templates"


def wishes(template: Template, **more: Any) -> Wishes:
    """Somebody for each role that must be cast."""
    roles = {
        name: f"who-{name.lower()}" for name, one in template.roles.items() if one.default is None
    }
    return Wishes(roles=roles, **more)


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_template_makes_a_graph_that_only_has_to_be_filmed(name: str) -> None:
    template = load_template(name)
    assert template.name == name
    value = story_graph(template, wishes(template))
    graph = parse_graph(value, source=name, base=Path("/nowhere"))
    needs = needs_of(graph, "x.json")
    assert {item.kind for item in needs.items} <= {Need.FILM, Need.LATER}
    firsts = [item.atom for item in needs.items if item.kind is Need.FILM]
    assert firsts == [template.atoms[0].id]
    assert "{" not in json.dumps([value["nodes"], value["graph"]]).replace('{"', "").replace(
        "{}", ""
    ).replace(" {", "")  # fmt: skip
    assert graph.roots() == (template.atoms[0].id,)


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_template_says_all_that_its_form_asks(name: str) -> None:
    template = load_template(name)
    for atom in template.atoms:
        assert next(part.start for _, part in atom.form.parts()) == 0
        assert atom.form.button.end == atom.seconds
        assert all(len(text) > 20 for _, text in atom.prompt)
        assert atom.tags
    texts = [part.text for atom in template.atoms for _, part in atom.form.parts()]
    texts += [text for atom in template.atoms for field, text in atom.prompt]
    assert len(set(texts)) == len(texts)  # nothing was filled in twice
    assert template.rating is not None
    assert template.rights is not None
    assert any(edge.joint is not None for edge in template.edges)
    assert all(series.episodes and series.episodes[0].chapters for series in template.series)
    assert len(template.series) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_template_can_be_walked_and_keeps_the_rules_of_slots(name: str) -> None:
    template = load_template(name)
    value = story_graph(template, wishes(template))
    for node in value["nodes"]:
        node["status"] = "published"
    graph = parse_graph(value, source=name)
    policy = SlotPolicy()
    for series in graph.info.series:
        (chain,) = walk(graph, series.episodes[0].start, WalkOptions())
        assert chain.seconds == template.seconds
        extended = [
            graph.atom(one).slot
            for one in chain.atoms
            if graph.atom(one).slot.kind is SlotKind.EXTENDED
        ]
        for slot in extended:
            assert len(extended) <= policy.scenarios[str(slot.scenario)]


def test_the_mystery_has_three_episodes_on_one_chain() -> None:
    template = load_template("three-episode-mystery")
    (series,) = template.series
    assert [episode.start for episode in series.episodes] == ["e1a1", "e2a1", "e3a1"]
    assert template.seconds == 120


def test_extended_slots_are_where_they_are_earned() -> None:
    found = {
        name: [a.slot.scenario for a in load_template(name).atoms if a.slot.kind == "extended"]
        for name in NAMES
    }
    assert {name: slots for name, slots in found.items() if slots} == {
        "brand-short": ["brand_short"],
        "relay-challenge": ["story_challenge"],
    }


# -- filling ----------------------------------------------------------------------------------


def test_names_words_authors_and_persons() -> None:
    template = load_template("brand-short")
    asked = Wishes(
        roles={"A": "mei-lin", "S": "acme"},
        names={"B": "Old {A} Bo"},
        authors={"B": "p-bo"},
        persons={"B": "person-bo"},
        words={"product": "{A}'s chair", "claim": "sit."},
    )
    value = story_graph(template, asked, title="T", created=datetime(2026, 11, 22, tzinfo=UTC))
    people = value["graph"]["characters"]
    assert people == {
        "mei-lin": {"name": "Mei Lin", "person": "mei-lin"},
        "neighbour": {"name": "Old {A} Bo", "person": "person-bo"},
    }
    nodes = {node["id"]: node for node in value["nodes"]}
    assert [nodes[name]["author"] for name in ("a1", "a2", "a4")] == ["mei-lin", "p-bo", "acme"]
    assert nodes["a1"]["created"] == "2026-11-22T00:00:00Z"
    assert nodes["a4"]["dialogue"][1] == {"start": "14.4", "end": "17.2", "text": "Sit."}
    assert nodes["a1"]["dialogue"][0]["text"] == "An advertisement by Acme."
    assert nodes["a1"][TIMING] == {"hook": "0:2", "beat": "2:8", "button": "8:10"}
    assert nodes["a1"]["rights"] == {"license": "CC-BY-4.0", "holder": "Acme"}
    assert nodes["a3"]["media"] == "media/a3.mp4"
    assert value["graph"]["title"] == "T"
    assert "{A}'s chair" in nodes["a3"]["prompt"]  # what is put in is not looked through again


def test_a_word_that_begins_a_sentence_gets_a_capital() -> None:
    value = story_graph(load_template("how-to"), Wishes(roles={"A": "a"}))
    texts = [line["text"] for node in value["nodes"] for line in node["dialogue"]]
    assert "Fold it in half, twice." in texts
    assert "All you need is one sheet of paper." in texts


# -- what is wrong with others ----------------------------------------------------------------


@pytest.fixture
def small() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((FOLDER / "reveal.json").read_text())
    value["atoms"] = value["atoms"][:2]
    value["edges"] = value["edges"][:1]
    value["series"] = []
    del value["words"]["truth"]
    return value


def test_the_small_one_is_whole(small: dict[str, Any]) -> None:
    assert parse_template(small, "small").seconds == 20


SERIES = [{"id": "s", "title": "S", "episodes": [{"id": "e", "title": "E", "start": "a7"}]}]


def put(value: Any, way: str, to: Any) -> dict[str, Any]:
    made = copy.deepcopy(value)
    at = made
    *steps, last = [int(step) if step.isdigit() else step for step in way.split(".")]
    for step in steps:
        at = at[step]
    at[last] = to
    return made


@pytest.mark.parametrize(
    ("way", "to", "path", "words"),
    [
        ("schema", "chainer.template/2", "$.schema", "chainer.template/1"),
        ("titel", "x", "$.titel", '"title"'),
        ("atoms.0.author", "C", "$.atoms[0].author", "use one of A, B"),
        ("atoms.0.place", "hal", "$.atoms[0].place", '"hall"'),
        ("atoms.0.cast", ["Z"], "$.atoms[0].cast[0]", "no role"),
        ("atoms.1.id", "a1", "$.atoms[1].id", "twice"),
        ("atoms.0.form.hook.end", "3", "$.atoms[0].form.beat", "before the part before it ends"),
        ("atoms.0.form.button.end", "10.1", "$.atoms[0].form.button", "at most 10"),
        ("atoms.0.form.hook.text", " ", "$.atoms[0].form.hook.text", "say what happens"),
        ("atoms.0.dialogue.0.end", "11", "$.atoms[0].dialogue[0]", "no part of the clip"),
        ("atoms.0.dialogue.0.role", "Q", "$.atoms[0].dialogue[0].role", "no role"),
        ("atoms.0.facts", {"Q": {"a": "b"}}, "$.atoms[0].facts.Q", "no subject"),
        ("atoms.0.prompt.shot", "{thin}", "$.atoms[0].prompt.shot", '"thing"'),
        ("atoms.0.prompt.shot", "{ A }", "$.atoms[0].prompt.shot", "no placeholder"),
        ("atoms.0.prompt", {}, "$.atoms[0].prompt.shot", "missing"),
        ("edges.0.target", "a9", "$.edges[0].target", "no atom"),
        ("edges.0.joint", {"kind": "cut", "seconds": 1}, "$.edges[0].joint", "takes no time"),
        ("words.more", {"about": "x", "default": "y"}, "$.words.more", "nothing uses it"),
        ("roles.Z", {"about": "x"}, "$.roles.Z", "nothing uses it"),
        ("roles.a", {"about": "x"}, "$.roles.a", "the first a capital"),
        ("words.A", {"about": "x", "default": "y"}, "$.words.A", "small letters"),
        ("roles.B.seen", False, "$.atoms[0].cast[1]", "never seen"),
        ("places.world", {"name": "x"}, "$.places.world", "no place"),
        ("atoms", [], "$.atoms", ""),
        ("series", SERIES, "$.series[0].episodes[0].start", "no atom"),
    ],
)
def test_faults_are_told_with_their_place(
    small: dict[str, Any], way: str, to: Any, path: str, words: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(put(small, way, to), "small")
    told = {fault.path: str(fault) for fault in caught.value.faults}
    assert path in told, told
    assert words in told[path]
    assert caught.value.exit_status == 2


def test_all_faults_are_told_together(small: dict[str, Any]) -> None:
    bad = put(put(small, "atoms.0.author", "C"), "edges.0.source", "a9")
    with pytest.raises(TemplateError, match="2 faults"):
        parse_template(json.dumps(bad), "small")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', "\ufeff{}"])
def test_what_is_no_template_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=re.escape(str(path))):
        load_template(str(path))
    with pytest.raises(TemplateError, match="folder"):
        load_template(f"{tmp_path}/")


def test_a_cycle_or_a_doubled_edge_is_no_graph(small: dict[str, Any]) -> None:
    from chainer.errors import GraphError

    back = put(small, "edges", [*small["edges"], {"source": "a2", "target": "a1"}])
    template = parse_template(back, "small")
    assert template.seconds > 0  # it ends
    with pytest.raises(GraphError, match="cycle"):
        story_graph(template, wishes(template))


def test_lengths_are_those_of_the_longest_chain(small: dict[str, Any]) -> None:
    remix = put(small, "edges.0.kind", EdgeKind.REMIX.value)
    assert parse_template(remix, "small").seconds == Fraction(10)
