"""The filter graph that brings any picture to the house format.

Order: start at zero, deinterlace, turn upright, frame rate, trim, colour, shape and grade, mark,
texts.
Everything odd about a source is made ordinary here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from chainer.media.colour import scaler_matrix
from chainer.media.info import ColourRange, HdrKind, VideoInfo
from chainer.profile import Profile
from chainer.render.fit import chosen_fit, relative_width
from chainer.render.grade import graded
from chainer.render.mark import marked
from chainer.render.overlay import Laid, overlaid
from chainer.render.spec import ConformSpec, Fit


def picture_graph(
    stream: Any,
    video: VideoInfo,
    spec: ConformSpec,
    mark: Any = None,
    texts: Sequence[Laid] = (),
) -> Any:
    """`stream` (ffmpeg-python) brought to the profile: exactly `spec.frames` frames from 0.

    `mark` is the still to burn in, as another stream, or None; `texts` are laid over both.
    """
    stream = clip_pictures(stream, video, spec)
    if mark is not None:
        stream = marked(stream, mark, spec.station, spec.profile)
    return house_picture(overlaid(stream, texts, spec.profile))


def clip_pictures(stream: Any, video: VideoInfo, spec: ConformSpec) -> Any:
    """The pictures of a clip at the profile's size and rate, graded, with nothing laid over."""
    stream = upright(stream, video)
    if video.frame_rate > spec.profile.fps:
        return shaped(cut(stream, spec), video, spec)
    return cut(shaped(stream, video, spec), spec)


def shaped(stream: Any, video: VideoInfo, spec: ConformSpec) -> Any:
    """Upright pictures in the house's colour, size and grade."""
    return _shape(_colour(stream, video), video, spec)


def upright(stream: Any, video: VideoInfo) -> Any:
    """From time 0, without interlacing, turned as it is meant to be seen."""
    stream = stream.filter("setpts", f"PTS-({video.start.numerator}/{video.start.denominator})/TB")
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", parity="auto", deint="all")
    return _upright(stream, video)


def house_picture(stream: Any) -> Any:
    """The last filters before every encoder: what the pieces of a profile must agree in."""
    stream = stream.filter("format", "yuv420p")
    stream = stream.filter(
        "setparams",
        range="tv",
        color_primaries="bt709",
        color_trc="bt709",
        colorspace="bt709",
        field_mode="prog",
    )
    return stream.filter("setsar", "1")


def _upright(stream: Any, video: VideoInfo) -> Any:
    if video.rotation == 180:
        stream = stream.filter("hflip").filter("vflip")
    elif video.rotation:
        stream = stream.filter("transpose", "clock" if video.rotation == 90 else "cclock")
    return stream.filter("hflip") if video.flipped else stream


def cut(stream: Any, spec: ConformSpec) -> Any:
    """The house frame rate, then frames [first, first + frames).

    The last picture may be held for one frame: how long it shows is the one thing that
    containers leave to rounding.
    """
    return at_rate(stream, spec.profile.fps, spec.first, spec.frames)


def at_rate(stream: Any, rate: Fraction, first: int, frames: int) -> Any:
    """Frames [first, first + frames) at `rate`, from time 0."""
    stream = stream.filter("fps", fps=f"{rate.numerator}/{rate.denominator}", start_time=0)
    stream = stream.filter("tpad", stop=1, stop_mode="clone")
    stream = stream.filter("trim", start_frame=first, end_frame=first + frames)
    return stream.filter("setpts", "PTS-STARTPTS")


def _colour(stream: Any, video: VideoInfo) -> Any:
    """High dynamic range and wide gamut to BT.709; other matrices are left to the scaler."""
    if video.hdr is not HdrKind.NONE or video.colour_primaries == "bt2020":
        transfer = {HdrKind.PQ: "smpte2084", HdrKind.HLG: "arib-std-b67"}.get(video.hdr, "bt709")
        full = video.colour_range is ColourRange.PC
        stream = stream.filter(
            "zscale",
            matrixin="2020_ncl",
            primariesin="2020",
            transferin=transfer,
            rangein="full" if full else "limited",
            transfer="linear",
            npl=100,
        )
        stream = stream.filter("format", "gbrpf32le").filter("zscale", primaries="709")
        if video.hdr is not HdrKind.NONE:
            stream = stream.filter("tonemap", "hable", desat=0)
        stream = stream.filter("zscale", transfer="709", matrix="709", range="limited")
        stream = stream.filter("format", "yuv420p")
    return stream


def _shape(stream: Any, video: VideoInfo, spec: ConformSpec) -> Any:
    """The house size and the grade, which each layer gets for itself: bars stay black.

    A source that has BT.709 colour and fewer pixels than the house is graded before it grows.
    """
    profile, grade = spec.profile, spec.grade
    width, height = video.display_size
    small = video.width * video.height < profile.width * profile.height
    if grade is not None and small and _is_house_colour(video):
        stream, grade = graded(stream, grade), None
    wide = relative_width(video, profile)
    fit = chosen_fit(video, profile, spec.policy.fit)
    if fit is Fit.COVER:
        size = _even_at_least(profile, wide)
        stored = (video.width, video.height)
        if video.rotation in (90, 270):
            stored = stored[::-1]
        if not (size == (width, height) == stored and _is_house_colour(video)):
            stream = _scale(stream, size, video)
        return _graded(_crop(stream, size, profile), grade)
    inner = _even_at_most(profile, wide)
    if fit is Fit.CONTAIN:
        stream = _graded(_scale(stream, inner, video), grade)
        return stream.filter(
            "pad", profile.width, profile.height, "(ow-iw)/2", "(oh-ih)/2", color="black"
        )
    both = stream.split()
    back = _blurred(both[0], video, profile, wide, grade)
    front = _graded(_scale(both[1], inner, video), grade)
    return back.overlay(front, x="(W-w)/2", y="(H-h)/2")


def _graded(stream: Any, grade: tuple[int, ...] | None) -> Any:
    return stream if grade is None else graded(stream, grade)


def _blurred(
    stream: Any, video: VideoInfo, profile: Profile, wide: Fraction, grade: tuple[int, ...] | None
) -> Any:
    """The picture filling the frame, blurred and darkened; worked small: none is seen sharp."""
    small = profile.model_copy(
        update={"width": profile.width // 8 & ~1, "height": profile.height // 8 & ~1}
    )
    size = _even_at_least(small, wide)
    stream = _graded(_crop(_scale(stream, size, video, "bilinear"), size, small), grade)
    stream = stream.filter("gblur", sigma=4, steps=2).filter("lutyuv", y="val*0.62+6")
    return stream.filter("scale", profile.width, profile.height, flags="bicubic")


def _scale(stream: Any, size: tuple[int, int], video: VideoInfo, method: str = "lanczos") -> Any:
    already = video.hdr is not HdrKind.NONE or video.colour_primaries == "bt2020"
    options: dict[str, str] = {"out_color_matrix": "bt709", "out_range": "tv"}
    if already:
        options |= {"in_color_matrix": "bt709", "in_range": "tv"}
    else:
        options["in_color_matrix"] = scaler_matrix(video)
        if video.colour_range is not ColourRange.UNKNOWN:
            options["in_range"] = video.colour_range.value
    flags = f"{method}+accurate_rnd+full_chroma_int"
    return stream.filter("scale", *size, flags=flags, **options).filter("format", "yuv420p")


def _crop(stream: Any, size: tuple[int, int], profile: Profile) -> Any:
    if size == (profile.width, profile.height):
        return stream
    return stream.filter("crop", profile.width, profile.height)


def _is_house_colour(video: VideoInfo) -> bool:
    return (
        video.pixel_format == "yuv420p"
        and video.colour_range is not ColourRange.PC
        and video.hdr is HdrKind.NONE
        and video.colour_primaries != "bt2020"
        and scaler_matrix(video) == "bt709"
    )


def _even_at_least(profile: Profile, wide: Fraction) -> tuple[int, int]:
    """The smallest even size of this shape that covers the frame."""
    if wide >= 1:
        return _even_up(profile.width * wide), profile.height
    return profile.width, _even_up(profile.height / wide)


def _even_at_most(profile: Profile, wide: Fraction) -> tuple[int, int]:
    """The largest even size of this shape inside the frame."""
    if wide >= 1:
        return profile.width, max(2, int(profile.height / wide) & ~1)
    return max(2, int(profile.width * wide) & ~1), profile.height


def _even_up(value: Fraction) -> int:
    return int(-(-value // 2)) * 2
