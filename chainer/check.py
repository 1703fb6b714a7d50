"""Every fault of a graph, its media and its ledger, found in one go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.consent.audit import audit
from chainer.errors import Cancelled, ChainerError, Fault, GraphError, InputError, MediaError
from chainer.graph import Graph, Status
from chainer.graph.sources import MAX_ATOMS, load_any
from chainer.looker import media_file
from chainer.media.inspect import inspect_media, inspect_music
from chainer.settings import Settings
from chainer.store import Store
from chainer.timeline.used import used_range

_Named = tuple[str, str | None, str]
"""(JSON path, atom, media) of one file; a bed belongs to no atom."""

_DAMAGED = "ledger-damaged"
_RESTORE = "bring it back from a copy; `chainer consent audit` says more"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """`graph_faults` stop everything; `media_faults` stop chains through those atoms.

    `differences` say where the graph and a file disagree: the file decides, nothing stops.
    """

    source: str
    atoms: int
    edges: int
    media: int
    graph_faults: tuple[Fault, ...]
    media_faults: tuple[Fault, ...]
    differences: tuple[tuple[str, str], ...]

    @property
    def exit_status(self) -> int:
        """0, 2 for a fault of the graph, 3 of the media, 6 where the ledger alone is damaged."""
        if any(fault.code != _DAMAGED for fault in self.graph_faults):
            return 2
        if self.media_faults:
            return 3
        return 6 if self.graph_faults else 0

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return {
            "source": self.source,
            "atoms": self.atoms,
            "edges": self.edges,
            "media": self.media,
            "whole": self.exit_status == 0,
            "faults": [f.as_json() for f in (*self.graph_faults, *self.media_faults)],
            "differences": [{"atom": atom, "what": what} for atom, what in self.differences],
        }

    def lines(self) -> Iterator[str]:
        """The report for people."""
        faults = (*self.graph_faults, *self.media_faults)
        for fault in faults:
            yield str(fault)
        for atom, what in self.differences:
            yield f"{atom}: {what} (the file decides)"
        count = "no faults" if not faults else f"{len(faults)} fault{'s' * (len(faults) != 1)}"
        yield f"{self.source}: {self.atoms} atoms, {self.edges} edges, {self.media} media: {count}"


def check_graph(
    address: str | Path,
    settings: Settings,
    store: Store,
    cancel: threading.Event | None = None,
    *,
    start: str | None = None,
    max_atoms: int = MAX_ATOMS,
) -> CheckReport:
    """Load the graph and look at every file it names.

    Of a graph in a database, what walks from `start` need, or all of it where it has no more than
    `max_atoms`. Raises `Cancelled`, and `InputError` for a database that cannot be used.
    """
    try:
        graph = load_any(address, start, max_atoms=max_atoms)
    except GraphError as error:
        return CheckReport(str(address), 0, 0, 0, error.faults, (), ())
    media = [*_media_of(graph), *_beds_of(graph)]

    def look(entry: _Named) -> tuple[Fault | None, tuple[tuple[str, str], ...]]:
        place, atom, name = entry
        if cancel is not None and cancel.is_set():
            raise Cancelled("cancelled while the media was checked")
        return _look(graph, place, atom, name, settings, store, cancel)

    with ThreadPoolExecutor(settings.pool_size) as pool:
        found = list(pool.map(look, media))
    faults = [fault for fault, _ in found if fault is not None]
    return CheckReport(
        source=graph.source,
        atoms=len(graph.atoms),
        edges=len(graph.edges),
        media=len(media),
        graph_faults=(*_references(graph), *_ledger(graph, settings)),
        media_faults=tuple(faults),
        differences=tuple(pair for _, pairs in found for pair in pairs),
    )


def _media_of(graph: Graph) -> Iterator[_Named]:
    """Every clip that must be there."""
    for number, atom in enumerate(graph.atoms.values()):
        if atom.status is Status.PLANNED:
            continue
        yield f"$.nodes[{number}].media", atom.id, atom.media
        for take, other in enumerate(atom.takes):
            yield f"$.nodes[{number}].takes[{take}].media", atom.id, other.media


def _beds_of(graph: Graph) -> Iterator[_Named]:
    """The music under the graph's episodes."""
    for at, series in enumerate(graph.info.series):
        for number, episode in enumerate(series.episodes):
            if episode.bed is not None:
                place = f"$.graph.series[{at}].episodes[{number}].bed.media"
                yield place, None, episode.bed.media


def _look(
    graph: Graph,
    place: str,
    name: str | None,
    media: str,
    settings: Settings,
    store: Store,
    cancel: threading.Event | None,
) -> tuple[Fault | None, tuple[tuple[str, str], ...]]:
    try:
        path = media_file(graph, media, store)
        if name is None:
            inspect_music(path, store, settings.media, cancel)
            return None, ()
        found = inspect_media(path, store, settings.media, cancel)
        atom = graph.atom(name)
        used = used_range(atom, found.info, settings.profile.fps, settings.slots)
    except (MediaError, InputError) as error:
        return Fault(
            place, str(error), "replace the file, or the path in the graph", error.code
        ), ()
    return None, tuple((name, what) for what in used.differences)


def _references(graph: Graph) -> Iterator[Fault]:
    """Reference pictures that are not there."""
    for ident, character in graph.info.characters.items():
        for number, reference in enumerate(character.references):
            place = f"$.graph.characters.{ident}.references[{number}]"
            yield from _absent(graph, place, reference)


def _ledger(graph: Graph, settings: Settings) -> Iterator[Fault]:
    """The first fault of the ledger that would be asked: the settings', else the graph's."""
    given, named = settings.consent.ledger, graph.info.ledger
    if given is not None:
        yield from _of_ledger("consent.ledger", given)
    elif named is not None:
        place = "$.graph.ledger"
        faults = list(_absent(graph, place, named))
        yield from faults or _of_ledger(place, graph.media_path(named))


def _of_ledger(place: str, path: Path) -> Iterator[Fault]:
    try:
        report = audit(path)
    except ChainerError as error:
        what, _, advice = str(error).partition("; ")
        yield Fault(place, what, advice or _RESTORE, error.code)
        return
    if not report.whole:
        at = "" if report.first_bad is None else f" at entry {report.first_bad}"
        yield Fault(place, f"{path.name} is damaged{at}: {report.why}", _RESTORE, _DAMAGED)


def _absent(graph: Graph, place: str, name: str) -> Iterator[Fault]:
    try:
        there = graph.media_path(name).is_file()
    except ChainerError as error:
        yield Fault(place, str(error), "name a file inside the graph's folder", error.code)
        return
    if not there:
        yield Fault(place, f"there is no file {name}", "put it there, or leave it out", "missing")
