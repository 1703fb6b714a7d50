"""What is known of characters and the world: declared, observed, and where the two disagree.

Pure. What an author declares is never overwritten by what a picture shows; a contradiction is
listed instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainer.graph import Atom
from chainer.memory.colours import colour_name
from chainer.memory.keys import Told
from chainer.memory.state import CharacterState, Conflict, Fact, MemoryState, Presence, Source

WORLD = "world"
GRAPH = "graph"
"""Where facts come from that the graph declares for good, before any atom."""
_CLOTHES = frozenset({"coat", "jacket", "sweater", "shirt", "dress", "top", "hoodie", "robe"})
_BASIC = ("black", "white", "grey", "red", "orange", "yellow", "green", "cyan", "teal", "blue")
_COLOURS = frozenset({*_BASIC, "purple", "pink", "brown", "beige"})
_SHARE = 0.04
"""Less of a figure than this does not count as the colour of its clothes."""


def facts_after(
    state: MemoryState | None,
    atom: Atom,
    facts: Told,
    characters: Sequence[CharacterState],
) -> tuple[tuple[Fact, ...], list[Conflict]]:
    """Declared facts first, the newest of them; observed ones beside, never in their place."""
    known = {(one.subject, one.key): one for one in (state.facts if state else ())}
    if state is None:
        for name, told in facts.items():
            for key, value in told.items():
                known[name, key] = Fact(name, key, value, Source.DECLARED, GRAPH)
    declared = [
        (name, key, value) for name, told in atom.facts.items() for key, value in told.items()
    ]
    if atom.place:
        declared.append((WORLD, "place", atom.place))
    if atom.time_of_day:
        declared.append((WORLD, "time_of_day", atom.time_of_day))
    for name, key, value in declared:
        if value is None:
            known.pop((name, key), None)
        else:
            known[name, key] = Fact(name, key, value, Source.DECLARED, atom.id, atom.author)
    conflicts = []
    for one in characters:
        if one.last_atom != atom.id or not one.palette:
            continue
        seen = Fact(one.id, "colours", _colours(one), Source.OBSERVED, atom.id, "", one.confidence)
        known[one.id, "colours"] = seen
        conflicts += [
            Conflict(fact, seen)
            for fact in known.values()
            if fact.subject == one.id and fact.source is Source.DECLARED and _contradicts(fact, one)
        ]
    listed = {c.stands.key + c.stands.subject for c in (state.conflicts if state else ())}
    fresh = [c for c in conflicts if c.stands.key + c.stands.subject not in listed]
    return tuple(known.values()), fresh


def _colours(one: CharacterState) -> str:
    """The colours of the clothes in words, heaviest first, each once."""
    return ", ".join(dict.fromkeys(colour_name(entry[1:]) for entry in one.palette[:3]))


def _contradicts(fact: Fact, one: CharacterState) -> bool:
    """Whether a declared colour of clothes is nowhere to be seen on them."""
    if fact.key.lower() not in _CLOTHES or not isinstance(fact.value, str):
        return False
    wanted = _COLOURS & set(fact.value.lower().split())
    if not wanted or one.presence is not Presence.PRESENT:
        return False
    seen = {
        word
        for weight, *lab in one.palette
        if weight >= _SHARE
        for word in colour_name(lab).replace("-", " ").split()
    }
    return not wanted & _alike(seen)


def _alike(words: set[str]) -> set[str]:
    """Colour words with those that people use for the same cloth."""
    families = (
        {"yellow", "orange", "brown", "beige"},
        {"blue", "teal", "cyan"},
        {"green", "teal", "yellow"},
        {"red", "pink", "orange", "brown", "purple"},
        {"purple", "blue", "pink"},
        {"black", "grey", "brown"},
        {"white", "grey", "beige"},
    )
    return words | {word for family in families if words & family for word in family}
