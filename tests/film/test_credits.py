"""Credits: seconds on screen, shares that sum to one, and money to the cent. Renders nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chainer.episode import credits as told
from chainer.episode.credits import (
    CREDITS_NAME,
    CreditPolicy,
    Credits,
    ancestor_authors,
    ancestor_generations,
    read_credits,
    split_revenue,
)
from chainer.errors import InputError, VerifyError, WalkError
from chainer.graph import EdgeKind, Graph
from chainer.timebase import AvGrid
from chainer.timeline import JointPolicy, JointWish, Layout, Slot, choose_joint, lay_out
from chainer.timeline.joint import JointStyle
from chainer.timeline.slot import SlotContent
from tests.graph.examples import graph_of

FPS = Fraction(30)
NOTHING = CreditPolicy(ancestors=Fraction(0))


def film(lengths: Sequence[int], joints: Sequence[Any] = (), cards: Sequence[int] = ()) -> Layout:
    """Slots of so many frames; a joint is the seconds of a crossfade, 0 for a cut."""
    grid = AvGrid(FPS, 48_000)
    slots = [
        Slot(f"s{n}", SlotContent.CARD if n in cards else SlotContent.ATOM, frames)
        for n, frames in enumerate(lengths)
    ]
    asked = list(joints) or [0] * (len(slots) - 1)
    made = []
    for (left, right), seconds in zip(pairwise(slots), asked, strict=True):
        style = JointStyle.CROSSFADE if seconds else JointStyle.CUT
        wish = JointWish(style=style, seconds=Fraction(seconds) if seconds else None)
        made.append(choose_joint(left, right, wish, JointPolicy(), FPS, grid))
    return lay_out(slots, made, grid, 3)


def credits_of(
    layout: Layout,
    authors: Sequence[str | None],
    atoms: Sequence[str | None],
    *rest: Any,
) -> Credits:
    """The credits where each slot plays the atom of the same place, None for cards."""
    slots = [
        replace(
            slot, name=name or slot.name, content=SlotContent.ATOM if name else SlotContent.CARD
        )
        for slot, name in zip(layout.slots, atoms, strict=True)
    ]
    by_atom = {
        atom: author
        for atom, author in zip(atoms, authors, strict=True)
        if atom is not None and author is not None
    }
    return told.credits_of(replace(layout, slots=tuple(slots)), by_atom, *rest)


def test_seconds_and_shares_without_remixes() -> None:
    layout = film([300, 300, 300], ["2/5", 0])
    found = credits_of(layout, ["mei", "bo", "mei"], ["a", "b", "c"], {}, FPS)
    assert layout.frames == 888
    assert [one.model_dump(mode="json") for one in found.contributors] == [
        {
            "author": "mei",
            "seconds": "19.8",
            "share": "99/148",
            "roles": ["author"],
            "atoms": ["a", "c"],
            "ancestor_of": [],
        },
        {
            "author": "bo",
            "seconds": "9.8",
            "share": "49/148",
            "roles": ["author"],
            "atoms": ["b"],
            "ancestor_of": [],
        },
    ]


def test_cards_are_nobodys() -> None:
    layout = film([90, 300, 60], ["2/5", 0], cards=[0, 2])
    found = credits_of(layout, [None, "mei", None], [None, "a", None], {}, FPS)
    assert found.shares == {"mei": 1}
    assert found.contributors[0].seconds == Fraction(49, 5)  # half of the crossfade is the card's
    for authors, atoms in (([None] * 3, [None] * 3), (["x"] * 3, [None] * 3)):
        with pytest.raises(InputError, match="nobody can be credited"):
            credits_of(layout, authors, atoms, {}, FPS)


def test_ancestors_get_their_part_by_generation() -> None:
    layout = film([300])
    one = credits_of(layout, ["mei"], ["r"], {"r": [["bo"]]}, FPS)
    assert one.shares == {"mei": Fraction(4, 5), "bo": Fraction(1, 5)}
    assert one.contributors[1].model_dump(mode="json") == {
        "author": "bo",
        "seconds": "0",
        "share": "1/5",
        "roles": ["remix ancestor"],
        "atoms": [],
        "ancestor_of": ["r"],
    }
    # Parents get twice what grandparents get; two of one generation the same.
    ancestors = {"r": [["bo", "ada"], [], ["theo"]]}
    policy = CreditPolicy(ancestors="3/10")
    assert credits_of(layout, ["mei"], ["r"], ancestors, FPS, policy).shares == {
        "mei": Fraction(7, 10),
        "ada": Fraction(1, 10),
        "bo": Fraction(1, 10),
        "theo": Fraction(1, 10),
    }
    # What would go to oneself stays, and does not make the others' part larger.
    own = credits_of(layout, ["mei"], ["r"], {"r": [["mei", "bo"]]}, FPS)
    assert own.shares == {"mei": Fraction(9, 10), "bo": Fraction(1, 10)}
    assert own.contributors[0].roles == ("author",)
    assert credits_of(layout, ["mei"], ["r"], ancestors, FPS, NOTHING).shares == {"mei": 1}


def test_an_author_may_be_both() -> None:
    found = credits_of(film([300, 300]), ["bo", "mei"], ["a", "r"], {"r": [["bo"]]}, FPS)
    assert found.shares == {"bo": Fraction(3, 5), "mei": Fraction(2, 5)}
    bo = found.contributors[0]
    assert (bo.roles, bo.atoms, bo.ancestor_of) == (("author", "remix ancestor"), ("a",), ("r",))


def test_a_long_line_of_ancestors_can_be_written_down() -> None:
    line = [[f"p{n}"] for n in range(4_000)]
    found = credits_of(film([300]), ["mei"], ["r"], {"r": line}, FPS)
    assert found.shares["p0"] == Fraction(1, 5) * Fraction(128, 255)
    assert found.shares["p6"] == found.shares["p7"] * 2 * (4_000 - 7)
    assert found.shares["p7"] == found.shares["p3999"] > 0
    assert Credits.model_validate_json(found.to_json()) == found


def test_generations_of_a_graph() -> None:
    graph = graph_of("a~b b~d a~c c~d a~d z>d x~a", x={"author": "by-b"})
    assert ancestor_generations(graph, "d") == (("a", "b", "c"), ("x",))
    assert ancestor_authors(graph, "d") == (("by-a", "by-b", "by-c"), ("by-b",))
    assert ancestor_generations(graph, "z") == ()
    with pytest.raises(WalkError):
        ancestor_generations(graph, "q")
    deep = graph_of([f"a{n}~a{n + 1}" for n in range(3000)])
    assert len(ancestor_generations(deep, "a3000")) == 3000


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 8))
    edges = [
        f"a{one}{draw(st.sampled_from('~~>'))}a{other}"
        for other in range(size)
        for one in range(other)
        if draw(st.booleans())
    ]
    people = st.sampled_from(("mei", "bo", "ada"))
    each = {f"a{n}": {"author": draw(people)} for n in range(size)}
    return graph_of(edges, " ".join(each), **each)


@settings(deadline=None)
@given(graphs())
def test_generations_are_shortest_ways(graph: Graph) -> None:
    last = list(graph.atoms)[-1]
    ways = {last: 0}
    for _ in graph.atoms:
        for edge in graph.edges:
            if edge.kind is EdgeKind.REMIX and edge.target in ways:
                ways[edge.source] = min(ways.get(edge.source, 99), ways[edge.target] + 1)
    told = {
        name: n + 1 for n, names in enumerate(ancestor_generations(graph, last)) for name in names
    }
    assert {last: 0, **told} == ways


@settings(deadline=None)
@given(
    graphs(),
    st.lists(st.tuples(st.integers(0, 7), st.integers(60, 400)), min_size=1, max_size=6),
    st.lists(st.sampled_from((0, "1/10", "2/5")), min_size=5, max_size=5),
    st.sampled_from(("0", "1/5", "1/3", "99/100")),
)
def test_shares_are_whole_and_nobody_on_screen_is_left_out(
    graph: Graph, plays: list[tuple[int, int]], joints: list[Any], part: str
) -> None:
    names = list(graph.atoms)
    atoms = [names[n % len(names)] if n else None for n, _ in plays]
    authors = [graph.atom(name).author if name else None for name in atoms]
    if not any(atoms):
        return
    layout = film([frames for _, frames in plays], joints[: len(plays) - 1])
    ancestors = {name: ancestor_authors(graph, name) for name in atoms if name}
    policy = CreditPolicy(ancestors=part)
    found = credits_of(layout, authors, atoms, ancestors, FPS, policy)
    assert sum(found.shares.values()) == 1
    assert all(share > 0 for share in found.shares.values())
    assert {one.author for one in found.contributors if one.seconds} == set(authors) - {None}
    overlaps = sum(joint.overlap for joint in layout.joints)
    assert sum(one.seconds for one in found.contributors) <= (layout.frames + overlaps) / FPS
    if all(atoms):
        assert sum(one.seconds for one in found.contributors) == (
            (layout.frames - sum(joint.gap for joint in layout.joints)) / FPS
        )
    # Nobody loses more than the ancestors' part of what they show.
    alone = credits_of(layout, authors, atoms, {}, FPS)
    for author, share in alone.shares.items():
        assert found.shares[author] >= share * (1 - policy.ancestors)
    assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)
    assert Credits.model_validate_json(found.to_json()) == found


def test_the_file(tmp_path: Path) -> None:
    found = credits_of(film([300]), ["mei"], ["r"], {"r": [["bo"]]}, FPS)
    path = tmp_path / CREDITS_NAME
    path.write_text(found.to_json())
    assert read_credits(tmp_path) == found
    data = json.loads(found.to_json())
    assert data["schema"] == "chainer.credits/1"
    assert data["ancestors"] == "0.2"

    def refused(problem: str) -> None:
        with pytest.raises(VerifyError, match=problem) as raised:
            read_credits(tmp_path)
        assert raised.value.exit_status == 6

    for change, problem in (
        ({"share": "4/6"}, "sum to 1"),
        ({"share": "0.8"}, "no share"),
        ({"share": "4/0"}, "no share"),
        ({"share": "1" * 5000}, "no share"),
        ({"author": "bo"}, "twice"),
        ({"other": 1}, "contributors.0.other"),
    ):
        changed = json.loads(found.to_json())
        changed["contributors"][0] |= change
        path.write_text(json.dumps(changed))
        refused(problem)
    path.write_bytes(b"\xff{")
    refused("damaged")
    path.unlink()
    refused("has no credits.json")


@pytest.mark.parametrize("part", ["1", "-1/5", "2", "much", None])
def test_a_part_that_cannot_be(part: Any) -> None:
    with pytest.raises(ValidationError):
        CreditPolicy(ancestors=part)


# --- money -----------------------------------------------------------------------------------


def test_to_the_cent() -> None:
    third = Fraction(1, 3)
    assert split_revenue({"c": third, "a": third, "b": third}, "100") == {
        "c": Decimal("33.33"),
        "a": Decimal("33.34"),
        "b": Decimal("33.33"),
    }
    assert str(split_revenue({"a": Fraction(1)}, "7")["a"]) == "7.00"
    assert split_revenue({"a": third, "b": 2 * third}, "100", 0) == {"a": 33, "b": 67}
    assert split_revenue({"a": third, "b": 2 * third}, Decimal("0.001"), 3)["b"] == Decimal("0.001")
    assert split_revenue({"a": Fraction(1)}, "-0.00") == {"a": 0}
    assert split_revenue({"a": Fraction(1)}, Decimal("1E+3")) == {"a": 1000}
    assert split_revenue({"a": Fraction(1)}, Decimal("1.500000000000")) == {"a": Decimal("1.5")}


@pytest.mark.parametrize(
    "amount",
    [
        "-1", "-0.01", "NaN", "Infinity", "1e5", "1_000", "1,50", "", " 1", "١", "0.001", "1" * 16,
        Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+999999"),
        Decimal("1E-999999"), Decimal("0.001"), Decimal(-5), 1.5, True, None,
    ],
)  # fmt: skip
def test_amounts_that_are_none(amount: Any) -> None:
    with pytest.raises(InputError) as raised:
        split_revenue({"a": Fraction(1)}, amount)
    assert raised.value.code == "amount"


@pytest.mark.parametrize("bad", [{}, {"a": Fraction(1, 2)}, {"a": Fraction(2), "b": Fraction(-1)}])
def test_shares_that_are_none(bad: dict[str, Fraction]) -> None:
    with pytest.raises(InputError, match="sum to exactly 1"):
        split_revenue(bad, "1")
    for digits in (-1, 10, True, "2"):
        with pytest.raises(InputError, match="decimal places"):
            split_revenue({"a": Fraction(1)}, "1", digits)  # type: ignore[arg-type]


weights = st.dictionaries(
    st.text(st.sampled_from("abcé"), min_size=1, max_size=3),
    st.integers(0, 30) | st.integers(0, 10**12),
    min_size=1,
    max_size=12,
).filter(lambda given: any(given.values()))


@settings(deadline=None, max_examples=300)
@given(weights, st.integers(0, 10**7), st.sampled_from((0, 2, 3)), st.randoms())
def test_money_is_neither_made_nor_lost(
    weights: dict[str, int], units: int, digits: int, order: random.Random
) -> None:
    whole = sum(weights.values())
    parts = {name: Fraction(weight, whole) for name, weight in weights.items()}
    unit = Decimal(1).scaleb(-digits)
    amount = units * unit
    given = split_revenue(parts, amount, digits)
    assert list(given) == list(parts)
    assert sum(given.values()) == amount
    assert all(cents.as_tuple().exponent == -digits for cents in given.values())
    for name, cents in given.items():
        exact = parts[name] * units / 10**digits
        assert abs(Fraction(cents) - exact) < Fraction(unit)
        assert cents >= 0
        assert parts[name] or not cents
    for one, other in pairwise(sorted(parts, key=lambda name: (-parts[name], name))):
        # Who has more gets no less, and of two alike the first by name.
        assert given[one] >= given[other]
    names = list(parts)
    order.shuffle(names)
    with localcontext(prec=3):
        again = split_revenue({name: parts[name] for name in names}, f"{amount:f}", digits)
    assert again == given
