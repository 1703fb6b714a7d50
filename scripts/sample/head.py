"""Heads: their outline, and how a point of the front view is carried round when they turn."""

from __future__ import annotations

import math

from sample.canvas import Canvas
from sample.curves import Points, array, loop, mirror
from sample.light import Light
from sample.pose import Look, Pose

SKIN = {"mei": "#f3c39c", "bo": "#e9a684", "ines": "#c98d6b"}
HAIR = {"mei": "#26202c", "bo": "#c8502a", "ines": "#eeeae6"}
DEEP = "#3a1f24"


class Head:
    """One head in one pose, drawn in units of half its width."""

    def __init__(self, canvas: Canvas, light: Light, look: Look, pose: Pose) -> None:
        self.c, self.light, self.look, self.pose = canvas, light, look, pose
        self.turn = max(-1.0, min(1.0, pose.looks))
        self.who = look.person
        self.wide = {"mei": 1.0, "bo": 1.0, "ines": 0.92}[self.who]
        self.skin = light.colour(SKIN[self.who])
        self.skin_dark = light.dark(SKIN[self.who])
        self.hair = light.colour(HAIR[self.who])
        self.hair_dark = light.dark(HAIR[self.who])
        self.ink = light.colour(DEEP)

    # A point of the front view, u across, carried round the head by the turn.
    def at(self, u: float, v: float, out: float = 1.0) -> tuple[float, float]:
        angle = math.asin(max(-0.98, min(0.98, u))) + self.turn * 0.62
        return self.wide * out * math.sin(angle), v + self.pose.nod * (1.0 if v < 0.9 else 0.4)

    def thin(self, u: float) -> float:
        """How much narrower something at u looks."""
        angle = math.asin(max(-0.98, min(0.98, u)))
        return max(0.35, math.cos(angle + self.turn * 0.62) / math.cos(angle))

    def round(self, points: list[tuple[float, float]]) -> Points:
        """Front view points, carried round."""
        return array([self.at(u, v) for u, v in points])

    def skew(self, points: Points, top: float, bottom: float) -> Points:
        """An outline whose upper and lower parts slide with the turn."""
        p = points.copy()
        p[:, 0] = p[:, 0] * self.wide + self.turn * (
            bottom + (top - bottom) * ((1.2 - p[:, 1]) / 2.4).clip(0, 1)
        )
        return p

    def outline(self) -> Points:
        """The head without hair."""
        half = {
            "mei": [
                (0, -1.1),
                (0.62, -0.95),
                (0.98, -0.4),
                (1.0, 0.18),
                (0.82, 0.66),
                (0.4, 0.96),
                (0, 1.03),
            ],
            "bo": [
                (0, -1.1),
                (0.62, -0.98),
                (0.95, -0.45),
                (0.98, 0.2),
                (0.92, 0.7),
                (0.55, 1.1),
                (0, 1.2),
            ],
            "ines": [
                (0, -1.12),
                (0.6, -0.97),
                (0.94, -0.42),
                (0.94, 0.2),
                (0.76, 0.72),
                (0.36, 1.14),
                (0, 1.24),
            ],
        }[self.who]
        return self.skew(loop(mirror(half)), 0.0, 0.13)
