"""Is a finished episode still allowed? Asked of its folder, the store's list, and the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainer.consent.entry import utc_now
from chainer.consent.episode import Episode, EpisodeState
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.need import Need
from chainer.consent.revocation import TOMBSTONE_NAME
from chainer.consent.telling import refusal_text
from chainer.consent.words import Use
from chainer.digest import file_digest
from chainer.episode.manifest import FILM_NAME, Manifest, read_manifest
from chainer.errors import ChainerError
from chainer.permission import Register, open_register
from chainer.withdrawal import INDEX_NAME

_STOPPED = (EpisodeState.SUSPENDED.value, EpisodeState.BLOCKED.value)


@dataclass(frozen=True, slots=True)
class Allowed:
    """`state` is the episode's, empty where nobody here knows it; `why` speaks against showing it.

    `asked` says whether the ledger itself was asked; `notes` why it was not.
    """

    state: str
    why: tuple[str, ...]
    asked: bool
    notes: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.why

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "state": self.state,
            "allowed": self.allowed,
            "why": list(self.why),
            "ledger_asked": self.asked,
            "notes": list(self.notes),
        }


def still_allowed(folder: Path, store_root: Path, *, register: Register | None = None) -> Allowed:
    """Whether the episode in `folder`, original or copy, may still be shown.

    Looks for a mark in the folder, asks the list of the store under `store_root` where there is
    one, and the ledger, `register` or the one that the list names. Writes nothing. Raises
    `VerifyError` for a folder without a readable manifest.
    """
    manifest = read_manifest(folder)
    draft = manifest.draft
    known = _listed(folder, manifest, store_root)
    state = known.state.value if known is not None else ""
    why: list[str] = []
    if mark := _tombstone(folder, manifest):
        state = mark
        why.append(f"{mark}: consent was taken back ({TOMBSTONE_NAME})")
    elif state in _STOPPED:
        entry = f" by entry {known.entry}" if known is not None and known.entry else ""
        why.append(f"{state}: consent was taken back{entry}")
    needs = _needs(manifest, published=state == EpisodeState.PUBLISHED.value)
    notes: list[str] = []
    asked = not needs
    if needs:
        try:
            register = register or _register(known)
        except ChainerError as error:
            notes.append(f"the ledger could not be asked: {error}")
        if register is not None and manifest.consent is not None:
            if register.book.id != manifest.consent.ledger:
                notes.append(f"{register.book.name} is not the ledger that was asked for this film")
            else:
                asked = True
                refusals = register.standing().decide_all(needs, utc_now())
                if refusals and not why:
                    state = EpisodeState.BLOCKED.value if draft else EpisodeState.SUSPENDED.value
                why += [f"{state}: {refusal_text(one, register.book.name_of)}" for one in refusals]
        elif not notes:
            notes.append("the ledger could not be asked: nobody here knows where it lies; --ledger")
    return Allowed(state, tuple(dict.fromkeys(why)), asked, tuple(notes))


def _listed(folder: Path, manifest: Manifest, store_root: Path) -> Episode | None:
    path = store_root / INDEX_NAME
    if not path.is_file():
        return None
    index = EpisodeIndex(path)
    known = index.get(manifest.id) if manifest.id else None
    film = folder / FILM_NAME
    if known is None and film.is_file():
        known = index.find_film(file_digest(film))
    return known


def _tombstone(folder: Path, manifest: Manifest) -> str:
    try:
        mark = json.loads((folder / TOMBSTONE_NAME).read_bytes())
    except (OSError, ValueError):
        return ""
    if not isinstance(mark, dict) or mark.get("episode") != manifest.id:
        return ""
    state = mark.get("state")
    return state if state in _STOPPED else ""


def _needs(manifest: Manifest, *, published: bool) -> Sequence[Need]:
    if manifest.consent is None:
        return ()
    needs = [entry.need() for entry in manifest.consent.needs]
    if published:
        needs = [replace(need, uses=(*need.uses, Use.PUBLISH)) for need in needs]
    return needs


def _register(known: Episode | None) -> Register | None:
    if known is None or not known.ledger_name or not Path(known.ledger_name).exists():
        return None
    return open_register(Path(known.ledger_name))
