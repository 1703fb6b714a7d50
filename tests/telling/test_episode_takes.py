"""Takes in whole films: the good one plays, the asked one plays, and what is not there is said."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import chainer
from tests.film.coded import FFMPEG, Coded, read_codes

from .clips import graph_of, made, place, plan

ONE, TWO, THREE = Coded(1, 60), Coded(2, 120), Coded(3, 60)
BETTER = Coded(9, 120)
QUALITY = {"enabled": True}


def spoilt(folder: Path, how: str, into: str = "c2") -> None:
    """The clip of a folder with a defect in its middle."""
    path = place(TWO, folder, into)
    source = path.with_name("whole.mp4")
    path.rename(source)
    loop = "trim=end_frame=30,loop=loop=90:size=1:start=29,setpts=N/30/TB"
    vf = {"black": "drawbox=c=black:t=fill:enable='between(n,30,89)'", "frozen": loop}[how]
    argv = [FFMPEG, "-y", "-v", "error", "-i", str(source), "-vf", vf, "-c:a", "copy"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-threads", "1", str(path)]
    subprocess.run(argv, check=True, capture_output=True)


def two_takes(folder: Path, how: str | None = "black", **more: Any) -> chainer.Graph:
    place(BETTER, folder, "better")
    if how is not None:
        spoilt(folder, how)
    return graph_of(
        folder, [ONE, TWO, THREE], c2={"takes": [{"media": "media/better.mp4"}], **more}
    )


def take_of(told: chainer.EpisodePlan, atom: str = "c2") -> Any:
    return next(one for one in told.atoms if one.atom.id == atom)


@pytest.mark.parametrize("how", ["black", "frozen"])
def test_the_good_take_plays_and_it_is_said_why(tmp_path: Path, how: str) -> None:
    told = plan(two_takes(tmp_path, how), tmp_path)
    two = take_of(told)
    assert two.take == 1
    assert two.choice.chosen == "take 2"
    assert how in two.choice.why
    assert any("take 2 plays" in note and how in note for note in told.notes)
    (choice,) = told.as_json()["choices"]
    assert (choice["at"], choice["of"], choice["chosen"]) == ("c2", "take", "take 2")
    _, manifest = made(told, tmp_path / "out")
    source = next(one for one in manifest.sources if one.atom == "c2")
    assert (source.take, source.media) == (1, "media/better.mp4")
    assert {code[0] for code in read_codes(tmp_path / "out/episode.mp4") if code} == {1, 9, 3}


def test_the_first_take_plays_where_none_is_better(tmp_path: Path) -> None:
    place(Coded(2, 120, amplitude=0.055), tmp_path, "better")
    two = take_of(plan(two_takes(tmp_path, None), tmp_path))
    assert two.take == 0
    assert two.choice.chosen == "take 1"


def test_without_a_look_at_takes_the_first_one_plays(tmp_path: Path) -> None:
    told = plan(two_takes(tmp_path), tmp_path, quality={"enabled": False})
    assert take_of(told).take == 0
    assert take_of(told).quality is None
    unasked = {"enabled": False, "choose_takes": False}
    assert take_of(plan(two_takes(tmp_path), tmp_path, memory=unasked)).take == 0


def test_the_take_that_is_asked_for_plays(tmp_path: Path) -> None:
    graph = two_takes(tmp_path)
    assert take_of(plan(graph, tmp_path, takes={"c2": 1})).take == 0
    told = plan(graph, tmp_path, takes={"c2": 2})
    assert take_of(told).take == 1
    assert "asked for" in take_of(told).choice.why
    assert any("take 2 plays: it was asked for" in note for note in told.notes)
    # With the memory, too; and of an atom that this chain does not play nothing is made of it.
    told = plan(graph, tmp_path, takes={"c2": 1}, memory={"enabled": True})
    assert take_of(told).take == 0


@pytest.mark.parametrize(
    ("takes", "words"),
    [
        ({"c2": 3}, "c2 has no take 3"),
        ({"c1": 2}, "c1 has no take 2: it has only its own media"),
        ({"zz": 1}, "zz"),
    ],
)
def test_takes_that_are_not_there_are_the_callers_mistake(
    tmp_path: Path, takes: dict[str, int], words: str
) -> None:
    graph = two_takes(tmp_path, None)
    with pytest.raises(chainer.InputError, match=words) as caught:
        plan(graph, tmp_path, takes=takes)
    assert (caught.value.exit_status, caught.value.code) == (2, "take")


def test_a_take_whose_file_is_gone(tmp_path: Path) -> None:
    graph = two_takes(tmp_path, None)
    (tmp_path / "media/better.mp4").unlink()
    told = plan(graph, tmp_path)
    assert take_of(told).take == 0
    assert any("c2: take 2 cannot be used" in note for note in told.notes)
    with pytest.raises(chainer.MediaMissing) as caught:
        plan(graph, tmp_path, takes={"c2": 2})
    assert caught.value.exit_status == 3
    # And one whose own media is gone can still play another.
    other = two_takes(tmp_path / "b", None)
    (tmp_path / "b/media/c2.mp4").unlink()
    with pytest.raises(chainer.MediaMissing):
        plan(other, tmp_path)
    assert take_of(plan(other, tmp_path, takes={"c2": 2})).take == 1


def test_a_trim_and_the_lines_are_of_the_first_take_alone(tmp_path: Path) -> None:
    graph = two_takes(
        tmp_path,
        None,
        trim={"start": "1", "end": "3"},
        dialogue=[{"start": "1.2", "end": "2", "text": "Here."}],
    )
    one, two = (plan(graph, tmp_path, takes={"c2": take}) for take in (1, 2))
    assert (take_of(one).used.first, take_of(one).used.frames) == (30, 60)
    assert (take_of(two).used.first, take_of(two).used.frames) == (0, 120)
    assert [caption.lines for caption in one.captions] == [("Here.",)]
    assert two.captions == ()
    assert any("c2" in note and "caption" in note for note in two.notes), "it is said"


def test_a_planned_atom_plays_the_take_that_is_asked_for(tmp_path: Path) -> None:
    place(BETTER, tmp_path, "better")
    graph = graph_of(
        tmp_path,
        [ONE, TWO, THREE],
        c2={"status": "planned", "takes": [{"media": "media/better.mp4"}]},
    )
    assert [one.id for one in plan(graph, tmp_path, sketches=True).sketches] == ["c2"]
    told = plan(graph, tmp_path, sketches=True, takes={"c2": 2})
    assert told.sketches == ()
    assert take_of(told).take == 1


def test_the_length_of_a_walk_is_that_of_the_take(tmp_path: Path) -> None:
    graph = two_takes(tmp_path, None)
    (tmp_path / "media/c2.mp4").unlink()
    settings = plan(graph, tmp_path, takes={"c2": 2}).settings
    for most, atoms in ((6, ("c1", "c2")), (5, ("c1",))):
        options = chainer.WalkOptions(max_seconds=Fraction(most))
        (chain,) = chainer.find_chains(graph, "c1", settings=settings, options=options)
        assert chain.atoms == atoms


def test_the_quality_of_what_plays_is_in_the_plan(tmp_path: Path) -> None:
    spoilt(tmp_path, "black")
    graph = graph_of(tmp_path, [ONE, TWO, THREE])
    assert plan(graph, tmp_path).as_json()["quality"] == {}
    told = plan(graph, tmp_path, quality={"every": True}).as_json()["quality"]
    assert set(told) == {"c1", "c2", "c3"}
    assert "black" in json.dumps(told["c2"])
