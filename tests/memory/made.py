"""Hand-made observations, states and reports: small, plausible, and known to the last number."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from chainer.memory.observation import Observation, Picture, Sound, Still, World
from chainer.memory.report import (
    Against,
    Cut,
    Finding,
    Flag,
    Grade,
    JointClass,
    JointReport,
    Measure,
)
from chainer.memory.state import (
    CharacterState,
    Conflict,
    CropRef,
    Fact,
    MemoryState,
    Presence,
    Source,
    WorldState,
)

KEY = "ab" * 32
YELLOW = (0.6, 78.0, 12.0, 66.0)
NAVY = (0.3, 14.0, 4.0, -18.0)
GREY = (0.1, 55.0, 0.0, 1.0)
PALETTE = (YELLOW, NAVY, GREY)

DARKER = Grade(
    matrix=(9000, 0, 0, 0, 9000, 0, 0, 0, 9000),
    offset=(0, 0, 0),
    score=0.82,
    shift=3.1,
    residual=0.6,
    reference="a1 at 9.5 s",
)


def picture(width: int = 320, height: int = 180, seed: int = 0) -> Picture:
    """Soft shapes, different for each seed, and no two pixels that a codec would call noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(30, 220, (9, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def jpeg(width: int = 320, height: int = 180, seed: int = 0) -> bytes:
    return cv2.imencode(".jpg", picture(width, height, seed))[1].tobytes()


def fact(subject: str, key: str, value: Any, source: Source = Source.DECLARED) -> Fact:
    return Fact(subject, key, value, source, "a1", "ana")


def mei(**changes: Any) -> CharacterState:
    one = CharacterState(
        id="mei",
        name="Mei",
        palette=PALETTE,
        crops=(CropRef(KEY, 0, "a1", Fraction(3, 2), 90.0, 64, 0.4),),
        face_count=4,
        box=(0.05, 0.2, 0.2, 0.7),
        yaw=0.5,
        presence=Presence.PRESENT,
        last_atom="a2",
        last_seconds=Fraction(19, 2),
        confidence=0.92,
    )
    return replace(one, **changes)


def kai(**changes: Any) -> CharacterState:
    one = CharacterState(
        id="kai",
        name="Kai",
        palette=((1.0, 14.0, 4.0, -18.0),),
        presence=Presence.ABSENT,
        last_atom="a1",
        confidence=0.5,
    )
    return replace(one, **changes)


MEIS = (fact("mei", "coat", "yellow"), fact("mei", "holds", "rope"))


def state(**changes: Any) -> MemoryState:
    """Mei on a pier at dusk, Kai out of frame."""
    one = MemoryState(
        digest=KEY,
        depth=2,
        atom="a2",
        characters=(kai(), mei()),
        world=WorldState(place="pier", time_of_day="dusk", palette=PALETTE, ev=-1.2, lufs=-23.4),
        facts=MEIS,
    )
    return replace(one, **changes)


def conflict() -> Conflict:
    return Conflict(
        fact("mei", "coat", "yellow"), Fact("mei", "coat", "red", Source.OBSERVED, "a2")
    )


def observation(**changes: Any) -> Observation:
    frame = picture(640, 360, 7)
    luma = np.zeros((4, 90, 160), np.uint8)
    one = Observation(
        key=KEY,
        seconds=Fraction(10),
        fps=Fraction(30),
        width=640,
        height=360,
        head=luma,
        tail=luma,
        stills=(Still(Fraction(0), picture(192, 108, 1)), Still(Fraction(10), frame)),
        world=World(
            ev=-1.0,
            ev_spread=0.1,
            wb=(0.1, -0.1),
            wb_spread=(0.01, 0.01),
            lab=(40.0, 2.0, -5.0),
            lab_spread=(1.0, 1.0, 1.0),
            palette=PALETTE,
            sharpness=80.0,
            dark=0.0,
            motion=1.0,
        ),
        sound=Sound(-23.0, -22.0, -24.0, (-60.0,) * 10),
        last_frame=cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes(),
    )
    return replace(one, **changes)


def report(**changes: Any) -> JointReport:
    """Light and colour drifted and were corrected; a replay of six frames is left out."""
    one = JointReport(
        source="a1",
        target="a2",
        kind=JointClass.SAME_SETUP,
        measures=(
            ("structure", Measure(0.21, "", 0.55)),
            ("light", Measure(2.31, "L*", 0.94, 0.97)),
            ("colour", Measure(0.62, "ab", 0.47, 0.8)),
            ("mirror", Measure(0.0, "", 0.05)),
            ("loudness", Measure(1.2, "LU", 6.0)),
        ),
        findings=(
            Finding(Flag.LIGHT, Against.PREVIOUS, "light", 0.97, "a2 is darker than a1"),
            Finding(Flag.COLOUR, Against.MEMORY, "colour", 0.8, "a2 is warmer than the memory"),
            Finding(
                Flag.WARDROBE,
                Against.MEMORY,
                "wardrobe",
                0.7,
                "other clothes than in a1",
                subject="mei",
                declared="the remix",
            ),
        ),
        grade=DARKER,
        grade_why="",
        cut=Cut(into=6, in_seconds=Fraction(1, 5), why="replay"),
        badness=0.4,
    )
    return replace(one, **changes)


def clean(source: str = "a2", target: str = "a3") -> JointReport:
    """A joint that nobody sees."""
    return JointReport(
        source=source,
        target=target,
        kind=JointClass.SEAMLESS,
        measures=(("structure", Measure(0.03, "", 0.15)), ("light", Measure(0.1, "L*", 0.42))),
        findings=(),
        grade=None,
        grade_why="within limits",
        cut=Cut(),
        badness=0.02,
    )
