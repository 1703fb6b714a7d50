"""What an extended slot costs to make, in CPU seconds, by the way it is filled.

Measured with `scripts/bench_extend.py` on two shared cores of 2026, FFmpeg 9.0.2, x264 at
`medium`; see docs/benchmark/extended.md.
"""

from __future__ import annotations

from chainer.profile import Profile
from chainer.render.spec import ExtendSpec, FuseJoin, Way
from chainer.timeline.fill import slowed_share

_START = 0.6
"""Three or four processes, and the sound."""
_DECODE = 0.0024
"""For a million pixels of the media (H.264)."""
_ENCODE = 0.025
"""For a million pixels that are scaled and encoded: the mean of real clips, of which busy ones take
a third more and drawn ones a third less."""
_BETWEEN = 0.065
"""For a million pixels that are made between two filmed ones."""
_SEARCH = 0.006
"""For a million pixels of filmed pictures between which motion is looked for."""
_ZOOM = 0.005
"""For a million pixels of a held picture."""
_CROSS = 0.003
"""For a million pixels of a fused slot, besides encoding: both clips pass through the filter."""


def extra_cost(spec: ExtendSpec) -> float:
    """What the step costs besides decoding its clips and encoding its frames once."""
    clip = spec.clips[0]
    video = clip.info.video
    rate = None if video is None or video.variable_rate else video.frame_rate
    return way_cost(
        spec.way,
        spec.profile,
        spec.frames,
        clip.frames,
        overlap=spec.overlap,
        morph=spec.join is FuseJoin.MORPH,
        between=float(slowed_share(spec.frames, clip.frames, spec.profile.fps, rate)),
    )


def way_cost(
    way: Way,
    profile: Profile,
    wanted: int,
    own: int,
    *,
    overlap: int = 0,
    morph: bool = False,
    between: float | None = None,
) -> float:
    """What filling `wanted` frames this way costs besides decoding and encoding.

    `between` is the share of frames that falls between two pictures of the media.
    """
    mega = profile.width * profile.height / 1e6
    if way is Way.HOLD:
        return (wanted - own) * mega * _ZOOM
    if way is Way.STRETCH:
        share = float(slowed_share(wanted, own, profile.fps)) if between is None else between
        return mega * (wanted * share * _BETWEEN + (own * _SEARCH if share else 0.0))
    if morph:
        return mega * overlap * (_BETWEEN + 2 * _SEARCH)
    return wanted * mega * _CROSS


def fill_cost(
    way: str,
    profile: Profile,
    *,
    wanted: int,
    own: int,
    then: int = 0,
    overlap: int = 0,
    source: float | None = None,
    morph: bool = False,
    between: float | None = None,
) -> float:
    """CPU seconds of making a slot, `way` as in `graph.words.SlotFill`; frames at the house rate.

    `source` are a million pixels of one picture of the media, the house's size where None.
    """
    mega = profile.width * profile.height / 1e6
    decoded = (own + then) * (mega if source is None else source) * _DECODE
    cost = _START + decoded + wanted * mega * _ENCODE
    if way == "source":
        return cost
    return cost + way_cost(
        Way(way), profile, wanted, own, overlap=overlap, morph=morph, between=between
    )
