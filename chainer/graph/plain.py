"""From bytes, text or Python values to plain JSON values, before any model sees them.

Holds the reader of JSON. Refuses what JSON does not have or what two readers would read
differently: NaN, doubled keys, a byte order mark, lone surrogates, bottomless nesting.
Each is noted with its place and replaced, so that the rest of the file is still checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chainer.errors import Fault, GraphError
from chainer.graph.faults import Found, Loc
from chainer.graph.file_model import EXTENSION

MAX_BYTES = 64 << 20
"""The largest graph file that is read: about 100,000 fully described atoms."""

MAX_DEPTH = 64
"""How deep values may nest. The format itself needs 9; the rest is for `x-…` values."""

MAX_DIGITS = 30
"""The longest whole number that is read."""

_LARGE = int("1" + "0" * MAX_DIGITS)


class _Unusable:
    """Stands where the text had a number that JSON, or this program, does not have."""

    def __init__(self, text: str) -> None:
        self.text = text if len(text) <= 40 else f"{text[:40]}…"


class _Doubled(dict[str, Any]):
    """An object that names a key twice; the last value counts until the fault is raised."""

    doubled: tuple[str, ...] = ()


def plain(data: object, source: str) -> tuple[Any, list[Found]]:
    """`data` as plain JSON values, and what was wrong with it.

    Text and bytes are parsed; other values are copied, so that later changes to them do
    not reach the graph. Raises `GraphError` for a text that is not JSON at all.
    """
    if isinstance(data, bytes | bytearray):
        data = _decode(bytes(data), source)
    if not isinstance(data, str):
        return _clean(data)
    if data.startswith("\ufeff"):
        raise _unreadable(
            source, "it starts with a byte order mark", "save it as UTF-8 without one", "bom"
        )
    # Only these can hide something from the models; most files have none and skip a walk.
    suspicious = [f'"{EXTENSION}' in data or "\\u" in data]
    value = _parse(data, source, suspicious)
    return _clean(value) if suspicious[0] else (value, [])


def _decode(data: bytes, source: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(source, "it is UTF-16", "save it as UTF-8", "encoding")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"it is not UTF-8 from byte {error.start} (line {line})"
        raise _unreadable(source, problem, "save it as UTF-8", "encoding") from error


def _parse(text: str, source: str, suspicious: list[bool]) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) == len(items):
            return made
        suspicious[0] = True
        names = [name for name, _ in items]
        doubled = _Doubled(made)
        doubled.doubled = tuple(name for name in made if names.count(name) > 1)
        return doubled

    def unusable(number: str) -> _Unusable:
        suspicious[0] = True
        return _Unusable(number)

    def whole(number: str) -> int | _Unusable:
        return int(number) if len(number) <= MAX_DIGITS else unusable(number)

    def broken(number: str) -> Decimal | _Unusable:
        return Decimal(number) if len(number) <= 2 * MAX_DIGITS else unusable(number)

    try:
        return json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=unusable,
            parse_int=whole,
            parse_float=broken,
        )
    except json.JSONDecodeError as error:
        problem = f"broken JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        raise _unreadable(source, problem, "correct the text there", "json") from error
    except RecursionError as error:
        expected = f"nest at most {MAX_DEPTH} deep"
        raise _unreadable(source, "it nests too deep", expected, "too-deep") from error


def _unreadable(source: str, problem: str, expected: str, code: str) -> GraphError:
    return GraphError(source, [Fault("$", problem, expected, code)])


def _clean(data: object) -> tuple[Any, list[Found]]:
    """A copy of `data` in plain JSON values, without recursion, and what had to be replaced."""
    found: list[Found] = []
    top: list[Any] = [None]
    todo: list[tuple[object, Loc, Any, str | int]] = [(data, (), top, 0)]
    while todo:
        value, loc, holder, at = todo.pop()
        if isinstance(value, Mapping | list | tuple) and len(loc) >= MAX_DEPTH:
            found.append(
                Found(loc, "nested too deep", f"nest at most {MAX_DEPTH} deep", "too-deep")
            )
            holder[at] = None
        elif isinstance(value, Mapping):
            inside: dict[str, Any] = {}
            holder[at] = inside
            found.extend(_doubled(value, loc))
            for name, item in value.items():
                key = _key(name, loc, found)
                inside[key] = None  # keeps the order, which the stack would turn round
                todo.append((item, (*loc, key), inside, key))
        elif isinstance(value, list | tuple):
            holder[at] = items = [None] * len(value)
            todo.extend((item, (*loc, index), items, index) for index, item in enumerate(value))
        else:
            holder[at] = _scalar(value, loc, found)
    return top[0], found


def _doubled(value: Mapping[Any, Any], loc: Loc) -> list[Found]:
    names = value.doubled if isinstance(value, _Doubled) else ()
    problem = "the key is there twice in one object"
    return [
        Found((*loc, _mend(name)), problem, "keep one of them", "doubled-key") for name in names
    ]


def _key(name: object, loc: Loc, found: list[Found]) -> str:
    if isinstance(name, str) and name.isascii():
        return str(name)
    key = _mend(name) if isinstance(name, str) else repr(name)
    if key != name:
        found.append(Found((*loc, key), "not a key", "let keys be Unicode text", "key"))
    return key


def _scalar(value: object, loc: Loc, found: list[Found]) -> Any:
    """A value that is no container, as JSON has it; None, with a fault, where it has not."""
    if isinstance(value, str):
        if (text := _mend(value)) != value:
            expected = "write whole characters, not halves of surrogate pairs"
            found.append(Found(loc, "not Unicode text", expected, "surrogate"))
        return text
    if value is None or isinstance(value, bool) or _is_number(value):
        in_extension = any(isinstance(part, str) and part[:2] == EXTENSION for part in loc)
        # The models read a Decimal exactly; the caller's own values go back as JSON has them.
        if not (in_extension and isinstance(value, Decimal | Fraction)):
            return value
        if math.isfinite(number := float(value)):
            return number
    if isinstance(value, _Unusable):
        shown = value.text
    else:
        shown = str(value) if isinstance(value, float | Decimal) else type(value).__name__
    expected = f"use JSON's own values, and whole numbers of at most {MAX_DIGITS} digits"
    found.append(Found(loc, f"{shown} cannot be used", expected, "not-json"))
    return None


def _is_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) < _LARGE
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, Fraction)


def _mend(text: str) -> str:
    """`text` with lone surrogates, which no file or terminal can take, replaced."""
    return str(text) if text.isascii() else text.encode(errors="replace").decode()
