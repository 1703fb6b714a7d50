"""Text as a block list compares it: what looks or reads alike becomes the same tokens.

Case, accents, width, punctuation and invisible characters do not count. Scripts that are written
without spaces give a token for each character, so that a run of tokens is found anywhere in a
line; so does Korean, which writes endings onto its words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_OPTIONAL_MARKS = (
    (0x0300, 0x036F),  # accents
    (0x0591, 0x05C7),  # Hebrew points
    (0x0610, 0x061A),  # Arabic signs and vowels
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x1AB0, 0x1AFF),  # more accents
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
"""Marks that may be left out; those of Indic scripts and of kana are part of the letter."""

_SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3041, 0x30FF),  # kana
    (0x3105, 0x312F),  # bopomofo
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),  # Hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)

_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"}
_LETTERS |= {"\u02bc": " "}
"""Letters that Unicode does not take apart, as a plain keyboard writes them; an apostrophe that
counts as a letter."""

_FILLERS = (0x115F, 0x1160)
"""Letters by name that show nothing."""


class _Table(dict[int, str]):
    """For `str.translate`: what each character becomes, worked out when it is first seen."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _folded(chr(code))
        return found


def _folded(mark: str) -> str:
    text = unicodedata.normalize("NFKD", mark.casefold())
    kept = unicodedata.normalize("NFC", "".join(one for one in text if not _is_optional(one)))
    return "".join(_placed(_LETTERS.get(one, one)) for one in kept)


def _placed(text: str) -> str:
    """A letter as it is, one of a spaceless script on its own, anything else as a space."""
    if len(text) == 1 and unicodedata.category(text)[0] not in "LMN":
        return " "
    return f" {text} " if _within(ord(text[0]), _SPACELESS) else text


def _is_optional(mark: str) -> bool:
    code = ord(mark)
    invisible = code in _FILLERS or unicodedata.category(mark) == "Cf"
    return invisible or _within(code, _OPTIONAL_MARKS)


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


_TABLE = _Table()


def tokens(text: str) -> list[str]:
    """The tokens of `text`; empty where it has neither letter nor digit."""
    return _composed(text).translate(_TABLE).split()


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each of the `tokens` of `text` lies in `shown(text)`, half-open."""
    start = end = -1
    for place, mark in enumerate(_composed(text)):
        for one in _TABLE[ord(mark)]:
            if one == " ":
                if start >= 0:
                    yield start, end
                start = -1
            else:
                start, end = place if start < 0 else start, place + 1
    if start >= 0:
        yield start, end


def shown(text: str) -> str:
    """`text` as the places of `spans` count it: composed, else as it was written."""
    return _composed(text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
