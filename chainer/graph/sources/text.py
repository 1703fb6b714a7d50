"""Values of a graph file as text in a column, and back, exactly.

A decimal stays the decimal that was written: bodies are read with exact numbers, so they must be
written with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any


def read_json(text: str) -> Any:
    """Plain values, decimals exact."""
    return json.loads(text, parse_float=Decimal)


def write_json(value: Any) -> str:
    """JSON text on one line, as short as it can be, decimals as they were written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except TypeError:
        return "".join(_pieces(value))


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, Decimal):
        yield str(value)
    elif isinstance(value, Mapping):
        yield "{"
        for number, (name, item) in enumerate(value.items()):
            yield "," if number else ""
            yield json.dumps(name, ensure_ascii=False)
            yield ":"
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for number, item in enumerate(value):
            yield "," if number else ""
            yield from _pieces(item)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False)
