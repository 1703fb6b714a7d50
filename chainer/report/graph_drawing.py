"""Where the atoms of a walked graph stand on the page, and the lines between them: numbers only.

Time goes from left to right. The walk is one straight row; what it passed by stands above and below
it. A drawing holds what lies near the walk: a graph of thousands is told as text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

WIDTH, GAP = 132, 64
"""Units of an atom's box and between two columns."""
ROW_GAP = 40
MARGIN = 28
MOST_NODES = 80
MOST_LANES = 3
"""Rows above and below the walk."""
WORDS = 62
"""Units of height for the words under a picture."""
ABOVE = 22
"""Units over a picture, for what kind of atom it is."""


class Look(StrEnum):
    """What an atom is to the walk."""

    WALKED = "walked"
    OTHER = "other"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Spot:
    """An atom's place: its box from (x, y), with a picture's or a card's height."""

    atom: str
    look: Look
    alternate: bool
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as an SVG path, with where its label goes. `walked` lines are those of the walk."""

    source: str
    target: str
    kind: str
    walked: bool
    path: str
    label_x: int
    label_y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of `width` x `height` units. `left_out` counts atoms that it has no place for."""

    width: int
    height: int
    spots: tuple[Spot, ...]
    lines: tuple[Line, ...]
    left_out: int

    def spot(self, atom: str) -> Spot | None:
        """Where an atom stands."""
        return next((one for one in self.spots if one.atom == atom), None)


def draw(
    chain: Sequence[str],
    atoms: Sequence[str],
    edges: Sequence[tuple[str, str, str]],
    closed: Sequence[str] = (),
    *,
    tall: int = 150,
    low: int = 64,
) -> Drawing:
    """Place `atoms` around the walk `chain`; `edges` are `(source, target, kind)`.

    `tall` is the height of a picture in the walk's row, `low` that of a box elsewhere. Atoms of
    `edges` that `atoms` does not name are passed over; loops, which no graph of ours has, do no
    harm. The walk is always drawn whole.
    """
    walk = list(dict.fromkeys(chain))
    known = list(dict.fromkeys([*walk, *atoms]))
    kept = _near(walk, known, edges)
    told = set(kept)
    links = list(
        dict.fromkeys((a, b, kind) for a, b, kind in edges if a in told and b in told and a != b)
    )
    columns = _columns(walk, kept, links)
    lanes, lost = _lanes(walk, kept, links, columns)
    shut = set(closed)
    remixed = {b for _, b, kind in links if kind == "remix"}
    top = min([0, *lanes.values()])
    spots = {}
    middle = MARGIN + -top * (low + ABOVE + WORDS + ROW_GAP) + ABOVE
    for name, lane in lanes.items():
        on_walk = name in set(walk)
        if lane == 0:
            y = middle
        elif lane < 0:
            y = middle + lane * (low + ABOVE + WORDS + ROW_GAP)
        else:
            y = middle + tall + WORDS + ROW_GAP + ABOVE
            y += (lane - 1) * (low + ABOVE + WORDS + ROW_GAP)
        look = Look.WALKED if on_walk else Look.CLOSED if name in shut else Look.OTHER
        spots[name] = Spot(
            name,
            look,
            name in remixed,
            MARGIN + columns[name] * (WIDTH + GAP),
            y,
            tall if lane == 0 else low,
        )
    steps = set(pairwise(walk))
    lines = [
        _line(spots[a], spots[b], kind, walked=(a, b) in steps)
        for a, b, kind in links
        if a in spots and b in spots
    ]
    drawn = {(line.source, line.target) for line in lines}
    # A swap stands for an atom that is not played: the walk's step has no edge of its own.
    for a, b in pairwise(walk):
        if (a, b) not in drawn:
            lines.append(_line(spots[a], spots[b], "stands in", walked=True))
    width = 2 * MARGIN + (max(columns.values(), default=0)) * (WIDTH + GAP) + WIDTH
    height = max((one.y + one.height + WORDS for one in spots.values()), default=0) + MARGIN
    order = tuple(spots[name] for name in kept if name in spots)
    return Drawing(width, height, order, tuple(lines), len(known) - len(kept) + lost)


def _near(walk: list[str], known: list[str], edges: Sequence[tuple[str, str, str]]) -> list[str]:
    """The walk and the atoms nearest to it, in the order of `known`."""
    beside: dict[str, list[str]] = {name: [] for name in known}
    for a, b, _ in edges:
        if a in beside and b in beside:
            beside[a].append(b)
            beside[b].append(a)
    found = dict.fromkeys(walk)
    waiting = deque(walk)
    most = max(MOST_NODES, len(walk))
    while waiting and len(found) < most:
        for name in beside[waiting.popleft()]:
            if name not in found and len(found) < most:
                found[name] = None
                waiting.append(name)
    return [name for name in known if name in found]


def _columns(
    walk: list[str], kept: list[str], links: Sequence[tuple[str, str, str]]
) -> dict[str, int]:
    """The column of each atom: of the walk its place, of others what their neighbours leave."""
    columns = {name: number for number, name in enumerate(walk)}
    out: dict[str, list[tuple[str, int]]] = {name: [] for name in kept}
    back: dict[str, list[tuple[str, int]]] = {name: [] for name in kept}
    for a, b, kind in links:
        far = 0 if kind == "remix" else 1
        out[a].append((b, far))
        back[b].append((a, far))
    waiting = deque(walk)
    while waiting:
        name = waiting.popleft()
        here = columns[name]
        for other, far in out[name]:
            if other not in columns:
                columns[other] = here + far
                waiting.append(other)
        for other, far in back[name]:
            if other not in columns:
                columns[other] = here - far
                waiting.append(other)
    for name in kept:
        columns.setdefault(name, 0)
    least = min(columns.values(), default=0)
    return {name: columns[name] - least for name in kept}


def _lanes(
    walk: list[str],
    kept: list[str],
    links: Sequence[tuple[str, str, str]],
    columns: Mapping[str, int],
) -> tuple[dict[str, int], int]:
    """The row of each atom, 0 for the walk, and how many found none.

    An atom takes the row of one that leads to it where that is free, so that a road stays straight.
    """
    lanes = dict.fromkeys(walk, 0)
    taken = {(columns[name], 0) for name in walk}
    before: dict[str, list[str]] = {}
    for a, b, _ in links:
        before.setdefault(b, []).append(a)
    order = [lane for n in range(1, MOST_LANES + 1) for lane in (-n, n)]
    lost = 0
    for name in sorted((one for one in kept if one not in lanes), key=lambda one: columns[one]):
        wished = [lanes[one] for one in before.get(name, ()) if lanes.get(one)]
        place = next(
            (lane for lane in [*wished, *order] if (columns[name], lane) not in taken), None
        )
        if place is None:
            lost += 1
            continue
        lanes[name] = place
        taken.add((columns[name], place))
    return lanes, lost


def _line(a: Spot, b: Spot, kind: str, *, walked: bool) -> Line:
    start_x, start_y = a.x + WIDTH, a.y + a.height // 2
    end_x, end_y = b.x, b.y + b.height // 2
    if a.x == b.x:  # one above the other: from side to side, not through the words
        middle = a.x + WIDTH // 2
        if b.y > a.y:
            start_y, end_y = a.y + a.height + WORDS - 8, b.y - ABOVE
        else:
            start_y, end_y = a.y - ABOVE, b.y + b.height + WORDS - 8
        if abs(end_y - start_y) > 2 * ROW_GAP:
            # Something stands between the two: around it, through the gap beside the column.
            side, out = a.x + WIDTH, a.x + WIDTH + GAP * 3 // 4
            start_y, end_y = a.y + a.height // 2, b.y + b.height // 2
            path = f"M{side} {start_y}C{out} {start_y} {out} {end_y} {side} {end_y}"
            return Line(a.atom, b.atom, kind, walked, path, out, (start_y + end_y) // 2 + 4)
        path = f"M{middle} {start_y}L{middle} {end_y}"
        return Line(a.atom, b.atom, kind, walked, path, middle + 8, (start_y + end_y) // 2 + 4)
    if b.x < a.x:
        start_x, end_x = a.x, b.x + WIDTH
    reach = (end_x - start_x) // 2
    path = (
        f"M{start_x} {start_y}C{start_x + reach} {start_y} {end_x - reach} {end_y} {end_x} {end_y}"
    )
    if start_y == end_y and abs(end_x - start_x) > GAP:
        # Over what stands between, on an arc.
        high = start_y - a.height // 2 - ABOVE - 10
        path = f"M{start_x} {start_y}C{start_x + GAP} {high} {end_x - GAP} {high} {end_x} {end_y}"
        return Line(a.atom, b.atom, kind, walked, path, (start_x + end_x) // 2, high + 20)
    return Line(
        a.atom, b.atom, kind, walked, path, (start_x + end_x) // 2, (start_y + end_y) // 2 - 8
    )
