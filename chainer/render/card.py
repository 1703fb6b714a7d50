"""Cards: a title rendered through MoviePy in a child process, then encoded once like a clip.

MoviePy takes over half a second to load and starts processes when it does, so it runs where
that harms nobody, and only when a card is not in the store.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from chainer.digest import Digest, file_digest
from chainer.errors import InputError, RenderError
from chainer.media.child import ChildLimits, run_child
from chainer.mp4 import write_excerpt
from chainer.render.clip import PICTURE, SILENCE, clip_keys, finish_clip, write_silence
from chainer.render.encoder import picture_options
from chainer.render.picture import house_picture
from chainer.render.run import Runner
from chainer.render.spec import CardSpec, CardStyle

_CHILD = Path(__file__).with_name("card_child.py")
_BUNDLED = Path(__file__).with_name("fonts") / "InterDisplay-Bold.otf"
_LIMITS = ChildLimits(wall_seconds=300, cpu_seconds=300, memory_bytes=3 << 30)


def font_file(style: CardStyle) -> Path:
    """The font of the cards. Raises `InputError` where the settings name none that is there."""
    path = Path(style.font) if style.font else _BUNDLED
    if not path.is_file():
        raise InputError(
            f"there is no font file {path}; see `card.font` in the settings", path=str(path)
        )
    return path


def font_digest(style: CardStyle) -> Digest:
    """The digest of the font's bytes, for the key of a card."""
    return file_digest(font_file(style))


def render_card(
    runner: Runner,
    spec: CardSpec,
    behind: IO[bytes],
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the card in `folder`, over the first picture of the open canonical clip `behind`."""
    import ffmpeg

    _first_picture(runner, spec, behind, folder)
    _draw(runner, spec, folder)
    keys = clip_keys(spec.frames, spec.profile)
    picture = ffmpeg.input("card.mkv").video
    picture = picture.filter(
        "scale", out_color_matrix="bt709", out_range="tv", flags="accurate_rnd+full_chroma_int"
    )
    picture = house_picture(picture)
    options = picture_options(spec.profile, keys)
    output = ffmpeg.output(picture, PICTURE, **options, **{"frames:v": spec.frames})
    runner.run(runner.argv(output), "encoding a card", cwd=folder, on_frame=on_frame)
    write_silence(folder, spec.profile.grid.samples(spec.frames))
    files, _ = finish_clip(runner, spec.frames, SILENCE, spec.profile, folder)
    return files, {"frames": spec.frames, "silent": True}


def _first_picture(runner: Runner, spec: CardSpec, behind: IO[bytes], folder: Path) -> None:
    """`behind.png`: the first picture of the clip, blurred and darkened."""
    import ffmpeg

    write_excerpt(behind, 0, 1, spec.profile.fps, folder / "behind.mp4")
    small = (max(2, spec.profile.width // 4), max(2, spec.profile.height // 4))
    picture = ffmpeg.input("behind.mp4").video.filter("scale", *small, flags="area")
    picture = picture.filter("gblur", sigma=7, steps=3)
    picture = picture.filter("scale", spec.profile.width, spec.profile.height, flags="bicubic")
    picture = picture.filter("format", "rgb24").filter(
        "lutrgb", r="val*0.6", g="val*0.6", b="val*0.64"
    )
    output = ffmpeg.output(picture, "behind.png", **{"frames:v": 1, "update": 1})
    runner.run(runner.argv(output), "taking a still", cwd=folder)


def _draw(runner: Runner, spec: CardSpec, folder: Path) -> None:
    order = {
        "width": spec.profile.width,
        "height": spec.profile.height,
        "fps": [spec.profile.fps.numerator, spec.profile.fps.denominator],
        "frames": spec.frames,
        "heading": spec.heading,
        "line": spec.line,
        "text": spec.style.text,
        "accent": spec.style.accent,
        "font": str(font_file(spec.style)),
        "behind": "behind.png",
        "target": "card.mkv",
    }
    argv = [sys.executable, "-I", str(_CHILD)]
    result = run_child(
        argv,
        limits=_LIMITS,
        stdin=json.dumps(order).encode(),
        cancel=runner.cancel,
        cwd=folder,
        env={"FFMPEG_BINARY": str(runner.ffmpeg.path), "HOME": str(folder)},
    )
    answer = _answer(result.stdout)
    if missing := answer.get("missing"):
        raise InputError(
            f"the font {order['font']} has no glyph for {missing}; name a font that has, "
            "with `card.font` in the settings",
            code="glyph",
            missing=missing,
        )
    if not result.ok or not answer.get("done"):
        raise RenderError("a card could not be drawn", argv=argv, stderr=result.stderr)


def _answer(stdout: bytes) -> dict[str, Any]:
    for line in reversed(stdout.decode("utf-8", "replace").splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}
