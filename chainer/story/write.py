"""A new graph file: there whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from pathlib import Path

from chainer.errors import OutputError, StoreError
from chainer.store.folder import flush_folder

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.ENOSYS)


def write_new(path: Path, text: str, *, force: bool = False) -> None:
    """Write `text` to a file that is not there yet, or in the place of one with `force`.

    Raises `OutputError` where there is one, and where it cannot be written.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file with -o", path=str(path))
    draft = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        with draft.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if force:
            draft.replace(path)
        else:
            _put(draft, path)
        flush_folder(path.parent)
    except FileExistsError as error:
        raise OutputError(
            f"{path} is there already; name another file with -o, or replace it with --force",
            code="exists",
            path=str(path),
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"{path}: the disk is full; free some space and run the same command again",
                code="disk-full",
                path=str(path),
            ) from error
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name another file with -o",
            path=str(path),
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _put(draft: Path, path: Path) -> None:
    """Give the draft its name, unless somebody has it."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists() or path.is_symlink():  # a file system without hard links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        draft.replace(path)
