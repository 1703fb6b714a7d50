"""Extended slots in whole films: exact, told of everywhere, and refused where unearned."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.graph.words import SlotFill
from chainer.render.spec import ExtendSpec, StepType
from tests.film.coded import Coded, decode_sound, read_codes

from .clips import chapters, extended, graph_of, made, plan

ONE, TWO, THREE = Coded(1, 300), Coded(2, 300), Coded(3, 60)
LONG = Coded(1, 620)


def fill_of(told: chainer.EpisodePlan, atom: str = "c1") -> Any:
    return next(one.fill for one in told.atoms if one.atom.id == atom)


def test_a_fused_slot_in_a_film(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        [ONE, TWO, THREE],
        info=chapters({"title": "One", "at": "c1"}, {"title": "Three", "at": "c3"}),
        c1=extended("15", "fuse"),
        c2={"author": "p-b"},
        c3={"author": "p-c"},
    )
    told = plan(graph, tmp_path, memory={"enabled": True})
    assert [slot.name for slot in told.layout.slots] == ["c1+c2", "c3"]
    assert told.layout.slots[0].frames == 450
    (fill,) = told.as_json()["fills"]
    assert (fill["atom"], fill["way"], fill["seconds"]) == ("c1", "fuse", "15")
    assert {one["way"] for one in fill["ways"]} == {"source", "fuse", "stretch", "hold"}
    assert all(one["cpu_seconds"] is not None for one in fill["ways"] if one["possible"])
    _, manifest = made(told, tmp_path / "out")
    slot = manifest.timeline[0]
    assert slot.frames == 450
    assert slot.fill is not None
    assert slot.fill.way == "fuse"
    assert [(one.atom, one.first, one.frames) for one in slot.fused] == [
        ("c1", 0, 300),
        ("c2", 284, 166),
    ]
    assert [mark.title for mark in manifest.chapters] == ["One", "Three"]
    assert [mark.atom for mark in manifest.chapters] == ["c1", "c3"]
    # Everything on the screen is somebody's, and no frame is anybody's twice.
    assert sum(one.seconds for one in manifest.credits) == manifest.seconds
    owed = {one.author: one.seconds for one in manifest.credits}
    assert owed["p-a"] == Fraction(300 - 8, 30)
    # The pictures: c1 whole, then c2 from its frame 16 on, then its last ones are cut.
    codes = read_codes(tmp_path / "out/episode.mp4")
    assert len(codes) == manifest.frames
    assert [code for code in codes[:284] if code is None] == []
    assert codes[:284] == [(1, frame) for frame in range(284)]
    shown = 450 - told.layout.joints[0].left
    assert codes[300:shown] == [(2, frame) for frame in range(16, shown - 284)]
    continuity = json.loads((tmp_path / "out/continuity.json").read_text())
    kinds = {(one["from"], one["to"]): one["joint"]["kind"] for one in continuity["joints"]}
    assert kinds["c1", "c2"] == "fuse"
    assert kinds["c2", "c3"] in ("cut", "crossfade", "fade")
    sound = decode_sound(tmp_path / "out/episode.mp4")
    level = [abs(sound[at : at + 1600]).max() for at in range(1600, 14 * 48_000, 1600)]
    assert min(level) > 0.005, "no gap in the sound of the slot"


@pytest.mark.parametrize(
    "seconds",
    ["15", *(pytest.param(long, marks=pytest.mark.slow) for long in ("16.7", "20"))],
)
def test_media_that_is_long_enough_fills_its_slot_to_the_frame(
    tmp_path: Path, seconds: str
) -> None:
    told = plan(graph_of(tmp_path, [LONG, THREE], c1=extended(seconds)), tmp_path)
    frames = round(float(seconds) * 30)
    assert (fill_of(told).way, told.layout.slots[0].frames) == (SlotFill.SOURCE, frames)
    assert fill_of(told).synthetic == 0
    assert told.render.spec_of(told.render.slots[0]).type is not StepType.EXTEND
    _, manifest = made(told, tmp_path / "out")
    codes = read_codes(tmp_path / "out/episode.mp4")
    assert manifest.frames == len(codes) == told.layout.frames
    shown = frames - told.layout.joints[0].left
    assert codes[:shown] == [(1, frame) for frame in range(shown)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "frames", "seconds"),
    [("hold", 420, "20"), ("hold", 330, "16.7"), ("stretch", 420, "20"), ("stretch", 300, "15")],
)
def test_slots_that_are_made_longer_are_exact(
    tmp_path: Path, way: str, frames: int, seconds: str
) -> None:
    graph = graph_of(tmp_path, [Coded(1, frames), THREE], c1=extended(seconds, way))
    told = plan(graph, tmp_path)
    wanted = round(float(seconds) * 30)
    assert told.layout.slots[0].frames == wanted
    spec = told.render.spec_of(told.render.slots[0])
    assert isinstance(spec, ExtendSpec)
    _, manifest = made(told, tmp_path / "out")
    assert manifest.timeline[0].fill is not None
    assert manifest.timeline[0].fill.way == way
    assert manifest.timeline[0].fill.synthetic > 0
    codes = read_codes(tmp_path / "out/episode.mp4")
    assert len(codes) == manifest.frames
    # The next clip starts where the timeline says, to the frame.
    start = manifest.timeline[1].start
    own = [at for at, code in enumerate(codes) if code is not None and code[0] == 3]
    assert {at - start for at in own} == {codes[at][1] for at in own}  # type: ignore[index]
    assert all(codes[at] == (3, at - start) for at in own)


def test_slots_that_are_not_earned_are_refused(tmp_path: Path) -> None:
    bare = {"slot": {"kind": "extended", "seconds": "15"}}
    graph = graph_of(tmp_path / "a", [LONG, THREE], c1=bare)

    def refused(told: chainer.Graph, **settings: Any) -> chainer.PolicyRefused:
        with pytest.raises(chainer.PolicyRefused) as caught:
            plan(told, tmp_path, **settings)
        assert (caught.value.exit_status, caught.value.code) == (4, "scenario")
        return caught.value

    assert "c1" in str(refused(graph))
    assert plan(graph, tmp_path, slots={"scenario": "brand_short"}).layout.slots[0].frames == 450
    assert "c1" in str(refused(graph, slots={"scenario": "a whim"}))
    unknown = graph_of(tmp_path / "b", [LONG, THREE], c1=extended(scenario="a whim"))
    assert "a whim" in str(refused(unknown))
    two = [Coded(1, 460), Coded(4, 460)]
    both = graph_of(
        tmp_path / "c",
        two,
        c1=extended(scenario="brand_short"),
        c4=extended(scenario="brand_short"),
    )
    assert "at most 1" in str(refused(both))
    more = {"scenarios": {"brand_short": 2}}
    assert plan(both, tmp_path, slots=more).layout.slots[1].frames == 450


@pytest.mark.parametrize("seconds", ["14.9", "20.1"])
def test_slots_of_other_lengths_are_no_slots(tmp_path: Path, seconds: str) -> None:
    with pytest.raises(chainer.GraphError, match="15 to 20") as caught:
        graph_of(tmp_path, [THREE], c3=extended(seconds))
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("fill", "atoms"),
    [
        ("fuse", [Coded(1, 300)]),  # nothing follows
        ("fuse", [Coded(1, 300), THREE]),  # what follows is too short
        ("source", [Coded(1, 300)]),
        ("hold", [Coded(1, 240)]),
        ("stretch", [Coded(1, 240)]),
        ("loop", [Coded(1, 300)]),
        (None, [THREE]),
    ],
)
def test_what_cannot_be_filled_is_said_of_the_atom(
    tmp_path: Path, fill: str | None, atoms: list[Coded]
) -> None:
    name = f"c{atoms[0].number}"
    graph = graph_of(tmp_path, atoms, **dict[str, Any]({name: extended("15", fill)}))
    with pytest.raises(chainer.InputError) as caught:
        plan(graph, tmp_path, name)
    assert (caught.value.exit_status, caught.value.code) == (2, "fill")
    assert str(caught.value).startswith(f"{name}: ")
    assert not (tmp_path / "cas").exists() or not list((tmp_path / "cas").rglob("*.mp4"))


def test_only_a_continuation_flows_on(tmp_path: Path) -> None:
    remix = graph_of(
        tmp_path / "a", [ONE, TWO], edges={0: {"kind": "remix"}}, c1=extended("15", "fuse")
    )
    with pytest.raises(chainer.InputError, match="continuation"):
        chainer.plan_episode(
            remix,
            "c1",
            kind="relay",
            settings=plan(graph_of(tmp_path / "x", [THREE]), tmp_path, "c3").settings,
        )
    # A relay to another author is a continuation like any other.
    relay = graph_of(tmp_path / "b", [ONE, TWO], c1=extended("15", "fuse"), c2={"author": "p-b"})
    assert plan(relay, tmp_path).layout.slots[0].name == "c1+c2"


def test_two_extended_slots_in_a_row_do_not_flow_into_each_other(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path, [ONE, TWO, Coded(4, 300)], c1=extended("15"), c2=extended("15", "fuse")
    )
    told = plan(graph, tmp_path)
    assert [slot.name for slot in told.layout.slots] == ["c1", "c2+c4"]
    assert fill_of(told).way is not SlotFill.FUSE
    assert told.layout.frames == 900 - sum(one.overlap for one in told.layout.joints)


@pytest.mark.parametrize("kind", ["chapter", "story"])
def test_a_card_that_is_asked_for_keeps_two_shots_apart(tmp_path: Path, kind: str) -> None:
    info = chapters({"title": "One", "at": "c1"}, {"title": "Two", "at": "c2", "card": kind})
    graph = graph_of(tmp_path / "a", [ONE, TWO], info=info, c1=extended("15"))
    told = plan(graph, tmp_path)
    assert [slot.name for slot in told.layout.slots] == ["c1", f"{kind}-c2", "c2"]
    assert [mark.title for mark in told.chapters] == ["One", "Two"]
    assert fill_of(told).way is SlotFill.STRETCH
    named = graph_of(tmp_path / "b", [ONE, TWO], info=info, c1=extended("15", "fuse"))
    with pytest.raises(chainer.InputError, match="card"):
        plan(named, tmp_path)
    # Without the cards of chapters nothing stands between the two.
    told = plan(graph, tmp_path, card={"title": False, "chapters": False})
    assert [slot.name for slot in told.layout.slots] == ["c1+c2"]


def test_a_cue_of_the_second_atom_comes_where_it_comes(tmp_path: Path) -> None:
    info = chapters({"title": "Bo's turn", "at": "c2", "card": "character"})
    graph = graph_of(
        tmp_path, [ONE, TWO], info=info, c1=extended("15", "fuse"), c2={"author": "p-b"}
    )
    told = plan(graph, tmp_path)
    spec = told.render.spec_of(told.render.slots[0])
    assert isinstance(spec, ExtendSpec)
    (cue,) = spec.overlays
    assert cue.first > 300
    assert cue.last <= 450
    assert {step.type for step in told.render.steps} >= {StepType.TEXT}


def test_the_length_of_a_walk_counts_the_slot(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, [LONG, THREE], c1=extended("20"))
    settings = plan(graph, tmp_path).settings
    options = chainer.WalkOptions(max_seconds=Fraction(21))
    (chain,) = chainer.find_chains(graph, "c1", settings=settings, options=options)
    assert chain.atoms == ("c1",)
