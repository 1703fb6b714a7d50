"""The job file as objects: what a batch is asked to make, before any graph is looked at.

Every value of a file is read as the text that was written, so that an atom called `1` or `no` is
called that; numbers and switches are made of those texts here, exactly. Whether the jobs of a file
get along with each other is `jobs_check.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal, LiteralString

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from chainer.consent.rating import Audience
from chainer.errors import WalkError
from chainer.graph import Pick, WalkKind, WalkOptions
from chainer.graph.faults import near_miss
from chainer.graph.file_model import FileModel
from chainer.graph.keys import matcher
from chainer.graph.scalars import FilePath, Id, read_number
from chainer.profile import PROFILES
from chainer.timebase import time_text

JOBS_SCHEMA: Final = "chainer.jobs/1"
"""The version of the format that these models describe."""

MAX_CHAINS = 10_000
"""The most jobs that one entry may become, unless it says `limit` itself."""

RESERVED = ("logs", "report.json", "batch.sqlite", "batch.sqlite-wal", "batch.sqlite-shm")
"""What a batch keeps beside its episodes: no episode's folder may be called so."""


def _fault(code: LiteralString, problem: LiteralString, expected: str) -> PydanticCustomError:
    return PydanticCustomError(code, problem, {"expected": expected})


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise _fault("switch", "not true or false", "write true or false")


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8:
        return _count(int(value))
    raise _fault("count", "not a count", "write a whole number from 1 to 1000000")


def _profile(value: object) -> str:
    if isinstance(value, str) and value in PROFILES:
        return value
    known = ", ".join(PROFILES)
    expected = f"use one of {known}; a format of your own goes into a settings file"
    found = near_miss(value, PROFILES, expected) if isinstance(value, str) else expected
    raise _fault("profile", "there is no such profile", found)


def _key(value: object) -> str:
    if isinstance(value, str):
        try:
            matcher(value)
        except WalkError as error:
            raise _fault("key", "not a key", str(error)) from None
        return value
    raise _fault("key", "not a key", "write a key such as tag:calm")


def _weights(value: object) -> tuple[tuple[str, Fraction], ...]:
    """`{"tag:calm": 2}`, or a list or one text of the form `tag:calm=2`."""
    if isinstance(value, Mapping):
        return tuple((_key(key), _weight(weight)) for key, weight in value.items())
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise _fault("weights", "not a list of weights", _WEIGHTS)
    found = []
    for text in texts:
        if isinstance(text, tuple) and len(text) == 2:
            found.append((_key(text[0]), _weight(text[1])))
            continue
        if not isinstance(text, str):
            raise _fault("weights", "not a weight", _WEIGHTS)
        key, equals, weight = text.rpartition("=")
        if not equals:
            raise _fault("weights", "a key without its weight", _WEIGHTS)
        found.append((_key(key.strip()), _weight(weight.strip())))
    return tuple(found)


_WEIGHTS = 'write KEY=WEIGHT, such as "tag:calm=2", or a mapping of keys to weights'


def _weight(value: object) -> Fraction:
    try:
        return read_number(value)
    except ValueError:
        expected = 'write a weight as 2, "-1.5" or "1/3"'
        raise _fault("weight", "not a weight", expected) from None


def _seconds(value: object) -> Fraction:
    try:
        seconds = read_number(value)
    except ValueError:
        seconds = Fraction(0)
    if seconds <= 0:
        raise _fault("time", "not a length", 'write seconds of more than 0 as "9.5", "2/5" or 9')
    return seconds


def _listed(value: object) -> object:
    """One text for a list of one; `a, b` for a list of two."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _alone(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _axis(value: object) -> object:
    value = _alone(value)
    if isinstance(value, list | tuple):
        if not value:
            raise _fault("axis", "there is no value in it", "give a value, or leave the key out")
        if any(value.count(one) > 1 for one in value[:_LONGEST_AXIS]):
            raise _fault("axis", "a value is there twice", "keep one of them")
        if len(value) > _LONGEST_AXIS:
            raise _fault("axis", "too many values", f"give at most {_LONGEST_AXIS}")
    return value


_LONGEST_AXIS = 1000


def _output(value: object) -> str:
    expected = "name a folder inside the output folder, such as friends/mei, without .. in it"
    if not isinstance(value, str) or not value or len(value) > 512 or not value.isprintable():
        raise _fault("output", "not a folder's name", expected)
    parts = value.split("/")
    if value.startswith("/") or "\\" in value:
        raise _fault("output", "not a relative folder", expected)
    if any(part in ("", ".", "..") for part in parts):
        raise _fault("output", "not a plain relative folder", expected)
    if any(len(part.encode("utf-8", "surrogatepass")) > 200 for part in parts):
        raise _fault("output", "a folder's name is too long", "use at most 200 bytes")
    if parts[0] in RESERVED or parts[0].startswith("."):
        raise _fault("output", "it belongs to the batch itself", "name another folder")
    return str(PurePosixPath(value))


Switch = Annotated[bool, PlainValidator(_switch)]
Count = Annotated[int, PlainValidator(_count)]
ProfileName = Annotated[str, PlainValidator(_profile)]
WalkKey = Annotated[str, PlainValidator(_key)]
Weights = Annotated[
    tuple[tuple[str, Fraction], ...],
    PlainValidator(_weights),
    PlainSerializer(
        lambda weights: [f"{key}={time_text(weight)}" for key, weight in weights],
        return_type=list[str],
    ),
]
Output = Annotated[str, PlainValidator(_output)]
Ids = Annotated[tuple[Id, ...], BeforeValidator(_listed)]
Keys = Annotated[tuple[WalkKey, ...], BeforeValidator(_alone)]
Seconds = Annotated[Fraction, PlainValidator(_seconds), PlainSerializer(time_text, return_type=str)]
Axis = BeforeValidator(_axis)


class Wish(FileModel):
    """What may be said of a job, and of all jobs under `defaults`.

    `null` takes away what `defaults` says. `graph` and `settings` are relative to the job file.
    """

    graph: FilePath | None = None
    start: Id | None = None
    kind: WalkKind | None = None
    end: Id | None = None
    through: Ids | None = None
    max_seconds: Seconds | None = None
    path: Ids | None = None
    pick: Pick | None = None
    prefer: Weights | None = None
    avoid: Keys | None = None
    new_author_on_remix: Switch | None = None
    profile: ProfileName | None = None
    draft: Switch | None = None
    audience: Audience | None = None
    composer: Id | None = None
    settings: FilePath | None = None


class Matrix(FileModel):
    """Values to try each with each: one job for every combination."""

    graph: Annotated[tuple[FilePath, ...] | None, Axis] = None
    start: Annotated[tuple[Id, ...] | None, Axis] = None
    kind: Annotated[tuple[WalkKind, ...] | None, Axis] = None
    end: Annotated[tuple[Id, ...] | None, Axis] = None
    max_seconds: Annotated[tuple[Seconds, ...] | None, Axis] = None
    pick: Annotated[tuple[Pick, ...] | None, Axis] = None
    new_author_on_remix: Annotated[tuple[Switch, ...] | None, Axis] = None
    profile: Annotated[tuple[ProfileName, ...] | None, Axis] = None
    draft: Annotated[tuple[Switch, ...] | None, Axis] = None
    audience: Annotated[tuple[Audience, ...] | None, Axis] = None
    composer: Annotated[tuple[Id, ...] | None, Axis] = None
    settings: Annotated[tuple[FilePath, ...] | None, Axis] = None

    @property
    def axes(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """(key, values) of those that are given, in an order of their own."""
        told = ((name, getattr(self, name)) for name in AXES)
        return tuple((name, values) for name, values in told if values is not None)


AXES = tuple(name for name in Matrix.model_fields if name != "extensions")


class AllChains(FileModel):
    """Every chain from `start`, or from every root: a job for each, `limit` at most.

    Chains of fewer than `min_atoms` atoms are left out.
    """

    graph: FilePath | None = None
    start: Id | None = None
    kind: WalkKind | None = None
    limit: Count | None = None
    min_atoms: Count | None = None


class AllSeries(FileModel):
    """Each episode of each series that a graph declares; of none: the best series of each root."""

    graph: FilePath | None = None


class Entry(Wish):
    """One entry under `jobs`: one job, or several that share a name."""

    name: Id
    output: Output | None = None
    matrix: Matrix | None = None
    all_chains: AllChains | None = None
    all_series: AllSeries | None = None

    @property
    def several(self) -> bool:
        """Whether more than one job may come of it, each with a name of its own."""
        return bool(
            self.matrix is not None
            or self.all_chains is not None
            or self.all_series is not None
            or self.pick is Pick.ALL
        )

    def over(self, defaults: Wish) -> Entry:
        """The entry with what `defaults` says where it says nothing itself.

        Where a chain begins is not taken over by whoever asks for all chains, or names a path.
        """
        said = set(self.model_fields_set)
        if self.path is not None:
            said.add("start")
        if self.all_chains is not None or self.all_series is not None:
            said |= {"start", "path", "pick"}
        taken = {
            name: getattr(defaults, name) for name in defaults.model_fields_set if name not in said
        }
        return self.model_copy(update=taken)

    @property
    def begins(self) -> str | None:
        """The atom that it starts with, where it says so."""
        return self.start or (self.path[0] if self.path else None)

    def walk(self, *, kind: WalkKind | None = None, pick: Pick | None = None) -> WalkOptions:
        """The walk that it asks for; `kind` and `pick` count more than its own."""
        return WalkOptions(
            kind=kind or self.kind or WalkKind.SERIES,
            end=self.end,
            through=self.through or (),
            max_seconds=self.max_seconds,
            path=self.path,
            pick=pick or self.pick or Pick.BEST,
            prefer=self.prefer or (),
            avoid=self.avoid or (),
            author_changes_on_remix=bool(self.new_author_on_remix),
        )


class JobFile(FileModel):
    """A whole job file. `places` says where each entry stands, for messages."""

    schema_version: Literal["chainer.jobs/1"] = Field(default=JOBS_SCHEMA, alias="schema")
    defaults: Wish = Wish()
    jobs: tuple[Entry, ...]
    places: tuple[str, ...] = Field(default=(), exclude=True)

    def place(self, number: int) -> str:
        """Where entry `number` was written."""
        return self.places[number] if number < len(self.places) else f"$.jobs[{number}]"

    def as_json(self) -> dict[str, Any]:
        """The file as plain JSON values: what was written and nothing else."""
        written = self.model_dump(mode="json", exclude_unset=True)
        return {**written, "schema": JOBS_SCHEMA}
