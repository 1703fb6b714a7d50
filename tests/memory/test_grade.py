"""Colours are brought back where one change of light explains them, and only there."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.memory.grade import Proposal, Witness, apply_grade, propose
from chainer.memory.observation import Picture
from chainer.memory.policy import GradePolicy
from chainer.memory.register import register
from chainer.memory.report import GRADE_UNIT, Grade

from .made import DARKER
from .scene import (
    apart,
    balance,
    exposure,
    flat,
    gamma,
    joint,
    lit,
    observed,
    recoded,
    saturation,
    scene,
)

LIGHTS = {
    "darker": exposure(-0.4),
    "lighter": exposure(0.3),
    "warmer": balance(0.3),
    "colder": balance(-0.3),
    "paler": saturation(0.6),
    "gamma": gamma(1.2),
}
ROOM = scene(1, 0, 1)
ANY = GradePolicy(min_shift=0)


def proposed(
    picture: Picture, truth: Picture, policy: GradePolicy | None = None, *, drifted: bool = True
) -> Proposal:
    pairs = register(picture, truth)
    witness = Witness(pairs, 1.0, "a1 at 0.0 s")
    return propose([witness], policy or GradePolicy(), drifted=drifted)


@pytest.mark.parametrize("name", LIGHTS)
@pytest.mark.parametrize("seed", [1, 4])
def test_a_picture_in_another_light_comes_back(name: str, seed: int) -> None:
    truth = scene(seed, 0, 1)
    drifted = lit(truth, LIGHTS[name])
    grade = proposed(recoded(drifted)[0], recoded(truth)[0]).grade
    assert grade is not None
    before, after = apart(drifted, truth), apart(apply_grade(drifted, grade), truth)
    assert after < 1.0
    assert after < 0.3 * before
    assert grade.score > 0.9
    assert grade.residual < grade.shift


def test_it_says_what_the_colours_were_taken_from() -> None:
    grade = proposed(lit(ROOM, exposure(-0.4))[0], ROOM[0]).grade
    assert grade is not None
    assert grade.reference == "a1 at 0.0 s"


def test_several_witnesses_agree_on_one_grade() -> None:
    after = lit(scene(1, 20, 1), exposure(-0.4))[0]
    witnesses = [
        Witness(register(after, scene(1, at, 1)[0]), weight, f"a{at}")
        for at, weight in ((19, 0.5), (5, 1.0), (0, 1.0))
    ]
    stranger = Witness(register(after, scene(7, 0, 1)[0]), 1.0, "b")
    grade = propose([*witnesses, stranger], GradePolicy(), drifted=True).grade
    assert grade is not None
    assert apart(apply_grade(after, grade), scene(1, 20, 1)[0]) < 0.6
    assert grade.reference != "b"


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_an_unrelated_picture_is_left_alone(seed: int) -> None:
    found = proposed(scene(seed, 0, 1)[0], ROOM[0], ANY)
    assert found.grade is None
    assert "too little" in found.why


def test_a_picture_that_did_not_drift_is_left_alone() -> None:
    found = proposed(recoded(ROOM)[0], ROOM[0])
    assert found.grade is None
    assert "too small" in found.why


@pytest.mark.parametrize("colour", [(30, 40, 210), (205, 190, 60), (20, 20, 25)])
def test_something_large_that_appears_is_no_light(colour: tuple[int, int, int]) -> None:
    frames = scene(1, 12, 12).copy()
    for frame in frames:
        cv2.ellipse(frame, (150, 70), (62, 60), 0, 0, 360, colour, -1, cv2.LINE_AA)
    report = joint(observed(scene(1, 0, 12)), observed(frames))
    assert report.grade is None
    assert proposed(frames[0], scene(1, 11, 1)[0]).grade is None


NOTHING = {
    "black": flat((0, 0, 0), 1)[0],
    "white": flat((255, 255, 255), 1)[0],
    "grey": flat((120, 120, 120), 1)[0],
    "one row": ROOM[0][60:61],
    "one column": np.ascontiguousarray(ROOM[0][:, 60:61]),
}


@pytest.mark.parametrize("name", list(NOTHING))
def test_of_nothing_no_colours_are_taken(name: str) -> None:
    thing = NOTHING[name]
    assert proposed(lit(ROOM, exposure(-0.4))[0], thing).grade is None
    assert proposed(thing, lit(ROOM, exposure(-0.4))[0]).grade is None


def test_nobody_to_ask_is_no_grade() -> None:
    assert propose([], GradePolicy(), drifted=True).grade is None


def test_it_can_be_switched_off_and_needs_drift() -> None:
    drifted = lit(ROOM, exposure(-0.4))[0]
    off = proposed(drifted, ROOM[0], GradePolicy(enabled=False))
    assert (off.grade, off.why) == (None, "switched off")
    calm = proposed(drifted, ROOM[0], drifted=False)
    assert (calm.grade, calm.why) == (None, "no drift")


def test_the_gates_are_those_of_the_policy() -> None:
    drifted = lit(ROOM, exposure(-0.4))[0]
    shift = apart(drifted, ROOM[0])
    small = proposed(drifted, ROOM[0], GradePolicy(min_shift=2 * shift))
    assert small.grade is None
    assert "too small" in small.why
    large = proposed(drifted, ROOM[0], GradePolicy(max_shift=1, max_shift_sure=1))
    assert large.grade is None
    assert "more than drift" in large.why
    sure = proposed(drifted, ROOM[0], GradePolicy(max_shift=1, max_shift_sure=30))
    assert sure.grade is not None, "one change of light explains the whole picture"
    picky = proposed(scene(1, 40, 1)[0], ROOM[0], GradePolicy(min_score=1, min_shift=0))
    assert picky.grade is None


def test_a_huge_shift_is_taken_for_meant() -> None:
    night = np.asarray(ROOM[0] * [0.5, 0.25, 0.1] + 14, np.uint8)
    assert proposed(night, ROOM[0], GradePolicy(max_shift_sure=6)).grade is None


def test_without_a_grade_the_picture_is_itself() -> None:
    room = ROOM[0]
    assert apply_grade(room, None) is room


numbers = st.integers(-4_000, 14_000)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.lists(numbers, min_size=9, max_size=9),
    st.lists(st.integers(-2_000, 2_000), min_size=3, max_size=3),
    st.tuples(*[st.integers(0, 255)] * 3),
)
def test_a_grade_is_applied_by_its_formula(
    matrix: list[int], offset: list[int], colour: tuple[int, int, int]
) -> None:
    grade = Grade(tuple(matrix), tuple(offset), 1.0, 1.0, 0.0)
    red, green, blue = colour
    shown = apply_grade(np.array([[[blue, green, red]]], np.uint8), grade)[0, 0, ::-1]
    rows = [matrix[0:3], matrix[3:6], matrix[6:9]]
    for value, row, add in zip(shown, rows, offset, strict=True):
        exact = sum(m * c for m, c in zip(row, colour, strict=True)) + 255 * add
        assert abs(int(value) - min(255, max(0, exact / GRADE_UNIT))) <= 0.51


def test_the_numbers_of_a_grade_survive_json() -> None:
    found = proposed(lit(ROOM, balance(0.3))[0], ROOM[0]).grade
    for grade in (found, DARKER):
        assert grade is not None
        told = json.loads(json.dumps(grade.as_json(), allow_nan=False))
        back = [round(x * GRADE_UNIT) for row in told["matrix"] for x in row]
        back += [round(x * GRADE_UNIT) for x in told["offset"]]
        assert back == grade.numbers()
        assert [len(row) for row in told["matrix"]] == [3, 3, 3]
        assert told["shift_de"] == pytest.approx(grade.shift, abs=1e-3)
