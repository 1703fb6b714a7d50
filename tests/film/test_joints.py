"""Pictures and sound at the joints of a finished film, held against what was drawn and played."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import chainer
from chainer.episode.plan import Episode, EpisodePlan

from .coded import (
    FPS,
    RATE,
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


def test_the_sound_is_the_ideal_mix_with_no_more_than_coding_noise(built: Built) -> None:
    sound = decode_sound(built.film)
    layout = built.plan.layout
    ideal = ideal_mix(built)
    assert len(sound) >= layout.frames * RATE // FPS - 1
    count = min(len(sound), len(ideal))
    error = sound[:count] - ideal[:count]
    window = RATE // 50
    levels = np.array(
        [
            np.sqrt(np.mean(error[at : at + window] ** 2))
            for at in range(0, count - window, window // 4)
        ]
    )
    # The tail of the last clip is faded over 3 ms against a click at the end of the film.
    levels = levels[8:-8]
    splices = np.zeros(len(levels), bool)
    for body in layout.bodies:
        for packet in (body.packet_first, body.packet_last):
            at = (layout.sound_starts[body.slot] + packet) * 1024
            splices[max(0, (at - 2048) * 4 // window - 8) : (at + 2048) * 4 // window - 8] = True
    noise = np.percentile(levels[~splices], 99)
    assert levels[splices].max() <= 1.5 * noise
    jumps = np.abs(np.diff(error, axis=0)).max(axis=1)
    assert jumps[400:-400].max() < 0.02


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
        assert source.sound["loudness"] == pytest.approx(-14, abs=0.3)
        assert source.sound["true_peak"] <= -1.0
