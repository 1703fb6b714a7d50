"""What stands where on a card, for each kind, drawn with Pillow: pictures with places, no motion.

Runs in the child that draws cards. Everything follows the way the card's first letters run: what
stands left for Latin stands right for Arabic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainer.render.contrast import colour_of, contrast, mixed, opposite
from chainer.render.measure import Roll, roll_of, smallest, unit
from chainer.render.shapes import bar, plate
from chainer.render.typeset import Block, Setter, margin

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture with straight alpha, its left top corner, and its turn to appear, from 0."""

    picture: Image.Image
    x: int
    y: int
    turn: int


@dataclass(slots=True)
class Scene:
    """A card's layers, from the back, and what moves on it.

    `shortened` says that words were left out. `strip` goes up as `roll` says. `track` is the place
    of a sketch's progress bar (left, top, width, height), `clock` that of its seconds.
    """

    layers: list[Layer]
    shortened: bool = False
    strip: Image.Image | None = None
    roll: Roll | None = None
    track: tuple[int, int, int, int] | None = None
    clock: tuple[int, int] | None = None
    rtl: bool = False


class Card:
    """One order for a card, with what its kinds need to draw it."""

    def __init__(self, order: dict[str, Any], setter: Setter) -> None:
        self.width: int = order["width"]
        self.height: int = order["height"]
        self.heading, self.line = order["heading"], order["line"]
        self.rows = [tuple(row) for row in order["rows"]]
        self.text, self.accent = colour_of(order["text"]), colour_of(order["accent"])
        self.quiet = mixed(self.text, opposite(self.text), 0.84)
        self.unit: int = unit(self.width, self.height)
        self.small: int = smallest(self.width)
        self.column: int = int(self.width * 0.82) & ~1
        self.left: int = (self.width - self.column) // 2
        self.set = setter

    def size(self, share: float) -> int:
        """A letter size as a share of the unit, never too small to read."""
        return max(self.small, round(self.unit * share))

    def fit(
        self,
        text: str,
        room: int,
        height: int,
        share: float,
        leading: float = 1.25,
        lines: int = 99,
    ) -> Block:
        """`text` at `share` of the unit, or smaller where there is no room."""
        sizes = (self.size(share), self.small)
        return self.set.fit(text, room, height, sizes, leading=leading, lines=lines)

    def words(
        self, block: Block, x: int, y: int, turn: int, colour: Any = None, align: str = "start"
    ) -> Layer:
        """A block with the left top corner of its room at (x, y)."""
        edge = margin(block.size)
        picture = self.set.draw(block, colour or self.text, align)
        return Layer(picture, x - edge, y - edge, turn)

    def beside(self, x: int, width: int, *, rtl: bool) -> int:
        """The left edge of something `width` wide that stands `x` from where the column starts."""
        return self.left + (self.column - x - width if rtl else x)


def scene_of(order: dict[str, Any], setter: Setter) -> Scene:
    """The card that an order asks for. Raises `MissingGlyphError`."""
    card = Card(order, setter)
    kinds = {
        "title": _title,
        "chapter": _chapter,
        "story": _story,
        "credits": _credits,
        "sketch": _sketch,
    }
    return kinds[order["kind"]](card)


def _title(card: Card) -> Scene:
    heading = card.fit(card.heading, card.column, card.height // 2, 0.135, 1.16)
    line = card.fit(card.line, card.column, card.height // 5, 0.048) if card.line else None
    rtl = heading.rtl
    thick = max(2, round(card.unit * 0.011))
    long = round(card.column * 0.18)
    gap = round(card.unit * 0.055)
    total = thick + gap + heading.height + (gap + line.height if line else 0)
    top = round(card.height * 0.47 - total / 2)
    mark = Layer(bar((long, thick), card.accent), card.beside(0, long, rtl=rtl), top, 0)
    top += thick + gap
    side = "right" if rtl else "left"
    layers = [mark, card.words(heading, card.left, top, 1, align=side)]
    if line:
        below = top + heading.height + gap
        layers.append(card.words(line, card.left, below, 2, align=side))
    return Scene(layers, heading.shortened or bool(line and line.shortened))


def _chapter(card: Card) -> Scene:
    thick = max(3, round(card.unit * 0.012))
    inset = thick + round(card.unit * 0.05)
    room = card.column - inset
    line = card.fit(card.line, room, card.height // 5, 0.044) if card.line else None
    heading = card.fit(card.heading, room, card.height // 2, 0.092, 1.2)
    rtl = heading.rtl
    gap = round(card.unit * 0.034)
    total = heading.height + (line.height + gap if line else 0)
    top = round(card.height * 0.48 - total / 2)
    reach = round(card.unit * 0.012)
    mark = bar((thick, total + 2 * reach), card.accent)
    layers = [Layer(mark, card.beside(0, thick, rtl=rtl), top - reach, 0)]
    side, x = ("right", card.left) if rtl else ("left", card.left + inset)
    if line:
        layers.append(card.words(line, x, top, 1, align=side))
        top += line.height + gap
    layers.append(card.words(heading, x, top, 2, align=side))
    return Scene(layers, heading.shortened or bool(line and line.shortened))


def _story(card: Card) -> Scene:
    first, second = (card.heading, card.line) if card.heading else (card.line, "")
    words = card.fit(first, card.column, card.height * 6 // 10, 0.07, 1.38)
    line = card.fit(second, card.column, card.height // 6, 0.044) if second else None
    gap = round(card.unit * 0.06)
    thick, long = max(2, round(card.unit * 0.009)), round(card.unit * 0.11)
    total = thick + gap + words.height + (gap + line.height if line else 0)
    top = round(card.height * 0.48 - total / 2)
    mark = bar((long, thick), card.accent)
    layers = [Layer(mark, (card.width - long) // 2, top, 0)]
    top += thick + gap
    layers.append(card.words(words, card.left, top, 1, align="centre"))
    if line:
        top += words.height + gap
        layers.append(card.words(line, card.left, top, 2, align="centre"))
    return Scene(layers, words.shortened or bool(line and line.shortened))


def _credits(card: Card) -> Scene:
    from PIL import Image

    roll = roll_of(len(card.rows), card.width, card.height)
    rows = card.rows[: roll.rows]
    if len(card.rows) > roll.rows:
        rows[-1] = (f"+{len(card.rows) - roll.rows + 1}", "")
    strip = Image.new("RGBA", (card.width, roll.height), (*card.text, 0))
    layers, shortened, rtl = [], False, False
    if card.heading:
        block = card.fit(card.heading, card.column, roll.head * 6 // 10, 0.085, 1.15, lines=2)
        rtl, shortened = block.rtl, block.shortened
        thick, long = max(2, round(card.unit * 0.011)), round(card.column * 0.18)
        layers.append(Layer(bar((long, thick), card.accent), card.beside(0, long, rtl=rtl), 0, 0))
        below = thick + round(card.unit * 0.04)
        layers.append(card.words(block, card.left, below, 0, align="right" if rtl else "left"))
    gutter = round(card.unit * 0.06)
    width = (card.column - gutter * (roll.columns - 1)) // roll.columns
    for number, row in enumerate(rows):
        column, line = number % roll.columns, number // roll.columns
        x = card.beside(column * (width + gutter), width, rtl=rtl)
        drawn, short = _row(card, row, x, roll.head + line * roll.pitch, width, rtl=rtl)
        layers += drawn
        shortened = shortened or short
    for layer in layers:
        _over(strip, layer.picture, layer.x, layer.y)
    return Scene([], shortened, strip, roll)


def _row(
    card: Card, row: tuple[str, str], x: int, y: int, width: int, *, rtl: bool
) -> tuple[list[Layer], bool]:
    """A row of the roll: the name leads, the detail stands opposite, on one line."""
    sizes, high = (card.size(0.044), card.small), card.height
    name, detail = row
    base = y + card.set.cap(sizes[0])
    layers, used, short = [], 0, False
    if detail:
        block = card.set.fit(detail, width // 2, high, sizes, lines=1)
        used, short = block.width + card.unit // 40, block.shortened
        at = x if rtl else x + width - block.room
        layers.append(
            card.words(
                block, at, base - block.baselines[0], 0, card.quiet, "left" if rtl else "right"
            )
        )
    block = card.set.fit(name, width - used, high, sizes, lines=1)
    at = x + width - block.room if rtl else x
    layers.append(
        card.words(block, at, base - block.baselines[0], 0, align="right" if rtl else "left")
    )
    return layers, short or block.shortened


def _sketch(card: Card) -> Scene:
    lying = card.width > card.height
    gap = round(card.unit * (0.02 if lying else 0.035))
    # The label of a sketch is ours, not the story's: it says that this is not the film.
    label = card.set.fit("PLANNED", card.column, card.height, (card.small, card.small), lines=1)
    pad = card.small * (3 if lying else 6) // 10
    chip_size = (label.width + 2 * pad, card.set.cap(card.small) + 2 * pad)
    beside = chip_size[0] + gap * 2 if lying else 0
    heading = card.fit(card.heading, card.column - beside, card.height // 5, 0.085, 1.16)
    rtl = heading.rtl
    side = "right" if rtl else "left"
    top = round(card.height * (0.08 if lying else 0.11))
    # Where there is little height, the label stands in the heading's line, opposite to it.
    x = card.beside(card.column - chip_size[0] if lying else 0, chip_size[0], rtl=rtl)
    chip = plate(chip_size, card.accent, 1.0, card.small * 0.3)
    layers = [Layer(chip, x, top, 0)]
    layers.append(card.words(label, x + pad, top + pad, 0, opposite(card.accent), "left"))
    top += 0 if lying else chip_size[1] + gap
    left = card.left + (beside if rtl else 0)
    layers.append(card.words(heading, left, top, 0, align=side))
    top += max(heading.height, chip_size[1] if lying else 0) + gap
    shortened = heading.shortened
    track_top = round(card.height * 0.9)
    bottom = track_top - gap - card.small * 2
    parts = [(name, words) for name, words in card.rows if words]
    if card.line:
        room = bottom - top if not parts else (bottom - top) * (3 if lying else 4) // 10
        prompt = card.fit(card.line, card.column, room, 0.05, 1.32)
        layers.append(card.words(prompt, card.left, top, 0, card.quiet))
        top += prompt.height + gap * 3 // 2
        shortened = shortened or prompt.shortened
    for number, (name, words) in enumerate(parts):
        share = (bottom - top) // (len(parts) - number)
        if share - gap < card.small:
            shortened = True
            break
        layer, height, short = _part(card, name, words, top, share - gap, rtl=rtl)
        layers += layer
        shortened = shortened or short
        top += height + gap
    thick = max(4, round(card.unit * 0.012))
    track = plate((card.column, thick), card.text, 0.25, thick / 2)
    layers.append(Layer(track, card.left, track_top, 0))
    clock = (card.left, track_top - card.small * 3 // 2)
    place = (card.left, track_top, card.column, thick)
    return Scene(layers, shortened, track=place, clock=clock, rtl=rtl)


def _part(
    card: Card, name: str, words: str, top: int, height: int, *, rtl: bool
) -> tuple[list[Layer], int, bool]:
    """Hook, beat or button: its name in the accent beside its words."""
    indent = round(card.column * (0.25 if card.height > card.width else 0.19))
    title = card.set.fit(name, indent - card.small // 2, height, (card.small, card.small), lines=1)
    said = card.set.fit(
        words, card.column - indent, height, (card.size(0.046), card.small), leading=1.28
    )
    readable = (
        contrast(card.accent, opposite(card.text)) >= contrast(card.text, opposite(card.text)) / 3
    )
    colour = card.accent if readable else card.text
    x, y = (
        (card.left, card.left + card.column - title.room)
        if rtl
        else (card.left + indent, card.left)
    )
    layers = [
        card.words(
            title,
            y,
            top + said.baselines[0] - title.baselines[0],
            0,
            colour,
            "right" if rtl else "left",
        ),
        card.words(said, x, top, 0, align="right" if rtl else "left"),
    ]
    return layers, max(said.height, title.height), said.shortened or title.shortened


def _over(canvas: Image.Image, picture: Image.Image, x: int, y: int) -> None:
    """Lay `picture` over `canvas`, also where it reaches out of it."""
    left, top = max(0, -x), max(0, -y)
    if left < picture.width and top < picture.height:
        canvas.alpha_composite(picture, (max(0, x), max(0, y)), (left, top))
