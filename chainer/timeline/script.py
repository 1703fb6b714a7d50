"""From a chain to a timeline: slots, what is wished of each joint, chapters and credits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chainer.graph import Atom, Chain, Graph, JointKind, Leg, WalkKind
from chainer.memory.report import JointClass
from chainer.timeline.joint import JointStyle, JointWish
from chainer.timeline.layout import Layout
from chainer.timeline.slot import SlotContent

_STYLES = {
    JointKind.CUT: JointStyle.CUT,
    JointKind.CROSSFADE: JointStyle.CROSSFADE,
    JointKind.FADE: JointStyle.FADE,
    JointKind.MATCH: JointStyle.CUT,
}
"""What is made of each kind. A match is a cut whose point the memory chooses."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A chapter: its title, the frame it starts at, and the atom there (None: before the first)."""

    title: str
    frame: int
    atom: str | None


@dataclass(frozen=True, slots=True)
class Titles:
    """What the film and its title card say."""

    heading: str
    line: str


def joint_wish(
    leg: Leg, before: Atom, after: Atom, kind: JointClass | None = None, *, drift: bool = False
) -> JointWish:
    """What the edge of `leg` asks for, what the two atoms declare of time, and what was seen.

    `kind` is the memory's (None: it did not look); `drift` says that colours still differ.
    """
    changes = bool(
        before.time_of_day and after.time_of_day and before.time_of_day != after.time_of_day
    )
    wish = JointWish(time_changes=changes, kind=kind, drift=drift)
    asked = leg.edge.joint if leg.edge is not None else None
    if asked is None or asked.kind is JointKind.AUTO:
        return wish
    style = _STYLES.get(asked.kind)
    note = ""
    if style is None:
        note = f"joint kind {asked.kind.value} is not rendered yet: chosen as if open"
    elif asked.kind is JointKind.MATCH and kind is None:
        note = "joint kind match: without the memory nobody looks for the point, so a plain cut"
    timed = style is not None and style is not JointStyle.CUT
    return replace(wish, style=style, seconds=asked.seconds if timed else None, note=note)


def titles(graph: Graph, chain: Chain) -> Titles:
    """The episode's title over its series', or the graph's over who tells the story."""
    for series in graph.info.series or ():
        for episode in series.episodes:
            if chain.kind is WalkKind.SERIES and episode.start == chain.atoms[0]:
                line = series.title or graph.title
                heading = episode.title or graph.title
                return Titles(heading, line if line != heading else "")
    names = author_names(graph)
    authors = list(dict.fromkeys(graph.atom(atom).author for atom in chain.atoms))
    told = [names.get(author, author) for author in authors]
    who = told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
    word = "A relay by" if chain.kind is WalkKind.RELAY and len(told) > 1 else "By"
    return Titles(graph.title or chain.atoms[0], f"{word} {who}")


def author_names(graph: Graph) -> Mapping[str, str]:
    """Names of the persons that the graph's characters name."""
    people = (graph.info.characters or {}).values()
    return {person.person: person.name for person in people if person.person and person.name}


def chapter_marks(graph: Graph, chain: Chain, layout: Layout, heading: str) -> tuple[Mark, ...]:
    """Chapters of the graph's series that lie on the chain; without any, one for each atom.

    The first starts at frame 0, so that players have no nameless beginning.
    """
    place: dict[str, int] = {}
    atoms = [n for n, slot in enumerate(layout.slots) if slot.content is SlotContent.ATOM]
    for leg, number in zip(chain.legs, atoms, strict=True):
        place.setdefault(leg.atom, number)
        if leg.stands_for:
            place.setdefault(leg.stands_for, number)
    listed = [
        (place[chapter.at], chapter.title)
        for series in graph.info.series or ()
        for episode in series.episodes
        for chapter in episode.chapters or ()
        if chapter.at in place
    ]
    if not listed:
        listed = [(place[a], graph.atom(a).title or a) for a in chain.atoms]
    marks: dict[int, Mark] = {}
    for number, title in sorted(listed, key=lambda pair: pair[0]):
        frame = 0 if number == atoms[0] else layout.starts[number]
        marks.setdefault(frame, Mark(title, frame, layout.slots[number].name))
    if 0 not in marks:
        marks[0] = Mark(heading, 0, None)
    return tuple(marks[frame] for frame in sorted(marks))


def unrendered_cards(graph: Graph, chain: Chain) -> tuple[str, ...]:
    """What the graph asks for on this chain and is not made yet, in words."""
    played = {*chain.atoms, *(leg.stands_for for leg in chain.legs)}
    return tuple(
        f"chapter {chapter.title!r} asks for a card, which is not rendered yet"
        for series in graph.info.series
        for episode in series.episodes
        for chapter in episode.chapters
        if chapter.card is not None and chapter.at in played
    )


def screen_frames(layout: Layout, authors: Sequence[str | None]) -> dict[str, Fraction]:
    """Frames on screen of each author, by slot; a frame that two slots share counts half each."""
    frames: dict[str, Fraction] = {}
    for number, (slot, author) in enumerate(zip(layout.slots, authors, strict=True)):
        if author is None:
            continue
        shared = sum(
            layout.joints[j].overlap for j in (number - 1, number) if 0 <= j < len(layout.joints)
        )
        frames[author] = frames.get(author, Fraction(0)) + slot.frames - Fraction(shared, 2)
    return frames
