"""How a JSON text is written: on one line or on many, how far in, with which signs escaped.

What is added to a file is written as its neighbours are. Guesses only where there are none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chainer.graph.amend.spans import Inside, Member

_INLINE = re.compile(r"\{[ \t]*\"")
_NEW_LINE = re.compile(r"\r\n|\n|\r")
_INDENTED = re.compile(r"[\[{][ \t]*(?:\r\n|\n|\r)([ \t]*)")
_ESCAPED = re.compile(r"\\u[0-9a-fA-F]{4}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_COLON = re.compile(r"\"([ \t]*:[ \t]*)")


@dataclass(frozen=True, slots=True)
class Style:
    """How new values are written.

    `lines` is whether containers stand on several lines, `unit` how much further in each is than
    what holds it, `colon` and `comma` what stands between parts on one line, `pad` what stands
    inside the brackets of an object on one line.
    """

    lines: bool
    new_line: str
    unit: str
    colon: str
    comma: str
    pad: str
    ascii: bool

    @classmethod
    def of(cls, text: str) -> Style:
        """The style of a whole text."""
        found = _NEW_LINE.search(text)
        colon = _COLON.search(text)
        between = colon[1] if colon else ": "
        return cls(
            lines=found is not None and _INLINE.search(text) is None and "{" in text,
            new_line=found[0] if found else "\n",
            unit=_unit(text),
            colon=between,
            comma=", " if between != ":" or found else ",",
            pad=" " if re.search(r"\{ +\"", text) else "",
            ascii=text.isascii() and _ESCAPED.search(text) is not None,
        )

    def beside(self, text: str, inside: Inside) -> Style:
        """The style for a value that is put among these: as the first container there is."""
        for member in inside.members:
            value = text[member.value.start : member.value.end]
            if value[0] in "{[" and len(value) > 2:
                return replace(self, lines=_NEW_LINE.search(value) is not None)
        if inside.members and _NEW_LINE.search(text, inside.open, inside.close) is None:
            return replace(self, lines=False)
        return self


def colon_of(text: str, members: tuple[Member, ...], style: Style) -> str:
    """What stands between a key and its value in an object."""
    if members:
        key = text[members[0].at : members[0].value.start]
        return key[key.rindex('"') + 1 :]
    return style.colon


def line_start(text: str, at: int, otherwise: str) -> str:
    """The white space that the line of `text[at]` starts with; `otherwise` on the first line."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    if start == 0:
        return otherwise
    found = re.compile(r"[ \t]*").match(text, start, at)
    return found[0] if found else ""


def render(value: Any, style: Style, indent: str) -> str:
    """`value` as JSON; lines after the first start with `indent`."""
    if isinstance(value, Mapping):
        parts = [
            f"{render_text(str(key), style)}{style.colon}{render(item, style, indent + style.unit)}"
            for key, item in value.items()
        ]
        return _held("{}", parts, style, indent, style.pad)
    if isinstance(value, list | tuple):
        inner = [render(item, style, indent + style.unit) for item in value]
        return _held("[]", inner, style, indent, "")
    if isinstance(value, str):
        return render_text(value, style)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def render_text(text: str, style: Style) -> str:
    """A string as JSON."""
    return json.dumps(text, ensure_ascii=style.ascii or _SURROGATE.search(text) is not None)


def _held(brackets: str, parts: list[str], style: Style, indent: str, pad: str) -> str:
    if not parts:
        return brackets
    if not style.lines:
        return f"{brackets[0]}{pad}{style.comma.join(parts)}{pad}{brackets[1]}"
    line = f"{style.new_line}{indent}{style.unit}"
    return f"{brackets[0]}{line}{f',{line}'.join(parts)}{style.new_line}{indent}{brackets[1]}"


def _unit(text: str) -> str:
    """How much further in the second level of a text is than the first."""
    found = _INDENTED.search(text)
    if found is None:
        return "  "
    before = line_start(text, found.start(), "")
    return found[1].removeprefix(before) or "  "
