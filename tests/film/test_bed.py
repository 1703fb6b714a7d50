"""A bed of music: it lies under the film's own sound, which stays where and as it was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

import chainer
from chainer.check import check_graph
from chainer.digest import Digest, file_digest
from chainer.errors import Cancelled, GraphError, MediaDamaged, MediaRefused
from chainer.looker import Looker
from chainer.media.inspect import Inspected, inspect_music
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.mp4 import read_mp4, read_subtitles
from chainer.render.assemble import assemble
from chainer.render.bed import render_bed, sound_name
from chainer.render.encoder import find_ffmpeg, sound_options
from chainer.render.make import Kitchen, make_step
from chainer.render.plan import Step, Why
from chainer.render.run import Runner
from chainer.render.runs import bed_spec, sound_runs
from chainer.render.spec import BedSpec, SoundRun, StepType, spec_key
from chainer.store import Record, Store
from chainer.timebase import AAC_FRAME
from chainer.timeline.captions import Caption

from .coded import (
    FFMPEG,
    RATE,
    SMALL,
    Coded,
    Samples,
    decode_sound,
    frame_hashes,
    small_settings,
    write_graph,
)

LIMITS = MediaLimits()


def write_music(path: Path, seconds: float, *options: str, source: str = "") -> Path:
    """Steady music, in a small film: its pictures are not used."""
    sound = source or "anoisesrc=seed=7:color=pink:r=48000:a=0.4,aformat=channel_layouts=stereo"
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", "color=s=64x64:r=10"]
    argv += ["-f", "lavfi", "-i", sound, "-t", str(seconds), "-c:v", "libx264", "-preset"]
    argv += ["ultrafast", "-pix_fmt", "yuv420p", "-c:a", "flac", *options, str(path)]
    subprocess.run(argv, check=True, capture_output=True)
    return path


class Bench:
    """A work folder with masters; `lay` makes a bed over all of each, one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")
        self.ffmpeg = find_ffmpeg(None, self.store)
        self.count = 0
        self.work = folder

    def lay(
        self, sounds: Sequence[Samples], music: Path, info: Any = None, **changes: Any
    ) -> tuple[Path, dict[str, Any], BedSpec]:
        self.count += 1
        self.work = self.folder / f"work{self.count}"
        self.work.mkdir()
        runs = []
        for number, sound in enumerate(sounds):
            key = Digest(f"{number:024x}{0:040x}")
            write_master(self.work / sound_name(key), sound)
            runs.append(SoundRun(key, 0, -(-len(sound) // AAC_FRAME)))
        runs[-1] = replace(runs[-1], last=runs[-1].last + 1)
        if info is None:
            info = inspect_music(music, self.store, LIMITS).info
        told: dict[str, Any] = {
            "gain": Fraction(-10),
            "duck": Fraction(0),
            "speech": None,
            "edge_packets": 0,
            **changes,
        }
        spec = BedSpec(
            runs=tuple(runs),
            media=Digest(file_digest(music)),
            info=info,
            profile=SMALL,
            build=self.ffmpeg.build,
            **told,
        )
        with open_source(music, limits=LIMITS) as source:
            files, facts = render_bed(Runner(self.ffmpeg), spec, source, LIMITS, self.work)
        return files["piece"], facts, spec


def write_master(path: Path, sound: Samples) -> None:
    argv = [FFMPEG, "-y", "-v", "error", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", "-"]
    argv += ["-sample_fmt", "s16", str(path)]
    data = sound.astype("<f4").tobytes()
    subprocess.run(argv, input=data, check=True, capture_output=True)


def played(piece: Path) -> Samples:
    """The sound of a piece without its priming."""
    return decode_sound(piece)[AAC_FRAME:]


def level(sound: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(sound**2)) + 1e-9))


def coding_noise(sound: Samples, folder: Path) -> float:
    """The level of what the house coder does to `sound` in one go."""
    path = folder / "coded.mp4"
    argv = [FFMPEG, "-y", "-v", "error", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", "-"]
    for name, value in sound_options(SMALL).items():
        argv += [f"-{name}", str(value)]
    data = sound.astype("<f4").tobytes()
    subprocess.run([*argv, str(path)], input=data, check=True, capture_output=True)
    back = decode_sound(path)
    count = min(len(back), len(sound))
    return level((back[:count] - sound[:count])[2048:-2048])


def voice(seconds: float, seed: int = 1, amplitude: float = 0.2) -> Samples:
    """Noise in the range of voices, which swells like syllables."""
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    tone = sum(np.sin(2 * np.pi * (200 + 170 * k) * time + seed * k) / k for k in range(1, 9))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    return np.stack([tone * swell, tone * swell], axis=1) * amplitude / 2


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_music(tmp_path_factory.mktemp("music") / "m.mkv", 3)


def test_a_bed_that_is_silent_leaves_the_film_as_it_was(bench: Bench, tmp_path: Path) -> None:
    silent = write_music(tmp_path / "s.mkv", 2, source="anullsrc=r=48000:cl=stereo")
    sounds = [Coded(1, 64).sound(), Coded(2, 48).sound()]
    piece, facts, spec = bench.lay(sounds, silent, duck=Fraction(9))
    with piece.open("rb") as stream:
        assert read_mp4(stream).track("soun").samples == spec.packets
    told, got = np.concatenate(sounds), played(piece)
    error = got[: len(told)] - told
    assert level(error[2048:-2048]) < coding_noise(told, tmp_path) + 1
    assert len(got) >= len(told)
    assert (facts["music"]["gain_db"], facts["limited"]) == (0.0, False)
    lag = np.argmax(np.correlate(got[9000:13000, 0], told[9500:12500, 0], "valid")) - 500
    assert lag == 0


def test_music_comes_to_its_loudness_and_goes_at_the_ends(bench: Bench, music: Path) -> None:
    quiet = np.zeros((6 * RATE, 2))
    piece, facts, _ = bench.lay([quiet], music, edge_packets=47)
    got = played(piece)
    assert facts["music"]["loudness"] == pytest.approx(-24.0, abs=0.1)
    assert facts["loudness"] == pytest.approx(-24.0, abs=1.2)
    assert level(got[:480]) < -60
    assert level(got[6 * RATE - 480 : 6 * RATE]) < -60
    assert level(got[RATE // 2 - 2400 : RATE // 2 + 2400]) == pytest.approx(
        level(got[3 * RATE : 4 * RATE]) - 6, abs=1.5
    )
    assert np.all(np.abs(got[6 * RATE + 2048 :]) < 1e-3)


def test_music_that_goes_round_does_so_without_a_click_or_a_hole(bench: Bench, music: Path) -> None:
    piece, facts, _ = bench.lay([np.zeros((11 * RATE, 2))], music)
    got = played(piece)[RATE // 4 : 10 * RATE, 0]
    assert facts["music"]["goes_round"]
    steps = np.abs(np.diff(got, 2))
    assert steps.max() < 3 * np.percentile(steps, 99)
    windows = got[: len(got) // 4800 * 4800].reshape(-1, 4800).std(axis=1)
    assert windows.min() > 0.3 * np.median(windows)
    assert windows.max() < 1.6 * np.median(windows)


def test_music_steps_back_where_somebody_speaks(bench: Bench, music: Path) -> None:
    """The voice is in the left ear alone, so the right one hears what the music does."""
    sound = np.zeros((9 * RATE, 2))
    sound[3 * RATE : 6 * RATE] = voice(3)
    sound[:, 1] *= 0.001
    for speech in (None, ((130, 290),)):
        piece, facts, _ = bench.lay([sound], music, speech=speech, duck=Fraction(9))
        right = played(piece)[:, 1]
        before, under, after = (
            level(right[int(a * RATE) : int(b * RATE)]) for a, b in ((1, 2.5), (4, 5.5), (7.8, 8.8))
        )
        assert before - under == pytest.approx(9, abs=1)
        assert after == pytest.approx(before, abs=0.7)
        assert facts["duck"]["db"] == pytest.approx(9, abs=1)
        assert 0.25 < facts["duck"]["share"] < 0.6
        steps = np.abs(np.diff(right[RATE : 8 * RATE], 2))
        assert steps.max() < 4 * np.percentile(steps, 99)


def test_what_is_heard_outside_of_the_windows_moves_nothing(bench: Bench, music: Path) -> None:
    sound = voice(4)
    _, facts, _ = bench.lay([sound], music, speech=(), duck=Fraction(9))
    assert facts["duck"] == {"db": 0.0, "share": 0.0}


def test_the_sum_is_never_too_loud(bench: Bench, music: Path) -> None:
    loud = np.clip(voice(3, amplitude=3.0), -0.88, 0.88)
    _, facts, _ = bench.lay([loud], music, gain=Fraction(0))
    assert facts["limited"]
    assert facts["true_peak"] <= -1.0


def test_two_runs_are_the_same_bytes(bench: Bench, music: Path) -> None:
    sounds = [voice(2), Coded(1, 48).sound()]
    made = [
        bench.lay(sounds, music, duck=Fraction(9), speech=((5, 60),))[0].read_bytes()
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_more_pieces_than_are_open_at_once(bench: Bench, music: Path, tmp_path: Path) -> None:
    sounds = [Coded(n % 5, 16).sound() for n in range(30)]
    piece, _, spec = bench.lay(sounds, music, gain=Fraction(-60))
    told, got = np.concatenate(sounds), played(piece)
    assert spec.packets == 30 * 25 + 1
    error = got[: len(told)] - told
    assert level(error[2048:-2048]) < coding_noise(told, tmp_path) + 1


@pytest.mark.parametrize(
    ("options", "source"),
    [
        (("-ac", "1"), ""),
        (("-ar", "8000", "-c:a", "pcm_s16le"), ""),
        ((), "sine=f=330:r=48000,aformat=channel_layouts=5.1"),
    ],
    ids=["mono", "8 kHz", "5.1"],
)
def test_music_of_any_kind(
    bench: Bench, tmp_path: Path, options: tuple[str, ...], source: str
) -> None:
    path = write_music(tmp_path / "x.mkv", 2, *options, source=source)
    _, facts, _ = bench.lay([np.zeros((3 * RATE, 2))], path)
    assert facts["loudness"] == pytest.approx(-24, abs=1)


def test_music_without_sound_is_refused(bench: Bench, tmp_path: Path, music: Path) -> None:
    mute = write_music(tmp_path / "x.mkv", 2, "-an")
    with pytest.raises(MediaRefused, match="has no sound"):
        bench.lay([np.zeros((RATE, 2))], mute)


def test_music_that_changed_or_is_damaged(bench: Bench, tmp_path: Path, music: Path) -> None:
    info = inspect_music(music, bench.store, LIMITS).info
    broken = tmp_path / "b.mkv"
    data = bytearray(music.read_bytes())
    for at in range(len(data) // 3, len(data) - 100, 997):
        data[at : at + 40] = bytes(40)
    broken.write_bytes(data)
    with pytest.raises(MediaDamaged):
        bench.lay([np.zeros((2 * RATE, 2))], broken, info)
    spec_of = bench.lay([np.zeros((RATE, 2))], music)[2]
    with open_source(broken, limits=LIMITS) as source, pytest.raises(MediaRefused, match="changed"):
        render_bed(Runner(bench.ffmpeg), spec_of, source, LIMITS, bench.work)


def test_a_blink_of_music_is_refused(bench: Bench, tmp_path: Path) -> None:
    path = write_music(tmp_path / "x.mkv", 2, "-af", "atrim=end=0.05")
    with pytest.raises(MediaRefused, match="no music"):
        bench.lay([np.zeros((RATE, 2))], path)


TONE = "sine=f=330:r=44100:d=2,volume=0.5"


def write_bare(path: Path, *options: str) -> Path:
    """Two seconds of a tone in a file without pictures."""
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", TONE, *options, str(path)]
    subprocess.run(argv, check=True, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.mp3", ()),
        ("x.wav", ()),
        ("x.m4a", ("-c:a", "aac")),
        ("x.flac", ()),
        ("x.opus", ("-c:a", "libopus")),
    ],
)
def test_music_from_a_file_of_sound(
    bench: Bench, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    path = write_bare(tmp_path / name, *options)
    piece, facts, spec = bench.lay([np.zeros((4 * RATE, 2))], path)
    assert spec.info.video is None
    assert facts["music"]["loudness"] == pytest.approx(-24, abs=0.1)
    got = played(piece)[RATE // 2 : 3 * RATE, 0]
    peak = int(np.argmax(np.abs(np.fft.rfft(got)))) * RATE / len(got)
    assert peak == pytest.approx(330, abs=2)


def test_a_cover_beside_the_music_is_passed_over(bench: Bench, tmp_path: Path) -> None:
    cover = ("-f", "lavfi", "-i", "color=red:s=64x64:d=1:r=1", "-map", "0:a", "-map", "1:v")
    shown = ("-c:v", "png", "-frames:v", "1", "-disposition:v", "attached_pic")
    path = write_bare(tmp_path / "x.mp3", *cover, *shown)
    _, facts, _ = bench.lay([np.zeros((RATE, 2))], path)
    assert facts["music"]["loudness"] == pytest.approx(-24, abs=0.1)


def test_what_lies_behind_an_mp3_is_no_damage_and_holes_in_it_are(
    bench: Bench, tmp_path: Path
) -> None:
    path = write_bare(tmp_path / "x.mp3")
    data = path.read_bytes()
    path.write_bytes(data + b"LYRICSBEGIN000035LYRICS200" + bytes(3000) + b"TAG" + bytes(125))
    _, facts, _ = bench.lay([np.zeros((3 * RATE, 2))], path)
    assert facts["music"]["loudness"] == pytest.approx(-24, abs=0.1)
    broken = bytearray(data)
    for at in range(3000, len(data) - 1000, 1500):
        broken[at : at + 600] = b"\xff" * 600
    path.write_bytes(broken)
    with pytest.raises(MediaDamaged):
        bench.lay([np.zeros((3 * RATE, 2))], path)


def test_a_wav_that_was_written_to_a_pipe(bench: Bench, tmp_path: Path) -> None:
    path = write_bare(tmp_path / "x.wav")
    data = path.read_bytes()
    at = data.index(b"data") + 4
    path.write_bytes(data[:at] + b"\xff" * 4 + data[at + 4 :])
    _, facts, _ = bench.lay([np.zeros((3 * RATE, 2))], path)
    assert facts["music"]["loudness"] == pytest.approx(-24, abs=0.1)


def graph_with_bed(folder: Path, media: str) -> Path:
    path = write_graph(folder, (Coded(1, 75), Coded(2, 92)))
    graph = json.loads(path.read_text())
    first = {"id": "e1", "title": "One", "start": "c2"}
    second = {"id": "e2", "title": "Two", "start": "c1", "bed": {"media": media}}
    graph["graph"]["series"] = [{"id": "s", "title": "S", "episodes": [first, second]}]
    path.write_text(json.dumps(graph))
    return path


def test_the_bed_of_an_episode_is_checked_with_its_graph(tmp_path: Path) -> None:
    settings = small_settings(tmp_path / "store")
    path = graph_with_bed(tmp_path, "media/x.mp3")
    store = Store(tmp_path / "store")
    place = "$.graph.series[0].episodes[1].bed.media"
    (fault,) = check_graph(path, settings, store).media_faults
    assert (fault.path, fault.code) == (place, "media-missing")
    write_bare(tmp_path / "media/x.mp3")
    report = check_graph(path, settings, store)
    assert (report.media, report.media_faults, report.exit_status) == (3, (), 0)
    (tmp_path / "media/x.mp3").write_text("#EXTM3U\n/etc/passwd\n")
    report = check_graph(path, settings, store)
    (fault,) = report.media_faults
    assert fault.path == place
    assert "HLS playlist" in str(fault)
    assert report.exit_status == 3


@pytest.mark.parametrize("media", ["/etc/passwd", "../x.mp3", "http://x/y.mp3", "a\\b.mp3"])
def test_a_bed_lies_where_media_may_lie(tmp_path: Path, media: str) -> None:
    with pytest.raises(GraphError) as caught:
        chainer.load_graph(graph_with_bed(tmp_path, media))
    (fault,) = caught.value.faults
    assert (fault.path, fault.code) == (
        "$.graph.series[0].episodes[1].bed.media",
        "misplaced-file",
    )


@pytest.mark.parametrize("of", ["graph", "settings"])
def test_a_plan_takes_its_music_from_a_file_of_sound(tmp_path: Path, of: str) -> None:
    settings = small_settings(tmp_path / "store")
    path = graph_with_bed(tmp_path, "media/x.mp3")
    music = write_bare(tmp_path / "media/x.mp3")
    if of == "settings":
        music = write_bare(tmp_path / "elsewhere.wav")
        bed = settings.bed.model_copy(update={"media": str(music)})
        settings = settings.model_copy(update={"bed": bed})
    plan = chainer.plan_episode(chainer.load_graph(path), "c1", settings=settings)
    (piece,) = plan.music
    wanted = "wav" if of == "settings" else "mp3"
    assert (piece.media.path, piece.media.info.container) == (music, wanted)
    episode = chainer.render_episode(plan, tmp_path / "out")
    assert chainer.verify_episode(episode.path).whole
    asked = Event()
    asked.set()
    looker = Looker(chainer.load_graph(path), Store(tmp_path / "store"), settings, asked)
    with pytest.raises(Cancelled):
        looker.inspect_music(music)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Path]:
    """A film of four atoms with three kinds of joints, made without a bed."""
    folder = tmp_path_factory.mktemp("bed")
    atoms = (Coded(1, 75), Coded(2, 92), Coded(3, 61), Coded(4, 70))
    joints = [None, {"kind": "cut"}, {"kind": "fade"}]
    graph = chainer.load_graph(write_graph(folder, atoms, joints))
    plan = chainer.plan_episode(graph, "c1", settings=small_settings(folder / "store"))
    episode = chainer.render_episode(plan, folder / "out")
    return folder, plan, episode.path / "episode.mp4"


def film_with(
    home: tuple[Path, Any, Path],
    target: Path,
    music: Path | None,
    captions: Sequence[Caption] = (),
    **changes: Any,
) -> Path:
    _, plan, _ = home
    store = Store(plan.store)
    render = plan.render
    if music is not None:
        media: Inspected = inspect_music(music, store, LIMITS)
        told: dict[str, Any] = {
            "gain": Fraction(-60),
            "duck": Fraction(9),
            "speech": None,
            "edge_packets": 20,
            **changes,
        }
        spec = bed_spec(
            render.sources(),
            media.digest,
            media.info,
            profile=SMALL,
            build=plan.ffmpeg.build,
            **told,
        )
        assert spec.packets == plan.layout.packets
        step = Step(spec_key(spec), StepType.BED, "bed", spec, spec.needs, Why.NEW, 0)
        opened = partial(open_source, music, limits=LIMITS)
        kitchen = Kitchen(store, Runner(plan.ffmpeg), LIMITS, lambda _: opened(), "test")
        make_step(step, kitchen)
        render = replace(render, bed=step.key, steps=(*render.steps, step))

    def record(key: Digest) -> Record:
        found = store.find(key)[1]
        assert found is not None
        return found

    assemble(*(render, record, record, store, SMALL, target), captions=captions, language="en")
    return target


def test_a_film_with_a_bed_is_in_step_to_the_sample(
    home: tuple[Path, Any, Path], music: Path, tmp_path: Path
) -> None:
    plain = home[2]
    bedded = film_with(home, tmp_path / "bed.mp4", music)
    frames = home[1].layout.frames
    assert frame_hashes(bedded, 0, frames) == frame_hashes(plain, 0, frames)
    before, after = decode_sound(plain), decode_sound(bedded)
    count = min(len(before), len(after))
    assert abs(len(before) - len(after)) <= AAC_FRAME
    error = after[2048 : count - 2048] - before[2048 : count - 2048]
    # Both are coded: their errors add up.
    assert level(error) < coding_noise(before, tmp_path) + 6
    for at in range(4000, count - 12_000, 20_000):
        piece = before[at + 400 : at + 6400, 0]
        assert np.argmax(np.correlate(after[at : at + 6800, 0], piece, "valid")) == 400


def test_captions_change_no_step_and_no_other_track(
    home: tuple[Path, Any, Path], tmp_path: Path
) -> None:
    told = (
        Caption(Fraction(1), Fraction(2), ("One",)),
        Caption(Fraction(3), Fraction(4), ("Two",)),
    )
    plain = film_with(home, tmp_path / "a.mp4", None)
    said = film_with(home, tmp_path / "b.mp4", None, told)
    with said.open("rb") as stream:
        index = read_mp4(stream)
        assert [one.lines for one in read_subtitles(stream, index)] == [("One",), ("Two",)]
    with plain.open("rb") as stream:
        bare = read_mp4(stream)
    for handler in ("vide", "soun"):
        assert index.track(handler).sizes == bare.track(handler).sizes
    assert decode_sound(said).tobytes() == decode_sound(plain).tobytes()


def test_runs_are_what_the_film_is_copied_from(home: tuple[Path, Any, Path]) -> None:
    plan = home[1]
    runs = sound_runs(plan.render.sources())
    assert sum(run.last - run.first for run in runs) == plan.layout.packets
    assert all(run.first < run.last for run in runs)
