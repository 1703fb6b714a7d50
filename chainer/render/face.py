"""The one door to HarfBuzz: what a font file can draw, how its letters join, and their ink.

HarfBuzz comes whole with its wheel: the same letters stand in the same places on every machine,
whatever libraries that has.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.render.clusters import is_sequence, parts_of, unseen

EM = 1 << 12
"""Units of an em: shapes are measured in these, whatever the size they are drawn in."""

_BOLD = 700
_COVERAGE = frozenset((b"cmap", b"head", b"maxp", b"hhea", b"hmtx", b"GSUB", b"GDEF", b"OS/2"))
_LARGEST_TABLE = 16 << 20
_BITMAPS = "its pictures are bitmaps, which cannot be drawn; take a font with a COLR table"


class UnreadableFontError(ValueError):
    """A file that is no font, or a broken one."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph of a run: its place from the run's start and its ink, in units of `EM`, y upwards."""

    number: int
    x: int
    y: int
    top: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Shaped:
    """A run of glyphs from left to right, and how far it reaches."""

    glyphs: tuple[Glyph, ...]
    advance: int


class Face:
    """One font file. Collections give their first font; variable ones are set bold."""

    def __init__(self, face: Any) -> None:
        import uharfbuzz as hb

        if face.glyph_count == 0:
            raise UnreadableFontError("it is not a font that can be read")
        self._hb = hb
        self._font = hb.Font(face)
        self._font.scale = (EM, EM)
        if face.has_var_data and any(axis.tag == "wght" for axis in face.axis_infos):
            self._font.set_variations({"wght": _BOLD})
        self.colour = bool(face.has_color_layers or face.has_color_paint)
        if not self.colour and face.has_color_png:
            raise UnreadableFontError(_BITMAPS)

    @classmethod
    def read(cls, data: bytes) -> Face:
        """A font from its bytes. Raises `UnreadableFontError`."""
        import uharfbuzz as hb

        return cls(hb.Face(hb.Blob(data)))

    @classmethod
    def peek(cls, path: Path) -> Face:
        """A font that is only asked what it covers: the rest of the file is not read.

        Raises `UnreadableFontError` and `OSError`.
        """
        import uharfbuzz as hb

        data, colour = _few_tables(path)
        face = cls(hb.Face(hb.Blob(data)))
        face.colour = colour
        return face

    def has(self, char: str) -> bool:
        """Whether the font has a glyph of its own for a character."""
        # Fonts of emoji have empty digits, for their keycaps.
        if self.colour and char < "\u00a9":
            return False
        return bool(self._font.get_nominal_glyph(ord(char)))

    def covers(self, cluster: str) -> bool:
        """Whether the font draws the whole of a cluster: all its letters, or the one picture.

        Pictures joined by ZWJ may also stand side by side, as Unicode has it.
        """
        if is_sequence(cluster):
            if not self.colour:
                return False
            if self._is_one(cluster):
                return True
            parts = parts_of(cluster)
            return len(parts) > 1 and all(self.covers(part) for part in parts)
        return all(unseen(char) or self.has(char) for char in cluster)

    def shape(self, before: str, text: str, after: str, *, rtl: bool) -> Shaped:
        """`text` as glyphs; letters join `before` and `after`, which are not drawn."""
        hb = self._hb
        buffer = hb.Buffer()
        whole = [ord(char) for char in before + text + after]
        buffer.add_codepoints(whole, item_offset=len(before), item_length=len(text))
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if rtl else "ltr"
        hb.shape(self._font, buffer)
        pen, glyphs = 0, []
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            ink = self._font.get_glyph_extents(info.codepoint)
            top, bottom = (ink.y_bearing, ink.y_bearing + ink.height) if ink else (0, 0)
            y = place.y_offset
            glyphs.append(Glyph(info.codepoint, pen + place.x_offset, y, y + top, y + bottom))
            pen += place.x_advance
        return Shaped(tuple(glyphs), pen)

    def cap_height(self) -> int:
        """The height of a capital H, or of the font's letters where it has none."""
        glyph = self._font.get_nominal_glyph(ord("H"))
        ink = self._font.get_glyph_extents(glyph) if glyph else None
        return int(ink.y_bearing) if ink and ink.y_bearing > 0 else EM * 7 // 10

    def ink(
        self, glyphs: Iterable[tuple[int, int, int]], size: int, box: tuple[int, int, int, int]
    ) -> tuple[str, bytes, int]:
        """Glyphs (number, x, y in units) drawn at `size` pixels an em: mode, bytes, bytes a row.

        `box` is left, bottom, width and height in pixels, y upwards; rows come from the bottom.
        The mode is `L`, how much of a pixel is covered, or `BGRa` for a font in colour.
        """
        hb = self._hb
        canvas = hb.RasterPaint() if self.colour else hb.RasterDraw()
        put = canvas.paint_glyph if self.colour else canvas.draw_glyph
        canvas.scale_factor = (EM / size, EM / size)
        canvas.extents = hb.RasterExtents(*box, 0)
        for number, x, y in glyphs:
            canvas.transform = (1.0, 0.0, 0.0, 1.0, float(x), float(y))
            put(self._font, number)
        image = canvas.render()
        if image is None:
            raise UnreadableFontError("its glyphs cannot be drawn")
        mode = "L" if image.format == hb.RasterFormat.A8 else "BGRa"
        return mode, bytes(image.buffer), image.extents.stride

    def _is_one(self, cluster: str) -> bool:
        drawn = [
            glyph
            for glyph in self.shape("", cluster, "", rtl=False).glyphs
            if glyph.number == 0 or self._font.get_glyph_h_advance(glyph.number)
        ]
        blank = self._font.get_nominal_glyph(ord(" "))
        drawn = [glyph for glyph in drawn if glyph.number != blank]
        return len(drawn) == 1 and drawn[0].number != 0


def _few_tables(path: Path) -> tuple[bytes, bool]:
    """A font of those tables of the file `path` that coverage needs; whether it is in colour."""
    with path.open("rb") as stream:
        head = stream.read(16)
        start = struct.unpack(">I", head[12:16])[0] if head[:4] == b"ttcf" else 0
        stream.seek(start)
        kind = stream.read(12)
        if kind[:4] not in (b"\0\1\0\0", b"OTTO", b"true"):
            raise UnreadableFontError("it is not a font that can be read")
        count = struct.unpack(">H", kind[4:6])[0]
        directory = stream.read(16 * count)
        found, tags = [], set()
        for n in range(0, len(directory) - 15, 16):
            tag, checksum, place, length = struct.unpack(">4sIII", directory[n : n + 16])
            tags.add(tag)
            if tag in _COVERAGE and length <= _LARGEST_TABLE:
                stream.seek(place)
                found.append((tag, checksum, stream.read(length)))
    head = struct.pack(">4sHHHH", kind[:4], len(found), 0, 0, 0)
    rows, body, at = b"", b"", 12 + 16 * len(found)
    for tag, checksum, data in found:
        rows += struct.pack(">4sIII", tag, checksum, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    if b"COLR" not in tags and tags & {b"CBDT", b"sbix"}:
        raise UnreadableFontError(_BITMAPS)
    return head + rows + body, b"COLR" in tags
