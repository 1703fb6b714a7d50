"""What a text of jobs holds, as plain values with their lines, and how jobs are made of it.

The reader (`read.py`) leaves texts, None, lists and mappings; the models say what is wrong with
them, and the jobs beside each other are looked at last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import ValidationError

from chainer.batch.job_check import check_entry, check_together
from chainer.batch.job_faults import JobFileError, place_of, told
from chainer.batch.job_file import JOBS_SCHEMA, Entry, JobFile, Wish
from chainer.graph.faults import MAX_FAULTS, Found, Loc, near_miss, shown, translate

BROKEN = object()
"""Stands for an entry that could not be read and has been explained."""


class Written:
    """What was noticed while a text was read: faults, and the lines of keys and entries."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.lines: dict[Loc, int] = {}

    def move(self, into: Loc) -> None:
        """Put what was noted into a mapping around it."""
        self.lines = {(*into, *loc): line for loc, line in self.lines.items()}
        self.found = [replace(one, loc=(*into, *one.loc)) for one in self.found]

    def line(self, loc: Loc) -> int | None:
        """The line of the nearest value around `loc` whose line is known, from 1."""
        for size in range(len(loc), -1, -1):
            if (line := self.lines.get(loc[:size])) is not None:
                return line
        return None


_TOP = ("schema", "defaults", "jobs")


def jobs_of(value: Any, written: Written, source: str) -> JobFile:
    """The jobs in plain values: a list of them, or a mapping with `jobs` in it.

    `written` is what the reader noticed, `source` names the file. Raises `JobFileError`.
    """
    if isinstance(value, list):
        value = {"jobs": value}
        written.move(("jobs",))
    found = written.found
    if not isinstance(value, dict):
        expected = "give a list of jobs, or a mapping with jobs in it"
        problem = "there is no job in it" if value is None else f"{shown(value)} is no job file"
        found = found or [Found((), problem, expected, "jobs")]
        raise JobFileError(source, told(found, written.line))
    found += islice(_top(value), MAX_FAULTS + 1)
    explained = {one.loc for one in found}
    defaults, faults = _model(Wish, value.get("defaults") or {}, ("defaults",), explained)
    found += faults
    entries: list[tuple[int, Entry]] = []
    listed = value.get("jobs")
    for number, item in enumerate(listed if isinstance(listed, list) else ()):
        if item is BROKEN:
            continue
        loc: Loc = ("jobs", number)
        if not isinstance(item, dict):
            problem = f"{shown(item)} where a job belongs"
            found.append(Found(loc, problem, "give a job: name, graph, start, …", "job"))
            continue
        entry, faults = _model(Entry, item, loc, explained)
        found += faults
        if entry is not None:
            if defaults is not None:  # what they would have said is not known
                found += check_entry(entry, entry.over(defaults), loc)
            entries.append((number, entry))
    over = defaults or Wish()
    found += check_together([(entry.over(over), ("jobs", n)) for n, entry in entries])
    if found:
        raise JobFileError(source, told(found, written.line))
    given = {name: item for name, item in value.items() if name.startswith("x-")}
    if "defaults" in value:
        given["defaults"] = over
    return JobFile(
        jobs=tuple(entry for _, entry in entries),
        places=tuple(
            f"{source}: {place_of(('jobs', number), written.line)}" for number, _ in entries
        ),
        **given,
    )


def _top(value: dict[str, Any]) -> Iterator[Found]:
    """What is wrong with the file around its jobs."""
    schema = value.get("schema", JOBS_SCHEMA)
    if schema != JOBS_SCHEMA:
        problem = f"{shown(schema)} is no schema that this program reads"
        yield Found(("schema",), problem, f'write "{JOBS_SCHEMA}"', "schema")
    jobs = value.get("jobs")
    if "jobs" not in value:
        yield Found(("jobs",), '"jobs" is missing', 'add "jobs"', "missing")
    elif not isinstance(jobs, list):
        problem = f"{shown(jobs)} where a list of jobs belongs"
        yield Found(("jobs",), problem, "give a list […]", "jobs")
    elif not jobs:
        yield Found(("jobs",), "there is no job in it", "name at least one", "jobs")
    for key in value:
        if key not in _TOP and not key.startswith("x-"):
            expected = near_miss(key, _TOP, f"use one of {', '.join(_TOP)}")
            yield Found((key,), f"unknown key {shown(key)}", expected, "extra-forbidden")


_M = TypeVar("_M", bound=Wish)


def _model(
    model: type[_M], value: object, loc: Loc, explained: set[Loc]
) -> tuple[_M | None, list[Found]]:
    """`value` as `model`, or None and why; what has been explained is not explained again."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        found = [replace(fault, loc=(*loc, *fault.loc)) for fault in translate(error, model)]
        return None, [fault for fault in found if fault.loc not in explained]
