"""The table of names as a JSON file beside a JSONL ledger.

    consent.people.json        the names and secrets; only its owner may read it
    consent.people.json.lock   held by whoever changes it

Always written anew beside its place and then renamed, so that a row that was taken out is in no
file any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chainer.consent.entry import PersonKey
from chainer.consent.ledger import store_trouble
from chainer.consent.people import NO_SECRETS, SECRET_BYTES, Rows, check_name
from chainer.errors import InputError

_Secret = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Table(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["chainer.people/1"] = Field(default="chainer.people/1", alias="schema")
    ledger: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    seal: _Secret
    people: Mapping[str, _Secret] = {}


class FilePeople:
    """Names in the JSON file at `path`; with `create` a new one where there is none.

    Safe for several threads and processes on one machine at once: what another wrote is seen at
    the next question. Raises `InputError`, code `people-lost`, where the file is missing or
    damaged, and `StoreError` where it cannot be read or written.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._seen: tuple[int, int, int] | None = None
        self._rows = Rows()
        if create and not path.exists():
            with self._lock, self._alone():
                if not path.exists():
                    new = secrets.token_hex(16), secrets.token_bytes(SECRET_BYTES).hex()
                    self._write(_Table(ledger=new[0], seal=new[1]))
        self._table = self._read()

    @property
    def ledger_id(self) -> str:
        """As `People.ledger_id`."""
        return self._table.ledger

    @property
    def seal_key(self) -> bytes:
        """As `People.seal_key`."""
        return bytes.fromhex(self._table.seal)

    def known(self, name: str) -> PersonKey | None:
        """As `People.known`."""
        with self._lock:
            self._refresh()
            return self._rows.key(name)

    def name_of(self, key: str) -> str | None:
        """As `People.name_of`."""
        with self._lock:
            self._refresh()
            return self._rows.name(key)

    def names(self) -> tuple[str, ...]:
        """As `People.names`."""
        with self._lock:
            self._refresh()
            return self._rows.names()

    def add(
        self, names: Iterable[str], given: Mapping[str, bytes] = NO_SECRETS
    ) -> dict[str, PersonKey]:
        """As `People.add`."""
        wanted = [check_name(name) for name in names]
        with self._lock:
            self._refresh()
            if any(self._rows.key(name) is None for name in wanted):
                with self._alone():
                    self._refresh()
                    fresh = Rows(self._rows.secrets)
                    for name in wanted:
                        fresh.put(name, given.get(name))
                    self._replace(fresh)
            return {name: key for name in wanted if (key := self._rows.key(name))}

    def erase(self, name: str) -> bool:
        """As `People.erase`."""
        with self._lock, self._alone():
            self._refresh()
            fresh = Rows(self._rows.secrets)
            there = fresh.take(name)
            self._replace(fresh)  # even if not: a writer that was killed may have left its draft
            return there

    def close(self) -> None:
        """Nothing is held open."""

    # -- inside ----------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Held while the file is changed, by one writer of all processes at a time."""
        what = "the table of names cannot be locked"
        lock = self._path.with_name(self._path.name + ".lock")
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise store_trouble(what, lock, error) from error
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
            except OSError as error:
                raise store_trouble(what, lock, error) from error
            yield
        finally:
            os.close(fd)

    def _refresh(self) -> None:
        """Read the file again if it is another one than last time."""
        try:
            stat = self._path.stat()
        except OSError as error:
            raise people_lost(self._path, "is missing") from error
        if (stat.st_ino, stat.st_size, stat.st_mtime_ns) != self._seen:
            self._table = self._read()

    def _read(self) -> _Table:
        try:
            with self._path.open("rb") as stream:
                stat = os.fstat(stream.fileno())
                data = stream.read()
        except FileNotFoundError as error:
            raise people_lost(self._path, "is missing") from error
        except OSError as error:
            raise store_trouble("the table of names cannot be read", self._path, error) from error
        try:
            table = _Table.model_validate_json(data)
        except ValidationError:
            # Without the cause: pydantic's words repeat the file, names and secrets included.
            raise people_lost(self._path, "is damaged") from None
        self._rows = Rows({name: bytes.fromhex(one) for name, one in table.people.items()})
        self._seen = stat.st_ino, stat.st_size, stat.st_mtime_ns
        return table

    def _replace(self, rows: Rows) -> None:
        people = {name: rows.secrets[name].hex() for name in rows.names()}
        self._write(self._table.model_copy(update={"people": people}))
        self._table = self._read()

    def _write(self, table: _Table) -> None:
        """Put `table` in the file's place; every draft has the same name, and goes with it."""
        data = json.dumps(table.model_dump(by_alias=True), ensure_ascii=False, indent=1)
        draft = self._path.with_name(self._path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600, exist_ok=False)
            with draft.open("wb") as stream:
                stream.write(data.encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                with contextlib.suppress(OSError):  # some file systems cannot flush a folder
                    os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            what = "the table of names cannot be written"
            raise store_trouble(what, self._path, error) from error


def people_lost(path: Path, how: str) -> InputError:
    """The fault of a table of names that is not there or cannot be read."""
    return InputError(
        f"{path} {how}: it is the table of names, and without it nobody knows whom the ledger "
        "speaks of; bring it back from a copy, the ledger alone decides nothing",
        code="people-lost",
        path=str(path),
    )
