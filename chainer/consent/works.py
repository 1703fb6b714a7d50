"""The works that an atom is made of: itself, what it was derived from, and its music.

Walks the remix edges of a graph, each once, and only as far as it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from chainer.consent.claims import Claim, Claims
from chainer.consent.holders import Holders
from chainer.consent.licence import parse_licence
from chainer.graph import Atom, EdgeKind, Graph, Music, Rights


@dataclass(frozen=True, slots=True)
class Held:
    """What is asked by one atom itself, by its remix ancestors, and by the music heard in it.

    None stands for no ancestors, and for no music.
    """

    own: Claims
    inherited: Claims | None
    music: Claims | None

    @property
    def layers(self) -> tuple[Claims, ...]:
        """Those of the three that there are."""
        every = (self.own, self.inherited, self.music)
        return tuple(claims for claims in every if claims is not None)


class Works:
    """The works of `graph`, with those `countries` in mind; `composer` as in `Holders`."""

    def __init__(self, graph: Graph, countries: Sequence[str], composer: str | None) -> None:
        self._graph = graph
        self._countries = tuple(countries)
        self._holders = Holders(graph, composer)
        self._held: dict[str, Held] = {}

    def held(self, atom: Atom) -> Held:
        """What is asked by all that `atom` is made of."""
        # Parents first, on a list of our own: a line of remixes may be longer than the stack.
        todo = [atom.id]
        while todo:
            name = todo[-1]
            if name in self._held:
                todo.pop()
                continue
            parents = self.parents(name)
            waiting = [parent for parent in parents if parent not in self._held]
            if waiting:
                todo += waiting
            else:
                self._held[name] = self._gather(self._graph.atoms[name], parents)
        return self._held[atom.id]

    def parents(self, name: str) -> tuple[str, ...]:
        """The atoms that one was remixed from, each once."""
        return tuple(self._parents.get(name, ()))

    @cached_property
    def _parents(self) -> Mapping[str, dict[str, None]]:
        # Remixes are few in a large graph: this asks for less than the neighbours of each atom.
        found: dict[str, dict[str, None]] = {}
        for edge in self._graph.edges:
            if edge.kind is EdgeKind.REMIX:
                found.setdefault(edge.target, {})[edge.source] = None
        return found

    def _gather(self, atom: Atom, parents: Sequence[str]) -> Held:
        own = Claims()
        own.add(self._claim(atom, None), self._countries)
        held = [self._held[parent] for parent in parents]
        inherited = _joined([one for each in held for one in (each.own, each.inherited)])
        music = _heard(atom)
        if music is None:
            return Held(own, inherited, _joined([each.music for each in held]))
        pieces = [Claims() for _ in music]
        for claims, piece in zip(pieces, music, strict=True):
            claims.add(self._claim(atom, piece), self._countries)
        return Held(own, inherited, _joined(pieces))

    def _claim(self, atom: Atom, piece: Music | None) -> Claim:
        terms = piece if piece is not None else atom.rights or Rights()
        licence = parse_licence(terms.license) if terms.license is not None else None
        if piece is None and terms.holder is None:
            holders = frozenset((atom.author,))
        else:
            holders = self._holders.ids(terms.holder, atom.author)
        # Who publishes a clip under another's licence may remix it, unless all is reserved.
        reserved = licence is not None and licence.reserved
        makers = holders if piece is not None or reserved else holders | {atom.author}
        return Claim(
            atom=atom.id,
            title=None if piece is None else piece.title,
            licence=licence,
            holder=terms.holder,
            makers=makers,
            holders=holders,
            territories=frozenset(terms.territories) or None,
            expires=terms.expires,
        )


def _joined(parts: Sequence[Claims | None]) -> Claims | None:
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        return known[0] if known else None
    whole = Claims()
    for part in known:
        whole.join(part)
    return whole


def _heard(atom: Atom) -> tuple[Music, ...] | None:
    """What is heard in the atom; None where it does not say."""
    if atom.rights is None or "music" not in atom.rights.model_fields_set:
        return None
    return atom.rights.music
