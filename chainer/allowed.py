"""Is a finished episode still allowed? Asked of its folder, the store's list, and the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainer.consent.answer import Consented
from chainer.consent.entry import Position, utc_now
from chainer.consent.episode import Episode, EpisodeState
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.revocation import TOMBSTONE_NAME
from chainer.consent.telling import refusal_text
from chainer.consent.words import Use
from chainer.digest import Digest, file_digest, read_regular
from chainer.episode.manifest import MANIFEST_NAME, Manifest, read_manifest
from chainer.errors import ChainerError, VerifyError
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
    one, and the ledger, `register` or the one that the list names. The list knows a film by its
    bytes, whatever its manifest says: anybody can edit that, and what the list says of who is shown
    counts besides it. Writes nothing. Raises `VerifyError` for a folder without a readable
    manifest, and for a ledger that is damaged or was rewound.
    """
    manifest = read_manifest(folder)
    film = _film(folder / manifest.film)
    index = _index(store_root)
    known = None if index is None else _listed(index, manifest, film)
    state = known.state.value if known is not None else ""
    why: list[str] = []
    if mark := _tombstone(folder, manifest, film):
        state = mark
        why.append(f"{mark}: consent was taken back ({TOMBSTONE_NAME})")
    elif state in _STOPPED:
        entry = f" by entry {known.entry}" if known is not None and known.entry else ""
        why.append(f"{state}: consent was taken back{entry}")
    if known is not None and manifest.id != known.id:
        why.append(f"{MANIFEST_NAME} was changed: the film is of episode {known.id}")
    told = _told(manifest)
    listed = [] if index is None or known is None else index.needs(known.id)
    needs = list(dict.fromkeys([*listed, *told.needs]))
    if known is not None:
        told = replace(told, ledger_id=known.ledger_id, position=known.position)
        if known.was_published:
            needs = [replace(one, uses=(*one.uses, Use.PUBLISH)) for one in needs]
    notes: list[str] = []
    asked = not needs
    if needs:
        draft = manifest.draft if known is None else known.draft
        stopped = EpisodeState.BLOCKED.value if draft else EpisodeState.SUSPENDED.value
        try:
            answer = _ask(replace(told, needs=tuple(needs)), register, known, notes)
        except VerifyError as error:
            if state not in _STOPPED:
                raise
            answer = None
            notes.append(f"the ledger could not be asked: {error}")
        if answer:
            state = state if state in _STOPPED else stopped
            why += [f"{state}: {one}" for one in answer]
        asked = answer is not None
    return Allowed(state, tuple(dict.fromkeys(why)), asked, tuple(notes))


def _ask(
    told: Consented, register: Register | None, known: Episode | None, notes: list[str]
) -> list[str] | None:
    """What the ledger says against it, in words; None, and why in `notes`, where it is not asked.

    Raises `VerifyError` for a ledger that cannot be believed.
    """
    try:
        register = register or _register(known)
    except VerifyError:
        raise
    except ChainerError as error:
        notes.append(f"the ledger could not be asked: {error}")
        return None
    if register is None:
        notes.append("the ledger could not be asked: nobody here knows where it lies; --ledger")
        return None
    if register.book.id != told.ledger_id:
        notes.append(f"{register.book.name} is not the ledger that was asked for this film")
        return None
    standing = register.demand(told.position)
    return [
        refusal_text(one, register.book.name_of, standing.deciding(one))
        for one in standing.decide_all(told.needs, utc_now())
    ]


def _index(store_root: Path) -> EpisodeIndex | None:
    path = store_root / INDEX_NAME
    return EpisodeIndex(path, read_only=True) if path.is_file() else None


def _listed(index: EpisodeIndex, manifest: Manifest, film: Digest | None) -> Episode | None:
    """The episode that the film is of; by the manifest alone where the list has no such film."""
    named = index.get(manifest.id) if manifest.id else None
    if film is None or (named is not None and index.is_film_of(film, named.id)):
        return named
    return index.find_film(film) or named


def _film(path: Path) -> Digest | None:
    try:
        return file_digest(path)
    except OSError:
        return None


def _tombstone(folder: Path, manifest: Manifest, film: Digest | None) -> str:
    try:
        mark = json.loads(read_regular(folder / TOMBSTONE_NAME))
    except (OSError, ValueError, RecursionError):
        return ""
    if not isinstance(mark, dict):
        return ""
    if mark.get("episode") != manifest.id and (film is None or mark.get("film") != film):
        return ""
    state = mark.get("state")
    return state if state in _STOPPED else ""


def _told(manifest: Manifest) -> Consented:
    """What the manifest says was asked."""
    told = manifest.consent
    if told is None:
        return Consented(())
    position = Position(told.position.seq, told.position.digest)
    needs = tuple(entry.need() for entry in told.needs)
    return Consented(told.uses, ledger_id=told.ledger, position=position, needs=needs)


def _register(known: Episode | None) -> Register | None:
    if known is None or not known.ledger_name or not Path(known.ledger_name).exists():
        return None
    return open_register(Path(known.ledger_name))
