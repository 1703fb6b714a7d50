"""What a plan really does to each atom, in the words of the consent ledger."""

from __future__ import annotations

from collections.abc import Sequence

from chainer.consent.words import Edit
from chainer.episode.plan import TITLE_CARD, PlannedAtom
from chainer.profile import Profile
from chainer.render.fit import crops
from chainer.render.spec import ConformPolicy
from chainer.timebase import to_frames
from chainer.timeline import Layout
from chainer.timeline.joint import JointStyle
from chainer.timeline.slot import SlotContent


def edits_of(
    layout: Layout, atoms: Sequence[PlannedAtom], profile: Profile, policy: ConformPolicy
) -> tuple[tuple[str, tuple[Edit, ...]], ...]:
    """(atom, edits) for each atom of the timeline, in order.

    A frame left over at the end by rounding is no trim. The title card stands over a picture of
    the first atom.
    """
    found = []
    numbers = [n for n, slot in enumerate(layout.slots) if slot.content is SlotContent.ATOM]
    titled = any(slot.name == TITLE_CARD for slot in layout.slots)
    for place, (number, planned) in enumerate(zip(numbers, atoms, strict=True)):
        edits: list[Edit] = []
        video = planned.media.info.video
        assert video is not None, "a source without pictures is refused at the door"
        whole = to_frames(video.seconds, profile.fps)
        if planned.used.first > 0 or planned.used.frames < whole - 1:
            edits.append(Edit.TRIM)
        if len(layout.slots) > 1:
            edits.append(Edit.JOIN)
        beside = (layout.joints[j] for j in (number - 1, number) if 0 <= j < len(layout.joints))
        if any(joint.style is not JointStyle.CUT for joint in beside):
            edits.append(Edit.CROSSFADE)
        if crops(video, profile, policy.fit):
            edits.append(Edit.CROP)
        if titled and place == 0:
            edits.append(Edit.OVERLAY)
        if planned.grade is not None:
            edits.append(Edit.GRADE)
        found.append((planned.atom.id, tuple(edits)))
    return tuple(found)
