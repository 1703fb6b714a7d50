"""Text in units that are drawn whole: a letter with its marks, a flag, a family, a keycap.

Everything here is about characters; what a font can draw is the business of `face`.
"""

from __future__ import annotations

import unicodedata

LONGEST = 16
"""Characters that a cluster keeps: the longest families and flags have fewer."""

_ZWJ, _TEXT, _COLOUR, _KEYCAP = "\u200d", "\ufe0e", "\ufe0f", "\u20e3"

# What Unicode calls Emoji_Presentation below U+1F000, and blocks of it above.
_EMOJI = (
    *((0x231A, 0x231B), (0x23E9, 0x23EC), (0x23F0, 0x23F0), (0x23F3, 0x23F3), (0x25FD, 0x25FE)),
    *((0x2614, 0x2615), (0x2648, 0x2653), (0x267F, 0x267F), (0x2693, 0x2693), (0x26A1, 0x26A1)),
    *((0x26AA, 0x26AB), (0x26BD, 0x26BE), (0x26C4, 0x26C5), (0x26CE, 0x26CE), (0x26D4, 0x26D4)),
    *((0x26EA, 0x26EA), (0x26F2, 0x26F3), (0x26F5, 0x26F5), (0x26FA, 0x26FA), (0x26FD, 0x26FD)),
    *((0x2705, 0x2705), (0x270A, 0x270B), (0x2728, 0x2728), (0x274C, 0x274C), (0x274E, 0x274E)),
    *((0x2753, 0x2755), (0x2757, 0x2757), (0x2795, 0x2797), (0x27B0, 0x27B0), (0x27BF, 0x27BF)),
    *((0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55), (0x1F004, 0x1F004)),
    *((0x1F0CF, 0x1F0CF), (0x1F18E, 0x1F18E), (0x1F191, 0x1F19A), (0x1F1E6, 0x1F1FF)),
    *((0x1F201, 0x1F201), (0x1F21A, 0x1F21A), (0x1F22F, 0x1F22F), (0x1F232, 0x1F236)),
    *((0x1F238, 0x1F23A), (0x1F250, 0x1F251), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF)),
    *((0x1F7E0, 0x1F7EB), (0x1F7F0, 0x1F7F0), (0x1F900, 0x1F9FF), (0x1FA70, 0x1FAFF)),
)


def cleaned(text: str) -> str:
    """`text` as it is drawn: NFC, one kind of line end and of space, none around a line.

    Embeddings, overrides and isolates are left out: what runs which way is decided by the letters.
    """
    text = unicodedata.normalize("NFC", text)
    for end in ("\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"):
        text = text.replace(end, "\n")
    kept = "".join(
        " " if char == "\t" or _plain_space(char) else char
        for char in text
        if not (0x202A <= ord(char) <= 0x202E or 0x2066 <= ord(char) <= 0x2069)
    )
    lines = (" ".join(part for part in line.split(" ") if part) for line in kept.split("\n"))
    return "\n".join(lines).strip("\n")


def clusters(text: str) -> list[str]:
    """`text` in clusters, in order; joined again they are `text`, but for marks past `LONGEST`."""
    found: list[str] = []
    for char in text:
        if not (found and _joins(found[-1], char)):
            found.append(char)
        elif len(found[-1]) < LONGEST:
            found[-1] += char
    return found


def unseen(char: str) -> bool:
    """Whether a character needs no glyph: spaces, joiners, variation selectors, bidi marks."""
    number = ord(char)
    return (
        char == "\n"
        or unicodedata.category(char) in ("Zs", "Cf")
        or 0xFE00 <= number <= 0xFE0F
        or 0xE0100 <= number <= 0xE01EF
        or number in (0x034F, 0x115F, 0x1160, 0x3164, 0x180B, 0x180C, 0x180D, 0x180F)
    )


def in_colour(cluster: str) -> bool:
    """Whether a cluster is meant as a colour picture, where there is a font of such."""
    if _TEXT in cluster:
        return False
    return _COLOUR in cluster or is_sequence(cluster) or is_emoji(cluster[0])


def is_sequence(cluster: str) -> bool:
    """Whether a cluster is one picture from several: flag, family, skin tone, keycap."""
    if len(cluster) == 1:
        return False
    if _KEYCAP in cluster:
        return cluster[0] in "0123456789#*"
    if _ZWJ in cluster:
        return unicodedata.category(cluster[0]) == "So" or is_emoji(cluster[0])
    return any(
        0x1F3FB <= ord(c) <= 0x1F3FF or _regional(c) or 0xE0020 <= ord(c) <= 0xE007F
        for c in cluster[1:]
    )


def parts_of(cluster: str) -> list[str]:
    """The pictures that are joined in a cluster: shown side by side where there is none for all."""
    return [part for part in cluster.split(_ZWJ) if part]


def is_emoji(char: str) -> bool:
    """Whether a character is a picture unless something else is asked for."""
    number = ord(char)
    return number >= 0x231A and any(low <= number <= high for low, high in _EMOJI)


def _plain_space(char: str) -> bool:
    return unicodedata.category(char) == "Zs" and char not in "\u00a0\u202f"


def _regional(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _joins(before: str, char: str) -> bool:
    if before in ("\n", " ") or char in "\n ":
        return False
    if char < "\u0300":
        return char == "\u00ad"
    number, last = ord(char), before[-1]
    if _regional(char):
        return len(before) == 1 and _regional(before)
    if unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf") or number in (0x0E33, 0x0EB3):
        return True
    if 0x1F3FB <= number <= 0x1F3FF:
        return not before[0].isalnum()
    if last == _ZWJ:
        return True
    if 0x1160 <= number <= 0x11FF:
        return 0x1100 <= ord(last) <= 0x11FF or 0xAC00 <= ord(last) <= 0xD7A3
    # A consonant after a virama is half of a pair.
    return unicodedata.combining(last) == 9 and unicodedata.category(char) == "Lo"
