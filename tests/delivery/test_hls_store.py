"""Playlists and what befalls the store: shared bytes, a cache that forgets, eviction, racing."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

import chainer
from chainer.episode.hls import named_segments
from chainer.episode.plan import Episode, EpisodePlan
from chainer.episode.verify import verify_episode
from chainer.graph import WalkOptions
from chainer.store import SharedStore, Store, collect, purge
from chainer.store.bucket import folder_bucket
from chainer.store.links import link_segment
from chainer.store.record import Artefact
from tests.film.coded import Coded, write_graph

from .films import hls_settings, samples_of

Made = tuple[EpisodePlan, Episode]


def make(folder: Path, *, silent: bool = False) -> Made:
    """An episode of two short clips in `folder`, with the store in there too."""
    for number in (0, 1):
        Coded(number, 48).write(folder / f"media/c{number}.mp4", sound=not silent)
    path = write_graph(folder, [Coded(0, 48), Coded(1, 48)])
    settings = hls_settings(folder / "store")
    plan = chainer.plan_episode(chainer.load_graph(path), start="c0", settings=settings)
    return plan, chainer.render_episode(plan, folder / "out")


def named(episode: Episode, playlist: str = "video.m3u8") -> list[str]:
    text = (episode.path / "hls" / playlist).read_text("utf-8")
    return [address.rpartition("/")[2] for address in named_segments(text)]


def test_two_silences_are_two_segments(tmp_path: Path) -> None:
    """What is purged for one clip must not be what another film plays."""
    plan, _ = make(tmp_path, silent=True)
    films = []
    for start in ("c0", "c1"):
        options = WalkOptions(path=(start,))
        alone = chainer.plan_episode(plan.graph, start, options=options, settings=plan.settings)
        films.append(chainer.render_episode(alone, tmp_path / start))
    samples = [
        [sample for name in named(film, "audio.m3u8") for sample in samples_of(read(film, name))]
        for film in films
    ]
    assert samples[0] == samples[1]
    assert len(samples[0]) > 70
    assert not set(named(films[0], "audio.m3u8")) & set(named(films[1], "audio.m3u8"))
    # The same clip makes the same segments in whatever store.
    _, other = make(tmp_path / "other", silent=True)
    _, again = make(tmp_path, silent=True)
    assert named(again, "audio.m3u8") == named(other, "audio.m3u8")


def read(episode: Episode, name: str) -> bytes:
    return (episode.path / "hls/segments" / name).read_bytes()


@pytest.mark.parametrize("name", ["hls/video-init.mp4", "hls/audio-init.mp4"])
def test_a_header_is_a_file_of_the_episode(tmp_path: Path, name: str) -> None:
    plan, episode = make(tmp_path)
    purge(Store(tmp_path / "store"), [key for key, _ in plan.render.segments])
    assert not any(name in fault for fault in verify_episode(episode.path).faults)
    data = bytearray((episode.path / name).read_bytes())
    data[-1] ^= 1
    (episode.path / name).write_bytes(data)
    assert f"{name} was changed: its SHA-256 is not the manifest's" in (
        verify_episode(episode.path).faults
    )
    (episode.path / name).unlink()
    assert f"{name} is missing" in verify_episode(episode.path).faults


def test_a_fault_says_what_is_lost(tmp_path: Path) -> None:
    plan, episode = make(tmp_path)
    lost = named(episode)[-1]
    (tmp_path / "store/cas" / lost[:2] / lost[:64]).unlink()
    (fault,) = verify_episode(episode.path).faults
    assert f"segment {lost} is missing" in fault
    assert f"to {float(plan.seconds):.3f} s of the film" in fault
    assert "pictures" in fault


def test_a_cache_that_dropped_a_segment_is_asked_for_it(tmp_path: Path) -> None:
    _, episode = make(tmp_path)
    store = SharedStore(tmp_path / "store", folder_bucket(tmp_path / "bucket"))
    lost = named(episode)[0]
    path = store.path_of(lost[:64])
    store.put_blob(path)
    other = named(episode)[1]
    path.unlink()
    store.path_of(other[:64]).unlink()
    assert len(verify_episode(episode.path).faults) == 2
    # The bucket has the one and not the other.
    (fault,) = verify_episode(episode.path, segments=store.fetch_blob).faults
    assert other in fault
    assert path.is_file()


def test_segments_stay_while_the_folder_does(tmp_path: Path) -> None:
    _, episode = make(tmp_path)
    store = Store(tmp_path / "store")
    long_ago = 1_600_000_000
    for path in [*(tmp_path / "store/cas").glob("*/*"), *(tmp_path / "store/ac").glob("*/*")]:
        os.utime(path, (long_ago, long_ago))
    for path in (tmp_path / "store/segments").iterdir():
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    collect(store, 0)
    assert verify_episode(episode.path).whole
    shutil.rmtree(episode.path)
    (pin,) = (tmp_path / "store/pins").iterdir()
    told = {**json.loads(pin.read_text("utf-8")), "made": "2020-01-01T00:00:00Z"}
    pin.write_text(json.dumps(told), encoding="utf-8")  # a young one is kept to, whatever stands
    collect(store, 0)
    collect(store, 0)  # the links that the first has left without an aim
    assert list((tmp_path / "store/segments").iterdir()) == []


def test_many_link_the_same_segment_while_it_is_swept_away(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "file").write_bytes(b"segment")
    artefact = Artefact(digest=store.put_blob(tmp_path / "file"), size=7)
    path = tmp_path / "store/segments" / f"{artefact.digest}.m4s"
    failed: list[BaseException] = []
    done = threading.Event()

    def link() -> None:
        try:
            for _ in range(200):
                link_segment(store, artefact, ".m4s")
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    def sweep() -> None:
        while not done.is_set():
            path.unlink(missing_ok=True)

    sweeper = threading.Thread(target=sweep)
    linkers = [threading.Thread(target=link) for _ in range(4)]
    for one in (sweeper, *linkers):
        one.start()
    for one in linkers:
        one.join()
    done.set()
    sweeper.join()
    assert failed == []
    link_segment(store, artefact, ".m4s")
    assert path.read_bytes() == b"segment"


def test_something_in_a_segments_place_is_an_error_with_a_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "file").write_bytes(b"segment")
    artefact = Artefact(digest=store.put_blob(tmp_path / "file"), size=7)
    (tmp_path / "store/segments" / f"{artefact.digest}.m4s/in").mkdir(parents=True)
    with pytest.raises(chainer.StoreError, match="cannot be linked"):
        link_segment(store, artefact, ".m4s")
