"""Loading: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import GraphError, InputError, WalkError
from chainer.graph import (
    EdgeKind,
    Graph,
    JointKind,
    Rating,
    SlotKind,
    Status,
    dump_graph,
    load_graph,
    parse_graph,
)

from .examples import data_of, example, graph_of

VERSIONS = Path(__file__).parents[2] / "graphs" / "versions"


def faults_of(data: object) -> dict[str, str]:
    """Code by path of every fault of `data`."""
    with pytest.raises(GraphError) as caught:
        parse_graph(data, source="test")
    return {fault.path: fault.code for fault in caught.value.faults}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data = example()
    change(data)
    return data


# --- what is accepted ----------------------------------------------------------------------


def test_the_example_of_the_design_loads_whole() -> None:
    graph = parse_graph(example(), source="example")
    atom = graph.atom("a1")
    assert graph.title == "Harbor"
    assert graph.info.characters["mei"].facts == {"coat": "yellow"}
    assert graph.info.series[0].episodes[0].chapters[1].card == "chapter"
    assert graph.info.ledger == "consent.jsonl"
    assert atom.created == datetime(2026, 10, 1, 8, tzinfo=UTC)
    assert atom.cast[0].box == (
        Fraction("0.31"),
        Fraction("0.12"),
        Fraction("0.38"),
        Fraction("0.7"),
    )
    assert atom.dialogue[0].end == Fraction("2.8")
    assert atom.trim is not None
    assert atom.trim.seconds == Fraction("9.5")
    assert (atom.status, atom.rating, atom.slot.kind) == (
        Status.PUBLISHED,
        Rating.ALL,
        SlotKind.STANDARD,
    )
    edge = graph.edges_out("a1")[0]
    assert edge.joint is not None
    assert (edge.joint.kind, edge.joint.seconds) == (JointKind.CROSSFADE, Fraction(2, 5))
    assert [e.target for e in graph.edges_out("a2", [EdgeKind.REMIX])] == ["a2r"]
    assert graph.edges_in("a2r")[0].changes == ("wardrobe",)


def test_only_id_media_and_author_are_needed() -> None:
    graph = graph_of("a>b")
    assert graph.edges[0].key == "continuation"
    assert graph.atom("a").rating is None


def test_round_trip_through_text_keeps_everything() -> None:
    data = example()
    data["x-top"] = {"deep": [1, 2.5, None, {"é": "ü"}]}
    data["graph"]["x-studio"] = "north"
    data["nodes"][0]["x-seed"] = 7
    data["nodes"][0]["cast"][0]["x-look"] = ["left"]
    data["edges"][0]["joint"]["x-why"] = 0.1
    graph = parse_graph(data, source="one")
    text = json.dumps(dump_graph(graph))
    again = parse_graph(text, source="two")
    assert again == graph
    assert dump_graph(again) == dump_graph(graph)
    data["edges"][0]["joint"]["seconds"] = "0.4"  # the shortest exact text of 2/5
    assert dump_graph(graph) == data


def test_an_author_may_keep_the_memory_from_a_joint() -> None:
    data = example()
    joint = parse_graph(data, source="test").edges_out("a1")[0].joint
    assert joint is not None
    assert (joint.grade, joint.trim) == (True, True)
    for switches in ({"grade": False}, {"trim": False}, {"grade": False, "trim": False}):
        data["edges"][0]["joint"] = dict(switches)
        graph = parse_graph(data, source="test")
        joint = graph.edges_out("a1")[0].joint
        assert joint is not None
        assert {"grade": joint.grade, "trim": joint.trim} == {
            "grade": True,
            "trim": True,
            **switches,
        }
        # What is not said in the file is not written either.
        assert dump_graph(graph)["edges"][0]["joint"] == switches


def test_times_are_read_by_their_decimal_text() -> None:
    text = json.dumps(data_of([], "a", a={"trim": {"end": "@"}}))
    for written, seconds in {
        "9.5": Fraction(19, 2),
        "0.1": Fraction(1, 10),
        "123456789012.123456789": Fraction(123456789012123456789, 10**9),
        '"1/3"': Fraction(1, 3),
        "9": Fraction(9),
        "1e1": Fraction(10),
    }.items():
        graph = parse_graph(text.replace('"@"', written), source="times")
        trim = graph.atom("a").trim
        assert trim is not None
        assert trim.seconds == seconds
        assert parse_graph(dump_graph(graph), source="again") == graph


def test_networkx_numbers_for_keys_are_taken() -> None:
    data = changed(lambda d: d["edges"][0].update(key=0))
    assert parse_graph(data, source="nx").edges[0].key == "0"


def test_a_graph_is_a_value(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps(example()))
    graph, again = load_graph(tmp_path / "g.json"), parse_graph(example(), source="elsewhere")
    assert graph == again
    assert hash(graph) == hash(again)
    assert graph.identity != again.identity
    copy = pickle.loads(pickle.dumps(graph))
    assert copy == graph
    assert copy.edges_out("a1") == graph.edges_out("a1")
    with pytest.raises(TypeError):
        graph.atoms["new"] = graph.atom("a1")  # type: ignore[index]
    assert {graph.atom("a1"), again.atom("a1")} == {graph.atom("a1")}
    assert graph.base == tmp_path.resolve()


def test_later_changes_to_the_data_do_not_reach_the_graph() -> None:
    data = example()
    data["nodes"][0]["x-own"] = {"list": [1]}
    graph = parse_graph(data, source="test")
    data["nodes"][0]["x-own"]["list"].append(2)
    assert graph.atom("a1").extensions == {"x-own": {"list": [1]}}


def test_neighbourhoods_and_order() -> None:
    graph = graph_of("c>a c~b a>d b>d", atoms="d b a c")
    assert graph.topological_order() == ("c", "b", "a", "d")
    assert graph.roots() == ("c",)
    assert graph.roots([EdgeKind.CONTINUATION]) == ("b", "c")
    assert graph.leaves() == ("d",)
    assert [edge.source for edge in graph.edges_in("d")] == ["a", "b"]
    with pytest.raises(WalkError, match="there is no atom 'x'"):
        graph.edges_out("x")


# --- one fault at a time -------------------------------------------------------------------

ONE_FAULT: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "doubled id": (
        lambda d: d["nodes"].append(dict(d["nodes"][1])),
        "$.nodes[4].id",
        "doubled-id",
    ),
    "doubled edge": (
        lambda d: d["edges"].append(dict(d["edges"][1])),
        "$.edges[3]",
        "doubled-edge",
    ),
    "edge to nowhere": (
        lambda d: d["edges"][1].update(target="a9"),
        "$.edges[1].target",
        "unknown-atom",
    ),
    "edge from nowhere": (
        lambda d: d["edges"][1].update(source="a9"),
        "$.edges[1].source",
        "unknown-atom",
    ),
    "self loop": (lambda d: d["edges"][1].update(target="a2"), "$.edges[1]", "self-loop"),
    "cycle": (
        lambda d: d["edges"].append({"source": "a3", "target": "a1", "kind": "remix"}),
        "$.edges[3]",
        "cycle",
    ),
    "unknown character in cast": (
        lambda d: d["nodes"][0]["cast"][0].update(character="mai"),
        "$.nodes[0].cast[0].character",
        "unknown-character",
    ),
    "unknown character in dialogue": (
        lambda d: d["nodes"][0]["dialogue"][0].update(character="mai"),
        "$.nodes[0].dialogue[0].character",
        "unknown-character",
    ),
    "unknown character removed": (
        lambda d: d["edges"][2].update(removes=["mai"]),
        "$.edges[2].removes[0]",
        "unknown-character",
    ),
    "unknown subject of facts": (
        lambda d: d["nodes"][0]["facts"].update(mai={}),
        "$.nodes[0].facts.mai",
        "unknown-subject",
    ),
    "unknown place": (
        lambda d: d["nodes"][0].update(place="peer"),
        "$.nodes[0].place",
        "unknown-place",
    ),
    "unknown start": (
        lambda d: d["graph"]["series"][0]["episodes"][0].update(start="a9"),
        "$.graph.series[0].episodes[0].start",
        "unknown-atom",
    ),
    "unknown chapter atom": (
        lambda d: d["graph"]["series"][0]["episodes"][0]["chapters"][0].update(at="a9"),
        "$.graph.series[0].episodes[0].chapters[0].at",
        "unknown-atom",
    ),
    "box outside": (
        lambda d: d["nodes"][0]["cast"][0].update(box=[0.7, 0, "0.4", 1]),
        "$.nodes[0].cast[0].box",
        "box",
    ),
    "box empty": (
        lambda d: d["nodes"][0]["cast"][0].update(box=[0, 0, 0, 1]),
        "$.nodes[0].cast[0].box",
        "box",
    ),
    "box of three": (
        lambda d: d["nodes"][0]["cast"][0].update(box=[0, 0, 1]),
        "$.nodes[0].cast[0].box",
        "box",
    ),
    "trim empty": (
        lambda d: d["nodes"][0].update(trim={"start": 3, "end": "3.0"}),
        "$.nodes[0].trim",
        "trim",
    ),
    "line backwards": (
        lambda d: d["nodes"][0]["dialogue"][0].update(start="2.8"),
        "$.nodes[0].dialogue[0]",
        "dialogue",
    ),
    "negative time": (
        lambda d: d["nodes"][0]["dialogue"][0].update(start="-1"),
        "$.nodes[0].dialogue[0].start",
        "time",
    ),
    "short extended slot": (
        lambda d: d["nodes"][0].update(slot={"kind": "extended", "seconds": 14}),
        "$.nodes[0].slot",
        "slot",
    ),
    "standard slot with seconds": (
        lambda d: d["nodes"][0]["slot"].update(seconds=9),
        "$.nodes[0].slot",
        "slot",
    ),
    "a cut of some length": (
        lambda d: d["edges"][0]["joint"].update(kind="cut"),
        "$.edges[0].joint",
        "joint",
    ),
    "a switch that is no truth value": (
        lambda d: d["edges"][0]["joint"].update(grade="no"),
        "$.edges[0].joint.grade",
        "bool-type",
    ),
    "removes on a continuation": (
        lambda d: d["edges"][0].update(removes=["mei"]),
        "$.edges[0]",
        "removes",
    ),
    "bad id": (
        lambda d: d["nodes"][3].update(id="a 3"),
        "$.nodes[3].id",
        "string-pattern-mismatch",
    ),
    "unknown key": (lambda d: d["nodes"][0].update(tag=[]), "$.nodes[0].tag", "extra-forbidden"),
    "missing key": (lambda d: d["nodes"][0].pop("media"), "$.nodes[0].media", "missing"),
    "control character": (
        lambda d: d["nodes"][0].update(title="a\nb"),
        "$.nodes[0].title",
        "string-pattern-mismatch",
    ),
    "no date": (
        lambda d: d["nodes"][0].update(created="2026-10-01"),
        "$.nodes[0].created",
        "moment",
    ),
    "no such day": (
        lambda d: d["nodes"][0].update(created="2026-02-31T08:00:00Z"),
        "$.nodes[0].created",
        "moment",
    ),
    "no fact": (
        lambda d: d["nodes"][0]["facts"]["mei"].update(holds=1.5),
        "$.nodes[0].facts.mei.holds",
        "fact",
    ),
    "not directed": (lambda d: d.update(directed=False), "$.directed", "not-a-multigraph"),
    "not a multigraph": (lambda d: d.update(multigraph=1), "$.multigraph", "not-a-multigraph"),
    "links": (lambda d: d.update(links=d.pop("edges")), "$.links", "links"),
    "newer version": (
        lambda d: d["graph"].update(schema="chainer.graph/12"),
        "$.graph.schema",
        "newer-schema",
    ),
    "no version": (lambda d: d["graph"].pop("schema"), "$.graph.schema", "missing"),
    "other schema": (lambda d: d["graph"].update(schema="otio/1"), "$.graph.schema", "schema"),
}


@pytest.mark.parametrize("name", ONE_FAULT)
def test_one_fault_is_told_with_its_place(name: str) -> None:
    change, path, code = ONE_FAULT[name]
    found = faults_of(changed(change))
    assert found.pop(path) == code
    if name == "bad id":  # the edge and the chapter name it too
        assert set(found.values()) == {"unknown-atom"}
    else:
        assert not found


def test_all_faults_are_told_together_and_in_order() -> None:
    data = example()
    for name in ("unknown place", "box outside", "cycle", "doubled id", "links", "unknown start"):
        ONE_FAULT[name][0](data)
    data["nodes"][2]["dialogue"] = [{"start": "x", "end": 2, "text": 3}]
    data["nodes"].append("no atom")
    assert list(faults_of(data).items()) == [
        ("$.graph.series[0].episodes[0].start", "unknown-atom"),
        ("$.nodes[0].cast[0].box", "box"),
        ("$.nodes[0].place", "unknown-place"),
        ("$.nodes[2].dialogue[0].start", "time"),
        ("$.nodes[2].dialogue[0].text", "string-type"),
        ("$.nodes[4].id", "doubled-id"),
        ("$.nodes[5]", "model-type"),
        ("$.edges[3]", "cycle"),
        ("$.links", "links"),
    ]


def test_faults_speak_plainly() -> None:
    data = changed(
        lambda d: (
            d["nodes"][0].update(tagz=1, status="publishd", tags="calm"),
            d["edges"][0].update(kind="next"),
            d["edges"][1].update(target="a33"),
        )
    )
    with pytest.raises(GraphError) as caught:
        parse_graph(data, source="harbor.json")
    text = str(caught.value)
    for words in (
        'unknown key "tagz"; did you mean "tags"?',
        '"publishd" is not one of the choices; did you mean "published"?',
        '"calm" where a list […] belongs; give a list […]',
        '"next" is not one of the choices; use one of continuation, remix',
        'there is no atom "a33"; did you mean "a3"?',
    ):
        assert words in text
    assert "Input should" not in text
    assert text.startswith("harbor.json: 5 faults")


def test_a_cycle_is_told_in_order_of_its_edges() -> None:
    data = data_of(["c>a", "a~b", "b>c", "x>y", "y>x", "a>d"], "b")
    with pytest.raises(GraphError) as caught:
        parse_graph(data, source="test")
    assert [str(fault) for fault in caught.value.faults] == [
        "$.edges[1]: a cycle: b → c → a → b; remove one of its edges",
        "$.edges[4]: a cycle: x → y → x; remove one of its edges",
    ]


def test_a_flood_of_faults_is_cut() -> None:
    data = data_of([], " ".join(f"n{i}" for i in range(3000)))
    for node in data["nodes"]:
        node["media"] = "/etc/passwd"
    with pytest.raises(GraphError) as caught:
        parse_graph(data, source="flood")
    assert len(caught.value.faults) == 1001
    assert caught.value.faults[-1].problem == "2000 more faults"


# --- bad text ------------------------------------------------------------------------------

TEXT = json.dumps(example())


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ('{\n  "a": ]', "json", "line 2, column 8"),
        ("", "json", "line 1, column 1"),
        ("[" * 100_000, "too-deep", "nests too deep"),
        (b"\xff\xfe{\x00", "encoding", "UTF-16"),
        (b'{\n"a": "\xe9"}', "encoding", r"from byte 8 \(line 2\)"),
        (b"\xef\xbb\xbf{}", "bom", "byte order mark"),
        ("[]", "json", "a list is no graph"),
        ("null", "json", "null is no graph"),
    ],
)
def test_text_that_cannot_be_read(data: str | bytes, code: str, words: str) -> None:
    with pytest.raises(GraphError, match=words) as caught:
        parse_graph(data, source="bad.json")
    assert [fault.code for fault in caught.value.faults] == [code]


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        (
            '"author": "p-ken"',
            '"author": "p-ken", "author": "p"',
            "$.nodes[2].author",
            "doubled-key",
        ),
        ('"title": "Harbor",', '"title": NaN,', "$.graph.title", "not-json"),
        ('"start": "1.2"', '"start": -Infinity', "$.nodes[0].dialogue[0].start", "not-json"),
        ('"start": "1.2"', '"start": 1e999999999', "$.nodes[0].dialogue[0].start", "time"),
        ('"start": "1.2"', f'"start": {"9" * 5000}', "$.nodes[0].dialogue[0].start", "not-json"),
        ('"start": "1.2"', '"start": "\\u0661"', "$.nodes[0].dialogue[0].start", "time"),
        ('"Mei arrives"', '"\\ud800"', "$.nodes[0].title", "surrogate"),
        ('"Mei arrives"', '"m", "x-\\ud800": 1', '$.nodes[0]["x-?"]', "key"),
        ('"Mei arrives"', '"m", "x-a": 1e999', "$.nodes[0].x-a", "not-json"),
        (
            '"Mei arrives"',
            f'"m", "x-a": {"[" * 80}{"]" * 80}',
            "$.nodes[0].x-a" + "[0]" * 61,
            "too-deep",
        ),
    ],
)
def test_what_json_or_two_readers_do_not_agree_on(old: str, new: str, path: str, code: str) -> None:
    assert old in TEXT
    assert faults_of(TEXT.replace(old, new, 1)) == {path: code}


def test_files_that_are_none(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    os.mkfifo(tmp_path / "pipe")
    for path, code in [
        (tmp_path / "none.json", "no-file"),
        (tmp_path, "folder"),
        (big, "too-large"),
        (tmp_path / "pipe", "no-file"),
        (Path("nul\0"), "unreadable"),
        (tmp_path / ("x" * 400), "unreadable"),
    ]:
        with pytest.raises(InputError) as caught:
            load_graph(path)
        assert isinstance(caught.value, GraphError)
        assert [fault.code for fault in caught.value.faults] == [code]


# --- anything at all -----------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(json_values)
def test_no_value_raises_anything_but_graph_error(value: object) -> None:
    for data in (value, json.dumps(value)):
        with pytest.raises(GraphError):
            parse_graph(data, source="any")


def ways_into(value: object, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [way, *(w for key, item in inside for w in ways_into(item, (*way, key)))]


WAYS = ways_into(example())[1:]


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(WAYS), json_values), min_size=1, max_size=3))
def test_a_mutated_file_loads_or_says_why_and_where(
    changes: list[tuple[tuple[str | int, ...], object]],
) -> None:
    data: Any = example()
    for way, value in changes:
        holder = data
        try:
            for part in way[:-1]:
                holder = holder[part]
            holder[way[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change took this place away
    try:
        graph = parse_graph(data, source="mutated")
    except GraphError as error:
        for fault in error.faults:
            assert fault.path.startswith("$")
            assert fault.problem
            assert fault.expected
            assert len(str(fault)) < 2500
        json.dumps(error.as_json()).encode()
        str(error).encode()
    else:
        assert parse_graph(json.dumps(dump_graph(graph)), source="again") == graph


# --- versions ------------------------------------------------------------------------------


def test_every_version_of_the_file_loads_to_the_same_graph() -> None:
    samples = sorted(VERSIONS.glob("*.json"))
    assert [sample.stem for sample in samples] == ["0", "1"]
    graphs: list[Graph] = [load_graph(sample) for sample in samples]
    assert graphs[0] == graphs[1]
    assert graphs[0].info.schema_version == "chainer.graph/1"
    schemas = [json.loads(sample.read_text())["graph"]["schema"] for sample in samples]
    assert schemas == ["chainer.graph/0", "chainer.graph/1"]


def test_faults_of_an_old_file_say_that_it_was_upgraded() -> None:
    data = changed(lambda d: d["graph"].update(schema="chainer.graph/0"))
    data["edges"] = [{"source": "a1", "target": "a9", "type": "continuation"}, 5]
    with pytest.raises(GraphError, match=r"upgraded from chainer.graph/0") as caught:
        parse_graph(data, source="old.json")
    assert [fault.path for fault in caught.value.faults] == ["$.edges[0].target", "$.edges[1]"]
