"""Whether the segments that an episode's playlists name are there and what their names say.

A name is the SHA-256 of the bytes. Playlists come with a folder that anybody may have edited, so
only names of that form are ever looked for, and only in one place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from chainer.digest import Digest, file_digest, read_regular
from chainer.episode.hls import HLS_FOLDER, LINK_NAME, MEDIA_NAMES, named_segments
from chainer.errors import StoreError

_NAME = re.compile(r"([0-9a-f]{64})\.m4s")
_LENGTH = re.compile(r"^#EXTINF:([0-9]{1,9}(?:\.[0-9]{1,9})?),", re.MULTILINE)
_KINDS = dict(zip(MEDIA_NAMES, ("pictures", "sound"), strict=True))
_HERE = "segments/"
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Named:
    """A segment by its file's name; `what` is for people: the playlist, and what it shows when."""

    name: str
    playlist: str
    what: str

    @property
    def digest(self) -> Digest:
        return self.name[:64]

    def lost(self, how: str) -> str:
        """A fault."""
        return (
            f"{self.playlist}: segment {self.name} is {how} ({self.what}); compose the episode "
            "again, and it is made once more"
        )


def segment_faults(
    folder: Path, listed: Sequence[str], fetch: Callable[[Digest], Path] | None
) -> tuple[list[str], tuple[str, ...]]:
    """(faults, notes) about the segments of the playlists among the `listed` files.

    Those that are named by the folder's link are read there; those of another address are asked of
    `fetch`, which raises `StoreError` for what it does not have whole. `fetch` is given a chance to
    bring back what the link's folder has not, where that is the cache of a bucket.
    """
    faults: list[str] = []
    here: dict[str, _Named] = {}
    away: dict[str, _Named] = {}
    for playlist in listed:
        if playlist not in MEDIA_NAMES:
            continue
        for address, what in _addresses(folder / playlist):
            base, _, last = address.rpartition("/")
            if _NAME.fullmatch(last) is None:
                faults.append(f"{playlist} names {address[:100]!r}, which is no segment")
            else:
                found = here if base + "/" == _HERE else away
                found.setdefault(last, _Named(last, playlist, what))
    faults.extend(_faults_here(folder, here, fetch))
    lost, notes = _faults_away(away, fetch)
    return [*faults, *lost], notes


def segments_are_there(folder: Path) -> bool:
    """Whether everything that the folder's own link should lead to is there; no byte is read.

    True for a folder without playlists, and for what has another address.
    """
    for playlist in MEDIA_NAMES:
        for address, _ in _addresses(folder / playlist):
            base, _, last = address.rpartition("/")
            # False also where nobody may look.
            if base + "/" == _HERE and not os.path.isfile(folder / LINK_NAME / last):  # noqa: PTH113
                return False
    return True


def _addresses(playlist: Path) -> Iterator[tuple[str, str]]:
    """What a playlist names, and what of: nothing for one that is missing or too large.

    Such a one is told of by its digest. The times are what the playlist claims, for people to find
    their way by.
    """
    try:
        if playlist.is_symlink() or playlist.stat().st_size > _MOST_BYTES:
            return
        text = read_regular(playlist).decode("utf-8", "replace")
    except OSError:
        return
    kind = _KINDS[f"{HLS_FOLDER}/{playlist.name}"]
    lengths = _LENGTH.findall(text)
    start = Fraction(0)
    for number, address in enumerate(named_segments(text)):
        end = start + (Fraction(lengths[number]) if number < len(lengths) else 0)
        yield address, f"{kind}, {float(start):.3f} s to {float(end):.3f} s of the film"
        start = end


def _faults_here(
    folder: Path, names: dict[str, _Named], fetch: Callable[[Digest], Path] | None
) -> Iterator[str]:
    link = folder / LINK_NAME
    if names and not os.path.isdir(link):  # noqa: PTH112 - False also where nobody may look
        yield (
            f"{LINK_NAME}, the link to the store's segments, leads nowhere: compose the episode "
            f"again, or serve {HLS_FOLDER} from a base address"
        )
        return
    for named in names.values():
        path = link / named.name
        try:
            if not path.is_file() and not _brought_back(path, named, fetch):
                yield named.lost("missing from the store")
            elif file_digest(path) != named.digest:
                yield named.lost("damaged: its SHA-256 is not its name")
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            yield named.lost(f"unreadable: {error.strerror or error}")


def _brought_back(path: Path, named: _Named, fetch: Callable[[Digest], Path] | None) -> bool:
    """Whether it is there after the store was asked for it: a cache may have dropped it."""
    if fetch is None or not path.is_symlink():
        return False
    try:
        fetch(named.digest)
    except StoreError as error:
        if error.code != "store-damaged":
            raise
        return False
    return path.is_file()


def _faults_away(
    names: dict[str, _Named], fetch: Callable[[Digest], Path] | None
) -> tuple[list[str], tuple[str, ...]]:
    """Faults and notes about segments that viewers get from another address.

    A store that has none of them is not the one that they were published from.
    """
    faults = []
    for named in names.values():
        if fetch is None:
            break
        try:
            fetch(named.digest)
        except StoreError as error:
            if error.code != "store-damaged":
                raise
            faults.append(named.lost("missing from the store, or damaged there"))
    if names and (fetch is None or len(faults) == len(names)):
        return [], (
            f"{len(names)} segments are served from another address and were not looked at: name "
            "the store that has them with --store",
        )
    return faults, ()
