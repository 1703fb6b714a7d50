"""The list of episodes that a store keeps, so that each can be found when consent is taken back.

An episode is on it before its first step runs, with everything in the store that shows somebody;
so a revocation finds it however its making ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.consent.entry import Position
from chainer.consent.episode import LIVE, EpisodeRecord, Piece, ShownAtom
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.revocation import purge_left
from chainer.continuity import Looker
from chainer.digest import Digest, key_of
from chainer.episode.plan import EpisodePlan, Kept, PlannedAtom
from chainer.graph import Chain, Graph, WalkOptions
from chainer.permission import Permission, Register, ask_again
from chainer.provenance.certificate import read_anchors
from chainer.provenance.credential import credential_key
from chainer.store import Store
from chainer.timebase import time_text
from chainer.timeline.slot import SlotContent
from chainer.withdrawal import index_path


def request_of(graph: Graph, chain: Chain, options: WalkOptions | None) -> dict[str, Any]:
    """How to plan an episode like this again, by whatever path is allowed then: plain JSON."""
    told = options or WalkOptions(kind=chain.kind)
    return {
        "graph": graph.source,
        "start": chain.atoms[0],
        "kind": chain.kind.value,
        "end": told.end,
        "through": list(told.through),
        "max_seconds": None if told.max_seconds is None else time_text(told.max_seconds),
        "prefer": [[key, str(weight)] for key, weight in told.prefer],
        "avoid": list(told.avoid),
        "path": list(chain.atoms),
    }


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An episode on the list, being made."""

    id: str
    plan: EpisodePlan
    register: Register
    index: EpisodeIndex

    def ask(self) -> Position:
        """Ask the ledger once more. Raises `PolicyRefused`."""
        return ask_again(self.plan.consented, self.register)

    def finish(self, folder: Path, film: Digest, urn: str, position: Position) -> None:
        """Note that the film stands in `folder`. Raises `PolicyRefused` where it must not."""
        self.index.finish(self.id, folder, film, urn, position)


@contextlib.contextmanager
def enrolled(
    plan: EpisodePlan, register: Register, store: Store, target: Path
) -> Iterator[Enrolment]:
    """Put the episode on the list, and take it off again where its making fails."""
    register.book.settle()
    index = EpisodeIndex(index_path(store))
    name = episode_id(plan, register)
    composer = plan.consented.composer
    record = EpisodeRecord(
        id=name,
        title=plan.titles.heading,
        draft=plan.settings.profile.draft,
        composer=None if composer is None else register.book.key(composer),
        atoms=tuple(
            ShownAtom(one.atom.id, one.media.digest, register.book.key(one.atom.author))
            for one in plan.atoms
        ),
        request={**plan.request, "folder": str(target), "profile": plan.settings.profile.name},
        ledger_id=register.book.id,
        ledger_name=register.book.name,
        position=plan.consented.position,
        folders=(target,),
    )
    index.begin(record, plan.consented.needs, pieces_of(plan, register))
    try:
        yield Enrolment(name, plan, register, index)
    except BaseException:
        if index.give_up(name) not in LIVE:
            purge_left(index, store, name)  # what was made while consent was taken back
        raise


def episode_id(plan: EpisodePlan, register: Register) -> str:
    """The same for equal films of equal chains, asked of the same ledger by the same composer."""
    asked: list[str] = []
    if plan.consented.needs or plan.consented.composer is not None:
        composer = plan.consented.composer or ""
        asked = [plan.consented.ledger_id, composer and register.book.key(composer)]
    told = {
        "steps": [*plan.render.slots, *plan.render.joints],
        "chain": plan.chain.atoms,
        "title": plan.titles.heading,
        "chapters": [[mark.title, mark.frame] for mark in plan.chapters],
        "asked": asked,
    }
    return "ep-" + key_of("episode", told)[:32]


def pieces_of(plan: EpisodePlan, register: Register) -> tuple[Piece, ...]:
    """Everything in the store that shows somebody who was asked, by key."""
    told = plan.consented
    people = {planned.atom.id: told.shown_in(planned.atom.id) for planned in plan.atoms}
    layout = plan.layout
    by_slot = [
        people[slot.name] if slot.content is SlotContent.ATOM else () for slot in layout.slots
    ]
    shown: dict[Digest, tuple[str, ...]] = {}

    def show(keys: Iterable[Digest | None], who: tuple[str, ...]) -> None:
        for key in keys:
            if key is not None and who:
                shown[key] = tuple(dict.fromkeys((*shown.get(key, ()), *who)))

    for key, who in zip(plan.render.slots, by_slot, strict=True):
        show([key], who)
    for step in plan.render.steps:  # joints, posters and cards show what they are made from
        for need in step.needs:
            show([step.key], shown.get(need, ()))
    types = {step.key: step.type.value for step in plan.render.steps}
    made = tuple(Piece(key, types[key], who) for key, who in shown.items())
    return (*made, *_kept_pieces(plan, register))


def kept_of(
    looker: Looker, permission: Permission, atoms: Sequence[PlannedAtom]
) -> tuple[Kept, ...]:
    """What looking along a chain, and at the roads beside it, has left in the store of people."""
    if not permission.has_people:
        return ()
    presences = permission.gate.presences
    cast = looker.graph.info.characters
    kept = [
        Kept(key, "observation", tuple(presences.people(clip.atom.id)))
        for key, clip in looker.seen.items()
    ]
    for key, characters in looker.states.items():
        people = (cast[name].person for name in characters if name in cast)
        kept.append(Kept(key, "memory", tuple(dict.fromkeys(one for one in people if one))))
    policy = looker.settings.provenance
    anchors = read_anchors(policy.trust_anchors)
    for one in atoms:
        key = credential_key(one.media.digest, policy, anchors)
        kept.append(Kept(key, "credential", tuple(presences.people(one.atom.id))))
    return tuple(one for one in kept if one.people)


def note_kept(plan: EpisodePlan, register: Register, store: Store) -> None:
    """Put on the store's list what a plan has left there, whether or not it is ever rendered."""
    if plan.kept:
        register.book.settle()
        EpisodeIndex(index_path(store)).note_pieces(_kept_pieces(plan, register))


def _kept_pieces(plan: EpisodePlan, register: Register) -> tuple[Piece, ...]:
    key = register.book.key
    return tuple(
        Piece(one.key, one.type, tuple(key(name) for name in one.people)) for one in plan.kept
    )
