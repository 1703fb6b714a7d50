"""`episode.otio`: the film's cuts, in programs that are not ours."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import opentimelineio as otio  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainer
from chainer.episode.cutlist import Blend, Strip, picture_track, sound_track
from chainer.episode.otio import OTIO_NAME, _plain, _reels, otio_text
from chainer.errors import SettingsError
from tests.film.coded import FFMPEG, SMALL, Coded, read_codes
from tests.telling.clips import chapters, extended, graph_of, plan

CONVERT = Path(sys.executable).parent / "otioconvert"
NASTY = 'He said "no" & <script>alert(1)</script> \u6d77\u6e2f \U0001f9e1 001  BL V C'

SHORT = [Coded(1, 60), Coded(2, 75), Coded(3, 64), Coded(4, 90), Coded(5, 60)]
LONG = [Coded(1, 300), Coded(2, 300), Coded(3, 60)]
TITLED = {"card": {"title": True}}
MIXED = [
    {"kind": "cut", "lead": "1/3"},
    {"kind": "fade", "seconds": "2/3"},
    {"kind": "crossfade", "seconds": "1/2"},
    {"kind": "cut", "lag": "1/5"},
]
CASES: dict[str, tuple[list[Coded], list[dict[str, Any]], dict[str, Any], dict[str, Any]]] = {
    "cuts": (SHORT, [{"kind": "cut"}] * 4, {}, {}),
    "crossfades": (SHORT, [{"kind": "crossfade"}] * 4, {}, {}),
    "fades": (SHORT, [{"kind": "fade"}] * 4, {}, {}),
    "fades of a length": (SHORT, [{"kind": "fade", "seconds": "1/2"}] * 4, {}, {}),
    "sound leads": (SHORT, [{"kind": "cut", "lead": "1/2"}] * 4, {}, {}),
    "sound lags": (SHORT, [{"kind": "cut", "lag": "1/2"}] * 4, {}, {}),
    "mixed": (SHORT, MIXED, {}, {}),
    "off the grid": ([Coded(1, 61), Coded(2, 83), Coded(3, 97)], MIXED, {}, {}),
    "trims": (SHORT, MIXED, {}, {"c2": {"trim": {"start": "1/3", "end": "2"}}}),
    "cards": (
        SHORT,
        MIXED,
        {**TITLED, "info": chapters({"title": NASTY, "at": "c2", "card": "chapter"})},
        {},
    ),
    "media of 24 fps": ([Coded(1, 60), Coded(7, 72)], MIXED, {"media": 24}, {}),
    "media of 25 fps": ([Coded(1, 60), Coded(8, 75)], MIXED, {"media": 25}, {}),
    "media of 60 fps": ([Coded(1, 60), Coded(9, 90)], MIXED, {"media": 60}, {}),
    **{f"house of {fps} fps": (SHORT, MIXED, {"fps": fps}, {}) for fps in (24, 25, 60)},
    "held": (LONG, MIXED, {}, {"c1": extended("15", "hold")}),
    "stretched": (LONG, MIXED, {}, {"c1": extended("15", "stretch")}),
    "fused": (LONG, [], {}, {"c1": extended("15", "fuse")}),
}


def planned(folder: Path, case: str) -> chainer.EpisodePlan:
    atoms, joints, more, nodes = CASES[case]
    more = dict(more)
    graph = graph_of(folder, atoms, joints, info=more.pop("info", None), **nodes)
    if media := more.pop("media", None):
        again(folder / f"media/c{atoms[1].number}.mp4", media)
    if fps := more.pop("fps", None):
        profile = SMALL.model_copy(update={"fps": Fraction(fps)})
        more["profile"] = type(SMALL).model_validate(profile.model_dump())
    # A fused slot is one the memory has looked at.
    return plan(graph, folder, memory={"enabled": case == "fused"}, **more)


def again(path: Path, fps: int) -> None:
    """The clip at another frame rate."""
    other = path.with_name("other.mp4")
    argv: list[str | Path] = [
        FFMPEG,
        "-v",
        "error",
        "-i",
        path,
        "-vf",
        f"fps={fps}",
        "-c:v",
        "libx264",
    ]
    argv += ["-preset", "ultrafast", "-c:a", "copy", other]
    subprocess.run(argv, check=True, capture_output=True)
    path.unlink()  # a link to what other tests use
    other.rename(path)


def convert(source: Path, target: Path, *options: str) -> Any:
    """What otioconvert makes of a file, read again."""
    for one, two in ((source, target), (target, target.with_suffix(".back.otio"))):
        argv: list[str | Path] = [
            CONVERT,
            "-i",
            one,
            "-o",
            two,
            *(options if one == target else ()),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return otio.adapters.read_from_file(str(target.with_suffix(".back.otio")))


def written(told: chainer.EpisodePlan, folder: Path) -> Path:
    path = folder / OTIO_NAME
    path.write_text(otio_text(told), encoding="utf-8")
    return path


def frames(value: Any, fps: Fraction) -> int:
    """A time that must be whole frames of the house."""
    assert value.rate == float(fps)
    assert value.value == int(value.value)
    return int(value.value)


def clips_of(track: Any, fps: Fraction) -> list[tuple[int, int, int]]:
    """(record in, record out, source in) of every clip of a track."""
    found = []
    for child in track:
        if isinstance(child, otio.schema.Clip):
            span = child.trimmed_range_in_parent()
            start, end = span.start_time, span.end_time_exclusive()
            first = frames(child.source_range.start_time.rescaled_to(float(fps)), fps)
            found.append((frames(start, fps), frames(end, fps), first))
    return found


def expected(track: Any) -> list[tuple[int, int, int]]:
    """The same by the layout."""
    strips = [one for one in track if isinstance(one, Strip) and one.holds.value != "nothing"]
    return [(one.start, one.end, one.first if one.atom is not None else 0) for one in strips]


def cuts_of(told: chainer.EpisodePlan) -> set[int]:
    """Frames of the film at which a picture starts to change, by the joints alone."""
    layout = told.layout
    found = {0}
    for number, joint in enumerate(layout.joints):
        start = layout.starts[number + 1]
        if joint.style.value == "fade":
            found |= {start - joint.gap - joint.left, start}
        else:
            found.add(start + (0 if joint.style.value == "crossfade" else joint.right - joint.made))
    for number, slot in enumerate(layout.slots):
        fill = next(
            (a.fill for a in told.atoms if slot.plays and a.atom.id == slot.plays[0].atom), None
        )
        if fill is not None and fill.way.value == "hold":
            found.add(layout.starts[number] + fill.own)
        if slot.fused:
            found.add(layout.starts[number] + slot.fused[1].first)
    return found


@pytest.mark.parametrize("case", CASES)
def test_no_cut_is_lost_on_the_way_to_an_edl_and_to_fcp_xml(tmp_path: Path, case: str) -> None:
    told = planned(tmp_path, case)
    fps = told.settings.profile.fps
    path = written(told, tmp_path)
    timeline = otio.adapters.read_from_file(str(path))
    picture, sound = expected(picture_track(told)), expected(sound_track(told))
    assert [track.kind for track in timeline.tracks] == ["Video", "Audio"]
    for track, want in zip(timeline.tracks, (picture, sound), strict=True):
        assert clips_of(track, fps) == want
        assert frames(track.duration(), fps) == told.layout.frames

    edl = convert(path, tmp_path / "film.edl", "-a", f"rate={fps}")
    (track,) = edl.tracks
    # In an edit decision list black is an event like any other, and comes with its dissolve.
    assert {start for start, _, _ in clips_of(track, fps)} == cuts_of(told)
    assert clips_of(track, fps)[-1][1] == told.layout.frames
    shown = [
        c
        for c in track
        if isinstance(c, otio.schema.Clip) and c.metadata["cmx_3600"]["reel"] != "BL"
    ]
    assert len(shown) == len(picture)
    assert [frames(c.source_range.start_time, fps) for c in shown] == [one[2] for one in picture]

    xml = convert(path, tmp_path / "film.xml")
    assert [track.kind for track in xml.tracks] == ["Video", "Audio"]
    for track, want in zip(xml.tracks, (picture, sound), strict=True):
        assert clips_of(track, fps) == want
    for mine, theirs in zip(timeline.tracks, xml.tracks, strict=True):
        dissolves = [
            [
                (frames(t.in_offset, fps), frames(t.out_offset, fps))
                for t in track
                if isinstance(t, otio.schema.Transition)
            ]
            for track in (mine, theirs)
        ]
        assert dissolves[0] == dissolves[1]
    marks = [
        [(m.name, m.marked_range.start_time.value) for m in t.tracks.markers]
        for t in (timeline, xml)
    ]
    assert marks[0] == marks[1]
    assert [at for _, at in marks[0]] == [mark.frame for mark in told.chapters]


def test_every_picture_of_the_film_is_where_the_timeline_says(tmp_path: Path) -> None:
    told = planned(tmp_path, "trims")
    chainer.render_episode(told, tmp_path / "out")
    codes = read_codes(tmp_path / "out" / told.settings.profile.film_name)
    track = picture_track(told)
    blended = set()
    checked = 0
    for number, one in enumerate(track):
        if isinstance(one, Blend):
            cut = track[number + 1].start  # type: ignore[union-attr]
            blended |= set(range(cut - one.before, cut + one.after))
    for one in track:
        if isinstance(one, Strip) and one.atom is not None:
            atom = int(one.atom.atom.id[1:])
            for at in range(one.start, one.end):
                if at not in blended:
                    assert codes[at] == (atom, one.first + at - one.start)
                    checked += 1
    assert checked > told.layout.frames * 0.8
    assert len(codes) == told.layout.frames


def test_sound_is_cut_apart_from_the_picture(tmp_path: Path) -> None:
    told = planned(tmp_path, "sound leads")
    joint = told.layout.joints[0]
    assert joint.right > 0
    picture = [one for one in picture_track(told) if isinstance(one, Strip)]
    sound = [one for one in sound_track(told) if isinstance(one, Strip)]
    assert picture[1].start - sound[1].start == joint.right
    assert (picture[1].first, sound[1].first) == (joint.right, 0)
    lag = planned(tmp_path / "lag", "sound lags")
    picture = [one for one in picture_track(lag) if isinstance(one, Strip)]
    sound = [one for one in sound_track(lag) if isinstance(one, Strip)]
    assert sound[1].start - picture[1].start == lag.layout.joints[0].left > 0


def test_clips_name_the_original_media_and_what_is_known_of_it(tmp_path: Path) -> None:
    nodes: dict[str, Any] = {"c2": {"title": NASTY, "author": "p-b", "tags": ["calm"]}}
    graph = graph_of(tmp_path, SHORT[:2], [{"kind": "cut"}], **nodes)
    told = plan(graph, tmp_path)
    timeline = otio.adapters.read_from_file(str(written(told, tmp_path)))
    clip = timeline.tracks[0][1]
    reference = clip.media_reference
    assert (tmp_path / reference.target_url).is_file(), "beside the graph file"
    assert reference.available_range.duration.value == 75
    assert reference.metadata["chainer"]["digest"] == told.atoms[1].media.digest
    assert reference.metadata["chainer"]["author"] == "p-b"
    assert clip.metadata["chainer"]["atom"] == "c2"
    assert clip.metadata["chainer"]["title"] == NASTY
    assert clip.metadata["cmx_3600"]["reel"] == "C2"
    assert str(tmp_path) not in otio_text(told)


def test_reels_are_eight_letters_and_never_those_that_mean_something_else(tmp_path: Path) -> None:
    (one,) = plan(graph_of(tmp_path, SHORT[:1]), tmp_path).atoms
    names = ("AX", "bl", "a-1", "a1", "x" * 9)
    atoms = [
        replace(
            one,
            atom=one.atom.model_copy(update={"id": name}),
            media=replace(one.media, digest=f"{number}" * 64),
        )
        for number, name in enumerate(names)
    ]
    assert list(_reels(atoms).values()) == ["0" * 8, "1" * 8, "A1", "3" * 8, "4" * 8]


def test_the_same_plan_is_the_same_bytes(tmp_path: Path) -> None:
    one = otio_text(planned(tmp_path, "mixed"))
    assert one == otio_text(planned(tmp_path, "mixed"))
    assert one.endswith("}\n")
    assert json.loads(one)["metadata"]["chainer"]["schema"] == "chainer.otio/1"


@pytest.mark.parametrize("title", [NASTY, "* FROM CLIP: x", "\u200b", "-->", "M2 c1 0 0", "'"])
def test_names_of_strangers_stay_names(tmp_path: Path, title: str) -> None:
    nodes: dict[str, Any] = {"c1": {"title": title}, "c2": {"title": title}}
    told = plan(graph_of(tmp_path, SHORT[:3], MIXED, info={"title": title}, **nodes), tmp_path)
    path = written(told, tmp_path)
    edl = convert(path, tmp_path / "film.edl", "-a", "rate=30")
    assert {start for start, _, _ in clips_of(edl.tracks[0], Fraction(30))} == cuts_of(told)
    xml = convert(path, tmp_path / "film.xml")
    assert clips_of(xml.tracks[0], Fraction(30)) == expected(picture_track(told))
    names = [one.name for one in xml.tracks[0].find_clips()]
    assert names[0].split() == title.split()  # on one line, and no more than one space at once


@given(st.text())
def test_a_name_is_one_line_that_xml_can_hold(text: str) -> None:
    name = _plain(text)
    assert len(name.splitlines()) <= 1
    assert ET.fromstring(f"<name>{escape(name)}</name>").text in (name, None)


def test_extended_slots_say_how_they_were_filled(tmp_path: Path) -> None:
    held = otio.adapters.read_from_string
    timeline = held(otio_text(planned(tmp_path / "h", "held")), "otio_json")
    clips = list(timeline.tracks[0].find_clips())
    assert [type(e).__name__ for e in clips[1].effects] == ["FreezeFrame"]
    assert clips[1].source_range.start_time.value == 299
    assert [type(one).__name__ for one in timeline.tracks[1]][:2] == ["Clip", "Gap"]
    slow = held(otio_text(planned(tmp_path / "s", "stretched")), "otio_json")
    (effect,) = slow.tracks[0][0].effects
    assert Fraction(effect.time_scalar).limit_denominator(1000) == Fraction(300, 450)
    fused = held(otio_text(planned(tmp_path / "f", "fused")), "otio_json")
    kinds = [type(one).__name__ for one in fused.tracks[0]][:3]
    assert kinds == ["Clip", "Transition", "Clip"]
    assert fused.tracks[0][0].metadata["chainer"]["slot"] == "c1+c2"
    assert fused.tracks[0][1].out_offset.value == 16
    assert fused.tracks[0][2].range_in_parent().start_time.value == 284


def test_music_has_a_track_of_its_own(tmp_path: Path) -> None:
    music = tmp_path / "the sea.wav"
    argv = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=frequency=220:duration=3", music]
    subprocess.run(argv, check=True, capture_output=True)
    graph = graph_of(tmp_path, SHORT[:3], MIXED)
    told = plan(graph, tmp_path, bed={"media": str(music)})
    timeline = otio.adapters.read_from_file(str(written(told, tmp_path)))
    track = timeline.tracks[2]
    assert [one.media_reference.target_url for one in track][:2] == ["the%20sea.wav"] * 2
    assert frames(track.duration(), Fraction(30)) == told.layout.frames
    assert str(tmp_path) not in otio_text(told)
    xml = convert(tmp_path / OTIO_NAME, tmp_path / "film.xml")
    assert len(xml.tracks) == 3


def test_compose_writes_it_and_the_manifest_lists_it(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, SHORT[:2], MIXED)
    told = plan(graph, tmp_path, otio={"write": True})
    episode = chainer.render_episode(told, tmp_path / "out")
    text = (tmp_path / "out" / OTIO_NAME).read_text(encoding="utf-8")
    assert text == otio_text(told)
    assert OTIO_NAME in [one.name for one in episode.manifest.files]
    (tmp_path / "out" / OTIO_NAME).write_text(text.replace("c1", "c9"), encoding="utf-8")
    assert not chainer.verify_episode(tmp_path / "out").whole


def test_without_the_library_nothing_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(tmp_path, SHORT[:2], MIXED)
    told = plan(graph, tmp_path, otio={"write": True})
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "opentimelineio":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'episode-chainer\[otio\]'"):
        chainer.render_episode(told, tmp_path / "out")
    assert not (tmp_path / "out").exists()
