"""An episode whose every text is hostile, and a reader of pages that tells what a browser sees."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import chainer
from chainer.settings import Settings
from tests.film.coded import Coded, small_settings

NASTY = "<script>alert('x')</script> \"q\" 'a' & 港口 🎬 שלום </style>]]>"
"""Mark-up, quotes, an ampersand, Chinese, an emoji, and a script from right to left."""
WORD = "<script>w()</script>\"'&港🎬ש"
VOID = {"meta", "link", "img", "br", "path", "rect", "circle", "use", "image"}


def hostile_graph(folder: Path) -> Path:
    """c0 → c1 → c2 with a remix r1 of c1, and `NASTY` in every field that takes text."""
    numbers = {"c0": 0, "c1": 1, "c2": 2, "r1": 3}
    (folder / "media").mkdir(exist_ok=True, parents=True)
    nodes: list[dict[str, Any]] = []
    for name, number in numbers.items():
        path = folder / f"media/{name}.mp4"
        if not path.exists():
            Coded(number, frames=60).write(path)
        nodes.append(
            {
                "id": name,
                "media": f"media/{name}.mp4",
                "author": "p-a" if name != "r1" else "p-b",
                "title": f"{name} {NASTY}",
                "prompt": NASTY,
                "tags": [WORD],
                "place": "pl",
                "time_of_day": "dawn",
                "cast": [{"character": "ch", "box": [0.1, 0.2, 0.5, 0.5], "at": "0"}],
                "facts": {"ch": {"coat": WORD}, "world": {"sky": WORD}},
                "story": {"hook": NASTY, "beat": NASTY, "button": NASTY},
                "dialogue": [{"start": "0.2", "end": "1.2", "character": "ch", "text": NASTY}],
            }
        )
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {
            "schema": "chainer.graph/1",
            "title": NASTY,
            "description": NASTY,
            "characters": {"ch": {"name": NASTY, "facts": {"hair": WORD}}},
            "places": {"pl": {"name": NASTY, "facts": {"wall": WORD}}},
            "series": [
                {
                    "id": "s",
                    "title": NASTY,
                    "episodes": [
                        {
                            "id": "e",
                            "title": NASTY,
                            "start": "c0",
                            "chapters": [
                                {"title": f"one {NASTY}", "at": "c0"},
                                {"title": f"two {NASTY}", "at": "c2"},
                            ],
                        }
                    ],
                }
            ],
        },
        "nodes": nodes,
        "edges": [
            {
                "source": "c0",
                "target": "c1",
                "kind": "continuation",
                "joint": {"kind": "crossfade", "seconds": "0.4"},
            },
            {
                "source": "c1",
                "target": "c2",
                "kind": "continuation",
                "joint": {"kind": "cut"},
            },
            {"source": "c1", "target": "r1", "kind": "remix", "changes": [WORD]},
        ],
    }
    path = folder / "graph.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    return path


def settings(where: Path, **changes: Any) -> Settings:
    """The small profile with a memory."""
    return small_settings(where, memory={"enabled": True}, **changes)


def hostile_episode(folder: Path, out: Path, **changes: Any) -> chainer.Episode:
    """The hostile graph as an episode in `out`; media and store lie in `folder`."""
    graph = chainer.load_graph(hostile_graph(folder))
    plan = chainer.plan_episode(graph, "c0", settings=settings(folder / "store", **changes))
    return chainer.render_episode(plan, out)


class Read(HTMLParser):
    """Elements, scripts and texts of a page; `open` is empty where every element was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[tuple[str, dict[str, str | None], str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inline.append((tag, dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            tag, attrs, text = self.inline[-1]
            self.inline[-1] = (tag, attrs, text + data)
        elif data.strip():
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def words(self) -> str:
        """All that is to be read."""
        return "".join(self.texts)
