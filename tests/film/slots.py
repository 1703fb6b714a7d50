"""Making single clips and slots for tests, without a film around them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source
from chainer.profile import Profile
from chainer.render.conform import conform
from chainer.render.encoder import FFmpeg
from chainer.render.extend import extend
from chainer.render.mark import still_name
from chainer.render.run import Runner
from chainer.render.spec import ConformPolicy, ConformSpec, ExtendSpec

from .coded import FFMPEG, SMALL

LIMITS = MediaLimits()
BUILD = FFmpeg(Path(FFMPEG), "test", "0" * 64)
Made = tuple[dict[str, Path], dict[str, Any]]


def clip(path: Path, frames: int, profile: Profile = SMALL, **more: Any) -> ConformSpec:
    """The first `frames` of a file."""
    with open_source(path, limits=LIMITS) as source:
        info = probe(source, limits=LIMITS)
        values = {"first": 0, "policy": ConformPolicy(), "build": BUILD.build, **more}
        return ConformSpec(media=source.digest, info=info, frames=frames, profile=profile, **values)


def make(
    spec: ConformSpec | ExtendSpec,
    paths: Sequence[Path],
    folder: Path,
    cancel: threading.Event | None = None,
) -> Made:
    """The clip or slot in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(BUILD, cancel)
    with ExitStack() as stack:
        sources = [stack.enter_context(open_source(path, limits=LIMITS)) for path in paths]
        if isinstance(spec, ExtendSpec):
            return extend(runner, spec, sources, LIMITS, folder)
        return conform(runner, spec, sources[0], LIMITS, folder)


def still(
    folder: Path, key: str, size: tuple[int, int], colour: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """A plain still of the key's step."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGBA", size, colour)
    image.save(folder / still_name(key))
    return np.asarray(image)
