"""A part of a graph as a graph of its own.

Holds what must be left out of the graph-level part when atoms are left out, so that the rest is
still a graph that every check lets through.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from chainer.graph.graph import Graph
from chainer.graph.model import Episode, GraphInfo


def cut_graph(graph: Graph, names: Collection[str]) -> Graph:
    """The graph of these atoms and the edges between them, in the order of the whole."""
    kept = frozenset(names)
    if len(kept) == len(graph.atoms):
        return graph
    return replace(
        graph,
        info=cut_info(graph.info, kept),
        atoms={name: atom for name, atom in graph.atoms.items() if name in kept},
        edges=tuple(edge for edge in graph.edges if edge.source in kept and edge.target in kept),
    )


def cut_info(info: GraphInfo, names: Collection[str]) -> GraphInfo:
    """`info` without the chapters that begin outside `names`, and the episodes that start there.

    Series stay, with their titles, also where no episode is left.
    """
    if not info.series:
        return info
    series = []
    for one in info.series:
        episodes = tuple(
            _cut_chapters(episode, names) for episode in one.episodes if episode.start in names
        )
        changed = episodes != one.episodes
        series.append(one.model_copy(update={"episodes": episodes}) if changed else one)
    return info.model_copy(update={"series": tuple(series)})


def _cut_chapters(episode: Episode, names: Collection[str]) -> Episode:
    kept = tuple(chapter for chapter in episode.chapters if chapter.at in names)
    if len(kept) == len(episode.chapters):
        return episode
    return episode.model_copy(update={"chapters": kept})


def starts_of_chapters(info: GraphInfo, names: Collection[str]) -> set[str]:
    """The starts of all episodes that have a chapter among `names`.

    Chapters are told wherever their atoms play, and an episode needs its start to be there.
    """
    return {
        episode.start
        for one in info.series
        for episode in one.episodes
        if any(chapter.at in names for chapter in episode.chapters)
    }


def cut_series(info: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The same of plain values that were checked before."""
    if not info.get("series"):
        return info
    series = []
    for one in info["series"]:
        told = dict(one)
        if "episodes" in one:
            told["episodes"] = [
                _with_chapters(episode, names)
                for episode in one["episodes"]
                if episode["start"] in names
            ]
        series.append(told)
    return {**info, "series": series}


def _with_chapters(episode: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    if "chapters" not in episode:
        return episode
    kept = [chapter for chapter in episode["chapters"] if chapter["at"] in names]
    return {**episode, "chapters": kept}
