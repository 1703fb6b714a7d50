"""Batches to test with: job files from texts, and graphs over a few tiny coded clips."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chainer.batch.expand import Asked, Planners, expand
from chainer.batch.job_faults import JobFileError
from chainer.batch.job_file import JobFile
from chainer.batch.plan import BatchPlan, Estimate
from chainer.batch.planning import plan_batch
from chainer.batch.read import parse_jobs
from chainer.render.plan import Step
from chainer.settings import Settings
from tests.film.coded import Coded

FRAMES = 60


def faults(text: str | bytes, kind: str = "") -> list[tuple[str, str]]:
    """(place, code) of every fault of a job file's text; empty where it is sound."""
    error = fault_of(text, kind)
    if error is None:
        return []
    assert error.faults
    assert all(one.problem and one.expected for one in error.faults)
    assert error.exit_status == 2
    return [(one.path, one.code) for one in error.faults]


def fault_of(text: str | bytes, kind: str = "") -> JobFileError | None:
    """What reading a job file's text raises; None where it is sound."""
    try:
        parse_jobs(text, source="jobs", kind=kind)
    except JobFileError as error:
        return error
    return None


def write_clips(folder: Path, count: int) -> None:
    """The clips `media/c0.mp4` to `count`, each another."""
    for number in range(count):
        path = folder / f"media/c{number}.mp4"
        if not path.exists():
            Coded(number, frames=FRAMES).write(path)


def write_graph(
    folder: Path,
    nodes: Sequence[Mapping[str, Any]],
    edges: list[tuple[str, str, str]],
    name: str = "graph.json",
    **head: Any,
) -> Path:
    """A graph file; edges are (source, target, kind)."""
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": "Asked", **head},
        "nodes": nodes,
        "edges": [{"source": a, "target": b, "kind": kind} for a, b, kind in edges],
    }
    path = folder / name
    path.write_text(json.dumps(graph), encoding="utf-8")
    return path


def relay_tree(folder: Path, atoms: int, clips: int, name: str = "graph.json") -> Path:
    """A binary tree of remixes, n0 on top; atom i plays clip i modulo `clips`.

    Each atom takes another part of its clip, so that no two are the same step.
    """
    write_clips(folder, clips)
    nodes = [
        {
            "id": f"n{number}",
            "media": f"media/c{number % clips}.mp4",
            "author": f"p-{number % 3}",
            "trim": {"start": f"{number // clips}/30", "end": "2"},
        }
        for number in range(atoms)
    ]
    edges = [(f"n{(number - 1) // 2}", f"n{number}", "remix") for number in range(1, atoms)]
    return write_graph(folder, nodes, edges, name)


def asked_of(
    file: JobFile | str, folder: Path, settings: Settings, planners: Planners | None = None
) -> list[Asked]:
    """The jobs of a job file that lies in `folder`, with the output in `folder/out`."""
    if isinstance(file, str):
        file = parse_jobs(file, source="jobs.yaml")
    return expand(
        file,
        base=folder,
        out=folder / "out",
        settings=settings,
        planners=planners or Planners(),
    )


def planned(
    text: str, folder: Path, settings: Settings, planners: Planners | None = None
) -> BatchPlan:
    """The plan of a job file's text."""
    planners = planners or Planners()
    return plan_batch(asked_of(text, folder, settings, planners), planners, estimate=one_second)


def one_second(step: Step) -> Estimate:
    """Every step costs the same."""
    return Estimate(1.0, 1000, 1 << 20)
