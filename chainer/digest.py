"""Digests: what a step's key and a file's name in the store are made of.

Every digest starts with a type word, and values are serialised in exactly one way, so that
two different things never share a key and the same thing always has the same one.
Refuses floats in keys: a key must not depend on how a number was computed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

Digest = str
"""64 lower-case hexadecimal characters: a SHA-256."""

_CHUNK = 1 << 20


def key_of(type_word: str, value: Any) -> Digest:
    """The digest of `value` under `type_word`.

    Takes None, bool, int, str, Fraction, StrEnum, and lists, tuples and str-keyed mappings
    of these. Raises `TypeError` for anything else, floats included.
    """
    # Not ensure_ascii: it writes a character beyond U+FFFF and its two surrogates the same way.
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    whole = f"chainer:{type_word}:{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(whole).hexdigest()


def bytes_digest(data: bytes) -> Digest:
    """The SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def stream_digest(stream: BinaryIO) -> Digest:
    """The SHA-256 of what is left to read in `stream`."""
    state = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        state.update(chunk)
    return state.hexdigest()


def file_digest(path: Path) -> Digest:
    """The SHA-256 of the file's bytes. Raises `OSError`, also for what is no regular file."""
    with open_regular(path) as stream:
        return stream_digest(stream)


def open_regular(path: Path) -> BinaryIO:
    """The file for reading. Raises `OSError`, also for pipes and devices, which never end."""
    # Without it the open itself waits for whoever writes into a pipe.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_regular(path: Path) -> bytes:
    """All of the file's bytes. Raises as `open_regular`."""
    with open_regular(path) as stream:
        return stream.read()


def _canonical(value: Any) -> Any:
    if isinstance(value, Enum):
        return _canonical(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Fraction):
        return {"/": [value.numerator, value.denominator]}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys of a digested mapping must be str")
        # A key that starts with a slash gets another, so that no mapping reads as a Fraction.
        return {
            "/" + key if key.startswith("/") else key: _canonical(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be part of a key: {value!r}")
