"""Films to be delivered: coded clips with all kinds of joints, off the grid, and trees of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from chainer.mp4.box import boxes, find
from chainer.settings import Settings
from tests.film.coded import Coded, small_settings, write_graph

TITLE = 'A "quoted" <script>alert(1)</script> 港 🎬'
LENGTHS = (120, 137, 101, 150, 91, 128)
"""Frames of the clips: off the grid, all but one."""
JOINTS: tuple[dict[str, Any], ...] = (
    {"kind": "crossfade", "seconds": "2/5"},
    {"kind": "cut"},
    {"kind": "fade", "seconds": "4/5"},
    {"kind": "cut", "lead": "2/5"},
    {"kind": "crossfade", "seconds": "1/2"},
)


def write_mixed(folder: Path, count: int = len(LENGTHS)) -> Path:
    """The graph of a chain of clips with all kinds of joints, with words in the first."""
    atoms = [Coded(number, frames) for number, frames in enumerate(LENGTHS[:count])]
    said = {"start": "0.5", "end": "3", "character": "mei", "text": "Is <b>anyone</b> there?"}
    path = write_graph(folder, atoms, JOINTS[: count - 1], c0={"dialogue": [said]})
    data = json.loads(path.read_text(encoding="utf-8"))
    data["graph"]["title"] = TITLE
    data["graph"]["characters"] = {"mei": {"name": "Mei"}}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def write_tree(folder: Path, levels: int, frames: int = 60) -> Path:
    """r → a1|b1 → a2|b2 → …: 2 ** levels chains, all joints and lengths alike."""
    names = ["r", *(f"{side}{level}" for level in range(1, levels + 1) for side in "ab")]
    for number, name in enumerate(names):
        Coded(number, frames).write(folder / f"media/{name}.mp4")
    rows = [["r"], *([f"a{level}", f"b{level}"] for level in range(1, levels + 1))]
    joint = {"kind": "crossfade", "seconds": "2/5"}
    edges = [
        {"source": left, "target": right, "kind": "continuation", "joint": joint}
        for before, after in pairwise(rows)
        for left in before
        for right in after
    ]
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": "Tree"},
        "nodes": [{"id": n, "media": f"media/{n}.mp4", "author": "p-a"} for n in names],
        "edges": edges,
    }
    path = folder / "tree.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    return path


def hls_settings(store: Path, hls: dict[str, Any] | None = None, **changes: Any) -> Settings:
    """Small settings that write playlists."""
    return small_settings(store, hls={"write": True, **(hls or {})}, **changes)


def stored(store: Path) -> dict[str, int]:
    """The size of everything in a store, by the SHA-256 it is called by."""
    return {path.name: path.stat().st_size for path in (store / "cas").glob("*/*")}


def samples_of(segment: bytes) -> Iterator[bytes]:
    """The bytes of each picture or packet in a segment."""
    import struct

    start, end = find(segment, b"moof", b"traf", b"trun")
    word, count, _ = struct.unpack_from(">IIi", segment, start)
    step = 8 if word & 0x400 else 4
    position = next(first for kind, first, _ in boxes(segment) if kind == b"mdat")
    for at in range(start + 12, start + 12 + count * step, step):
        (size,) = struct.unpack_from(">I", segment, at)
        yield segment[position : position + size]
        position += size
    assert position == len(segment)
    assert start + 12 + count * step == end


def segments_in(store: Path, names: Sequence[str] | None = None) -> list[Path]:
    """The media segments that the store's folder of links names."""
    found = sorted((store / "segments").glob("*.m4s"))
    return [path for path in found if names is None or path.name in names]


def aims(store: Path) -> list[str]:
    """What the links of a store say."""
    return [os.readlink(path) for path in sorted((store / "segments").iterdir())]  # noqa: PTH115
