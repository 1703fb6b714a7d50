"""Shots that nobody filmed: a textured room with things that move, a camera that drifts, grain.

They widen the material: other palettes, other motion, darker and brighter than the clips at hand.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from bench_memory.clips import SIDE, Shot

_FPS = Fraction(30)
_FRAMES = 150


def generated_shots(count: int) -> list[Shot]:
    """`count` shots of five seconds, the same on every run."""
    return [_shot(number) for number in range(count)]


def _shot(number: int) -> Shot:
    rng = np.random.default_rng(1000 + number)
    wide, tall = (SIDE, 180) if number % 2 else (180, SIDE)
    room = _room(rng, wide + 60, tall + 60)
    bodies = [_body(rng, wide, tall) for _ in range(int(rng.integers(2, 5)))]
    way = rng.uniform(-0.25, 0.25, 2)
    grain = rng.uniform(0.8, 2.5)
    frames = []
    for at in range(_FRAMES):
        left, top = (30 + way * at).clip(0, 59)
        seen = cv2.warpAffine(
            room, np.array([[1, 0, -left], [0, 1, -top]], np.float32), (wide, tall)
        )
        for colour, size, start, speed, sway in bodies:
            x, y = start + speed * at + sway * np.sin(at / 12)
            middle = int(x % wide), int(y % tall)
            cv2.ellipse(seen, middle, size, 0, 0, 360, colour, -1, cv2.LINE_AA)
            inner = size[0] // 2, size[1] // 3
            cv2.ellipse(seen, middle, inner, 0, 0, 360, tuple(c * 0.6 for c in colour), -1)
        noise = rng.normal(0, grain, seen.shape[:2])[..., None]
        frames.append(np.clip(seen + noise, 0, 255).astype(np.uint8))
    name = f"generated_{number}"
    return Shot(f"{name}#0", name, np.stack(frames), _FPS, Path(name), 0)


def _room(rng: np.random.Generator, wide: int, tall: int) -> np.ndarray:
    """Shaded walls, soft stains and furniture, float32 B G R in 0..255."""
    base = rng.uniform(40, 190, 3)
    across = np.linspace(-1, 1, wide)[None, :, None] * rng.uniform(-40, 40, 3)
    down = np.linspace(-1, 1, tall)[:, None, None] * rng.uniform(-40, 40, 3)
    room = np.asarray(base + across + down, np.float32)
    for size, depth in ((24, 30), (6, 14), (2, 6)):
        small = rng.normal(0, depth, (tall // size + 2, wide // size + 2, 3)).astype(np.float32)
        room += cv2.resize(small, (wide, tall), interpolation=cv2.INTER_CUBIC)
    for _ in range(9):
        x, y = int(rng.integers(0, wide)), int(rng.integers(0, tall))
        w, h = (int(n) for n in rng.integers(12, 70, 2))
        colour = tuple(float(c) for c in rng.uniform(15, 235, 3))
        cv2.rectangle(room, (x, y), (x + w, y + h), colour, -1)
        cv2.rectangle(room, (x, y), (x + w, y + h), tuple(c * 0.5 for c in colour), 1)
    return room


def _body(rng: np.random.Generator, wide: int, tall: int) -> tuple:
    colour = tuple(float(c) for c in rng.uniform(20, 235, 3))
    size = int(rng.integers(8, 26)), int(rng.integers(14, 44))
    start = rng.uniform(0, 1, 2) * (wide, tall)
    return colour, size, start, rng.uniform(-0.8, 0.8, 2), rng.uniform(0, 6, 2)
