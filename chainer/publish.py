"""Showing an episode to the public: asked once more, for that use, and noted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chainer.consent.answer import Consented
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.words import Use
from chainer.digest import file_digest
from chainer.episode.manifest import FILM_NAME, Manifest, read_manifest
from chainer.errors import PolicyRefused
from chainer.permission import Register, ask_again, open_register
from chainer.store import Store
from chainer.withdrawal import index_path

_TRIES = 5


def publish_episode(folder: Path, store: Store, *, register: Register | None = None) -> Manifest:
    """Note that the episode in `folder` is published, if everybody in it allows that now.

    A revocation that comes between the question and the note is not missed: the note is then
    refused and the question asked again. Raises `PolicyRefused` and `VerifyError`, and
    `PolicyRefused` with code `unknown-episode` for one that this store has not made.
    """
    manifest = read_manifest(folder)
    index = EpisodeIndex(index_path(store))
    episode = index.get(manifest.id) if manifest.id else None
    if episode is None or index.find_film(file_digest(folder / FILM_NAME)) is None:
        raise PolicyRefused(
            f"{folder}: this store has not made that film, so it cannot be called back later; "
            "compose it again with this --store",
            code="unknown-episode",
            path=str(folder),
        )
    needs = tuple(
        replace(entry.need(), uses=(*entry.uses, Use.PUBLISH))
        for entry in (manifest.consent.needs if manifest.consent is not None else ())
    )
    if not needs:
        index.publish(episode.id, episode.position)
        return manifest
    asked = Consented((Use.PUBLISH,), needs=needs)
    register = register or open_register(Path(episode.ledger_name))
    for attempt in range(_TRIES):
        position = ask_again(asked, register)
        try:
            index.publish(episode.id, position)
        except PolicyRefused as error:
            if error.code != "consent-changed" or attempt + 1 == _TRIES:
                raise
        else:
            break
    return manifest
