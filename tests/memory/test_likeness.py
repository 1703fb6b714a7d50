"""Swaps, new clothes, absences and true continuations of drawn figures; the running means."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from chainer.memory.likeness import Likeness, compare_people
from chainer.memory.observation import Observation, Sample, Sighting, Still, World
from chainer.memory.people import CastBox, find_people
from chainer.memory.policy import FacePolicy, Thresholds
from chainer.memory.recall import MOST_CROPS, remember_people
from chainer.memory.report import Against, Flag, JointClass
from chainer.memory.state import CharacterState, Presence

from .test_people import BLUE, GREEN, RED, figure, room, walk

BLIND = FacePolicy(enabled=False)
WORLD = World(0, 0, (0, 0), (0, 0), (0, 0, 0), (0, 0, 0), (), 0, 0, 0)


def observed(samples: list[Sample], *cast: CastBox, key: str = "a") -> Observation:
    found = find_people(samples, cast, {}, BLIND)
    stills = []
    for one in samples:
        small = cv2.resize(one.pixels, (108, 192), interpolation=cv2.INTER_AREA)
        stills.append(Still(one.seconds, small))
    none = np.zeros((0, 1, 1), np.uint8)
    return Observation(
        key=key * 64,
        seconds=samples[-1].seconds + Fraction(1, 30),
        fps=Fraction(30),
        width=360,
        height=640,
        head=none,
        tail=none,
        stills=tuple(stills),
        world=WORLD,
        sound=None,
        sightings=found.sightings,
        notes=found.notes,
    )


def standing(coat=RED, *, head: int = 0, x: int = 120, count: int = 5):  # type: ignore[no-untyped-def]
    return walk(coat, head=head, start=x, step=2, count=count)


def before():  # type: ignore[no-untyped-def]
    samples, boxes = standing()
    one = observed(samples, CastBox("mei", boxes[0], Fraction(0)))
    people = compare_people((), None, one, ["mei"], thresholds=Thresholds(), faces=BLIND).people
    return one, remember_people((), one, people, "a1", {"mei": "Mei"})


def compared(
    samples: list[Sample],
    *cast: CastBox,
    kind: JointClass = JointClass.SAME_SETUP,
    declared: tuple[str, ...] = (),
    mirrored: bool = False,
) -> Likeness:
    previous, states = before()
    now = observed(samples, *cast, key="b")
    return compare_people(
        states,
        previous,
        now,
        [*declared, *(one.character for one in cast)],
        kind=kind,
        mirrored=mirrored,
        thresholds=Thresholds(),
        faces=BLIND,
    )


def flags(found: Likeness) -> set[Flag]:
    return {one.flag for one in found.findings}


@pytest.mark.parametrize("boxed", [True, False])
def test_a_true_continuation_has_no_flag(boxed: bool) -> None:
    samples, boxes = standing(x=130)
    found = compared(samples, *([CastBox("mei", boxes[0], Fraction(0))] if boxed else []))
    assert not found.findings
    assert {one.character for one in found.people} == {"mei"}
    names = [name for name, _ in found.measures]
    assert "identity:mei" in names
    assert "wardrobe:mei" in names
    assert not any(measure.exceeds for _, measure in found.measures)


@pytest.mark.parametrize("boxed", [True, False])
@pytest.mark.parametrize(("coat", "head"), [(BLUE, 1), (GREEN, 2)])
def test_another_figure_in_the_same_room_is_found(
    coat: tuple[int, int, int], head: int, boxed: bool
) -> None:
    samples, boxes = standing(coat, head=head)
    found = compared(samples, *([CastBox("mei", boxes[0], Fraction(0))] if boxed else []))
    assert Flag.IDENTITY in flags(found)
    finding = next(one for one in found.findings if one.against is Against.PREVIOUS)
    assert finding.subject == "mei"
    assert finding.counts
    assert "mei" in finding.words
    assert dict(found.measures)[finding.measure].exceeds
    assert not found.people


@pytest.mark.parametrize("boxed", [True, False])
@pytest.mark.parametrize("coat", [BLUE, GREEN])
def test_another_coat_is_found(coat: tuple[int, int, int], boxed: bool) -> None:
    samples, boxes = standing(coat)
    found = compared(samples, *([CastBox("mei", boxes[0], Fraction(0))] if boxed else []))
    assert flags(found) == {Flag.WARDROBE}
    assert all(one.counts for one in found.findings)
    assert found.people
    assert all(one.new_clothes for one in found.people)


@pytest.mark.parametrize("ev", [-0.6, -0.3, 0.3])
@pytest.mark.parametrize("warm", [-0.2, 0.0, 0.2])
def test_light_is_neither(ev: float, warm: float) -> None:
    samples, _ = standing(x=126)
    gains = np.exp2(np.array([ev - warm / 2, ev, ev + warm / 2]))
    lit = [
        Sample(
            s.seconds,
            (np.clip((s.pixels / 255.0) ** 2.2 * gains, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8),
        )
        for s in samples
    ]
    assert not compared(lit).findings


def test_who_is_gone_is_missing() -> None:
    empty = [Sample(Fraction(n, 2), room()) for n in range(4)]
    found = compared(empty)
    assert flags(found) == {Flag.MISSING}
    assert not found.people
    states = remember_people(before()[1], observed(empty), (), "a2", {}, missing=["mei"])
    assert states[0].presence is Presence.UNSURE


def test_a_cast_of_others_makes_absence_information() -> None:
    empty = [Sample(Fraction(n, 2), room()) for n in range(4)]
    assert [one.declared for one in compared(empty, declared=("tom",)).findings] == ["cast"]


def test_a_new_setup_expects_nobody_undeclared() -> None:
    elsewhere = [Sample(Fraction(n, 2), room(9) // 2) for n in range(4)]
    assert not compared(elsewhere, kind=JointClass.NEW_SETUP).findings
    # Nobody could have found Mei there without a box or a face.
    assert not compared(elsewhere, kind=JointClass.NEW_SETUP, declared=("mei",)).findings
    for one in elsewhere:
        one.pixels[:150, :120] = 100
    box = CastBox("mei", (0.02, 0.02, 0.2, 0.15), Fraction(0))
    assert flags(compared(elsewhere, box, kind=JointClass.NEW_SETUP)) == {Flag.MISSING}


def test_a_swap_that_fills_the_picture_is_still_the_same_room() -> None:
    samples, _ = standing(BLUE, head=1)
    assert Flag.IDENTITY in flags(compared(samples, kind=JointClass.NEW_SETUP))


def test_who_walked_on_during_the_cut_is_found_again() -> None:
    samples, _ = standing(x=200)
    assert not compared(samples).findings


def test_a_mirrored_clip_is_not_another_person() -> None:
    samples, _ = standing()
    turned = [Sample(s.seconds, np.ascontiguousarray(s.pixels[:, ::-1])) for s in samples]
    assert Flag.IDENTITY not in flags(compared(turned, mirrored=True))


def test_one_seen_without_a_box_is_remembered_for_the_next_joint() -> None:
    samples, _ = standing(x=140)
    found = compared(samples)
    now = observed(samples, key="b")
    states = remember_people(before()[1], now, found.people, "a2", {})
    assert states[0].presence is Presence.PRESENT
    assert states[0].last_atom == "a2"
    assert states[0].last_seconds == samples[-1].seconds
    third, _ = standing(BLUE, head=1, x=150)
    last = compare_people(
        states,
        now,
        observed(third, key="c"),
        [],
        kind=JointClass.SAME_SETUP,
        thresholds=Thresholds(),
        faces=BLIND,
    )
    assert Flag.IDENTITY in flags(last)


def face(number: int, turn: float = 0.0) -> np.ndarray:
    vector = np.zeros(128, np.float32)
    vector[number], vector[127] = np.cos(turn), np.sin(turn)
    return vector * np.float32(0.6)


def with_faces(one: Observation, vector: np.ndarray, name: str | None = None) -> Observation:
    changed = [
        replace(
            s, face=vector, face_width=90, yaw=0.0, character=s.character if name is None else name
        )
        for s in one.sightings
    ]
    return replace(one, sightings=tuple(changed))


def faced(vector: np.ndarray, coat=RED, name: str | None = None) -> Likeness:  # type: ignore[no-untyped-def]
    previous, states = before()
    previous = with_faces(previous, face(0))
    states = tuple(
        replace(s, face=tuple(map(float, face(0))), face_count=2, yaw=0.0) for s in states
    )
    samples, boxes = standing(coat, head=0)
    now = with_faces(
        observed(samples, CastBox("mei", boxes[0], Fraction(0)), key="b"), vector, name
    )
    return compare_people(
        states,
        previous,
        now,
        [] if name == "" else ["mei"],
        kind=JointClass.SAME_SETUP,
        thresholds=Thresholds(),
        faces=FacePolicy(),
    )


@pytest.mark.parametrize("name", [None, ""])
def test_faces_decide_where_both_are_known(name: str | None) -> None:
    assert not faced(face(0, 0.3), name=name).findings
    found = faced(face(5), name=name)
    assert flags(found) == {Flag.IDENTITY}
    measure = dict(found.measures)["identity:mei"]
    assert measure.unit == "distance"
    assert measure.value == pytest.approx(0.849, abs=0.01)


def test_between_the_limits_nobody_can_say() -> None:
    found = faced(face(0, 0.96))
    assert not found.findings
    measure = dict(found.measures)["identity:mei"]
    assert 0.5 < measure.value < 0.62
    assert measure.confidence < 0.5


def test_a_face_that_could_be_either_leaves_it_to_head_and_clothes() -> None:
    limits = {"thresholds": Thresholds(), "faces": FacePolicy(), "kind": JointClass.SAME_SETUP}
    previous = with_faces(before()[0], face(0))
    samples, boxes = standing(BLUE, head=1)
    now = observed(samples, CastBox("mei", boxes[0], Fraction(0)), key="b")
    found = compare_people((), previous, with_faces(now, face(0, 0.96)), ["mei"], **limits)
    assert flags(found) == {Flag.IDENTITY}
    assert all(one.counts for one in found.findings)


def test_the_same_face_in_another_coat_is_wardrobe_alone() -> None:
    assert flags(faced(face(0, 0.2), BLUE)) == {Flag.WARDROBE}


def test_after_a_remix_new_clothes_are_information() -> None:
    previous, states = before()
    states = tuple(replace(s, prior=True, presence=Presence.ABSENT, box=None) for s in states)
    previous = replace(previous, sightings=())
    samples, boxes = standing(BLUE)
    now = observed(samples, CastBox("mei", boxes[0], Fraction(0)), key="b")
    found = compare_people(states, previous, now, ["mei"], thresholds=Thresholds(), faces=BLIND)
    assert [(one.flag, one.declared) for one in found.findings] == [(Flag.WARDROBE, "remix")]


def test_new_clothes_replace_and_old_ones_run_on() -> None:
    previous, states = before()
    for coat, changed in ((BLUE, True), (RED, False)):
        samples, boxes = standing(coat)
        now = observed(samples, CastBox("mei", boxes[0], Fraction(0)), key="b")
        found = compare_people(
            states,
            previous,
            now,
            ["mei"],
            kind=JointClass.SAME_SETUP,
            thresholds=Thresholds(),
            faces=BLIND,
        )
        after = remember_people(states, now, found.people, "a2", {})[0]
        old, fresh = np.array(states[0].torso), np.array(after.torso)
        seen = found.people[0].sighting.torso
        assert seen is not None
        assert (float(old @ fresh) < 0.7) is changed
        assert float(seen @ fresh) > 0.95


def test_states_keep_their_shape() -> None:
    _, states = before()
    state = states[0]
    assert (state.id, state.name, state.last_atom) == ("mei", "Mei", "a1")
    assert len(state.torso) == 400
    assert 0 < len(state.texture) <= 600
    assert state.face == ()
    assert np.linalg.norm(state.torso) == pytest.approx(1, abs=1e-3)
    assert 1 <= len(state.crops) <= MOST_CROPS
    assert state.presence is Presence.PRESENT
    assert state.box is not None


def test_crops_are_few_and_from_different_sides() -> None:
    previous, _ = before()
    turned = []
    for n, one in enumerate(previous.sightings):
        yaw = (-0.5, 0.0, 0.5)[n % 3]
        turned.append(replace(one, yaw=yaw, face_width=100 + n, crop=b"jpeg", sharpness=200.0))
    state: tuple[CharacterState, ...] = ()
    for atom in ("a1", "a2", "a3"):
        one = replace(previous, key=atom[1] * 64, sightings=tuple(turned))
        people = compare_people((), None, one, ["mei"], thresholds=Thresholds(), faces=BLIND).people
        state = remember_people(state, one, people, atom, {})
    assert len(state[0].crops) == MOST_CROPS
    assert {crop.yaw for crop in state[0].crops} == {-0.5, 0.0, 0.5}
    assert len({(crop.observation, crop.number) for crop in state[0].crops}) == MOST_CROPS


def test_nobody_known_is_nobody_compared() -> None:
    empty = Sighting("", Fraction(0), (0.1, 0.1, 0.2, 0.2), "face", 0.9)
    previous, _ = before()
    nobody = replace(previous, sightings=(empty,))
    found = compare_people((), nobody, nobody, [], thresholds=Thresholds(), faces=BLIND)
    assert found == Likeness((), (), ())


def test_the_figure_is_drawn_where_its_box_says() -> None:
    picture = np.zeros((640, 360, 3), np.uint8)
    x, y, w, h = figure(picture, 100, 250, RED)
    rows, columns = np.nonzero(picture.max(axis=2))
    assert abs(rows.min() / 640 - y) < 0.01
    assert abs((rows.max() + 1) / 640 - y - h) < 0.01
    assert abs((columns.min() + columns.max()) / 720 - x - w / 2) < 0.02


@pytest.mark.parametrize(("coat", "head", "other"), [(BLUE, 1, True), (RED, 0, False)])
def test_a_box_in_the_second_clip_alone_is_held_against_who_stood_there(
    coat: tuple[int, int, int], head: int, other: bool
) -> None:
    first, boxes = standing()
    previous = observed(first, CastBox("mei", None, Fraction(0)))
    assert not previous.sightings
    samples, _ = standing(coat, head=head, x=124)
    now = observed(samples, CastBox("mei", boxes[0], Fraction(0)), key="b")
    for told, expected in ((None, other), (["mei"], other), (["tom"], False)):
        found = compare_people(
            (),
            previous,
            now,
            ["mei"],
            kind=JointClass.SAME_SETUP,
            thresholds=Thresholds(),
            faces=BLIND,
            declared_before=told,
        )
        assert (Flag.IDENTITY in flags(found)) is expected
        assert found.people  # nobody was known before: this is Mei from now on


def test_who_walks_in_is_nobody_else() -> None:
    empty = [Sample(Fraction(n, 2), room()) for n in range(4)]
    samples, boxes = standing()
    found = compare_people(
        (),
        observed(empty),
        observed(samples, CastBox("mei", boxes[0], Fraction(0)), key="b"),
        ["mei"],
        kind=JointClass.SAME_SETUP,
        thresholds=Thresholds(),
        faces=BLIND,
    )
    assert not found.findings


def unnamed(vector: np.ndarray, coat=RED, *, head: int = 0, key: str = "a") -> Observation:  # type: ignore[no-untyped-def]
    samples, boxes = standing(coat, head=head)
    one = observed(samples, CastBox("mei", boxes[0], Fraction(0)), key=key)
    return with_faces(one, vector, "")


@pytest.mark.parametrize("kind", [JointClass.SAME_SETUP, JointClass.NEW_SETUP])
def test_another_person_without_a_name_is_told(kind: JointClass) -> None:
    limits = {"thresholds": Thresholds(), "faces": FacePolicy(), "kind": kind}
    one = unnamed(face(0))
    found = compare_people((), one, unnamed(face(5), BLUE, head=1, key="b"), [], **limits)
    assert [(one.flag, one.subject) for one in found.findings] == [(Flag.IDENTITY, "")]
    assert found.findings[0].confidence < 0.7
    assert found.findings[0].counts
    assert found.findings[0].words == "the person in the picture is another one"
    assert dict(found.measures)["identity"].exceeds
    same = compare_people((), one, unnamed(face(0, 0.3), key="b"), [], **limits)
    assert not same.findings
    # A face alone does not say it: the same head and clothes may have turned away.
    turned = compare_people((), one, unnamed(face(0, 0.97), key="b"), [], **limits)
    assert not turned.findings


def test_another_room_shows_whom_it_likes() -> None:
    samples, boxes = walk(BLUE, head=1, start=120, step=2, count=5, seed=9)
    for one in samples:
        one.pixels[:] = one.pixels // 2
    other = with_faces(observed(samples, CastBox("m", boxes[0], Fraction(0)), key="b"), face(5), "")
    found = compare_people(
        (),
        unnamed(face(0)),
        other,
        [],
        kind=JointClass.NEW_SETUP,
        thresholds=Thresholds(),
        faces=FacePolicy(),
    )
    assert not found.findings


def test_several_without_a_box_are_named_by_what_is_remembered() -> None:
    previous, states = before()
    gone = {"presence": Presence.ABSENT, "box": None, "yaw": 0.0, "face_count": 2}
    states = tuple(replace(s, face=tuple(map(float, face(0))), **gone) for s in states)
    tom = replace(states[0], id="tom", name="Tom", face=tuple(map(float, face(5))))
    now = unnamed(face(5, 0.2), BLUE, head=1, key="b")
    found = compare_people(
        (*states, tom),
        replace(previous, sightings=()),
        now,
        ["mei", "tom"],
        kind=JointClass.NEW_SETUP,
        thresholds=Thresholds(),
        faces=FacePolicy(),
    )
    assert {one.character for one in found.people} == {"tom"}


def test_a_strong_grade_is_no_new_coat() -> None:
    samples, _ = standing(x=126)
    drifted = []
    for one in samples:
        grey = one.pixels.mean(axis=2, keepdims=True) / 255
        flat = np.clip(grey + (one.pixels / 255 - grey) * 0.7 - 0.08, 0, 1) ** 1.2
        drifted.append(Sample(one.seconds, (flat * (0.85, 1, 1) * 255).astype(np.uint8)))
    assert not compared(drifted).findings
    blue, _ = standing(BLUE, x=126)
    assert Flag.WARDROBE in flags(compared(blue))


@pytest.mark.parametrize("shape", [(640, 360), (360, 640)])
@pytest.mark.parametrize("count", [1, 4])
def test_black_still_and_short_clips_are_compared_without_harm(
    shape: tuple[int, int], count: int
) -> None:
    black = [Sample(Fraction(n, 2), np.zeros((*shape, 3), np.uint8)) for n in range(count)]
    box = CastBox("mei", (0.3, 0.3, 0.3, 0.5), Fraction(0))
    for cast in ((), (box,)):
        for kind in JointClass:
            found = compared(black, *cast, kind=kind, declared=("mei",))
            assert flags(found) <= {Flag.MISSING}
            assert not found.people


def test_a_character_never_seen_is_nobody_missed() -> None:
    samples, boxes = standing()
    found = compared(samples, CastBox("mei", boxes[0], Fraction(0)), declared=("ghost",))
    assert not found.findings
