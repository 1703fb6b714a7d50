"""Is it allowed? One graph under one set of settings, asked before a walk, of a plan, and again.

    ledger, rights, ratings, block list → which atoms are closed → what this plan really does

Between the graph and the story: `compose.py` walks around what is closed here, and asks again
right before it renders, signs and delivers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from chainer.consent.answer import ClosedRoad, Consented
from chainer.consent.blocklist import closed as closed_by_words
from chainer.consent.book import Book, open_book, real_path
from chainer.consent.entry import Entry, Position, utc_now
from chainer.consent.gate import Gate
from chainer.consent.ledger import LedgerDamaged
from chainer.consent.need import Need, Refusal
from chainer.consent.rating import closed_for
from chainer.consent.rights import BRAND_SHORT, RightsGate
from chainer.consent.standing import Relation, Standing
from chainer.consent.telling import refused
from chainer.consent.words import Edit, Use
from chainer.errors import ChainerError, PolicyRefused, StoreError, WalkError
from chainer.graph import Chain, Graph, WalkOptions
from chainer.looker import is_sketch
from chainer.settings import Settings
from chainer.store import Store
from chainer.store.folder import store_error
from chainer.timeline.fill import scenario_word

LEDGER_NAME = "consent.jsonl"
OWN_FOLDER = "consent"
"""Beneath a store: the ledger for graphs that name none."""

_CLOSED_CODES = ("start-closed", "path-closed", "closed")
_HINT = "name another path, or let the walk find one without --path"


def ledger_path(settings: Settings, store: Store, graph: Graph | None = None) -> Path:
    """Where the ledger lies: the settings', else the graph's, else the store's own."""
    if settings.consent.ledger is not None:
        return settings.consent.ledger
    if graph is not None and graph.info.ledger is not None:
        return graph.media_path(graph.info.ledger)
    return store.root / OWN_FOLDER / LEDGER_NAME


class Register:
    """An open ledger and what it means now. Safe for many threads.

    `mutual` tells whether two people (by keyed id) stand in a mutual relation; by default those do
    who allow each other.
    """

    def __init__(self, book: Book, *, mutual: Relation | None = None) -> None:
        self.book = book
        self._mutual = mutual
        self._entries: list[Entry] = []
        self._standing = Standing(mutual=mutual)
        self._lock = threading.Lock()

    def standing(self) -> Standing:
        """What the ledger says now: reads what was added since it was last asked.

        What is returned stays as it is: an entry that comes later makes another standing. Raises
        `LedgerDamaged` where the ledger is not the one any more that was read before: what was
        taken back in it would be forgotten.
        """
        with self._lock:
            known = self._standing.position
            if self.book.position() == known:
                return self._standing
            if not self._goes_on(known):
                raise _rewound(self.book, known)
            after = self._entries[-1].seq if self._entries else 0
            self._entries += self.book.entries(after=after)
            self._standing = Standing(self._entries, mutual=self._mutual)
            return self._standing

    def demand(self, known: Position) -> Standing:
        """What the ledger says now, if it still holds the entry at `known`.

        Raises `LedgerDamaged` where it does not.
        """
        standing = self.standing()
        with self._lock:
            found = self._entries[known.seq - 1 : known.seq] if known.seq else []
        if known.seq and (not found or found[0].digest != known.digest):
            raise _rewound(self.book, known)
        return standing

    def _goes_on(self, known: Position) -> bool:
        """Whether the ledger still holds the entry that was read last."""
        if known.seq == 0:
            return True
        last = next(iter(self.book.entries(after=known.seq - 1)), None)
        return last is not None and last.digest == known.digest


def _rewound(book: Book, known: Position) -> LedgerDamaged:
    why = "it is not the one that was read before: the ledger was rewritten or cut off"
    return LedgerDamaged(book.name, known.seq, why)


_registers: dict[Path, Register] = {}
_registers_lock = threading.Lock()
_MOST_OPEN = 16


def open_register(path: Path, *, create: bool = False) -> Register:
    """The register of a ledger file; opened once in a process, as every plan asks it.

    One for all paths that lead to the file. Raises `InputError` where there is none and it shall
    not be made.
    """
    path = real_path(path)
    with _registers_lock:
        known = _registers.get(path)
        if known is not None and path.exists():
            return known
        register = Register(open_book(path, create=create))
        while len(_registers) >= _MOST_OPEN:
            # Not closed: others may be asking it. It is when nobody holds it any more.
            _registers.pop(next(iter(_registers)))
        _registers[path] = register
        return register


def register_of(graph: Graph, settings: Settings, store: Store) -> Register:
    """The register that decides about a graph; the store's own is begun when it is first needed."""
    path = ledger_path(settings, store, graph)
    own = settings.consent.ledger is None and graph.info.ledger is None
    return open_own(store) if own else open_register(path)


def open_own(store: Store) -> Register:
    """The store's own register, begun where there is none yet."""
    folder = store.root / OWN_FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise store_error("the store's ledger cannot be kept", folder, error) from error
    return open_register(folder / LEDGER_NAME, create=True)


class Permission:
    """What may be played of a graph, decided at one moment."""

    def __init__(
        self,
        graph: Graph,
        settings: Settings,
        store: Store,
        *,
        register: Register | None = None,
        at: datetime | None = None,
    ) -> None:
        self.graph, self.settings = graph, _told_commercial(settings)
        self.at = at or utc_now()
        self._store = store
        self._given = register
        self.uses = (Use.DRAFT,) if settings.profile.draft else (Use.EPISODE,)

    @cached_property
    def has_people(self) -> bool:
        """Whether anybody who must be asked appears anywhere in the graph."""
        return any(one.person is not None for one in self.graph.info.characters.values())

    @cached_property
    def register(self) -> Register:
        """The register, opened where somebody must be asked."""
        return self._given or register_of(self.graph, self.settings, self._store)

    @cached_property
    def standing(self) -> Standing:
        """What the ledger says, read once for all that is asked here."""
        return self.register.standing()

    @cached_property
    def gate(self) -> Gate:
        """Who is asked, and the answers."""
        book = self.register.book
        policy = self.settings.consent
        return Gate(self.graph, book, self.standing, policy, self.uses, self.at)

    @cached_property
    def rights(self) -> RightsGate:
        """The licences of the graph."""
        policy = self.settings
        consent = policy.consent
        return RightsGate(self.graph, policy.rights, consent.commercial, self.at, consent.composer)

    @cached_property
    def closed(self) -> Mapping[str, ClosedRoad]:
        """Every atom that must not be played, with the weightiest reason."""
        found: dict[str, ClosedRoad] = {}
        audience = self.settings.audience
        for by, atoms in (
            ("blocklist", closed_by_words(self.graph, self.settings.blocklist)),
            ("rating", closed_for(self.graph, audience) if audience is not None else {}),
            ("rights", self.rights.closed()),
            ("consent", self._refused_people() if self.has_people else {}),
        ):
            found |= {atom: ClosedRoad(atom, by, why) for atom, why in atoms.items()}
        return found

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """The same as the walk takes it."""
        return {atom: road.why for atom, road in self.closed.items()}

    def _refused_people(self) -> Mapping[str, str]:
        """Atoms that somebody in them does not allow; a card of words shows nobody."""
        return {
            name: why
            for name, why in self.gate.closed().items()
            if not is_sketch(self.graph, self.settings, self._store, self.graph.atom(name))
        }

    def demand(self, atoms: Iterable[str]) -> None:
        """Raise `PolicyRefused` where one of `atoms` must not be played."""
        shut = [self.closed[atom] for atom in dict.fromkeys(atoms) if atom in self.closed]
        if not shut:
            return
        refusals = [
            one for road in shut if road.by == "consent" for one in self.gate.refusals(road.atom)
        ]
        if refusals and all(road.by == "consent" for road in shut):
            raise self._refused(refusals)
        raise shut_error(shut)

    def demand_of(self, options: WalkOptions, start: str) -> None:
        """Raise `PolicyRefused` where the walk is told to play what must not be played."""
        self.demand((start, *(options.path or ()), *sorted(options.required)))

    def _refused(self, refusals: Sequence[Refusal]) -> PolicyRefused:
        return refused(refusals, self.register.book.name_of, self.standing.deciding)

    def in_the_way(self, error: WalkError) -> ChainerError:
        """The refusal to raise where a walk found nothing because of what is closed here."""
        named = {error.facts.get("atom"), error.facts.get("start"), *error.facts.get("removed", ())}
        shut = [road for atom, road in self.closed.items() if atom in named]
        return shut_error(shut) if shut and error.code in _CLOSED_CODES else error

    def roads(self, chain: Chain) -> tuple[ClosedRoad, ...]:
        """The closed atoms that edges lead to from an atom of the chain, in file order."""
        near = {
            edge.target
            for atom in chain.atoms
            for edge in self.graph.edges_out(atom)
            if edge.target in self.closed
        }
        return tuple(self.closed[atom] for atom in sorted(near, key=self.graph.rank.__getitem__))

    def bars(self, atom: str, edit: Edit) -> tuple[Refusal, ...]:
        """The refusals that speak against this one edit of an atom; none where nobody appears."""
        if not self.has_people:
            return ()
        return tuple(one for one in self.gate.refusals(atom, (edit,)) if one.edit is edit)

    def consented(self, atoms: Sequence[tuple[str, Sequence[Edit]]]) -> Consented:
        """The yes to atoms with all that is done to each. Raises `PolicyRefused`."""
        if not self.has_people:
            return Consented(self.uses, composer=self.settings.consent.composer)
        asked = [need for atom, edits in atoms for need in self.gate.needs(atom, edits)]
        book = self.register.book
        book.settle()  # so that these ids mean the same to whoever renders the plan
        needs = tuple(_settled(need, book) for need in asked)
        if refusals := self.gate.check(needs):
            raise self._refused(refusals)
        return Consented(
            uses=self.uses,
            ledger=book.name,
            ledger_id=book.id,
            position=self.standing.position,
            composer=self.settings.consent.composer,
            needs=needs,
        )


def _settled(need: Need, book: Book) -> Need:
    """The need by the ids that its people have for good."""
    person, grantee = book.settled(need.person), need.grantee
    grantee = None if grantee is None else book.settled(grantee)
    if (person, grantee) == (need.person, need.grantee):
        return need
    return replace(need, person=person, grantee=grantee)


def _told_commercial(settings: Settings) -> Settings:
    """An episode whose scenario is a brand's is commercial, whatever else the settings say."""
    if scenario_word(settings.slots.scenario or "") != BRAND_SHORT:
        return settings
    consent = settings.consent.model_copy(update={"commercial": True})
    return settings.model_copy(update={"consent": consent})


def shut_error(shut: Sequence[ClosedRoad]) -> PolicyRefused:
    """The refusal of atoms that are closed."""
    words = "; ".join(f"{road.atom}: {road.why}" for road in shut[:8])
    more = f"; and {len(shut) - 8} more" if len(shut) > 8 else ""
    kinds = {road.by for road in shut}
    code = kinds.pop() if len(kinds) == 1 else "refused"
    return PolicyRefused(
        f"refused: {words}{more}; {_HINT}", code=code, closed=[road.as_json() for road in shut]
    )


def ask_again(consented: Consented, register: Register, *, at: datetime | None = None) -> Position:
    """Ask the ledger once more what a plan asked; how far the ledger has been read.

    Raises `PolicyRefused` where something was taken back or has expired since, and where it is
    another ledger; `LedgerDamaged` where it is not what it was when it was asked first.
    """
    if not consented.needs:
        return register.standing().position
    book = register.book
    if consented.ledger_id != book.id:
        raise PolicyRefused(
            f"refused: {book.name} is another ledger than the one that was asked for this film"
            f"{f', {consented.ledger}' if consented.ledger else ''}; name that one with --ledger, "
            "or plan again",
            code="another-ledger",
            ledger=book.name,
            asked=consented.ledger,
        )
    standing = register.demand(consented.position)
    if refusals := standing.decide_all(consented.needs, at or utc_now()):
        raise refused(refusals, book.name_of, standing.deciding)
    return standing.position


def demand_rows(consented: Consented, register: Register) -> None:
    """Raise `StoreError` where somebody's id could not be written down.

    Nobody could tell later whose it was, so what is taken back would not find the film.
    """
    book = register.book
    ids = dict.fromkeys(
        one for need in consented.needs for one in (need.person, need.grantee) if one is not None
    )
    standing = register.standing()
    lost = [one for one in ids if not (book.has_row(one) or standing.knows(one))]
    if lost:
        names = ", ".join(book.name_of(one) for one in lost[:8])
        raise StoreError(
            f"{book.name}: {len(lost)} names are not in its table of names: {names}; let it be "
            "written once, where the episode is planned, or plan again",
            code="read-only",
            path=book.name,
        )
