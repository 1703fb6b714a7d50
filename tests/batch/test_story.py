"""A batch of films that use all a story has: extended slots, burned text, cards, music, sketches."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chainer.batch.ask import plan_jobs
from chainer.batch.board import Board, Place
from chainer.batch.cost import estimate
from chainer.batch.plan import BatchPlan
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.batch.work import StepResult, StepWork, run_work
from chainer.batch.worker import _at_hand
from chainer.digest import file_digest
from chainer.errors import MediaMissing
from chainer.render.encoder import find_ffmpeg
from chainer.render.plan import Step
from chainer.render.spec import ExtendSpec, StepType, media_of
from chainer.settings import Settings
from chainer.store import Presence, Store, StorePolicy
from chainer.store.lent import lend
from tests.batch.asked import write_graph
from tests.batch.clusters import works_of
from tests.film.coded import Coded, small_settings

PROFILE = """
[profile]
name = "small"
width = 180
height = 320
preset = "ultrafast"
crf = 16
level = "3.1"
[signing]
mode = "off"
[memory]
enabled = false
[watermark]
handle = true
"""
PLAIN = """
[card]
title = false
"""
FULL = """
sketches = true
[card]
credits = true
cues = "all"
[captions]
burn = true
[bed]
media = "media/c7.mp4"
[slots]
scenario = "story_challenge"
"""
LINE = {"start": "0.4", "end": "1.4", "character": "ada", "text": "Is anyone there? 有人吗?"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number, frames in ((0, 48), (1, 280), (2, 240), (7, 90)):
        Coded(number, frames).write(folder / f"media/c{number}.mp4")
    return folder


def asked(world: Path, clips: Path) -> tuple[BatchPlan, Settings]:
    """Two jobs of c0 → c1 (extended) → c2 → p3 (planned), with and without the settings for it."""
    folder = world / "graph"
    if not folder.exists():
        folder.mkdir()
        (folder / "media").symlink_to(clips / "media")
    nodes: list[dict[str, Any]] = [
        {"id": "c0", "media": "media/c0.mp4", "author": "bo", "dialogue": [LINE]},
        {"id": "c1", "media": "media/c1.mp4", "author": "ada", "title": "One",
         "slot": {"kind": "extended", "seconds": 15, "fill": "fuse",
                  "scenario": "story_challenge"}},
        {"id": "c2", "media": "media/c2.mp4", "author": "bo"},
        {"id": "p3", "media": "media/p3.mp4", "author": "bo", "status": "planned",
         "title": "The end"},
    ]  # fmt: skip
    links = [("c0", "c1", "continuation"), ("c1", "c2", "continuation")]
    graph = write_graph(
        folder,
        nodes,
        [*links, ("c2", "p3", "continuation")],
        characters={"ada": {"name": "Ada", "person": "ada"}},
    )
    (world / "plain.toml").write_text(PROFILE + PLAIN)
    (world / "full.toml").write_text(
        FULL.split("[", 1)[0] + PROFILE + "[" + FULL.split("[", 1)[1].replace(
            "media/c7.mp4", str(clips / "media/c7.mp4")
        )
    )  # fmt: skip
    jobs = world / "jobs.jsonl"
    entries = [
        {"name": name, "graph": str(graph), "start": "c0", "settings": f"{name}.toml"}
        for name in ("plain", "full")
    ]
    jobs.write_text("".join(json.dumps(one) + "\n" for one in entries))
    settings = small_settings(world / "store")
    return plan_jobs(jobs, world / "out", settings=settings), settings


def steps_of(plan: BatchPlan) -> dict[str, Step]:
    found: dict[str, Step] = {}
    for job in plan.jobs:
        assert job.plan is not None, job.error
        found.update({step.key: step for step in job.plan.render.steps})
    return found


def test_every_kind_of_step_is_estimated_and_travels(tmp_path: Path, clips: Path) -> None:
    plan, _ = asked(tmp_path, clips)
    steps = steps_of(plan)
    kinds = Counter(step.type for step in steps.values())
    assert set(kinds) == set(StepType), "every kind of step is in this batch"
    for step in steps.values():
        cost = estimate(step)
        assert cost.cpu_seconds > 0, step.name
        assert cost.bytes > 0, step.name
        assert cost.memory_bytes > 0, step.name
        again = pickle.loads(pickle.dumps(step))
        assert again == step
        assert again.spec.parts() == step.spec.parts()
    full = plan.jobs[1].plan
    assert full is not None
    assert [one.id for one in full.sketches] == ["p3"]
    assert full.captions
    assert full.music


def test_the_order_is_texts_then_clips_and_the_bed_last(tmp_path: Path, clips: Path) -> None:
    plan, _ = asked(tmp_path, clips)
    assert plan.jobs[1].plan is not None
    steps = {step.key: step for step in plan.jobs[1].plan.render.steps}
    board = Board(
        Place(key, step.type, step.needs, (0,), estimate(step).cpu_seconds)
        for key, step in steps.items()
    )
    order = []
    while (key := board.next(lambda _: True)) is not None:
        order.append(steps[key].type)
        board.done(key)
    assert len(order) == len(steps)
    stills = {StepType.MARK, StepType.TEXT}
    count = sum(kind in stills for kind in order)
    assert set(order[:count]) <= stills
    # What is nothing's neighbour may be drawn at any time; the music waits for every sound.
    last = max(n for n, kind in enumerate(order) if kind in (StepType.CONFORM, StepType.EXTEND))
    assert order.index(StepType.BED) > last
    assert order.index(StepType.BED) > max(
        n for n, kind in enumerate(order) if kind is StepType.JOINT
    )


@pytest.mark.slow
def test_the_batch_makes_them_and_encodes_nothing_twice(tmp_path: Path, clips: Path) -> None:
    plan, _ = asked(tmp_path, clips)
    report = run_batch(plan, tmp_path / "out")
    assert {row.state for row in report.jobs} == {JobState.DONE}, [row.error for row in report.jobs]
    assert report.ran == len(steps_of(plan))
    films = {name: tmp_path / f"out/{name}/episode.mp4" for name in ("plain", "full")}
    before = {name: file_digest(film) for name, film in films.items()}
    again, _ = asked(tmp_path, clips)
    assert not [step for one in again.jobs if one.plan for step in one.plan.render.to_run]
    second = run_batch(again, tmp_path / "out")
    assert second.ran == 0
    assert {name: file_digest(film) for name, film in films.items()} == before


def at_a_worker(
    plan: BatchPlan, world: Path, change: Callable[[StepWork, Store], StepWork]
) -> dict[str, StepResult]:
    """Every step through a pickle, in a store of its own, as workers make them."""
    job = plan.jobs[1].plan
    assert job is not None
    store = Store(world / "far")
    ffmpeg = find_ffmpeg(None, store)
    works = works_of(job)
    results: dict[str, StepResult] = {}
    for step in job.render.steps:
        work = pickle.loads(pickle.dumps(works[step.key]))
        result = run_work(change(work, store), store, ffmpeg)
        results[step.name + " " + step.type.value] = pickle.loads(pickle.dumps(result))
    return results
