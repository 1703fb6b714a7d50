"""From the probe's raw findings to `VideoInfo` and `AudioInfo`: names, rates, turns, times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from chainer.media.cadence import cadence
from chainer.media.colour import (
    FIELD_ORDERS,
    HDR_TRANSFERS,
    MATRICES,
    PRIMARIES,
    RANGES,
    TRANSFERS,
    UNKNOWN,
    turn_of,
)
from chainer.media.info import AudioInfo, ColourRange, FieldOrder, HdrKind, VideoInfo
from chainer.media.judge import refuse
from chainer.media.raw import RawFrame, RawPictures, RawSound, RawStream, ratio

_FINEST = 10**9


def exact(seconds: Fraction) -> Fraction:
    """`seconds` with a denominator that its text can carry: no time base is finer."""
    return seconds.limit_denominator(_FINEST)


def describe_video(path: Path, stream: RawStream, pictures: RawPictures) -> VideoInfo:
    """The picture stream. Raises `MediaRefused` when it is turned by an odd angle."""
    frame = pictures.frame
    assert frame is not None  # judged before
    turn = turn_of(frame.matrix)
    if turn is None:
        refuse(
            path,
            "is to be shown turned by less than a quarter",
            "export it upright",
            reason="rotation",
            value=list(frame.matrix),
        )
    tick = ratio(stream.tick)
    start = pictures.start * tick
    end = max(pictures.end, _last_end(pictures)) * tick
    declared = [ratio(rate) for rate in stream.rates]
    rate, varies = cadence(pictures.steps, tick, end - start, declared)
    colour_range, primaries, transfer, matrix = _colour(stream, frame)
    aspect = ratio(stream.sample_aspect)
    return VideoInfo(
        stream=stream.index,
        codec=stream.codec,
        profile=stream.profile,
        pixel_format=frame.pixel_format,
        bit_depth=frame.bits,
        width=frame.width,
        height=frame.height,
        # Nobody means more than a few to one; such a number is a fault of the header.
        sample_aspect=aspect if Fraction(1, 8) <= aspect <= 8 else Fraction(1),
        rotation=turn[0],
        flipped=turn[1],
        frame_rate=exact(rate),
        variable_rate=varies,
        frames=pictures.shown,
        start=exact(start),
        end=exact(end),
        field_order=_field_order(stream, frame),
        colour_range=colour_range,
        colour_primaries=primaries,
        colour_transfer=transfer,
        colour_matrix=matrix,
        hdr=HDR_TRANSFERS.get(transfer, HdrKind.NONE),
        alpha=stream.alpha_mode or _has_alpha(frame),
    )


def describe_audio(stream: RawStream, sound: RawSound) -> AudioInfo:
    """The sound stream."""
    tick = ratio(stream.tick)
    return AudioInfo(
        stream=stream.index,
        codec=stream.codec,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        layout=stream.layout,
        start=exact(sound.start * tick),
        end=exact(max(sound.start, sound.end) * tick),
        frames=sound.packets,
    )


def _last_end(pictures: RawPictures) -> int:
    """Where the last picture ends, in ticks, if it stands as long as most do.

    Many containers give no duration for it.
    """
    last = pictures.start + sum(step * times for step, times in pictures.steps)
    if pictures.end > last or not pictures.steps:
        return pictures.end
    usual = max(pictures.steps, key=lambda step: step[1])
    return last + usual[0]


def _field_order(stream: RawStream, frame: RawFrame) -> FieldOrder:
    order = FIELD_ORDERS.get(stream.field_order, FieldOrder.UNKNOWN)
    if frame.interlaced and order not in (FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST):
        return FieldOrder.TOP_FIRST  # the picture says interlaced and nothing says which way
    return order


def _colour(stream: RawStream, frame: RawFrame) -> tuple[ColourRange, str, str, str]:
    """Range, primaries, transfer, matrix: what the picture says goes before its header."""
    ranges, primaries, transfers, matrices = zip(frame.colour, stream.colour, strict=True)
    if frame.pixel_format.startswith("yuvj"):
        ranges = (2, 2)
    return (
        next((RANGES[one] for one in ranges if one in RANGES), ColourRange.UNKNOWN),
        next((PRIMARIES[one] for one in primaries if one in PRIMARIES), UNKNOWN),
        next((TRANSFERS[one] for one in transfers if one in TRANSFERS), UNKNOWN),
        next((MATRICES[one] for one in matrices if one in MATRICES), UNKNOWN),
    )


def _has_alpha(frame: RawFrame) -> bool:
    return frame.components in (2, 4) or frame.pixel_format == "pal8"
