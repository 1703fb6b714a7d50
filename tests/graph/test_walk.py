"""Walks against brute force on small random graphs, and by hand where words matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.errors import WalkError
from chainer.graph import (
    Atom,
    Chain,
    Edge,
    EdgeKind,
    Graph,
    HouseScorer,
    Pick,
    WalkKind,
    WalkOptions,
    all_chains,
    count_chains,
    iter_chains,
    parse_graph,
    walk,
)

from .examples import data_of, graph_of

SERIES, RELAY = WalkKind.SERIES, WalkKind.RELAY
Play = tuple[str, str]
"""An atom and the place it has: itself, or the atom it stands for."""


# --- the truth, by trying everything -------------------------------------------------------


@dataclass
class Truth:
    """All chains of a graph, found the slow way."""

    graph: Graph
    kind: WalkKind
    allowed: Callable[[str], bool] = lambda name: True
    follows: Callable[[Edge], bool] = lambda edge: True
    end: str | None = None

    def targets(self, name: str, kind: EdgeKind) -> list[str]:
        edges = self.graph.edges_out(name, (kind,))
        return list(dict.fromkeys(edge.target for edge in edges if self.follows(edge)))

    def at(self, place: str) -> list[Play]:
        names = [place, *self.targets(place, EdgeKind.REMIX)]
        return [(name, place) for name in names if self.allowed(name)]

    def onward(self, play: Play, *, strict: bool = True) -> list[Play]:
        name, place = play
        if name == self.end:
            return []
        if self.kind is RELAY:
            both = [t for kind in EdgeKind for t in self.targets(name, kind)]
            return [(t, t) for t in dict.fromkeys(both) if self.allowed(t)]
        places = self.targets(name, EdgeKind.CONTINUATION)
        if name != place and (not strict or not self.again(place, name)):
            places += self.targets(place, EdgeKind.CONTINUATION)
        return [play for place in dict.fromkeys(places) for play in self.at(place)]

    def again(self, place: str, name: str) -> bool:
        """Whether going on from `place` can come to a place where `name` would play."""
        free = Truth(self.graph, self.kind)
        awaited = {e.source for e in self.graph.edges_in(name, (EdgeKind.REMIX,))} - {place}
        if self.graph.edges_in(name, (EdgeKind.CONTINUATION,)):
            awaited.add(name)
        todo, seen = free.onward((place, place)), set[Play]()
        while todo:
            play = todo.pop()
            if play not in seen:
                seen.add(play)
                todo += free.onward(play, strict=False)
        return any(at in awaited for _, at in seen)

    def chains(self, start: str, *, stop_anywhere: bool = False) -> Iterator[list[Play]]:
        todo: list[list[Play]] = [[(start, start)]]
        while todo:
            chain = todo.pop()
            after = self.onward(chain[-1])
            at_end = chain[-1][0] == self.end
            if at_end or (self.end is None and (stop_anywhere or not after)):
                yield chain
            todo += [[*chain, play] for play in after]


NAMES = "abcdefg"


@st.composite
def graphs(draw: st.DrawFn, most: int = 7) -> Graph:
    """Small DAGs of both kinds of edge, in any file order, with few authors."""
    size = draw(st.integers(1, most))
    names = NAMES[:size]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    chosen = draw(
        st.lists(st.tuples(st.sampled_from(pairs), st.booleans()), max_size=12, unique=True)
        if pairs
        else st.just([])
    )
    order = draw(st.permutations(names))
    each: dict[str, dict[str, Any]] = {
        name: {"author": draw(st.sampled_from(["ann", "ben"]))} for name in names
    }
    edges = [f"{a}{'~' if remix else '>'}{b}" for (a, b), remix in chosen]
    return graph_of(edges, " ".join(order), **each)


kinds = st.sampled_from(list(WalkKind))
numbers = st.lists(st.integers(-3, 3), min_size=7, max_size=7)
lengths = st.lists(st.sampled_from([1, 2, 3, 5]), min_size=7, max_size=7)


class Table:
    """Scores from tables, counting how often it is asked."""

    def __init__(self, atoms: dict[str, int], swap: int = 0, go: int = 0) -> None:
        self.atoms, self.costs = atoms, {EdgeKind.REMIX: swap, EdgeKind.CONTINUATION: go}
        self.asked = 0

    def atom(self, graph: Graph, atom: Atom) -> Fraction:
        self.asked += 1
        return Fraction(self.atoms.get(atom.id, 0))

    def edge(self, graph: Graph, edge: Edge, source: Atom, target: Atom) -> Fraction:
        self.asked += 1
        return Fraction(self.costs[edge.kind])


def plays(chain: Chain) -> list[Play]:
    return [(leg.atom, leg.stands_for or leg.atom) for leg in chain.legs]


def in_file_order(graph: Graph, chains: list[list[Play]]) -> list[list[Play]]:
    return sorted(
        chains, key=lambda c: [(graph.rank[a], a != place, graph.rank[place]) for a, place in c]
    )


@settings(derandomize=True, deadline=None, max_examples=300)
@given(graphs(), kinds)
def test_all_chains_are_those_of_brute_force_in_order(graph: Graph, kind: WalkKind) -> None:
    for start in graph.atoms:
        truth = in_file_order(graph, list(Truth(graph, kind).chains(start)))
        found = [plays(chain) for chain in iter_chains(graph, start, WalkOptions(kind=kind))]
        assert found == truth
        assert count_chains(graph, start, kind) == len(truth)
        for chain in truth:
            assert len({name for name, _ in chain}) == len(chain), "an atom plays twice"


@settings(derandomize=True, deadline=None, max_examples=400)
@given(graphs(), kinds, numbers, lengths, st.integers(-1, 1), st.booleans(), st.data())
def test_the_best_chain_is_that_of_brute_force(
    graph: Graph,
    kind: WalkKind,
    scores: list[int],
    times: list[int],
    swap: int,
    changes: bool,
    data: st.DataObject,
) -> None:
    atoms = st.sampled_from(list(graph.atoms))
    start = data.draw(atoms)
    options = WalkOptions(
        kind=kind,
        end=data.draw(st.none() | atoms),
        through=tuple(data.draw(st.lists(atoms, max_size=2))),
        max_seconds=data.draw(st.none() | st.integers(1, 14).map(Fraction)),
        avoid=tuple(f"atom:{name}" for name in data.draw(st.lists(atoms, max_size=1))),
        author_changes_on_remix=changes,
    )
    table = Table(dict(zip(NAMES, scores, strict=True)), swap)
    seconds = dict(zip(NAMES, map(Fraction, times), strict=True))
    chains = wanted(graph, start, options, seconds)

    def score(chain: list[Play]) -> int:
        swaps = sum(name != place for name, place in chain) * swap
        if kind is RELAY:
            pairs = pairwise(chain)
            swaps = sum(_hand_on(graph, a, b, swap, changes) for (a, _), (b, _) in pairs)
        return sum(table.atoms[name] for name, _ in chain) + swaps

    def find() -> Chain:
        (chain,) = walk(graph, start, options, scorer=table, seconds=lambda a: seconds[a.id])
        return chain

    if not chains:
        with pytest.raises(WalkError):
            find()
        return
    chain = find()
    top = max(map(score, chains))
    best = [c for c in chains if score(c) == top]
    assert chain.score == top
    assert plays(chain) in best
    assert list(chain.atoms) == [a for a, _ in in_file_order(graph, best)[0]]
    assert chain.seconds == sum(seconds[name] for name in chain.atoms)
    assert sum(value for _, value in chain.parts) == chain.score


def _hand_on(graph: Graph, a: str, b: str, swap: int, changes: bool) -> int:
    """The best of the parallel edges of a relay."""
    same = graph.atoms[a].author == graph.atoms[b].author
    return max(
        swap if edge.kind is EdgeKind.REMIX else 0
        for edge in graph.edges_between(a, b)
        if not (changes and same and edge.kind is EdgeKind.REMIX)
    )


def wanted(
    graph: Graph, start: str, options: WalkOptions, seconds: dict[str, Fraction]
) -> list[list[Play]]:
    """The chains that fit the options, by trying them all."""
    avoided = {key.removeprefix("atom:") for key in options.avoid}

    def follows(edge: Edge) -> bool:
        same = graph.atoms[edge.source].author == graph.atoms[edge.target].author
        return not (options.author_changes_on_remix and edge.kind is EdgeKind.REMIX and same)

    if start in avoided:
        return []
    truth = Truth(graph, options.kind, lambda name: name not in avoided, follows, options.end)
    return [
        chain
        for chain in truth.chains(start, stop_anywhere=options.max_seconds is not None)
        if options.required <= {name for name, _ in chain}
        and (
            options.max_seconds is None
            or sum(seconds[name] for name, _ in chain) <= options.max_seconds
        )
    ]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(graphs(), kinds, lengths, st.integers(1, 14), st.data())
def test_all_chains_that_fit_are_the_longest_that_do(
    graph: Graph, kind: WalkKind, times: list[int], most: int, data: st.DataObject
) -> None:
    atoms = st.sampled_from(list(graph.atoms))
    start, through = data.draw(atoms), tuple(data.draw(st.lists(atoms, max_size=1)))
    seconds = dict(zip(NAMES, map(Fraction, times), strict=True))
    options = WalkOptions(
        kind=kind, through=through, max_seconds=Fraction(most), pick=Pick.ALL, limit=10**6
    )
    fitting = wanted(graph, start, options, seconds)
    truth = Truth(graph, kind)
    longest = [
        chain
        for chain in fitting
        if not any([*chain, play] in fitting for play in truth.onward(chain[-1]))
    ]
    if not longest:
        with pytest.raises(WalkError):
            walk(graph, start, options, seconds=lambda atom: seconds[atom.id])
        return
    found = walk(graph, start, options, seconds=lambda atom: seconds[atom.id])
    assert [plays(chain) for chain in found] == in_file_order(graph, longest)
    first = walk(
        graph,
        start,
        WalkOptions(kind=kind, through=through, max_seconds=Fraction(most), pick=Pick.FIRST),
        seconds=lambda atom: seconds[atom.id],
    )
    assert first == found[:1]


@settings(derandomize=True, deadline=None, max_examples=150)
@given(graphs(), kinds, numbers, st.randoms(use_true_random=False))
def test_file_order_changes_nothing_but_ties(
    graph: Graph, kind: WalkKind, scores: list[int], random: Any
) -> None:
    from chainer.graph import dump_graph

    data = dump_graph(graph)
    random.shuffle(data["nodes"])
    random.shuffle(data["edges"])
    other = parse_graph(data, source="shuffled")
    table = Table(dict(zip(NAMES, scores, strict=True)))
    for start in graph.atoms:
        (one,) = walk(graph, start, WalkOptions(kind=kind), scorer=table)
        (two,) = walk(other, start, WalkOptions(kind=kind), scorer=table)
        assert one.score == two.score
        assert count_chains(graph, start, kind) == count_chains(other, start, kind)
        assert {tuple(plays(c)) for c in iter_chains(graph, start)} == {
            tuple(plays(c)) for c in iter_chains(other, start)
        }


@settings(derandomize=True, deadline=None, max_examples=150)
@given(graphs(), kinds)
def test_a_path_can_be_walked_exactly_when_it_begins_a_chain(graph: Graph, kind: WalkKind) -> None:
    start = next(iter(graph.atoms))
    begun = {
        tuple(name for name, _ in chain[: end + 1])
        for chain in Truth(graph, kind).chains(start)
        for end in range(len(chain))
    }
    for path in begun:
        (chain,) = walk(graph, start, WalkOptions(kind=kind, path=path))
        assert chain.atoms == path
        for name in graph.atoms:
            if (*path, name) not in begun:
                with pytest.raises(WalkError, match="not joined"):
                    walk(graph, start, WalkOptions(kind=kind, path=(*path, name)))


# --- by hand -------------------------------------------------------------------------------


def atoms_of(graph: Graph, start: str, **options: Any) -> list[tuple[str, ...]]:
    return [chain.atoms for chain in walk(graph, start, WalkOptions(**options))]


STORY = "a>b b>c b~r r>d"


def test_a_series_swaps_and_a_relay_hands_on() -> None:
    graph = graph_of(STORY)
    assert atoms_of(graph, "a", pick=Pick.ALL) == [
        ("a", "b", "c"),
        ("a", "r", "c"),
        ("a", "r", "d"),
    ]
    assert atoms_of(graph, "a", pick=Pick.ALL, kind=RELAY) == [
        ("a", "b", "c"),
        ("a", "b", "r", "d"),
    ]


def test_an_alternate_knows_what_it_stands_for_and_how_it_was_reached() -> None:
    graph = graph_of(STORY)
    (chain,) = walk(graph, "a", WalkOptions(prefer=(("atom:r", 1), ("atom:c", 1))))
    assert [(leg.atom, leg.stands_for) for leg in chain.legs] == [
        ("a", None),
        ("r", "b"),
        ("c", None),
    ]
    assert [leg.edge and (leg.edge.source, leg.edge.target) for leg in chain.legs] == [
        None,
        ("a", "b"),
        ("b", "c"),
    ]
    assert dict(chain.parts) == {
        "length": Fraction(3, 10),
        "prefer atom:r": 1,
        "prefer atom:c": 1,
        "edges": HouseScorer.REMIX,
    }


def test_an_original_wins_unless_there_is_a_reason() -> None:
    made = {"created": "2026-10-01T08:00:00Z"}
    later = {"created": "2029-10-01T08:00:00Z"}
    graph = graph_of("a>b b~r", a=made, b=made, r=later)
    assert atoms_of(graph, "a") == [("a", "b")]
    assert atoms_of(graph, "a", prefer=(("author:by-r", 1),)) == [("a", "r")]
    draft = graph_of("a>b b~r", b={"status": "draft"})
    assert atoms_of(draft, "a") == [("a", "r")]
    newer = graph_of("a>b a>c", b=made, c=later)
    assert atoms_of(newer, "a") == [("a", "c")]


def test_the_start_is_played_even_where_an_alternate_scores_better() -> None:
    graph = graph_of("a~r a>b")
    assert atoms_of(graph, "a", prefer=(("atom:r", 100),)) == [("a", "b")]


def test_naming_an_alternate_chooses_it() -> None:
    graph = graph_of(STORY)
    assert atoms_of(graph, "a", through=("r",)) == [("a", "r", "c")]
    assert atoms_of(graph, "a", end="r") == [("a", "r")]
    assert atoms_of(graph, "a", path=("a", "r", "d")) == [("a", "r", "d")]


def test_what_must_be_played_may_be_named_in_any_order() -> None:
    graph = graph_of("a>b b>c c>d a>x x>d")
    assert atoms_of(graph, "a", through=("c", "b"), prefer=(("x", 9),)) == [("a", "b", "c", "d")]


def test_a_closed_atom_is_replaced_by_its_alternate_or_left_out() -> None:
    graph = graph_of(STORY)
    (chain,) = walk(graph, "a", closed={"b": "Ken revoked it"})
    assert chain.atoms == ("a", "r", "c")
    (chain,) = walk(graph, "a", closed={"b": "x", "r": "y"})
    assert chain.atoms == ("a",)


@pytest.mark.parametrize("status", ["planned", "withdrawn"])
def test_atoms_without_released_media_are_not_played(status: str) -> None:
    graph = graph_of("a>b a>c", b={"status": status})
    assert atoms_of(graph, "a", pick=Pick.ALL) == [("a", "c")]
    with pytest.raises(WalkError, match=f"it is {status}"):
        walk(graph, "b")


def test_a_remix_that_comes_later_anyway_is_not_played_twice() -> None:
    graph = graph_of("a>b b>r b~r r>d")
    assert atoms_of(graph, "a", pick=Pick.ALL) == [("a", "b", "r", "d"), ("a", "r", "d")]


def test_parallel_edges_count_once_and_the_best_is_taken() -> None:
    graph = graph_of("a~b a>b")
    (chain,) = walk(graph, "a", WalkOptions(kind=RELAY, pick=Pick.ALL))
    assert chain.legs[1].edge is not None
    assert chain.legs[1].edge.kind is EdgeKind.CONTINUATION
    assert count_chains(graph, "a", RELAY) == 1


@pytest.mark.parametrize(
    ("key", "left"),
    [
        ("tag:calm", "c"),
        ("author:ben", "b"),
        ("character:mei", "b"),
        ("place:pier", "b"),
        ("atom:b", "c"),
        ("calm", "c"),
        ("mei", "b"),
        ("ben", "b"),
        ("pier", "b c"),
        ("CALM", "b c"),
    ],
)
def test_keys(key: str, left: str) -> None:
    data = data_of(
        ["a>b", "a>c"],
        b={"tags": ["calm"]},
        c={"author": "ben", "cast": [{"character": "mei"}], "place": "pier"},
    )
    data["graph"] |= {"characters": {"mei": {"name": "Mei"}}, "places": {"pier": {"name": "Pier"}}}
    graph = parse_graph(data, source="keys")
    found = atoms_of(graph, "a", pick=Pick.ALL, avoid=(key,))
    assert [chain[-1] for chain in found] == left.split()


@pytest.mark.parametrize("key", ["", "tag:", "mood:calm", ":calm"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(WalkError, match="is no key"):
        WalkOptions(avoid=(key,))
    with pytest.raises(WalkError, match="is no key"):
        WalkOptions(prefer=((key, 1),))


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"max_seconds": Fraction(0)}, {"path": ()}], ids=str
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(WalkError):
        WalkOptions(**options)


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        ({"end": "x"}, "nothing leads from a to x", "unreachable"),
        ({"end": "r2"}, "only over remixes", "unreachable"),
        ({"through": ("c", "d")}, "no one chain plays c, d", "apart"),
        ({"end": "r", "through": ("d",)}, "d comes only after the end, r", "unreachable"),
        ({"end": "c", "avoid": ("atom:c",)}, "c must be played, but avoided by atom:c", "closed"),
        ({"end": "c", "avoid": ("b", "r")}, r"b \(avoided by b\); r \(avoided by r\)", "closed"),
        ({"max_seconds": Fraction(9)}, "shortest takes 10 s, more than the 9 s", "too-long"),
        ({"end": "c", "max_seconds": Fraction(25)}, "shortest takes 30 s", "too-long"),
        ({"avoid": ("a",)}, "the start a cannot be played: avoided by a", "start-closed"),
        ({"path": ("b",)}, "not with the start a", "path"),
        ({"path": ("a", "c")}, r"between a and c in a series: a leads to b", "path-not-joined"),
        ({"path": ("a", "b", "r")}, "try a relay", "path-not-joined"),
        ({"path": ("a", "b"), "avoid": ("b",)}, "b, which cannot be played", "path-closed"),
        ({"path": ("a", "b"), "through": ("c",)}, "does not play c", "path"),
        ({"path": ("a", "b", "c"), "max_seconds": Fraction(20)}, "takes 30 s", "too-long"),
        ({"end": "bb"}, "there is no atom 'bb'", "unknown-atom"),
    ],
)
def test_a_walk_that_finds_nothing_says_why(options: dict[str, Any], words: str, code: str) -> None:
    graph = graph_of(f"{STORY} r~r2 x>a")
    with pytest.raises(WalkError, match=words) as caught:
        walk(graph, "a", WalkOptions(**options))
    assert caught.value.code == code


def test_an_unknown_start_is_told_its_near_miss() -> None:
    with pytest.raises(WalkError, match='did you mean "harbor-1"'):
        walk(graph_of("harbor-1>b"), "harbor1")


def test_the_same_author_may_be_kept_from_remixing_himself() -> None:
    graph = graph_of("a>b b~r b~s", b={"author": "ann"}, r={"author": "ann"}, s={"author": "ben"})
    found = atoms_of(graph, "a", pick=Pick.ALL, author_changes_on_remix=True)
    assert found == [("a", "b"), ("a", "s")]
    with pytest.raises(WalkError, match="own author"):
        walk(graph, "a", WalkOptions(kind=RELAY, end="r", author_changes_on_remix=True))


def test_max_seconds_is_exact_and_allowed_itself() -> None:
    graph = graph_of("a>b b>c")
    third = Fraction(10, 3)
    options = WalkOptions(max_seconds=Fraction(10))
    (chain,) = walk(graph, "a", options, seconds=lambda atom: third)
    assert chain.atoms == ("a", "b", "c")
    (chain,) = walk(graph, "a", options, seconds=lambda atom: third + Fraction(1, 10**9))
    assert chain.atoms == ("a", "b")


def test_default_lengths_come_from_slot_and_trim() -> None:
    graph = graph_of(
        "a>b b>c",
        b={"slot": {"kind": "extended", "seconds": 18}},
        c={"trim": {"start": "0.5", "end": "9"}},
    )
    (chain,) = walk(graph, "a")
    assert chain.seconds == 10 + 18 + Fraction(17, 2)


def test_the_chains_of_a_whole_graph() -> None:
    graph = graph_of("a>b b~r r~r2 q>b a~s")
    series = {tuple(plays(chain)) for chain in all_chains(graph)}
    alone: set[tuple[Play, ...]] = {
        ((first, place), (second, "b"))
        for first, place in (("a", "a"), ("s", "a"), ("q", "q"))
        for second in "br"
    }
    assert series == alone | {(("r2", "r2"),)}
    assert {chain.atoms for chain in all_chains(graph, RELAY)} == {
        ("a", "b", "r", "r2"),
        ("q", "b", "r", "r2"),
        ("a", "s"),
    }
    closed = {"a": "x"}
    assert ("s", "b") in {chain.atoms for chain in all_chains(graph, closed=closed)}
    assert {c.atoms[0] for c in all_chains(graph, RELAY, closed=closed)} == {"q"}


def test_chain_ids_tell_chains_apart() -> None:
    graph = graph_of(STORY)
    chains = [c for kind in WalkKind for c in iter_chains(graph, "a", WalkOptions(kind=kind))]
    assert len({chain.id for chain in chains}) == len(chains)
    assert chains[0].id.startswith("a_c_")
    assert {chains[0]: 1}[chains[0]] == 1  # values can be keys


def test_the_limit_cuts_the_list() -> None:
    graph = graph_of(" ".join(f"a>b{i}" for i in range(9)))
    assert len(atoms_of(graph, "a", pick=Pick.ALL, limit=4)) == 4


# --- size ----------------------------------------------------------------------------------


def ladder(rungs: int) -> Graph:
    """2**rungs relays, and 4**rungs series: at each rung two ways, each with an alternate."""
    edges = []
    for i in range(rungs):
        edges += [f"m{i}>l{i}", f"m{i}>r{i}", f"l{i}>m{i + 1}", f"r{i}>m{i + 1}"]
        edges += [f"l{i}~x{i}", f"r{i}~y{i}"]
    return graph_of(edges)


@pytest.mark.parametrize("kind", list(WalkKind))
@pytest.mark.parametrize("through", [(), ("l5", "r9", "l30")])
def test_the_best_of_countless_chains_asks_for_each_atom_and_edge_once(
    kind: WalkKind, through: tuple[str, ...]
) -> None:
    asked = []
    for rungs in (40, 80):
        graph = ladder(rungs)
        table = Table({f"r{i}": 1 for i in range(rungs)})
        (chain,) = walk(
            graph,
            "m0",
            WalkOptions(kind=kind, through=through, end=f"m{rungs}"),
            scorer=table,
        )
        assert chain.score == rungs - (2 if through else 0)
        asked.append(table.asked)
        parts = 2  # `Chain.parts` asks for the atoms of the chain once more
        assert table.asked <= parts * len(graph.atoms) + len(graph.edges)
        assert count_chains(graph, "m0", SERIES) == 4**rungs
    assert asked[1] < 2.1 * asked[0]


def test_max_seconds_on_a_ladder_keeps_few_pairs() -> None:
    graph = ladder(60)
    table = Table({f"r{i}": i % 3 for i in range(60)})
    options = WalkOptions(max_seconds=Fraction(401), through=("l7",))
    (chain,) = walk(graph, "m0", options, scorer=table)
    assert chain.seconds == 400
    assert chain.score == sum(i % 3 for i in range(19)) - 1 + 19 % 3


def test_a_very_long_chain_needs_no_recursion() -> None:
    size = 20_000
    graph = graph_of([f"n{i}>n{i + 1}" for i in range(size - 1)])
    assert len(graph.topological_order()) == size
    (chain,) = walk(graph, "n0")
    assert len(chain.legs) == size
    assert count_chains(graph, "n0", RELAY) == 1


def test_no_way_of_walking_needs_recursion() -> None:
    size = 2_500  # beyond what Python would let a function call itself
    graph = graph_of([f"n{i}>n{i + 1}" for i in range(size - 1)])
    (chain,) = walk(graph, "n0")
    (listed,) = islice(iter_chains(graph, "n0"), 2)
    assert listed == chain
    (short,) = walk(graph, "n0", WalkOptions(max_seconds=Fraction(20_005)))
    assert short.seconds == 20_000
    (named,) = walk(graph, "n0", WalkOptions(path=chain.atoms))
    assert named == chain


def test_a_scorer_may_answer_in_floats_but_not_with_nan() -> None:
    class Loose(HouseScorer):
        def __init__(self, value: float) -> None:
            self.value = value

        def terms(self, graph: Graph, atom: Atom) -> list[tuple[str, Fraction]]:
            return [("loose", self.value)]  # type: ignore[list-item]

        def atom(self, graph: Graph, atom: Atom) -> Fraction:
            return self.value  # type: ignore[return-value]

    (chain,) = walk(graph_of("a>b"), "a", scorer=Loose(0.1))
    assert chain.score == 2 * Fraction(0.1)
    with pytest.raises(WalkError, match="nan"):
        walk(graph_of("a>b"), "a", scorer=Loose(float("nan")))
