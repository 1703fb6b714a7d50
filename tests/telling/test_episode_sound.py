"""An atom's own sound in a film: silence goes where asked, and louder is louder by just that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainer
from chainer.render.spec import StepType
from tests.film.coded import RATE, Coded, Samples, decode_sound

from .clips import extended, graph_of, made, place, plan

CLIPS = [Coded(1, 90), Coded(2, 120), Coded(3, 60)]


class Quiet(Coded):
    """Silent for its first and last second."""

    def sound(self) -> Samples:
        told = super().sound()
        told[:RATE] = told[-RATE:] = 0
        return told


def level(told: chainer.EpisodePlan, out: Path, slot: int) -> float:
    """The loudness of a second amid a slot, in dB of full scale."""
    sound = decode_sound(out / "episode.mp4")
    at = (told.layout.starts[slot] + 45) * RATE // 30
    return float(20 * np.log10(np.sqrt(np.mean(sound[at : at + RATE] ** 2))))


def gained(folder: Path, gain: str | None, **more: Any) -> chainer.EpisodePlan:
    sound = {} if gain is None else {"sound": {"gain": gain}}
    return plan(graph_of(folder, CLIPS, c2={**sound, **more}), folder, joints={"auto": "cut"})


@pytest.mark.parametrize("gain", ["-6", pytest.param("3.5", marks=pytest.mark.slow)])
def test_a_gain_is_heard_as_it_is_written(tmp_path: Path, gain: str) -> None:
    plainly = gained(tmp_path, None)
    made(plainly, tmp_path / "plain")
    told = gained(tmp_path, gain)
    ran = {(step.type, step.name): step.why.value for step in told.render.to_run}
    assert ran == {
        (StepType.CONFORM, "c2"): "gain changed",
        (StepType.JOINT, "c1→c2"): "a neighbour changed",
        (StepType.JOINT, "c2→c3"): "a neighbour changed",
    }
    _, manifest = made(told, tmp_path / "out")
    by = level(told, tmp_path / "out", 1) - level(plainly, tmp_path / "plain", 1)
    assert abs(by - float(gain)) < 0.1
    same = level(told, tmp_path / "out", 0) - level(plainly, tmp_path / "plain", 0)
    assert abs(same) < 0.01
    assert not any("c2: its sound came with" in note for note in manifest.notes)
    assert not gained(tmp_path, gain).render.to_run


def test_no_gain_and_a_gain_of_nothing_are_the_same_clip(tmp_path: Path) -> None:
    assert gained(tmp_path, None).render.slots == gained(tmp_path, "0").render.slots


def test_silence_is_trimmed_where_that_is_asked(tmp_path: Path) -> None:
    clips = [CLIPS[0], Quiet(2, 150), CLIPS[2]]
    kept = plan(graph_of(tmp_path / "a", clips), tmp_path)
    assert (kept.atoms[1].used.first, kept.atoms[1].used.frames) == (0, 150)
    graph = graph_of(tmp_path / "b", clips, c2={"sound": {"silence": "trim"}})
    cut = plan(graph, tmp_path)
    used = cut.atoms[1].used
    assert 20 <= used.first <= 30
    assert 90 <= used.frames <= 110
    assert cut.atoms[0].used == kept.atoms[0].used
    assert cut.layout.frames < kept.layout.frames - 30


def test_what_is_silent_from_end_to_end_plays_whole(tmp_path: Path) -> None:
    class Mute(Coded):
        def sound(self) -> Samples:
            return super().sound() * 0

    clips = [CLIPS[0], Mute(2, 90)]
    told = plan(graph_of(tmp_path, clips, c2={"sound": {"silence": "trim"}}), tmp_path)
    assert (told.atoms[1].used.first, told.atoms[1].used.frames) == (0, 90)


def test_a_slot_is_filled_from_what_is_left_of_the_media(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, [Quiet(2, 480)], c2={**extended("15"), "sound": {"silence": "trim"}})
    told = plan(graph, tmp_path, "c2")
    assert told.layout.slots[0].frames == 450
    (fill,) = told.as_json()["fills"]
    assert fill["way"] == "stretch"
    assert told.atoms[0].used.frames < 450


@pytest.mark.slow
def test_a_gain_of_an_extended_slot(tmp_path: Path) -> None:
    plainly, louder = (
        plan(
            graph_of(tmp_path, [Coded(2, 300)], c2={**extended("15", "hold"), **more}),
            tmp_path,
            "c2",
        )
        for more in ({}, {"sound": {"gain": "-6"}})
    )
    made(plainly, tmp_path / "plain")
    told = plan(
        graph_of(tmp_path, [Coded(2, 300)], c2={**extended("15", "hold"), "sound": {"gain": "-6"}}),
        tmp_path,
        "c2",
    )
    assert [step.why.value for step in told.render.to_run if step.type is StepType.EXTEND] == [
        "gain changed"
    ]
    assert louder.render.slots == told.render.slots
    made(told, tmp_path / "out")
    by = level(told, tmp_path / "out", 0) - level(plainly, tmp_path / "plain", 0)
    assert abs(by + 6) < 0.1


def test_the_manifest_tells_of_the_music_and_not_where_it_lies(tmp_path: Path) -> None:
    music = place(Coded(9, 60), tmp_path, "music")
    more: dict[str, Any] = {"media": str(music), "gain": "-20", "duck": "8"}
    told = plan(graph_of(tmp_path, CLIPS), tmp_path, bed=more)
    _, manifest = made(told, tmp_path / "out")
    text = (tmp_path / "out/episode.json").read_text()
    assert str(tmp_path) not in text
    (bed,) = manifest.music
    assert (bed.media, bed.digest) == ("music.mp4", told.music[0].media.digest)
    assert (int(bed.gain), int(bed.duck)) == (-20, 8)
