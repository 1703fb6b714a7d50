"""Which way letters run: the Unicode Bidirectional Algorithm without explicit formatting.

`clusters.cleaned` takes that out; marks such as RLM stay, which are letters to the algorithm.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby

_OPENING = dict(zip("([{⟨「『（［｛〈《【〔", ")]}⟩」』）］｝〉》】〕", strict=True))
_CLOSING = frozenset(_OPENING.values())
_NEUTRAL = frozenset(("B", "S", "WS", "ON"))


def base_level(text: str) -> int:
    """1 where the first letter of `text` runs from right to left, else 0."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return 1
        if kind == "L":
            return 0
    return 0


def levels(text: str, base: int) -> list[int]:
    """The level of each character of one paragraph: odd ones run from right to left."""
    kinds = [unicodedata.bidirectional(char) or "L" for char in text]
    places = [n for n, kind in enumerate(kinds) if kind != "BN"]
    run = [kinds[n] for n in places]
    side = "R" if base else "L"
    _resolve_weak(run, side)
    _resolve_brackets(run, [text[n] for n in places], side)
    _resolve_neutral(run, side)
    result = [base] * len(text)
    for n, kind in zip(places, run, strict=True):
        if base:
            result[n] = 1 if kind == "R" else 2
        else:
            result[n] = {"L": 0, "R": 1}.get(kind, 2)
    for n, kind in enumerate(kinds):
        if kind == "BN" and n:
            result[n] = result[n - 1]
    return result


def visual_order(line: Sequence[int]) -> list[int]:
    """The places of a line from left to right, from the levels of its parts in reading order."""
    order = list(range(len(line)))
    if not line:
        return order
    lowest = min((level for level in line if level % 2), default=max(line) + 1)
    for level in range(max(line), lowest - 1, -1):
        turned: list[int] = []
        for high, group in groupby(order, key=lambda n: line[n] >= level):
            places = list(group)
            turned += reversed(places) if high else places
        order = turned
    return order


def _resolve_weak(run: list[str], side: str) -> None:
    """Rules W1 to W7, in place."""
    before, strong = side, side
    for n, kind in enumerate(run):
        if kind == "NSM":
            run[n] = before
        elif kind == "EN" and strong == "AL":
            run[n] = "AN"
        elif kind in ("L", "R", "AL"):
            strong = kind
        before = run[n]
    run[:] = ["R" if kind == "AL" else kind for kind in run]
    for n in range(1, len(run) - 1):
        left, right = run[n - 1], run[n + 1]
        if left == right and (
            (run[n] in ("ES", "CS") and left == "EN") or (run[n] == "CS" and left == "AN")
        ):
            run[n] = left
    _terminators(run)
    strong = side
    for n, kind in enumerate(run):
        if kind in ("ES", "ET", "CS"):
            run[n] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            run[n] = "L"


def _terminators(run: list[str]) -> None:
    """Rule W5: signs such as % and € belong to the number beside them."""
    start = 0
    while start < len(run):
        end = start
        while end < len(run) and run[end] == "ET":
            end += 1
        if end > start and "EN" in (*run[max(0, start - 1) : start], *run[end : end + 1]):
            run[start:end] = ["EN"] * (end - start)
        start = max(end, start + 1)


def _resolve_brackets(run: list[str], chars: Sequence[str], side: str) -> None:
    """Rule N0: a pair of brackets runs as what it holds."""
    stack: list[tuple[str, int]] = []
    pairs = []
    for n, char in enumerate(chars):
        if run[n] != "ON":
            continue
        if char in _OPENING:
            stack.append((_OPENING[char], n))
        elif char in _CLOSING:
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] == char:
                    pairs.append((stack[depth][1], n))
                    del stack[depth:]
                    break
    for first, last in sorted(pairs):
        inside = {_direction(kind) for kind in run[first + 1 : last]} - {""}
        if not inside:
            continue
        chosen = side
        if side not in inside:
            earlier = next((d for k in reversed(run[:first]) if (d := _direction(k))), side)
            chosen = earlier if earlier in inside else side
        run[first] = run[last] = chosen


def _direction(kind: str) -> str:
    return "R" if kind in ("R", "EN", "AN") else kind if kind == "L" else ""


def _resolve_neutral(run: list[str], side: str) -> None:
    """Rules N1 and N2, in place."""
    start = 0
    while start < len(run):
        end = start
        while end < len(run) and run[end] in _NEUTRAL:
            end += 1
        if end > start:
            left = _direction(run[start - 1]) if start else side
            right = _direction(run[end]) if end < len(run) else side
            run[start:end] = [left if left == right else side] * (end - start)
        start = max(end, start + 1)
