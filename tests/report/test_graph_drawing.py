"""Where atoms stand: on paper alone."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from chainer.report.graph_drawing import (
    ABOVE,
    MARGIN,
    MOST_NODES,
    WIDTH,
    WORDS,
    Drawing,
    Look,
    draw,
)

HARBOR = [
    ("a1", "a2", "continuation"),
    ("a2", "a3", "continuation"),
    ("a2", "r1", "remix"),
    ("r1", "a3", "continuation"),
    ("a1", "x1", "continuation"),
    ("x1", "x2", "continuation"),
]


def apart(drawing: Drawing) -> bool:
    """Whether no two boxes, words included, lie over each other."""
    return not any(
        abs(a.x - b.x) < WIDTH
        and a.y - ABOVE < b.y + b.height + WORDS
        and b.y - ABOVE < a.y + a.height + WORDS
        for a, b in combinations(drawing.spots, 2)
    )


def test_the_walk_is_one_straight_row_from_left_to_right() -> None:
    told = draw(["a1", "a2", "a3"], ["a1", "a2", "a3", "r1", "x1", "x2"], HARBOR, ["x1"])
    walk = [told.spot(name) for name in ("a1", "a2", "a3")]
    assert all(one is not None and one.look is Look.WALKED for one in walk)
    assert len({one.y for one in walk if one}) == 1
    assert [one.x for one in walk if one] == sorted({one.x for one in walk if one})
    other = told.spot("r1")
    assert other is not None
    assert (other.look, other.alternate) == (Look.OTHER, True)
    assert walk[1] is not None
    assert other.x == walk[1].x
    closed = told.spot("x1")
    assert closed is not None
    assert closed.look is Look.CLOSED
    assert apart(told)
    assert {(line.source, line.target) for line in told.lines if line.walked} == {
        ("a1", "a2"),
        ("a2", "a3"),
    }


def test_a_road_that_goes_on_stays_in_its_row() -> None:
    told = draw(["a1", "a2", "a3"], ["x1", "x2"], HARBOR)
    first, second = told.spot("x1"), told.spot("x2")
    assert first is not None
    assert second is not None
    assert first.y == second.y
    assert first.x < second.x


def test_a_stand_in_is_joined_to_the_walk_although_no_edge_leads_there() -> None:
    told = draw(["a1", "r1", "a3"], ["a1", "a2", "a3", "r1"], HARBOR)
    walked = {(line.source, line.target): line.kind for line in told.lines if line.walked}
    assert walked == {("a1", "r1"): "stands in", ("r1", "a3"): "continuation"}
    spot = told.spot("r1")
    assert spot is not None
    assert (spot.look, spot.alternate) == (Look.WALKED, True)


def test_a_large_graph_is_drawn_near_the_walk() -> None:
    many = [(f"n{n}", f"n{n + 1}", "continuation") for n in range(5000)]
    told = draw(["n0", "n1"], [f"n{n}" for n in range(5001)], many)
    assert len(told.spots) == MOST_NODES
    assert told.left_out == 5001 - MOST_NODES
    fan = [("a", f"f{n}", "continuation") for n in range(50)]
    told = draw(["a"], [f"f{n}" for n in range(50)], fan)
    assert told.left_out == 51 - len(told.spots)
    assert apart(told)


NAMES = st.sampled_from("abcdefghij")


@given(
    st.lists(NAMES, min_size=1, max_size=6, unique=True),
    st.lists(NAMES, max_size=10),
    st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["continuation", "remix"])), max_size=25),
    st.lists(NAMES, max_size=3),
)
def test_any_graph_even_with_loops_is_drawn_without_overlap(
    chain: list[str], atoms: list[str], edges: list[tuple[str, str, str]], closed: list[str]
) -> None:
    told = draw(chain, atoms, edges, closed)
    assert [one.atom for one in told.spots if one.look is Look.WALKED] == chain
    assert apart(told)
    assert len(told.spots) + told.left_out == len({*chain, *atoms})
    for one in told.spots:
        assert one.x >= MARGIN
        assert one.y >= ABOVE
        assert one.x + WIDTH <= told.width
        assert one.y + one.height + WORDS <= told.height
    drawn = {one.atom for one in told.spots}
    assert all({line.source, line.target} <= drawn for line in told.lines)
