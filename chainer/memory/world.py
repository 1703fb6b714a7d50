"""What the world of one take looks like: its light, its colours, and the pictures to keep.

Pure: takes decoded pictures, gives values. Nothing here knows of another take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from chainer.memory.observation import EDGE_SIDE, STILL_SIDE, Luma, Picture, Sample, Still, World
from chainer.memory.pixels import Floats, correlation, fit, gradients, lab, luma, sized
from chainer.memory.register import register, shift_of

_STILLS = 14
"""Pictures that are kept of a take, at most: enough to find the same set-up again."""
_EDGE_FRAMES = 30
"""Luma frames that are kept of each end, at most."""
_DARK = 12.0
"""Mean luma below which a picture is all but black; limited-range black decodes to 0."""
_COLOURS = 5
_THUMB = (32, 18)
_LAGS = (1, 3)
"""Frames from an end within which it is told how much light flickers by itself,"""
_FLICKER_SIDE = 96
"""at this size."""
_ALIKE = 0.02
"""Two stills of a take nearer than this are one: `difference` of their thumbs."""


@dataclass(frozen=True, slots=True, eq=False)
class WorldLook:
    """The parts of an observation that are made from its small pictures."""

    stills: tuple[Still, ...]
    head: Luma
    tail: Luma
    world: World
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Thumb:
    """A picture as near-duplicates are found by: 32x18 edges and the mean CIELAB."""

    edges: Floats
    mean: tuple[float, float, float]

    def to_bytes(self) -> bytes:
        """The edges as one byte a pixel, the strongest at 255."""
        top = float(self.edges.max())
        scaled = self.edges * (255 / top) if top > 0 else self.edges
        return np.asarray(np.rint(scaled), np.uint8).tobytes()


def thumb_of(pixels: Picture) -> Thumb:
    """The thumb of a picture of any shape, which is squeezed into 32x18."""
    small = sized(pixels, *_THUMB)
    mean = lab(small).reshape(-1, 3).mean(axis=0)
    return Thumb(gradients(luma(small)), (float(mean[0]), float(mean[1]), float(mean[2])))


def thumb_from(edges: bytes, mean: tuple[float, float, float]) -> Thumb:
    """A thumb read back from `Thumb.to_bytes`."""
    array = np.frombuffer(edges, np.uint8).astype(np.float32).reshape(_THUMB[1], _THUMB[0])
    return Thumb(array, mean)


def difference(one: Thumb, other: Thumb) -> float:
    """How little two pictures show the same: 1 - correlation of edges + |mean Lab| / 40.

    Source of the form and of 0.12 as the distance of a duplicate: measured on revisited set-ups.
    """
    shift = np.linalg.norm(np.subtract(one.mean, other.mean))
    return 1 - correlation(one.edges, other.edges) + float(shift) / 40


def differences(ones: Sequence[Thumb], others: Sequence[Thumb]) -> Floats:
    """`difference` of each to each: [n, m]."""
    shift = np.linalg.norm(
        np.array([one.mean for one in ones])[:, None] - np.array([one.mean for one in others]),
        axis=2,
    )
    alike = _unit(ones) @ _unit(others).T
    return np.asarray(1 - alike + shift / 40, np.float32)


def _unit(thumbs: Sequence[Thumb]) -> Floats:
    """Edges less their mean, at length 1 (0 where there are none), a row for each thumb."""
    rows = np.stack([thumb.edges.ravel() for thumb in thumbs]).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(size > 1e-3, rows / np.maximum(size, 1e-3), 0), np.float32)


def look_at_world(samples: Sequence[Sample], *, fps: Fraction, seconds: Fraction) -> WorldLook:
    """Look at all the small pictures of a take, in order of time, at least one of them.

    `fps` is the media's rate: neighbouring samples no further apart than one and a half of its
    frames are neighbours in the media too, and only such runs at both ends are kept as edges.
    """
    head, tail = _ends([sample.seconds for sample in samples], fps)
    first = np.stack([fit(luma(samples[n].pixels), EDGE_SIDE) for n in head])
    last = np.stack([fit(luma(samples[n].pixels), EDGE_SIDE) for n in tail])
    picked = _spread(samples)
    stills = [Still(samples[n].seconds, fit(samples[n].pixels, STILL_SIDE)) for n in picked]
    every = [samples[n].pixels for n in _evenly([sample.seconds for sample in samples])]
    world = replace(
        _world(every, first, last),
        flicker_in=_flicker([samples[n].pixels for n in head]),
        flicker_out=_flicker([samples[n].pixels for n in reversed(tail)]),
    )
    notes = []
    if world.dark == 1:
        notes.append("the picture is black throughout")
    elif world.dark > 0.5:
        notes.append("the picture is black most of the time")
    if len(samples) == 1:
        notes.append("there is only one picture")
    elif _stands(samples, picked):
        notes.append("the picture does not move")
    return WorldLook(tuple(stills), first, last, world, tuple(notes))


def _ends(times: Sequence[Fraction], fps: Fraction) -> tuple[list[int], list[int]]:
    """The run of neighbouring frames at the start, and that at the end."""
    step = Fraction(3, 2) / fps
    head = [0]
    while len(head) < min(_EDGE_FRAMES, len(times)):
        if times[head[-1] + 1] - times[head[-1]] > step:
            break
        head.append(head[-1] + 1)
    tail = [len(times) - 1]
    while len(tail) < min(_EDGE_FRAMES, len(times)):
        if times[tail[-1]] - times[tail[-1] - 1] > step:
            break
        tail.append(tail[-1] - 1)
    return head, tail[::-1]


def _evenly(times: Sequence[Fraction]) -> list[int]:
    """About four pictures a second, so that the dense ends do not outweigh the middle."""
    kept, due = [], Fraction(-1)
    for number, time in enumerate(times):
        if time >= due:
            kept.append(number)
            due = time + Fraction(23, 100)
    return kept


def _spread(samples: Sequence[Sample]) -> list[int]:
    """The first, the last, and those between that show most of what the others do not."""
    ends = [0, len(samples) - 1] if len(samples) > 1 else [0]
    between = [n for n in _evenly([sample.seconds for sample in samples]) if n not in ends]
    thumbs = {n: thumb_of(samples[n].pixels) for n in (*ends, *between)}
    kept = list(ends)
    if not between:
        return kept
    gaps = differences([thumbs[n] for n in between], [thumbs[n] for n in (*kept, *between)])
    near = gaps[:, : len(kept)].min(axis=1)
    while len(kept) < _STILLS:
        far = int(near.argmax())
        if near[far] < _ALIKE:
            break
        kept.append(between[far])
        near = np.minimum(near, gaps[:, len(ends) + far])
        near[far] = -1
    return sorted(kept)


def _stands(samples: Sequence[Sample], picked: Sequence[int]) -> bool:
    one = samples[picked[0]].pixels.astype(np.int16)
    return all(int(np.abs(samples[n].pixels.astype(np.int16) - one).max()) <= 3 for n in picked[1:])


def _world(pictures: Sequence[Picture], first: Luma, last: Luma) -> World:
    small = np.stack([sized(pixels, 48, 48) for pixels in pictures])
    unit = small.astype(np.float32) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    channels = linear.mean(axis=(1, 2)) + 1e-4  # so that black has a logarithm
    light = channels @ np.array([0.0722, 0.7152, 0.2126])
    ev = np.log2(light)
    wb = np.log2(channels[:, [2, 0]] / channels[:, [1]])
    colours = np.asarray([lab(frame) for frame in small])
    means = colours.mean(axis=(1, 2))
    bright = small.mean(axis=(1, 2, 3))
    sharp = [float(cv2.Laplacian(fit(luma(p), STILL_SIDE), cv2.CV_32F).var()) for p in pictures]
    steps = [
        np.abs(np.diff(run.astype(np.int16), axis=0)).mean(axis=(1, 2)) for run in (first, last)
    ]
    moves = np.concatenate(steps) if len(first) + len(last) > 2 else np.zeros(1)
    red, blue = np.median(wb, axis=0)
    centre, spread = np.median(means, axis=0), means.std(axis=0)
    return World(
        ev=float(np.median(ev)),
        ev_spread=float(ev.std()),
        wb=(float(red), float(blue)),
        wb_spread=(float(wb[:, 0].std()), float(wb[:, 1].std())),
        lab=(float(centre[0]), float(centre[1]), float(centre[2])),
        lab_spread=(float(spread[0]), float(spread[1]), float(spread[2])),
        palette=palette_of(colours.reshape(-1, 3)),
        sharpness=float(np.median(sharp)),
        dark=float((bright < _DARK).mean()),
        motion=float(np.median(moves)) if moves.size else 0.0,
    )


def _flicker(run: Sequence[Picture]) -> tuple[float, float]:
    """What light and colour do within a few frames of an end, where nobody cut anything."""
    light = colour = 0.0
    for later in _LAGS:
        if later >= len(run):
            break
        now, then = (fit(run[n], _FLICKER_SIDE) for n in (0, later))
        shift = shift_of(register(then, now, _FLICKER_SIDE))
        if shift is not None:
            light = max(light, abs(shift[0]))
            colour = max(colour, float(np.hypot(shift[1], shift[2])))
    return light, colour


def palette_of(colours: Floats) -> tuple[tuple[float, float, float, float], ...]:
    """Up to five (weight, L, a, b) of CIELAB colours [n, 3], heaviest first; empty for none.

    By k-means from fixed seeds, so that the same pixels give the same palette.
    """
    if len(colours) == 0:
        return ()
    step = max(1, len(colours) // 6000)
    data = np.ascontiguousarray(colours[::step], np.float32)
    count = min(_COLOURS, len(data))
    cv2.setRNGSeed(1)
    ends = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    start = np.zeros((len(data), 1), np.int32)
    order = np.argsort(data[:, 0] + data[:, 1] * 0.5 + data[:, 2] * 0.25, kind="stable")
    start[order, 0] = np.arange(len(data)) * count // len(data)
    _, labels, centres = cv2.kmeans(data, count, start, ends, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    weights = np.bincount(np.asarray(labels).ravel(), minlength=count) / len(data)
    found = [(float(w), *map(float, c)) for w, c in zip(weights, centres, strict=True) if w > 0]
    return tuple(sorted(((a, b, c, d) for a, b, c, d in found), reverse=True))
