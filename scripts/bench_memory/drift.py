"""True continuations and drifted ones: what is flagged, and what a grade makes of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from bench.outcome import Goal, Outcome

from bench_memory.clips import Shot
from bench_memory.joints import (
    CHANGES,
    STRONG,
    Chain,
    Change,
    Halves,
    changed,
    halves,
    look,
    mirrored,
    recoded,
    zoomed,
)
from bench_memory.workbench import HALVES, Workbench, mean, percentile, share
from chainer.memory.grade import apply_grade
from chainer.memory.pixels import ciede2000, lab
from chainer.memory.report import Flag, JointClass, JointReport

NULL = "nothing"
OTHER = "another clip"
LIGHT = {Flag.LIGHT, Flag.COLOUR}
WORSE = 0.05
"""CIEDE2000 by which a grade must miss to count as harm: less cannot be seen or measured."""
LEAST = 0.5
"""CIEDE2000 that a change must move the picture by to count as one that should be found: pure
colours of a test pattern stay what they are under any gamma."""


@dataclass(frozen=True)
class Judged:
    """A joint of which the truth is known: what was found, and how far colours lay from it."""

    shot: Shot
    half: str
    change: str
    report: JointReport
    before: float = 0.0
    after: float = 0.0

    @property
    def flags(self) -> set[Flag]:
        """What was flagged."""
        return set(self.report.flags)


def errors(shown: np.ndarray, truth: np.ndarray, report: JointReport) -> tuple[float, float]:
    """Mean CIEDE2000 to the truth as the clip came, and after the grade of the report."""
    graded = np.stack([apply_grade(frame, report.grade) for frame in shown])
    there = lab(truth)
    return (
        float(ciede2000(lab(shown), there).mean()),
        float(ciede2000(lab(graded), there).mean()),
    )


def judged_joints(
    bench: Workbench, gap: float, changes: Mapping[str, Change], *, shapes: bool
) -> list[Judged]:
    """Every shot cut in up to three places, or in its middle and changed in every way."""
    found = []
    middle = shapes or gap > 0
    joints = [one for one in halves(bench.shots, gap) if not middle or one.place == 0.5]
    for number, joint in enumerate(joints):
        found += _of_joint(bench, joint, joints[number - 7], changes, shapes=shapes)
    return found


def _of_joint(
    bench: Workbench,
    joint: Halves,
    stranger: Halves,
    changes: Mapping[str, Change],
    *,
    shapes: bool,
) -> Iterable[Judged]:
    chain = Chain()
    chain.add(look(recoded(joint.before), joint.shot.fps))
    half = bench.half(joint.shot)

    def ask(frames: np.ndarray, change: str) -> JointReport:
        return chain.ask(look(recoded(frames), joint.shot.fps, change))

    picked = np.linspace(0, len(joint.after) - 1, 4).astype(int)
    truth = joint.after[picked]
    report = ask(joint.after, NULL)
    yield Judged(joint.shot, half, NULL, report, *errors(truth, truth, report))
    for name, change in changes.items():
        frames = changed(joint.after, change)
        report = ask(frames, name)
        yield Judged(joint.shot, half, name, report, *errors(frames[picked], truth, report))
    if shapes:
        yield Judged(joint.shot, half, "mirrored", ask(mirrored(joint.after), "mirrored"))
        for factor in (1.1, 1.25):
            name = f"zoom {factor}"
            yield Judged(joint.shot, half, name, ask(zoomed(joint.after, factor), name))
        if stranger.shot.clip != joint.shot.clip:
            yield Judged(joint.shot, half, OTHER, ask(stranger.after, OTHER))


@dataclass
class Tally:
    """Joints by half and change."""

    joints: dict[tuple[str, str], list[Judged]] = field(default_factory=lambda: defaultdict(list))

    def add(self, found: Iterable[Judged]) -> Tally:
        """With these, under their own half and under `all`."""
        for one in found:
            self.joints[one.half, one.change].append(one)
            self.joints["all", one.change].append(one)
        return self

    def of(self, half: str, change: str) -> list[Judged]:
        """The joints of one half (or `all`) under one change."""
        return self.joints.get((half, change), [])


def counted(joints: Iterable[Judged]) -> list[Judged]:
    """Those whose change can be seen at all."""
    return [one for one in joints if one.before >= LEAST or one.change not in {*CHANGES, *STRONG}]


def found_in(one: Judged) -> bool:
    """Whether what was done to the second half was found."""
    if one.change == OTHER:
        return one.report.kind is JointClass.NEW_SETUP
    if one.change == "mirrored":
        return Flag.MIRROR in one.flags
    if one.change.startswith("zoom"):
        return Flag.ZOOM in one.flags
    return bool(one.flags & LIGHT)


def continuations(bench: Workbench) -> Outcome:
    """Case 1: nothing was changed, so nothing may be found."""
    outcome = Outcome("continuations", "True continuations: a shot cut in two")
    for gap in (0.0, 1.0):
        tally = Tally().add(judged_joints(bench, gap, {}, shapes=False))
        for half in ("all", *HALVES):
            joints = tally.of(half, NULL)
            outcome.rows.append(_null_row(gap, half, joints))
            if gap == 0:
                flagged = share(bool(one.flags) for one in joints)
                outcome.goals.append(
                    Goal(f"false flags on true continuations, {half}", flagged, 5, " %")
                )
        outcome.notes += [
            f"gap {gap:g} s, {one.shot.name}: {', '.join(sorted(one.flags))}"
            for one in tally.of("all", NULL)
            if one.flags
        ][:12]
    return outcome


def _null_row(gap: float, half: str, joints: list[Judged]) -> dict[str, object]:
    kinds = Counter(one.report.kind for one in joints)
    flags = Counter(flag for one in joints for flag in one.flags)
    return {
        "gap s": gap,
        "clips": half,
        "joints": len(joints),
        "flagged %": share(bool(one.flags) for one in joints),
        **{f"{flag.value} %": 100 * flags[flag] / max(1, len(joints)) for flag in list(Flag)[:4]},
        **{kind.value: kinds[kind] for kind in JointClass},
        "graded %": share(one.report.grade is not None for one in joints),
        "cut %": share(one.report.cut.into > 0 for one in joints),
        "dE by grading": mean([one.after for one in joints]),
    }


def drift(bench: Workbench) -> Outcome:
    """Cases 2 and 3: what was changed is found, and its colours are brought back."""
    outcome = Outcome("drift", "Drifted continuations: the second half changed, nothing removed")
    tally = Tally().add(judged_joints(bench, 0, {**CHANGES, **STRONG}, shapes=True))
    names = list(dict.fromkeys(change for _, change in tally.joints))
    for name in names:
        outcome.rows.append(_drift_row(tally, name))
    for half in HALVES:
        _found_goals(outcome, tally, half)
    for half in HALVES:
        _grade_goals(outcome, tally, half)
    return outcome


def _drift_row(tally: Tally, name: str) -> dict[str, object]:
    joints = tally.of("all", name)
    colours = name in {*CHANGES, *STRONG, NULL}
    return {
        "change": name,
        "joints": len(joints),
        **{
            f"found %, {half}": share(map(found_in, counted(tally.of(half, name))))
            for half in ("all", *HALVES)
        },
        "dE before": mean([one.before for one in joints]) if colours else None,
        "dE after": mean([one.after for one in joints]) if colours else None,
        "p90": percentile([one.after for one in joints], 90) if colours else None,
        "graded %": share(one.report.grade is not None for one in joints),
        "worse %": share(one.after > one.before + WORSE for one in joints) if colours else None,
    }


def _found_goals(outcome: Outcome, tally: Tally, half: str) -> None:
    wanted = {
        "exposure ±0.3 EV": (["exposure -0.3 EV", "exposure +0.3 EV"], 90),
        "white balance 0.2 log2": (["white balance +0.2", "white balance -0.2"], 90),
        "mirrored clip": (["mirrored"], 98),
    }
    for name, (changes, limit) in wanted.items():
        joints = [one for change in changes for one in tally.of(half, change)]
        value = share(map(found_in, counted(joints)))
        outcome.goals.append(Goal(f"{name} found, {half} half", value, limit, " %", at_least=True))


def _grade_goals(outcome: Outcome, tally: Tally, half: str) -> None:
    for word, changes in (("the 12 perturbations", CHANGES), ("the stronger ones", STRONG)):
        joints = [one for change in changes for one in tally.of(half, change)]
        before = mean([one.before for one in joints])
        after = mean([one.after for one in joints])
        name = f"grade, {word} ({before or 0:.2f} dE before), {half} half"
        outcome.goals.append(Goal(name, after, 1.0, " dE"))
        harmed = share(one.after > one.before + WORSE for one in joints)
        outcome.goals.append(Goal(f"grade, {word}: made worse, {half} half", harmed, 1, " %"))
    clean = tally.of(half, NULL)
    outcome.goals.append(
        Goal(f"grade: clean atoms changed, {half} half", mean([o.after for o in clean]), 0.3, " dE")
    )
