"""Whose rights they are: from a holder's name to the ids that authors have in a graph."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cached_property, lru_cache

from chainer.graph import Graph


class Holders:
    """The authors of `graph`, by id and by the names that its characters give them.

    `composer` is one more person whom the graph may not have as an author.
    """

    def __init__(self, graph: Graph, composer: str | None = None) -> None:
        self._graph = graph
        self._composer = composer

    @cached_property
    def _called(self) -> Mapping[str, set[str]]:
        called: dict[str, set[str]] = {}
        people = {atom.author for atom in self._graph.atoms.values()} | {self._composer}
        for person in people:
            if person is not None:
                called.setdefault(_folded(person), set()).add(person)
        for character in self._graph.info.characters.values():
            if character.person is not None and character.person in people:
                called.setdefault(_folded(character.name), set()).add(character.person)
        return called

    def ids(self, holder: str | None, author: str) -> frozenset[str]:
        """Who `holder` is, said in an atom by `author`; empty for somebody else.

        A name that several persons have means the author where it is one of them, else nobody.
        """
        called = self._called.get(_folded(holder), set()) if holder is not None else set()
        if author in called:
            return frozenset((author,))
        return frozenset(called) if len(called) == 1 else frozenset()


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
