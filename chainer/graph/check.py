"""Whether the parts of a graph file fit each other.

Holds the checks between objects: doubled ids, edges to nowhere, cycles, unknown characters,
misplaced files. They look at plain values, not at models, so that a file with one broken
atom is still checked as a whole; whatever has the wrong type is passed over, for the models
have already said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chainer.graph.cycles import cycles
from chainer.graph.faults import Found, Loc, near_miss, shown
from chainer.graph.model import WORLD
from chainer.graph.shelf import Misplaced, Shelf

_MANY_MISSES = 20
"""After this many, a file has a larger trouble than typing, and near misses cost time."""


def check(data: Mapping[str, Any], shelf: Shelf) -> list[Found]:
    """Every fault between the parts of `data`, as far as it can still be told."""
    names = _Names(data)
    return [
        *_doubled_ids(data),
        *_edges(data, names),
        *_cycles(data),
        *_atoms(data, names),
        *_series(data, names),
        *_files(data, shelf),
    ]


class _Names:
    """The ids that a file declares; None where that part of it cannot be read."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        info = _object(data.get("graph"))
        readable = isinstance(data.get("nodes"), list)
        self.atoms = {node["id"] for _, node in _nodes(data)} if readable else None
        self.characters = _keys(info.get("characters", {}))
        self.places = _keys(info.get("places", {}))
        self._misses = 0

    def unknown(self, what: str, name: object, known: set[str] | None, loc: Loc) -> Iterator[Found]:
        """A fault where `name` is a text and not among the `known`."""
        if not isinstance(name, str) or known is None or name in known:
            return
        self._misses += 1
        otherwise = f"use the id of a {what} of this graph" if known else f"declare the {what}"
        expected = (
            near_miss(name, sorted(known), otherwise) if self._misses <= _MANY_MISSES else otherwise
        )
        yield Found(loc, f"there is no {what} {shown(name)}", expected, f"unknown-{what}")


def _doubled_ids(data: Mapping[str, Any]) -> Iterator[Found]:
    yield from _doubled("atom", ((("nodes", at, "id"), node["id"]) for at, node in _nodes(data)))
    series = list(_objects(_object(data.get("graph")).get("series"), ("graph", "series")))
    yield from _doubled("series", (((*loc, "id"), one.get("id")) for loc, one in series))
    for loc, one in series:
        episodes = _objects(one.get("episodes"), (*loc, "episodes"))
        yield from _doubled("episode", (((*at, "id"), each.get("id")) for at, each in episodes))


def _doubled(what: str, ids: Iterable[tuple[Loc, object]]) -> Iterator[Found]:
    first: dict[str, Loc] = {}
    for loc, name in ids:
        if isinstance(name, str) and first.setdefault(name, loc) != loc:
            problem = f"the {what} id {shown(name)} is there twice"
            yield Found(loc, problem, "give each its own id", "doubled-id")


def _edges(data: Mapping[str, Any], names: _Names) -> Iterator[Found]:
    seen: set[tuple[str, str, str]] = set()
    for loc, edge in _objects(data.get("edges"), ("edges",)):
        source, target, kind = edge.get("source"), edge.get("target"), edge.get("kind")
        yield from names.unknown("atom", source, names.atoms, (*loc, "source"))
        yield from names.unknown("atom", target, names.atoms, (*loc, "target"))
        for at, name in enumerate(_list(edge.get("removes"))):
            yield from names.unknown("character", name, names.characters, (*loc, "removes", at))
        if not isinstance(source, str) or not isinstance(target, str):
            continue
        if source == target:
            expected = "let an edge join two different atoms"
            yield Found(loc, f"{shown(source)} leads to itself", expected, "self-loop")
        key = edge.get("key", kind)
        if isinstance(key, str | int):
            edge_name = (source, target, str(key))
            if edge_name in seen:
                problem = f"a second edge {source} → {target} with key {shown(str(key))}"
                yield Found(loc, problem, "drop it, or give it another key", "doubled-edge")
            seen.add(edge_name)


def _cycles(data: Mapping[str, Any]) -> Iterator[Found]:
    where: dict[tuple[str, str], int] = {}
    for (_, at), edge in _objects(data.get("edges"), ("edges",)):
        source, target = edge.get("source"), edge.get("target")
        if isinstance(source, str) and isinstance(target, str) and isinstance(at, int):
            where.setdefault((source, target), at)
    for cycle in cycles([node["id"] for _, node in _nodes(data)], list(where)):
        at = where[cycle[-1], cycle[0]]
        problem = f"a cycle: {_way([*cycle, cycle[0]])}"
        yield Found(("edges", at), problem, "remove one of its edges", "cycle")


def _way(names: list[str]) -> str:
    if len(names) > 40:
        names = [*names[:20], f"… {len(names) - 40} more …", *names[-20:]]
    return " → ".join(name if len(name) <= 64 else name[:64] + "…" for name in names)


def _atoms(data: Mapping[str, Any], names: _Names) -> Iterator[Found]:
    known = None
    if names.characters is not None and names.places is not None:
        known = names.characters | names.places | {WORLD}
    for at, node in _objects(data.get("nodes"), ("nodes",)):
        for part in ("cast", "dialogue"):
            for loc, one in _objects(node.get(part), (*at, part)):
                who = one.get("character")
                yield from names.unknown("character", who, names.characters, (*loc, "character"))
        yield from names.unknown("place", node.get("place"), names.places, (*at, "place"))
        for subject in _object(node.get("facts")):
            yield from names.unknown("subject", subject, known, (*at, "facts", subject))


def _series(data: Mapping[str, Any], names: _Names) -> Iterator[Found]:
    for loc, series in _objects(_object(data.get("graph")).get("series"), ("graph", "series")):
        for at, episode in _objects(series.get("episodes"), (*loc, "episodes")):
            yield from names.unknown("atom", episode.get("start"), names.atoms, (*at, "start"))
            for chapter_at, chapter in _objects(episode.get("chapters"), (*at, "chapters")):
                place = (*chapter_at, "at")
                yield from names.unknown("atom", chapter.get("at"), names.atoms, place)


def _files(data: Mapping[str, Any], shelf: Shelf) -> Iterator[Found]:
    info = _object(data.get("graph"))
    named: list[tuple[Loc, object]] = [(("graph", "ledger"), info.get("ledger"))]
    for part in ("characters", "places"):
        for name, one in _object(info.get(part)).items():
            pictures = _list(_object(one).get("references"))
            at: Loc = ("graph", part, name, "references")
            named.extend(((*at, index), picture) for index, picture in enumerate(pictures))
    for loc, node in _objects(data.get("nodes"), ("nodes",)):
        named.append(((*loc, "media"), node.get("media")))
        takes = _objects(node.get("takes"), (*loc, "takes"))
        named.extend(((*at, "media"), take.get("media")) for at, take in takes)
    for loc, series in _objects(info.get("series"), ("graph", "series")):
        for at, episode in _objects(series.get("episodes"), (*loc, "episodes")):
            named.append(((*at, "bed", "media"), _object(episode.get("bed")).get("media")))
    for loc, file in named:
        if isinstance(file, str) and file:
            try:
                shelf.check(file)
            except Misplaced as fault:
                problem = f"{shown(file)}: {fault.problem}"
                yield Found(loc, problem, fault.expected, "misplaced-file")


def _nodes(data: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The nodes that have a text for an id, with their index."""
    for (_, at), node in _objects(data.get("nodes"), ("nodes",)):
        if isinstance(at, int) and isinstance(node.get("id"), str):
            yield at, node


def _objects(value: object, loc: Loc) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """The objects in a list, with the way to each."""
    for at, item in enumerate(_list(value)):
        if isinstance(item, dict):
            yield (*loc, at), item


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _keys(value: object) -> set[str] | None:
    return set(value) if isinstance(value, dict) else None
