"""Where in the series' folder each film lies, and how the files beside them are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from chainer.consent.outbox import replace_file
from chainer.errors import OutputError
from chainer.series.values import SERIES_NAME

PAGE_NAME = "index.html"
RSS_NAME = "feed.xml"
ATOM_NAME = "atom.xml"

_OURS = frozenset({PAGE_NAME, RSS_NAME, ATOM_NAME, SERIES_NAME})


def folders_of(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """A folder's name for every id: its own, unless that is a file of ours or taken already.

    `known` are folders of films that were published; they stay. Names that differ in case alone
    are taken to be one, as some file systems do.
    """
    names = list(names)
    found = {name: known[name] for name in names if name in known}
    taken = {one.casefold() for one in (*known.values(), *_OURS)}
    for name in names:
        if name in found:
            continue
        folder, number = name, 1
        while folder.casefold() in taken:
            number += 1
            folder = f"{name}-film" if number == 2 else f"{name}-film-{number}"
        found[name] = folder
        taken.add(folder.casefold())
    return found


def check_folder(folder: Path, *, published: bool) -> None:
    """Raise `OutputError` unless a series may be written to `folder`.

    Where nothing was `published` there yet, none of the names that are written may be taken.
    """
    above = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if above is None or not above.is_dir():
        raise OutputError(
            f"{folder} cannot be written: {above} is no folder; name another with -o",
            path=str(folder),
        )
    for name in sorted(_OURS):
        path = folder / name
        if path.is_symlink() or (path.exists() and not (published and path.is_file())):
            raise OutputError(
                f"{path} is in the way: it is none that chainer series has written; name a new "
                "folder with -o, or move it away",
                path=str(path),
            )


def write_files(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Write each text under its name, whole or not at all, in this order.

    One that is there already, byte for byte, is not touched. Returns the names that were written.
    Raises `OutputError`.
    """
    written = []
    for name, text in texts.items():
        data = text.encode()
        path = folder / name
        try:
            if path.is_file() and path.read_bytes() == data:
                continue
            replace_file(path, data)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written: {error.strerror or error}", path=str(path)
            ) from error
        written.append(name)
    return written
