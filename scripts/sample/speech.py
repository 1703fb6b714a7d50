"""Speech: when each syllable of a line is said, how far the mouth opens, and how it sounds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample.curves import ease

Sound = NDArray[np.float64]
RATE = 48_000

VOWELS: dict[
    str, tuple[float, float, float, float]
] = {  # three formants, and how open the mouth is
    "a": (800, 1250, 2600, 1.0),
    "e": (520, 1850, 2550, 0.7),
    "i": (320, 2250, 3000, 0.45),
    "o": (480, 900, 2500, 0.8),
    "u": (340, 800, 2350, 0.4),
}


@dataclass(frozen=True)
class Line:
    """One entry of dialogue."""

    start: str
    end: str
    who: str
    text: str


@dataclass(frozen=True)
class Syllable:
    """One opening of the mouth."""

    start: float
    end: float
    vowel: str
    stress: float
    hiss: bool


@dataclass(frozen=True)
class Voice:
    """How somebody sounds."""

    pitch: float
    size: float  # formants are moved by this
    breath: float
    shake: float
    tilt: float


VOICES: dict[str, Voice] = {
    "mei": Voice(305, 1.22, 0.03, 0.012, 1.0),
    "bo": Voice(98, 0.86, 0.02, 0.006, 1.25),
    "ines": Voice(188, 1.06, 0.05, 0.028, 1.1),
}


def syllables(line: Line) -> list[Syllable]:
    """The line cut into syllables spread over its time; a comma or full stop takes a rest."""
    units: list[tuple[str, float, bool]] = []
    for word in re.findall(r"[A-Za-z']+|[.,!?…]", line.text.lower()):
        if word in ".,!?…":
            units.append(("", 0.9, False))
            continue
        stem = word[:-1] if len(word) > 3 and word.endswith("e") else word
        groups = re.findall(r"[^aeiouy]*[aeiouy]+", stem) or [stem + "a"]
        for g in groups:
            vowel = re.findall(r"[aeiouy]", g)[0]
            units.append(
                (
                    {"y": "i"}.get(vowel, vowel),
                    1.0 + 0.2 * (len(g) > 2),
                    bool(re.match(r"[stfhck]", g)),
                )
            )
    while units and units[-1][0] == "":
        units.pop()
    start, end = float(line.start), float(line.end)
    total = sum(u[1] for u in units)
    out, at = [], start
    for k, (vowel, long, hiss) in enumerate(units):
        span = (end - start) * long / total
        if vowel:
            out.append(Syllable(at, at + span, vowel, 1.0 if k % 2 == 0 else 0.75, hiss))
        at += span
    return out


def mouth_at(lines: list[Line], who: str, t: float) -> float:
    """How far somebody's mouth is open."""
    best = 0.0
    for line in lines:
        if line.who == who and float(line.start) <= t <= float(line.end):
            for s in syllables(line):
                if s.start <= t < s.end:
                    u = (t - s.start) / (s.end - s.start)
                    best = max(
                        best,
                        math.sin(math.pi * u) ** 0.7 * VOWELS[s.vowel][3] * (0.6 + 0.4 * s.stress),
                    )
    return best


def say(line: Line, seed: int) -> Sound:
    """The line as sound, from its start: harmonics under three formants, a moving pitch."""
    voice = VOICES[line.who]
    rng = np.random.default_rng(seed)
    start, end = float(line.start), float(line.end)
    n = int((end - start) * RATE)
    t = np.arange(n) / RATE
    parts = syllables(line)
    asks, cries = line.text.rstrip().endswith("?"), line.text.rstrip().endswith("!")
    marks, pitches, levels_at, levels = [0.0], [1.05], [0.0], [0.0]
    forms: list[tuple[float, float, float]] = [VOWELS[parts[0].vowel][:3]]
    for k, s in enumerate(parts):
        a, b = s.start - start, s.end - start
        u = k / max(len(parts) - 1, 1)
        bend = (
            1.1
            - 0.2 * u
            + (0.34 * max(0.0, u - 0.7) / 0.3 if asks else 0.0)
            + (0.12 if cries else 0.0)
        )
        marks.append((a + b) / 2)
        pitches.append(
            bend * (1 + 0.09 * (s.stress - 0.85) * 4 * 0.5 + float(rng.normal(0, 0.025)))
        )
        forms.append(VOWELS[s.vowel][:3])
        gap = 0.018 + 0.02 * s.hiss
        levels_at += [a + gap * 0.4, a + gap + 0.02, (a + b) / 2, b - 0.004]
        levels += [0.06, 0.85 * s.stress, s.stress, 0.2]
    levels_at.append(end - start)
    levels.append(0.0)
    pitch = voice.pitch * np.interp(t, marks, pitches)
    pitch *= 1 + voice.shake * np.sin(2 * math.pi * 5.6 * t + 1.0)
    phase = 2 * math.pi * np.cumsum(pitch) / RATE
    form = [np.interp(t, marks, [f[k] for f in forms]) * voice.size for k in range(3)]
    level = np.interp(t, levels_at, levels)
    level = np.convolve(level, np.hanning(481) / np.hanning(481).sum(), mode="same")
    out: Sound = np.zeros(n)
    for h in range(1, int(min(40, 4600 / voice.pitch)) + 1):
        f = pitch * h
        gain = sum(
            w / (1 + ((f - form[k]) / (75 + 35 * k)) ** 2) for k, w in enumerate((1.0, 0.55, 0.25))
        )
        out += np.sin(h * phase) * (gain + 0.02) / h**0.35 * np.clip((5200 - f) / 800, 0, 1)
    out *= level
    noise = rng.normal(0, 1, n)
    out += voice.breath * level * np.diff(noise, prepend=0.0)
    for s in parts:
        if s.hiss:
            a = int(max(s.start - start, 0) * RATE)
            m = min(int(0.05 * RATE), n - a)
            burst = np.diff(rng.normal(0, 1, m + 1)) * np.hanning(m)
            out[a : a + m] += burst * 0.16
    peak = float(np.max(np.abs(out)))
    fade = np.array([ease(k / 300) for k in range(300)])
    out[:300] *= fade
    out[-300:] *= fade[::-1]
    return out / max(peak, 1e-9)
