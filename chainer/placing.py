"""What plays when: from a chain's atoms, cards and cues to the layout of the film. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from chainer.cards import Card, Staging
from chainer.continuity import drift_left
from chainer.episode.plan import PlannedAtom
from chainer.graph import Chain, Graph
from chainer.graph.chains import default_seconds
from chainer.graph.words import SlotFill
from chainer.memory.point import Point
from chainer.memory.report import Flag
from chainer.profile import Profile
from chainer.render.reading import card_seconds, roll_frames
from chainer.render.spec import CardKind
from chainer.settings import Settings
from chainer.timebase import round_half_up, to_frames
from chainer.timeline import Layout, Slot, choose_joint, lay_out
from chainer.timeline.joint import JointStyle, JointWish
from chainer.timeline.script import joint_wish
from chainer.timeline.slot import Played, SlotContent

_WIDEST_GRID = 32
"""Frames: at 24 and 48 fps the AV grid is so wide that cards are not bent to it."""

_STEP = Fraction(8, 15)
"""Seconds, about, in which the lengths of cards are counted: a grid step at 30 fps."""

Points = Mapping[tuple[str, str], Point]
"""Where two atoms join best, by their names, for those that asked for it."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What a film plays: a chain, its atoms that have media, and what stands between them.

    `bare` are atoms over which nothing may be laid, and why.
    """

    graph: Graph
    chain: Chain
    atoms: Mapping[str, PlannedAtom]
    staging: Staging
    settings: Settings
    bare: Mapping[str, str]

    @staticmethod
    def of(
        graph: Graph,
        chain: Chain,
        atoms: Iterable[PlannedAtom],
        staging: Staging,
        settings: Settings,
        bare: Mapping[str, str],
    ) -> Cast:
        """Of the atoms that have media; the others of the chain are sketched."""
        return Cast(graph, chain, {one.atom.id: one for one in atoms}, staging, settings, bare)


def card_frames(settings: Settings, card: Card | None = None) -> int:
    """A card's length (None: the title's); a crossfade at its end then ends on the AV grid."""
    profile = settings.profile
    step = _step(profile)
    least = settings.card.frames_per_grid * step + min(step, profile.grid.frames) * 3 // 4
    if card is None or card.kind is CardKind.TITLE:
        return least
    if card.kind is CardKind.CREDITS:
        wanted = roll_frames(card.rows, profile)
    else:
        wanted = to_frames(card_seconds(card.kind, card.words), profile.fps)
    return least + -(-max(wanted - least, 0) // step) * step


def _step(profile: Profile) -> int:
    """Frames in which lengths are counted: whole steps of the AV grid, where that is not wide."""
    plain, grid = to_frames(_STEP, profile.fps), profile.grid.frames
    return plain if grid > _WIDEST_GRID else max(1, round_half_up(Fraction(plain, grid))) * grid


def timeline_of(cast: Cast, cuts: Mapping[str, str], points: Points) -> Layout:
    """What plays when; `cuts` are the atoms that may not be blended with others, and why."""
    settings = cast.settings
    profile = settings.profile
    slots = slots_of(cast)
    wishes = [_wish(cast, left, right, cuts, points) for left, right in pairwise(slots)]
    joints = [
        choose_joint(left, right, wish, settings.joints, profile.fps, profile.grid)
        for left, right, wish in zip(slots, slots[1:], wishes, strict=False)
    ]
    return lay_out(slots, joints, profile.grid, profile.key_spacing)


def slots_of(cast: Cast) -> list[Slot]:
    """The slots in order: cards where they stand, atoms that flow into one shot as one."""
    fps = cast.settings.profile.fps
    found: list[Slot] = []
    fused = ""
    legs = cast.chain.legs
    for number, leg in enumerate(legs):
        if leg.atom == fused:
            continue
        found += (_card_slot(cast, card) for card in cast.staging.before(leg.atom))
        planned = cast.atoms.get(leg.atom)
        if planned is None:
            seconds = default_seconds(cast.graph.atom(leg.atom))
            found.append(Slot(leg.atom, SlotContent.SKETCH, to_frames(seconds, fps)))
        elif planned.fill is not None and planned.fill.way is SlotFill.FUSE:
            fused = legs[number + 1].atom
            found.append(_fused_slot(planned, fused))
        else:
            found.append(Slot(leg.atom, SlotContent.ATOM, frames_of(planned)))
    return [*found, *(_card_slot(cast, card) for card in cast.staging.after)]


def frames_of(planned: PlannedAtom) -> int:
    """How many frames an atom's clip has."""
    return planned.used.frames if planned.fill is None else planned.fill.frames


def _card_slot(cast: Cast, card: Card) -> Slot:
    return Slot(card.name, SlotContent.CARD, card_frames(cast.settings, card))


def _fused_slot(planned: PlannedAtom, other: str) -> Slot:
    fill = planned.fill
    assert fill is not None
    plays = (
        Played(planned.atom.id, 0, fill.own),
        Played(other, fill.own - fill.overlap, fill.then),
    )
    return Slot(f"{planned.atom.id}+{other}", SlotContent.ATOM, fill.frames, plays)


def _wish(
    cast: Cast, left: Slot, right: Slot, cuts: Mapping[str, str], points: Points
) -> JointWish:
    """What is wished of the joint of two slots; around cards it is left open."""
    near = [
        one.atom
        for slot, plays in ((left, left.plays[-1:]), (right, right.plays[:1]))
        if slot.content is SlotContent.ATOM
        for one in plays
    ]
    for name in near:
        if name in cuts:
            return JointWish(style=JointStyle.CUT, note=cuts[name])
    if len(near) < 2:
        return JointWish()
    leg = next(leg for leg in cast.chain.legs if leg.atom == near[1])
    before, after = cast.graph.atom(near[0]), cast.graph.atom(near[1])
    planned = cast.atoms.get(near[1])
    report = None if planned is None else planned.report
    if report is None or report.source != near[0]:
        return joint_wish(leg, before, after, point=points.get((near[0], near[1])))
    drifts = {Flag.LIGHT, Flag.COLOUR, Flag.ZOOM, Flag.MIRROR} & set(drift_left(report))
    return joint_wish(
        leg,
        before,
        after,
        report.kind,
        drift=bool(drifts),
        point=points.get((near[0], near[1])),
    )


def notes_of(layout: Layout, atoms: Sequence[PlannedAtom]) -> tuple[str, ...]:
    """Where the graph and the media disagree, and what the joints had to give up."""
    notes = [f"{atom.atom.id}: {word}" for atom in atoms for word in atom.used.differences]
    for number, joint in enumerate(layout.joints):
        names = f"{layout.slots[number].name}→{layout.slots[number + 1].name}"
        notes += [f"{names}: {word}" for word in joint.notes]
    return tuple(notes)
