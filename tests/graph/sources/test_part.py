"""A part of a graph answers as the whole does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chainer.consent.presence import Presences
from chainer.consent.rights import RightsGate, RightsPolicy
from chainer.episode.credits import ancestor_authors
from chainer.errors import WalkError
from chainer.graph import (
    Graph,
    Pick,
    WalkKind,
    WalkOptions,
    count_chains,
    dump_graph,
    iter_chains,
    parse_graph,
    walk,
)
from chainer.graph.sources import GraphTooLarge, open_graph
from chainer.graph.sources.file import part_of
from chainer.graph.sources.part import Row, Rung, parts_of
from chainer.graph.sources.sql.bulk import import_graph
from tests.graph.sources.forests import atom, edge, file_of, graphs

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def chains(graph: Graph, start: str, options: WalkOptions) -> list[tuple[Any, ...]] | str:
    """Every chain with its legs, or the code of why there is none."""
    try:
        if options.path is not None:
            found = walk(graph, start, options)
        else:
            found = tuple(iter_chains(graph, start, options))
    except WalkError as error:
        return error.code
    return [(one.atoms, one.legs, one.score) for one in found]


def asked_of(graph: Graph, names: Sequence[str]) -> list[Any]:
    """All that consent, rights, credits and the memory ask of atoms."""
    presences = Presences(graph)
    rights = RightsGate(graph, RightsPolicy(), commercial=True, at=NOW)
    return [
        (
            name,
            graph.atom(name),
            presences.of(name),
            presences.remixed(name),
            presences.authors(name),
            rights.faults(name),
            rights.notes(name),
            ancestor_authors(graph, name),
            graph.edges_in(name),
        )
        for name in names
    ]


def reached(graph: Graph, start: str, options: WalkOptions) -> list[str]:
    """The atoms of all chains, in file order, with those that these stand for."""
    found = chains(graph, start, options)
    if isinstance(found, str):
        return [start]
    names = {leg.atom for _, legs, _ in found for leg in legs}
    names |= {leg.stands_for for _, legs, _ in found for leg in legs if leg.stands_for}
    return sorted(names, key=graph.rank.__getitem__)


@st.composite
def walks(draw: st.DrawFn) -> tuple[Graph, str, WalkOptions]:
    """A graph, a start, and options that name atoms of it."""
    graph = parse_graph(draw(graphs()), source="g")
    start = draw(st.sampled_from(list(graph.atoms)))
    kind = draw(st.sampled_from(WalkKind))
    bare = WalkOptions(kind=kind)
    near = reached(graph, start, bare)
    which = draw(st.sampled_from(["none", "end", "through", "both", "path"]))
    if which == "none":
        return graph, start, bare
    if which == "path":
        found = chains(graph, start, bare)
        assume(not isinstance(found, str))
        path = draw(st.sampled_from([one[0] for one in found]))
        return graph, start, WalkOptions(kind=kind, path=path)
    end = draw(st.sampled_from(near)) if which != "through" else None
    through = (draw(st.sampled_from(near)),) if which != "end" else ()
    return graph, start, WalkOptions(kind=kind, end=end, through=through)


@settings(max_examples=400, deadline=None)
@given(walks(), st.integers(1, 16))
def test_a_part_walks_as_the_whole(case: tuple[Graph, str, WalkOptions], room: int) -> None:
    graph, start, options = case
    try:
        part = part_of(graph, start, options, room)
    except GraphTooLarge:
        assume(False)
    assert chains(part, start, options) == chains(graph, start, options)
    assert len(part.atoms) <= room
    names = reached(graph, start, options)
    assert asked_of(part, names) == asked_of(graph, names)
    assert [name for name in graph.atoms if name in part.atoms] == list(part.atoms)
    if not isinstance(chains(graph, start, options), str) and options == WalkOptions(
        kind=options.kind
    ):
        assert count_chains(part, start, options.kind) == count_chains(graph, start, options.kind)
    # It is a graph that every check lets through.
    assert parse_graph(dump_graph(part), source="g") == part


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(walks(), st.integers(1, 12))
def test_a_database_cuts_the_same_part_as_a_file(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Graph, str, WalkOptions], room: int
) -> None:
    graph, start, options = case
    folder = tmp_path_factory.mktemp("part")
    path = folder / "g.json"
    path.write_text(json.dumps(dump_graph(graph)))
    url = import_graph(path, f"sqlite:///{folder / 'g.db'}").url
    found = []
    for address in (path, url):
        with open_graph(address) as source:
            try:
                found.append(source.load(start, options=options, max_atoms=room))
            except GraphTooLarge as error:
                found.append(error.code)
    assert found[0] == found[1]


class Rows:
    """Edges from a list; counts what is asked."""

    def __init__(self, rows: Sequence[Row[int]]) -> None:
        self.rows = rows
        self.told = 0

    def out(self, names: Sequence[int], limit: int) -> Sequence[Row[int]]:
        return self._some(lambda row: row[0] in names, limit)

    def into(self, names: Sequence[int], limit: int) -> Sequence[Row[int]]:
        return self._some(lambda row: row[1] in names, limit)

    def _some(self, fits: Callable[[Row[int]], bool], limit: int) -> Sequence[Row[int]]:
        found = [row for row in self.rows if fits(row)][: limit + 1]
        self.told += len(found)
        return found


def test_a_star_is_left_early_and_a_path_through_it_is_told() -> None:
    star = Rows([(0, child, 1) for child in range(1, 5001)])
    relay = WalkOptions(kind=WalkKind.RELAY)
    assert list(parts_of(star, 0, relay, [], 10)) == []
    assert star.told < 500
    path = WalkOptions(kind=WalkKind.RELAY, path=("a0", "a7"))
    part = next(parts_of(star, 0, path, [0, 7], 10))
    assert (part.names, part.rung, part.beside) == (frozenset({0, 7}), Rung.WANTED, False)


def test_a_name_that_two_authors_have_means_nobody_in_a_part_too() -> None:
    """The other author is in another component: without a witness the part would allow it."""
    values = file_of(
        [
            atom("far", "P-Theo"),
            atom("a", "p-x", rights={"license": "CC-BY-ND-4.0", "holder": "p-theo"}),
            atom("b", "p-theo"),
        ],
        [edge("a", "b", "remix")],
    )
    graph = parse_graph(values, source="g")
    part = part_of(graph, "a", WalkOptions(), 3)
    assert "far" in part.atoms
    with pytest.raises(GraphTooLarge):  # who bears witness takes room too
        part_of(graph, "a", WalkOptions(), 2)
    assert asked_of(part, ["a", "b"]) == asked_of(graph, ["a", "b"])
    gate = RightsGate(graph, RightsPolicy(), commercial=False, at=NOW)
    assert [fault.code for fault in gate.faults("b")] == ["no-derivatives"]


def test_chapters_of_an_episode_that_starts_elsewhere_are_kept() -> None:
    chapters = [{"title": "Late", "at": "b"}, {"title": "Away", "at": "z"}]
    series = [
        {"id": "s", "title": "S", "episodes": [
            {"id": "e", "title": "E", "start": "y", "chapters": chapters},
            {"id": "f", "title": "F", "start": "z"},
        ]}
    ]  # fmt: skip
    values = file_of([atom("y"), atom("z"), atom("a"), atom("b")], [edge("a", "b")], series=series)
    part = part_of(parse_graph(values, source="g"), "a", WalkOptions(), 3)
    assert list(part.atoms) == ["y", "a", "b"]
    assert [chapter.at for chapter in part.info.series[0].episodes[0].chapters] == ["b"]


def test_too_large_says_what_to_do(tmp_path: Path) -> None:
    nodes = [atom(f"a{at}") for at in range(30)]
    edges = [edge(f"a{at}", f"a{at + 1}") for at in range(29)]
    path = tmp_path / "g.json"
    path.write_text(json.dumps(file_of(nodes, edges)))
    with open_graph(path) as source, pytest.raises(GraphTooLarge) as raised:
        source.load("a0", max_atoms=10)
    assert raised.value.exit_status == 2
    assert raised.value.code == "graph-too-large"
    for word in ("--end", "--through", "--path", "--max-atoms", "more atoms than 10"):
        assert word in str(raised.value)
    with open_graph(path) as source:
        options = WalkOptions(end="a4", pick=Pick.FIRST)
        part = source.load("a0", options=options, max_atoms=10)
        assert walk(part, "a0", options)[0].atoms == ("a0", "a1", "a2", "a3", "a4")
        assert len(part.atoms) <= 10
        with pytest.raises(WalkError, match="there is no atom"):
            source.load("nobody")


@pytest.mark.parametrize(
    ("edges", "options", "expected"),
    [
        (  # r stands for p, and goes on where p goes on
            "s>p p~r p>q q>z",
            WalkOptions(through=("r",)),
            {("s", "r", "q", "z")},
        ),
        (  # r may stand for p2 as well, which comes after p: so not for p on the way to x
            "s>p p>x x>e p>m m>p2 p~r p2~r",
            WalkOptions(end="e"),
            {("s", "p", "x", "e")},
        ),
    ],
)
def test_what_a_narrow_part_must_hold(
    edges: str, options: WalkOptions, expected: set[tuple[str, ...]]
) -> None:
    pairs = [tuple(one.replace("~", ">").split(">")) for one in edges.split()]
    kinds = ["remix" if "~" in one else "continuation" for one in edges.split()]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    rest = [f"j{at}" for at in range(30)]
    values = file_of(
        [atom(name) for name in (*names, *rest)],
        [
            *(edge(*pair, kind) for pair, kind in zip(pairs, kinds, strict=True)),
            *(edge("s", name) for name in rest),
        ],
    )
    graph = parse_graph(values, source="g")
    part = part_of(graph, "s", options, 12)
    assert len(part.atoms) <= 12
    for one in (graph, part):
        assert {chain.atoms for chain in iter_chains(one, "s", options)} == expected
