"""A chain's continuity as one JSON object: what `chainer memory --json` and episodes say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainer.memory.report import JointReport
from chainer.memory.state import MemoryState
from chainer.memory.summary import state_json

CONTINUITY_SCHEMA = "chainer.continuity/1"


def continuity_json(
    chain: Sequence[str],
    reports: Sequence[JointReport],
    joints: Sequence[Mapping[str, Any]],
    state: MemoryState | None,
    place_names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The joints of a chain and what is remembered after it.

    `joints` are the decided joints, each `{"kind", "seconds"}`, one for each report. Times are
    exact text, colours CIELAB, boxes fractions of the picture.
    """
    told: dict[str, Any] = {"characters": {}, "world": {}}
    if state is not None:
        told = state_json(state, place_names)
    return {
        "schema": CONTINUITY_SCHEMA,
        "chain": list(chain),
        "joints": [
            {
                "from": report.source,
                "to": report.target,
                "kind": report.kind.value,
                "flags": [flag.value for flag in report.flags],
                "measures": {name: measure.as_json() for name, measure in report.measures},
                "findings": [finding.as_json() for finding in report.findings],
                "grade": None if report.grade is None else report.grade.as_json(),
                "grade_why": report.grade_why,
                "cut": report.cut.as_json(),
                "joint": dict(joint),
                "fits": round(1 - report.badness, 4),
                "notes": list(report.notes),
            }
            for report, joint in zip(reports, joints, strict=True)
        ],
        **told,
    }
