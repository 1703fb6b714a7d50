"""Whether a clip shows the people it should: the same ones, in the same clothes, still there.

Compares with the previous clip's end and with what is remembered. `verdict.py` says what distances
mean, `seam.py` looks for people where a clip names none, `strangers.py` compares those without a
name. Decides nothing of the joint itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from chainer.memory.appearance import Box, describe_at
from chainer.memory.faces import face_distance
from chainer.memory.follow import sameness
from chainer.memory.observation import Observation, Picture, Sighting, Vector
from chainer.memory.policy import FacePolicy, Thresholds
from chainer.memory.report import Against, Finding, Flag, JointClass, Measure
from chainer.memory.seam import (
    by_their_boxes,
    followed_to_the_end,
    found_beyond,
    mirror_image,
    sighting_of,
)
from chainer.memory.state import CharacterState, Presence
from chainer.memory.strangers import another_stranger, named_by_memory
from chainer.memory.surroundings import Light, light_at, same_room
from chainer.memory.verdict import Verdict, decide, least, look_of

AT_JOINT = Fraction(3, 2)
"""Seconds from a joint within which somebody is there."""

REACH = {JointClass.SEAMLESS: 0.3, JointClass.SAME_SETUP: 0.45, JointClass.NEW_SETUP: 0.9}
"""How far, in log2, the light on a figure may change beyond that on its surroundings."""

MEMORY_REACH = 0.9

_STRANGER = 0.9
"""How far head and clothes must be another's where nobody has a name (`Verdict.looks`)."""

_JUST = Fraction(3, 10)
"""Seconds from a joint within which a still shows what a sighting does."""


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """A sighting taken for a character.

    `number` is its place in the observation's sightings, None for one found in the stills;
    `new_clothes` where the clothes were judged to be others.
    """

    character: str
    sighting: Sighting
    number: int | None
    new_clothes: bool = False


@dataclass(frozen=True, slots=True)
class Likeness:
    """What was measured and found, and who is who in the new clip.

    `people` leaves out whoever was judged to be somebody else: hand it to `remember_people`.
    """

    measures: tuple[tuple[str, Measure], ...]
    findings: tuple[Finding, ...]
    people: tuple[Recognised, ...]


def compare_people(
    remembered: Sequence[CharacterState],
    previous: Observation | None,
    now: Observation,
    declared: Collection[str],
    *,
    kind: JointClass = JointClass.NEW_SETUP,
    mirrored: bool = False,
    thresholds: Thresholds,
    faces: FacePolicy,
    declared_before: Collection[str] | None = None,
) -> Likeness:
    """Every character expected at the joint from `previous` to `now`, compared.

    Expected is who was in the last second and a half of `previous` where the set-up stays, and who
    is `declared` (named in the new clip's cast) and seen or remembered before. `remembered` are the
    states after `previous`; they also say who its unnamed sightings are. `mirrored` tells that
    the new picture is the old one mirrored. Measures are named `identity:<id>`, `wardrobe:<id>`
    and, against the memory, with `:memory` behind. Without `previous` only names are sorted.
    `declared_before` are the names in the cast of `previous`, None where that is not known: who is
    in both casts, but was found in the new clip only, is compared with whoever stood there.

    Another person before the same wall makes a new set-up of most of the picture; where the
    surroundings are the same (`same_room`) people are judged as in the same set-up.
    """
    if kind is JointClass.NEW_SETUP and previous is not None and same_room(previous, now, AT_JOINT):
        kind = JointClass.SAME_SETUP
    now = named_by_memory(now, remembered, faces)
    joint = _Joint(
        remembered,
        previous,
        now,
        frozenset(declared),
        kind,
        mirrored,
        thresholds,
        faces,
        None if declared_before is None else frozenset(declared_before),
    )
    measures: list[tuple[str, Measure]] = []
    findings: list[Finding] = []
    people: list[Recognised] = []
    for name in joint.names():
        found = joint.character(name)
        measures += found.measures
        findings += found.findings
        people += found.people
    if not measures and not findings:
        stranger = joint.stranger()
        if stranger is not None:
            measures.append(("identity", stranger[0]))
            findings.append(stranger[1])
    return Likeness(tuple(measures), tuple(findings), tuple(people))


@dataclass(frozen=True)  # without slots: what is worked out once is kept
class _Joint:
    remembered: Sequence[CharacterState]
    previous: Observation | None
    now: Observation
    declared: frozenset[str]
    kind: JointClass
    mirrored: bool
    thresholds: Thresholds
    faces: FacePolicy
    declared_before: frozenset[str] | None = None

    def names(self) -> list[str]:
        """Everybody known before or named in the new clip, in a fixed order."""
        here = [one.character for one in self.now.sightings if one.character]
        old = [one.id for one in self.remembered]
        last = [] if self.previous is None else [s.character for s in self.previous.sightings]
        every = dict.fromkeys([*old, *last, *here, *sorted(self.declared)])
        return [name for name in every if name]

    def character(self, name: str) -> Likeness:
        """What is found of one character."""
        state = next((one for one in self.remembered if one.id == name), None)
        named = [(n, s) for n, s in enumerate(self.now.sightings) if s.character == name]
        before = self._before(name, state) or self._stood_there(name, state, named)
        if self.previous is None or not (before or _known(state)):
            return Likeness((), (), tuple(Recognised(name, s, n) for n, s in named))
        if not named and not (self._stays and before) and name not in self.declared:
            return Likeness((), (), ())
        group, verdict = self._whoever(name, state, before, named)
        if not group:
            return Likeness((), self._missing(name, before, state), ())
        return self._judged(name, state, before, group, verdict)

    def stranger(self) -> tuple[Measure, Finding] | None:
        """Another person where nobody has a name."""
        if self.previous is None or not self._stays:
            return None
        pair = another_stranger(self.previous, self.now, AT_JOINT)
        if pair is None or self._close(pair[0][0], pair[1][0]) < 0:
            return None
        verdict = self._verdict(*pair)
        face = verdict.identity
        if not verdict.other or face is None or face.unit != "distance":
            return None
        # Nobody is declared: face, head and clothes must all be another's.
        if face.value <= self.faces.same_at_most or (verdict.looks or 0.0) < _STRANGER:
            return None
        measure = replace(face, confidence=0.6)
        words = "the person in the picture is another one"
        return measure, Finding(Flag.IDENTITY, Against.PREVIOUS, "identity", 0.6, words)

    def _before(self, name: str, state: CharacterState | None) -> list[Sighting]:
        """Sightings of the character near the end of the previous clip, newest first."""
        if self.previous is None:
            return []
        from_here = self.previous.seconds - AT_JOINT
        found = [s for s in self.previous.sightings if s.character == name]
        if not found and state is not None and state.presence is Presence.PRESENT and state.box:
            # Recognised there, not named there: the state knows where it was last.
            found = [
                s
                for s in self.previous.sightings
                if s.seconds == state.last_seconds and s.box == state.box
            ]
            if not found and state.last_seconds >= from_here:
                look = describe_at(self.previous.last.pixels, state.box)
                found = [sighting_of(name, self.previous.last.seconds, state.box, look, 0.6)]
        near = [s for s in found if s.seconds >= from_here]
        return sorted(near, key=lambda s: -s.seconds)[:4]

    def _stood_there(
        self, name: str, state: CharacterState | None, named: list[tuple[int, Sighting]]
    ) -> list[Sighting]:
        """Whoever stood where the new clip first shows a character that the old one only names."""
        early = [s for _, s in named if s.seconds <= AT_JOINT]
        known_before = not _known(state)
        if self.declared_before is not None:
            known_before = name in self.declared_before
        if self.previous is None or not (early and self._stays and known_before):
            return []
        first = min(early, key=lambda s: s.seconds)
        end = self.previous.seconds - AT_JOINT
        last = [s for s in self.previous.sightings if s.seconds >= end]
        there = [s for s in last if self._close(s, first) >= 0]
        if any(s.character for s in there):
            return []
        if there:
            best = max(there, key=lambda s: self._close(s, first))
            near = [s for s in there if s is best or self._linked(best, s)]
            return sorted(near, key=lambda s: -s.seconds)[:4]
        if first.seconds > _JUST:
            return []
        found = found_beyond(
            name,
            self.now.first.pixels,
            self._old,
            first.box,
            lambda here, there: self._verdict(there, here),
            seconds=self.previous.last.seconds,
        )
        if found is None:
            return []
        return [replace(found[0], box=self._place(found[0].box))]

    def _whoever(
        self,
        name: str,
        state: CharacterState | None,
        before: list[Sighting],
        named: list[tuple[int, Sighting]],
    ) -> tuple[list[tuple[int | None, Sighting]], Verdict | None]:
        """Who stands for the character in the new clip, and how they compare; nobody: empty."""
        if named:
            early = [one for one in named if one[1].seconds <= AT_JOINT]
            return [*(early or named)], None
        old = before or _as_sightings(state)
        best: tuple[float, tuple[int, Sighting], Verdict] | None = None
        for number, sighting in enumerate(self.now.sightings):
            if sighting.character or (before and self._stays and sighting.seconds > AT_JOINT):
                continue
            verdict = self._verdict(old, [sighting], memory=not before)
            close = self._close(before[0], sighting) if before and self._stays else 0.0
            value = close - 2.0 * verdict.other - verdict.new_clothes
            if verdict.identity is not None and verdict.identity.unit == "distance":
                value -= verdict.identity.value
            if verdict.other and (
                (before and self._stays and close <= 0) or self._anothers(name, sighting)
            ):
                continue  # somebody else, somewhere else
            if best is None or value > best[0]:
                best = value, (number, sighting), verdict
        if best is not None and (not best[2].other or self._alone()):
            return [best[1]], best[2]
        if before and self._stays:
            return self._in_the_stills(name, before[0], best[1] if best else None)
        return [], None

    def _anothers(self, name: str, sighting: Sighting) -> bool:
        """Whether an unnamed one is a character of the previous clip other than `name`."""
        if self.previous is None:
            return False
        rest = (s for s in self.previous.sightings if s.character not in {"", name})
        return any(self._linked(one, sighting) for one in rest)

    @property
    def _stays(self) -> bool:
        return self.kind is not JointClass.NEW_SETUP

    def _alone(self) -> bool:
        """Whether the unnamed sightings of the new clip can only be of one person at a time."""
        strangers = [s for s in self.now.sightings if not s.character]
        times = [s.seconds for s in strangers]
        return self._stays or len(times) == len(set(times))

    def _close(self, before: Sighting, sighting: Sighting) -> float:
        """1 at the old place, 0 at a third of the picture from it, less beyond."""
        old, new = self._place(before.box), sighting.box
        x = new[0] + new[2] / 2 - old[0] - old[2] / 2
        return 1 - 3 * float(np.hypot(x, new[1] - old[1]))

    def _place(self, box: Box) -> Box:
        return (1 - box[0] - box[2], *box[1:]) if self.mirrored else box

    @cached_property
    def _old(self) -> Picture:
        """The last picture before the joint, turned as the new one is."""
        assert self.previous is not None
        pixels = self.previous.last.pixels
        return mirror_image(pixels) if self.mirrored else pixels

    def _in_the_stills(
        self, name: str, last: Sighting, stranger: tuple[int, Sighting] | None
    ) -> tuple[list[tuple[int | None, Sighting]], Verdict | None]:
        """The character looked for in the new clip's first still, near its old place."""
        new = self.now.first
        box = self._place(last.box)
        found = found_beyond(name, self._old, new.pixels, box, self._verdict, seconds=new.seconds)
        if stranger is not None and (found is None or found[1]):
            return [stranger], None
        return ([], None) if found is None else ([(None, found[0])], None)

    def _judged(
        self,
        name: str,
        state: CharacterState | None,
        before: list[Sighting],
        group: list[tuple[int | None, Sighting]],
        verdict: Verdict | None,
    ) -> Likeness:
        """Findings for a character and whoever stands for it."""
        measures: list[tuple[str, Measure]] = []
        findings: list[Finding] = []
        sightings = [s for _, s in group]
        tests: list[tuple[Against, str, Verdict]] = []
        if before:
            one = verdict or self._verdict(*self._with_stills(before, sightings))
            if verdict is not None and verdict.new_clothes:
                one = self._verdict(*self._with_stills(before, sightings))
            tests.append((Against.PREVIOUS, "", one))
        if _known(state):
            one = self._verdict(_as_sightings(state), sightings, memory=True)
            if before and one.other and not tests[0][2].other and one.identity is not None:
                # The seam is the better witness unless it is the face that disagrees.
                one = one if one.identity.unit == "distance" else replace(one, other=False)
            tests.append((Against.MEMORY, ":memory", one))
        for against, suffix, one in tests:
            for kind, measure in (("identity", one.identity), ("wardrobe", one.wardrobe)):
                if measure is not None:
                    measures.append((f"{kind}:{name}{suffix}", measure))
            if one.other:
                words = f"{name} looks like another person"
                findings.append(
                    _finding(Flag.IDENTITY, against, name, suffix, one.confidence, words)
                )
            elif one.new_clothes:
                words = f"{name} wears other clothes"
                prior = "remix" if against is Against.MEMORY and state and state.prior else ""
                flagged = _finding(Flag.WARDROBE, against, name, suffix, one.confidence, words)
                findings.append(replace(flagged, declared=prior))
        if _known(state) and any(finding.flag is Flag.IDENTITY for finding in findings):
            return Likeness(tuple(measures), tuple(findings), ())
        clothes = any(finding.flag is Flag.WARDROBE for finding in findings)
        return Likeness(
            tuple(measures), tuple(findings), self._all_of(name, group, clothes=clothes)
        )

    def _with_stills(
        self, before: list[Sighting], group: list[Sighting]
    ) -> tuple[list[Sighting], list[Sighting]]:
        """Both groups, and where they meet at the joint as the two stills show them."""
        if self.previous is None or self.mirrored or not self._stays:
            return before, group
        near = self.previous.seconds - _JUST, _JUST
        ones, twos = by_their_boxes(
            before, group, self.previous.last.pixels, self.now.first.pixels, near
        )
        return [*before, *ones], [*group, *twos]

    def _all_of(
        self, name: str, group: list[tuple[int | None, Sighting]], *, clothes: bool
    ) -> tuple[Recognised, ...]:
        """The group and every other sighting of the clip that shows the same one."""
        chosen = {number: s for number, s in group if number is not None}
        sightings = [s for _, s in group]
        for number, s in enumerate(self.now.sightings):
            if number in chosen or s.character not in {"", name}:
                continue
            if s.character == name or any(self._linked(one, s) for one in sightings):
                chosen[number] = s
        result = [Recognised(name, s, number, clothes) for number, s in sorted(chosen.items())]
        if not chosen:
            result += [Recognised(name, s, None, clothes) for s in sightings]
            last = followed_to_the_end(name, self.now, sightings[0])
            result += [] if last is None else [Recognised(name, last, None, clothes)]
        return tuple(result)

    def _linked(self, one: Sighting, two: Sighting) -> bool:
        distance = face_distance(one.face, two.face)
        if distance is not None:
            return distance <= self.faces.same_at_most
        if (one.yaw is None) != (two.yaw is None):
            return False
        return sameness(look_of(one), look_of(two)) >= 0.5

    def _missing(
        self, name: str, before: list[Sighting], state: CharacterState | None
    ) -> tuple[Finding, ...]:
        """The finding for one who is not there; none where nobody could have found them."""
        against = Against.PREVIOUS if before else Against.MEMORY
        if before and self._stays:
            # A cast that names others and not this one has sent them away.
            sent = "cast" if self.declared and name not in self.declared else ""
            words = f"{name} is not where they were"
            found = _finding(Flag.MISSING, against, name, "", 0.8, words)
            return (replace(found, declared=sent),)
        empty_box = any(note.startswith(f"{name}: ") for note in self.now.notes)
        if not empty_box and not _known_face(before, state):
            return ()
        words = f"{name} is in the cast, but was not found"
        return (_finding(Flag.MISSING, against, name, "", 0.7 if empty_box else 0.5, words),)

    def _verdict(
        self, old: Sequence[Sighting], new: Sequence[Sighting], *, memory: bool = False
    ) -> Verdict:
        reach = MEMORY_REACH if memory else REACH[self.kind]
        light = self._light if self._stays else Light()
        far = memory or not self._stays
        if memory:
            # What is remembered may be older than the last clip, and that of another light.
            light = replace(light, gains=(0.0, 0.0, 0.0))
        by = least(old, new, light, reach, mirrored=self.mirrored)
        unmoved = self.kind is JointClass.SEAMLESS and not memory
        return decide(by, self.thresholds, self.faces, light, far=far, unmoved=unmoved)

    @cached_property
    def _light(self) -> Light:
        """The change of light at the joint."""
        if self.previous is None or self.mirrored:
            return Light()
        end = self.previous.seconds - AT_JOINT
        people = [s for s in self.previous.sightings if s.seconds >= end]
        people += [s for s in self.now.sightings if s.seconds <= AT_JOINT]
        people += [s for state in self.remembered for s in _as_sightings(state) if state.box]
        return light_at(self.previous.last.pixels, self.now.first.pixels, people)


def _known(state: CharacterState | None) -> bool:
    return state is not None and bool(state.face or state.torso or state.texture)


def _known_face(before: Sequence[Sighting], state: CharacterState | None) -> bool:
    return any(s.yaw is not None for s in before) or (state is not None and state.yaw is not None)


def _as_sightings(state: CharacterState | None) -> list[Sighting]:
    if state is None or not _known(state):
        return []
    return [
        Sighting(
            character=state.id,
            seconds=state.last_seconds,
            box=state.box or (0.0, 0.0, 1.0, 1.0),
            how="track",
            confidence=state.confidence,
            torso=_vector(state.torso),
            palette=state.palette,
            texture=_vector(state.texture),
            face=_vector(state.face),
            yaw=state.yaw,
        )
    ]


def _vector(numbers: tuple[float, ...]) -> Vector | None:
    return np.asarray(numbers, np.float32) if numbers else None


def _finding(
    flag: Flag, against: Against, name: str, suffix: str, sure: float, words: str
) -> Finding:
    kind = "wardrobe" if flag is Flag.WARDROBE else "identity"
    behind = "than before" if against is Against.PREVIOUS else "than is remembered"
    if flag is Flag.MISSING:
        return Finding(flag, against, "", sure, words, name)
    return Finding(flag, against, f"{kind}:{name}{suffix}", sure, f"{words} {behind}", name)
