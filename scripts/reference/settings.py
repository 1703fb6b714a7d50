"""The page of settings: every key of the TOML file, from the models that read it."""

import ast
import enum
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chainer.settings import Settings
from chainer.timebase import time_text


def settings_page() -> str:
    """The text of `docs/settings.md`."""
    parts = [_HEAD, "## At the top\n", _table(Settings, skip=_tables(Settings))]
    for name, model in _tables(Settings).items():
        parts += _section(f"[{name}]", model)
    return "\n".join(parts)


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    inner = _tables(model)
    yield f"## {path}\n"
    yield _prose(model)
    yield _table(model, skip=inner)
    for name, one in inner.items():
        yield from _section(f"{path[:-1]}.{name}]", one)


def _prose(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "") + "\n"


def _tables(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The fields of a model that are tables of their own."""
    return {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _table(model: type[BaseModel], skip: Mapping[str, Any]) -> str:
    told = _told(model)
    rows = ["| key | kind | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name not in skip:
            meaning = " ".join((told.get(name) or field.description or "").split())
            rows.append(f"| `{name}` | {_kind(field)} | {_default(field)} | {_cell(meaning)} |")
    return "\n".join(rows) + "\n"


def _told(model: type[BaseModel]) -> dict[str, str]:
    """The strings that stand below the fields of a model, in its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    found = {}
    for one, below in pairwise(body):
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[one.target.id] = str(below.value.value)
    return found


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fraction):
        return f'"{time_text(value)}"'
    if isinstance(value, enum.Enum):
        return f'"{value.value}"'
    if isinstance(value, str | Path):
        return f'"{value}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple | list | frozenset | set):
        return (
            "["
            + ", ".join(
                sorted(map(_toml, value))
                if isinstance(value, set | frozenset)
                else map(_toml, value)
            )
            + "]"
        )
    if isinstance(value, BaseModel):
        return "{…}"
    return str(value)


def _kind(field: FieldInfo) -> str:
    words = _words(field.annotation)
    bounds = []
    for one in field.metadata:
        for sign, name in ((">", "gt"), ("≥", "ge"), ("<", "lt"), ("≤", "le")):
            if (bound := getattr(one, name, None)) is not None:
                bounds.append(f"{sign} {bound}")
    return _cell(words + (f", {' and '.join(bounds)}" if bounds else ""))


def _words(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    if isinstance(kind, type):
        return _PLAIN.get(kind, kind.__name__)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _words(inner[0])
    if origin is typing.Literal:
        return ", ".join(f"`{getattr(one, 'value', one)}`" for one in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(one) for one in inner if one is not type(None))
    if origin in (tuple, list, frozenset, set):
        return f"list of {_words(inner[0])}"
    if inner and issubclass(origin, Mapping):
        return f"table of {_words(inner[1])}"
    return str(kind)


_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Fraction: "exact number",
    Path: "path",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_HEAD = """\
# Settings

`--settings FILE` reads TOML. Every key has one default, an unknown key is an error with exit
status 2, and what is written on the command line wins over the file. Exact numbers are text such as
`"2/5"` or `"9.5"`, or whole numbers. From Python the same is `chainer.Settings`, or
`chainer.load_settings(path)`.

```toml
workers = 2

[joints]
crossfade_seconds = "2/5"
auto = "cut"

[card]
title = false
```

<!-- Made by scripts/make_docs.py from the models: change those, then run it. -->
"""
