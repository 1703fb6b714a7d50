"""What a plan really does to each atom, in the words of the consent ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainer.consent.words import Edit
from chainer.episode.plan import PlannedAtom
from chainer.profile import Profile
from chainer.render.fit import crops
from chainer.render.plan import RenderPlan
from chainer.render.spec import CardSpec, ConformPolicy, ConformSpec, ExtendSpec, Way
from chainer.timebase import to_frames
from chainer.timeline.joint import Joint
from chainer.timeline.script import slots_by_atom
from chainer.timeline.slot import Played


def edits_of(
    render: RenderPlan, atoms: Sequence[PlannedAtom], profile: Profile, policy: ConformPolicy
) -> tuple[tuple[str, tuple[Edit, ...]], ...]:
    """(atom, edits) for each atom that plays, in order.

    A frame left over at the end by rounding is no trim. Cards stand over pictures of atoms.
    """
    layout = render.layout
    places = slots_by_atom(layout)
    specs = {step.key: step.spec for step in render.steps}
    behind = {spec.behind for spec in specs.values() if isinstance(spec, CardSpec) and spec.behind}
    found = []
    for planned in atoms:
        number = places[planned.atom.id]
        spec = specs[render.slots[number]]
        joints = [layout.joints[j] for j in (number - 1, number) if 0 <= j < len(layout.joints)]
        edits = [
            *_of_media(planned, joints, profile),
            *((Edit.JOIN,) if len(layout.slots) > 1 or len(layout.slots[number].plays) > 1 else ()),
            *_of_joints(joints, spec),
            *_of_picture(planned, spec, profile, policy),
        ]
        played = next(one for one in layout.slots[number].plays if one.atom == planned.atom.id)
        if _laid_over(played, spec) or (played.first == 0 and render.slots[number] in behind):
            edits.append(Edit.OVERLAY)
        if planned.grade is not None:
            edits.append(Edit.GRADE)
        found.append((planned.atom.id, tuple(edits)))
    return tuple(found)


def _laid_over(played: Played, spec: object) -> bool:
    """Whether text stands over an atom's own part of its slot."""
    return isinstance(spec, ConformSpec | ExtendSpec) and any(
        one.first < played.first + played.frames and one.last > played.first
        for one in spec.overlays
    )


def _of_media(planned: PlannedAtom, joints: Sequence[Joint], profile: Profile) -> Iterator[Edit]:
    video = planned.media.info.video
    assert video is not None, "a source without pictures is refused at the door"
    whole = to_frames(video.seconds, profile.fps)
    cut_off = any(not joint.style.blends and joint.left + joint.right for joint in joints)
    if planned.used.first > 0 or planned.used.frames < whole - 1 or cut_off:
        yield Edit.TRIM


def _of_joints(joints: Sequence[Joint], spec: object) -> Iterator[Edit]:
    fused = isinstance(spec, ExtendSpec) and spec.way is Way.FUSE
    if fused or any(joint.style.blends or joint.made for joint in joints):
        yield Edit.CROSSFADE


def _of_picture(
    planned: PlannedAtom, spec: object, profile: Profile, policy: ConformPolicy
) -> Iterator[Edit]:
    video = planned.media.info.video
    assert video is not None
    slower = isinstance(spec, ExtendSpec) and spec.way is not Way.FUSE
    if slower:
        yield Edit.SPEED
    moves_in = isinstance(spec, ExtendSpec) and spec.way is Way.HOLD
    if moves_in or crops(video, profile, policy.fit):
        yield Edit.CROP
