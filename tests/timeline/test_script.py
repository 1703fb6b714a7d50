"""What an edge asks of its joint, as the timeline hears it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from chainer.graph import Atom, Edge, Leg
from chainer.memory.report import JointClass
from chainer.timeline import JointWish
from chainer.timeline.joint import JointStyle
from chainer.timeline.script import joint_wish


def wish(joint: dict[str, Any] | None, *memory: JointClass, drift: bool = False) -> JointWish:
    """Of an edge from a morning to a place where nobody says the time."""
    ends = {"source": "a", "target": "b", "kind": "continuation"}
    edge = Edge.model_validate({**ends, "joint": joint} if joint is not None else ends)
    before, after = (
        Atom.model_validate({"id": name, "media": "x.mp4", "author": "p", **more})
        for name, more in (("a", {"time_of_day": "morning"}), ("b", {}))
    )
    return joint_wish(Leg("b", edge), before, after, *memory, drift=drift)


def test_an_edge_that_asks_for_nothing_leaves_all_open() -> None:
    assert wish(None) == wish({}) == wish({"kind": "auto", "seconds": 1}) == JointWish()


@pytest.mark.parametrize("kind", JointClass)
@pytest.mark.parametrize("drift", [True, False])
def test_what_was_seen_goes_along(kind: JointClass, drift: bool) -> None:
    assert wish(None, kind, drift=drift) == JointWish(kind=kind, drift=drift)
    assert wish({"kind": "fade", "seconds": "1/2"}, kind, drift=drift) == JointWish(
        style=JointStyle.FADE, seconds=Fraction(1, 2), kind=kind, drift=drift
    )


def test_a_match_is_a_cut_and_says_where_nobody_looked_for_its_point() -> None:
    seen = wish({"kind": "match", "seconds": 1}, JointClass.SAME_SETUP)
    assert seen == JointWish(style=JointStyle.CUT, kind=JointClass.SAME_SETUP)
    blind = wish({"kind": "match"})
    assert blind.style is JointStyle.CUT
    assert "without the memory" in blind.note


@pytest.mark.parametrize("kind", ["morph", "card"])
def test_what_is_not_rendered_yet_is_chosen_as_if_open(kind: str) -> None:
    found = wish({"kind": kind, "seconds": 1}, JointClass.SEAMLESS)
    assert (found.style, found.seconds, found.kind) == (None, None, JointClass.SEAMLESS)
    assert found.note == f"joint kind {kind} is not rendered yet: chosen as if open"
