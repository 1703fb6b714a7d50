"""The main story of a series: which chain each episode plays. Pure: asks a walk, reads no file.

    an episode runs from its start up to the next one's start, and the last to the story's end

What was published keeps its chain while that is allowed. What the story tells after a published end
is an episode of its own: the one that the graph declares there, or else a further part (`e1-2`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from chainer.batch.expand import stops_all
from chainer.errors import ChainerError, InputError
from chainer.graph import Chain, EdgeKind, Graph, Series, WalkKind, WalkOptions
from chainer.graph.faults import near_miss
from chainer.series.wanted import Kept, Walk, Wanted

_LONGEST_ID = 64


def series_of(graph: Graph, name: str) -> Series:
    """The series with this id. Raises `InputError`, with a near miss, where there is none."""
    known = {one.id: one for one in graph.info.series}
    if name in known:
        if not known[name].episodes:
            raise InputError(
                f"{graph.source}: the series {name} has no episodes; declare at least one, with "
                "the atom that it starts with",
                code="no-episodes",
                series=name,
            )
        return known[name]
    expected = near_miss(name, known, "declare it under graph.series")
    raise InputError(
        f"{graph.source}: there is no series {name!r}; {expected}",
        code="unknown-series",
        series=name,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """An episode before it is walked: declared, or published as a part of one that is."""

    id: str
    title: str
    start: str
    path: tuple[str, ...] | None
    continues: str | None = None


def main_story(graph: Graph, series: Series, kept: Sequence[Kept], walk: Walk) -> list[Wanted]:
    """Every episode in order. One that cannot be walked has a fault and harms no other.

    Raises `Cancelled`, and a `StoreError` that would meet every episode.
    """
    groups = _groups(graph, series, kept)
    places = [one for group in groups for one in group]
    starts = {one.start for one in places}
    made: dict[str, Wanted] = {}
    for number, one in enumerate(places):
        upto = places[number + 1].start if number + 1 < len(places) else None
        made[one.id] = _walked(one, upto, starts - {one.start}, walk)
    played = {atom for one in made.values() for atom in one.atoms}
    used = {one.id for one in places} | {one.id for one in kept}
    found = []
    for episode, group in zip(series.episodes, groups, strict=True):
        found += [made[one.id] for one in group]
        more = _goes_on(graph, found[-1], played | starts, starts, walk)
        if more is not None:
            number, name = _part_name(episode.id, len(group) + 1, used)
            used.add(name)
            played.update(more.atoms)
            title = f"{episode.title}, part {number}"
            found.append(Wanted(name, title, more, continues=episode.id))
    return found


def _groups(graph: Graph, series: Series, kept: Sequence[Kept]) -> list[list[_Place]]:
    """Each declared episode with its published parts."""
    declared = {one.id for one in series.episodes}
    taken = {one.start for one in series.episodes}
    paths = {one.id: one.chain for one in kept if all(name in graph.atoms for name in one.chain)}
    groups = []
    for one in series.episodes:
        path = paths.get(one.id)
        if path is not None and path[0] != one.start:
            path = None  # the author has it start elsewhere now
        parts = [
            _Place(part.id, part.title, part.chain[0], paths.get(part.id), one.id)
            for part in kept
            if part.continues == one.id
            and part.id not in declared
            and part.chain[0] not in taken
            and part.chain[0] in graph.atoms
        ]
        groups.append([_Place(one.id, one.title, one.start, path), *parts])
    return groups


def _walked(one: _Place, upto: str | None, stops: Collection[str], walk: Walk) -> Wanted:
    wanted = Wanted(one.id, one.title, None, continues=one.continues)
    try:
        if one.path is not None and not any(name in stops for name in one.path[1:]):
            try:
                chain = walk(one.start, WalkOptions(path=one.path))[0]
                return replace(wanted, chain=chain, held=True)
            except ChainerError as error:
                if stops_all(error):
                    raise
        return replace(wanted, chain=_fresh(one.start, upto, stops, walk))
    except ChainerError as error:
        if stops_all(error):
            raise
        return replace(wanted, fault=error)


def _fresh(start: str, upto: str | None, stops: Collection[str], walk: Walk) -> Chain:
    """The best chain up to the next start; to the end of the story where that is out of reach."""
    chain: Chain | None = None
    if upto is not None:
        try:
            chain = walk(start, WalkOptions(end=upto))[0]
        except ChainerError as error:
            if stops_all(error):
                raise
    return cut_before(chain or walk(start, WalkOptions())[0], stops, walk)


def cut_before(chain: Chain, stops: Collection[str], walk: Walk) -> Chain:
    """The chain up to the first atom after its start that is in `stops`, without it."""
    atoms = chain.atoms
    end = next((n for n, name in enumerate(atoms) if n and name in stops), len(atoms))
    if end == len(atoms):
        return chain
    return walk(atoms[0], WalkOptions(kind=chain.kind, path=atoms[:end]))[0]


def _goes_on(
    graph: Graph, last: Wanted, played: Collection[str], stops: Collection[str], walk: Walk
) -> Chain | None:
    """What the story tells after a published end that nothing leads on from yet."""
    if last.chain is None or not last.held:
        return None  # walked just now: it runs as far as the story does
    leg = last.chain.legs[-1]
    edges = graph.edges_out(leg.atom, (EdgeKind.CONTINUATION,))
    if not edges and leg.stands_for is not None:
        edges = graph.edges_out(leg.stands_for, (EdgeKind.CONTINUATION,))
    targets = tuple(dict.fromkeys(edge.target for edge in edges))
    if any(name in played for name in targets):
        return None
    found: list[Chain] = []
    for name in targets:
        try:
            options = WalkOptions(kind=WalkKind.SERIES)
            found.append(cut_before(walk(name, options)[0], stops, walk))
        except ChainerError as error:
            if stops_all(error):
                raise
    return max(found, key=lambda chain: chain.score, default=None)


def _part_name(episode: str, number: int, used: Collection[str]) -> tuple[int, str]:
    """The number and id of a further part: `e1-2`, or the next that is free."""
    while True:
        tail = f"-{number}"
        name = episode[: _LONGEST_ID - len(tail)] + tail
        if name not in used:
            return number, name
        number += 1
