"""Who is found in drawn clips whose truth is known, and in bad ones."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from chainer.memory import people
from chainer.memory.appearance import Box, apart, describe, least_apart, overlap, split_person
from chainer.memory.faces import Face
from chainer.memory.observation import Sample
from chainer.memory.people import MOST_CROPS, MOST_SIGHTINGS, CastBox, PeopleFound, find_people
from chainer.memory.policy import FacePolicy

BLIND = FacePolicy(enabled=False)
SIZE = (360, 640)
RED, BLUE, GREEN = (40, 40, 200), (190, 80, 40), (60, 150, 50)


def room(seed: int = 1) -> np.ndarray:
    """A wall with some pictures on it, uint8 [640, 360, 3]."""
    rng = np.random.default_rng(seed)
    picture = np.full((SIZE[1], SIZE[0], 3), 190, np.uint8)
    picture[430:] = (110, 140, 160)
    for _ in range(6):
        x, y = int(rng.integers(0, 300)), int(rng.integers(0, 380))
        colour = tuple(int(n) for n in rng.integers(90, 230, 3))
        cv2.rectangle(picture, (x, y), (x + 50, y + 40), colour, -1)
    return picture


def figure(
    picture: np.ndarray,
    x: int,
    y: int,
    coat: tuple[int, int, int],
    *,
    scale: float = 1.0,
    head: int = 0,
) -> Box:
    """A cartoon 120 x 260 pixels large with its box; `head` chooses ears, hat or a bald egg."""

    def at(dx: float, dy: float) -> tuple[int, int]:
        return round(x + dx * scale), round(y + dy * scale)

    def size(n: float) -> int:
        return max(1, round(n * scale))

    cv2.rectangle(picture, at(20, 60), at(100, 170), coat, -1)
    cv2.line(picture, at(60, 62), at(60, 168), tuple(n // 2 for n in coat), size(4))
    cv2.rectangle(picture, at(30, 170), at(90, 258), (60, 40, 30), -1)
    if head == 0:
        cv2.circle(picture, at(40, 12), size(12), (70, 110, 160), -1)
        cv2.circle(picture, at(80, 12), size(12), (70, 110, 160), -1)
        cv2.circle(picture, at(60, 34), size(28), (150, 190, 230), -1)
    elif head == 1:
        cv2.rectangle(picture, at(25, 12), at(95, 20), (30, 30, 30), -1)
        cv2.rectangle(picture, at(42, 0), at(78, 14), (30, 30, 30), -1)
        cv2.ellipse(picture, at(60, 38), (size(20), size(26)), 0, 0, 360, (150, 190, 230), -1)
    else:
        cv2.ellipse(picture, at(60, 32), (size(34), size(22)), 0, 0, 360, (120, 160, 120), -1)
        cv2.line(picture, at(30, 30), at(90, 30), (20, 60, 20), size(5))
    for dx in (50, 70):
        cv2.circle(picture, at(dx, 32), size(4), (20, 20, 20), -1)
    cv2.line(picture, at(50, 48), at(70, 48), (40, 40, 160), size(3))
    left, top = at(15, 0)
    return (left / SIZE[0], top / SIZE[1], 90 * scale / SIZE[0], 260 * scale / SIZE[1])


def walk(
    coat: tuple[int, int, int] = RED,
    *,
    count: int = 8,
    start: int = 20,
    step: int = 18,
    grow: float = 0.0,
    head: int = 0,
    seed: int = 1,
) -> tuple[list[Sample], list[Box]]:
    """A clip of half-second samples in which one figure walks to the right, with its true boxes."""
    samples, boxes = [], []
    for n in range(count):
        picture = room(seed)
        boxes.append(figure(picture, start + step * n, 250, coat, scale=1 + grow * n, head=head))
        samples.append(Sample(Fraction(n, 2), picture))
    return samples, boxes


def look_for(samples: list[Sample], *cast: CastBox, **references: list[bytes]) -> PeopleFound:
    return find_people(samples, cast, references, BLIND)


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def test_a_box_is_followed_to_both_ends() -> None:
    samples, boxes = walk(grow=0.03)
    found = look_for(samples, CastBox("mei", boxes[3], Fraction(3, 2)))
    assert not found.notes
    assert [one.seconds for one in found.sightings] == [one.seconds for one in samples]
    for one, truth in zip(found.sightings, boxes, strict=True):
        assert one.character == "mei"
        assert overlap(one.box, truth) > 0.55
    assert [one.how for one in found.sightings].count("box") == 1
    assert found.sightings[3].confidence == 1.0
    assert all(0.3 < one.confidence <= 1 for one in found.sightings)


def test_who_leaves_is_not_followed_to_the_empty_wall() -> None:
    samples, boxes = walk(count=6, step=6)
    gone = [Sample(Fraction(6 + n, 2), room()) for n in range(3)]
    found = look_for(samples + gone, CastBox("mei", boxes[0], Fraction(0)))
    assert max(one.seconds for one in found.sightings) == Fraction(5, 2)


def test_two_figures_keep_their_names() -> None:
    samples, truth = [], []
    for n in range(6):
        picture = room()
        one = figure(picture, 10 + 4 * n, 250, RED, head=0)
        two = figure(picture, 230 - 4 * n, 255, BLUE, head=1)
        samples.append(Sample(Fraction(n, 2), picture))
        truth.append({"mei": one, "tom": two})
    cast = [CastBox(name, truth[0][name], Fraction(0)) for name in ("mei", "tom")]
    found = look_for(samples, *cast)
    assert len(found.sightings) == 12
    for one in found.sightings:
        assert overlap(one.box, truth[int(one.seconds * 2)][one.character]) > 0.6


def test_a_sighting_holds_what_it_promises() -> None:
    samples, boxes = walk(count=12, step=4)
    found = look_for(samples, CastBox("mei", boxes[0], Fraction(0)))
    one = found.sightings[0]
    assert one.torso is not None
    assert one.torso.shape == (400,)
    assert one.torso.dtype == np.float32
    assert one.texture is not None
    assert len(one.texture) <= 600
    assert np.linalg.norm(one.torso) == pytest.approx(1, abs=1e-4)
    assert sum(weight for weight, *_ in one.palette) == pytest.approx(1, abs=1e-3)
    assert one.face is None
    assert one.yaw is None
    crops = [one.crop for one in found.sightings if one.crop]
    assert len(crops) == MOST_CROPS
    shown = cv2.imdecode(np.frombuffer(crops[0], np.uint8), cv2.IMREAD_COLOR)
    assert max(shown.shape) <= 512


def test_an_observation_stays_small() -> None:
    samples, boxes = walk(count=40, step=1)
    found = look_for(samples, CastBox("mei", boxes[0], Fraction(0)))
    assert len(found.sightings) <= MOST_SIGHTINGS
    assert found.sightings[-1].seconds == samples[-1].seconds
    assert found.sightings[0].seconds == 0


def test_a_reference_finds_a_figure_without_a_face() -> None:
    portrait = np.full((300, 150, 3), 255, np.uint8)
    canvas = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    figure(canvas, 0, 20, GREEN, head=2)
    portrait[:] = canvas[0:300, 0:150]
    samples, boxes = walk(GREEN, head=2, step=6)
    found = look_for(samples, CastBox("frog", None, Fraction(0)), frog=[png(portrait)])
    assert not found.notes
    first = found.sightings[0]
    assert first.character == "frog"
    assert first.seconds == 0
    assert 0.2 < first.confidence < 0.95
    assert overlap(first.box, boxes[0]) > 0.25


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\xff\xd8\xff\xe0\0\x10JFIF", b"x" * 5000],
)
def test_a_reference_that_is_no_picture_is_a_note(data: bytes) -> None:
    samples, _ = walk(count=3)
    found = look_for(samples, CastBox("mei", None, Fraction(0)), mei=[data])
    assert not found.sightings
    assert "mei: reference 1" in found.notes[0]


def test_a_reference_that_asks_for_gigabytes_is_not_decoded() -> None:
    data = bytearray(png(np.zeros((16, 16, 3), np.uint8)))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    samples, _ = walk(count=3)
    found = look_for(samples, CastBox("mei", None, Fraction(0)), mei=[bytes(data)])
    assert "reference 1" in found.notes[0]


def test_a_reference_of_nobody_here_is_a_note() -> None:
    samples, _ = walk(BLUE, count=3, head=1)
    noise = np.random.default_rng(5).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    found = look_for(samples, CastBox("mei", None, Fraction(0)), mei=[png(noise)])
    assert not found.sightings
    assert found.notes == ("mei: not found by reference picture",)


def test_a_box_on_nothing_is_a_note() -> None:
    samples, _ = walk(count=3)
    for sample in samples:
        sample.pixels[:150, :100] = 200
    found = look_for(samples, CastBox("mei", (0.02, 0.02, 0.2, 0.15), Fraction(1, 2)))
    assert not found.sightings
    assert found.notes == ("mei: nothing to see in the declared box at 0.50 s",)


def test_a_black_clip_and_tiny_pictures_are_notes() -> None:
    black = [Sample(Fraction(n, 2), np.zeros((640, 360, 3), np.uint8)) for n in range(3)]
    box = CastBox("mei", (0.2, 0.2, 0.5, 0.7), Fraction(0))
    assert look_for(black, box).notes
    tiny = [Sample(Fraction(0), np.zeros((4, 4, 3), np.uint8))]
    assert look_for(tiny, box).notes
    assert look_for([], box).notes
    small, boxes = walk(count=4, step=4)
    shrunk = [Sample(s.seconds, cv2.resize(s.pixels, (36, 64), interpolation=3)) for s in small]
    look_for(shrunk, CastBox("mei", boxes[0], Fraction(0)))


@pytest.mark.parametrize("box", [(-0.4, -0.4, 0.1, 0.1), (0.9, 0.9, 0.8, 0.8), (0, 0, 0, 0)])
def test_a_box_beside_the_picture_does_no_harm(box: Box) -> None:
    samples, _ = walk(count=3)
    look_for(samples, CastBox("mei", box, Fraction(0)))


def test_the_same_clip_gives_the_same_sightings() -> None:
    samples, boxes = walk(count=5)
    cast = CastBox("mei", boxes[0], Fraction(0))
    one, two = look_for(samples, cast), look_for(samples, cast)
    for a, b in zip(one.sightings, two.sightings, strict=True):
        assert (a.box, a.confidence, a.crop) == (b.box, b.confidence, b.crop)
        assert np.array_equal(a.torso, b.torso)
        assert np.array_equal(a.texture, b.texture)


def test_light_is_no_new_coat_and_a_new_coat_is_no_light() -> None:
    one, two = room(), room()
    box = figure(one, 100, 250, RED)
    figure(two, 100, 250, BLUE)
    linear = (one / 255.0) ** 2.2 * 2 ** np.array([-0.5, -0.4, -0.3])
    dark = (linear ** (1 / 2.2) * 255).astype(np.uint8)
    looks = [describe(picture, box) for picture in (one, two, dark)]
    assert (least_apart(looks[0], looks[2], (-0.5, -0.4, -0.3), 0.3) or 0) < 0.2
    assert (least_apart(looks[0], looks[1], (0, 0, 0), 0.9) or 0) > 0.5
    assert (apart(looks[0].texture, looks[2].texture) or 0) < 0.15


def test_a_figure_is_split_below_its_head() -> None:
    head, torso = split_person((0.1, 0.1, 0.3, 0.8))
    assert head[1] <= 0.1
    assert torso[1] >= head[1] + 0.7 * head[3]
    assert torso[1] + torso[3] <= 0.9


class Painted:
    """A reader that sees a face wherever a circle of one of two skin colours is painted."""

    tells_apart = True
    colours = ((150, 190, 230), (120, 160, 120))

    def faces(self, pixels: np.ndarray) -> tuple[Face, ...]:
        found = []
        for number, colour in enumerate(self.colours):
            mask = np.abs(pixels.astype(int) - colour).max(axis=2) < 3
            count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
            for x, y, w, h, area in stats[1:count]:
                if area > 800:
                    box = (x / SIZE[0], y / SIZE[1], w / SIZE[0], h / SIZE[1])
                    found.append(Face(box, int(w) + 40, 0.01 * number, 0.9))
        return tuple(sorted(found, key=lambda face: -face.width))

    def descriptor(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        vector = np.zeros(128, np.float32)
        vector[round(face.yaw * 100)] = 0.6
        return vector


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "load_faces", lambda policy: Painted())


@pytest.mark.usefixtures("painted")
def test_the_only_face_is_the_only_character_without_a_box() -> None:
    samples, boxes = walk(step=8)
    found = look_for(samples, CastBox("mei", None, Fraction(0)))
    assert {one.character for one in found.sightings} == {"mei"}
    assert len(found.sightings) == len(samples)
    named = [one for one in found.sightings if one.how == "face"]
    assert len(named) == 1
    assert named[0].confidence < 0.8
    assert overlap(found.sightings[0].box, boxes[0]) > 0.3
    assert any(one.face is not None for one in found.sightings)


@pytest.mark.usefixtures("painted")
def test_two_characters_or_two_faces_stay_without_a_name() -> None:
    samples, _ = walk(step=8)
    names = [CastBox(name, None, Fraction(0)) for name in ("mei", "tom")]
    assert {one.character for one in look_for(samples, *names).sightings} == {""}
    for one in samples:
        figure(one.pixels, 230, 250, BLUE, head=2)
    assert {one.character for one in look_for(samples, names[0]).sightings} == {""}


@pytest.mark.usefixtures("painted")
def test_one_face_after_another_is_nobodys() -> None:
    one, _ = walk(step=2, count=5)
    two, _ = walk(BLUE, head=2, step=2, count=5)
    after = [Sample(s.seconds + Fraction(5, 2), s.pixels) for s in two]
    found = look_for([*one, *after], CastBox("mei", None, Fraction(0)))
    assert {one.character for one in found.sightings} == {""}


@pytest.mark.usefixtures("painted")
def test_a_reference_or_a_box_elsewhere_forbids_to_guess() -> None:
    samples, boxes = walk(step=2)
    noise = np.random.default_rng(5).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    found = look_for(samples, CastBox("mei", None, Fraction(0)), mei=[png(noise)])
    assert {one.character for one in found.sightings} == {""}
    for sample in samples:
        sample.pixels[:150, :100] = 200
    cast = [CastBox("mei", (0.02, 0.02, 0.2, 0.15), Fraction(0)), CastBox("mei", None, Fraction(0))]
    found = look_for(samples, *cast)
    assert {one.character for one in found.sightings} == {""}
    cast = [CastBox("mei", boxes[0], Fraction(0)), CastBox("tom", None, Fraction(0))]
    assert {one.character for one in look_for(samples, *cast).sightings} == {"mei"}


def test_a_box_of_the_face_alone_means_the_whole_person() -> None:
    samples, boxes = walk(step=4)
    face = (48 / SIZE[0], 254 / SIZE[1], 60 / SIZE[0], 60 / SIZE[1])
    found = look_for(samples, CastBox("mei", face, Fraction(0)))
    assert overlap(found.sightings[0].box, boxes[0]) > 0.3
    whole = look_for(samples, CastBox("mei", boxes[0], Fraction(0)))
    assert whole.sightings[0].box == pytest.approx(boxes[0])


def test_a_figure_is_split_alike_in_every_shape_of_picture() -> None:
    pixels = np.zeros((640, 360, 3), np.uint8)
    box = figure(pixels, 100, 250, RED)
    wide = cv2.copyMakeBorder(pixels, 0, 0, 400, 400, cv2.BORDER_CONSTANT)
    share = 360 / 1160
    other = ((box[0] * 360 + 400) / 1160, box[1], box[2] * share, box[3])
    one, two = describe(pixels, box), describe(wide, other)
    assert (apart(one.torso, two.torso) or 0) < 0.05
    assert (apart(one.texture, two.texture) or 0) < 0.1
