"""Runs the children that draw letters: the planned fonts beside them, their answers understood."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chainer.digest import Digest, bytes_digest
from chainer.errors import InputError, RenderError
from chainer.media.child import ChildLimits, run_child
from chainer.render.run import Runner

_PACKAGE = Path(__file__).parents[2]


def draw(
    runner: Runner,
    child: Path,
    order: dict[str, Any],
    fonts: Sequence[Digest],
    files: Sequence[str],
    folder: Path,
    limits: ChildLimits,
    what: str,
) -> dict[str, Any]:
    """Have `child` draw `order` in `folder` with the planned fonts, and return its answer.

    `fonts` are the digests of the `files`. Raises `InputError` where a font has changed since it
    was planned, cannot be read, or lacks a letter (code `glyph`), and `RenderError` otherwise.
    """
    names = _lay_fonts(fonts, files, folder)
    argv = [sys.executable, "-I", str(child), str(_PACKAGE)]
    result = run_child(
        argv,
        limits=limits,
        stdin=json.dumps({**order, "fonts": names}).encode(),
        cancel=runner.cancel,
        cwd=folder,
        env={"FFMPEG_BINARY": str(runner.ffmpeg.path), "HOME": str(folder)},
    )
    answer = _answer(result.stdout)
    if missing := answer.get("missing"):
        raise InputError(
            f"none of the fonts {', '.join(files)} has a glyph for {missing}; name one that has, "
            "in `card.fonts` in the settings",
            code="glyph",
            missing=missing,
        )
    if reason := answer.get("unreadable"):
        raise InputError(
            f"one of the fonts {', '.join(files)} cannot be drawn with: {reason}; see `card.font` "
            "and `card.fonts` in the settings",
            code="font",
            path=list(files),
        )
    if not result.ok or not answer.get("done"):
        raise RenderError(f"{what} could not be drawn", argv=argv, stderr=result.stderr)
    return answer


def _lay_fonts(fonts: Sequence[Digest], files: Sequence[str], folder: Path) -> list[str]:
    """Copies of the fonts in `folder`: what is drawn with is what was planned."""
    names = []
    for number, (digest, file) in enumerate(zip(fonts, files, strict=True)):
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise InputError(
                f"the font {file} cannot be read: {error.strerror}; see `card.font` and "
                "`card.fonts` in the settings",
                code="font",
                path=file,
            ) from error
        if bytes_digest(data) != digest:
            raise InputError(
                f"the font {file} changed after it was planned; run the command again",
                code="font",
                path=file,
            )
        name = f"font-{number}"
        (folder / name).write_bytes(data)
        names.append(name)
    return names


def _answer(stdout: bytes) -> dict[str, Any]:
    for line in reversed(stdout.decode("utf-8", "replace").splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}
