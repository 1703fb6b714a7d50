"""What a joint is called, what is said to drift, and what declarations make of that."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from chainer.memory.observation import Observation, Picture
from chainer.memory.policy import GradePolicy, MemoryPolicy
from chainer.memory.report import Against, Flag, JointClass, JointReport

from .scene import (
    Light,
    Walk,
    apart,
    balance,
    exposure,
    flat,
    heard,
    joint,
    lit,
    mirrored,
    observed,
    recoded,
    scene,
    zoomed,
)

DARKER, WARMER = exposure(-0.4), balance(0.35)


@cache
def before(seed: int = 1) -> Observation:
    return observed(recoded(scene(seed, 0, 12)))


@cache
def after(light: Light | None = None, seed: int = 1) -> Observation:
    frames = scene(seed, 12, 12)
    return observed(recoded(frames if light is None else lit(frames, light)))


def flagged(report: JointReport) -> set[Flag]:
    return set(report.flags)


# -- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_one_shot_that_goes_on_is_seamless_and_clean(seed: int) -> None:
    report = joint(before(seed), after(seed=seed))
    assert (report.kind, report.flags, report.grade) == (JointClass.SEAMLESS, (), None)
    assert report.grade_why == "no drift"
    assert report.cut.into == 0
    assert (report.source, report.target) == ("a0", "a1")


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_the_same_view_later_is_the_same_setup(seed: int) -> None:
    report = joint(before(seed), observed(recoded(scene(seed, 30, 12))))
    assert report.kind is JointClass.SAME_SETUP
    assert report.flags == ()


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_another_place_is_a_new_setup(seed: int) -> None:
    report = joint(before(), observed(recoded(scene(seed, 0, 12))))
    assert (report.kind, report.grade) == (JointClass.NEW_SETUP, None)
    assert not flagged(report) & {Flag.LIGHT, Flag.COLOUR, Flag.MIRROR, Flag.ZOOM}


@pytest.mark.parametrize("light", [DARKER, WARMER])
def test_light_does_not_change_what_the_joint_is(light: Light) -> None:
    assert joint(before(), after(light)).kind is JointClass.SEAMLESS


def test_what_fits_less_is_worse() -> None:
    clips = [after(), after(DARKER), observed(mirrored(scene(1, 12, 12))), observed(scene(3))]
    badness = [joint(before(), clip).badness for clip in clips]
    assert badness == sorted(badness)
    assert 0 <= badness[0] < 0.2
    assert 0.5 < badness[-1] <= 1


# -- flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [-0.3, 0.3])
def test_another_exposure_is_light_that_drifted(stops: float) -> None:
    report = joint(before(), after(exposure(stops)))
    assert Flag.LIGHT in report.flags
    finding = next(one for one in report.findings if one.flag is Flag.LIGHT)
    assert ("darker" if stops < 0 else "lighter") in finding.words
    assert finding.against is Against.PREVIOUS
    measure = report.measure("light")
    assert measure is not None
    assert measure.value > measure.threshold
    assert measure.unit == "L*"


@pytest.mark.parametrize(("log2", "word"), [(0.3, "yellower"), (-0.3, "bluer")])
def test_another_white_balance_is_colour_that_drifted(log2: float, word: str) -> None:
    report = joint(before(), after(balance(log2)))
    assert Flag.COLOUR in report.flags
    assert any(word in one.words for one in report.findings)


def test_a_mirrored_clip_is_told_and_nothing_else_of_it() -> None:
    report = joint(before(), observed(recoded(mirrored(scene(1, 12, 12)))))
    assert report.flags == (Flag.MIRROR,)
    assert report.kind is not JointClass.NEW_SETUP


def test_a_mirrored_clip_in_another_light_still_gets_its_colours() -> None:
    frames = mirrored(lit(scene(1, 12, 12), DARKER))
    report = joint(before(), observed(recoded(frames)))
    assert {Flag.MIRROR, Flag.LIGHT} <= flagged(report)
    assert report.grade is not None


def test_a_zoomed_clip_is_told_with_its_factor() -> None:
    report = joint(before(), observed(recoded(zoomed(scene(1, 12, 12), 1.25))))
    assert Flag.ZOOM in report.flags
    finding = next(one for one in report.findings if one.flag is Flag.ZOOM)
    assert "larger" in finding.words


@pytest.mark.parametrize(("beyond", "told"), [(1, True), (-1, False)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_jump_of_loudness_is_told_from_the_threshold_on(
    beyond: float, told: bool, sign: int
) -> None:
    jump = sign * (MemoryPolicy().thresholds.loudness + beyond)
    ends = replace(before(), sound=heard(-30)), replace(after(), sound=heard(-30 + jump))
    report = joint(*ends)
    assert (Flag.LOUDNESS in report.flags) is told
    assert report.measure("loudness") is not None


def test_silence_has_no_loudness() -> None:
    silent = replace(heard(-70), head=None)
    report = joint(replace(before(), sound=heard(-20)), replace(after(), sound=silent))
    assert report.measure("loudness") is None
    assert report.flags == ()


def test_high_dynamic_range_says_nothing_of_colours() -> None:
    report = joint(before(), replace(after(DARKER), measurable=False))
    assert not flagged(report) & {Flag.LIGHT, Flag.COLOUR}
    assert report.grade is None
    assert any("dynamic range" in note for note in report.notes)


# -- correction ----------------------------------------------------------------------------------


@pytest.mark.parametrize("light", [DARKER, WARMER, exposure(0.3)])
def test_drift_is_corrected_to_what_it_would_have_been(light: Light) -> None:
    from chainer.memory.grade import apply_grade

    report = joint(before(), after(light))
    assert report.grade is not None
    truth = scene(1, 12, 12)
    drifted = lit(truth, light)
    shown = apply_grade(drifted, report.grade)
    assert apart(shown, truth) < min(1.0, apart(drifted, truth) / 2)


def test_the_graph_can_forbid_the_grade_of_a_joint() -> None:
    report = joint(before(), after(DARKER), edge={"joint": {"grade": False}})
    assert report.grade is None
    assert "the graph" in report.grade_why
    assert Flag.LIGHT in report.flags


def test_the_graph_can_forbid_the_trim_of_a_joint() -> None:
    clips = observed(scene(1, 0, 24)), observed(scene(1, 18, 24))
    assert joint(*clips).cut.into == 6
    cut = joint(*clips, edge={"joint": {"trim": False}}).cut
    assert (cut.into, "the graph" in cut.why) == (0, True)


def test_settings_can_forbid_every_grade() -> None:
    off = MemoryPolicy(grade=GradePolicy(enabled=False))
    report = joint(before(), after(DARKER), policy=off)
    assert (report.grade, report.grade_why) == (None, "switched off")
    assert Flag.LIGHT in report.flags


def test_drift_does_not_add_up_along_a_chain() -> None:
    """Every clip is judged against what was shown, not against what came."""
    from chainer.memory.grade import apply_grade

    walk = Walk()
    walk.add(observed(scene(1, 0, 12)))
    lights = [exposure(-0.3), exposure(-0.5), balance(0.3), exposure(-0.4)]
    for number, light in enumerate(lights, 1):
        truth = scene(1, 12 * number, 12)
        report = walk.add(observed(lit(truth, light)))
        assert report is not None
        assert report.grade is not None
        last = apply_grade(lit(truth, light)[-1], report.grade)
        assert apart(last, truth[-1]) < 1.0


def test_a_room_seen_again_has_the_colours_it_had() -> None:
    """The clip between says nothing of them; the memory does."""
    walk = Walk()
    walk.add(observed(scene(1, 0, 12)))
    walk.add(observed(scene(5, 0, 12)))
    report = walk.add(observed(lit(scene(1, 12, 12), exposure(-0.5))))
    assert report is not None
    assert report.kind is JointClass.NEW_SETUP
    against = {one.against for one in report.findings if one.flag is Flag.LIGHT}
    assert against == {Against.MEMORY}
    assert report.grade is not None
    assert report.grade.reference.startswith("a0")


# -- declarations --------------------------------------------------------------------------------

MEANT = {
    "night falls": ({}, {"prompt": "Night falls over the room."}, {}),
    "the lights go out": ({}, {"story": {"beat": "Then the lights go out"}}, {}),
    "edge changes": ({}, {}, {"changes": ["lighting"]}),
    "another hour": ({"time_of_day": "day"}, {"time_of_day": "dusk"}, {}),
    "another place": ({"place": "pier"}, {"place": "cellar"}, {}),
}


@pytest.mark.parametrize("name", MEANT)
def test_a_declared_change_of_light_is_information(name: str) -> None:
    first, values, edge = MEANT[name]
    report = joint(before(), after(DARKER), first=first, edge=edge, **values)
    assert not flagged(report) & {Flag.LIGHT, Flag.COLOUR}
    told = [one for one in report.findings if one.flag is Flag.LIGHT]
    assert told
    assert all(one.declared for one in told)
    assert report.grade is None
    assert report.grade_why.startswith("meant:")


def test_the_same_words_do_not_excuse_another_side() -> None:
    turned = observed(recoded(mirrored(scene(1, 12, 12))))
    assert joint(before(), turned, prompt="Night falls.").flags == (Flag.MIRROR,)
    assert joint(before(), turned, edge={"changes": ["wardrobe"]}).flags == (Flag.MIRROR,)
    assert joint(before(), turned, edge={"changes": ["direction"]}).flags == ()


def test_the_drift_of_a_remix_is_information() -> None:
    report = joint(before(), after(DARKER), edge={"kind": "remix"})
    assert report.flags == ()
    assert Flag.LIGHT in {one.flag for one in report.findings}
    assert report.grade is None


def test_a_remix_is_not_trimmed() -> None:
    clips = observed(scene(1, 0, 24)), observed(scene(1, 18, 24))
    assert joint(*clips, edge={"kind": "remix"}).cut.into == 0


# -- odd pictures --------------------------------------------------------------------------------

STILL = np.repeat(scene(4, 0, 1), 12, axis=0)
ODD = {
    "black": flat((0, 0, 0)),
    "white": flat((255, 255, 255)),
    "grey": flat((118, 118, 118)),
    "still": STILL,
    "one frame": scene(1, 12, 1),
    "tall": scene(3, 0, 12, (135, 240)),
    "tiny": scene(3, 0, 12, (24, 16)),
}


@pytest.mark.parametrize("one", ODD)
@pytest.mark.parametrize("turned", [False, True])
def test_odd_clips_are_judged_and_never_corrected(one: str, turned: bool) -> None:
    clips = [observed(ODD[one]), before()]
    report = joint(*(clips if turned else clips[::-1]))
    assert report.grade is None
    assert report.cut.into == 0
    assert 0 <= report.badness <= 1


def test_the_middle_of_a_wide_clip_is_found_in_a_tall_one() -> None:
    frames = scene(1, 12, 12)
    tall: Picture = np.ascontiguousarray(frames[:, :, 82:158])
    for clips in ((before(), observed(tall)), (observed(tall), after())):
        assert joint(*clips).kind is not JointClass.NEW_SETUP


@pytest.mark.parametrize(
    "level",
    [
        255,
        118,
    ],
)
def test_no_colours_are_taken_from_an_empty_clip_in_the_memory(level: int) -> None:
    """A white card or a grey one stays in the bank; a room has nothing in common with it."""
    walk = Walk()
    walk.add(observed(flat((level, level, level))))
    walk.add(before())
    report = walk.add(after())
    assert report is not None
    assert (report.flags, report.grade) == ((), None)


def test_black_between_two_clips_is_forgotten() -> None:
    walk = Walk()
    walk.add(before())
    walk.add(observed(flat((0, 0, 0))))
    state = walk.state
    assert state is not None
    assert {one.atom for one in state.bank} == {"a0"}
    report = walk.add(after(exposure(-0.5)))
    assert report is not None
    assert report.grade is not None
    assert report.grade.reference.startswith("a0")
