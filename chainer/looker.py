"""Probing, surveying and looking at the clips of one graph: each once, and kept in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainer.digest import Digest
from chainer.errors import Cancelled
from chainer.graph import Atom, Graph, SlotKind, Status
from chainer.graph.atom import STANDARD_SECONDS
from chainer.graph.chains import default_seconds
from chainer.media.inspect import Inspected, inspect_media, inspect_music
from chainer.memory.keys import observation_key
from chainer.quality.heard import quiet_within
from chainer.quality.judge import judge
from chainer.quality.quality import Quality
from chainer.quality.record import Survey
from chainer.quality.survey import find_survey, survey
from chainer.settings import Settings
from chainer.store import Presence, Store
from chainer.takes import Clip, as_taken
from chainer.timebase import to_seconds
from chainer.timeline.used import used_range

if TYPE_CHECKING:
    from chainer.memory.observation import Observation
    from chainer.memory.recollect import Recollection

_REFERENCE_BYTES = 32 << 20


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
        self.met: dict[Digest, tuple[str, str]] = {}
        """Pairs of atoms whose best joint was searched for, by the key of what was found."""
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
        return self.inspect_file(media_file(self.graph, media, self.store))

    def inspect_file(self, path: str | Path) -> Inspected:
        """What a file holds. Raises `MediaError`."""
        return inspect_media(Path(path), self.store, self.settings.media, self.cancel)

    def inspect_music(self, path: str | Path) -> Inspected:
        """What a file of music holds, with or without pictures. Raises `MediaError`."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("cancelled while the music was looked at")
        return inspect_music(Path(path), self.store, self.settings.media, self.cancel)

    def clip(self, atom: Atom, take: int = 0) -> Clip:
        """One take, probed once. Raises `MediaError`."""
        known = self._probed.get((atom.id, take))
        if known is not None:
            self._clips[atom.id, take] = known
            return known
        media = self.inspect(atom.takes[take - 1].media if take else atom.media)
        atom_as_taken = as_taken(atom, take)
        quiet = (Fraction(0), Fraction(0))
        if atom.sound is not None and atom.sound.silence == "trim":
            quiet = self._quiet(atom_as_taken, media)
        used = used_range(
            atom_as_taken,
            media.info,
            self.settings.profile.fps,
            self.settings.slots,
            drop_start=quiet[0],
            drop_end=quiet[1],
        )
        clip = self._clips[atom.id, take] = Clip(atom, take, media, used)
        self._probed[atom.id, take] = clip
        return clip

    def is_sketch(self, atom: Atom) -> bool:
        """Whether a card plays for an atom."""
        return is_sketch(self.graph, self.settings, self.store, atom)

    def quality(self, clip: Clip) -> Quality:
        """What is wrong with the part of a take that plays. Surveyed once; raises `MediaError`."""
        first, seconds = self._window(clip)
        return judge(
            self._survey(clip.media),
            clip.media.info,
            first=first,
            seconds=seconds,
            wanted_seconds=clip.atom.slot.seconds or STANDARD_SECONDS,
            policy=self.settings.quality,
        )

    def _quiet(self, atom: Atom, media: Inspected) -> tuple[Fraction, Fraction]:
        """Seconds of silence at the start and the end of what would play; none where all is."""
        levels = self._survey(media).sound
        start, _ = quiet_within(levels, *self._plays(atom, media, Fraction(0)))
        # An extended slot then plays on further at its end.
        first, seconds = self._plays(atom, media, start)
        again, end = quiet_within(levels, first, seconds)
        return (Fraction(0), Fraction(0)) if again >= seconds else (start, end)

    def _plays(self, atom: Atom, media: Inspected, drop: Fraction) -> tuple[Fraction, Fraction]:
        """First and length, in seconds, of what plays without `drop` seconds at the start."""
        fps, slots = self.settings.profile.fps, self.settings.slots
        used = used_range(atom, media.info, fps, slots, drop_start=drop)
        return to_seconds(used.first, fps), to_seconds(used.frames, fps)

    def _survey(self, media: Inspected) -> Survey:
        return survey(media, self.store, self.settings.media, self.cancel)

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

    def is_known(self, clip: Clip) -> bool:
        """Whether the part of a clip that plays was looked at before; looks at nothing."""
        key = observation_key(
            clip.media.digest,
            *self._window(clip),
            **self._wanted(clip),
            faces=self.settings.faces,
            rate=self.settings.profile.fps,
        )
        return self.store.find(key)[0] is Presence.CACHED

    def is_surveyed(self, clip: Clip) -> bool:
        """Whether a take was surveyed before; surveys nothing."""
        return find_survey(clip.media.digest, self.store) is not None

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


def is_sketch(graph: Graph, settings: Settings, store: Store, atom: Atom) -> bool:
    """Whether an atom is only planned, without media, and no other take is asked for."""
    if not settings.sketches or atom.status is not Status.PLANNED:
        return False
    if settings.takes.get(atom.id, 1) > 1:
        return False
    return not media_file(graph, atom.media, store).is_file()


def media_file(graph: Graph, media: str, store: Store) -> Path:
    """Where the media of an atom lies: beside the graph, or in the store for `store:<digest>`."""
    if media.startswith("store:"):
        return store.path_of(media.removeprefix("store:"))
    return graph.media_path(media)


def seconds_that_play(looker: Looker, atom: Atom) -> Fraction:
    """How long the atom's own media plays, or the take that is asked for, before joints trim it.

    A sketch plays as long as its atom shall, and an extended slot as long as it says.
    """
    if looker.is_sketch(atom) or atom.slot.kind is SlotKind.EXTENDED:
        return default_seconds(atom)
    asked = looker.settings.takes.get(atom.id, 1)
    take = asked - 1 if asked <= len(atom.takes) + 1 else 0  # too many are refused with the plan
    return to_seconds(looker.clip(atom, take).used.frames, looker.settings.profile.fps)
