"""Extended slots: exact to the frame, without gap or click, and told for what they are."""

from __future__ import annotations

import math
import subprocess
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chainer.errors import Cancelled, MediaDamaged, MediaRefused, RenderError
from chainer.profile import Profile
from chainer.render.ambience import find_room, goes_on
from chainer.render.clip import clip_keys
from chainer.render.extend_cost import extra_cost, fill_cost
from chainer.render.piece import read_index
from chainer.render.run import Runner
from chainer.render.sound import write_raw
from chainer.render.spec import ExtendSpec, FuseJoin, Way
from chainer.timebase import to_frames
from chainer.timeline.fill import slowed_share

from .coded import BAND, CELL, FFMPEG, FPS, RATE, SMALL, Coded, Samples, decode, read_codes
from .slots import BUILD, Made, clip, make

OWN, WANTED, OVERLAP = 60, 90, 12
WAYS = {
    "hold": (Way.HOLD, FuseJoin.CROSSFADE),
    "stretch": (Way.STRETCH, FuseJoin.CROSSFADE),
    "fuse": (Way.FUSE, FuseJoin.CROSSFADE),
    "morph": (Way.FUSE, FuseJoin.MORPH),
}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("media")
    first = Coded(1, OWN, beeps=(30,)).write(folder / "c1.mp4")
    second = Coded(2, OWN, amplitude=0.02).write(folder / "c2.mp4")
    return first, second


def slot(name: str, media: tuple[Path, Path], wanted: int = WANTED) -> ExtendSpec:
    way, join = WAYS[name]
    first = clip(media[0], OWN)
    if way is not Way.FUSE:
        return ExtendSpec(way, (first,), wanted)
    second = clip(media[1], wanted - OWN + OVERLAP)
    return ExtendSpec(way, (first, second), wanted, OVERLAP, join)


def paths(spec: ExtendSpec, media: tuple[Path, Path]) -> tuple[Path, ...]:
    return media[: len(spec.clips)]


@pytest.fixture(scope="module")
def built(
    media: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[ExtendSpec, Made]]:
    """Every way, made once."""
    found = {}
    for name in WAYS:
        spec = slot(name, media)
        found[name] = (spec, make(spec, paths(spec, media), tmp_path_factory.mktemp(name)))
    return found


def sound_of(path: Path) -> Samples:
    argv = [FFMPEG, "-v", "error", "-xerror", "-i", str(path), "-f", "f32le", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(data, "<f4").reshape(-1, 2).astype(np.float64)


def steps(sound: Samples) -> Samples:
    """How far each sample is from the one before it, by what the two before would foretell."""
    found: Samples = np.abs(np.diff(sound, n=2, axis=0)).max(axis=1)
    return found


def longest_silence(sound: Samples) -> int:
    silent = np.abs(sound).max(axis=1) < 1e-5
    edges = np.flatnonzero(np.diff(np.concatenate([[0], silent.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


@pytest.mark.parametrize("name", WAYS)
def test_a_slot_is_a_canonical_clip_of_exactly_the_asked_length(
    name: str, built: dict[str, tuple[ExtendSpec, Made]]
) -> None:
    spec, (files, facts) = built[name]
    track = read_index(files["piece"]).track("vide")
    assert track.samples == spec.frames == len(decode(files["piece"])) == facts["frames"]
    argv = [FFMPEG, "-v", "info", "-skip_frame", "nokey", "-i", str(files["piece"])]
    argv += ["-vf", "showinfo", "-fps_mode", "passthrough", "-f", "null", "-"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
    times = [
        float(line.split("pts_time:")[1].split()[0])
        for line in text.splitlines()
        if "pts_time:" in line
    ]
    assert [round(time * FPS) for time in times] == list(clip_keys(spec.frames, SMALL))
    sound = sound_of(files["sound"])
    assert len(sound) == SMALL.grid.samples(spec.frames)
    assert longest_silence(sound) < 48
    assert facts["way"] == spec.way.value
    assert facts["sound"]["loudness"] == pytest.approx(-14, abs=0.5)
    assert facts["sound"]["true_peak"] <= -1
    share = {"hold": "1/3", "stretch": "2/3", "fuse": "0/1", "morph": "2/15"}
    assert facts["synthetic"] == share[name]
    assert not facts["silent"]


@pytest.mark.parametrize("name", WAYS)
def test_two_runs_give_the_same_bytes(
    name: str, media: tuple[Path, Path], built: dict[str, tuple[ExtendSpec, Made]], tmp_path: Path
) -> None:
    spec, (files, facts) = built[name]
    again, told = make(spec, paths(spec, media), tmp_path)
    assert told == facts
    for kind, path in files.items():
        assert again[kind].read_bytes() == path.read_bytes(), kind


def test_what_is_filmed_stays_and_time_runs_evenly_where_it_is_slower(
    built: dict[str, tuple[ExtendSpec, Made]],
) -> None:
    _, (files, _) = built["stretch"]
    codes = read_codes(files["piece"])
    assert [codes[3 * n] for n in range(OWN // 2)] == [(1, 2 * n) for n in range(OWN // 2)]
    # The flash of frame 30 begins at frame 45; what falls beside it may be made of it.
    bright = decode(files["piece"])[:, BAND + 10 :, :].mean(axis=(1, 2)) > 200
    assert set(np.flatnonzero(bright)) <= {44, 45, 46}
    assert bright[45]
    sound = sound_of(files["sound"]).mean(axis=1)
    tone = np.exp(-2j * np.pi * 3000 * np.arange(len(sound)) / RATE)
    power = np.abs(np.convolve(sound * tone, np.ones(480) / 480, "same"))
    heard = np.flatnonzero(power > power.max() / 2)
    middle = (heard[0] + heard[-1]) / 2 / RATE
    assert middle == pytest.approx(45.75 / FPS, abs=0.022)


def test_the_pitch_is_kept(built: dict[str, tuple[ExtendSpec, Made]]) -> None:
    _, (files, _) = built["stretch"]
    sound = sound_of(files["sound"])[RATE // 4 : RATE // 4 + RATE, 0]
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    base = 180.0 + 37.0
    low, high = int(base * 0.9 * size / RATE), int(base * 1.1 * size / RATE)
    found = (low + int(spectrum[low:high].argmax())) * RATE / size
    assert abs(1200 * math.log2(found / base)) < 5


def test_the_last_picture_is_held_and_the_camera_moves_in_without_trembling(
    media: tuple[Path, Path], tmp_path: Path
) -> None:
    spec = slot("hold", media, 180)
    files, _ = make(spec, media[:1], tmp_path)
    pictures = decode(files["piece"]).astype(float)
    # The lower edge of the white cell beside the last: to a fraction of a pixel, by how much of
    # the column is white.
    column = pictures[OWN - 1 :, :80, 18 * CELL + 3 : 18 * CELL + 6].mean(axis=2)
    low, high = column[:, 70:].mean(axis=1), column[:, 8:20].mean(axis=1)
    edges = ((column - low[:, None]) / (high - low)[:, None]).sum(axis=1)
    moves = -np.diff(edges)
    assert edges[0] - edges[-1] == pytest.approx(120 * 0.018 * (4 - 0.75) / 1.06, abs=1.2)
    assert abs(moves[:6]).max() < 0.05
    assert moves.min() > -0.06
    assert np.abs(np.diff(moves)).max() < 0.15
    plane = pictures[OWN:, 100:300, 20:160]
    assert np.abs(plane - pictures[OWN - 1, 200, 90]).max() < 6


@pytest.mark.parametrize("name", ["hold", "fuse", "morph"])
def test_there_is_no_click_where_the_sound_goes_on(
    name: str, built: dict[str, tuple[ExtendSpec, Made]]
) -> None:
    spec, (files, _) = built[name]
    found = steps(sound_of(files["sound"]))
    end = RATE * OWN // FPS
    start = end - RATE * OVERLAP // FPS if spec.way is Way.FUSE else end - 14_400
    around = np.concatenate([found[start - RATE // 4 : start - 10], found[end + 10 : end + 4800]])
    splice = found[start - 10 : end + 10]
    assert splice.max() < 1.5 * around.max()


def test_the_room_that_goes_on_has_the_same_colour_and_falls(
    built: dict[str, tuple[ExtendSpec, Made]],
) -> None:
    _, (files, _) = built["hold"]
    sound = sound_of(files["sound"])
    end = RATE * OWN // FPS
    own, tail = sound[end - RATE // 2 - 14_400 : end - 14_400], sound[end : end + RATE // 2]
    level = [20 * math.log10(math.sqrt((part**2).mean())) for part in (own, tail, sound[-4800:])]
    assert -6 < level[1] - level[0] < 1
    assert level[2] < level[0] - 8
    peaks = [
        int(np.abs(np.fft.rfft(part[:, 0] * np.hanning(len(part)))).argmax())
        for part in (own, tail)
    ]
    assert abs(peaks[0] - peaks[1]) <= 3


def test_the_room_is_the_quiet_between_two_words(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    sound = generator.normal(0, 0.2, (3 * RATE, 2))
    sound[2 * RATE : 2 * RATE + RATE * 3 // 5] *= 0.01
    sound[-RATE // 10 :] = 0
    raw = tmp_path / "own.f32"
    raw.write_bytes(sound.astype("<f4").tobytes())
    room = find_room(raw, len(sound))
    assert room is not None
    assert 2 * RATE <= room.first < room.last <= 2 * RATE + RATE * 3 // 5
    raw.write_bytes(bytes(len(sound) * 8))
    assert find_room(raw, len(sound)) is None


def test_a_pure_tone_gives_way_without_a_click(tmp_path: Path) -> None:
    time = np.arange(2 * RATE) / RATE
    tone = np.repeat(0.3 * np.sin(2 * np.pi * 110 * time)[:, None], 2, axis=1)
    (tmp_path / "own.f32").write_bytes(tone.astype("<f4").tobytes())
    room = find_room(tmp_path / "own.f32", len(tone))
    sound = goes_on("own.f32", room, len(tone), 3 * RATE, SMALL)
    argv = Runner(BUILD).argv(write_raw(sound, "slot.f32"))
    subprocess.run(argv, check=True, capture_output=True, cwd=tmp_path)
    made = np.fromfile(tmp_path / "slot.f32", "<f4").reshape(-1, 2).astype(np.float64)
    assert len(made) == 3 * RATE
    assert np.abs(made[: 2 * RATE - 14_400] - tone[: 2 * RATE - 14_400]).max() < 1e-6
    found = steps(made)
    assert found[2 * RATE - 14_500 : 2 * RATE + 100].max() < 2 * found[:RATE].max()


@pytest.mark.parametrize("name", ["fuse", "morph"])
def test_two_clips_flow_into_one_shot(name: str, built: dict[str, tuple[ExtendSpec, Made]]) -> None:
    _, (files, _) = built[name]
    codes = read_codes(files["piece"])
    start = OWN - OVERLAP
    assert codes[:start] == [(1, n) for n in range(start)]
    assert codes[OWN:] == [(2, n) for n in range(OVERLAP, WANTED - OWN + OVERLAP)]
    means = decode(files["piece"])[start - 1 : OWN + 1, 200:300].mean(axis=(1, 2))
    way = np.diff(means) * np.sign(means[-1] - means[0])
    assert way.min() > -1.5
    # Both parts are equally loud, though one clip was recorded 9.5 dB lower.
    sound = sound_of(files["sound"])
    early, late = sound[: RATE // 2], sound[-RATE // 2 :]
    ratio = math.sqrt((early**2).mean() / (late**2).mean())
    assert abs(20 * math.log10(ratio)) < 4


def test_missing_sound_is_silence_and_may_be_half_of_it(tmp_path: Path) -> None:
    silent = Coded(3, 40).write(tmp_path / "c3.mp4", sound=False)
    spoken = Coded(4, 40).write(tmp_path / "c4.mp4")
    specs = (clip(silent, 40), clip(spoken, 32))
    files, facts = make(
        ExtendSpec(Way.FUSE, specs, 60, OVERLAP), (silent, spoken), tmp_path / "both"
    )
    assert not facts["silent"]
    sound = np.abs(sound_of(files["sound"])).max(axis=1)
    assert sound[: 27 * RATE // FPS].max() < 1e-3
    assert sound[45 * RATE // FPS :].max() > 0.05
    files, facts = make(ExtendSpec(Way.HOLD, specs[:1], 60), (silent,), tmp_path / "one")
    assert facts["silent"]
    assert np.abs(sound_of(files["sound"])).max() == 0


def test_strangers_media_are_refused_as_conform_does(
    media: tuple[Path, Path], tmp_path: Path
) -> None:
    spec = slot("fuse", media)
    broken = tmp_path / "broken.mp4"
    data = bytearray(media[1].read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    broken.write_bytes(data)
    with pytest.raises(MediaRefused) as refused:
        make(spec, (media[0], broken), tmp_path / "a")
    assert refused.value.code == "media-changed"
    hurt = replace(spec.clips[1], media=clip_digest(broken))
    with pytest.raises(MediaDamaged) as damaged:
        make(replace(spec, clips=(spec.clips[0], hurt)), (media[0], broken), tmp_path / "b")
    assert damaged.value.facts["path"] == str(broken)
    short = replace(spec.clips[0], frames=80)
    with pytest.raises(MediaDamaged, match="its packets promise"):
        make(ExtendSpec(Way.HOLD, (short,), 81), media[:1], tmp_path / "c")


def clip_digest(path: Path) -> str:
    from chainer.digest import file_digest

    return file_digest(path)


def test_it_stops_when_it_is_told(media: tuple[Path, Path], tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        make(slot("hold", media), media[:1], tmp_path, stop)


def test_numbers_that_do_not_add_up_are_a_fault(media: tuple[Path, Path], tmp_path: Path) -> None:
    fused = slot("fuse", media)
    for wrong in (
        replace(fused, overlap=OVERLAP + 1),
        replace(fused, clips=fused.clips[:1]),
        replace(slot("hold", media), frames=OWN),
    ):
        with pytest.raises(RenderError, match="plan it again"):
            make(wrong, paths(wrong, media), tmp_path)


def test_costs_grow_with_what_is_made(media: tuple[Path, Path]) -> None:
    costs = {name: extra_cost(slot(name, media)) for name in WAYS}
    assert costs["stretch"] > costs["hold"] > 0
    plain = fill_cost("source", SMALL, wanted=450, own=450)
    ways = [
        fill_cost(way, SMALL, wanted=450, own=300, then=166, overlap=16)
        for way in ("fuse", "stretch", "hold")
    ]
    assert all(cost > plain * 0.9 for cost in ways)
    assert max(ways) == ways[1]


@pytest.mark.slow
@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("seconds", ["15", "16.7", "20"])
def test_every_length_at_every_rate(fps: int, seconds: str, tmp_path: Path) -> None:
    profile = Profile(
        name="tiny", width=96, height=160, fps=Fraction(fps), preset="ultrafast", level="3.1"
    )
    one, two = (Coded(n, 420).write(tmp_path / f"c{n}.mp4") for n in (1, 2))
    wanted = to_frames(Fraction(seconds), Fraction(fps))
    own = 14 * fps
    overlap = fps // 2
    first = clip(one, own, profile)
    second = clip(two, wanted - own + overlap, profile)
    for spec in (
        ExtendSpec(Way.HOLD, (first,), wanted),
        ExtendSpec(Way.STRETCH, (first,), wanted),
        ExtendSpec(Way.FUSE, (first, second), wanted, overlap),
        ExtendSpec(Way.FUSE, (first, second), wanted, overlap, FuseJoin.MORPH),
    ):
        folder = tmp_path / f"{spec.way.value}-{spec.join.value}"
        files, facts = make(spec, (one, two)[: len(spec.clips)], folder)
        assert read_index(files["piece"]).track("vide").samples == wanted
        sound = sound_of(files["sound"])
        assert len(sound) == profile.grid.samples(wanted)
        assert longest_silence(sound) < 48
        if spec.way is Way.STRETCH:
            share = slowed_share(wanted, own, Fraction(fps), Fraction(30))
            assert Fraction(facts["synthetic"]) == share
