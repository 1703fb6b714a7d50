"""Atoms and edges one at a time: components, cycles, and several writers at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from chainer.errors import GraphError, InputError
from chainer.graph import Status, parse_graph
from chainer.graph.sources import edit_graph, open_graph
from chainer.graph.sources.sql.bulk import import_graph
from tests.graph.sources.forests import atom, edge, file_of, graphs
from tests.graph.sources.test_import import components, truth


def begin(url: str, folder: Path, values: dict[str, Any] | None = None) -> str:
    """A database with this graph, or with an empty one."""
    path = folder / "g.json"
    path.write_text(json.dumps(values or file_of([], [])))
    return import_graph(path, url).url


def codes(error: GraphError) -> list[tuple[str, str]]:
    return [(fault.path, fault.code) for fault in error.faults]


@settings(max_examples=25, deadline=None)
@given(graphs(most=8))
def test_bit_by_bit_is_all_at_once(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("edit")
    info = {**values["graph"], "series": []}
    values = {**values, "graph": info}
    url = begin(f"sqlite:///{folder / 'g.db'}", folder, {**values, "nodes": [], "edges": []})
    with edit_graph(url) as editor:
        for node in values["nodes"]:
            editor.add_atoms([node])
        half = len(values["edges"]) // 2
        for one in values["edges"][:half]:
            editor.add_edges([one])
        editor.add_edges(values["edges"][half:])
    assert components(url) == truth(values)
    with open_graph(url) as source:
        assert source.load() == parse_graph(values, source="g")
        about = source.about()  # type: ignore[attr-defined]
        assert (about.atoms, about.edges) == (len(values["nodes"]), len(values["edges"]))
        assert about.components == len(truth(values))
        for node in values["nodes"]:
            part = source.load(node["id"], max_atoms=100)
            assert node["id"] in part.atoms


def test_faults_change_nothing(database: str, tmp_path: Path) -> None:
    url = begin(database, tmp_path, file_of([atom("a"), atom("b"), atom("c")], [edge("a", "b")]))
    cases: list[tuple[str, list[dict[str, Any]], str, str]] = [
        ("atoms", [{"id": "x"}], "$.nodes[0].media", "missing"),
        ("atoms", [atom("d"), atom("a")], "$.nodes[1].id", "doubled-id"),
        ("atoms", [atom("d"), atom("d")], "$.nodes[1].id", "doubled-id"),
        ("atoms", [atom("d", place="nowhere")], "$.nodes[0].place", "unknown-place"),
        ("atoms", [{**atom("d"), "media": "/etc/passwd"}], "$.nodes[0].media", "misplaced-file"),
        ("edges", [edge("a", "z")], "$.edges[0].target", "unknown-atom"),
        ("edges", [edge("a", "a")], "$.edges[0]", "self-loop"),
        ("edges", [edge("a", "b")], "$.edges[0]", "doubled-edge"),
        ("edges", [edge("a", "c", "x")], "$.edges[0].kind", "enum"),
        ("edges", [edge("b", "c"), edge("c", "a", "remix")], "$.edges[1]", "cycle"),
    ]
    with edit_graph(url) as editor:
        for what, values, place, code in cases:
            with pytest.raises(GraphError) as raised:
                (editor.add_atoms if what == "atoms" else editor.add_edges)(values)
            assert (place, code) in codes(raised.value)
        with pytest.raises(GraphError, match="no such atom"):
            editor.update_atom(atom("z"))
    with open_graph(url) as source:
        graph = source.load()
        assert (len(graph.atoms), len(graph.edges)) == (3, 1)
    assert components(url) == {frozenset("ab"), frozenset("c")}


def test_a_cycle_is_told_with_its_atoms_in_order(database: str, tmp_path: Path) -> None:
    nodes = [atom(name) for name in "abcd"]
    url = begin(database, tmp_path, file_of(nodes, [edge("a", "b"), edge("b", "c", "remix")]))
    with edit_graph(url) as editor:
        editor.add_edges([edge("c", "d")])
        with pytest.raises(GraphError, match="a → b → c → d → a"):
            editor.add_edges([edge("d", "a")])


def test_an_atom_changes(database: str, tmp_path: Path) -> None:
    nodes = [atom("a", "p-x", title="Old", tags=["calm"]), atom("b", "p-x"), atom("c", "p-y")]
    url = begin(database, tmp_path, file_of(nodes, [edge("a", "b")]))
    with edit_graph(url) as editor:
        editor.update_atom(atom("a", "p-y", title="New", status="withdrawn", tags=["loud"]))
    with open_graph(url) as source:
        graph = source.load()
        assert graph.atom("a").status is Status.WITHDRAWN
        assert list(graph.atoms) == ["a", "b", "c"]
        assert graph.edges_between("a", "b")
        for query, more, names in (
            ("old", {}, []), ("new", {}, ["a"]), ("", {"tags": ["calm"]}, []),
            ("", {"tags": ["loud"]}, ["a"]), ("", {"author": "p-x"}, ["b"]),
            ("", {"author": "p-y"}, ["c", "a"]),
        ):  # fmt: skip
            assert [one.atom for one in source.find(query, **more)] == names  # type: ignore[arg-type]
        # p-y is now first met in a, and p-x in b.
        assert source.load("b") == graph or list(source.load("b").atoms) == ["a", "b"]


def test_writers_at_once_join_the_same_components(database: str, tmp_path: Path) -> None:
    count = 12
    nodes = [atom(f"{side}{at}") for at in range(count) for side in "lr"]
    url = begin(database, tmp_path, file_of(nodes, []))
    wrong: list[Exception] = []
    ready = threading.Barrier(3)

    def join(edges: list[dict[str, Any]]) -> None:
        try:
            with edit_graph(url) as editor:
                ready.wait()
                for one in edges:
                    editor.add_edges([one])
        except Exception as error:  # noqa: BLE001 - looked at below
            wrong.append(error)

    lines = [
        [edge(f"l{at}", f"l{at + 1}") for at in range(count - 1)],
        [edge(f"r{at}", f"r{at + 1}", "remix") for at in range(count - 1)],
        [edge(f"l{at}", f"r{at}") for at in range(count)],
    ]
    threads = [threading.Thread(target=join, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert components(url) == {frozenset(node["id"] for node in nodes)}
    with open_graph(url) as source:
        assert len(source.load().edges) == 3 * count - 2


def test_a_file_is_not_edited(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a database"):
        edit_graph(str(tmp_path / "g.json"))
