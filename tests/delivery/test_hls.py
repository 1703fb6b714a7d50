"""Playlists over the store: what they name, what films share, and what heals."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainer
from chainer.batch.ask import plan_jobs
from chainer.batch.run import run_batch
from chainer.batch.words import JobState
from chainer.cli import run
from chainer.delivery import HlsTimeline
from chainer.digest import file_digest
from chainer.enrol import pieces_of
from chainer.episode.hls import named_segments, quoted, seconds_texts
from chainer.episode.manifest import read_manifest
from chainer.episode.plan import Episode, EpisodePlan
from chainer.episode.verify import verify_episode
from chainer.graph import WalkOptions
from chainer.render.plan import Why
from chainer.render.spec import SegmentsSpec, StepType
from chainer.store import Store, collect, purge, sweep
from chainer.store.links import link_segment, sweep_links
from chainer.store.record import Artefact
from tests.film.coded import FFMPEG, decode_sound, frame_hashes, small_settings

from .films import (
    aims,
    hls_settings,
    samples_of,
    segments_in,
    stored,
    write_mixed,
    write_tree,
)

Made = tuple[Path, EpisodePlan, Episode]


def make(folder: Path, graph: Path, out: str, path: tuple[str, ...] = (), **more: Any) -> Made:
    """An episode of `graph` in `folder`, with the store in there too."""
    settings = hls_settings(folder / "store", **more)
    options = WalkOptions(path=path) if path else None
    start = None if path else json.loads(graph.read_text(encoding="utf-8"))["nodes"][0]["id"]
    plan = chainer.plan_episode(
        chainer.load_graph(graph), start=start, options=options, settings=settings
    )
    return folder, plan, chainer.render_episode(plan, folder / out)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A film with all kinds of joints."""
    folder = tmp_path_factory.mktemp("mixed")
    return make(folder, write_mixed(folder / "graph"), "out")


@pytest.fixture
def copy(mixed: Made, tmp_path: Path) -> Made:
    """The same with a store of its own, to damage."""
    folder, plan, _ = mixed
    shutil.copytree(folder / "store", tmp_path / "store", symlinks=True)
    settings = hls_settings(tmp_path / "store")
    plan = chainer.plan_episode(plan.graph, start="c0", settings=settings)
    return tmp_path, plan, chainer.render_episode(plan, tmp_path / "out")


def text_of(made: Made, name: str) -> str:
    return (made[2].path / "hls" / name).read_text(encoding="utf-8")


def lengths(playlist: str) -> list[Fraction]:
    return [Fraction(found) for found in re.findall(r"#EXTINF:([0-9.]+),", playlist)]


def files_of(store: Path, keys: Sequence[str]) -> set[str]:
    """The digests of the media segments that steps have left."""
    found = set()
    for key in keys:
        _, record = Store(store).find(key)
        assert record is not None
        found |= {one.digest for one in record.files.values()}
    return found


def test_playlists_say_what_players_need_to_know(mixed: Made) -> None:
    _, plan, episode = mixed
    index = text_of(mixed, "index.m3u8")
    assert index.startswith("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n")
    (stream,) = re.findall("#EXT-X-STREAM-INF:(.*)\nvideo.m3u8\n", index)
    for told in ("RESOLUTION=180x320", "FRAME-RATE=30.000", "VIDEO-RANGE=SDR", 'AUDIO="sound"'):
        assert told in stream
    assert re.search(r'CODECS="avc1\.42c01f,mp4a\.40\.2"', stream)
    peak, average = (int(one) for one in re.findall(r"BANDWIDTH=(\d+)", stream))
    size = sum(
        (episode.path / "hls" / name).stat().st_size
        for playlist in ("video.m3u8", "audio.m3u8")
        for name in named_segments(text_of(mixed, playlist))
    )
    assert average == pytest.approx(size * 8 / float(plan.seconds), abs=2)
    assert average <= peak < 3 * average
    for name in ("video.m3u8", "audio.m3u8"):
        text = text_of(mixed, name)
        told = lengths(text)
        assert abs(sum(told) - plan.seconds) < Fraction(1, 10**6)
        assert all(one > 0 for one in told)
        (target,) = re.findall(r"#EXT-X-TARGETDURATION:(\d+)\n", text)
        assert max(told) <= int(target)
        assert "#EXT-X-PLAYLIST-TYPE:VOD\n" in text
        assert text.endswith("#EXT-X-ENDLIST\n")
        assert "DISCONTINUITY" not in text
        assert len(re.findall("#EXT-X-MAP:", text)) == 1
    listed = {entry.name for entry in read_manifest(episode.path).files}
    assert {f"hls/{name}" for name in ("index.m3u8", "video.m3u8", "audio.m3u8")} <= listed
    assert {"hls/video-init.mp4", "hls/audio-init.mp4"} <= listed
    entry = read_manifest(episode.path).hls
    assert entry is not None
    assert entry.timeline == "continuous"


def test_strangers_titles_stay_in_their_quotes(mixed: Made) -> None:
    (line,) = [one for one in text_of(mixed, "index.m3u8").splitlines() if "SESSION-DATA" in one]
    assert line.count('"') == 4
    assert line.endswith('VALUE="A \u2033quoted\u2033 <script>alert(1)</script> 港 🎬"')
    assert quoted('a"b\r\nc\x00') == '"a\u2033b c"'


def test_captions_are_a_playlist_of_their_own(mixed: Made) -> None:
    _, plan, episode = mixed
    index = text_of(mixed, "index.m3u8")
    assert 'TYPE=SUBTITLES,GROUP-ID="captions",NAME="Captions"' in index
    assert 'SUBTITLES="captions"' in index
    assert lengths(text_of(mixed, "captions.m3u8")) == [plan.seconds]
    assert "\ncaptions.vtt\n" in text_of(mixed, "captions.m3u8")
    assert text_of(mixed, "captions.vtt") == (episode.path / "captions.vtt").read_text("utf-8")


def test_ffmpeg_reads_the_same_film_from_the_playlist(mixed: Made) -> None:
    _, plan, episode = mixed
    film, index = episode.path / "episode.mp4", episode.path / "hls/index.m3u8"
    pictures = frame_hashes(index, 0, 10**6)
    assert len(pictures) == plan.layout.frames
    assert pictures == frame_hashes(film, 0, 10**6)
    heard, meant = decode_sound(index), decode_sound(film)
    assert 0 <= len(heard) - len(meant) < 1024  # the last packet goes on beyond the film
    assert np.array_equal(heard[: len(meant)], meant)
    argv = [FFMPEG, "-v", "error", "-i", str(index), "-map", "0:v:0", "-c", "copy"]
    argv += ["-f", "framehash", "-hash", "crc32", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    times = [int(one.split(",")[2]) for one in done.stdout.splitlines() if one[0] != "#"]
    assert times == list(range(0, plan.layout.frames * times[1], times[1]))


def test_only_segments_can_be_reached_through_the_link(mixed: Made) -> None:
    folder, _, episode = mixed
    link = episode.path / "hls/segments"
    assert link.resolve() == (folder / "store/segments").resolve()
    named = {
        name.partition("/")[2]
        for playlist in ("video.m3u8", "audio.m3u8")
        for name in named_segments(text_of(mixed, playlist))
    }
    assert {path.name for path in link.iterdir()} == named
    assert all(
        re.fullmatch(r"\.\./cas/([0-9a-f]{2})/\1[0-9a-f]{62}", aim)
        for aim in aims(folder / "store")
    )
    assert all(file_digest(link / name) == name[:64] for name in named)


def test_without_playlists_nothing_changes(mixed: Made, tmp_path: Path) -> None:
    folder, plan, _ = mixed
    plain = chainer.plan_episode(plan.graph, start="c0", settings=small_settings(folder / "store"))
    others = [step.key for step in plan.render.steps if step.type is not StepType.SEGMENTS]
    assert [step.key for step in plain.render.steps] == others
    assert plain.render.segments == ()
    episode = chainer.render_episode(plain, tmp_path / "plain")
    assert not (episode.path / "hls").exists()
    assert read_manifest(episode.path).hls is None
    film = (episode.path / "episode.mp4").read_bytes()
    assert film == (mixed[2].path / "episode.mp4").read_bytes()


def test_a_plan_names_the_steps_and_why_they_run(mixed: Made, tmp_path: Path) -> None:
    _, plan, episode = mixed
    steps = [step for step in plan.render.steps if step.type is StepType.SEGMENTS]
    assert len(steps) == len(plan.layout.pieces)
    assert {step.why for step in steps} == {Why.NEW}
    assert all(len(step.needs) == 1 for step in steps)
    before = stored(mixed[0] / "store")
    again = chainer.plan_episode(plan.graph, start="c0", settings=plan.settings)
    assert not again.render.to_run
    chainer.render_episode(again, tmp_path / "again")
    assert stored(mixed[0] / "store") == before
    assert (tmp_path / "again/hls/video.m3u8").read_bytes() == (
        episode.path / "hls/video.m3u8"
    ).read_bytes()


@pytest.mark.parametrize("levels", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_a_chain_of_a_tree_writes_no_media_that_another_wrote(tmp_path: Path, levels: int) -> None:
    graph = write_tree(tmp_path / "graph", levels)
    paths: list[tuple[str, ...]] = [("r",)]
    for level in range(1, levels + 1):
        paths = [(*path, f"{side}{level}") for path in paths for side in "ab"]
    fresh: list[int] = []
    written: dict[str, SegmentsSpec] = {}
    for number, path in enumerate(paths):
        before = stored(tmp_path / "store")
        _, plan, _ = make(tmp_path, graph, f"out{number}", path)
        new = [key for key, _ in plan.render.segments if key not in written]
        fresh.append(len(new))
        for key in new:
            spec = plan.render.spec_of(key)
            assert isinstance(spec, SegmentsSpec)
            written[key] = spec
        # What a chain adds to the segments is what it alone has, and no byte beside that.
        added = {name for name in stored(tmp_path / "store") if name not in before}
        linked = {one.name[:64] for one in segments_in(tmp_path / "store")}
        assert added & linked == files_of(tmp_path / "store", new) - before.keys()
    # The first has everything to itself, the second a clip and a joint, the last one joint or none.
    assert (fresh[0], fresh[1]) == (2 * levels + 1, 2)
    assert fresh[-1] == (1 if levels == 2 else 0)
    assert sum(fresh) == (2 * levels + 1) + (4 * levels - 2)
    # No frame and no packet of any piece is in two segments, whichever chains name them.
    seen = Counter(
        (spec.piece, kind, number)
        for spec in written.values()
        for kind, run in (("frame", spec.frames), ("packet", spec.packets))
        for number in range(*run)
    )
    assert set(seen.values()) == {1}
    kept = sum(len(list(samples_of(one.read_bytes()))) for one in segments_in(tmp_path / "store"))
    assert kept == len(seen)
    before = stored(tmp_path / "store")
    _, plan, _ = make(tmp_path, graph, "once-more", paths[-1])
    assert not plan.render.to_run
    assert stored(tmp_path / "store") == before


def test_a_clip_at_another_place_is_packed_once_where_times_are_its_own(tmp_path: Path) -> None:
    graph = write_tree(tmp_path / "graph", 3)
    for timeline, shares in ((HlsTimeline.SHARED, True), (HlsTimeline.CONTINUOUS, False)):
        hls = {"timeline": timeline}
        _, long, first = make(tmp_path, graph, f"l-{timeline}", ("r", "a1", "a2", "a3"), hls=hls)
        before = stored(tmp_path / "store")
        _, short, second = make(tmp_path, graph, f"s-{timeline}", ("a1", "a2", "a3"), hls=hls)
        packed = {key for key, _ in long.render.segments}, {key for key, _ in short.render.segments}
        # All that plays of both but the first clip, whose start no joint has taken off.
        common = packed[0] & packed[1]
        assert len(common) == (4 if shares else 0)
        new = [name for name in stored(tmp_path / "store") if name not in before]
        named = set(named_segments((second.path / "hls/video.m3u8").read_text("utf-8")))
        own = {name for name in named if name.partition("/")[2][:64] in new}
        assert len(own) == (1 if shares else 3)
        text = (first.path / "hls/audio.m3u8").read_text("utf-8")
        assert text.count("#EXT-X-DISCONTINUITY\n") == (3 if shares else 0)
        pictures = (first.path / "hls/video.m3u8").read_text("utf-8")
        assert pictures.count("#EXT-X-DISCONTINUITY\n") == text.count("#EXT-X-DISCONTINUITY\n")


def test_a_lost_segment_is_named_and_made_again(copy: Made) -> None:
    folder, plan, episode = copy
    (name, other) = [
        name.partition("/")[2] for name in named_segments(text_of(copy, "video.m3u8"))
    ][1:3]
    (folder / "store/cas" / name[:2] / name[:64]).unlink()
    damaged = folder / "store/cas" / other[:2] / other[:64]
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.unlink()
    damaged.write_bytes(data)
    verdict = verify_episode(episode.path)
    assert len(verdict.faults) == 2
    assert any(f"segment {name} is missing" in fault for fault in verdict.faults)
    assert any(f"segment {other} is damaged" in fault for fault in verdict.faults)
    assert run(["verify", str(episode.path)]) == 6
    again = chainer.plan_episode(plan.graph, start="c0", settings=plan.settings)
    assert [step.why for step in again.render.to_run] == [Why.MISSING]
    chainer.render_episode(again, folder / "out")
    assert verify_episode(episode.path).whole


def test_a_segment_heals_though_its_piece_is_lost_too(copy: Made) -> None:
    folder, plan, episode = copy
    key = plan.render.segments[0][0]
    spec = plan.render.spec_of(key)
    assert isinstance(spec, SegmentsSpec)
    store = Store(folder / "store")
    _, record = store.find(key)
    _, piece = store.find(spec.piece)
    assert record is not None
    assert piece is not None
    for artefact in (*record.files.values(), piece.files["piece"]):
        path = store.path_of(artefact.digest)
        path.write_bytes(bytes(artefact.size))
    chainer.render_episode(plan, folder / "out")
    assert verify_episode(episode.path).whole


def test_a_store_that_is_gone_is_said(copy: Made) -> None:
    folder, _, episode = copy
    shutil.rmtree(folder / "store/segments")
    (fault,) = verify_episode(episode.path).faults
    assert "leads nowhere" in fault


def test_with_a_base_address_the_store_is_asked(mixed: Made, tmp_path: Path) -> None:
    folder, plan, _ = mixed
    settings = hls_settings(folder / "store", {"base": "https://cdn.example/s"})
    plan = chainer.plan_episode(plan.graph, start="c0", settings=settings)
    episode = chainer.render_episode(plan, tmp_path / "away")
    assert not (episode.path / "hls/segments").exists()
    text = (episode.path / "hls/video.m3u8").read_text("utf-8")
    assert all(name.startswith("https://cdn.example/s/") for name in named_segments(text))
    alone = verify_episode(episode.path)
    assert alone.whole
    assert "not looked at" in alone.notes[0]
    store = Store(folder / "store")
    assert verify_episode(episode.path, segments=store.fetch_blob).notes == ()
    strange = verify_episode(episode.path, segments=Store(tmp_path / "other").fetch_blob)
    assert strange.whole
    assert "--store" in strange.notes[0]
    lost = [name.rpartition("/")[2] for name in named_segments(text)][-1]
    shutil.copytree(folder / "store", tmp_path / "store", symlinks=True)
    (tmp_path / "store/cas" / lost[:2] / lost[:64]).unlink()
    (fault,) = verify_episode(episode.path, segments=Store(tmp_path / "store").fetch_blob).faults
    assert lost in fault


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "hls/../x",
        "/etc/hostname",
        "hls//x",
        "a/b/c",
        "hls/",
        ".",
        "..",
        "hls\\x",
        "",
        "./x",
    ],
)
def test_files_of_other_folders_are_not_the_episodes(copy: Made, name: str) -> None:
    _, _, episode = copy
    path = episode.path / "episode.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["files"][-1]["name"] = name
    path.write_text(json.dumps(data), encoding="utf-8")
    assert f"{name!r} is no name of a file in the folder" in verify_episode(episode.path).faults


def test_a_link_out_of_the_folder_is_no_file_of_it(copy: Made, tmp_path: Path) -> None:
    _, _, episode = copy
    playlist = episode.path / "hls/video.m3u8"
    playlist.rename(tmp_path / "moved")
    playlist.symlink_to(tmp_path / "moved")
    (fault,) = verify_episode(episode.path).faults
    assert "'hls/video.m3u8' is no name" in fault


@pytest.mark.parametrize("line", ["../../store/x", "segments/../../x.m4s", "file:///etc/hostname"])
def test_addresses_that_are_no_segments_are_never_read(copy: Made, line: str) -> None:
    _, _, episode = copy
    path = episode.path / "hls/audio.m3u8"
    path.write_text(path.read_text("utf-8") + line + "\n", encoding="utf-8")
    faults = verify_episode(episode.path).faults
    assert any("which is no segment" in fault for fault in faults)
    assert any("hls/audio.m3u8 has" in fault for fault in faults)


def test_links_that_lead_nowhere_are_swept_when_they_are_old(tmp_path: Path) -> None:
    import os

    store = Store(tmp_path / "store")
    (tmp_path / "file").write_bytes(b"segment")
    digest = store.put_blob(tmp_path / "file")
    artefact = Artefact(digest=digest, size=7)
    name = link_segment(store, artefact, ".m4s")
    path = store.root / "segments" / name
    assert path.read_bytes() == b"segment"
    old = path.lstat().st_mtime - 3600
    os.utime(path, (old, old), follow_symlinks=False)
    assert sweep_links(store) == 0
    store.path_of(digest).unlink()
    sweep(store)
    assert not path.is_symlink()
    link_segment(store, artefact, ".m4s")
    assert sweep_links(store) == 0  # young: its bytes may be on their way
    path.unlink()
    path.write_text("in the way")
    link_segment(store, artefact, ".m4s")
    assert path.is_symlink()
    os.utime(path, (old, old), follow_symlinks=False)
    collect(store, 1 << 40)
    assert not path.is_symlink()


def test_what_is_purged_takes_its_segments_along(copy: Made) -> None:
    folder, plan, episode = copy
    segments = {key for key, _ in plan.render.segments}
    named = {need for key in segments for need in plan.render.spec_of(key).needs}
    assert named == {key for key, _ in plan.render.sources()}
    store = Store(folder / "store")
    purge(store, segments)
    assert not any(path.exists() for path in (folder / "store/segments").iterdir())
    assert len(verify_episode(episode.path).faults) > 10


def test_a_film_with_music_has_its_sound_from_the_bed(tmp_path: Path) -> None:
    from tests.film.test_bed import write_music

    graph = write_mixed(tmp_path / "graph", 3)
    music = write_music(tmp_path / "music.mp4", 12)
    for timeline in HlsTimeline:
        _, plan, episode = make(
            tmp_path, graph, timeline.value, hls={"timeline": timeline}, bed={"media": str(music)}
        )
        text = (episode.path / "hls/audio.m3u8").read_text("utf-8")
        pictures = (episode.path / "hls/video.m3u8").read_text("utf-8")
        discontinuities = 0 if timeline is HlsTimeline.CONTINUOUS else 2
        assert text.count("DISCONTINUITY") == pictures.count("DISCONTINUITY") == discontinuities
        assert plan.render.bed in {
            need for key, _ in plan.render.segments for need in plan.render.spec_of(key).needs
        }
        if timeline is HlsTimeline.CONTINUOUS:
            heard = decode_sound(episode.path / "hls/index.m3u8")
            meant = decode_sound(episode.path / "episode.mp4")
            assert np.array_equal(heard[: len(meant)], meant)


def test_a_batch_writes_playlists_too(copy: Made, tmp_path: Path) -> None:
    folder, plan, episode = copy
    jobs = tmp_path / "jobs.json"
    job = {"name": "one", "graph": plan.graph.source, "start": "c0"}
    told = {"schema": "chainer.jobs/1", "jobs": [job]}
    jobs.write_text(json.dumps(told), encoding="utf-8")
    settings = hls_settings(folder / "store")
    plan_of = plan_jobs(jobs, tmp_path / "batch", settings=settings)
    report = run_batch(plan_of, tmp_path / "batch", settings=settings)
    assert [one.state for one in report.jobs] == [JobState.DONE]
    made = tmp_path / "batch/one"
    assert (made / "hls/video.m3u8").read_bytes() == (episode.path / "hls/video.m3u8").read_bytes()
    assert verify_episode(made).whole
    # A second run makes nothing; one after a segment was lost makes that one and no more.
    plan_of = plan_jobs(jobs, tmp_path / "batch", settings=settings)
    assert run_batch(plan_of, tmp_path / "batch", settings=settings).jobs[0].ran == 0
    lost = next(iter(named_segments((made / "hls/audio.m3u8").read_text("utf-8"))))
    (made / "hls" / lost).resolve().unlink()
    assert not verify_episode(made).whole
    plan_of = plan_jobs(jobs, tmp_path / "batch", settings=settings)
    assert run_batch(plan_of, tmp_path / "batch", settings=settings).jobs[0].ran == 1
    assert verify_episode(made).whole


def test_everybody_who_is_seen_in_a_piece_is_seen_in_its_segments(tmp_path: Path) -> None:
    from tests.film.test_consent import World

    world = World(tmp_path, hls={"write": True})
    world.grants()
    plan = world.plan()
    shown = {piece.key: piece.people for piece in pieces_of(plan, world.register)}
    for key, _ in plan.render.segments:
        (need,) = plan.render.spec_of(key).needs
        assert shown.get(key) == shown.get(need)
    assert any(key in shown for key, _ in plan.render.segments)


def test_lengths_do_not_drift() -> None:
    edges = [Fraction(n, 7) for n in range(5000)]
    told = [Fraction(one) for one in seconds_texts(edges)]
    assert abs(sum(told) - edges[-1]) < Fraction(1, 10**6)
    assert max(abs(one - Fraction(1, 7)) for one in told) <= Fraction(1, 10**6)
