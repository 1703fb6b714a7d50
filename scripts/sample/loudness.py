"""Loudness: BS.1770 integrated value, true peak, and bringing a track to both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sample.speech import RATE, Sound


def _weighting(f: NDArray[np.floating[Any]]) -> Sound:
    """Power response of the K weighting at the given frequencies."""
    z = np.exp(-2j * math.pi * f / RATE)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    out: Sound = np.abs(shelf * high)
    return out


def integrated(samples: Sound) -> float:
    """LUFS of a track, with both gates."""
    n = len(samples)
    pad = 1 << (n - 1).bit_length()
    response = _weighting(np.fft.rfftfreq(pad, 1 / RATE))
    power = np.zeros(n)
    for channel in samples.T:
        weighted = np.fft.irfft(np.fft.rfft(channel, pad) * response, pad)[:n]
        power += weighted**2
    total = np.concatenate([[0.0], np.cumsum(power)])
    block, hop = int(0.4 * RATE), int(0.1 * RATE)
    starts = np.arange(0, n - block + 1, hop)
    mean = (total[starts + block] - total[starts]) / block
    loud = -0.691 + 10 * np.log10(np.maximum(mean, 1e-12))
    kept = mean[loud > -70]
    if len(kept) == 0:
        return -70.0
    gate = -0.691 + 10 * math.log10(float(kept.mean())) - 10
    kept = mean[(loud > -70) & (loud > gate)]
    return -0.691 + 10 * math.log10(float(kept.mean()))


def true_peak(samples: Sound) -> float:
    """dBTP, measured at four times the rate."""
    n = len(samples)
    peak = 0.0
    for channel in samples.T:
        up = np.fft.irfft(np.fft.rfft(channel), 4 * n) * 4
        peak = max(peak, float(np.abs(up).max()))
    return 20 * math.log10(max(peak, 1e-9))


def bring_to(samples: Sound, lufs: float, ceiling: float = -2.5) -> Sound:
    """The track at a loudness, its peaks bent softly below the ceiling."""
    out = samples
    for _ in range(4):
        out = out * 10 ** ((lufs - integrated(out)) / 20)
        if true_peak(out) <= ceiling:
            continue
        top = 10 ** ((ceiling - 0.4) / 20)
        knee = top * 0.55
        size = np.abs(out)
        bent = knee + (top - knee) * np.tanh((size - knee) / (top - knee))
        out = np.where(size > knee, np.sign(out) * bent, out)
    over = true_peak(out) - ceiling
    return out * 10 ** (-over / 20) if over > 0 else out
