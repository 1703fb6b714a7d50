"""What is wrong with a graph file, in words for the person who wrote it.

Holds the place of a fault, near misses, and the translation of pydantic's errors. Nothing
of pydantic's wording reaches a user.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from chainer.errors import Fault
from chainer.graph.file_model import EXTENSION
from chainer.graph.scalars import PATTERN_WORDS

Loc = tuple[str | int, ...]
"""The way to a value from the top of the file: keys and list indexes."""

MAX_FAULTS = 1000
"""How many faults are reported of one file; the last then says how many were left out."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SECTIONS = {"directed": 0, "multigraph": 1, "graph": 2, "nodes": 3, "edges": 4}
_MANY_NAMES = 5000


@dataclass(frozen=True, slots=True)
class Found:
    """A fault with the way to it, before it is put into words for the whole file."""

    loc: Loc
    problem: str
    expected: str
    code: str


def json_path(loc: Sequence[str | int]) -> str:
    """`("nodes", 3, "media")` as `$.nodes[3].media`; odd keys as `["…"]`."""
    text = "$"
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part) and len(part) <= 80:
            text += f".{part}"
        else:
            text += f"[{json.dumps(part if len(part) <= 80 else part[:80] + '…')}]"
    return text


def in_order(found: Iterable[Found]) -> list[Fault]:
    """The faults in the order of the file, each once, at most `MAX_FAULTS` and a last word."""

    def place(one: Found) -> tuple[int, int]:
        section = _SECTIONS.get(str(one.loc[0]), 5) if one.loc else -1
        index = one.loc[1] if len(one.loc) > 1 else -1
        return section, index if isinstance(index, int) else -1

    once = dict.fromkeys(sorted(found, key=place))
    faults = [Fault(json_path(one.loc), one.problem, one.expected, one.code) for one in once]
    if len(faults) > MAX_FAULTS:
        more = len(faults) - MAX_FAULTS
        last = Fault("$", f"{more} more faults", "correct these first", "more-faults")
        faults[MAX_FAULTS:] = [last]
    return faults


def near_miss(word: str, names: Iterable[str], otherwise: str) -> str:
    """`did you mean "…"?` where a name is close to `word`, else `otherwise`.

    Not looked for among more than a few thousand names, where it would take seconds.
    """
    known = list(names)
    close = difflib.get_close_matches(word, known, n=1) if len(known) <= _MANY_NAMES else []
    return f'did you mean "{close[0]}"?' if close else otherwise


def shown(value: object) -> str:
    """`value` in a few words, however large it is."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else value[:60] + "…", ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else type(value).__name__


def translate(error: ValidationError, model: type[BaseModel]) -> list[Found]:
    """Pydantic's errors about a `model` as faults."""
    found = []
    for one in error.errors(include_url=False):
        if one["type"] == "default_factory_not_called":
            continue  # follows from another fault of the same object
        loc = tuple(part for part in one["loc"] if part != "[key]")
        ctx: Mapping[str, Any] = one.get("ctx", {})
        problem, expected = _words(one["type"], loc, one["input"], ctx, one["msg"], model)
        found.append(Found(loc, problem, expected, one["type"].replace("_", "-")))
    return found


def _words(
    kind: str, loc: Loc, value: object, ctx: Mapping[str, Any], message: str, model: type[BaseModel]
) -> tuple[str, str]:
    """Problem and expectation for one of pydantic's error types."""
    if kind == "missing":
        return f'"{loc[-1]}" is missing', f'add "{loc[-1]}"'
    if kind == "extra_forbidden":
        known = _models_by_shape(model).get(_shape(loc[:-1]), ())
        otherwise = f'use one of {", ".join(known)}, or start it with "{EXTENSION}"'
        return f"unknown key {shown(loc[-1])}", near_miss(str(loc[-1]), known, otherwise)
    if kind in ("enum", "literal_error"):
        return f"{shown(value)} is not one of the choices", _choice(value, str(ctx["expected"]))
    if kind.startswith("string_") and ctx:
        return _about_text(kind, value, ctx)
    if wanted := _WANTED.get(kind):
        return f"{shown(value)} where {wanted} belongs", f"give {wanted}"
    problem = f"{shown(value)}: {message}" if _is_scalar(value) else message
    return problem, str(ctx.get("expected", "correct the value"))


def _choice(value: object, expected: str) -> str:
    words = re.findall(r"'([^']*)'", expected)
    otherwise = f"use one of {', '.join(words)}"
    return near_miss(value, words, otherwise) if isinstance(value, str) else otherwise


def _about_text(kind: str, value: object, ctx: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "string_too_long":
        return f"{len(str(value))} characters", f"use at most {ctx['max_length']}"
    if kind == "string_too_short":
        return "an empty text", f"give at least {ctx['min_length']} character"
    return f"{shown(value)} does not fit", f"use {PATTERN_WORDS[ctx['pattern']]}"


_WANTED = {
    "model_type": "an object {…}",
    "dict_type": "an object {…}",
    "mapping_type": "an object {…}",
    "tuple_type": "a list […]",
    "list_type": "a list […]",
    "string_type": "text",
    "string_unicode": "Unicode text",
    "bool_type": "true or false",
}


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | Decimal)


def _shape(loc: Loc) -> Loc:
    """A way into the file with every index and free name as `*`, as far as can be told."""
    return tuple("*" if isinstance(part, int) or at in _FREE else part for at, part in _named(loc))


_FREE = {("graph", "characters"), ("graph", "places")}


def _named(loc: Loc) -> Iterable[tuple[Loc, str | int]]:
    return ((loc[:index], part) for index, part in enumerate(loc))


@cache
def _models_by_shape(model: type[BaseModel], at: Loc = ()) -> dict[Loc, tuple[str, ...]]:
    """The keys that an object may have, by the shape of the way to it."""
    names = tuple(field.alias or name for name, field in model.model_fields.items())
    shapes = {at: tuple(name for name in names if name != EXTENSION)}
    for name, field in model.model_fields.items():
        for inner, steps in _models_in(field.annotation):
            shapes.update(_models_by_shape(inner, (*at, field.alias or name, *steps)))
    return shapes


def _models_in(annotation: Any) -> Iterable[tuple[type[BaseModel], Loc]]:
    """The models inside a field's annotation, with `*` for each list or mapping around them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ()
        return
    inside: Loc = () if get_origin(annotation) is UnionType else ("*",)
    for argument in get_args(annotation):
        if argument is not Ellipsis:
            for inner, steps in _models_in(argument):
                yield inner, (*inside, *steps)
