"""Extended slots: a clip of exactly the asked length from media that is shorter than that.

Pictures and sound are decoded once, in one child process under limits, and the pictures encoded
once, as `conform` does it; the sound of the slot is then made of the raw samples. What comes out
is a canonical clip like any other: joints, posters and films do not know the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from chainer.errors import RenderError
from chainer.media.child import ChildLimits
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.render.clip import PICTURE, clip_keys, finish_clip, write_silence
from chainer.render.conform import (
    check_frames,
    check_samples,
    child_limits,
    clip_sound,
    mark_runs,
    picture_of,
    run_foreign,
)
from chainer.render.encoder import picture_options, pixel_format
from chainer.render.extend_cost import extra_cost
from chainer.render.extend_picture import crossed, held, morphed, slowed
from chainer.render.extend_sound import extend_sound, own_name, shared_gain
from chainer.render.mark import marked, stamped, still_input
from chainer.render.overlay import MarkRun, lay_out_texts, overlaid
from chainer.render.picture import clip_pictures, house_picture
from chainer.render.run import Runner
from chainer.render.sound import write_raw
from chainer.render.spec import ExtendSpec, FuseJoin, Way
from chainer.timeline.fill import slowed_share

_PATIENCE = 20
"""How many times what we expect a way to cost its child may use, on a slower machine."""


def extend(
    runner: Runner,
    spec: ExtendSpec,
    sources: Sequence[SourceFile],
    limits: MediaLimits,
    folder: Path,
    on_frame: Callable[[int], None] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make the slot's clip in `folder`: (files by name, facts).

    `sources` are the open media of the clips, in order; the stills that `spec` needs lie in
    `folder` already. The facts are those of `conform`, and `way` and `synthetic`, the share of
    frames that were not filmed, as exact text. Raises `MediaError` where a medium cannot be
    decoded whole, `RenderError` where we fail or where the numbers of `spec` do not add up.
    """
    import ffmpeg

    _check(spec)
    profile = spec.profile

    def outputs(media: Sequence[Any]) -> list[Any]:
        options = picture_options(profile, clip_keys(spec.frames, profile))
        picture = ffmpeg.output(
            _picture(spec, media, folder), PICTURE, **options, **{"frames:v": spec.frames}
        )
        sounds = [
            write_raw(clip_sound(one, clip), own_name(number))
            for number, (one, clip) in enumerate(zip(media, spec.clips, strict=True))
            if clip.info.audio is not None
        ]
        return [picture, *sounds]

    what = "filling an extended slot from " + " and ".join(str(one.path) for one in sources)
    bounds = _bounds(spec, limits)
    run_foreign(runner, spec.clips, sources, outputs, bounds, what, limits, folder, on_frame)
    check_frames(folder / PICTURE, spec.frames, sources)
    for number, (clip, source) in enumerate(zip(spec.clips, sources, strict=True)):
        samples = profile.grid.samples(clip.frames)
        if clip.info.audio is None:
            write_silence(folder, samples, own_name(number))
        else:
            check_samples(folder / own_name(number), samples, source)
    measured = extend_sound(runner, spec, folder)
    gain = Fraction(shared_gain(spec)).limit_denominator(1000)
    files, sound = finish_clip(runner, spec.frames, measured, profile, folder, gain)
    return files, {
        "frames": spec.frames,
        "silent": all(clip.info.audio is None for clip in spec.clips),
        "sound": sound.as_json(),
        "way": spec.way.value,
        "synthetic": _text(synthetic_share(spec)),
    }


def synthetic_share(spec: ExtendSpec) -> Fraction:
    """The share of the slot's frames that nobody filmed: held, or made between two others."""
    clip = spec.clips[0]
    if spec.way is Way.HOLD:
        return Fraction(spec.frames - clip.frames, spec.frames)
    if spec.way is Way.STRETCH:
        video = picture_of(clip)
        rate = spec.profile.fps if video.variable_rate else video.frame_rate
        return slowed_share(spec.frames, clip.frames, spec.profile.fps, rate)
    return Fraction(spec.overlap if spec.join is FuseJoin.MORPH else 0, spec.frames)


def _check(spec: ExtendSpec) -> None:
    """That the numbers of the clips add up to the slot: a fault of the plan where they do not."""
    own = [clip.frames for clip in spec.clips]
    if spec.way is Way.FUSE:
        fits = len(own) == 2 and sum(own) - spec.overlap == spec.frames
        fits = fits and 2 <= spec.overlap < min(own)
    else:
        fits = len(own) == 1 and 2 <= own[0] < spec.frames
    if not fits:
        raise RenderError(
            f"an extended slot of {spec.frames} frames cannot be made by {spec.way.value} of clips "
            f"of {own} frames with an overlap of {spec.overlap}; plan it again",
            code="slot",
        )


def _picture(spec: ExtendSpec, media: Sequence[Any], folder: Path) -> Any:
    profile = spec.profile
    first = spec.clips[0]
    streams = [
        one[str(picture_of(clip).stream)] for one, clip in zip(media, spec.clips, strict=True)
    ]
    if spec.way is Way.HOLD:
        picture = held(streams[0], picture_of(first), first, spec.frames)
    elif spec.way is Way.STRETCH:
        picture = slowed(streams[0], picture_of(first), first, spec.frames)
    else:
        both = [
            clip_pictures(stream, picture_of(clip), clip)
            for stream, clip in zip(streams, spec.clips, strict=True)
        ]
        join = morphed if spec.join is FuseJoin.MORPH else crossed
        picture = join(both[0], both[1], first.frames, spec.overlap, profile)
    runs = _mark_runs(spec)
    picture = _marked(picture, runs, spec)
    texts = lay_out_texts(spec.overlays, runs, profile, folder)
    picture = stamped(overlaid(picture, texts, profile), first.stamp, profile)
    return house_picture(picture, profile)


def _mark_runs(spec: ExtendSpec) -> tuple[MarkRun, ...]:
    """Each author's mark over his own part; in a fused slot they change in mid-overlap."""
    first = spec.clips[0]
    if spec.way is not Way.FUSE:
        return mark_runs(first, 0, spec.frames)
    change = first.frames - spec.overlap // 2
    second = spec.clips[1]
    if first.mark == second.mark:
        return mark_runs(first, 0, spec.frames)
    return (*mark_runs(first, 0, change), *mark_runs(second, change, spec.frames))


def _marked(picture: Any, runs: Sequence[MarkRun], spec: ExtendSpec) -> Any:
    """`picture` with the marks over it, each in its own frames."""
    import ffmpeg

    profile = spec.profile
    if not runs:
        return picture
    if len(runs) == 1 and (runs[0].first, runs[0].last) == (0, spec.frames):
        run = runs[0]
        return marked(picture, still_input(run.key, profile), run.station, profile)
    edges = sorted({0, spec.frames, *(run.first for run in runs), *(run.last for run in runs)})
    spans = list(pairwise(edges))
    branches = picture.filter_multi_output("split", len(spans))
    parts = []
    for number, (start, end) in enumerate(spans):
        # The times go on as they were: by them the mark knows its place.
        part = branches[number].filter("trim", start_frame=start, end_frame=end)
        for run in runs:
            if run.first == start:
                part = marked(part, still_input(run.key, profile), run.station, profile)
        parts.append(part.filter("format", pixel_format(profile)).filter("setpts", "PTS-STARTPTS"))
    return ffmpeg.concat(*parts, v=1, a=0)


def _bounds(spec: ExtendSpec, limits: MediaLimits) -> ChildLimits:
    """Those of decoding, with time and memory for the pictures that are made."""
    bounds = child_limits(spec.clips, limits)
    more = _PATIENCE * extra_cost(spec)
    pixels = spec.profile.width * spec.profile.height
    return replace(
        bounds,
        wall_seconds=None if bounds.wall_seconds is None else bounds.wall_seconds + more,
        cpu_seconds=None if bounds.cpu_seconds is None else bounds.cpu_seconds + int(more),
        memory_bytes=(bounds.memory_bytes or 0) + 320 * pixels,
    )


def _text(share: Fraction) -> str:
    return f"{share.numerator}/{share.denominator}"
