"""What is wrong with the part of a take that plays: pure, from its survey and its probe.

Real clips fade, hold still on purpose, pan, are filmed at night and drawn on twos. Each rule says
what tells a defect from that, and `docs/takes.md` what it cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from statistics import median

from chainer.media.info import MediaInfo
from chainer.quality.heard import judge_sound
from chainer.quality.policy import QualityPolicy
from chainer.quality.quality import Finding, Quality, quality_of
from chainer.quality.record import Survey
from chainer.quality.repeats import Repeats, repeats_in
from chainer.quality.window import Stretch, Window
from chainer.quality.words import Defect
from chainer.timebase import time_text

_FLICKERS = 5
"""Times that the light turns within the window that is looked at, to be no flash."""
_FLICKER_PICTURES = 8
_STEADY = 8
"""Thousandths by which the edge of a bar may seem to lie elsewhere."""
_SEEN = Fraction(1, 3)
"""Share of the pictures in which a bar is seen to end."""
_UNEVEN = 30
"""Thousandths by which two bars may differ."""
_MOST_BAR = 450
_NEAR_BORDER = 200
"""Thousandths of the height."""
_LEAST_LETTERS, _MOST_LINES, _LINE = 5, 6, 1.5
"""Squares that a mark is wide at least and high at most; how much wider than high."""
_LETTERS = 200
"""Thousandths of its squares in which strokes stand."""
_ALONE = 0.3
"""How dense the edges around a mark are at most beside its own: else it is part of a thing."""


def judge(
    survey: Survey,
    info: MediaInfo,
    *,
    first: Fraction,
    seconds: Fraction,
    wanted_seconds: Fraction | None = None,
    policy: QualityPolicy,
) -> Quality:
    """Judge `[first, first + seconds)`, in seconds from the first picture.

    `wanted_seconds` is how long it should be, None where any length will do. Raises `ValueError`
    for a window without a length or before the first picture. With a policy that is not enabled
    nothing is found and the score is 1.
    """
    if seconds <= 0 or first < 0:
        raise ValueError("a window begins at 0 or later and has a length")
    if not policy.enabled:
        return quality_of((), None)
    window = Window(survey, first, seconds)
    repeats = repeats_in(window)
    findings = [
        *_black(window, policy),
        *_frozen(window, policy),
        *_flicker(window, policy),
        *_exposure(window, policy),
        *_blur(window, policy),
        *_duplicates(window, repeats, policy),
        *judge_sound(window, info, policy),
        *_length(seconds, wanted_seconds, policy),
        *_letterbox(window, policy),
        *_watermark(window, policy),
    ]
    return quality_of(tuple(findings), repeats.rate)


def share(part: Fraction | float, whole: Fraction | float) -> float:
    """`part` of `whole`, from 0 to 1."""
    return min(1.0, max(0.0, float(part) / float(whole))) if whole else 0.0


def shown(seconds: Fraction) -> str:
    """Seconds to a tenth, for people."""
    return f"{float(seconds):.1f}"


def _is_black(window: Window, policy: QualityPolicy) -> tuple[range, list[bool]]:
    pictures = window.survey.pictures
    rows = window.rows(pictures.at)
    return rows, [pictures.top[n] <= 10 * policy.black_light for n in rows]


def _black(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    rows, black = _is_black(window, policy)
    for one in window.stretches(window.survey.pictures.at, rows, black):
        at_end = one.start == 0 or one.end == window.seconds
        least = policy.black_end_seconds if at_end else policy.black_seconds
        if one.seconds >= least:
            yield Finding(
                Defect.BLACK,
                one.start,
                one.end,
                max(0.5, share(one.seconds, window.seconds)),
                f"black for {shown(one.seconds)} s from {shown(one.start)} s on",
            )


def _frozen(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    for one in _still(window, policy):
        yield Finding(
            Defect.FROZEN,
            one.start,
            one.end,
            max(0.3, share(one.seconds, window.seconds)),
            f"the picture stands still for {shown(one.seconds)} s from {shown(one.start)} s on",
        )


def _still(window: Window, policy: QualityPolicy) -> list[Stretch]:
    """Where nothing moves for too long; black that stands still is black."""
    pictures = window.survey.pictures
    rows, black = _is_black(window, policy)
    same = [
        n > rows[0] and pictures.most[n] <= 10 * policy.frozen_change and not dark
        for n, dark in zip(rows, black, strict=True)
    ]
    found = []
    for one in window.stretches(pictures.at, rows, same):
        # The picture before the first repeat is the one that stands.
        begun = replace(one, first=one.first - 1, start=window.moment(pictures.at[one.first - 1]))
        if begun.seconds >= policy.frozen_seconds:
            found.append(begun)
    return found


def _flicker(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    pictures = window.survey.pictures
    rows = window.rows(pictures.at)
    turns = list(_turns([pictures.step[n] if n > rows[0] else 0 for n in rows], policy))
    flags = [False] * len(rows)
    sizes: list[int] = []
    for one, other in zip(turns, turns[_FLICKERS - 1 :], strict=False):
        a, b = one[0], other[0]
        long = (pictures.at[rows[b]] - pictures.at[rows[a]]) * window.survey.tick
        if long <= policy.flicker_seconds or b - a < _FLICKER_PICTURES:
            flags[a : b + 1] = [True] * (b + 1 - a)
            sizes += [size for at, size in turns if a <= at <= b]
    for stretch in window.stretches(pictures.at, rows, flags):
        size = median(sizes) / 10
        yield Finding(
            Defect.FLICKER,
            stretch.start,
            stretch.end,
            min(1.0, size / 20) * (0.5 + share(stretch.seconds, window.seconds) / 2),
            f"flickers by {size:.0f} levels for {shown(stretch.seconds)} s "
            f"from {shown(stretch.start)} s on",
        )


def _turns(steps: Sequence[int], policy: QualityPolicy) -> Iterator[tuple[int, int]]:
    """Where the light turns, and by how much at least, up as well as down."""
    before = 0
    for n, step in enumerate(steps):
        if abs(step) < 10 * policy.flicker_step:
            continue
        if step * before < 0:
            yield n, min(abs(step), abs(before))
        before = step


def _exposure(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    pictures = window.survey.pictures
    rows, black = _is_black(window, policy)
    burnt = [pictures.light[n] >= 1000 * policy.burnt_share for n in rows]
    crushed = [
        pictures.dark[n] >= 1000 * policy.crushed_share
        and pictures.top[n] <= 10 * policy.crushed_light
        and not dark
        for n, dark in zip(rows, black, strict=True)
    ]
    for defect, flags, column, words in (
        (Defect.BURNT, burnt, pictures.light, "overexposed: {}% of the picture is white"),
        (Defect.CRUSHED, crushed, pictures.dark, "underexposed: {}% of the picture is black"),
    ):
        for one in window.stretches(pictures.at, rows, flags):
            at_end = one.start == 0 or one.end == window.seconds
            whole = one.seconds == window.seconds
            if one.seconds < policy.exposure_seconds + (at_end and not whole):  # a fade
                continue
            size = median(column[one.first : one.last]) / 1000
            yield Finding(
                defect,
                one.start,
                one.end,
                size * (0.5 + share(one.seconds, window.seconds) / 2),
                words.format(f"{100 * size:.0f} ")
                + f" for {shown(one.seconds)} s from {shown(one.start)} s on",
            )


def _blur(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    looks = window.survey.looks
    rows = window.rows(looks.at)
    soft = [0 <= looks.sharp[n] < 1000 * policy.sharpness for n in rows]
    for one in window.stretches(looks.at, rows, soft):
        if one.seconds >= policy.blur_seconds:
            yield Finding(
                Defect.BLUR,
                one.start,
                one.end,
                0.5 + share(one.seconds, window.seconds) / 2,
                f"out of focus for {shown(one.seconds)} s from {shown(one.start)} s on",
            )


def _duplicates(window: Window, repeats: Repeats, policy: QualityPolicy) -> Iterator[Finding]:
    pictures = window.survey.pictures
    rows = window.rows(pictures.at)
    same = [pictures.most[n] <= 10 * policy.frozen_change for n in rows]
    holds = [
        one
        for one in window.stretches(pictures.at, rows, same)
        if one.seconds > policy.hold_seconds
    ]
    _, black = _is_black(window, policy)
    found = [
        one
        for one in repeats.odd
        if not any(hold.first <= one.first < hold.last for hold in holds)
        and not black[one.first - rows[0]]
    ]
    count = sum(one.last - one.first for one in found)
    if len(found) < policy.duplicates or count < policy.duplicates_share * repeats.lively:
        return
    yield Finding(
        Defect.DUPLICATES,
        found[0].start,
        found[-1].end,
        min(1.0, 0.3 + 4 * share(count, repeats.pictures)),
        f"stutters: {count} of {repeats.pictures} pictures are repeated out of step",
    )


def _length(seconds: Fraction, wanted: Fraction | None, policy: QualityPolicy) -> Iterator[Finding]:
    if wanted is None:
        return
    short, long = wanted - seconds, seconds - wanted
    if short > policy.length_short or long > policy.length_long:
        word = "shorter" if short > 0 else "longer"
        by = max(short, long)
        yield Finding(
            Defect.LENGTH,
            None,
            None,
            max(0.2, share(by, wanted)),
            f"{time_text(seconds)} s long, {shown(by)} s {word} than wanted",
        )


def _letterbox(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    looks = window.survey.looks
    rows = window.rows(looks.at)
    for pair, words in (
        ((looks.above, looks.below), "above and below"),
        ((looks.left, looks.right), "left and right"),
    ):
        # Where more than that is black it is night, or a fade.
        lit = [n for n in rows if max(side[n] for side in pair) < _MOST_BAR]
        depths = [[side[n] for n in lit] for side in pair]
        if not lit:
            continue
        bars = [_bar(one, policy) for one in depths]
        if all(bars) and abs(bars[0] - bars[1]) <= _UNEVEN:
            part = sum(bars) / 1000
            yield Finding(
                Defect.LETTERBOX,
                None,
                None,
                min(1.0, 0.3 + 2 * part),
                f"black bars {words} take {100 * part:.0f} % of the picture",
            )


def _bar(depths: Sequence[int], policy: QualityPolicy) -> int:
    """The depth of a bar that stands still, in thousandths; 0 where there is none.

    In a dark picture a bar often cannot be seen to end, or seems to end deeper in the picture; but
    where it is seen, it ends at one line, and never before it.
    """
    deep = [one for one in depths if one >= 1000 * policy.letterbox_share]
    if not deep:
        return 0
    usual = max(deep, key=lambda one: (sum(abs(one - other) <= _STEADY for other in deep), -one))
    steady = sum(abs(one - usual) <= _STEADY for one in deep)
    before = sum(0 < one < usual - _STEADY for one in depths)
    return usual if steady >= _SEEN * len(depths) and not before else 0


def _watermark(window: Window, policy: QualityPolicy) -> Iterator[Finding]:
    for mark in window.survey.marks:
        middle = mark.left + mark.width / 2, mark.top + mark.height / 2
        wide, high = mark.cells
        if (
            not _NEAR_BORDER <= middle[1] <= 1000 - _NEAR_BORDER
            and wide >= _LEAST_LETTERS
            and high <= _MOST_LINES
            and wide >= _LINE * high
            and mark.letters >= _LETTERS
            and mark.filled >= 1000 * policy.watermark_share
            and mark.around <= _ALONE * mark.filled
        ):
            down = "top" if middle[1] < 500 else "bottom"
            side = "left" if middle[0] < 500 else "right"
            yield Finding(
                Defect.WATERMARK,
                None,
                None,
                1.0,
                f"a mark stands still at the {down} {side}",
            )
            return
