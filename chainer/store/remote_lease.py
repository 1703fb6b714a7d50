"""A lease in a bucket: an object that counts for ten minutes after it was last written.

Its age is told by the server, so the clocks of machines need not agree.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import Digest
from chainer.errors import StoreError
from chainer.store.bucket import Bucket

LEASE = timedelta(minutes=10)
REFRESH_SECONDS = 120.0


class Lease(BaseModel):
    """`keys` of records or digests of bytes; `host` and `pid` are for people."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["chainer.lease/1"] = Field(default="chainer.lease/1", alias="schema")
    keys: tuple[str, ...] = ()
    host: str
    pid: int


@contextlib.contextmanager
def remote_lease(bucket: Bucket, keys: Sequence[Digest]) -> Iterator[None]:
    """While open, collectors anywhere spare `keys`. Raises `StoreError` where it cannot begin."""
    name = f"leases/{uuid.uuid4().hex}"
    lease = Lease(keys=tuple(keys), host=socket.gethostname(), pid=os.getpid())
    text = lease.model_dump_json(by_alias=True).encode()
    bucket.replace(name, text)
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(REFRESH_SECONDS):
            # One that fails is tried again: five fit into the time that a lease counts.
            with contextlib.suppress(StoreError):
                bucket.replace(name, text)

    thread = threading.Thread(target=renew, name="chainer-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()  # a renewal under way would bring it back
        # One that cannot be removed ends by itself.
        with contextlib.suppress(StoreError):
            bucket.delete([name])


def leased(bucket: Bucket, now: datetime) -> set[Digest]:
    """What the leases that count at `now`, by the server's clock, name.

    Removes those that ended long ago. Raises `StoreError` with code `store-lease` for a live one
    that does not read: what it needs is not known.
    """
    keys: set[Digest] = set()
    over: list[str] = []
    for entry in bucket.list("leases"):
        age = now - entry.modified
        if age > LEASE:
            if age > 2 * LEASE:
                over.append(entry.name)
            continue
        text = bucket.read(entry.name)
        if text is None:
            continue  # it ended since
        try:
            keys.update(Lease.model_validate_json(text).keys)
        except ValidationError as error:
            raise StoreError(
                f"{bucket.url}/{entry.name} cannot be read, so nobody knows what it needs, and "
                "nothing was evicted; it ends by itself ten minutes after it was written",
                code="store-lease",
                path=f"{bucket.url}/{entry.name}",
            ) from error
    if over:
        bucket.delete(over)
    return keys
