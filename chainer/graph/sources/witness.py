"""Atoms that are loaded only because of who made them.

Two questions are asked of all authors of a graph, not of the atoms near a chain: whom a holder's
name means (a name that two people have means nobody), and in which order authors are named (that of
the file). So that a part answers as the whole does, the first atom of every author who matters is
loaded with it; no edge of the part leads there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from chainer.graph.atom import Atom
from chainer.graph.model import GraphInfo

N = TypeVar("N")


class Authors(Protocol[N]):
    """All authors of a graph, each with the first atom that is theirs."""

    def firsts(self, authors: Sequence[str]) -> Mapping[str, N]:
        """The first atoms of these authors; of who has none, nothing."""
        ...

    def called(self, names: Sequence[str]) -> Mapping[str, N]:
        """The first atoms of all authors whose id reads, `folded`, like one of `names`."""
        ...

    def place(self, first: N) -> int:
        """Where an atom stands in the order of the file."""
        ...


def witnesses(
    info: GraphInfo, authors: Sequence[str], holders: Iterable[str], known: Authors[N]
) -> set[N]:
    """The first atoms that a part needs besides its own.

    `authors` are those of the part, in its order; `holders` every name of a holder in it.
    """
    found: set[N] = set()
    names = {folded(holder) for holder in holders}
    if names:
        persons = [
            one.person
            for one in info.characters.values()
            if one.person is not None and folded(one.name) in names
        ]
        found |= set(known.called(sorted(names)).values())
        found |= set(known.firsts(sorted(set(persons))).values())
    if any(one.person is not None for one in info.characters.values()):
        firsts = known.firsts(authors)
        whole = sorted(authors, key=lambda name: known.place(firsts[name]))
        if whole != list(authors):
            found |= set(firsts.values())
    return found


def folded(name: str) -> str:
    """A holder's name as names are compared."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def holders_of(atoms: Iterable[Atom]) -> Iterator[str]:
    """Every name of a holder in these atoms, of their music too."""
    for atom in atoms:
        if atom.rights is not None:
            for terms in (atom.rights, *atom.rights.music):
                if terms.holder is not None:
                    yield terms.holder
