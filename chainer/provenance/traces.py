"""Signs that a file has Content Credentials, or had them, by its bytes alone.

Found in any container and in a damaged file. A file without the mark of a manifest store holds
none, so that most files need not be shown to the C2PA library at all.
"""

from __future__ import annotations

import os
import re
from enum import StrEnum

from chainer.media.source import SourceFile

# Of the box around a manifest store in an MP4, and of the store itself in every container.
_MARKS = (
    bytes.fromhex("d8fec3d61b0e483c92975828877ec481"),
    b"c2pa" + bytes.fromhex("00110010800000aa00389b71"),
)
_WORD = b"dcterms:provenance"
_REFERENCE = re.compile(_WORD + rb"\s{0,16}(?:=\s{0,16}[\"']|>)\s{0,16}([^\"'<\s]{8})")
_CHUNK = 1 << 20
_OVERLAP = 256
"""More than any sign is long, so that none is missed between two chunks."""


class Trace(StrEnum):
    """One kind of sign."""

    STORE = "store"
    """The mark of a manifest store."""
    EMBEDDED = "embedded"
    """The metadata speak of a manifest in this file."""
    REMOTE = "remote"
    """The metadata speak of a manifest that lies elsewhere."""


def find_traces(source: SourceFile) -> frozenset[Trace]:
    """The kinds of sign in the bytes of `source`; a store is all there is to know once found."""
    found: set[Trace] = set()
    tail = b""
    offset = 0
    while chunk := os.pread(source.fd, _CHUNK, offset):
        offset += len(chunk)
        data = tail + chunk
        if any(mark in data for mark in _MARKS):
            return frozenset({Trace.STORE})
        if _WORD in data:
            for match in _REFERENCE.finditer(data):
                inside = match[1].startswith(b"self#")
                found.add(Trace.EMBEDDED if inside else Trace.REMOTE)
        tail = data[-_OVERLAP:]
    return frozenset(found)
