"""Flashes against chirps: how far apart picture and sound are, to the sample.

A flash is the time of the first lit frame; a chirp is found by correlation and placed between
the samples. The offset of the method is taken off by measuring the sources the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.marks import CHIRP_SAMPLES, chirp
from bench.scene import RATE
from bench.watch import Shown

_REACH = int(0.45 * RATE)
_CLEAR = 6.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """A flash and its chirp: `time` of the flash, `late` is how much later the chirp is, in ms.

    None where no chirp stands out of the sound around the flash.
    """

    time: float
    late: float | None


def flash_times(
    shown: Sequence[Shown], clear: Callable[[int], bool] = lambda _: True
) -> list[float]:
    """Times at which the patch lights up, in frames of which `clear` is true."""
    return [
        now.time
        for n, now in enumerate(shown)
        if now.lit and (n == 0 or not shown[n - 1].lit) and clear(n)
    ]


def meetings(
    times: Sequence[float], samples: Any, offset: float = 0.0, *, follow: bool = False
) -> list[Meeting]:
    """Each flash with its chirp; `offset` in ms is taken off.

    With `follow` a chirp is looked for where the one before suggests, so that sound which runs
    away is found however far it goes.
    """
    found: list[Meeting] = []
    drift = 0.0
    for time in times:
        late = _late(time + drift / 1000, samples, offset)
        if late is not None and follow:
            late += drift
            drift = late
        found.append(Meeting(time, late))
    return found


def worst(found: Sequence[Meeting]) -> float | None:
    """The largest distance in ms; None where a chirp is missing or there was no flash."""
    values = [meeting.late for meeting in found]
    if not values or any(value is None for value in values):
        return None
    return max(abs(value) for value in values if value is not None)


def middle(found: Sequence[Meeting]) -> float:
    """The median distance in ms."""
    return float(np.median([meeting.late for meeting in found if meeting.late is not None]))


def _late(time: float, samples: Any, offset: float) -> float | None:
    at = round(time * RATE)
    first = max(0, at - _REACH)
    window = samples[first : at + _REACH + CHIRP_SAMPLES].astype(np.float64)
    if len(window) < CHIRP_SAMPLES * 2:
        return None
    size = 1 << (len(window) + CHIRP_SAMPLES - 1).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(chirp(), size)), size)[
        : len(window) - CHIRP_SAMPLES + 1
    ]
    peak = int(np.argmax(likeness))
    if likeness[peak] < _CLEAR * np.std(likeness):
        return None
    part = 0.0
    if 0 < peak < len(likeness) - 1:
        a, b, c = likeness[peak - 1 : peak + 2]
        part = 0.5 * (a - c) / (a - 2 * b + c)
    return float((first + peak + part) / RATE - time) * 1000 - offset
