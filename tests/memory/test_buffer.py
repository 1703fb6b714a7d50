"""One state from another: what a clip, a remix and a second parent leave of what was known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.memory.buffer import merge
from chainer.memory.grade import apply_grade
from chainer.memory.keys import step_key
from chainer.memory.policy import MemoryPolicy
from chainer.memory.state import CharacterState, Conflict, Fact, MemoryState, Presence, Source
from chainer.memory.world import thumb_of

from . import made
from .scene import NOBODY, Walk, atom, exposure, heard, lit, observed, scene, sighting

POLICY = MemoryPolicy()
FIRST = observed(scene(1, 0, 12))
SECOND = observed(scene(1, 12, 12))
MEI = {"coat": "yellow", "holds": "rope"}


def walked(**second: Any) -> MemoryState:
    """Two clips with Mei in the first."""
    walk = Walk(facts={"mei": {"coat": "yellow"}}, names={"mei": "Mei"})
    yellow = sighting("mei", (made.YELLOW,))
    walk.add(
        replace(FIRST, key="1" * 64, sightings=(yellow,), sound=heard(-20)),
        facts={"mei": {"holds": "rope"}},
        place="pier",
        time_of_day="dusk",
    )
    edge = second.pop("edge", None)
    walk.add(replace(SECOND, sound=heard(-26)), edge, **second)
    assert walk.state is not None
    return walk.state


def test_the_first_clip_makes_a_state_without_a_joint() -> None:
    walk = Walk()
    assert walk.add(FIRST) is None
    state = walk.state
    assert state is not None
    assert (state.depth, state.atom) == (1, "a0")
    assert state.tail is not None
    assert state.tail.ref.observation == FIRST.key
    assert state.bank[0].sink


def test_a_continuation_inherits_everything() -> None:
    state = walked()
    assert (state.depth, state.atom) == (2, "a1")
    known = {fact.key: fact.value for fact in state.facts if fact.subject == "mei"}
    assert {**known, **MEI} == known
    one = state.character("mei")
    assert one is not None
    assert (one.name, one.prior) == ("Mei", False)
    assert one.palette
    assert (state.world.place, state.world.time_of_day) == ("pier", "dusk")
    assert state.world.lufs == -26
    assert {exemplar.atom for exemplar in state.bank} >= {"a0"}
    assert state.character("kai") is None


def test_a_remix_keeps_who_people_are_and_expects_their_clothes() -> None:
    state = walked(edge={"kind": "remix"})
    one, before = state.character("mei"), walked().character("mei")
    assert one is not None
    assert before is not None
    assert one.prior
    assert (one.face, one.torso, one.name) == (before.face, before.torso, before.name)
    known = {fact.key: fact.value for fact in state.facts if fact.subject == "mei"}
    assert {**known, **MEI} == known


def test_a_remix_takes_the_world_from_the_new_clip() -> None:
    state = walked(edge={"kind": "remix"}, place="cellar")
    assert (state.world.place, state.world.time_of_day) == ("cellar", "")
    assert state.world.ev == SECOND.world.ev


def test_the_world_runs_along_as_it_is_shown() -> None:
    walk = Walk()
    walk.add(FIRST)
    darker = observed(lit(scene(1, 12, 12), exposure(-0.5)))
    report = walk.add(darker)
    assert report is not None
    assert report.grade is not None
    state = walk.state
    assert state is not None
    assert state.world.lab is not None
    assert abs(state.world.lab[0] - FIRST.world.lab[0]) < 2, "without the grade it would be 3"
    assert state.tail is not None
    assert state.tail.grade == report.grade
    shown = thumb_of(apply_grade(darker.last.pixels, report.grade)).mean
    assert state.tail.lab == shown


def test_the_digest_names_all_that_went_in() -> None:
    def key(**changes: Any) -> str:
        values: dict[str, Any] = {
            "state": None,
            "observation": FIRST.key,
            "atom": atom("a"),
            "edge": None,
            "names": {},
            "facts": {},
            "policy": POLICY,
            "faces": NOBODY,
        }
        return step_key(**{**values, **changes})

    others = [
        key(state=made.state()),
        key(observation=SECOND.key),
        key(atom=atom("a", prompt="Night falls.")),
        key(names={"mei": "Mei"}),
        key(facts={"mei": {"coat": "red"}}),
        key(policy=MemoryPolicy(trim_replay=False)),
        key(faces=NOBODY.model_copy(update={"min_width": 64})),
    ]
    assert len({key(), *others}) == 1 + len(others)
    assert key() == key()


def test_the_same_clips_make_the_same_state() -> None:
    assert walked() == walked()
    assert walked().digest != walked(prompt="x").digest


# -- two parents ---------------------------------------------------------------------------------


def parent(number: int, *facts: Fact, **changes: Any) -> MemoryState:
    values = {"digest": f"{number:064x}", "facts": facts, "characters": (), **changes}
    return made.state(**values)


def test_the_first_parents_picture_and_world_stand() -> None:
    one, other = walked(), walked(edge={"kind": "remix"}, place="cellar")
    both = merge(one, other, POLICY)
    assert both.tail == one.tail
    assert both.world == one.world
    assert both.depth == 2
    assert both.digest not in {one.digest, other.digest}
    assert merge(other, one, POLICY).world == other.world


def test_two_declarations_that_differ_are_listed_and_the_newer_stands() -> None:
    old, new = made.fact("mei", "coat", "yellow"), made.fact("mei", "coat", "red")
    both = merge(parent(1, old), parent(2, new), POLICY)
    assert both.fact("mei", "coat") == new
    assert both.conflicts == (Conflict(new, old),)
    same = replace(new, value="yellow", atom="a9")
    assert merge(parent(1, old), parent(2, same), POLICY).conflicts == ()


def test_what_the_graph_declares_for_good_is_older_than_what_an_atom_does() -> None:
    """A parent that does not play knows the graph's facts, not how the story went on."""
    graph = Fact("mei", "coat", "yellow", Source.DECLARED, "graph")
    atoms = made.fact("mei", "coat", "red")
    for pair in ((atoms, graph), (graph, atoms)):
        both = merge(parent(1, pair[0]), parent(2, pair[1]), POLICY)
        assert both.fact("mei", "coat") == atoms
        assert both.conflicts == ()


def test_what_is_declared_beats_what_was_seen_without_a_word() -> None:
    seen = made.fact("mei", "coat", "red", Source.OBSERVED)
    told = made.fact("mei", "coat", "yellow")
    for pair in ((seen, told), (told, seen)):
        both = merge(parent(1, pair[0]), parent(2, pair[1]), POLICY)
        assert both.fact("mei", "coat") == told
        assert both.conflicts == ()


def test_conflicts_of_both_are_kept_once() -> None:
    one = made.conflict()
    other = Conflict(made.fact("kai", "hat", "grey"), made.fact("kai", "hat", "red"))
    both = merge(parent(1, conflicts=(one,)), parent(2, conflicts=(one, other)), POLICY)
    assert both.conflicts == (one, other)


def test_a_character_keeps_the_surer_of_two_states() -> None:
    sure, unsure = made.mei(confidence=0.9), made.mei(confidence=0.3, presence=Presence.ABSENT)
    for pair in ((sure, unsure), (unsure, sure)):
        people = [parent(n, characters=(one,)) for n, one in enumerate(pair)]
        assert merge(*people, POLICY).characters == (sure,)
    apart = merge(parent(1, characters=(sure,)), parent(2, characters=(made.kai(),)), POLICY)
    assert {one.id for one in apart.characters} == {"mei", "kai"}


def test_pictures_of_both_are_kept_within_the_size_of_the_bank() -> None:
    def chain(seeds: range) -> MemoryState:
        walk = Walk()
        for seed in seeds:
            walk.add(observed(scene(seed, 0, 3)))
        assert walk.state is not None
        return walk.state

    one, other = chain(range(1, 4)), chain(range(4, 7))
    both = merge(one, other, POLICY)
    kept = {exemplar.ref.observation for exemplar in both.bank}
    assert kept == {e.ref.observation for e in (*one.bank, *other.bank)}
    assert sum(exemplar.sink for exemplar in both.bank) <= POLICY.sinks
    assert len(merge(one, other, MemoryPolicy(bank=4)).bank) <= 4


facts = st.builds(
    Fact,
    subject=st.sampled_from(["mei", "kai", "world"]),
    key=st.sampled_from(["coat", "holds", "weather"]),
    value=st.sampled_from(["red", "yellow", True, 3]),
    source=st.sampled_from(list(Source)),
    atom=st.sampled_from(["a1", "a2"]),
)
people = st.builds(
    CharacterState,
    id=st.sampled_from(["mei", "kai", "bo"]),
    name=st.just("X"),
    confidence=st.floats(0, 1),
)


def unique(values: list[Any], name: Any) -> tuple[Any, ...]:
    return tuple({name(one): one for one in values}.values())


@st.composite
def parents(draw: st.DrawFn, number: int) -> MemoryState:
    known = unique(draw(st.lists(facts, max_size=6)), lambda one: (one.subject, one.key))
    cast = unique(draw(st.lists(people, max_size=3)), lambda one: one.id)
    return parent(number, *known, characters=cast)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(parents(1), parents(2))
def test_nothing_that_either_parent_knows_is_lost(one: MemoryState, other: MemoryState) -> None:
    both = merge(one, other, POLICY)
    pairs = [(fact.subject, fact.key) for fact in both.facts]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == {(f.subject, f.key) for f in (*one.facts, *other.facts)}
    assert {c.id for c in both.characters} == {c.id for c in (*one.characters, *other.characters)}
    for fact in both.facts:
        known = [state.fact(fact.subject, fact.key) for state in (one, other)]
        assert fact in known
        if any(f is not None and f.source is Source.DECLARED for f in known):
            assert fact.source is Source.DECLARED
    for character in both.characters:
        each = [state.character(character.id) for state in (one, other)]
        assert character.confidence == max(c.confidence for c in each if c is not None)
    for conflict in both.conflicts:
        assert conflict.stands in both.facts
        assert conflict.refused in one.facts
