"""Text cut into pages that fit a screen, between words where the script has any."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

NARROW, WIDE = 8, 21
"""Units of a letter, and of one as wide as a Chinese character: 42 or 16 fill a row, and are read
in the same time."""

_JOINER = "\u200d"
_KEPT = "\u200c\u200d\u200e\u200f\u061c"
_CLOSING = frozenset(
    ".,;:!?)]}\u2019\u201d\u2026\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1a\uff1b\u300d\u300f\uff09\u3011\u30fc"
)
_OPENING = frozenset("([{\u2018\u201c\u300c\u300e\uff08\u3010")
_ENDS = frozenset(".!?\u2026\u3002\uff01\uff1f\u061f\u0964")
_PAUSES = frozenset(",;:\u3001\uff0c\uff1b\uff1a\u060c\u061b\u2013\u2014")
_QUOTES = "\"'\u2019\u201d\u300d\u300f\u00bb)\uff09"


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of a text stands on the screen at once: `rows` of `width` letters."""

    rows: int = 2
    width: int = 42


SHAPE = Shape()
"""What broadcasters agree on: two rows of 42."""


@dataclass(frozen=True, slots=True)
class _Token:
    """What stays in one row; `spaced` where a space stands before it."""

    text: str
    units: int
    spaced: bool


def plain(text: str) -> str:
    """`text` on one line without control characters; joiners and marks of direction stay."""
    kept = (char for char in text if char.isprintable() or char.isspace() or char in _KEPT)
    return " ".join("".join(kept).split())


def units(text: str) -> int:
    """How much room and time `text` takes, in units of `NARROW` a letter."""
    return sum(_units(cluster) for cluster in _clusters(text))


def rows_of(text: str, shape: Shape) -> int:
    """In how many rows of `shape.width` the text is set."""
    tokens = _tokens(text, shape)
    rows = 0
    at = 0
    one = Shape(1, shape.width)
    while at < len(tokens):
        at = _fill(tokens, at, one)
        rows += 1
    return rows


def pages_of(text: str, shape: Shape) -> tuple[str, ...]:
    """The text in pages, in order, of about equal length, cut at the ends of sentences if possible.

    Nothing is lost but the spaces at the cuts.
    """
    tokens = _tokens(text, shape)
    sums = [0, *accumulate(token.units + NARROW * token.spaced for token in tokens)]
    found = []
    at = 0
    while at < len(tokens):
        most = _fill(tokens, at, shape)
        cut = most if most == len(tokens) else _best_cut(tokens, sums, at, most, shape)
        found.append(_text(tokens[at:cut]))
        at = cut
    return tuple(found)


def _best_cut(
    tokens: Sequence[_Token], sums: Sequence[int], first: int, most: int, shape: Shape
) -> int:
    """Where to end the page that starts with token `first` and has room up to `most`."""
    room = shape.rows * shape.width * NARROW
    rest = sums[-1] - sums[first]
    ideal = rest / max(2, -(-rest // (room * 9 // 10)))
    best, least = most, float("inf")
    for cut in range(first + 1, most + 1):
        taken = sums[cut] - sums[first]
        if taken < ideal / 2:
            continue
        last = tokens[cut - 1].text.rstrip(_QUOTES)[-1:]
        gain = 0.4 if last in _ENDS else 0.15 if last in _PAUSES else 0.0
        cost = abs(taken - ideal) / room - gain
        if cost <= least:
            best, least = cut, cost
    return best


def _fill(tokens: Sequence[_Token], first: int, shape: Shape) -> int:
    """The end of the longest run of tokens from `first` that fits; at least one."""
    room = shape.width * NARROW
    row, taken = 1, 0
    for at in range(first, len(tokens)):
        token = tokens[at]
        space = NARROW if token.spaced and taken else 0
        if taken and taken + space + token.units > room:
            if row == shape.rows:
                return at
            row, taken, space = row + 1, 0, 0
        taken += space + token.units
    return len(tokens)


def _text(tokens: Sequence[_Token]) -> str:
    parts = [(" " if token.spaced else "") + token.text for token in tokens]
    return "".join(parts).strip(" ")


def _tokens(text: str, shape: Shape) -> list[_Token]:
    found: list[_Token] = []
    for number, word in enumerate(text.split(" ")):
        spaced = number > 0
        for part in _parts(word, shape.width * NARROW):
            found.append(_Token(part, sum(map(_units, _clusters(part))), spaced))
            spaced = False
    return found


def _parts(word: str, room: int) -> Iterator[str]:
    """A word where it may be broken: beside wide characters, and wherever it is too long."""
    part, taken, breakable = "", 0, False
    for cluster in _clusters(word):
        size = _units(cluster)
        wide = size >= WIDE
        may = (wide or breakable) and cluster[0] not in _CLOSING and part[-1:] not in _OPENING
        if part and (may or taken + size > room):
            yield part
            part, taken = "", 0
        part += cluster
        taken += size
        breakable = wide
    if part:
        yield part


def _clusters(text: str) -> Iterator[str]:
    """Characters with what belongs to them: accents, joined emoji, flags."""
    cluster = ""
    for char in text:
        if cluster and (_extends(char) or cluster[-1] == _JOINER or _is_flag(cluster, char)):
            cluster += char
            continue
        if cluster:
            yield cluster
        cluster = char
    if cluster:
        yield cluster


def _extends(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or char in _KEPT
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _is_flag(cluster: str, char: str) -> bool:
    """Two letters of a country make one flag."""
    letters = ("\U0001f1e6", "\U0001f1ff")
    return (
        len(cluster) == 1
        and letters[0] <= cluster <= letters[1]
        and letters[0] <= char <= letters[1]
    )


def _units(cluster: str) -> int:
    if unicodedata.category(cluster[0]) in ("Mn", "Me") or cluster[0] in _KEPT:
        return 0
    return WIDE if unicodedata.east_asian_width(cluster[0]) in "WF" else NARROW
