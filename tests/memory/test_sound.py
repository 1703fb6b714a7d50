"""Loudness at both ends and the background, of sounds whose truth is computable."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from chainer.media.frames import SOUND_RATE, Heard
from chainer.memory.sound import BANDS, FLOOR, ambience, sound_of


def sine(hertz: float, seconds: float = 2.0, amplitude: float = 0.1) -> NDArray[np.int16]:
    time = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    return np.asarray(np.rint(32767 * amplitude * np.sin(2 * np.pi * hertz * time)), np.int16)


def heard(short: list[float | None], integrated: float | None = -20.0) -> Heard:
    return Heard(tuple(short), integrated, memoryview(sine(440).tobytes()))


@pytest.mark.parametrize("number", range(len(BANDS)))
def test_a_sine_lies_in_its_octave_at_its_level(number: int) -> None:
    levels = ambience(sine(BANDS[number]))
    assert levels[number] == pytest.approx(-20, abs=0.4)
    far = [level for n, level in enumerate(levels) if abs(n - number) > 1]
    assert max(far) < -60


def test_what_is_loud_for_a_moment_is_no_background() -> None:
    quiet = sine(1000, 10, 0.001)
    quiet[: 4 * SOUND_RATE] += sine(1000, 4, 0.5)
    assert ambience(quiet)[5] == pytest.approx(-60, abs=1)


def test_silence_and_sound_shorter_than_a_window() -> None:
    assert ambience(np.zeros(SOUND_RATE, np.int16)) == (FLOOR,) * len(BANDS)
    assert len(ambience(sine(1000, 0.05))) == len(BANDS)
    assert len(ambience(np.zeros(0, np.int16))) == len(BANDS)


def test_head_and_tail_are_the_first_and_the_last_whole_three_seconds() -> None:
    found = sound_of(heard([-99.0] * 29 + [-21.0] + [-50.0] * 40 + [-23.0]))
    assert (found.integrated, found.head, found.tail) == (-20.0, -21.0, -23.0)


def test_shorter_than_three_seconds_has_no_ends() -> None:
    found = sound_of(heard([-21.0] * 29))
    assert (found.head, found.tail) == (None, None)


def test_of_three_to_six_seconds_the_ends_overlap() -> None:
    found = sound_of(heard([-21.0] * 30))
    assert (found.head, found.tail) == (-21.0, -21.0)


@pytest.mark.parametrize("silence", [-70.0, -60.1, None])
def test_silence_has_no_loudness(silence: float | None) -> None:
    found = sound_of(heard([silence] * 60, silence))
    assert (found.integrated, found.head, found.tail) == (None, None, None)
