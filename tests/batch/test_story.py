"""A batch of films that use all there is: extended slots, burned text, cards, music, sketches."""

from __future__ import annotations

import json
import os
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.batch.ask import plan_jobs
from chainer.batch.board import Board, Place
from chainer.batch.cost import estimate
from chainer.batch.plan import BatchPlan
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.batch.work import FONTS, StepWork, run_work
from chainer.batch.worker import at_hand
from chainer.digest import file_digest
from chainer.episode.plan import EpisodePlan
from chainer.errors import MediaMissing
from chainer.making import store_of
from chainer.render.encoder import find_ffmpeg
from chainer.render.plan import Step
from chainer.render.spec import CardSpec, ExtendSpec, StepType, TextSpec, spec_key
from chainer.settings import Settings
from chainer.store import Presence, Store
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
"""
PLAIN = """
[card]
title = false
"""
FULL = """
[card]
credits = true
cues = "all"
{card}
[captions]
burn = true
[bed]
media = "{bed}"
[slots]
scenario = "story_challenge"
[hls]
write = true
"""
LINE = {"start": "0.4", "end": "1.4", "character": "bo", "text": "Is anyone there? 有人吗?"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number, frames in ((0, 48), (1, 280), (2, 240), (7, 90)):
        Coded(number, frames).write(folder / f"media/c{number}.mp4")
    return folder


def asked(world: Path, clips: Path, card: str = "") -> tuple[BatchPlan, Settings]:
    """Two jobs of c0 → c1 (extended) → c2 → p3 (planned), with and without the settings for it."""
    folder = world / "graph"
    if not folder.exists():
        (folder / "media").mkdir(parents=True)
        for clip in (clips / "media").glob("*.mp4"):
            os.link(clip, folder / "media" / clip.name)
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
        characters={"bo": {"name": "Bo", "person": "bo"}},
    )
    (world / "plain.toml").write_text(PROFILE + PLAIN)
    bed = str(clips / "media/c7.mp4")
    (world / "full.toml").write_text(f"sketches = true\n{PROFILE}{FULL.format(bed=bed, card=card)}")
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
        assert job.plan is not None, job
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
    assert plan.jobs[1].plan is not None, plan.jobs[1]
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
    assert report.batch.steps.run == len(steps_of(plan))
    films = {name: tmp_path / f"out/{name}/episode.mp4" for name in ("plain", "full")}
    before = {name: file_digest(film) for name, film in films.items()}
    again, _ = asked(tmp_path, clips)
    assert not [step for one in again.jobs if one.plan for step in one.plan.render.to_run]
    second = run_batch(again, tmp_path / "out")
    assert second.batch.steps.run == 0
    assert {name: file_digest(film) for name, film in films.items()} == before


def elsewhere(plan: EpisodePlan, font: Path) -> dict[str, StepWork]:
    """The works of a plan as another machine gets them: none of its paths lead anywhere there."""
    found = {}
    for key, work in works_of(plan).items():
        spec = work.step.spec
        if isinstance(spec, CardSpec | TextSpec):
            assert str(font) in spec.files
            files = tuple(f"/elsewhere/{Path(file).name}" for file in spec.files)
            spec = replace(spec, files=files)
        media = tuple((digest, f"/elsewhere/{digest}") for digest, _ in work.media)
        there = replace(work, step=replace(work.step, spec=spec), media=media)
        found[key] = pickle.loads(pickle.dumps(there))
    return found


def in_runes(world: Path, clips: Path) -> tuple[EpisodePlan, Path]:
    """The plan of the full film, its cards and captions in a font of the user's own."""
    font = world / "Mine.otf"
    font.write_bytes((FONTS / "InterDisplay-Bold.otf").read_bytes())
    plan, _ = asked(world, clips, f'font = "{font}"')
    assert plan.jobs[1].plan is not None, plan.jobs[1]
    return plan.jobs[1].plan, font


def test_a_worker_finds_media_and_fonts_in_the_store_or_says_which_it_lacks(
    tmp_path: Path, clips: Path
) -> None:
    plan, font = in_runes(tmp_path, clips)
    works = elsewhere(plan, font)
    store = Store(tmp_path / "far")
    needy = {work.step.type for work in works.values() if work.media}
    no_media = {StepType.JOINT, StepType.POSTER, StepType.MARK, StepType.SEGMENTS}
    assert needy == set(StepType) - no_media
    fused = next(work for work in works.values() if isinstance(work.step.spec, ExtendSpec))
    assert len(fused.media) == 2
    for work in works.values():
        if work.media:
            with pytest.raises(MediaMissing):
                at_hand(work, store)
    for digest, path in {*plan.media_paths.items(), (file_digest(font), font)}:
        lend(store, digest, path)
    for work in works.values():
        here = at_hand(work, store)
        assert here.key == work.key == spec_key(here.step.spec)
        assert all(file_digest(Path(path)) == digest for digest, path in here.media)
        spec = here.step.spec
        if isinstance(spec, CardSpec | TextSpec):
            for digest, file in zip(spec.fonts, spec.files, strict=True):
                assert file_digest(Path(file)) == digest
                assert Path(file) != font


@pytest.mark.slow
def test_workers_elsewhere_make_the_same_bytes(tmp_path: Path, clips: Path) -> None:
    plan, font = in_runes(tmp_path, clips)
    works = elsewhere(plan, font)
    store = Store(tmp_path / "far")
    ffmpeg = find_ffmpeg(None, store)
    for digest, path in {*plan.media_paths.items(), (file_digest(font), font)}:
        lend(store, digest, path)
    made = {}
    for step in plan.render.steps:
        result = run_work(at_hand(works[step.key], store), store, ffmpeg)
        assert result.error is None, f"{step.name}: {result.error}"
        made[step.key] = pickle.loads(pickle.dumps(result)).record
    chainer.render_episode(plan, tmp_path / "film")
    here = store_of(plan)
    for key, record in made.items():
        presence, own = here.find(key)
        assert presence is Presence.CACHED
        assert own is not None
        assert own.files == record.files
