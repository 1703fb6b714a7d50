"""The development certificate: made on this machine at first use, and trusted by nobody.

Kept in one folder as one file with its key, which only its owner may read. Written beside its
place and renamed under a lock, so that it is never half there, however many processes begin at
once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from chainer.errors import ProvenanceError
from chainer.provenance.certificate import (
    SigningMaterial,
    issue_development,
    load_material,
    now,
    refused,
)

FILE = "development.pem"
"""Key, certificate and authority: in one file they cannot disagree."""

ANCHOR = "development-ca.pem"
"""The authority alone: as a trust anchor it makes films of this machine trusted elsewhere."""

_LOCK = ".development.lock"
_RENEW_BEFORE = timedelta(days=1)


def development_certificate(folder: Path) -> SigningMaterial:
    """The certificate in `folder`; made first where there is none that is whole and valid.

    `fresh` tells that it was made just now. Safe for many processes at once. Raises
    `ProvenanceError` where the folder cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder / _LOCK):
            if (found := _standing(path)) is not None:
                return found
            data, authority = issue_development()
            _write(folder / ANCHOR, authority, 0o644)
            _write(path, data, 0o600)
            return replace(load_material(path, path), development=True, fresh=True)
    except OSError as error:
        raise refused(
            f"no development certificate can be kept in {folder}: {error.strerror or error}; "
            "make the folder writable, or sign with a key of your own",
            path=folder,
        ) from error


def _standing(path: Path) -> SigningMaterial | None:
    """What is in `path`, unless that is missing, damaged or about to expire."""
    if not path.is_file():
        return None
    path.chmod(0o600)  # however it was copied here
    try:
        found = load_material(path, path)
    except ProvenanceError:
        return None
    if found.expires - now() < _RENEW_BEFORE:
        return None
    return replace(found, development=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, data: bytes, mode: int) -> None:
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
