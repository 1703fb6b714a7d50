"""Sounds of places and things: water, wind, gulls, bells, steps, and the music of the dance."""

from __future__ import annotations

import math

import numpy as np

from sample.speech import RATE, Sound


class Track:
    """A stereo track into which sounds are laid."""

    def __init__(self, seconds: float) -> None:
        self.samples: Sound = np.zeros((round(seconds * RATE), 2))

    def add(self, sound: Sound, at: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Lay a sound at a time; what sticks out is cut off softly."""
        start = int(at * RATE)
        n = min(len(sound), len(self.samples) - start)
        if n <= 0 or start < 0:
            return
        piece = sound[:n].copy()
        if n < len(sound):
            m = min(n, 2400)
            fade = np.linspace(1, 0, m)
            piece[-m:] *= fade if piece.ndim == 1 else fade[:, None]
        if piece.ndim == 1:
            angle = (pan + 1) * math.pi / 4
            piece = np.stack(
                [piece * math.cos(angle), piece * math.sin(angle)], axis=1
            ) * math.sqrt(2)
        self.samples[start : start + n] += piece * gain


def noise(seconds: float, low: float, high: float, seed: int, slope: float = 0.0) -> Sound:
    """Band-limited noise with a falling spectrum (slope in powers of f)."""
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, 1, n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    band = (
        1
        / (1 + (low / np.maximum(f, 1)) ** 4)
        / (1 + (f / high) ** 4)
        * np.maximum(f, 20) ** -slope
    )
    out: Sound = np.fft.irfft(spectrum * band, n)
    return out / max(float(np.abs(out).max()), 1e-9)


def _time(seconds: float) -> Sound:
    return np.arange(round(seconds * RATE)) / RATE


def water(seconds: float, seed: int, rough: float = 0.5) -> Sound:
    """Waves: two channels that swell apart."""
    t = _time(seconds)
    sides = []
    for k in (0, 1):
        body = noise(seconds, 60, 700 + 500 * rough, seed + k, 0.45)
        hiss = noise(seconds, 900, 5200, seed + 10 + k, 0.2)
        swell = 0.5 + 0.5 * np.sin(2 * math.pi * t * (0.16 + 0.03 * k) + seed + 1.3 * k)
        lap = np.clip(np.sin(2 * math.pi * t * 0.47 + seed * 0.7 + k), 0, 1) ** 3
        sides.append(
            body * (0.35 + 0.65 * swell) + hiss * (0.05 + 0.16 * swell**3 * rough + 0.07 * lap)
        )
    return np.stack(sides, axis=1)


def wind(seconds: float, seed: int) -> Sound:
    """A wind that comes and goes."""
    t = _time(seconds)
    sides = []
    for k in (0, 1):
        gust = (
            0.55
            + 0.3 * np.sin(2 * math.pi * t * 0.21 + seed + k)
            + 0.15 * np.sin(2 * math.pi * t * 0.53 + 2 * seed)
        )
        sides.append(noise(seconds, 140, 620, seed + k, 0.3) * gust)
    return np.stack(sides, axis=1)


def murmur(seconds: float, seed: int) -> Sound:
    """A street of people too far to understand."""
    rng = np.random.default_rng(seed)
    t = _time(seconds)
    out = np.zeros((len(t), 2))
    for _ in range(9):
        pitch, rate = float(rng.uniform(95, 260)), float(rng.uniform(3.2, 5.2))
        phase, pan = float(rng.uniform(0, 6)), float(rng.uniform(0.15, 0.85))
        words = np.clip(np.sin(2 * math.pi * rate * t + phase) + 0.3, 0, 1) * np.clip(
            np.sin(2 * math.pi * t * float(rng.uniform(0.2, 0.5)) + phase * 2) + 0.4, 0, 1
        )
        glide = np.cumsum(pitch * (1 + 0.08 * np.sin(2 * math.pi * t * 0.9 + phase))) / RATE
        talk = sum(np.sin(2 * math.pi * h * glide) / h for h in range(1, 7))
        out += (talk * words)[:, None] * np.array([1 - pan, pan])
    hush = noise(seconds, 200, 1600, seed + 5, 0.4)
    loud: Sound = out / np.abs(out).max() * 0.8 + hush[:, None] * 0.25
    return loud


def gull_cry(seed: int, count: int = 3) -> Sound:
    """Kee-ow, kee-ow."""
    rng = np.random.default_rng(seed)
    parts = []
    for k in range(count):
        long = 0.34 - 0.05 * k + float(rng.uniform(0, 0.05))
        t = _time(long)
        u = t / long
        pitch = (1150 + float(rng.uniform(-60, 60))) * (
            0.72 + 0.5 * np.sin(math.pi * np.minimum(u * 1.5, 1)) - 0.25 * u
        )
        phase = 2 * math.pi * np.cumsum(pitch) / RATE
        tone = sum(np.sin(h * phase) * g for h, g in ((1, 1.0), (2, 0.7), (3, 0.45), (4, 0.2)))
        rasp = 1 + 0.3 * np.sin(2 * math.pi * 55 * t)
        parts += [
            tone * rasp * np.sin(math.pi * u) ** 0.6 * (1 - 0.2 * k),
            np.zeros(int(0.06 * RATE)),
        ]
    out: Sound = np.concatenate(parts)
    return out / float(np.abs(out).max())


def bell(pitch: float = 620, seconds: float = 2.2) -> Sound:
    """A hand bell."""
    t = _time(seconds)
    out: Sound = np.zeros(len(t))
    for ratio, gain, decay in (
        (0.5, 0.3, 2.0),
        (1, 1.0, 1.6),
        (1.19, 0.5, 1.2),
        (2.0, 0.55, 0.9),
        (2.74, 0.4, 0.6),
        (3.76, 0.25, 0.4),
        (5.1, 0.12, 0.25),
    ):
        out += gain * np.sin(2 * math.pi * pitch * ratio * t) * np.exp(-t / decay * 1.6)
    attack = np.minimum(t / 0.002, 1) * np.clip((seconds - t) / 0.2, 0, 1)
    return out * attack / 2.6


def foghorn(seconds: float = 2.4) -> Sound:
    """Far and low."""
    t = _time(seconds)
    pitch = np.where(t < seconds * 0.72, 92.0, 78.0)
    pitch = np.convolve(np.pad(pitch, 2400, mode="edge"), np.ones(4801) / 4801, mode="valid")
    phase = 2 * math.pi * np.cumsum(pitch) / RATE
    tone: Sound = sum((np.sin(h * phase) / h**1.1 for h in range(1, 9)), np.zeros(len(t)))
    out: Sound = tone * np.clip(t / 0.25, 0, 1) * np.clip((seconds - t) / 0.5, 0, 1) / 1.8
    return out


def step(seed: int, *, wood: bool = True) -> Sound:
    """One foot on planks or stone."""
    t = _time(0.16)
    knock = np.sin(2 * math.pi * (88 if wood else 150) * t * (1 - t)) * np.exp(
        -t * (30 if wood else 55)
    )
    grit = noise(0.16, 300 if wood else 900, 2200 if wood else 5000, seed) * np.exp(-t * 60)
    out: Sound = (knock * (1.0 if wood else 0.5) + 0.5 * grit) * np.minimum(t / 0.002, 1)
    return out


def creak(seed: int, seconds: float = 0.9) -> Sound:
    """A rope or a mast under load: stick and slip."""
    rng = np.random.default_rng(seed)
    t = _time(seconds)
    rate = (
        26
        + 30 * np.sin(math.pi * t / seconds)
        + np.interp(t, np.linspace(0, seconds, 9), rng.normal(0, 4, 9))
    )
    phase = np.cumsum(rate) / RATE
    saw = 1 - 2 * (phase % 1.0)
    ring = (
        np.sin(2 * math.pi * 410 * t) * 0.5
        + np.sin(2 * math.pi * 655 * t) * 0.35
        + np.sin(2 * math.pi * 980 * t) * 0.2
    )
    out: Sound = np.clip(saw, 0, 1) ** 5 * ring * np.sin(math.pi * t / seconds) ** 1.5
    return out


def flutter(seconds: float = 0.8, rate: float = 9.0, seed: int = 4) -> Sound:
    """Wings."""
    t = _time(seconds)
    beat = np.clip(np.sin(2 * math.pi * rate * t), 0, 1) ** 2
    return noise(seconds, 200, 1500, seed, 0.3) * beat * np.sin(math.pi * t / seconds)


def splash(seed: int, seconds: float = 0.9) -> Sound:
    """Something leaves the water."""
    t = _time(seconds)
    return noise(seconds, 500, 5000, seed, 0.2) * np.exp(-t * 5) * np.minimum(t / 0.01, 1)


def ignite() -> Sound:
    """A wick that catches."""
    t = _time(1.6)
    puff = noise(1.6, 80, 900, 77, 0.3) * np.exp(-((t - 0.25) ** 2) / 0.02)
    hum = np.sin(2 * math.pi * 110 * t) * 0.12 + np.sin(2 * math.pi * 220.5 * t) * 0.06
    return puff + hum * np.clip((t - 0.2) / 0.6, 0, 1) * np.clip((1.6 - t) / 0.6, 0, 1)


def chime(notes: list[float], gap: float = 0.16) -> Sound:
    """A few glass notes for a good moment."""
    out: Sound = np.zeros(round((gap * len(notes) + 1.8) * RATE))
    for k, pitch in enumerate(notes):
        t = _time(1.7)
        tone = (
            np.sin(2 * math.pi * pitch * t) + 0.3 * np.sin(2 * math.pi * pitch * 2.01 * t)
        ) * np.exp(-t * 3)
        tone *= np.minimum(t / 0.004, 1) * np.clip((1.7 - t) / 0.2, 0, 1)
        at = int(k * gap * RATE)
        out[at : at + len(tone)] += tone
    return out / 2.2


def concertina(tune: list[tuple[int | None, float]], beat: float, *, bass: bool = True) -> Sound:
    """A tune in half tones above A3, with a bass note on each strong beat."""
    total = sum(long for _, long in tune) * beat + 0.4
    out: Sound = np.zeros(round(total * RATE))
    at, strong = 0.0, 0
    for note, long in tune:
        if note is not None:
            _reed(out, 220 * 2 ** (note / 12), at, long * beat * 0.93, 0.55)
        at += long * beat
    while bass and strong * 2 * beat < at - beat:
        root = (-12, -5, -12, -7)[(strong // 2) % 4]
        _reed(out, 220 * 2 ** (root / 12), strong * 2 * beat, beat * 0.8, 0.35)
        for q in (4, 7):
            _reed(out, 220 * 2 ** ((root + q) / 12), (strong * 2 + 1) * beat, beat * 0.5, 0.16)
        strong += 1
    return out / float(np.abs(out).max())


def _reed(out: Sound, pitch: float, at: float, long: float, gain: float) -> None:
    t = _time(long)
    tone: Sound = np.zeros(len(t))
    for detune in (1.0, 1.006):
        tone += sum(np.sin(2 * math.pi * h * pitch * detune * t) / h**1.2 for h in range(1, 8))
    start = int(at * RATE)
    n = min(len(t), len(out) - start)
    env = np.minimum(t / 0.02, 1) * np.clip((long - t) / 0.04, 0, 1)
    out[start : start + n] += (tone * env * gain)[:n]
