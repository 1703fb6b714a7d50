"""A white canvas with text, pictures and swatches, drawn by OpenCV alone.

OpenCV 5 brings a font for Latin, Greek, Cyrillic, Chinese, Japanese and Korean; before it there
are only stroked ASCII letters. What cannot be drawn as it is read is named otherwise or left out,
never shown as a box.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from chainer.memory.observation import Picture
from chainer.memory.state import Palette

Colour = tuple[int, int, int]
"""B, G, R."""

INK: Colour = (34, 30, 28)
SOFT: Colour = (116, 108, 102)
WARN: Colour = (32, 46, 190)
GOOD: Colour = (60, 120, 40)
LINE: Colour = (224, 220, 216)
EMPTY: Colour = (243, 241, 239)

_NO_GLYPH = "?"
_LEFT_OUT = "[…]"
_LEFTWARDS = frozenset({"R", "AL", "AN"})
"""Unicode's classes of letters that are written from right to left."""


class Pen:
    """Writes and measures text. Sizes in pixels; `y` is the baseline."""

    def __init__(self) -> None:
        self._face: Any = cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None
        self._drawable: dict[str, bool] = {}

    def text(
        self,
        canvas: Picture,
        text: str,
        x: int,
        y: int,
        *,
        size: int = 15,
        colour: Colour = INK,
        bold: bool = False,
    ) -> None:
        """Draw one line; what the font lacks is left out."""
        said = self.plain(text)
        if self._face is not None:
            cv2.putText(canvas, said, (x, y), colour, self._face, size, 650 if bold else 400)
            return
        scale, weight = _stroked(size, bold=bold)
        cv2.putText(
            canvas, said, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, weight, cv2.LINE_AA
        )

    def width(self, text: str, *, size: int = 15, bold: bool = False) -> int:
        """Pixels that `text` takes."""
        said = self.plain(text)
        if self._face is not None:
            box = cv2.getTextSize((1, 1), said, (0, 0), self._face, size, 650 if bold else 400)
            return int(box[2])
        scale, weight = _stroked(size, bold=bold)
        return int(cv2.getTextSize(said, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)[0][0])

    def can_draw(self, text: str) -> bool:
        """Whether every letter is in the font."""
        return all(self._has(char) for char in text)

    def named(self, name: str, otherwise: str) -> str:
        """`name` where it can be drawn, else `otherwise`, such as an id."""
        return name if name and self.can_draw(name) else otherwise

    def plain(self, text: str) -> str:
        """`text` with each run of letters that cannot be drawn replaced by `[…]`."""
        if self.can_draw(text):
            return text
        mark = _LEFT_OUT if self._face is not None else "[...]"
        out: list[str] = []
        for char in text:
            simple = char if self._has(char) else _ascii(char)
            if simple and self.can_draw(simple):
                out.append(simple)
            elif not out or out[-1] != mark:
                out.append(mark)
        return "".join(out)

    def clipped(self, text: str, width: int, *, size: int = 15, bold: bool = False) -> str:
        """`text`, or as much of its beginning as fits into `width`, with an ellipsis."""
        if self.width(text, size=size, bold=bold) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle].rstrip() + "…", size=size, bold=bold) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "…"

    def wrapped(
        self, text: str, width: int, lines: int, *, size: int = 15, bold: bool = False
    ) -> list[str]:
        """`text` in up to `lines` lines of `width`, the last one clipped."""
        out: list[str] = []
        words = text.split()
        while words and len(out) < lines - 1:
            line = words.pop(0)
            while words and self.width(f"{line} {words[0]}", size=size, bold=bold) <= width:
                line = f"{line} {words.pop(0)}"
            out.append(self.clipped(line, width, size=size, bold=bold))
        if words:
            out.append(self.clipped(" ".join(words), width, size=size, bold=bold))
        return out

    def _has(self, char: str) -> bool:
        if char.isascii() and char.isprintable():
            return True
        # OpenCV's wheels draw Arabic and Hebrew from left to right and unjoined: unreadable.
        if self._face is None or unicodedata.bidirectional(char) in _LEFTWARDS:
            return False
        known = self._drawable.get(char)
        if known is None:
            quiet = char.isspace() or unicodedata.category(char) in ("Mn", "Cf")
            # What the font lacks is drawn as a question mark.
            known = quiet or not np.array_equal(self._stamp(char), self._stamp(_NO_GLYPH))
            self._drawable[char] = known
        return known

    def _stamp(self, char: str) -> Picture:
        stamp = blank(64, 48)
        cv2.putText(stamp, char, (8, 36), INK, self._face, 24, 400)
        return stamp


def blank(width: int, height: int, colour: Colour = (255, 255, 255)) -> Picture:
    """A canvas of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def paste(canvas: Picture, pixels: Picture, x: int, y: int, width: int, height: int) -> None:
    """Draw `pixels` as large as fits into the cell, in its middle, whatever its shape."""
    high, wide = pixels.shape[:2]
    scale = min(width / wide, height / high)
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(pixels, size, interpolation=how)
    left, top = x + (width - size[0]) // 2, y + (height - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small


def box(canvas: Picture, x: int, y: int, width: int, height: int, colour: Colour) -> None:
    """A filled rectangle."""
    canvas[y : y + height, x : x + width] = colour


def swatches(
    canvas: Picture, pen: Pen, palette: Palette, x: int, y: int, *, width: int, height: int
) -> None:
    """Up to five colours of `width` by `height` side by side, the share of each below."""
    for number, (weight, *lab) in enumerate(palette[:5]):
        left = x + number * (width + 2)
        box(canvas, left, y, width, height, LINE)
        box(canvas, left + 1, y + 1, width - 2, height - 2, bgr_of(lab))
        share = f"{weight:.0%}"
        middle = left + (width - pen.width(share, size=14)) // 2
        pen.text(canvas, share, middle, y + height + 16, size=14, colour=SOFT)


def bgr_of(lab: Sequence[float]) -> Colour:
    """CIELAB (D65) as sRGB, clipped to what a screen shows."""
    cell = np.array([[list(lab)]], np.float32)
    blue, green, red = np.clip(cv2.cvtColor(cell, cv2.COLOR_LAB2BGR)[0, 0] * 255, 0, 255)
    return round(float(blue)), round(float(green)), round(float(red))


def decoded(data: bytes) -> Picture | None:
    """The picture in a JPEG or PNG, or None where there is none."""
    if not data:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def png(pixels: Picture) -> bytes:
    """The picture as a PNG."""
    return _encoded(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])


def jpeg(pixels: Picture, quality: int = 95) -> bytes:
    """The picture as a JPEG, colours at full size from quality 90 on."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if quality >= 90:
        options += [
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ]
    return _encoded(".jpg", pixels, options)


def _encoded(kind: str, pixels: Picture, options: list[int]) -> bytes:
    done, data = cv2.imencode(kind, pixels, options)
    if not done:
        raise ValueError(f"a picture of {pixels.shape} could not be written as {kind}")
    return data.tobytes()


def _stroked(size: int, *, bold: bool) -> tuple[float, int]:
    """Scale and thickness of OpenCV's own letters, 21 pixels high at scale 1."""
    return size * 0.72 / 21, 2 if bold else 1


def _ascii(char: str) -> str:
    known = {"→": "->", "…": "...", "–": "-", "—": "-", "×": "x", "·": "-", "±": "+-", "Δ": "d"}
    return known.get(char) or unicodedata.normalize("NFKD", char)[:1]
