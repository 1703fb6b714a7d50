"""What can be left out, or done otherwise, where a person does not allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chainer.consent.words import Edit
from chainer.episode.plan import PlannedAtom
from chainer.graph import SlotKind
from chainer.graph.words import SlotFill
from chainer.memory.report import JointReport
from chainer.permission import Permission

_NEEDED = {
    SlotFill.FUSE: (Edit.CROSSFADE, "allows no crossfade"),
    SlotFill.STRETCH: (Edit.SPEED, "allows no change of speed"),
    SlotFill.HOLD: (Edit.SPEED, "allows no change of speed"),
}
"""What the ways of filling an extended slot do to a person, in the ledger's words."""


def spare(
    permission: Permission, atoms: Sequence[PlannedAtom]
) -> tuple[tuple[PlannedAtom, ...], tuple[str, ...], dict[str, str]]:
    """Leave out what can be left out where a person does not allow it: grades and blends.

    Returns the atoms as they may play, remarks, and the atoms that must be joined by cuts, with
    why. What else is not allowed is refused later, by name.
    """
    kept, notes, cuts = [], [], {}
    for one in atoms:
        name = one.atom.id
        if permission.bars(name, Edit.CROSSFADE):
            cuts[name] = (
                f"{name} may not be blended with other clips: somebody in it allows no crossfade"
            )
        if one.grade is not None and permission.bars(name, Edit.GRADE):
            notes.append(f"{name} keeps its colours: somebody in it allows no grade")
            kept.append(replace(one, grade=None, report=_ungraded(one.report)))
        else:
            kept.append(one)
    return tuple(kept), tuple(notes), cuts


def _ungraded(report: JointReport | None) -> JointReport | None:
    if report is None:
        return None
    return replace(report, grade=None, grade_why="a person in the clip allows no grade")


def bare_atoms(permission: Permission, atoms: Sequence[PlannedAtom]) -> dict[str, str]:
    """The atoms over which nothing may be laid, and why."""
    return {
        one.atom.id: "somebody in it allows nothing to be laid over the picture"
        for one in atoms
        if permission.bars(one.atom.id, Edit.OVERLAY)
    }


def barred_ways(
    permission: Permission, atoms: Sequence[PlannedAtom]
) -> Mapping[str, Mapping[SlotFill, str]]:
    """How the extended slots of a chain must not be filled, and why."""
    if all(one.atom.slot.kind is SlotKind.STANDARD for one in atoms):
        return {}
    found: dict[str, dict[SlotFill, str]] = {}
    for one in atoms:
        for way, (edit, words) in _NEEDED.items():
            if permission.bars(one.atom.id, edit):
                found.setdefault(one.atom.id, {})[way] = f"somebody in it {words}"
    return found
