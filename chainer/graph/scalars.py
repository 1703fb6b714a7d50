"""The small values of a graph file: ids, texts, times, moments, boxes, facts.

Holds the annotated types that the models are made of. Refuses control characters in every
text, because titles and names travel on into metadata files, captions and command lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from chainer.timebase import parse_time, time_text

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
LINE_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
TERRITORY_PATTERN = r"^[A-Z]{2}$"
TEXT_PATTERN = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"

PATTERN_WORDS: Mapping[str, str] = {
    ID_PATTERN: '1 to 64 letters, digits, ".", "_" or "-", the first a letter or digit',
    TERRITORY_PATTERN: "a country in two capital letters, such as DE",
    LINE_PATTERN: "one line of text without control characters",
    TEXT_PATTERN: "text without control characters other than tab and newline",
}
"""What each pattern asks for, in the words of a fault."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A name by which parts of a file refer to each other."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=LINE_PATTERN)]
"""A short label such as a tag: 1 to 64 characters on one line."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=LINE_PATTERN)]
"""A title or name: 1 to 300 characters on one line."""

Text = Annotated[str, StringConstraints(max_length=20_000, pattern=TEXT_PATTERN)]
"""Prose: up to 20,000 characters, newlines allowed."""

Territory = Annotated[str, StringConstraints(pattern=TERRITORY_PATTERN)]
"""A country, by its ISO 3166-1 alpha-2 code."""

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""A file as the graph names it; `shelf.py` says which are allowed."""

_TIME_WORDS = 'write seconds of 0 or more as "9.5", "2/5" or 9'
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
)


class Box(NamedTuple):
    """A rectangle of the picture: fractions of its width and height, origin top left."""

    x: Fraction
    y: Fraction
    width: Fraction
    height: Fraction


def read_number(value: object) -> Fraction:
    """The exact number that `value` writes: as `parse_time`, and from a `Decimal`.

    Raises `ValueError` for what is no number or has more than 12 digits before or 9 after
    the point.
    """
    if isinstance(value, Decimal):
        # Looked at before it is written out: format(Decimal("1e999999999"), "f") is a gigabyte.
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -9 or value.adjusted() > 11:
            raise ValueError(f"{value} is not a time")
        value = format(value, "f")
    if isinstance(value, str):
        return _read_text(value)
    return parse_time(value)


@lru_cache(maxsize=4096)
def _read_text(text: str) -> Fraction:
    """Kept for a while, since the atoms of a large graph repeat the same few times."""
    if not text.isascii():
        raise ValueError(f"{text!r} is not a time")  # \d would take the digits of any script
    return parse_time(text)


def _time(value: object) -> Fraction:
    try:
        seconds = read_number(value)
    except ValueError:
        raise PydanticCustomError("time", "not a time", {"expected": _TIME_WORDS}) from None
    if seconds.numerator < 0:  # the sign of a Fraction, without the cost of comparing one
        raise PydanticCustomError("time", "a negative time", {"expected": _TIME_WORDS})
    return seconds


_DECIBELS = re.compile(r"-?[0-9]{1,2}(\.[0-9]{1,3})?")
_MOST_DECIBELS = 60


def _decibels(value: object) -> Fraction:
    text = value if isinstance(value, str) else ""
    if isinstance(value, int | float | Decimal | Fraction) and not isinstance(value, bool):
        text = time_text(read_number(value)) if -99 <= value <= 99 else ""
    if not _DECIBELS.fullmatch(text) or abs(gain := Fraction(text)) > _MOST_DECIBELS:
        expected = 'write decibels from -60 to 60 as "-3", "1.5" or -3'
        raise PydanticCustomError("decibels", "not a level", {"expected": expected})
    return gain


def _moment(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass  # the 31st of February
    expected = 'write date, time and zone as "2026-10-01T08:00:00Z"'
    raise PydanticCustomError("moment", "not a date with time and zone", {"expected": expected})


def moment_text(value: datetime) -> str:
    """A moment as RFC 3339 writes it, with `Z` for UTC."""
    return value.isoformat().replace("+00:00", "Z")


def _box(value: object) -> Box:
    expected = "give [x, y, width, height], each a fraction of the picture, origin top left"
    try:
        box = Box(*map(read_number, value if isinstance(value, list | tuple) else ()))
    except (ValueError, TypeError):  # TypeError where they are not four
        raise PydanticCustomError("box", "not a box", {"expected": expected}) from None
    if min(box.width.numerator, box.height.numerator) <= 0:
        raise PydanticCustomError("box", "an empty box", {"expected": expected})
    if min(box.x.numerator, box.y.numerator) < 0 or box.x + box.width > 1 or box.y + box.height > 1:
        expected = "keep x, y, x + width and y + height between 0 and 1"
        raise PydanticCustomError("box", "the box lies outside the picture", {"expected": expected})
    return box


def _box_numbers(box: Box) -> list[Any]:
    texts = [time_text(part) for part in box]
    # A number where a decimal is exact, as people write boxes; otherwise the ratio's text.
    return [text if "/" in text else (float(text) if "." in text else int(text)) for text in texts]


_LINE = re.compile(LINE_PATTERN)


def _fact(value: object) -> str | bool | int | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str) and len(value) <= 300 and _LINE.fullmatch(value):
        return value
    expected = "give one line of up to 300 characters, a whole number, true, false or null"
    raise PydanticCustomError("fact", "not a fact", {"expected": expected})


_NUMBER_TEXT = "[0-9]{1,12}(\\.[0-9]{1,9})?|[0-9]{1,12}/[1-9][0-9]{0,11}"
_NUMBER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": f"^({_NUMBER_TEXT})$"},
        {"type": "number", "minimum": 0},
    ],
}

Time = Annotated[
    Fraction,
    PlainValidator(_time),
    PlainSerializer(time_text, return_type=str),
    WithJsonSchema({**_NUMBER_SCHEMA, "description": "Seconds, exact."}),
]
"""Exact seconds, 0 or more."""

Decibels = Annotated[
    Fraction,
    PlainValidator(_decibels),
    PlainSerializer(time_text, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{_DECIBELS.pattern}$"},
                {"type": "number", "minimum": -_MOST_DECIBELS, "maximum": _MOST_DECIBELS},
            ],
            "description": "Decibels, exact.",
        }
    ),
]
"""An exact level or change of level in dB, from -60 to 60."""

Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    PlainSerializer(moment_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time with its zone, as RFC 3339 writes it."""

PictureBox = Annotated[
    Box,
    PlainValidator(_box),
    PlainSerializer(_box_numbers, return_type=list[Any]),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"anyOf": [*_NUMBER_SCHEMA["anyOf"][:1], {"type": "number", "maximum": 1}]},
            "minItems": 4,
            "maxItems": 4,
            "description": "[x, y, width, height], fractions of the picture, origin top left.",
        },
    ),
]
"""A `Box` that is not empty and lies inside the picture."""

Fact = Annotated[
    str | bool | int | None,
    PlainValidator(_fact),
    WithJsonSchema({"type": ["string", "boolean", "integer", "null"], "maxLength": 300}),
]
"""What is known of something; null says that a fact seen earlier no longer holds."""

Facts = Mapping[Word, Fact]
"""Facts by name, such as `{"coat": "yellow"}`."""
