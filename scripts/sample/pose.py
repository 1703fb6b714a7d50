"""Poses and looks: how a person stands, how tall they are built, what they wear."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sample.canvas import Canvas
from sample.light import Light

Spot = tuple[float, float]
Prop = Callable[[Canvas, Light], None]


@dataclass(frozen=True)
class Build:
    """The bones of one person, in units; feet at 0, up is negative."""

    head: float  # half the width of the head
    head_y: float
    shoulder_y: float
    shoulder_w: float
    hip_y: float
    hip_w: float
    arm: tuple[float, float]
    arm_width: tuple[float, float, float]
    leg: tuple[float, float]
    leg_width: tuple[float, float, float]
    hand: float


BUILDS: dict[str, Build] = {
    "mei": Build(51, -268, -196, 42, -98, 20, (44, 42), (34, 31, 35), (46, 44), (27, 24, 22), 13),
    "bo": Build(54, -372, -294, 84, -146, 38, (74, 70), (56, 50, 42), (70, 66), (56, 46, 38), 22),
    "ines": Build(43, -342, -268, 47, -150, 22, (66, 62), (34, 30, 32), (70, 70), (26, 22, 20), 14),
}


@dataclass(frozen=True)
class Look:
    """What somebody wears, as local colours."""

    person: str
    coat: str  # the garment one sees most
    legs: str
    boots: str
    accent: str  # Bo's cap, Ines's scarf, Mei's buttons
    stripes: str | None = None
    hood: bool = False

    def colours(self) -> dict[str, str]:
        """The clothes by name."""
        names = {"mei": "buttons", "bo": "cap", "ines": "scarf"}
        out = {
            "coat" if self.person != "bo" else "jersey": self.coat,
            "legs": self.legs,
            "boots": self.boots,
        }
        out[names[self.person]] = self.accent
        if self.stripes:
            out["stripes"] = self.stripes
        return out


LOOKS: dict[str, Look] = {
    "mei": Look("mei", "#f6bf26", "#33415f", "#d8433b", "#8a4a1c"),
    "mei-teal": Look("mei", "#1f9d94", "#4a3352", "#f2a03d", "#f7e3b5"),
    "mei-berry": Look("mei", "#b8386b", "#2f3a56", "#f1c84b", "#f7d9c4"),
    "bo": Look("bo", "#2f66b0", "#5b4636", "#2b2a30", "#27365a"),
    "bo-stripes": Look("bo", "#f1e8d6", "#3f4a5a", "#2b2a30", "#b53a34", stripes="#b53a34"),
    "ines": Look("ines", "#6d4a78", "#3a3346", "#4a2f2a", "#3fa06a"),
    "ines-rust": Look("ines", "#a8532f", "#3a3346", "#4a2f2a", "#3fa06a"),
}


@dataclass
class Pose:
    """One person at one moment."""

    x: float
    y: float
    scale: float = 1.2
    turn: float = 0.0  # the body: -1 left .. 1 right
    head: float | None = None  # the head, else as the body
    tilt: float = 0.0
    nod: float = 0.0  # features move down
    walk: float | None = None  # steps taken, in cycles
    stride: float = 30.0
    pace: float = 0.0  # 0 standing .. 1 walking
    lean: float = 0.0
    lift: float = 0.0
    left: Spot | None = None  # hands, in units from the feet; screen left and right
    right: Spot | None = None
    mouth: float = 0.0
    smile: float = 0.3
    blink: float = 0.0
    brow: float = 0.0
    gaze: Spot = (0.0, 0.0)
    seated: bool = False
    wind: float = 0.0
    time: float = 0.0
    left_holds: Prop | None = None
    right_holds: Prop | None = None
    shadow: bool = True
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def looks(self) -> float:
        """Where the head points."""
        return self.turn if self.head is None else self.head


def step_of(phase: float, stride: float, lift: float) -> Spot:
    """Where a foot is in its cycle: on the ground it goes back, in the air forward."""
    u = phase % 1.0
    if u < 0.5:
        return stride * (1 - 4 * u), 0.0
    v = (u - 0.5) * 2
    return stride * (-1 + 2 * v * v * (3 - 2 * v)), -lift * math.sin(math.pi * v)


def stride_length(stride: float, scale: float) -> float:
    """How far one cycle carries the walker."""
    return 4 * stride * scale
