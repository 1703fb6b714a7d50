"""The table of names: which person or author stands behind a keyed id.

Kept apart from the ledger, because it can be erased and the ledger cannot. Every name has a secret
of its own; its id is an HMAC of the name under that secret, so that an id says nothing once the
row is gone, not even to somebody who guesses the name. The table also holds the ledger's own id
and the key of its seals.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from chainer.consent.entry import PersonKey
from chainer.errors import InputError

SECRET_BYTES = 32
"""Bytes of a row's secret and of the ledger's key."""

NO_SECRETS: Mapping[str, bytes] = MappingProxyType({})
"""What `People.add` is given as a rule: every new row gets a random secret."""

_MOST = 300


def person_key(secret: bytes, name: str) -> PersonKey:
    """The keyed id of `name` under the secret of its row: 32 hexadecimal digits."""
    return hmac.digest(secret, name.encode(), "sha256").hex()[:32]


def check_name(name: str) -> str:
    """`name`, if it can be one: 1 to 300 printable characters. Raises `InputError`."""
    bare = name.replace("\u200c", "").replace("\u200d", "")  # joiners, as in emoji and Persian
    if not 1 <= len(name) <= _MOST or not bare or not bare.isprintable():
        raise InputError(
            f"{name[:60]!r} cannot be the name of a person; "
            f"use 1 to {_MOST} characters on one line, none of them a control character",
            code="person-name",
            name=name[:60],
        )
    return name


class People(Protocol):
    """A table of names. Safe for several threads."""

    @property
    def ledger_id(self) -> str:
        """The ledger's id: 32 random hexadecimal digits."""

    @property
    def seal_key(self) -> bytes:
        """The key of the ledger's seals: 32 random bytes."""

    def known(self, name: str) -> PersonKey | None:
        """The id of `name`; None where it has no row."""

    def name_of(self, key: str) -> str | None:
        """The name behind an id; None where it has no row, or none any more."""

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""

    def add(
        self, names: Iterable[str], given: Mapping[str, bytes] = NO_SECRETS
    ) -> dict[str, PersonKey]:
        """Give every name a row that has none, and tell the ids of all of them.

        New rows get the secret in `given`, else a random one. Durable when it returns. Raises
        `InputError` for what cannot be a name, `StoreError`, code `read-only`, where it cannot
        be written.
        """

    def erase(self, name: str) -> bool:
        """Take the row of `name` out for good, and say whether there was one.

        Nothing of name or secret is left in the table's files. Raises `StoreError`.
        """

    def close(self) -> None:
        """Give back what is held open."""


class Rows:
    """Names and their secrets in memory, found by name and by id."""

    def __init__(self, rows: Mapping[str, bytes] = NO_SECRETS) -> None:
        self.secrets: dict[str, bytes] = {}
        self._keys: dict[str, PersonKey] = {}
        self._names: dict[PersonKey, str] = {}
        for name, secret in rows.items():
            self.put(name, secret)

    def put(self, name: str, secret: bytes | None = None) -> PersonKey:
        """The id of `name`, which gets a row with this secret, or a random one, if it has none."""
        if name not in self.secrets:
            secret = secrets.token_bytes(SECRET_BYTES) if secret is None else secret
            key = person_key(secret, name)
            self.secrets[name] = secret
            self._keys[name] = key
            self._names[key] = name
        return self._keys[name]

    def take(self, name: str) -> bool:
        """Remove the row of `name`; whether there was one."""
        if self.secrets.pop(name, None) is None:
            return False
        self._names.pop(self._keys.pop(name), None)
        return True

    def key(self, name: str) -> PersonKey | None:
        """The id of `name`, if it has a row."""
        return self._keys.get(name)

    def name(self, key: str) -> str | None:
        """The name behind `key`, if there is a row."""
        return self._names.get(key)

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self.secrets))


class MemoryPeople:
    """A table of names that ends with its process, for tests and for backends' own tests."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._lock = threading.Lock()
        self._ledger_id = secrets.token_hex(16)
        self._seal_key = secrets.token_bytes(SECRET_BYTES)

    @property
    def ledger_id(self) -> str:
        """As `People.ledger_id`."""
        return self._ledger_id

    @property
    def seal_key(self) -> bytes:
        """As `People.seal_key`."""
        return self._seal_key

    def known(self, name: str) -> PersonKey | None:
        """As `People.known`."""
        with self._lock:
            return self._rows.key(name)

    def name_of(self, key: str) -> str | None:
        """As `People.name_of`."""
        with self._lock:
            return self._rows.name(key)

    def names(self) -> tuple[str, ...]:
        """As `People.names`."""
        with self._lock:
            return self._rows.names()

    def add(
        self, names: Iterable[str], given: Mapping[str, bytes] = NO_SECRETS
    ) -> dict[str, PersonKey]:
        """As `People.add`."""
        wanted = [check_name(name) for name in names]
        with self._lock:
            return {name: self._rows.put(name, given.get(name)) for name in wanted}

    def erase(self, name: str) -> bool:
        """As `People.erase`."""
        with self._lock:
            return self._rows.take(name)

    def close(self) -> None:
        """Nothing is held open."""
