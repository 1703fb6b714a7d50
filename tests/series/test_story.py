"""Which films a series has: decisions over graphs of words; nothing is drawn, no file is read."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.errors import Cancelled, InputError, PolicyRefused
from chainer.graph import Graph, WalkKind
from chainer.series.episodes import main_story, series_of
from chainer.series.forks import Branching, branch_id, branching
from chainer.series.wanted import Kept, Wanted, is_refusal
from tests.series.told import graph_of, walker

LINE = "a>b b>c c>d d>e"


def story(
    graph: Graph, kept: list[Kept] | None = None, closed: tuple[str, ...] = ()
) -> list[Wanted]:
    shut = dict.fromkeys(closed, "no")
    return main_story(graph, series_of(graph, "s"), kept or [], walker(graph, shut))


def chains(wanted: list[Wanted]) -> dict[str, str]:
    return {one.id: "".join(one.atoms) for one in wanted}


def roads(
    graph: Graph,
    main: list[Wanted],
    kept: list[Kept] | None = None,
    closed: tuple[str, ...] = (),
    most: int = 24,
) -> Branching:
    shut = dict.fromkeys(closed, "no")
    return branching(
        graph, main, kept or [], walker(graph, shut), lambda name: name not in shut, most
    )


def links(found: Branching, name: str) -> list[tuple[str, str, str]]:
    return [(one.after, one.to, one.atom) for one in found.links[name]]


# -- the main story --------------------------------------------------------------


def test_an_episode_runs_up_to_the_next_start() -> None:
    graph = graph_of(LINE, [("e1", "a"), ("e2", "c"), ("e3", "d")])
    assert chains(story(graph)) == {"e1": "ab", "e2": "c", "e3": "de"}


def test_the_way_to_the_next_start_is_preferred_to_a_longer_one_elsewhere() -> None:
    graph = graph_of("a>x x>y y>z a>b b>c", [("e1", "a"), ("e2", "c")])
    assert chains(story(graph)) == {"e1": "ab", "e2": "c"}


def test_where_the_next_start_is_out_of_reach_an_episode_runs_to_its_end() -> None:
    graph = graph_of("a>b m>n", [("e1", "a"), ("e2", "m")])
    assert chains(story(graph)) == {"e1": "ab", "e2": "mn"}


def test_an_episode_never_runs_into_one_told_earlier() -> None:
    graph = graph_of("a>b b>c", [("e2", "b"), ("e1", "a")])
    assert chains(story(graph)) == {"e2": "bc", "e1": "a"}


def test_what_may_not_be_played_is_a_fault_of_one_episode() -> None:
    graph = graph_of(LINE, [("e1", "a"), ("e2", "c")])
    first, second = story(graph, closed=("c",))
    assert first.atoms == ("a", "b")
    assert second.chain is None
    assert isinstance(second.fault, PolicyRefused)
    assert is_refusal(second.fault)


def test_a_published_chain_stays_and_what_follows_is_a_part_of_its_own() -> None:
    graph = graph_of(LINE, [("e1", "a")])
    found = story(graph, [Kept("e1", "Title of e1", ("a", "b"))])
    assert chains(found) == {"e1": "ab", "e1-2": "cde"}
    assert [one.held for one in found] == [True, False]
    assert (found[1].continues, found[1].title) == ("e1", "Title of e1, part 2")
    # and the next time both stay
    kept = [Kept(one.id, one.title, one.atoms, one.continues) for one in found]
    longer = graph_of(LINE + " e>f", [("e1", "a")])
    assert chains(story(longer, kept)) == {"e1": "ab", "e1-2": "cde", "e1-3": "f"}


def test_a_declared_start_takes_the_place_of_a_part() -> None:
    graph = graph_of(LINE, [("e1", "a"), ("e2", "c")])
    kept = [Kept("e1", "E", ("a", "b")), Kept("e1-2", "E 2", ("c", "d"), "e1")]
    assert chains(story(graph, kept)) == {"e1": "ab", "e2": "cde"}


def test_a_start_declared_inside_a_published_chain_cuts_it() -> None:
    graph = graph_of(LINE, [("e1", "a"), ("e2", "c")])
    assert chains(story(graph, [Kept("e1", "E", tuple("abcde"))])) == {"e1": "ab", "e2": "cde"}


def test_a_published_chain_gives_way_where_it_is_not_allowed_any_more() -> None:
    graph = graph_of("a>b b>c a>x x>c c>d", [("e1", "a")])
    kept = [Kept("e1", "E", ("a", "b", "c")), Kept("e1-2", "E 2", ("d",), "e1")]
    assert chains(story(graph, kept, closed=("b",))) == {"e1": "axc", "e1-2": "d"}


def test_a_part_that_begins_another_way_keeps_off_taken_names() -> None:
    graph = graph_of("a>b b>c", [("e1", "a"), ("e1-2", "z")])
    found = story(graph, [Kept("e1", "E", ("a",))])
    assert chains(found) == {"e1": "a", "e1-3": "bc", "e1-2": "z"}


def test_a_fork_after_the_published_end_goes_one_way() -> None:
    graph = graph_of("a>b b>c b>d d>e", [("e1", "a")])
    found = story(graph, [Kept("e1", "E", ("a", "b"))])
    assert len(found) == 2
    assert found[1].atoms[0] in {"c", "d"}


def test_an_alternate_may_be_published_and_the_story_goes_on_from_its_place() -> None:
    graph = graph_of("a>b b~r b>c", [("e1", "a")])
    kept = [Kept("e1", "E", ("a", "r"))]
    assert chains(story(graph, kept)) == {"e1": "ar", "e1-2": "c"}


def test_a_stop_ends_it_all() -> None:
    graph = graph_of(LINE, [("e1", "a")])

    def stopped(*_: Any) -> Any:
        raise Cancelled("stop")

    for kept in ([], [Kept("e1", "E", ("a",))]):
        with pytest.raises(Cancelled):
            main_story(graph, series_of(graph, "s"), kept, stopped)


def test_an_unknown_series_is_named_with_a_near_miss() -> None:
    graph = graph_of(LINE, [("e1", "a")])
    with pytest.raises(InputError, match="no series 'S'") as caught:
        series_of(graph, "S")
    assert caught.value.code == "unknown-series"
    with pytest.raises(InputError, match="no episodes"):
        series_of(graph_of(LINE, []), "s")


@given(st.integers(2, 9), st.data())
def test_published_chains_never_change_however_the_story_grows(atoms: int, data: Any) -> None:
    """Grown atom by atom and published at any of those moments, nothing published changes."""
    kept: list[Kept] = []
    for length in range(1, atoms + 1):
        names = [f"n{number}" for number in range(length)]
        edges = " ".join(f"{a}>{b}" for a, b in pairwise(names))
        if not data.draw(st.booleans()):
            continue
        found = story(graph_of(edges, [("e1", "n0")]), kept)
        now = {one.id: one.atoms for one in found}
        assert all(now[one.id] == one.chain for one in kept)
        assert [name for one in found for name in one.atoms] == names
        kept = [Kept(one.id, one.title, one.atoms, one.continues) for one in found]


# -- forks -------------------------------------------------------------------------


def test_remixes_and_other_continuations_become_branches() -> None:
    graph = graph_of("a>b b>c a~r r>s b>x x~y", [("e1", "a")])
    main = story(graph)
    assert chains(main) == {"e1": "abc"} or main[0].atoms[:2] == ("a", "b")
    found = roads(graph, main)
    made = chains(list(found.branches))
    assert made["road-r"] == "rs"
    assert all(one.chain is not None and one.chain.kind is WalkKind.RELAY for one in found.branches)
    assert ("a", "road-r", "r") in links(found, "e1")
    other = "c" if "x" in main[0].atoms else "x"
    assert ("b", f"road-{other}", other) in links(found, "e1")


def test_a_branch_that_meets_the_story_ends_there_and_leads_back() -> None:
    graph = graph_of("a>b b>c c>d a~r r>c", [("e1", "a"), ("e2", "d")])
    found = roads(graph, story(graph))
    assert chains(list(found.branches)) == {"road-r": "r"}
    then = found.then["road-r"]
    assert (then.to, then.atom) == ("e1", "c")
    assert links(found, "road-r") == []


def test_a_shortcut_is_a_way_into_an_episode_and_no_film() -> None:
    graph = graph_of("a>b b>c c>d a>c", [("e1", "a"), ("e2", "c")])
    main = story(graph)
    assert chains(main)["e1"] == "ab"
    found = roads(graph, main)
    assert found.branches == ()
    assert links(found, "e1") == [("a", "e2", "c")]


def test_the_step_to_the_next_episode_is_no_fork() -> None:
    graph = graph_of("a>b b>c", [("e1", "a"), ("e2", "c")])
    found = roads(graph, story(graph))
    assert found.links == {"e1": (), "e2": ()}


def test_two_forks_share_a_branch() -> None:
    graph = graph_of("a>b b>c a~r b~r", [("e1", "a")])
    main = [Wanted("e1", "E", walker(graph)("a", _path("a", "b", "c"))[0])]
    found = roads(graph, main)
    assert [one.id for one in found.branches] == ["road-r"]
    assert links(found, "e1") == [("a", "road-r", "r"), ("b", "road-r", "r")]


def test_forks_of_branches_are_followed_and_bounded() -> None:
    graph = graph_of("a~r r~s r~t t~u s~v", [("e1", "a")])
    main = story(graph)
    found = roads(graph, main)
    atoms = sorted(name for one in found.branches for name in one.atoms)
    assert atoms == ["r", "s", "t", "u", "v"]
    assert found.left_out == 0
    few = roads(graph, main, most=1)
    assert [one.id for one in few.branches] == ["road-r"]
    assert few.left_out == 1
    assert roads(graph, main, most=0).branches == ()


def test_what_is_closed_is_neither_built_nor_named() -> None:
    graph = graph_of("a>b a~r r>s a~q", [("e1", "a")])
    main = [Wanted("e1", "E", walker(graph)("a", _path("a", "b"))[0])]
    found = roads(graph, main, closed=("r",))
    assert [one.id for one in found.branches] == ["road-q"]
    told = repr((found.links, found.then, [one.atoms for one in found.branches]))
    assert "'r'" not in told
    assert "'s'" not in told
    cut = roads(graph, main, closed=("s",))
    assert chains(list(cut.branches)) == {"road-r": "r", "road-q": "q"}


def test_a_published_branch_keeps_its_chain_and_what_follows_is_another() -> None:
    graph = graph_of("a~r r>s", [("e1", "a")])
    main = story(graph)
    found = roads(graph, main, [Kept("road-r", "R", ("r",))], most=1)
    assert chains(list(found.branches)) == {"road-r": "r", "road-s": "s"}
    assert found.branches[0].held
    assert found.then["road-r"].to == "road-s"


def test_published_branches_do_not_count_against_the_limit() -> None:
    graph = graph_of("a~r a~q", [("e1", "a")])
    found = roads(graph, story(graph), [Kept("road-r", "R", ("r",))], most=0)
    assert [one.id for one in found.branches] == ["road-r"]
    assert found.left_out == 1


def test_the_name_of_a_branch_is_an_id_and_its_own() -> None:
    assert branch_id("r1") == "road-r1"
    long = [f"{'x' * 63}{one}" for one in "ab"]
    names = [branch_id(one) for one in long]
    assert len(set(names)) == 2
    assert all(len(one) <= 64 for one in names)
    graph = graph_of("a~r", [("e1", "a"), ("road-r", "z")])
    found = roads(graph, story(graph))
    assert [one.id for one in found.branches] == ["road-r-x"]


def _path(*names: str) -> Any:
    from chainer.graph import WalkOptions

    return WalkOptions(path=names)
