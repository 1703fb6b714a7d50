"""Series to test with: graphs of words alone, and graphs over a few tiny coded clips."""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import chainer
from chainer.errors import PolicyRefused, WalkError
from chainer.graph import Chain, Graph, WalkOptions, parse_graph, walk
from chainer.series.make import SeriesMade, make_series
from chainer.series.values import BranchRow, ChapterRow, EpisodeRow, FilmRow, PartRow, SeriesFile
from chainer.series.wanted import Walk
from chainer.settings import Settings
from tests.film.coded import Coded, small_settings

FRAMES = 48

NASTY = (
    "</script><script>alert(1)</script>",
    'O\'Hara & "Söhne" <b>bold</b>',
    "第一集 🌊 灯塔",
    "שלום \u202eאבג عنوان",
    "  two  spaces  ",
    "{{ 7 * 7 }} {% raw %} %}",
    "]]> <!-- --> &amp; &#x3c;",
)
"""Texts that a page or a feed must show as they are."""


def value_of(
    edges: str,
    episodes: Sequence[tuple[str, str]],
    nodes: Mapping[str, Mapping[str, Any]] | None = None,
    **head: Any,
) -> dict[str, Any]:
    """A graph as JSON. `edges` are words: `a>b` a continuation, `a~b` a remix."""
    pairs = [(word, ">" if ">" in word else "~") for word in edges.split()]
    told = [(*word.split(sign), sign) for word, sign in pairs]
    names = dict.fromkeys(name for one in told for name in one[:2])
    names |= dict.fromkeys(start for _, start in episodes)
    return {
        "directed": True,
        "multigraph": True,
        "graph": {
            "schema": "chainer.graph/1",
            "title": "Told",
            "series": [
                {
                    "id": "s",
                    "title": "The series",
                    "episodes": [
                        {"id": name, "title": f"Title of {name}", "start": start}
                        for name, start in episodes
                    ],
                }
            ],
            **head,
        },
        "nodes": [
            {
                "id": name,
                "media": f"media/{name}.mp4",
                "author": "p-a",
                **(nodes or {}).get(name, {}),
            }
            for name in names
        ],
        "edges": [
            {"source": a, "target": b, "kind": "continuation" if sign == ">" else "remix"}
            for a, b, sign in told
        ],
    }


def graph_of(edges: str, episodes: Sequence[tuple[str, str]], **more: Any) -> Graph:
    """The same, read."""
    return parse_graph(value_of(edges, episodes, **more), source="told")


def walker(graph: Graph, closed: Mapping[str, str] | None = None) -> Walk:
    """A walk around what is `closed`, refused as the story refuses it."""
    shut = dict(closed or {})

    def go(start: str, options: WalkOptions) -> tuple[Chain, ...]:
        if start in shut or set(options.path or ()) & set(shut):
            raise PolicyRefused(f"refused: {start}")
        try:
            return walk(graph, start, options, closed=shut)
        except WalkError as error:
            if options.end in shut:
                raise PolicyRefused("refused: the end") from error
            raise

    return go


def write(folder: Path, value: dict[str, Any]) -> Path:
    """A graph file with a tiny clip for every atom that has media."""
    for number, node in enumerate(value["nodes"]):
        if node.get("status") != "planned" and node["media"].startswith("media/"):
            name = node["media"].removeprefix("media/").removesuffix(".mp4")
            _clip(number % 50, folder / "media" / f"{name}.mp4")
    path = folder / "graph.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def _clip(number: int, path: Path) -> None:
    """A clip of which every test has its own copy: some spoil theirs."""
    kept = _clips() / f"{number}.mp4"
    if not kept.exists():
        Coded(number, frames=FRAMES).write(kept)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, path)


@lru_cache(maxsize=1)
def _clips() -> Path:
    folder = Path(mkdtemp(prefix="chainer-series-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def settings(folder: Path, **changes: Any) -> Settings:
    """The small profile, a store in `folder`."""
    return small_settings(folder / "store", **changes)


def built(folder: Path, value: dict[str, Any], out: str = "out", **more: Any) -> SeriesMade:
    """The series of a graph, built in `folder`."""
    path = write(folder, value)
    wanted = more.pop("settings", None) or settings(folder)
    return make_series(chainer.load_graph(path), "s", folder / out, settings=wanted, **more)


def states(made: SeriesMade) -> dict[str, str]:
    """What became of each film."""
    return {one.id: one.state for one in made.films}


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file below a folder, the lock left out."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".batch.lock"
    }


def row(name: str = "e1", number: int = 1, **changes: Any) -> EpisodeRow:
    """An episode's row."""
    told = {
        "id": name,
        "folder": name,
        "title": f"Title of {name}",
        "kind": "series",
        "chain": ("a",),
        "film": f"ep-{name}",
        "guid": f"ep-{name}",
        "published": "2026-10-01T08:00:00Z",
        "updated": "2026-10-01T08:00:00Z",
        "seconds": Fraction(96, 10),
        "rating": "all",
        "authors": ("Mei",),
        "file": FilmRow(name="episode.mp4", size=1234, type="video/mp4"),
        "poster": "poster.jpg",
        "captions": "captions.vtt",
        "chapters": (ChapterRow(title="Dawn", start=Fraction(0)),),
        "parts": (PartRow(atom="a", start=Fraction(0), end=Fraction(96, 10)),),
        "number": number,
    }
    return EpisodeRow(**{**told, **changes})


def branch(name: str = "road-r", **changes: Any) -> BranchRow:
    """A branch's row."""
    told = {key: value for key, value in dict(row(name)).items() if key in BranchRow.model_fields}
    return BranchRow(**{**told, "kind": "relay", "leaves": "e1", **changes})


def series(*rows: EpisodeRow, branches: Sequence[BranchRow] = (), **changes: Any) -> SeriesFile:
    """A series of these."""
    told = {"id": "s", "title": "The series", "graph": "told.json", "episodes": rows}
    return SeriesFile(**{**told, "branches": tuple(branches), **changes})
