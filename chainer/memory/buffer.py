"""One step of the memory: a state and an observation make the next state and a joint report.

`step` is a pure function of the state, the observation, the declarations and the policy; its
digest says so, and `Memory` in `recollect.py` computes every step once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chainer.digest import key_of
from chainer.graph import Atom, Edge
from chainer.memory.bank import banked, exemplar_of, with_one
from chainer.memory.declared import is_remix
from chainer.memory.facts import GRAPH, facts_after
from chainer.memory.grade import apply_grade, grade_palette
from chainer.memory.joint import Gallery, Judged, judge
from chainer.memory.keys import STEP, Told, step_key
from chainer.memory.likeness import compare_people
from chainer.memory.observation import Observation
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.memory.recall import remember_people
from chainer.memory.report import Flag, Grade, JointClass, JointReport
from chainer.memory.state import (
    Conflict,
    MemoryState,
    Source,
    WorldState,
)
from chainer.memory.world import thumb_of

_NEWEST = 0.3


def step(
    state: MemoryState | None,
    observation: Observation,
    atom: Atom,
    before: Atom | None,
    edge: Edge | None,
    *,
    names: Mapping[str, str],
    facts: Told,
    policy: MemoryPolicy,
    faces: FacePolicy,
    gallery: Gallery,
) -> tuple[MemoryState, JointReport | None]:
    """The memory after `observation`, a take of `atom`, has been seen; and the joint before it.

    `state` and `before` are None for the first atom. `names` are the characters' names, `facts`
    what the graph declares of them for good. A continuation inherits everything. A remix keeps who
    people are and what was declared of them, takes the world from the new clip and holds clothes
    for expected only.
    """
    digest = step_key(state, observation.key, atom, edge, names, facts, policy, faces)
    judged: Judged | None = None
    if state is not None and before is not None:
        judged = judge(
            state,
            observation,
            before,
            atom,
            edge,
            policy=policy,
            faces=faces,
            gallery=gallery,
        )
    remix = is_remix(edge)
    report = judged.report if judged else None
    likeness = (
        judged.likeness
        if judged
        else compare_people(
            (),
            None,
            observation,
            [appearance.character for appearance in atom.cast],
            kind=JointClass.NEW_SETUP,
            thresholds=policy.thresholds,
            faces=faces,
        )
    )
    missing = [one.subject for one in likeness.findings if one.flag is Flag.MISSING]
    characters = remember_people(
        state.characters if state else (),
        observation,
        likeness.people,
        atom.id,
        names,
        missing=missing,
        prior=remix,
    )
    grade = report.grade if report else None
    worn = {one.id: one.palette for one in state.characters} if state else {}
    # Clothes are remembered as they are shown, like everything else of this clip.
    characters = tuple(
        one
        if one.palette == worn.get(one.id)
        else replace(one, palette=grade_palette(one.palette, grade))
        for one in characters
    )
    known, conflicts = facts_after(state, atom, facts, characters)
    bank = banked(state.bank if state else (), observation, atom.id, grade, policy)
    last = len(observation.stills) - 1
    world = None if remix or state is None else state.world
    return (
        MemoryState(
            digest=digest,
            depth=state.depth + 1 if state else 1,
            atom=atom.id,
            characters=characters,
            world=world_after(world, observation, atom, grade),
            bank=bank,
            facts=known,
            conflicts=(*(state.conflicts if state else ()), *conflicts),
            tail=exemplar_of(observation, last, atom.id, grade),
        ),
        report,
    )


def merge(first: MemoryState, second: MemoryState, policy: MemoryPolicy) -> MemoryState:
    """What an atom with two parents starts from: everything of both, by character and by key.

    The first parent's last picture and world stand. A character that both know keeps the surer
    state. Of two declared facts that contradict each other, the second, newer one stands and the
    contradiction is listed; what the graph declares for good is older than what any atom does,
    and a declared fact beats an observed one, without a word.
    """
    characters = {one.id: one for one in first.characters}
    for other in second.characters:
        mine = characters.get(other.id)
        if mine is None or other.confidence > mine.confidence:
            characters[other.id] = other
    facts = {(one.subject, one.key): one for one in first.facts}
    conflicts = [*first.conflicts, *(c for c in second.conflicts if c not in first.conflicts)]
    for fact in second.facts:
        standing = facts.get((fact.subject, fact.key))
        if standing is None or standing == fact:
            facts[fact.subject, fact.key] = fact
            continue
        if fact.source is not Source.DECLARED:
            continue
        if standing.source is Source.DECLARED:
            if fact.atom == GRAPH:
                continue  # said before any clip: every atom's word is newer
            if standing.atom != GRAPH and standing.value != fact.value:
                conflicts.append(Conflict(fact, standing))
        facts[fact.subject, fact.key] = fact
    bank = first.bank
    for exemplar in second.bank:
        bank = with_one(bank, replace(exemplar, sink=False), policy)
    return MemoryState(
        digest=key_of("memory-merge", [STEP, first.digest, second.digest]),
        depth=max(first.depth, second.depth),
        atom=first.atom,
        characters=tuple(characters.values()),
        world=first.world,
        bank=bank,
        facts=tuple(facts.values()),
        conflicts=tuple(conflicts),
        tail=first.tail,
    )


def world_after(
    before: WorldState | None, observation: Observation, atom: Atom, grade: Grade | None
) -> WorldState:
    """The world with this clip in it, as it is shown: colours after the grade."""
    seen = observation.world
    last = thumb_of(apply_grade(observation.last.pixels, grade)).mean
    raw = thumb_of(observation.last.pixels).mean
    shown = tuple(
        value + after - old for value, after, old in zip(seen.lab, last, raw, strict=True)
    )
    lab = (shown[0], shown[1], shown[2])
    lufs = observation.sound.integrated if observation.sound else None
    ambience = observation.sound.ambience if observation.sound else ()
    if before is None or before.ev is None or before.wb is None or before.lab is None:
        ev, wb = seen.ev, seen.wb
    else:
        ev = _run(before.ev, seen.ev)
        wb = (_run(before.wb[0], seen.wb[0]), _run(before.wb[1], seen.wb[1]))
        lab = (
            _run(before.lab[0], lab[0]),
            _run(before.lab[1], lab[1]),
            _run(before.lab[2], lab[2]),
        )
        ambience = ambience or before.ambience
    return WorldState(
        place=atom.place or (before.place if before else ""),
        time_of_day=atom.time_of_day or (before.time_of_day if before else ""),
        ev=ev,
        wb=wb,
        lab=lab,
        palette=seen.palette,
        lufs=lufs,
        ambience=ambience,
    )


def _run(old: float, new: float) -> float:
    return old + _NEWEST * (new - old)
