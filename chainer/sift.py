"""Every take of a graph, what is wrong with it, and how good it is: before anything is planned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from chainer.errors import InputError, MediaError
from chainer.graph import Atom, Graph, Status
from chainer.looker import Looker
from chainer.quality.quality import Quality
from chainer.settings import Settings
from chainer.store import Store

OnTake = Callable[[int, int], None]
"""Called with how many takes have been looked at, of how many."""


@dataclass(frozen=True, slots=True)
class TakeReport:
    """One take: `number` 1 is the atom's own media. `fault` says why it cannot be used."""

    atom: str
    number: int
    media: str
    quality: Quality | None
    fault: str = ""

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        told: dict[str, Any] = {"atom": self.atom, "take": self.number, "media": self.media}
        if self.quality is None:
            return {**told, "usable": False, "fault": self.fault}
        return {**told, "usable": True, **self.quality.as_json()}

    def lines(self) -> Iterator[str]:
        """For people."""
        name = f"{self.atom} take {self.number} ({self.media})"
        if self.quality is None:
            yield f"{name}: cannot be used: {self.fault}"
            return
        yield f"{name}: {self.quality.score:.2f}: {self.quality.words}"


def sift_takes(
    graph: Graph,
    settings: Settings,
    store: Store,
    atoms: Sequence[str] = (),
    *,
    on_take: OnTake | None = None,
    cancel: threading.Event | None = None,
) -> tuple[TakeReport, ...]:
    """The takes of `atoms`, or of all that have media, in the graph's order; each surveyed once.

    A take that cannot be used is reported, not raised. Raises `InputError` for an unknown atom,
    `Cancelled`.
    """
    unknown = [name for name in atoms if name not in graph.atoms]
    if unknown:
        raise InputError(
            f"{graph.source} has no atom {', '.join(unknown)}", code="unknown-atom", atoms=unknown
        )
    named = [graph.atom(name) for name in atoms] or [
        atom for atom in graph.atoms.values() if atom.status is not Status.PLANNED
    ]
    wanted = [(atom, take) for atom in named for take in range(len(atom.takes) + 1)]
    looker = Looker(graph, store, settings, cancel)
    done = 0
    lock = threading.Lock()

    def look(one: tuple[Atom, int]) -> TakeReport:
        nonlocal done
        try:
            return _look(looker, *one)
        finally:
            with lock:
                done += 1
                if on_take is not None:
                    on_take(done, len(wanted))

    with ThreadPoolExecutor(settings.pool_size, thread_name_prefix="chainer-take") as pool:
        return tuple(pool.map(look, wanted))


def _look(looker: Looker, atom: Atom, take: int) -> TakeReport:
    media = atom.takes[take - 1].media if take else atom.media
    try:
        quality = looker.quality(looker.clip(atom, take))
    except MediaError as error:
        return TakeReport(atom.id, take + 1, media, None, str(error))
    return TakeReport(atom.id, take + 1, media, quality)
