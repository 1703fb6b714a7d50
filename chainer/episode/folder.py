"""An episode's folder appears whole or not at all.

It is written beside its final place under a hidden name and renamed at the end. An older
episode in that place is moved away first and removed last; anything else there is not touched.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from chainer.episode.manifest import MANIFEST_NAME
from chainer.errors import ChainerError, OutputError, StoreError

_SWAP_TRIES = 5
_YOUNG_SECONDS = 60.0


def check_target(target: Path) -> None:
    """Raise `OutputError` unless an episode may be written to `target`."""
    above = next((path for path in target.parents if path.exists()), None)
    if above is None or not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(
            f"{target} cannot be written: {above} is no folder that you may write to; name "
            "another with -o",
            path=str(target),
        )
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputError(f"{target} is in the way: it is not a folder", path=str(target))
    if target.is_dir():
        try:
            names = {path.name for path in target.iterdir()}
        except OSError as error:
            raise _refused(target, error) from error
        if names and MANIFEST_NAME not in names:
            raise OutputError(
                f"{target} holds other files and no episode; name a new folder with -o",
                path=str(target),
            )


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to write into that becomes `target` when the block ends without an error."""
    check_target(target)
    parent = target.parent
    draft = parent / f".{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        draft.mkdir()
        lock = (draft / ".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise _refused(target, error) from error
    try:
        yield draft
        (draft / ".lock").unlink()
        _swap(draft, target)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        # Some of our own errors are the fitting builtin too, a refusal a PermissionError.
        if isinstance(error, OSError) and not isinstance(error, ChainerError):
            raise _refused(target, error) from error
        raise
    finally:
        lock.close()


def _swap(draft: Path, target: Path) -> None:
    for folder, _, names in os.walk(draft):  # goes into no link
        for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    for attempt in range(_SWAP_TRIES):
        old = draft.with_suffix(f".{attempt}.old")
        moved = False
        with contextlib.suppress(FileNotFoundError):
            target.rename(old)
            moved = True
        try:
            draft.rename(target)
        except OSError as error:
            # Another process has just put its own episode there: replace that one.
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and attempt + 1 < _SWAP_TRIES:
                continue
            if moved and not target.exists():
                old.rename(target)
            raise
        finally:
            if target.exists():
                shutil.rmtree(old, ignore_errors=True)
        return


def _sweep(target: Path) -> None:
    """Remove what killed processes left beside `target`; put back what they had moved away."""
    hidden = glob.escape(target.name)
    for path in sorted(target.parent.glob(f".{hidden}.*.partial")):
        with contextlib.suppress(OSError):
            if _is_abandoned(path):
                shutil.rmtree(path, ignore_errors=True)
    for path in sorted(target.parent.glob(f".{hidden}.*.old")):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _YOUNG_SECONDS:
                continue  # its owner may be between two renames
            if target.exists():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.rename(target)


def _is_abandoned(draft: Path) -> bool:
    try:
        with (draft / ".lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def _refused(target: Path, error: OSError) -> OutputError | StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{target}: the disk is full; free some space and run the same command again: "
            "finished steps are kept",
            code="disk-full",
            path=str(target),
        )
    return OutputError(
        f"{target} cannot be written: {error.strerror or error}; name another folder with -o",
        path=str(target),
    )
