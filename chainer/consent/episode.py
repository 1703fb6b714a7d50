"""The words of the index of episodes: an episode, its states, its atoms and pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from chainer.consent.entry import Position
from chainer.digest import Digest


class EpisodeState(StrEnum):
    """How an episode stands. Written to disk: add to it, rename nothing."""

    MAKING = "making"
    """Registered, being rendered."""
    MADE = "made"
    PUBLISHED = "published"
    DRAFT = "draft"
    """A finished draft."""
    SUSPENDED = "suspended"
    """Consent was taken back; it was being made, made or published."""
    BLOCKED = "blocked"
    """Consent was taken back; it is a draft."""
    GONE = "gone"
    """Its making was given up."""


LIVE = (EpisodeState.MAKING, EpisodeState.MADE, EpisodeState.PUBLISHED, EpisodeState.DRAFT)
"""The states in which an episode is still allowed."""

STOPPED = (EpisodeState.SUSPENDED, EpisodeState.BLOCKED)
"""The states of an episode from which consent was taken back."""


@dataclass(frozen=True, slots=True)
class ShownAtom:
    """One atom of the chain: its id, the digest of its media, the key of its author."""

    id: str
    media: Digest
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A key of the store whose files show people (by keyed id); `type` is its step's type word."""

    key: Digest
    type: str
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EpisodeRecord:
    """An episode as it is registered.

    `atoms` stand in the order of the chain. `request` is plain JSON: how to plan it again.
    `position` is how far the ledger was read when consent was last asked. `folders` are absolute:
    where it is to be delivered, as far as that is known.
    """

    id: str
    title: str = ""
    draft: bool = False
    composer: str | None = None
    atoms: tuple[ShownAtom, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    ledger_id: str = ""
    ledger_name: str = ""
    position: Position = field(default_factory=Position)
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Episode(EpisodeRecord):
    """An episode as the index knows it.

    `film` and `urn` are of its last delivery, None before the first. `was_published` says that it
    is asked for publishing too. `refusal` and `entry` tell what took its consent away.
    """

    state: EpisodeState
    film: Digest | None
    urn: str | None
    was_published: bool
    created: datetime
    changed: datetime
    refusal: Mapping[str, Any] | None
    entry: int | None


@dataclass(frozen=True, slots=True)
class Rerun:
    """An episode to be made again from `request` without the atoms in `avoid`.

    The old episode must not be its parent: its credentials still hold what was taken back.
    `state` is `queued`, `done` (then `result` is the new episode's id) or `impossible`.
    """

    episode: str
    revocation: str
    request: Mapping[str, Any]
    avoid: tuple[str, ...]
    state: str = "queued"
    result: str | None = None
    why: str = ""
