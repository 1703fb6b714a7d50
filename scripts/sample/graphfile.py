"""The files beside the films: the graph, what was drawn, and the reference pictures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sample.canvas import Canvas, Picture, bgr
from sample.figure import Box, Figure
from sample.film import Shot
from sample.light import LIGHTS
from sample.pose import LOOKS, Pose
from sample.story import ATOMS, CHARACTERS, CONTINUATIONS, NAMES, PLACES, REMIXES, SERIES, TAKES

Seen = list[tuple[float, dict[str, Box]]]
FIRST = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def _dialogue(shot: Shot) -> list[dict[str, str]]:
    return [
        {"start": x.start, "end": x.end, "character": x.who, "text": x.text} for x in shot.lines
    ]


def _at(seconds: float) -> str:
    return f"{seconds:.4f}".rstrip("0").rstrip(".")


def _box(box: Box) -> list[float]:
    return [round(v, 4) for v in box]


def cast(shot: Shot, seen: Seen) -> list[dict[str, Any]]:
    """Three true boxes for everybody: early, middle and late in what is seen of them."""
    out: list[dict[str, Any]] = []
    for who in CHARACTERS:
        # Only people well inside the picture, at times that are exact in decimals.
        times = [
            (t, b[who])
            for t, b in seen
            if who in b and round(t * shot.fps) % (shot.fps // 5) == 0 and t < 9.9
        ]
        good = [x for x in times if x[1][2] > 0.1] or times
        for k in sorted({len(good) // 8, len(good) // 2, len(good) * 7 // 8}):
            for t, b in good[k : k + 1]:
                out.append({"character": who, "box": _box(b), "at": _at(t)})
    return out


def node(name: str, shot: Shot, boxes: list[dict[str, Any]], when: datetime) -> dict[str, Any]:
    """One atom of the graph."""
    atom = ATOMS[name]
    out: dict[str, Any] = {
        "id": name,
        "media": f"harbor/media/{name}.mp4",
        "author": atom.author,
        "created": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": atom.title,
        "prompt": atom.prompt,
        "tags": list(atom.tags),
        "status": "published",
        "rating": atom.rating,
        "slot": {"kind": "standard"},
        "cast": boxes,
        "place": atom.place,
        "time_of_day": atom.time_of_day,
        "facts": atom.facts,
        "story": {"hook": atom.hook, "beat": atom.beat, "button": atom.button},
        "dialogue": _dialogue(shot),
        "rights": {"license": "CC-BY-4.0", "holder": NAMES[atom.author], "music": []},
    }
    if name in TAKES:
        out["takes"] = [{"media": f"harbor/media/{TAKES[name][0]}.mp4"}]
        out["x-take2"] = TAKES[name][2]
    if atom.trim:
        out["trim"] = {"start": atom.trim[0], "end": atom.trim[1]}
    return out


def graph(nodes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The whole graph."""
    people = {
        k: {
            "name": v["name"],
            "person": v["person"],
            "references": [f"harbor/ref/{k}-front.png", f"harbor/ref/{k}-side.png"],
            "facts": v["facts"],
        }
        for k, v in CHARACTERS.items()
    }
    edges: list[dict[str, Any]] = []
    for a, b, joint in CONTINUATIONS:
        edge: dict[str, Any] = {
            "source": a,
            "target": b,
            "key": "continuation",
            "kind": "continuation",
        }
        edges.append({**edge, "joint": joint} if joint else edge)
    for a, b, changes in REMIXES:
        edges.append(
            {"source": a, "target": b, "key": "remix", "kind": "remix", "changes": changes}
        )
    return {
        "directed": True,
        "multigraph": True,
        "graph": {
            "schema": "chainer.graph/1",
            "title": "Harbor",
            "characters": people,
            "places": PLACES,
            "series": SERIES,
            "ledger": "harbor/consent.jsonl",
        },
        "nodes": list(nodes.values()),
        "edges": edges,
    }


def truth(shot: Shot, seen: Seen, loud: float | None) -> dict[str, Any]:
    """What was drawn, for tests that want to know."""
    boxes: dict[str, dict[str, list[float]]] = {}
    for t, people in seen:
        if round(t * shot.fps) % shot.fps == 0:
            for who, box in people.items():
                boxes.setdefault(who, {})[str(round(t))] = [round(v, 3) for v in box]
    return {
        "fps": shot.fps,
        "frames": round(shot.seconds * shot.fps),
        "size": list(shot.size),
        "sound": None
        if loud is None
        else {"rate": shot.rate, "channels": shot.channels, "lufs_asked": shot.lufs},
        "light": {"name": shot.light.name, "level": shot.light.level, "level_end": shot.level_end},
        "colours": {who: (shot.looks.get(who) or LOOKS[who]).colours() for who in boxes},
        "dialogue": [[x.start, x.end, x.who] for x in shot.lines],
        "boxes": boxes,
    }


def created(order: int) -> datetime:
    """Published one after the other, some hours apart."""
    return FIRST + timedelta(hours=7 * order, minutes=13 * order)


def save(data: Any, target: Path) -> None:
    """JSON that reads well: long lists of numbers stay on one line."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    out: list[str] = []
    depth = 0
    for line in text.splitlines():
        bare = line.strip()
        if depth == 0 and bare.endswith("[") and not bare.startswith("{"):
            out.append(line)
            depth = 1
            continue
        if depth and (
            bare[:1].isdigit()
            or bare[:1] == "-"
            or (bare.rstrip(",") == "]" and out[-1].rstrip()[-1:] not in "}]{")
        ):
            out[-1] += bare + (" " if bare.endswith(",") and bare != "]," else "")
            if bare.startswith("]"):
                depth = 0
            continue
        depth = 1 if bare.endswith("[") else 0
        out.append(line)
    target.write_text("\n".join(x.rstrip() for x in out) + "\n", encoding="utf-8")
    assert json.loads(target.read_text(encoding="utf-8")) == json.loads(json.dumps(data))


def references(folder: Path) -> None:
    """Everybody from the front and from the side, in morning light."""
    folder.mkdir(parents=True, exist_ok=True)
    light = LIGHTS["morning"]
    for who in CHARACTERS:
        for view, turn in (("front", 0.0), ("side", 0.75)):
            picture: Picture = np.full((512, 384, 3), 0, np.uint8)
            picture[:] = np.array(bgr("#dfe9e6"), np.uint8)
            high = {"mei": 1.42, "bo": 1.02, "ines": 1.14}[who]
            Figure(
                Canvas(picture),
                light,
                LOOKS[who],
                Pose(192, 486, high, turn=turn, smile=0.6, brow=0.2),
            ).draw()
            # Flat shading has few colours: a palette makes the file a third of the size.
            image = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
            image.quantize(96, dither=Image.Dither.NONE).save(
                folder / f"{who}-{view}.png", optimize=True
            )
