"""What is declared stands; what is seen lies beside it, and a contradiction is told once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.memory.facts import WORLD, Told, facts_after
from chainer.memory.state import CharacterState, Conflict, Fact, MemoryState, Presence, Source

from . import made
from .scene import atom

RED = (0.9, 45.0, 60.0, 40.0)
YELLOW, NAVY = made.YELLOW, made.NAVY
GRAPH: Told = {"mei": {"coat": "yellow", "age": 12}}


def mei(*palette: tuple[float, float, float, float], at: str = "a1", **more: Any) -> CharacterState:
    return made.mei(palette=palette, last_atom=at, **more)


def after(
    state: MemoryState | None,
    *people: CharacterState,
    name: str = "a1",
    told: Told | None = None,
    **values: Any,
) -> tuple[MemoryState, list[Conflict]]:
    """The state with the facts after an atom, and the conflicts that are new."""
    known, conflicts = facts_after(
        state, atom(name, **values), GRAPH if told is None else told, people
    )
    before = state.conflicts if state else ()
    base = state or MemoryState(made.KEY, 1, name)
    return replace(base, facts=known, conflicts=(*before, *conflicts)), conflicts


def known(state: MemoryState, key: str, subject: str = "mei") -> Any:
    fact = state.fact(subject, key)
    return None if fact is None else fact.value


def test_the_graph_and_the_atoms_declare() -> None:
    facts = {"mei": {"holds": "rope"}, "world": {"weather": "rain"}}
    state, _ = after(None, facts=facts, place="pier", time_of_day="dusk")
    assert [known(state, key) for key in ("coat", "age", "holds")] == ["yellow", 12, "rope"]
    assert known(state, "weather", WORLD) == "rain"
    assert known(state, "place", WORLD) == "pier"
    assert known(state, "time_of_day", WORLD) == "dusk"
    assert {one.source for one in state.facts} == {Source.DECLARED}
    coat, holds = state.fact("mei", "coat"), state.fact("mei", "holds")
    assert coat is not None
    assert holds is not None
    assert (coat.atom, holds.atom, holds.author) == ("graph", "a1", "p-a")


def test_a_newer_declaration_takes_the_place_of_an_older_one() -> None:
    state, _ = after(None)
    state, conflicts = after(state, name="a2", facts={"mei": {"coat": "green"}})
    assert known(state, "coat") == "green"
    assert conflicts == []
    state, _ = after(state, name="a3")
    assert known(state, "coat") == "green", "the graph speaks once, at the start"


def test_null_takes_a_fact_back() -> None:
    state, _ = after(None, facts={"mei": {"holds": "rope"}})
    state, _ = after(state, name="a2", facts={"mei": {"holds": None, "hat": None}})
    assert state.fact("mei", "holds") is None
    assert state.fact("mei", "hat") is None
    assert known(state, "coat") == "yellow"


@pytest.mark.parametrize("value", [False, 0, ""])
def test_other_empty_values_are_facts(value: Any) -> None:
    state, _ = after(None, facts={"mei": {"hat": value}} if value != "" else {})
    fact = state.fact("mei", "hat")
    assert (fact is None) if value == "" else (fact is not None and fact.value is value)


def test_what_is_seen_is_kept_beside_what_is_declared() -> None:
    state, conflicts = after(None, mei(YELLOW))
    assert known(state, "coat") == "yellow"
    seen = state.fact("mei", "colours")
    assert seen is not None
    assert (seen.value, seen.source, seen.confidence) == ("yellow", Source.OBSERVED, 0.92)
    assert conflicts == []


def test_a_contradiction_is_told_once_and_the_declaration_stands() -> None:
    state, conflicts = after(None, mei(RED))
    assert known(state, "coat") == "yellow"
    (one,) = conflicts
    assert (one.stands.value, one.refused.source) == ("yellow", Source.OBSERVED)
    assert "red" in str(one.refused.value)
    assert "mei" in one.words
    state, again = after(state, mei(RED, at="a2"), name="a2")
    assert again == []
    assert len(state.conflicts) == 1


def test_each_contradicted_fact_is_told() -> None:
    told: Told = {"mei": {"coat": "yellow"}, "kai": {"coat": "green"}}
    others = made.kai(palette=(RED,), last_atom="a1", presence=Presence.PRESENT)
    _, conflicts = after(None, mei(RED), others, told=told)
    assert {one.stands.subject for one in conflicts} == {"mei", "kai"}


@pytest.mark.parametrize(
    ("coat", "palette"),
    [
        ("yellow", (0.9, 55.0, 25.0, 50.0)),  # orange by lamplight
        ("long yellow coat", YELLOW),
        ("teal", (0.9, 40.0, -5.0, -35.0)),
        ("woollen", RED),  # no colour is said
        ("Yellow", YELLOW),
    ],
)
def test_what_people_call_by_the_same_word_is_no_contradiction(
    coat: str, palette: tuple[float, float, float, float]
) -> None:
    _, conflicts = after(None, mei(palette), told={"mei": {"coat": coat}})
    assert conflicts == []


def test_a_coat_is_contradicted_only_by_who_is_seen_in_this_clip() -> None:
    for one in (
        mei(RED, at="a0"),
        mei(),
        mei(RED, presence=Presence.ABSENT),
        mei(RED, id="kai"),
    ):
        assert after(None, one)[1] == []


def test_a_little_of_the_colour_is_enough() -> None:
    most, little = (0.9, 45.0, 60.0, 40.0), (0.08, 78.0, 12.0, 66.0)
    assert after(None, mei(most, little))[1] == []
    assert len(after(None, mei(most, (0.02, *little[1:])))[1]) == 1


names = st.sampled_from(["mei", "kai", "world"])
keys = st.sampled_from(["coat", "holds", "weather", "mood"])
values = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["red", "rope"]))
declarations = st.dictionaries(names, st.dictionaries(keys, values, max_size=3), max_size=3)
palettes = st.sampled_from([(RED,), (YELLOW, NAVY), ()])


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.lists(st.tuples(declarations, palettes), min_size=1, max_size=5))
def test_the_last_declaration_always_stands(clips: list[tuple[Any, Any]]) -> None:
    state: MemoryState | None = None
    wanted: dict[tuple[str, str], Any] = {
        (who, key): value for who, told in GRAPH.items() for key, value in told.items()
    }
    for number, (facts, palette) in enumerate(clips):
        name = f"a{number}"
        state, _ = after(state, mei(*palette, at=name), name=name, facts=facts)
        wanted |= {(who, key): v for who, told in facts.items() for key, v in told.items()}
    assert state is not None
    declared = {
        (one.subject, one.key): one.value for one in state.facts if one.source is Source.DECLARED
    }
    assert declared == {name: value for name, value in wanted.items() if value is not None}
    pairs = [(one.subject, one.key) for one in state.facts]
    assert len(pairs) == len(set(pairs))
    assert all(one.stands.source is Source.DECLARED for one in state.conflicts)


def test_a_fact_prints_as_json() -> None:
    told = Fact("mei", "coat", "yellow", Source.DECLARED, "a1").as_json()
    assert told["author"] is None
    assert (told["source"], told["confidence"]) == ("declared", 1.0)
