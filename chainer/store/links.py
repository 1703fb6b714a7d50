"""The store's folder of segments: what playlists name, and nothing else of the store.

    segments/<sha256>.m4s   a relative link to cas/ab/<sha256>

A web server that follows links can be pointed at this folder, or at an episode's link to it.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from chainer.errors import StoreError
from chainer.store.folder import Store, store_error
from chainer.store.record import Artefact

_TRIES = 20
_GRACE_SECONDS = 600.0
"""A link that leads nowhere may be about to: its bytes may be on their way in another process."""


def segments_folder(store: Store) -> Path:
    """The folder, made where there is none. Raises `StoreError`."""
    path = store.root.resolve() / "segments"
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise store_error("the store cannot be written", path, error) from error
    return path


def link_segment(store: Store, artefact: Artefact, suffix: str) -> str:
    """See to it that the bytes have a name in the folder; returns it. Raises `StoreError`."""
    name = f"{artefact.digest}{suffix}"
    path = segments_folder(store) / name
    aim = os.path.relpath(store.path_of(artefact.digest).absolute(), store.root.absolute())
    aim = os.path.join("..", aim)  # noqa: PTH118 - a link's text, of which pathlib drops the dots
    try:
        for _ in range(_TRIES):
            # A sweep may take a link, and another process put one there, between any two of these.
            with contextlib.suppress(FileExistsError):
                path.symlink_to(aim)
                return name
            with contextlib.suppress(FileNotFoundError):
                # Young again, so that a sweep that is at work leaves it alone.
                os.utime(path, follow_symlinks=False)
                if path.is_symlink() and path.readlink() == Path(aim):
                    return name
                path.unlink()
    except OSError as error:
        raise store_error("a segment cannot be linked", path, error) from error
    raise StoreError(
        f"a segment cannot be linked: {path} is replaced all the time by others",
        code="store",
        path=str(path),
    )


def sweep_links(store: Store) -> int:
    """Remove links that have led nowhere for a while; how many. Raises `OSError`."""
    folder = store.root / "segments"
    gone = 0
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if path.exists() or time.time() - path.lstat().st_mtime <= _GRACE_SECONDS:
                    continue
                path.unlink()
                gone += 1
    return gone
