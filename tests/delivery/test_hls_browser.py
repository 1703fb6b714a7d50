"""Playlists in a real browser: every picture, every joint, the sound to the sample, seeking."""

from __future__ import annotations

import base64
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainer
from chainer.delivery import HlsTimeline
from chainer.episode.plan import Episode, EpisodePlan
from chainer.timebase import AAC_FRAME
from tests.film.coded import FPS, RATE, Samples, decode_sound

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


_TRIES = 4
"""A machine that is busy stalls a player too, at another place each time; a joint at every try."""


def test_the_film_plays_through_every_joint(shown: Shown) -> None:
    plan, _, web = shown
    frames = plan.layout.frames
    stalls: list[Any] = []
    seen: set[int] = set()
    for _ in range(_TRIES):
        with player(web) as one:
            told = one.play(1.0, float(plan.seconds) * 3 + 30)
        assert told["ended"]
        assert not any(fatal for _, _, fatal in told["errors"])
        assert (told["total"], told["buffered"][0][0]) == (frames, 0)
        assert len(told["buffered"]) == 1
        assert abs(told["duration"] - float(plan.seconds)) < 1 / FPS
        times = [time for time, _ in told["frames"]]
        assert all(before < after for before, after in pairwise(times))
        assert all(abs(time * FPS - round(time * FPS)) < 0.01 for time in times)
        seen |= {round(time * FPS) for time in times}
        # Before the first picture is there it waits, and then never again.
        stalls = [one for one in told["events"] if one[0] in ("waiting", "stalled") and one[1] > 0]
        stalls += told["errors"]
        if not stalls and len(seen) > 0.98 * frames:
            break
    assert stalls == []
    # A busy machine does not tell the page of every picture, but never of one that is not there.
    assert seen <= set(range(frames))
    assert len(seen) > 0.98 * frames


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
    for name in ("index.m3u8", "video.m3u8", "audio.m3u8", "captions.m3u8"):
        (copy / name).write_bytes((episode.path / "hls" / name).read_bytes())
    with player(tmp_path / "web") as one:
        told: dict[str, Any] = one.page.evaluate(
            "async () => { await until(() => log.errors.length, 10); return told(); }"
        )
        assert isinstance(one, Player)
    assert told["errors"]
    assert told["total"] == 0
    assert plan.layout.frames
