"""Plain English: colours, places in the picture, facts, people, joints."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from chainer.memory.colours import colour_name, palette_words
from chainer.memory.report import Grade
from chainer.memory.state import Presence, Source
from chainer.memory.summary import report_lines, state_json
from chainer.memory.words import (
    character_text,
    facing,
    fact_text,
    shot_size,
    state_text,
    where,
    world_text,
)

from . import made


def lab(red: int, green: int, blue: int) -> list[float]:
    cell = np.array([[[blue, green, red]]], np.float32) / 255
    return [float(one) for one in cv2.cvtColor(cell, cv2.COLOR_BGR2LAB)[0, 0]]


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((128, 128, 128), "grey"),
        ((192, 192, 192), "light grey"),
        ((255, 0, 0), "red"),
        ((128, 0, 0), "dark red"),
        ((255, 165, 0), "orange"),
        ((255, 255, 0), "yellow"),
        ((0, 255, 0), "green"),
        ((0, 100, 0), "dark green"),
        ((0, 255, 255), "cyan"),
        ((0, 128, 128), "teal"),
        ((0, 0, 255), "blue"),
        ((0, 0, 128), "dark blue"),
        ((128, 0, 128), "purple"),
        ((147, 112, 219), "purple"),
        ((255, 105, 180), "pink"),
        ((255, 192, 203), "pale pink"),
        ((139, 69, 19), "brown"),
        ((245, 245, 220), "beige"),
        ((210, 180, 140), "beige"),
        # cloth as cameras see it
        ((235, 190, 50), "yellow"),  # a raincoat by day
        ((150, 120, 40), "dark yellow"),  # and at dusk
        ((30, 35, 55), "dark blue"),  # a navy suit
        ((22, 22, 24), "black"),
        ((70, 90, 125), "blue"),  # denim
        ((150, 170, 195), "light blue"),
        ((90, 25, 40), "dark red"),  # burgundy
        ((45, 75, 55), "dark green"),
        ((60, 40, 30), "dark brown"),  # leather
        ((235, 225, 200), "beige"),
        ((215, 222, 230), "white"),  # a shirt in the shade
        ((55, 58, 62), "dark grey"),
        ((110, 120, 130), "grey"),
    ],
)
def test_colours_are_called_what_people_call_them(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_name(lab(*rgb)) == name


def test_every_colour_has_a_name() -> None:
    levels = range(0, 256, 51)
    names = {colour_name(lab(r, g, b)) for r in levels for g in levels for b in levels}
    assert all(names)
    assert len(names) > 20


def test_palettes() -> None:
    assert palette_words(()) == ""
    assert palette_words(((1.0, *lab(30, 35, 55)),)) == "dark blue"
    assert palette_words(made.PALETTE) == "mostly yellow, some dark blue"
    two = ((0.4, *lab(30, 35, 55)), (0.35, *lab(28, 33, 58)), (0.25, *lab(255, 255, 255)))
    assert palette_words(two) == "mostly dark blue, some white"  # equal names are one colour
    thirds = ((0.4, *lab(255, 0, 0)), (0.35, *lab(0, 0, 255)), (0.25, *lab(0, 255, 0)))
    assert palette_words(thirds) == "red, blue and green"


def test_where_how_large_and_which_way() -> None:
    assert where((0.0, 0.1, 0.3, 0.8)) == "left of frame"
    assert where((0.35, 0.1, 0.3, 0.8)) == "centre"
    assert where((0.7, 0.1, 0.3, 0.8)) == "right of frame"
    sizes = [shot_size((0, 0, 0.2, height)) for height in (0.95, 0.6, 0.4, 0.1)]
    assert sizes == ["close-up", "medium", "full figure", "distant"]
    assert [facing(yaw) for yaw in (-0.5, 0.05, 0.5, None)] == [
        "facing left",
        "facing the camera",
        "facing right",
        "",
    ]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("coat", "yellow", "yellow coat"),
        ("coat", "long yellow coat", "long yellow coat"),
        ("rain_coat", "green", "green rain coat"),
        ("hat", False, "no hat"),
        ("hat", True, "with a hat"),
        ("coat", None, ""),
        ("hair", "short black", "short black hair"),
        ("holds", "rope", "holds a rope"),
        ("holds", "oar", "holds an oar"),
        ("holds", "the oar", "holds the oar"),
        ("holds", "gloves", "holds gloves"),
        ("holds", "pair of gloves", "holds a pair of gloves"),
        ("holds", "glass", "holds a glass"),
        ("holds", "one-way ticket", "holds a one-way ticket"),
        ("holds", "Kai's hand", "holds Kai's hand"),
        ("holds", "刀", "holds 刀"),
        ("holds", False, "holds nothing"),
        ("holds", None, ""),
        ("carries", "water", "carries water"),
        ("wears", "red dress", "wears a red dress"),
        ("outfit", "uniform", "wears a uniform"),
        ("in", "boat", "in the boat"),
        ("mood", "sad", "mood: sad"),
        ("age", 12, "12 years old"),
        ("scars", 3, "scars: 3"),
        ("wet", True, "wet"),
        ("wet", False, "not wet"),
        ("left_hand", "bandaged", "left hand: bandaged"),
        ("weather", "rain", "rain"),
    ],
)
def test_facts_read_as_english(key: str, value: str | bool | int | None, text: str) -> None:
    assert fact_text(key, value) == text


def test_the_line_of_the_readme() -> None:
    one = made.state(characters=(made.mei(),))
    line = "Mei, yellow coat, left of frame, facing right, holds a rope; dusk, pier"
    assert state_text(one) == line
    assert state_text(one, {"pier": "the old pier"}) == line.replace("pier", "the old pier")


def test_what_was_seen_is_said_only_where_nothing_is_declared() -> None:
    assert "wears" not in character_text(made.mei(), made.MEIS)
    bare = character_text(made.mei(), [])
    assert bare == "Mei, wears mostly yellow, some dark blue, left of frame, facing right"
    guess = character_text(made.mei(prior=True, box=None, yaw=None))
    assert guess == "Mei, probably wears mostly yellow, some dark blue"
    seen = [made.fact("mei", "coat", "red", Source.OBSERVED)]
    assert "red" not in character_text(made.mei(), seen)
    others = [made.fact("kai", "coat", "green")]
    assert "green" not in character_text(made.mei(), others)


def test_a_declared_side_beats_the_seen_one() -> None:
    said = character_text(made.mei(palette=()), [made.fact("mei", "facing", "left")])
    assert said == "Mei, left of frame, facing left"


def test_who_is_gone_is_out_of_frame_and_last() -> None:
    gone = made.mei(presence=Presence.ABSENT)
    assert character_text(gone, made.MEIS) == "Mei, yellow coat, out of frame, holds a rope"
    text = state_text(made.state())
    assert text.index("Mei") < text.index("Kai, wears dark blue, out of frame") < text.index("dusk")


def test_a_world_of_which_little_is_known() -> None:
    empty = made.state(characters=(), facts=())
    assert world_text(replace(empty.world, place="", time_of_day="")) == ""
    weather = [made.fact("world", "weather", "rain"), made.fact("world", "place", "pier")]
    assert world_text(empty.world, weather) == "dusk, pier, rain"


def test_lines_for_the_terminal() -> None:
    reports = [made.report(), made.clean("a2", "a11")]
    lines = list(report_lines(reports, made.state(conflicts=(made.conflict(),))))
    assert lines[0] == (
        "a1 → a2   same set-up  light 2.31 L*, colour 0.62 ab, grade 3.1→0.6 dE, cut in 6 frames"
    )
    assert "a2 → a11  seamless     no drift" in lines
    assert any("97%" in line and "a2 is darker than a1" in line for line in lines)
    declared = next(line for line in lines if "other clothes" in line)
    assert "meant (the remix)" in declared
    assert "mei" in declared
    said = [" ".join(line.split()) for line in lines]
    assert "world dusk, pier; mostly yellow, some dark blue; -23.4 LUFS" in said
    assert lines[-2:] == ["conflicts:", f"    {made.conflict().words}"]


def test_lines_say_why_drift_is_left_uncorrected() -> None:
    left = replace(made.report(), grade=None, grade_why="the set-up is new")
    lines = list(report_lines([left], made.state()))
    assert "    no correction: the set-up is new" in lines
    assert not any("within limits" in line for line in report_lines([made.clean()], made.state()))


def test_lines_without_joints_or_characters() -> None:
    lines = list(report_lines([], made.state(characters=(), facts=())))
    assert lines[0] == "remembered after a2:"
    assert all(line for line in lines)


def test_the_machine_form_is_json_and_whole() -> None:
    one = made.state(conflicts=(made.conflict(),))
    value = json.loads(json.dumps(state_json(one, {"pier": "Old pier"}), allow_nan=False))
    assert set(value) >= {"characters", "world", "facts", "conflicts"}
    mei = value["characters"]["mei"]
    assert mei["text"] == "Mei, yellow coat, left of frame, facing right, holds a rope"
    assert mei["facts"] == {"coat": "yellow", "holds": "rope"}
    assert (mei["where"], mei["size"], mei["facing"]) == ("left of frame", "medium", "facing right")
    assert mei["pictures"][0]["seconds"] == "1.5"
    assert value["characters"]["kai"]["box"] is None
    assert value["world"]["place_name"] == "Old pier"
    assert value["conflicts"][0]["refused"]["value"] == "red"


def test_a_grade_of_any_size_prints() -> None:
    huge = Grade((10000,) * 9, (0,) * 3, 0.4, 5.96, 5.84)
    line = next(iter(report_lines([made.report(grade=huge)], made.state())))
    assert "grade 6.0→5.8 dE" in line
