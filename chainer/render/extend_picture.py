"""The pictures of an extended slot: slower, held, or two clips in one shot.

Pictures between two filmed ones are made at half the size, where the search for motion costs a
quarter, and get their fine detail back from the full pictures around them: as near to what was
really filmed as at full size (see docs/benchmark/extended.md).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from chainer.media.info import HdrKind, VideoInfo
from chainer.profile import Profile
from chainer.render.encoder import pixel_format
from chainer.render.picture import at_rate, clip_pictures, shaped, upright
from chainer.render.quick import passes_over
from chainer.render.spec import ConformSpec
from chainer.timebase import round_half_up

ZOOM_RATE = Fraction(18, 1000)
"""How much larger a held picture grows in a second, once it moves at its full speed."""

ZOOM_EASE = Fraction(3, 2)
"""Seconds in which the move in comes up to speed."""

_FLUSH = 4
"""Pictures that the interpolation looks ahead."""


def held(stream: Any, video: VideoInfo, spec: ConformSpec, wanted: int) -> Any:
    """The clip, then its last picture with a slow move in, `wanted` frames in all.

    The move is made by a change of perspective, whose corners lie between pixels: a zoom by whole
    pixels trembles.
    """
    import ffmpeg

    pixels = pixel_format(spec.profile)
    parts = clip_pictures(stream, video, spec).filter("format", pixels)
    both = parts.filter_multi_output("split", 2)
    still = both[1].filter("trim", start_frame=spec.frames - 1, end_frame=spec.frames)
    still = still.filter("setpts", "PTS-STARTPTS")
    still = still.filter("tpad", stop=wanted - spec.frames - 1, stop_mode="clone")
    still = still.filter("perspective", eval="frame", interpolation="cubic", **_moves(spec.profile))
    still = still.filter("format", pixels)
    return _ticking(ffmpeg.concat(both[0], still, v=1, a=0), spec.profile)


def slowed(stream: Any, video: VideoInfo, spec: ConformSpec, wanted: int) -> Any:
    """The clip played slower, in `wanted` frames.

    What falls on a picture shows that picture; what falls between two is made of them. Media of
    more pictures a second than the house's may have enough for all.
    """
    profile = spec.profile
    rate = profile.fps if video.variable_rate else video.frame_rate
    first = round_half_up(spec.first * rate / profile.fps)
    count = max(2, round_half_up(spec.frames * rate / profile.fps))
    # How long one picture of the media shows, in frames of the slot.
    each = Fraction(wanted, spec.frames) * profile.fps / rate
    early = _is_small(video, profile) and each > 1
    stream = upright(stream, video)
    if each > 1 and not early:
        stream = shaped(stream, video, spec).filter("format", pixel_format(profile))
    stream = at_rate(stream, rate, first, count, count if passes_over(video, profile) else 1)
    stream = stream.filter("tpad", stop=_FLUSH, stop_mode="clone")
    stream = stream.filter("settb", _ratio(1 / (profile.fps * each.denominator)))
    stream = stream.filter("setpts", f"N*{each.numerator}")
    if each > 1:
        size = _stored_upright(video) if early else (profile.width, profile.height)
        stream = between(stream, size, profile.fps)
    else:
        stream = stream.filter("fps", fps=_ratio(profile.fps), start_time=0)
    stream = stream.filter("trim", end_frame=wanted)
    if each <= 1 or early:
        stream = shaped(stream, video, spec)
    return _ticking(stream, profile)


def between(stream: Any, size: tuple[int, int], fps: Fraction, *, cuts: bool = True) -> Any:
    """`stream` of the given size at `fps`; what falls between two pictures is made by motion.

    A cut in the clip stays one with `cuts`; without, any two pictures are taken for one scene.
    Pictures that fall on a frame come out as they went in.
    """
    import ffmpeg

    wanted = {"fps": _ratio(fps), "scd": "fdiff" if cuts else "none"}
    both = stream.filter_multi_output("split", 2)
    soft = _half(both[0]).filter("minterpolate", mi_mode="mci", me_mode="bidir", **wanted)
    full = both[1].filter("minterpolate", mi_mode="blend", **wanted).filter_multi_output("split", 2)
    # What half the size loses comes on top, from the pictures around at full size.
    detail = ffmpeg.filter([full[0], _full(_half(full[1]), size)], "blend", all_mode="grainextract")
    return ffmpeg.filter([_full(soft, size), detail], "blend", all_mode="grainmerge")


def crossed(first: Any, second: Any, own: int, overlap: int, profile: Profile) -> Any:
    """Two clips of which the last and first `overlap` frames fade over into each other."""
    import ffmpeg

    both = [one.filter("settb", _ratio(1 / profile.fps)) for one in (first, second)]
    return ffmpeg.filter(
        both,
        "xfade",
        transition="fade",
        duration=f"{float(overlap / profile.fps):.6f}",
        offset=f"{float((own - overlap) / profile.fps):.6f}",
    )


def morphed(first: Any, second: Any, own: int, overlap: int, profile: Profile) -> Any:
    """Two clips whose last and first `overlap` frames turn into each other, pair by pair.

    Frame k of the overlap is made by the motion from the one clip's picture to the other's, and
    both go on meanwhile. Between clips that show different things it is a crossfade that swims.
    """
    import ffmpeg

    pixels = pixel_format(profile)
    ahead = first.filter("format", pixels).filter_multi_output("split", 2)
    after = second.filter("format", pixels).filter_multi_output("split", 2)
    head = ahead[0].filter("trim", end_frame=own - overlap)
    out = ahead[1].filter("trim", start_frame=own - overlap).filter("setpts", "PTS-STARTPTS")
    into = after[0].filter("trim", end_frame=overlap)
    tail = after[1].filter("trim", start_frame=overlap).filter("setpts", "PTS-STARTPTS")
    # Pair k stands around the moment (k + 1) steps, k + 1 ticks before it and overlap - k after:
    # the one frame that is asked for in each step falls between the two of a pair. The first
    # picture, doubled, stands at 0, where the frames are counted from.
    step = overlap + 3
    tick = _ratio(1 / (profile.fps * step))
    out = out.filter("tpad", start=1, start_mode="clone")
    into = into.filter("tpad", stop=_FLUSH, stop_mode="clone")
    pairs = ffmpeg.filter(
        [
            out.filter("settb", tick).filter("setpts", f"N*{step - 1}"),
            into.filter("settb", tick).filter("setpts", f"N*{step - 1}+{step + overlap}"),
        ],
        "interleave",
        nb_inputs=2,
    )
    size = (profile.width, profile.height)
    made = between(pairs, size, profile.fps, cuts=False)
    made = made.filter("trim", start_frame=1, end_frame=overlap + 1)
    made = made.filter("format", pixels)
    parts = [_ticking(one, profile) for one in (head, made, tail)]
    return _ticking(ffmpeg.concat(*parts, v=1, a=0), profile)


def _moves(profile: Profile) -> dict[str, str]:
    """The corners of what is shown of a held picture, by the number of the frame."""
    rate, ease = float(ZOOM_RATE), float(ZOOM_EASE)
    seconds = f"(on/{float(profile.fps):.9f})"
    # From standing still: its speed grows evenly until it is the full one.
    moved = f"if(lt({seconds},{ease}),{seconds}*{seconds}/{2 * ease},{seconds}-{ease / 2})"
    part = f"(0.5-0.5/(1+{rate}*{moved}))"
    left, right = f"W*{part}", f"W*(1-{part})"
    top, bottom = f"H*{part}", f"H*(1-{part})"
    names = ("x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3")
    corners = (left, top, right, top, left, bottom, right, bottom)
    return dict(zip(names, corners, strict=True))


def _half(stream: Any) -> Any:
    return stream.filter("scale", "max(16,trunc(iw/4)*2)", "max(16,trunc(ih/4)*2)", flags="area")


def _full(stream: Any, size: tuple[int, int]) -> Any:
    return stream.filter("scale", *size, flags="bicubic")


def _ticking(stream: Any, profile: Profile) -> Any:
    """The same pictures, one a frame from 0."""
    stream = stream.filter("settb", _ratio(1 / profile.fps)).filter("setpts", "N")
    # What follows asks for the rate, which filters that touch the times leave open.
    return stream.filter("fps", fps=_ratio(profile.fps), start_time=0)


def _is_small(video: VideoInfo, profile: Profile) -> bool:
    """Whether pictures are better made before they grow."""
    return (
        video.width * video.height < profile.width * profile.height
        and video.pixel_format == "yuv420p"
        and video.hdr is HdrKind.NONE
        and video.colour_primaries != "bt2020"
    )


def _stored_upright(video: VideoInfo) -> tuple[int, int]:
    """The size of a picture as it is stored, turned upright."""
    turned = video.rotation in (90, 270)
    return (video.height, video.width) if turned else (video.width, video.height)


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
