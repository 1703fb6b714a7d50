"""The music under a film: which, whether it may be used, and the step that puts it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from chainer.consent.claims import common
from chainer.consent.rights import RightsBounds, RightsGate
from chainer.digest import Digest
from chainer.episode.plan import PlannedMusic
from chainer.graph import Atom, Chain, Graph, WalkKind
from chainer.graph.atom import Rights
from chainer.graph.model import Bed
from chainer.looker import Looker, media_file
from chainer.permission import Permission
from chainer.placing import Cast
from chainer.render.encoder import FFmpeg
from chainer.render.runs import bed_spec
from chainer.render.spec import BedSpec
from chainer.spoken import said
from chainer.timeline import Body, JointPiece, Layout
from chainer.timeline.bed import edge_packets, speech_windows

BedOrder = Callable[[Sequence[tuple[Digest, Body | JointPiece]]], BedSpec]

_WORK = "bed"
"""What the music is called where its rights are asked after."""


def bed_of(graph: Graph, chain: Chain, asked: Bed | None) -> Bed | None:
    """The bed that is `asked` for, or that of the graph's episode that starts like this series."""
    if asked is not None:
        return asked
    for series in graph.info.series:
        for episode in series.episodes:
            if chain.kind is WalkKind.SERIES and episode.start == chain.atoms[0]:
                return episode.bed
    return None


def music_of(looker: Looker, permission: Permission, chain: Chain) -> tuple[PlannedMusic, ...]:
    """The music under a chain, at most one piece.

    Raises `MediaError` where its file cannot be used, `PolicyRefused` where its rights do not
    allow it.
    """
    policy = looker.settings.bed
    asked = None
    if policy.media is not None:
        asked = Bed(media=policy.media, gain=policy.gain, duck=policy.duck)
    bed = bed_of(looker.graph, chain, asked)
    if bed is None:
        return ()
    graph, store = looker.graph, looker.store
    path = media_file(graph, bed.media, store) if asked is None else Path(bed.media)
    media = looker.inspect_music(path)
    music = PlannedMusic(bed, media)
    if (gate := _gate(looker.graph, permission, music)) is not None:
        gate.demand([_WORK])
    return (music,)


def bounds_with(
    bounds: RightsBounds, graph: Graph, permission: Permission, music: Sequence[PlannedMusic]
) -> RightsBounds:
    """What the film may be used for, with its music."""
    for piece in music:
        gate = _gate(graph, permission, piece)
        if gate is None:
            continue
        own = gate.bounds([_WORK])
        both = common(
            None if bounds.territories is None else frozenset(bounds.territories),
            None if own.territories is None else frozenset(own.territories),
        )
        ends = [one.expires for one in (bounds, own) if one.expires is not None]
        bounds = replace(
            bounds,
            territories=None if both is None else tuple(sorted(both)),
            expires=min(ends, default=None),
            licences=tuple(dict.fromkeys((*bounds.licences, *own.licences))),
            notes=tuple(dict.fromkeys((*bounds.notes, *own.notes))),
        )
    return bounds


def bed_order(
    music: Sequence[PlannedMusic], cast: Cast, layout: Layout, ffmpeg: FFmpeg
) -> BedOrder | None:
    """What makes the film's sound with music under it; None where there is none."""
    if not music:
        return None
    (piece,) = music
    settings = cast.settings
    profile = settings.profile
    return partial(
        bed_spec,
        media=piece.media.digest,
        info=piece.media.info,
        gain=piece.bed.gain,
        duck=piece.bed.duck,
        speech=speech_windows(said(cast, layout), profile.grid, layout.packets),
        edge_packets=edge_packets(settings.bed, profile.sample_rate),
        profile=profile,
        build=ffmpeg.build,
    )


def _gate(graph: Graph, permission: Permission, music: PlannedMusic) -> RightsGate | None:
    """Who answers for the music: its rights as those of a work of its own."""
    terms = music.bed.rights
    if terms is None:
        return None
    author = permission.settings.consent.composer or _WORK
    rights = Rights(license=terms.license, holder=terms.holder, music=(terms,))
    work = Atom(id=_WORK, media="bed", author=author, rights=rights)
    alone = replace(graph, atoms={_WORK: work}, edges=())
    settings = permission.settings
    return RightsGate(
        alone,
        settings.rights,
        settings.consent.commercial,
        permission.at,
        settings.consent.composer,
    )
