"""Showing an episode to the public: asked once more, for that use, and noted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chainer.consent.answer import Consented
from chainer.consent.episodes import EpisodeIndex
from chainer.consent.words import Use
from chainer.digest import Digest, file_digest
from chainer.episode.manifest import Manifest, read_manifest
from chainer.errors import PolicyRefused, VerifyError
from chainer.permission import Register, ask_again, open_register
from chainer.store import Store
from chainer.withdrawal import index_path

_TRIES = 5


def publish_episode(folder: Path, store: Store, *, register: Register | None = None) -> Manifest:
    """Note that the episode in `folder` is published, if everybody in it allows that now.

    A revocation that comes between the question and the note is not missed: the note is then
    refused and the question asked again. Raises `PolicyRefused` and `VerifyError`, and
    `PolicyRefused` with code `unknown-episode` for one that this store has not made, `unfinished`
    for one in which atoms are sketched.
    """
    manifest = read_manifest(folder)
    index = EpisodeIndex(index_path(store))
    episode = index.get(manifest.id) if manifest.id else None
    if episode is None or not index.is_film_of(_film(folder / manifest.film), episode.id):
        raise PolicyRefused(
            f"{folder}: this store has not made that film, so it cannot be called back later; "
            "compose it again with this --store",
            code="unknown-episode",
            path=str(folder),
        )
    sketches = [slot.name for slot in manifest.timeline if slot.content == "sketch"]
    if episode.draft and sketches:
        raise PolicyRefused(
            f"{folder} is unfinished: {', '.join(sketches)} have no media yet, and their cards "
            "play; compose it again when they have",
            code="unfinished",
            path=str(folder),
            atoms=sketches,
        )
    # As the list has it, not the folder, which anybody may have edited.
    needs = tuple(
        need if Use.PUBLISH in need.uses else replace(need, uses=(*need.uses, Use.PUBLISH))
        for need in index.needs(episode.id)
    )
    if not needs:
        index.publish(episode.id, episode.position)
        return manifest
    asked = Consented(
        (Use.PUBLISH,), episode.ledger_name, episode.ledger_id, episode.position, needs=needs
    )
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


def _film(path: Path) -> Digest:
    """The digest of the film of a folder. Raises `VerifyError` where there is none."""
    try:
        return file_digest(path)
    except OSError as error:
        raise VerifyError(
            f"{path.parent} is no whole episode: {path.name}: {error.strerror}", path=str(path)
        ) from error
