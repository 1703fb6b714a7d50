"""The contact sheet: every joint before and after correction, every character through time.

Draws what reports and crops say and measures nothing. White, aligned, in pages that any viewer
opens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainer.memory.canvas import (
    EMPTY,
    GOOD,
    INK,
    LINE,
    SOFT,
    WARN,
    Colour,
    Pen,
    blank,
    box,
    decoded,
    paste,
    png,
    swatches,
)
from chainer.memory.grade import apply_grade
from chainer.memory.observation import Picture
from chainer.memory.pixels import fit
from chainer.memory.report import JointReport, Measure
from chainer.memory.state import Palette
from chainer.memory.summary import KIND_WORDS, cut_words

PAGE_HEIGHT = 6000
"""The highest page, pixels."""

_MARGIN = 32
_CELL = (296, 168)
_TALL = 296
"""The height of a row with a picture that is not wide."""
_GAP = 12
_TEXT = 420
_WIDTH = 2 * _MARGIN + 3 * _CELL[0] + 2 * _GAP + 24 + _TEXT
_INNER = _WIDTH - 2 * _MARGIN
_LEAD = 21
_CROP = (214, 160)
_CROPS_A_ROW = 6
_MEASURES = 9
_FINDINGS = 3


@dataclass(frozen=True, slots=True, eq=False)
class SheetJoint:
    """A joint: the last picture of one clip as shown, the first of the next as it came.

    None where there is no picture.
    """

    report: JointReport
    last: Picture | None
    first: Picture | None


@dataclass(frozen=True, slots=True, eq=False)
class SheetCrop:
    """A JPEG of a character in an atom, and the colours worn there."""

    atom: str
    data: bytes
    palette: Palette = ()


@dataclass(frozen=True, slots=True, eq=False)
class SheetCharacter:
    """A character, crops in order of time, and a line of what is remembered."""

    id: str
    name: str
    crops: tuple[SheetCrop, ...]
    text: str = ""


def contact_sheet(
    joints: Sequence[SheetJoint], characters: Sequence[SheetCharacter], title: str
) -> tuple[bytes, ...]:
    """The pages as PNGs, one unless there are many joints; none higher than `PAGE_HEIGHT`."""
    pen = Pen()
    strips = [*_joints(pen, joints), *_characters(pen, characters)]
    room = PAGE_HEIGHT - _head(pen, title, 1, 1).shape[0] - _MARGIN
    pages: list[list[Picture]] = [[]]
    used = 0
    for strip in strips:
        if pages[-1] and used + strip.shape[0] > room:
            pages.append([])
            used = 0
        pages[-1].append(strip)
        used += strip.shape[0]
    foot = blank(_WIDTH, _MARGIN)
    return tuple(
        png(np.vstack([_head(pen, title, number, len(pages)), *page, foot]))
        for number, page in enumerate(pages, 1)
    )


# -- inside ----------------------------------------------------------------------


def _head(pen: Pen, title: str, page: int, pages: int) -> Picture:
    lines = pen.wrapped(title, _INNER - 120, 2, size=26, bold=True) or ["continuity"]
    strip = blank(_WIDTH, 40 + 34 * len(lines) + 38)
    for number, line in enumerate(lines):
        pen.text(strip, line, _MARGIN, 52 + 34 * number, size=26, bold=True)
    if pages > 1:
        said = f"page {page} of {pages}"
        pen.text(strip, said, _WIDTH - _MARGIN - pen.width(said), 52, colour=SOFT)
    legend = "each joint: the last frame as shown, the first frame as it came, and as corrected"
    pen.text(strip, legend, _MARGIN, strip.shape[0] - 22, colour=SOFT)
    return strip


def _joints(pen: Pen, joints: Sequence[SheetJoint]) -> Iterator[Picture]:
    if not joints:
        strip = blank(_WIDTH, 48)
        pen.text(strip, "no joints", _MARGIN, 30, colour=SOFT)
        yield strip
    for joint in joints:
        yield _joint(pen, joint)


def _joint(pen: Pen, joint: SheetJoint) -> Picture:
    lines = _lines(pen, joint.report)
    shown = [pixels for pixels in (joint.last, joint.first) if pixels is not None]
    wide = all(pixels.shape[1] >= 1.3 * pixels.shape[0] for pixels in shown)
    cell = (_CELL[0], _CELL[1] if wide else _TALL)
    high = max(cell[1] + 30, _LEAD * len(lines) + 8)
    strip = blank(_WIDTH, 52 + high + 14)
    _rule(strip)
    _joint_head(pen, strip, joint.report)
    report, top = joint.report, 52
    captions = (
        f"{report.source}, last",
        f"{report.target}, first",
        f"{report.target}, corrected",
    )
    first = None if joint.first is None else _small(joint.first)
    corrected = None
    if first is not None and report.grade is not None:
        corrected = apply_grade(first, report.grade)
    cells = (joint.last, first, corrected)
    for column, (pixels, caption) in enumerate(zip(cells, captions, strict=True)):
        left = _MARGIN + column * (_CELL[0] + _GAP)
        if pixels is None:
            plain = column == 2 and report.grade is None
            words = ["no correction", report.grade_why] if plain else ["no picture"]
            _empty(pen, strip, left, top, *cell, words)
        else:
            box(strip, left, top, *cell, EMPTY)
            paste(strip, pixels, left, top, *cell)
        said = pen.clipped(caption, _CELL[0], size=15)
        pen.text(strip, said, left, top + cell[1] + 20, size=15, colour=SOFT)
    left = _WIDTH - _MARGIN - _TEXT
    for number, (texts, colour) in enumerate(lines):
        for shift, text in texts:
            pen.text(strip, text, left + shift, top + 14 + _LEAD * number, size=15, colour=colour)
    return strip


def _joint_head(pen: Pen, strip: Picture, report: JointReport) -> None:
    """`a1 → a2   same set-up   light, colour`."""
    names = [pen.clipped(one, 260, size=18, bold=True) for one in (report.source, report.target)]
    x = _MARGIN
    for text, size, colour, bold in (
        (" → ".join(names), 18, INK, True),
        (KIND_WORDS[report.kind], 16, SOFT, False),
        (
            ", ".join(flag.value for flag in report.flags) or "no drift",
            16,
            WARN if report.flags else GOOD,
            bool(report.flags),
        ),
    ):
        pen.text(strip, text, x, 38, size=size, colour=colour, bold=bold)
        x += pen.width(text, size=size, bold=bold) + 22


_Line = tuple[list[tuple[int, str]], Colour]
"""Texts with their place from the left, and their colour."""


def _lines(pen: Pen, report: JointReport) -> list[_Line]:
    """Measures against thresholds, what was found, correction and cut."""
    ranked = sorted(report.measures, key=lambda item: not item[1].exceeds)[:_MEASURES]
    kept = [item for item in report.measures if item in ranked]
    raised = {finding.measure for finding in report.findings if finding.counts}
    lines: list[_Line] = [_measure_line(pen, name, one, name in raised) for name, one in kept]
    if left := len(report.measures) - len(kept):
        lines.append(([(0, f"and {left} more within limits")], SOFT))
    if lines and report.findings:
        lines.append(([], INK))
    for finding in report.findings[:_FINDINGS]:
        declared = f"meant ({finding.declared}): " if finding.declared else ""
        said = f"{declared}{finding.words} ({finding.confidence:.0%})"
        colour = SOFT if finding.declared else INK
        lines += [([(0, one)], colour) for one in pen.wrapped(said, _TEXT, 2, size=15)]
    if left := len(report.findings) - _FINDINGS:
        lines += [([(0, f"and {left} more findings")], SOFT)] if left > 0 else []
    if report.grade is not None or report.cut.into or report.cut.out:
        lines.append(([], INK))
    if (grade := report.grade) is not None:
        said = f"grade {grade.shift:.1f} → {grade.residual:.1f} dE, {grade.score:.0%} registered"
        origin = f" with {grade.reference}" if grade.reference else ""
        lines.append(([(0, pen.clipped(said + origin, _TEXT, size=15))], GOOD))
    if cut := cut_words(report.cut):
        lines.append(([(0, ", ".join(cut))], INK))
    return lines


def _measure_line(pen: Pen, name: str, measure: Measure, raised: bool) -> _Line:  # noqa: FBT001
    """Red where the measure raised a flag; what only sorts joints is never a fault."""
    value = f"{measure.value:.2f} {measure.unit}".rstrip()
    limit = f"limit {measure.threshold:.2f}"
    clipped = pen.clipped(name.replace("_", " "), 170, size=15)
    return [(0, clipped), (180, value), (310, limit)], WARN if raised else INK


def _characters(pen: Pen, characters: Sequence[SheetCharacter]) -> Iterator[Picture]:
    for character in characters:
        rows = [
            character.crops[at : at + _CROPS_A_ROW]
            for at in range(0, len(character.crops), _CROPS_A_ROW)
        ]
        for number, row in enumerate(rows or [()]):
            yield _character_row(pen, character, row, first=number == 0)


def _character_row(
    pen: Pen, character: SheetCharacter, crops: Sequence[SheetCrop], *, first: bool
) -> Picture:
    top = 56 if first else 10
    strip = blank(_WIDTH, top + (_CROP[1] + 84 if crops else 0))
    if first:
        _rule(strip)
        name = pen.clipped(pen.named(character.name, character.id), 420, size=18, bold=True)
        pen.text(strip, name, _MARGIN, 38, size=18, bold=True)
        x = _MARGIN + pen.width(name, size=18, bold=True) + 22
        text = character.text if crops else character.text or "never seen"
        said = pen.clipped(text, _WIDTH - _MARGIN - x, size=15)
        pen.text(strip, said, x, 38, size=15, colour=SOFT)
    step = (_INNER - _CROP[0]) // (_CROPS_A_ROW - 1)
    for column, crop in enumerate(crops):
        left = _MARGIN + column * step
        pixels = decoded(crop.data)
        if pixels is None:
            _empty(pen, strip, left, top, *_CROP, ["no picture"])
        else:
            box(strip, left, top, *_CROP, EMPTY)
            paste(strip, pixels, left, top, *_CROP)
        atom = pen.clipped(crop.atom, _CROP[0], size=15)
        pen.text(strip, atom, left, top + _CROP[1] + 20, size=15)
        below = top + _CROP[1] + 30
        if crop.palette:
            swatches(strip, pen, crop.palette, left, below, width=41, height=22)
        else:
            pen.text(strip, "no colours", left, below + 18, size=15, colour=SOFT)
    return strip


def _empty(
    pen: Pen, strip: Picture, x: int, y: int, width: int, height: int, words: Sequence[str]
) -> None:
    """A pale cell that says why it is empty."""
    box(strip, x, y, width, height, EMPTY)
    lines = [words[0]]
    for more in words[1:]:
        lines += pen.wrapped(more, width - 32, 3, size=15)
    top = y + (height - _LEAD * len(lines)) // 2 + 15
    for number, line in enumerate(lines):
        left = x + (width - pen.width(line, size=15)) // 2
        pen.text(strip, line, left, top + _LEAD * number, size=15, colour=SOFT)


def _small(pixels: Picture) -> Picture:
    """No larger than the sheet can show: correcting a full frame would only cost."""
    side = 2 * _CELL[0]
    return fit(pixels, side) if max(pixels.shape[:2]) > side else pixels


def _rule(strip: Picture) -> None:
    box(strip, _MARGIN, 8, _INNER, 1, LINE)
