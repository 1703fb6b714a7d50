"""A graph as a stream of lines, for what is larger than a graph file may be.

    {"directed": true, "multigraph": true, "graph": {…}}     first the file without atoms and edges
    {"node": {…}}                                            an atom
    {"edge": {…}}                                            an edge between atoms of earlier lines

Holds the reading of lines, by the same rules as a file's text. Refuses lines that are too long,
broken or of another shape; whether atoms and edges are right is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO

from chainer.errors import Fault, GraphError
from chainer.graph.faults import MAX_FAULTS, Found, json_path, shown
from chainer.graph.plain import MAX_BYTES, MAX_DIGITS, plain
from chainer.graph.sources.text import write_json

MAX_LINE = 4 << 20
"""The longest line, in bytes."""

_CHUNK = 1 << 20
_STARTS = ('{"node":', '{"edge":')
_WORD = 8
"""How long these are."""

_Scan = Callable[[str, int], tuple[Any, int]]


class TooManyFaults(Exception):
    """As many faults were found as are told of."""


@dataclass(slots=True)
class Faults:
    """What is wrong with a stream, by line."""

    source: str
    found: list[Fault] = field(default_factory=list)

    def add(self, line: int, one: Found) -> None:
        """Keep a fault of a line. Raises `TooManyFaults`."""
        place = f"line {line}: {json_path(one.loc)}"
        self.found.append(Fault(place, one.problem, one.expected, one.code))
        if len(self.found) >= MAX_FAULTS:
            last = "this is as many as are looked for"
            self.found.append(Fault("$", last, "correct these first", "more-faults"))
            raise TooManyFaults

    def error(self) -> GraphError:
        """All of them as one error."""
        return GraphError(self.source, self.found)


@dataclass(slots=True)
class Lines:
    """Atoms, or edges: side by side their line numbers, plain values, and text."""

    numbers: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)


def read_header(stream: BinaryIO, faults: Faults) -> dict[str, Any] | None:
    """The object on the first line; None, with a fault, where there is none."""
    # It may hold the series of a large graph, so it is bounded as a whole file is.
    raw = stream.readline(MAX_BYTES + 1)
    value, found = _slowly(raw, faults.source, MAX_BYTES)
    if not found and not (isinstance(value, dict) and "graph" in value):
        expected = 'begin with {"directed":true,"multigraph":true,"graph":{…}}'
        found = [Found((), "the first line is no graph without its atoms", expected, "header")]
    for one in found:
        faults.add(1, one)
    return value if isinstance(value, dict) and not found else None


def read_lines(stream: BinaryIO, faults: Faults) -> Iterator[tuple[Lines, Lines]]:
    """The atoms and the edges of the next lines, about a megabyte of both together."""
    scan = _scanner()
    number = 2
    while raw := stream.read(_CHUNK):
        raw += stream.readline(MAX_LINE + 1)  # to the end of the last line
        raw = raw.removesuffix(b"\n")  # after the last line break there is no line
        found = Lines(), Lines()
        if not _quickly(raw, number, scan, *found):
            found = Lines(), Lines()
            for at, line in enumerate(raw.split(b"\n"), number):
                if not _quickly(line, at, scan, *found):
                    _look(line, at, faults, *found)
        number += raw.count(b"\n") + 1
        yield found


def _quickly(raw: bytes, first: int, scan: _Scan, nodes: Lines, edges: Lines) -> bool:
    """Take lines that are as nearly all are; otherwise some may have been taken, but no odd one."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return False
    # What these signs can hide is looked for slowly.
    if '"x-' in text or "\\u" in text:
        return False
    takes = {
        start: (kept.numbers.append, kept.values.append, kept.bodies.append)
        for start, kept in zip(_STARTS, (nodes, edges), strict=True)
    }
    try:
        for number, line in enumerate(text.split("\n"), first):
            add_number, add_value, add_body = takes[line[:_WORD]]
            value, end = scan(line, _WORD)
            if line[end:] != "}":
                return False
            add_number(number)
            add_value(value)
            add_body(line[_WORD:end])
    except (ValueError, StopIteration, RecursionError, KeyError):
        return False
    return True


def _look(raw: bytes, number: int, faults: Faults, nodes: Lines, edges: Lines) -> None:
    """Read a line that is unlike the others, or say what is wrong with it."""
    if not raw.strip():
        return
    value, found = _slowly(raw, faults.source, MAX_LINE)
    if not found and not _is_line(value):
        problem = f"{shown(value)} is no line of a graph"
        found = [Found((), problem, 'write {"node": {…}} or {"edge": {…}}', "line")]
    for one in found:
        faults.add(number, one)
    if not found:
        ((what, inner),) = value.items()
        kept = nodes if what == "node" else edges
        kept.numbers.append(number)
        kept.values.append(inner)
        kept.bodies.append(write_json(inner))


def _is_line(value: object) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("node", "edge")


def _slowly(raw: bytes, source: str, most: int) -> tuple[Any, list[Found]]:
    if len(raw) > most:
        expected = f"keep a line under {most >> 20} MiB"
        return None, [Found((), "the line is too long", expected, "too-large")]
    try:
        return plain(raw, source)
    except GraphError as error:
        return None, [Found((), one.problem, one.expected, one.code) for one in error.faults]


class _Odd(ValueError):
    """Something that `plain` must look at."""


def _scanner() -> _Scan:
    """Reads one value; raises for all that `plain` has something to say about."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) != len(items):
            raise _Odd
        return made

    def whole(number: str) -> int:
        if len(number) > MAX_DIGITS:
            raise _Odd
        return int(number)

    def broken(number: str) -> Decimal:
        if len(number) > 2 * MAX_DIGITS:
            raise _Odd
        return Decimal(number)

    def odd(_: str) -> Any:
        raise _Odd

    decoder = json.JSONDecoder(
        object_pairs_hook=pairs, parse_int=whole, parse_float=broken, parse_constant=odd
    )
    return decoder.scan_once  # type: ignore[no-any-return, attr-defined, unused-ignore]
