"""From a chain to a timeline: slots, what is wished of each joint, chapters and credits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from chainer.graph import Atom, Chain, Graph, JointKind, Leg, WalkKind
from chainer.memory.point import Point
from chainer.memory.report import JointClass
from chainer.timeline.joint import Joint, JointStyle, JointWish
from chainer.timeline.layout import Layout
from chainer.timeline.slot import SlotContent

_STYLES = {
    JointKind.CUT: JointStyle.CUT,
    JointKind.CROSSFADE: JointStyle.CROSSFADE,
    JointKind.FADE: JointStyle.FADE,
    JointKind.MATCH: JointStyle.MATCH,
    JointKind.MORPH: JointStyle.MORPH,
}
"""What is made of each kind; `auto` is open, and a card has joints of its own on both sides."""


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
    leg: Leg,
    before: Atom,
    after: Atom,
    kind: JointClass | None = None,
    *,
    drift: bool = False,
    point: Point | None = None,
) -> JointWish:
    """What the edge of `leg` asks for, what the two atoms declare of time, and what was seen.

    `kind` is the memory's (None: it did not look); `drift` says that colours still differ; `point`
    is where the two join best, for an edge that asks for it.
    """
    changes = bool(
        before.time_of_day and after.time_of_day and before.time_of_day != after.time_of_day
    )
    wish = JointWish(time_changes=changes, kind=kind, drift=drift)
    asked = leg.edge.joint if leg.edge is not None else None
    if asked is None:
        return wish
    style = _STYLES.get(asked.kind)
    if asked.lead is not None or asked.lag is not None:
        style = JointStyle.CUT
    timed = style is not None and style.blends
    return replace(
        wish,
        style=style,
        seconds=asked.seconds if timed else None,
        lead=asked.lead,
        lag=asked.lag,
        point=point,
    )


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
    place = slots_by_atom(layout)
    if not place:
        return (Mark(heading, 0, None),)
    first = min(place.values())
    for leg in chain.legs:
        if leg.stands_for and leg.atom in place:
            place.setdefault(leg.stands_for, place[leg.atom])
    listed = [
        (place[chapter.at], chapter.title)
        for series in graph.info.series or ()
        for episode in series.episodes
        for chapter in episode.chapters or ()
        if chapter.at in place
    ]
    if not listed:
        by_slot = {place[a]: a for a in reversed(chain.atoms) if a in place}
        listed = [(number, graph.atom(a).title or a) for number, a in by_slot.items()]
    marks: dict[int, Mark] = {}
    for number, title in sorted(listed, key=lambda pair: pair[0]):
        opens = number
        while opens > 0 and layout.slots[opens - 1].content is SlotContent.CARD:
            opens -= 1  # a chapter begins with its cards
        # After a J cut or a match the sound begins before the picture.
        frame = 0 if number == first else layout.seen(opens)[0]
        marks.setdefault(frame, Mark(title, frame, layout.slots[number].plays[0].atom))
    if 0 not in marks:
        marks[0] = Mark(heading, 0, None)
    return tuple(marks[frame] for frame in sorted(marks))


def slots_by_atom(layout: Layout) -> dict[str, int]:
    """The number of the slot that each atom plays in."""
    return {
        played.atom: number for number, slot in enumerate(layout.slots) for played in slot.plays
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """An atom on screen: in which slot, and for how many frames.

    A frame that two slots share counts half each; what a joint leaves out counts for nobody.
    """

    slot: int
    atom: str
    frames: Fraction


def shown(layout: Layout) -> tuple[Shown, ...]:
    """Every atom that plays, in order, sketches among them; cards show nobody."""
    found = []
    for number, slot in enumerate(layout.slots):
        plays = slot.plays
        both = sum(one.frames for one in plays) - slot.frames if plays else 0
        for place, played in enumerate(plays):
            frames = played.frames - Fraction(both, 2)
            if place == 0 and number > 0:
                frames -= _lost(layout.joints[number - 1], right=True)
            if place == len(plays) - 1 and number < len(layout.joints):
                frames -= _lost(layout.joints[number], right=False)
            found.append(Shown(number, played.atom, frames))
    return tuple(found)


def author_seconds(
    layout: Layout, authors: Mapping[str, str], fps: Fraction
) -> tuple[tuple[str, Fraction], ...]:
    """(author, seconds on screen) of everybody in `authors`, by atom; the longest first."""
    frames: dict[str, Fraction] = {}
    for one in shown(layout):
        if one.atom in authors:
            author = authors[one.atom]
            frames[author] = frames.get(author, Fraction(0)) + one.frames
    told = sorted(frames.items(), key=lambda item: (-item[1], item[0]))
    return tuple((author, count / fps) for author, count in told)


def _lost(joint: Joint, *, right: bool) -> Fraction:
    """What the clip on that side loses: half of what both show, or what is cut off it."""
    if joint.style.blends:
        return Fraction(joint.overlap, 2)
    return Fraction(joint.right if right else joint.left)
