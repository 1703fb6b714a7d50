"""Whole episodes of coded clips for the tests of this folder; each clip is encoded once a run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chainer
from chainer.episode.manifest import Manifest, read_manifest
from chainer.graph import Graph
from tests.film.coded import Coded, small_settings, write_graph

_KEPT: dict[Coded, Path] = {}


def place(coded: Coded, folder: Path, name: str | None = None) -> Path:
    """The clip at `media/<name>.mp4` of a folder."""
    path = folder / f"media/{name or f'c{coded.number}'}.mp4"
    if path.exists():
        return path
    kept = _KEPT.get(coded)
    if kept is None or not kept.exists():
        _KEPT[coded] = coded.write(path)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(kept, path)
    return path


def graph_of(
    folder: Path,
    atoms: Sequence[Coded],
    joints: Sequence[dict[str, Any] | None] = (),
    *,
    info: dict[str, Any] | None = None,
    edges: dict[int, dict[str, Any]] | None = None,
    **nodes: Any,
) -> Graph:
    """A chain of the atoms; `info` is added to the graph, `edges` to edges by number.

    `nodes` are added to the atoms, by name; those that are planned there have no media.
    """
    for atom in atoms:
        if nodes.get(f"c{atom.number}", {}).get("status") != "planned":
            place(atom, folder)
    missing = [folder / f"media/c{atom.number}.mp4" for atom in atoms]
    missing = [path for path in missing if not path.exists()]
    for path in missing:  # the graph's writer would encode it
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    path = write_graph(folder, atoms, joints, **nodes)
    for one in missing:
        one.unlink()
    data = json.loads(path.read_text())
    data["graph"] |= info or {}
    for number, more in (edges or {}).items():
        data["edges"][number] |= more
    path.write_text(json.dumps(data))
    return chainer.load_graph(path)


def plan(graph: Graph, folder: Path, start: str = "c1", **settings: Any) -> chainer.EpisodePlan:
    """The plan from `start`, with the small settings and a store in `folder`."""
    return chainer.plan_episode(graph, start, settings=small_settings(folder, **settings))


def made(told: chainer.EpisodePlan, out: Path) -> tuple[chainer.Episode, Manifest]:
    """The rendered episode, read back and verified."""
    episode = chainer.render_episode(told, out)
    verdict = chainer.verify_episode(out)
    assert verdict.whole, verdict
    return episode, read_manifest(out)


def extended(seconds: str = "15", fill: str | None = None, **more: Any) -> dict[str, Any]:
    """A node's extended slot."""
    slot = {"kind": "extended", "seconds": seconds, "scenario": "story_challenge", **more}
    return {"slot": {**slot, **({} if fill is None else {"fill": fill})}}


def chapters(*told: dict[str, Any], start: str = "c1") -> dict[str, Any]:
    """A graph's series of one episode with these chapters."""
    episode = {"id": "e", "title": "E", "start": start, "chapters": list(told)}
    return {"series": [{"id": "s", "title": "S", "episodes": [episode]}]}
