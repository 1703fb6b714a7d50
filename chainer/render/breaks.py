"""Where a line of text may end.

After spaces, after hyphens and slashes between letters, and between the letters of scripts that
are written without spaces, but not before a full stop or after an opening bracket. Words of Thai,
Lao, Khmer and Burmese are not known here: their lines end at spaces, or anywhere if there is none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from chainer.render.clusters import in_colour

_NO_START = frozenset(
    "!%),.:;?]}¢°·’”†‡›℃∶、。々〉》」』】〕〗〞︰﹐﹑﹒﹔﹕﹖﹗！＂％＇），．：；？］｀｜｝～…—–‥゛゜"
    "ーぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ々〻ゝゞヽヾ・"
)
_NO_END = frozenset("([{‘“‹«$£¥€〈《「『【〔〖〝﹙﹛（［｛￥＄")
_HYPHENS = frozenset("-‐–—/")


def may_end(parts: Sequence[str]) -> list[bool]:
    """Whether a line may end after each of `parts`, the clusters of a paragraph."""
    found = [_after(parts, n) for n in range(len(parts))]
    if found:
        found[-1] = True
    return found


def _after(parts: Sequence[str], n: int) -> bool:
    this, following = parts[n], parts[n + 1] if n + 1 < len(parts) else " "
    if this == " ":
        return following != " "
    if following == " " or "\u00a0" in (this, following) or "\u2060" in this:
        return False
    if following[0] in _NO_START or this[-1] in _NO_END:
        return False
    if "\u200b" in this or _stands_alone(this) or _stands_alone(following):
        return True
    if this[0] in _HYPHENS:
        before = parts[n - 1] if n else " "
        return before[0].isalpha() and following[0].isalnum()
    return False


def _stands_alone(cluster: str) -> bool:
    char = cluster[0]
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return True
    return ord(char) > 0x2300 and in_colour(cluster)
