"""Draws one caption or cue with Pillow. Runs as a child process: an order in, an answer out.

Both are JSON. The answer is `{"done": true, "width": …, "height": …, "shortened": …}`,
`{"missing": "…"}` naming what the fonts lack, or `{"unreadable": "…"}` for a font that is none.
Text stands on a plate through which so little of the picture shines that it reads on any.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(sys.argv[1])  # where this package lies, under `-I`

from chainer.render.contrast import colour_of, opposite, shine
from chainer.render.face import Face, UnreadableFontError
from chainer.render.measure import smallest, unit
from chainer.render.shapes import bar, plate
from chainer.render.typeset import Block, MissingGlyphError, Setter, margin

if TYPE_CHECKING:
    from PIL import Image

_MOST_SHINE = 0.38
_WIDEST = 0.84
"""A caption's greatest width as a share of the frame's."""
_LINES, _MORE = 3, 5
"""A caption has so many lines; where the smallest letters need more, it may have those."""


def main() -> None:
    """Read the order, draw, answer."""
    order = json.load(sys.stdin)
    try:
        answer = _answer(order)
    except MissingGlyphError as error:
        answer = {"missing": ascii(str(error))}
    except UnreadableFontError as error:
        answer = {"unreadable": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    setter = Setter([Face.read(Path(name).read_bytes()) for name in order["fonts"]])
    draw = _cue if order["kind"] == "cue" else _caption
    picture, shortened = draw(order, setter)
    picture.save(order["target"], format="PNG", compress_level=4)
    return {
        "done": True,
        "width": picture.width,
        "height": picture.height,
        "shortened": shortened,
    }


def _caption(order: dict[str, Any], setter: Setter) -> tuple[Image.Image, bool]:
    """One line or a few, in the middle of a plate as wide as they are."""
    small = smallest(order["width"])
    large = max(small, round(unit(order["width"], order["height"]) * 0.054))
    pad = round(large * 0.55)
    room, high = int(order["width"] * _WIDEST) - 2 * pad, order["height"] * 3 // 10
    words = setter.fit(order["line"], room, high, (large, small), lines=_LINES)
    if words.shortened:
        words = setter.fit(order["line"], room, high, (small, small), lines=_MORE)
    blocks = [words]
    if order["detail"]:
        blocks.insert(0, setter.fit(order["detail"], room, high, (small, small), lines=1))
    return _on_plate(order, setter, blocks, pad, "centre"), any(b.shortened for b in blocks)


def _cue(order: dict[str, Any], setter: Setter) -> tuple[Image.Image, bool]:
    """A lower third: a larger line and a smaller one beside a bar."""
    small = smallest(order["width"])
    size = unit(order["width"], order["height"])
    large = max(small, round(size * 0.062))
    room, high = int(order["width"] * 0.7), order["height"] // 5
    blocks = [setter.fit(order["line"], room, high, (large, small), lines=2, leading=1.18)]
    if order["detail"]:
        sizes = (max(small, round(size * 0.042)), small)
        blocks.append(setter.fit(order["detail"], room, high, sizes, lines=2))
    picture = _on_plate(order, setter, blocks, round(large * 0.5), "start", barred=True)
    return picture, any(block.shortened for block in blocks)


def _on_plate(
    order: dict[str, Any],
    setter: Setter,
    blocks: list[Block],
    pad: int,
    align: str,
    *,
    barred: bool = False,
) -> Image.Image:
    colour, accent = colour_of(order["text"]), colour_of(order["accent"])
    under = opposite(colour)
    gap = round(blocks[0].size * 0.4)
    thick = max(3, blocks[0].size // 7) if barred else 0
    inset = thick + pad * 3 // 4 if barred else 0
    inner = max(block.width for block in blocks)
    tall = sum(block.height for block in blocks) + gap * (len(blocks) - 1)
    size = (_even(inner + inset + 2 * pad), _even(tall + 2 * pad))
    canvas = plate(size, under, 1 - shine(colour, _MOST_SHINE), pad * 0.8)
    rtl = blocks[0].rtl and barred
    if barred:
        mark = bar((thick, tall), accent)
        canvas.alpha_composite(mark, (size[0] - pad - thick if rtl else pad, pad))
    x = pad if rtl else pad + inset
    y = pad
    for block in blocks:
        edge = margin(block.size)
        drawn = setter.draw(block, colour, align)
        # The room of a block is wider than its plate: what is drawn of it stands within.
        free = {"centre": (block.room - inner) // 2, "start": 0}[align]
        if align == "start" and block.rtl:
            free = block.room - inner
        box = (edge + free - pad // 2, edge - pad // 2)
        piece = drawn.crop((*box, box[0] + inner + pad, box[1] + block.height + pad))
        _over(canvas, piece, x - pad // 2, y - pad // 2)
        y += block.height + gap
    return canvas


def _over(canvas: Image.Image, piece: Image.Image, x: int, y: int) -> None:
    left, top = max(0, -x), max(0, -y)
    canvas.alpha_composite(piece, (max(0, x), max(0, y)), (left, top))


def _even(value: int) -> int:
    return value + value % 2


if __name__ == "__main__":
    main()
