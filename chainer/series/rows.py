"""From a finished episode's manifest to its row in `series.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from chainer.episode.captions import CAPTIONS_NAME
from chainer.episode.manifest import Manifest, SlotEntry
from chainer.episode.package import POSTER_NAME
from chainer.graph import Graph
from chainer.series.values import (
    BranchRow,
    ChapterRow,
    EpisodeRow,
    FilmRow,
    Fork,
    PartRow,
    Road,
    Way,
)
from chainer.series.wanted import Link, Wanted
from chainer.timeline.script import author_names

_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime"}


def told_by(
    wanted: Wanted,
    folder: str,
    manifest: Manifest,
    graph: Graph,
    before: Road | None,
    now: datetime,
) -> dict[str, Any]:
    """What a manifest says of a film, as the values of a `Road`, without its forks.

    `before` is the row that it had: what was published once keeps its date and its guid. A film is
    as old as its youngest atom; where no atom says how old it is, it is of `now`.
    """
    names = {one.name: one for one in manifest.files}
    created = [
        atom.created
        for atom in (graph.atoms.get(name) for name in manifest.chain)
        if atom is not None and atom.created is not None
    ]
    moment = _text(max(created) if created else now)
    published = before.published if before is not None else moment
    updated = published
    if before is not None:
        same = before.film == manifest.id
        updated = before.updated if same else max(moment, _text(now), key=_parsed)
    people = author_names(graph)
    return {
        "id": wanted.id,
        "folder": folder,
        "title": wanted.title,
        "kind": manifest.kind,
        "chain": manifest.chain,
        "film": manifest.id,
        "guid": before.guid if before is not None else manifest.id,
        "published": published,
        "updated": updated,
        "seconds": manifest.seconds,
        "rating": manifest.rating,
        "authors": tuple(
            dict.fromkeys(people.get(one.author, one.author) for one in manifest.credits)
        ),
        "file": _film(manifest),
        "poster": POSTER_NAME if POSTER_NAME in names else None,
        "captions": CAPTIONS_NAME if CAPTIONS_NAME in names else None,
        "hls": next((name for name in names if name == "hls/index.m3u8"), None),
        "chapters": tuple(
            ChapterRow(title=one.title, start=one.start) for one in manifest.chapters
        ),
        "parts": tuple(parts_of(manifest)),
    }


def _film(manifest: Manifest) -> FilmRow:
    name = manifest.film
    size = next((one.size for one in manifest.files if one.name == name), 0)
    return FilmRow(name=name, size=size, type=_TYPES.get(PurePath(name).suffix, "video/mp4"))


def parts_of(manifest: Manifest) -> list[PartRow]:
    """Where each atom plays. What two share in a joint is the later one's."""
    slots = manifest.timeline
    found = []
    for number, slot in enumerate(slots):
        end = slots[number + 1].start if number + 1 < len(slots) else manifest.frames
        for atom, first, last in _atoms(slot, end):
            start = Fraction(first) / manifest.fps
            found.append(PartRow(atom=atom, start=start, end=Fraction(last) / manifest.fps))
    return found


def _atoms(slot: SlotEntry, end: int) -> list[tuple[str, int, int]]:
    """(atom, first frame, first frame after it) of every atom of a slot."""
    if slot.content == "card":
        return []
    if not slot.fused:
        return [(slot.name, slot.start, end)]
    firsts = [slot.start + one.first for one in slot.fused]
    return [
        (one.atom, first, after)
        for one, first, after in zip(slot.fused, firsts, [*firsts[1:], end], strict=True)
    ]


def forks_of(links: Sequence[Link], told: Mapping[str, Mapping[str, Any]], name: str) -> list[Fork]:
    """The forks of the film `name`, in the order in which they come."""
    ends = {one.atom: one.end for one in told[name]["parts"]}
    found: dict[str, list[Way]] = {}
    for link in links:
        way = way_of(link, told)
        if way is not None and link.after in ends:
            found.setdefault(link.after, []).append(way)
    forks = [Fork(after=after, at=ends[after], ways=tuple(ways)) for after, ways in found.items()]
    return sorted(forks, key=lambda fork: fork.at)


def way_of(link: Link, told: Mapping[str, Mapping[str, Any]]) -> Way | None:
    """The way that a link is; None where the film that it leads to does not stand."""
    if link.to not in told:
        return None
    goal = told[link.to]
    first = goal["chain"][0] == link.atom
    at = next((one.start for one in goal["parts"] if one.atom == link.atom), None)
    if at is None:
        return None
    kind = "remix" if link.kind.value == "remix" else "continuation"
    return Way(kind=kind, to=link.to, at=Fraction(0) if first else at)


def episode_rows(
    wanted: Iterable[Wanted],
    told: Mapping[str, Mapping[str, Any]],
    links: Mapping[str, Sequence[Link]],
) -> tuple[EpisodeRow, ...]:
    """The rows of the episodes that stand, in order."""
    standing = [one for one in wanted if one.id in told]
    names = [one.id for one in standing]
    return tuple(
        EpisodeRow(
            **told[one.id],
            forks=tuple(forks_of(links.get(one.id, ()), told, one.id)),
            number=number + 1,
            continues=one.continues,
            previous=names[number - 1] if number else None,
            next=names[number + 1] if number + 1 < len(names) else None,
        )
        for number, one in enumerate(standing)
    )


def branch_rows(
    wanted: Iterable[Wanted],
    told: Mapping[str, Mapping[str, Any]],
    links: Mapping[str, Sequence[Link]],
    then: Mapping[str, Link],
) -> tuple[BranchRow, ...]:
    """The rows of the branches that stand."""
    return tuple(
        BranchRow(
            **told[one.id],
            forks=tuple(forks_of(links.get(one.id, ()), told, one.id)),
            leaves=one.leaves or "",
            then=way_of(then[one.id], told) if one.id in then else None,
        )
        for one in wanted
        if one.id in told
    )


def _text(moment: datetime) -> str:
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return whole.isoformat().replace("+00:00", "Z")


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)
