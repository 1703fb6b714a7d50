"""The options of how a film tells its story, and `chainer takes`, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command.consenting import ADA, BO, Home, Said
from tests.film.coded import Coded, write_graph

PEOPLE = {"bo": {"name": "Bo", "person": BO}, "ada": {"name": "Ada", "person": ADA}}
SERIES = {
    "id": "s",
    "title": "Coded",
    "episodes": [
        {
            "id": "e",
            "title": "One",
            "start": "c1",
            "chapters": [{"title": "Her turn", "at": "c2", "card": "character"}],
        }
    ],
}
LINE = {"start": "0.5", "end": "1.5", "character": "ada", "text": "Is anyone there?"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """c1 → c2, which has two more takes, one of them gone; c2 → p3, planned; x1, extended."""
    home = Home(tmp_path_factory.mktemp("home"), atoms=0)
    write_graph(home.folder, [Coded(1, 48), Coded(2, 52), Coded(9, 300)])
    Coded(5, 56).write(home.folder / "media/other.mp4")
    Coded(6, 120).write(home.folder / "music/tide.mp4")
    nodes: list[dict[str, Any]] = [
        {"id": "c1", "media": "media/c1.mp4", "author": BO},
        {"id": "c2", "media": "media/c2.mp4", "author": ADA, "dialogue": [LINE], "title": "Two",
         "takes": [{"media": "media/other.mp4"}, {"media": "media/gone.mp4"}]},
        {"id": "p3", "media": "media/p3.mp4", "author": BO, "status": "planned",
         "title": "The end", "prompt": "A door shuts", "story": {"hook": "It is dark"}},
        {"id": "x1", "media": "media/c9.mp4", "author": BO,
         "slot": {"kind": "extended", "seconds": 15}},
    ]  # fmt: skip
    edges = [
        {"source": "c1", "target": "c2", "kind": "continuation"},
        {"source": "c2", "target": "p3", "kind": "continuation"},
    ]
    about = {"schema": "chainer.graph/1", "characters": PEOPLE, "series": [SERIES]}
    home.write(about, nodes, edges)
    return home


def planned(home: Home, *more: str | Path) -> dict[str, Any]:
    said = home.plan("--json", *more)
    assert said.status == 0, said.err
    return said.json


def names(plan: dict[str, Any], kind: str) -> list[str]:
    return [step["name"] for step in plan["steps"] if step["type"] == kind]


def refused(said: Said, status: int, *told: str) -> None:
    assert (said.status, said.out) == (status, "")
    for words in told:
        assert words in said.err


# -- what a plan says ---------------------------------------------------------------------------


def test_a_plan_says_what_it_costs_and_what_it_plays(home: Home) -> None:
    plan = planned(home)
    assert plan["chain"] == ["c1", "c2"]
    effort = plan["effort"]
    assert set(effort) == {"steps", "to_run", "saved", "cpu_seconds", "saved_cpu_seconds"}
    assert effort["steps"] == effort["to_run"] == len(plan["steps"])
    assert effort["saved"] == 0
    assert effort["cpu_seconds"] > 0
    assert str(effort["saved_cpu_seconds"]) == "0.0"
    assert (plan["captions"], plan["bed"], plan["sketches"], plan["fills"]) == (1, [], [], [])
    assert set(plan["quality"]) == {"c2"}, "only takes are compared"
    told = home.plan().out
    assert f"steps: {effort['steps']}, to run: {effort['to_run']}, about" in told
    assert "captions: 1\n" in told


def test_planned_atoms_play_as_cards_where_asked_for(home: Home) -> None:
    plan = planned(home, "--sketches")
    assert (plan["chain"], plan["sketches"]) == (["c1", "c2", "p3"], ["p3"])
    assert [one["content"] for one in plan["timeline"]] == ["atom", "atom", "sketch"]
    assert "p3" in names(plan, "card")
    refused(home.plan("--path", "c1,c2,p3"), 2, "p3")


def test_a_take_is_asked_for_by_its_number(home: Home) -> None:
    own, other = (planned(home, "--take", f"c2={number}") for number in (1, 2))
    assert own["timeline"][1]["step"] != other["timeline"][1]["step"]
    assert other["timeline"][1]["seconds"] != own["timeline"][1]["seconds"]
    (choice,) = other["choices"]
    assert (choice["at"], choice["of"], choice["chosen"]) == ("c2", "take", "take 2")
    assert choice["why"] == "it was asked for"
    assert other["captions"] == 0, "the lines are those of the atom's own media"


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (["c2"], 2, "write ATOM=N"),
        (["c2="], 2, "write ATOM=N"),
        (["=2"], 2, "write ATOM=N"),
        (["c2=0"], 2, "write ATOM=N"),
        (["c2=-1"], 2, "write ATOM=N"),
        (["c2=1.5"], 2, "write ATOM=N"),
        (["c2=²"], 2, "write ATOM=N"),
        (["c2=two"], 2, "write ATOM=N"),
        (["c2=4"], 2, "c2"),
        (["c22=1"], 2, "c22"),
        (["c2=3"], 3, "gone.mp4"),
        (["c2=1", "c2=2"], 2, "c2 is given twice"),
    ],
)
def test_takes_that_there_are_not(home: Home, given: list[str], status: int, told: str) -> None:
    words = [word for one in given for word in ("--take", one)]
    refused(home.plan(*words), status, told)


def test_captions_are_a_track_burned_in_or_left_out(home: Home) -> None:
    track, burned, off = (planned(home, "--captions", how) for how in ("track", "burned", "off"))
    assert (track["captions"], burned["captions"], off["captions"]) == (1, 1, 0)
    cue = "Bo hands over to Ada"
    assert names(burned, "text") == [cue, "Is anyone there?"]
    assert names(track, "text") == names(off, "text") == [cue]
    assert planned(home, "--burn-captions")["steps"] == burned["steps"]
    assert "captions: 1, burned into the picture" in home.plan("--burn-captions").out
    refused(home.plan("--captions", "on"), 2, "'on' is not one of", "'burned'")
    for how in ("off", "track"):
        refused(home.plan("--captions", how, "--burn-captions"), 2, "--burn-captions", how)
    assert planned(home, "--captions", "burned", "--burn-captions")["steps"] == burned["steps"]


def test_cues_and_credits(home: Home) -> None:
    assert names(planned(home), "text") == ["Bo hands over to Ada"]
    assert names(planned(home, "--cues", "off"), "text") == []
    assert names(planned(home, "--cues", "all"), "text") == ["Bo hands over to Ada"]
    refused(home.plan("--cues", "some"), 2, "'some' is not one of")
    plan = planned(home, "--credits")
    assert plan["timeline"][-1]["name"] == "credits"
    assert names(plan, "card") == ["credits"]


def test_a_bed_is_any_file_with_sound(home: Home) -> None:
    plan = planned(home, "--bed", "music/tide.mp4")
    (bed,) = plan["bed"]
    assert bed["media"].endswith("music/tide.mp4")
    assert plan["steps"][-1]["type"] == "bed"
    assert "bed: " in home.plan("--bed", home.folder / "music/tide.mp4").out
    refused(home.plan("--bed", "music/none.mp3"), 3, "none.mp3")
    (home.folder / "notes.txt").write_text("la la la")
    assert home.plan("--bed", "notes.txt").status == 3
    Coded(7, 30).write(home.folder / "music/mute.mp4", "-an", sound=False)
    refused(home.plan("--bed", "music/mute.mp4"), 3, "mute.mp4", "sound")


def test_an_extended_slot_is_earned_by_a_scenario(home: Home) -> None:
    words = ["plan", home.graph, "--start", "x1", "--settings", "fast.toml"]
    refused(home.run(*words), 4, "x1", "scenario")
    refused(home.run(*words, "--scenario", "fun"), 4, "fun", "story_challenge")
    said = home.run(*words, "--scenario", "story_challenge", "--json")
    assert said.status == 0, said.err
    (fill,) = said.json["fills"]
    assert (fill["atom"], fill["way"], fill["seconds"]) == ("x1", "stretch", "15")
    assert {one["way"] for one in fill["ways"]} == {"source", "fuse", "stretch", "hold"}
    assert fill["cpu_seconds"] > 0
    (step,) = [one for one in said.json["steps"] if one["type"] == "extend"]
    assert step["frames"] == 450
    told = home.done(*words, "--scenario", "Brand short").out
    assert "extended x1: stretch, " in told


def test_compose_and_memory_take_them_too(home: Home) -> None:
    """Told, before anything is encoded or looked at."""
    for words in (
        ["compose", home.graph, "--start", "c1", "--settings", "fast.toml", "-o", "never"],
        ["memory", home.graph, "--start", "c1", "--settings", "fast.toml"],
    ):
        refused(home.run(*words, "--take", "c2"), 2, "--take")
        refused(home.run(*words, "--bed", "none.mp3"), 3, "none.mp3")
        refused(home.run(*words, "--captions", "x"), 2, "--captions")
    assert not (home.folder / "never").exists()
    told = home.done("memory", home.graph, "--start", "c1", "--settings", "fast.toml",
                     "--sketches", "--take", "c2=2").out  # fmt: skip
    assert "switched off" in told


def test_a_film_with_all_of_it(home: Home) -> None:
    story = ["--sketches", "--burn-captions", "--cues", "all", "--credits", "--bed",
             "music/tide.mp4", "--take", "c2=1"]  # fmt: skip
    words = [home.graph, "--start", "c1", "--settings", "fast.toml", *story]
    before = home.done("plan", *words, "--json").json
    made = home.done("compose", *words, "-o", "all", "--json").json
    assert made["steps_run"] == before["effort"]["to_run"] == len(before["steps"])
    out = home.folder / "all"
    assert "Is anyone there?" in (out / "captions.vtt").read_text()
    assert json.loads((out / "episode.json").read_text())["chain"] == ["c1", "c2", "p3"]
    after = home.done("plan", *words, "--json").json["effort"]
    assert (after["to_run"], after["saved"]) == (0, len(before["steps"]))
    assert after["cpu_seconds"] == 0 < after["saved_cpu_seconds"]
    told = home.done("plan", *words).out
    assert f"to run: 0, about 0 CPU s; {after['saved']} saved, which took about" in told


# -- takes --------------------------------------------------------------------------------------


def test_takes_are_told_with_their_faults(home: Home) -> None:
    told = home.done("takes", home.graph, "c2", "--settings", "fast.toml", "--json").json["takes"]
    assert [(one["atom"], one["take"], one["usable"]) for one in told] == [
        ("c2", 1, True),
        ("c2", 2, True),
        ("c2", 3, False),
    ]
    assert all(0 <= one["score"] <= 1 for one in told[:2])
    assert "gone.mp4" in told[2]["fault"]
    lines = home.done("takes", home.graph, "c2", "--settings", "fast.toml").out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "c2 take 1 (media/c2.mp4)",
        "c2 take 2 (media/other.mp4)",
        "c2 take 3 (media/gone.mp4)",
    ]
    assert "cannot be used: " in lines[2]


def test_takes_of_all_that_have_media(home: Home) -> None:
    told = home.done("takes", home.graph, "--settings", "fast.toml", "--json").json["takes"]
    assert [(one["atom"], one["take"]) for one in told] == [
        ("c1", 1), ("c2", 1), ("c2", 2), ("c2", 3), ("x1", 1),
    ]  # fmt: skip
    asked = home.done("takes", home.graph, "x1", "p3", "c1", "--settings", "fast.toml", "--json")
    assert [(one["atom"], one["usable"]) for one in asked.json["takes"]] == [
        ("x1", True), ("p3", False), ("c1", True),
    ]  # fmt: skip


def test_takes_of_an_unknown_atom(home: Home) -> None:
    said = home.run("takes", home.graph, "c22", "c2", "--settings", "fast.toml")
    refused(said, 2, "c22")
    machine = home.run("takes", home.graph, "c2", "c22", "--settings", "fast.toml", "--json")
    assert (machine.status, machine.json["error"]["exit_status"]) == (2, 2)


# -- help ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "compose", "memory"])
def test_help_names_every_option_with_a_sentence(home: Home, command: str) -> None:
    told = " ".join(home.done(command, "--help").out.split())
    for option, words in (
        ("--sketches", "as cards while there is no media."),
        ("--scenario NAME", "story_challenge or brand_short."),
        ("--bed FILE", "Music under the film, softer where somebody speaks."),
        ("--credits", "End with a roll of who made it."),
        ("--cues [off|asked|all]", "Lower thirds:"),
        ("--captions [off|track|burned]", "Dialogue as a text track"),
        ("--burn-captions", "The same as --captions burned."),
        ("--take ATOM=N", "1 is its own media. Repeatable."),
    ):
        assert f"{option} " in told
        assert words in told
