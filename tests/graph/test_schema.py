"""The JSON Schema, and the graph as networkx has it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema
import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import GraphError
from chainer.graph import dump_graph, parse_graph
from chainer.graph.cycles import cycles
from chainer.graph.interop import from_networkx, to_networkx
from chainer.graph.schema import SCHEMA_FILE, graph_schema, schema_text

from .examples import example, graph_of


def refused(data: dict[str, Any]) -> bool:
    schema = graph_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return not jsonschema.Draft202012Validator(schema).is_valid(data)


def test_the_schema_in_the_repository_is_the_one_of_the_models() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), (
        "run python -m chainer.graph.schema"
    )


def test_the_schema_takes_the_example_and_what_is_dumped() -> None:
    assert not refused(example())
    assert not refused(dump_graph(parse_graph(example(), source="test")))


@pytest.mark.parametrize("part", ["top", "graph", "nodes", "edges"])
def test_the_schema_refuses_unknown_keys_but_takes_extensions(part: str) -> None:
    for key, unknown in {"surprise": True, "x-own": False, "X-own": True}.items():
        data = example()
        holder = data if part == "top" else data[part]
        (holder[0] if isinstance(holder, list) else holder)[key] = {"any": [1]}
        assert refused(data) is unknown
        if unknown:
            with pytest.raises(GraphError, match="unknown key"):
                parse_graph(data, source="test")
        else:
            parse_graph(data, source="test")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "a 1"),
        ("trim", {"end": -1}),
        ("trim", {"end": "1."}),
        ("status", "old"),
        ("id", None),
    ],
)
def test_the_schema_refuses_wrong_values(key: str, value: object) -> None:
    data = example()
    data["nodes"][0][key] = value
    assert refused(data)


def test_networkx_reads_the_file_as_it_is() -> None:
    raw = nx.node_link_graph(example(), edges="edges")
    assert isinstance(raw, nx.MultiDiGraph)
    graph = parse_graph(example(), source="test")
    made = to_networkx(graph)
    assert isinstance(made, nx.MultiDiGraph)
    assert set(made.edges(keys=True)) == {
        (edge.source, edge.target, edge.key) for edge in graph.edges
    }
    assert from_networkx(made) == graph
    assert from_networkx(raw) == graph


def test_a_graph_made_in_networkx_is_checked_like_a_file() -> None:
    made: nx.MultiDiGraph[str] = nx.MultiDiGraph(schema="chainer.graph/1")
    made.add_node("a", media="a.mp4", author="ann")
    made.add_edge("a", "b", kind="remix")
    with pytest.raises(GraphError) as caught:
        from_networkx(made)
    assert [fault.path for fault in caught.value.faults] == [
        "$.nodes[1].media",
        "$.nodes[1].author",
    ]
    made.add_node("b", media="b.mp4", author="ben")
    assert from_networkx(made).edges[0].key == "0"


pairs = st.lists(st.tuples(*[st.sampled_from("abcdef")] * 2), max_size=14)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(pairs)
def test_cycles_are_those_that_networkx_sees(edges: list[tuple[str, str]]) -> None:
    found = cycles("abcdef", edges)
    truth = nx.DiGraph([pair for pair in edges if pair[0] != pair[1]])
    assert bool(found) is not nx.is_directed_acyclic_graph(truth)
    for cycle in found:
        assert all(truth.has_edge(*pair) for pair in zip(cycle, cycle[1:] + cycle[:1], strict=True))
        assert cycle[0] == min(cycle)
    assert len({name for cycle in found for name in cycle}) == sum(map(len, found))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.sets(st.tuples(*[st.sampled_from("abcdef")] * 2), max_size=12), st.permutations("abcdef"))
def test_the_order_is_that_of_networkx(edges: set[tuple[str, str]], order: list[str]) -> None:
    drawn = sorted(f"{a}>{b}" for a, b in edges if a < b)
    graph = graph_of(drawn, " ".join(order))
    truth = nx.lexicographical_topological_sort(to_networkx(graph), key=order.index)
    assert list(graph.topological_order()) == list(truth)


def test_importing_the_room_loads_no_heavy_library() -> None:
    code = (
        "import sys, json, pkgutil, importlib, chainer.graph as room\n"
        "for each in pkgutil.iter_modules(room.__path__, 'chainer.graph.'):\n"
        "    importlib.import_module(each.name)\n"
        "print(json.dumps([n for n in ('networkx', 'numpy', 'av', 'cv2') if n in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout) == []
