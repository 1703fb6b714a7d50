"""Tiny fonts made on the fly, so that no test depends on what a machine has."""

from __future__ import annotations

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from chainer.render.letters import FURNITURE


def tiny_font(path: Path, letters: str, *, furniture: bool = True, width: int = 600) -> Path:
    """A font in which every one of `letters` is a block, `width` thousandths of an em wide."""
    wanted = sorted(set(letters) | set(FURNITURE if furniture else ""))
    names = [".notdef", *(f"u{ord(char):05X}" for char in wanted)]
    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for point in ((50, 700), (width - 50, 700), (width - 50, 0)):
        pen.lineTo(point)
    pen.closePath()
    block = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): n for c, n in zip(wanted, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, block))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (width, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path
