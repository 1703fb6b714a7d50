"""Taking a change back from an object that may have been changed further by others.

Only what the change touched is put back, key by key; what somebody else wrote beside it stays.
Where somebody else wrote in the same place, nothing is taken back and the place is told. Also says
in words what a change was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chainer.graph.amend.splice import Way, same
from chainer.graph.faults import shown


class _Missing:
    """Stands for a key that is not there."""


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place that was changed again: what the change left there, and what is there now."""

    way: Way
    left: str
    found: str


def taken_back(before: Any, after: Any, current: Any) -> tuple[Any, list[Conflict]]:
    """`current` with the step from `before` to `after` taken back, and what stands against it.

    With conflicts the value is of no use.
    """
    conflicts: list[Conflict] = []
    return _back(before, after, current, (), conflicts), conflicts


def _back(before: Any, after: Any, current: Any, way: Way, conflicts: list[Conflict]) -> Any:
    if _alike(before, after):
        return current
    if _alike(current, after) or _alike(current, before):
        return before
    if isinstance(after, Mapping) and isinstance(current, Mapping):
        # What the change made new may have grown since: what grew stays.
        whole = {} if before is MISSING else before
        if isinstance(whole, Mapping):
            made = dict(current)
            for key in (*whole, *(key for key in after if key not in whole)):
                one = _back(
                    whole.get(key, MISSING),
                    after.get(key, MISSING),
                    current.get(key, MISSING),
                    (*way, key),
                    conflicts,
                )
                if one is MISSING:
                    made.pop(key, None)
                else:
                    made[key] = one
            return made if made or before is not MISSING else MISSING
    conflicts.append(Conflict(way, _shown(after), _shown(current)))
    return current


def _alike(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return same(one, other)


def _shown(value: Any) -> str:
    return "nothing" if value is MISSING else shown(value)


def change_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What became of an object, on one line, such as `trim.end "9" → "8"; title added "Home"`."""
    return "; ".join(_words(before, after, ()))


def _words(before: Any, after: Any, way: Way) -> Iterator[str]:
    if _alike(before, after):
        return
    name = ".".join(str(step) for step in way)
    inner = {} if before is MISSING else before, {} if after is MISSING else after
    if isinstance(inner[0], Mapping) and isinstance(inner[1], Mapping):
        for key in (*inner[0], *(key for key in inner[1] if key not in inner[0])):
            yield from _words(inner[0].get(key, MISSING), inner[1].get(key, MISSING), (*way, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _words(one, other, (*way, number + 1))
    elif isinstance(before, list) and isinstance(after, list):
        yield f"{name} {len(before)} → {len(after)} entries"
    elif before is MISSING:
        yield f"{name} added: {_told(after)}"
    elif after is MISSING:
        yield f"{name} taken away: {_told(before)}"
    else:
        yield f"{name} {_told(before)} → {_told(after)}"


def _told(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    return shown(value)
