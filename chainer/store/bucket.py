"""The one door to obstore: named bytes in an S3 bucket, a folder or the memory.

Small requests have ten seconds, tried a few times within fifteen; bytes have longer the more of
them there are. So a server that is gone or hangs is told of within half a minute, not never.
Whatever goes wrong is a `StoreError`:

    store-unreachable   no connection, no such host, no answer in time, or only 5xx
    store-denied        the server refuses the credentials, or there are none
    disk-full           no space or quota left behind the server
    store               anything else, with what the server said
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

from chainer.errors import ChainerError, SettingsError, StoreError

if TYPE_CHECKING:
    from obstore.store import LocalStore, MemoryStore, S3Store

    Remote: TypeAlias = LocalStore | MemoryStore | S3Store

MAX_OBJECT = 5 * 2**30
"""Bytes that S3 takes in one PUT. More would take a multipart, which RGW lets overwrite."""

_CONNECT = timedelta(seconds=5)
_REQUEST = timedelta(seconds=10)
_RETRIES = 4
_RETRY = timedelta(seconds=15)
_SLOWEST = 2**20  # bytes a second, for an upload as a whole
_CHUNK = 2**20
_AT_ONCE = 1000  # names that S3 deletes in one request
_OWN_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_STATUS = re.compile(r"status(?: code)?:? (\d{3})\b")
_FULL = re.compile(
    r"InsufficientStorage|QuotaExceeded|NoSpaceLeft|No space left|quota exceeded|StorageFull",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile("NoSuchBucket")
_DENIED = re.compile(
    r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|169\.254\.169\.254|"
    r"Missing(?:AccessKeyId|SecretAccessKey)",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"error sending request|connect|dns|timed? ?out|operation timed out|connection (?:reset|closed)"
    r"|error decoding response body|IncompleteMessage|HTTP error",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: its name below the bucket's prefix, its bytes, and when the server got it.

    `tag` changes with the bytes, where the server has one.
    """

    name: str
    size: int
    modified: datetime
    tag: str | None = None

    def same(self, other: Entry | None) -> bool:
        """Whether `other` is this object, not written anew since.

        To the second: some servers list finer times than they tell of one object.
        """
        if other is None:
            return False
        times = (self.modified.replace(microsecond=0), other.modified.replace(microsecond=0))
        return times[0] == times[1] and (self.size, self.tag) == (other.size, other.tag)


class Bucket(Protocol):
    """Named bytes, each written whole or not at all. Every method may raise `StoreError`."""

    @property
    def url(self) -> str:
        """How people name it."""

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`, for small ones; None where there is none."""

    def read_into(self, name: str, stream: IO[bytes]) -> bool:
        """Write the bytes of `name` to `stream`; False where there is none."""

    def create(self, name: str, data: Path | bytes) -> bool:
        """Make `name` unless it is there; False where it is. Of many at once one makes it."""

    def replace(self, name: str, data: Path | bytes) -> None:
        """Make `name`, in place of what it was."""

    def delete(self, names: Iterable[str]) -> None:
        """Remove `names`; what is not there is no error."""

    def stat(self, name: str) -> Entry | None:
        """Size and age of `name`; None where there is none."""

    def size(self, name: str) -> int | None:
        """How many bytes `name` has; None where there is none."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """Everything under the folder `prefix`, by whole segments."""


class ObjectBucket:
    """A bucket over one of obstore's stores.

    `where` is what messages name besides the URL: the endpoint.
    """

    def __init__(self, url: str, where: str, clients: _Clients) -> None:
        self._url = url
        self._where = where
        self._clients = clients

    @property
    def url(self) -> str:
        """How people name it."""
        return self._url

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`, for small ones; None where there is none."""
        import obstore

        with self._told("read", name):
            try:
                return bytes(obstore.get(self._clients.small, name).bytes())
            except FileNotFoundError as error:
                _check_bucket(error)
                return None

    def read_into(self, name: str, stream: IO[bytes]) -> bool:
        """Write the bytes of `name` to `stream`; False where there is none.

        What `stream` raises goes through as it is.
        """
        import obstore

        with self._told("read", name):
            try:
                found = obstore.get(self._clients.download, name)
            except FileNotFoundError as error:
                _check_bucket(error)
                return False
            chunks = iter(found.stream(min_chunk_size=_CHUNK))
        while True:
            with self._told("read", name):
                chunk = next(chunks, None)
            if chunk is None:
                return True
            stream.write(chunk)

    def create(self, name: str, data: Path | bytes) -> bool:
        """Make `name` unless it is there; False where it is. Of many at once exactly one makes it.

        One request, not several parts: with a condition on parts RGW overwrites what is there. A
        request that was repeated because its answer got lost says False although it made it.
        """
        from obstore.exceptions import AlreadyExistsError

        size = self._checked_size(name, data)
        with self._told("written", name):
            try:
                self._put(name, data, size, "create")
            except AlreadyExistsError:
                return False
        return True

    def replace(self, name: str, data: Path | bytes) -> None:
        """Make `name`, in place of what it was."""
        size = self._checked_size(name, data)
        with self._told("written", name):
            self._put(name, data, size, "overwrite")

    def delete(self, names: Iterable[str]) -> None:
        """Remove `names`; what is not there is no error."""
        import obstore

        wanted = list(names)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            with self._told("removed", some[0]):
                if self._clients.many:
                    obstore.delete(self._clients.small, some)
                else:  # each may be gone already, which S3 alone does not mind
                    for name in some:
                        with contextlib.suppress(FileNotFoundError):
                            obstore.delete(self._clients.small, name)

    def stat(self, name: str) -> Entry | None:
        """Size and age of `name`; None where there is none."""
        import obstore

        with self._told("read", name):
            try:
                found = obstore.head(self._clients.small, name)
            except FileNotFoundError:
                return None
        return Entry(name, found["size"], found["last_modified"], found["e_tag"])

    def size(self, name: str) -> int | None:
        """How many bytes `name` has; None where there is none."""
        found = self.stat(name)
        return None if found is None else found.size

    def list(self, prefix: str) -> Iterator[Entry]:
        """Everything under the folder `prefix`, by whole segments."""
        import obstore

        with self._told("listed", prefix):
            pages = iter(obstore.list(self._clients.small, prefix, chunk_size=_AT_ONCE))
        while True:
            with self._told("listed", prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                yield Entry(found["path"], found["size"], found["last_modified"], found["e_tag"])

    def _put(self, name: str, data: Path | bytes, size: int, mode: Any) -> None:
        import obstore

        obstore.put(self._clients.upload(size), name, data, mode=mode, use_multipart=False)

    def _checked_size(self, name: str, data: Path | bytes) -> int:
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        if size > MAX_OBJECT:
            raise StoreError(
                f"{self._url}/{name}: {size} bytes are more than a bucket takes in one piece "
                f"({MAX_OBJECT}); keep files of this size in a folder store",
                code="store",
                url=self._url,
            )
        return size

    @contextlib.contextmanager
    def _told(self, done: str, name: str) -> Iterator[None]:
        """Whatever obstore raises, as one of ours."""
        try:
            yield
        except ChainerError:
            raise
        except Exception as error:
            if not _foreign(error):
                raise
            raise _bucket_error(
                self._url, self._where, f"{name} cannot be {done}", error
            ) from error


class _Clients(Protocol):
    """The obstore stores of one bucket, by how long a request may take."""

    many: bool
    """Whether it deletes many names in one request."""

    @property
    def small(self) -> Remote: ...

    @property
    def download(self) -> Remote: ...

    def upload(self, size: int) -> Remote: ...


class _One:
    """A single store for everything: where nothing goes over a network."""

    many = False

    def __init__(self, store: Remote) -> None:
        self.small = store
        self.download = store

    def upload(self, _size: int) -> Remote:
        return self.small


class _S3:
    """Clients of one S3 bucket, made when they are first wanted."""

    many = True

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._made: dict[object, S3Store] = {}
        self._lock = threading.Lock()
        self.small = self._client(timeout=_REQUEST)

    @property
    def download(self) -> S3Store:
        # As long as it takes, but no ten seconds without a byte.
        return self._client(timeout=timedelta(days=1), read_timeout=_REQUEST)

    def upload(self, size: int) -> S3Store:
        pieces = -(-size // _SLOWEST)
        if pieces <= 1:
            return self.small
        # One client for each power of two: a timeout belongs to a client, not to a request.
        return self._client(timeout=_REQUEST + timedelta(seconds=1 << (pieces - 1).bit_length()))

    def _client(self, **times: timedelta) -> S3Store:
        from obstore.store import S3Store

        name = tuple(sorted(times.items()))
        with self._lock:
            if name not in self._made:
                client: Any = {
                    "connect_timeout": _CONNECT,
                    "allow_http": self._options["allow_http"],
                    **times,
                }
                self._made[name] = S3Store(
                    self._options["bucket"],
                    prefix=self._options["prefix"] or None,
                    config=self._options["config"],
                    client_options=client,
                    retry_config={
                        "max_retries": _RETRIES,
                        "retry_timeout": _RETRY,
                        "backoff": {
                            "init_backoff": timedelta(milliseconds=100),
                            "max_backoff": timedelta(seconds=2),
                            "base": 2,
                        },
                    },
                )
            return self._made[name]


def s3_bucket(
    bucket: str, prefix: str = "", *, endpoint: str | None = None, region: str | None = None
) -> ObjectBucket:
    """A bucket of an S3-compatible server.

    Credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for
    temporary ones, AWS_SESSION_TOKEN; on machines of Amazon's from the machine's role. `endpoint`
    None: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or Amazon. Raises `SettingsError` where obstore is
    not installed, and `StoreError` with code `store-denied` where there can be no credentials.
    """
    _require()
    url = f"s3://{bucket}/{prefix}".rstrip("/")
    env = os.environ
    endpoint = endpoint or env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
    anonymous = env.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true")
    # Elsewhere than at Amazon there is no role of the machine to ask for, only time to lose.
    if endpoint is not None and not anonymous and not any(map(env.get, _OWN_CREDENTIALS)):
        raise _denied(url, endpoint, "there are no credentials")
    config: Any = {}
    if endpoint is not None:
        # The one that outranks all others, those of the environment too.
        config = {"aws_endpoint_url_s3": endpoint, "virtual_hosted_style_request": False}
    if region is not None:
        config["region"] = region
    options = {
        "bucket": bucket,
        "prefix": prefix,
        "config": config,
        "allow_http": endpoint is not None and endpoint.startswith("http://"),
    }
    where = endpoint or "Amazon S3"
    try:
        return ObjectBucket(url, where, _S3(options))
    except Exception as error:
        if not _foreign(error):
            raise
        raise _bucket_error(url, where, "it cannot be opened", error) from error


def memory_bucket() -> ObjectBucket:
    """A bucket in the memory of this process."""
    _require()
    from obstore.store import MemoryStore

    return ObjectBucket("memory:", "this process", _One(MemoryStore()))


def folder_bucket(path: Path) -> ObjectBucket:
    """A bucket in a folder, which is made."""
    _require()
    from obstore.store import LocalStore

    path.mkdir(parents=True, exist_ok=True)
    return ObjectBucket(path.as_uri(), str(path), _One(LocalStore(path)))


def _require() -> None:
    try:
        import obstore  # noqa: F401  (found here, so that its absence is told once and clearly)
    except ImportError as error:
        raise SettingsError(
            "a store in a bucket needs obstore: pip install 'episode-chainer[s3]'",
            missing="obstore",
        ) from error


def _check_bucket(error: FileNotFoundError) -> None:
    """No object is an answer; no bucket is an error."""
    if _NO_BUCKET.search(str(error)):
        raise error


def _foreign(error: Exception) -> bool:
    """Whether obstore raised it: its own errors, and the built-in ones it uses instead."""
    from obstore.exceptions import BaseError

    return isinstance(error, (BaseError, OSError, ValueError))


def _bucket_error(url: str, where: str, what: str, error: Exception) -> StoreError:
    """`error` of obstore as one of ours, with what to do about it."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    said = _said(error)
    found = _STATUS.search(said)
    status = int(found[1]) if found else 0
    if status == 507 or _FULL.search(said):
        return StoreError(
            f"{url}: {what}: the store at {where} is full ({said}); make room with "
            f"`chainer store gc --store {url} --max-bytes N`, or raise its quota, and run the same "
            "command again: finished steps are kept",
            code="disk-full",
            url=url,
            endpoint=where,
        )
    refused = isinstance(error, (PermissionDeniedError, UnauthenticatedError))
    if refused or status in (401, 403) or _DENIED.search(said):
        return _denied(url, where, f"{what}: {said}")
    if status >= 500 or status == 429 or _AWAY.search(said):
        return StoreError(
            f"{url}: {what}: {where} does not answer as it should ({said}); see that it is up and "
            "can be reached from this machine, then run the same command again: finished steps are "
            "kept",
            code="store-unreachable",
            url=url,
            endpoint=where,
        )
    if _NO_BUCKET.search(said):
        what = f"{what}: there is no such bucket; make it first, or name another"
    return StoreError(f"{url}: {what}: {where} says: {said}", code="store", url=url, endpoint=where)


def _denied(url: str, where: str, what: str) -> StoreError:
    return StoreError(
        f"{url}: {where} does not let us: {what}; set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones) to keys that may read, "
        "write, list and delete there",
        code="store-denied",
        url=url,
        endpoint=where,
    )


def _said(error: Exception) -> str:
    """What obstore says, in one line: of an XML answer only what it is called and why."""
    text = str(error).split("\n\nDebug source:")[0]
    head, xml, body = text.partition("<?xml")
    if xml:
        words = re.findall(r"<(?:Code|Message)>([^<]+)<", body)
        text = f"{head} {' '.join(words)}"
    return " ".join(text.split())[:600]
