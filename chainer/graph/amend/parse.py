"""The other words of `chainer edit` as values: ranges, levels, slots."""

from __future__ import annotations

from fractions import Fraction

from chainer.errors import InputError
from chainer.graph.amend.change import GainTo, SlotTo, TrimTo
from chainer.graph.faults import near_miss
from chainer.graph.scalars import read_number
from chainer.graph.words import SlotFill, SlotKind


def parse_trim(text: str) -> TrimTo:
    """`START:END` or `:END` in seconds. Raises `InputError`."""
    start, colon, end = text.partition(":")
    if not colon or not end:
        raise _wrong("--trim", text, "write START:END in seconds, as in 1.2:9 or :9")
    first, last = _seconds("--trim", text, start or "0"), _seconds("--trim", text, end)
    if not 0 <= first < last:
        raise _wrong("--trim", text, "let START be 0 or more, and less than END")
    return TrimTo(first, last)


def parse_gain(text: str) -> GainTo:
    """Decibels, such as `-3` or `+1.5`. Raises `InputError`."""
    try:
        if "/" in text:
            raise ValueError
        decibels = read_number(text.removeprefix("+"))
    except ValueError:
        raise _wrong("--gain", text, "write decibels, as in -3 or 1.5") from None
    if abs(decibels) > 60 or (decibels * 1000).denominator != 1:
        raise _wrong("--gain", text, "keep it between -60 and 60, to a thousandth")
    return GainTo(decibels)


def parse_slot(text: str) -> SlotTo:
    """`standard`, or `extended:SECONDS[:FILL[:SCENARIO]]`. Raises `InputError`."""
    kind, *rest = text.split(":", 3)
    if kind == SlotKind.STANDARD and not rest:
        return SlotTo()
    if kind != SlotKind.EXTENDED or not rest:
        advice = "write standard, or extended:SECONDS[:FILL[:SCENARIO]] as in extended:16:fuse"
        raise _wrong("--slot", text, advice)
    fill = None
    if len(rest) > 1 and rest[1]:
        if rest[1] not in tuple(SlotFill):
            known = [one.value for one in SlotFill]
            otherwise = f"the ways to fill it are {', '.join(known)}"
            raise _wrong("--slot", text, near_miss(rest[1], known, otherwise))
        fill = SlotFill(rest[1])
    scenario = rest[2] if len(rest) > 2 and rest[2] else None
    return SlotTo(_seconds("--slot", text, rest[0]), fill, scenario)


def _seconds(option: str, text: str, part: str) -> Fraction:
    try:
        return read_number(part)
    except ValueError:
        advice = f"{part[:40]!r} is no time: write 9.5, 2/5 or 9"
        raise _wrong(option, text, advice) from None


def _wrong(option: str, text: str, advice: str) -> InputError:
    return InputError(f"{option} {text[:60]!r}: {advice}", code=option.strip("-"))
