"""Makes the smaller fonts of chainer/render/fonts from the ones they come from.

    python scripts/subset_fonts.py NOTO TWEMOJI chainer/render/fonts

NOTO is a folder with the unpacked Debian packages fonts-noto-core and fonts-noto-cjk, TWEMOJI the
file twemoji.woff2 of the npm package twemoji-colr-font. Needs fontTools and brotli.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SCRIPTS = {
    "arabic": "Arabic-Bold",
    "hebrew": "Hebrew-Bold",
    "devanagari": "Devanagari-Bold",
    "bengali": "Bengali-Bold",
    "gujarati": "Gujarati-Bold",
    "gurmukhi": "Gurmukhi-Bold",
    "tamil": "Tamil-Bold",
    "telugu": "Telugu-Bold",
    "kannada": "Kannada-Bold",
    "malayalam": "Malayalam-Bold",
    "sinhala": "Sinhala-Bold",
    "thai": "Thai-Bold",
    "lao": "Lao-Bold",
    "khmer": "Khmer-Bold",
    "myanmar": "Myanmar-Bold",
    "georgian": "Georgian-Bold",
    "armenian": "Armenian-Bold",
    "ethiopic": "Ethiopic-Bold",
}
SIGNS = {"signs": "Symbols-Bold", "shapes": "Symbols2-Regular"}
JAPANESE, KOREAN, CHINESE = range(3)


def main(noto: Path, twemoji: Path, target: Path) -> None:
    truetype = noto / "usr/share/fonts/truetype/noto"
    for name, source in SCRIPTS.items():
        make(truetype / f"NotoSans{source}.ttf", target / f"chainer-{name}.ttf", None)
    signs = range(0x2000, 0x2C00)
    for name, source in SIGNS.items():
        make(truetype / f"NotoSans{source}.ttf", target / f"chainer-{name}.ttf", signs)
    cjk = noto / "usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"
    make(cjk, target / "chainer-han.otf", han(), CHINESE, features=["ccmp", "mark", "mkmk"])
    hangul = [*range(0xAC00, 0xD7A4), *range(0x3131, 0x318F)]
    make(cjk, target / "chainer-hangul.otf", hangul, KOREAN, features=["ccmp"])
    make(twemoji, target / "chainer-emoji.ttf", None)


def han() -> set[int]:
    """Ideographs, kana and full-width signs of GB 2312, Big5 level 1 and JIS X 0208."""
    found = set()
    for codec, leads in (
        ("gb2312", (0xA1, 0xF8)),
        ("big5", (0xA1, 0xC7)),
        ("euc_jp", (0xA1, 0xF5)),
    ):
        for lead in range(*leads):
            for trail in range(0x40, 0xFF):
                try:
                    char = bytes((lead, trail)).decode(codec)
                except ValueError:
                    continue
                if len(char) == 1 and (codec != "big5" or (lead, trail) <= (0xC6, 0x7E)):
                    found.add(ord(char))
    return {number for number in found if number >= 0x2E80}


def make(source: Path, target: Path, numbers, index=0, features=("*",)) -> None:
    options = subset.Options()
    options.layout_features = list(features)
    options.name_IDs = [0, 1, 2, 3, 4, 6, 7, 13, 14]
    options.name_languages = [0x409]
    options.hinting = False
    options.notdef_outline = True
    options.font_number = index
    options.recalc_timestamp = False
    options.glyph_names = False
    options.drop_tables += ["FFTM", "DSIG", "vhea", "vmtx", "VORG", "BASE"]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=list(font.getBestCmap() if numbers is None else numbers))
    subsetter.subset(font)
    font.flavor = None
    rename(font, "Chainer " + target.stem.removeprefix("chainer-").title())
    font.save(target)
    print(f"{target.name}: {target.stat().st_size:,} bytes, {font['maxp'].numGlyphs} glyphs")


def rename(font: TTFont, family: str) -> None:
    plain = family.replace(" ", "")
    values = {1: family, 3: plain, 4: f"{family} Bold", 6: f"{plain}-Bold"}
    for record in font["name"].names:
        if record.nameID in values:
            record.string = values[record.nameID]
    if "CFF " in font:
        top = font["CFF "].cff
        top.fontNames = [f"{plain}-Bold"]
        top.topDictIndex[0].FullName = f"{family} Bold"
        top.topDictIndex[0].FamilyName = family


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
