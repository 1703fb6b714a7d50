"""What an edit makes the next build do again, and that the film is right then.

Twelve atoms with three joints that blend and one J cut, built once; each edit is made in a copy of
the graph file beside it, planned against the same store, built, and taken back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import chainer
from chainer.episode.plan import EpisodePlan
from chainer.graph import load_graph
from chainer.graph.amend import (
    Change,
    GainTo,
    ReplaceMedia,
    SilenceTo,
    TitleTo,
    TrimTo,
    UseTake,
    edit_graph_file,
    parse_caption,
    parse_joint,
    parse_slot,
    undo_edit,
)
from chainer.settings import Settings
from chainer.timeline import Body
from tests.film.coded import Coded, frame_hashes, read_codes, small_settings, write_graph

COUNT = 12
BLENDED = (2, 5, 6, 10)
"""Atoms whose end is blended with the next one, or under it, for 12 frames: 48 are left of 60."""

LENGTHS = {**dict.fromkeys(BLENDED, 60), COUNT: 280}
ATOMS = [Coded(number, LENGTHS.get(number, 48)) for number in range(1, COUNT + 1)]
OTHER, TAKE = Coded(20, 52), Coded(21, 44)
MIDDLE, QUIET, LAST = "c6", "c9", f"c{COUNT}"
LINES = [{"start": "0.4", "end": "1.2", "text": "Is anyone there?"}]


@dataclass
class Home:
    """A graph, the settings, and the film as it was before any edit."""

    folder: Path
    graph: Path
    settings: Settings
    plan: EpisodePlan
    film: Path
    codes: list[tuple[int, int] | None]
    hashes: list[str]

    def planned(self, **changes: Any) -> EpisodePlan:
        """The plan of the graph as it is in the file now."""
        settings = self.settings.model_copy(update=changes) if changes else self.settings
        return chainer.plan_episode(load_graph(self.graph), "c1", settings=settings)

    def built(self, plan: EpisodePlan, name: str) -> Path:
        """The film of a plan; exactly what it said had to run has run."""
        wanted = len(plan.render.to_run)
        episode = chainer.render_episode(plan, self.folder / name)
        assert episode.steps_run == wanted
        return episode.path / "episode.mp4"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("edits")
    for clip in (OTHER, TAKE):
        clip.write(folder / f"media/c{clip.number}.mp4")
    hush = "volume=0:enable='lt(t,0.4)'"
    Coded(9, 48).write(folder / f"media/{QUIET}.mp4", "-af", hush)
    joints: list[dict[str, Any] | None] = [{"kind": "cut"}] * (COUNT - 1)
    joints[1] = joints[4] = joints[5] = {"kind": "crossfade", "seconds": "2/5"}
    joints[9] = {"kind": "cut", "lead": "2/5"}
    nodes: dict[str, dict[str, Any]] = {
        f"c{n}": {"title": f"Clip {n}"} for n in range(1, COUNT + 1)
    }
    for name in (MIDDLE, "c1"):
        nodes[name]["takes"] = [{"media": "media/c21.mp4"}]
    nodes[MIDDLE]["dialogue"] = LINES
    graph = write_graph(folder, ATOMS, joints, **nodes)
    values = json.loads(graph.read_text())
    chapters = [{"title": "Start", "at": "c1"}, {"title": "Middle", "at": MIDDLE}]
    episode = {"id": "e", "title": "Edits", "start": "c1", "chapters": chapters}
    values["graph"]["series"] = [{"id": "s", "title": "S", "episodes": [episode]}]
    graph.write_text(json.dumps(values, indent=2) + "\n")
    # Takes are chosen by number: what is chosen by quality is no edit.
    settings = small_settings(folder / "store", takes={MIDDLE: 1, "c1": 1})
    plan = chainer.plan_episode(load_graph(graph), "c1", settings=settings)
    film = chainer.render_episode(plan, folder / "before").path / "episode.mp4"
    codes = read_codes(film)
    return Home(folder, graph, settings, plan, film, codes, frame_hashes(film, 0, len(codes)))


@pytest.fixture
def home(base: Home) -> Iterator[Home]:
    """With the graph file as it was, and its history gone, after each test."""
    text = base.graph.read_bytes()
    yield base
    base.graph.write_bytes(text)
    Path(f"{base.graph}.history.jsonl").unlink(missing_ok=True)


def edited(home: Home, atom: str, *changes: Change, source: str | None = None) -> EpisodePlan:
    assert edit_graph_file(home.graph, atom, changes, source=source).changed
    return home.planned()


def to_run(plan: EpisodePlan) -> list[tuple[str, str]]:
    return sorted((step.type.value, step.name) for step in plan.render.to_run)


def new_steps(home: Home, plan: EpisodePlan) -> list[tuple[str, str]]:
    """What the film before the edit does not have, whatever other tests left in the store."""
    known = {step.key for step in home.plan.render.steps}
    return sorted((one.type.value, one.name) for one in plan.render.steps if one.key not in known)


def around(number: int, clip: str = "conform") -> list[tuple[str, str]]:
    """The most that an edit of one atom may make again: its clip and its two joints."""
    name = f"c{number}"
    found = [(clip, name)]
    if number > 1:
        found.append(("joint", f"c{number - 1}→{name}"))
    else:
        found.append(("poster", name))
    if number < COUNT:
        found.append(("joint", f"{name}→c{number + 1}"))
    return sorted(found)


def check_film(home: Home, plan: EpisodePlan, film: Path, edited: int) -> None:
    """Each copied picture is the one that the plan says; beside the edit, to the bit as before."""
    codes = read_codes(film)
    hashes = frame_hashes(film, 0, len(codes))
    assert len(codes) == plan.layout.frames
    was = {
        home.codes[at]: home.hashes[at]
        for part in home.plan.layout.pieces
        if isinstance(part, Body)
        for at in range(part.at, part.at + part.last - part.first)
    }
    clips = {one.atom.id: one for one in plan.atoms}
    compared = 0
    for part in plan.layout.pieces:
        if not isinstance(part, Body):
            continue
        atom = clips[plan.layout.slots[part.slot].name]
        media = int(atom.media.path.stem[1:])
        for frame in range(part.first, min(part.last, atom.used.frames)):
            at = part.at + frame - part.first
            code = (media, atom.used.first + frame)
            assert codes[at] == code, f"frame {at} of the film"
            if atom.atom.id != f"c{edited}" and code in was:
                assert hashes[at] == was[code], f"{code} was encoded again"
                compared += 1
    assert compared > 300


def test_before_any_edit_nothing_is_left_to_do(home: Home) -> None:
    assert to_run(home.planned()) == []
    assert next(code for code in home.codes if code is not None) == (1, 0)


EDITS: list[tuple[int, Change, list[tuple[str, str]]]] = [
    (6, TrimTo(Fraction(1, 5), Fraction(7, 5)), around(6)),
    (6, GainTo(Fraction(-3)), around(6)),
    (6, ReplaceMedia("media/c20.mp4"), around(6)),
    (6, UseTake(2), around(6)),
    (9, SilenceTo(trim=True), around(9)),
    (6, parse_joint("fade:2/5"), [("joint", "c5→c6")]),
    (8, parse_joint("j:2/5"), [("joint", "c7→c8")]),
    (8, parse_joint("l:1/3"), [("joint", "c7→c8")]),
    (1, TrimTo(Fraction(1, 10), Fraction(3, 2)), around(1)),
    (12, GainTo(Fraction(2)), around(12)),
    (12, parse_slot("extended:15:hold:story_challenge"), around(12, "extend")),
]


IDS = ["trim", "gain", "replace", "take", "silence", "fade", "j", "l", "first", "last", "slot"]


@pytest.mark.parametrize(("number", "change", "again"), EDITS, ids=IDS)
def test_an_edit_makes_its_clip_and_its_joints_again(
    home: Home, number: int, change: Change, again: list[tuple[str, str]]
) -> None:
    plan = edited(home, f"c{number}", change)
    assert new_steps(home, plan) == again
    undo_edit(home.graph)
    back = home.planned()
    assert to_run(back) == []
    assert back.render.sources() == home.plan.render.sources()


@pytest.mark.parametrize(
    ("number", "change", "again"),
    [
        pytest.param(*one, id=name, marks=() if name == "trim" else pytest.mark.slow)
        for one, name in zip(EDITS, IDS, strict=True)
    ],
)
def test_the_film_is_right_after_an_edit(
    home: Home, number: int, change: Change, again: list[tuple[str, str]]
) -> None:
    plan = edited(home, f"c{number}", change)
    assert to_run(plan) == again
    check_film(home, plan, home.built(plan, "after"), number)
    assert to_run(home.planned()) == []
    undo_edit(home.graph)
    assert to_run(home.planned()) == []


def test_off_the_grid_later_joints_may_be_placed_anew_and_no_clip_is(home: Home) -> None:
    """Where a joint's sound falls between two AAC frames, the nearer one depends on its place."""
    edit_graph_file(home.graph, "c9", [TrimTo(Fraction(0), Fraction(46, 30))])
    before = {step.key for step in home.planned().render.steps}
    edit_graph_file(home.graph, "c3", [TrimTo(Fraction(0), Fraction(45, 30))])
    plan = home.planned()
    anew = {(step.type.value, step.name) for step in plan.render.steps if step.key not in before}
    assert {one for one in anew if one[0] != "joint"} == {("conform", "c3")}
    assert anew - set(around(3)) <= {("joint", "c9→c10")}


@pytest.mark.parametrize(
    ("atom", "change"),
    [
        (MIDDLE, parse_caption("0.4:1.2=Hello?")),
        (MIDDLE, parse_caption("#1=")),
        ("c3", parse_caption("0.2:1=More to read")),
        (MIDDLE, TitleTo("Another title")),
        ("c1", TitleTo("")),
    ],
    ids=["changed", "gone", "added", "title", "no title"],
)
def test_words_encode_nothing(home: Home, atom: str, change: Change) -> None:
    plan = edited(home, atom, change)
    assert to_run(plan) == []
    film = home.built(plan, "words")
    count = len(home.codes)
    assert frame_hashes(film, 0, count + 1) == home.hashes
    spoken = "".join(line.text for line in plan.atoms[5].atom.dialogue)
    captions = film.with_name("captions.vtt")
    assert spoken in (captions.read_text() if captions.exists() else "")


def test_burned_captions_are_part_of_their_clip(home: Home) -> None:
    burned = home.settings.captions.model_copy(update={"burn": True})
    home.built(home.planned(captions=burned), "burned")
    edit_graph_file(home.graph, MIDDLE, [parse_caption("#1=Hello?")])
    plan = home.planned(captions=burned)
    assert to_run(plan) == sorted([*around(6), ("text", "Hello?")])
    assert to_run(home.planned()) == []


def test_two_processes_edit_at_once_and_both_edits_are_built(home: Home) -> None:
    edits = [["c4", "--trim", "0.2:1.4"], ["c11", "--gain", "-6"]]
    argv = [sys.executable, "-m", "chainer", "edit", str(home.graph)]
    running = [
        subprocess.Popen([*argv, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for words in edits
    ]
    for one in running:
        _, told = one.communicate(timeout=60)
        assert one.returncode == 0, told
    plan = home.planned()
    assert new_steps(home, plan) == sorted([*around(4), *around(11)])
    check_film(home, plan, home.built(plan, "both"), 4)
    undo_edit(home.graph)
    undo_edit(home.graph)
    assert to_run(home.planned()) == []
