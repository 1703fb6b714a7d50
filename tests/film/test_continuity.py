"""The memory in the story: what drifts is mended in the film, and nothing else is touched."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainer
from chainer.cli import run
from chainer.episode.plan import EpisodePlan
from chainer.episode.remembered import continuity_text
from chainer.errors import MediaError, PolicyRefused
from chainer.store import Store
from chainer.timeline.joint import JointStyle
from tests.memory.scene import (
    LONG,
    Filmed,
    Light,
    exposure,
    filmed,
    mirrored,
    repeated,
    scene,
)

from .coded import BAND, FFMPEG, HEIGHT, WIDTH, read_codes, small_settings, write_graph

DARKER: Light = exposure(-0.4)
CUTS: Mapping[str, Any] = {"auto": "cut"}


def shots(light: Light | None = None) -> list[Filmed]:
    """One shot in three clips, the second of them in `light`."""
    return [filmed(n, 1, LONG * (n - 1), LONG, light if n == 2 else None) for n in (1, 2, 3)]


def settings(folder: Path, *, joints: Any = None, **memory: Any) -> chainer.Settings:
    return small_settings(
        folder / "store",
        faces={"enabled": False},
        joints=joints or {},
        memory={"enabled": True, **memory},
    )


def plan_of(path: Path, *, joints: Any = None, **memory: Any) -> EpisodePlan:
    where = settings(path.parent, joints=joints, **memory)
    return chainer.plan_episode(chainer.load_graph(path), "c1", settings=where)


def whys(plan: EpisodePlan) -> dict[str, str]:
    return {f"{step.type.value} {step.name}": step.why.value for step in plan.render.steps}


def colours(film: Path, first: int, count: int) -> NDArray[np.float64]:
    """R'G'B' of pictures of a film below their codes."""
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-fps_mode", "passthrough"]
    argv += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    pictures = np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
    return pictures[first : first + count, BAND + 8 :].astype(np.float64)


def edited(path: Path, change: Any) -> Path:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return path


def variant(path: Path, name: str, change: Any) -> Path:
    """Another graph of the same media, beside it."""
    other = path.with_name(name)
    other.write_text(path.read_text())
    return edited(other, change)


def joined(*wishes: dict[str, Any]) -> Any:
    """Gives the edges these joints."""

    def change(values: Any) -> None:
        for edge, wish in zip(values["edges"], wishes, strict=False):
            edge["joint"] = wish

    return change


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph whose second clip is too dark."""
    return write_graph(tmp_path_factory.mktemp("drifting"), shots(DARKER))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same graph as it should be."""
    return write_graph(tmp_path_factory.mktemp("calm"), shots())


# -- grade ---------------------------------------------------------------------------------------


def test_only_the_clip_that_drifts_is_made_again_with_the_colours_of_the_others(
    drifting: Path, calm: Path, tmp_path: Path
) -> None:
    off = plan_of(drifting, joints=CUTS, enabled=False)
    chainer.render_episode(off, tmp_path / "off")
    on = plan_of(drifting, joints=CUTS)
    assert [atom.grade is not None for atom in on.atoms] == [False, True, False]
    found = whys(on)
    assert found["conform c2"] == "grade changed"
    assert found["conform c1"] == found["conform c3"] == "cached"
    assert any("colours of c2" in note for note in on.notes)
    chainer.render_episode(on, tmp_path / "on")
    chainer.render_episode(plan_of(calm, joints=CUTS, enabled=False), tmp_path / "truth")
    films = [tmp_path / name / "episode.mp4" for name in ("truth", "off", "on")]
    assert len({tuple(read_codes(film)) for film in films}) == 1
    truth, dark, mended = (colours(film, LONG, LONG) for film in films)
    assert np.abs(dark - truth).mean() > 8
    assert np.abs(mended - truth).mean() < 2.5
    manifest = json.loads((tmp_path / "on/episode.json").read_text())
    assert [len(one["grade"] or ()) for one in manifest["sources"]] == [0, 12, 0]


def test_without_drift_the_plan_differs_in_its_joints_alone(calm: Path) -> None:
    on, off = plan_of(calm), plan_of(calm, enabled=False)
    assert [joint.style for joint in on.layout.joints] == [JointStyle.CUT] * 2
    assert [joint.style for joint in off.layout.joints] == [JointStyle.CROSSFADE] * 2
    pair = plan_of(calm, joints=CUTS), plan_of(calm, joints=CUTS, enabled=False)
    assert pair[0].render.steps == pair[1].render.steps
    assert pair[0].layout == pair[1].layout
    assert [atom.used for atom in on.atoms] == [atom.used for atom in off.atoms]
    assert all(atom.grade is None for atom in on.atoms)
    assert on.notes == ()
    assert (len(on.states), len(off.states)) == (3, 0)


def test_a_grade_can_be_switched_off_at_one_joint(drifting: Path) -> None:
    path = variant(drifting, "ungraded.json", joined({"grade": False}))
    plan = plan_of(path)
    with pytest.raises(PolicyRefused, match="light"):
        plan_of(path, strict=True)
    assert plan.atoms[1].grade is None
    assert any("light" in note for note in plan.notes)
    (first, _) = plan.as_json()["continuity"]
    assert "the graph" in first["grade_why"]
    assert "light" in first["flags"]


def test_what_the_author_says_of_joints_still_wins(calm: Path) -> None:
    wishes = joined({"kind": "crossfade", "seconds": "0.2"}, {"kind": "fade"})
    plan = plan_of(variant(calm, "wishes.json", wishes))
    joints = plan.layout.joints
    assert [joint.style for joint in joints] == [JointStyle.CROSSFADE, JointStyle.FADE]
    assert joints[0].overlap == 6
    assert all(joint.why == "asked for by the author" for joint in joints)


# -- trim ----------------------------------------------------------------------------------------


def test_what_is_played_again_is_left_out_of_the_film(tmp_path: Path) -> None:
    overlap = 6
    clips = [filmed(1, 1, 0, LONG), filmed(2, 1, LONG - overlap, LONG)]
    path = write_graph(tmp_path, clips)
    plan = plan_of(path)
    assert plan.atoms[1].used.first == overlap
    assert any("play the end" in note for note in plan.notes)
    chainer.render_episode(plan, tmp_path / "out")
    codes = read_codes(tmp_path / "out/episode.mp4")
    assert codes == [(1, n) for n in range(2 * LONG - overlap)]
    assert repeated(codes) == []
    plain = plan_of(path, trim_replay=False)
    assert plain.atoms[1].used.frames == LONG
    wish = {"kind": "cut", "trim": False}
    edited(path, lambda values: values["edges"][0].update(joint=wish))
    chainer.render_episode(plan_of(path), tmp_path / "out2")
    assert len(repeated(read_codes(tmp_path / "out2/episode.mp4"))) == overlap


def test_a_clip_that_would_be_too_short_without_its_repeats_plays_whole(tmp_path: Path) -> None:
    clips = [filmed(1, 1, 0, LONG), filmed(2, 1, LONG - 10, 16)]
    plan = plan_of(write_graph(tmp_path, clips))
    assert (plan.atoms[1].used.first, plan.atoms[1].used.frames) == (0, 16)
    (told,) = plan.as_json()["continuity"]
    assert told["cut"]["in"] == 0
    assert any("too much" in note for note in plan.notes)


# -- takes ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips; the second is of another room, take 2 of a third, and take 3 goes on."""
    folder = tmp_path_factory.mktemp("taking")
    clips = [filmed(1, 1, 0, LONG), filmed(2, 6, 0, LONG)]
    filmed(7, 3, 0, LONG).write(folder / "media/c7.mp4")
    filmed(8, 1, LONG, LONG).write(folder / "media/c8.mp4")
    filmed(9, 1, LONG, LONG, amplitude=0.05).write(folder / "media/c9.mp4")
    (folder / "broken.mp4").write_bytes(b"no film")
    return variant(write_graph(folder, clips), "takes.json", taken("c2", "c7", "c8"))


def taken(own: str, *others: str) -> Any:
    """Gives the second atom these media."""

    def change(values: Any) -> None:
        media = [f"media/{n}.mp4" if n.startswith("c") else n for n in (own, *others)]
        values["nodes"][1]["media"] = media[0]
        values["nodes"][1]["takes"] = [{"media": name} for name in media[1:]]

    return change


def test_the_take_that_fits_is_played_and_the_plan_says_why(taking: Path, tmp_path: Path) -> None:
    plan = plan_of(taking)
    (choice,) = plan.choices
    assert (choice.of, choice.at, choice.chosen) == ("take", "c2", "take 3")
    assert choice.score > choice.runner_up_score
    assert choice.runner_up in {"take 1", "take 2"}
    assert plan.atoms[1].take == 2
    assert plan.atoms[1].named == "media/c8.mp4"
    assert any("take 3 plays" in note and choice.runner_up in note for note in plan.notes)
    (told,) = plan.as_json()["choices"]
    assert told["runner_up_score"] < told["score"]
    chainer.render_episode(plan, tmp_path / "out")
    assert read_codes(tmp_path / "out/episode.mp4") == [(1, n) for n in range(2 * LONG)]
    source = json.loads((tmp_path / "out/episode.json").read_text())["sources"][1]
    assert (source["take"], source["media"]) == (2, "media/c8.mp4")


def test_takes_are_left_alone_where_the_settings_say_so(taking: Path) -> None:
    plan = plan_of(taking, choose_takes=False)
    assert (plan.atoms[1].take, plan.choices) == (0, ())


def test_the_first_take_stays_where_no_other_is_clearly_better(taking: Path) -> None:
    plan = plan_of(variant(taking, "alike.json", taken("c8", "c9")))
    (choice,) = plan.choices
    assert (choice.chosen, choice.runner_up) == ("take 1", "take 2")
    assert "clearly better" in choice.why


def test_a_take_that_cannot_be_used_is_left_out_with_a_note(taking: Path) -> None:
    path = variant(taking, "some.json", taken("c2", "broken.mp4", "gone.mp4", "c8"))
    plan = plan_of(path)
    assert plan.atoms[1].named == "media/c8.mp4"
    left = [note for note in plan.notes if "cannot be used" in note]
    assert [take for take in ("take 2", "take 3") if any(take in note for note in left)] == [
        "take 2",
        "take 3",
    ]


def test_an_atoms_own_media_must_be_usable(taking: Path) -> None:
    path = variant(taking, "none.json", taken("broken.mp4", "c8"))
    with pytest.raises(MediaError, match=r"broken\.mp4") as caught:
        plan_of(path)
    assert caught.value.exit_status == 3


# -- strict --------------------------------------------------------------------------------------


class Mirrored(Filmed):
    def pictures(self) -> NDArray[np.uint8]:
        return mirrored(super().pictures())


def test_strict_refuses_what_cannot_be_mended_and_nothing_else(
    drifting: Path, tmp_path: Path
) -> None:
    assert plan_of(drifting, strict=True).atoms[1].grade is not None
    clips = [filmed(1, 2, 0, LONG), Mirrored(2, LONG, seed=2, first=LONG)]
    path = write_graph(tmp_path, clips)
    with pytest.raises(PolicyRefused, match="mirror") as caught:
        plan_of(path, strict=True)
    assert (caught.value.exit_status, caught.value.code) == (4, "continuity")
    assert caught.value.facts["joints"] == {"c1→c2": ["mirror"]}
    edited(path, lambda values: values["edges"][0].update(changes=["direction"]))
    assert plan_of(path, strict=True).atoms[1].report is not None


# -- the folder ----------------------------------------------------------------------------------


def test_the_folder_tells_of_its_continuity_and_is_verified_with_it(
    drifting: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plan = plan_of(drifting)
    chainer.render_episode(plan, out)
    told = json.loads((out / "continuity.json").read_text())
    assert told["schema"] == "chainer.continuity/1"
    assert told["chain"] == ["c1", "c2", "c3"]
    assert [joint["to"] for joint in told["joints"]] == ["c2", "c3"]
    assert told["joints"][0]["grade"]["shift_de"] > 2
    assert [joint["joint"]["kind"] for joint in told["joints"]] == ["cut", "cut"]
    manifest = json.loads((out / "episode.json").read_text())
    assert "continuity.json" in {file["name"] for file in manifest["files"]}
    assert run(["verify", str(out)]) == 0
    data = (out / "continuity.json").read_bytes()
    (out / "continuity.json").write_bytes(data.replace(b"c3", b"c4"))
    assert run(["verify", str(out)]) == 6
    (out / "continuity.json").unlink()
    assert run(["verify", str(out)]) == 6


def test_without_the_memory_there_is_no_such_file(calm: Path, tmp_path: Path) -> None:
    chainer.render_episode(plan_of(calm, enabled=False), tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "continuity.json" not in names
    assert chainer.verify_episode(tmp_path / "out").whole


def test_equal_episodes_have_equal_continuity(drifting: Path, tmp_path: Path) -> None:
    """In another store, where everything is looked at anew."""
    other = chainer.plan_episode(chainer.load_graph(drifting), "c1", settings=settings(tmp_path))
    plan = plan_of(drifting)
    assert continuity_text(other) == continuity_text(plan)
    assert other.render.slots == plan.render.slots


# -- the store -----------------------------------------------------------------------------------


def test_a_damaged_observation_is_made_again(tmp_path: Path) -> None:
    path = write_graph(tmp_path, shots(DARKER))
    plan = plan_of(path)
    tail = plan.states[0].tail
    assert tail is not None
    store = Store(tmp_path / "store")
    _, record = store.find(tail.ref.observation)
    assert record is not None
    damaged = store.path_of(record.files["observation.npz"].digest)
    whole = damaged.read_bytes()
    damaged.write_bytes(bytes(len(whole)))
    for state in plan.states:
        store.discard(state.digest)
    again = plan_of(path)
    assert [one.grade for one in again.atoms] == [one.grade for one in plan.atoms]
    assert damaged.read_bytes() == whole


def test_other_parents_tell_what_they_know_and_the_story_has_the_last_word(tmp_path: Path) -> None:
    """c2 follows c1, which plays, and c3, which does not."""
    path = write_graph(
        tmp_path,
        [filmed(1, 1, 0, LONG), filmed(2, 1, LONG, LONG), filmed(3, 4, 0, LONG)],
        c1={"facts": {"mei": {"coat": "red"}}},
        c3={"facts": {"mei": {"holds": "rope"}}},
    )

    def crossed(values: Any) -> None:
        values["graph"]["characters"] = {"mei": {"name": "Mei", "facts": {"coat": "yellow"}}}
        values["edges"][1].update(source="c3", target="c2")

    state = plan_of(edited(path, crossed)).states[-1]
    known = {fact.key: fact.value for fact in state.facts if fact.subject == "mei"}
    assert (known["holds"], known["coat"]) == ("rope", "red")
    assert state.conflicts == ()


def test_looking_is_told_and_can_be_stopped(calm: Path, tmp_path: Path) -> None:
    import threading

    seen: list[tuple[int, int]] = []
    graph = chainer.load_graph(calm)
    where = settings(tmp_path)
    chainer.plan_episode(graph, "c1", settings=where, on_look=lambda *n: seen.append(n))
    assert sorted(seen) == [(1, 3), (2, 3), (3, 3)]
    stop = threading.Event()
    stop.set()
    with pytest.raises(chainer.Cancelled):
        chainer.plan_episode(graph, "c1", settings=where, cancel=stop)


def test_a_scene_is_what_its_codes_say() -> None:
    pictures = filmed(1, 1, 5, 3).pictures()
    assert np.array_equal(pictures[:, BAND:, :, ::-1], scene(1, 5, 3, (WIDTH, HEIGHT - BAND)))
