"""Pictures and samples as numbers: what a `Survey` is made of. Needs numpy; judges nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_BAR = 16
"""Light that one pixel of twenty in a line of a bar may pass."""
_BAR_STEP = 3
_EDGE = 24
"""Levels between two pixels beside each other but one that make an edge."""
_LEAST_EDGES = 40
_LEAST_PICTURES, _MOST_PICTURES = 6, 14
_STILL = 10
"""Levels of a slope that may be the edge of a mark."""
_NEARLY_ALL = 0.8
_CELL, _CELL_EDGES, _LEAST_CELLS = 8, 18, 3
_MOST_MARKS = 4


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
    ordered = np.sort(pixels, axis=1)
    yield np.rint(pixels.mean(axis=1, dtype=np.float32) * 10).astype(np.int64)
    yield ordered[:, total // 2].astype(np.int64) * 10
    yield ordered[:, total * 99 // 100].astype(np.int64) * 10
    yield np.rint((pixels < _DARK).mean(axis=1) * 1000).astype(np.int64)
    yield np.rint((pixels > _LIGHT).mean(axis=1) * 1000).astype(np.int64)


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
    bars = [_bars(picture) for picture in upright]
    return (
        Looks(
            at=found.large_at,
            above=tuple(one[0] for one in bars),
            below=tuple(one[1] for one in bars),
            left=tuple(one[2] for one in bars),
            right=tuple(one[3] for one in bars),
            sharp=tuple(_sharpness(picture) for picture in upright),
        ),
        _marks(upright),
    )


def _upright(pixels: Grey, video: VideoInfo) -> Grey:
    turned = np.rot90(pixels, -(video.rotation // 90), axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if video.flipped else turned)


def _bars(picture: Grey) -> tuple[int, int, int, int]:
    """Thousandths of the height or width that are black, above, below, left and right."""
    found = []
    for lines in (picture, picture[::-1], picture.T, picture.T[::-1]):
        # Without the loop filter a bar is not quite even.
        light = np.partition(lines, lines.shape[1] * 19 // 20, axis=1)[:, lines.shape[1] * 19 // 20]
        bright = np.flatnonzero(light > _BAR)
        depth = int(bright[0]) if bright.size else len(lines)
        # A night sky fades in; a bar ends from one line to the next, all along.
        if 0 < depth < len(lines) - 3:
            inside = lines[depth + 1 : depth + 4].astype(np.int16).mean(axis=0)
            outside = lines[depth - 1].astype(np.int16)
            if np.mean(inside - outside >= _BAR_STEP) < 0.2:
                depth = 0
        found.append(round(1000 * depth / len(lines)))
    return found[0], found[1], found[2], found[3]


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
    """What stands still near the border, told by its edges; the largest first."""
    if len(upright) < _LEAST_PICTURES:
        return ()
    chosen = np.linspace(0, len(upright) - 1, min(len(upright), _MOST_PICTURES)).astype(int)
    some = upright[chosen].astype(np.int16)
    still, edges = _still_edges(some)
    height, width = still.shape
    tall, wide = height // _CELL, width // _CELL
    cells = still[: tall * _CELL, : wide * _CELL].reshape(tall, _CELL, wide, _CELL).sum(axis=(1, 3))
    marks = []
    for group in _groups(cells >= _CELL_EDGES):
        rows, columns = [row for row, _ in group], [column for _, column in group]
        top, bottom = min(rows) * _CELL, (max(rows) + 1) * _CELL
        left, right = min(columns) * _CELL, (max(columns) + 1) * _CELL
        inside = int(still[top:bottom, left:right].sum())
        around = float(edges.sum() - edges[top:bottom, left:right].sum())
        marks.append(
            Mark(
                left=1000 * left // width,
                top=1000 * top // height,
                width=1000 * (right - left) // width,
                height=1000 * (bottom - top) // height,
                filled=1000 * inside // ((bottom - top) * (right - left)),
                still=round(1000 * (int(still.sum()) - inside) / max(around, 1.0)),
            )
        )
    marks.sort(key=lambda one: (-one.width * one.height, one.top, one.left))
    return tuple(marks[:_MOST_MARKS])


def _still_edges(some: NDArray[np.int16]) -> tuple[NDArray[np.bool_], Reals]:
    """Where an edge stands in nearly all pictures, the same way up; how often one stands there."""
    shape = some.shape[1:]
    still, often = np.zeros(shape, np.bool_), np.zeros(shape, np.float32)
    for axis in (1, 2):
        if axis == 1:
            slopes, inner = some[:, 2:] - some[:, :-2], (slice(1, -1), slice(None))
        else:
            slopes, inner = some[:, :, 2:] - some[:, :, :-2], (slice(None), slice(1, -1))
        up = (slopes >= _STILL).mean(axis=0, dtype=np.float32)
        down = (slopes <= -_STILL).mean(axis=0, dtype=np.float32)
        same = np.maximum(up, down) >= _NEARLY_ALL
        # The edge of a black bar is as long as the picture.
        along = same.mean(axis=2 - axis)
        same &= (along < 0.4)[:, None] if axis == 1 else (along < 0.4)[None, :]
        still[inner] |= same
        often[inner] = np.maximum(often[inner], up + down)
    return still, often


def _groups(cells: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Cells that touch each other or have one cell between them."""
    left = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    groups = []
    while left:
        group, todo = [], [left.pop()]
        while todo:
            row, column = todo.pop()
            group.append((row, column))
            near = {(row + y, column + x) for y in range(-2, 3) for x in range(-2, 3)} & left
            left -= near
            todo += near
        if len(group) >= _LEAST_CELLS:
            groups.append(group)
    return groups


def levels_of(found: Sweep) -> Levels | None:
    """The loudness of each window and how much of each tenth of a second lies on the ceiling."""
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
        tenths = np.array(some[:-1:10]) - some[0]
        ceiling += [_on_ceiling(part[a:b]) for a, b in pairwise([*tenths.tolist(), len(part)])]
    whole = np.concatenate(db) if db else np.zeros(0, np.int64)
    return Levels(db=tuple(int(value) for value in whole), ceiling=tuple(ceiling))


def _on_ceiling(part: NDArray[np.float32]) -> int:
    loud = np.abs(part).max(axis=1)
    peak = float(loud.max()) if loud.size else 0.0
    if peak < 0.9:
        return -1
    return round(10_000 * float((loud >= 0.97).mean()))
