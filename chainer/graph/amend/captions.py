"""Changes of an atom's lines of dialogue, which become its captions.

    1.2:2.8=Is anyone there?        a line from 1.2 s to 2.8 s: added, or its text replaced
    1.2:2.8@mei=Is anyone there?    spoken by mei
    1.2:2.8=                        the line with exactly this range goes
    #2=Is anyone there?             the text of the second line; #2= takes it away
    Is anyone there?                the text of the only line
    =#2=…                           the text of the only line, whatever it starts with

Times are of the untrimmed media, in seconds: 1.2, 2/5 or 3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from chainer.errors import InputError
from chainer.graph.amend.change import Node, without
from chainer.graph.scalars import read_number
from chainer.timebase import time_text

_TIME = r"[0-9]+(?:\.[0-9]+)?(?:/[0-9]+)?"
_RANGED = re.compile(rf"({_TIME}):({_TIME})(?:@([^=\s]*))?=(.*)", re.DOTALL)
_NUMBERED = re.compile(r"#([0-9]{1,4})=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Caption:
    """One line: by its range `[start, end)` in seconds, by its number from 1, or the only one.

    An empty text takes the line away. A `character` is set where it is given, and tells apart two
    lines of one range.
    """

    text: str
    start: Fraction | None = None
    end: Fraction | None = None
    character: str | None = None
    number: int | None = None

    def applied(self, node: Node) -> dict[str, Any]:
        """The node with the line. Raises `InputError` where it cannot be told which is meant."""
        lines = [dict(line) for line in node.get("dialogue") or ()]
        if self.start is not None and self.end is not None:
            self._by_range(lines, self.start, self.end, str(node.get("id")))
        else:
            self._at(lines, self._place(lines, str(node.get("id"))))
        if not lines and "dialogue" not in node:
            return dict(node)
        return {**node, "dialogue": lines} if lines else without(node, "dialogue")

    def _by_range(
        self, lines: list[dict[str, Any]], start: Fraction, end: Fraction, atom: str
    ) -> None:
        there = [at for at, line in enumerate(lines) if _range(line) == (start, end)]
        if len(there) > 1:
            spoken = [at for at in there if lines[at].get("character") == self.character]
            if len(spoken) != 1:
                raise InputError(
                    f"{atom} has {len(there)} lines from {time_text(start)} to {time_text(end)} s; "
                    "name who speaks, as in START:END@ID=TEXT, or the line, as in #2=TEXT",
                    code="ambiguous-caption",
                    atom=atom,
                )
            there = spoken
        if there:
            self._at(lines, there[0])
        elif self.text:
            line = {"start": time_text(start), "end": time_text(end)}
            if self.character is not None:
                line["character"] = self.character
            at = sum(1 for one in lines if (_range(one) or (end, end))[0] <= start)
            lines.insert(at, {**line, "text": self.text})
        else:
            raise InputError(
                f"{atom} has no line from {time_text(start)} to {time_text(end)} s to take away; "
                f"{_listed(lines)}",
                code="unknown-caption",
                atom=atom,
            )

    def _at(self, lines: list[dict[str, Any]], at: int) -> None:
        if not self.text:
            del lines[at]
            return
        lines[at]["text"] = self.text
        if self.character is not None:
            lines[at]["character"] = self.character

    def _place(self, lines: Sequence[Node], atom: str) -> int:
        if self.number is not None:
            if not 1 <= self.number <= len(lines):
                raise InputError(
                    f"{atom} has no line {self.number}; {_listed(lines)}",
                    code="unknown-caption",
                    atom=atom,
                )
            return self.number - 1
        if len(lines) != 1:
            raise InputError(
                f"{atom} has {'no line' if not lines else f'{len(lines)} lines'} of dialogue: say "
                f"which is meant, as in 1.2:2.8=TEXT; {_listed(lines)}",
                code="ambiguous-caption",
                atom=atom,
            )
        return 0


@dataclass(frozen=True, slots=True)
class NoCaptions:
    """All lines of dialogue go."""

    def applied(self, node: Node) -> dict[str, Any]:
        """The node without `dialogue`."""
        return without(node, "dialogue")


def parse_caption(text: str) -> Caption:
    """A caption as it is written on the command line. Raises `InputError`."""
    if ranged := _RANGED.fullmatch(text):
        try:
            start, end = read_number(ranged[1]), read_number(ranged[2])
        except ValueError as error:
            raise InputError(f"--caption {text[:60]!r}: {error}", code="caption") from None
        return Caption(ranged[4], start, end, ranged[3])
    if numbered := _NUMBERED.fullmatch(text):
        return Caption(numbered[2], number=int(numbered[1]))
    plain = text.removeprefix("=")
    if not plain:
        raise InputError(
            "--caption: an empty text; use --no-captions to take all away", code="caption"
        )
    return Caption(plain)


def _range(line: Node) -> tuple[Fraction, Fraction] | None:
    """When a line is spoken; None for one that says no such thing."""
    try:
        return read_number(line.get("start")), read_number(line.get("end"))
    except ValueError:
        return None


def _listed(lines: Sequence[Node]) -> str:
    if not lines:
        return "it has none"
    shown = [f"#{number} {_said(line)}" for number, line in enumerate(lines[:8], 1)]
    more = f", and {len(lines) - 8} more" if len(lines) > 8 else ""
    return f"it has {', '.join(shown)}{more}"


def _said(line: Node) -> str:
    found = _range(line)
    when = f"{time_text(found[0])}:{time_text(found[1])}" if found else "?"
    text = str(line.get("text", ""))
    return f"{when} “{text if len(text) <= 30 else text[:29] + '…'}”"
