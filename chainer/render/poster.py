"""The poster: the best still among the keyframes of a canonical clip, by what OpenCV measures.

Best is sharp (variance of the Laplacian) and neither dark nor burnt.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from chainer.errors import RenderError
from chainer.render.run import Runner
from chainer.render.spec import PosterSpec


def render_poster(
    runner: Runner, spec: PosterSpec, clip: IO[bytes], folder: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make `poster.jpg` in `folder` from the open canonical clip."""
    import cv2
    import ffmpeg
    import numpy as np

    (folder / "clip.mp4").write_bytes(clip.read())
    source = ffmpeg.input("clip.mp4", skip_frame="nokey").video
    source = source.filter("scale", out_range="pc").filter("format", "yuvj420p")
    output = ffmpeg.output(source, "still%03d.jpg", fps_mode="passthrough", **{"q:v": 2})
    runner.run(runner.argv(output), "taking stills", cwd=folder)
    best: tuple[float, int, Path] | None = None
    for number, path in enumerate(sorted(folder.glob("still*.jpg"))):
        grey = cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_4)
        if grey is None:
            continue
        sharp = float(cv2.Laplacian(grey, cv2.CV_64F).var())
        clipped = float(np.mean((grey < 16) | (grey > 240)))
        score = sharp * (1.0 - clipped) ** 2
        if best is None or score > best[0]:
            best = (score, number, path)
    if best is None:
        raise RenderError("no still could be taken for the poster", code="poster")
    target = best[2].replace(folder / "poster.jpg")
    return {"poster": target}, {"keyframe": best[1]}
