"""Making queued episodes again, after consent was taken back: along another path, from the graph.

Never with the old episode as a parent: its credentials hold what was taken back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.compose import OnProgress, plan_episode, render_episode
from chainer.consent.episodes import EpisodeIndex
from chainer.errors import Cancelled, ChainerError, InputError, StoreError
from chainer.graph import WalkKind, WalkOptions, load_graph
from chainer.settings import Settings
from chainer.store import Store
from chainer.timebase import parse_time
from chainer.withdrawal import index_path


@dataclass(frozen=True, slots=True)
class Again:
    """What became of one queued episode: a new folder, or why there is none."""

    episode: str
    folder: Path | None
    chain: tuple[str, ...] = ()
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "episode": self.episode,
            "path": None if self.folder is None else str(self.folder),
            "chain": list(self.chain),
            "why": self.why,
        }


def make_again(
    store: Store,
    settings: Settings,
    out: Path,
    *,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[Again]:
    """Make every queued episode again into a folder of its own in `out`, one at a time.

    An episode for which there is no allowed path is noted as impossible, with why. What the disk or
    a cancel stops stays queued: raises `StoreError`, `OutputError` and `Cancelled`.
    """
    index = EpisodeIndex(index_path(store))
    for rerun in index.queued():
        try:
            graph = load_graph(Path(str(rerun.request["graph"])))
            options = _options(rerun.request, rerun.avoid)
            start = str(rerun.request["start"])
            plan = plan_episode(graph, start, options=options, settings=settings, cancel=cancel)
            folder = out / plan.chain.id
            episode = render_episode(plan, folder, on_progress=on_progress, cancel=cancel)
        except (Cancelled, StoreError):
            raise
        except (ChainerError, KeyError) as error:
            why = f"{error}" if isinstance(error, ChainerError) else f"no {error} was noted"
            index.rerendered(rerun.episode, None, why)
            yield Again(rerun.episode, None, why=why)
        else:
            index.rerendered(rerun.episode, episode.manifest.id)
            yield Again(rerun.episode, folder, plan.chain.atoms)


def _options(request: Mapping[str, Any], avoid: tuple[str, ...]) -> WalkOptions:
    """The walk that was asked for, around the atoms that are refused now.

    A path that was asked for exactly is let go; what it must pass through stays.
    """
    try:
        limit = request.get("max_seconds")
        return WalkOptions(
            kind=WalkKind(request["kind"]),
            end=request.get("end"),
            through=tuple(request.get("through", ())),
            max_seconds=None if limit is None else parse_time(limit),
            prefer=tuple((key, parse_time(weight)) for key, weight in request.get("prefer", ())),
            avoid=(*request.get("avoid", ()), *(f"atom:{name}" for name in avoid)),
        )
    except (ValueError, TypeError) as error:
        raise InputError(f"the order of the episode cannot be read: {error}") from error
