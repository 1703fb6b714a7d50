"""A chain as the memory sees it: which takes play, what drifts at each joint, what is mended.

    probe every take → look at each once → step along the chain, choosing takes → what plays

Between the walk and the timeline: it needs the media of the one and tells the other what to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainer.digest import Digest
from chainer.episode.plan import Choice, PlannedAtom
from chainer.errors import Cancelled, MediaError, PolicyRefused
from chainer.graph import Atom, Chain, Graph
from chainer.media.inspect import Inspected, inspect_media
from chainer.memory.report import Cut, Flag, JointClass, JointReport
from chainer.memory.state import MemoryState
from chainer.settings import Settings
from chainer.store import Store
from chainer.timebase import to_seconds
from chainer.timeline.used import UsedRange, used_range

if TYPE_CHECKING:
    from chainer.memory.observation import Observation
    from chainer.memory.recollect import Recollection, Step

OnLook = Callable[[int, int], None]
"""Called with how many clips have been looked at, of how many."""

_CLEARLY = 0.02
"""By how much another take must be better than the first to be played in its stead."""
_REFERENCE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Clip:
    """One take of an atom: `take` 0 is its own media, n the n-th of its takes."""

    atom: Atom
    take: int
    media: Inspected
    used: UsedRange


_Seen = tuple[Clip, Digest]
"""A clip and the key of its observation."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The chain's atoms as they will play, the memory after each, and remarks."""

    atoms: tuple[PlannedAtom, ...]
    states: tuple[MemoryState, ...]
    notes: tuple[str, ...]


class Looker:
    """Probes and looks at the clips of one graph. Safe for many threads."""

    def __init__(
        self,
        graph: Graph,
        store: Store,
        settings: Settings,
        cancel: threading.Event | None = None,
    ) -> None:
        self.graph, self.store, self.settings = graph, store, settings
        self.cancel = cancel
        self._memory: Recollection | None = None
        self._lock = threading.Lock()
        self._references: Mapping[str, tuple[bytes, ...]] | None = None
        self._like: Looker | None = None
        self._probed: dict[tuple[str, int], Clip] = {}
        self._clips: dict[tuple[str, int], Clip] = {}
        self.seen: dict[Digest, Clip] = {}
        """What was looked at, by the key of its observation."""
        self.closed: Collection[str] = ()
        """Atoms that must not be played: they are not looked at for what they could tell either."""
        self.notes: list[str] = []
        self.before_look: Callable[[Digest, Clip], None] | None = None
        """Told of every clip that is about to be looked at, with the key of its observation."""

    def beside(self) -> Looker:
        """Another looker at the same graph, for another chain.

        What this one has probed and remembered is at hand there too; `clips`, `seen` and `states`
        tell of the other chain alone.
        """
        other = Looker(self.graph, self.store, self.settings, self.cancel)
        other._like = self
        other._probed = self._probed
        return other

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Every clip that was asked for."""
        return tuple(self._clips.values())

    @property
    def states(self) -> Mapping[Digest, tuple[str, ...]]:
        """The characters in each state of the memory that was used, by its key in the store."""
        return {} if self._memory is None else dict(self._memory.shows)

    @property
    def memory(self) -> Recollection:
        """The memory, which loads OpenCV with its first use."""
        from chainer.memory.recollect import Recollection
        from chainer.memory.shelf import Observer

        with self._lock:
            if self._memory is None and self._like is not None:
                self._memory = self._like.memory.beside(self._look_again)
            if self._memory is None:
                one = self.settings
                observer = Observer(self.store, one.media, one.faces, rate=one.profile.fps)
                self._memory = Recollection(
                    self.graph, self.store, observer, one.memory, one.faces, self._look_again
                )
            return self._memory

    def inspect(self, media: str) -> Inspected:
        """What a file that the graph names holds. Raises `MediaError`."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("cancelled while the media was looked at")
        path = media_file(self.graph, media, self.store)
        return inspect_media(path, self.store, self.settings.media, self.cancel)

    def clip(self, atom: Atom, take: int = 0) -> Clip:
        """One take, probed once. Raises `MediaError`."""
        known = self._probed.get((atom.id, take))
        if known is not None:
            self._clips[atom.id, take] = known
            return known
        media = self.inspect(atom.takes[take - 1].media if take else atom.media)
        used = used_range(
            _as_taken(atom, take), media.info, self.settings.profile.fps, self.settings.slots
        )
        clip = self._clips[atom.id, take] = Clip(atom, take, media, used)
        self._probed[atom.id, take] = clip
        return clip

    def look(self, clip: Clip) -> Digest:
        """Look at the part of a clip that plays, unless that was done; the observation's key."""
        observer = self.memory.observer
        window, wanted = self._window(clip), self._wanted(clip)
        key = observer.key(clip.media, *window, **wanted)
        if not observer.has(key):
            if self.before_look is not None:
                self.before_look(key, clip)
            observer.observe(clip.media, *window, **wanted, cancel=self.cancel)
        self.seen[key] = clip
        return key

    def _look_again(self, key: Digest) -> Observation | None:
        """The observation of a clip that was looked at and is lost or damaged since."""
        clip = self.seen.get(key)
        if clip is None:
            return None
        if self.before_look is not None:
            self.before_look(key, clip)
        observer = self.memory.observer
        window, wanted = self._window(clip), self._wanted(clip)
        return observer.observe(clip.media, *window, **wanted, cancel=self.cancel)

    def _window(self, clip: Clip) -> tuple[Fraction, Fraction]:
        fps = self.settings.profile.fps
        return to_seconds(clip.used.first, fps), to_seconds(clip.used.frames, fps)

    def _wanted(self, clip: Clip) -> dict[str, Any]:
        return {
            "cast": clip.atom.cast,
            "references": self._pictures(clip.atom),
        }

    def _pictures(self, atom: Atom) -> Mapping[str, tuple[bytes, ...]]:
        """The reference pictures of the characters that `atom` names."""
        wanted = {appearance.character for appearance in atom.cast}
        return {name: kept for name, kept in self._all_pictures().items() if name in wanted}

    def _all_pictures(self) -> Mapping[str, tuple[bytes, ...]]:
        with self._lock:
            if self._references is None and self._like is not None:
                self._references = self._like._all_pictures()  # noqa: SLF001 - one of us
                self.notes += self._like.notes
            if self._references is None:
                self._references = self._read_references()
            return self._references

    def _read_references(self) -> Mapping[str, tuple[bytes, ...]]:
        found: dict[str, tuple[bytes, ...]] = {}
        for name, character in self.graph.info.characters.items():
            pictures = []
            for reference in character.references:
                path = media_file(self.graph, reference, self.store)
                try:
                    if path.stat().st_size > _REFERENCE_BYTES:
                        raise OSError("it is larger than 32 MiB")
                    pictures.append(path.read_bytes())
                except OSError as error:
                    why = error.strerror or str(error)
                    self.notes.append(f"{name}: the reference {reference} is not used: {why}")
            if pictures:
                found[name] = tuple(pictures)
        return found


def media_file(graph: Graph, media: str, store: Store) -> Path:
    """Where the media of an atom lies: beside the graph, or in the store for `store:<digest>`."""
    if media.startswith("store:"):
        return store.path_of(media.removeprefix("store:"))
    return graph.media_path(media)


def remember(looker: Looker, chain: Chain, on_look: OnLook | None = None) -> Remembered:
    """Walk the memory along `chain`: choose takes, judge the joints, decide what is mended.

    Every take is probed and looked at side by side; raises the first fault in the chain's order.
    With the memory switched off only the atoms' own media is probed. Raises `PolicyRefused` in
    strict mode where drift is left.
    """
    settings = looker.settings
    graph = looker.graph
    if not settings.memory.enabled:
        with _pool(settings) as pool:
            plain = pool.map(looker.clip, map(graph.atom, chain.atoms))
            unseen = tuple(PlannedAtom(c.atom, c.media, c.used) for c in plain)
        return Remembered(unseen, (), ())
    choices = _candidates(looker, chain, on_look)
    memory = looker.memory
    atoms: list[PlannedAtom] = []
    states: list[MemoryState] = []
    notes: list[str] = []
    state: MemoryState | None = None
    before: Atom | None = None
    for leg, clips in zip(chain.legs, choices, strict=True):
        atom = graph.atom(leg.atom)
        edge = leg.edge
        if state is not None:
            state = _with_parents(looker, chain, state, atom)
        tried: list[tuple[Clip, Step]] = []
        for clip, seen in clips:
            tried.append((clip, memory.step(state, seen, atom, before, edge)))
        clip, step, choice = _best(tried)
        planned, words = _planned(clip, step.report, choice, settings)
        atoms.append(planned)
        notes += words
        state, before = step.state, atom
        states.append(state)
    notes += [f"{one.words}" for one in states[-1].conflicts]
    if settings.memory.strict:
        _refuse_drift(atoms)
    return Remembered(tuple(atoms), tuple(states), (*looker.notes, *notes))


def drift_left(report: JointReport) -> tuple[Flag, ...]:
    """What still drifts after correction: light and colour are mended by a grade."""
    mended = {Flag.LIGHT, Flag.COLOUR} if report.grade is not None else set()
    return tuple(flag for flag in report.flags if flag not in mended and flag is not Flag.LOUDNESS)


def _as_taken(atom: Atom, take: int) -> Atom:
    """The atom for one of its takes: a trim is said of its own media, others play from 0."""
    return atom.model_copy(update={"trim": None}) if take else atom


def _pool(settings: Settings) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.pool_size, thread_name_prefix="chainer-look")


def _candidates(looker: Looker, chain: Chain, on_look: OnLook | None) -> list[list[_Seen]]:
    """The takes that each atom of the chain may play, with what was seen; its own media first.

    A take that cannot be used is left out with a remark; the atom's own media must be usable.
    """
    takes = looker.settings.memory.choose_takes
    wanted = [
        (place, looker.graph.atom(name), take)
        for place, name in enumerate(chain.atoms)
        for take in range(len(looker.graph.atom(name).takes) + 1 if takes else 1)
    ]
    done = 0
    lock = threading.Lock()

    def look(one: tuple[int, Atom, int]) -> _Seen | MediaError:
        nonlocal done
        _, atom, take = one
        try:
            clip = looker.clip(atom, take)
            return clip, looker.look(clip)
        except MediaError as error:
            if take == 0:
                raise
            return error
        finally:
            with lock:
                done += 1
                if on_look is not None:
                    on_look(done, len(wanted))

    found: list[list[_Seen]] = [[] for _ in chain.atoms]
    with _pool(looker.settings) as pool:
        for (place, atom, take), seen in zip(wanted, pool.map(look, wanted), strict=True):
            if isinstance(seen, MediaError):
                looker.notes.append(f"{atom.id}: take {take + 1} cannot be used: {seen}")
            else:
                found[place].append(seen)
    return found


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
            seen = looker.look(looker.clip(parent))
        except MediaError as error:
            looker.notes.append(f"{atom.id}: its other parent {parent.id} is not seen: {error}")
            continue
        state = memory.merged(state, memory.step(None, seen, parent).state)
    return state


def _best(tried: Sequence[tuple[Clip, Step]]) -> tuple[Clip, Step, Choice | None]:
    """The take that fits the memory best; the first one where none is clearly better."""
    if len(tried) == 1 or tried[0][1].report is None:
        return (*tried[0], None)

    def badness(one: tuple[Clip, Step]) -> float:
        report = one[1].report
        return report.badness if report is not None else 1.0

    ranked = sorted(tried, key=badness)
    best = ranked[0] if badness(ranked[0]) < badness(tried[0]) - _CLEARLY else tried[0]
    other = next(one for one in ranked if one is not best)
    kept = best is tried[0]
    choice = Choice(
        at=best[0].atom.id,
        of="take",
        chosen=_take_name(best[0]),
        score=1 - badness(best),
        runner_up=_take_name(other[0]),
        runner_up_score=1 - badness(other),
        why="no take fits clearly better than the first" if kept else "it fits the memory best",
    )
    return (*best, choice)


def _take_name(clip: Clip) -> str:
    return f"take {clip.take + 1}"


def _planned(
    clip: Clip, report: JointReport | None, choice: Choice | None, settings: Settings
) -> tuple[PlannedAtom, list[str]]:
    """The atom as it plays: without what it replays, and with its grade if that can be made."""
    from chainer.render.grade import useful_grade

    used, notes = clip.used, []
    fps = settings.profile.fps
    grade: tuple[int, ...] | None = None
    if report is not None:
        name = f"{report.source}→{report.target}"
        if report.cut.into:
            used = used_range(
                _as_taken(clip.atom, clip.take),
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
    planned = PlannedAtom(
        clip.atom, clip.media, used, take=clip.take, grade=grade, report=report, choice=choice
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


def seconds_that_play(looker: Looker, atom: Atom) -> Fraction:
    """How long the atom's own media plays, before anything is trimmed at joints."""
    return to_seconds(looker.clip(atom).used.frames, looker.settings.profile.fps)
