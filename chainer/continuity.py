"""A chain as the memory sees it: which takes play, what drifts at each joint, what is mended.

    probe every take → look at each once → step along the chain, choosing takes → what plays

Between the walk and the timeline: it needs the media of the one and tells the other what to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainer.digest import Digest
from chainer.episode.plan import Choice, PlannedAtom
from chainer.errors import InputError, MediaError, PolicyRefused
from chainer.graph import Atom, Chain, Edge
from chainer.looker import Looker
from chainer.memory.report import Cut, Flag, JointClass, JointReport
from chainer.memory.state import MemoryState
from chainer.quality.quality import Quality
from chainer.settings import Settings
from chainer.takes import Clip, Tried, as_taken, choose_take
from chainer.timeline.used import used_range

if TYPE_CHECKING:
    from chainer.memory.recollect import Step

DRAFT_NOTE = "a draft"
"""How remarks on what a draft leaves out begin."""

OnLook = Callable[[int, int], None]
"""Called with how many clips have been looked at, of how many."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The chain's atoms as they will play, the memory after each, and remarks."""

    atoms: tuple[PlannedAtom, ...]
    states: tuple[MemoryState, ...]
    notes: tuple[str, ...]


def remember(looker: Looker, chain: Chain, on_look: OnLook | None = None) -> Remembered:
    """Walk the memory along `chain`: choose takes, judge the joints, decide what is mended.

    Every take is probed and looked at side by side; raises the first fault in the chain's order.
    With the memory switched off takes are chosen by their quality alone. Atoms that are sketched
    are passed over. Raises `PolicyRefused` in strict mode where drift is left.
    """
    settings = looker.settings
    graph = looker.graph
    choices = _candidates(looker, chain, on_look)
    atoms: list[PlannedAtom] = []
    states: list[MemoryState] = []
    notes: list[str] = []
    state: MemoryState | None = None
    before: Atom | None = None
    for leg, clips in zip(chain.legs, choices, strict=True):
        atom = graph.atom(leg.atom)
        if not clips:
            before = None  # a card stands here
            continue
        if state is not None:
            state = _with_parents(looker, chain, state, atom)
        tried = [
            Tried(one.clip, _step(looker, state, one, before, leg.edge), one.quality)
            for one in clips
        ]
        best, choice = choose_take(tried, settings)
        planned, words = _planned(looker, best, choice)
        atoms.append(planned)
        notes += words
        before = atom
        if best.step is not None:
            state = best.step.state
            states.append(state)
    if states:
        notes += [f"{one.words}" for one in states[-1].conflicts]
    if settings.memory.strict:
        _refuse_drift(atoms)
    return Remembered(tuple(atoms), tuple(states), (*looker.notes, *notes))


def _step(
    looker: Looker,
    state: MemoryState | None,
    one: _Candidate,
    before: Atom | None,
    edge: Edge | None,
) -> Step | None:
    """What the memory makes of a candidate; None where it is switched off."""
    if one.seen is None:
        return None
    edge = None if before is None else edge
    return looker.memory.step(state, one.seen, one.clip.atom, before, edge)


def drift_left(report: JointReport) -> tuple[Flag, ...]:
    """What still drifts after correction: light and colour are mended by a grade."""
    mended = {Flag.LIGHT, Flag.COLOUR} if report.grade is not None else set()
    return tuple(flag for flag in report.flags if flag not in mended and flag is not Flag.LOUDNESS)


def _pool(settings: Settings) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.pool_size, thread_name_prefix="chainer-look")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A take that may play: the key of its observation, and its quality, as far as it is known."""

    clip: Clip
    seen: Digest | None
    quality: Quality | None


def _candidates(looker: Looker, chain: Chain, on_look: OnLook | None) -> list[list[_Candidate]]:
    """The takes that each atom of the chain may play; its own media first, none for a sketch.

    A take that cannot be used is left out with a remark; the one that is asked for, and without
    such the atom's own media, must be usable.
    """
    settings = looker.settings
    wanted = [
        (place, atom, take)
        for place, atom in enumerate(map(looker.graph.atom, chain.atoms))
        for take in _takes_of(looker, atom)
    ]
    several = {place for place, _, take in wanted if take} - {
        place for place, atom, _ in wanted if atom.id in settings.takes
    }
    remembers = _remembers(looker, wanted)
    judged = _judged(looker, wanted, several)
    done = 0
    lock = threading.Lock()

    def look(one: tuple[int, Atom, int]) -> _Candidate | MediaError:
        nonlocal done
        place, atom, take = one
        try:
            clip = looker.clip(atom, take)
            seen = looker.look(clip) if remembers else None
            return _Candidate(clip, seen, looker.quality(clip) if place in judged else None)
        except MediaError as error:
            if take == 0 or atom.id in settings.takes:
                raise
            return error
        finally:
            with lock:
                done += 1
                if on_look is not None:
                    on_look(done, len(wanted))

    found: list[list[_Candidate]] = [[] for _ in chain.atoms]
    with _pool(settings) as pool:
        for (place, atom, take), seen in zip(wanted, pool.map(look, wanted), strict=True):
            if isinstance(seen, MediaError):
                looker.notes.append(f"{atom.id}: take {take + 1} cannot be used: {seen}")
            else:
                found[place].append(seen)
    return found


def _remembers(looker: Looker, wanted: Sequence[tuple[int, Atom, int]]) -> bool:
    """Whether the memory goes along.

    A draft looks at nothing: it remembers what a house build, `plan` or `memory` has looked at, all
    of it or nothing at all, and says so.
    """
    settings = looker.settings
    if not settings.memory.enabled or not settings.profile.draft:
        return settings.memory.enabled

    def is_new(one: tuple[int, Atom, int]) -> bool:
        with suppress(MediaError):  # raised where it is looked at
            return not looker.is_known(looker.clip(one[1], one[2]))
        return False

    with _pool(settings) as pool:
        new = sum(pool.map(is_new, wanted))
    if new:
        looker.notes.append(
            f"{DRAFT_NOTE}: {new} of {len(wanted)} clips were not looked at yet, so the memory is "
            "left out: joints that nobody asked for, starts that play again, colours and takes may "
            "be decided otherwise in the film; `chainer plan` without --draft looks at them"
        )
    return not new


def _judged(
    looker: Looker, wanted: Sequence[tuple[int, Atom, int]], several: Collection[int]
) -> set[int]:
    """The places whose takes are judged; in a draft, where all of them were surveyed before."""
    settings = looker.settings
    if not settings.quality.enabled:
        return set()
    places = {place for place, _, _ in wanted if place in several or settings.quality.every}
    if not settings.profile.draft:
        return places
    for place, atom, take in wanted:
        with suppress(MediaError):
            if place in places and not looker.is_surveyed(looker.clip(atom, take)):
                places.discard(place)
    return places


def _takes_of(looker: Looker, atom: Atom) -> Sequence[int]:
    """The takes of an atom that are looked at; none of a sketch."""
    if looker.is_sketch(atom):
        return ()
    asked = looker.settings.takes.get(atom.id)
    if asked is None:
        choose = looker.settings.memory.choose_takes
        return range(len(atom.takes) + 1) if choose else (0,)
    if asked > len(atom.takes) + 1:
        there = f"takes 1 to {len(atom.takes) + 1}" if atom.takes else "only its own media, take 1"
        raise InputError(
            f"{atom.id} has no take {asked}: it has {there}", code="take", atom=atom.id, take=asked
        )
    return (asked - 1,)


def _with_parents(looker: Looker, chain: Chain, state: MemoryState, atom: Atom) -> MemoryState:
    """The state with what the atom's other parents, which do not play, knew of their characters.

    A remix of two clips takes people from both; an alternate was made from the clip that it stands
    for. A parent that cannot be looked at is left out.
    """
    graph, memory = looker.graph, looker.memory
    for edge in graph.edges_in(atom.id):
        parent = graph.atom(edge.source)
        if parent.id in chain.atoms or parent.id in looker.closed or not parent.status.playable:
            continue
        try:
            clip = looker.clip(parent)
            if looker.settings.profile.draft and not looker.is_known(clip):
                continue
            seen = looker.look(clip)
        except MediaError as error:
            looker.notes.append(f"{atom.id}: its other parent {parent.id} is not seen: {error}")
            continue
        state = memory.merged(state, memory.step(None, seen, parent).state)
    return state


def _planned(looker: Looker, best: Tried, choice: Choice | None) -> tuple[PlannedAtom, list[str]]:
    """The atom as it plays: without what it replays, and with its grade if that can be made."""
    from chainer.render.grade import useful_grade

    settings, clip = looker.settings, best.clip
    report = None if best.step is None else best.step.report
    used, notes = clip.used, list[str]()
    fps = settings.profile.fps
    grade: tuple[int, ...] | None = None
    if report is not None:
        name = f"{report.source}→{report.target}"
        if report.cut.into:
            used = used_range(
                as_taken(clip.atom, clip.take),
                clip.media.info,
                fps,
                settings.slots,
                drop_start=report.cut.in_seconds,
            )
            if used.first > clip.used.first:
                # It was judged by a frame that is not shown; the next one goes on from the last.
                report = replace(report, kind=JointClass.SEAMLESS)
                notes.append(f"{name}: {clip.atom.id} starts later: {report.cut.why}")
            else:
                report = replace(report, cut=Cut(why="too little of the clip would be left"))
        if (asked := report.grade) is not None:
            try:
                grade = useful_grade(asked.numbers())
            except ValueError as error:
                report = replace(report, grade=None, grade_why=f"it cannot be made: {error}")
            else:
                notes.append(
                    f"{name}: the colours of {clip.atom.id} are brought back to "
                    f"{asked.reference}: {asked.shift:.1f} dE"
                )
        notes += [
            f"{name}: {finding.flag.value}: {finding.words}"
            for finding in report.findings
            if finding.flag in drift_left(report) and finding.counts
        ]
    if choice is not None and clip.take:
        notes.append(f"{clip.atom.id}: {choice.chosen} plays: {choice.words}")
    if best.quality is not None:
        notes += [f"{clip.atom.id}: {one.words}" for one in best.quality.findings]
    planned = PlannedAtom(
        clip.atom,
        clip.media,
        used,
        take=clip.take,
        grade=grade,
        report=report,
        choice=choice,
        quality=best.quality,
    )
    return planned, list(dict.fromkeys(notes))


def _refuse_drift(atoms: Sequence[PlannedAtom]) -> None:
    left = {
        f"{one.report.source}→{one.report.target}": [flag.value for flag in drift_left(one.report)]
        for one in atoms
        if one.report is not None and drift_left(one.report)
    }
    if left:
        words = "; ".join(f"{name}: {', '.join(flags)}" for name, flags in left.items())
        raise PolicyRefused(
            f"the chain is not continuous enough (memory.strict): {words}; choose other takes, "
            'declare the change on its edge ("changes"), or switch strict off',
            code="continuity",
            joints=left,
        )
