"""Which road a walk takes where the graph leaves a choice: scored by what fits together.

The walk adds up scores of edges, so each is scored by the joint of its two clips alone; the true
memory then follows the chosen chain. Only clips that a choice could reach are looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

from chainer.episode.plan import Choice
from chainer.errors import MediaError, WalkError
from chainer.graph import (
    Atom,
    Chain,
    Edge,
    EdgeKind,
    Graph,
    HouseScorer,
    Pick,
    WalkKind,
    WalkOptions,
    walk,
)
from chainer.graph.score import Scorer, Terms
from chainer.looker import Looker

_UNKNOWN = 0.5
"""The badness of a joint that nobody can look at: neither good nor bad."""
_FINE = 10_000


class MemoryScorer:
    """The house's score, less what the joints cost.

    A remix edge of a series is a swap: it costs what the other clip fits worse than the one it
    stands for, on average over the atoms before and after. In a relay it is a leg like any other.
    """

    def __init__(self, looker: Looker, kind: WalkKind, inner: Scorer | None = None) -> None:
        self._looker = looker
        self._kind = kind
        self._inner = inner or HouseScorer()
        self._weight = Fraction(looker.settings.memory.weight).limit_denominator(_FINE)
        self._joints: dict[tuple[str, str], Fraction] = {}

    def atom(self, graph: Graph, atom: Atom) -> Fraction:
        """The house's score."""
        return self._inner.atom(graph, atom)

    def terms(self, graph: Graph, atom: Atom) -> Terms:
        """The house's terms."""
        return self._inner.terms(graph, atom) if isinstance(self._inner, HouseScorer) else ()

    def edge(self, graph: Graph, edge: Edge, source: Atom, target: Atom) -> Fraction:
        """The house's score of the edge, less the weight of a joint that does not fit."""
        score = self._inner.edge(graph, edge, source, target)
        if edge.kind is EdgeKind.REMIX and self._kind is WalkKind.SERIES:
            return score - self._weight * self._swap(graph, source, target)
        return score - self._weight * self.badness(source, target, edge)

    def badness(self, source: Atom, target: Atom, edge: Edge | None) -> Fraction:
        """How little `target` goes on from `source`, 0 to 1, in whole ten-thousandths."""
        name = (source.id, target.id)
        if name not in self._joints:
            self._joints[name] = Fraction(
                round(self._measured(source, target, edge) * _FINE), _FINE
            )
        return self._joints[name]

    def _measured(self, source: Atom, target: Atom, edge: Edge | None) -> float:
        looker = self._looker
        try:
            first, second = (looker.look(looker.clip(atom)) for atom in (source, target))
        except MediaError:
            return _UNKNOWN
        before = looker.memory.step(None, first, source)
        report = looker.memory.step(before.state, second, target, source, edge).report
        return _UNKNOWN if report is None else report.badness

    def _swap(self, graph: Graph, atom: Atom, alternate: Atom) -> Fraction:
        kinds = (EdgeKind.CONTINUATION,)
        before = [graph.atom(edge.source) for edge in graph.edges_in(atom.id, kinds)]
        after = [graph.atom(edge.target) for edge in graph.edges_out(atom.id, kinds)]
        worse = [self.badness(a, alternate, None) - self.badness(a, atom, None) for a in before]
        worse += [self.badness(alternate, a, None) - self.badness(atom, a, None) for a in after]
        return sum(worse, Fraction(0)) / len(worse) if worse else Fraction(0)


def road_scorer(
    looker: Looker, start: str, options: WalkOptions, closed: Mapping[str, str]
) -> MemoryScorer | None:
    """The scorer for this walk; None where there is nothing to choose, or too much to look at.

    `closed` atoms cannot be chosen and are not looked at.
    """
    policy = looker.settings.memory
    if not (policy.enabled and policy.choose_roads) or options.pick is not Pick.BEST:
        return None
    if options.path is not None or not policy.weight:
        return None
    graph = looker.graph
    near = _reached(graph, start, closed)
    if not any(len(graph.edges_out(n)) > 1 or _has_others(graph, n, options.kind) for n in near):
        return None
    if len(near) > policy.most_candidates:
        looker.notes.append(
            f"{len(near)} clips could follow {start}, more than are looked at to choose among them "
            f"(memory.most_candidates = {policy.most_candidates}): the graph alone decides"
        )
        return None
    if looker.settings.profile.draft and not all(_is_known(looker, name) for name in near):
        note = (
            f"a draft: not every clip that could follow {start} was looked at yet, so the graph "
            "alone chooses the road; the film may take another"
        )
        if note not in looker.notes:
            looker.notes.append(note)
        return None
    _look_ahead(looker, near)
    return MemoryScorer(looker, options.kind)


def explain_roads(
    looker: Looker,
    chain: Chain,
    options: WalkOptions,
    seconds: Callable[[Atom], Fraction] | None,
    closed: Mapping[str, str],
) -> tuple[Choice, ...]:
    """Why the walk went where it went: at each fork the chosen atom and the best other chain."""
    scorer = road_scorer(looker, chain.atoms[0], options, closed)
    if scorer is None:
        return ()
    graph, found = looker.graph, []
    for before, leg in zip(chain.legs, chain.legs[1:], strict=False):
        others = leg.stands_for is not None or _has_others(graph, leg.atom, options.kind)
        if len(graph.edges_out(before.atom)) < 2 and not others:
            continue
        try:
            other = walk(
                graph,
                chain.atoms[0],
                replace(options, through=()),
                scorer=scorer,
                seconds=seconds,
                closed={**closed, leg.atom: "the road taken"},
            )[0]
        except WalkError:
            continue
        atoms = graph.atom(before.atom), graph.atom(leg.atom)
        fits = 1 - float(scorer.badness(*atoms, leg.edge))
        turned = next(
            (b for a, b in zip(chain.atoms, other.atoms, strict=False) if a != b), other.atoms[-1]
        )
        longer = len(chain.atoms) > len(other.atoms)
        why = "it tells more of the story" if longer else "the chain through it scores best"
        if chain.score < other.score and not longer:
            why = "it was asked for"  # with --through, --end, --path or --max-seconds
        found.append(
            Choice(
                at=before.atom,
                of="road",
                chosen=leg.atom,
                score=float(chain.score),
                runner_up=turned,
                runner_up_score=float(other.score),
                why=f"{why}; it fits {before.atom} by {fits:.2f}",
            )
        )
    return tuple(found)


def _has_others(graph: Graph, name: str, kind: WalkKind) -> bool:
    """Whether alternates may be played instead of an atom."""
    return kind is WalkKind.SERIES and bool(graph.edges_out(name, (EdgeKind.REMIX,)))


def _reached(graph: Graph, start: str, closed: Mapping[str, str]) -> list[str]:
    """The atoms that may be played and that edges of either kind lead to, `start` first."""
    found, waiting = {graph.atom(start).id: None}, [start]
    while waiting:
        for edge in graph.edges_out(waiting.pop()):
            name = edge.target
            if name in found or name in closed or not graph.atom(name).status.playable:
                continue
            found[name] = None
            waiting.append(name)
    return list(found)


def _is_known(looker: Looker, name: str) -> bool:
    """Whether an atom's clip was looked at before; one that cannot be used is as good as known."""
    with contextlib.suppress(MediaError):
        return looker.is_known(looker.clip(looker.graph.atom(name)))
    return True


def _look_ahead(looker: Looker, names: list[str]) -> None:
    """Look at the clips side by side; those that cannot be looked at are neither good nor bad."""

    def look(name: str) -> None:
        # The walk need not play a clip that cannot be used; if it does, the fault is raised there.
        with contextlib.suppress(MediaError):
            looker.look(looker.clip(looker.graph.atom(name)))

    with ThreadPoolExecutor(looker.settings.pool_size, thread_name_prefix="chainer-road") as pool:
        list(pool.map(look, names))
