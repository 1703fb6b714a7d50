"""Making queued episodes again, after consent was taken back: along another path, from the graph.

Never with the old episode as a parent: its credentials hold what was taken back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chainer.compose import OnProgress, plan_episode, render_episode
from chainer.consent.episode import Episode
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.ledger import LedgerDamaged
from chainer.consent.rating import Audience
from chainer.errors import (
    Cancelled,
    ChainerError,
    InputError,
    OutputError,
    PolicyRefused,
    StoreError,
    WalkError,
)
from chainer.graph import WalkKind, WalkOptions
from chainer.graph.sources import load_any
from chainer.graph.sources.address import source_of
from chainer.permission import Register, open_register
from chainer.profile import draft_of
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
    register: Register | None = None,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[Again]:
    """Make every queued episode again into a folder of its own in `out`, one at a time.

    Each is asked of the ledger that it was asked of, or of `register` where that is the same one,
    for the same composer unless the settings name one, in the same contexts, and a draft as a
    draft. An episode for which there is no allowed path is noted as impossible, with why; one whose
    ledger or media is not at hand stays queued. What the disk or a cancel stops stays queued too:
    raises `StoreError`, `OutputError`, `Cancelled` and `LedgerDamaged`.
    """
    index = EpisodeIndex(index_path(store))
    for rerun in index.queued():
        episode = index.get(rerun.episode)
        assert episode is not None, "what is queued was begun"
        try:
            asked = _register(episode, register)
        except InputError as error:
            yield Again(rerun.episode, None, why=str(error))
            continue
        try:
            wanted = _as_asked(settings, episode, rerun.request, asked)
            options = _options(rerun.request, rerun.avoid)
            start = str(rerun.request["start"])
            graph = load_any(source_of(str(rerun.request["graph"])), start, options)
            plan = plan_episode(
                graph, start, options=options, settings=wanted, register=asked, cancel=cancel
            )
            folder = out / f"{plan.chain.id}_{rerun.episode[-8:]}"
            done = render_episode(
                plan, folder, register=asked, on_progress=on_progress, cancel=cancel
            )
        except (Cancelled, StoreError, OutputError, LedgerDamaged):
            raise
        except KeyError as error:
            why = f"no {error} was noted"
            index.rerendered(rerun.episode, None, why)
            yield Again(rerun.episode, None, why=why)
        except (PolicyRefused, WalkError) as error:
            index.rerendered(rerun.episode, None, str(error))
            yield Again(rerun.episode, None, why=str(error))
        except ChainerError as error:  # such as media that is not there now: it stays queued
            yield Again(rerun.episode, None, why=str(error))
        else:
            index.rerendered(rerun.episode, done.manifest.id)
            yield Again(rerun.episode, folder, plan.chain.atoms)


def _register(episode: Episode, register: Register | None) -> Register:
    """The register that was asked for the episode. Raises `InputError` where it is not at hand."""
    found = register or open_register(Path(episode.ledger_name))
    if found.book.id != episode.ledger_id:
        raise InputError(
            f"{episode.id} was asked of another ledger than {found.book.name}; bring that one back "
            f"to {episode.ledger_name}",
            code="another-ledger",
            episode=episode.id,
        )
    return found


def _as_asked(
    settings: Settings, episode: Episode, request: Mapping[str, Any], register: Register
) -> Settings:
    """The settings under which the episode is asked for as it was before."""
    policy, composer = settings.consent, settings.consent.composer
    if composer is None and episode.composer is not None:
        composer = register.book.people.name_of(episode.composer)
        if composer is None:
            raise InputError("nobody knows any more who put it together", code="unknown-person")
    consent = {
        "composer": composer,
        "commercial": policy.commercial or bool(request.get("commercial")),
        "contexts": tuple(dict.fromkeys((*policy.contexts, *request.get("contexts", ())))),
    }
    # One with sketches is a draft by these alone, of the size that it has.
    small = episode.draft and not (request.get("telling") or {}).get("sketches")
    changes: dict[str, Any] = {
        "consent": policy.model_copy(update=consent),
        "profile": draft_of(settings.profile) if small else settings.profile,
    }
    if settings.audience is None and request.get("audience") is not None:
        changes["audience"] = Audience(request["audience"])
    return _told_alike(settings.model_copy(update=changes), request.get("telling") or {})


def _told_alike(settings: Settings, telling: Mapping[str, Any]) -> Settings:
    """With the takes, cards, captions and music that the episode had."""
    told = settings.model_dump(exclude_unset=True)
    for name, asked in telling.items():
        now = told.get(name)
        told[name] = (
            {**now, **asked} if isinstance(now, dict) and isinstance(asked, dict) else asked
        )
    try:
        return Settings.model_validate(told)
    except (ValidationError, TypeError) as error:
        raise InputError(f"the order of the episode cannot be read: {error}") from error


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
            author_changes_on_remix=bool(request.get("author_changes_on_remix")),
        )
    except (ValueError, TypeError) as error:
        raise InputError(f"the order of the episode cannot be read: {error}") from error
