"""Pictures and sound at the joints of a finished film, held against what was drawn and played."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import chainer
from chainer.episode.plan import Episode, EpisodePlan
from chainer.render.encoder import sound_options

from .coded import (
    FFMPEG,
    FPS,
    RATE,
    SMALL,
    Coded,
    Samples,
    decode,
    decode_sound,
    frame_hashes,
    read_codes,
    small_settings,
    write_graph,
)

KINDS = {
    "auto": [None] * 4,
    "cut": [{"kind": "cut"}] * 4,
    "crossfade": [{"kind": "crossfade", "seconds": text} for text in ("2/5", "1/2", "1", "1/5")],
    "fade": [{"kind": "fade", "seconds": text} for text in ("4/5", "1/2", "1", "4/5")],
    "mixed": [{"kind": "cut"}, None, {"kind": "fade"}, {"kind": "crossfade", "seconds": "7/10"}],
}
ATOMS = (Coded(1, 75), Coded(2, 92), Coded(3, 48), Coded(4, 61), Coded(5, 70))


@dataclass(frozen=True)
class Built:
    plan: EpisodePlan
    episode: Episode

    @property
    def film(self) -> Path:
        return self.episode.path / "episode.mp4"


@pytest.fixture(scope="session", params=KINDS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp(request.param)
    graph = chainer.load_graph(write_graph(folder, ATOMS, KINDS[request.param]))
    plan = chainer.plan_episode(graph, "c1", settings=small_settings(folder / "store"))
    return Built(plan, chainer.render_episode(plan, folder / "out"))


def test_every_frame_is_the_planned_one(built: Built) -> None:
    layout = built.plan.layout
    found = read_codes(built.film)
    assert len(found) == layout.frames
    expected: list[tuple[int, int] | None] = [None] * layout.frames
    for number, slot in enumerate(layout.slots):
        left = layout.joints[number - 1] if number else None
        right = layout.joints[number] if number < len(layout.joints) else None
        first = left.right if left else 0
        last = slot.frames - (right.left if right else 0)
        for frame in range(first, last):
            expected[layout.starts[number] + frame] = (ATOMS[number].number, frame)
    wrong = [
        (at, want, got)
        for at, (want, got) in enumerate(zip(expected, found, strict=True))
        if want is not None and want != got
    ]
    assert wrong == []


def test_new_work_is_a_blend_and_nothing_is_black_or_held(built: Built) -> None:
    """In a crossfade of L frames, frame k is (L-k)/L of the one and k/L of the other."""
    layout = built.plan.layout
    pictures = decode(built.film)[:, 60:, :].astype(float).mean(axis=(1, 2))
    for number, joint in enumerate(layout.joints):
        start = layout.starts[number + 1]
        before = pictures[layout.starts[number] + layout.slots[number].frames - joint.left - 3]
        after = pictures[start + joint.right + 2]
        if joint.overlap:
            for k in range(joint.overlap):
                ideal = before + (after - before) * k / joint.overlap
                assert abs(pictures[start + k] - ideal) < 4, (number, k)
        elif joint.left:
            out = pictures[start - joint.gap - joint.left : start - joint.gap]
            back = pictures[start : start + joint.right]
            assert np.all(np.diff(out) < 1)
            assert np.all(np.diff(back) > -1)
            assert np.all(pictures[start - joint.gap : start] < 20)


def test_copied_frames_are_bit_identical_to_the_canonical_clip(built: Built) -> None:
    plan = built.plan
    store = chainer.Store(plan.store)
    for body in plan.layout.bodies:
        _, record = store.find(plan.render.slots[body.slot])
        assert record is not None
        count = body.last - body.first
        piece = store.path_of(record.files["piece"].digest)
        assert frame_hashes(built.film, body.at, count) == frame_hashes(piece, body.first, count)


def test_splices_add_no_noise_to_that_of_coding(built: Built, tmp_path: Path) -> None:
    """Held against the coding noise of copied sound, and of the ideal mix encoded in one go."""
    sound = decode_sound(built.film)
    layout = built.plan.layout
    ideal = ideal_mix(built)
    whole = encode_whole(ideal, tmp_path)
    assert len(sound) >= layout.frames * RATE // FPS - 1
    count = min(len(sound), len(ideal), len(whole))
    window, hop = RATE // 50, RATE // 200
    spliced = noise_levels(sound[:count] - ideal[:count], window, hop)
    coded = noise_levels(whole[:count] - ideal[:count], window, hop)
    near = np.zeros(len(spliced), bool)
    # The tail of the last clip is faded over 3 ms against a click at the end of the film.
    for body in layout.bodies:
        for packet in (body.packet_first, body.packet_last):
            at = (layout.sound_starts[body.slot] + packet) * 1024 // hop
            near[max(4, at - 16) : max(4, min(len(near) - 16, at + 16))] = True
    usual = np.percentile(spliced[~near], 95)
    limit = 1.5 * np.maximum(usual, coded[: len(spliced)])
    assert np.all(spliced[near] <= limit[near])
    jumps = np.abs(np.diff(sound[:count] - ideal[:count], axis=0)).max(axis=1)
    steady = jumps[::64].max()
    assert jumps[400:-400].max() < max(0.02, 3 * steady)


def noise_levels(error: Samples, window: int, hop: int) -> Samples:
    return np.array(
        [
            np.sqrt(np.mean(error[at : at + window] ** 2))
            for at in range(0, len(error) - window, hop)
        ]
    )


def encode_whole(sound: Samples, folder: Path) -> Samples:
    """The sound through the house encoder in one go, decoded again."""
    raw, coded = folder / "ideal.f32", folder / "ideal.mp4"
    raw.write_bytes(sound.astype("<f4").tobytes())
    words = [
        part for name, value in sound_options(SMALL).items() for part in (f"-{name}", str(value))
    ]
    argv = [FFMPEG, "-v", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", str(raw)]
    subprocess.run([*argv, *words, str(coded)], check=True)
    return decode_sound(coded)


def ideal_mix(built: Built) -> Samples:
    """What the film should sound like, from the formula of each atom and its measured gain."""
    layout = built.plan.layout
    gains = {source.atom: source.sound["gain_db"] for source in built.episode.manifest.sources}
    assert not any(source.sound["limited"] for source in built.episode.manifest.sources)
    total = (layout.frames * RATE // FPS) + 4096
    mix = np.zeros((total, 2))
    for number, slot in enumerate(layout.slots):
        sound = ATOMS[number].sound() * 10 ** (gains[slot.name] / 20)
        start = layout.sound_starts[number] * 1024
        weight = np.ones(len(sound))
        if number:
            joint = layout.joints[number - 1]
            count = joint.right * RATE // FPS if joint.right else 480
            weight[:count] = np.sin(np.arange(count) / count * np.pi / 2)
        if number < len(layout.joints):
            joint = layout.joints[number]
            if joint.left and not joint.overlap:
                count = joint.left * RATE // FPS
                weight[-count:] = np.cos(np.arange(count) / count * np.pi / 2)
            else:
                count = joint.overlap * RATE // FPS or 480
                at = layout.sound_starts[number + 1] * 1024 - start
                handle = at + count - len(sound)
                if handle > 0:
                    sound = np.concatenate([sound, sound[::-1][:handle]])
                    weight = np.concatenate([weight, np.ones(handle)])
                weight[at : at + count] = np.cos(np.arange(count) / count * np.pi / 2)
                weight[at + count :] = 0
        stop = min(total, start + len(sound))
        mix[start:stop] += (sound * weight[:, None])[: stop - start]
    return mix


def test_loudness_of_every_atom_is_the_target(built: Built) -> None:
    for source in built.episode.manifest.sources:
        assert source.sound["loudness"] == pytest.approx(-14, abs=0.4)
        assert source.sound["true_peak"] <= -1.0
