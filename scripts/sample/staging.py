"""Staging helpers: walking from place to place, cameras, and sounds that belong to what is seen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from sample import pier, sound
from sample.curves import ease, key
from sample.film import Camera, Live, Plate
from sample.light import LIGHTS
from sample.pose import Pose, stride_length
from sample.sound import Track
from sample.speech import Line, say

PIER: list[Plate | Live] = [
    Plate(pier.back, 0.45, solid=True),
    pier.live,
    Plate(pier.mid),
    pier.water_under,
]
PIER_NEAR = [Plate(pier.back, 0.45, 3.0, solid=True), Plate(pier.mid, 1.0, 1.6)]
DECK = pier.DECK + 8
NIGHT = LIGHTS["night"]


class Walk:
    """Somebody's way along x: stands, walks, stands."""

    def __init__(
        self, *marks: tuple[float, float], scale: float = 1.2, stride: float = 30.0
    ) -> None:
        self.marks, self.scale, self.stride = marks, scale, stride

    def x(self, t: float) -> float:
        """Where they are: even walking with soft starts and stops."""
        marks = self.marks
        if t <= marks[0][0]:
            return marks[0][1]
        for (t0, a), (t1, b) in pairwise(marks):
            if t < t1:
                u, soft = (t - t0) / (t1 - t0), 0.14
                if u < soft:
                    v = u * u / (2 * soft)
                elif u > 1 - soft:
                    v = (1 - soft) - (1 - u) ** 2 / (2 * soft)
                else:
                    v = u - soft / 2
                return a + (b - a) * v / (1 - soft)
        return marks[-1][1]

    def apply(self, pose: Pose, t: float) -> Pose:
        """The pose at its place, with its legs in step."""
        pose.x, pose.scale, pose.stride = self.x(t), self.scale, self.stride
        speed = abs(self.x(t + 0.02) - self.x(t - 0.02)) / 0.04
        pose.pace = ease(speed / (1.1 * self.stride * self.scale))
        pose.walk = self._way(t) / stride_length(self.stride, self.scale)
        return pose

    def _way(self, t: float) -> float:
        way = 0.0
        for (t0, a), (t1, b) in pairwise(self.marks):
            if t >= t1:
                way += abs(b - a)
            elif t > t0:
                way += abs(self.x(t) - a)
        return way

    def steps(self) -> list[float]:
        """When a foot comes down."""
        out, last = [], 0.0
        t = self.marks[0][0]
        while t < self.marks[-1][0]:
            now = self._way(t) / stride_length(self.stride, self.scale) * 2
            if int(now + 0.5) != int(last + 0.5):
                out.append(t)
            last, t = now, t + 0.01
        return out


def still(x: float, y: float, zoom: float) -> Camera:
    """A camera on its legs."""
    return lambda _: (x, y, zoom)


def move(
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    seconds: float = 10.0,
    start: float = 0.0,
) -> Camera:
    """A slow move from a to b."""

    def camera(t: float) -> tuple[float, float, float]:
        return (
            key(t, (start, a[0]), (seconds, b[0])),
            key(t, (start, a[1]), (seconds, b[1])),
            key(t, (start, a[2]), (seconds, b[2])),
        )

    return camera


def speak(
    track: Track, lines: list[Line], pans: dict[str, float] | None = None, gain: float = 0.5
) -> None:
    """All lines of dialogue."""
    for k, line in enumerate(lines):
        loud = {"mei": 0.8, "bo": 1.0, "ines": 0.85}[line.who]
        track.add(
            say(line, 100 + 7 * k + len(line.text)),
            float(line.start),
            gain * loud,
            (pans or {}).get(line.who, 0.0),
        )


def feet(
    track: Track,
    walk: Walk,
    gain: float,
    *,
    wood: bool = True,
    pan: Callable[[float], float] | None = None,
) -> None:
    """Footsteps in time with a walk."""
    for k, at in enumerate(walk.steps()):
        track.add(
            sound.step(40 + k % 5, wood=wood),
            at,
            gain * (1.0 if k % 2 == 0 else 0.85),
            pan(at) if pan else 0.0,
        )


def harbour(
    track: Track, seconds: float, seed: int, level: float = 0.12, gulls: tuple[float, ...] = ()
) -> None:
    """Water, a little wind, gulls far off."""
    track.add(sound.water(seconds, seed), 0, level)
    track.add(sound.wind(seconds, seed + 30), 0, level * 0.35)
    for k, at in enumerate(gulls):
        track.add(sound.gull_cry(seed + k, 2 + k % 2), at, 0.05, (-1) ** k * 0.6)
