"""Stills of atoms that a walk passed by, from the graph's own media."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Sequence
from fractions import Fraction
from pathlib import Path

from chainer.episode.making import near_atoms
from chainer.errors import Cancelled, ChainerError
from chainer.graph import Graph
from chainer.media.frames import FootageRequest, RawPicture, read_footage
from chainer.media.limits import MediaLimits
from chainer.media.probe import probe
from chainer.media.source import open_source
from chainer.render.run import Runner
from chainer.report.strips import LONG_SIDE, quiet

MOST_STILLS = 24
_WINDOW = Fraction(1, 2)
"""Seconds that are looked at for one still."""
_TURNS = {90: "transpose=1,", 180: "hflip,vflip,", 270: "transpose=2,"}


def passed_by(graph: Graph, chain: Sequence[str], closed: Container[str]) -> tuple[str, ...]:
    """The playable atoms near a walk that are not `closed`, in the order of the file."""
    walked = tuple(name for name in chain if name in graph.atoms)
    found = [
        name
        for name in near_atoms(graph, walked, len(walked) + MOST_STILLS)
        if name not in walked and name not in closed and graph.atom(name).status.playable
    ]
    return tuple(found)


def stills_of(
    runner: Runner, graph: Graph, names: Sequence[str], limits: MediaLimits
) -> dict[str, bytes]:
    """A JPEG from the middle of each atom's media; of what cannot be read there is none.

    Raises `Cancelled` when the runner is stopped.
    """
    found = {}
    for name in names:
        try:
            found[name] = _still(runner, graph.media_path(graph.atom(name).media), limits)
        except Cancelled:
            raise
        except (ChainerError, OSError):
            continue
    return found


def _still(runner: Runner, path: Path, limits: MediaLimits) -> bytes:
    with open_source(path, limits=limits) as source:
        info = probe(source, limits=limits, cancel=runner.cancel)
        start = max(Fraction(0), info.seconds / 2 - _WINDOW)
        request = FootageRequest(
            start=start, seconds=min(_WINDOW, info.seconds - start), large_per_second=Fraction(0)
        )
        footage = read_footage(source, info, request, limits=limits, cancel=runner.cancel)
    rotation = 0 if info.video is None else info.video.rotation
    return _jpeg(runner, footage.last, rotation)


def _jpeg(runner: Runner, picture: RawPicture, rotation: int) -> bytes:
    with tempfile.TemporaryDirectory(prefix="chainer-report-") as name:
        folder = Path(name)
        (folder / "still.bgr").write_bytes(picture.pixels)
        size = f"scale='if(gte(iw,ih),{LONG_SIDE},-2)':'if(gte(iw,ih),-2,{LONG_SIDE})':out_range=pc"
        argv = [
            *quiet(runner),
            *("-f", "rawvideo", "-pix_fmt", "bgr24"),
            *("-s", f"{picture.width}x{picture.height}", "-i", "still.bgr"),
            *("-vf", f"{_TURNS.get(rotation, '')}{size},format=yuvj420p"),
            *("-frames:v", "1", "-q:v", "6", "still.jpg"),
        ]
        runner.run(argv, "drawing a still", cwd=folder)
        return (folder / "still.jpg").read_bytes()
