"""Cues and captions in whole films: what they touch, when they show, and where they are told."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainer
from chainer.episode.manifest import Manifest
from chainer.episode.plan import EpisodePlan
from chainer.render.spec import StepType
from tests.film.coded import FFMPEG, HEIGHT, Coded, decode, read_codes

from .clips import chapters, extended, graph_of, made, plan

CLIPS = [Coded(1, 120), Coded(2, 120), Coded(3, 60)]
Times = list[tuple[Fraction, Fraction, str]]


def line(start: str, end: str, text: str, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text, **more}


def conforms(told: EpisodePlan) -> Mapping[str, str]:
    return {step.name: step.key for step in told.render.steps if step.type is StepType.CONFORM}


def vtt_of(text: str) -> Times:
    """(start, end, words) of each cue of a WebVTT or SubRip text."""
    found = []
    for block in re.split(r"\n\n+", text.strip()):
        lines = block.splitlines()
        where = next((n for n, one in enumerate(lines) if "-->" in one), None)
        if where is None:
            continue
        start, end = (_seconds(part) for part in lines[where].split("-->"))
        words = re.sub("<[^>]*>", "", " ".join(lines[where + 1 :]))
        found.append((start, end, words))
    return found


def _seconds(text: str) -> Fraction:
    hours, minutes, rest = text.strip().replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(rest)


def track_of(film: Path) -> Times:
    """What a player reads from the film's text track."""
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:s:0", "-f", "srt", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return vtt_of(done.stdout)


def tracks(film: Path) -> str:
    argv = [FFMPEG, "-hide_banner", "-i", str(film)]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stderr


def over_cards(told: Times, manifest: Manifest) -> list[str]:
    """What stands over frames in which nothing but a card shows."""
    fps = manifest.fps
    cards = [
        (Fraction(slot.start) / fps, Fraction(slot.start + slot.frames) / fps)
        for slot in manifest.timeline
        if slot.content != "atom"
    ]
    tick = Fraction(1, 1000)
    return [
        words
        for start, end, words in told
        if any(start < last - tick and end > first + tick for first, last in cards)
    ]


def told_film(folder: Path, **nodes: dict[str, Any]) -> chainer.Graph:
    return graph_of(
        folder,
        CLIPS,
        info=chapters({"title": "Two", "at": "c2", "card": "chapter"}),
        c1={"dialogue": [line("0.5", "1.5", "One."), line("3", "3.99", "Two, to the end.")]},
        c2={"dialogue": [line("0", "1", "Three."), line("2", "3", "Four.")], **nodes.get("c2", {})},
    )


def test_captions_stand_beside_the_film_and_in_it(tmp_path: Path) -> None:
    graph = told_film(tmp_path)
    told = plan(graph, tmp_path, card={"title": True}, captions={"language": "en"})
    _, manifest = made(told, tmp_path / "out")
    beside = vtt_of((tmp_path / "out/captions.vtt").read_text())
    within = track_of(tmp_path / "out/episode.mp4")
    assert [words for *_, words in beside] == ["One.", "Two, to the end.", "Three.", "Four."]
    assert [words for *_, words in within] == [words for *_, words in beside]
    for one, two in zip(beside, within, strict=True):
        assert max(abs(one[0] - two[0]), abs(one[1] - two[1])) <= Fraction(1, 1000)
    assert "mov_text" in tracks(tmp_path / "out/episode.mp4")
    assert "captions.vtt" in [one.name for one in manifest.files]
    assert over_cards(beside, manifest) == []
    at = {slot.name: Fraction(slot.start, 30) for slot in manifest.timeline}
    assert abs(beside[0][0] - (at["c1"] + Fraction(1, 2))) <= Fraction(1, 1000)
    assert abs(beside[3][0] - (at["c2"] + 2)) <= Fraction(1, 1000)
    assert all(one[1] <= two[0] for one, two in pairwise(beside))

    # Another word costs nothing but putting the film together.
    data = told_film(tmp_path, c2={"dialogue": [line("0", "1", "Three!"), line("2", "3", "Five.")]})
    other = plan(data, tmp_path, card={"title": True}, captions={"language": "en"})
    assert other.render.to_run == ()
    episode, _ = made(other, tmp_path / "other")
    assert episode.steps_run == 0
    assert "Five." in (tmp_path / "other/captions.vtt").read_text()
    assert episode.manifest.id != manifest.id

    # Without captions there is no file and no track, and not one step more.
    none = plan(graph, tmp_path, card={"title": True}, captions={"write": False})
    assert none.render.to_run == ()
    _, bare = made(none, tmp_path / "bare")
    assert not (tmp_path / "bare/captions.vtt").exists()
    assert "captions.vtt" not in [one.name for one in bare.files]
    assert "Subtitle" not in tracks(tmp_path / "bare/episode.mp4")


def test_burning_captions_touches_the_clips_that_speak(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path, CLIPS, c2={"author": "p-b", "dialogue": [line("1", "3", "Is anyone there?")]}
    )
    plainly = plan(graph, tmp_path, joints={"auto": "cut"})
    made(plainly, tmp_path / "plain")
    burned = plan(graph, tmp_path, joints={"auto": "cut"}, captions={"burn": True})
    ran = {(step.type, step.name): step.why.value for step in burned.render.to_run}
    assert ran == {
        (StepType.TEXT, "Is anyone there?"): "new",
        (StepType.CONFORM, "c2"): "text changed",
        (StepType.JOINT, "c1→c2"): "a neighbour changed",
        (StepType.JOINT, "c2→c3"): "a neighbour changed",
    }
    made(burned, tmp_path / "burned")
    one, two = (decode(tmp_path / f"{name}/episode.mp4") for name in ("plain", "burned"))
    start = burned.layout.starts[1]
    away = np.abs(one.astype(int) - two.astype(int))
    within = away[start + 32 : start + 88]
    assert within[:, HEIGHT // 2 :].max() > 100, "there are letters"
    assert within[:, : HEIGHT // 2].mean() < 1, "the rest of the picture is as it was"
    assert away[: start - 1].max() == 0
    assert away[start + 2 : start + 28].mean() < 1
    codes = read_codes(tmp_path / "burned/episode.mp4")
    assert codes == read_codes(tmp_path / "plain/episode.mp4")


@pytest.mark.slow
def test_a_cue_touches_the_clip_that_takes_over(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLIPS, c2={"author": "p-b"}, c3={"author": "p-b"})
    made(plan(graph, tmp_path, joints={"auto": "cut"}), tmp_path / "plain")
    cued = plan(graph, tmp_path, joints={"auto": "cut"}, card={"title": False, "cues": "all"})
    ran = {(step.type.value, step.name) for step in cued.render.to_run}
    assert ran == {
        ("text", "p-a hands over to p-b"),
        ("conform", "c2"),
        ("joint", "c1→c2"),
        ("joint", "c2→c3"),
    }
    made(cued, tmp_path / "cued")
    one, two = (decode(tmp_path / f"{name}/episode.mp4") for name in ("plain", "cued"))
    away = np.abs(one.astype(int) - two.astype(int)).max(axis=(1, 2))
    start = cued.layout.starts[1]
    assert away[start + 40] > 60
    assert away[start + 119 :].max() == 0


def test_a_hand_over_is_one_clip_in_two_chains(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        CLIPS,
        c2={"author": "p-b", "dialogue": [line("1", "3", "Mine now.")]},
        c3={"author": "p-c"},
    )
    more: dict[str, Any] = {
        "card": {"title": False, "cues": "all"},
        "captions": {"burn": True},
    }
    settings = plan(graph, tmp_path, **more).settings
    whole, short = (
        chainer.plan_episode(graph, "c1", settings=settings, options=chainer.WalkOptions(path=path))
        for path in (("c1", "c2", "c3"), ("c1", "c2"))
    )
    assert conforms(whole)["c2"] == conforms(short)["c2"]
    alone = chainer.plan_episode(
        graph, "c2", settings=settings, options=chainer.WalkOptions(path=("c2", "c3"))
    )
    assert conforms(alone)["c2"] != conforms(whole)["c2"], "nobody hands over there"
    assert conforms(alone)["c3"] == conforms(whole)["c3"]


@pytest.mark.parametrize(("how", "by"), [({"lead": "1/2"}, -15), ({"lag": "1/2"}, 15)])
def test_captions_go_with_the_sound(tmp_path: Path, how: dict[str, Any], by: int) -> None:
    """Where the sound of the second atom comes early, nothing of the first stands over it."""
    graph = graph_of(
        tmp_path,
        CLIPS[:2],
        [how],
        c1={"dialogue": [line("2", "4", "Until the end")]},
        c2={"dialogue": [line("0", "2", "From the start")]},
    )
    told = plan(graph, tmp_path)
    (joint,) = told.layout.joints
    assert joint.style.value == "cut"
    first, second = told.captions
    changes = Fraction(told.layout.starts[1] + joint.sound_at, 30)
    assert first.end <= changes <= second.start
    seen = Fraction(told.layout.starts[1] + joint.right, 30)
    assert (changes < seen) is (by < 0)


def test_lines_that_overlap_never_show_over_each_other(tmp_path: Path) -> None:
    said = [
        line("0.5", "2.5", "We both"),
        line("1", "3", "speak at once"),
        line("1.2", "1.4", "and I"),
    ]
    told = plan(graph_of(tmp_path, CLIPS[:2], c1={"dialogue": said}), tmp_path)
    assert told.captions
    assert all(a.end <= b.start for a, b in pairwise(told.captions))
    words = " ".join(text for one in told.captions for text in one.lines)
    assert all(one["text"] in words for one in said)


def test_captions_of_a_slot_in_which_two_flow_together(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        [Coded(1, 300), Coded(2, 300)],
        c1={**extended("15", "fuse"), "dialogue": [line("1", "2", "Before")]},
        c2={"dialogue": [line("2", "3", "After"), line("8", "9", "Cut away")]},
    )
    told = plan(graph, tmp_path)
    assert [(one.lines[0], one.start) for one in told.captions] == [
        ("Before", Fraction(1)),
        ("After", Fraction(284, 30) + 2),
    ]


def test_captions_of_a_slot_that_plays_slower(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        [Coded(1, 300)],
        c1={**extended("15", "stretch"), "dialogue": [line("4", "6", "Slowly")]},
    )
    (caption,) = plan(graph, tmp_path).captions
    assert (caption.start, caption.end) == (Fraction(6), Fraction(9))
