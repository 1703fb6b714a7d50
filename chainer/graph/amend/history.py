"""What was edited in a graph file, line by line, beside it: `harbor.json.history.jsonl`.

Only ever added to, under the lock of the graph file. Each entry holds the text of every object
before and after, so that it can be taken back to the byte, and the digests of the whole file. An
entry is written before the graph is; one whose graph was never written is followed by one of the
kind `void`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chainer.errors import InputError
from chainer.graph.scalars import Moment

_MOST = 256 << 20
_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class EntryKind(StrEnum):
    """What an entry says."""

    EDIT = "edit"
    UNDO = "undo"
    REDO = "redo"
    VOID = "void"
    """Entry `of` was never carried out: its process was stopped."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class AtomPlace(_Model):
    """The node object with this id."""

    atom: str

    def __str__(self) -> str:
        return self.atom


class EdgePlace(_Model):
    """The edge object with these ends and this key."""

    source: str
    target: str
    key: str

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class Touched(_Model):
    """An object of the file: its text before and after."""

    at: AtomPlace | EdgePlace
    before: str
    after: str


class Entry(_Model):
    """One edit. `file_before` and `file_after` are the SHA-256 of the graph file."""

    schema_: Literal["chainer.edit/1"] = Field(default="chainer.edit/1", alias="schema")
    number: int = Field(ge=1)
    time: Moment
    kind: EntryKind
    of: int | None = None
    file_before: _Hex | None = None
    file_after: _Hex | None = None
    touched: tuple[Touched, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry that was carried out, and whether it stands."""

    entry: Entry
    stands: bool

    def as_json(self) -> dict[str, Any]:
        """The entry as one JSON object, without the texts of objects."""
        entry = self.entry
        return {
            "number": entry.number,
            "time": entry.time.isoformat(),
            "kind": entry.kind.value,
            "of": entry.of,
            "touched": [str(one.at) for one in entry.touched],
            "words": entry.words,
            "stands": self.stands,
        }


@dataclass(frozen=True, slots=True)
class History:
    """The entries, oldest first."""

    entries: tuple[Entry, ...] = ()

    @property
    def next_number(self) -> int:
        """That of the entry to come."""
        return self.entries[-1].number + 1 if self.entries else 1

    @property
    def carried_out(self) -> tuple[Entry, ...]:
        """Without those that never were."""
        void = {entry.of for entry in self.entries if entry.kind is EntryKind.VOID}
        return tuple(
            entry
            for entry in self.entries
            if entry.kind is not EntryKind.VOID and entry.number not in void
        )

    def stacks(self) -> tuple[list[Entry], list[Entry]]:
        """What can be taken back and what can be brought back, the next one last."""
        done: list[Entry] = []
        undone: list[Entry] = []
        for entry in self.carried_out:
            if entry.kind is EntryKind.UNDO:
                done = [one for one in done if one.number != entry.of]
                undone.append(entry)
            else:
                if entry.kind is EntryKind.EDIT:
                    undone.clear()
                undone = [one for one in undone if one.number != entry.of]
                done.append(entry)
        return done, undone

    def logged(self) -> tuple[Logged, ...]:
        """Every entry that was carried out, and whether it stands."""
        standing = {entry.number for entry in self.stacks()[0]}
        return tuple(Logged(entry, entry.number in standing) for entry in self.carried_out)


def history_path(graph: Path) -> Path:
    """Where the history of the graph file at `graph` (links resolved) is."""
    return graph.with_name(f"{graph.name}.history.jsonl")


def read_history(path: Path) -> tuple[History, int]:
    """The history, and how many bytes of its file are whole entries.

    A last line that was never finished is passed over: the graph was not written after it. Raises
    `InputError` for a file that is no history, `OSError` where it cannot be read.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _damaged(path, "it is no plain file")
        data = path.read_bytes() if path.stat().st_size <= _MOST else None
    except FileNotFoundError:
        return History(), 0
    if data is None:
        raise _damaged(path, f"it is larger than {_MOST >> 20} MiB")
    end = data.rfind(b"\n") + 1
    entries = []
    for number, line in enumerate(data[:end].splitlines(), 1):
        try:
            entries.append(Entry.model_validate_json(line))
        except ValidationError as error:
            raise _damaged(path, f"line {number} is no entry") from error
    numbers = [entry.number for entry in entries]
    if numbers != sorted(set(numbers)):
        raise _damaged(path, "its entries are out of order")
    return History(tuple(entries)), end


def entry_line(entry: Entry) -> bytes:
    """An entry as its line."""
    return entry.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def append(path: Path, whole: int, lines: Sequence[bytes], mode: int) -> int:
    """Add lines behind the first `whole` bytes, flushed to disk; how many bytes are whole then.

    A new file gets the permissions `mode`. What cannot be written whole is taken back. Raises
    `OSError`.
    """
    new = not path.exists()
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, mode)
    try:
        if new:
            os.fchmod(descriptor, mode)
        try:
            os.ftruncate(descriptor, whole)
            os.lseek(descriptor, whole, os.SEEK_SET)
            left = memoryview(b"".join(lines))
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, whole)
            raise
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)


def now_entry(time: datetime, **values: Any) -> Entry:
    """An entry of this moment, to the second."""
    return Entry(time=time.replace(microsecond=0), **values)


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"{path}: this history of edits cannot be used: {why}; move it away to go on without it "
        "(what was edited before can then not be undone)",
        code="history-damaged",
        path=str(path),
    )
