"""A template with its roles cast becomes a graph of planned atoms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chainer.graph import CURRENT_SCHEMA, SlotKind, Status, parse_graph
from chainer.graph.scalars import moment_text
from chainer.story.casting import Player, Wishes, cast, words_of
from chainer.story.template import PLACEHOLDER, Link, Plan, Template
from chainer.timebase import time_text

TIMING = "x-timing"
"""The key of an atom that says when its hook, beat and button are, as `START:END` in seconds."""

_BEGINS = re.compile(r"(?:\A|[.!?…]\s+|\n)\Z")
"""Where a sentence begins: at the start, or behind the end of another."""


def story_graph(
    template: Template,
    wishes: Wishes,
    *,
    title: str | None = None,
    created: datetime | None = None,
) -> dict[str, Any]:
    """A graph file as plain values: every atom planned, its media `media/<id>.mp4`.

    `created` is written into the atoms where it is given. Raises `InputError` where the roles do
    not fit, `GraphError` where a chosen text makes a graph that cannot be.
    """
    players = cast(template, wishes)
    words = {**{name: one.name for name, one in players.items()}, **words_of(template, wishes)}
    filler = Filler(words)
    about: dict[str, Any] = {
        "schema": CURRENT_SCHEMA,
        "title": title or filler.text(template.title),
        "description": filler.text(template.summary),
        "characters": _characters(template, players, filler),
        "places": {
            name: _slim({"name": filler.text(one.name), "facts": filler.all(dict(one.facts))})
            for name, one in template.places.items()
        },
        "series": filler.all(
            [one.model_dump(mode="json", exclude_unset=True) for one in template.series]
        ),
    }
    value = {
        "directed": True,
        "multigraph": True,
        "graph": {key: item for key, item in about.items() if item},
        "nodes": [_node(template, atom, players, filler, created) for atom in template.atoms],
        "edges": [_edge(edge) for edge in template.edges],
    }
    parse_graph(value, source=f"template {template.name}")
    return value


def example_filler(template: Template) -> Filler:
    """Puts in what stands in for people and words while nobody has chosen any."""
    return Filler(
        {
            **{name: role.name or name for name, role in template.roles.items()},
            **{name: one.default for name, one in template.words.items()},
        }
    )


def graph_text(value: Mapping[str, Any]) -> str:
    """A graph as the text of its file."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


class Filler:
    """Puts names and words into texts."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    def text(self, text: str) -> str:
        """One text; what is put in is not looked through again.

        A word that begins a sentence gets a capital letter.
        """

        def filled(found: re.Match[str]) -> str:
            word = self._words[found[1]]
            begins = _BEGINS.search(text, 0, found.start()) is not None
            return word[:1].upper() + word[1:] if begins else word

        return PLACEHOLDER.sub(filled, text)

    def all(self, value: Any) -> Any:
        """Every text in a value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.all(item) for key, item in value.items()}
        return [self.all(item) for item in value] if isinstance(value, list) else value


def _characters(
    template: Template, players: Mapping[str, Player], filler: Filler
) -> dict[str, Any]:
    found = {}
    for name, role in template.roles.items():
        if role.seen:
            player = players[name]
            found[player.id] = _slim(
                {
                    "name": player.name,
                    "person": player.person,
                    "facts": filler.all(dict(role.facts)),
                }
            )
    return found


def _node(
    template: Template,
    atom: Plan,
    players: Mapping[str, Player],
    filler: Filler,
    created: datetime | None,
) -> dict[str, Any]:
    form = dict(atom.form.parts())
    rating = template.rating
    rights = template.rights
    slot = None if atom.slot.kind is SlotKind.STANDARD else atom.slot
    return _slim(
        {
            "id": atom.id,
            "media": f"media/{atom.id}.mp4",
            "author": players[atom.author].author,
            "created": None if created is None else moment_text(created),
            "title": filler.text(atom.title),
            "prompt": _prompt(atom, filler),
            "tags": [*atom.tags],
            "status": Status.PLANNED.value,
            "rating": None if rating is None else rating.value,
            "slot": None if slot is None else slot.model_dump(mode="json", exclude_unset=True),
            "cast": [{"character": players[role].id} for role in atom.cast],
            "place": atom.place,
            "time_of_day": atom.time_of_day,
            "facts": {
                (players[subject].id if subject in players else subject): filler.all(dict(facts))
                for subject, facts in atom.facts.items()
            },
            "story": {name: filler.text(part.text) for name, part in form.items()},
            "dialogue": [
                _slim(
                    {
                        "start": time_text(line.start),
                        "end": time_text(line.end),
                        "character": None if line.role is None else players[line.role].id,
                        "text": filler.text(line.text),
                    }
                )
                for line in atom.dialogue
            ],
            "rights": None
            if rights is None
            else filler.all(rights.model_dump(mode="json", exclude_unset=True)),
            TIMING: {
                name: f"{time_text(part.start)}:{time_text(part.end)}"
                for name, part in form.items()
            },
        }
    )


def _prompt(atom: Plan, filler: Filler) -> str:
    return "\n".join(f"{name.capitalize()}: {filler.text(text)}" for name, text in atom.prompt)


def _edge(edge: Link) -> dict[str, Any]:
    return _slim(
        {
            "source": edge.source,
            "target": edge.target,
            "key": edge.kind.value,
            "kind": edge.kind.value,
            "joint": None
            if edge.joint is None
            else edge.joint.model_dump(mode="json", exclude_unset=True),
            "changes": [*edge.changes],
            "seeded": edge.seeded or None,
        }
    )


def _slim(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing."""
    return {key: item for key, item in value.items() if item is not None and item not in ({}, [])}
