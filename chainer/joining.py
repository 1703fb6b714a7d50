"""Where two clips join best, for the edges that ask for it: looked at before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

from chainer.graph import JointKind, Leg
from chainer.graph.words import SlotFill
from chainer.looker import Looker
from chainer.memory.meeting import Meeting, meet
from chainer.placing import Cast


def meetings_of(
    looker: Looker, cast: Cast, cuts: Mapping[str, str]
) -> dict[tuple[str, str], Meeting]:
    """Where pairs of atoms meet whose edge asks for a match or a morph, by their names.

    `cuts` are atoms that are joined by plain cuts whatever their edges ask for. Raises `MediaError`
    where a clip cannot be read.
    """
    found: dict[tuple[str, str], Meeting] = {}
    flowing = _flowing(cast)
    for before, leg in pairwise(cast.chain.legs):
        kind = _asked(leg)
        left, right = cast.atoms.get(before.atom), cast.atoms.get(leg.atom)
        if kind is None or left is None or right is None:
            continue
        if not {before.atom, leg.atom}.isdisjoint({*cuts, *flowing}):
            continue
        found[before.atom, leg.atom] = meet(
            looker.store,
            looker.settings.media,
            left.media,
            (left.used.first, left.used.frames),
            right.media,
            (right.used.first, right.used.frames),
            looker.settings.profile.fps,
            kind,
            looker.cancel,
        )
    return found


def _asked(leg: Leg) -> Literal["match", "morph"] | None:
    joint = None if leg.edge is None else leg.edge.joint
    if joint is None or joint.kind not in (JointKind.MATCH, JointKind.MORPH):
        return None
    return "match" if joint.kind is JointKind.MATCH else "morph"


def _flowing(cast: Cast) -> set[str]:
    """Atoms whose clips are not what their media shows at the ends: held, slowed, or fused."""
    found: set[str] = set()
    for number, leg in enumerate(cast.chain.legs):
        planned = cast.atoms.get(leg.atom)
        if planned is None or planned.fill is None or planned.fill.way is SlotFill.SOURCE:
            continue
        found.add(leg.atom)
        if planned.fill.way is SlotFill.FUSE:
            found.add(cast.chain.legs[number + 1].atom)
    return found
