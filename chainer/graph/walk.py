"""A walk: from a start and options to the chain, or chains, that fit.

Holds the walk itself, the iterator over all chains, and the count. Refuses with `WalkError`
where no chain fits, and says which limit removed what (`why.py`).

A *relay* follows both kinds of edge. A *series* follows continuations, and at each place may
play a direct remix of the atom instead; `board.py` says exactly how. The start is always
played. A chain runs to a leaf, where no edge is left that may be followed, or to `end`; with
`max_seconds` it may stop before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice

from chainer.errors import WalkError
from chainer.graph.atom import Atom
from chainer.graph.best import Goal
from chainer.graph.best_within import best_steps
from chainer.graph.board import Board, Rules, relay_board, series_board
from chainer.graph.chains import Chain, Gauge, default_seconds
from chainer.graph.edge import Edge
from chainer.graph.graph import Graph
from chainer.graph.keys import matcher
from chainer.graph.options import Pick, WalkKind, WalkOptions
from chainer.graph.paths import path_steps
from chainer.graph.score import HouseScorer, Preferring, Scorer
from chainer.graph.trails import Trails, count
from chainer.graph.why import no_chain
from chainer.graph.words import EdgeKind, Status

_DEFAULT = WalkOptions()


def walk(
    graph: Graph,
    start: str,
    options: WalkOptions = _DEFAULT,
    *,
    scorer: Scorer | None = None,
    seconds: Callable[[Atom], Fraction] | None = None,
    closed: Mapping[str, str] | None = None,
) -> tuple[Chain, ...]:
    """The chains from `start` that `options` pick: one, or with `Pick.ALL` up to the limit.

    `seconds` gives the real length of an atom, `closed` the atoms that must not be played
    and why. Raises `WalkError` for an unknown atom and where there is no such chain.
    """
    hike = _Hike(graph, start, options, scorer, seconds, closed)
    if options.path is not None:
        return (hike.along(options.path),)
    if options.pick is Pick.BEST:
        steps = best_steps(hike.board, hike.goal, hike.gauge)
        if steps is None:
            raise hike.none()
        return (hike.gauge.chain(options.kind, hike.board, steps),)
    limit = 1 if options.pick is Pick.FIRST else options.limit
    return tuple(islice(distinct(hike.all()), limit))


def distinct(chains: Iterable[Chain]) -> Iterator[Chain]:
    """The chains without those that play the same atoms as an earlier one.

    An atom may be led to as a continuation and also stand in for another; to a viewer the two
    are one film. Remembers what it has passed on.
    """
    seen: set[tuple[str, ...]] = set()
    for chain in chains:
        if chain.atoms not in seen:
            seen.add(chain.atoms)
            yield chain


def iter_chains(
    graph: Graph,
    start: str,
    options: WalkOptions = _DEFAULT,
    *,
    scorer: Scorer | None = None,
    seconds: Callable[[Atom], Fraction] | None = None,
    closed: Mapping[str, str] | None = None,
) -> Iterator[Chain]:
    """Every chain from `start` that fits, in file order at the first difference.

    Holds one chain at a time; two may play the same atoms, see `distinct`. `pick`, `limit` and
    `path` do not matter. Raises `WalkError` before the first chain where there is none.
    """
    return _Hike(graph, start, options, scorer, seconds, closed).all()


def all_chains(
    graph: Graph,
    kind: WalkKind = WalkKind.SERIES,
    *,
    scorer: Scorer | None = None,
    seconds: Callable[[Atom], Fraction] | None = None,
    closed: Mapping[str, str] | None = None,
) -> Iterator[Chain]:
    """Every chain of the graph, from every root, in file order.

    A relay's roots are the atoms that nothing leads to. A series begins where nothing
    continues into an atom that is no alternate elsewhere; as nobody asked for that very
    atom, one of its alternates may open the chain in its stead.
    """
    options = WalkOptions(kind=kind)
    for root in roots(graph, kind):
        hike = _Hike(graph, root, options, scorer, seconds, closed, as_root=True)
        for steps in Trails(hike.board, hike.goal, hike.gauge) if hike.board.names() else ():
            yield hike.gauge.chain(kind, hike.board, steps)


def roots(graph: Graph, kind: WalkKind) -> tuple[str, ...]:
    """Where the chains of the whole graph begin, in file order; see `all_chains`."""
    if kind is WalkKind.RELAY:
        return graph.roots()

    def place(name: str) -> bool:
        return not graph.edges_in(name, (EdgeKind.REMIX,)) or bool(
            graph.edges_in(name, (EdgeKind.CONTINUATION,))
        )

    return tuple(
        name
        for name in graph.roots((EdgeKind.CONTINUATION,))
        if not any(place(edge.source) for edge in graph.edges_in(name))
    )


def count_chains(
    graph: Graph,
    start: str,
    kind: WalkKind = WalkKind.SERIES,
    *,
    closed: Mapping[str, str] | None = None,
) -> int:
    """How many chains lead from `start` to a leaf: exact, and linear in atoms and edges."""
    return count(_Hike(graph, start, WalkOptions(kind=kind), None, None, closed).board)


class _Hike:
    """One walk made ready: what may be played, the board, and the measures on it."""

    def __init__(
        self,
        graph: Graph,
        start: str,
        options: WalkOptions,
        scorer: Scorer | None,
        seconds: Callable[[Atom], Fraction] | None,
        closed: Mapping[str, str] | None,
        *,
        as_root: bool = False,
    ) -> None:
        self.graph, self.start, self.options = graph, start, options
        for name in (start, *options.through, *([options.end] if options.end is not None else ())):
            graph.atom(name)
        self._closed = dict(closed or {})
        self._avoid = [(key, matcher(key)) for key in options.avoid]
        self._reasons: dict[str, str | None] = {}
        self.gauge = Gauge(
            graph, Preferring(scorer or HouseScorer(), options.prefer), seconds or default_seconds
        )
        self.goal = Goal(options.required, options.end, options.max_seconds)
        self.rules = Rules(
            plays=lambda name: self.closed(name) is None,
            follows=self._follows,
            ends=lambda name: name == options.end,
            worth=self.gauge.edge,
        )
        if not as_root and (reason := self.closed(start)):
            message = f"{graph.source}: the start {start} cannot be played: {reason}"
            raise WalkError(message, code="start-closed", start=start, reason=reason)
        if as_root and options.kind is WalkKind.RELAY and self.closed(start):
            self.board = Board()  # a relay has nobody to begin in its stead
        else:
            self.board = self.lay(self.rules, swap_start=as_root)

    def lay(self, rules: Rules, *, swap_start: bool = False) -> Board:
        """The board of this walk under `rules`."""
        if self.options.kind is WalkKind.RELAY:
            return relay_board(self.graph, self.start, rules)
        return series_board(self.graph, self.start, rules, swap_start=swap_start)

    def closed(self, name: str) -> str | None:
        """Why an atom must not be played, or None where it may."""
        if name not in self._reasons:
            self._reasons[name] = self._why_closed(self.graph.atoms[name])
        return self._reasons[name]

    def _why_closed(self, atom: Atom) -> str | None:
        if atom.id in self._closed:
            return self._closed[atom.id]
        planned = self.options.planned and atom.status is Status.PLANNED
        if not (atom.status.playable or planned):
            return f"it is {atom.status}"
        return next((f"avoided by {key}" for key, matches in self._avoid if matches(atom)), None)

    def _follows(self, edge: Edge) -> bool:
        if edge.kind is EdgeKind.CONTINUATION or not self.options.author_changes_on_remix:
            return True
        return self.graph.atoms[edge.source].author != self.graph.atoms[edge.target].author

    def all(self) -> Iterator[Chain]:
        """Every chain that fits. Raises `WalkError` at once where there is none."""
        trails = Trails(self.board, self.goal, self.gauge)
        shortest = trails.shortest()
        limit = self.goal.max_seconds
        if shortest is None or (limit is not None and shortest > limit):
            raise self.none()
        kind = self.options.kind
        return (self.gauge.chain(kind, self.board, steps) for steps in trails)

    def along(self, path: tuple[str, ...]) -> Chain:
        """The chain of exactly these atoms."""
        if path[0] != self.start:
            message = f"the path begins with {path[0]}, not with the start {self.start}"
            raise WalkError(message, code="path", start=self.start, path=list(path))
        for name in path:
            self.graph.atom(name)
            if reason := self.closed(name):
                message = f"the path plays {name}, which cannot be played: {reason}"
                raise WalkError(message, code="path-closed", atom=name, reason=reason)
        steps = path_steps(self.graph, self.board, self.gauge, path, self.options)
        return self.gauge.chain(self.options.kind, self.board, steps)

    def none(self) -> WalkError:
        """Why there is no chain."""
        bare = Rules(ends=self.rules.ends)
        open_board = self.lay(bare)
        return no_chain(
            self.graph,
            self.start,
            self.options,
            closed=self.closed,
            boards=(open_board, self.board),
            gauge=self.gauge,
        )
