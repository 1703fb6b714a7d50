"""Pictures and samples as numbers: what a `Survey` is made of. Needs numpy; judges nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chainer.media.info import VideoInfo
from chainer.media.sweep import Sweep
from chainer.quality.record import LEVEL_SECONDS, SILENT_DB, Levels, Looks, Mark, Pictures

Grey = NDArray[np.uint8]
"""[pictures, height, width]."""
Reals = NDArray[np.float32]

_CHUNK = 128
_BLOCKS = 10
"""Blocks in width and height that a picture is cut into."""
_DARK, _LIGHT = 6, 249
_BAR, _BAR_DRIFT = 16, 64
"""Light that a quarter of a line of a bar may pass; and of an even one, see `_Side.of`."""
_BAR_BRIGHT, _BAR_EVEN, _BAR_FLAT = 0.25, 0.4, 0.1
_BAR_STEP, _BAR_ALONG = 3, 0.5
"""Levels by which it is brighter beside a bar, and along how much of it."""
_BAR_ON = 0.6
"""Share of that step by which it may go on getting brighter."""
_LEAST_BAR, _BAR_UNEVEN = 0.02, 0.03
_BAR_PIXELS = 3
"""Every so manieth pixel along a line says enough."""
_BAR_SEEN = 0.02
"""Share of a picture that is lit, or no bar can be seen in it."""
_EDGE = 24
"""Levels between two pixels beside each other but one that make an edge."""
_LEAST_EDGES = 40
_LEAST_PICTURES, _MOST_PICTURES = 6, 14
_STILL = 24
"""Levels of a slope over two pixels that may be the edge of a letter."""
_CELL, _CELL_EDGES, _LEAST_CELLS = 8, 6, 4
_MOST_MARKS = 8
_CEILING, _BEYOND = 0.9, 1.1
"""Of full scale: where tops are looked at; what coding cannot make of a whole wave."""
_WALL = 2.0
"""Times that a top would rise further than it does."""


def pictures_of(found: Sweep) -> Pictures:
    """The row of every small picture."""
    columns: list[list[NDArray[np.int64]]] = [[] for _ in range(8)]
    before: tuple[Grey, Reals] | None = None
    for chunk in _chunks(found.small, found.small_size):
        means = _blocks(chunk)
        for column, values in zip(columns[:5], _light(chunk), strict=True):
            column.append(values)
        if before is None:
            before = chunk[:1], means[:1]
        whole = np.concatenate([before[0], chunk])
        blocks = np.concatenate([before[1], means])
        for column, values in zip(columns[5:], _changes(whole, blocks), strict=True):
            column.append(values)
        before = chunk[-1:], means[-1:]
    mean, middle, top, dark, light, step, change, most = (
        tuple(int(value) for value in np.concatenate(column)) for column in columns
    )
    return Pictures(
        at=found.small_at,
        mean=mean,
        middle=middle,
        top=top,
        dark=dark,
        light=light,
        step=step,
        change=change,
        most=most,
    )


def _chunks(views: Sequence[memoryview], size: tuple[int, int]) -> Iterator[Grey]:
    width, height = size
    for first in range(0, len(views), _CHUNK):
        some = [np.frombuffer(view, np.uint8) for view in views[first : first + _CHUNK]]
        yield np.stack(some).reshape(-1, height, width)


def _light(chunk: Grey) -> Iterator[NDArray[np.int64]]:
    """Mean, median, lights in tenths of a level; shares of black and white in thousandths."""
    count = len(chunk)
    pixels = chunk[:, ::2, ::2].reshape(count, -1)
    total = pixels.shape[1]
    often = np.stack([np.bincount(one, minlength=256) for one in pixels])
    upto = np.cumsum(often, axis=1)
    yield np.rint(often @ np.arange(256) * 10 / total).astype(np.int64)
    yield (upto <= total // 2).sum(axis=1) * 10
    yield (upto <= total * 99 // 100).sum(axis=1) * 10
    yield np.rint(upto[:, _DARK - 1] / total * 1000).astype(np.int64)
    yield np.rint((total - upto[:, _LIGHT]) / total * 1000).astype(np.int64)


def _blocks(chunk: Grey) -> Reals:
    """The mean of each block: [pictures, _BLOCKS * _BLOCKS]."""
    count, height, width = chunk.shape
    tall, wide = height // _BLOCKS, width // _BLOCKS
    inner = chunk[:, : tall * _BLOCKS, : wide * _BLOCKS]
    rows = inner.reshape(count, _BLOCKS, tall, wide * _BLOCKS).sum(axis=2, dtype=np.uint16)
    sums = rows.reshape(count, _BLOCKS, _BLOCKS, wide).sum(axis=3, dtype=np.uint32)
    means: Reals = sums.reshape(count, -1).astype(np.float32) / np.float32(tall * wide)
    return means


def _changes(whole: Grey, blocks: Reals) -> Iterator[NDArray[np.int64]]:
    """What is new in each picture but the first, in tenths of a level."""
    yield np.rint(np.median(np.diff(blocks, axis=0), axis=1) * 10).astype(np.int64)
    after, before = whole[1:], whole[:-1]
    gaps = np.maximum(after, before) - np.minimum(after, before)
    changed = _blocks(gaps)
    yield np.rint(changed.mean(axis=1) * 10).astype(np.int64)
    yield np.rint(changed.max(axis=1) * 10).astype(np.int64)


def looks_of(found: Sweep, video: VideoInfo) -> tuple[Looks, tuple[Mark, ...]]:
    """The row of every large picture, and what stands still in all of them."""
    width, height = found.large_size
    pixels = np.stack([np.frombuffer(view, np.uint8) for view in found.large])
    upright = _upright(pixels.reshape(-1, height, width), video)
    turned = upright.transpose(0, 2, 1)
    depths = [
        round(1000 * depth / lines.shape[1])
        for lines in (upright, turned)
        for depth in _bars(lines[:, :, ::_BAR_PIXELS])
    ]
    seen = (upright[:, ::4, ::4] > _BAR).mean(axis=(1, 2)) > _BAR_SEEN
    above, below, left, right = (
        tuple(depth if one else 1000 for one in seen.tolist()) for depth in depths
    )
    return (
        Looks(
            at=found.large_at,
            above=above,
            below=below,
            left=left,
            right=right,
            sharp=tuple(_sharpness(picture) for picture in upright),
        ),
        _marks(upright),
    )


def _upright(pixels: Grey, video: VideoInfo) -> Grey:
    turned = np.rot90(pixels, -(video.rotation // 90), axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if video.flipped else turned)


def _bars(lines: Grey) -> tuple[int, int]:
    """How many of the first and of the last lines of all pictures are a black bar.

    A bar is told from a night sky by its end: from one line to the next, all along, at the same
    line throughout. Where the picture beside one of two bars is nearly black itself, the other
    says where to look for its end.
    """
    sides = [_Side.of(lines), _Side.of(lines[:, ::-1])]
    depths = [one.first(_BAR_STEP, range(1, one.dark + 1)) for one in sides]
    count = lines.shape[1]
    for depth, other in ((0, 1), (1, 0)):
        found, side = depths[depth], sides[other]
        near = max(2, count // 100)
        if found >= _LEAST_BAR * count and abs(depths[other] - found) > _BAR_UNEVEN * count:
            where = range(max(2, found - near), min(found + near, side.dark) + 1)
            again = side.first(1, where)
            if again and float(np.median(side.rough[1:again])) <= _BAR_FLAT:
                depths[other] = again
    return depths[0], depths[1]


@dataclass(frozen=True, slots=True)
class _Side:
    """The lines from one side of all pictures inwards, as they are in most of them.

    `light` is a quarter of the pictures brighter; `rough` how much each line differs from the one
    before; `dark` how many lines may be a bar.
    """

    light: NDArray[np.int16]
    rough: NDArray[np.float32]
    dark: int

    @classmethod
    def of(cls, lines: Grey) -> _Side:
        """Measured, as deep as a bar may be; not at all where the first line is bright."""
        spot = len(lines) * 3 // 4
        edge = np.partition(lines[:, 1], spot, axis=0)[spot]
        if (edge > _BAR_DRIFT).mean() > _BAR_BRIGHT:
            return cls(np.zeros((0, 0), np.int16), np.zeros(0, np.float32), 0)
        lines = lines[:, : lines.shape[1] // 2]
        light = np.partition(lines, spot, axis=0)[spot].astype(np.int16)
        rough = np.zeros(lines.shape[1], np.float32)
        rough[1:] = np.abs(np.diff(lines.astype(np.int16), axis=1)).mean(axis=(0, 2))
        even = np.array([np.median(rough[max(0, n - 3) : n + 4]) for n in range(len(rough))])
        # Without the loop filter what is black turns grey in time, but stays even.
        bright = (light > _BAR).mean(axis=1) > _BAR_BRIGHT
        grey = ((light > _BAR_DRIFT).mean(axis=1) > _BAR_BRIGHT) | (even > _BAR_EVEN)
        ends = np.flatnonzero(bright & grey)
        dark = int(ends[0]) if ends.size else len(light)
        return cls(light, rough, min(dark, len(light) - 6))

    def first(self, step: int, where: range) -> int:
        """The first line in `where` at which it is brighter by `step` in half of its length."""
        for n in where:
            rises = self.light[n + 1 : n + 4].mean(axis=0) - self.light[n - 1]
            # A night sky goes on getting brighter.
            on = float(np.mean(self.light[n + 5] - self.light[n + 2]))
            if np.mean(rises >= step) >= _BAR_ALONG and on <= _BAR_ON * float(np.mean(rises)):
                means = self.light[n - 1 : n + 4].mean(axis=1)
                return n + int(np.argmax(np.diff(means)))
        return 0


def _sharpness(picture: Grey) -> int:
    """By how much, in thousandths, the sharpest edges lose contrast to a small blur."""
    lines = picture.astype(np.int16)
    shares = []
    for one in (lines[::2], lines.T[::2]):
        near = np.abs(one[:, 3:-2] - one[:, 2:-3])
        far = np.abs(one[:, 5:] - one[:, :-5])
        strong = far >= _EDGE
        if strong.sum() >= _LEAST_EDGES:
            # One step of five that holds all of the change is as sharp as can be; an even slope
            # has a fifth in each.
            shares.append(np.minimum(near[strong] / far[strong], 1.0))
    if not shares:
        return -1
    return round(1000 * float(np.quantile(np.concatenate(shares), 0.9)))


def _marks(upright: Grey) -> tuple[Mark, ...]:
    """Letters or fine lines that stand still, and what stands still around them; largest first."""
    if len(upright) < _LEAST_PICTURES:
        return ()
    chosen = np.linspace(0, len(upright) - 1, min(len(upright), _MOST_PICTURES)).astype(int)
    up, down = _still_edges(upright[chosen].astype(np.int16))
    height, width = up.shape
    edges = _cells(up | down)
    marks = []
    for group in _groups((_cells(up) >= _CELL_EDGES) & (_cells(down) >= _CELL_EDGES)):
        rows, columns = [row for row, _ in group], [column for _, column in group]
        top, bottom, left, right = min(rows), max(rows) + 1, min(columns), max(columns) + 1
        inside = edges[top:bottom, left:right]
        around = edges[max(0, top - 2) : bottom + 2, max(0, left - 3) : right + 3]
        marks.append(
            Mark(
                left=1000 * left * _CELL // width,
                top=1000 * top * _CELL // height,
                width=1000 * (right - left) * _CELL // width,
                height=1000 * (bottom - top) * _CELL // height,
                cells=(right - left, bottom - top),
                letters=1000 * len(group) // inside.size,
                filled=int(1000 * inside.sum()) // (_CELL * _CELL * inside.size),
                around=int(1000 * (around.sum() - inside.sum()))
                // (_CELL * _CELL * max(1, around.size - inside.size)),
            )
        )
    marks.sort(key=lambda one: (-one.width * one.height, one.top, one.left))
    return tuple(marks[:_MOST_MARKS])


def _still_edges(some: NDArray[np.int16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where it goes brighter, and darker, to the right in nearly all pictures."""
    slopes = some[:, :, 2:] - some[:, :, :-2]
    enough = len(some) - len(some) // 5
    up, down = np.zeros(some.shape[1:], np.bool_), np.zeros(some.shape[1:], np.bool_)
    up[:, 1:-1] = (slopes >= _STILL).sum(axis=0, dtype=np.uint8) >= enough
    down[:, 1:-1] = (slopes <= -_STILL).sum(axis=0, dtype=np.uint8) >= enough
    return up, down


def _cells(pixels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many are set in each cell."""
    tall, wide = pixels.shape[0] // _CELL, pixels.shape[1] // _CELL
    inner = pixels[: tall * _CELL, : wide * _CELL].reshape(tall, _CELL, wide, _CELL)
    counts: NDArray[np.int64] = inner.sum(axis=(1, 3), dtype=np.int64)
    return counts


def _groups(cells: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Cells of one line of letters: they touch, or have up to two cells between them sideways."""
    left = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    groups = []
    while left:
        group, todo = [], [left.pop()]
        while todo:
            row, column = todo.pop()
            group.append((row, column))
            near = {(row + y, column + x) for y in range(-1, 2) for x in range(-3, 4)} & left
            left -= near
            todo += near
        if len(group) >= _LEAST_CELLS:
            groups.append(group)
    return groups


def levels_of(found: Sweep) -> Levels | None:
    """The loudness of each window and how much of each tenth of a second is cut off."""
    if found.sound is None:
        return None
    samples = np.frombuffer(found.sound, np.float32).reshape(-1, found.channels)
    db: list[NDArray[np.int64]] = []
    ceiling: list[int] = []
    count = int(len(samples) / (found.rate * LEVEL_SECONDS))
    edges = [int(n * found.rate * LEVEL_SECONDS) for n in range(count + 1)]
    for first in range(0, count, 1000):
        some = edges[first : first + 1001]
        part = np.nan_to_num(samples[some[0] : some[-1]], posinf=1, neginf=-1)
        starts = np.array(some[:-1]) - some[0]
        power = np.add.reduceat(part * part, starts, axis=0)
        lengths = np.diff(np.array(some))[:, None]
        loudest = (power / lengths).max(axis=1)
        with np.errstate(divide="ignore"):
            values = np.floor(10 * np.log10(loudest))
        db.append(np.maximum(values, SILENT_DB).astype(np.int64))
        loud = np.abs(part)
        cut = np.stack([_cut_off(one) for one in loud.T], axis=1)
        tenths = np.array(some[:-1:10]) - some[0]
        ceiling += [
            _on_ceiling(loud[a:b], cut[a:b]) for a, b in pairwise([*tenths.tolist(), len(part)])
        ]
    whole = np.concatenate(db) if db else np.zeros(0, np.int64)
    return Levels(db=tuple(int(value) for value in whole), ceiling=tuple(ceiling))


def _cut_off(loud: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which samples of one channel lie on a top that was cut off, or beyond what a file holds.

    A wave, limited ones too, is round at its top: it rises above a line as far as its slope there
    and the time until it falls below say. What was cut off runs into a wall.
    """
    over = loud >= _CEILING
    found = loud >= _BEYOND
    edges = np.flatnonzero(np.diff(over, prepend=False, append=False))
    first, last = edges[::2], edges[1::2]
    whole = (last - first >= 3) & (first >= 2) & (last < len(loud) - 1)
    first, last = first[whole], last[whole]
    if not len(first):
        return found
    slope = np.minimum(loud[first] - loud[first - 2], loud[last - 1] - loud[last + 1]) / 2
    length = last - first
    sums = np.concatenate([[0.0], np.cumsum(np.where(over, loud, 0), dtype=np.float64)])
    rise = (sums[last] - sums[first]) / length - _CEILING
    # The mean rise of a parabola, which is what a round top is.
    cut = slope * length / 6 >= _WALL * np.maximum(rise, 0.01)
    changes = np.zeros(len(loud) + 1, np.int32)
    np.add.at(changes, first[cut], 1)
    np.add.at(changes, last[cut], -1)
    return found | (np.cumsum(changes[:-1]) > 0)


def _on_ceiling(loud: NDArray[np.float32], cut: NDArray[np.bool_]) -> int:
    if not loud.size or float(loud.max()) < _CEILING:
        return -1
    return round(10_000 * float(cut.mean(axis=0).max()))
