"""Text over a clip, drawn once as a still with transparency: captions and character cues.

It is a step of its own, as the visible mark is. Pillow and HarfBuzz draw it in a child process; the
conform step lays it over the finished picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chainer.media.child import ChildLimits
from chainer.render.drawing import draw
from chainer.render.run import Runner
from chainer.render.spec import TextSpec

TEXT = "text.png"
"""The name of the still in a work folder."""

_CHILD = Path(__file__).with_name("text_child.py")
_LIMITS = ChildLimits(
    wall_seconds=60, cpu_seconds=60, memory_bytes=1 << 30, file_bytes=64 << 20, open_files=64
)


def render_text(
    runner: Runner, spec: TextSpec, folder: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Draw the text in `folder`: the file `text`, and the facts `width` and `height` in pixels.

    The still is as large as what is seen of it, both sides even; `shortened` is a fact where words
    had to be left out. Raises `InputError` for fonts that changed since they were planned or lack a
    letter (code `glyph`).
    """
    order = {
        "kind": spec.kind.value,
        "line": spec.line,
        "detail": spec.detail,
        "width": spec.width,
        "height": spec.height,
        "text": spec.style.text,
        "accent": spec.style.accent,
        "target": TEXT,
    }
    answer = draw(runner, _CHILD, order, spec.fonts, spec.files, folder, _LIMITS, "a text")
    facts: dict[str, Any] = {"width": answer["width"], "height": answer["height"]}
    if answer.get("shortened"):
        facts["shortened"] = True
    return {"text": folder / TEXT}, facts
