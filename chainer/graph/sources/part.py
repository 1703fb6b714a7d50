"""Which atoms of a large graph one walk needs, so that its plan comes out as over the whole.

Holds the choice alone, over whoever can tell the neighbours of a batch of atoms: a file in memory
and a database share it. Never asks for many more rows than there is room for atoms.

From the widest part to the narrowest, the first that there is room for:

    component   everything that hangs together with the start
    reach       all that edges of either kind lead to from it
    kind        in a series: continuations, and remixes as alternates
    wanted      with `end`, `through` or `path`: what lies on a way to these

and around each what is asked of its atoms: all parents and children, and whatever these were
remixed or seeded from, for people and rights come along such edges. The narrower two are tried once
more without the children, which are only told of as closed roads beside the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from chainer.graph.options import WalkKind, WalkOptions

REMIX, SEEDED = 1, 2
"""What an edge is, as bits; a continuation without a seed is 0."""

EDGES_FOR_ATOM = 8
"""How many edges are read for each atom that there is room for."""

N = TypeVar("N", bound=Hashable)

Row = tuple[N, N, int]
"""An edge: source, target, bits."""


class Near(Protocol[N]):
    """Tells the edges of atoms, of either kind; at most `limit` and one more."""

    def out(self, names: Sequence[N], limit: int) -> Sequence[Row[N]]:
        """The edges that leave any of these atoms."""
        ...

    def into(self, names: Sequence[N], limit: int) -> Sequence[Row[N]]:
        """The edges that reach any of these atoms."""
        ...


class NoRoom(Exception):
    """More atoms, or edges, than there is room for."""


class Rung(StrEnum):
    """How wide a part is; see the head of this module."""

    COMPONENT = "component"
    REACH = "reach"
    KIND = "kind"
    WANTED = "wanted"


@dataclass(frozen=True, slots=True)
class Part(Generic[N]):
    """The atoms to load, without those that merely bear witness (`witness.py`)."""

    names: frozenset[N]
    rung: Rung
    beside: bool = True
    """Whether the children of all that may be played are there."""


def parts_of(
    near: Near[N], start: N, options: WalkOptions, wanted: Sequence[N], room: int
) -> Iterator[Part[N]]:
    """The parts narrower than the component that there is room for, the widest first.

    `wanted` are the atoms that `options` name, as `near` calls them, in the order of the path where
    it is one. There is none where even the narrowest has more than `room` atoms.
    """
    series = options.kind is WalkKind.SERIES
    cores: list[tuple[Rung, Callable[[_Survey[N]], set[N]]]] = [
        (Rung.REACH, lambda survey: survey.down([start]))
    ]
    if series:
        cores.append((Rung.KIND, lambda survey: survey.series([start])))
    if wanted:
        cores.append((Rung.WANTED, lambda survey: survey.wanted(start, wanted, options)))
    for rung, core_of in cores:
        survey = _Survey(near, room)
        try:
            core = core_of(survey)
        except NoRoom:
            continue
        for beside in (True,) if rung is Rung.REACH else (True, False):
            try:
                part = Part(frozenset(survey.around(core, children=beside)), rung, beside)
            except NoRoom:
                continue
            yield part


def component_of(near: Near[N], start: N, room: int) -> frozenset[N]:
    """Everything that hangs together with `start`. Raises `NoRoom`."""
    survey = _Survey(near, room)
    return frozenset(
        survey.spread(
            [start],
            lambda names: [
                *(target for _, target, _ in survey.out(names)),
                *(source for source, _, _ in survey.into(names)),
            ],
        )
    )


class _Survey(Generic[N]):
    """Looks around in a graph, level by level, as far as there is room."""

    def __init__(self, near: Near[N], room: int) -> None:
        self._near = near
        self._room = room
        self._most = room * EDGES_FOR_ATOM

    def out(self, names: Collection[N]) -> Sequence[Row[N]]:
        return self._rows(self._near.out, names)

    def into(self, names: Collection[N]) -> Sequence[Row[N]]:
        return self._rows(self._near.into, names)

    def _rows(
        self, ask: Callable[[Sequence[N], int], Sequence[Row[N]]], names: Collection[N]
    ) -> Sequence[Row[N]]:
        rows = ask(list(names), self._most) if names else ()
        if len(rows) > self._most:
            raise NoRoom
        return rows

    def spread(self, first: Iterable[N], step: Callable[[Sequence[N]], Iterable[N]]) -> set[N]:
        """All that `step` leads to from `first`, these included."""
        seen = set(first)
        level = list(seen)
        while level:
            self._fits(seen)
            level = list(set(step(level)) - seen)
            seen.update(level)
        return seen

    def _fits(self, names: Collection[N]) -> None:
        if len(names) > self._room:
            raise NoRoom

    def down(self, first: Iterable[N]) -> set[N]:
        """All that edges of either kind lead to."""
        return self.spread(first, lambda names: [target for _, target, _ in self.out(names)])

    def series(self, first: Iterable[N]) -> set[N]:
        """All that a series can play after `first`: an alternate has no alternates of its own."""
        plays, places = set(first), set[N]()
        level: set[N] = set(plays)
        while level:
            self._fits(plays)
            onward, swaps = set[N](), set[N]()
            for source, target, how in self.out(level):
                if not how & REMIX:
                    onward.add(target)
                elif source in places:
                    swaps.add(target)
            # What was an alternate may be a place as well, and is then looked at once more.
            onward -= places
            swaps -= plays
            places |= onward
            plays |= onward | swaps
            level = onward | swaps
        return plays

    def up(self, first: Iterable[N]) -> tuple[set[N], list[Row[N]]]:
        """All that lead to `first`, over either kind of edge, and these edges."""
        rows: list[Row[N]] = []

        def step(names: Sequence[N]) -> Iterable[N]:
            found = self.into(names)
            rows.extend(found)
            if len(rows) > self._most:
                raise NoRoom
            return [source for source, _, _ in found]

        return self.spread(first, step), rows

    def wanted(self, start: N, wanted: Sequence[N], options: WalkOptions) -> set[N]:
        """All that lies between the start and what must be played, and after its last."""
        series = options.kind is WalkKind.SERIES
        back, rows = self.up(wanted)
        core = {start, *wanted} | (_after(rows, [start]) & back)
        if options.path is not None:
            return core
        if options.end is None:
            lasts = [one for one in wanted if not (_after(rows, [one]) & set(wanted))]
            if series:
                # A remix may stand for its parent, whose way on is then open too.
                stand_ins = set(lasts)
                parents = [s for s, target, how in rows if how & REMIX and target in stand_ins]
                core |= self.series([*lasts, *parents])
            else:
                core |= self.down(lasts)
        if series:
            alternates = {target for _, target, how in self.out(core) if how & REMIX}
            # Whether an alternate may come a second time is told by its other parents.
            _, more = self.up(alternates)
            core |= alternates | _after([*rows, *more], [start])
        self._fits(core)
        return core

    def around(self, core: set[N], *, children: bool) -> set[N]:
        """`core` with its neighbours, and what people and rights come along from to these."""
        names = set(core)
        names.update(source for source, _, _ in self.into(core))
        if children:
            names.update(target for _, target, _ in self.out(core))
        found = self.spread(
            names, lambda level: [source for source, _, how in self.into(level) if how]
        )
        self._fits(found)
        return found


def _after(rows: Iterable[Row[N]], first: Iterable[N]) -> set[N]:
    """All that `rows` lead to from `first`, without these."""
    out: dict[N, list[N]] = {}
    for source, target, _ in rows:
        out.setdefault(source, []).append(target)
    seen: set[N] = set()
    left = list(first)
    while left:
        for name in out.get(left.pop(), ()):
            if name not in seen:
                seen.add(name)
                left.append(name)
    return seen
