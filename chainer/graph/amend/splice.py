"""One value of a JSON text is changed, and everything else stays as it was written.

What differs between the value that stands there and the one wanted is found key by key and line by
line; only that is written anew, as its neighbours are written. Order, indentation, the spelling of
numbers and signs, line ends and a byte order mark stay. Refuses what cannot be changed like that
(`Unspliceable`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chainer.graph.amend.spans import (
    Inside,
    Span,
    Unspliceable,
    document,
    inside_of,
    locate,
)
from chainer.graph.amend.style import Style, colon_of, line_start, render, render_text
from chainer.graph.sources.text import read_json

Way = tuple[str | int, ...]
"""The way to a value: keys and list indexes."""

Orders = Mapping[Way, Sequence[str]]
"""In which order keys are usually written, by the way to their object from the spliced value."""


def splice(text: str, way: Way, value: Any, orders: Orders | None = None) -> str:
    """`text` with `value` (plain JSON values) at `way`; nothing outside that value changes.

    A value that is equal leaves its text as it is. Raises `Unspliceable`.
    """
    span = locate(text, way)
    lead = line_start(text, span.start, "")
    body = _Body(text[span.start : span.end], Style.of(text), lead, orders or {})
    return text[: span.start] + body.rewritten(value) + text[span.end :]


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values say the same; 1 and 1.0 do, 1 and true do not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if _number(one) and _number(other):
        return Fraction(one) == Fraction(other) if _modest(one, other) else one == other
    return type(one) is type(other) and bool(one == other)


def _number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _modest(*values: Any) -> bool:
    """Whether the numbers may be written out: 1e999999999 may not."""
    return all(not isinstance(value, Decimal) or abs(value.adjusted()) < 400 for value in values)


class _Body:
    """The text of one value while it is changed, one difference after the other."""

    def __init__(self, text: str, style: Style, lead: str, orders: Orders) -> None:
        self.text = text
        self._style = style
        self._lead = lead
        self._orders = orders

    def rewritten(self, value: Any) -> str:
        """The text once it says `value`."""
        self._to((), read_json(self.text), value)
        if not same(read_json(self.text), value):
            raise Unspliceable("the value cannot be changed in place")
        return self.text

    def _to(self, way: Way, old: Any, new: Any) -> None:
        if same(old, new):
            return
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            self._object_to(way, old, new)
        elif isinstance(old, list) and isinstance(new, list | tuple):
            self._list_to(way, old, new)
        else:
            span = self._span(way)
            style = self._style
            if way:
                style = style.beside(self.text, inside_of(self.text, self._span(way[:-1])))
            else:
                style = style.beside(self.text, Inside(0, (), 0))
            self._put(span, render(new, style, self._indent(span.start)))

    def _object_to(self, way: Way, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        for key in old:
            if key not in new:
                self._drop(way, key)
            else:
                self._to((*way, key), old[key], new[key])
        for key in new:
            if key not in old:
                self._add(way, key, new[key])

    def _list_to(self, way: Way, old: Sequence[Any], new: Sequence[Any]) -> None:
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        pairs = min(len(old), len(new)) - head - tail
        for at in range(head, head + pairs):
            self._to((*way, at), old[at], new[at])
        for _ in range(len(old) - head - tail - pairs):
            self._drop(way, head + pairs)
        for at in range(head + pairs, len(new) - tail):
            self._insert(way, at, "", new[at])

    def _add(self, way: Way, key: str, value: Any) -> None:
        """A new member stands behind the last of those that usually go before it."""
        members = inside_of(self.text, self._span(way)).members
        order = list(self._orders.get(way, ()))
        at = len(members)
        if key in order:
            before = set(order[: order.index(key)])
            places = [number for number, one in enumerate(members, 1) if one.key in before]
            at = max(places, default=0)
        self._insert(way, at, key, value)

    def _insert(self, way: Way, at: int, key: str, value: Any) -> None:
        span = self._span(way)
        inside = inside_of(self.text, span)
        style = self._style.beside(self.text, inside)
        keyed = self.text[span.start] == "{"
        indent = self._indent(span.start)
        members = inside.members
        name = render_text(key, style) + colon_of(self.text, members, style) if keyed else ""
        if not members:
            inner = indent + style.unit
            one = name + render(value, style, inner if style.lines else indent)
            pad = style.pad if keyed else ""
            ends = (style.new_line + inner, style.new_line + indent) if style.lines else (pad, pad)
            self._put(Span(inside.open + 1, inside.close), f"{ends[0]}{one}{ends[1]}")
            return
        # A line of its own for each member has its own indent; on one line the object's counts.
        broken = _has_line(self.text[inside.open + 1 : members[0].at])
        piece = name + render(value, style, self._indent(members[0].at) if broken else indent)
        between = self._between(inside, style)
        if at == 0:
            self._put(Span(members[0].at, members[0].at), piece + between)
        else:
            end = members[at - 1].value.end
            self._put(Span(end, end), between + piece)

    def _between(self, inside: Inside, style: Style) -> str:
        """What stands between two members."""
        members = inside.members
        if len(members) > 1:
            return self.text[members[0].value.end : members[1].at]
        opening = self.text[inside.open + 1 : members[0].at]
        return f",{opening}" if _has_line(opening) else style.comma

    def _drop(self, way: Way, which: str | int) -> None:
        inside = inside_of(self.text, self._span(way))
        members = inside.members
        at = which if isinstance(which, int) else [one.key for one in members].index(which)
        if at > 0:
            gone = Span(members[at - 1].value.end, members[at].value.end)
        elif len(members) > 1:
            gone = Span(members[0].at, members[1].at)
        else:
            gone = Span(inside.open + 1, inside.close)
        self._put(gone, "")

    def _span(self, way: Way) -> Span:
        return locate(self.text, way, document(self.text))

    def _indent(self, at: int) -> str:
        return line_start(self.text, at, self._lead)

    def _put(self, span: Span, piece: str) -> None:
        self.text = self.text[: span.start] + piece + self.text[span.end :]


def _has_line(text: str) -> bool:
    return "\n" in text or "\r" in text


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many values two lists start with together."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if not same(first, second):
            break
        count += 1
    return count
