"""Draws one card with MoviePy. Runs as a child process: an order as JSON in, an answer out.

The answer is `{"done": true}`, or `{"missing": "…"}` naming the characters the font lacks:
a box in place of a letter is worse than no card.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from fractions import Fraction
from typing import Any


def main() -> None:
    """Read the order, draw, answer."""
    order = json.load(sys.stdin)
    if missing := _missing(order):
        sys.stdout.write(json.dumps({"missing": missing}) + "\n")
        return
    _draw(order)
    sys.stdout.write(json.dumps({"done": True}) + "\n")


def _missing(order: dict[str, Any]) -> str:
    from PIL import ImageFont

    font = ImageFont.truetype(order["font"], 40)
    absent = bytes(font.getmask("\U0010ffff"))
    found = []
    for char in sorted(set(order["heading"] + order["line"])):
        if char.isspace() or unicodedata.category(char) in ("Mn", "Cf"):
            continue
        if bytes(font.getmask(char)) == absent:
            found.append(f"{char!r} (U+{ord(char):04X})")
    return ", ".join(found)


def _draw(order: dict[str, Any]) -> None:
    from moviepy import ColorClip, CompositeVideoClip, ImageClip, TextClip, vfx

    width, height = order["width"], order["height"]
    fps = Fraction(*order["fps"])
    seconds = float(Fraction(order["frames"]) / fps)
    column = int(width * 0.82) & ~1
    left = (width - column) // 2
    heading = _fitted(TextClip, order, order["heading"], column, height // 2, round(width * 0.135))
    line = (
        _fitted(TextClip, order, order["line"], column, height // 6, round(width * 0.046))
        if order["line"]
        else None
    )
    bar_height = max(2, round(width * 0.011))
    bar = ColorClip((round(column * 0.18), bar_height), color=_rgb(order["accent"]))
    gap = round(width * 0.045)
    parts = [bar, heading] if line is None else [bar, heading, line]
    total = sum(part.h for part in parts) + gap * (len(parts) - 1)
    top = round(height * 0.46 - total / 2)
    layers = [ImageClip(order["behind"])]
    for number, part in enumerate(parts):
        begin = 0.1 + 0.12 * number
        fade = vfx.CrossFadeIn(0.35)
        layer = part.with_start(begin).with_duration(seconds - begin).with_position((left, top))
        layers.append(layer.with_effects([fade]))
        top += part.h + gap
    card = CompositeVideoClip(layers, size=(width, height)).with_duration(seconds)
    card.write_videofile(
        order["target"],
        fps=float(fps),
        codec="ffv1",
        audio=False,
        preset="medium",
        threads=1,
        pixel_format="bgr0",
        logger=None,
    )


def _fitted(make: Any, order: dict[str, Any], text: str, width: int, height: int, size: int) -> Any:
    """The text wrapped into `width`, as large as `size` or as the space allows."""
    while True:
        clip = make(
            font=order["font"],
            text=text,
            font_size=size,
            color=order["text"],
            size=(width, None),
            method="caption",
            text_align="left",
            horizontal_align="left",
            interline=round(size * 0.12),
            margin=(0, round(size * 0.14)),
        )
        longest = max((len(word) for word in text.split()), default=0)
        if (clip.h <= height and longest * size * 0.56 <= width) or size <= 12:
            return clip
        clip.close()
        size = round(size * 0.9)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


if __name__ == "__main__":
    main()
