"""Where the store lies and how large it may grow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from chainer.digest import key_of
from chainer.errors import SettingsError
from chainer.store.folder import Store

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()=-]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")


class StorePolicy(BaseModel):
    """`path`: the store's folder, None for the platform's cache folder; `max_bytes`: its cap.

    `url`: a bucket that machines share, `s3://bucket/prefix`; the folder is then a cache in front
    of it, and the cap is the cache's. `endpoint`: the server's `http(s)://host:port` where it is
    not Amazon's; `region`: as the server calls it. Credentials are never settings: they come from
    the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    max_bytes: int = Field(default=40 * 2**30, ge=64 * 2**20)
    url: str | None = None
    endpoint: str | None = None
    region: str | None = None

    @field_validator("url")
    @classmethod
    def _is_bucket(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, _, rest = url.partition("://")
        bucket, _, prefix = rest.rstrip("/").partition("/")
        if scheme != "s3":
            raise ValueError(f"{url!r} is not a bucket: write s3://bucket/prefix")
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise ValueError(
                f"{bucket!r} is not a bucket's name: 3 to 63 small letters, digits, dots and dashes"
            )
        for part in prefix.split("/") if prefix else ():
            if not _SEGMENT.fullmatch(part) or part in (".", ".."):
                raise ValueError(
                    f"{part!r} cannot be part of a prefix: letters, digits and any of !_.*'()=-"
                )
        return f"s3://{bucket}/{prefix}".rstrip("/")

    @field_validator("endpoint")
    @classmethod
    def _is_server(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        wanted = f"{endpoint!r} is not a server's address: write http(s)://host:port, no more"
        try:
            parts = urlsplit(endpoint)
            whole = parts.scheme in ("http", "https") and bool(parts.hostname)
            _ = parts.port
        except ValueError as error:
            raise ValueError(wanted) from error
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "an endpoint holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if not whole or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError(wanted)
        return endpoint.rstrip("/")

    @field_validator("region")
    @classmethod
    def _is_region(cls, region: str | None) -> str | None:
        if region is not None and not _REGION.fullmatch(region):
            raise ValueError(f"{region!r} is not a region, such as eu-central-1")
        return region

    @model_validator(mode="after")
    def _folder_is_one(self) -> Self:
        if self.path is not None and _SCHEME.match(str(self.path)):
            raise ValueError(f"{self.path} is not a folder: a bucket is given as url")
        return self

    @property
    def root(self) -> Path:
        """The folder: the store itself, or the cache in front of its bucket."""
        if self.path is not None:
            return self.path
        if self.url is None:
            return default_root()
        name = key_of("shared-store", {"url": self.url, "endpoint": self.endpoint})
        return default_root().parent / "shared" / name[:16]


def default_root() -> Path:
    """The platform's cache folder for chainer."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("chainer", appauthor=False)) / "store"


def policy_for(text: str | Path, policy: StorePolicy | None = None) -> StorePolicy:
    """`policy` with the store that `text` names: a folder, or `s3://bucket/prefix`.

    With a bucket the policy's folder, if it has one, becomes the cache. Raises `SettingsError`.
    """
    policy = policy or StorePolicy()
    text = str(text)
    if _SCHEME.match(text):
        given = {**policy.model_dump(), "url": text}
    else:
        if not text:
            raise SettingsError("the store's name is empty: give a folder or s3://bucket/prefix")
        given = {**policy.model_dump(), "path": Path(text).absolute(), "url": None}
    try:
        return StorePolicy.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise SettingsError(f"--store {text}: {first}", store=text) from error


def open_store(policy: StorePolicy) -> Store:
    """The store of a policy: a folder, or with a `url` a bucket with the folder as its cache.

    Nothing but the policy and the environment is needed, so every machine opens the same one.
    Raises `StoreError` where it cannot be written, or there are no credentials for it, and
    `SettingsError` where the extra `s3` is not installed.
    """
    if policy.url is None:
        return Store(policy.root)
    from chainer.store.bucket import s3_bucket
    from chainer.store.shared import SharedStore

    name, _, prefix = policy.url.removeprefix("s3://").partition("/")
    bucket = s3_bucket(name, prefix, endpoint=policy.endpoint, region=policy.region)
    return SharedStore(policy.root, bucket)
