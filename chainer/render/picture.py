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
from chainer.profile import Codec, Profile
from chainer.render.encoder import colour_tags, laid_format, pixel_format
from chainer.render.fit import chosen_fit, relative_width
from chainer.render.grade import graded
from chainer.render.mark import marked, stamped
from chainer.render.overlay import Laid, overlaid
from chainer.render.quick import passes_over
from chainer.render.spec import ConformSpec, Fit
from chainer.render.tones import dimmed, in_range, is_converted, is_hdr

_NARROWEST = 40
"""Pixels: the blur reads past the end of planes that are narrower than 16, and chroma has half."""


def picture_graph(
    stream: Any,
    video: VideoInfo,
    spec: ConformSpec,
    mark: Any = None,
    texts: Sequence[Laid] = (),
) -> Any:
    """`stream` (ffmpeg-python) brought to the profile: exactly `spec.frames` frames from 0.

    `mark` is the still to burn in, as another stream, or None; `texts` are laid over both, and
    what says of a draft that it is one over all.
    """
    stream = clip_pictures(stream, video, spec)
    if mark is not None:
        stream = marked(stream, mark, spec.station, spec.profile)
    stream = stamped(overlaid(stream, texts, spec.profile), spec.stamp, spec.profile)
    return house_picture(stream, spec.profile)


def clip_pictures(stream: Any, video: VideoInfo, spec: ConformSpec) -> Any:
    """The pictures of a clip at the profile's size and rate, graded, with nothing laid over."""
    stream = upright(stream, video)
    if video.frame_rate > spec.profile.fps:
        return shaped(cut(stream, spec), video, spec)
    return cut(shaped(stream, video, spec), spec)


def shaped(stream: Any, video: VideoInfo, spec: ConformSpec) -> Any:
    """Upright pictures in the house's colour, size and grade."""
    return _shape(in_range(stream, video, spec.profile), video, spec)


def upright(stream: Any, video: VideoInfo) -> Any:
    """From time 0, without interlacing, turned as it is meant to be seen."""
    stream = stream.filter("setpts", f"PTS-({video.start.numerator}/{video.start.denominator})/TB")
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", parity="auto", deint="all")
    return _upright(stream, video)


def house_picture(stream: Any, profile: Profile) -> Any:
    """The last filters before every encoder: what the pieces of a profile must agree in."""
    stream = stream.filter("format", pixel_format(profile))
    stream = stream.filter(
        "setparams",
        range="tv",
        field_mode="prog",
        **colour_tags(profile),
    )
    if profile.codec in (Codec.HEVC, Codec.AV1):
        # Some filters forget where chroma lies, which stands in the headers that pieces share.
        stream = stream.filter("setparams", chroma_location="left")
    if is_hdr(profile):
        # What a source says of its mastering would get into the headers, which all pieces share.
        stream = stream.filter("sidedata", mode="delete")
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
    containers leave to rounding. In a draft it stands for all that were passed over.
    """
    video = spec.info.video
    held = spec.frames if video is not None and passes_over(video, spec.profile) else 1
    return at_rate(stream, spec.profile.fps, spec.first, spec.frames, held)


def at_rate(stream: Any, rate: Fraction, first: int, frames: int, held: int = 1) -> Any:
    """Frames [first, first + frames) at `rate`, from time 0; the last one up to `held` longer."""
    stream = stream.filter("fps", fps=f"{rate.numerator}/{rate.denominator}", start_time=0)
    stream = stream.filter("tpad", stop=held, stop_mode="clone")
    stream = stream.filter("trim", start_frame=first, end_frame=first + frames)
    return stream.filter("setpts", "PTS-STARTPTS")


def _shape(stream: Any, video: VideoInfo, spec: ConformSpec) -> Any:
    """The house size and the grade, which each layer gets for itself: bars stay black.

    A source that has BT.709 colour and fewer pixels than the house is graded before it grows.
    """
    profile, grade = spec.profile, spec.grade
    width, height = video.display_size
    small = video.width * video.height < profile.width * profile.height
    pixels = pixel_format(profile)
    method = "bilinear" if profile.draft else "lanczos"
    if grade is not None and small and _is_house_colour(video, profile):
        stream, grade = graded(stream, grade, pixels), None
    wide = relative_width(video, profile)
    fit = chosen_fit(video, profile, spec.policy.fit)
    if fit is Fit.COVER:
        size = _even_at_least(profile, wide)
        stored = (video.width, video.height)
        if video.rotation in (90, 270):
            stored = stored[::-1]
        if not (size == (width, height) == stored and _is_house_colour(video, profile)):
            stream = _scale(stream, size, video, profile, method)
        return _graded(_crop(stream, size, profile), grade, pixels)
    inner = _even_at_most(profile, wide)
    if fit is Fit.CONTAIN:
        stream = _graded(_scale(stream, inner, video, profile, method), grade, pixels)
        return stream.filter(
            "pad", profile.width, profile.height, "(ow-iw)/2", "(oh-ih)/2", color="black"
        )
    both = stream.split()
    back = _blurred(both[0], video, profile, wide, grade)
    front = _graded(_scale(both[1], inner, video, profile, method), grade, pixels)
    return back.overlay(front, x="(W-w)/2", y="(H-h)/2", format=laid_format(pixels))


def _graded(stream: Any, grade: tuple[int, ...] | None, pixels: str) -> Any:
    return stream if grade is None else graded(stream, grade, pixels)


def _blurred(
    stream: Any, video: VideoInfo, profile: Profile, wide: Fraction, grade: tuple[int, ...] | None
) -> Any:
    """The picture filling the frame, blurred and darkened; worked small: none is seen sharp."""
    sides = (max(_NARROWEST, side // 8 & ~1) for side in (profile.width, profile.height))
    small = profile.model_copy(update=dict(zip(("width", "height"), sides, strict=True)))
    size = _even_at_least(small, wide)
    pixels = pixel_format(profile)
    stream = _crop(_scale(stream, size, video, profile, "bilinear"), size, small)
    stream = _graded(stream, grade, pixels).filter("gblur", sigma=4, steps=2)
    stream = dimmed(stream, profile)
    return stream.filter("scale", profile.width, profile.height, flags="bicubic")


def _scale(
    stream: Any, size: tuple[int, int], video: VideoInfo, profile: Profile, method: str = "lanczos"
) -> Any:
    matrix = "bt2020" if is_hdr(profile) else "bt709"
    options: dict[str, str] = {"out_color_matrix": matrix, "out_range": "tv"}
    if is_hdr(profile) or is_converted(video, profile):
        options |= {"in_color_matrix": matrix, "in_range": "tv"}
    else:
        options["in_color_matrix"] = scaler_matrix(video)
        if video.colour_range is not ColourRange.UNKNOWN:
            options["in_range"] = video.colour_range.value
    flags = f"{method}+accurate_rnd+full_chroma_int"
    return stream.filter("scale", *size, flags=flags, **options).filter(
        "format", pixel_format(profile)
    )


def _crop(stream: Any, size: tuple[int, int], profile: Profile) -> Any:
    if size == (profile.width, profile.height):
        return stream
    return stream.filter("crop", profile.width, profile.height)


def _is_house_colour(video: VideoInfo, profile: Profile) -> bool:
    """Whether pictures that are in the film's range need no scaler but for their size."""
    return is_hdr(profile) or (
        video.pixel_format == pixel_format(profile)
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
