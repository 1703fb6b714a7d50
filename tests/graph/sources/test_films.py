"""Plans and films of a graph in a database: as of its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.again import make_again
from chainer.consent.say import Whom, grant
from chainer.consent.words import Use
from chainer.episode.manifest import read_manifest
from chainer.graph import Graph, WalkKind, WalkOptions
from chainer.graph.sources import load_any
from chainer.graph.sources.address import name_of, source_of
from chainer.graph.sources.sql.bulk import import_graph
from chainer.graph.sources.sql.export import export_graph
from chainer.permission import ledger_path
from chainer.settings import Settings
from chainer.store import Store
from chainer.withdrawal import withdraw
from tests.film.coded import Coded, small_settings, write_graph
from tests.film.test_consent import World

HARBOR = Path("graphs/harbor.json")


def told(plan: chainer.EpisodePlan) -> dict[str, Any]:
    """All of a plan but for where its graph came from."""
    return {
        "chain": plan.chain,
        "steps": [step.key for step in plan.render.steps],
        "notes": plan.notes,
        "closed": plan.closed,
        "chapters": plan.chapters,
        "titles": plan.titles,
        "needs": plan.consented.needs,
        "bounds": plan.bounds,
        "rating": plan.rating,
        "request": {name: one for name, one in plan.request.items() if name != "graph"},
    }


def with_memory(settings: Settings, *, memory: bool) -> Settings:
    changed = settings.memory.model_copy(update={"enabled": memory})
    return settings.model_copy(update={"memory": changed})


@pytest.mark.slow
@pytest.mark.parametrize("memory", [False, True])
def test_the_harbor_is_planned_alike(tmp_path: Path, memory: bool) -> None:
    url = import_graph(HARBOR, f"sqlite:///{tmp_path / 'g.db'}").url
    settings = with_memory(small_settings(tmp_path / "store"), memory=memory)
    whole = chainer.load_graph(HARBOR)
    for kind in (WalkKind.RELAY, WalkKind.SERIES):
        options = WalkOptions(kind=kind)
        plans = [
            chainer.plan_episode(graph, "a1", options=options, settings=settings)
            for graph in (whole, load_any(url, "a1", options))
        ]
        assert told(plans[0]) == told(plans[1])


@pytest.mark.parametrize("memory", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_part_with_people_is_planned_alike(tmp_path: Path, database: str, memory: bool) -> None:
    world = World(tmp_path)
    path = tmp_path / "graph.json"
    data = json.loads(path.read_text())
    # Another tree, whose author is met first, and more of the same: left out of the part.
    data["nodes"][:0] = [
        {"id": f"x{at}", "media": "media/c1.mp4", "author": "p-bo"} for at in range(40)
    ]
    data["edges"] += [
        {"source": f"x{at}", "target": f"x{at + 1}", "kind": "remix"} for at in range(39)
    ]
    path.write_text(json.dumps(data))
    url = import_graph(path, database).url
    whole = chainer.load_graph(path)
    settings = with_memory(world.settings, memory=memory)

    def both(**options: Any) -> list[dict[str, Any]]:
        found = []
        for graph in (whole, load_any(url, "c1", WalkOptions(**options), max_atoms=12)):
            assert graph is whole or len(graph.atoms) <= 12
            assert ledger_path(settings, world.store, graph) == tmp_path / "consent.jsonl"
            plan = chainer.plan_episode(
                graph, "c1", options=WalkOptions(**options), settings=settings
            )
            found.append(told(plan))
        return found

    one, other = both()
    assert one == other
    assert [road.atom for road in other["closed"]] == ["c2"]
    world.grants()
    one, other = both(end="c4")
    assert one == other
    assert other["chain"].atoms == ("c1", "c2", "c3", "c4")


def test_a_story_is_planned_alike(tmp_path: Path, database: str) -> None:
    """An extended slot, captions, a J cut, a story card, a take and a bed of music."""
    clips = [Coded(1, 60), Coded(2, 280), Coded(3, 60)]
    joints: list[dict[str, Any] | None] = [
        {"kind": "cut", "lead": "2/5"},
        {"kind": "card", "text": "Later"},
    ]
    slot = {"kind": "extended", "seconds": 15, "fill": "hold", "scenario": "story_challenge"}
    line = {"start": "0.5", "end": "1.5", "text": "Is anyone there?"}
    path = write_graph(
        tmp_path,
        clips,
        joints,
        c1={"dialogue": [line], "sound": {"gain": "-1.5"}, "takes": [{"media": "media/c3.mp4"}]},
        c2={"slot": slot},
        c3={"sound": {"silence": "trim"}},
    )
    data = json.loads(path.read_text())
    episode = {"id": "e", "title": "E", "start": "c1", "bed": {"media": "media/c3.mp4"}}
    data["graph"]["series"] = [{"id": "s", "title": "S", "episodes": [episode]}]
    path.write_text(json.dumps(data))
    url = import_graph(path, database).url
    out = tmp_path / "out.json"
    export_graph(url, out)
    assert json.loads(out.read_text()) == data
    settings = small_settings(tmp_path / "store", captions={"burn": True}, takes={"c1": 1})
    plans = [
        chainer.plan_episode(graph, "c1", settings=settings)
        for graph in (chainer.load_graph(path), load_any(url, "c1", WalkOptions()))
    ]
    assert told(plans[0]) == told(plans[1])
    (one,) = {plan.captions for plan in plans}
    assert [caption.lines for caption in one] == [("Is anyone there?",)]
    found = {step.type.value for step in plans[1].render.steps}
    assert {"extend", "text", "bed", "card", "joint"} <= found
    assert [piece.bed.media for piece in plans[1].music] == ["media/c3.mp4"]


def test_an_episode_is_made_again_from_its_database(tmp_path: Path, database: str) -> None:
    world = World(tmp_path)
    url = import_graph(tmp_path / "graph.json", database, name="harbor").url
    world.grants(Use.DRAFT, Use.EPISODE)
    graph: Graph = load_any(url, "c1")
    plan = chainer.plan_episode(graph, "c1", settings=world.settings)
    assert plan.request["graph"] == url
    made = chainer.render_episode(plan, tmp_path / "made")
    assert read_manifest(made.path).graph == "harbor"
    withdraw(world.register, world.store, "p-mei", Whom(("p-bo",)))
    (again,) = make_again(Store(world.store.root), world.settings, tmp_path / "again")
    assert again.chain == ("c1", "c4"), again.why
    assert again.folder is not None
    grant(world.register.book, "p-mei", Whom(("p-bo",)))


def test_what_a_graph_is_called_in_a_manifest() -> None:
    for source, name in (
        ("graphs/harbor.json", "harbor.json"),
        ("/a/b.json (upgraded from chainer.graph/0)", "b.json"),
        ("sqlite:////srv/g.db?graph=sea", "sea"),
        ("sqlite:///g.db", "g.db"),
        ("postgresql+psycopg://mei:hunter2@host/d?graph=sea", "sea"),
        ("postgresql+psycopg://mei:hunter2@host/d", ""),
    ):
        assert name_of(source) == name
    assert source_of("b.json (upgraded from chainer.graph/0)") == "b.json"
    assert source_of("b.json") == "b.json"
