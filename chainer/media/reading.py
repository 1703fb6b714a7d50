"""What became of a child that has read a stranger's file: shared by all that ask such children."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chainer.errors import ChainerError, MediaRefused, StoreError
from chainer.media.child import ChildResult
from chainer.media.decode import classify_failure, damage_in


def check_read(result: ChildResult, path: Path, argv: Sequence[str], reason: str) -> None:
    """Raise for a child that did not decode all that it was asked for.

    `reason` names what was being read, in the facts of a refusal.
    """
    if not result.ok:
        if "No space left on device" in result.stderr:
            raise StoreError(
                f"{path}: the disk is full; free some space and run the same command again",
                code="disk-full",
                argv=argv,
                stderr=result.stderr[-2000:],
            )
        if "ModuleNotFoundError" in result.stderr or "ImportError" in result.stderr:
            last = result.stderr.strip().splitlines()[-1]
            raise ChainerError(f"PyAV cannot be loaded, so no media can be looked at: {last}")
        if result.stopped in ("file_size", "output", "killed"):
            raise nonsense(path, f"more than was asked for ({result.stopped})", reason)
        raise classify_failure(result, path, argv)
    if damage := damage_in(result, path):
        raise damage


def nonsense(path: Path, what: str, reason: str) -> MediaRefused:
    """The refusal of a file that made the child answer something that cannot be."""
    return MediaRefused(
        f"{path}: made the process that looked at it answer nonsense: {what}; "
        "export it again with a common encoder",
        path=str(path),
        reason=reason,
    )
