"""Cards: words rendered through MoviePy in a child process, then encoded once like a clip.

MoviePy takes over half a second to load and starts processes when it does, so it runs where
that harms nobody, and only when a card is not in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from chainer.media.child import ChildLimits
from chainer.mp4 import write_excerpt
from chainer.render.clip import PICTURE, SILENCE, clip_keys, finish_clip, write_silence
from chainer.render.contrast import BLACK, colour_of, mixed, opposite, shine
from chainer.render.drawing import draw
from chainer.render.encoder import picture_options
from chainer.render.mark import stamped
from chainer.render.picture import house_picture
from chainer.render.run import Runner
from chainer.render.spec import CardKind, CardSpec
from chainer.render.tones import drawn_in_range, range_of, shown

_CHILD = Path(__file__).with_name("card_child.py")
_LIMITS = ChildLimits(wall_seconds=600, cpu_seconds=600, memory_bytes=3 << 30)

_MOST_SHINE = 0.46
_QUIET = 0.84
"""How much of the text's colour is in that of quieter words, which some kinds have."""


def render_card(
    runner: Runner,
    spec: CardSpec,
    behind: IO[bytes] | None,
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the card in `folder`, over the first picture of the open canonical clip `behind`.

    Without one it stands over a plain ground. Returns the files of a canonical clip and the facts
    `frames`, `silent` and, where words had to be left out, `shortened`. Raises `InputError` for
    fonts that changed since they were planned or lack a letter (code `glyph`).
    """
    import ffmpeg

    if behind is not None:
        _first_picture(runner, spec, behind, folder)
    order = {
        "kind": spec.kind.value,
        "width": spec.profile.width,
        "height": spec.profile.height,
        "fps": [spec.profile.fps.numerator, spec.profile.fps.denominator],
        "frames": spec.frames,
        "heading": spec.heading,
        "line": spec.line,
        "rows": spec.rows,
        "text": spec.style.text,
        "accent": spec.style.accent,
        "behind": None if behind is None else "behind.png",
        "target": "card.mkv",
    }
    answer = draw(runner, _CHILD, order, spec.fonts, spec.files, folder, _LIMITS, "a card")
    keys = clip_keys(spec.frames, spec.profile)
    picture = drawn_in_range(ffmpeg.input("card.mkv").video, spec.profile)
    picture = house_picture(stamped(picture, spec.stamp, spec.profile), spec.profile)
    options = picture_options(spec.profile, keys)
    output = ffmpeg.output(picture, PICTURE, **options, **{"frames:v": spec.frames})
    runner.run(runner.argv(output), "encoding a card", cwd=folder, on_frame=on_frame)
    write_silence(folder, spec.profile.grid.samples(spec.frames))
    files, _ = finish_clip(runner, spec.frames, SILENCE, spec.profile, folder)
    facts: dict[str, Any] = {"frames": spec.frames, "silent": True}
    if answer.get("shortened"):
        facts["shortened"] = True
    return files, facts


def _first_picture(runner: Runner, spec: CardSpec, behind: IO[bytes], folder: Path) -> None:
    """`behind.png`: the first picture of the clip, blurred, and so far off that text reads on it.

    It goes towards black, or towards white under dark text, until even its far end contrasts.
    """
    import ffmpeg

    write_excerpt(behind, 0, 1, spec.profile.fps, folder / "behind.mp4")
    small = (max(2, spec.profile.width // 4), max(2, spec.profile.height // 4))
    picture = shown(ffmpeg.input("behind.mp4").video, range_of(spec.profile))
    picture = picture.filter("scale", *small, flags="area")
    picture = picture.filter("gblur", sigma=f"{float(spec.blur):g}", steps=3)
    picture = picture.filter("scale", spec.profile.width, spec.profile.height, flags="bicubic")
    text = colour_of(spec.style.text)
    plate = opposite(text)
    if spec.kind in (CardKind.CREDITS, CardKind.SKETCH):
        text = mixed(text, plate, _QUIET)
    share = shine(text, _MOST_SHINE)
    # A little cooler than the clip, so that the card is no part of it.
    cool = {"r": share * 0.93, "g": share * 0.95, "b": share}
    tables = {
        name: f"val*{part:.4f}" if plate == BLACK else f"255-(255-val)*{part:.4f}"
        for name, part in cool.items()
    }
    picture = picture.filter("format", "rgb24").filter("lutrgb", **tables)
    output = ffmpeg.output(picture, "behind.png", **{"frames:v": 1, "update": 1})
    runner.run(runner.argv(output), "taking a still", cwd=folder)
