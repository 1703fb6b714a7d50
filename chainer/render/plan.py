"""The render plan: which steps a film needs, in what order, and why each of them runs.

A plan is values only. It prints, compares and is tested without encoding a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chainer.delivery import HlsTimeline
from chainer.digest import Digest, key_of
from chainer.errors import RenderError
from chainer.profile import Profile
from chainer.render.spec import (
    BedSpec,
    JointSpec,
    PosterSpec,
    SegmentsSpec,
    Spec,
    StepType,
    Still,
    TextSpec,
    spec_key,
)
from chainer.store import Presence, Store
from chainer.timeline import Body, JointPiece, Layout
from chainer.timeline.segments import Stretch, stretches


class Why(StrEnum):
    """Why a step runs; `cached` means it does not."""

    CACHED = "cached"
    NEW = "new"
    MEDIA = "media changed"
    TRIM = "trim changed"
    GRADE = "grade changed"
    MARK = "watermark changed"
    PROFILE = "profile changed"
    POLICY = "settings changed"
    ENCODER = "encoder changed"
    JOINT = "joint changed"
    NEIGHBOUR = "a neighbour changed"
    TEXT = "text changed"
    GAIN = "gain changed"
    FILL = "slot changed"
    PLACE = "place changed"
    MISSING = "missing"
    DAMAGED = "damaged"


_CAUSES = (
    ("media", Why.MEDIA),
    ("profile", Why.PROFILE),
    ("blur", Why.PROFILE),
    ("trim", Why.TRIM),
    ("grade", Why.GRADE),
    ("way", Why.FILL),
    ("gain", Why.GAIN),
    ("mark", Why.MARK),
    ("station", Why.MARK),
    ("stamp", Why.MARK),
    ("service", Why.MARK),
    ("handle", Why.MARK),
    ("opacity", Why.MARK),
    ("policy", Why.POLICY),
    ("style", Why.JOINT),
    ("kind", Why.TEXT),
    ("text", Why.TEXT),
    ("font", Why.TEXT),
    ("build", Why.ENCODER),
    ("engine", Why.ENCODER),
    ("maker", Why.ENCODER),
    ("left", Why.NEIGHBOUR),
    ("right", Why.NEIGHBOUR),
    ("behind", Why.NEIGHBOUR),
    ("clip", Why.NEIGHBOUR),
    ("range", Why.NEIGHBOUR),
    ("place", Why.PLACE),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of cached work. `name` is for people; `needs` are keys of earlier steps."""

    key: Digest
    type: StepType
    name: str
    spec: Spec
    needs: tuple[Digest, ...]
    why: Why
    frames: int

    def as_json(self) -> dict[str, Any]:
        """The step as a JSON object, without its inputs."""
        return {
            "type": self.type.value,
            "name": self.name,
            "key": self.key,
            "why": self.why.value,
            "runs": self.why is not Why.CACHED,
            "frames": self.frames,
            "needs": list(self.needs),
        }


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """Steps in an order in which they can run, each key once, and how they make the film.

    `slots` holds the key of each slot's canonical clip, `joints` of each joint, `poster` of the
    poster, all in the layout's order; `bed` of the whole film's sound where it is not copied;
    `segments` of what a playlist names, in order, each with the stretch of the film that it is.
    """

    layout: Layout
    steps: tuple[Step, ...]
    slots: tuple[Digest, ...]
    joints: tuple[Digest, ...]
    poster: Digest | None
    bed: Digest | None = None
    segments: tuple[tuple[Digest, Stretch], ...] = ()

    @property
    def to_run(self) -> tuple[Step, ...]:
        """The steps that are not in the store."""
        return tuple(step for step in self.steps if step.why is not Why.CACHED)

    def spec_of(self, key: Digest) -> Spec:
        """What the step of a key makes. Raises `KeyError`."""
        for step in self.steps:
            if step.key == key:
                return step.spec
        raise KeyError(key)

    def sources(self) -> tuple[tuple[Digest, Body | JointPiece], ...]:
        """The key of the piece that each part of the film is copied from."""
        found = []
        for part in self.layout.pieces:
            key = self.slots[part.slot] if isinstance(part, Body) else self.joints[part.left]
            found.append((key, part))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Packing:
    """That a film is packed for playlists, and what the times in them are counted from."""

    timeline: HlsTimeline
    profile: Profile


def plan_render(
    layout: Layout,
    slot_specs: Sequence[Callable[[Mapping[int, Digest]], Spec]],
    joint_spec: Callable[[JointPiece, Digest, Digest], JointSpec],
    poster_spec: Callable[[Digest], PosterSpec] | None,
    store: Store,
    scope: str,
    stills: Sequence[Still] = (),
    bed_spec: Callable[[Sequence[tuple[Digest, Body | JointPiece]]], BedSpec] | None = None,
    packing: Packing | None = None,
) -> RenderPlan:
    """Turn a layout into steps and look each up in the store.

    `slot_specs[i]` gives the spec of slot i from the keys of slots that are already known (a card
    stands over a picture of another slot; it is asked last). `scope` sets apart what different
    graphs last made at the same place, for the reasons only. `stills` are the marks and texts that
    slots may name by their keys; each that one names is a step before it. `bed_spec` gives what
    makes the film's sound from the pieces that it would be copied from otherwise. With `packing`
    there are steps that pack the film for playlists.
    """
    steps = _Steps(store, scope, {spec_key(still): still for still in stills})
    slots = _slot_steps(layout, slot_specs, steps)
    joints = []
    for piece in layout.joint_pieces:
        left, right = slots[piece.left], slots[piece.left + 1]
        name = f"{layout.slots[piece.left].name}→{layout.slots[piece.left + 1].name}"
        joints.append(steps.add(joint_spec(piece, left, right), name, piece.frames))
    poster = None
    if poster_spec is not None:
        number = next((n for n, slot in enumerate(layout.slots) if slot.content.value == "atom"), 0)
        poster = steps.add(poster_spec(slots[number]), layout.slots[number].name, 0)
    plan = RenderPlan(
        layout=layout,
        steps=(),
        slots=tuple(slots[number] for number in range(len(layout.slots))),
        joints=tuple(joints),
        poster=poster,
    )
    bed = None if bed_spec is None else steps.add(bed_spec(plan.sources()), "bed", 0)
    plan = replace(plan, bed=bed)
    if packing is not None:
        plan = replace(plan, segments=_segment_steps(plan, packing, steps))
    return replace(plan, steps=tuple(steps.found.values()))


def _segment_steps(
    plan: RenderPlan, packing: Packing, steps: _Steps
) -> tuple[tuple[Digest, Stretch], ...]:
    """The key of each stretch of the film, packed for playlists."""
    sources = plan.sources()
    found = []
    for one in stretches(plan.layout, packing.timeline, bed=plan.bed is not None):
        piece = plan.bed if one.part is None else sources[one.part][0]
        assert piece is not None, "a stretch of the bed, and there is none"
        spec = SegmentsSpec(
            piece, one.frames, one.packets, one.at_frame, one.at_packet, packing.profile
        )
        found.append((steps.add(spec, steps.found[piece].name, 0), one))
    return tuple(found)


class _Steps:
    """The steps of a plan so far, each key once and after what it needs."""

    def __init__(self, store: Store, scope: str, stills: Mapping[Digest, Still]) -> None:
        self.found: dict[Digest, Step] = {}
        self._store, self._scope, self._stills = store, scope, stills

    def add(self, spec: Spec, name: str, frames: int) -> Digest:
        key = spec_key(spec)
        if key in self.found:
            return key
        for need in spec.needs:
            if need in self.found:
                continue
            if need not in self._stills:
                raise RenderError("a clip names a still that the plan does not hold", code="plan")
            self.add(self._stills[need], _still_name(self._stills[need]), 0)
        step = Step(key, spec.type, name, spec, spec.needs, Why.NEW, frames)
        self.found[key] = replace(step, why=_why(step, self._store, self._scope))
        return key


def _slot_steps(
    layout: Layout, specs: Sequence[Callable[[Mapping[int, Digest]], Spec]], steps: _Steps
) -> dict[int, Digest]:
    """The key of each slot's clip; clips that stand over others come after those."""
    slots: dict[int, Digest] = {}
    waiting = list(range(len(layout.slots)))
    while waiting:
        later = []
        for number in waiting:
            try:
                spec = specs[number](slots)
            except KeyError:
                later.append(number)
                continue
            slot = layout.slots[number]
            slots[number] = steps.add(spec, slot.name, slot.frames)
        if len(later) == len(waiting):
            raise RenderError("cards stand over each other in a circle", code="plan")
        waiting = later
    return slots


def _still_name(still: Still) -> str:
    if isinstance(still, TextSpec):
        return still.line.replace("\n", " ")[:40]
    return still.handle or still.policy.service


def slot_of(step: Step, scope: str) -> Digest:
    """The place whose last inputs the store remembers, so that a change has a name."""
    return key_of("place", [scope, step.type.value, step.name])


def _why(step: Step, store: Store, scope: str) -> Why:
    presence, _ = store.find(step.key)
    if presence is Presence.CACHED:
        return Why.CACHED
    if presence is Presence.MISSING:
        return Why.MISSING
    if presence is Presence.DAMAGED:
        return Why.DAMAGED
    before = store.recall(slot_of(step, scope))
    if not before:
        return Why.NEW
    now = remembered(step)
    if before == now:
        return Why.MISSING
    for part, why in _CAUSES:
        # A part may also have come or gone: a clip without a grade has no such part.
        if before.get(part) != now.get(part):
            return why
    return Why.JOINT if step.type is StepType.JOINT else Why.POLICY


def remembered(step: Step) -> dict[str, str]:
    """The parts of a step's key, each as a short digest."""
    return {name: key_of("part", value)[:16] for name, value in step.spec.parts().items()}
