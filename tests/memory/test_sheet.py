"""The contact sheet: what is on it, mixed shapes, pages, letters that the font lacks."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from chainer.memory.canvas import Pen, bgr_of, blank
from chainer.memory.observation import Picture
from chainer.memory.report import Measure
from chainer.memory.sheet import (
    PAGE_HEIGHT,
    SheetCharacter,
    SheetCrop,
    SheetJoint,
    contact_sheet,
)

from . import made


def opened(page: bytes) -> Picture:
    assert page.startswith(b"\x89PNG")
    return np.asarray(cv2.imdecode(np.frombuffer(page, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def pixels_of(page: Picture, colour: tuple[int, int, int], slack: int = 2) -> int:
    return int((np.abs(page.astype(int) - colour).max(axis=2) <= slack).sum())


def flat(colour: tuple[int, int, int], width: int = 320, height: int = 180) -> Picture:
    return blank(width, height, colour)


def test_all_three_pictures_of_a_joint_are_there() -> None:
    last, first = (10, 200, 90), (200, 100, 50)
    joint = SheetJoint(made.report(), flat(last), flat(first))
    (page,) = contact_sheet([joint], [], "three")
    sheet = opened(page)
    graded = tuple(round(one * 0.9) for one in first)
    counts = [pixels_of(sheet, colour) for colour in (last, first, graded)]
    assert min(counts) > 250 * 150
    assert max(counts) < min(counts) * 1.05


def test_without_a_grade_nothing_looks_corrected() -> None:
    first = (200, 100, 50)
    joint = SheetJoint(made.clean(), None, flat(first))
    (page,) = contact_sheet([joint], [], "two")
    assert 40_000 < pixels_of(opened(page), first) < 60_000


def test_pictures_keep_their_shape() -> None:
    tall = flat((10, 200, 90), 360, 640)
    (page,) = contact_sheet([SheetJoint(made.clean(), tall, None)], [], "tall")
    rows, columns = np.nonzero((np.abs(opened(page).astype(int) - (10, 200, 90)) <= 2).all(axis=2))
    shape = (int(np.ptp(columns)) + 1) / (int(np.ptp(rows)) + 1)
    assert shape == pytest.approx(9 / 16, rel=0.02)
    assert int(np.ptp(rows)) > 250


def test_crops_and_their_colours() -> None:
    crop = cv2.imencode(".png", flat((30, 30, 220), 90, 160))[1].tobytes()
    mei = SheetCharacter("mei", "Mei", (SheetCrop("a1", crop, made.PALETTE),), "yellow coat")
    (page,) = contact_sheet([], [mei], "crops")
    sheet = opened(page)
    assert pixels_of(sheet, (30, 30, 220)) == pytest.approx(90 * 160, rel=0.02)
    for _, *lab in made.PALETTE:
        assert pixels_of(sheet, bgr_of(lab), 0) >= 35 * 18


def test_missing_and_damaged_crops_leave_a_place() -> None:
    one = SheetCharacter("mei", "Mei", (SheetCrop("a1", b""), SheetCrop("a2", b"\xff\xd8no")))
    (page,) = contact_sheet([], [one], "gone")
    (bare,) = contact_sheet([], [replace(one, crops=())], "gone")
    assert opened(page).shape[0] > opened(bare).shape[0] + 150


def test_forty_joints_make_pages_that_open_anywhere() -> None:
    joints = [SheetJoint(made.report(), flat((9, 9, 9), 64, 36), flat((99, 9, 9), 36, 64))] * 40
    pages = contact_sheet(joints, [], "forty")
    assert len(pages) > 1
    shapes = [opened(page).shape for page in pages]
    assert all(height <= PAGE_HEIGHT < 8000 for height, _, _ in shapes)
    assert len({width for _, width, _ in shapes}) == 1


def test_anything_long_stays_on_the_sheet() -> None:
    many = tuple((f"measure {n}", Measure(n * 0.1, "dE2000", 0.5)) for n in range(30))
    long = replace(
        made.report(source="s" * 64, target="t" * 64), measures=many, grade_why="w" * 900
    )
    joint = SheetJoint(long, made.picture(), made.picture(180, 320))
    words = SheetCharacter("i" * 64, "N" * 300, (SheetCrop("a" * 64, made.jpeg()),), "x " * 500)
    (page,) = contact_sheet([joint], [words], "title " * 200)
    sheet = opened(page)
    margin = sheet[:, -20:]
    assert (margin == 255).all()  # nothing runs into the right margin


def test_an_empty_sheet_is_a_sheet() -> None:
    (page,) = contact_sheet([], [], "")
    assert opened(page).shape[0] > 60


def test_names_the_font_lacks_give_way_to_the_id() -> None:
    pen = Pen()
    assert pen.named("Mei", "mei") == "Mei"
    assert pen.named("कै", "kai") == "kai"
    assert pen.named("", "kai") == "kai"
    assert "?" not in pen.plain("कै is here")
    if hasattr(cv2, "FontFace"):
        assert pen.named("梅", "mei") == "梅"
        assert pen.named("Zoë Łukasz Ω Ж", "zoe") == "Zoë Łukasz Ω Ж"
    assert pen.named("مريم", "maryam") == "maryam"  # drawn unjoined and the wrong way round


def test_before_opencv_5_there_are_ascii_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    pen = Pen()
    assert pen.named("梅", "mei") == "mei"
    assert pen.plain("é → 梅梅") == "e -> [...]"
    canvas = blank(200, 40)
    pen.text(canvas, "Zoë", 5, 30)
    assert (canvas < 200).any()
    (page,) = contact_sheet([SheetJoint(made.report(), made.picture(), made.picture())], [], "old")
    assert opened(page).shape[1] > 1000


def test_text_is_clipped_and_wrapped_to_its_width() -> None:
    pen = Pen()
    clipped = pen.clipped("a rather long line of text", 80)
    assert clipped.endswith("…")
    assert pen.width(clipped) <= 80
    lines = pen.wrapped("one two three four five six seven eight", 90, 3)
    assert len(lines) <= 3
    assert all(pen.width(line) <= 90 for line in lines)
    assert pen.wrapped("", 90, 3) == []
