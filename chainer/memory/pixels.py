"""Pictures as arrays: sizes, colour spaces, edges, and how far two of them lie apart.

Holds functions on arrays only, without any decision.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.memory.observation import Luma, Picture

cv2.setNumThreads(1)  # steps run side by side already; more threads only cost

Floats = NDArray[np.float32]

_LUMA = (0.0722, 0.7152, 0.2126)
"""BT.709 weights of B', G', R'."""


def fit(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture with its longer side at `side` pixels, by area; both sides at least 2."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    if size == (width, height):
        return pixels
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def sized(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """The picture in exactly this size, by area."""
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def luma(pixels: Picture) -> Luma:
    """BT.709 luma, rounded."""
    return np.asarray(cv2.transform(pixels, np.array([_LUMA], np.float32)), np.uint8)


def lab(pixels: NDArray[Any]) -> Floats:
    """CIELAB (D65, sRGB curve) of uint8 or of float B G R in 0..255: float32 [..., 3]."""
    if pixels.size == 0:
        return np.zeros(pixels.shape, np.float32)
    unit = pixels.reshape(1, -1, 3).astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_BGR2LAB), np.float32).reshape(pixels.shape)


def gradients(grey: NDArray[Any]) -> Floats:
    """Sobel magnitude: float32 of the same size."""
    plain = grey.astype(np.float32)
    across = cv2.Sobel(plain, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(plain, cv2.CV_32F, 0, 1)
    # Not cv2.magnitude: its last bits depend on where in memory the result lies.
    return np.asarray(np.sqrt(across * across + down * down), np.float32)


def correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Normalised cross-correlation, -1 to 1; 0 where one of the two is flat."""
    a = one.astype(np.float32).ravel()
    b = other.astype(np.float32).ravel()
    a = a - a.mean()
    b = b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-6 else 0.0


def common(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both pictures in the shape of the narrower one: its middle cut from the wider.

    Shapes within 2 % of each other are left as they are.
    """
    ratios = [picture.shape[1] / picture.shape[0] for picture in (one, other)]
    target = min(ratios)
    return _narrowed(one, target), _narrowed(other, target)


def _narrowed(pixels: NDArray[Any], ratio: float) -> NDArray[Any]:
    height, width = pixels.shape[:2]
    wanted = max(2, round(height * ratio))
    if wanted >= width * 0.98:
        return pixels
    left = (width - wanted) // 2
    return pixels[:, left : left + wanted]


def ciede2000(one: NDArray[Any], other: NDArray[Any]) -> Floats:
    """Colour difference of two CIELAB arrays [..., 3]: float32 [...].

    CIE 142-2001 with all weights 1; formulas as numbered in Sharma, Wu and Dalal, "The CIEDE2000
    color-difference formula" (2005).
    """
    l1, a1, b1 = (one[..., n].astype(np.float64) for n in range(3))
    l2, a2, b2 = (other[..., n].astype(np.float64) for n in range(3))
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    dh = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh) / 2)
    d_light, d_chroma = l2 - l1, c2 - c1
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = np.where(grey, h1 + h2, (h1 + dh / 2) % 360)
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma = 1 + 0.045 * chroma
    s_hue = 1 + 0.015 * chroma * t
    turn = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    r = -np.sin(turn) * 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    x, y, z = d_light / s_light, d_chroma / s_chroma, d_hue / s_hue
    squared = x * x + y * y + z * z + r * y * z
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)
