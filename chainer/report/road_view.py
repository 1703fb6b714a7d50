"""The walked graph as the template takes it: a drawing, and the same in sentences."""

from __future__ import annotations

from typing import Any

from chainer.episode.making import RoadTold
from chainer.report.facts import Facts
from chainer.report.graph_drawing import ABOVE, WIDTH, WORDS, Drawing, Look, draw
from chainer.report.words import EDGES

_LOW = 64


def graph_view(facts: Facts, thumbs: dict[str, str]) -> dict[str, Any]:
    """Boxes, lines and sentences. Without `making.json` only the walk itself is known."""
    manifest, making = facts.manifest, facts.making
    chain = manifest.chain
    told = {one.id: one for one in making.atoms} if making else {}
    authors = {one.atom: one.author for one in manifest.sources}
    shut = {one.atom: one for one in making.closed} if making else {}
    links = [(one.source, one.target, one.kind) for one in making.edges] if making else []
    entering = {slot.name: slot for slot in manifest.timeline}
    roads = making.roads if making else ()
    passed = {road.runner_up: road for road in roads}
    width, height = facts.size
    tall = max(48, min(150, WIDTH * height // max(1, width)))
    drawing = draw(chain, list(told), links, list(shut), tall=tall, low=_LOW)
    numbers = {atom: number for number, atom in enumerate(chain, 1)}
    boxes = []
    for spot in drawing.spots:
        atom = told.get(spot.atom)
        slot = entering.get(spot.atom)
        closed = shut.get(spot.atom)
        boxes.append(
            {
                "id": spot.atom,
                "x": spot.x,
                "y": spot.y,
                "width": WIDTH,
                "height": spot.height,
                "look": spot.look.value,
                "alternate": spot.alternate,
                "number": numbers.get(spot.atom),
                "title": atom.title if atom else "",
                "author": (atom.author if atom else "") or authors.get(spot.atom, ""),
                "status": atom.status if atom else "",
                "picture": None if closed else thumbs.get(spot.atom),
                "why": closed.why if closed else "",
                "by": closed.by if closed else "",
                "tag": _tag(spot.look, passed.get(spot.atom), alternate=spot.alternate),
                "stands_for": slot.stands_for if slot else None,
            }
        )
    return {
        "known": making is not None,
        "width": drawing.width,
        "height": drawing.height,
        "words": WORDS,
        "above": ABOVE,
        "boxes": boxes,
        "lines": _lines(drawing, roads, shut),
        "left_out": drawing.left_out + (making.left_out if making else 0),
        "score": f"{float(_score(manifest.score)):.2f}",
        "roads": [
            {
                "at": road.at,
                "chosen": road.chosen,
                "score": f"{road.score:.2f}",
                "runner_up": road.runner_up,
                "runner_up_score": f"{road.runner_up_score:.2f}",
                "why": road.why,
            }
            for road in roads
        ],
        "closed": [{"atom": one.atom, "by": one.by, "why": one.why} for one in shut.values()],
        "sentences": [
            {"source": a, "words": EDGES.get(kind, kind), "target": b, "walked": walked}
            for a, kind, b, walked in (
                (line.source, line.kind, line.target, line.walked) for line in drawing.lines
            )
        ],
    }


def _tag(look: Look, road: RoadTold | None, *, alternate: bool) -> str:
    if look is Look.CLOSED:
        return "closed"
    if look is Look.WALKED:
        return "remix" if alternate else ""
    words = "remix, not taken" if alternate else "not taken"
    return words if road is None else f"{words} ({road.runner_up_score:.2f})"


def _lines(drawing: Drawing, roads: Any, shut: Any) -> list[dict[str, Any]]:
    scores = {(road.at, road.runner_up): road.runner_up_score for road in roads}
    won = {(road.at, road.chosen): road.score for road in roads}
    found = []
    for line in sorted(drawing.lines, key=lambda one: one.walked):
        pair = (line.source, line.target)
        score = won.get(pair) if line.walked else scores.get(pair)
        look = "walked" if line.walked else "closed" if line.target in shut else "other"
        found.append(
            {
                "path": line.path,
                "look": look,
                "remix": line.kind == "remix",
                "x": line.label_x,
                "y": line.label_y,
                "label": "" if score is None else f"{score:.2f}",
            }
        )
    return found


def _score(text: str) -> float:
    over, _, under = text.partition("/")
    try:
        return int(over) / int(under or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return 0.0
