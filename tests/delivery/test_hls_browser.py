"""Playlists in a real browser: every picture, every joint, the sound to the sample, seeking."""

from __future__ import annotations

import base64
import shutil
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainer
from chainer.delivery import HlsTimeline
from chainer.episode.hls import named_segments
from chainer.episode.plan import Episode, EpisodePlan
from chainer.mp4.box import find
from chainer.profile import Codec
from chainer.timebase import AAC_FRAME
from tests.film.coded import FPS, RATE, SMALL, Samples, decode_sound

from .films import hls_settings, write_mixed
from .player import Player, player

pytestmark = pytest.mark.slow

Shown = tuple[EpisodePlan, Episode, Path]


@pytest.fixture(scope="module", params=list(HlsTimeline))
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A film with cuts, crossfades, a fade, a J cut, a title card and clips off the grid."""
    folder = tmp_path_factory.mktemp("browser")
    settings = hls_settings(folder / "store", {"timeline": request.param}, card={"title": True})
    graph = chainer.load_graph(write_mixed(folder / "graph"))
    plan = chainer.plan_episode(graph, start="c0", settings=settings)
    episode = chainer.render_episode(plan, folder / "episode")
    web = folder / "web"
    web.mkdir()
    (web / "film").symlink_to(episode.path)
    return plan, episode, web


_TRIES = 5
"""A busy machine makes a player wait too, at another place each time; a joint does every time."""
_NEAR = 0.25


def test_the_film_plays_through_every_joint(shown: Shown) -> None:
    plan, _, web = shown
    frames = plan.layout.frames
    seen: set[int] = set()
    waited: list[float] | None = None
    for _ in range(_TRIES):
        with player(web) as one:
            one.load(120)  # so that nothing but the film itself can keep the player waiting
            told = one.play(1.0, float(plan.seconds) * 3 + 30)
        assert faults_of(told, plan) == []
        seen |= {round(time * FPS) for time, _ in told["frames"]}
        here = waits(told)
        waited = (
            [at for at in waited if any(abs(at - other) < _NEAR for other in here)]
            if (waited is not None)
            else here
        )
        if not waited and len(seen) > 0.98 * frames:
            break
    assert waited == []
    # A busy machine does not tell the page of every picture, but never of one that is not there.
    assert seen <= set(range(frames))
    assert len(seen) > 0.98 * frames


def waits(told: dict[str, Any]) -> list[float]:
    """The seconds at which a player waited; before the first picture is there it always does."""
    return [time for what, time in told["events"] if what in ("waiting", "stalled") and time > 0]


def faults_of(told: dict[str, Any], plan: EpisodePlan) -> list[str]:
    """What a player saw that is not the film: pictures lost or elsewhere, gaps, another length."""
    times = [time for time, _ in told["frames"]]
    fine = {
        "it ends": told["ended"],
        "no error": not told["errors"],
        "every picture is decoded": told["total"] == plan.layout.frames,
        "no gap": len(told["buffered"]) == 1 and told["buffered"][0][0] == 0,
        "as long as planned": abs(told["duration"] - float(plan.seconds)) < 1 / FPS,
        "never back": all(before < after for before, after in pairwise(times)),
        "on the grid": all(abs(time * FPS - round(time * FPS)) < 0.01 for time in times),
    }
    return [what for what, holds in fine.items() if not holds]


def start_of(segment: bytes) -> int:
    """The time of a segment, in ticks."""
    at, _ = find(segment, b"moof", b"traf", b"tfdt")
    return int.from_bytes(segment[at + 4 : at + 12])


def delta_of(segment: bytes) -> int:
    """The length of each picture of a segment, in ticks."""
    at, _ = find(segment, b"moof", b"traf", b"tfhd")
    return int.from_bytes(segment[at + 8 : at + 12])


@pytest.mark.parametrize("harm", ["late", "early", "short"])
def test_a_player_notices_a_wrong_segment(shown: Shown, tmp_path: Path, harm: str) -> None:
    plan, _, web = shown
    copy = tmp_path / "web"
    shutil.copytree(web, copy)  # follows the links
    names = list(named_segments((copy / "film/hls/video.m3u8").read_text("utf-8")))
    # The first from the middle on that can start earlier than it does.
    path = next(
        path
        for path in (copy / "film/hls" / name for name in names[len(names) // 2 :])
        if start_of(path.read_bytes()) >= 3 * delta_of(path.read_bytes())
    )
    segment = bytearray(path.read_bytes())
    if harm == "short":  # without its last picture
        at, _ = find(bytes(segment), b"moof", b"traf", b"trun")
        (count,) = struct.unpack_from(">I", segment, at + 4)
        assert count > 1
        struct.pack_into(">I", segment, at + 4, count - 1)
    else:  # three pictures away from where it belongs
        away = delta_of(bytes(segment)) * (3 if harm == "late" else -3)
        at, _ = find(bytes(segment), b"moof", b"traf", b"tfdt")
        struct.pack_into(">Q", segment, at + 4, start_of(bytes(segment)) + away)
    path.write_bytes(segment)
    with player(copy) as one:
        told = one.play(4.0, float(plan.seconds) / 4 + 20)
    found = faults_of(told, plan)
    assert {"every picture is decoded", "no gap"} & set(found), found


def test_av1_plays_through_every_joint(tmp_path: Path) -> None:
    profile = SMALL.model_copy(update={"name": "av1", "codec": Codec.AV1, "crf": 40})
    settings = hls_settings(tmp_path / "store", profile=profile)
    graph = chainer.load_graph(write_mixed(tmp_path / "graph", 3))
    plan = chainer.plan_episode(graph, start="c0", settings=settings)
    episode = chainer.render_episode(plan, tmp_path / "episode")
    assert 'CODECS="av01.' in (episode.path / "hls/index.m3u8").read_text("utf-8")
    web = tmp_path / "web"
    web.mkdir()
    (web / "film").symlink_to(episode.path)
    with player(web) as one:
        one.load(60)
        told = one.play(2.0, float(plan.seconds) + 30)
        assert faults_of(told, plan) == []
        for piece in plan.layout.joint_pieces:
            for frame in (piece.at - 1, piece.at, piece.at + piece.frames):
                found = one.seek((frame + 0.5) / FPS)
                assert round(found["shown"] * FPS) == frame, (frame, found)


def test_every_joint_can_be_sought(shown: Shown) -> None:
    plan, _, web = shown
    edges = {0, plan.layout.frames - 1}
    for piece in plan.layout.joint_pieces:
        edges |= {piece.at - 1, piece.at, piece.at + piece.frames // 2, piece.at + piece.frames}
    with player(web) as one:
        for frame in sorted(edges, key=lambda frame: (frame * 7919) % 1009):
            found = one.seek((frame + 0.5) / FPS)
            assert found["ready"] >= 2, (frame, found)
            assert round(found["shown"] * FPS) == frame, (frame, found)
        assert one.told()["errors"] == []


def test_the_sound_is_the_films(shown: Shown) -> None:
    plan, episode, web = shown
    meant = decode_sound(episode.path / "episode.mp4")[:, 0]
    grid = plan.settings.profile.grid
    errors = [
        at * AAC_FRAME - grid.samples(start)
        for at, start in zip(plan.layout.sound_starts, plan.layout.starts, strict=True)
    ]
    most = 0
    if plan.settings.hls.timeline is HlsTimeline.SHARED:
        # Each clip's sound is at its picture again, so neighbours overlap, or are apart, by what
        # the film had placed them beside it.
        most = max(errors) - min(errors) + 2
        assert most < AAC_FRAME + 2
    spreads = []
    for _ in range(_TRIES):
        with player(web) as one:
            one.load(120)
            one.page.evaluate("listen()")
            one.play(1.0, float(plan.seconds) * 3 + 30)
            raw = base64.b64decode(one.page.evaluate("sound()"))
        shifts = offsets(np.frombuffer(raw, "<i2") / 32767, meant)
        if len(shifts) > 0.7 * len(meant) / (RATE // 2):
            spreads.append(max(shifts) - min(shifts))
            if spreads[-1] <= most:
                break
    # Not one sample is lost or doubled at any joint of a film whose times follow one another.
    assert spreads
    assert min(spreads) <= most


def offsets(heard: Samples, meant: Samples) -> list[int]:
    """How many samples late each half second of `meant` is in `heard`, where it is there as it was.

    Silence is left out, half seconds across which the distance changes, and those that a busy
    machine has not played whole.
    """
    size = 1 << 22
    spectrum = np.fft.rfft(heard, size)
    whole = np.fft.irfft(spectrum * np.conj(np.fft.rfft(meant, size)))
    coarse = int(np.argmax(whole))
    found = []
    step, slack = RATE // 2, 2 * AAC_FRAME
    for at in range(0, len(meant) - step, step):
        own = meant[at : at + step]
        first = coarse + at - slack
        near = heard[max(0, first) : first + step + 2 * slack]
        if first < 0 or len(near) < step + 2 * slack or np.abs(own).max() < 0.01:
            continue
        match = np.fft.irfft(np.fft.rfft(near, 1 << 16) * np.conj(np.fft.rfft(own, 1 << 16)))
        late = int(np.argmax(match[: 2 * slack]))
        if np.abs(near[late : late + step] - own).max() < 1e-3:
            found.append(late - slack)
    return found


def test_captions_show(shown: Shown) -> None:
    plan, _, web = shown
    assert plan.captions
    with player(web) as one:
        one.page.evaluate("hls.subtitleTrack = 0; hls.subtitleDisplay = true")
        caption = plan.captions[0]
        one.seek(float(caption.start + caption.end) / 2)
        cue = one.page.evaluate(
            """async () => {
              const cues = () => [...film.textTracks].flatMap((one) => [...one.activeCues ?? []]);
              await until(() => cues().length, 10);
              const text = (one) => one.getCueAsHTML().textContent;
              return cues().map((one) => [one.startTime, one.endTime, text(one)]);
            }"""
        )
    ((start, end, text),) = cue
    assert (start, end) == pytest.approx((float(caption.start), float(caption.end)), abs=0.002)
    assert "Is <b>anyone</b> there?" in text


def test_a_server_without_a_segment_is_an_error_and_no_hang(shown: Shown, tmp_path: Path) -> None:
    plan, episode, _ = shown
    copy = tmp_path / "web/film/hls"
    (copy / "segments").mkdir(parents=True)
    for name in (
        "index.m3u8",
        "video.m3u8",
        "audio.m3u8",
        "captions.m3u8",
        "video-init.mp4",
        "audio-init.mp4",
    ):
        (copy / name).write_bytes((episode.path / "hls" / name).read_bytes())
    with player(tmp_path / "web") as one:
        told: dict[str, Any] = one.page.evaluate(
            "async () => { await until(() => log.errors.length, 10); return told(); }"
        )
        assert isinstance(one, Player)
    assert told["errors"]
    assert told["total"] == 0
    assert plan.layout.frames
