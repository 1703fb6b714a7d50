"""Generated pictures of which everything is known: rooms with things that move, under any light.

A scene is a textured wall that a camera drifts along, with shapes before it. `light` changes are
formulas on B G R in 0..1, so that what a grade has to undo can be computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from chainer.graph import Atom, Edge
from chainer.memory.buffer import step
from chainer.memory.facts import Told
from chainer.memory.observation import Observation, Picture, Sample, Sighting, Sound
from chainer.memory.pixels import ciede2000, lab
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.memory.report import JointReport
from chainer.memory.state import MemoryState
from chainer.memory.world import look_at_world
from tests.film.coded import BAND, CELL, HEIGHT, WIDTH, Coded

FPS = Fraction(30)
NOBODY = FacePolicy(enabled=False)
ROOM = (240, 135)
"""Width and height of a scene."""

Light = Callable[[NDArray[Any]], NDArray[Any]]
"""Takes and gives B G R in 0..1."""


def _linear(encoded: NDArray[Any]) -> NDArray[Any]:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(light: NDArray[Any]) -> NDArray[Any]:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def exposure(stops: float) -> Light:
    return lambda picture: _encoded(_linear(picture) * 2**stops)


def balance(log2: float) -> Light:
    gains = np.array([2 ** (-log2 / 2), 1, 2 ** (log2 / 2)])
    return lambda picture: _encoded(_linear(picture) * gains)


def gamma(power: float) -> Light:
    return lambda picture: picture**power


def saturation(factor: float) -> Light:
    def change(picture: NDArray[Any]) -> NDArray[Any]:
        grey = (picture @ np.array([0.0722, 0.7152, 0.2126]))[..., None]
        return np.clip(grey + (picture - grey) * factor, 0, 1)

    return change


def lit(pixels: Picture, light: Light) -> Picture:
    """Pictures under another light, as 8 bits."""
    return np.asarray(np.rint(np.clip(light(pixels / 255), 0, 1) * 255), np.uint8)


def recoded(frames: Picture, quality: int = 93) -> Picture:
    """As a lossy encoder leaves them, so that nothing is found by equal bytes."""
    setting = [cv2.IMWRITE_JPEG_QUALITY, quality]
    made = [cv2.imdecode(cv2.imencode(".jpg", f, setting)[1], cv2.IMREAD_COLOR) for f in frames]
    return np.asarray(np.stack([one for one in made if one is not None]), np.uint8)


def zoomed(frames: Picture, factor: float) -> Picture:
    """The middle of the frames, made as large as they were."""
    height, width = frames.shape[1:3]
    tall, wide = round(height / factor), round(width / factor)
    top, left = (height - tall) // 2, (width - wide) // 2
    inner = frames[:, top : top + tall, left : left + wide]
    large = [cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC) for f in inner]
    return np.asarray(np.stack(large), np.uint8)


def mirrored(frames: Picture) -> Picture:
    return np.ascontiguousarray(frames[:, :, ::-1])


def flat(colour: tuple[int, int, int], frames: int = 12) -> Picture:
    return np.full((frames, ROOM[1], ROOM[0], 3), colour, np.uint8)


def apart(one: Picture, other: Picture) -> float:
    """The mean CIEDE2000 of two pictures."""
    return float(ciede2000(lab(one), lab(other)).mean())


@lru_cache(maxsize=32)
def scene(seed: int, first: int = 0, count: int = 12, size: tuple[int, int] = ROOM) -> Picture:
    """`count` frames of a scene from frame `first` on: uint8 [n, height, width, 3], B G R."""
    rng = np.random.default_rng(seed)
    width, height = size
    wall = _wall(rng, width + 90, height + 90)
    bodies = [_body(rng, width, height) for _ in range(3)]
    way = rng.uniform(0.25, 0.4, 2)
    frames = []
    for at in range(first, first + count):
        left, top = 2 + way * at
        there = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
        seen = cv2.warpAffine(wall, there, (width, height), borderMode=cv2.BORDER_REFLECT)
        for colour, half, start, speed in bodies:
            middle = (start + speed * at) % (width, height)
            dark = tuple(c * 0.6 for c in colour)
            for axes, paint in ((half, colour), ((half[0] / 2, half[1] / 3), dark)):
                # Sixteenths of a pixel, so that nothing moves by jerks.
                centre, size = ([round(16 * n) for n in pair] for pair in (middle, axes))
                cv2.ellipse(seen, centre, size, 0, 0, 360, paint, -1, cv2.LINE_AA, 4)
        noise = np.random.default_rng([seed, at]).normal(0, 0.8, (height, width, 1))
        frames.append(np.clip(seen + noise, 0, 255).astype(np.uint8))
    made = np.stack(frames)
    made.setflags(write=False)
    return made


def _wall(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    wall = np.asarray(
        rng.uniform(70, 150, 3)
        + np.linspace(-1, 1, width)[None, :, None] * rng.uniform(-30, 30, 3)
        + np.linspace(-1, 1, height)[:, None, None] * rng.uniform(-30, 30, 3),
        np.float32,
    )
    for size, depth in ((24, 22), (6, 10), (2, 5)):
        shape = (height // size + 2, width // size + 2, 3)
        small = rng.normal(0, depth, shape).astype(np.float32)
        wall += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(9):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(n) for n in rng.integers(12, 60, 2))
        colour = tuple(float(c) for c in rng.uniform(35, 205, 3))
        cv2.rectangle(wall, (x, y), (x + w, y + h), colour, -1)
        cv2.rectangle(wall, (x, y), (x + w, y + h), tuple(c * 0.6 for c in colour), 1)
    return np.clip(wall, 25, 215)


def _body(rng: np.random.Generator, width: int, height: int) -> tuple[Any, ...]:
    colour = tuple(float(c) for c in rng.uniform(30, 215, 3))
    half = int(rng.integers(7, 16)), int(rng.integers(12, 26))
    return colour, half, rng.uniform(0, 1, 2) * (width, height), rng.uniform(-0.8, 0.8, 2)


# -- observations and walks without media -----------------------------------------


def observed(frames: Picture, name: str = "", fps: Fraction = FPS, **changes: Any) -> Observation:
    """What the observer would keep of these frames, without sound and people."""
    samples = [Sample(n / fps, frame) for n, frame in enumerate(frames)]
    seen = look_at_world(samples, fps=fps, seconds=len(frames) / fps)
    mark = hashlib.sha256(name.encode() + str(fps).encode() + frames.tobytes()).hexdigest()
    values: dict[str, Any] = {
        "key": mark,
        "seconds": len(frames) / fps,
        "fps": fps,
        "width": frames.shape[2],
        "height": frames.shape[1],
        "head": seen.head,
        "tail": seen.tail,
        "stills": seen.stills,
        "world": seen.world,
        "sound": None,
        "notes": seen.notes,
    }
    return Observation(**{**values, **changes})


def heard(level: float) -> Sound:
    """A steady sound of `level` LUFS."""
    return Sound(level, level, level, (-60.0,) * 10)


def sighting(character: str, palette: tuple[tuple[float, float, float, float], ...]) -> Sighting:
    """Somebody in the middle of the last picture of twelve, by a declared box."""
    box = (0.4, 0.2, 0.2, 0.7)
    return Sighting(character, Fraction(11, 30), box, "box", 0.9, palette=palette)


def atom(name: str, **values: Any) -> Atom:
    return Atom.model_validate({"id": name, "media": f"{name}.mp4", "author": "p-a", **values})


@dataclass
class Walk:
    """A memory that walks along made-up clips, each continuing the one before."""

    policy: MemoryPolicy = field(default_factory=MemoryPolicy)
    facts: Told = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    state: MemoryState | None = None
    last: Atom | None = None
    seen: dict[str, Observation] = field(default_factory=dict)

    def observation(self, key: str) -> Observation:
        return self.seen[key]

    def add(self, observation: Observation, edge: Any = None, **values: Any) -> JointReport | None:
        """The joint to this clip, after which it is remembered.

        `values` are the new atom's, `edge` the edge's, of which source and target are known.
        """
        self.seen[observation.key] = observation
        depth = self.state.depth if self.state else 0
        new = atom(f"a{depth}", **values)
        way = None
        if self.last is not None:
            ends = {"source": self.last.id, "target": new.id, "kind": "continuation"}
            way = Edge.model_validate({**ends, **(edge or {})})
        self.state, report = step(
            self.state,
            observation,
            new,
            self.last,
            way,
            names=self.names,
            facts=self.facts,
            policy=self.policy,
            faces=NOBODY,
            gallery=self,
        )
        self.last = new
        return report


def joint(
    before: Observation,
    after: Observation,
    *,
    policy: MemoryPolicy | None = None,
    edge: Any = None,
    first: Mapping[str, Any] | None = None,
    **values: Any,
) -> JointReport:
    """The joint between two clips of which nothing else is known."""
    walk = Walk(policy or MemoryPolicy())
    walk.add(before, **(first or {}))
    report = walk.add(after, edge, **values)
    assert report is not None
    return report


# -- clips in files -----------------------------------------------------------------


LONG = 32
"""Frames of an ordinary clip. The codes of frames that lie 8 or 16 apart are all but equal, which
looks like a replay, unless the joint falls on a multiple of 32."""


@dataclass(frozen=True)
class Filmed(Coded):
    """A clip of a scene whose code says which frame of which scene a picture is.

    Frames `[first, first + frames)` of scene `seed` under `light`; the codes stay black and white.
    """

    seed: int = 1
    first: int = 0
    light: Light | None = None

    def pictures(self) -> Picture:
        out = np.empty((self.frames, HEIGHT, WIDTH, 3), np.uint8)
        below = scene(self.seed, self.first, self.frames, (WIDTH, HEIGHT - BAND))
        out[:, BAND:] = below if self.light is None else lit(below, self.light)
        for frame in range(self.frames):
            bits = f"{self.seed:06b}{self.first + frame:012b}10"
            for cell, bit in enumerate(bits):
                out[frame, :BAND, cell * CELL : (cell + 1) * CELL] = 255 if bit == "1" else 0
        return np.ascontiguousarray(out[..., ::-1])


def filmed(
    number: int,
    seed: int = 1,
    first: int = 0,
    frames: int = LONG,
    light: Light | None = None,
    amplitude: float = 0.06,
) -> Filmed:
    return Filmed(number, frames, (), amplitude, seed, first, light)


def repeated(codes: Sequence[tuple[int, int] | None]) -> list[tuple[int, int]]:
    """The frames of scenes that a film shows more than once."""
    known = [code for code in codes if code is not None]
    return [code for code in dict.fromkeys(known) if known.count(code) > 1]


def write_picture(path: Path, seed: int) -> Path:
    path.write_bytes(cv2.imencode(".png", scene(seed, 0, 1)[0])[1].tobytes())
    return path
