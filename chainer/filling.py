"""How the extended slots of a chain are filled: what the media offers, and what people allow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from chainer.episode.plan import PlannedAtom
from chainer.errors import InputError, PolicyRefused
from chainer.graph import Chain, EdgeKind, JointKind, Leg, SlotKind
from chainer.graph.words import SlotFill
from chainer.memory.report import JointClass
from chainer.render.extend_cost import fill_cost
from chainer.render.spec import FuseJoin
from chainer.settings import Settings
from chainer.timebase import to_frames
from chainer.timeline.fill import Filled, Offer, Weighed, choose_fill


def fuse_join(then: PlannedAtom | None) -> FuseJoin:
    """How an atom flows into `then`: by motion where one shot goes on, for unlike pictures tear."""
    report = None if then is None else then.report
    alike = report is not None and report.kind in (JointClass.SEAMLESS, JointClass.SAME_SETUP)
    return FuseJoin.MORPH if alike else FuseJoin.CROSSFADE


Barred = Mapping[str, Mapping[SlotFill, str]]
"""The ways that must not be taken with an atom, and why."""


def filled(
    chain: Chain,
    atoms: Sequence[PlannedAtom],
    settings: Settings,
    barred: Barred,
    opened: Collection[str] = (),
) -> tuple[PlannedAtom, ...]:
    """The atoms, those in extended slots with how they are filled.

    `opened` are the atoms before which a card stands: nothing flows into them. Raises `InputError`
    with code `fill` where a slot cannot be filled as it asks, `PolicyRefused` where people allow
    none of the ways that could.
    """
    by_name = {one.atom.id: one for one in atoms}
    found = []
    for number, leg in enumerate(chain.legs):
        planned = by_name.get(leg.atom)
        if planned is None:
            continue
        if planned.atom.slot.kind is SlotKind.EXTENDED:
            after = chain.legs[number + 1] if number + 1 < len(chain.legs) else None
            then = _continuation(after, by_name)
            if then is not None and then.atom.id in opened:
                _refuse_apart(planned, then)
                then = None
            if after is not None and planned.atom.slot.fill is not SlotFill.FUSE and _joined(after):
                then = None  # the author has said how the two meet
            fill = _fill(planned, then, settings, _barred(leg.atom, then, barred))
            planned = replace(planned, fill=fill)
        found.append(planned)
    return tuple(found)


def _joined(leg: Leg) -> bool:
    """Whether an edge asks for a joint that flowing into one shot would undo."""
    joint = None if leg.edge is None else leg.edge.joint
    if joint is None:
        return False
    flows = joint.kind in (JointKind.AUTO, JointKind.CROSSFADE, JointKind.MORPH)
    return not flows or joint.lead is not None or joint.lag is not None


def _refuse_apart(planned: PlannedAtom, then: PlannedAtom) -> None:
    """Raise `InputError` where an atom shall flow into one that a card opens."""
    name = planned.atom.id
    if planned.atom.slot.fill is SlotFill.FUSE:
        raise InputError(
            f'{name}: its slot cannot be filled by "fuse": a card stands before {then.atom.id}; '
            "take the card away, or fill the slot another way",
            code="fill",
            atom=name,
            asked=SlotFill.FUSE.value,
        )


def _barred(atom: str, then: PlannedAtom | None, barred: Barred) -> Mapping[SlotFill, str]:
    """The ways that the people in an atom do not allow, nor those in what may flow on from it."""
    own = barred.get(atom, {})
    theirs = {} if then is None else barred.get(then.atom.id, {})
    if then is None or SlotFill.FUSE in own or SlotFill.FUSE not in theirs:
        return own
    return {**own, SlotFill.FUSE: f"of {then.atom.id}, {theirs[SlotFill.FUSE]}"}


def _continuation(after: Leg | None, atoms: Mapping[str, PlannedAtom]) -> PlannedAtom | None:
    """The atom that may flow on from the one before it; None where there is none."""
    if after is None or after.edge is None or after.edge.kind is not EdgeKind.CONTINUATION:
        return None
    planned = atoms.get(after.atom)
    if planned is None or planned.atom.slot.kind is not SlotKind.STANDARD:
        return None
    return planned


def _fill(
    planned: PlannedAtom,
    then: PlannedAtom | None,
    settings: Settings,
    barred: Mapping[SlotFill, str],
) -> Filled:
    """The way that is asked for, or the first that people allow."""
    slot, fps = planned.atom.slot, settings.profile.fps
    assert slot.seconds is not None, "an extended slot says how long it is"
    video = planned.media.info.video
    own = planned.used.frames
    join = fuse_join(then)

    def cost(offer: Offer) -> float:
        return fill_cost(
            offer.way.value,
            settings.profile,
            wanted=offer.wanted,
            own=offer.own,
            then=offer.then,
            overlap=offer.overlap,
            source=None if video is None else video.width * video.height / 1e6,
            between=float(offer.synthetic) if offer.way is SlotFill.STRETCH else None,
            morph=join is FuseJoin.MORPH,
        )

    def choose(asked: SlotFill | None) -> Filled:
        assert slot.seconds is not None
        try:
            return choose_fill(
                asked,
                to_frames(slot.seconds, fps),
                own,
                None if then is None else then.used.frames,
                settings.slots,
                fps,
                cost,
                rate=None if video is None or video.variable_rate else video.frame_rate,
                morph=join is FuseJoin.MORPH,
            )
        except InputError as error:
            facts = {**error.facts, "atom": planned.atom.id}
            raise InputError(f"{planned.atom.id}: {error}", code=error.code, **facts) from error

    fill = choose(slot.fill)
    if fill.way not in barred:
        return _as_allowed(fill, barred)
    open_to = slot.fill in (None, SlotFill.AUTO)
    others = [one.way for one in fill.others if one.possible and one.way not in barred]
    if not open_to or not others:
        raise PolicyRefused(
            f"{planned.atom.id}: its slot of {float(slot.seconds):g} s cannot be filled by "
            f"{fill.way.value}: {barred[fill.way]}; make it a standard slot, or give longer media",
            code="consent",
            atom=planned.atom.id,
            way=fill.way.value,
        )
    other = choose(others[0])
    why = other.why.removesuffix("asked for by name")
    return _as_allowed(replace(other, why=f"{why}not {fill.way.value}: {barred[fill.way]}"), barred)


def _as_allowed(fill: Filled, barred: Mapping[SlotFill, str]) -> Filled:
    """The fill, its other ways as far as people allow them."""
    others = tuple(
        Weighed(one.way, possible=False, why=barred[one.way])
        if one.possible and one.way in barred
        else one
        for one in fill.others
    )
    return replace(fill, others=others)
