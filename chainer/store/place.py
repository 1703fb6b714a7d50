"""Where the store lies and how large it may grow."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class StorePolicy(BaseModel):
    """`path`: the store's folder, None for the platform's cache folder; `max_bytes`: its cap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    max_bytes: int = Field(default=40 * 2**30, ge=64 * 2**20)


def default_root() -> Path:
    """The platform's cache folder for chainer."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("chainer", appauthor=False)) / "store"
