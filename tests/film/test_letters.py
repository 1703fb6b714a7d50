"""The fonts of a text are decided when it is planned, and a letter that none has is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainer.digest import file_digest
from chainer.errors import InputError
from chainer.render import letters
from chainer.render.clusters import LONGEST, cleaned, clusters, in_colour, is_sequence
from chainer.render.face import Face
from chainer.render.letters import BUNDLED, letters_for, machine_fonts
from chainer.render.spec import CardStyle

from .fonts import tiny_font

FOLDER = Path(letters.__file__).with_name("fonts")
PLAIN = CardStyle()


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with one folder of fonts, an empty one."""
    folder = tmp_path / "machine"
    folder.mkdir()
    monkeypatch.setattr(letters, "_folders", lambda: [folder])
    return folder


def names(*texts: str, style: CardStyle = PLAIN) -> list[str]:
    return [Path(font.path).name for font in letters_for(texts, style)]


def test_the_fonts_are_tried_in_order_and_only_those_needed_are_taken(tmp_path: Path) -> None:
    for name, has in (("a.ttf", "ab"), ("b.ttf", "bc"), ("c.ttf", "cd"), ("d.ttf", "cde")):
        tiny_font(tmp_path / name, has)
    style = CardStyle(
        font=str(tmp_path / "a.ttf"), fonts=tuple(str(tmp_path / f"{x}.ttf") for x in "bcd")
    )
    assert names("ab", style=style) == ["a.ttf"]
    assert names("abc", style=style) == ["a.ttf", "b.ttf"]
    assert names("a", "d c", style=style) == ["a.ttf", "b.ttf", "c.ttf"]
    assert names("e", style=style) == ["a.ttf", "d.ttf"]
    # What no font of the style has comes from the bundled ones.
    assert names("ax", style=style) == ["a.ttf", "InterDisplay-Bold.otf"]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    style = CardStyle(font=str(tiny_font(tmp_path / "a.ttf", "a")))
    (font,) = letters_for(("a",), style)
    assert font.digest == file_digest(tmp_path / "a.ttf")
    tiny_font(tmp_path / "a.ttf", "ab")
    (again,) = letters_for(("a",), style)
    assert again.digest == file_digest(tmp_path / "a.ttf") != font.digest


def test_a_font_without_digits_gets_one_that_has_for_what_cards_add(tmp_path: Path) -> None:
    style = CardStyle(font=str(tiny_font(tmp_path / "a.ttf", "a", furniture=False)))
    assert names("a", style=style) == ["a.ttf", "InterDisplay-Bold.otf"]


@pytest.mark.parametrize(
    ("text", "fonts"),
    [
        ("低潮的港口", ["chainer-han.otf"]),
        ("ひらがなカタカナ", ["chainer-han.otf"]),
        ("한국어 쀍", ["chainer-hangul.otf"]),
        ("مرحبا بالعالم", ["chainer-arabic.ttf"]),
        ("שלום", ["chainer-hebrew.ttf"]),
        ("क्षत्रिय", ["chainer-devanagari.ttf"]),
        ("ภาษาไทยกำ", ["chainer-thai.ttf"]),
        ("Ελληνικά Кириллица", []),
        ("♪ ✓ ★", ["chainer-signs.ttf"]),
        ("❤", []),
        ("❤️", ["chainer-emoji.ttf"]),
        ("🇩🇪 👨‍👩‍👧 👍🏽 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", ["chainer-emoji.ttf"]),
        ("Mei 美 بو 👋🏽", ["chainer-arabic.ttf", "chainer-han.otf", "chainer-emoji.ttf"]),
    ],
)
def test_the_bundled_fonts_have_the_scripts_of_the_world(text: str, fonts: list[str]) -> None:
    assert names(text) == ["InterDisplay-Bold.otf", *fonts]


def test_a_missing_letter_is_named_with_its_text_and_a_remedy() -> None:
    with pytest.raises(InputError) as caught:
        letters_for(("Low tide", "The 𒀀 tablet of the old king of somewhere far"), PLAIN)
    error = caught.value
    assert (error.code, error.exit_status) == ("glyph", 2)
    assert error.facts["missing"] == "'𒀀' (U+12000 CUNEIFORM SIGN A)"
    assert error.facts["text"] == "'The 𒀀 tablet of the old'"
    assert "card.fonts" in error.message
    assert "fonts-noto-core" in error.message
    with pytest.raises(InputError, match="fonts-noto-cjk"):
        letters_for(("𠮷",), PLAIN)


def test_a_picture_that_no_font_has_is_missing_not_taken_apart() -> None:
    with pytest.raises(InputError, match=r"U\+1F1E6 REGIONAL.*U\+1F1E6"):
        letters_for(("🇦🇦",), PLAIN)
    # What is joined may stand side by side instead.
    assert names("😀\u200d🚗") == ["InterDisplay-Bold.otf", "chainer-emoji.ttf"]


def test_the_fonts_of_the_machine_come_last_and_broken_ones_are_passed_over(bare: Path) -> None:
    (bare / "aa-bold.ttf").write_bytes(b"\0\1\0\0 no font")
    (bare / "ab-bold.ttf").write_bytes(b"OTTO")
    (bare / "ac-bold.otf").write_text("text")
    (bare / "deep").mkdir()
    tiny_font(bare / "deep/italic-bold.ttf", "𒀀𒀁")
    tiny_font(bare / "deep/plain.ttf", "𒀀a低")
    assert [path.name for path in machine_fonts()][-2:] == ["plain.ttf", "italic-bold.ttf"]
    assert names("a低𒀀") == ["InterDisplay-Bold.otf", "chainer-han.otf", "plain.ttf"]
    assert names("𒀁") == ["InterDisplay-Bold.otf", "italic-bold.ttf"]


@pytest.mark.parametrize("kept", [3, 40, 200, 600])
def test_a_font_that_ends_early_is_refused_or_covers_less(tmp_path: Path, kept: int) -> None:
    whole = tiny_font(tmp_path / "a.ttf", "ab").read_bytes()
    (tmp_path / "cut.ttf").write_bytes(whole[:kept])
    with pytest.raises(InputError) as caught:
        letters_for(("𒀀",), CardStyle(font=str(tmp_path / "cut.ttf")))
    assert caught.value.code in ("font", "glyph")


def test_a_font_that_is_not_there_or_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.ttf").write_text("hello")
    for name in ("none.ttf", "x.ttf"):
        for style in (
            CardStyle(font=str(tmp_path / name)),
            CardStyle(fonts=(str(tmp_path / name),)),
        ):
            with pytest.raises(InputError, match=name) as caught:
                letters_for(("a",), style)
            assert caught.value.code == "font"


@pytest.mark.parametrize("char", ["\0", "\x07", "\x1b", "\x7f", "\ud800"])
def test_a_control_character_is_refused_and_shown_as_an_escape(char: str) -> None:
    with pytest.raises(InputError, match=rf"U\+{ord(char):04X}") as caught:
        letters_for((f"ab{char}c",), PLAIN)
    assert caught.value.code == "glyph"
    assert char not in caught.value.message


def test_what_is_not_seen_needs_no_glyph() -> None:
    assert names("a\u200b\u200d\ufe0f\u200f\u061c b\u00a0c\u3000d\n\te\u202ef\u2067") == [
        "InterDisplay-Bold.otf"
    ]


def test_plain_text_opens_no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a font was opened")

    monkeypatch.setattr(Face, "peek", refuse)
    assert names("Low tide: Überraschung — привет…") == ["InterDisplay-Bold.otf"]


def test_the_first_bundled_font_has_all_that_is_taken_for_granted() -> None:
    face = Face.peek(FOLDER / BUNDLED[0])
    plain = [chr(n) for n in range(32, 0x3000) if letters._PLAIN.fullmatch(chr(n))]
    assert len(plain) > 400
    assert [char for char in plain if not face.has(char) and char.isprintable()] == []


def test_the_bundle_is_whole_and_small() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".otf", ".ttf")}
    assert files == set(BUNDLED)
    assert sum((FOLDER / name).stat().st_size for name in files) < 8_000_000
    readme = (FOLDER / "README.md").read_text()
    assert all(name in readme for name in files)


def test_ten_thousand_characters_are_decided_without_opening_more() -> None:
    assert names("word " * 2000 + "字" * 10_000) == ["InterDisplay-Bold.otf", "chainer-han.otf"]


def test_importing_the_planner_loads_no_shaper() -> None:
    from chainer.media.child import ChildLimits, run_child

    code = "import sys, chainer.render.letters; print('uharfbuzz' in sys.modules)"
    result = run_child([sys.executable, "-c", code], limits=ChildLimits(wall_seconds=60))
    assert result.stdout.strip() == b"False"


MIXED = st.text(
    st.sampled_from(
        "ab 1é\u0301字かشلא👍🏽👨\u200d👩\ufe0f🇩🇪\u20e3क\u094dषไ\u0e33\n\t\u200f\u202e가가"
    ),
    max_size=40,
)


@given(MIXED)
def test_clusters_are_the_text_and_no_mark_stands_alone(text: str) -> None:
    clean = cleaned(text)
    parts = clusters(clean)
    assert all(len(part) <= LONGEST for part in parts)
    if all(len(part) < LONGEST for part in parts):
        assert "".join(parts) == clean
    assert cleaned(clean) == clean
    assert "\u202e" not in clean
    assert not any(len(part) > 1 and part[0] in " \n" for part in parts)


def test_clusters_keep_together_what_is_one_picture_or_letter() -> None:
    whole = ["👨‍👩‍👧", "🇩🇪", "🇫🇷", "👍🏽", "1️⃣", "é\u0323", "क्ष", "กำ", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a"]
    assert clusters("".join(whole)) == whole
    assert [part for part in whole if is_sequence(part)] == [*whole[:5], whole[8]]
    assert in_colour("❤️")
    assert not in_colour("❤")
    assert not in_colour("⌚\ufe0e")
    assert in_colour("⌚")
