"""Letters join, run the right way, break where they may, and stay large enough to read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chainer.render.bidi import base_level, levels, visual_order
from chainer.render.breaks import may_end
from chainer.render.clusters import clusters
from chainer.render.contrast import (
    BLACK,
    WHITE,
    Colour,
    contrast,
    mixed,
    opposite,
    shine,
)
from chainer.render.face import EM, Face
from chainer.render.letters import BUNDLED
from chainer.render.measure import MOST_ROWS, roll_of, smallest
from chainer.render.shapes import ground
from chainer.render.typeset import Block, MissingGlyphError, Paragraph, Setter, margin

from .test_letters import FOLDER

NAMES = ("InterDisplay-Bold.otf", "chainer-arabic.ttf", "chainer-hebrew.ttf", "chainer-han.otf")
LIGHT = (255, 255, 255)


@pytest.fixture(scope="module")
def setter() -> Setter:
    return Setter([Face.read((FOLDER / name).read_bytes()) for name in (*NAMES, BUNDLED[-1])])


def ink(setter: Setter, text: str, size: int = 48, room: int = 900) -> Image.Image:
    block = setter.fit(text, room, 400, (size, size))
    return setter.draw(block, LIGHT, "left").getchannel("A")


def reads(paragraph: Paragraph, spans: Sequence[tuple[int, int, int]]) -> list[str]:
    return ["".join(paragraph.parts[first:last]) for _, first, last in spans]


def seen(text: str) -> str:
    base = base_level(text)
    return "".join(text[n] for n in visual_order(levels(text, base)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", "abc"),
        ("אבג", "גבא"),
        ("a אב b", "a בא b"),
        ("אב ab גד", "דג ab בא"),
        ("אב 12 גד", "דג 12 בא"),
        ("אב 12,5% גד", "דג 12,5% בא"),
        ("a (אב) b", "a (בא) b"),
        ("سعر 12-34 x", "x 34-12 رعس"),
        ("ab \u200f! c", "ab \u200f! c"),
    ],
)
def test_text_runs_the_way_unicode_has_it(text: str, shown: str) -> None:
    assert seen(text) == shown


@given(st.text(st.sampled_from("abאב1٣ .,%-()\u200d\u0301"), min_size=1, max_size=30))
def test_every_letter_has_one_place(text: str) -> None:
    base = base_level(text)
    found = levels(text, base)
    assert sorted(visual_order(found)) == list(range(len(text)))
    assert all(level >= base for level in found)


def test_arabic_letters_join_and_stand_from_right_to_left(setter: Setter) -> None:
    face = setter.faces[1]
    joined = face.shape("", "بيت", "", rtl=True)
    apart = [face.shape("", char, "", rtl=True).glyphs[0].number for char in "بيت"]
    assert len(joined.glyphs) >= 3
    assert {glyph.number for glyph in joined.glyphs} != set(apart)
    block = setter.fit("بيت", 400, 200, (60, 60))
    picture = setter.draw(block, LIGHT).getchannel("A")
    single = sum(
        setter.draw(setter.fit(char, 400, 200, (60, 60)), LIGHT).getchannel("A").histogram()[255]
        for char in "بيت"
    )
    assert picture.histogram()[255] != single
    # A paragraph that runs from right to left stands at the right.
    box = picture.getbbox()
    assert box is not None
    assert box[2] > picture.width - 2 * margin(60)
    # Its first letter is the one that stands rightmost: ink of "بببا" differs from "اببب" mirrored.
    first = setter.fit("אבג", 400, 200, (60, 60)).lines[0].runs[0][1].glyphs
    alone = [setter.faces[2].shape("", char, "", rtl=True).glyphs[0].number for char in "אבג"]
    assert [glyph.number for glyph in first] == alone[::-1]


def test_brackets_are_mirrored_where_text_runs_from_right_to_left(setter: Setter) -> None:
    runs = setter.fit("(אב)", 400, 200, (60, 60)).lines[0].runs
    numbers = [glyph.number for _, run in runs for glyph in run.glyphs]
    plain = [setter.faces[0].shape("", char, "", rtl=False).glyphs[0].number for char in "()"]
    hebrew = [setter.faces[2].shape("", char, "", rtl=False).glyphs[0].number for char in "()"]
    assert [numbers[0], numbers[-1]] in (plain, hebrew)


def test_emoji_are_in_colour_and_text_is_not(setter: Setter) -> None:
    def colours(text: str) -> int:
        picture = setter.draw(setter.fit(text, 300, 200, (60, 60)), LIGHT)
        solid = [p[:3] for p in picture.getdata() if p[3] > 250]
        return len({p for p in solid if max(p) - min(p) > 60})

    assert colours("👨‍👩‍👧") >= 4
    assert colours("Mei 美 بو") == 0


def test_mixed_scripts_share_a_line_and_none_is_a_box(setter: Setter) -> None:
    block = setter.fit("Mei 美 بو 👋🏽", 900, 200, (60, 60))
    assert len(block.lines) == 1
    numbers = [g.number for _, run in block.lines[0].runs for g in run.glyphs]
    assert 0 not in numbers
    assert len({face for face, _ in block.lines[0].runs}) == 4


def test_a_letter_that_no_font_has_stops_the_drawing(setter: Setter) -> None:
    with pytest.raises(MissingGlyphError):
        setter.fit("ไทย", 300, 200, (40, 40))


def test_lines_of_chinese_break_anywhere_but_not_before_a_stop() -> None:
    parts = clusters("低潮，「港口」的清晨。")
    ends = may_end(parts)
    for (left, right), end in zip(pairwise(parts), ends, strict=False):
        if right in "，。」" or left == "「":
            assert not end, (left, right)
        elif left not in {"，", "」"}:
            assert end, (left, right)


def test_words_break_at_spaces_and_hyphens_only() -> None:
    parts = clusters("well-known, 12-34 and/or x\u00a0y")
    allowed = {"".join(parts[: n + 1]) for n, end in enumerate(may_end(parts)) if end}
    assert allowed == {
        "well-",
        "well-known, ",
        "well-known, 12-34 ",
        "well-known, 12-34 and/",
        "well-known, 12-34 and/or ",
        "well-known, 12-34 and/or x\u00a0y",
    }


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.sampled_from("ab ij-W,字。かبيא1👍"), min_size=1, max_size=80),
    st.integers(60, 400),
)
def test_wrapping_loses_nothing_and_stays_in_its_room(setter: Setter, text: str, room: int) -> None:
    text = " ".join(text.split(" ")).strip() or "a"
    paragraph = setter._paragraph(text)
    spans, _ = setter._wrap([paragraph], room * EM // 20)
    assert "".join(reads(paragraph, spans)) == "".join(paragraph.parts)
    for line in setter._block([paragraph], spans, 20, room, 1.2, shortened=False).lines:
        # A joined word that is cut is as wide as its letters are at the cut, or nearly.
        assert line.width * 20 / EM <= room + 20 or len(spans) == len(paragraph.parts)


def test_a_long_address_is_broken_rather_than_cut(setter: Setter) -> None:
    text = "https://example.org/" + "a" * 90
    block = setter.fit(text, 300, 400, (40, 20))
    assert not block.shortened
    assert len(block.lines) > 2
    assert max(line.width for line in block.lines) * block.size <= 300 * EM


@pytest.mark.parametrize("text", ["word " * 2000, "字" * 10_000, "z" * 10_000, "بيت " * 2500])
def test_ten_thousand_characters_are_shortened_at_the_smallest_size(
    setter: Setter, text: str
) -> None:
    block = setter.fit(text, 300, 300, (40, 15))
    assert block.shortened
    assert block.size == 15
    assert block.height <= 300
    assert block.width <= 300
    dots = setter.faces[0].shape("", "…", "", rtl=False).glyphs[0].number
    last = [glyph.number for _, run in block.lines[-1].runs for glyph in run.glyphs]
    # The end of a line is at its left where it runs from right to left.
    assert dots in (last[0], last[-1])


def test_shortening_keeps_whole_words(setter: Setter) -> None:
    paragraph = setter._paragraph("harbor lights along the water")
    line = setter._ending(paragraph.parts, setter._line(paragraph, 0, 17).width)
    kept = setter._paragraph("harbor lights…")
    assert line.width == setter._line(kept, 0, len(kept.parts)).width


def test_lines_of_a_heading_are_about_as_long_as_each_other(setter: Setter) -> None:
    block = setter.fit("Low tide and what it leaves behind", 420, 300, (40, 40))
    widths = [line.width for line in block.lines]
    assert len(widths) == 2
    assert min(widths) > 0.6 * max(widths)


def test_the_ink_of_lines_never_touches(setter: Setter) -> None:
    block: Block = setter.fit("Á\u0323\u0302\u0301\nÁ\u0323\u0302\u0301", 300, 300, (40, 40))
    above, below = block.lines
    gap = (block.baselines[1] - block.baselines[0]) * EM / block.size
    assert gap >= above.top * 0 + below.top - above.bottom


@pytest.mark.parametrize("width", [360, 640, 720, 1280])
def test_the_smallest_letters_read_on_a_narrow_screen(setter: Setter, width: int) -> None:
    box = ink(setter, "H", smallest(width)).point(lambda v: 255 if v > 127 else 0).getbbox()
    assert box is not None
    # Seen 360 pixels wide.
    assert (box[3] - box[1]) * 360 / width >= 10
    wide = ink(setter, "国", smallest(width)).getbbox()
    assert wide is not None
    assert (wide[3] - wide[1]) * 360 / width >= 13


@given(st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.integers(0, 255)] * 3))
def test_text_of_any_colour_reads_over_any_picture(colour: Colour, picture: Colour) -> None:
    plate = opposite(colour)
    assert contrast(colour, mixed(picture, plate, shine(colour))) >= 4.47


def test_plain_grounds_read_and_have_no_bands() -> None:
    for text in (WHITE, BLACK):
        picture = ground(90, 160, text, (242, 184, 75))
        assert all(contrast(text, p) >= 4.5 for p in set(picture.getdata()))
        row = [picture.getpixel((x, 80)) for x in range(90)]
        assert len(set(row)) > 2


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_a_roll_moves_by_whole_pixels_and_all_of_it_leaves(rows: int, frames: int) -> None:
    roll = roll_of(rows, 720, 1280)
    speed = roll.speed(frames)
    assert isinstance(speed, int)
    assert roll.rows <= MOST_ROWS
    if roll.still:
        assert speed == 0
        assert roll.height <= 1280
    else:
        assert roll.start - speed * frames + roll.height <= 0
