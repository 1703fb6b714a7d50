"""What people allow of whole films: no text over them, no blend, no change of speed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.consent.episodes import EpisodeIndex, EpisodeState
from chainer.consent.say import Whom, grant
from chainer.consent.words import USUAL_EDITS, Edit, Use
from chainer.enrol import pieces_of
from chainer.episode.plan import EpisodePlan
from chainer.graph.words import SlotFill
from chainer.permission import open_register
from chainer.render.spec import CardSpec, StepType
from chainer.store import Presence, Store
from chainer.withdrawal import index_path, withdraw
from tests.film.coded import Coded, small_settings

from .clips import chapters, extended, graph_of, made, place

MEI: dict[str, Any] = {"cast": [{"character": "mei"}]}
ONE, TWO, THREE = Coded(1, 300), Coded(2, 300), Coded(3, 60)
SHORT = [Coded(1, 60), Coded(2, 90), Coded(3, 90)]


class World:
    """Clips of Bo; those with `MEI` in their node show her, who is asked."""

    def __init__(self, folder: Path, clips: list[Coded], joints: Any = (), **more: Any) -> None:
        info = more.pop("info", {}) | {
            "characters": {"mei": {"name": "Mei", "person": "p-mei"}},
            "ledger": "consent.jsonl",
        }
        nodes: dict[str, Any] = {f"c{one.number}": {"author": "p-bo"} for one in clips}
        for name in nodes:
            nodes[name] |= more.pop(name, {})
        self.graph = graph_of(folder, clips, joints, info=info, **nodes, **more)
        self.register = open_register(folder / "consent.jsonl", create=True)
        self.register.book.settle()
        self.folder = folder
        self.store = Store(folder)

    def grants(self, *edits: Edit) -> None:
        uses = (Use.DRAFT, Use.EPISODE)
        grant(self.register.book, "p-mei", Whom(("p-bo", "p-ada")), uses=uses, edits=edits)

    def plan(self, **settings: Any) -> EpisodePlan:
        told = small_settings(self.folder, **settings)
        # By name: a walk would go around whoever does not agree at all.
        path = tuple(f"c{n}" for n in range(1, len(self.graph.atoms) + 1))
        return chainer.plan_episode(
            self.graph, settings=told, options=chainer.WalkOptions(path=path)
        )

    def refused(self, **settings: Any) -> chainer.PolicyRefused:
        with pytest.raises(chainer.PolicyRefused) as caught:
            self.plan(**settings)
        assert (caught.value.exit_status, caught.value.code) == (4, "consent")
        return caught.value


def but(*edits: Edit) -> tuple[Edit, ...]:
    return tuple(edit for edit in Edit if edit not in edits)


def fill_of(told: EpisodePlan, atom: str = "c1") -> Any:
    return next(one.fill for one in told.atoms if one.atom.id == atom)


def asked_of(told: EpisodePlan) -> Mapping[str, set[Edit]]:
    return {need.atom: set(need.edits) for need in told.consented.needs}


def test_nothing_is_laid_over_who_does_not_allow_it(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        SHORT,
        info=chapters({"title": "Two", "at": "c2", "card": "chapter"}),
        c2={**MEI, "author": "p-ada", "dialogue": [{"start": "1", "end": "2", "text": "Mine"}]},
    )
    world.grants(*but(Edit.OVERLAY))
    told = world.plan(card={"title": True, "cues": "all"})
    assert any("c2: no cue" in note for note in told.notes)
    drawn = [step.name for step in told.render.steps if step.type is StepType.TEXT]
    assert drawn == ["p-ada hands over to p-bo"]
    behind = {s.name: s.spec.behind for s in told.render.steps if isinstance(s.spec, CardSpec)}
    assert behind["chapter-c2"] is None
    assert behind["title"] == told.render.slots[1]
    assert Edit.OVERLAY not in asked_of(told)["c2"]
    made(told, tmp_path / "out")
    error = world.refused(captions={"burn": True})
    assert error.facts["refusals"][0]["edit"] == "overlay"
    assert "p-mei" in str(error)
    assert "c2" in str(error)
    world.grants(*Edit)
    every = world.plan(card={"title": True, "cues": "all"}, captions={"burn": True})
    assert Edit.OVERLAY in asked_of(every)["c2"]


@pytest.mark.parametrize("shows", ["c1", "c2"])
def test_no_shot_flows_into_another_where_that_is_not_allowed(tmp_path: Path, shows: str) -> None:
    named = World(
        tmp_path / "a",
        [ONE, TWO],
        c1=extended("15", "fuse"),
        **{shows: MEI} if shows != "c1" else {},
    )
    if shows == "c1":
        named = World(tmp_path / "b", [ONE, TWO], c1={**extended("15", "fuse"), **MEI})
    named.grants(*but(Edit.CROSSFADE))
    error = named.refused()
    assert "crossfade" in str(error)
    assert shows in str(error)
    own = {"c1": {**extended("15"), **(MEI if shows == "c1" else {})}}
    if shows == "c2":
        own["c2"] = MEI
    world = World(tmp_path / "c", [ONE, TWO], **own)
    world.grants(*but(Edit.CROSSFADE))
    told = world.plan()
    assert fill_of(told).way is SlotFill.STRETCH
    assert "crossfade" in fill_of(told).why
    ways = {one.way: one for one in fill_of(told).others}
    assert not ways[SlotFill.FUSE].possible
    assert "crossfade" in ways[SlotFill.FUSE].why
    assert {joint.style.value for joint in told.layout.joints} == {"cut"}
    world.grants(*Edit)
    assert fill_of(world.plan()).way is SlotFill.FUSE
    assert Edit.CROSSFADE in asked_of(world.plan())[shows]


@pytest.mark.parametrize("kind", ["morph", "crossfade", "fade"])
def test_joints_are_cuts_where_no_blend_is_allowed(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, SHORT, [{"kind": kind}], c2=MEI)
    world.grants(*but(Edit.CROSSFADE))
    told = world.plan()
    assert [joint.style.value for joint in told.layout.joints] == ["cut", "cut"]
    assert not any(joint.made for joint in told.layout.joints)
    assert any("allows no crossfade" in note for note in told.notes)


def test_the_pace_of_a_person_is_not_changed(tmp_path: Path) -> None:
    for way in ("stretch", "hold"):
        named = World(tmp_path / way, [ONE], c1={**extended("15", way), **MEI})
        named.grants(*USUAL_EDITS)
        error = named.refused()
        assert "c1" in str(error)
        assert "speed" in str(error)
    world = World(tmp_path / "auto", [ONE, TWO], c1={**extended("15"), **MEI})
    world.grants(*USUAL_EDITS)
    assert fill_of(world.plan()).way is SlotFill.FUSE
    # Where that is not allowed either, nothing is left.
    least = World(tmp_path / "least", [ONE, TWO], c1={**extended("15"), **MEI})
    least.grants(*but(Edit.CROSSFADE, Edit.SPEED))
    assert "c1" in str(least.refused())


def test_a_cue_is_only_over_who_is_seen_with_it(tmp_path: Path) -> None:
    """In a slot of two, each is asked for what stands over their own part."""
    info = chapters({"title": "Here", "at": "c1", "card": "character"})
    world = World(tmp_path, [ONE, TWO], info=info, c1=extended("15", "fuse"), c2=MEI)
    world.grants(*but(Edit.OVERLAY))
    told = world.plan()
    assert [step.name for step in told.render.steps if step.type is StepType.TEXT] == ["Here"]
    assert Edit.OVERLAY not in asked_of(told)["c2"]
    later = chapters({"title": "Here", "at": "c2", "card": "character"})
    other = World(tmp_path / "b", [ONE, TWO], info=later, c1=extended("15", "fuse"), c2=MEI)
    other.grants(*but(Edit.OVERLAY))
    assert any("c2: no cue" in note for note in other.plan().notes)
    other.grants(*Edit)
    assert Edit.OVERLAY in asked_of(other.plan())["c2"]


def test_everything_that_shows_somebody_goes_with_their_consent(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        [ONE, TWO, THREE],
        [None, {"kind": "match"}],
        info=chapters({"title": "Here", "at": "c2", "card": "character"}),
        c1=extended("15", "fuse"),
        c2={**MEI, "dialogue": [{"start": "1", "end": "2", "text": "Mine"}]},
    )
    music = place(Coded(9, 120), tmp_path, "music")
    world.grants(*Edit)
    told = world.plan(
        card={"title": True, "credits": True},
        bed={"media": str(music)},
        captions={"burn": True},
        memory={"enabled": True},
    )
    types = {step.type for step in told.render.steps}
    assert types >= {StepType.EXTEND, StepType.BED, StepType.CARD, StepType.JOINT, StepType.TEXT}
    episode, _ = made(told, tmp_path / "out")
    alone = told.render.slots[[slot.name for slot in told.layout.slots].index("c3")]
    shown = {
        step.key
        for step in told.render.steps
        if step.key != alone and step.type is not StepType.TEXT
    }
    # The roll stands over c3 and shows nobody; its joint with c3 neither.
    names = [slot.name for slot in told.layout.slots]
    shown -= {told.render.slots[names.index("credits")], told.render.joints[-1]}
    assert shown <= {piece.key for piece in pieces_of(told, world.register)}
    kinds = {piece.type for piece in pieces_of(told, world.register)}
    assert kinds >= {"extend", "bed", "card", "joint", "poster", "observation", "survey", "meeting"}
    withdraw(world.register, world.store, "p-mei")
    state = EpisodeIndex(index_path(world.store)).get(episode.manifest.id)
    assert state is not None
    assert state.state is EpisodeState.SUSPENDED
    assert (episode.path / "suspended.json").is_file()
    left = {key for key in shown if world.store.find(key)[0] is not Presence.ABSENT}
    assert left == set()
    assert world.store.find(alone)[0] is Presence.CACHED
    kept = {piece.key for piece in pieces_of(told, world.register)}
    assert {key for key in kept if world.store.find(key)[0] is not Presence.ABSENT} == set()
    world.refused()


def test_the_list_of_fills_says_nothing_of_persons(tmp_path: Path) -> None:
    world = World(tmp_path, [ONE, TWO], c1={**extended("15"), **MEI})
    world.grants(*but(Edit.CROSSFADE))
    assert "p-mei" not in json.dumps(world.plan().as_json()["fills"])


@pytest.mark.parametrize("way", ["stretch", "hold"])
def test_a_slot_that_is_made_longer_asks_for_the_pace(tmp_path: Path, way: str) -> None:
    world = World(tmp_path, [ONE], c1={**extended("15", way), **MEI, "author": "p-ada"})
    world.grants(*Edit)
    asked = asked_of(world.plan())["c1"]
    assert Edit.SPEED in asked
    assert (Edit.CROP in asked) is (way == "hold")


def test_a_card_of_words_shows_nobody(tmp_path: Path) -> None:
    world = World(tmp_path, SHORT, c2={**MEI, "status": "planned", "media": "media/later.mp4"})
    grant(world.register.book, "p-somebody-else", Whom(("p-bo",)), uses=(Use.EPISODE,))
    told = world.plan(sketches=True)
    assert [atom.id for atom in told.sketches] == ["c2"]
    assert told.consented.needs == ()
    shutil.copy(tmp_path / "media/c1.mp4", tmp_path / "media/later.mp4")
    assert "c2" in str(world.refused(sketches=True)), "now there is a picture of her"
