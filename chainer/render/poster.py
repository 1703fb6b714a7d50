"""The poster: the best still among the keyframes of a canonical clip.

Best is the one with the most to see: at one quality, a sharp and well-lit picture takes more bytes
as JPEG than a blurred, dark or burnt one of the same scene.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from chainer.errors import RenderError
from chainer.render.piece import read_index
from chainer.render.run import Runner
from chainer.render.tones import coded_range, shown


def render_poster(
    runner: Runner, clip: IO[bytes], folder: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make `poster.jpg` in `folder` from the open canonical clip."""
    import ffmpeg

    (folder / "clip.mp4").write_bytes(clip.read())
    source = ffmpeg.input("clip.mp4", skip_frame="nokey").video
    source = shown(source, coded_range(read_index(folder / "clip.mp4").track("vide").entry))
    source = source.filter("scale", out_range="pc").filter("format", "yuvj420p")
    output = ffmpeg.output(source, "still%03d.jpg", fps_mode="passthrough", **{"q:v": 2})
    runner.run(runner.argv(output), "taking stills", cwd=folder)
    stills = sorted(folder.glob("still*.jpg"))
    if not stills:
        raise RenderError("no still could be taken for the poster", code="poster")
    best = max(range(len(stills)), key=lambda number: stills[number].stat().st_size)
    return {"poster": stills[best].replace(folder / "poster.jpg")}, {"keyframe": best}
