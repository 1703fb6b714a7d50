"""What is said in a film: captions in its time, and the lines that are burned into its clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from chainer.graph.words import SlotFill
from chainer.placing import Cast
from chainer.timeline import Layout
from chainer.timeline.captions import Captioned, Spoken, Window, captions_of, said_in_film


def captioned(cast: Cast, layout: Layout) -> Captioned:
    """The captions of a film; none where the settings want none."""
    if not cast.settings.captions.write:
        return Captioned(())
    fps = cast.settings.profile.fps
    found = captions_of(layout, spoken_lines(cast), windows_of(cast), fps)
    unsaid = [
        f"{name}: no captions: its lines are timed to its own media, and take {one.take + 1} plays"
        for name, one in cast.atoms.items()
        if one.take and one.atom.dialogue
    ]
    return replace(found, notes=(*found.notes, *unsaid))


def said(cast: Cast, layout: Layout) -> tuple[tuple[Fraction, Fraction], ...]:
    """When somebody speaks, in seconds of the film, as far as the graph says."""
    return said_in_film(layout, spoken_lines(cast), windows_of(cast), cast.settings.profile.fps)


def spoken_lines(cast: Cast) -> Iterator[Spoken]:
    """The dialogue of the chain, with the names of those who speak."""
    known = cast.graph.info.characters
    for name, planned in cast.atoms.items():
        if planned.take:
            continue  # its times are those of the atom's own media
        for line in planned.atom.dialogue:
            who = line.character or ""
            speaker = known[who].name if who in known else who
            yield Spoken(name, line.start, line.end, line.text, speaker)


def windows_of(cast: Cast) -> Mapping[str, Window]:
    """What of each atom's media plays, and how much slower."""
    found: dict[str, Window] = {}
    fused: int | None = None
    for leg in cast.chain.legs:
        planned = cast.atoms.get(leg.atom)
        if planned is None:
            continue
        frames, speed = planned.used.frames, Fraction(1)
        if fused is not None:
            frames, fused = fused, None
        elif (fill := planned.fill) is not None:
            frames = fill.own
            if fill.way is SlotFill.STRETCH:
                speed = Fraction(fill.frames, fill.own)
            elif fill.way is SlotFill.FUSE:
                fused = fill.then
        found[leg.atom] = Window(planned.used.first, frames, speed)
    return found
