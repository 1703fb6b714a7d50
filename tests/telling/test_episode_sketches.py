"""Unfinished episodes: planned atoms play as cards, and are no episodes for the public."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.permission import open_own
from chainer.publish import publish_episode
from chainer.store import Store
from tests.film.coded import Coded, read_codes

from .clips import extended, graph_of, made, place, plan

CLIPS = [Coded(1, 60), Coded(2, 60), Coded(3, 60)]
WORDS: dict[str, Any] = {
    "title": "The knock",
    "prompt": "A door at night; $(id) [a] 100%",
    "story": {"hook": "A knock", "button": "Nobody"},
    "dialogue": [{"start": "1", "end": "2", "text": "Who is it?"}],
}
PLANNED: dict[str, Any] = {"status": "planned", **WORDS}


def test_a_planned_atom_plays_as_a_card_between_clips(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLIPS, c2=PLANNED)
    with pytest.raises(chainer.WalkError):
        chainer.plan_episode(
            graph,
            "c1",
            settings=plan(graph, tmp_path).settings,
            options=chainer.WalkOptions(path=("c1", "c2", "c3")),
        )
    told = plan(graph, tmp_path, sketches=True, memory={"enabled": True})
    assert [slot.content.value for slot in told.layout.slots] == ["atom", "sketch", "atom"]
    assert [atom.id for atom in told.sketches] == ["c2"]
    assert told.is_draft
    assert told.as_json()["sketches"] == ["c2"]
    assert told.layout.slots[1].frames == 300, "as long as an atom usually is"
    assert told.captions == ()
    _, manifest = made(told, tmp_path / "out")
    assert manifest.draft
    assert [slot.content for slot in manifest.timeline] == ["atom", "sketch", "atom"]
    assert [one.atom for one in manifest.sources] == ["c1", "c3"]
    assert [mark.atom for mark in manifest.chapters] == ["c1", "c2", "c3"]
    assert sum(one.seconds for one in manifest.credits) < 4
    codes = read_codes(tmp_path / "out/episode.mp4")
    assert len(codes) == manifest.frames
    assert {code[0] for code in codes if code is not None} <= {1, 3, 0, 63}


def test_once_the_media_is_there_it_plays(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLIPS, c2=PLANNED)
    assert plan(graph, tmp_path, sketches=True).sketches
    place(CLIPS[1], tmp_path)
    told = plan(graph, tmp_path, sketches=True)
    assert told.sketches == ()
    assert not told.is_draft
    assert [slot.content.value for slot in told.layout.slots] == ["atom"] * 3
    assert [one.lines for one in told.captions] == [("Who is it?",)]


def test_an_extended_slot_is_sketched_as_long_as_it_is(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path, [Coded(1, 300), *CLIPS[1:]], c1=extended("15"), c2={**PLANNED, **extended("20")}
    )
    told = plan(graph, tmp_path, sketches=True)
    assert [slot.name for slot in told.layout.slots] == ["c1", "c2", "c3"]
    assert [slot.frames for slot in told.layout.slots] == [450, 600, 60]
    with pytest.raises(chainer.PolicyRefused, match="scenario"):
        plan(graph, tmp_path, sketches=True, slots={"scenarios": {"story_challenge": 1}})


def test_a_chain_of_sketches_alone(tmp_path: Path) -> None:
    nodes: Any = {f"c{n}": PLANNED for n in (1, 2)}
    graph = graph_of(tmp_path, CLIPS[:2], **nodes)
    told = plan(graph, tmp_path, sketches=True, signing={"mode": "development"})
    assert told.atoms == ()
    _, manifest = made(told, tmp_path / "out")
    assert manifest.draft
    assert manifest.credits == ()
    assert manifest.provenance is not None
    assert manifest.provenance.urn is None
    assert manifest.provenance.mode == "off"
    assert not (tmp_path / "out/credits.json").exists()
    assert (
        len(read_codes(tmp_path / "out/episode.mp4"))
        == manifest.frames
        == 600 - sum(one.overlap for one in told.layout.joints)
    )
    with pytest.raises(chainer.PolicyRefused):
        publish_episode(tmp_path / "out", Store(tmp_path), register=open_own(Store(tmp_path)))


def test_an_unfinished_episode_is_not_published(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLIPS, c2=PLANNED)
    made(plan(graph, tmp_path, sketches=True), tmp_path / "out")
    with pytest.raises(chainer.PolicyRefused, match="c2") as caught:
        publish_episode(tmp_path / "out", Store(tmp_path))
    assert (caught.value.exit_status, caught.value.code) == (4, "unfinished")
    # Whatever the folder says: it may have been edited.
    manifest = tmp_path / "out/episode.json"
    manifest.write_text(
        manifest.read_text()
        .replace('"sketch"', '"atom"')
        .replace('"draft": true', '"draft": false')
    )
    with pytest.raises(chainer.PolicyRefused):
        publish_episode(tmp_path / "out", Store(tmp_path))
    place(CLIPS[1], tmp_path)
    _, whole = made(plan(graph, tmp_path, sketches=True), tmp_path / "whole")
    assert publish_episode(tmp_path / "whole", Store(tmp_path)).id == whole.id
