"""`continuity.json`: what the memory found along the chain, beside the film."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chainer.episode.plan import EpisodePlan
from chainer.graph import Graph
from chainer.memory.telling import continuity_json
from chainer.timebase import time_text, to_seconds
from chainer.timeline.slot import SlotContent

CONTINUITY_NAME = "continuity.json"


def continuity_of(plan: EpisodePlan) -> dict[str, Any]:
    """The joints between the atoms of a plan, as judged and as decided, and the last state."""
    reports = [one.report for one in plan.atoms if one.report is not None]
    fps = plan.settings.profile.fps
    joints = []
    for number, joint in enumerate(plan.layout.joints):
        pair = plan.layout.slots[number : number + 2]
        if any(slot.content is not SlotContent.ATOM for slot in pair):
            continue
        frames = joint.overlap or joint.left + joint.gap + joint.right
        joints.append(
            {
                "kind": joint.style.value,
                "seconds": time_text(to_seconds(frames, fps)),
                "why": joint.why,
            }
        )
    state = plan.states[-1] if plan.states else None
    told = continuity_json(
        plan.chain.atoms, reports, joints if reports else [], state, place_names(plan.graph)
    )
    return {**told, "choices": [choice.as_json() for choice in plan.choices]}


def place_names(graph: Graph) -> Mapping[str, str]:
    """What people call the graph's places."""
    return {name: place.name for name, place in graph.info.places.items()}


def continuity_text(plan: EpisodePlan) -> str:
    """The same as the text of the file: equal for equal episodes."""
    return json.dumps(continuity_of(plan), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
