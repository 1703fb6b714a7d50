"""Sets text of any script, mixed in one line, into a picture. Runs in the children that draw.

A text is cut into clusters, each gets the first font that has it, lines are broken where the script
allows it, and every line is shaped by HarfBuzz run by run, in the order of the bidirectional
algorithm. Widths are in ems until a size is chosen, so that fitting a text costs arithmetic only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainer.render.bidi import base_level, levels, visual_order
from chainer.render.breaks import may_end
from chainer.render.clusters import cleaned, clusters, in_colour, unseen
from chainer.render.face import EM, Face, Shaped

if TYPE_CHECKING:
    from PIL import Image

MOST = 2400
"""Clusters that are looked at: more never fit a picture at a size that can be read."""

_LONGEST_WORD = 240
"""Longer words are broken without a look at their whole length."""
_STEP = 0.93
_PAD = 4


class MissingGlyphError(ValueError):
    """A cluster that none of the fonts draws."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Clusters [first, last) of a line that share a font and a direction."""

    first: int
    last: int
    face: int
    level: int


@dataclass(slots=True)
class Paragraph:
    """The clusters of one paragraph with their fonts and levels, and where lines may end."""

    parts: list[str]
    faces: list[int]
    levels: list[int]
    ends: list[bool]
    base: int


@dataclass(frozen=True, slots=True)
class Line:
    """Shaped runs from left to right with their fonts, and the line's reach in units of `EM`."""

    runs: tuple[tuple[int, Shaped], ...]
    width: int
    top: int
    bottom: int
    rtl: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Lines at a size, as they will be drawn: sizes in pixels.

    `width` is that of the longest line, `room` what there was. `baselines` are counted from the
    block's top. `shortened` says that the text did not fit and ends in an ellipsis.
    """

    lines: tuple[Line, ...]
    size: int
    room: int
    width: int
    height: int
    baselines: tuple[int, ...]
    shortened: bool

    @property
    def rtl(self) -> bool:
        """Whether the first line runs from right to left."""
        return bool(self.lines) and self.lines[0].rtl


@dataclass(slots=True)
class Setter:
    """Sets texts in `faces`, which are tried in order."""

    faces: Sequence[Face]
    _widths: dict[tuple[str, int, bool], int] = field(default_factory=dict)
    _chosen: dict[str, int] = field(default_factory=dict)

    def fit(
        self,
        text: str,
        room: int,
        height: int,
        sizes: tuple[int, int],
        *,
        lines: int = 99,
        leading: float = 1.25,
        even: bool = True,
    ) -> Block:
        """`text` as large as fits `room` by `height` pixels in so many lines.

        `sizes` are the largest and the smallest in pixels an em; what does not fit at the smallest
        is shortened. `even` makes the lines about as long as each other.
        Raises `MissingGlyphError`.
        """
        text, cut = _bounded(cleaned(text))
        paragraphs = [self._paragraph(line) for line in text.split("\n")]
        size, smallest = max(sizes), min(sizes)
        while True:
            width = room * EM // size
            laid, forced = self._wrap(paragraphs, width)
            low = (len(laid) - 1) * leading + 0.9
            if (
                not cut
                and len(laid) <= lines
                and low * size <= height
                and (not forced or size <= smallest)
            ):
                if even and not forced and len(paragraphs) == 1 and len(laid) > 1:
                    laid = self._evened(paragraphs, laid, width)
                block = self._block(paragraphs, laid, size, room, leading, shortened=False)
                if block.height <= height:
                    return block
            if size <= smallest:
                return self._shortened(paragraphs, laid, size, room, height, lines, leading)
            size = max(smallest, min(size - 1, int(size * _STEP)))

    def draw(self, block: Block, colour: tuple[int, int, int], align: str = "start") -> Image.Image:
        """The block as RGBA with straight alpha, `block.room` wide with a small margin around.

        The margin is `margin(block)` pixels on each side. `align` is `start` (left, or right where
        a line runs from right to left), `end`, `left`, `right` or `centre`.
        """
        from PIL import Image, ImageChops

        pad = margin(block.size)
        size = (block.room + 2 * pad, block.height + 2 * pad)
        mask = Image.new("L", size)
        picture = Image.new("RGBA", size, (*colour, 0))
        vivid = None
        for line, baseline in zip(block.lines, block.baselines, strict=True):
            x = pad + _offset(line, block, align)
            pen = 0
            for number, run in line.runs:
                face = self.faces[number]
                layer, left, top = _ink(face, run, pen, block.size)
                pen += run.advance
                if layer is None:
                    continue
                place = (x + left, pad + baseline + top)
                if face.colour:
                    vivid = vivid or Image.new("RGBA", size)
                    vivid.alpha_composite(layer, (max(0, place[0]), max(0, place[1])))
                else:
                    box = (*place, place[0] + layer.width, place[1] + layer.height)
                    mask.paste(ImageChops.lighter(mask.crop(box), layer), box)
        picture.putalpha(mask)
        if vivid is not None:
            picture.alpha_composite(vivid)
        return picture

    def cap(self, size: int) -> int:
        """The height in pixels of a capital of the first font."""
        return round(self.faces[0].cap_height() * size / EM)

    def _paragraph(self, text: str) -> Paragraph:
        parts = clusters(text)
        joined = "".join(parts)
        base = base_level(joined)
        by_char = levels(joined, base)
        found, at = [], 0
        for part in parts:
            found.append(by_char[at])
            at += len(part)
        return Paragraph(parts, self._fonts(parts), found, may_end(parts), base)

    def _fonts(self, parts: Sequence[str]) -> list[int]:
        found, before = [], 0
        for part in parts:
            if all(unseen(char) for char in part):
                bare = self.faces[before].colour or not self.faces[before].has(" ")
                found.append(0 if bare else before)
                continue
            before = self._choose(part)
            found.append(before)
        return found

    def _choose(self, part: str) -> int:
        if part not in self._chosen:
            able = [n for n, face in enumerate(self.faces) if face.covers(part)]
            if not able:
                raise MissingGlyphError(part)
            vivid = in_colour(part)
            matching = [n for n in able if self.faces[n].colour == vivid]
            self._chosen[part] = (matching or able)[0]
        return self._chosen[part]

    def _wrap(
        self, paragraphs: Sequence[Paragraph], width: int
    ) -> tuple[list[tuple[int, int, int]], bool]:
        """Lines as (paragraph, first, last), and whether a word had to be broken."""
        laid, forced = [], False
        for number, paragraph in enumerate(paragraphs):
            start, at, used = 0, 0, 0
            while at < len(paragraph.parts):
                end = at + 1
                while end < len(paragraph.parts) and not paragraph.ends[end - 1]:
                    end += 1
                    if end - at > _LONGEST_WORD:
                        break
                reach = self._reach(paragraph, at, end)
                if used + reach <= width:
                    used += self._reach(paragraph, at, end, whole=True)
                    at = end
                elif at > start:
                    laid.append((number, start, at))
                    start, used = at, 0
                else:
                    forced = True
                    at = self._cut(paragraph, start, end, width)
                    laid.append((number, start, at))
                    start, used = at, 0
            if start < len(paragraph.parts) or not paragraph.parts:
                laid.append((number, start, len(paragraph.parts)))
        return laid, forced

    def _cut(self, paragraph: Paragraph, start: int, end: int, width: int) -> int:
        """How much of a word that is longer than a line stands on it: one cluster at least."""
        at, used = start, 0
        while at < end:
            used += self._reach(paragraph, at, at + 1)
            if used > width and at > start:
                break
            at += 1
        return at

    def _reach(self, paragraph: Paragraph, first: int, last: int, *, whole: bool = False) -> int:
        """The width of clusters [first, last), without the spaces at their end unless `whole`."""
        while not whole and last > first and paragraph.parts[last - 1] == " ":
            last -= 1
        total = 0
        for run in self._runs(paragraph, first, last):
            text = "".join(paragraph.parts[run.first : run.last])
            key = (text, run.face, bool(run.level % 2))
            if key not in self._widths:
                shaped = self.faces[run.face].shape("", text, "", rtl=key[2])
                self._widths[key] = shaped.advance
            total += self._widths[key]
        return total

    def _runs(self, paragraph: Paragraph, first: int, last: int) -> list[_Run]:
        found = []
        start = first
        for n in range(first + 1, last + 1):
            if (
                n == last
                or paragraph.faces[n] != paragraph.faces[start]
                or paragraph.levels[n] != paragraph.levels[start]
            ):
                found.append(_Run(start, n, paragraph.faces[start], paragraph.levels[start]))
                start = n
        return found if last > first else []

    def _evened(
        self, paragraphs: Sequence[Paragraph], laid: list[tuple[int, int, int]], width: int
    ) -> list[tuple[int, int, int]]:
        """As many lines, in as little width as they need."""
        low, high, best = width // 2, width, laid
        for _ in range(7):
            middle = (low + high) // 2
            tried, forced = self._wrap(paragraphs, middle)
            if len(tried) == len(laid) and not forced:
                high, best = middle, tried
            else:
                low = middle
        return best

    def _block(
        self,
        paragraphs: Sequence[Paragraph],
        laid: Sequence[tuple[int, int, int]],
        size: int,
        room: int,
        leading: float,
        *,
        shortened: bool,
    ) -> Block:
        return _stacked(
            [self._line(paragraphs[number], first, last) for number, first, last in laid],
            size,
            room,
            leading,
            shortened=shortened,
        )

    def _line(self, paragraph: Paragraph, first: int, last: int) -> Line:
        while last > first and paragraph.parts[last - 1] == " ":
            last -= 1
        runs = self._runs(paragraph, first, last)
        shaped = []
        for place in visual_order([run.level for run in runs]):
            run = runs[place]
            before = "".join(paragraph.parts[max(first, run.first - 3) : run.first])
            after = "".join(paragraph.parts[run.last : min(last, run.last + 3)])
            text = "".join(paragraph.parts[run.first : run.last])
            face = self.faces[run.face]
            shaped.append((run.face, face.shape(before, text, after, rtl=run.level % 2 == 1)))
        glyphs = [glyph for _, run in shaped for glyph in run.glyphs]
        return Line(
            runs=tuple(shaped),
            width=sum(run.advance for _, run in shaped),
            top=max((glyph.top for glyph in glyphs), default=0),
            bottom=min((glyph.bottom for glyph in glyphs), default=0),
            rtl=paragraph.base == 1,
        )

    def _shortened(
        self,
        paragraphs: Sequence[Paragraph],
        laid: Sequence[tuple[int, int, int]],
        size: int,
        room: int,
        height: int,
        lines: int,
        leading: float,
    ) -> Block:
        """As many lines as there is room for, the last with an ellipsis after a whole word."""
        kept = list(laid[: min(lines, max(1, int(height / (leading * size)) + 1))])
        while len(kept) > 1:
            block = self._block(paragraphs, kept, size, room, leading, shortened=True)
            if block.height <= height:
                break
            kept.pop()
        number, first, last = kept.pop()
        full = [self._line(paragraphs[n], a, b) for n, a, b in kept]
        end = self._ending(paragraphs[number].parts[first:last], room * EM // size)
        return _stacked([*full, end], size, room, leading, shortened=True)

    def _ending(self, parts: list[str], width: int) -> Line:
        """A last line that is shortened to `width`, at the end of a word where one is near."""
        sign = "…" if any(face.has("…") for face in self.faces) else "..."
        kept = len(parts)
        while True:
            while kept > 0 and parts[kept - 1] == " ":
                kept -= 1
            text = "".join(parts[:kept]).rstrip(" ,;:.-–—、，。") + sign
            paragraph = self._paragraph(text)
            line = self._line(paragraph, 0, len(paragraph.parts))
            if line.width <= width or kept <= 1:
                return line
            space = next((n for n in range(kept - 1, 0, -1) if parts[n] == " "), 0)
            kept = space if space > kept - 24 and space > 0 else kept - 1


def margin(size: int) -> int:
    """How far ink may reach out of a block of so many pixels an em."""
    return size // 2 + _PAD


def _bounded(text: str) -> tuple[str, bool]:
    parts = clusters(text[: 6 * MOST])
    if len(parts) <= MOST and len(text) <= 6 * MOST:
        return text, False
    return "".join(parts[:MOST]), True


def _stacked(
    lines: Sequence[Line], size: int, room: int, leading: float, *, shortened: bool
) -> Block:
    """Lines under each other: `leading` ems apart, or more where their ink would touch."""
    cap, below, gap = EM * 74 // 100, EM * 20 // 100, EM * 8 // 100
    baselines, at = [], 0
    for n, line in enumerate(lines):
        if n == 0:
            at = max(cap, line.top)
        else:
            at += max(round(leading * EM), line.top - lines[n - 1].bottom + gap)
        baselines.append(at)
    bottom = at + max(below, -lines[-1].bottom) if lines else 0
    return Block(
        lines=tuple(lines),
        size=size,
        room=room,
        width=min(room, max((-(-line.width * size // EM) for line in lines), default=0)),
        height=-(-bottom * size // EM),
        baselines=tuple(round(place * size / EM) for place in baselines),
        shortened=shortened,
    )


def _offset(line: Line, block: Block, align: str) -> int:
    free = block.room - round(line.width * block.size / EM)
    if align == "centre":
        return free // 2
    if align in ("start", "end"):
        align = "right" if line.rtl == (align == "start") else "left"
    return free if align == "right" else 0


def _ink(face: Face, run: Shaped, pen: int, size: int) -> tuple[Image.Image | None, int, int]:
    """The run's ink, and where its left top corner stands from the line's start and baseline."""
    from PIL import Image

    if not run.glyphs:
        return None, 0, 0
    scale = size / EM
    top = max(glyph.top for glyph in run.glyphs)
    bottom = min(glyph.bottom for glyph in run.glyphs)
    if top <= bottom:
        return None, 0, 0
    left = int(pen * scale) - size // 2
    low = int(bottom * scale) - 2
    width = int(run.advance * scale) + size + 2
    height = int(top * scale) + 2 - low
    glyphs = [(glyph.number, pen + glyph.x, glyph.y) for glyph in run.glyphs]
    mode, data, stride = face.ink(glyphs, size, (left, low, width, height))
    kind = "L" if mode == "L" else "RGBA"
    # Rows come from the bottom, and colours multiplied by their cover.
    if kind == "L":
        return (
            Image.frombuffer("L", (width, height), data, "raw", "L", stride, -1),
            left,
            -low - height,
        )
    image = Image.frombuffer("RGBa", (width, height), data, "raw", "BGRa", stride, -1)
    return image.convert("RGBA"), left, -low - height
