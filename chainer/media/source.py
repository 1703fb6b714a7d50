"""One opened media file: what is hashed is what is decoded, whatever happens to its name.

Opens a file once, without following a link and without waiting for a fifo, and hands it on
by descriptor. Refuses all that is not a regular file, an empty file, and one above the limit.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from chainer.digest import Digest
from chainer.errors import MediaError, MediaMissing, MediaRefused
from chainer.media.limits import MediaLimits

_CHUNK = 1 << 20


class SourceFile:
    """An open regular file. Made by `open_source`; usable from several threads.

    `path` is for messages only; `fd` is the descriptor (its offset belongs to whoever
    passes it to a child, so use `lend` when several read at once); `size` is in bytes.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self._stat = os.fstat(fd)
        self.size = self._stat.st_size
        self._digest: Digest | None = None
        self._lock = threading.Lock()

    @property
    def digest(self) -> Digest:
        """The SHA-256 of the bytes behind `fd`, computed once.

        Raises `MediaRefused` (reason `changed`) when the file changes meanwhile.
        """
        with self._lock:
            if self._digest is None:
                state = hashlib.sha256()
                offset = 0
                while offset < self.size:
                    chunk = os.pread(self.fd, min(_CHUNK, self.size - offset), offset)
                    if not chunk:
                        break
                    state.update(chunk)
                    offset += len(chunk)
                self.check_unchanged()
                self._digest = state.hexdigest()
            return self._digest

    def check_unchanged(self) -> None:
        """Raise `MediaRefused` (reason `changed`) if the file was written to since opened.

        Call it after decoding: then the digest names what was decoded.
        """
        now = os.fstat(self.fd)
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise MediaRefused(
                f"{self.path}: changed while it was being read; copy it to its place whole, "
                "then try again",
                path=str(self.path),
                reason="changed",
            )

    @contextlib.contextmanager
    def lend(self) -> Iterator[int]:
        """A descriptor of the same file with an offset of its own, at 0; closed afterwards.

        A descriptor passed to a child shares its offset with everyone who has it, so each
        child that may run beside another needs its own.
        """
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fd = os.open(f"/proc/self/fd/{self.fd}", flags)
        except OSError:
            # No /proc: by its name, and only if the name still leads to the same file.
            try:
                fd = os.open(self.path, flags)
            except OSError as error:
                raise _cannot_open(self.path, error) from error
        try:
            if not os.path.samestat(os.fstat(fd), self._stat):
                raise MediaRefused(
                    f"{self.path}: was replaced while it was being read; try again",
                    path=str(self.path),
                    reason="changed",
                )
            yield fd
        finally:
            os.close(fd)


@contextlib.contextmanager
def open_source(path: Path, *, limits: MediaLimits, follow: bool = False) -> Iterator[SourceFile]:
    """Open the media file at `path` for as long as the `with` block runs.

    `follow` allows the last part of the path to be a link, for a caller who has resolved it
    and knows where it leads; links in folders above are always followed. Raises
    `MediaMissing` when there is no such file; `MediaRefused` for a link, a directory, a fifo,
    a device, a socket, an empty file and one above `limits.max_bytes`; `MediaError` when it
    cannot be read.
    """
    path = Path(path)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        seen = path.stat(follow_symlinks=follow)
    except (OSError, ValueError) as error:
        raise _cannot_open(path, error) from error
    # Only a first look, because opening a device can do something; `fstat` below decides.
    _check_kind(path, seen)
    try:
        fd = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        found = os.fstat(fd)
        _check_kind(path, found)
        _check_size(path, found.st_size, limits)
        yield SourceFile(path, fd)
    finally:
        os.close(fd)


_KINDS = {
    stat.S_IFLNK: ("a link", "give the file itself, or resolve the link first"),
    stat.S_IFDIR: ("a directory", "give a file in it"),
    stat.S_IFIFO: ("a fifo", "give a regular file"),
    stat.S_IFSOCK: ("a socket", "give a regular file"),
    stat.S_IFCHR: ("a device", "give a regular file"),
    stat.S_IFBLK: ("a device", "give a regular file"),
}


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    kind, remedy = _KINDS.get(
        stat.S_IFMT(found.st_mode), ("not a regular file", "give a regular file")
    )
    raise MediaRefused(f"{path}: is {kind}; {remedy}", path=str(path), reason="kind", value=kind)


def _check_size(path: Path, size: int, limits: MediaLimits) -> None:
    if size == 0:
        raise MediaRefused(
            f"{path}: is empty; export or upload it again",
            path=str(path),
            reason="empty",
        )
    if size > limits.max_bytes:
        raise MediaRefused(
            f"{path}: has {size} bytes, and at most {limits.max_bytes} are accepted; "
            "shorten it or encode it smaller",
            path=str(path),
            reason="max_bytes",
            limit=limits.max_bytes,
            value=size,
        )


def _cannot_open(path: Path, error: OSError | ValueError) -> MediaError:
    """The error of ours for one of the operating system's."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MediaMissing(f"{path}: there is no such file", path=str(path))
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return MediaRefused(
            f"{path}: is a link; give the file itself, or resolve the link first",
            path=str(path),
            reason="kind",
            value="a link",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENXIO, errno.EOPNOTSUPP):
        return MediaRefused(
            f"{path}: is not a regular file; give a regular file",
            path=str(path),
            reason="kind",
            value="not a regular file",
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return MediaError(f"{path}: cannot be read: {reason}", path=str(path))
