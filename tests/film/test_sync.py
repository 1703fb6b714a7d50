"""Flashes and beeps that were together in every clip are together in the film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chainer

from .coded import (
    BAND,
    FPS,
    RATE,
    Coded,
    Samples,
    decode,
    decode_sound,
    small_settings,
    write_graph,
)

FRAME = RATE // FPS


def beep_starts(sound: Samples, near: list[int]) -> list[int]:
    """The sample at which each beep starts, found by correlation near the given samples."""
    beep = np.sin(2 * np.pi * 3000 * np.arange(FRAME) / RATE)
    mono = sound.mean(axis=1)
    found = []
    for at in near:
        first = max(0, at - 2000)
        window = mono[first : at + 2000 + FRAME]
        power = np.abs(np.convolve(window, beep[::-1], mode="valid"))
        found.append(first + int(power.argmax()))
    return found


def worst_errors(folder: Path, joint: dict[str, str] | None, atoms: int) -> list[float]:
    """Milliseconds between flash and beep, for each flash of the film in order."""
    coded = [Coded(n, 61, beeps=(30,), amplitude=0.02) for n in range(1, atoms + 1)]
    graph = chainer.load_graph(write_graph(folder, coded, [joint] * (atoms - 1)))
    plan = chainer.plan_episode(graph, "c1", settings=small_settings(folder / "store"))
    film = chainer.render_episode(plan, folder / "out").path / "episode.mp4"
    bright = decode(film)[:, BAND + 10 :, :].mean(axis=(1, 2)) > 200
    flashes = [int(frame) for frame in np.flatnonzero(bright)]
    assert flashes == [start + 30 for start in plan.layout.starts[:atoms]]
    starts = beep_starts(decode_sound(film), [frame * FRAME for frame in flashes])
    return [
        (start - frame * FRAME) / RATE * 1000 for start, frame in zip(starts, flashes, strict=True)
    ]


def test_cuts_are_at_most_half_an_aac_frame_off_and_it_never_adds_up(tmp_path: Path) -> None:
    errors = worst_errors(tmp_path, {"kind": "cut"}, 16)
    assert max(map(abs, errors)) < 11
    assert abs(sum(errors[-4:]) / 4) < 11


def test_joints_of_ours_are_exact(tmp_path: Path) -> None:
    errors = worst_errors(tmp_path, None, 8)
    assert max(map(abs, errors)) < 1


@pytest.mark.slow
def test_sixty_cuts(tmp_path: Path) -> None:
    errors = [abs(error) for error in worst_errors(tmp_path, {"kind": "cut"}, 60)]
    assert max(errors) < 11
    assert max(errors[-10:]) <= max(errors[:30]) + 1


@pytest.mark.slow
def test_sixty_crossfades(tmp_path: Path) -> None:
    assert max(map(abs, worst_errors(tmp_path, None, 60))) < 1
