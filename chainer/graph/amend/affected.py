"""What an edit makes the next build do again, in words, as far as the graph alone tells.

The plan has the real numbers: it knows the chain, the media and what the store holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainer.graph.edge import Edge
from chainer.graph.graph import Graph
from chainer.graph.words import JointKind

_PICTURE = ("media", "trim", "slot", "sound", "takes")
_LOOKS = ("cast", "place", "time_of_day", "facts", "prompt")
_CHAIN = ("status", "rating", "rights", "author", "tags", "created")


def affected(before: Graph | None, after: Graph, atom: str) -> tuple[str, ...]:
    """What follows from the difference, a sentence each; empty where nothing differs.

    `before` is None where the graph could not be read before the edit.
    """
    if before is None or atom not in before.atoms:
        return ("the graph could not be read before, so all of it is planned anew",)
    return tuple(_sentences(before, after, atom))


def _sentences(before: Graph, after: Graph, name: str) -> Iterator[str]:
    old, new = before.atom(name), after.atom(name)
    changed = {key for key in type(new).model_fields if getattr(old, key) != getattr(new, key)}
    joints = _joints(after, name)
    again = changed & set(_PICTURE)
    if again == {"takes"}:
        yield f"{name}: its takes are looked at again, and another one may be chosen"
    elif again:
        yield f"{name} is made again{_and(joints)}; everything else is copied as it is"
    if "status" in changed and old.status.playable != new.status.playable:
        can = "can be played now" if new.status.playable else "is not played any more"
        yield f"{name} {can}, so chains may run another way"
    elif changed & set(_CHAIN):
        yield f"which chains may play {name} is judged anew; nothing of it is made again"
    if changed & set(_LOOKS):
        yield f"the memory looks at {name} again; what it mends there may differ"
    if "dialogue" in changed and not again:
        yield (
            "no picture is encoded: captions are text (burnt in, they are part of "
            f"{name}, and a music bed under them is mixed again)"
        )
    if changed & {"title", "story"} and not again:
        yield "only texts are written again"
    for edge in [] if again else _changed_edges(before, after, name):
        kind = "card" if edge.joint and edge.joint.kind is JointKind.CARD else "joint"
        yield f"the {kind} {edge.source} → {edge.target} is made again; no clip is"


def _joints(graph: Graph, name: str) -> list[str]:
    into = [f"{edge.source} → {name}" for edge in graph.edges_in(name)]
    return into + [f"{name} → {edge.target}" for edge in graph.edges_out(name)]


def _and(joints: list[str]) -> str:
    if not joints:
        return ""
    if len(joints) > 4:
        return f", with those of its {len(joints)} joints that the chain plays"
    noun = "joint" if len(joints) == 1 else "joints"
    return f", with the {noun} {', '.join(joints)} where the chain plays them"


def _changed_edges(before: Graph, after: Graph, name: str) -> Iterator[Edge]:
    known: dict[tuple[str, str, str], Any] = {
        (edge.source, edge.target, edge.key): edge for edge in before.edges_in(name)
    }
    for edge in after.edges_in(name):
        old = known.get((edge.source, edge.target, edge.key))
        if old is not None and old.joint != edge.joint:
            yield edge
