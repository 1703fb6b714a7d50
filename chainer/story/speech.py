"""Whether a line can be spoken in its time."""

from __future__ import annotations

import re
from fractions import Fraction

from chainer.graph.sources.words import words_of

WORDS_A_SECOND = 3
"""How fast people speak and are still understood."""

SIGNS_A_SECOND = 5
"""The same for scripts that are counted by the character, such as Chinese."""

_ALONE = re.compile("[\u0e01-\u0e2e\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def seconds_to_speak(text: str) -> Fraction:
    """How long a line takes at least. What is no word takes no time."""
    signs = len(_ALONE.findall(text))
    words = len(words_of(_ALONE.sub(" ", text)))
    return Fraction(words, WORDS_A_SECOND) + Fraction(signs, SIGNS_A_SECOND)
