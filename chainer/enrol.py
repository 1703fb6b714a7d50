"""The list of episodes that a store keeps, so that each can be found when consent is taken back.

An episode is on it before its first step runs, with everything in the store that shows somebody;
so a revocation finds it however its making ends.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.consent.entry import Position, utc_now
from chainer.consent.episode import LIVE, STOPPED, EpisodeRecord, Piece, ShownAtom
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.revocation import apply_refusals, purge_left
from chainer.digest import Digest, file_digest, key_of
from chainer.episode.plan import EpisodePlan, Kept, PlannedAtom
from chainer.errors import ChainerError, MediaError, PolicyRefused, RenderError
from chainer.graph import Chain, Graph, WalkOptions
from chainer.looker import Looker
from chainer.permission import Permission, Register, ask_again, demand_rows
from chainer.provenance.certificate import read_anchors
from chainer.provenance.credential import credential_key
from chainer.quality.survey import survey_key
from chainer.settings import Settings
from chainer.store import Store
from chainer.store.lent import lent_key
from chainer.takes import Clip
from chainer.timebase import time_text
from chainer.withdrawal import index_path

_TELLING: Any = {
    **dict.fromkeys(("bed", "captions", "card", "takes", "sketches"), True),
    "slots": {"scenario"},
}
"""The settings of how a film tells its story, as far as somebody has set them."""


def request_of(
    graph: Graph, chain: Chain, options: WalkOptions | None, settings: Settings
) -> dict[str, Any]:
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
        "author_changes_on_remix": told.author_changes_on_remix,
        "path": list(chain.atoms),
        "commercial": settings.consent.commercial,
        "contexts": list(settings.consent.contexts),
        "audience": None if settings.audience is None else settings.audience.value,
        "telling": settings.model_dump(mode="json", include=_TELLING, exclude_unset=True),
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
        """Note that the film stands in `folder`.

        Where it must not, because consent was taken back since it was last asked, or cannot be
        noted, the folder goes again. Raises `PolicyRefused`, `StoreError`.
        """
        try:
            self.index.finish(self.id, folder, film, urn, position)
        except BaseException:
            _take_away(folder, self.plan.settings.profile.film_name, film)
            raise


@contextlib.contextmanager
def enrolled(
    plan: EpisodePlan, register: Register, store: Store, target: Path
) -> Iterator[Enrolment]:
    """Put the episode on the list, and take it off again where its making fails.

    Raises `PolicyRefused` where the plan is not allowed any more, before anything is noted.
    """
    register.book.settle()
    ask_again(plan.consented, register)
    demand_rows(plan.consented, register)
    index = EpisodeIndex(index_path(store))
    name = episode_id(plan, register)
    composer = plan.consented.composer
    record = EpisodeRecord(
        id=name,
        title=plan.titles.heading,
        draft=plan.is_draft,
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
    begun = index.begin(record, plan.consented.needs, pieces_of(plan, register))
    try:
        yield Enrolment(name, plan, register, index)
    except BaseException as error:
        state = index.give_up(name, begun)
        if state not in LIVE:
            # What was made while consent was taken back, also where whoever took it back has not
            # come so far as to mark the episode.
            purge_left(index, store, name, _refused_in(error))
        if state in STOPPED and isinstance(error, RenderError | MediaError):
            # Its pieces went while they were used: that is why it failed.
            ask_again(plan.consented, register)
            raise PolicyRefused(
                f"{name} is {state.value}: consent was taken back while it was made; plan again",
                code=f"episode-{state.value}",
                episode=name,
                state=state.value,
            ) from error
        raise


def _refused_in(error: BaseException) -> tuple[str, ...]:
    """The people, by keyed id, whose refusal an error is."""
    told = error.facts.get("refusals", ()) if isinstance(error, PolicyRefused) else ()
    return tuple(dict.fromkeys(one["person"] for one in told))


def _take_away(folder: Path, name: str, film: Digest) -> None:
    """Remove an episode that has just been put in its place, if it is still that one."""
    with contextlib.suppress(OSError):
        if file_digest(folder / name) == film:
            gone = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.partial")
            folder.rename(gone)  # at once, and swept away later if this process ends here
            shutil.rmtree(gone, ignore_errors=True)


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
    if plan.render.bed is not None:
        told["bed"] = plan.render.bed
    if plan.captions:
        told["captions"] = [
            [str(one.start), str(one.end), one.lines, one.speakers] for one in plan.captions
        ]
    return "ep-" + key_of("episode", told)[:32]


def pieces_of(plan: EpisodePlan, register: Register) -> tuple[Piece, ...]:
    """Everything in the store that shows somebody who was asked, by key."""
    told = plan.consented
    people = {planned.atom.id: told.shown_in(planned.atom.id) for planned in plan.atoms}
    layout = plan.layout
    by_slot = [
        tuple(dict.fromkeys(who for one in slot.plays for who in people.get(one.atom, ())))
        for slot in layout.slots
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
    if plan.settings.store.url is not None:  # workers may need the clips themselves there
        for planned in plan.atoms:
            show([lent_key(planned.media.digest)], people[planned.atom.id])
    types = {step.key: step.type.value for step in plan.render.steps}
    made = tuple(Piece(key, types.get(key, "media"), who) for key, who in shown.items())
    return (*made, *_as_pieces(plan.kept, register))


def kept_of(
    looker: Looker, permission: Permission, atoms: Iterable[PlannedAtom | Clip]
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
    for key, pair in looker.met.items():
        both = dict.fromkeys(one for atom in pair for one in presences.people(atom))
        kept.append(Kept(key, "meeting", tuple(both)))
    policy = looker.settings.provenance
    anchors = read_anchors(policy.trust_anchors)
    for one in atoms:
        key = credential_key(one.media.digest, policy, anchors)
        shown = tuple(presences.people(one.atom.id))
        kept.append(Kept(key, "credential", shown))
        kept.append(Kept(survey_key(one.media.digest), "survey", shown))
    return tuple(one for one in kept if one.people)


@contextlib.contextmanager
def noted(looker: Looker, permission: Permission, store: Store) -> Iterator[None]:
    """Put on the store's list what looking leaves there of people, however the block ends.

    Whether or not anything is ever rendered of it; a clip is on the list before it is looked at.
    What was taken back while the block ran goes at once.
    """
    if not permission.has_people:
        yield
        return

    def before(key: Digest, clip: Clip) -> None:
        people = tuple(permission.gate.presences.people(clip.atom.id))
        if people:
            _note(permission.register, store, [Kept(key, "observation", people)])

    looker.before_look = before
    try:
        yield
    except BaseException:
        with contextlib.suppress(ChainerError):  # the first fault is the one to tell
            _note_all(looker, permission, store)
        raise
    _note_all(looker, permission, store)


def _note_all(looker: Looker, permission: Permission, store: Store) -> None:
    kept = kept_of(looker, permission, looker.clips) if looker.clips else ()
    if not kept:
        return
    register = permission.register
    _note(register, store, kept)
    standing = register.standing()
    if standing.position != permission.standing.position:
        people = {register.book.key(name) for one in kept for name in one.people}
        index = EpisodeIndex(index_path(store))
        apply_refusals(index, store, standing, people, None, utc_now())


def _note(register: Register, store: Store, kept: Sequence[Kept]) -> None:
    EpisodeIndex(index_path(store)).note_pieces(_as_pieces(kept, register))


def _as_pieces(kept: Iterable[Kept], register: Register) -> tuple[Piece, ...]:
    book = register.book
    for one in kept:
        for name in one.people:
            book.key(name)
    book.settle()  # before the ids are taken, so that they are those that stay
    return tuple(
        Piece(one.key, one.type, tuple(book.key(name) for name in one.people)) for one in kept
    )
