"""Captions: lines of dialogue at their places in the film, cut to what can be read.

An atom's captions follow from its own lines and from what of its media plays, not from the place
in a film; only what a card hides, or a neighbour's words at a joint, takes something off them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from chainer.timebase import time_text, to_frames
from chainer.timeline.layout import Layout
from chainer.timeline.pages import NARROW, SHAPE, Shape, pages_of, plain, rows_of, units
from chainer.timeline.slot import Played, SlotContent

SHORTEST = Fraction(2, 5)
"""Seconds below which nothing can be read."""

_EASY, _FAST = 17, 20
"""Letters a second that are read with ease, and that can be read at all."""

_TOUCH = Fraction(1, 5)
"""Seconds by which one line may run into the next without being said at once with it."""

DASH = "\u2013 "
_DOTS = "\u2026"


@dataclass(frozen=True, slots=True)
class Caption:
    """What is said from `start` to `end`, exact seconds of the film, half-open.

    `lines` are one for each speaker, each with a dash before it where there are several; whoever
    shows them sets them in rows. `speakers` are their names, empty for a narrator. Captions of a
    film never overlap.
    """

    start: Fraction
    end: Fraction
    lines: tuple[str, ...]
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line of an atom, `[start, end)` in seconds of the untrimmed media.

    `speaker` is a name for people, empty for a narrator.
    """

    atom: str
    start: Fraction
    end: Fraction
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """What of an atom's media plays: `frames` from frame `first` at the house rate.

    Each lasts `speed` frames of the film, more than 1 where the atom plays slower.
    """

    first: int
    frames: int
    speed: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Captioned:
    """Captions in order, and in words what became of lines that could not be kept as they are."""

    captions: tuple[Caption, ...]
    notes: tuple[str, ...] = ()


class Line(Protocol):
    """What is needed of a line; `graph.Dialogue` without its character, and `Spoken`."""

    @property
    def start(self) -> Fraction:
        """Seconds of the untrimmed media."""

    @property
    def end(self) -> Fraction:
        """Seconds of the untrimmed media; not included."""

    @property
    def text(self) -> str:
        """What is said."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A line, or several that are said at once, in seconds of the atom's place."""

    start: Fraction
    end: Fraction
    parts: tuple[tuple[str, str], ...]
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """Which lines of the atom, counted from 1."""
        told = " and ".join(str(number) for number in self.numbers)
        return f"line{'s' if len(self.numbers) > 1 else ''} {told}"


def atom_captions(
    dialogue: Iterable[Line],
    window: Window,
    fps: Fraction,
    *,
    clear: tuple[int, int] | None = None,
    shape: Shape = SHAPE,
) -> Captioned:
    """The captions of one atom, in seconds from its first frame on the screen.

    Depends on nothing but its arguments. `clear` are the frames [first, last) of the atom's place
    in which captions may show (None: all that plays).
    """
    first, last = clear or (0, math.floor(window.frames * window.speed))
    bounds = (Fraction(first) / fps, Fraction(last) / fps)
    notes: list[str] = []
    groups = _grouped(_said(dialogue, window, fps))
    captions: list[Caption] = []
    for number, group in enumerate(groups):
        after = groups[number + 1].start if number + 1 < len(groups) else bounds[1]
        before = captions[-1].end if captions else bounds[0]
        captions += _timed(group, max(before, bounds[0]), min(after, bounds[1]), shape, notes)
    return Captioned(tuple(captions), tuple(notes))


def captions_of(
    layout: Layout,
    spoken: Iterable[Spoken],
    windows: Mapping[str, Window],
    fps: Fraction,
    shape: Shape = SHAPE,
) -> Captioned:
    """The captions of a film in its seconds, exact, in order and never at once.

    `windows` says what of each atom's media plays; atoms without one have no captions. Nothing
    stands over a card. A line is shown for as long as it is heard, so where the sound is cut
    before or after the picture it goes with the sound.
    """
    lines: dict[str, list[Spoken]] = {}
    for line in spoken:
        lines.setdefault(line.atom, []).append(line)
    captions: list[Caption] = []
    notes: list[str] = []
    for number, played in _places(layout):
        if played.atom not in windows or played.atom not in lines:
            continue
        start = layout.starts[number] + played.first
        heard = heard_in(layout, number)
        clear = (max(heard[0] - start, 0), min(heard[1] - start, played.frames))
        found = atom_captions(
            lines[played.atom], windows[played.atom], fps, clear=clear, shape=shape
        )
        notes += [f"{played.atom}: {note}" for note in found.notes]
        by = Fraction(start) / fps
        captions += [replace(one, start=one.start + by, end=one.end + by) for one in found.captions]
    captions.sort(key=lambda one: (one.start, one.end))
    return Captioned(tuple(_apart(captions)), tuple(notes))


def burned_for(
    dialogue: Iterable[Line],
    window: Window,
    layout: Layout,
    slot: int,
    fps: Fraction,
    *,
    atom: str | None = None,
    shape: Shape = SHAPE,
) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    """(first, last, lines) of what is burned into a slot, in its frames, half-open, not at once.

    Of `layout` nothing counts but the cards beside the slot, so that a clip between other atoms
    is the same clip. `atom` names the one of a slot in which several play.
    """
    played = next(one for one in layout.slots[slot].plays if atom in (None, one.atom))
    first, last = _beside_cards(layout, slot)
    start = layout.starts[slot] + played.first
    clear = (max(first - start, 0), min(last - start, played.frames))
    found = []
    for one in atom_captions(dialogue, window, fps, clear=clear, shape=shape).captions:
        # Rounding a time that two captions share moves both of them alike.
        frames = [
            min(max(to_frames(edge, fps), clear[0]), clear[1]) for edge in (one.start, one.end)
        ]
        if frames[0] < frames[1]:
            found.append((frames[0] + played.first, frames[1] + played.first, one.lines))
    return tuple(found)


def heard_in(layout: Layout, slot: int) -> tuple[int, int]:
    """Frames [first, last) of the film in which a slot is heard and no card is seen."""
    first, last = _beside_cards(layout, slot)
    if slot and not layout.joints[slot - 1].style.blends:
        first = max(first, layout.starts[slot] + layout.joints[slot - 1].sound_at)
    if slot < len(layout.joints) and not layout.joints[slot].style.blends:
        last = min(last, layout.starts[slot + 1] + layout.joints[slot].sound_at)
    return first, max(first, last)


def said_in_film(
    layout: Layout, spoken: Iterable[Spoken], windows: Mapping[str, Window], fps: Fraction
) -> tuple[tuple[Fraction, Fraction], ...]:
    """When somebody speaks, in seconds of the film, by start; such ranges may overlap."""
    lines: dict[str, list[Spoken]] = {}
    for line in spoken:
        lines.setdefault(line.atom, []).append(line)
    found = []
    for number, played in _places(layout):
        if played.atom not in windows:
            continue
        by = Fraction(layout.starts[number] + played.first) / fps
        said = _said(lines.get(played.atom, ()), windows[played.atom], fps)
        found += [(one.start + by, one.end + by) for one in said]
    return tuple(sorted(found))


def _places(layout: Layout) -> Iterator[tuple[int, Played]]:
    """Every atom that plays, with the number of its slot."""
    for number, slot in enumerate(layout.slots):
        if slot.content is SlotContent.ATOM:
            for played in slot.plays:
                yield number, played


def _beside_cards(layout: Layout, slot: int) -> tuple[int, int]:
    """Frames [first, last) of the film that a slot has and no card beside it shows in."""
    first, last = layout.starts[slot], layout.starts[slot] + layout.slots[slot].frames
    for beside in (slot - 1, slot + 1):
        if not 0 <= beside < len(layout.slots):
            continue
        other = layout.slots[beside]
        if other.content is SlotContent.ATOM:
            continue
        if beside < slot:
            first = max(first, layout.starts[beside] + other.frames)
        else:
            last = min(last, layout.starts[beside])
    return first, max(first, last)


def _said(dialogue: Iterable[Line], window: Window, fps: Fraction) -> list[_Said]:
    """The lines of which something plays, in seconds of the atom's place, by start."""
    first, last = (Fraction(at) / fps for at in (window.first, window.first + window.frames))
    found = []
    for number, line in enumerate(dialogue, start=1):
        text = plain(line.text)
        start, end = max(line.start, first), min(line.end, last)
        if not text or start >= end:
            continue
        start, end = ((edge - first) * window.speed for edge in (start, end))
        speaker = plain(getattr(line, "speaker", "") or "")
        found.append(_Said(start, end, ((speaker, text),), (number,)))
    return sorted(found, key=lambda one: (one.start, one.end, one.numbers))


def _grouped(said: Sequence[_Said]) -> list[_Said]:
    """Lines that are said at once, as one each; a touch is cut off."""
    groups: list[_Said] = []
    for one in said:
        last = groups[-1] if groups else None
        if last is None or one.start >= last.end:
            groups.append(one)
        elif (
            last.end - one.start <= _TOUCH
            and one.start - last.start >= SHORTEST
            and one.end > last.end
        ):
            groups[-1] = replace(last, end=one.start)
            groups.append(one)
        else:
            groups[-1] = _Said(
                last.start,
                max(last.end, one.end),
                (*last.parts, *one.parts),
                (*last.numbers, *one.numbers),
            )
    return groups


def _timed(
    group: _Said, room_start: Fraction, room_end: Fraction, shape: Shape, notes: list[str]
) -> list[Caption]:
    """The captions of one group between what comes before and after it."""
    weight = sum(units(text) for _, text in group.parts)
    start, end = max(group.start, room_start), min(group.end, room_end)
    easy = max(SHORTEST, Fraction(weight, _EASY * NARROW))
    if end - start < easy:
        end = max(end, min(start + easy, room_end))
    if end - start < SHORTEST:
        moved = max(min(start, room_end - SHORTEST), room_start)
        if min(end, room_end) - moved < SHORTEST:
            notes.append(f"{group.name}: no caption, since less than 0.4 s are left to show it")
            return []
        notes.append(f"{group.name}: its caption comes earlier, where there is room to read it")
        start, end = moved, max(end, moved + SHORTEST)
    blocks = _blocks(group.parts, shape)
    most = max(1, math.floor((end - start) / SHORTEST))
    if len(blocks) > most:
        shown = sum(len(text) for block in blocks[:most] for _, text in block)
        letters = sum(len(text) for _, text in group.parts)
        notes.append(
            f"{group.name}: of {letters} letters the captions hold {shown}, for more cannot be "
            f"shown in {_seconds(end - start)} s"
        )
        speaker, text = blocks[most - 1][-1]
        cut = (speaker, text.rstrip(" .,;:") + _DOTS)
        blocks = [*blocks[: most - 1], (*blocks[most - 1][:-1], cut)]
    elif weight > (end - start) * _FAST * NARROW:
        notes.append(
            f"{group.name}: {weight // NARROW} letters in {_seconds(end - start)} s cannot be read "
            "in time; give it longer, or fewer words"
        )
    return list(_shared_out(blocks, start, end))


def _blocks(parts: Sequence[tuple[str, str]], shape: Shape) -> list[tuple[tuple[str, str], ...]]:
    """What stands on the screen at once: (speaker, text) of each who is heard then."""
    turns: list[tuple[str, str]] = []
    for speaker, text in parts:
        if turns and turns[-1][0] == speaker:
            turns[-1] = (speaker, f"{turns[-1][1]} {text}")
        else:
            turns.append((speaker, text))
    several = len(turns) > 1
    inner = Shape(shape.rows, max(1, shape.width - len(DASH))) if several else shape
    found: list[tuple[tuple[str, str], ...]] = []
    rows = 0
    for speaker, text in turns:
        for page in pages_of(text, inner):
            line = (speaker, DASH + page if several else page)
            need = rows_of(page, inner)
            if found and rows + need <= shape.rows and found[-1][-1][0] != speaker:
                found[-1] = (*found[-1], line)
                rows += need
            else:
                found.append((line,))
                rows = need
    return found


def _shared_out(
    blocks: Sequence[tuple[tuple[str, str], ...]], start: Fraction, end: Fraction
) -> Iterator[Caption]:
    """The time between them by how much there is to read, but none below what can be seen."""
    weights = [max(1, sum(units(text) for _, text in block)) for block in blocks]
    spare = (end - start) - len(blocks) * min(SHORTEST, (end - start) / len(blocks))
    at = start
    for number, (block, weight) in enumerate(zip(blocks, weights, strict=True)):
        share = (end - start - spare) / len(blocks) + spare * weight / sum(weights)
        until = end if number + 1 == len(blocks) else at + share
        lines, speakers = tuple(text for _, text in block), tuple(name for name, _ in block)
        yield Caption(at, until, lines, speakers if any(speakers) else ())
        at = until


def _apart(captions: Sequence[Caption]) -> list[Caption]:
    """Captions of neighbours that meet at a joint: one gives way, or both are shown as one."""
    found: list[Caption] = []
    for one in captions:
        last = found[-1] if found else None
        if last is None or one.start >= last.end:
            found.append(one)
        elif one.start - last.start >= SHORTEST:
            found[-1] = replace(last, end=one.start)
            found.append(one)
        elif one.end - last.end >= SHORTEST:
            found.append(replace(one, start=last.end))
        else:
            found[-1] = _both(last, one)
    return found


def _both(first: Caption, second: Caption) -> Caption:
    lines = tuple(
        line if line.startswith(DASH) else DASH + line for line in (*first.lines, *second.lines)
    )
    names = [one.speakers or ("",) * len(one.lines) for one in (first, second)]
    speakers = (*names[0], *names[1])
    return Caption(
        first.start, max(first.end, second.end), lines, speakers if any(speakers) else ()
    )


def _seconds(seconds: Fraction) -> str:
    exact = time_text(seconds)
    return exact if len(exact) <= 5 and "/" not in exact else f"{float(seconds):.2f}"
