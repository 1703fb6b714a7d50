"""Which packets of which piece make the sound of a film: copied as it is, or under music."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainer.digest import Digest
from chainer.media.info import MediaInfo
from chainer.profile import Profile
from chainer.render.spec import BedSpec, SoundRun
from chainer.timeline import Body, JointPiece


def sound_runs(sources: Sequence[tuple[Digest, Body | JointPiece]]) -> tuple[SoundRun, ...]:
    """The film's sound from its parts, in order; parts without a packet are left out."""
    runs = []
    for key, part in sources:
        if isinstance(part, Body):
            run = SoundRun(key, part.packet_first, part.packet_last)
        else:
            run = SoundRun(key, 0, part.packet_last - part.packet_first)
        if run.first < run.last:
            runs.append(run)
    return tuple(runs)


def bed_spec(
    sources: Sequence[tuple[Digest, Body | JointPiece]],
    media: Digest,
    info: MediaInfo,
    *,
    gain: Fraction,
    duck: Fraction,
    speech: tuple[tuple[int, int], ...] | None,
    edge_packets: int,
    profile: Profile,
    build: str,
) -> BedSpec:
    """What makes the sound of a film of these parts with the music `media` under it."""
    return BedSpec(
        runs=sound_runs(sources),
        media=media,
        info=info,
        gain=gain,
        duck=duck,
        speech=speech,
        edge_packets=edge_packets,
        profile=profile,
        build=build,
    )
