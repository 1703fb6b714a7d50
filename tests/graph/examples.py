"""Graphs to test with: the design's example, and small ones made from a few words."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from chainer.graph import Graph, parse_graph

EXAMPLE: dict[str, Any] = {
    "directed": True,
    "multigraph": True,
    "graph": {
        "schema": "chainer.graph/1",
        "title": "Harbor",
        "characters": {
            "mei": {
                "name": "Mei",
                "person": "p-mei",
                "references": ["ref/mei-front.png"],
                "facts": {"coat": "yellow"},
            },
        },
        "places": {"pier": {"name": "The old pier"}},
        "series": [
            {
                "id": "harbor",
                "title": "Harbor",
                "episodes": [
                    {
                        "id": "e1",
                        "title": "Low tide",
                        "start": "a1",
                        "chapters": [
                            {"title": "Dawn", "at": "a1"},
                            {"title": "The rope", "at": "a3", "card": "chapter"},
                        ],
                    },
                ],
            },
        ],
        "ledger": "consent.jsonl",
    },
    "nodes": [
        {
            "id": "a1",
            "media": "media/a1.mp4",
            "author": "p-mei",
            "created": "2026-10-01T08:00:00Z",
            "title": "Mei arrives",
            "prompt": "…",
            "tags": ["calm"],
            "status": "published",
            "rating": "all",
            "slot": {"kind": "standard"},
            "cast": [{"character": "mei", "box": [0.31, 0.12, 0.38, 0.70], "at": "0"}],
            "place": "pier",
            "time_of_day": "dawn",
            "facts": {"mei": {"holds": "rope"}},
            "story": {"hook": "…", "beat": "…", "button": "…"},
            "dialogue": [
                {"start": "1.2", "end": "2.8", "character": "mei", "text": "Is anyone there?"},
            ],
            "takes": [{"media": "media/a1-take2.mp4"}],
            "trim": {"start": "0", "end": "9.5"},
            "rights": {"license": "CC-BY-4.0", "holder": "Mei", "music": []},
        },
        {"id": "a2", "media": "media/a2.mp4", "author": "p-mei"},
        {"id": "a2r", "media": "media/a2r.mp4", "author": "p-ken"},
        {"id": "a3", "media": "media/a3.mp4", "author": "p-mei"},
    ],
    "edges": [
        {
            "source": "a1",
            "target": "a2",
            "key": "continuation",
            "kind": "continuation",
            "joint": {"kind": "crossfade", "seconds": "2/5"},
        },
        {"source": "a2", "target": "a3", "key": "continuation", "kind": "continuation"},
        {
            "source": "a2",
            "target": "a2r",
            "key": "remix",
            "kind": "remix",
            "changes": ["wardrobe"],
        },
    ],
}
"""The example of design.md, with the atoms that its edges and chapters speak of."""


def example() -> dict[str, Any]:
    """A copy of the example, free to be changed."""
    return copy.deepcopy(EXAMPLE)


def data_of(edges: Iterable[str], atoms: str = "", **each: dict[str, Any]) -> dict[str, Any]:
    """A graph file from edges such as `"a>b"` (continuation) and `"a~r"` (remix).

    `atoms` gives the file order where it matters; `each` adds keys to single atoms.
    """
    drawn = [(text.split("~" if "~" in text else ">"), "~" in text) for text in edges]
    named = [name for ends, _ in drawn for name in ends]
    return {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1"},
        "nodes": [
            {"id": name, "media": f"{name}.mp4", "author": f"by-{name}", **each.get(name, {})}
            for name in dict.fromkeys([*atoms.split(), *named])
        ],
        "edges": [
            {"source": ends[0], "target": ends[1], "kind": "remix" if remix else "continuation"}
            for ends, remix in drawn
        ],
    }


def graph_of(edges: Iterable[str] | str, atoms: str = "", **each: dict[str, Any]) -> Graph:
    """The graph that `data_of` describes; `edges` may be one text with spaces between."""
    drawn = edges.split() if isinstance(edges, str) else edges
    return parse_graph(data_of(drawn, atoms, **each), source="test")
