"""A file that somebody wrote, read whole and bounded, before anybody knows what is in it."""

from __future__ import annotations

import stat
from pathlib import Path


class Unreadable(Exception):
    """A file or a text that is none of its kind: problem, what would be right, and a code."""

    def __init__(self, problem: str, expected: str, code: str) -> None:
        super().__init__(problem)
        self.words = (problem, expected, code)


def read_written(path: Path, kind: str, most: int, too_large: str) -> bytes:
    """The bytes of the `kind` file at `path`, `graph` or `job`, at most `most` of them.

    Raises `Unreadable`; of a larger file it says to keep it smaller, or `too_large`.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Unreadable("it is a folder", f"name the {kind} file in it", "folder")
        if not stat.S_ISREG(mode):  # a pipe would wait for ever
            raise Unreadable("it is no regular file", f"name a {kind} file", "no-file")
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except FileNotFoundError as error:
        raise Unreadable("there is no such file", "check the path", "no-file") from error
    except (OSError, ValueError) as error:
        raise Unreadable(f"it cannot be read ({error})", "check the path", "unreadable") from error
    if len(data) > most:
        expected = f"keep it under {most >> 20} MiB, or {too_large}"
        raise Unreadable("the file is too large", expected, "too-large")
    return data
