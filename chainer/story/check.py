"""Whether the parts of a template fit each other: roles, words, places, edges, times.

What the graph's own checks find in the filled graph (cycles, doubled edges) is left to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chainer.graph.faults import Found, Loc, near_miss, shown
from chainer.graph.model import WORLD
from chainer.story.template import PLACEHOLDER, Plan, Template
from chainer.timebase import time_text


def check_template(template: Template) -> list[Found]:
    """Every fault between the parts of a template."""
    return [
        *_names(template),
        *_atoms(template),
        *_edges(template),
        *_series(template),
        *_texts(template),
    ]


def _names(template: Template) -> Iterator[Found]:
    if not any(role.default is None for role in template.roles.values()):
        expected = "leave the default out of at least one role"
        yield Found(("roles",), "no role is left to be cast", expected, "no-role")
    seen: set[str] = set()
    for at, atom in enumerate(template.atoms):
        if atom.id in seen:
            problem = f"the atom id {shown(atom.id)} is there twice"
            yield Found(("atoms", at, "id"), problem, "give each its own id", "doubled-id")
        seen.add(atom.id)
    for name in template.places:
        if name == WORLD:
            yield Found(("places", name), f'"{WORLD}" is no place', "rename it", "reserved")


def _atoms(template: Template) -> Iterator[Found]:
    known = {*template.roles, *template.places, WORLD}
    for at, atom in enumerate(template.atoms):
        loc: Loc = ("atoms", at)
        yield from _unknown("role", atom.author, template.roles, (*loc, "author"))
        if atom.place is not None:
            yield from _unknown("place", atom.place, template.places, (*loc, "place"))
        for number, role in enumerate(atom.cast):
            yield from _unseen(template, role, (*loc, "cast", number))
        for number, line in enumerate(atom.dialogue):
            here = (*loc, "dialogue", number)
            if line.role is not None:
                yield from _unseen(template, line.role, (*here, "role"))
            yield from _within(line.start, line.end, atom, here)
        for subject in atom.facts:
            yield from _unknown("subject", subject, known, (*loc, "facts", subject))
        yield from _form(atom, loc)


def _form(atom: Plan, loc: Loc) -> Iterator[Found]:
    before = None
    for name, part in atom.form.parts():
        here = (*loc, "form", name)
        yield from _within(part.start, part.end, atom, here)
        if before is not None and part.start < before:
            problem = f"the {name} starts before the part before it ends"
            yield Found(here, problem, f"start it at {time_text(before)} or later", "overlap")
        if not part.text.strip():
            yield Found((*here, "text"), "an empty text", "say what happens", "empty")
        before = part.end


def _within(start: Any, end: Any, atom: Plan, loc: Loc) -> Iterator[Found]:
    if not start < end <= atom.seconds:
        problem = f"{time_text(start)} to {time_text(end)} s is no part of the clip"
        expected = f"let start < end, and end at most {time_text(atom.seconds)}"
        yield Found(loc, problem, expected, "times")


def _edges(template: Template) -> Iterator[Found]:
    names = [atom.id for atom in template.atoms]
    for at, edge in enumerate(template.edges):
        yield from _unknown("atom", edge.source, names, ("edges", at, "source"))
        yield from _unknown("atom", edge.target, names, ("edges", at, "target"))


def _series(template: Template) -> Iterator[Found]:
    names = [atom.id for atom in template.atoms]
    for at, series in enumerate(template.series):
        for number, episode in enumerate(series.episodes):
            loc: Loc = ("series", at, "episodes", number)
            yield from _unknown("atom", episode.start, names, (*loc, "start"))
            for place, chapter in enumerate(episode.chapters):
                here = (*loc, "chapters", place, "at")
                yield from _unknown("atom", chapter.at, names, here)


def _texts(template: Template) -> Iterator[Found]:
    """Placeholders that nothing fills, braces that are none, roles and words without a use."""
    known = [*template.roles, *template.words]
    used: set[str] = {atom.author for atom in template.atoms}
    for loc, text in _strings(template.model_dump(mode="json", by_alias=True), ()):
        found = PLACEHOLDER.findall(text)
        used.update(found)
        for name in found:
            yield from _unknown("placeholder", name, known, loc)
        rest = PLACEHOLDER.sub("", text)
        if "{" in rest or "}" in rest:
            yield Found(loc, "a brace that is no placeholder", "write {A} or {thing}", "brace")
    used.update(role for atom in template.atoms for role in atom.cast)
    for part, names in (("roles", template.roles), ("words", template.words)):
        for name in names:
            if name not in used:
                yield Found((part, name), "nothing uses it", "use it, or leave it out", "unused")


def _strings(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, (*loc, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _strings(item, (*loc, number))


def _unseen(template: Template, role: str, loc: Loc) -> Iterator[Found]:
    yield from _unknown("role", role, template.roles, loc)
    if role in template.roles and not template.roles[role].seen:
        problem = f"role {role} is never seen or heard"
        yield Found(loc, problem, 'take it out, or let the role be "seen": true', "unseen")


def _unknown(what: str, name: str, known: Iterable[str], loc: Loc) -> Iterator[Found]:
    names = list(known)
    if name not in names:
        expected = near_miss(name, names, f"use one of {', '.join(names) or 'none'}")
        yield Found(loc, f"there is no {what} {shown(name)}", expected, f"unknown-{what}")
