"""Curves: splines, tubes, ellipses and the easing of values over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Raw = Iterable[Sequence[float]] | Points


def array(points: Raw) -> Points:
    """Points as an N x 2 array."""
    if isinstance(points, np.ndarray):
        return points
    return np.array(list(points), dtype=np.float64)


@lru_cache(maxsize=16)
def _basis(n: int) -> Points:
    t = np.arange(n, dtype=np.float64) / n
    return np.stack(
        [
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        ],
        axis=1,
    )


def loop(points: Raw, n: int = 7) -> Points:
    """A closed smooth curve through the points (Catmull-Rom)."""
    p = array(points)
    ring = np.stack([np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)], axis=1)
    out: Points = np.einsum("nb,kbd->knd", _basis(n), ring).reshape(-1, 2)
    return out


def path(points: Raw, n: int = 7) -> Points:
    """An open smooth curve through the points."""
    p = array(points)
    if len(p) < 3:
        return p
    ends = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    rows = np.stack([ends[:-3], ends[1:-2], ends[2:-1], ends[3:]], axis=1)
    body = np.einsum("nb,kbd->knd", _basis(n), rows).reshape(-1, 2)
    return np.concatenate([body, p[-1:]])


def mirror(half: Raw) -> Points:
    """A closed outline from its right half, top to bottom; points on the axis are not doubled."""
    right = array(half)
    left = right[::-1].copy()
    left[:, 0] *= -1
    keep = np.abs(left[:, 0]) > 1e-9
    return np.concatenate([right, left[keep]])


def tube(points: Raw, widths: float | Sequence[float]) -> Points:
    """The outline of a stroke with round ends; widths are spread evenly along it."""
    p = array(points)
    count = len(p)
    if isinstance(widths, (int, float)):
        half = np.full(count, float(widths) / 2)
    else:
        half = (
            np.interp(
                np.linspace(0, 1, count),
                np.linspace(0, 1, len(widths)),
                np.array(widths, dtype=float),
            )
            / 2
        )
    step = np.gradient(p, axis=0)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)[:, None]
    along = step / length
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    turn = np.linspace(0, math.pi, 11)[1:-1]
    head = math.atan2(along[-1, 1], along[-1, 0])
    tail = math.atan2(along[0, 1], along[0, 0])
    cap_end = p[-1] + half[-1] * np.stack(
        [np.cos(head + math.pi / 2 - turn), np.sin(head + math.pi / 2 - turn)], 1
    )
    cap_start = p[0] + half[0] * np.stack(
        [np.cos(tail - math.pi / 2 - turn), np.sin(tail - math.pi / 2 - turn)], 1
    )
    out: Points = np.concatenate(
        [p + normal * half[:, None], cap_end, (p - normal * half[:, None])[::-1], cap_start]
    )
    return out


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0, n: int = 26
) -> Points:
    """An ellipse, turned by radians."""
    angle = np.linspace(0, 2 * math.pi, n, endpoint=False)
    ex, ey = np.cos(angle) * rx, np.sin(angle) * (rx if ry is None else ry)
    c, s = math.cos(turn), math.sin(turn)
    return np.stack([x + ex * c - ey * s, y + ex * s + ey * c], axis=1)


def box(x: float, y: float, w: float, h: float) -> Points:
    """A rectangle from its top left corner."""
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], dtype=np.float64)


def soft_box(x: float, y: float, w: float, h: float, r: float) -> Points:
    """A rectangle with round corners."""
    parts = []
    for cx, cy, start in (
        (x + w - r, y + r, -90),
        (x + w - r, y + h - r, 0),
        (x + r, y + h - r, 90),
        (x + r, y + r, 180),
    ):
        angle = np.radians(np.linspace(start, start + 90, 5))
        parts.append(np.stack([cx + r * np.cos(angle), cy + r * np.sin(angle)], axis=1))
    return np.concatenate(parts)


def knee(
    a: Sequence[float], b: Sequence[float], upper: float, lower: float, side: float
) -> tuple[float, float]:
    """Where the joint of a two-bone limb from a towards b lies; side says which way it bends."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    far = min(max(math.hypot(dx, dy), 1e-6), upper + lower - 1e-3)
    along = (upper**2 - lower**2 + far**2) / (2 * far)
    out = math.sqrt(max(upper**2 - along**2, 0.0)) * side
    ux, uy = dx / math.hypot(dx, dy), dy / math.hypot(dx, dy)
    return a[0] + ux * along - uy * out, a[1] + uy * along + ux * out


def ease(u: float) -> float:
    """0..1 with soft ends."""
    u = min(max(u, 0.0), 1.0)
    return u * u * (3 - 2 * u)


def key(t: float, *frames: tuple[float, float]) -> float:
    """A value at time t between (time, value) keys, eased from each to the next."""
    if t <= frames[0][0]:
        return frames[0][1]
    for (t0, v0), (t1, v1) in pairwise(frames):
        if t < t1:
            return v0 + (v1 - v0) * ease((t - t0) / (t1 - t0))
    return frames[-1][1]


def mix(a: float, b: float, u: float) -> float:
    """From a to b by u."""
    return a + (b - a) * u
