"""Where the values of a JSON text stand in it.

Only the way to a value is walked; whatever lies beside it is passed over by the JSON reader
itself. Refuses a text that is no JSON there, and keys that an object has twice, because nobody
could say which of the two is meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers stay text: nothing is read here but where a value ends.
_SKIP = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class Unspliceable(ValueError):
    """A text that cannot be changed in one place; the message says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """A value is `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object: `text[at:value.start]` is its key, the colon and the space around."""

    key: str
    at: int
    value: Span


@dataclass(frozen=True, slots=True)
class Inside:
    """What stands in an object or a list; `close` is where its last bracket is.

    A list's members have no keys, and each starts where its value does.
    """

    open: int
    members: tuple[Member, ...]
    close: int


def document(text: str) -> Span:
    """The one value of a whole text, after a byte order mark and before what space follows."""
    start = _past(text, 1 if text.startswith("\ufeff") else 0)
    end = _end(text, start)
    if _past(text, end) != len(text):
        raise Unspliceable("something follows the end of the JSON text")
    return Span(start, end)


def locate(text: str, way: Sequence[str | int], within: Span | None = None) -> Span:
    """The value that keys and indexes lead to, from the whole text or from a value of it.

    Raises `Unspliceable` where there is none.
    """
    span = document(text) if within is None else within
    for step in way:
        last = step if isinstance(step, int) else None
        inside = inside_of(text, span, last=last)
        found = [
            member.value
            for number, member in enumerate(inside.members)
            if (number == step if isinstance(step, int) else member.key == step)
        ]
        if not found or text[span.start] != ("[" if isinstance(step, int) else "{"):
            raise Unspliceable(f"there is no {step!r} on the way {list(way)}")
        span = found[0]
    return span


def inside_of(text: str, span: Span, *, last: int | None = None) -> Inside:
    """The members of the object or list there; with `last` none after that one is looked for.

    `close` is then where the looking ended. The text must be whole JSON (`document`).
    """
    opening = text[span.start] if span.start < len(text) else ""
    if opening not in ("{", "["):
        raise Unspliceable("it is no object and no list")
    keyed, closing = opening == "{", "}" if opening == "{" else "]"
    at = _past(text, span.start + 1)
    members: list[Member] = []
    if text[at : at + 1] == closing:
        return Inside(span.start, (), at)
    while True:
        key, value_at = _key(text, at) if keyed else ("", at)
        value = Span(value_at, _end(text, value_at))
        members.append(Member(key, at, value))
        mark = _past(text, value.end)
        if text[mark : mark + 1] == closing or (last is not None and len(members) > last):
            _demand_once(members, keyed=keyed)
            return Inside(span.start, tuple(members), mark)
        at = _past(text, mark + 1)  # a comma: the whole text was read before


def _demand_once(members: Sequence[Member], *, keyed: bool) -> None:
    seen: set[str] = set()
    for member in members if keyed else ():
        if member.key in seen:
            raise Unspliceable(f"the key {member.key!r} is there twice in one object")
        seen.add(member.key)


def _key(text: str, at: int) -> tuple[str, int]:
    end = _end(text, at)
    return json.loads(text[at:end]), _past(text, _past(text, end) + 1)


def _past(text: str, at: int) -> int:
    """The first character from `at` on that is no space."""
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _end(text: str, at: int) -> int:
    try:
        return _SKIP.raw_decode(text, at)[1]
    except json.JSONDecodeError as error:
        raise Unspliceable(f"broken JSON at character {error.pos}: {error.msg}") from error
    except RecursionError as error:
        raise Unspliceable("it nests too deep") from error
