"""Who is in an atom: declared there, or come along from the atoms that it was made of.

    A ~remix~> B        everyone in A is in B, but the characters that the edge removes
    A >continues> B     nobody comes along,
    A >seeded> B        unless B was generated from a frame of A: then everyone may be seen again

Followed for each character, so that a person who plays two stays while one is left, and told for
each person. Fictional characters are nobody. Only the ancestors of what is asked are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from chainer.consent.words import Modality
from chainer.graph import Edge, EdgeKind, Graph

# How a character is in an atom, as bits. Without _SURE every way leads through a seeded edge.
_FACE, _VOICE, _SURE = 1, 2, 4
_MODALITIES = (
    frozenset[Modality](),
    frozenset({Modality.FACE}),
    frozenset({Modality.VOICE}),
    frozenset(Modality),
)

_Cast = Mapping[str, int]
_NOBODY: _Cast = {}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Presence:
    """One person in one atom.

    `origins` are the atoms where the person was declared: the atom itself first where it is one,
    then the others in the order of the file. `seeded` says that the person is known to be here
    from the frame of a parent alone, and so may or may not be seen.
    """

    person: str
    modalities: frozenset[Modality]
    origins: tuple[str, ...]
    seeded: bool


class Presences:
    """Who is in each atom of a graph. What was worked out once is kept."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._person = {
            name: character.person
            for name, character in graph.info.characters.items()
            if character.person is not None
        }
        self._casts: dict[str, _Cast] = {}
        self._made_by: dict[str, int] = {}

    def of(self, atom: str) -> tuple[Presence, ...]:
        """Everyone in the atom: those declared there first, then those who come along.

        Finding the origins takes a step for each ancestor that shows the person. Raises
        `WalkError` where there is no such atom.
        """
        cast = self._cast(atom)
        return tuple(
            Presence(person, _MODALITIES[how & 3], self._origins(atom, person), not how & _SURE)
            for person, how in self._by_person(cast).items()
        )

    def people(self, atom: str) -> Mapping[str, frozenset[Modality]]:
        """The same without origins, which is much less work: by what each person is recognised."""
        found = self._by_person(self._cast(atom))
        return {person: _MODALITIES[how & 3] for person, how in found.items()}

    def remixed(self, atom: str) -> frozenset[str]:
        """The people who came into the atom over one of its own remix edges, declared or not."""
        return frozenset(
            self._person[character]
            for edge in self._graph.edges_in(atom)
            if edge.kind is EdgeKind.REMIX
            for character in self._cast(edge.source)
            if character not in edge.removes
        )

    def authors(self, atom: str) -> tuple[str, ...]:
        """The authors of all that the atom was remixed from, in file order, without its own."""
        own = self._author_bits[self._graph.atom(atom).author]
        left = self._settle(atom, self._made_by, _is_remix, self._makers) & ~own
        names = []
        while left:
            lowest = left & -left
            names.append(self._author_names[lowest.bit_length() - 1])
            left ^= lowest
        return tuple(names)

    @cached_property
    def _author_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(atom.author for atom in self._graph.atoms.values()))

    @cached_property
    def _author_bits(self) -> Mapping[str, int]:
        return {name: 1 << place for place, name in enumerate(self._author_names)}

    def _cast(self, atom: str) -> _Cast:
        return self._settle(atom, self._casts, _carries, self._whole_cast)

    def _settle(
        self,
        atom: str,
        known: dict[str, _T],
        follows: Callable[[Edge], bool],
        work_out: Callable[[str], _T],
    ) -> _T:
        """What is known of the atom, worked out after all that it follows from."""
        found = known.get(atom)
        if found is not None:
            return found
        open_ = [atom]
        while open_:
            name = open_[-1]
            if name in known:
                open_.pop()
                continue
            waits = [
                edge.source
                for edge in self._graph.edges_in(name)
                if edge.source not in known and follows(edge)
            ]
            if waits:
                open_ += waits
            else:
                known[name] = work_out(name)
                open_.pop()
        return known[atom]

    def _whole_cast(self, atom: str) -> _Cast:
        cast: dict[str, int] | None = None
        whole: _Cast = self._declared(atom)
        for edge in self._graph.edges_in(atom):
            if _carries(edge) and self._casts[edge.source]:
                if cast is None:
                    whole = cast = dict(whole)
                for character, how in _carried(edge, self._casts[edge.source]):
                    cast[character] = cast.get(character, 0) | how
        return whole

    def _declared(self, atom: str) -> _Cast:
        node = self._graph.atom(atom)
        if not self._person or not (node.cast or node.dialogue):
            return _NOBODY
        cast: dict[str, int] = {}
        for appearance in node.cast:
            if appearance.character in self._person:
                cast[appearance.character] = cast.get(appearance.character, 0) | _FACE | _SURE
        for line in node.dialogue:
            if line.character is not None and line.character in self._person:
                cast[line.character] = cast.get(line.character, 0) | _VOICE | _SURE
        return cast

    def _makers(self, atom: str) -> int:
        """Everyone who had a hand in the atom, its own author included."""
        # As bits: a long line of remixes by many hands would repeat their names at every step.
        makers = self._author_bits[self._graph.atom(atom).author]
        for edge in self._graph.edges_in(atom):
            if _is_remix(edge):
                makers |= self._made_by[edge.source]
        return makers

    def _by_person(self, cast: _Cast) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for character, how in cast.items():
            person = self._person[character]
            found[person] = found.get(person, 0) | how
        return found

    def _origins(self, atom: str, person: str) -> tuple[str, ...]:
        if not any(_carries(edge) for edge in self._graph.edges_in(atom)):
            return (atom,)
        plays = [name for name in self._cast(atom) if self._person[name] == person]
        seen = {(atom, name) for name in plays}
        open_ = list(seen)
        origins = set()
        while open_:
            name, character = open_.pop()
            if character in self._declared(name):
                origins.add(name)
            for edge in self._graph.edges_in(name):
                before = (edge.source, character)
                if (
                    before not in seen
                    and _carries(edge)
                    and character not in edge.removes
                    and character in self._casts[edge.source]
                ):
                    seen.add(before)
                    open_.append(before)
        rank = self._graph.rank
        return tuple(sorted(origins, key=lambda name: (name != atom, rank[name])))


def _is_remix(edge: Edge) -> bool:
    return edge.kind is EdgeKind.REMIX


def _carries(edge: Edge) -> bool:
    """Whether somebody may come along over this edge."""
    return edge.kind is EdgeKind.REMIX or edge.seeded


def _carried(edge: Edge, cast: _Cast) -> Iterator[tuple[str, int]]:
    """Who comes along over an edge, and how."""
    kept = _FACE | _VOICE | (_SURE if _is_remix(edge) else 0)
    removed: Iterable[str] = edge.removes
    return ((name, how & kept) for name, how in cast.items() if name not in removed)
