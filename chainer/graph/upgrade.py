"""Old graph files become new ones before any object exists.

Holds one small step for each version of the file format, from plain values to plain values.
Refuses versions that this program does not know. A step must pass over whatever it does not
understand: the models say afterwards what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainer.graph.faults import Found, shown
from chainer.graph.model import CURRENT_SCHEMA

_FAMILY = "chainer.graph/"


def _from_0(data: dict[str, Any]) -> dict[str, Any]:
    """Version 0 called an edge's kind `type`, and its `joint` was a crossfade's seconds."""
    edges = data.get("edges")
    if isinstance(edges, list):
        data = {**data, "edges": [_edge_from_0(edge) for edge in edges]}
    return data


def _edge_from_0(edge: Any) -> Any:
    if not isinstance(edge, dict):
        return edge
    edge = {("kind" if name == "type" else name): value for name, value in edge.items()}
    if "joint" in edge and not isinstance(edge["joint"], dict):
        seconds = edge["joint"]
        still = isinstance(seconds, bool) or seconds != 0
        edge["joint"] = {"kind": "crossfade", "seconds": seconds} if still else {"kind": "cut"}
    return edge


_STEPS: Mapping[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "chainer.graph/0": ("chainer.graph/1", _from_0),
}
"""Each old version with the one that follows it and the step that leads there."""


def upgrade(data: dict[str, Any]) -> tuple[dict[str, Any], str, list[Found]]:
    """`data` in the current version, the version it was written in, and what is wrong with that.

    A file of an unknown version is handed back as it is, with a fault of code `newer-schema`
    or `schema`. A file that names no version is taken for a current one.
    """
    info = data.get("graph")
    version = info.get("schema") if isinstance(info, dict) else None
    if not isinstance(info, dict) or version is None:
        return data, CURRENT_SCHEMA, []  # the models will ask for it
    if version == CURRENT_SCHEMA:
        return data, CURRENT_SCHEMA, []
    if version not in _STEPS if isinstance(version, str) else True:
        return data, str(version), [_unknown(version)]
    written = str(version)
    while version != CURRENT_SCHEMA:
        version, step = _STEPS[version]
        data = step(data)
    return {**data, "graph": {**data["graph"], "schema": CURRENT_SCHEMA}}, written, []


def _unknown(version: object) -> Found:
    known = ", ".join([CURRENT_SCHEMA, *_STEPS])
    number = version.removeprefix(_FAMILY) if isinstance(version, str) else ""
    newer = isinstance(version, str) and version.startswith(_FAMILY) and number.isdecimal()
    where = ("graph", "schema")
    if newer:
        problem = f"the file was written for a newer chainer: {shown(version)}"
        return Found(where, problem, f"update chainer; this one knows {known}", "newer-schema")
    return Found(where, f"{shown(version)} is no graph schema", f"use one of {known}", "schema")
