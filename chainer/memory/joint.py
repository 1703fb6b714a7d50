"""Judges one joint: what kind it is, what drifted, and what would mend it.

Takes the memory before the joint and the observation behind it; gives a `JointReport`. Pure but
for the pictures, which it asks the gallery for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from chainer.digest import Digest
from chainer.graph import Atom, Edge
from chainer.memory.compare import Comparison, compare, shows_nothing
from chainer.memory.declared import Declared, declared_changes, is_remix
from chainer.memory.grade import Witness, apply_grade, propose
from chainer.memory.likeness import Likeness, compare_people
from chainer.memory.observation import Observation, Picture
from chainer.memory.policy import FacePolicy, MemoryPolicy, Thresholds
from chainer.memory.register import Pairs, moved, register, shift_of
from chainer.memory.replay import find_replay
from chainer.memory.report import (
    Against,
    Cut,
    Finding,
    Flag,
    JointClass,
    JointReport,
    Measure,
)
from chainer.memory.state import Exemplar, MemoryState
from chainer.memory.world import differences, thumb_from, thumb_of

_FOUND = 0.9
"""Share of a picture found again from which on it may be the next one of the same shot, though
its edges say less: blur, noise, or very little in it."""
_STEP = 0.006
"""How far such a picture may move at a joint at least, as a share of its longer side."""
_FEATURES = 20
"""Features found again in one place each, from which on it is the same view, nearer or not."""
_FLICKER = 1.5
"""How much more than within three frames light may change at a joint without being drift."""
_NEIGHBOURS = 3
_WITNESSES = 3
_TAIL_WEIGHT = 0.5
"""The last picture has all drift so far in it; earlier exemplars have less."""
_MENDED_WEIGHT = 0.3
"""Of exemplars that were mended themselves: those as they came show what the chain began with."""
_CLEARLY = 0.15
_COMPARABLE = 0.4
"""Share found again below which colours are not compared."""
_SAME_RATE = Fraction(1, 100)
_SAME_LOOK = 0.55


class Gallery(Protocol):
    """Where a state's pictures are."""

    def observation(self, key: Digest) -> Observation:
        """The observation of this key."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """The report of a joint, and what the next state needs of it."""

    report: JointReport
    likeness: Likeness


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """An exemplar as it was shown, and the new picture registered with it."""

    exemplar: Exemplar
    pairs: Pairs


def judge(
    state: MemoryState,
    observation: Observation,
    before: Atom,
    after: Atom,
    edge: Edge | None,
    *,
    policy: MemoryPolicy,
    faces: FacePolicy,
    gallery: Gallery,
) -> Judged:
    """The joint from the last clip of `state` to `observation`, which is a take of `after`."""
    tail = state.tail
    if tail is None:
        raise ValueError("a state without a last picture has no joint behind it")
    previous = gallery.observation(tail.ref.observation)
    shown = _shown(tail, gallery)
    declared = declared_changes(edge, before, after)
    limits = policy.thresholds
    first = observation.first.pixels
    seen = compare(shown, first)
    kind = _kind(seen, previous, observation, limits)
    measurable = previous.measurable and observation.measurable and not seen.empty
    mirrored = kind is not JointClass.NEW_SETUP and seen.mirror > limits.mirror
    # A black clip between two others hides neither from the memory.
    told = observation.measurable and not shows_nothing(first)
    near = references(state, first, gallery) if told else []
    measures = _measures(
        seen, kind, previous, observation, near, state, limits, measurable=measurable
    )
    likeness = compare_people(
        state.characters,
        previous,
        observation,
        [appearance.character for appearance in after.cast],
        declared_before=[appearance.character for appearance in before.cast],
        kind=kind,
        mirrored=mirrored,
        thresholds=limits,
        faces=faces,
    )
    measures += likeness.measures
    findings = [*_findings(measures, kind, seen), *likeness.findings]
    findings = [replace(one, declared=declared.reason(one)) for one in findings]
    if is_remix(edge):
        findings = [_meant(one) for one in findings]
    findings = [_in_other_light(one, declared) for one in findings]
    drift = {one.flag for one in findings if one.counts}
    proposal = propose(
        _witnesses(seen, near, tail, mirrored=mirrored),
        policy.grade,
        drifted=bool(drift & {Flag.LIGHT, Flag.COLOUR}),
    )
    why = proposal.why
    if proposal.grade is None and declared.light:
        why = f"meant: {declared.light}"
    grade = proposal.grade
    if edge is not None and edge.joint is not None and not edge.joint.grade:
        grade, why = None, "the graph switches it off at this joint"
    report = JointReport(
        source=before.id,
        target=after.id,
        kind=kind,
        measures=tuple(measures),
        findings=tuple(findings),
        grade=grade,
        grade_why=why,
        cut=_cut(previous, observation, kind, edge, policy),
        badness=_badness(seen, near, kind, findings),
        notes=_notes(seen, previous, observation, declared),
    )
    return Judged(report, likeness)


def _shown(exemplar: Exemplar, gallery: Gallery) -> Picture:
    pixels = gallery.observation(exemplar.ref.observation).stills[exemplar.ref.still].pixels
    return apply_grade(pixels, exemplar.grade)


def _kind(
    seen: Comparison, previous: Observation, now: Observation, limits: Thresholds
) -> JointClass:
    if seen.structure < limits.seamless:
        return JointClass.SEAMLESS
    if seen.pairs.score >= _FOUND and seen.pairs.moved <= _usual_step(previous, now):
        return JointClass.SEAMLESS
    nearer = seen.inliers >= _FEATURES and abs(seen.scale) < 1
    if seen.structure < limits.same_setup or seen.pairs.score >= _FOUND or nearer:
        return JointClass.SAME_SETUP
    return JointClass.NEW_SETUP


def _usual_step(previous: Observation, now: Observation) -> float:
    """How far things may go from one frame to the next here: three times what they did."""
    runs = previous.tail[-_NEIGHBOURS:], now.head[:_NEIGHBOURS]
    steps = [moved(a, b) for run in runs for a, b in pairwise(run)]
    return max(_STEP, 3 * max(steps, default=0.0))


def references(state: MemoryState, first: Picture, gallery: Gallery) -> list[Reference]:
    """The exemplars nearest to the new picture, registered, best first; the last clip's too."""
    mine = thumb_of(first)
    # By structure alone: whether the colours agree is what is asked.
    if not state.bank:
        return []
    thumbs = [thumb_from(one.thumb, mine.mean) for one in state.bank]
    gaps = differences([mine], thumbs)[0]
    nearest = [state.bank[n] for n in gaps.argsort(kind="stable")[:_WITNESSES]]
    found = [Reference(one, register(first, _shown(one, gallery))) for one in nearest]
    return sorted(found, key=lambda one: -one.pairs.score)


def _measures(
    seen: Comparison,
    kind: JointClass,
    previous: Observation,
    now: Observation,
    near: Sequence[Reference],
    state: MemoryState,
    limits: Thresholds,
    *,
    measurable: bool,
) -> list[tuple[str, Measure]]:
    seamless = kind is JointClass.SEAMLESS
    light = limits.light_seamless if seamless else limits.light_same_setup
    colour = limits.colour_seamless if seamless else limits.colour_same_setup
    for one in (previous.world.flicker_out, now.world.flicker_in):
        light, colour = max(light, _FLICKER * one[0]), max(colour, _FLICKER * one[1])
    score = seen.pairs.score
    found: list[tuple[str, Measure]] = [
        ("structure", Measure(seen.structure, "1-ncc", limits.same_setup)),
        ("registered", Measure(score, "share", 1.0)),
    ]
    comparable = measurable and seen.shift is not None and score >= _COMPARABLE
    if comparable and kind is not JointClass.NEW_SETUP:
        found.append(("light", Measure(seen.light or 0.0, "L*", light, score)))
        found.append(("colour", Measure(seen.colour or 0.0, "a*b*", colour, score)))
    # The clip before speaks for itself above, unless it ended elsewhere.
    own = comparable and kind is not JointClass.NEW_SETUP
    others = [one for one in near if not own or one.exemplar.atom != state.atom]
    best = next((one for one in others if one.pairs.score >= _SAME_LOOK), None)
    if best is not None and (shift := shift_of(best.pairs)) is not None:
        sure = best.pairs.score
        away = abs(shift[0]), (shift[1] ** 2 + shift[2] ** 2) ** 0.5
        found.append(
            ("light:memory", Measure(away[0], "L*", limits.light_memory, sure)),
        )
        found.append(
            ("colour:memory", Measure(away[1], "a*b*", limits.colour_memory, sure)),
        )
    if kind is not JointClass.NEW_SETUP:
        found.append(("mirror", Measure(seen.mirror, "margin", limits.mirror)))
        if seen.inliers >= limits.zoom_inliers:
            sure = min(1.0, seen.inliers / 40)
            found.append(("zoom", Measure(abs(seen.scale), "log2", limits.zoom, sure)))
    if previous.sound and now.sound:
        ends = previous.sound.tail, now.sound.head
        if ends[0] is not None and ends[1] is not None:
            away_lu = abs(ends[1] - ends[0])
            found.append(("loudness", Measure(away_lu, "LU", limits.loudness, 0.6)))
    return found


def _findings(
    measures: Sequence[tuple[str, Measure]], kind: JointClass, seen: Comparison
) -> list[Finding]:
    """The flags of the picture and sound as a whole."""
    found = []
    for name, measure in measures:
        if name in {"structure", "registered"} or not measure.exceeds:
            continue
        flag, _, memory = name.partition(":")
        if flag not in {"light", "colour", "mirror", "zoom", "loudness"}:
            continue
        unsure = seen.pairs.score < _COMPARABLE and seen.inliers < _FEATURES
        if flag == "zoom" and kind is JointClass.SAME_SETUP and unsure:
            continue
        against = Against.MEMORY if memory else Against.PREVIOUS
        found.append(
            Finding(Flag(flag), against, name, measure.confidence, _words(flag, measure, seen))
        )
    return found


def _words(flag: str, measure: Measure, seen: Comparison) -> str:
    value, sign = measure.value, seen.shift or (0.0, 0.0, 0.0)
    if flag == "light":
        way = "lighter" if sign[0] > 0 else "darker"
        return f"{value:.1f} L* {way}"
    if flag == "colour":
        ways = []
        if abs(sign[2]) > 0.3:
            ways.append("yellower" if sign[2] > 0 else "bluer")
        if abs(sign[1]) > 0.3:
            ways.append("redder" if sign[1] > 0 else "greener")
        return f"{value:.1f} a*b* {' and '.join(ways) or 'off'}"
    if flag == "mirror":
        return "left and right are exchanged"
    if flag == "zoom":
        way = "larger" if seen.scale > 0 else "smaller"
        return f"things are {2 ** abs(seen.scale):.2f} times {way}"
    return f"{value:.1f} LU between the last and the first three seconds"


def _meant(finding: Finding) -> Finding:
    """A remix changes what it likes, but not who people are."""
    if finding.declared or finding.flag in {Flag.IDENTITY, Flag.LOUDNESS}:
        return finding
    return replace(finding, declared="a remix may change it")


def _in_other_light(finding: Finding, declared: Declared) -> Finding:
    """Clothes and heads look different by night: what is said of them then is half as sure."""
    if declared.light and finding.flag in {Flag.WARDROBE, Flag.IDENTITY} and not finding.declared:
        return replace(finding, confidence=finding.confidence / 2)
    return finding


def _witnesses(
    seen: Comparison, near: Sequence[Reference], tail: Exemplar, *, mirrored: bool
) -> list[Witness]:
    """What the colours are taken from: the last picture and what was remembered before it.

    Other pictures of the clip before have that clip's own drift in them and are older than its
    last one: they count only where the last one is not found again as well.
    """
    if mirrored:  # the exemplars were not registered with the mirror image
        return [Witness(seen.pairs, 1.0, _place(tail), last=True)]
    score = seen.pairs.score
    others = [
        one for one in near if one.exemplar.atom != tail.atom or one.pairs.score > score + _CLEARLY
    ]
    last = Witness(seen.pairs, _TAIL_WEIGHT if others else 1.0, _place(tail), last=True)
    weights = [_MENDED_WEIGHT if one.exemplar.grade is not None else 1.0 for one in others]
    return [
        last,
        *(
            Witness(one.pairs, weight, _place(one.exemplar))
            for one, weight in zip(others, weights, strict=True)
        ),
    ]


def _place(exemplar: Exemplar) -> str:
    return f"{exemplar.atom} at {float(exemplar.seconds):.1f} s"


def _cut(
    previous: Observation,
    now: Observation,
    kind: JointClass,
    edge: Edge | None,
    policy: MemoryPolicy,
) -> Cut:
    if not policy.trim_replay or kind is JointClass.NEW_SETUP or is_remix(edge):
        return Cut()
    if edge is not None and edge.joint is not None and not edge.joint.trim:
        return Cut(why="the graph switches it off at this joint")
    if abs(previous.fps - now.fps) > previous.fps * _SAME_RATE:
        return Cut()
    found = find_replay(previous.tail, now.head, policy.replay_frames)
    if not found.frames:
        return Cut()
    word = "frame" if found.frames == 1 else "frames"
    return Cut(
        into=found.frames,
        in_seconds=found.frames / now.fps,
        why=f"its first {found.frames} {word} play the end of the clip before again",
    )


def _badness(
    seen: Comparison,
    near: Sequence[Reference],
    kind: JointClass,
    findings: Sequence[Finding],
) -> float:
    """0 for a shot that goes on, towards 1 for a clip that has nothing to do with it.

    The mean Lab distance of the small pictures ranks takes best of all single measures; what is
    found again, colour, side and size are added. Another set-up is no fault in itself, a changed
    person is.
    """
    found = max([seen.pairs.score, *(one.pairs.score for one in near)])
    raw = seen.apart / 40 + (1 - found) + seen.structure / 2
    raw += 0.05 * ((seen.light or 0.0) + (seen.colour or 0.0))
    if kind is not JointClass.NEW_SETUP:
        raw += max(0.0, seen.mirror) + (abs(seen.scale) if seen.inliers >= 8 else 0.0)
    weights = {Flag.IDENTITY: 1.0, Flag.WARDROBE: 0.7, Flag.MISSING: 0.5}
    raw += sum(weights.get(one.flag, 0.0) * one.confidence for one in findings if one.counts)
    return raw / (1 + raw)


def _notes(
    seen: Comparison, previous: Observation, now: Observation, declared: Declared
) -> tuple[str, ...]:
    notes = []
    if seen.empty:
        notes.append("one of the two pictures shows nothing: colours are not compared")
    if not (previous.measurable and now.measurable):
        notes.append("colours are not compared with high dynamic range")
    if declared.light:
        notes.append(f"light may change: {declared.light}")
    return tuple(notes)
