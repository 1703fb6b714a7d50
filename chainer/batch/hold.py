"""Who works in an output folder: one run at a time, by a lock that goes with its process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chainer.batch.rows import now_text
from chainer.errors import InputError, OutputError, StoreError

LOCK_NAME = ".batch.lock"

_LOOKS = 20
_LOOK_SECONDS = 0.02
_MOST_BYTES = 65_536
_MOST_WORDS = 4_000  # of a command line; it is told in a message
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def hold(folder: Path, command: str) -> Iterator[None]:
    """Hold `folder`, made if there is none, for the block; `command` is told to whoever asks.

    What a dead process left is taken over. The lock file stays, empty, as removing it would let two
    in. Raises `InputError` with code `held` where somebody holds it (facts: pid, host, since,
    command), `OutputError` for a folder that cannot be written or locked, `StoreError` with code
    `disk-full`.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path)
    except OSError as error:
        raise _refused(folder, error) from error
    if descriptor is None:
        raise _held(folder, path)
    try:
        try:
            _write(descriptor, command)
        except OSError as error:
            raise _refused(folder, error) from error
        yield
    finally:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    """A descriptor of the file, locked; None where somebody else has it. Raises `OSError`."""
    while True:
        # Not for children: one that outlives us would hold the folder on.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.fstat(descriptor)
            with contextlib.suppress(FileNotFoundError):
                there = path.stat(follow_symlinks=False)
                if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # removed between opening and locking: lock the one that is there


def _write(descriptor: int, command: str) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": now_text(),
        "command": command[:_MOST_WORDS],
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, (json.dumps(holder) + "\n").encode(), 0)


def _held(folder: Path, path: Path) -> InputError:
    holder = _holder(path)
    pid, host, since, command = (holder.get(key) for key in ("pid", "host", "since", "command"))
    who = f"process {pid} on {host} since {since} ({command})" if holder else "another process"
    return InputError(
        f"{folder} is held by {who}; wait until that has ended or end it, or name another folder "
        "with -o",
        code="held",
        path=str(folder),
        pid=pid,
        host=host,
        since=since,
        command=command,
    )


def _holder(path: Path) -> dict[str, Any]:
    """What the holder wrote; nothing where it cannot be read."""
    # Between taking the lock and writing its name the file is empty, or tells of a dead process.
    for _ in range(_LOOKS):
        with contextlib.suppress(OSError, ValueError):
            with path.open("rb") as stream:
                holder = json.loads(stream.read(_MOST_BYTES))
            if isinstance(holder, dict) and not _is_dead(holder):
                return holder
        time.sleep(_LOOK_SECONDS)
    return {}


def _is_dead(holder: dict[str, Any]) -> bool:
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _refused(folder: Path, error: OSError) -> OutputError | StoreError:
    if error.errno in _FULL:
        return StoreError(
            f"{folder}: the disk is full; free some space and run the same command again",
            code="disk-full",
            path=str(folder),
        )
    if error.errno in _NO_LOCKS:
        return OutputError(
            f"{folder} lies on a file system that cannot lock files ({error.strerror}), so nothing "
            "would keep two runs apart; name a folder on another one with -o",
            code="no-locks",
            path=str(folder),
        )
    return OutputError(
        f"{folder} cannot be written: {error.strerror or error}; name another folder with -o",
        path=str(folder),
    )
