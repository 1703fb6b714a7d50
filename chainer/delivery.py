"""What an episode's folder holds beyond the film and what always goes with it."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class HlsTimeline(StrEnum):
    """What the times in segments are counted from.

    `continuous`: from the start of the film, so that a playlist needs no discontinuity; a piece
    that stands at another time in another film is packed once more. `shared`: from the start of
    the clip, so that a piece is packed once ever, and a playlist has a discontinuity wherever the
    times of two neighbours do not follow one another.
    """

    CONTINUOUS = "continuous"
    SHARED = "shared"


class HlsPolicy(BaseModel):
    """Playlists over segments that lie in the store.

    `base` is the address under which viewers find the segments, as `https://cdn.example/s/`;
    without it the playlists name them by `segments/`, a link to the store's folder of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    write: bool = False
    timeline: HlsTimeline = HlsTimeline.CONTINUOUS
    base: str | None = Field(default=None, max_length=2000)

    @field_validator("base")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.isascii() or not value.isprintable() or any(c in value for c in ' "<>\\'):
            raise ValueError("an address is of plain letters, without spaces and quotes")
        parts = urlsplit(value)
        if parts.query or parts.fragment or parts.scheme not in ("", "http", "https"):
            raise ValueError("write an http(s) address or a path, without ? and #")
        return value.rstrip("/") + "/"


class OtioPolicy(BaseModel):
    """The timeline for editing programs, `episode.otio`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    write: bool = False


class ReportPolicy(BaseModel):
    """The page for people, `report.html`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    write: bool = False
