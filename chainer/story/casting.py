"""Who plays which role: from what a caller says to ids, names, authors and persons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainer.errors import InputError
from chainer.graph.faults import near_miss
from chainer.graph.model import WORLD
from chainer.graph.scalars import ID_PATTERN, PATTERN_WORDS
from chainer.story.template import Template


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a caller says of the roles, each by the role's name; `words` by the word's.

    `roles` are the ids of characters, `names` how they are called, `authors` who makes their
    atoms (else the person, else the character's id), `persons` who must consent.
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    authors: Mapping[str, str] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Player:
    """A role that is cast."""

    id: str
    name: str
    author: str
    person: str | None


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """`A=mei` as a role and its value. Raises `InputError` for another form, and for one twice."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or not value.strip():
            raise InputError(f"{option} {text[:60]!r}: write NAME=VALUE, as in A=mei", code="usage")
        if key in found:
            raise InputError(f"{option}: {key} is given twice; keep one", code="doubled-role")
        found[key] = value.strip()
    return found


def cast(template: Template, wishes: Wishes) -> dict[str, Player]:
    """Every role of the template with who plays it.

    Raises `InputError` where a role is missing or unknown, an id is none, and where two would be
    the same.
    """
    for option, given in (
        ("--role", wishes.roles),
        ("--name", wishes.names),
        ("--author", wishes.authors),
        ("--person", wishes.persons),
    ):
        for role in given:
            if role not in template.roles:
                known = [*template.roles]
                expected = near_miss(role, known, f"the roles are {', '.join(known)}")
                raise InputError(
                    f"{option} {role}: {template.name} has no such role; {expected}",
                    code="unknown-role",
                    role=role,
                )
    missing = [
        name
        for name, role in template.roles.items()
        if role.default is None and name not in wishes.roles
    ]
    if missing:
        listed = "; ".join(f"{name} is {template.roles[name].about}" for name in missing)
        asked = " ".join(f"--role {name}=ID" for name in missing)
        raise InputError(
            f"{template.name}: say who plays {_and(missing)} with {asked} ({listed})",
            code="missing-role",
            roles=missing,
        )
    players = {name: _player(template, wishes, name) for name in template.roles}
    _demand_apart(template, players)
    return players


def words_of(template: Template, wishes: Wishes) -> dict[str, str]:
    """The template's words as they are chosen. Raises `InputError` for an unknown one."""
    for word in wishes.words:
        if word not in template.words:
            known = [*template.words]
            otherwise = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(
                f"--word {word}: {template.name} has no such word; "
                f"{near_miss(word, known, otherwise)}",
                code="unknown-word",
                word=word,
            )
    return {name: wishes.words.get(name, one.default) for name, one in template.words.items()}


def _player(template: Template, wishes: Wishes, name: str) -> Player:
    role = template.roles[name]
    ident = _id("--role", name, wishes.roles.get(name, role.default or ""))
    person = wishes.persons.get(name)
    author = wishes.authors.get(name) or person or ident
    if role.person and person is None:
        person = author
    return Player(
        id=ident,
        name=wishes.names.get(name) or _called(ident, role.name, name in wishes.roles),
        author=_id("--author", name, author),
        person=None if person is None else _id("--person", name, person),
    )


def _called(ident: str, suggested: str | None, chosen: bool) -> str:  # noqa: FBT001 - see _player
    """The template's name for a role nobody chose, else the id as a name: mei-lin is Mei Lin."""
    if suggested is not None and not chosen:
        return suggested
    bare = re.sub(r"^p-(?=.)", "", ident)
    return " ".join(part[:1].upper() + part[1:] for part in re.split(r"[-_.]+", bare) if part)


def _id(option: str, role: str, text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise InputError(
            f"{option} {role}={text[:60]!r} is no id; write {PATTERN_WORDS[ID_PATTERN]}",
            code="id",
            role=role,
        )
    return text


def _demand_apart(template: Template, players: Mapping[str, Player]) -> None:
    taken: dict[str, str] = {name: f"the place {name}" for name in template.places}
    taken[WORLD] = "the word for facts of the world"
    for name, player in players.items():
        if not template.roles[name].seen:
            continue
        if player.id in taken:
            raise InputError(
                f"--role {name}={player.id}: that is {taken[player.id]} already; choose another id",
                code="clash",
                role=name,
            )
        taken[player.id] = f"role {name}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
