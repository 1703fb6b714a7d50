"""Where the files that a graph names may lie.

Holds the rule for media, reference pictures and the ledger: beside the graph file or in the
caller's media root, after links are resolved, or in the store. Refuses absolute paths, `..`,
schemes, drive letters and control characters, because graph files come from strangers and
FFmpeg would open all of these. Whether a file exists is not decided here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_STORE = re.compile(r"store:([0-9a-f]{64})")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# FFmpeg takes for a protocol what stands before the first colon, commas and all.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class Misplaced(ValueError):
    """A file name that a graph may not use; `expected` says what would be right."""

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected


def store_digest(media: str) -> str | None:
    """The digest in `store:<64 hex>`, or None where `media` is no such name."""
    match = _STORE.fullmatch(media)
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of the graph file, and what the caller allows besides.

    Without a `base` (a graph that came from no folder) only the look of a name is checked.
    With a `media_root`, absolute paths and `..` are allowed as far as they end up inside
    the base or the root.
    """

    base: Path | None = None
    media_root: Path | None = None
    allow_schemes: tuple[str, ...] = ()
    _folders: dict[str, Path] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, base: Path | None, media_root: Path | None, allow_schemes: Sequence[str]) -> Shelf:
        """A shelf with its folders resolved; schemes are compared in lower case."""
        return cls(
            base=None if base is None else base.resolve(),
            media_root=None if media_root is None else media_root.resolve(),
            allow_schemes=tuple(scheme.lower() for scheme in allow_schemes),
        )

    def check(self, name: str) -> None:
        """Raise `Misplaced` unless a graph may name this file.

        The folder of each file is resolved once and remembered: use this for one pass
        over a graph, and `path` when the file is opened.
        """
        if not self._is_path(name) or self.base is None:
            return
        folder, _, last = name.rpartition("/")
        inside = self._folders.get(folder)
        if inside is None:
            inside = self._folders[folder] = self._resolve(folder, folder=True)
        if last in ("", ".", "..") or _is_link(inside / last):
            self._resolve(name)

    def path(self, name: str) -> Path:
        """The absolute path of the file, links resolved now; it need not exist.

        Raises `Misplaced` for a name that is not allowed, or is no file here: `store:…`,
        a scheme, or any name where the graph came from no folder.
        """
        if not self._is_path(name):
            raise Misplaced("it is not a file beside the graph", "ask the store or its server")
        if self.base is None and not (self.media_root and Path(name).is_absolute()):
            raise Misplaced("the graph came from no folder", "load it from a file or give a base")
        return self._resolve(name)

    def _is_path(self, name: str) -> bool:
        """Whether `name` looks like a path; False for the store and for allowed schemes."""
        if not name or _CONTROL.search(name):
            raise Misplaced("empty, or with control characters", "give a plain relative path")
        if "\\" in name:
            raise Misplaced("a backslash in a path", 'write "/" between folders')
        if ":" in name.partition("/")[0]:
            return self._no_scheme(name)
        if self.media_root is None and name.startswith("/"):
            raise Misplaced("an absolute path", "give a path relative to the graph file")
        if self.media_root is None and ".." in name.split("/"):
            raise Misplaced('".." in a path', "keep the file in the folder of the graph file")
        return True

    def _no_scheme(self, name: str) -> bool:
        if store_digest(name):
            return False
        scheme = _SCHEME.match(name)
        word = scheme[1].lower() if scheme else ""
        if word == "store":
            raise Misplaced("not a digest", "write store: and 64 lower-case hexadecimal digits")
        if len(word) == 1:
            raise Misplaced("a drive letter", "give a path relative to the graph file")
        if word and word in self.allow_schemes:
            return False
        raise Misplaced(
            f'the scheme "{word}:" is not allowed' if word else "a colon in the first folder",
            "give a path relative to the graph file, or allow the scheme",
        )

    def _resolve(self, name: str, *, folder: bool = False) -> Path:
        """The real path of `name`, inside a root; a root itself counts only as a folder."""
        base = self.base if self.base is not None else Path("/")
        try:
            real = Path(os.path.realpath(base / name))
        except (OSError, ValueError, RuntimeError) as error:
            raise Misplaced(f"it cannot be resolved ({error})", "give another path") from error
        roots = [root for root in (self.base, self.media_root) if root is not None]
        if not any(root in real.parents or (folder and root == real) for root in roots):
            raise Misplaced(
                "it leads out of the folder of the graph file",
                "keep the file there, or name a media root that holds it",
            )
        return real


def _is_link(path: Path) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False
