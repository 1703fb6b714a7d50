"""What the cases share: sizes, the tree of atoms, the batch command, and counted FFmpegs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Run, measure
from bench.workshop import SMALL, Workshop, chainer_words, write_graph, write_settings

from chainer.profile import HOUSE, Profile

COUNTED = "ffmpeg-counted"
STARTS = "ffmpeg-starts.txt"


@dataclass(frozen=True, slots=True)
class Size:
    """How large the cases are: depth of the tree, frames of an atom, kills, jobs.

    `storm`: the depth of the tree whose batch is killed.
    """

    depth: int = 7
    frames: int = 300
    profile: Profile = HOUSE
    kills: int = 200
    storm: int = 4
    jobs: int = 1000


FULL = Size()
MIDDLE = Profile(name="own", width=360, height=640, level="3.0")
QUICK = Size(depth=5, frames=60, profile=MIDDLE, kills=10, storm=3, jobs=200)


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where the cases work, and how large they are.

    `apart`: also make the steps of the tree without a batch, for a yardstick of its own.
    """

    shop: Workshop
    size: Size
    apart: bool = True

    def room(self, name: str) -> Path:
        """A folder of its own."""
        return self.shop.room(name)

    def fresh(self, name: str) -> Path:
        """A folder of its own, empty."""
        shutil.rmtree(self.shop.folder / name, ignore_errors=True)
        return self.shop.room(name)


def tree_edges(depth: int) -> list[tuple[str, str, str]]:
    """A complete binary tree t1, t2 …: the left child continues, the right one is a remix."""
    return [
        (f"t{n // 2}", f"t{n}", "remix" if n % 2 else "continuation") for n in range(2, 2**depth)
    ]


def path_to(leaf: int) -> list[int]:
    """The atoms from the root to `leaf`."""
    return [leaf >> shift for shift in reversed(range(leaf.bit_length()))]


def write_tree(room: Path, files: Sequence[Path], depth: int) -> None:
    """`tree.json` in `room` over `files`, and `jobs.yaml`: all its relay chains."""
    names = linked(room, {f"t{n}": file for n, file in enumerate(files, 1)})
    authors = {name: f"friend-{int(name[1:]).bit_count()}" for name in names}
    write_graph(room / "tree.json", names, tree_edges(depth), authors)
    write_jobs(room, "tree.json", "t1")


def linked(room: Path, media: Mapping[str, Path]) -> dict[str, str]:
    """Where the media of each atom lies in `room`, as a link: graphs keep to their folder."""
    (room / "media").mkdir(exist_ok=True)
    for path in set(media.values()):
        link = room / "media" / path.name
        link.unlink(missing_ok=True)
        link.hardlink_to(path)
    return {name: f"media/{path.name}" for name, path in media.items()}


def write_jobs(room: Path, graph: str, start: str, limit: int | None = None) -> None:
    """`jobs.yaml` in `room`: every relay chain from `start`, or the first `limit` of them."""
    most = f", limit: {limit}" if limit is not None else ""
    (room / "jobs.yaml").write_text(
        "schema: chainer.jobs/1\n"
        "jobs:\n"
        "  - name: film\n"
        f"    all_chains: {{graph: {graph}, start: {start}, kind: relay{most}}}\n",
        encoding="utf-8",
    )


def write_bare_settings(room: Path, profile: Profile, *, counted: Path | None = None) -> None:
    """`settings.toml` as the other benchmarks have it, with a counted FFmpeg where one is given.

    No title card, memory, mark or signature.
    """
    write_settings(room, profile)
    if counted is not None:
        path = room / "settings.toml"
        # Keys of no table come before the first.
        path.write_text(f"ffmpeg = {json.dumps(str(counted))}\n{path.read_text()}")


def counted_ffmpeg(shop: Workshop, room: Path) -> Path:
    """An FFmpeg in `room` that notes each start and then is the real one.

    It gives the real one's answers, so keys are the same.
    """
    path = room / COUNTED
    path.write_text(f'#!/bin/sh\necho started >> "{room / STARTS}"\nexec "{shop.ffmpeg}" "$@"\n')
    path.chmod(0o755)
    return path


def starts(room: Path) -> int:
    """How often the counted FFmpeg was started since the last time of asking."""
    path = room / STARTS
    try:
        count = len(path.read_text().splitlines())
    except FileNotFoundError:
        return 0
    path.unlink()
    return count


def batch(
    room: Path,
    *more: str,
    out: str = "films",
    store: str = "store",
    settings: str = "settings.toml",
    under: Sequence[str] = (),
    check: bool = True,
) -> Run:
    """One `chainer batch` over `jobs.yaml`, measured; `under` are words before the command."""
    words = ["batch", "jobs.yaml", "-o", out, "--store", store, "--settings", settings, *more]
    return measure([*under, *chainer_words(*words), "--quiet"], room, check=check)


def told(room: Path, out: str = "films") -> dict[str, Any]:
    """The report of the last run."""
    found: dict[str, Any] = json.loads((room / out / "report.json").read_text(encoding="utf-8"))
    return found


def episodes(room: Path, out: str = "films") -> int:
    """How many films are there."""
    return len(list((room / out).glob("*/episode.mp4")))


__all__ = [
    "FULL",
    "QUICK",
    "SMALL",
    "Size",
    "Workbench",
    "batch",
    "counted_ffmpeg",
    "episodes",
    "linked",
    "path_to",
    "starts",
    "told",
    "tree_edges",
    "write_bare_settings",
    "write_jobs",
    "write_tree",
]
