"""The error tree of chainer: one root, one exit status for each kind of trouble.

ChainerError                      exit 1   a fault of ours unless a child says otherwise
├── InputError (ValueError)       exit 2   the caller's input
│   ├── GraphError                         every fault of a graph file, together
│   ├── WalkError                          no such start, no chain within the limits
│   ├── SettingsError                      a settings file or profile
│   └── OutputError (OSError)              a folder that cannot be written
├── MediaError (ValueError)       exit 3   missing, unreadable, hostile, not what the graph says
│   ├── MediaMissing (FileNotFoundError)
│   ├── MediaRefused                       hostile, or beyond the limits
│   └── MediaDamaged                       opens, but cannot be decoded whole
├── PolicyRefused (PermissionError) exit 4 consent, rights, rating, continuity when strict
├── RenderError (RuntimeError)    exit 5   argv and stderr are kept
│   └── StoreError (OSError)               the store or the disk under it
├── ProvenanceError (RuntimeError) exit 6
├── VerifyError (ValueError)      exit 6   an episode folder is not what its manifest says
└── Cancelled (RuntimeError)      exit 130

try:
    episode = chainer.render_episode(plan, "out/e1")
except chainer.MediaError as error:
    print(error.code, error.facts["path"])
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any

__all__ = [
    "Cancelled",
    "ChainerError",
    "Fault",
    "GraphError",
    "InputError",
    "MediaDamaged",
    "MediaError",
    "MediaMissing",
    "MediaRefused",
    "OutputError",
    "PolicyRefused",
    "ProvenanceError",
    "RenderError",
    "SettingsError",
    "StoreError",
    "VerifyError",
    "WalkError",
]


class ChainerError(Exception):
    """Root of every error that chainer raises on purpose.

    `code` is a stable lower-case word for machines, `exit_status` what the
    command line returns, `facts` the values that the message speaks of.
    """

    code: str = "fault"
    exit_status: int = 1

    def __init__(self, message: str, *, code: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.facts: Mapping[str, Any] = MappingProxyType(dict(facts))

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors come back from worker processes; subclasses are made from other arguments.
        state = {**self.__dict__, "facts": dict(self.facts)}
        return _revive, (type(self), self.message, state)

    def as_json(self) -> dict[str, Any]:
        """The error as one JSON object: `code`, `exit_status`, `message`, `facts`."""
        facts = {name: _plain(value) for name, value in self.facts.items()}
        return {
            "code": self.code,
            "exit_status": self.exit_status,
            "message": self.message,
            "facts": facts,
        }


class InputError(ChainerError, ValueError):
    """What the caller gave cannot be used."""

    code = "input"
    exit_status = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file: where (JSON path), what, and what would be right."""

    path: str
    problem: str
    expected: str
    code: str = "fault"

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; {self.expected}"

    def as_json(self) -> dict[str, str]:
        """The fault as a JSON object with the keys `path problem expected code`."""
        return {
            "path": self.path,
            "problem": self.problem,
            "expected": self.expected,
            "code": self.code,
        }


class GraphError(InputError):
    """A graph file that cannot be used; `faults` holds all that is wrong, in file order."""

    code = "graph"

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = len(self.faults)
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        noun = "fault" if count == 1 else "faults"
        super().__init__(
            f"{source}: {count} {noun}{lines}",
            source=source,
            faults=[fault.as_json() for fault in self.faults],
        )


class WalkError(InputError):
    """No chain: the start is unknown, or no path fits the limits."""

    code = "walk"


class SettingsError(InputError):
    """A settings file, profile or option that cannot be used."""

    code = "settings"


class OutputError(InputError, OSError):
    """The place to write to cannot be written."""

    code = "output"


class MediaError(ChainerError, ValueError):
    """A media file that cannot be used; `facts["path"]` names it."""

    code = "media"
    exit_status = 3


class MediaMissing(MediaError, FileNotFoundError):
    """There is no such media file."""

    code = "media-missing"


class MediaRefused(MediaError):
    """Hostile, of a kind that is not accepted, or beyond the limits."""

    code = "media-refused"


class MediaDamaged(MediaError):
    """It opens, but its pictures or sound cannot be decoded whole."""

    code = "media-damaged"


class PolicyRefused(ChainerError, PermissionError):
    """Refused by consent, rights, rating, or a rule of the graph."""

    code = "refused"
    exit_status = 4


class RenderError(ChainerError, RuntimeError):
    """A render step failed; a failed FFmpeg shows its argv and the end of its stderr."""

    code = "render"
    exit_status = 5

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        argv: Sequence[str] = (),
        stderr: str = "",
        **facts: Any,
    ) -> None:
        self.argv = tuple(argv)
        self.stderr = stderr
        if self.argv:
            message = f"{message}\n  command: {shlex.join(self.argv)}"
        if stderr:
            tail = "\n".join(f"    {line}" for line in stderr.strip().splitlines()[-12:])
            message = f"{message}\n  its last words:\n{tail}"
        super().__init__(message, code=code, argv=list(self.argv), stderr=stderr, **facts)


class StoreError(RenderError, OSError):
    """The store, or the disk under it, did not take or give a file."""

    code = "store"


class ProvenanceError(ChainerError, RuntimeError):
    """Signing or checking of Content Credentials failed."""

    code = "provenance"
    exit_status = 6


class VerifyError(ChainerError, ValueError):
    """An episode folder is not what its manifest says."""

    code = "verify"
    exit_status = 6


class Cancelled(ChainerError, RuntimeError):
    """The caller asked to stop; work done so far is kept in the store."""

    code = "cancelled"
    exit_status = 130


def _revive(cls: type[ChainerError], message: str, state: dict[str, Any]) -> ChainerError:
    # Of two builtins among the bases, the one with room for errno must do the making.
    maker: type[Exception] = OSError if issubclass(cls, OSError) else cls
    error: ChainerError = maker.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(state, facts=MappingProxyType(state["facts"]))
    return error


def _plain(value: Any) -> Any:
    """`value` as something json.dumps takes: containers kept, the rest as text."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no word for it
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
