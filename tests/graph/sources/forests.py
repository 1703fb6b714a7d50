"""Small graphs for tests: by hand and by chance."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

PEOPLE = {
    "mei": {"name": "Mei", "person": "p-mei"},
    "theo": {"name": "Theo", "person": "p-theo"},
    "gull": {"name": "Gull"},
}
AUTHORS = ["p-mei", "p-theo", "P-Theo", "p-x", "p-y"]
HOLDERS = ["Mei", "theo", "p-theo", "P-X", "Somebody else"]
WORDS = ["yellow", "coat", "Café", "sea", "NEAR", "مرحبا", "灯塔", "🐱", "naïve", "x-ray"]
SHAPES: list[dict[str, Any]] = [
    *({}, {}, {}),
    {"slot": {"kind": "extended", "seconds": "16.5", "scenario": "story_challenge"}},
    {"slot": {"kind": "extended", "seconds": 15, "fill": "hold"}, "sound": {"gain": "-3.5"}},
    {"sound": {"silence": "trim"}, "takes": [{"media": "other.mp4"}]},
    {"dialogue": [{"start": "0.1", "end": "1.25", "text": '灯塔 says: "hello"'}]},
]
JOINTS: list[dict[str, Any]] = [
    {"kind": "cut", "lead": "2/5"},
    {"lag": 0.25, "trim": False},
    {"kind": "card", "text": "Three days later"},
    {"kind": "morph", "x-own": 1},
]
BEDS: list[dict[str, Any]] = [
    {"media": "tide.mp4"},
    {
        "media": "tide.mp4",
        "gain": "-18",
        "duck": 6.5,
        "rights": {"title": "Tide", "license": "CC0-1.0"},
    },
]


def file_of(
    nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **info: Any
) -> dict[str, Any]:
    """The plain values of a graph file."""
    head = {"schema": "chainer.graph/1", "characters": PEOPLE, "places": {"pier": {"name": "P"}}}
    whole = {"directed": True, "multigraph": True, "graph": {**head, **info}}
    return {**whole, "nodes": nodes, "edges": edges}


def atom(name: str, author: str = "p-x", **more: Any) -> dict[str, Any]:
    """The plain values of an atom."""
    return {"id": name, "media": f"{name}.mp4", "author": author, **more}


def edge(source: str, target: str, kind: str = "continuation", **more: Any) -> dict[str, Any]:
    """The plain values of an edge."""
    return {"source": source, "target": target, "kind": kind, **more}


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> dict[str, Any]:  # noqa: C901, PLR0912 - many chances
    """A DAG by chance, with people, rights, series and keys of the caller's own."""
    size = draw(st.integers(1, most))
    order = draw(st.permutations(range(size)))  # where each stands in the file
    nodes: list[dict[str, Any]] = []
    for at in range(size):
        node = atom(f"a{at}", draw(st.sampled_from(AUTHORS)))
        if draw(st.booleans()):
            said = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
            node["title"] = " ".join(said)
        if draw(st.booleans()):
            node["tags"] = draw(st.lists(st.sampled_from(["calm", "sea side", "a:b"]), max_size=3))
        if draw(st.booleans()):
            node["cast"] = [{"character": draw(st.sampled_from(list(PEOPLE)))}]
        if draw(st.integers(0, 3)) == 0:
            node["rights"] = {
                "license": draw(st.sampled_from(["CC-BY-4.0", "CC-BY-ND-4.0", "all rights"])),
                "holder": draw(st.sampled_from(HOLDERS)),
            }
        if draw(st.integers(0, 4)) == 0:
            node["status"] = draw(st.sampled_from(["draft", "withdrawn", "planned"]))
        if draw(st.integers(0, 4)) == 0:
            node["x-own"] = {"a": [1, 2.5, None, "é"], "b": {"c": True}}
        if draw(st.integers(0, 4)) == 0:
            node["trim"] = {"start": draw(st.sampled_from(["0.1", 0.1, 1])), "end": "19/2"}
        node |= draw(st.sampled_from(SHAPES))
        nodes.append(node)
    edges: dict[tuple[int, int, str], dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 2 * size)) if size > 1 else 0):
        source = draw(st.integers(0, size - 2))
        target = draw(st.integers(source + 1, size - 1))
        kind = draw(st.sampled_from(["continuation", "remix"]))
        one = edge(f"a{source}", f"a{target}", kind)
        if kind == "remix" and draw(st.booleans()):
            one["removes"] = [draw(st.sampled_from(list(PEOPLE)))]
        if draw(st.integers(0, 3)) == 0:
            one["seeded"] = True
        if draw(st.integers(0, 2)) == 0:
            one["joint"] = draw(st.sampled_from(JOINTS))
        edges[source, target, kind] = one
    series: list[dict[str, Any]] = []
    if draw(st.booleans()):
        named = [f"a{draw(st.integers(0, size - 1))}" for _ in range(3)]
        chapters = [{"title": f"At {name}", "at": name} for name in named[1:]]
        episode = {"id": "e", "title": "E", "start": named[0], "chapters": chapters}
        if draw(st.booleans()):
            episode["bed"] = draw(st.sampled_from(BEDS))
        series = [{"id": "s", "title": "S", "episodes": [episode]}]
    return file_of([nodes[at] for at in order], list(edges.values()), series=series)
