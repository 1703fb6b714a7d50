"""`series.json`: what of a series has been built, where the story forks, and what goes on where.

Also the memory of what was published: an episode that is in it keeps its chain, so that a story
which goes on gains an episode and changes none.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainer.digest import open_regular
from chainer.errors import InputError
from chainer.graph.scalars import Id
from chainer.profile import Exact

SERIES_NAME = "series.json"

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
_MOST_BYTES = 64 << 20


class FilmRow(BaseModel):
    """The film's file in the episode's folder."""

    model_config = _FROZEN

    name: str
    size: int
    type: str


class ChapterRow(BaseModel):
    """A chapter from `start` seconds on."""

    model_config = _FROZEN

    title: str
    start: Exact


class PartRow(BaseModel):
    """Where an atom plays, half-open: seconds [start, end) of the film."""

    model_config = _FROZEN

    atom: str
    start: Exact
    end: Exact


class Way(BaseModel):
    """A way to another film of the series, or to another place of the same one.

    `to` is the id of an episode or branch, `at` where in its film the way leads, in seconds.
    """

    model_config = _FROZEN

    kind: Literal["continuation", "remix"]
    to: str
    at: Exact = Fraction(0)


class Fork(BaseModel):
    """Where the viewer may leave: `at` seconds, when the atom `after` has played."""

    model_config = _FROZEN

    after: str
    at: Exact
    ways: tuple[Way, ...]


class Road(BaseModel):
    """One film of the series, in a folder of its own.

    `film` is the id in its `episode.json`, `guid` the one that it had when it was first published:
    feeds know it by that for ever. `published` and `updated` are moments as RFC 3339 writes them.
    `authors` are names, who is on screen longest first. File names are relative to the folder.
    """

    model_config = _FROZEN

    id: Id
    folder: str
    title: str
    kind: Literal["series", "relay"]
    chain: tuple[Id, ...] = Field(min_length=1)
    film: str
    guid: str
    published: str
    updated: str
    seconds: Exact
    rating: str | None = None
    authors: tuple[str, ...] = ()
    file: FilmRow
    poster: str | None = None
    captions: str | None = None
    hls: str | None = None
    chapters: tuple[ChapterRow, ...] = ()
    parts: tuple[PartRow, ...] = ()
    forks: tuple[Fork, ...] = ()


class EpisodeRow(Road):
    """An episode: one step of the main story.

    `continues` is the episode that it is a part of, where the graph does not name it itself: what
    came after that one's published end. `previous` and `next` are ids.
    """

    number: int
    continues: Id | None = None
    previous: Id | None = None
    next: Id | None = None


class BranchRow(Road):
    """A road off the main story: a remix, a relay, or another continuation.

    `leaves` is the film in which it was found first, `then` where it leads back to or goes on, None
    where it ends for itself.
    """

    leaves: Id
    then: Way | None = None


class SeriesFile(BaseModel):
    """The whole file.

    `withdrawn` are ids of films that were published and may not be shown any more.
    """

    model_config = _FROZEN

    schema_: Literal["chainer.series/1"] = Field(default="chainer.series/1", alias="schema")
    id: Id
    title: str
    description: str = ""
    language: str = "und"
    graph: str
    base_url: str | None = None
    episodes: tuple[EpisodeRow, ...] = ()
    branches: tuple[BranchRow, ...] = ()
    withdrawn: tuple[str, ...] = ()

    @property
    def roads(self) -> tuple[EpisodeRow | BranchRow, ...]:
        """Every film: the episodes in the order of the story, then the branches."""
        return (*self.episodes, *self.branches)

    def to_json(self) -> str:
        """The file as text, the same for equal series."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def without(self, gone: frozenset[str]) -> SeriesFile:
        """The same without some films: no way leads to them, and the story closes over them."""
        episodes = [one for one in self.episodes if one.id not in gone]
        names = [one.id for one in episodes]
        before, after = [None, *names[:-1]], [*names[1:], None]
        return self.model_copy(
            update={
                "episodes": tuple(
                    one.model_copy(
                        update={
                            "number": number,
                            "previous": before[number - 1],
                            "next": after[number - 1],
                            "forks": _forks_without(one.forks, gone),
                        }
                    )
                    for number, one in enumerate(episodes, 1)
                ),
                "branches": tuple(
                    one.model_copy(
                        update={
                            "forks": _forks_without(one.forks, gone),
                            "then": None
                            if one.then is not None and one.then.to in gone
                            else one.then,
                        }
                    )
                    for one in self.branches
                    if one.id not in gone
                ),
            }
        )


def _forks_without(forks: tuple[Fork, ...], gone: frozenset[str]) -> tuple[Fork, ...]:
    kept = (
        fork.model_copy(update={"ways": tuple(way for way in fork.ways if way.to not in gone)})
        for fork in forks
    )
    return tuple(fork for fork in kept if fork.ways)


def read_series(folder: Path) -> SeriesFile | None:
    """The `series.json` of a folder, None where there is none.

    Raises `InputError` with code `series-damaged` for one that cannot be read.
    """
    path = folder / SERIES_NAME
    try:
        with open_regular(path) as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError("it is too large")
        return SeriesFile.model_validate_json(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = str(error)
        if isinstance(error, OSError):
            why = error.strerror or why
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            why = f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
        raise InputError(
            f"{path} is damaged, and says what has been published: {why}; bring it back, or move "
            "it away to publish the series anew",
            code="series-damaged",
            path=str(path),
        ) from error
