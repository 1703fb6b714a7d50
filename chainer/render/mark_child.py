"""Draws the visible mark with Pillow. Runs as a child process: an order as JSON in, an answer out.

The answer is `{"done": true, "width": …, "height": …}`, `{"missing": "…"}` naming the characters
that the font lacks, or `{"unreadable": "…"}` where the font file is none.

The mark is two rings of a chain, the service's name and the author's handle, in white on a faint
dark plate: white reads over dark pictures, the plate over light ones, the soft edge of the letters
over busy ones. Everything is grey, so that the colours of the picture are left alone.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image, ImageFont

_FINE = 4
"""Everything is drawn this many times larger and averaged down: even edges without hinting."""

_SIZE = 0.057
"""Letter size of the name as a share of the frame's shorter side: 3.2 % of the height at 9:16."""
_HANDLE = 0.66
"""Letter size of the handle as a share of the name's."""
_WIDEST = 0.45
"""The mark's greatest width as a share of the frame's; nor is it wider than eight letters high."""
_SMALLEST = 0.4
"""A long name is set down to this share of its size before it is shortened."""
_STAMP = 0.068
"""Letter size of the word that says of a draft that it is one, as a share of the shorter side."""
_STAMP_PLATE = 0.62
"""How dark its plate is: it stands still, and must be read over anything."""
_PLATE, _EDGE = 0.36, 0.68
"""How dark the plate and the edge of the letters are, under a mark of full opacity."""


def main() -> None:
    """Read the order, draw, answer."""
    sys.stdout.write(json.dumps(_answer(json.load(sys.stdin))) + "\n")


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    try:
        font = _font(order, 40)
    except OSError as error:
        return {"unreadable": str(error)}
    if missing := _missing(font, order["service"] + order["handle"]):
        return {"missing": missing}
    mark = _draw(order)
    mark.save(order["target"], format="PNG")
    return {"done": True, "width": mark.width, "height": mark.height}


def _font(order: dict[str, Any], size: float) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    # The basic layout is Pillow's own; the other depends on a library that a system may lack.
    return ImageFont.truetype(order["font"], size, layout_engine=ImageFont.Layout.BASIC)


def _missing(font: ImageFont.FreeTypeFont, text: str) -> str:
    absent = bytes(font.getmask("\U0010ffff"))
    found = [c for c in sorted(set(text)) if not c.isspace() and bytes(font.getmask(c)) == absent]
    return ", ".join(f"{char!r} (U+{ord(char):04X})" for char in found)


def _draw(order: dict[str, Any]) -> Image.Image:
    """The mark at the size it is burned in, both sides even, as RGBA with straight alpha."""
    from PIL import Image, ImageDraw, ImageFilter

    stamp = order["stamp"]
    unit = max(8.0, (_STAMP if stamp else _SIZE) * min(order["width"], order["height"])) * _FINE
    rim = round(unit * 0.36)
    sign = round(unit * (1.15 if order["handle"] else 0.9))
    left = rim if stamp else rim + sign + round(unit * 0.26)
    room = int(min(_WIDEST * order["width"] * _FINE, 8 * unit)) - left - rim
    lines = [_fitted(order, order["service"], unit, room)]
    if order["handle"]:
        lines.append(_fitted(order, "@" + order["handle"], unit * _HANDLE, room))

    # Lines stand by the height of a capital, so that the mark is as high for every name.
    caps = [-font.getbbox("H", anchor="ls")[1] for _, font in lines]
    space = round(unit * 0.36)
    inner = sum(caps) + space * (len(lines) - 1)
    width = left + max(round(font.getlength(text)) for text, font in lines) + rim
    height = inner + 2 * round(unit * 0.40)
    width, height = (-(-side // (2 * _FINE)) * 2 * _FINE for side in (width, height))

    white = Image.new("L", (width, height))
    pen = ImageDraw.Draw(white)
    baseline = (height - inner) / 2
    for (text, font), cap in zip(lines, caps, strict=True):
        baseline += cap
        pen.text((left, baseline), text, font=font, fill=255, anchor="ls")
        baseline += space
    if not stamp:
        white.paste(_chain(sign), (rim, (height - sign) // 2))

    plate = Image.new("L", (width, height))
    ImageDraw.Draw(plate).rounded_rectangle(
        (0, 0, width - 1, height - 1),
        radius=height * 0.28,
        fill=round(255 * (_STAMP_PLATE if stamp else _PLATE)),
    )
    soft = white.filter(ImageFilter.GaussianBlur(unit * 0.07)).point(
        [min(255, round(value * 2 * _EDGE)) for value in range(256)]
    )
    return _layered((plate, soft, white), order["opacity"])


def _layered(layers: tuple[Image.Image, Image.Image, Image.Image], percent: int) -> Image.Image:
    """Dark plate, dark edge and white letters as one picture, `percent` opaque."""
    from PIL import Image

    plate, soft, white = layers
    mark = Image.merge("RGBA", (*[Image.new("L", plate.size)] * 3, plate))
    mark.alpha_composite(Image.merge("RGBA", (*[Image.new("L", plate.size)] * 3, soft)))
    mark.alpha_composite(Image.merge("RGBA", (*[Image.new("L", plate.size, 255)] * 3, white)))
    mark = mark.reduce(_FINE)
    mark.putalpha(mark.getchannel("A").point([round(v * percent / 100) for v in range(256)]))
    return mark


def _fitted(
    order: dict[str, Any], text: str, size: float, room: int
) -> tuple[str, ImageFont.FreeTypeFont]:
    """The text and its font: smaller where it is too long, then shortened in the middle."""
    font = _font(order, size)
    length = font.getlength(text)
    if length > room:
        least = _SMALLEST if text == order["service"] else 0.85
        font = _font(order, size * max(least, 0.99 * room / length))
    if font.getlength(text) <= room:
        return text, font
    gap = "..." if _missing(font, "…") else "…"
    for kept in range(len(text) - 1, 1, -1):
        head, tail = text[: (kept + 1) // 2], text[len(text) - kept // 2 :]
        if font.getlength(head + gap + tail) <= room:
            return head + gap + tail, font
    return gap, font


def _chain(side: int) -> Image.Image:
    """Two rings of a chain in a square of `side`, white on black, the second under the first once.

    Each is an oval at a slant of 45 degrees; they meet in the middle.
    """
    from PIL import Image, ImageDraw

    stroke = side * 0.125
    long, wide = side * 0.66, side * 0.44
    shift = long / 2 - stroke * 0.95
    flat = Image.new("L", (2 * side, 2 * side))
    middle = side

    def ring(x: float, grow: float = 0.0) -> tuple[float, float, float, float]:
        half = (long / 2 + grow, wide / 2 + grow)
        return (middle + x - half[0], middle - half[1], middle + x + half[0], middle + half[1])

    def draw(x: float) -> Image.Image:
        layer = Image.new("L", flat.size)
        ImageDraw.Draw(layer).rounded_rectangle(
            ring(x), radius=wide / 2, outline=255, width=round(stroke)
        )
        return layer

    def clear_of(x: float) -> Image.Image:
        """Black where the ring at `x` runs, a little wider than it."""
        layer = Image.new("L", flat.size, 255)
        gap = stroke * 0.42
        ImageDraw.Draw(layer).rounded_rectangle(
            ring(x, gap), radius=wide / 2 + gap, outline=0, width=round(stroke + 2 * gap)
        )
        return layer

    first, second = draw(-shift), draw(shift)
    upper = Image.new("L", flat.size)
    ImageDraw.Draw(upper).rectangle((0, 0, 2 * side, middle), fill=255)
    black = Image.new("L", flat.size)
    # Above the middle line the first ring lies on top, below it the second: so they interlock.
    over = Image.composite(second, black, clear_of(-shift))
    under = Image.composite(first, black, clear_of(shift))
    flat.paste(255, mask=Image.composite(first, under, upper))
    flat.paste(255, mask=Image.composite(over, second, upper))
    turned = flat.rotate(45, resample=Image.Resampling.BICUBIC)
    low = middle - side // 2
    return turned.crop((low, low, low + side, low + side))


if __name__ == "__main__":
    main()
