"""Media that a shared store holds for workers that do not see its files.

It lies under a record of its own, so that it goes where what it shows must go: bytes that nothing
names would be found by nobody who takes consent back.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from chainer.digest import Digest, file_digest, key_of
from chainer.errors import MediaError, MediaRefused
from chainer.store.folder import Presence, Store


def lent_key(media: Digest) -> Digest:
    """The key under which media of this digest is lent."""
    return key_of("lent-media", media)


def lend(store: Store, media: Digest, path: Path, *, again: bool = False) -> None:
    """Keep a copy of the file at `path`; `fetch_blob(media)` finds it then, on any machine.

    With `again` it is sent also where it should be there. Raises `MediaRefused` where the file is
    not `media` any more, `MediaError` where it cannot be read, and `StoreError`.
    """
    key = lent_key(media)
    if not again and store.find(key)[0] is Presence.CACHED:
        return
    with store.workspace() as folder:
        copy = folder / "media"
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise MediaError(f"{path}: cannot be read: {error.strerror}", path=str(path)) from error
        if file_digest(copy) != media:
            raise MediaRefused(
                f"{path} changed after it was planned; run the command again",
                code="media-changed",
                path=str(path),
            )
        store.publish(key, "media", {"media": copy}, {})
