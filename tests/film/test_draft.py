"""Drafts: they say so in every picture, in the manifest and in what is signed, and decide alike."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import c2pa
import ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import chainer
from chainer.cli.options import settings_of
from chainer.consent.episodes import EpisodeIndex, EpisodeState
from chainer.errors import PolicyRefused
from chainer.media.info import FieldOrder, VideoInfo
from chainer.profile import DRAFT, HOUSE, LANDSCAPE, PROFILES, SQUARE, Profile, draft_of
from chainer.publish import publish_episode
from chainer.render.mark import STAMP, render_mark, stamp_spec
from chainer.render.picture import cut
from chainer.render.quick import passes_over, quick_options
from chainer.render.run import Runner, read_ebur128
from chainer.render.spec import CardSpec, ConformSpec, MarkSpec, StepType, spec_key
from chainer.store import Store
from chainer.withdrawal import index_path
from tests.telling.clips import graph_of, made, plan

from .coded import FFMPEG, HEIGHT, SMALL, WIDTH, Coded, decode

SMALL_DRAFT = SMALL.model_copy(update={"draft": True})
CLIPS = [Coded(1, 60), Coded(2, 60), Coded(3, 60)]
STYLE: dict[str, Any] = {"title": True, "credits": True}


def story(folder: Path) -> chainer.Graph:
    """A cut and a crossfade, and an atom that is only planned."""
    return graph_of(
        folder,
        [*CLIPS, Coded(4, 60)],
        [{"kind": "cut"}, {"kind": "crossfade", "seconds": "0.4"}],
        c4={"status": "planned", "title": "They land"},
    )


def still_of(told: chainer.EpisodePlan, profile: Profile) -> NDArray[np.uint8]:
    """The word as it is drawn: [height, width, RGBA]."""
    spec = stamp_spec(profile)
    assert spec is not None
    with chainer.Store(told.store).workspace() as folder:
        files, facts = render_mark(Runner(told.ffmpeg), spec, folder)
        with Image.open(files["mark"]) as picture:
            assert (picture.width, picture.height) == (facts["width"], facts["height"])
            return np.asarray(picture)


def says_so(frames: NDArray[np.uint8], still: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """For each luma picture: whether white letters stand on a dark plate in the upper middle."""
    high, wide = still.shape[:2]
    left, top = (WIDTH - wide) // 4 * 2, HEIGHT * 4 // 100 // 2 * 2
    area = frames[:, top : top + high, left : left + wide].astype(float)
    letters = (still[..., 0] > 240) & (still[..., 3] > 240)
    plate = (still[..., 0] < 10) & (still[..., 3] > 140) & (still[..., 3] < 180)
    assert letters.sum() > 60
    assert plate.sum() > 60
    bright, dark = area[:, letters].mean(axis=1), area[:, plate].mean(axis=1)
    return (bright > 170) & (dark < 150) & (bright - dark > 70)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same story as a draft and as a film, marks switched off; signed as most people do."""
    folder = tmp_path_factory.mktemp("draft")
    graph = story(folder)
    found: dict[str, Any] = {"folder": folder}
    for name, profile in (("draft", SMALL_DRAFT), ("film", SMALL)):
        told = plan(graph, folder, profile=profile, card=STYLE, sketches=True, signing={})
        episode, manifest = made(told, folder / name)
        found[name] = (told, episode.path, manifest)
    return found


def test_every_picture_of_a_draft_says_so(films: dict[str, Any]) -> None:
    told, path, manifest = films["draft"]
    contents = [slot.content for slot in manifest.timeline]
    assert contents == ["card", "atom", "atom", "atom", "sketch", "card"]
    assert {one.kind for one in manifest.joints} >= {"cut", "crossfade"}
    frames = decode(path / "episode.mp4")
    assert len(frames) == manifest.frames
    still = still_of(told, SMALL_DRAFT)
    seen = says_so(frames, still)
    assert seen.all(), f"not in pictures {np.flatnonzero(~seen)[:20]}"
    assert not says_so(decode(films["film"][1] / "episode.mp4"), still).any()


def test_the_word_is_no_mark_and_costs_other_films_nothing(films: dict[str, Any]) -> None:
    told, _, manifest = films["draft"]
    stamps = [one for one in told.render.steps if one.type is StepType.MARK]
    assert [one.name for one in stamps] == [STAMP]
    spec = stamps[0].spec
    assert isinstance(spec, MarkSpec)
    assert spec.stamp
    assert manifest.watermark is None or not manifest.watermark.burned
    made_of = [one.spec for one in told.render.steps]
    clips = [one for one in made_of if isinstance(one, ConformSpec | CardSpec)]
    assert len(clips) == 6
    assert {one.stamp for one in clips} == {spec_key(spec)}
    assert all(spec_key(spec) in one.needs for one in clips)
    for step in films["film"][0].render.steps:
        assert "stamp" not in step.spec.parts()
        assert not isinstance(step.spec, MarkSpec)
    assert stamp_spec(HOUSE) is None
    plain = replace(spec, stamp=False)
    assert "stamp" not in plain.parts()
    assert spec_key(plain) != spec_key(spec)


def test_a_draft_is_told_in_what_is_signed(films: dict[str, Any]) -> None:
    seen = {}
    for name in ("draft", "film"):
        told = json.loads(c2pa.Reader(str(films[name][1] / "episode.mp4")).json())
        manifest = told["manifests"][told["active_manifest"]]
        parts = {one["label"].split(".v")[0]: one["data"] for one in manifest["assertions"]}
        created = parts["c2pa.actions"]["actions"][0]
        governance = parts["org.chainer.governance"]
        seen[name] = (manifest.get("title"), created.get("description", "")[:7], governance)
    assert seen["draft"][:2] == ("Draft", "A draft")
    # A sketch plays in both, so neither is a film to show; only one is coarse.
    assert (seen["draft"][2]["draft"], seen["film"][2]["draft"]) == (True, True)
    assert films["draft"][2].profile["draft"] is True
    assert films["film"][2].profile["draft"] is False


def test_a_whole_film_is_called_no_draft_and_a_draft_is_not_published(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLIPS[:2])
    for profile, title in ((SMALL_DRAFT, "Draft"), (SMALL, None)):
        told = plan(graph, tmp_path, profile=profile, signing={})
        episode, manifest = made(told, tmp_path / ("draft" if profile.draft else "film"))
        reader = json.loads(c2pa.Reader(str(episode.path / "episode.mp4")).json())
        assert reader["manifests"][reader["active_manifest"]].get("title") == title
        assert manifest.draft is profile.draft
        store = Store(told.store)
        listed = EpisodeIndex(index_path(store)).get(manifest.id)
        assert listed is not None
        if not profile.draft:
            assert publish_episode(episode.path, store).id == manifest.id
            continue
        assert listed.state is EpisodeState.DRAFT
        with pytest.raises(PolicyRefused, match="draft"):
            publish_episode(episode.path, store)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_draft_has_the_shape_of_its_film(profile: Profile) -> None:
    draft = draft_of(profile)
    assert draft.draft
    assert draft_of(draft) == draft
    assert Fraction(draft.width, draft.height) == Fraction(profile.width, profile.height)
    assert min(draft.width, draft.height) == 360
    assert (draft.codec, draft.dynamic_range) == (DRAFT.codec, DRAFT.dynamic_range)
    assert draft.key() != profile.key() or profile.draft


@pytest.mark.parametrize(
    ("fps", "then"), [(24, 24), (25, 25), (30, 30), (48, 24), (50, 25), (60, 30), (120, 30)]
)
def test_a_draft_has_every_frame_of_its_film_or_every_second(fps: int, then: int) -> None:
    draft = draft_of(Profile(name="own", fps=Fraction(fps), level="6.2", width=90, height=160))
    assert (draft.name, draft.fps, draft.width, draft.height) == ("own-draft", then, 90, 160)


def test_the_options_make_the_draft_of_the_profile() -> None:
    assert settings_of({"draft": True}).profile == settings_of({"profile": "draft"}).profile
    assert settings_of({"draft": True}).profile == DRAFT
    wide = settings_of({"draft": True, "profile": "landscape"}).profile
    assert (wide.name, wide.width, wide.height) == ("landscape-draft", 640, 360)
    assert wide == draft_of(LANDSCAPE)
    assert draft_of(SQUARE).name == "square-draft"


def test_a_draft_decides_what_the_film_decides_once_the_clips_are_known(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        CLIPS,
        [None, {"kind": "crossfade", "seconds": "0.4"}],
        c2={"trim": {"start": "0.1", "end": "1.9"}},
    )
    memory = {"memory": {"enabled": True}, "card": {"title": True}}
    drafts = {"profile": draft_of(HOUSE)}
    cold = plan(graph, tmp_path, **memory, **drafts)
    assert not cold.states
    assert any("3 of 3 clips were not looked at yet" in note for note in cold.notes)
    film = plan(graph, tmp_path, **memory, profile=HOUSE)
    assert len(film.states) == 3
    draft = plan(graph, tmp_path, **memory, **drafts)
    assert len(draft.states) == 3
    assert not any("looked at yet" in note for note in draft.notes)
    assert draft.is_draft
    assert not film.is_draft
    for one in (cold, draft):
        assert one.chain == film.chain
        assert [(slot.name, slot.frames) for slot in one.layout.slots] == [
            (slot.name, slot.frames) for slot in film.layout.slots
        ]
        assert [(a.used.first, a.used.frames, a.take) for a in one.atoms] == [
            (a.used.first, a.used.frames, a.take) for a in film.atoms
        ]
    assert draft.layout.joints == film.layout.joints
    # What the author asked for needs no memory.
    assert cold.layout.joints[-1] == film.layout.joints[-1]
    assert draft.seconds == film.seconds
    assert not {one.key for one in draft.render.steps} & {one.key for one in film.render.steps}


def test_pictures_that_none_leans_on_are_passed_over_and_the_length_stays(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CLIPS[:2])
    media = tmp_path / "media/c1.mp4"
    media.unlink()
    CLIPS[0].write(media, "-preset", "fast", "-bf", "3", "-g", "60")
    told = plan(graph, tmp_path, profile=SMALL_DRAFT)
    spec = told.render.spec_of(told.render.slots[0])
    assert isinstance(spec, ConformSpec)
    video = spec.info.video
    assert video is not None
    assert passes_over(video, SMALL_DRAFT)
    assert quick_options(spec.info, SMALL_DRAFT)[-2:] == ["-skip_frame", "noref"]
    assert quick_options(spec.info, SMALL) == []
    # Where the last pictures are passed over, the one before them stands for all of them.
    for profile, held in ((SMALL_DRAFT, spec.frames), (SMALL, 1)):
        shown = cut(ffmpeg.input("in.mp4").video, replace(spec, profile=profile))
        assert f"stop={held}:" in " ".join(ffmpeg.get_args(ffmpeg.output(shown, "out.mp4")))
    _, manifest = made(told, tmp_path / "out")
    frames = decode(tmp_path / "out/episode.mp4")
    assert len(frames) == manifest.frames == told.layout.frames
    # The frame's number stands in the cells below the word, which leaves the outer ones free.
    cells = (frames[:60, 10:30, :].astype(float) > 128).mean(axis=1) > 0.5
    different = [bool((a != b).any()) for a, b in pairwise(cells)]
    assert 10 < sum(different) < 59, "some pictures stand for two frames, and it still moves"


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({}, True),
        ({"codec": "vp9"}, False),
        ({"variable_rate": True}, False),
        ({"field_order": FieldOrder.TOP_FIRST}, False),
        ({"frame_rate": Fraction(15)}, False),
    ],
)
def test_only_pictures_that_nobody_misses_are_passed_over(
    tmp_path: Path, change: dict[str, Any], passed: bool
) -> None:
    told = plan(graph_of(tmp_path, CLIPS[:1]), tmp_path)
    video = told.atoms[0].media.info.video
    assert isinstance(video, VideoInfo)
    changed = video.model_copy(update=change)
    assert passes_over(changed, SMALL_DRAFT) is passed
    assert not passes_over(changed, SMALL)


def test_a_draft_is_as_loud_as_a_film(films: dict[str, Any]) -> None:
    heard = {}
    for name in ("draft", "film"):
        argv = [FFMPEG, "-hide_banner", "-nostats", "-i", str(films[name][1] / "episode.mp4")]
        argv += ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
        told = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
        heard[name] = read_ebur128(told)
    assert abs(heard["draft"].loudness - heard["film"].loudness) < 1
    assert heard["draft"].true_peak < 0
