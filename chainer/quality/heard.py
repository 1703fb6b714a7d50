"""What is wrong with the sound of a take."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import ceil

from chainer.media.info import MediaInfo
from chainer.quality.policy import QualityPolicy
from chainer.quality.quality import Finding
from chainer.quality.record import LEVEL_SECONDS, Levels
from chainer.quality.window import Window
from chainer.quality.words import Defect
from chainer.timebase import time_text

QUIET_DB = -50
"""Loudness up to which a hundredth of a second is silence, in dB of full scale."""

_TENTH = 10
"""Windows of a tenth of a second."""


def judge_sound(window: Window, info: MediaInfo, policy: QualityPolicy) -> Iterator[Finding]:
    """Silence, clipping, and sound that lies beside the picture."""
    levels = window.survey.sound
    if info.audio is None or levels is None:
        why = "its sound cannot be heard" if info.audio is not None else "it has no sound"
        yield Finding(Defect.SILENCE, None, None, 1.0, why)
        return
    yield from _offset(window, info, policy)
    db = _played(window, levels)
    loudest = max(db, default=-200)
    if loudest <= policy.silent_db:
        yield Finding(
            Defect.SILENCE, None, None, 1.0, f"silent: nothing is above {max(loudest, -120)} dB"
        )
        return
    yield from _holes(window, db, policy)
    yield from _clipping(window, levels, policy)


def quiet_within(
    levels: Levels | None, first: Fraction, seconds: Fraction, threshold: int = QUIET_DB
) -> tuple[Fraction, Fraction]:
    """Seconds of silence at the two ends of `[first, first + seconds)`.

    No hundredth of a second in them is louder than `threshold` dB. Both are `seconds` where it is
    silent throughout.
    """
    if levels is None:
        return seconds, seconds
    begin, end = first, first + seconds
    loud = [
        n
        for n in range(int(begin / LEVEL_SECONDS), min(len(levels.db), ceil(end / LEVEL_SECONDS)))
        if levels.db[n] > threshold
    ]
    if not loud:
        return seconds, seconds
    start = max(Fraction(0), loud[0] * LEVEL_SECONDS - begin)
    return start, max(Fraction(0), end - (loud[-1] + 1) * LEVEL_SECONDS)


def _played(window: Window, levels: Levels) -> tuple[int, ...]:
    first = int(window.first / LEVEL_SECONDS)
    return levels.db[first : ceil((window.first + window.seconds) / LEVEL_SECONDS)]


def _offset(window: Window, info: MediaInfo, policy: QualityPolicy) -> Iterator[Finding]:
    assert info.audio is not None
    assert info.video is not None
    late = info.audio.start - info.video.start - window.first
    early = info.video.start + window.first + window.seconds - info.audio.end
    # Sound from before the first picture is left away; that it starts early shifts nothing.
    if late > policy.offset_start and late < window.seconds:
        yield Finding(
            Defect.OFFSET,
            Fraction(0),
            late,
            min(1.0, 0.4 + float(late)),
            f"its sound begins {_millis(late)} ms after the picture",
        )
    if early > policy.offset_end and early < window.seconds:
        yield Finding(
            Defect.OFFSET,
            window.seconds - early,
            window.seconds,
            min(1.0, 0.2 + float(early / window.seconds)),
            f"its sound ends {_millis(early)} ms before the picture",
        )


def _millis(seconds: Fraction) -> int:
    return round(1000 * seconds)


def _holes(window: Window, db: tuple[int, ...], policy: QualityPolicy) -> Iterator[Finding]:
    edges = [
        n
        for n, (a, b) in enumerate(pairwise([False, *(one <= policy.hole_db for one in db), False]))
        if a != b
    ]
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        start, end = first * LEVEL_SECONDS, min(last * LEVEL_SECONDS, window.seconds)
        at_end = first == 0 or last == len(db)
        least = policy.hole_end_seconds if at_end else policy.hole_seconds
        if end - start >= least:
            yield Finding(
                Defect.SILENCE,
                start,
                end,
                min(1.0, 0.3 + float((end - start) / window.seconds)),
                f"no sound for {time_text(end - start)} s from {float(start):.1f} s on",
            )


def _clipping(window: Window, levels: Levels, policy: QualityPolicy) -> Iterator[Finding]:
    each = _TENTH * LEVEL_SECONDS
    first = int(window.first / each)
    tenths = levels.ceiling[first : ceil((window.first + window.seconds) / each)]
    cut = [n for n, one in enumerate(tenths) if one > 0]
    on_ceiling = sum(tenths[n] for n in cut) * each / 10_000
    if on_ceiling < policy.clipped_seconds:
        return
    yield Finding(
        Defect.CLIPPING,
        cut[0] * each,
        min((cut[-1] + 1) * each, window.seconds),
        min(1.0, 0.3 + len(cut) / len(tenths) + max(tenths) / 10_000),
        f"its sound is cut off at full scale for {_millis(on_ceiling)} ms in all",
    )
