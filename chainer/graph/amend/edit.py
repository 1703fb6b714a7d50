"""Edits of a graph file: an atom is changed, and the change is taken back or brought back.

    edit_graph_file("harbor.json", "a3", [TrimTo(Fraction(1), Fraction(9)), GainTo(Fraction(-3))])

The whole new file is checked before anything is written. Graphs in databases are not edited here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chainer.errors import InputError
from chainer.graph.amend.desk import Change, Desk, Edited
from chainer.graph.amend.file import WAIT, history_of
from chainer.graph.amend.history import EntryKind, Logged
from chainer.graph.sources.address import is_url


def edit_graph_file(
    path: str | Path,
    atom: str,
    changes: Sequence[Change],
    *,
    source: str | None = None,
    dry_run: bool = False,
    media_root: Path | None = None,
    allow_schemes: Sequence[str] = (),
    wait: float = WAIT,
) -> Edited:
    """Change an atom of the graph file at `path`, in the order of `changes`, all or nothing.

    `source` names the edge that a `JointTo` is for, `ATOM` or `ATOM:KEY`, where several lead to the
    atom. `dry_run` writes nothing. `media_root` and `allow_schemes` are as in `load_graph`. Raises
    `GraphError` with every fault the new file would have, `WalkError` for an unknown atom,
    `MediaMissing` where the atom would play a file that is not there, `InputError` for a change
    that cannot be made, `OutputError` and `StoreError` where the file cannot be written. The file
    is then as it was.
    """
    desk = Desk(Path(_file(path)), media_root, allow_schemes)
    return desk.run(
        lambda text, _: desk.edited(text, atom, changes, source), dry_run=dry_run, wait=wait
    )


def undo_edit(path: str | Path, *, dry_run: bool = False, wait: float = WAIT) -> Edited:
    """Take the last edit back that stands; what others changed beside it stays.

    Raises `InputError` where there is none, and with code `edited-since` where the same place was
    changed by hand since; otherwise as `edit_graph_file`.
    """
    desk = Desk(Path(_file(path)))
    return desk.run(
        lambda text, history: desk.back(text, history, EntryKind.UNDO), dry_run=dry_run, wait=wait
    )


def redo_edit(path: str | Path, *, dry_run: bool = False, wait: float = WAIT) -> Edited:
    """Bring back the edit that was undone last, where none came after it; as `undo_edit`."""
    desk = Desk(Path(_file(path)))
    return desk.run(
        lambda text, history: desk.back(text, history, EntryKind.REDO), dry_run=dry_run, wait=wait
    )


def edit_log(path: str | Path) -> tuple[Logged, ...]:
    """The edits of a graph file, oldest first, and which of them stand."""
    return history_of(Path(_file(path))).logged()


def _file(path: str | Path) -> str | Path:
    if is_url(path):
        raise InputError(
            f"{path}: graphs in databases are not edited in place; write it to a file with "
            "`chainer graph export`, edit that, and put it back with "
            "`chainer graph import --replace`",
            code="address",
        )
    return path
