"""The film as an editor sees it: strips of the original media one after another, and blends.

Decides nothing: it says what the layout has decided in the terms of a track. All numbers are whole
frames at the house rate. The first frame of a strip is where the film's picture or sound really
changes, so that the cuts of a track are those of the film.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from chainer.episode.plan import EpisodePlan, PlannedAtom
from chainer.graph.words import SlotFill
from chainer.timeline import Layout
from chainer.timeline.joint import Joint, JointStyle
from chainer.timeline.slot import Slot, SlotContent


class Holds(StrEnum):
    """What a strip is of."""

    ATOM = "atom"
    CARD = "card"
    SKETCH = "sketch"
    MADE = "made"
    """Pictures between two clips that nobody filmed."""
    NOTHING = "nothing"
    """Black, or silence."""


@dataclass(frozen=True, slots=True)
class Strip:
    """`frames` of one thing, from frame `start` of the film on.

    Of an atom: media frames from `first` on, `speed` of them for each frame of the film; 0 is one
    picture that is held. `slot` is the number of the slot, -1 between two.
    """

    holds: Holds
    name: str
    slot: int
    start: int
    frames: int
    first: int = 0
    speed: Fraction = Fraction(1)
    atom: PlannedAtom | None = None

    @property
    def end(self) -> int:
        """The first frame of the film after it."""
        return self.start + self.frames


@dataclass(frozen=True, slots=True)
class Blend:
    """The strips beside it play at once from `before` frames before their cut to `after` after."""

    before: int
    after: int
    style: JointStyle


Track = tuple[Strip | Blend, ...]


def picture_track(plan: EpisodePlan) -> Track:
    """The picture of the whole film, from frame 0 to its last, without a hole."""
    return _track(plan, sound=False)


def sound_track(plan: EpisodePlan) -> Track:
    """The sound of the clips: cut where it is heard to change, which may be off the picture's cut.

    Silence stands where a clip has no sound of its own: cards, held pictures, silent media.
    """
    return tuple(_faded(_track(plan, sound=True)))


def _track(plan: EpisodePlan, *, sound: bool) -> Track:
    layout = plan.layout
    atoms = {one.atom.id: one for one in plan.atoms}
    found: list[Strip | Blend] = []
    for number, slot in enumerate(layout.slots):
        first, last = 0, slot.frames
        if number:
            between, first = _before(layout, number, sound=sound)
            found += between
        if number < len(layout.joints):
            last = _until(layout, number, sound=sound)
        shots = _shots(number, slot, atoms)
        found += _cut(shots, layout.starts[number], first, last)
    return tuple(_silenced(one) if sound and isinstance(one, Strip) else one for one in found)


def _before(layout: Layout, number: int, *, sound: bool) -> tuple[list[Strip | Blend], int]:
    """What stands between a slot and the one before it; the slot's frame from which it plays."""
    joint, start = layout.joints[number - 1], layout.starts[number]
    style = joint.style
    if style is JointStyle.CROSSFADE:
        return [Blend(0, joint.overlap, style)], 0
    if style is JointStyle.FADE:
        # Black of no length where the second clip comes up as soon as the first is gone.
        black = Strip(Holds.NOTHING, "black", -1, start - joint.gap, joint.gap, first=joint.left)
        return [Blend(joint.left, 0, style), black, Blend(0, joint.right, style)], 0
    if sound:
        change = [Blend(0, joint.made, style)] if joint.made else []
        return [*change], joint.sound_at
    if not joint.made:
        return [], joint.right
    left, hole, right = _morph(joint)
    if hole:
        at = start + joint.right - right - hole
        return [Strip(Holds.MADE, "morph", -1, at, hole)], joint.right - right
    both = min(joint.left - left, right)
    return [Blend(0, both, style)] if both > 0 else [], joint.right - right


def _until(layout: Layout, number: int, *, sound: bool) -> int:
    """The first frame of a slot that the next one has taken over."""
    joint, frames = layout.joints[number], layout.slots[number].frames
    if joint.style is JointStyle.CROSSFADE:
        return frames - joint.overlap
    if joint.style is JointStyle.FADE:
        return frames
    if sound:
        return layout.starts[number + 1] + joint.sound_at - layout.starts[number]
    return frames - joint.left + (_morph(joint)[0] if joint.made else 0)


def _morph(joint: Joint) -> tuple[int, int, int]:
    """How the made pictures of a morph are shared: by the left clip, by nobody, by the right."""
    left = min(joint.left, max(0, joint.made - joint.right))
    right = min(joint.right, joint.made - left)
    return left, joint.made - left - right, right


def _shots(number: int, slot: Slot, atoms: Mapping[str, PlannedAtom]) -> list[Strip]:
    """What a slot is made of, each from its frame `start` of the slot; neighbours may overlap."""
    if slot.content is not SlotContent.ATOM:
        holds = Holds.CARD if slot.content is SlotContent.CARD else Holds.SKETCH
        return [Strip(holds, slot.name, number, 0, slot.frames)]
    shots = [
        Strip(
            Holds.ATOM,
            one.atom,
            number,
            one.first,
            one.frames,
            first=atoms[one.atom].used.first,
            atom=atoms[one.atom],
        )
        for one in slot.plays
    ]
    fill = atoms[slot.plays[0].atom].fill
    if fill is None or fill.way not in (SlotFill.HOLD, SlotFill.STRETCH):
        return shots
    (shot,) = shots
    if fill.way is SlotFill.STRETCH:
        return [replace(shot, speed=Fraction(fill.own, fill.frames))]
    held = Strip(
        Holds.ATOM,
        shot.name,
        number,
        fill.own,
        fill.frames - fill.own,
        first=shot.first + fill.own - 1,
        speed=Fraction(0),
        atom=shot.atom,
    )
    return [replace(shot, frames=fill.own), held]


def _cut(shots: Sequence[Strip], start: int, first: int, last: int) -> Iterator[Strip | Blend]:
    """Frames [first, last) of a slot that starts at frame `start` of the film."""
    ends = [*(shot.start for shot in shots[1:]), last]
    before: Strip | None = None
    for shot, end in zip(shots, ends, strict=True):
        begin, until = max(first, shot.start), min(last, end)
        if until <= begin:
            continue
        if before is not None and (both := before.end - shot.start) > 0:
            yield Blend(0, min(both, until - begin), JointStyle.CROSSFADE)
        into = int((begin - shot.start) * shot.speed)
        yield replace(shot, start=start + begin, frames=until - begin, first=shot.first + into)
        before = shot


def _silenced(strip: Strip) -> Strip:
    """Silence for what has no sound of its own."""
    atom = strip.atom
    if atom is not None and strip.speed and atom.media.info.audio is not None:
        return strip
    return replace(strip, holds=Holds.NOTHING, name="silence", atom=None, first=0)


def _faded(track: Sequence[Strip | Blend]) -> Iterator[Strip | Blend]:
    """The track with sound that fades out where it ends, and silence only from there on.

    Without blends of silence into silence.
    """
    found = list(track)
    for number, one in enumerate(found):
        if not isinstance(one, Blend):
            continue
        left, right = found[number - 1], found[number + 1]
        if not (isinstance(left, Strip) and isinstance(right, Strip)):
            continue
        if right.holds is not Holds.NOTHING or left.holds is Holds.NOTHING or not one.after:
            continue
        longer = min(one.after, right.frames)
        found[number - 1] = replace(left, frames=left.frames + longer)
        found[number] = Blend(one.before + longer, 0, one.style)
        found[number + 1] = replace(
            right, start=right.start + longer, frames=right.frames - longer, first=longer
        )
    for number, one in enumerate(found):
        beside = found[max(number - 1, 0) : number + 2]
        silent = all(isinstance(b, Blend) or b.holds is Holds.NOTHING for b in beside)
        if not (isinstance(one, Blend) and silent):
            yield one
