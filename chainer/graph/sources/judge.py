"""Whether atoms and edges fit a graph that is not in memory: by the rules of a file.

What is right is seen quickly; whatever is not is put into words by the loader's own checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainer.graph.check import check
from chainer.graph.faults import Found, translate
from chainer.graph.model import WORLD, GraphFile
from chainer.graph.shelf import Misplaced, Shelf
from chainer.graph.upgrade import upgrade

_KEPT_NAMES = 1 << 16


class Judge:
    """Judges atoms and edges, one by one, in a graph with this header.

    `header` is a graph file without atoms and edges, as plain values.
    """

    def __init__(self, header: Mapping[str, Any], shelf: Shelf) -> None:
        self._header = dict(header)
        self._shelf = shelf
        info = header.get("graph")
        self._info: Mapping[str, Any] = info if isinstance(info, dict) else {}
        self._characters = _names(self._info.get("characters"))
        self._subjects = self._characters | _names(self._info.get("places")) | {WORLD}
        self._places = _names(self._info.get("places"))
        self._right: set[str] = set()

    def header(self) -> list[Found]:
        """What is wrong with the header, but for the atoms that its series name."""
        _, written, found = upgrade(self._header)
        if not found and written != (self._info.get("schema") or written):
            found = []
        if not found and self._info.get("schema") == "chainer.graph/0":
            expected = "write a stream in the current version"
            found = [Found(("graph", "schema"), f"{written} is old", expected, "schema")]
        if found:
            return found
        whole = {**self._header, "nodes": [], "edges": []}
        try:
            GraphFile.model_validate(whole)
        except ValueError as error:
            found = translate(error, GraphFile)  # type: ignore[arg-type]
        every = check({**self._header, "edges": []}, self._shelf)
        return [*found, *(one for one in every if one.code != "unknown-atom")]

    def named(self) -> Iterator[str]:
        """The atoms that the header's series name."""
        for series in self._info.get("series") or ():
            for episode in series.get("episodes") or ():
                yield episode["start"]
                yield from (chapter["at"] for chapter in episode.get("chapters") or ())

    def series(self, known: list[str]) -> list[Found]:
        """The faults of series, with `known` those of `named` that there are."""
        nodes = [{"id": name} for name in dict.fromkeys(known)]
        found = check({**self._header, "nodes": nodes, "edges": []}, self._shelf)
        return [one for one in found if one.code == "unknown-atom"]

    def atom(self, node: Mapping[str, Any]) -> list[Found]:
        """What is wrong with an atom that the model accepts; the ways begin at the atom."""
        if self._fits(node):
            return []
        found = check({"graph": self._info, "nodes": [node], "edges": []}, self._shelf)
        return [_shorter(one) for one in found if one.loc[:1] == ("nodes",)]

    def fits(self, nodes: Sequence[Mapping[str, Any]]) -> bool:
        """Whether nothing is wrong with any of these atoms that the model accepts."""
        return all(map(self._fits, nodes))

    def _fits(self, node: Mapping[str, Any]) -> bool:
        if "place" in node and node["place"] is not None and node["place"] not in self._places:
            return False
        for part in ("cast", "dialogue"):
            if part in node:
                for one in node[part]:
                    who = one.get("character")
                    if who is not None and who not in self._characters:
                        return False
        if "facts" in node and not self._subjects.issuperset(node["facts"]):
            return False
        media = node["media"]
        if media not in self._right and not self._placed(media):
            return False
        return "takes" not in node or all(self._placed(one["media"]) for one in node["takes"])

    def _placed(self, media: str) -> bool:
        if media in self._right:
            return True
        try:
            self._shelf.check(media)
        except Misplaced:
            return False
        if len(self._right) < _KEPT_NAMES:
            self._right.add(media)
        return True

    def edge(self, edge: Mapping[str, Any], *, ends: tuple[bool, bool]) -> list[Found]:
        """What is wrong with an edge; `ends` say whether its source and its target are there."""
        removed = edge.get("removes")
        if (
            all(ends)
            and edge["source"] != edge["target"]
            and (not removed or self._characters.issuperset(removed))
        ):
            return []
        names = (edge["source"], edge["target"])
        nodes = [{"id": name} for name, there in zip(names, ends, strict=True) if there]
        found = check({"graph": self._info, "nodes": nodes[:2], "edges": [edge]}, self._shelf)
        own = [_shorter(one) for one in found if one.loc[:1] == ("edges",)]
        return [one for one in own if one.code != "cycle"]


def _shorter(one: Found) -> Found:
    return Found(one.loc[2:], one.problem, one.expected, one.code)


def _names(value: object) -> set[str]:
    return set(value) if isinstance(value, dict) else set()
