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
    output = ffmpeg.output(source, "still%03d.png", fps_mode="passthrough")
    runner.run(runner.argv(output), "taking stills", cwd=folder)
    best: tuple[float, int, Any] | None = None
    for number, path in enumerate(sorted(folder.glob("still*.png"))):
        image = cv2.imread(str(path))
        if image is None:
            continue
        small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        sharp = float(cv2.Laplacian(grey, cv2.CV_64F).var())
        clipped = float(np.mean((grey < 16) | (grey > 240)))
        score = sharp * (1.0 - clipped) ** 2
        if best is None or score > best[0]:
            best = (score, number, image)
    if best is None:
        raise RenderError("no still could be taken for the poster", code="poster")
    target = folder / "poster.jpg"
    coded, data = cv2.imencode(".jpg", best[2], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not coded:
        raise RenderError("the poster could not be written", code="poster")
    target.write_bytes(data.tobytes())
    return {"poster": target}, {"keyframe": best[1]}
