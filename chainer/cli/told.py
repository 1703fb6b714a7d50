"""What the commands about consent and finished episodes say to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chainer.console import bytes_text, count_text, seconds_text

if TYPE_CHECKING:
    from chainer.again import Again
    from chainer.allowed import Allowed
    from chainer.consent.episode import Episode
    from chainer.consent.revocation import Applied
    from chainer.episode.verify import Verdict
    from chainer.store import Store

_STATES = {"made": "made, not published", "draft": "a draft", "making": "being made"}


def episode_text(episode: Episode) -> str:
    """One episode: its state, title, folders and id."""
    where = ", ".join(str(folder) for folder in episode.folders) or "no folder"
    return f"{episode.state.value}: {episode.title or 'untitled'}, {where} ({episode.id})"


def applied_lines(applied: Applied, store: Store) -> Iterator[str]:
    """What taking consent back did to episodes and the store."""
    from chainer.withdrawal import outbox_path

    for state, names in (("suspended", applied.suspended), ("blocked", applied.blocked)):
        yield from (f"{state}: {words}" for words in _named(store, names))
    for folder, why in applied.unreachable:
        yield f"not marked: {folder}: {why}"
    if not applied.suspended and not applied.blocked:
        yield "no episode is concerned"
    gone = applied.purged
    if gone.records:
        pieces = count_text(gone.records, "piece")
        yield f"purged from the store: {pieces}, {bytes_text(gone.bytes)}"
    if applied.queued:
        yield (
            f"to be made again: {count_text(applied.queued, 'episode')}; "
            "`chainer consent rerender -o DIR` makes them"
        )
    if applied.notices:
        yield f"written: {count_text(applied.notices, 'notice')} in {outbox_path(store)}"


def _named(store: Store, names: Iterable[str]) -> Iterator[str]:
    """Episodes by title and folder, as far as the store knows them."""
    from chainer.consent.episodes import EpisodeIndex
    from chainer.withdrawal import index_path

    names = list(names)
    index = EpisodeIndex(index_path(store)) if names else None
    for name in names:
        known = None if index is None else index.get(name)
        if known is None:
            yield name
        else:
            where = ", ".join(str(folder) for folder in known.folders) or "no folder"
            yield f"{known.title or 'untitled'}, {where} ({name})"


def again_text(one: Again) -> str:
    """What became of one queued episode."""
    if one.folder is None:
        return f"{one.episode}: cannot be made again: {one.why}"
    return f"{one.episode}: made again: {one.folder}: {' → '.join(one.chain)}"


def verdict_lines(folder: Path, verdict: Verdict, told: Allowed) -> Iterator[str]:
    """A film that is whole and may be shown: what it is, who signed it, how it stands."""
    yield (
        f"{folder}: whole: {verdict.title}, {seconds_text(verdict.seconds)}, "
        f"{count_text(verdict.frames, 'frame')}, {count_text(verdict.files, 'file')}"
    )
    yield f"  credentials: {_signing(verdict)}"
    yield f"  consent: {'nothing speaks against it' if told.asked else 'not asked'}"
    if told.state:
        yield f"  state: {_STATES.get(told.state, told.state)}"


def _signing(verdict: Verdict) -> str:
    if not verdict.signed:
        return "none: it is not signed"
    signer = verdict.signer or "nobody it names"
    if verdict.credentials == "trusted":
        return f"whole, signed by {signer}, whom we trust"
    return f"whole, signed by {signer}; no trust anchor of ours vouches for that signer"
