"""The change of a graph file as lines that a person reads: a unified diff of what was touched."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chainer.graph.amend.spans import locate
from chainer.graph.amend.splice import Way
from chainer.graph.amend.style import Style, render
from chainer.graph.sources.text import read_json

_CONTEXT = 3
_WIDEST = 200
_HUNK = re.compile(r"@@ -([0-9]+)(,[0-9]+)? \+([0-9]+)(,[0-9]+)? @@")
_PRETTY = Style(lines=True, new_line="\n", unit="  ", colon=": ", comma=", ", pad="", ascii=False)


@dataclass(frozen=True, slots=True)
class Spot:
    """A touched object: what it is called, and the way to it, the same before and after."""

    name: str
    way: Way


def diff_lines(name: str, old: str, new: str, spots: Sequence[Spot]) -> Iterator[str]:
    """The diff of two texts of the file `name`, as far as they differ in these objects.

    Lines of more than 200 characters are cut; an object whose lines are that long, as in a file
    without line breaks, is laid out over several first.
    """
    yield f"--- {name}"
    yield f"+++ {name}"
    for spot in spots:
        first, before = _region(old, spot.way)
        second, after = _region(new, spot.way)
        if any(len(line) > _WIDEST for line in (*before, *after)):
            before, after = _laid_out(old, spot.way), _laid_out(new, spot.way)
            first = second = None
        hunks = list(difflib.unified_diff(before, after, n=_CONTEXT, lineterm=""))[2:]
        for line in hunks:
            yield _cut(_shifted(line, first, second, spot.name))


def _region(text: str, way: Way) -> tuple[int | None, list[str]]:
    """The lines around a value, and how many come before them."""
    span = locate(text, way)
    start = text.rfind("\n", 0, span.start) + 1
    for _ in range(_CONTEXT):
        start = text.rfind("\n", 0, max(start - 1, 0)) + 1
    end = span.end
    for _ in range(_CONTEXT + 1):
        found = text.find("\n", end)
        end = len(text) if found < 0 else found + 1
    return text.count("\n", 0, start), text[start:end].splitlines()


def _laid_out(text: str, way: Way) -> list[str]:
    span = locate(text, way)
    return render(read_json(text[span.start : span.end]), _PRETTY, "").splitlines()


def _shifted(line: str, first: int | None, second: int | None, name: str) -> str:
    found = _HUNK.fullmatch(line)
    if found is None:
        return line
    if first is None or second is None:
        return f"@@ {name} @@"
    left, right = int(found[1]) + first, int(found[3]) + second
    return f"@@ -{left}{found[2] or ''} +{right}{found[4] or ''} @@ {name}"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"
