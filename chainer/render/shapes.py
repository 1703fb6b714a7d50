"""The plain shapes of cards and texts, drawn with Pillow in the children: grounds, plates, bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chainer.render.contrast import WHITE, Colour, mixed, opposite

if TYPE_CHECKING:
    from PIL import Image

_FINE = 4
_BAYER = (
    (0, 32, 8, 40, 2, 34, 10, 42),
    (48, 16, 56, 24, 50, 18, 58, 26),
    (12, 44, 4, 36, 14, 46, 6, 38),
    (60, 28, 52, 20, 62, 30, 54, 22),
    (3, 35, 11, 43, 1, 33, 9, 41),
    (51, 19, 59, 27, 49, 17, 57, 25),
    (15, 47, 7, 39, 13, 45, 5, 37),
    (63, 31, 55, 23, 61, 29, 53, 21),
)


def plate(
    size: tuple[int, int], colour: Colour, opacity: float, radius: float, soft: float = 0.0
) -> Image.Image:
    """A rounded plate as RGBA; `soft` blurs its edge by so many pixels, inside of `size`."""
    from PIL import Image, ImageDraw, ImageFilter

    large = Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    edge = soft * 1.5 * _FINE
    box = (edge, edge, large.width - 1 - edge, large.height - 1 - edge)
    level = round(255 * opacity)
    ImageDraw.Draw(large).rounded_rectangle(box, radius=radius * _FINE, fill=level)
    mask = large.reduce(_FINE)
    if soft:
        mask = mask.filter(ImageFilter.GaussianBlur(soft))
    picture = Image.new("RGBA", size, (*colour, 0))
    picture.putalpha(mask)
    return picture


def bar(size: tuple[int, int], colour: Colour) -> Image.Image:
    """A bar with round ends, as RGBA."""
    return plate(size, colour, 1.0, min(size) / 2)


def ground(width: int, height: int, text: Colour, accent: Colour) -> Image.Image:
    """A plain ground that `text` reads well on: a gradient with a faint glow of `accent`.

    It is dithered by a fixed pattern, so that the dark tones do not come out in bands.
    """
    from PIL import Image, ImageMath

    dark = opposite(text) != WHITE
    top, bottom = ((36, 42, 58), (13, 15, 22)) if dark else ((250, 249, 246), (222, 220, 215))
    fall = Image.linear_gradient("L").convert("F").resize((width, height), Image.Resampling.BICUBIC)
    halo = Image.radial_gradient("L").convert("F")
    halo = halo.resize((width * 2, width * 2), Image.Resampling.BICUBIC)
    glow = Image.new("F", (width, height), 255.0)
    glow.paste(halo, (-width * 3 // 4, -width * 3 // 4))
    tile = Image.new("F", (8, 8))
    tile.putdata([value / 64 for row in _BAYER for value in row])
    pattern = _tiled(tile, width, height)
    shade = mixed(accent, top, 0.16)
    channels = []
    for high, low, tint in zip(top, bottom, shade, strict=True):
        level = _level(high, low, tint)
        channel = ImageMath.lambda_eval(level, fall=fall, glow=glow, tile=pattern)
        channels.append(channel.convert("L"))
    return Image.merge("RGB", channels)


def _level(high: int, low: int, tint: int) -> Callable[[dict[str, Any]], Any]:
    """One channel of the ground, as Pillow computes with whole pictures."""

    def level(args: dict[str, Any]) -> Any:
        base = high + (low - high) * args["fall"] / 255
        share = 1 - args["min"](args["glow"], 240) / 240
        return base + (tint - base) * share * share * 0.9 + args["tile"]

    return level


def _tiled(tile: Image.Image, width: int, height: int) -> Image.Image:
    from PIL import Image

    row = Image.new("F", (width, 8))
    for x in range(0, width, 8):
        row.paste(tile, (x, 0))
    whole = Image.new("F", (width, height))
    for y in range(0, height, 8):
        whole.paste(row, (0, y))
    return whole
