"""One plan for many films: what is shared, whose fault is whose, and what names a film."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from chainer.batch.expand import Planners
from chainer.batch.plan import BatchPlan, BatchStep, Estimate
from chainer.batch.planning import plan_batch
from chainer.batch.telling import (
    asked_steps,
    clock_text,
    job_works,
    plan_json,
    plan_lines,
    wall_seconds,
)
from chainer.consent.say import Whom, grant
from chainer.consent.words import Use
from chainer.errors import (
    Cancelled,
    GraphError,
    InputError,
    MediaMissing,
    OutputError,
    PolicyRefused,
    StoreError,
    WalkError,
)
from chainer.permission import open_register
from chainer.render.plan import Why
from chainer.render.spec import StepType
from chainer.settings import Settings
from chainer.store import Store
from tests.batch.asked import asked_of, one_second, planned, relay_tree, write_clips, write_graph
from tests.film.coded import small_settings


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 127 atoms over eight clips: 64 chains of 7 atoms."""
    folder = tmp_path_factory.mktemp("forest")
    relay_tree(folder, 127, 8)
    relay_tree(folder, 7, 8, "small.json")
    return folder


@pytest.fixture(scope="module")
def whole(forest: Path) -> BatchPlan:
    text = "- {name: t, graph: graph.json, all_chains: {kind: relay}}"
    return planned(text, forest, small_settings(forest / "store"))


def by_type(plan: BatchPlan) -> dict[StepType, int]:
    found: dict[StepType, int] = {}
    for one in plan.steps.values():
        found[one.step.type] = found.get(one.step.type, 0) + 1
    return found


def test_a_tree_needs_each_atom_and_each_edge_once(whole: BatchPlan) -> None:
    assert len(whole.jobs) == 64
    assert all(one.fault is None and one.plan is not None for one in whole.jobs)
    assert by_type(whole) == {StepType.CONFORM: 127, StepType.JOINT: 126, StepType.POSTER: 1}
    assert asked_steps(whole) == 64 * (7 + 6 + 1)
    works = list(job_works(whole))
    # The first chain brings all of its own; each later one what lies below where it turned off.
    assert works[0].shared == 0
    assert sum(one.new.steps for one in works) == 127 + 126 + 1
    assert works[1].new.steps == 2  # a sibling leaf, and the joint to it
    assert works[32].new.steps == 12  # the other half of the tree: all but the top
    told = plan_json(whole, 2)["sum"]
    assert (told["jobs"], told["faults"], told["steps"], told["to_run"]) == (64, 0, 254, 254)
    assert (told["steps_asked"], told["sharing"]) == (896, 3.53)


def test_steps_come_after_what_they_need_and_know_their_jobs(whole: BatchPlan) -> None:
    seen: set[str] = set()
    for key, one in whole.steps.items():
        assert key == one.step.key
        assert seen.issuperset(one.step.needs)
        seen.add(key)
        assert one.jobs == tuple(sorted(set(one.jobs)))
        users = [
            number
            for number, job in enumerate(whole.jobs)
            if job.plan is not None and any(step.key == key for step in job.plan.render.steps)
        ]
        assert list(one.jobs) == users
        assert one.home is whole.jobs[users[0]].plan


def test_equal_steps_are_one_object(whole: BatchPlan) -> None:
    held = {
        id(step.spec)
        for one in whole.jobs
        if one.plan is not None
        for step in one.plan.render.steps
    }
    assert len(held) == len(whole.steps)


def test_every_film_has_its_own_digest(whole: BatchPlan, forest: Path) -> None:
    digests = [one.digest for one in whole.jobs]
    assert len(set(digests)) == 64
    text = "- {name: t, graph: graph.json, all_chains: {kind: relay}}"
    again = planned(text, forest, small_settings(forest / "store", workers=1))
    assert [one.digest for one in again.jobs] == digests


def test_one_bad_job_harms_no_other(forest: Path) -> None:
    (forest / "out/occupied").mkdir(parents=True, exist_ok=True)
    (forest / "out/occupied/mine.txt").write_text("kept", encoding="utf-8")
    write_graph(
        forest,
        [{"id": "a", "media": "media/gone.mp4", "author": "p-a"}],
        [],
        "no-media.json",
    )
    text = """
defaults: {graph: small.json, kind: relay}
jobs:
  - {name: first, path: "n0, n1, n3"}
  - {name: no-graph, graph: gone.json, start: n0}
  - {name: no-atom, start: x0}
  - {name: no-chain, start: n0, end: n0, through: n1}
  - {name: no-media, graph: no-media.json, start: a}
  - {name: occupied, start: n0}
  - {name: last, path: "n0, n1, n4"}
"""
    plan = planned(text, forest, small_settings(forest / "store"))
    kinds = {one.job.name: type(one.fault) for one in plan.jobs}
    assert kinds == {
        "first": type(None),
        "no-graph": GraphError,
        "no-atom": WalkError,
        "no-chain": WalkError,
        "no-media": MediaMissing,
        "occupied": OutputError,
        "last": type(None),
    }
    assert {number for one in plan.steps.values() for number in one.jobs} == {0, 6}
    assert by_type(plan)[StepType.CONFORM] == 4
    assert len({one.digest for one in plan.jobs}) == 7
    assert all((one.plan is None) == (one.fault is not None) for one in plan.jobs)
    lines = list(plan_lines(plan, 2))
    assert len([line for line in lines if "cannot be made" in line]) == 5 + 1
    told = plan_json(plan, 2)
    assert told["jobs"][4]["error"]["exit_status"] == 3
    assert told["jobs"][0]["chain"] == ["n0", "n1", "n3"]
    assert told["sum"]["faults"] == 5
    json.dumps(told)


def test_two_films_for_one_folder_or_one_name(forest: Path) -> None:
    settings = small_settings(forest / "store")
    text = "- {name: t, graph: small.json, all_chains: {kind: relay}}"
    names = [one.job.name for one in asked_of(text, forest, settings)]
    more = f"""
{text}
- {{name: {names[1]}, graph: small.json, kind: relay, start: n0}}
- {{name: beside, graph: small.json, kind: relay, start: n0, output: {names[2]}}}
- {{name: inside, graph: small.json, kind: relay, start: n0, output: {names[3]}/x}}
- {{name: good, graph: small.json, kind: relay, start: n0}}
"""
    plan = planned(more, forest, settings)
    codes = [None if one.fault is None else one.fault.code for one in plan.jobs]
    assert codes == [None] * 4 + ["doubled-name", "doubled-output", "doubled-output", None]
    assert isinstance(plan.jobs[4].fault, InputError)
    assert "jobs.yaml: $.jobs[0] (line 2)" in str(plan.jobs[4].fault)


def test_refused_by_consent(tmp_path: Path) -> None:
    write_clips(tmp_path, 2)
    nodes: list[dict[str, Any]] = [
        {"id": "a", "media": "media/c0.mp4", "author": "p-bo", "cast": [{"character": "mei"}]},
        {"id": "b", "media": "media/c1.mp4", "author": "p-bo"},
    ]
    head: dict[str, Any] = {
        "characters": {"mei": {"name": "Mei", "person": "p-mei"}},
        "ledger": "consent.jsonl",
    }
    write_graph(tmp_path, nodes, [("a", "b", "continuation")], **head)
    book = open_register(tmp_path / "consent.jsonl", create=True).book
    book.settle()
    grant(book, "p-ada", Whom(("p-bo",)))
    settings = small_settings(tmp_path / "store")
    text = "- {name: mei, graph: graph.json, start: a}\n- {name: bo, graph: graph.json, start: b}\n"
    refused, allowed = planned(text, tmp_path, settings).jobs
    assert isinstance(refused.fault, PolicyRefused)
    assert refused.fault.exit_status == 4
    assert allowed.fault is None
    grant(book, "p-mei", Whom(("p-bo",)), uses=(Use.EPISODE,))
    first, _ = planned(text, tmp_path, settings).jobs
    assert first.fault is None
    # What else comes into the ledger changes no film.
    grant(book, "p-ada", Whom(("p-cy",)))
    again, _ = planned(text, tmp_path, settings).jobs
    assert again.digest == first.digest
    assert again.plan is not None
    assert first.plan is not None
    assert again.plan.consented.position != first.plan.consented.position


SMALL = "- {name: t, graph: mine.json, kind: relay, path: 'n0, n1, n3'}"


HEAD = ("title_of_all", "places")


def changed(forest: Path, change: dict[str, Any], **settings: Any) -> str:
    """The digest of a film after a change of its first atom and of the settings."""
    relay_tree(forest, 7, 8, "mine.json")
    path = forest / "mine.json"
    graph = json.loads(path.read_text())
    graph["nodes"][0] |= {key: value for key, value in change.items() if key not in HEAD}
    graph["graph"]["places"] = change.get("places", {})
    graph["graph"]["title"] = change.get("title_of_all", "Asked")
    path.write_text(json.dumps(graph), encoding="utf-8")
    (one,) = planned(SMALL, forest, small_settings(forest / "store", **settings)).jobs
    assert one.fault is None
    return one.digest


def test_what_changes_a_film_changes_its_digest(forest: Path) -> None:
    said = [{"start": "0", "end": "1", "text": "Hello"}]
    digests = [
        changed(forest, {}),
        changed(forest, {"title_of_all": "Another"}),
        changed(forest, {"places": {"pier": {"name": "The pier"}}}),
        changed(forest, {"author": "p-other"}),
        changed(forest, {"dialogue": said}),
        changed(forest, {"trim": {"start": "1/5", "end": "2"}}),
        changed(forest, {"rating": "teen"}),
        changed(forest, {}, signing={"mode": "development"}),
        changed(forest, {}, watermark={"enabled": True}),
        changed(forest, {}, card={"title": True}),
        changed(forest, {}, consent={"commercial": True}),
    ]
    assert len(set(digests)) == len(digests)


def test_what_changes_no_film_changes_no_digest(forest: Path, tmp_path: Path) -> None:
    first = changed(forest, {})
    assert changed(forest, {}) == first
    assert changed(forest, {}, workers=7) == first
    assert changed(forest, {}, store={"path": tmp_path / "other"}) == first


def test_a_job_says_what_it_shares_and_what_is_there(forest: Path, tmp_path: Path) -> None:
    settings = small_settings(tmp_path)
    text = """
- {name: one, graph: small.json, kind: relay, path: "n0, n1, n3"}
- {name: two, graph: small.json, kind: relay, path: "n0, n1, n4"}
"""
    plan = planned(text, forest, settings)
    one, two = job_works(plan)
    assert (one.whole.steps, one.shared, one.new.to_run) == (6, 0, 6)
    assert (two.whole.steps, two.shared, two.new.to_run) == (6, 4, 2)
    assert wall_seconds(plan, 1) == 8.0
    assert wall_seconds(plan, 100) == 2.0  # a joint waits for its clips
    store = Store(tmp_path)
    for key, step in plan.steps.items():
        if step.step.type is StepType.CONFORM:
            with store.workspace() as folder:
                (folder / "piece").write_bytes(key.encode())
                store.publish(key, "conform", {"piece": folder / "piece"}, {})
    plan = planned(text, forest, settings)
    assert {s.step.why for s in plan.steps.values()} == {Why.CACHED, Why.NEW}
    told = plan_json(plan, 2)
    assert (told["sum"]["cached"], told["sum"]["to_run"]) == (4, 4)
    assert told["sum"]["cpu_seconds"] == 4.0
    assert [job["new"]["to_run"] for job in told["jobs"]] == [3, 1]
    lines = list(plan_lines(plan, 2))
    assert lines[0].endswith("3 atoms  6 steps, 0 shared, 3 to run: 3 s of CPU, 3.0 kB")
    assert lines[1].startswith("  two ")
    assert lines[1].endswith("6 steps, 4 shared, 1 to run: 1 s of CPU, 1.0 kB")
    assert lines[-2] == (
        "steps: 12 asked for, 8 different (1.5 x shared), 4 in the store, 4 to run"
    )
    assert lines[-1] == "estimated: 4 s of CPU, 4.0 kB; 2 s with 2 workers"


def test_an_empty_plan_can_be_told(forest: Path) -> None:
    plan = planned(
        "- {name: a, graph: gone.json, start: n0}", forest, small_settings(forest / "store")
    )
    assert plan_json(plan, 1)["sum"]["sharing"] is None
    assert list(plan_lines(plan, 1))[-1] == "1 job, 1 of them cannot be made"
    assert plan.steps == {}


def test_progress_is_told_and_a_stop_is_heard(forest: Path) -> None:
    settings = small_settings(forest / "store")
    planners = Planners()
    asked = asked_of(
        "- {name: t, graph: small.json, all_chains: {kind: relay}}", forest, settings, planners
    )
    told: list[tuple[int, int]] = []
    stop = threading.Event()

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            stop.set()

    with pytest.raises(Cancelled):
        plan_batch(asked, planners, estimate=one_second, on_plan=tell, cancel=stop)
    assert told == [(1, 4), (2, 4)]


@pytest.mark.parametrize(("code", "stops"), [("disk-full", True), ("store-damaged", False)])
def test_a_store_that_is_full_ends_it(
    forest: Path, monkeypatch: pytest.MonkeyPatch, code: str, stops: bool
) -> None:
    from chainer.compose import Planner

    def lost(*_: object, **__: object) -> None:
        raise StoreError("no room", code=code)

    monkeypatch.setattr(Planner, "best", lost)
    text = "- {name: t, graph: small.json, kind: relay, start: n0}"
    settings = small_settings(forest / "store")
    if stops:
        with pytest.raises(StoreError):
            planned(text, forest, settings)
    else:
        (one,) = planned(text, forest, settings).jobs
        assert isinstance(one.fault, StoreError)


def test_one_planner_serves_all_jobs_of_a_graph_and_settings(
    forest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Settings] = []

    class Counted(Planners):
        def planner(self, graph: Any, settings: Settings) -> Any:
            before = len(self._planners)
            found = super().planner(graph, settings)
            if len(self._planners) > before:
                made.append(settings)
            return found

    text = """
defaults: {graph: small.json, kind: relay}
jobs:
  - {name: a, matrix: {start: [n0, n1, n2]}}
  - {name: b, start: n0, audience: mature}
"""
    plan = planned(text, forest, small_settings(forest / "store"), Counted())
    assert [one.fault for one in plan.jobs] == [None] * 4
    assert len(made) == 2


def test_times_for_people() -> None:
    assert [clock_text(s) for s in (0.2, 59.4, 60, 425, 3600, 12_345)] == [
        "1 s",
        "59 s",
        "1:00 min",
        "7:05 min",
        "1:00 h",
        "3:25 h",
    ]


def test_the_estimate_is_asked_once_for_each_step(forest: Path) -> None:
    asked: list[str] = []

    def counting(step: Any) -> Estimate:
        asked.append(step.key)
        return one_second(step)

    settings = small_settings(forest / "store")
    planners = Planners()
    jobs = asked_of(
        "- {name: t, graph: small.json, all_chains: {kind: relay}}", forest, settings, planners
    )
    plan = plan_batch(jobs, planners, estimate=counting)
    assert sorted(asked) == sorted(plan.steps)
    assert all(isinstance(one, BatchStep) for one in plan.steps.values())
