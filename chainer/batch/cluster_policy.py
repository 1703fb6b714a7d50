"""Where the cluster is, and how long to wait for it: the settings of cluster execution."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class ClusterPolicy(BaseModel):
    """A Dask scheduler, and how it is used; without `address` there is no cluster.

    `address` is `tls://host:port`, `tcp://host:port`, or the path of a scheduler file. The three
    TLS files are PEM and given together; without them Dask's own configuration is asked
    (`distributed.comm.tls` in its YAML files or `DASK_DISTRIBUTED__COMM__TLS__...`).

    `window` is how many steps are in flight at most; None: 500, or four for each that can run at
    once where that is more. `resource` is what a worker announces to say how many steps it runs at
    once; where no worker does, each of its threads runs one. Times are in seconds: the scheduler
    has `connect_timeout` to answer, at first and whenever it was lost; some worker must be there
    within `lost_after`; what a worker has written must be seen here within `settle`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    window: int | None = Field(default=None, ge=1, le=100_000)
    resource: str = Field(default="chainer", pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,40}$")
    connect_timeout: float = Field(default=15.0, gt=0, le=600)
    lost_after: float = Field(default=120.0, gt=0, le=86_400)
    settle: float = Field(default=5.0, ge=0, le=600)

    @field_validator("address")
    @classmethod
    def _is_a_scheduler(cls, address: str | None) -> str | None:
        if address is None:
            return None
        if not address.strip():
            raise ValueError("the address is empty: write tls://host:port or a scheduler file")
        if _SCHEME.match(address):
            found = _ADDRESS.fullmatch(address.rstrip("/"))
            if not found or not 0 < int(found[3]) < 65_536:
                raise ValueError(
                    f"{address!r} is not a scheduler's address: write tls://host:port, "
                    "tcp://host:port, or the path of a scheduler file"
                )
            return address.rstrip("/")
        return address

    @model_validator(mode="after")
    def _tls_is_whole(self) -> ClusterPolicy:
        files = {"tls_ca": self.tls_ca, "tls_cert": self.tls_cert, "tls_key": self.tls_key}
        missing = [name for name, path in files.items() if path is None]
        if missing and len(missing) < len(files):
            raise ValueError(f"TLS takes three files together: {', '.join(missing)} is missing")
        if not missing and (self.address or "").startswith("tcp://"):
            raise ValueError(f"{self.address} is not encrypted: with TLS files write tls://")
        return self

    @property
    def tls(self) -> tuple[Path, Path, Path] | None:
        """The authority, our certificate and its key, where they are given."""
        if self.tls_ca is None or self.tls_cert is None or self.tls_key is None:
            return None
        return self.tls_ca, self.tls_cert, self.tls_key

    @property
    def scheduler_file(self) -> Path | None:
        """The scheduler file, where the address is one."""
        if self.address is None or _SCHEME.match(self.address):
            return None
        return Path(self.address)
