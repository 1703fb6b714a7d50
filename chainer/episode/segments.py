"""Whether the segments that an episode's playlists name are there and what their names say.

A name is the SHA-256 of the bytes. Playlists come with a folder that anybody may have edited, so
only names of that form are ever looked for, and only in one place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from chainer.digest import Digest, file_digest
from chainer.episode.hls import HLS_FOLDER, LINK_NAME, MEDIA_NAMES, named_segments
from chainer.errors import StoreError

_NAME = re.compile(r"([0-9a-f]{64})\.(m4s|mp4)")
_HERE = "segments/"
_MOST_BYTES = 64 << 20


def segment_faults(
    folder: Path, listed: Sequence[str], fetch: Callable[[Digest], Path] | None
) -> tuple[list[str], tuple[str, ...]]:
    """(faults, notes) about the segments of the playlists among the `listed` files.

    Those that are named by the folder's link are read there; those of another address are asked of
    `fetch`, which raises `StoreError` for what it does not have whole.
    """
    faults: list[str] = []
    here: dict[str, str] = {}
    away: dict[str, str] = {}
    for name in listed:
        if name not in MEDIA_NAMES:
            continue
        for address in _addresses(folder / name):
            base, _, last = address.rpartition("/")
            found = _NAME.fullmatch(last)
            if found is None:
                faults.append(f"{name} names {address[:100]!r}, which is no segment")
            elif base + "/" == _HERE:
                here[last] = name
            else:
                away[last] = name
    faults.extend(_faults_here(folder, here))
    lost, notes = _faults_away(away, fetch)
    return [*faults, *lost], notes


def _addresses(playlist: Path) -> Iterator[str]:
    """What a playlist names; one that is missing or too large is told of by its digest."""
    try:
        if playlist.is_symlink() or playlist.stat().st_size > _MOST_BYTES:
            return
        yield from named_segments(playlist.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return


def _faults_here(folder: Path, names: dict[str, str]) -> Iterator[str]:
    link = folder / LINK_NAME
    if names and not link.is_dir():
        yield (
            f"{LINK_NAME}, the link to the store's segments, leads nowhere: compose the episode "
            f"again, or serve {HLS_FOLDER} from a base address"
        )
        return
    for name, playlist in names.items():
        path = link / name
        try:
            if not path.is_file():
                yield _lost(playlist, name, "missing from the store")
            elif file_digest(path) != name[:64]:
                yield _lost(playlist, name, "damaged: its SHA-256 is not its name")
        except OSError as error:
            yield _lost(playlist, name, f"unreadable: {error.strerror or error}")


def _faults_away(
    names: dict[str, str], fetch: Callable[[Digest], Path] | None
) -> tuple[list[str], tuple[str, ...]]:
    """Faults and notes about segments that viewers get from another address.

    A store that has none of them is not the one that they were published from.
    """
    faults = []
    for name, playlist in names.items():
        if fetch is None:
            break
        try:
            fetch(name[:64])
        except StoreError as error:
            if error.code != "store-damaged":
                raise
            faults.append(_lost(playlist, name, "missing from the store, or damaged there"))
    if names and (fetch is None or len(faults) == len(names)):
        return [], (
            f"{len(names)} segments are served from another address and were not looked at: name "
            "the store that has them with --store",
        )
    return faults, ()


def _lost(playlist: str, name: str, how: str) -> str:
    return (
        f"{playlist}: segment {name} is {how}; compose the episode again, and it is made once more"
    )
