"""What a graph asks of the people in it, and what the ledger answers.

For every person in an atom, its author, the authors of what it was remixed from and whoever puts
the episode together each need a yes, by the same entries and for the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from chainer.consent.need import Need, Refusal
from chainer.consent.presence import Presences
from chainer.consent.rights import is_brand_short
from chainer.consent.standing import Standing
from chainer.consent.telling import refusal_text
from chainer.consent.words import Edit, Modality, Use
from chainer.errors import InputError
from chainer.graph import Graph
from chainer.graph.scalars import Id, Word

_ORDER = {modality: place for place, modality in enumerate(Modality)}


class ConsentPolicy(BaseModel):
    """How consent is asked for.

    `ledger` is used instead of the graph's. `composer` is who puts the episode together; None is
    the service itself, and then the authors alone are asked for. `commercial` asks for commercial
    use as well, and `contexts` are those that the whole episode stands in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: Path | None = Field(default=None, description="A ledger instead of the graph's.")
    composer: Id | None = Field(default=None, description="Who puts the episode together.")
    commercial: bool = Field(default=False, description="Whether the episode is commercial.")
    contexts: tuple[Word, ...] = Field(
        default=(), description="Contexts that the whole episode stands in."
    )


class Keys(Protocol):
    """The table of names: keyed ids for the names of a graph, and back."""

    def key(self, name: str) -> str:
        """The keyed id of a person or author."""

    def name_of(self, key: str) -> str:
        """The name behind a keyed id, or what stands for it where it was erased."""


class Gate:
    """Asks for the atoms of one graph, by one standing and for one moment.

    `presences` says who is in each atom. Raises `InputError` where no use is asked.
    """

    def __init__(
        self,
        graph: Graph,
        keys: Keys,
        standing: Standing,
        policy: ConsentPolicy,
        uses: tuple[Use, ...],
        at: datetime,
    ) -> None:
        if not uses:
            raise InputError("consent is asked for no use; name one or more", code="need")
        self.presences = Presences(graph)
        self.at = at
        self._graph = graph
        self._keys = keys
        self._standing = standing
        self._policy = policy
        self._uses = uses
        self._known: dict[str, str] = {}

    def needs(self, atom: str, edits: Iterable[Edit] = (Edit.JOIN,)) -> tuple[Need, ...]:
        """Every yes that it takes to play an atom with these edits.

        A remix of something that shows the person asks for that use too, for all who made it.
        Raises `WalkError` where there is no such atom.
        """
        people = self.presences.people(atom)
        if not people:
            return ()
        author, composer = self._graph.atom(atom).author, self._policy.composer
        makers = dict.fromkeys((author, *self.presences.authors(atom)))
        asking = makers if composer is None else dict.fromkeys((*makers, composer))
        keys = [(name, self._key(name)) for name in asking]
        remixed = self.presences.remixed(atom)
        uses, contexts = self._uses_of(atom), self._contexts_of(atom)
        remix_uses = tuple(dict.fromkeys((*uses, Use.REMIX)))
        edits = tuple(dict.fromkeys(edits))
        needs: list[Need] = []
        for person, how in people.items():
            key = self._key(person)
            modalities = tuple(sorted(how, key=_ORDER.__getitem__))
            more = remix_uses if person in remixed else uses
            others: list[tuple[str | None, tuple[Use, ...]]] = [
                (other, more if name in makers else uses) for name, other in keys if other != key
            ]
            # Nobody but the person made it and nobody else is named: still asked, for whoever.
            needs += (
                Need(key, other, atom, asked, modalities, edits, contexts, own=author == person)
                for other, asked in others or [(None, uses)]
            )
        return tuple(needs)

    def refusals(self, atom: str, edits: Iterable[Edit] = (Edit.JOIN,)) -> list[Refusal]:
        """What speaks against playing an atom with these edits; empty: nothing does."""
        return self.check(self.needs(atom, edits))

    def closed(self) -> dict[str, str]:
        """Every atom that must not be played at all, with the first reason in words."""
        needs = (need for name in self._graph.atoms for need in self.needs(name))
        reasons: dict[str, str] = {}
        for refusal in self._standing.decide_all(needs, self.at):
            if refusal.atom not in reasons:
                entry = self._standing.deciding(refusal)
                reasons[refusal.atom] = refusal_text(refusal, self._keys.name_of, entry)
        return reasons

    def check(self, needs: Sequence[Need]) -> list[Refusal]:
        """The refusals among the answers to needs that were asked before, in their order."""
        return self._standing.decide_all(needs, self.at)

    def _uses_of(self, atom: str) -> tuple[Use, ...]:
        if self._policy.commercial or is_brand_short(self._graph.atom(atom)):
            return tuple(dict.fromkeys((*self._uses, Use.COMMERCIAL)))
        return self._uses

    def _contexts_of(self, atom: str) -> tuple[str, ...]:
        node = self._graph.atom(atom)
        rating = () if node.rating is None else (node.rating.value,)
        scenario = (node.slot.scenario,) if node.slot.scenario else ()
        names = (*node.tags, *rating, *scenario, *self._policy.contexts)
        return tuple(dict.fromkeys(name.casefold() for name in names))

    def _key(self, name: str) -> str:
        key = self._known.get(name)
        if key is None:
            key = self._known[name] = self._keys.key(name)
        return key
