"""Each joint as the template takes it: its strip, its step in picture and sound, what drifts."""

from __future__ import annotations

from typing import Any

from chainer.episode.manifest import JointEntry, SlotEntry
from chainer.report.charts import Scale
from chainer.report.facts import Facts
from chainer.report.page import data_uri
from chainer.report.remembered import JointRead
from chainer.report.sound import Loudness
from chainer.report.strips import MOST_STRIPS, Pictures, PictureStep, picture_step, strip_of
from chainer.report.words import CLASSES, KINDS, clock_text, number_text, plural, signed_text
from chainer.timebase import to_seconds

FAMILIES = ("light", "colour", "identity", "wardrobe", "zoom", "mirror", "loudness")
"""What can drift, as the chart tells it apart: each has a shape of its own."""

_UNSEEN, _JUMP, _MOST_TOLD = 1.5, 4.0, 100
"""Times the usual step: below the first nothing is seen, from the second on it is a jump, and
beyond the last the number says no more."""
_CHART = {"left": 52, "top": 20, "height": 250, "bottom": 54, "column": 74}
_MOST_RATIO = 2.0


def atoms_of_slot(slot: SlotEntry) -> tuple[str, ...]:
    """The atoms that play in a slot; none in a card's."""
    if slot.fused:
        return tuple(one.atom for one in slot.fused)
    return (slot.name,) if slot.content == "atom" else ()


def joint_views(facts: Facts, pictures: Pictures, loudness: Loudness) -> list[dict[str, Any]]:
    """All joints of the film in order, and those within a slot in which atoms flow together."""
    manifest = facts.manifest
    found = [
        _view(facts, joint, number, pictures, loudness)
        for number, joint in enumerate(manifest.joints)
    ]
    for slot in manifest.timeline:
        for left, right in zip(slot.fused, slot.fused[1:], strict=False):
            at = slot.start + right.first
            entry = JointEntry(
                left=left.atom,
                right=right.atom,
                kind="fuse",
                at=at,
                frames=max(0, left.first + left.frames - right.first),
                overlap=0,
                gap=0,
                why="the two flow into one shot",
                step=slot.step,
            )
            found.append(_view(facts, entry, MOST_STRIPS, pictures, loudness))
    return sorted(found, key=lambda one: one["at"])


def _view(
    facts: Facts, joint: JointEntry, number: int, pictures: Pictures, loudness: Loudness
) -> dict[str, Any]:
    manifest = facts.manifest
    fps = manifest.fps
    start, end = to_seconds(joint.at, fps), to_seconds(joint.at + joint.frames, fps)
    strip = []
    for frame in strip_of(joint, manifest.frames) if number < MOST_STRIPS else ():
        still = pictures.stills.get(frame.number)
        if still is not None:
            strip.append(
                {
                    "uri": data_uri(still, "image/jpeg"),
                    "number": frame.number,
                    "clock": clock_text(to_seconds(frame.number, fps)),
                    "part": frame.part,
                }
            )
    memory = _remembered(facts, joint)
    step = picture_step(joint, pictures.steps)
    before, after = loudness.step(float(start), float(end))
    return {
        "left": joint.left,
        "right": joint.right,
        "kind": KINDS.get(joint.kind, joint.kind),
        "why": joint.why,
        "notes": joint.notes,
        "at": joint.at,
        "clock": clock_text(start),
        "watch": f"{max(0.0, float(start) - 2):.3f}",
        "length": plural(joint.frames, "new frame") if joint.frames else "no new frame",
        "strip": strip,
        "step": None if step is None else _step(joint, step),
        "before": number_text(before),
        "after": number_text(after),
        "sound": None if before is None or after is None else signed_text(after - before),
        "silent": bool(loudness.momentary) and (before is None or after is None),
        "memory": None if memory is None else _memory(memory),
        "flags": list(memory.flags) if memory is not None else [],
    }


def _step(joint: JointEntry, step: PictureStep) -> dict[str, Any]:
    sudden = joint.frames == 0
    ratio = step.ratio
    if ratio is None:
        words = "around it nothing moves"
    elif ratio < _UNSEEN:
        words = "no more than usual: nobody sees it"
    elif ratio < _MOST_TOLD:
        words = f"{ratio:.1f} times the usual step"
    else:
        words = f"over {_MOST_TOLD} times the usual step"
    if sudden and (ratio is None or ratio >= _JUMP):
        words += ", as a cut is"
    return {"value": f"{step.value:.1f}", "usual": f"{step.usual:.1f}", "words": words}


def _remembered(facts: Facts, joint: JointEntry) -> JointRead | None:
    """What the memory found at a joint; across a card it is told where the card ends."""
    if facts.memory is None:
        return None
    if exact := facts.memory.joint(joint.left, joint.right):
        return exact
    right = facts.slot(joint.right)
    if right is None or right.content != "atom":
        return None
    atoms = atoms_of_slot(right)
    at = facts.manifest.chain.index(atoms[0]) if atoms[0] in facts.manifest.chain else 0
    return facts.memory.joint(facts.manifest.chain[at - 1], atoms[0]) if at else None


def _memory(told: JointRead) -> dict[str, Any]:
    grade = told.grade
    return {
        "source": told.source,
        "target": told.target,
        "kind": CLASSES.get(told.kind, told.kind),
        "fits": f"{told.fits:.2f}",
        "flags": list(told.flags),
        "before": None if grade is None else f"{grade.shift_de:.1f}",
        "after": None if grade is None else f"{grade.residual_de:.1f}",
        "grade_why": told.grade_why,
        "findings": [
            {
                "words": one.words,
                "counts": one.flag in told.flags and not one.declared,
                "declared": one.declared or "",
                "confidence": f"{one.confidence:.0%}",
            }
            for one in told.findings
        ],
        "measures": [
            {
                "name": name.replace(":", ", "),
                "value": f"{one.value:.3g}",
                "unit": one.unit,
                "threshold": f"{one.threshold:.3g}",
                "over": one.value > one.threshold,
            }
            for name, one in sorted(told.measures.items())
        ],
        "notes": told.notes,
    }


def drift_view(facts: Facts) -> dict[str, Any] | None:
    """How near each joint is to drift: measures as parts of their thresholds, 1 being drift."""
    memory = facts.memory
    if memory is None or not memory.joints:
        return None
    left, top = _CHART["left"], _CHART["top"]
    bottom = _CHART["height"]
    up = Scale(0.0, _MOST_RATIO, bottom, top)
    columns: list[dict[str, Any]] = []
    used: set[str] = set()
    for number, joint in enumerate(memory.joints):
        middle = left + number * _CHART["column"] + _CHART["column"] // 2
        worst = {name: ratio for name in FAMILIES if (ratio := _ratio(joint, name)) is not None}
        used |= worst.keys()
        each = len(worst)
        dots = [
            {
                "shape": name,
                "x": middle + (place - (each - 1) / 2) * 13,
                "y": up.at(ratio),
                "flagged": name in joint.flags,
                "off": ratio > _MOST_RATIO,
            }
            for place, (name, ratio) in enumerate(worst.items())
        ]
        columns.append(
            {
                "x": middle,
                "edge": left + number * _CHART["column"],
                "source": joint.source,
                "target": joint.target,
                "dots": dots,
                "ratios": [
                    {"text": number_text(worst.get(name), 2), "flagged": name in joint.flags}
                    for name in FAMILIES
                ],
                "flags": joint.flags,
                "fits": f"{joint.fits:.2f}",
            }
        )
    return {
        "width": left + len(columns) * _CHART["column"] + 16,
        "height": bottom + _CHART["bottom"],
        "left": left,
        "bottom": bottom,
        "top": top,
        "levels": [(up.at(one), f"{one:g}") for one in (0.0, 0.5, 1.0, 1.5)]
        + [(up.at(_MOST_RATIO), f"≥ {_MOST_RATIO:g}")],
        "one": up.at(1.0),
        "columns": columns,
        "families": [name for name in FAMILIES if name in used],
        "all": FAMILIES,
        "flagged": sum(1 for one in memory.joints if one.flags),
    }


def _ratio(joint: JointRead, family: str) -> float | None:
    """The worst measure of a family over its threshold; None where none was taken."""
    ratios = [
        max(0.0, one.value / one.threshold)
        for name, one in joint.measures.items()
        if name.split(":")[0] == family and one.threshold > 0
    ]
    return max(ratios, default=None)
