"""From entries to jobs: matrices, every chain, every series, and whose fault stays whose."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.batch import expand as expanding
from chainer.batch.expand import Planners, load_file
from chainer.batch.job_file import JobFile
from chainer.batch.matrix import combinations, named, variants
from chainer.batch.read import parse_jobs, read_jobs
from chainer.consent.rating import Audience
from chainer.errors import (
    Cancelled,
    GraphError,
    InputError,
    PolicyRefused,
    SettingsError,
    StoreError,
    WalkError,
)
from chainer.graph import Graph, WalkKind, WalkOptions
from chainer.profile import draft_of
from tests.batch.asked import asked_of, relay_tree, write_graph
from tests.film.coded import small_settings


def node(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "media": "media/none.mp4", "author": "p-a", **more}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of 15 atoms with 8 leaves; no media is there, as nothing looks at it."""
    nodes = [node(f"n{number}") for number in range(15)]
    edges = [(f"n{(number - 1) // 2}", f"n{number}", "remix") for number in range(1, 15)]
    write_graph(tmp_path, nodes, edges)
    return tmp_path


class Counting:
    """Loads files, and counts how often."""

    def __init__(self) -> None:
        self.loads: list[tuple[str, str | None]] = []

    def __call__(self, address: str, start: str | None, options: WalkOptions | None) -> Graph:
        self.loads.append((address, start))
        return load_file(address.removeprefix("memory://"), start, options)


def test_a_matrix_makes_every_combination_once(tree: Path) -> None:
    text = """
- name: m
  graph: graph.json
  matrix: {start: [n0, n1, n2], profile: [house, draft], kind: [relay], audience: [all, teen]}
  output: films
"""
    load = Counting()
    found = asked_of(text, tree, small_settings(tree), Planners(load))
    told = {
        (one.job.start, one.job.settings.profile.name, one.job.settings.audience) for one in found
    }
    assert told == set(
        product(["n0", "n1", "n2"], ["house", "draft"], [Audience.ALL, Audience.TEEN])
    )
    assert len(found) == 12
    assert {one.job.options.kind for one in found} == {WalkKind.RELAY}
    assert found[0].job.name == "m-n0-relay-house-all"
    assert found[0].job.out == tree / "out/films/m-n0-relay-house-all"
    assert len({one.job.name for one in found}) == len({one.job.out for one in found}) == 12
    assert load.loads == [(str(tree / "graph.json"), None)]
    assert len({id(one.graph) for one in found}) == 1
    assert len({id(one.job.settings) for one in found}) == 4


AXES = {
    "start": st.lists(st.sampled_from(["a", "b", "c.c"]), min_size=1, unique=True),
    "max_seconds": st.lists(st.sampled_from(["1/3", "2.5", "4"]), min_size=1, unique=True),
    "draft": st.lists(st.booleans(), min_size=1, unique=True),
    "graph": st.lists(st.sampled_from(["x/g.json", "ä ö.json"]), min_size=1, unique=True),
    "kind": st.lists(st.sampled_from(["series", "relay"]), min_size=1, unique=True),
}


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({}, optional=AXES))
def test_names_of_a_matrix_are_fit_and_all_different(axes: dict[str, list[Any]]) -> None:
    given_ = {name: "x" for name in ("start", "graph") if name not in axes}
    file = parse_jobs(
        JobFile.model_validate({"jobs": [{"name": "m", "matrix": axes, **given_}]}).model_dump_json(
            exclude_unset=True
        ),
        source="jobs",
    )
    (entry,) = file.jobs
    made = list(variants(entry))
    expected = 1
    for values in axes.values():
        expected *= len(values)
    assert len(made) == combinations(entry) == expected
    assert len({one.name for one in made}) == expected
    for one in made:
        assert one.name.isascii()
        assert not set(one.name) & set("/\\ \0")
        assert one.entry.matrix is None


def test_long_names_are_cut_and_stay_apart() -> None:
    words = ["x" * 64] * 3
    first, second = named(*words, "a"), named(*words, "b")
    assert len(first) == len(second) == 150
    assert first != second
    assert first == named(*words, "a")


def test_every_chain_of_a_tree_is_a_job(tree: Path) -> None:
    text = "- {name: t, graph: graph.json, all_chains: {kind: relay}}"
    found = asked_of(text, tree, small_settings(tree))
    chains = [one.job.chain for one in found]
    assert all(chain is not None for chain in chains)
    expected = set()
    for leaf in range(7, 15):
        path = [leaf]
        while path[0]:
            path.insert(0, (path[0] - 1) // 2)
        expected.add(tuple(f"n{number}" for number in path))
    assert {chain.atoms for chain in chains if chain} == expected
    assert len(found) == len({one.job.name for one in found}) == 8
    for one in found:
        assert one.job.chain is not None
        assert one.job.name == f"t-{one.job.chain.id}"
        assert one.job.out == tree / "out" / one.job.name
        assert one.job.options.kind is WalkKind.RELAY
    again = asked_of(text, tree, small_settings(tree))
    assert [one.job.name for one in again] == [one.job.name for one in found]


def test_some_of_the_chains(tree: Path) -> None:
    def count(asked: str, **changes: Any) -> int:
        text = f"- {{name: t, graph: graph.json, all_chains: {{kind: relay, {asked}}}}}"
        found = asked_of(text, tree, small_settings(tree, **changes))
        assert all(one.fault is None for one in found)
        return len(found)

    assert count("start: n1") == 4
    assert count("limit: 3") == 3
    assert count("min_atoms: 4") == 8
    text = "- {name: t, graph: graph.json, kind: relay, end: n4, all_chains: {}}"
    (one,) = asked_of(text, tree, small_settings(tree))
    assert one.job.chain is not None
    assert one.job.chain.atoms == ("n0", "n1", "n4")
    text = "- {name: t, graph: graph.json, kind: relay, start: n0, pick: all}"
    assert len(asked_of(text, tree, small_settings(tree))) == 8


def test_all_chains_take_no_start_from_the_defaults(tree: Path) -> None:
    text = """
defaults: {graph: graph.json, kind: relay, start: n1, path: [n1, n3], pick: first}
jobs: [{name: t, all_chains: {}}, {name: s, start: n2, all_chains: {}}]
"""
    found = asked_of(text, tree, small_settings(tree))
    assert len([one for one in found if one.job.name.startswith("t-")]) == 8
    assert len([one for one in found if one.job.name.startswith("s-")]) == 4


def test_roots_without_a_chain_are_passed_over(tmp_path: Path) -> None:
    nodes = [node("a"), node("b"), node("c", status="withdrawn"), node("d")]
    write_graph(tmp_path, nodes, [("a", "b", "remix"), ("c", "d", "remix")])
    text = "- {name: t, graph: graph.json, all_chains: {kind: relay}}"
    (one,) = asked_of(text, tmp_path, small_settings(tmp_path))
    assert one.job.chain is not None
    assert one.job.chain.atoms == ("a", "b")


def test_too_many_chains_are_a_fault(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "MAX_CHAINS", 7)
    for asked in ("all_chains: {}", "start: n0, pick: all"):
        text = f"- {{name: t, graph: graph.json, kind: relay, {asked}}}"
        (one,) = asked_of(text, tree, small_settings(tree))
        assert isinstance(one.fault, InputError)
        assert one.fault.code == "too-many-chains"
    monkeypatch.setattr(expanding, "MOST_TRIED", 5)
    text = "- {name: t, graph: graph.json, kind: relay, all_chains: {min_atoms: 5}}"
    (one,) = asked_of(text, tree, small_settings(tree))
    assert one.fault is not None
    assert one.fault.code == "too-many-chains"
    text = "- {name: t, graph: graph.json, kind: relay, all_chains: {limit: 7}}"
    assert len(asked_of(text, tree, small_settings(tree))) == 1  # the sixth is not looked for


def test_chains_go_around_what_must_not_be_played(tree: Path) -> None:
    nodes = [node(f"n{number}", rating="mature" if number == 1 else "all") for number in range(7)]
    edges = [(f"n{(number - 1) // 2}", f"n{number}", "remix") for number in range(1, 7)]
    write_graph(tree, nodes, edges)
    text = "- {name: t, graph: graph.json, audience: all, all_chains: {kind: relay}}"
    found = asked_of(text, tree, small_settings(tree))
    assert sorted(one.job.chain.atoms for one in found if one.job.chain) == [
        ("n0", "n2", "n5"),
        ("n0", "n2", "n6"),
    ]
    text = text.replace("kind: relay", "kind: relay, start: n1")
    (one,) = asked_of(text, tree, small_settings(tree))
    assert isinstance(one.fault, PolicyRefused)
    assert one.fault.exit_status == 4


def test_every_episode_that_is_declared(tmp_path: Path) -> None:
    episodes = [
        {"id": "e1", "title": "One", "start": "a"},
        {"id": "e2", "title": "T", "start": "b"},
    ]
    series = [
        {"id": "s", "title": "S", "episodes": episodes},
        {"id": "t", "title": "T", "episodes": episodes[:1]},
    ]
    edges = [("a", "b", "continuation"), ("c", "d", "continuation")]
    write_graph(tmp_path, [node(name) for name in "abcd"], edges, series=series)
    text = "- {name: all, graph: graph.json, all_series: {}, output: season}"
    found = asked_of(text, tmp_path, small_settings(tmp_path))
    assert [(one.job.name, one.job.start) for one in found] == [
        ("all-s-e1", "a"),
        ("all-s-e2", "b"),
        ("all-t-e1", "a"),
    ]
    assert found[0].job.out == tmp_path / "out/season/all-s-e1"
    assert {one.job.options.kind for one in found} == {WalkKind.SERIES}
    write_graph(tmp_path, [node(name) for name in "abcd"], edges)
    found = asked_of(text, tmp_path, small_settings(tmp_path))
    assert [one.job.name for one in found] == ["all-a", "all-c"]


def test_a_fault_is_its_own_jobs(tree: Path) -> None:
    (tree / "broken.json").write_text("{", encoding="utf-8")
    (tree / "broken.toml").write_text("[", encoding="utf-8")
    text = """
defaults: {graph: graph.json, kind: relay}
jobs:
  - {name: gone, graph: gone.json, start: n0}
  - {name: good, start: n0}
  - {name: broken, graph: broken.json, all_chains: {}}
  - {name: settings, settings: broken.toml, start: n0}
  - {name: unknown, all_chains: {start: nope}}
  - {name: short, all_chains: {min_atoms: 9}}
  - {name: also, start: n1}
"""
    load = Counting()
    found = asked_of(text, tree, small_settings(tree), Planners(load))
    kinds = {one.job.name: type(one.fault) for one in found}
    assert kinds == {
        "gone": GraphError,
        "good": type(None),
        "broken": GraphError,
        "settings": SettingsError,
        "unknown": WalkError,
        "short": WalkError,
        "also": type(None),
    }
    assert len(load.loads) == 3
    assert found[0].job.place == "jobs.yaml: $.jobs[0] (line 4)"
    assert found[0].job.graph == str(tree / "gone.json")


def test_a_graph_that_does_not_load_is_tried_once(tree: Path) -> None:
    load = Counting()
    text = "- {name: t, graph: gone.json, matrix: {start: [a, b, c]}}"
    found = asked_of(text, tree, small_settings(tree), Planners(load))
    assert len(found) == 3
    assert all(isinstance(one.fault, GraphError) for one in found)
    assert len(load.loads) == 1


def test_of_a_database_each_part_is_loaded_once(tree: Path) -> None:
    load = Counting()
    address = f"memory://{tree}/graph.json"
    text = f"""
- {{name: a, graph: "{address}", kind: relay, matrix: {{start: [n0, n1], draft: [true, false]}}}}
- {{name: b, graph: "{address}", all_chains: {{kind: relay}}}}
"""
    found = asked_of(text, tree, small_settings(tree), Planners(load))
    assert [one.fault for one in found] == [None] * 12
    assert load.loads == [(address, "n0"), (address, "n1"), (address, None)]


def test_a_file_of_sqlite_is_relative_to_the_job_file(tree: Path) -> None:
    load = Counting()
    text = """
- {name: a, graph: "sqlite:///g.db?graph=x", start: s}
- {name: b, graph: "sqlite:////abs/g.db", start: s}
"""
    found = asked_of(text, tree, small_settings(tree), Planners(load))
    assert [one.job.graph for one in found] == [
        f"sqlite:///{tree}/g.db?graph=x",
        "sqlite:////abs/g.db",
    ]


def test_a_jobs_own_settings_go_over_those_of_the_batch(tree: Path) -> None:
    (tree / "own.toml").write_text(
        'profile = "draft"\nworkers = 99\n[store]\npath = "/nowhere"\n'
        "[watermark]\nenabled = false\n[consent]\ncommercial = true\n",
        encoding="utf-8",
    )
    batch = small_settings(tree / "store", consent={"ledger": tree / "l.jsonl"})
    text = """
defaults: {graph: graph.json, start: n0, settings: own.toml}
jobs:
  - {name: a}
  - {name: b, profile: house, composer: p-x, audience: teen}
  - {name: c, settings: null}
  - {name: d, settings: null, draft: false}
  - {name: e, settings: null, profile: draft}
  - {name: f, settings: null, draft: true}
  - {name: g, settings: null, draft: true, profile: landscape}
"""
    a, b, c, d, e, f, g = (one.job.settings for one in asked_of(text, tree, batch))
    assert (a.profile.name, a.store, a.workers) == ("draft", batch.store, 2)
    assert not a.watermark.enabled
    assert (a.consent.commercial, a.consent.ledger) == (True, tree / "l.jsonl")
    assert (b.profile.name, b.consent.composer, b.audience) == ("house", "p-x", Audience.TEEN)
    assert c == batch
    assert c is d
    assert e.profile.name == "draft"
    assert f.profile == draft_of(batch.profile)
    assert (g.profile.name, g.profile.draft) == ("landscape-draft", True)
    assert g.profile.width > g.profile.height


def test_a_stop_and_a_lost_store_end_it(tree: Path) -> None:
    import threading

    stop = threading.Event()
    stop.set()
    text = "- {name: a, graph: graph.json, start: n0}"
    with pytest.raises(Cancelled):
        asked_of(text, tree, small_settings(tree), Planners(cancel=stop))

    def full(address: str, start: str | None, options: WalkOptions | None) -> Graph:
        raise StoreError("full", code="disk-full")

    with pytest.raises(StoreError):
        asked_of(text, tree, small_settings(tree), Planners(full))


def test_the_examples_are_sound(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "examples/jobs"
    counts = {"season": 5, "relays": 5, "previews": 6}
    assert {path.stem for path in folder.glob("*.yaml")} == set(counts)
    for name, count in counts.items():
        found = expanding.expand(
            read_jobs(folder / f"{name}.yaml"),
            base=folder,
            out=tmp_path / "out",
            settings=small_settings(tmp_path),
            planners=Planners(),
        )
        assert [one.fault for one in found] == [None] * count


def test_relay_tree_is_what_it_says(tmp_path: Path) -> None:
    relay_tree(tmp_path, 7, 2)
    text = "- {name: t, graph: graph.json, all_chains: {kind: relay}}"
    assert len(asked_of(text, tmp_path, small_settings(tmp_path))) == 4
