"""Draws every kind of card, cue and caption in several scripts and tiles them, to be looked at.

python scripts/card_sheet.py OUT.png [--size 720x1280] [--behind CLIP] [--light]
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from chainer.profile import HOUSE
from chainer.render.card import render_card
from chainer.render.encoder import FFmpeg
from chainer.render.letters import letters_for
from chainer.render.reading import card_seconds, roll_frames
from chainer.render.run import Runner
from chainer.render.spec import CardKind, CardSpec, CardStyle, TextKind, TextSpec
from chainer.render.text import render_text

WORDS = {
    "latin": ("Low tide", "Mei walks out to the old pier, and finds that somebody was there."),
    "chinese": ("低潮的港口", "清晨，美走到旧码头上，发现有人来过，留下了一根绳子。"),
    "arabic": ("الجزر المنخفض", "تمشي مي إلى الرصيف القديم وتكتشف أن أحدًا كان هناك قبلها."),
    "mixed": ("Mei 美 → بو 👋🏽", "Chapter 3: 你好, مرحبا (Bo), 12 % 🎣👨‍👩‍👧🇯🇵"),
}
PEOPLE = ("Mei Tanaka", "Bo", "林小美", "ليلى حداد", "Ana 🎬 Souza", "Jürgen Müller-Lüdenscheidt")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="720x1280")
    parser.add_argument("--behind", type=Path)
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--rows", type=int, default=14)
    told = parser.parse_args()
    width, height = map(int, told.size.split("x"))
    profile = HOUSE.model_copy(update={"width": width, "height": height})
    colours = {"text": "#101418", "accent": "#b3261e"} if told.light else {}
    style = CardStyle(**colours)
    runner = Runner(FFmpeg(Path(get_ffmpeg_exe()), "", ""))
    tiles = []
    for heading, words in WORDS.values():
        tiles += [
            still(runner, told.behind, spec)
            for spec in (
                card(CardKind.TITLE, heading, "Harbor · episode 1", (), profile, style),
                card(CardKind.CHAPTER, heading, "2", (), profile, style),
                card(CardKind.STORY, words, "", (), profile, style),
                card(CardKind.SKETCH, heading, words, parts(words), profile, style),
            )
        ]
        tiles.append(texts(runner, heading, words, profile, style))
    rows = tuple((PEOPLE[n % len(PEOPLE)], f"{n * 7 % 60 + 0.5} s") for n in range(told.rows))
    roll = card(CardKind.CREDITS, "Harbor", "", rows, profile, style)
    tiles += [still(runner, told.behind, roll, share) for share in (0.02, 0.2, 0.5, 0.8, 0.97)]
    high = 480
    tiles = [tile.resize((tile.width * high // tile.height, high)) for tile in tiles]
    sheet = Image.new("RGB", (5 * (tiles[0].width + 8), len(tiles) // 5 * (high + 8)), "#666")
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % 5 * (tile.width + 8), number // 5 * (high + 8)))
    sheet.save(told.out)


def parts(words: str) -> tuple[tuple[str, str], ...]:
    return (("Hook", words[:40]), ("Beat", words[:60]), ("Button", words[-30:]))


def card(kind, heading, line, rows, profile, style) -> CardSpec:
    words = [heading, line, *(word for row in rows for word in row)]
    fonts = letters_for(words, style)
    if kind is CardKind.CREDITS:
        frames = roll_frames(rows, profile)
    else:
        seconds = card_seconds(kind, " ".join(words))
        frames = profile.grid.ceil(round(seconds * profile.fps))
    return CardSpec(
        kind=kind,
        behind=None,
        heading=heading,
        line=line,
        rows=rows,
        frames=frames,
        style=style,
        fonts=tuple(font.digest for font in fonts),
        files=tuple(font.path for font in fonts),
        profile=profile,
        build="sheet",
        maker="sheet",
    )


def still(runner: Runner, behind: Path | None, spec: CardSpec, share: float = 0.7) -> Image.Image:
    """A picture of the finished card at `share` of its length."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if behind is None:
            files, _ = render_card(runner, spec, None, folder)
        else:
            with behind.open("rb") as stream:
                spec = dataclasses.replace(spec, behind="0" * 64)
                files, _ = render_card(runner, spec, stream, folder)
        at = int(spec.frames * share)
        cut = ["-i", str(files["piece"]), "-vf", f"select=eq(n\\,{at})", "-frames:v", "1"]
        argv = [str(runner.ffmpeg.path), "-v", "error", *cut, "-y", "shot.png"]
        runner.run(argv, "a still", cwd=folder)
        return Image.open(folder / "shot.png").convert("RGB")


def texts(runner: Runner, heading: str, words: str, profile, style) -> Image.Image:
    """A cue and a caption over a picture that is half light and half dark."""
    frame = Image.new("RGB", (profile.width, profile.height), "#f4f4f4")
    frame.paste("#20242c", (0, 0, profile.width // 2, profile.height))
    for kind, line, detail, at in (
        (TextKind.CUE, heading, words[:30], 0.55),
        (TextKind.CAPTION, words, "", 0.8),
        (TextKind.CAPTION, heading, "", 0.2),
    ):
        fonts = letters_for((line, detail), style)
        digests, paths = [f.digest for f in fonts], [f.path for f in fonts]
        size = (profile.width, profile.height)
        spec = TextSpec(kind, line, detail, style, tuple(digests), tuple(paths), *size, "sheet")
        with tempfile.TemporaryDirectory() as name:
            files, facts = render_text(runner, spec, Path(name))
            picture = Image.open(files["text"]).convert("RGBA")
        x = (frame.width - facts["width"]) // 2 if kind is TextKind.CAPTION else frame.width // 16
        frame.paste(picture, (x, int(frame.height * at) - facts["height"] // 2), picture)
    return frame


if __name__ == "__main__":
    main()
