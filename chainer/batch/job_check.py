"""Whether the jobs of a file get along, with themselves and with each other.

Holds what no model of one value can see. Refuses what could be asked for only by mistake: two
jobs of one name, two films in one folder, a key that is given twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chainer.batch.job_file import RESERVED, Entry
from chainer.batch.matrix import MAX_COMBINATIONS, combinations, variants
from chainer.graph import WalkKind
from chainer.graph.faults import Found, Loc, json_path

MAX_JOBS = 100_000
"""The most jobs of one batch."""


def check_entry(written: Entry, merged: Entry, loc: Loc) -> Iterator[Found]:
    """The faults of one entry: as it was `written`, and `merged` with the defaults."""
    yield from _said_twice(written, loc)
    yield from _beginning(written, merged, loc)
    if merged.matrix is not None and (count := combinations(merged)) > MAX_COMBINATIONS:
        expected = f"keep it to {MAX_COMBINATIONS}"
        yield Found((*loc, "matrix"), f"{count} combinations", expected, "matrix")


def _said_twice(entry: Entry, loc: Loc) -> Iterator[Found]:
    said = entry.model_fields_set
    all_of = entry.all_chains
    if all_of is not None and entry.all_series is not None:
        yield Found(
            (*loc, "all_series"), "all_chains is there too", "make them two jobs", "said-twice"
        )
    for name in ("graph", "start", "kind"):
        if all_of is not None and name in said and getattr(all_of, name) is not None:
            yield Found(
                (*loc, "all_chains", name), f"{name} is given outside too", "keep one", "said-twice"
            )
    if entry.all_series is not None and "graph" in said and entry.all_series.graph is not None:
        yield Found(
            (*loc, "all_series", "graph"), "graph is given outside too", "keep one", "said-twice"
        )
    for name, _ in entry.matrix.axes if entry.matrix is not None else ():
        if getattr(entry, name) is not None or getattr(all_of, name, None) is not None:
            yield Found(
                (*loc, "matrix", name),
                f"{name} is given outside the matrix too",
                "keep one of them",
                "said-twice",
            )


def _beginning(written: Entry, merged: Entry, loc: Loc) -> Iterator[Found]:
    """Which graph, and where in it."""
    axes = dict(merged.matrix.axes) if merged.matrix is not None else {}
    all_of = merged.all_chains or merged.all_series
    if merged.graph is None and "graph" not in axes and (all_of is None or all_of.graph is None):
        yield Found(
            (*loc, "graph"), '"graph" is missing', 'add "graph", here or under defaults', "missing"
        )
    if all_of is not None:
        for name in ("path", "pick"):
            if getattr(written, name) is not None:
                yield Found(
                    (*loc, name), "all chains are asked for", f'leave "{name}" out', "contradiction"
                )
        if merged.all_series is not None:
            yield from _series(written, axes, loc)
    elif merged.begins is None and "start" not in axes:
        expected = 'add "start", "path", "all_chains" or "all_series"'
        yield Found((*loc, "start"), "it does not say where to start", expected, "missing")
    if written.path and written.start is not None and written.path[0] != written.start:
        problem = f"the path begins with {written.path[0]}, not with the start {written.start}"
        yield Found((*loc, "path"), problem, 'leave "start" out', "contradiction")
    if written.path == ():
        yield Found((*loc, "path"), "an empty path", "name at least the first atom", "path")


def _series(written: Entry, axes: Mapping[str, object], loc: Loc) -> Iterator[Found]:
    for name in ("start", "kind"):
        asked = getattr(written, name)
        if name in axes or (asked is not None and asked is not WalkKind.SERIES):
            expected = f'leave "{name}" out, or ask for all_chains'
            where = (*loc, "matrix", name) if name in axes else (*loc, name)
            yield Found(where, "all_series walks every series", expected, "contradiction")


def check_together(entries: Sequence[tuple[Entry, Loc]]) -> Iterator[Found]:
    """The faults of entries beside each other: doubled names, folders within folders."""
    seen: dict[str, Loc] = {}
    first: dict[str, Loc] = {}
    folders: dict[tuple[str, ...], tuple[Loc, str]] = {}
    jobs = 0
    for entry, loc in entries:
        if entry.name in first:
            yield Found(
                (*loc, "name"),
                f"another job is called {entry.name}: {json_path(first[entry.name])}",
                "give each a name of its own",
                "doubled-name",
            )
            continue
        first[entry.name] = loc
        if combinations(entry) > MAX_COMBINATIONS:
            continue
        for one in variants(entry):
            jobs += 1
            if jobs > MAX_JOBS:
                yield Found((), f"more than {MAX_JOBS} jobs", "make several batches", "too-many")
                return
            if one.name in seen:
                yield Found(
                    (*loc, "matrix" if entry.matrix is not None else "name"),
                    f"two jobs are called {one.name}: {json_path(seen[one.name])}",
                    "give each a name of its own",
                    "doubled-name",
                )
                continue
            seen[one.name] = loc
            folder = one.folder(one.name)
            parts = tuple(folder.split("/"))
            if parts[0] in RESERVED:
                yield Found(
                    (*loc, "name"),
                    f"{parts[0]} belongs to the batch itself",
                    'give it another name, or an "output"',
                    "reserved",
                )
            if parts in folders:
                problem = f"{folder} is the folder of another job: {json_path(folders[parts][0])}"
                yield Found((*loc, "output"), problem, "name another folder", "doubled-output")
                continue
            folders[parts] = (loc, one.name)
    yield from _nested(folders)


def _nested(folders: dict[tuple[str, ...], tuple[Loc, str]]) -> Iterator[Found]:
    for outer, inner in within(folders):
        loc, _ = folders[inner]
        other, name = folders[outer]
        problem = f"{'/'.join(inner)} lies inside the folder of the job {name}: {json_path(other)}"
        yield Found((*loc, "output"), problem, "name a folder beside it", "nested-output")


def within(
    folders: Iterable[tuple[str, ...]],
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """(outer, inner) for each folder that lies inside another of `folders`."""
    outer: tuple[str, ...] | None = None
    for parts in sorted(folders):
        if outer is not None and len(parts) > len(outer) and parts[: len(outer)] == outer:
            yield outer, parts
        else:
            outer = parts
