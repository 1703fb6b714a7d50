"""Whether a clip shows the people it should: the same ones, in the same clothes, still there.

Compares with the previous clip's end and with what is remembered. Faces decide where both sides
have a descriptor; else head and torso together: another person has another head *and* other
clothes. Clothes are compared under every light that the joint could have changed to. Decides
nothing of the joint itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

import numpy as np

from chainer.memory.appearance import (
    Box,
    Gains,
    Look,
    apart,
    describe_at,
    inside,
    least_apart,
)
from chainer.memory.faces import face_distance
from chainer.memory.follow import field_of, find_again, sameness, target_of
from chainer.memory.observation import Observation, Sighting, Vector
from chainer.memory.policy import FacePolicy, Thresholds
from chainer.memory.report import Against, Finding, Flag, JointClass, Measure
from chainer.memory.state import CharacterState, Presence
from chainer.memory.surroundings import background_shows, light_change, same_room

HEAD = 0.27
"""Texture distance from which on a head may be another one."""

TORSO = 0.24
"""Torso distance from which on, with another head, it is another person."""

VOTE = 0.8
"""Share of `HEAD` and `TORSO` from which on a face that could be either is another's."""

CERTAIN = 0.85
"""Share of `FacePolicy.same_at_most` up to which a face needs no second witness.

Two men in one room lie 0.46 to 0.62 apart, and one man up to 0.60 from himself as he turns.
"""

AT_JOINT = Fraction(3, 2)
"""Seconds from a joint within which somebody is there."""

REACH = {JointClass.SEAMLESS: 0.3, JointClass.SAME_SETUP: 0.45, JointClass.NEW_SETUP: 0.9}
"""How far, in log2, the light on a figure may change beyond that on its surroundings."""

MEMORY_REACH = 0.9


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


@dataclass(frozen=True, slots=True)
class _Apart:
    """The least distances between two groups of sightings; None where they cannot be had."""

    face: float | None
    head: float | None
    torso: float | None


@dataclass(frozen=True, slots=True)
class _Verdict:
    other: bool
    new_clothes: bool
    confidence: float
    identity: Measure | None
    wardrobe: Measure | None


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
) -> Likeness:
    """Every character expected at the joint from `previous` to `now`, compared.

    Expected is who was in the last second and a half of `previous` where the set-up stays, and who
    is `declared` (named in the new clip's cast) and seen or remembered before. `remembered` are the
    states after `previous`; they also say who its unnamed sightings are. `mirrored` tells that
    the new picture is the old one mirrored. Measures are named `identity:<id>`, `wardrobe:<id>`
    and, against the memory, with `:memory` behind. Without `previous` only names are sorted.

    Another person before the same wall makes a new set-up of most of the picture; where the
    surroundings are the same (`same_room`) people are judged as in the same set-up.
    """
    if kind is JointClass.NEW_SETUP and previous is not None and same_room(previous, now, AT_JOINT):
        kind = JointClass.SAME_SETUP
    joint = _Joint(
        remembered, previous, now, frozenset(declared), kind, mirrored, thresholds, faces
    )
    measures: list[tuple[str, Measure]] = []
    findings: list[Finding] = []
    people: list[Recognised] = []
    for name in joint.names():
        found = joint.character(name)
        measures += found.measures
        findings += found.findings
        people += found.people
    return Likeness(tuple(measures), tuple(findings), tuple(people))


@dataclass(frozen=True, slots=True)
class _Joint:
    remembered: Sequence[CharacterState]
    previous: Observation | None
    now: Observation
    declared: frozenset[str]
    kind: JointClass
    mirrored: bool
    thresholds: Thresholds
    faces: FacePolicy

    def names(self) -> list[str]:
        """Everybody known before or named in the new clip, in a fixed order."""
        here = [one.character for one in self.now.sightings if one.character]
        old = [one.id for one in self.remembered]
        last = [] if self.previous is None else [s.character for s in self.previous.sightings]
        every = dict.fromkeys([*old, *last, *here, *sorted(self.declared)])
        return [name for name in every if name]

    def character(self, name: str) -> Likeness:
        state = next((one for one in self.remembered if one.id == name), None)
        before = self._before(name, state)
        named = [(n, s) for n, s in enumerate(self.now.sightings) if s.character == name]
        stays = self.kind is not JointClass.NEW_SETUP
        if self.previous is None or not (before or _known(state)):
            return Likeness((), (), tuple(Recognised(name, s, n) for n, s in named))
        if not named and not (stays and before) and name not in self.declared:
            return Likeness((), (), ())
        group, verdict = self._whoever(name, state, before, named)
        if not group:
            return Likeness((), self._missing(name, before, state), ())
        return self._judged(name, state, before, group, verdict)

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
                found = [_sighting(name, self.previous.last.seconds, state.box, look, 0.6)]
        near = [s for s in found if s.seconds >= from_here]
        return sorted(near, key=lambda s: -s.seconds)[:4]

    def _whoever(
        self,
        name: str,
        state: CharacterState | None,
        before: list[Sighting],
        named: list[tuple[int, Sighting]],
    ) -> tuple[list[tuple[int | None, Sighting]], _Verdict | None]:
        """Who stands for the character in the new clip, and how they compare; nobody: empty."""
        if named:
            early = [one for one in named if one[1].seconds <= AT_JOINT]
            return [*(early or named)], None
        old = before or _as_sightings(state)
        best: tuple[float, tuple[int, Sighting], _Verdict] | None = None
        for number, sighting in enumerate(self.now.sightings):
            if sighting.character or (before and self._stays and sighting.seconds > AT_JOINT):
                continue
            verdict = self._verdict(old, [sighting], memory=not before)
            close = self._close(before, sighting) if before and self._stays else 0.0
            value = close - 2.0 * verdict.other - verdict.new_clothes
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

    def _close(self, before: list[Sighting], sighting: Sighting) -> float:
        """1 at the old place, 0 at a third of the picture from it, less beyond."""
        old = self._place(before[0].box)
        x = sighting.box[0] + sighting.box[2] / 2 - old[0] - old[2] / 2
        y = sighting.box[1] - old[1]
        return 1 - 3 * float(np.hypot(x, y))

    def _place(self, box: Box) -> Box:
        return (1 - box[0] - box[2], *box[1:]) if self.mirrored else box

    def _in_the_stills(
        self, name: str, last: Sighting, stranger: tuple[int, Sighting] | None
    ) -> tuple[list[tuple[int | None, Sighting]], _Verdict | None]:
        """The character looked for in the new clip's first still, near its old place."""
        assert self.previous is not None
        old, new = self.previous.last.pixels, self.now.first.pixels
        if self.mirrored:
            old = np.ascontiguousarray(old[:, ::-1])
        box = inside(self._place(last.box))
        first = _sighting(name, Fraction(0), box, describe_at(old, box), last.confidence)
        target = target_of(old, field_of(old), box)
        found = None if target is None else find_again(new, field_of(new), [target], box)
        candidates = [] if found is None else [(found[0], found[1])]
        candidates.append((box, describe_at(new, box)))
        # In new clothes it is found a little beside its place: heads must lie on each other.
        step = 0.04 * box[2], 0.025 * box[3]
        for place, _ in tuple(candidates):
            for across, down in product((-1, 0, 1), repeat=2):
                moved = inside(
                    (place[0] + across * step[0], place[1] + down * step[1], place[2], place[3])
                )
                candidates.append((moved, describe_at(new, moved)))
        best: tuple[float, Sighting, _Verdict] | None = None
        for place, look in candidates:
            sighting = _sighting(name, self.now.first.seconds, place, look, 0.6)
            verdict = self._verdict([first], [sighting])
            head = apart(first.texture, look.texture)
            value = sameness(_look(first), look) - verdict.other - (head or 0.0)
            if best is None or value > best[0]:
                best = value, sighting, verdict
        if best is None:
            return [], None
        if not best[2].other:
            return [(None, best[1])], best[2]
        if stranger is not None:
            return [stranger], None
        if background_shows(new, old, box):
            return [], None
        return [(None, best[1])], best[2]

    def _judged(
        self,
        name: str,
        state: CharacterState | None,
        before: list[Sighting],
        group: list[tuple[int | None, Sighting]],
        verdict: _Verdict | None,
    ) -> Likeness:
        """Findings for a character and whoever stands for it."""
        measures: list[tuple[str, Measure]] = []
        findings: list[Finding] = []
        sightings = [s for _, s in group]
        tests: list[tuple[Against, str, _Verdict]] = []
        if before:
            one = verdict or self._verdict(before, sightings)
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
        if any(finding.flag is Flag.IDENTITY for finding in findings):
            return Likeness(tuple(measures), tuple(findings), ())
        clothes = any(finding.flag is Flag.WARDROBE for finding in findings)
        return Likeness(
            tuple(measures), tuple(findings), self._all_of(name, group, clothes=clothes)
        )

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
            result += self._at_the_end(name, sightings[0], clothes=clothes)
        return tuple(result)

    def _linked(self, one: Sighting, two: Sighting) -> bool:
        distance = face_distance(one.face, two.face)
        if distance is not None:
            return distance <= self.faces.same_at_most
        if (one.yaw is None) != (two.yaw is None):
            return False
        return sameness(_look(one), _look(two)) >= 0.5

    def _at_the_end(self, name: str, first: Sighting, *, clothes: bool) -> list[Recognised]:
        """One found in the first still, followed to the last."""
        place, seen = first.box, None
        target = target_of(self.now.first.pixels, field_of(self.now.first.pixels), place)
        for still in self.now.stills[1:] if target else ():
            assert target is not None
            found = find_again(still.pixels, field_of(still.pixels), [target], place)
            seen = None
            if found is not None and found[2] >= 0.4:
                place = found[0]
                seen = _sighting(name, still.seconds, place, found[1], 0.5)
        return [] if seen is None else [Recognised(name, seen, None, clothes)]

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
    ) -> _Verdict:
        reach = MEMORY_REACH if memory else REACH[self.kind]
        gains = (0.0, 0.0, 0.0)
        if not memory and self._stays and self.previous is not None and not self.mirrored:
            gains = light_change(self.previous.last.pixels, self.now.first.pixels, (*old, *new))
        apart_by = _least(old, new, gains, reach, mirrored=self.mirrored)
        return _decide(apart_by, self.thresholds, self.faces, far=memory or not self._stays)


def _decide(by: _Apart, thresholds: Thresholds, faces: FacePolicy, *, far: bool) -> _Verdict:
    """Another person, or other clothes.

    `far`: over a change of set-up, where only faces tell people apart.
    """
    torso_limit = thresholds.wardrobe * (1.25 if far else 1.0)
    wardrobe = None
    if by.torso is not None:
        wardrobe = Measure(by.torso, "hellinger", torso_limit, 0.6 if far else 0.8)
    fused = None
    if by.head is not None and by.torso is not None:
        fused = min(by.head / HEAD, by.torso / TORSO)
    clothes = wardrobe is not None and wardrobe.exceeds
    if by.face is not None:
        sure = by.face <= CERTAIN * faces.same_at_most or by.face >= faces.other_at_least
        limit = faces.other_at_least
        other = by.face >= limit
        if not sure and fused is not None and not far:
            # Between the two limits of faces, the rest of the figure has the casting vote.
            other = fused > VOTE
            limit = by.face - 1e-6 if other else limit
        elif other and not far and _plainly_same(by):
            other, sure, limit = False, False, by.face
        identity = Measure(by.face, "distance", limit, 0.95 if sure else 0.4)
        confidence = 0.95 if sure else 0.5
        return _Verdict(other, clothes and not other, confidence, identity, wardrobe)
    if fused is None:
        return _Verdict(False, clothes, 0.5, None, wardrobe)  # noqa: FBT003
    confidence = 0.4 if far else float(np.clip(0.4 + 0.4 * fused, 0.3, 0.9))
    identity = Measure(fused, "ratio", 1.0, confidence)
    other = fused > 1.0 and not far
    return _Verdict(other, clothes and not other, confidence, identity, wardrobe)


def _plainly_same(by: _Apart) -> bool:
    """Whether hair, outline and clothes leave no doubt.

    A face that turns fast lies up to 0.7 from itself; another person's head that fits this well
    was not seen.
    """
    if by.head is None or by.torso is None or by.face is None:
        return False
    return by.head < 0.65 * HEAD and by.torso < 0.5 * TORSO and by.face < 0.75


def _least(
    old: Sequence[Sighting], new: Sequence[Sighting], gains: Gains, reach: float, *, mirrored: bool
) -> _Apart:
    pairs = list(product(old[:4], new[:4]))
    face = [face_distance(a.face, b.face) for a, b in pairs]
    # Texture means the same only where both were placed by a face, or both by a box.
    alike = [(a, b) for a, b in pairs if (a.yaw is None) == (b.yaw is None)]
    head = [None if mirrored else apart(a.texture, b.texture) for a, b in alike]
    torso = [least_apart(a, b, gains, reach) for a, b in (alike or pairs)]
    return _Apart(_smallest(face), _smallest(head), _smallest(torso))


def _smallest(values: Iterable[float | None]) -> float | None:
    return min((one for one in values if one is not None), default=None)


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


def _look(sighting: Sighting) -> Look:
    return Look(sighting.torso, sighting.texture, sighting.palette, sighting.sharpness, 0.0)


def _sighting(name: str, seconds: Fraction, box: Box, look: Look, sure: float) -> Sighting:
    return Sighting(
        character=name,
        seconds=seconds,
        box=box,
        how="track",
        confidence=sure,
        torso=look.torso,
        texture=look.texture,
        palette=look.palette,
        sharpness=look.sharpness,
    )


def _finding(
    flag: Flag, against: Against, name: str, suffix: str, sure: float, words: str
) -> Finding:
    kind = "wardrobe" if flag is Flag.WARDROBE else "identity"
    behind = "than before" if against is Against.PREVIOUS else "than is remembered"
    if flag is Flag.MISSING:
        return Finding(flag, against, "", sure, words, name)
    return Finding(flag, against, f"{kind}:{name}{suffix}", sure, f"{words} {behind}", name)
