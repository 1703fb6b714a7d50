"""Keys: how a person names a group of atoms on the command line.

`tag:calm`, `author:p-mei`, `character:mei`, `place:pier` and `atom:a3` name one thing each;
a bare word is matched against tags, author, characters and id. Case counts. Refuses other
prefixes, so that a typo does not silently match nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chainer.errors import WalkError
from chainer.graph.atom import Atom

Matcher = Callable[[Atom], bool]


def _about(part: Callable[[Atom], tuple[str, ...]]) -> Callable[[str], Matcher]:
    return lambda word: lambda atom: word in part(atom)


def _tags(atom: Atom) -> tuple[str, ...]:
    return atom.tags


def _author(atom: Atom) -> tuple[str, ...]:
    return (atom.author,)


def _characters(atom: Atom) -> tuple[str, ...]:
    """Seen or heard."""
    return atom.characters


def _place(atom: Atom) -> tuple[str, ...]:
    return () if atom.place is None else (atom.place,)


def _id(atom: Atom) -> tuple[str, ...]:
    return (atom.id,)


def _any(atom: Atom) -> tuple[str, ...]:
    return (*atom.tags, atom.author, *atom.characters, atom.id)


_PREFIXES: Mapping[str, Callable[[str], Matcher]] = {
    "tag": _about(_tags),
    "author": _about(_author),
    "character": _about(_characters),
    "place": _about(_place),
    "atom": _about(_id),
}


def matcher(key: str) -> Matcher:
    """Whether an atom is one of those that `key` names.

    Raises `WalkError` for an empty key and an unknown prefix.
    """
    prefix, colon, word = key.partition(":")
    if not colon:
        prefix, word = "", key
    if not word or (colon and prefix not in _PREFIXES):
        known = ", ".join(f"{name}:…" for name in _PREFIXES)
        raise WalkError(f"{key!r} is no key; use {known} or a bare word", code="key", key=key)
    return _PREFIXES[prefix](word) if colon else _about(_any)(word)
