"""Surveys made by hand: a take in which something moves and nothing is wrong, then changed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from chainer.media.info import (
    AudioInfo,
    ColourRange,
    FieldOrder,
    HdrKind,
    MediaInfo,
    VideoInfo,
)
from chainer.quality.judge import judge
from chainer.quality.policy import QualityPolicy
from chainer.quality.quality import Quality
from chainer.quality.record import SURVEY, Levels, Looks, Mark, Pictures, Survey
from chainer.quality.words import Defect

FPS = 30


def made(seconds: int = 4, **columns: Any) -> Survey:
    """A survey of `seconds` at 30 pictures a second; `columns` replace those of its parts."""
    count, looks = seconds * FPS, 2 * seconds
    pictures: dict[str, Any] = {
        "at": tuple(range(count)),
        "mean": (1200,) * count,
        "middle": (1200,) * count,
        "top": (2300,) * count,
        "dark": (10,) * count,
        "light": (5,) * count,
        "step": tuple((1, -1, 0, 2, 0)[n % 5] for n in range(count)),
        "change": (0,) + (30,) * (count - 1),
        "most": (0, *(180 + 7 * n % 60 for n in range(1, count))),
    }
    closer: dict[str, Any] = {
        "at": tuple(range(0, count, FPS // 2)),
        "above": (0,) * looks,
        "below": (0,) * looks,
        "left": (0,) * looks,
        "right": (0,) * looks,
        "sharp": (520,) * looks,
    }
    sound: dict[str, Any] = {"db": (-25, -22) * (50 * seconds), "ceiling": (-1, 0) * (5 * seconds)}
    for name, value in columns.items():
        for part in (pictures, closer, sound):
            if name in part and name != "at":
                part[name] = tuple(value)
    return Survey(
        schema="chainer.survey/1",
        engine=SURVEY,
        media="0" * 64,
        tick=Fraction(1, FPS),
        seconds=Fraction(seconds),
        pictures=Pictures(**pictures),
        skipped=columns.get("skipped", ()),
        looks=Looks(**closer),
        marks=columns.get("marks", ()),
        sound=None if columns.get("silent") else Levels(**sound),
        quiet_start=Fraction(0),
        quiet_end=Fraction(0),
    )


def column(name: str, value: int, first: int, last: int, seconds: int = 4) -> tuple[int, ...]:
    """The healthy column with `value` in rows [first, last)."""
    survey = made(seconds)
    for part in (survey.pictures, survey.looks, survey.sound):
        if hasattr(part, name):
            healthy = getattr(part, name)
            return (*healthy[:first], *[value] * (last - first), *healthy[last:])
    raise KeyError(name)


def info(
    seconds: int = 4,
    *,
    sound: bool = True,
    late: Fraction = Fraction(0),
    ends: Fraction | None = None,
) -> MediaInfo:
    """The probe of such a take."""
    whole = Fraction(seconds)
    video = VideoInfo(
        stream=0,
        codec="h264",
        profile="High",
        pixel_format="yuv420p",
        bit_depth=8,
        width=720,
        height=1280,
        sample_aspect=Fraction(1),
        rotation=0,
        flipped=False,
        frame_rate=Fraction(FPS),
        variable_rate=False,
        frames=seconds * FPS,
        start=Fraction(0),
        end=whole,
        field_order=FieldOrder.PROGRESSIVE,
        colour_range=ColourRange.TV,
        colour_primaries="bt709",
        colour_transfer="bt709",
        colour_matrix="bt709",
        hdr=HdrKind.NONE,
        alpha=False,
    )
    audio = AudioInfo(
        stream=1,
        codec="aac",
        sample_rate=48_000,
        channels=2,
        layout="stereo",
        start=late,
        end=whole if ends is None else ends,
        frames=100,
    )
    return MediaInfo(
        schema="chainer.media/1",
        container="mov",
        bytes=1,
        seconds=whole,
        streams=2,
        video=video,
        audio=audio if sound else None,
    )


def judged(
    survey: Survey,
    *,
    first: Fraction = Fraction(0),
    seconds: Fraction | None = None,
    probe: MediaInfo | None = None,
    wanted: Fraction | None = None,
    **policy: Any,
) -> Quality:
    """The judgement of the whole, or of a window."""
    return judge(
        survey,
        probe or info(int(survey.seconds)),
        first=first,
        seconds=survey.seconds - first if seconds is None else seconds,
        wanted_seconds=wanted,
        policy=QualityPolicy(**policy),
    )


def defects(quality: Quality) -> Sequence[Defect]:
    """What was found, in order."""
    return [one.defect for one in quality.findings]


def mark(**more: Any) -> Mark:
    """A mark at the bottom right, as text is."""
    box = {"left": 700, "top": 900, "width": 240, "height": 50, "cells": (14, 3)}
    return Mark(**{**box, "letters": 500, "filled": 300, "around": 10, **more})
