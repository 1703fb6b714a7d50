"""Pictures and texts brought within what a provider takes.

Changes only what a limit asks for, and says what it did.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from chainer.errors import InputError
from chainer.memory.canvas import jpeg, png
from chainer.memory.observation import Picture
from chainer.memory.providers import ImageLimits

_QUALITIES = (95, 90, 82, 70, 55, 40)


def fitted_text(text: str, most: int) -> str:
    """The beginning of `text` within `most` UTF-16 units, cut between two words."""
    if text_length(text) <= most:
        return text
    cut = text
    while text_length(cut) > most:
        cut = cut[: len(cut) - max(1, (text_length(cut) - most) // 2)]
    whole = cut if text[len(cut)].isspace() else cut.rpartition(" ")[0]
    # A text without spaces, such as a Chinese one, is cut where it is.
    return (whole if text_length(whole) * 2 > most else cut).rstrip(" ,;:")


def text_length(text: str) -> int:
    """UTF-16 units, as providers count: never fewer than the characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitted_image(
    pixels: Picture, limits: ImageLimits, *, exact: bool
) -> tuple[bytes, str, list[str]]:
    """The picture within `limits`: its bytes, `png` or `jpg`, and what had to be done to it.

    `exact` asks for lossless where that fits, and cuts a wrong shape where others are padded: a
    first frame is seen in the film. Raises `InputError` where nothing fits.
    """
    notes: list[str] = []
    pixels = _shaped(pixels, limits, notes, cut=exact)
    pixels = _in_size(pixels, limits, notes)
    if exact and "png" in limits.formats and len(data := png(pixels)) <= limits.max_bytes:
        return data, "png", notes
    while True:
        if "jpeg" not in limits.formats:
            if len(data := png(pixels)) <= limits.max_bytes:
                return data, "png", notes
        else:
            for quality in _QUALITIES:
                if len(data := jpeg(pixels, quality)) <= limits.max_bytes:
                    return data, "jpg", notes
        shorter = min(pixels.shape[:2])
        if shorter * 0.8 < limits.min_side:
            raise InputError(f"a picture cannot be brought below {limits.max_bytes} bytes")
        pixels = _scaled(pixels, 0.8)
        notes.append(f"made smaller, to {pixels.shape[1]}x{pixels.shape[0]}, to save bytes")


def _shaped(pixels: Picture, limits: ImageLimits, notes: list[str], *, cut: bool) -> Picture:
    high, wide = pixels.shape[:2]
    shape = wide / high
    if limits.narrowest <= shape <= limits.widest:
        return pixels
    # A little inside, so that rounding to whole pixels does not lead out again.
    bound = limits.widest * 0.99 if shape > limits.widest else limits.narrowest * 1.01
    if cut:
        size = (int(high * bound), high) if shape > bound else (wide, int(wide / bound))
        left, top = (wide - size[0]) // 2, (high - size[1]) // 2
        notes.append(f"cut from {wide}x{high} to {size[0]}x{size[1]}: a shape that is allowed")
        return pixels[top : top + size[1], left : left + size[0]]
    size = (wide, math.ceil(wide / bound)) if shape > bound else (math.ceil(high * bound), high)
    across, down = size[0] - wide, size[1] - high
    middle = [float(one) for one in np.median(pixels.reshape(-1, 3), axis=0)]
    edges = (down // 2, down - down // 2, across // 2, across - across // 2)
    padded = cv2.copyMakeBorder(pixels, *edges, cv2.BORDER_CONSTANT, value=middle)
    return np.asarray(padded, np.uint8)


def _in_size(pixels: Picture, limits: ImageLimits, notes: list[str]) -> Picture:
    high, wide = pixels.shape[:2]
    shorter, longer = min(high, wide), max(high, wide)
    scale = 1.0
    if shorter < limits.min_side:
        scale = limits.min_side / shorter
    elif longer > limits.max_side:
        scale = limits.max_side / longer
    if scale == 1.0:
        return pixels
    pixels = _scaled(pixels, scale)
    word = "enlarged" if scale > 1 else "made smaller"
    notes.append(f"{word} from {wide}x{high} to {pixels.shape[1]}x{pixels.shape[0]}")
    return pixels


def _scaled(pixels: Picture, scale: float) -> Picture:
    high, wide = pixels.shape[:2]
    # Up, so that a side is never a pixel short; but not for a float's last digit.
    up = scale > 1
    size = [
        math.ceil(one * scale - 1e-6) if up else int(one * scale + 1e-6) for one in (wide, high)
    ]
    how = cv2.INTER_LANCZOS4 if up else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, (size[0], size[1]), interpolation=how), np.uint8)
