"""What a take sounds like: how loud it is as a whole and at both ends, and its quiet background.

Loudness comes measured (EBU R128); the background is the level of each octave at the moments
when little else is heard. Pure: takes samples, gives values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chainer.media.frames import SOUND_RATE, Heard
from chainer.memory.observation import Sound

SILENCE = -60.0
"""LUFS; quieter counts as silence."""
BANDS = tuple(31.25 * 2**n for n in range(10))
"""Middles of the octave bands in Hz, 31.25 to 16,000; each reaches half an octave both ways."""
FLOOR = -120.0
"""Decibels that stand for nothing at all."""

_EDGE_VALUES = 30
"""Short-term loudness comes ten times a second and looks back three: the first whole one."""
_WINDOW = 8192
_HOP = 4096
_AT_ONCE = 64
_QUIET = 20


def sound_of(heard: Heard) -> Sound:
    """The sound of a take. Of a clip of 3 to 6 seconds, head and tail overlap."""
    head = tail = None
    if len(heard.short) >= _EDGE_VALUES:
        head, tail = _audible(heard.short[_EDGE_VALUES - 1]), _audible(heard.short[-1])
    samples = np.frombuffer(heard.samples, "<i2")
    return Sound(_audible(heard.integrated), head, tail, ambience(samples))


def ambience(samples: NDArray[np.int16]) -> tuple[float, ...]:
    """The level of each octave band at the 20th percentile of time.

    In decibels, 0 for a sine at full scale, `FLOOR` where there is nothing. `samples` are mono,
    `SOUND_RATE` a second.
    """
    frames = _frames(samples)
    window = np.hanning(_WINDOW).astype(np.float32)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SOUND_RATE)
    edges = np.searchsorted(hertz, [*(band / 2**0.5 for band in BANDS), BANDS[-1] * 2**0.5])
    # A sine at full scale gives 1: half a unit of power, in both halves of the spectrum.
    scale = 4 / (_WINDOW * float(np.sum(window**2)))
    levels = np.empty((len(frames), len(BANDS)), np.float32)
    for first in range(0, len(frames), _AT_ONCE):  # so that ten minutes fit into memory
        part = frames[first : first + _AT_ONCE].astype(np.float32) * (window / 32768)
        power = np.abs(np.fft.rfft(part, axis=1)) ** 2 * scale
        levels[first : first + _AT_ONCE] = np.add.reduceat(power, edges, axis=1)[:, :-1]
    quiet = np.percentile(levels, _QUIET, axis=0)
    decibels = 10 * np.log10(np.maximum(quiet, 10 ** (FLOOR / 10)))
    return tuple(round(float(level), 2) for level in decibels)


def _frames(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Overlapping windows, at least one; what is left at the end is not looked at."""
    if len(samples) < _WINDOW:
        samples = np.pad(samples, (0, _WINDOW - len(samples)))
    return np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]


def _audible(loudness: float | None) -> float | None:
    """`loudness` in LUFS, or None for silence."""
    return None if loudness is None or loudness < SILENCE else loudness
