"""Joints made from single shots: true continuations, drifted ones, chains and revisits.

A shot cut in two is a continuation of which everything is known. What is changed afterwards, in
the second half only, is the truth that the memory has to find and mend.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from bench_memory.clips import Shot, samples_of
from chainer.graph import Atom, Edge
from chainer.memory.buffer import step
from chainer.memory.observation import Observation
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.memory.report import JointReport
from chainer.memory.state import MemoryState
from chainer.memory.world import look_at_world

Change = Callable[[np.ndarray], np.ndarray]
"""Takes and gives B G R in 0..1."""

_LUMA = np.array([0.0722, 0.7152, 0.2126], np.float32)


def linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def exposure(stops: float) -> Change:
    return lambda picture: encoded(linear(picture) * 2**stops)


def balance(log2: float) -> Change:
    gains = np.array([2 ** (-log2 / 2), 1, 2 ** (log2 / 2)])
    return lambda picture: encoded(linear(picture) * gains)


def gamma(power: float) -> Change:
    return lambda picture: picture**power


def contrast(factor: float) -> Change:
    return lambda picture: np.clip((picture - 0.5) * factor + 0.5, 0, 1)


def saturation(factor: float) -> Change:
    def change(picture: np.ndarray) -> np.ndarray:
        grey = (picture @ _LUMA)[..., None]
        return np.clip(grey + (picture - grey) * factor, 0, 1)

    return change


CHANGES: Mapping[str, Change] = {
    "exposure -0.6 EV": exposure(-0.6),
    "exposure -0.3 EV": exposure(-0.3),
    "exposure +0.3 EV": exposure(0.3),
    "exposure +0.6 EV": exposure(0.6),
    "white balance +0.1": balance(0.1),
    "white balance -0.1": balance(-0.1),
    "white balance +0.2": balance(0.2),
    "white balance -0.2": balance(-0.2),
    "gamma 0.85": gamma(0.85),
    "gamma 1.15": gamma(1.15),
    "contrast 1.2": contrast(1.2),
    "saturation 0.7": saturation(0.7),
}

STRONG: Mapping[str, Change] = {
    "exposure -0.8 EV": exposure(-0.8),
    "exposure +0.5 EV": exposure(0.5),
    "white balance +0.4": balance(0.4),
    "white balance -0.4": balance(-0.4),
    "gamma 0.75": gamma(0.75),
    "gamma 1.3": gamma(1.3),
    "saturation 0.5": saturation(0.5),
    "contrast 1.3": contrast(1.3),
}
"""Enough that nobody would miss it."""


def changed(frames: np.ndarray, change: Change) -> np.ndarray:
    """Frames after a change, as 8 bits.

    A change that treats every channel by itself is looked up: twenty times faster.
    """
    table = _applied(np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2), change)
    probe = np.random.default_rng(1).integers(0, 256, (64, 1, 3), dtype=np.uint8)
    if not np.array_equal(cv2.LUT(probe, table), _applied(probe, change)):
        return np.stack([_applied(frame, change) for frame in frames])
    return np.stack([cv2.LUT(frame, table) for frame in frames])


def _applied(pixels: np.ndarray, change: Change) -> np.ndarray:
    unit = pixels.astype(np.float32) / 255
    return np.rint(np.clip(change(unit), 0, 1) * 255).astype(np.uint8)


def recoded(frames: np.ndarray, quality: int = 92) -> np.ndarray:
    """Frames as a lossy encoder leaves them, so that nothing is found by equal bytes."""
    setting = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return np.stack(
        [cv2.imdecode(cv2.imencode(".jpg", f, setting)[1], cv2.IMREAD_COLOR) for f in frames]
    )


def mirrored(frames: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frames[:, :, ::-1])


def zoomed(frames: np.ndarray, factor: float) -> np.ndarray:
    height, width = frames.shape[1:3]
    tall, wide = round(height / factor), round(width / factor)
    top, left = (height - tall) // 2, (width - wide) // 2
    inner = frames[:, top : top + tall, left : left + wide]
    return np.stack([cv2.resize(np.ascontiguousarray(f), (width, height)) for f in inner])


def look(frames: np.ndarray, fps: Fraction, name: str = "") -> Observation:
    """What the observer would keep of these frames, without sound and people."""
    seconds = len(frames) / fps
    seen = look_at_world(samples_of(frames, fps), fps=fps, seconds=seconds)
    mark = hashlib.sha256(name.encode() + frames[:: max(1, len(frames) // 4)].tobytes())
    return Observation(
        key=mark.hexdigest(),
        seconds=seconds,
        fps=fps,
        width=frames.shape[2],
        height=frames.shape[1],
        head=seen.head,
        tail=seen.tail,
        stills=seen.stills,
        world=seen.world,
        sound=None,
    )


class Chain:
    """A memory that walks along made-up atoms, each continuing the one before."""

    def __init__(self, policy: MemoryPolicy | None = None) -> None:
        self.policy = policy or MemoryPolicy()
        self.state: MemoryState | None = None
        self.seen: dict[str, Observation] = {}
        self._last: Atom | None = None

    def observation(self, key: str) -> Observation:
        return self.seen[key]

    def add(self, observation: Observation) -> JointReport | None:
        """The joint to this clip, after which it is remembered."""
        state, report, atom = self._step(observation)
        self.state, self._last = state, atom
        return report

    def ask(self, observation: Observation) -> JointReport:
        """The joint to this clip, which is then forgotten."""
        report = self._step(observation)[1]
        assert report is not None
        return report

    def _step(self, observation: Observation) -> tuple[MemoryState, JointReport | None, Atom]:
        self.seen[observation.key] = observation
        depth = self.state.depth if self.state else 0
        atom = Atom(id=f"a{depth}", media=f"a{depth}.mp4", author="p-a")
        edge = None
        if self._last is not None:
            edge = Edge(source=self._last.id, target=atom.id, kind="continuation")
        state, report = step(
            self.state,
            observation,
            atom,
            self._last,
            edge,
            names={},
            facts={},
            policy=self.policy,
            faces=FacePolicy(enabled=False),
            gallery=self,
        )
        return state, report, atom


@dataclass(frozen=True)
class Halves:
    """A shot cut in two: frames of both sides, `gap` seconds left out between them."""

    shot: Shot
    place: float
    before: np.ndarray
    after: np.ndarray


def halves(shots: list[Shot], gap: float = 0.0) -> Iterator[Halves]:
    """Every shot cut at three places, where both sides keep at least a third of a second."""
    for shot in shots:
        for place in (0.35, 0.5, 0.65):
            at, lost = round(len(shot.frames) * place), round(gap * shot.fps)
            least = max(6, round(shot.fps / 3))
            if at >= least and len(shot.frames) - at - lost >= least:
                second = max(8, round(shot.fps * 3))
                before = shot.frames[max(0, at - second) : at]
                yield Halves(shot, place, before, shot.frames[at + lost : at + lost + second])
