"""Playlists and people: what goes when consent is taken back, and what goes on playing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import chainer
from chainer.cli import run
from chainer.consent.say import grant
from chainer.consent.words import Use
from chainer.delivery import HlsTimeline
from chainer.enrol import pieces_of
from chainer.episode.hls import named_segments
from chainer.episode.verify import verify_episode
from chainer.graph import WalkOptions
from chainer.store import Presence
from chainer.withdrawal import withdraw
from tests.consent.flow import BO, Flow
from tests.film.coded import decode_sound, frame_hashes, small_settings

MEDIA = ("video.m3u8", "audio.m3u8")


def named(folder: Path) -> set[str]:
    """The segments that an episode's playlists name."""
    texts = [(folder / "hls" / name).read_text("utf-8") for name in MEDIA]
    return {address.rpartition("/")[2] for text in texts for address in named_segments(text)}


def there(flow: Flow) -> set[str]:
    """The segments that can be reached in the store."""
    return {path.name for path in (flow.folder / "store/segments").iterdir() if path.exists()}


@pytest.mark.parametrize("timeline", list(HlsTimeline))
def test_taking_consent_back_takes_segments_and_no_others(
    tmp_path: Path, timeline: HlsTimeline, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = Flow(tmp_path, hls={"write": True, "timeline": timeline})
    flow.grants()
    episode = flow.made("harbor")
    apart = chainer.plan_episode(flow.graph, "c4", settings=flow.settings)
    innocent = chainer.render_episode(apart, tmp_path / "innocent")
    alone = flow.made("alone", options=WalkOptions(path=("c1", "c4")))
    plan = flow.plan()
    assert plan.chain.atoms == ("c1", "c2", "c3", "c4")
    shown = {piece.key for piece in pieces_of(plan, flow.register)}
    packed = {key for key, _ in plan.render.segments}
    assert packed & shown
    assert packed - shown, "c4 shows nobody"
    around = flow.plan(options=WalkOptions(path=("c1", "c4")))
    spared = {piece.key for piece in pieces_of(around, flow.register)}
    withdraw(flow.register, flow.store, "p-mei", BO)
    for key in (packed & shown) - spared:
        assert flow.store.find(key)[0] is Presence.ABSENT
    # What shows Mei in somebody else's atom is gone; her own clip and c4 go on.
    assert named(episode.path) - there(flow)
    for other in (innocent, alone):
        assert named(other.path) <= there(flow)
        assert verify_episode(other.path).faults == ()
        assert run(["verify", str(other.path), "--store", str(flow.folder / "store")]) == 0
        film, index = other.path / "episode.mp4", other.path / "hls/index.m3u8"
        assert frame_hashes(index, 0, 10**6)[:5] == frame_hashes(film, 0, 10**6)[:5]
        assert len(decode_sound(index))
    capsys.readouterr()
    assert run(["verify", str(episode.path), "--store", str(flow.folder / "store"), "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["allowed"], told["state"]) == (False, "suspended")
    # Nothing of the innocent ones has to be made again.
    apart = chainer.plan_episode(flow.graph, "c4", settings=flow.settings)
    assert not apart.render.to_run


def test_a_film_made_without_playlists_first_is_found_with_them(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.grants()
    flow.made("plain")
    settings = small_settings(tmp_path / "store", hls={"write": True})
    episode = flow.made("lists", settings=settings)
    flow.made("again")  # and once more without: what the other folder shows stays known
    plan = flow.plan(settings=settings)
    shown = {piece.key for piece in pieces_of(plan, flow.register)}
    withdraw(flow.register, flow.store, "p-mei", BO)
    for key, _ in plan.render.segments:
        assert (flow.store.find(key)[0] is Presence.ABSENT) == (key in shown)
    assert named(episode.path) - there(flow)
    assert (episode.path / "suspended.json").is_file()


def test_segments_come_back_with_consent(tmp_path: Path) -> None:
    flow = Flow(tmp_path, hls={"write": True})
    flow.grants()
    episode = flow.made()
    withdraw(flow.register, flow.store, "p-mei", BO)
    with pytest.raises(chainer.PolicyRefused):
        flow.made("more", options=WalkOptions(path=("c1", "c2", "c3", "c4")))
    assert not (tmp_path / "more").exists()
    grant(flow.register.book, "p-mei", BO, uses=(Use.DRAFT, Use.EPISODE))
    flow.made()
    assert verify_episode(episode.path).whole
