"""Which cards and cues a chain has: what the graph asks for, and what the settings add.

Values only; `arrange` gives them their places and `render` draws them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chainer.episode.plan import TITLE_CARD
from chainer.graph import Atom, Chain, Graph, JointKind, Leg
from chainer.graph.words import CardKind as AskedCard
from chainer.render.spec import CardKind, CardStyle, Cues
from chainer.timebase import time_text
from chainer.timeline.script import Titles, author_names

_CREDITS = "credits"


@dataclass(frozen=True, slots=True)
class Card:
    """A card in the timeline: `before` is the atom that it opens, None after the last one."""

    name: str
    kind: CardKind
    before: str | None
    heading: str
    line: str = ""
    rows: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """All that is to be read."""
        return "\n".join((self.heading, self.line, *(part for row in self.rows for part in row)))


@dataclass(frozen=True, slots=True)
class Cue:
    """A lower third over the beginning of an atom."""

    atom: str
    line: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Staging:
    """The cards of a chain in order, its cues by atom, and remarks."""

    cards: tuple[Card, ...]
    cues: Mapping[str, Cue]
    notes: tuple[str, ...]

    def before(self, atom: str) -> tuple[Card, ...]:
        """The cards that open an atom."""
        return tuple(card for card in self.cards if card.before == atom)

    @property
    def after(self) -> tuple[Card, ...]:
        """The cards at the end."""
        return tuple(card for card in self.cards if card.before is None)

    def without_cues(self, bare: Mapping[str, str]) -> Staging:
        """Without the cues over some atoms; `bare` says of each why."""
        left = {name: cue for name, cue in self.cues.items() if name not in bare}
        notes = [f"{name}: no cue: {bare[name]}" for name in self.cues if name in bare]
        return replace(self, cues=left, notes=(*self.notes, *notes))


@dataclass(frozen=True, slots=True)
class _Asked:
    kind: AskedCard
    title: str


def staging_of(graph: Graph, chain: Chain, words: Titles, style: CardStyle) -> Staging:
    """What stands between and over the atoms of a chain."""
    asked = _asked(graph, chain)
    cards: list[Card] = []
    notes: list[str] = []
    cues: dict[str, Cue] = {}
    if style.title:
        cards.append(Card(TITLE_CARD, CardKind.TITLE, chain.atoms[0], words.heading, words.line))
    wants_roll = style.credits
    before: Leg | None = None
    for leg in chain.legs:
        if before is not None and (story := _story_card(graph, leg, notes)) is not None:
            cards.append(story)
        for one in asked.get(leg.atom, ()):
            if one.kind is AskedCard.CREDITS:
                wants_roll = True
            elif one.kind is AskedCard.CHARACTER:
                if style.cues is not Cues.OFF:
                    cues[leg.atom] = _asked_cue(graph, before, leg, one.title)
            elif style.chapters and not (before is None and style.title):
                kind = CardKind.STORY if one.kind is AskedCard.STORY else CardKind.CHAPTER
                cards.append(Card(f"{kind.value}-{leg.atom}", kind, leg.atom, one.title))
        if style.cues is Cues.ALL and before is not None and leg.atom not in cues:
            found = _hand_over(graph, before, leg)
            if found is not None:
                cues[leg.atom] = found
        before = leg
    if wants_roll:
        rows = tuple((name, "") for name in dict.fromkeys(_told_authors(graph, chain)))
        cards.append(Card(_CREDITS, CardKind.CREDITS, None, words.heading, "", rows))
    return Staging(tuple(cards), cues, tuple(notes))


def with_seconds(card: Card, graph: Graph, seconds: Sequence[tuple[str, Fraction]]) -> Card:
    """A credit roll with everybody's seconds on screen, the longest first."""
    names = author_names(graph)
    rows = tuple((names.get(author, author), f"{float(told):.1f} s") for author, told in seconds)
    return replace(card, rows=rows)


def sketch_of(graph: Graph, atom: Atom) -> Card:
    """The card of an atom that has no media yet: its words, as far as there are any."""
    story = atom.story
    rows = [
        (name, told)
        for name, told in (("Hook", story.hook), ("Beat", story.beat), ("Button", story.button))
        if told
    ]
    cast = graph.info.characters
    for spoken in atom.dialogue:
        known = cast.get(spoken.character or "")
        who = known.name if known is not None else spoken.character or "Narrator"
        rows.append((f"{time_text(spoken.start)} s {who}", spoken.text))
    return Card(
        atom.id, CardKind.SKETCH, atom.id, atom.title or atom.id, atom.prompt or "", tuple(rows)
    )


def _asked(graph: Graph, chain: Chain) -> dict[str, list[_Asked]]:
    """The cards that chapters ask for, by the atom of the chain that they open."""
    opens = {leg.stands_for: leg.atom for leg in chain.legs if leg.stands_for}
    opens.update({leg.atom: leg.atom for leg in chain.legs})
    found: dict[str, list[_Asked]] = {}
    for series in graph.info.series:
        for episode in series.episodes:
            for chapter in episode.chapters:
                if chapter.card is not None and chapter.at in opens:
                    asked = found.setdefault(opens[chapter.at], [])
                    one = _Asked(chapter.card, chapter.title)
                    if one not in asked:
                        asked.append(one)
    return found


def _story_card(graph: Graph, leg: Leg, notes: list[str]) -> Card | None:
    joint = None if leg.edge is None else leg.edge.joint
    if joint is None or joint.kind is not JointKind.CARD:
        return None
    atom = graph.atom(leg.atom)
    text = joint.text or atom.story.hook or atom.title
    if not text or not text.strip():
        notes.append(
            f"{leg.atom}: its joint asks for a card, but neither the joint has a text nor the atom "
            "a hook or title: joined as if open"
        )
        return None
    return Card(f"story-{leg.atom}", CardKind.STORY, leg.atom, text)


def _asked_cue(graph: Graph, before: Leg | None, leg: Leg, title: str) -> Cue:
    """Who hands over, or who appears."""
    found = None if before is None else _hand_over(graph, before, leg)
    if found is not None:
        return replace(found, detail=title)
    cast = graph.info.characters
    names = [cast[name].name for name in graph.atom(leg.atom).characters if name in cast]
    if names:
        return Cue(leg.atom, _listed(names), title)
    return Cue(leg.atom, title)


def _hand_over(graph: Graph, before: Leg, leg: Leg) -> Cue | None:
    """None where both atoms are of one author."""
    one, two = graph.atom(before.atom), graph.atom(leg.atom)
    if one.author == two.author:
        return None
    names = author_names(graph)
    told = f"{names.get(one.author, one.author)} hands over to {names.get(two.author, two.author)}"
    return Cue(leg.atom, told, two.title or "")


def _told_authors(graph: Graph, chain: Chain) -> Iterator[str]:
    names = author_names(graph)
    for name in chain.atoms:
        author = graph.atom(name).author
        yield names.get(author, author)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
