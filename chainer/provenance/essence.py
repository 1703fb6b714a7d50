"""What a film shows, whatever file it lies in: the digest of its coded pictures in order.

A copy that was packed anew has other bytes and no credentials, but the same essence. Told only
of flat MP4 files that our own small reader understands; all others have none.
"""

from __future__ import annotations

import hashlib
import io
import os

from chainer.digest import Digest, key_of
from chainer.media.source import SourceFile
from chainer.mp4 import Mp4Error, read_mp4
from chainer.store import Presence, Store

_CHUNK = 1 << 20
_MOST_INDEX = 2 << 20
"""Of an atom some 10 KB; a larger one is none, or is meant to keep us busy."""


def essence_of(source: SourceFile) -> Digest | None:
    """The SHA-256 over the samples of the first picture track, each with its size before it.

    None where the file has no index that we can read, or one too large for an atom.
    """
    if not 0 < _index_bytes(source) <= _MOST_INDEX:
        return None
    with source.lend() as descriptor, io.FileIO(descriptor, closefd=False) as stream:
        try:
            # A buffer: the index is found by many small reads.
            track = read_mp4(io.BufferedReader(stream)).track("vide")
        except Mp4Error:
            return None
        # Samples may lie over each other in a hostile index, and would be read many times.
        if not track.samples or sum(track.sizes) > source.size:
            return None
        state = hashlib.sha256()
        for offset, size in zip(track.offsets, track.sizes, strict=True):
            state.update(size.to_bytes(4, "big"))
            done = 0
            while done < size:
                chunk = os.pread(descriptor, min(_CHUNK, size - done), offset + done)
                if not chunk:
                    return None
                state.update(chunk)
                done += len(chunk)
    return state.hexdigest()


def had_credentials(store: Store, essence: Digest) -> bool:
    """Whether a file with this essence was seen with credentials."""
    return store.find(_key(essence))[0] is Presence.CACHED


def remember_credentials(store: Store, essence: Digest) -> None:
    """Keep in the store that a file with this essence had credentials."""
    key = _key(essence)
    if store.find(key)[0] is not Presence.CACHED:
        store.publish(key, "essence", {}, {"essence": essence})


def _index_bytes(source: SourceFile) -> int:
    """The size of the `moov` box; 0 where there is none on the top level."""
    position = 0
    while len(header := os.pread(source.fd, 16, position)) >= 8:
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = source.size - position
        if kind == b"moov":
            return size
        if size < 8:
            return 0
        position += size
    return 0


def _key(essence: Digest) -> Digest:
    return key_of("essence-with-credentials", {"essence": essence})
