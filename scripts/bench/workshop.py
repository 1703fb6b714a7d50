"""Where the benchmark works: its folder, the programs it measures, and the size of the job."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]

from bench.measure import Cost, Run, measure
from chainer.profile import HOUSE, Profile

SMALL = Profile(
    name="own", width=180, height=320, crf=24, preset="veryfast", level="2.1", audio_kbps=128
)
"""For cases of many atoms, where only counts matter."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """`quick` makes every case small; `media` is a folder of real clips, where there is one."""

    folder: Path
    quick: bool
    media: Path | None

    @property
    def ffmpeg(self) -> str:
        """The one FFmpeg of this benchmark: the one that chainer uses too."""
        return str(imageio_ffmpeg.get_ffmpeg_exe())

    def room(self, name: str) -> Path:
        """A folder of its own."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def run_ffmpeg(self, words: Sequence[str | Path], cwd: Path) -> Run:
        """Run FFmpeg with default threads and measure it."""
        return measure([self.ffmpeg, "-hide_banner", "-nostdin", "-y", *words], cwd)

    def shown(self, text: str) -> str:
        """`text` without the places of this machine."""
        for path, name in ((self.ffmpeg, "ffmpeg"), (str(self.folder), "$WORK")):
            text = text.replace(path, name)
        return text


def chainer_words(*words: str | Path) -> list[str]:
    """The command line of chainer in this environment."""
    script = Path(sys.executable).with_name("chainer")
    head = [str(script)] if script.exists() else [sys.executable, "-m", "chainer"]
    return [*head, *map(str, words)]


def compose(room: Path, graph: str, out: str, *words: str, store: str = "store") -> Run:
    """One `chainer compose` without a title card, measured. Paths are inside `room`."""
    settings = room / "settings.toml"
    options = ["--settings", settings.name, "--store", store, "--quiet"]
    return measure(chainer_words("compose", graph, *words, *options, "-o", out), room)


def shared_store(shop: Workshop) -> str:
    """One store for the cases of many small atoms, so that each is conformed once."""
    return str(shop.room("store-small"))


def write_settings(room: Path, profile: Profile = HOUSE, auto: str | None = None) -> None:
    """`settings.toml` in `room`: no title card, this profile, joints left open as `auto`.

    And no memory, mark or signature, which the other tools have nothing beside; `bench_memory.py`
    and `bench_consent.py` measure them.
    """
    lines = ["[card]", "title = false", "", "[memory]", "enabled = false"]
    lines += ["", "[watermark]", "enabled = false", "", "[signing]", 'mode = "off"']
    if auto is not None:
        lines += ["", "[joints]", f'auto = "{auto}"']
    if profile != HOUSE:
        lines += ["", "[profile]"]
        for name in ("width", "height", "crf", "preset", "level", "audio_kbps"):
            lines.append(f"{name} = {json.dumps(getattr(profile, name))}")
    (room / "settings.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_graph(
    path: Path,
    nodes: Mapping[str, str],
    edges: Sequence[tuple[str, str, str]],
    authors: Mapping[str, str] | None = None,
) -> None:
    """A graph file: `nodes` maps ids to media, an edge is (source, target, kind)."""
    data: dict[str, Any] = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": "Benchmark"},
        "nodes": [
            {"id": name, "media": media, "author": (authors or {}).get(name, "bench")}
            for name, media in nodes.items()
        ],
        "edges": [
            {"source": source, "target": target, "key": kind, "kind": kind}
            for source, target, kind in edges
        ],
    }
    path.write_text(json.dumps(data), encoding="utf-8")


def line_edges(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Continuations along `names`."""
    return [(a, b, "continuation") for a, b in pairwise(names)]


def manifest(episode: Path) -> dict[str, Any]:
    """The manifest of a finished episode."""
    found: dict[str, Any] = json.loads((episode / "episode.json").read_text(encoding="utf-8"))
    return found


__all__ = [
    "SMALL",
    "Cost",
    "Workshop",
    "chainer_words",
    "compose",
    "line_edges",
    "manifest",
    "shared_store",
    "write_graph",
    "write_settings",
]
