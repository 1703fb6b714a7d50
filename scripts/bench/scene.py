"""Generated pictures and sound that cost an encoder what real ones do.

A world with the edges and the spectrum of photographs moves, turns and grows behind textured
bodies; film grain lies over all. Everything follows from the atom's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from bench.marks import CHIRP_SAMPLES, Marks, chirp, flash_frames

RATE = 48_000
SAMPLES_PER_FRAME = 1600


def pictures(number: int, frames: int, width: int, height: int, marks: Marks) -> Iterator[bytes]:
    """Frames of atom `number` as yuv420p bytes, marks drawn in."""
    rng = np.random.default_rng(1000 + number)
    world, *tints = _leaves(rng, height + height // 2, width + width // 2)
    bodies = [_Body(rng, width, height) for _ in range(4)]
    grain = [
        np.clip(rng.normal(0.0, 1.0, (height, width)).round(), -8, 8).astype(np.int16)
        for _ in range(8)
    ]
    speed = rng.uniform(0.5, 1.6, 2) * rng.choice((-1, 1), 2)
    turn, growth = rng.uniform(-0.02, 0.02), rng.uniform(0.0002, 0.0006)
    for frame in range(frames):
        luma = _moved(world, frame, speed, turn, growth, width, height)
        for body in bodies:
            body.paint(luma, frame)
        shake = rng.integers(0, 64, 2)
        noise = np.roll(grain[frame % 8], tuple(shake), (0, 1))
        plane = np.clip(luma.astype(np.int16) + noise, 16, 235).astype(np.uint8)
        marks.draw(plane, number, frame)
        chroma = [
            _moved(tint, frame, speed / 2, turn, growth, width // 2, height // 2) for tint in tints
        ]
        yield plane.tobytes() + chroma[0].tobytes() + chroma[1].tobytes()


def sound(number: int, samples: int, *, level: float = 0.08) -> Any:
    """Stereo float samples: a slow chord with soft noise, and a chirp with every flash."""
    rng = np.random.default_rng(5000 + number)
    t = np.arange(samples) / RATE
    root = 110.0 * 2 ** ((number * 5 % 12) / 12)
    mix = np.zeros((samples, 2))
    for step, ratio in enumerate((1.0, 1.2599, 1.4983, 2.0, 2.9966)):
        swell = 0.7 + 0.3 * np.sin(2 * np.pi * (0.11 + 0.07 * step) * t + rng.uniform(0, 6))
        wave = np.sin(2 * np.pi * root * ratio * t + rng.uniform(0, 6)) * swell / (1 + step)
        pan = rng.uniform(0.3, 0.7)
        mix += np.stack([wave * (1 - pan), wave * pan], axis=1)
    noise = rng.normal(0, 1, (samples, 2))
    soft = np.cumsum(noise, axis=0)
    soft -= np.stack([np.convolve(soft[:, c], np.ones(257) / 257, "same") for c in (0, 1)], axis=1)
    mix += 0.35 * soft / np.std(soft)
    mix *= level / np.std(mix)
    for frame in flash_frames(samples // SAMPLES_PER_FRAME):
        at = frame * SAMPLES_PER_FRAME
        mix[at : at + CHIRP_SAMPLES] += 4.5 * level * chirp()[: samples - at, None]
    return mix.astype(np.float32)


def _leaves(rng: Any, height: int, width: int) -> tuple[Any, Any, Any]:
    """Luma and half-size chroma of a world of bodies that hide each other, small ones most often.

    Such "dead leaves" have the edges and the spectrum of photographs (Lee, Mumford, Huang 2001).
    """
    luma = np.full((height, width), 110, np.uint8)
    chroma = [np.full((height // 2, width // 2), 128, np.uint8) for _ in range(2)]
    least, most = 0.006 * width, 0.28 * width
    for _ in range(2600):
        # Density r^-3 between the two radii.
        share = rng.random()
        radius = 1.0 / np.sqrt(share / least**2 + (1 - share) / most**2)
        centre = rng.random(2) * (width, height)
        axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.4, 1.0))))
        turn = rng.uniform(0, 180)
        tone = rng.normal(118, 46)
        for plane, value in zip((luma, *chroma), (tone, *rng.normal(128, 14, 2)), strict=True):
            part = plane.shape[1] / width
            at = (int(centre[0] * part), int(centre[1] * part))
            size = (max(1, int(axes[0] * part)), max(1, int(axes[1] * part)))
            cv2.ellipse(
                plane, at, size, turn, 0, 360, float(np.clip(value, 20, 230)), -1, cv2.LINE_AA
            )
    texture = _texture(rng, height, width, 0.0, 6.0)
    soft = cv2.GaussianBlur(luma, (0, 0), 0.8 * width / 1080)
    mixed = np.clip(soft + texture, 16, 235).astype(np.uint8)
    return mixed, chroma[0], chroma[1]


def _texture(rng: Any, height: int, width: int, mean: float, spread: float) -> Any:
    """Noise whose amplitude falls with frequency, somewhat faster than in photographs.

    These get their fine detail from edges, which random phases do not have.
    """
    longest = max(height, width)
    fy = np.fft.fftfreq(height)[:, None] * longest
    fx = np.fft.rfftfreq(width)[None, :] * longest
    fall = 1.0 / np.maximum(1.0, np.hypot(fy, fx)) ** 1.75
    phases = np.exp(2j * np.pi * rng.random(fall.shape))
    plane = np.fft.irfft2(fall * phases, (height, width))
    plane = (plane - plane.mean()) / plane.std()
    return (mean + spread * plane).astype(np.float32)


def _moved(
    plane: Any, frame: int, speed: Any, turn: float, growth: float, width: int, height: int
) -> Any:
    """A view of `plane` at a frame, with parts of a pixel."""
    scale = 1.0 + growth * frame
    view = cv2.getRotationMatrix2D(
        (plane.shape[1] / 2, plane.shape[0] / 2), turn * frame * 5, scale
    )
    view[:, 2] -= ((plane.shape[1] - width) / 2, (plane.shape[0] - height) / 2)
    view[:, 2] += speed * frame * width / 720
    return cv2.warpAffine(
        plane, view, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


class _Body:
    """A soft-edged textured disc on its own path."""

    def __init__(self, rng: Any, width: int, height: int) -> None:
        side = int(rng.uniform(0.22, 0.42) * width) & ~1
        self._skin = _texture(rng, side, side, rng.uniform(70, 180), 30.0)
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        self._mask = np.clip((1.0 - np.hypot(x, y)) * 6.0, 0, 1).astype(np.float32)
        self._size = (width, height)
        self._path = rng.uniform(0, 6.28, 2), rng.uniform(0.008, 0.03, 2)

    def paint(self, luma: Any, frame: int) -> None:
        phase, speed = self._path
        side = self._skin.shape[0]
        free = np.array([self._size[0] - side, self._size[1] - side])
        x, y = ((0.5 + 0.48 * np.sin(phase + speed * frame)) * free).astype(int)
        part = luma[y : y + side, x : x + side]
        part[:] = part + self._mask * (self._skin - part)
