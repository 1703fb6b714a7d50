"""At a fork the walk takes the road that fits, and the plan says what the other was worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.episode.plan import EpisodePlan
from chainer.graph import Pick, WalkOptions
from tests.memory.scene import LONG, filmed

from .coded import small_settings


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """c1 of one room; c2 of another; c3 goes on where c1 ends; c4 where c2 does."""
    folder = tmp_path_factory.mktemp("fork")
    for clip in (
        filmed(1, 1, 0, LONG),
        filmed(2, 6, 0, LONG),
        filmed(3, 1, LONG, LONG),
        filmed(4, 6, LONG, LONG),
    ):
        clip.write(folder / f"c{clip.number}.mp4")
    return folder


def fork(
    media: Path, edges: list[tuple[str, str, str]], name: str = "graph.json", **own: str
) -> Path:
    names = dict.fromkeys(name for edge in edges for name in edge[:2])
    values = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1"},
        "nodes": [{"id": one, "media": own.get(one, f"{one}.mp4"), "author": "p"} for one in names],
        "edges": [{"source": a, "target": b, "kind": kind} for a, b, kind in edges],
    }
    path = media / name
    path.write_text(json.dumps(values))
    return path


BOTH = [("c1", "c2", "continuation"), ("c1", "c3", "continuation")]


def plan_of(path: Path, options: WalkOptions | None = None, **memory: Any) -> EpisodePlan:
    settings = small_settings(
        path.parent / "store", faces={"enabled": False}, memory={"enabled": True, **memory}
    )
    return chainer.plan_episode(chainer.load_graph(path), "c1", options=options, settings=settings)


@pytest.mark.parametrize("edges", [BOTH, BOTH[::-1]])
def test_the_branch_that_goes_on_is_taken_whichever_comes_first(
    edges: list[tuple[str, str, str]], media: Path
) -> None:
    plan = plan_of(fork(media, edges))
    assert plan.chain.atoms == ("c1", "c3")
    (choice,) = plan.choices
    assert (choice.of, choice.at, choice.chosen, choice.runner_up) == ("road", "c1", "c3", "c2")
    assert choice.score > choice.runner_up_score
    assert "c1" in choice.why
    (told,) = plan.as_json()["choices"]
    assert told["runner_up"] == "c2"
    assert told["score"] > told["runner_up_score"]


@pytest.mark.parametrize("off", [{"enabled": False}, {"choose_roads": False}, {"weight": 0}])
def test_without_it_the_file_decides(off: dict[str, Any], media: Path) -> None:
    for edges in (BOTH, BOTH[::-1]):
        plan = plan_of(fork(media, edges), **off)
        assert plan.chain.atoms == ("c1", edges[0][1])
        assert plan.choices == ()


def test_a_longer_story_beats_a_closer_fit(media: Path) -> None:
    edges = [*BOTH, ("c2", "c4", "continuation")]
    plan = plan_of(fork(media, edges))
    assert plan.chain.atoms == ("c1", "c2", "c4")
    (choice,) = plan.choices
    assert "more of the story" in choice.why


def test_an_alternate_that_fits_stands_in(media: Path) -> None:
    edges = [BOTH[0], ("c2", "c3", "remix")]
    plan = plan_of(fork(media, edges))
    assert plan.chain.atoms == ("c1", "c3")
    assert plan.chain.legs[1].stands_for == "c2"
    (choice,) = plan.choices
    assert (choice.chosen, choice.runner_up) == ("c3", "c2")
    assert plan_of(fork(media, edges), weight=0).chain.atoms == ("c1", "c2")


def test_the_original_stays_where_the_alternate_fits_less(media: Path) -> None:
    plan = plan_of(fork(media, [BOTH[1], ("c3", "c2", "remix")]))
    assert plan.chain.atoms == ("c1", "c3")
    (choice,) = plan.choices
    assert (choice.chosen, choice.runner_up) == ("c3", "c2")
    assert choice.score > choice.runner_up_score


@pytest.mark.parametrize("broken", ["c2", "c3"])
def test_a_branch_that_cannot_be_looked_at_is_neither_good_nor_bad(
    broken: str, media: Path
) -> None:
    (media / "broken.mp4").write_bytes(b"no film")
    path = fork(media, BOTH[::-1], **{broken: "broken.mp4"})
    if broken == "c2":
        assert plan_of(path).chain.atoms == ("c1", "c3")
        return
    with pytest.raises(chainer.MediaError, match="broken"):
        plan_of(path)


def test_too_many_to_look_at_is_said_and_none_is_looked_at(media: Path) -> None:
    store = media / "store-of-few"
    path = fork(media, BOTH)
    settings = small_settings(store, faces={"enabled": False}, memory={"most_candidates": 2})
    settings = settings.model_copy(
        update={"memory": settings.memory.model_copy(update={"enabled": True})}
    )
    plan = chainer.plan_episode(chainer.load_graph(path), "c1", settings=settings)
    assert plan.chain.atoms == ("c1", "c2")
    assert plan.choices == ()
    assert sum("most_candidates" in note for note in plan.notes) == 1
    kinds = chainer.store.inspect(chainer.Store(store)).by_type
    assert kinds["observation"][0] == 2


def test_a_road_that_was_asked_for_is_not_called_the_best(media: Path) -> None:
    plan = plan_of(fork(media, BOTH, "asked.json"), WalkOptions(through=("c2",)))
    (choice,) = plan.roads
    assert (choice.chosen, choice.runner_up) == ("c2", "c3")
    assert choice.score < choice.runner_up_score
    assert "it was asked for" in choice.why
    assert "best" not in choice.why


def test_where_nothing_is_chosen_nothing_is_said(media: Path) -> None:
    path = fork(media, BOTH)
    for options in (WalkOptions(path=("c1", "c2")), WalkOptions(pick=Pick.FIRST)):
        plan = plan_of(path, options)
        assert plan.chain.atoms == ("c1", "c2")
        assert plan.choices == ()
    straight = fork(media, BOTH[1:], "straight.json")
    assert plan_of(straight).choices == ()


def test_what_the_caller_prefers_outweighs_the_fit(media: Path) -> None:
    plan = plan_of(fork(media, BOTH), WalkOptions(prefer=(("atom:c2", 1),)))
    assert plan.chain.atoms == ("c1", "c2")
    end = plan_of(fork(media, BOTH), WalkOptions(end="c2"))
    assert end.chain.atoms == ("c1", "c2")


def test_a_chain_found_before_is_explained_with_its_options(media: Path) -> None:
    graph = chainer.load_graph(fork(media, BOTH))
    settings = small_settings(media / "store", faces={"enabled": False}, memory={"enabled": True})
    options = WalkOptions()
    (chain,) = chainer.find_chains(graph, "c1", settings=settings, options=options)
    plan = chainer.plan_episode(graph, chain=chain, options=options, settings=settings)
    assert plan.choices[0].runner_up == "c2"
    assert chainer.plan_episode(graph, chain=chain, settings=settings).choices == ()
