"""One entry with a matrix becomes one for each combination, each with a name of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import islice, product
from math import prod
from pathlib import PurePosixPath

from chainer.batch.job_file import Entry
from chainer.digest import key_of
from chainer.timebase import time_text

MAX_COMBINATIONS = 10_000
"""The most jobs that one matrix may make."""

_LONGEST = 150
"""A name's most characters: its folder's draft has a longer one, and a log an ending."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination of a matrix: an entry without a matrix, and its job's name.

    `several` tells whether other jobs come of the same entry.
    """

    name: str
    entry: Entry
    several: bool

    def folder(self, name: str) -> str:
        """The folder of one of its jobs, within the batch's own."""
        output = self.entry.output
        if output is None:
            return name
        return f"{output}/{name}" if self.several else output


def combinations(entry: Entry) -> int:
    """How many jobs the matrix of `entry` makes; 1 without one."""
    return prod(len(values) for _, values in entry.matrix.axes) if entry.matrix else 1


def variants(entry: Entry) -> Iterator[Variant]:
    """The combinations in order, the last key turning fastest; the entry itself without a matrix.

    At most `MAX_COMBINATIONS`. Names get the values' texts, made fit for a file's name.
    """
    if entry.matrix is None:
        yield Variant(entry.name, entry, entry.several)
        return
    names = [name for name, _ in entry.matrix.axes]
    for values in islice(product(*(axis for _, axis in entry.matrix.axes)), MAX_COMBINATIONS):
        told = dict(zip(names, values, strict=True))
        one = entry.model_copy(update={**told, "matrix": None})
        words = [_word(name, value) for name, value in told.items()]
        yield Variant(named(entry.name, *words), one, several=True)


def named(*words: str) -> str:
    """A job's name of several words; a long one ends with a digest instead of its rest."""
    name = "-".join(words)
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 13]}-{key_of('job-name', list(words))[:12]}"


def _word(name: str, value: object) -> str:
    """A value of a matrix as part of a file's name."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return name if value else f"no-{name}"
    if isinstance(value, Fraction):
        return _fit(time_text(value))
    if name in ("graph", "settings"):
        return _fit(PurePosixPath(str(value)).stem)
    return _fit(str(value))


def _fit(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-") or "_"
