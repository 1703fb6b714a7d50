"""A graded clip holds the colours of the model, fits its neighbours, and is made again alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import chainer
from chainer.episode.plan import EpisodePlan
from chainer.mp4 import Mp4, read_mp4
from chainer.render.grade import useful_grade
from chainer.render.plan import plan_render
from chainer.render.spec import ConformSpec, JointSpec, PosterSpec
from chainer.store import Store

from .coded import FFMPEG, SMALL, Coded, frame_hashes, read_codes, small_settings, write_graph

Colours = NDArray[np.float64]

WARM = (10_620, -410, 210, 180, 9_570, 350, -260, 710, 11_180, 310, -220, 140)
DARK = (8_200, 300, 100, 0, 8_500, 0, 200, 0, 8_000, -200, -150, -100)
BRIGHT = (13_000, 0, -500, -300, 13_500, 0, 0, -900, 14_000, -700, 500, 900)
PALE = (17_874, -7_152, -722, -2_126, 12_848, -722, -2_126, -7_152, 19_278, 0, 0, 0)
"""Twice the saturation: what brings a half back."""
GRADES = {"warm": WARM, "dark": DARK, "bright": BRIGHT, "pale": PALE}

PATCHES = (
    *((0, 0, 0), (255, 255, 255), (128, 128, 128)),
    *((200, 40, 40), (40, 170, 60), (50, 60, 200)),
    *((225, 180, 160), (120, 85, 70), (240, 210, 40)),
    *((16, 40, 70), (90, 30, 110), (60, 200, 210)),
)
ROWS, COLUMNS = 6, 3
"""Four rows of patches, then a grey gradient and a coloured one."""


def model(colours: Colours, grade: tuple[int, ...]) -> Colours:
    """The grade as it is defined, on R'G'B' of 0 to 255."""
    numbers = np.array(grade) / 10_000
    return np.clip(colours @ numbers[:9].reshape(3, 3).T + 255 * numbers[9:], 0, 255)


def draw(width: int, height: int) -> NDArray[np.uint8]:
    picture = np.zeros((height, width, 3), np.float64)
    for number, colour in enumerate(PATCHES):
        rows, columns = cell(number // COLUMNS, number % COLUMNS, width, height)
        picture[rows, columns] = colour
    ramp = np.linspace(0, 1, width)[:, None]
    picture[cell(4, 0, width, height)[0]] = 255 * ramp
    ends = np.array([[30, 90, 200], [230, 160, 60]], np.float64)
    picture[cell(5, 0, width, height)[0]] = ends[0] * (1 - ramp) + ends[1] * ramp
    return np.round(picture).astype(np.uint8)


def cell(row: int, column: int, width: int, height: int) -> tuple[slice, slice]:
    return (
        slice(row * height // ROWS, (row + 1) * height // ROWS),
        slice(column * width // COLUMNS, (column + 1) * width // COLUMNS),
    )


def write_patches(
    path: Path,
    width: int,
    height: int,
    matrix: str = "bt709",
    picture: NDArray[np.uint8] | None = None,
) -> Path:
    """Twenty equal frames at 30 fps, without any loss but that of 4:2:0 in 8 bits."""
    picture = draw(width, height) if picture is None else picture
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = [FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    argv += ["-s", f"{width}x{height}", "-r", "30", "-i", "-", "-vf"]
    flags = "accurate_rnd+full_chroma_int"
    argv += [f"scale=out_color_matrix={matrix}:out_range=tv:flags={flags},format=yuv420p"]
    argv += ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast"]
    argv += ["-colorspace", matrix, "-color_range", "tv", str(path)]
    subprocess.run(argv, input=picture.tobytes() * 20, check=True, capture_output=True)
    return path


def index_of(path: Path) -> Mp4:
    with path.open("rb") as stream:
        return read_mp4(stream)


def read_colours(film: Path, matrix: str = "bt709") -> Colours:
    """R'G'B' of frame 10, computed from its 4:2:0 values: [height / 2, width / 2, 3]."""
    track = index_of(film).track("vide")
    width, height = track.width, track.height
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:v", "-fps_mode", "passthrough"]
    argv += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    frame = np.frombuffer(data, np.uint8).reshape(-1, width * height * 3 // 2)[10].astype(float)
    luma = frame[: width * height].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    blue, red = frame[width * height :].reshape(2, height // 2, width // 2)
    weight_red, weight_blue = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}[matrix]
    y, cb, cr = (luma - 16) * 255 / 219, (blue - 128) * 255 / 224, (red - 128) * 255 / 224
    r, b = y + 2 * (1 - weight_red) * cr, y + 2 * (1 - weight_blue) * cb
    g = (y - weight_red * r - weight_blue * b) / (1 - weight_red - weight_blue)
    return np.clip(np.stack([r, g, b], axis=-1), 0, 255)


def patch_means(picture: Colours) -> Colours:
    """The middle of each patch, away from the edges that chroma blurs."""
    height, width = picture.shape[:2]
    means = []
    for number in range(len(PATCHES)):
        rows, columns = cell(number // COLUMNS, number % COLUMNS, width, height)
        inner = picture[rows, columns]
        edge = inner.shape[0] // 4, inner.shape[1] // 4
        means.append(inner[edge[0] : -edge[0], edge[1] : -edge[1]].mean(axis=(0, 1)))
    return np.array(means)


def gradients(picture: Colours) -> Colours:
    """The middle line of both gradients, without their ends."""
    height = picture.shape[0]
    lines = [picture[(2 * row + 1) * height // (2 * ROWS)] for row in (4, 5)]
    return np.concatenate([line[4:-4] for line in lines])


def regraded(plan: EpisodePlan, grades: Mapping[str, tuple[int, ...] | None]) -> EpisodePlan:
    """The plan with other grades for the atoms named, its steps looked up again."""
    steps = {step.key: step for step in plan.render.steps}
    specs, joints = [], []
    for slot, key in zip(plan.layout.slots, plan.render.slots, strict=True):
        spec = steps[key].spec
        assert isinstance(spec, ConformSpec)
        if slot.name in grades:
            spec = replace(spec, grade=grades[slot.name])
        specs.append(lambda _, spec=spec: spec)
    for key in plan.render.joints:
        joint = steps[key].spec
        assert isinstance(joint, JointSpec)
        joints.append(joint)
    render = plan_render(
        plan.layout,
        specs,
        lambda piece, left, right: replace(joints[piece.left], left=left, right=right),
        lambda clip: PosterSpec(clip, plan.ffmpeg.build),
        Store(plan.store),
        plan.graph.identity,
    )
    return replace(plan, render=render)


def plan_of_media(
    folder: Path, media: Path, grade: tuple[int, ...] | None, **changes: object
) -> EpisodePlan:
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1"},
        "nodes": [{"id": "c", "media": str(media.relative_to(folder)), "author": "p"}],
        "edges": [],
    }
    (folder / "graph.json").write_text(json.dumps(graph))
    wanted = small_settings(folder / "store", **changes)
    plan = chainer.plan_episode(chainer.load_graph(folder / "graph.json"), "c", settings=wanted)
    return regraded(plan, {"c": grade})


def piece_of(plan: EpisodePlan, slot: int) -> Path:
    store = Store(plan.store)
    _, record = store.find(plan.render.slots[slot])
    assert record is not None
    return store.path_of(record.files["piece"].digest)


def canonical(
    folder: Path, media: Path, grade: tuple[int, ...] | None, **changes: object
) -> Colours:
    plan = plan_of_media(folder, media, grade, **changes)
    chainer.render_episode(plan, folder / "out")
    return read_colours(piece_of(plan, 0))


@pytest.mark.parametrize("name", GRADES)
def test_a_graded_clip_has_the_colours_of_the_model(name: str, tmp_path: Path) -> None:
    media = write_patches(tmp_path / "media/c.mp4", 180, 320)
    found, before = canonical(tmp_path, media, GRADES[name]), read_colours(media)
    wanted = model(patch_means(before), GRADES[name])
    # Twice the saturation is twice the rounding of the source's colours, too.
    assert np.abs(patch_means(found) - wanted).max() < (2.0 if name == "pale" else 1.5)
    line = np.abs(gradients(found) - model(gradients(before), GRADES[name]))
    assert line.max() < (6 if name == "pale" else 4)
    assert line.mean() < 0.8


@pytest.mark.parametrize(
    ("size", "matrix"),
    [((90, 160), "bt709"), ((90, 160), "smpte170m"), ((360, 640), "bt709")],
)
def test_it_has_them_whatever_the_source_is(
    size: tuple[int, int], matrix: str, tmp_path: Path
) -> None:
    """Graded before it grows, after its colours are made ordinary, after it shrinks."""
    media = write_patches(tmp_path / "media/c.mp4", *size, matrix)
    wanted = model(patch_means(read_colours(media, matrix)), WARM)
    error = np.abs(patch_means(canonical(tmp_path, media, WARM)) - wanted)
    assert error.max() < (1.5 if matrix == "bt709" else 2.5)


LIFTED = (9_000, 0, 0, 0, 9_500, 0, 0, 0, 10_000, 600, 300, 900)
"""Black becomes grey."""
WIDE = [(320, 180), (160, 90)]
"""A source that is graded at its size in the film, and one that is graded before it grows."""


@pytest.mark.parametrize("size", WIDE)
@pytest.mark.parametrize("fit", ["contain", "blur"])
def test_the_picture_inside_is_graded_and_bars_stay_black(
    fit: str, size: tuple[int, int], tmp_path: Path
) -> None:
    media = write_patches(tmp_path / "media/c.mp4", *size)
    plain = canonical(tmp_path, media, None, conform={"fit": fit})
    found = canonical(tmp_path, media, LIFTED, conform={"fit": fit})
    middle = slice(160 // 2 - 24, 160 // 2 + 24)
    error = patch_means(found[middle]) - model(patch_means(plain[middle]), LIFTED)
    assert np.abs(error).max() < 2.5
    assert fit == "blur" or found[8:40].max() < 1


@pytest.mark.parametrize("size", WIDE)
def test_blurred_sides_are_graded_before_they_are_darkened(
    size: tuple[int, int], tmp_path: Path
) -> None:
    picture = np.full((size[1], size[0], 3), (150, 120, 100), np.uint8)
    media = write_patches(tmp_path / "media/c.mp4", *size, picture=picture)
    # FFmpeg's gblur spoils planes of 20 rows, which only a film as small as the other tests' has.
    profile = SMALL.model_copy(update={"width": 360, "height": 640})
    found = canonical(tmp_path, media, LIFTED, conform={"fit": "blur"}, profile=profile)
    inner = model(np.array([150.0, 120.0, 100.0]), LIFTED)
    luma = inner @ [0.2126, 0.7152, 0.0722]
    coded = 16 + luma * 219 / 255
    sides = inner + ((0.62 * coded + 6) - coded) * 255 / 219
    assert np.abs(found[140:180].mean(axis=(0, 1)) - inner).max() < 1.5
    assert np.abs(found[8:80].mean(axis=(0, 1)) - sides).max() < 2.5


THREE = (Coded(1, 48), Coded(2, 52), Coded(3, 48))


def film_of(folder: Path) -> EpisodePlan:
    graph = chainer.load_graph(write_graph(folder, THREE))
    return chainer.plan_episode(graph, "c1", settings=small_settings(folder / "store"))


def sound_of(path: Path) -> bytes:
    argv = [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:a", "-c", "copy", "-f", "adts", "-"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def test_a_graded_clip_fits_between_others_and_differs_in_its_picture_alone(tmp_path: Path) -> None:
    plan = film_of(tmp_path)
    chainer.render_episode(plan, tmp_path / "out")
    other = regraded(plan, {"c2": WARM})
    chainer.render_episode(other, tmp_path / "out2")
    plain, graded = (index_of(piece_of(one, 1)) for one in (plan, other))
    before, after = plain.track("vide"), graded.track("vide")
    assert (after.config, after.entry) == (before.config, before.entry)  # SPS and PPS, colour
    assert (after.samples, list(after.sync)) == (before.samples, list(before.sync))
    assert sound_of(piece_of(other, 1)) == sound_of(piece_of(plan, 1)) != b""
    stores = Store(plan.store)
    records = [stores.find(one.render.slots[1])[1] for one in (plan, other)]
    assert records[0] is not None
    assert records[1] is not None
    assert records[0].files["sound"].digest == records[1].files["sound"].digest
    assert records[0].files["piece"].digest != records[1].files["piece"].digest
    films = [folder / "episode.mp4" for folder in (tmp_path / "out", tmp_path / "out2")]
    codes = [
        [code if code and code[0] != 2 else None for code in read_codes(film)] for film in films
    ]
    assert codes[0] == codes[1]
    body = plan.layout.bodies[1]
    at, count = body.at, body.last - body.first
    assert frame_hashes(films[1], at, count) == frame_hashes(piece_of(other, 1), body.first, count)
    assert not set(frame_hashes(films[0], at, 2)) & set(frame_hashes(films[1], at, 2))
    assert chainer.verify_episode(tmp_path / "out2").whole


def reasons(plan: EpisodePlan) -> dict[str, str]:
    return {f"{step.type.value} {step.name}": step.why.value for step in plan.render.steps}


def test_a_grade_that_comes_changes_or_goes_is_the_reason(tmp_path: Path) -> None:
    """And only that atom and what it touches is made again."""
    plan = film_of(tmp_path)
    chainer.render_episode(plan, tmp_path / "out")
    for grade in (WARM, DARK, None):
        if grade is None:  # forgotten by the store, as if evicted
            Store(plan.store).discard(plan.render.slots[1])
            Store(plan.store).discard(plan.render.joints[0])
            Store(plan.store).discard(plan.render.joints[1])
        changed = regraded(plan, {"c2": grade})
        assert reasons(changed) == {
            "conform c1": "cached",
            "conform c2": "grade changed",
            "conform c3": "cached",
            "joint c1→c2": "a neighbour changed",
            "joint c2→c3": "a neighbour changed",
            "poster c1": "cached",
        }
        done = chainer.render_episode(changed, tmp_path / "out")
        assert done.steps_run == 3
    assert set(reasons(regraded(plan, {"c2": WARM})).values()) == {"cached"}


def test_a_clip_without_a_grade_keeps_the_key_it_had(tmp_path: Path) -> None:
    spec = film_of(tmp_path).render.steps[0].spec
    assert isinstance(spec, ConformSpec)
    assert set(spec.parts()) == {"engine", "media", "trim", "profile", "policy", "build"}
    assert set(replace(spec, grade=WARM).parts()) - set(spec.parts()) == {"grade"}


IDENTITY = (10_000, 0, 0, 0, 10_000, 0, 0, 0, 10_000, 0, 0, 0)


def moved(at: int, by: int) -> list[int]:
    return [number + (by if place == at else 0) for place, number in enumerate(IDENTITY)]


def test_what_nobody_would_see_is_no_grade() -> None:
    assert useful_grade(IDENTITY) is None
    for at in range(12):
        for sign in (-1, 1):
            assert useful_grade(moved(at, 19 * sign)) is None
            assert useful_grade(moved(at, 20 * sign)) == tuple(moved(at, 20 * sign))
    # Each number is small, and together they move one corner of the cube by more than half a step.
    assert useful_grade([10_007, 7, 0, 0, 10_000, 0, 0, 0, 10_000, 7, 0, 0]) is not None
    # Here the offset takes back what the matrix adds to white; black moves by no more than half.
    assert useful_grade([10_019, 0, 0, 0, 10_000, 0, 0, 0, 10_000, -19, 0, 0]) is None


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(-30, 30), min_size=12, max_size=12))
def test_the_largest_change_over_the_cube_decides(moves: list[int]) -> None:
    grade = [number + move for number, move in zip(IDENTITY, moves, strict=True)]
    steps = np.linspace(0, 1, 3)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    numbers = np.array(moves) / 10_000
    change = np.abs(cube @ numbers[:9].reshape(3, 3).T + numbers[9:]).max()
    if abs(change - 0.5 / 255) > 1e-9:
        assert (useful_grade(grade) is not None) is bool(change > 0.5 / 255)


@pytest.mark.parametrize("wrong", [[10_000] * 11, [*IDENTITY[:3], 0, 0, *IDENTITY[5:]]])
def test_what_is_no_grade_is_refused(wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="grade"):
        useful_grade(wrong)


def test_a_matrix_that_turns_colours_around_is_refused() -> None:
    with pytest.raises(ValueError, match="row 2"):
        useful_grade([10_000, 0, 0, -6_500, 10_000, 0, 0, 0, 10_000, 0, 0, 0])
    assert useful_grade([10_000, 0, 0, -6_000, 10_000, 0, 0, 0, 10_000, 0, 0, 0])
