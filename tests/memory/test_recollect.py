"""Every take looked at once, every step computed once, and nothing believed that is damaged."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainer
import chainer.memory.buffer
import chainer.memory.observe
from chainer.compose import find_chains, plan_episode
from chainer.errors import StoreError
from chainer.graph import Graph, Pick, WalkKind, WalkOptions
from chainer.media.limits import MediaLimits
from chainer.memory.npz import to_bytes
from chainer.memory.observation import Observation
from chainer.memory.policy import MemoryPolicy
from chainer.memory.recollect import Recollection, Step, from_json, to_json
from chainer.memory.shelf import FILE, Observer
from chainer.memory.state import (
    CharacterState,
    Conflict,
    CropRef,
    Exemplar,
    Fact,
    FrameRef,
    MemoryState,
    Presence,
    Source,
    WorldState,
)
from chainer.store import Store
from tests.film.coded import small_settings

from . import made
from .scene import NOBODY, Walk, exposure, filmed, lit, observed, scene

GRAPH = {
    "directed": True,
    "multigraph": True,
    "graph": {
        "schema": "chainer.graph/1",
        "characters": {"mei": {"name": "Mei", "facts": {"coat": "yellow"}}},
    },
    "nodes": [{"id": f"a{n}", "media": f"a{n}.mp4", "author": "p"} for n in range(3)],
    "edges": [{"source": f"a{n}", "target": f"a{n + 1}", "kind": "continuation"} for n in range(2)],
}
CLIPS = (
    observed(scene(1, 0, 12)),
    observed(lit(scene(1, 12, 12), exposure(-0.4))),
    observed(scene(2, 0, 12)),
)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(GRAPH))
    return chainer.load_graph(path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    for clip in CLIPS:
        shelve(made, clip)
    return made


def shelve(store: Store, clip: Observation) -> None:
    with store.workspace() as folder:
        (folder / FILE).write_bytes(to_bytes(clip))
        store.publish(clip.key, "observation", {FILE: folder / FILE}, {})


def fresh(graph: Graph, store: Store, **policy: Any) -> Recollection:
    """A memory of another process: it knows the store only."""
    observer = Observer(store, MediaLimits(), NOBODY)
    return Recollection(graph, store, observer, MemoryPolicy(**policy), NOBODY)


def walk(memory: Recollection, graph: Graph, count: int = 3) -> list[Step]:
    steps: list[Step] = []
    for number, clip in enumerate(CLIPS[:count]):
        state = steps[-1].state if steps else None
        before = graph.atom(f"a{number - 1}") if number else None
        edge = graph.edges_out(f"a{number - 1}")[0] if number else None
        steps.append(memory.step(state, clip.key, graph.atom(f"a{number}"), before, edge))
    return steps


def file_of(store: Store, step: Step) -> Path:
    _, record = store.find(step.state.digest)
    assert record is not None
    return store.path_of(record.files["state.json"].digest)


def test_a_step_is_computed_once_for_every_process(graph: Graph, store: Store) -> None:
    memory, other = fresh(graph, store), fresh(graph, store)
    steps = walk(memory, graph)
    assert (memory.stepped, walk(memory, graph), memory.stepped) == (3, steps, 3)
    assert walk(other, graph) == steps
    assert other.stepped == 0


def test_it_is_what_the_pure_step_makes(graph: Graph, store: Store) -> None:
    steps = walk(fresh(graph, store), graph)
    assert [one.state.depth for one in steps] == [1, 2, 3]
    assert [one.report is None for one in steps] == [True, False, False]
    report = steps[1].report
    assert report is not None
    assert report.grade is not None
    plain = Walk()
    wanted = [plain.add(clip) for clip in CLIPS]
    assert [one.report for one in steps] == wanted


def test_a_graphs_facts_and_names_are_known(graph: Graph, store: Store) -> None:
    memory = fresh(graph, store)
    coat = walk(memory, graph)[-1].state.fact("mei", "coat")
    assert coat is not None
    assert coat.value == "yellow"
    assert memory.names == {"mei": "Mei"}


def test_another_policy_is_another_step(graph: Graph, store: Store) -> None:
    walk(fresh(graph, store), graph)
    other = fresh(graph, store, trim_replay=False)
    walk(other, graph)
    assert other.stepped == 3


@pytest.mark.parametrize("damage", [b"{}", b"", None])
def test_a_damaged_step_is_computed_again(damage: bytes | None, graph: Graph, store: Store) -> None:
    steps = walk(fresh(graph, store), graph)
    path = file_of(store, steps[1])
    whole = path.read_bytes()
    # The last one is as long as it was and still JSON.
    path.write_bytes(whole.replace(b"a1", b"b1") if damage is None else damage)
    memory = fresh(graph, store)
    assert walk(memory, graph) == steps
    assert memory.stepped == 1
    assert file_of(store, steps[1]).read_bytes() == whole


def test_a_step_whose_pictures_were_evicted_is_computed_again(graph: Graph, store: Store) -> None:
    steps = walk(fresh(graph, store), graph)
    store.discard(CLIPS[0].key)
    memory = fresh(graph, store)
    with pytest.raises(StoreError, match="run the command again"):
        walk(memory, graph)
    shelve(store, CLIPS[0])
    memory = fresh(graph, store)
    assert walk(memory, graph) == steps
    assert memory.stepped >= 1


def test_an_observation_that_is_lost_is_said_to_be(graph: Graph, store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        fresh(graph, store).observation("0" * 64)
    assert caught.value.code == "memory-lost"


def test_threads_and_processes_that_ask_at_once_compute_once(graph: Graph, store: Store) -> None:
    memories = [fresh(graph, store) for _ in range(2)]
    together = threading.Barrier(4)

    def ask(number: int) -> list[Step]:
        together.wait()
        return walk(memories[number % 2], graph)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert all(steps == found[0] for steps in found)
    assert sum(memory.stepped for memory in memories) == 3


# -- as JSON -------------------------------------------------------------------------------------

seconds = st.fractions(0, 100)
unit = st.floats(0, 1)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
colour = st.tuples(unit, unit, unit)
keys = st.sampled_from([made.KEY, "cd" * 32])
grades = st.sampled_from([None, made.DARKER])
exemplars = st.builds(
    Exemplar,
    ref=st.builds(FrameRef, keys, st.integers(0, 13)),
    atom=words,
    seconds=seconds,
    thumb=st.binary(min_size=576, max_size=576),
    lab=colour,
    grade=grades,
    sink=st.booleans(),
)
crops = st.builds(
    CropRef, keys, st.integers(0, 9), words, seconds, unit, st.integers(0, 200), st.none() | unit
)
people = st.builds(
    CharacterState,
    id=words,
    name=words,
    face=st.tuples(unit, unit) | st.just(()),
    palette=st.just(made.PALETTE) | st.just(()),
    crops=st.tuples(crops),
    box=st.none() | st.tuples(unit, unit, unit, unit),
    yaw=st.none() | unit,
    presence=st.sampled_from(list(Presence)),
    last_seconds=seconds,
    confidence=unit,
    prior=st.booleans(),
)
facts = st.builds(
    Fact,
    subject=words,
    key=words,
    value=st.one_of(words, st.booleans(), st.integers(-5, 5), st.none()),
    source=st.sampled_from(list(Source)),
    atom=words,
)
states = st.builds(
    MemoryState,
    digest=keys,
    depth=st.integers(1, 99),
    atom=words,
    characters=st.tuples(people),
    world=st.builds(WorldState, place=words, ev=st.none() | unit, lab=st.none() | colour),
    bank=st.tuples(exemplars),
    facts=st.tuples(facts, facts),
    conflicts=st.tuples(st.builds(Conflict, facts, facts)),
    tail=st.none() | exemplars,
)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(states, st.sampled_from([None, made.report(), made.clean()]))
def test_a_step_survives_json_to_the_last_bit(state: MemoryState, report: Any) -> None:
    step = Step(state, report)
    back = from_json(to_json(step))
    assert back == step
    assert to_json(back) == to_json(step)
    for one, other in zip(back.state.facts, state.facts, strict=True):
        assert type(one.value) is type(other.value)
    assert isinstance(back.state.bank[0].seconds, Fraction)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'[{"digest": 1}, null]', b"\xff"])
def test_what_is_no_step_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(data)


# -- a tree --------------------------------------------------------------------------------------


def test_a_relay_tree_costs_one_look_and_one_step_for_each_atom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifteen atoms, eight chains of four: 32 places, 15 of which differ."""
    nodes, edges = [], []
    for number in range(3):
        filmed(number, 1 + number, 0, 50).write(tmp_path / f"m{number}.mp4")
    for number in range(15):
        trim = {"start": number // 3 / 3, "end": (number // 3 + 1) / 3}
        node = {"id": f"c{number}", "media": f"m{number % 3}.mp4", "author": f"p{number}"}
        nodes.append({**node, "trim": {key: f"{value:.3f}" for key, value in trim.items()}})
        if number:
            kind = "remix" if number % 2 else "continuation"
            edge = {"source": f"c{(number - 1) // 2}", "target": f"c{number}", "kind": kind}
            edges.append(edge)
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({**GRAPH, "nodes": nodes, "edges": edges}))
    counted: Counter[str] = Counter()

    def counting(name: str, real: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            counted[name] += 1
            return real(*given, **more)

        return call

    for module, name in ((chainer.memory.buffer, "step"), (chainer.memory.observe, "observe")):
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    where = small_settings(tmp_path / "store", faces={"enabled": False}, memory={"enabled": True})
    options = WalkOptions(kind=WalkKind.RELAY, pick=Pick.ALL)
    tree = chainer.load_graph(path)
    chains = find_chains(tree, "c0", settings=where, options=options)
    assert len(chains) == 8
    plans = [plan_episode(tree, chain=chain, settings=where) for chain in chains]
    assert sorted(len(plan.states) for plan in plans) == [4] * 8
    assert counted == {"observe": 15, "step": 15}
    again = [plan_episode(tree, chain=chain, settings=where) for chain in chains[:2]]
    assert [plan.states for plan in again] == [plan.states for plan in plans[:2]]
    assert counted == {"observe": 15, "step": 15}
