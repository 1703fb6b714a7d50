"""Where two clips join best, for the edges that ask for it: looked at before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from chainer.graph import JointKind, Leg
from chainer.graph.words import SlotFill
from chainer.looker import Looker
from chainer.memory.meeting import Meeting, meet, meeting_key
from chainer.placing import Cast, frames_of


def meetings_of(
    looker: Looker, cast: Cast, cuts: Mapping[str, str]
) -> dict[tuple[str, str], Meeting]:
    """Where pairs of atoms meet whose edge asks for a match or a morph, by their names.

    `cuts` are atoms that are joined by plain cuts whatever their edges ask for. Raises `MediaError`
    where a clip cannot be read.
    """
    found: dict[tuple[str, str], Meeting] = {}
    ends = _ends_of(cast)
    for before, leg in pairwise(cast.chain.legs):
        kind = _asked(leg)
        left, right = cast.atoms.get(before.atom), cast.atoms.get(leg.atom)
        if kind is None or left is None or right is None:
            continue
        if before.atom in cuts or leg.atom in cuts:
            continue
        if not (ends[before.atom].closes and ends[leg.atom].opens):
            continue
        windows = [(one.used.first, ends[one.atom.id].frames) for one in (left, right)]
        fps = looker.settings.profile.fps
        key = meeting_key(left.media.digest, windows[0], right.media.digest, windows[1], fps, kind)
        looker.met[key] = (before.atom, leg.atom)
        found[before.atom, leg.atom] = meet(
            looker.store,
            looker.settings.media,
            left.media,
            windows[0],
            right.media,
            windows[1],
            fps,
            kind,
            looker.cancel,
        )
    return found


def _asked(leg: Leg) -> Literal["match", "morph"] | None:
    joint = None if leg.edge is None else leg.edge.joint
    if joint is None or joint.kind not in (JointKind.MATCH, JointKind.MORPH):
        return None
    return "match" if joint.kind is JointKind.MATCH else "morph"


@dataclass(frozen=True, slots=True)
class _Ends:
    """What of an atom's media its clip shows as it was filmed, where it meets others.

    `frames` is how many play; `opens` and `closes` whether the first and the last of them stand at
    the two ends of the clip.
    """

    frames: int
    opens: bool = True
    closes: bool = True


def _ends_of(cast: Cast) -> dict[str, _Ends]:
    found: dict[str, _Ends] = {}
    fused: int | None = None
    for leg in cast.chain.legs:
        planned = cast.atoms.get(leg.atom)
        if planned is None:
            continue
        fill = planned.fill
        if fused is not None:
            found[leg.atom], fused = _Ends(fused, opens=False), None
        elif fill is None or fill.way is SlotFill.SOURCE:
            found[leg.atom] = _Ends(frames_of(planned))
        else:
            opens = fill.way is not SlotFill.STRETCH
            found[leg.atom] = _Ends(fill.own, opens=opens, closes=False)
            fused = fill.then if fill.way is SlotFill.FUSE else None
    return found
