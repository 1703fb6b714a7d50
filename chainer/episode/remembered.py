"""`continuity.json`: what the memory found along the chain, beside the film."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chainer.episode.plan import EpisodePlan
from chainer.graph import Graph
from chainer.memory.report import JointReport
from chainer.memory.telling import continuity_json
from chainer.render.spec import ExtendSpec
from chainer.timebase import time_text, to_seconds
from chainer.timeline.script import slots_by_atom

CONTINUITY_NAME = "continuity.json"


def continuity_of(plan: EpisodePlan) -> dict[str, Any]:
    """The joints between the atoms of a plan, as judged and as decided, and the last state."""
    reports = [one.report for one in plan.atoms if one.report is not None]
    joints = [_joint_of(plan, report) for report in reports]
    state = plan.states[-1] if plan.states else None
    told = continuity_json(plan.chain.atoms, reports, joints, state, place_names(plan.graph))
    return {**told, "choices": [choice.as_json() for choice in plan.choices]}


def _joint_of(plan: EpisodePlan, report: JointReport) -> dict[str, str]:
    """How the two atoms of a report meet in the film."""
    layout, fps = plan.layout, plan.settings.profile.fps
    places = slots_by_atom(layout)
    left, right = places[report.source], places[report.target]
    if left == right:
        spec = plan.render.spec_of(plan.render.slots[left])
        frames = spec.overlap if isinstance(spec, ExtendSpec) else 0
        why = "the two flow into one shot"
        return {"kind": "fuse", "seconds": time_text(to_seconds(frames, fps)), "why": why}
    between = layout.slots[left + 1 : right]
    if between:
        frames = sum(slot.frames for slot in between)
        why = f"{between[0].name} stands between the two"
        return {"kind": "card", "seconds": time_text(to_seconds(frames, fps)), "why": why}
    joint = layout.joints[left]
    frames = joint.frames
    return {
        "kind": joint.style.value,
        "seconds": time_text(to_seconds(frames, fps)),
        "why": joint.why,
    }


def place_names(graph: Graph) -> Mapping[str, str]:
    """What people call the graph's places."""
    return {name: place.name for name, place in graph.info.places.items()}


def continuity_text(plan: EpisodePlan) -> str:
    """The same as the text of the file: equal for equal episodes."""
    return json.dumps(continuity_of(plan), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
