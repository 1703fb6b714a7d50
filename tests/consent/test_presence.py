from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.consent.presence import Presence, Presences
from chainer.consent.words import Modality
from chainer.errors import WalkError
from chainer.graph import Edge, EdgeKind, Graph, parse_graph

FACE, VOICE = frozenset({Modality.FACE}), frozenset({Modality.VOICE})
BOTH = FACE | VOICE

CHARACTERS = {
    "mei": {"name": "Mei", "person": "p-mei"},
    "meis-twin": {"name": "Mei's twin", "person": "p-mei"},
    "ken": {"name": "Ken", "person": "p-ken"},
    "fox": {"name": "The fox"},
}


def node(name: str, seen: str = "", heard: str = "", author: str = "") -> dict[str, Any]:
    return {
        "id": name,
        "media": f"{name}.mp4",
        "author": author or f"by-{name}",
        "cast": [{"character": one} for one in seen.split()],
        "dialogue": [
            {"start": "0", "end": "1", "character": one, "text": "…"} for one in heard.split()
        ],
    }


def edge(source: str, target: str, kind: str = "remix", **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, "kind": kind, **more}


def seeded(source: str, target: str, **more: Any) -> dict[str, Any]:
    return edge(source, target, "continuation", seeded=True, **more)


def graph_of(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> Graph:
    info = {"schema": "chainer.graph/1", "characters": CHARACTERS}
    data = {"directed": True, "multigraph": True, "graph": info, "nodes": nodes, "edges": edges}
    return parse_graph(data, source="test")


# -- the same, by enumerating every path ---------------------------------------------------------


def paths_to(graph: Graph, atom: str) -> Iterator[tuple[Edge, ...]]:
    """Every path over edges of any kind that ends at the atom, the empty one included."""
    yield ()
    for last in graph.edges_in(atom):
        for before in paths_to(graph, last.source):
            yield (*before, last)


def declared(graph: Graph, atom: str) -> Iterator[tuple[str, Modality]]:
    for appearance in graph.atoms[atom].cast:
        yield appearance.character, Modality.FACE
    for line in graph.atoms[atom].dialogue:
        if line.character is not None:
            yield line.character, Modality.VOICE


def brute_force(graph: Graph, atom: str) -> dict[str, tuple[set[Modality], set[str], bool]]:
    found: dict[str, tuple[set[Modality], set[str], bool]] = {}
    for path in paths_to(graph, atom):
        origin = path[0].source if path else atom
        if any(step.kind is EdgeKind.CONTINUATION and not step.seeded for step in path):
            continue
        for character, modality in declared(graph, origin):
            person = graph.info.characters[character].person
            if person is None or any(character in step.removes for step in path):
                continue
            modalities, origins, guess = found.get(person, (set(), set(), True))
            guess = guess and any(step.seeded for step in path)
            found[person] = (modalities | {modality}, origins | {origin}, guess)
    return found


def brute_authors(graph: Graph, atom: str) -> set[str]:
    return {
        graph.atoms[path[0].source].author
        for path in paths_to(graph, atom)
        if path and all(step.kind is EdgeKind.REMIX for step in path)
    } - {graph.atoms[atom].author}


def brute_remixed(graph: Graph, atom: str) -> set[str]:
    last_of = [path for path in paths_to(graph, atom) if path and path[-1].kind is EdgeKind.REMIX]
    found = set()
    for path in last_of:
        if any(step.kind is EdgeKind.CONTINUATION and not step.seeded for step in path):
            continue
        for character, _ in declared(graph, path[0].source):
            if not any(character in step.removes for step in path):
                found.add(graph.info.characters[character].person)
    return found - {None}


NAMES = list(CHARACTERS)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to seven atoms, drawn in any order; two edges of different kinds may lie side by side."""
    count = draw(st.integers(1, 7))
    order = draw(st.permutations(range(count)))
    data = iter(draw(st.binary(min_size=count * 3 + count * count, max_size=count * (3 + count))))
    nodes = []
    for place in range(count):
        bits = next(data)
        seen = " ".join(name for place, name in enumerate(NAMES) if bits >> place & 1)
        bits >>= 4
        heard = " ".join(name for place, name in enumerate(NAMES) if bits >> place & 1)
        seen, heard = (seen, heard) if next(data) % 2 else ("", "")
        nodes.append(node(f"a{place}", seen, heard, author=f"by-{next(data) % 4}"))
    edges = []
    for one in range(count):
        for two in range(one):
            what = next(data)
            ends = f"a{order[two]}", f"a{order[one]}"
            removes = [name for place, name in enumerate(NAMES) if what >> (3 + place) & 1]
            if what % 8 in (1, 2, 5):
                edges.append(edge(*ends, removes=removes if what % 8 != 2 else []))
            if what % 8 in (3, 5):
                edges.append(seeded(*ends))
            if what % 8 == 4:
                edges.append(edge(*ends, "continuation"))
    return graph_of(nodes, edges)


@settings(max_examples=600, deadline=None)
@given(graphs())
def test_who_is_in_an_atom_is_who_any_path_brings(graph: Graph) -> None:
    presences = Presences(graph)
    for atom in graph.atoms:
        expected = brute_force(graph, atom)
        found = presences.of(atom)
        assert {
            one.person: (set(one.modalities), set(one.origins), one.seeded) for one in found
        } == expected
        assert len({one.person for one in found}) == len(found)
        assert {person: set(how) for person, how in presences.people(atom).items()} == {
            person: modalities for person, (modalities, _, _) in expected.items()
        }
        for one in found:
            assert len(set(one.origins)) == len(one.origins)
            assert atom not in one.origins[1:]
        assert set(presences.remixed(atom)) == brute_remixed(graph, atom)
        authors = presences.authors(atom)
        assert len(set(authors)) == len(authors)
        assert set(authors) == brute_authors(graph, atom)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_asking_changes_nothing(graph: Graph, chance: Any) -> None:
    order = list(graph.atoms)
    chance.shuffle(order)
    asked = Presences(graph)
    for atom in order:
        fresh = Presences(graph)
        assert (asked.of(atom), asked.authors(atom)) == (fresh.of(atom), fresh.authors(atom))


# -- single rules ----------------------------------------------------------------------------------


def test_a_remix_takes_everyone_along_and_says_where_from() -> None:
    graph = graph_of(
        [node("a", "mei fox", "mei"), node("b", heard="ken"), node("c", "mei")],
        [edge("a", "b"), edge("b", "c")],
    )
    presences = Presences(graph)
    assert presences.of("c") == (
        Presence("p-mei", BOTH, ("c", "a"), seeded=False),
        Presence("p-ken", VOICE, ("b",), seeded=False),
    )
    assert presences.remixed("c") == {"p-mei", "p-ken"}
    assert presences.remixed("a") == frozenset()
    assert presences.authors("c") == ("by-a", "by-b")
    assert presences.authors("a") == ()


def test_a_removed_character_goes_and_a_person_who_plays_another_stays() -> None:
    graph = graph_of(
        [node("a", "mei ken", "meis-twin"), node("b"), node("c")],
        [edge("a", "b", removes=["mei", "ken"]), edge("b", "c", removes=["meis-twin"])],
    )
    presences = Presences(graph)
    assert presences.of("b") == (Presence("p-mei", VOICE, ("a",), seeded=False),)
    assert presences.of("c") == ()
    assert presences.authors("c") == ("by-a", "by-b")


def test_a_continuation_brings_nobody_unless_it_was_seeded_and_that_travels_on() -> None:
    graph = graph_of(
        [node("a", "mei"), node("b"), node("c"), node("d"), node("e", "ken")],
        [edge("a", "b", "continuation"), seeded("a", "c"), edge("c", "d"), seeded("d", "e")],
    )
    presences = Presences(graph)
    guess = Presence("p-mei", FACE, ("a",), seeded=True)
    assert presences.of("b") == ()
    assert presences.of("c") == presences.of("d") == (guess,)
    assert presences.of("e") == (Presence("p-ken", FACE, ("e",), seeded=False), guess)
    assert presences.remixed("c") == frozenset()
    assert presences.remixed("d") == {"p-mei"}
    assert presences.authors("e") == ()


def test_whoever_came_for_certain_too_is_no_guess() -> None:
    graph = graph_of(
        [node("a", "mei"), node("b"), node("c", heard="mei")],
        [seeded("a", "b"), edge("a", "b"), seeded("a", "c")],
    )
    assert Presences(graph).of("b") == (Presence("p-mei", FACE, ("a",), seeded=False),)
    assert Presences(graph).of("c") == (Presence("p-mei", BOTH, ("c", "a"), seeded=False),)


def test_only_the_ancestors_are_looked_at_however_deep() -> None:
    count = 10_000
    nodes = [node(f"a{place}", "mei" if place == 0 else "") for place in range(count)]
    edges = [edge(f"a{place}", f"a{place + 1}") for place in range(count - 1)]
    graph = graph_of([node("aside", "ken"), *nodes], [*edges, edge("a5", "aside")])
    presences = Presences(graph)
    assert presences.of("a3") == (Presence("p-mei", FACE, ("a0",), seeded=False),)
    assert set(presences._casts) == {"a0", "a1", "a2", "a3"}
    assert presences.of(f"a{count - 1}") == (Presence("p-mei", FACE, ("a0",), seeded=False),)
    assert len(presences.authors(f"a{count - 1}")) == count - 1
    assert "aside" not in presences._casts


def test_an_atom_that_is_not_there_is_named() -> None:
    with pytest.raises(WalkError, match="no atom 'a9'"):
        Presences(graph_of([node("a1")], [])).of("a9")
