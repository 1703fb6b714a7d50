"""Where a film is cut into segments for playlists, and what their times are counted from. Pure.

A stretch is what is packed from one piece. Within it, segments are cut on the clip's own grid and
not on the film's, so that two films that show different parts of one clip still share all segments
but the first and the last. Pictures and sound are cut apart: each has its own absolute times, so
neither has to end where the other does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from chainer.delivery import HlsTimeline
from chainer.timebase import AAC_FRAME, AvGrid
from chainer.timeline.layout import Body, Layout

_MEANT = Fraction(16, 5)
"""Seconds that a segment is meant to have: two spans between keyframes of the house profile."""
_LEAST = Fraction(1)
"""Seconds that a segment has at least, where its stretch is long enough."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames and packets, both [first, last), of one piece; `part` None: of the film's bed.

    `at_frame` and `at_packet` are the times of the first ones. Stretches of one `period` are
    counted from one zero; a film whose times all follow one another has one period.
    """

    part: int | None
    frames: tuple[int, int]
    packets: tuple[int, int]
    at_frame: int
    at_packet: int
    period: int = 0


def stretches(layout: Layout, timeline: HlsTimeline, *, bed: bool = False) -> tuple[Stretch, ...]:
    """Every frame and packet of the film once, in order.

    With a `bed` the parts have no packets: those of the bed follow them, for each period apart.
    """
    zeros = _zeros(layout, timeline)
    found: list[Stretch] = []
    beds: list[Stretch] = []
    frame = packet = 0
    for number, piece in enumerate(layout.pieces):
        if isinstance(piece, Body):
            frames = (piece.first, piece.last)
            packets = (piece.packet_first, piece.packet_last)
            slot = piece.slot
        else:
            frames, packets = (0, piece.frames), (0, piece.packet_last - piece.packet_first)
            slot = piece.left  # a joint goes on from its left clip
        period, zero_frame, zero_packet = zeros[slot]
        count = packets[1] - packets[0]
        if bed:
            beds.append(Stretch(None, (0, 0), (packet, packet + count), 0, 0, period))
            packets = (0, 0)
        if frames[0] < frames[1] or packets[0] < packets[1]:
            at = (frame - zero_frame, packet - zero_packet)
            found.append(Stretch(number, frames, packets, *at, period))
        frame += frames[1] - frames[0]
        packet += count
    if bed:
        found += _joined(beds, {period: zero for period, _, zero in zeros})
    return tuple(found)


def picture_cuts(first: int, last: int, grid: AvGrid, spacing: int) -> tuple[int, ...]:
    """The edges of segments of frames [first, last) of a clip; none where there is no frame.

    Those between the first and the last are keyframes of every clip with a keyframe each
    `spacing` grid steps (see `keyframes`).
    """
    if first >= last:
        return ()
    least = max(1, int(_LEAST * grid.fps))
    return (first, *(at for at in _marks(last, grid, spacing) if first + least <= at), last)


def sound_cuts(first: int, last: int, grid: AvGrid, spacing: int) -> tuple[int, ...]:
    """The edges of segments of packets [first, last) of a clip: where pictures are cut too."""
    if first >= last:
        return ()
    least = int(_LEAST * grid.sample_rate / AAC_FRAME)
    until = int(last * Fraction(AAC_FRAME, grid.sample_rate) * grid.fps) + 1
    marks = (grid.aac_frames(at) for at in _marks(until, grid, spacing))
    return (first, *(at for at in marks if first + least <= at <= last - least), last)


def _marks(frames: int, grid: AvGrid, spacing: int) -> Iterator[int]:
    """Where segments start in a clip of `frames` frames, but for the first."""
    step = spacing * grid.frames
    step *= max(1, round(_MEANT * grid.fps / step))
    least = max(1, int(_LEAST * grid.fps))
    yield from range(2 * grid.frames + step, frames - least + 1, step)


def _zeros(layout: Layout, timeline: HlsTimeline) -> list[tuple[int, int, int]]:
    """(period, frame, packet) that the times of each slot are counted from.

    A slot that has no pictures or no sound of its own goes on from the one before: players hold
    the periods of pictures and sound against each other, so each must have both.
    """
    if timeline is HlsTimeline.CONTINUOUS:
        return [(0, 0, 0)] * len(layout.slots)
    frames = [0] * len(layout.slots)
    packets = [0] * len(layout.slots)
    for piece in layout.pieces:
        slot = piece.slot if isinstance(piece, Body) else piece.left
        frames[slot] += piece.last - piece.first if isinstance(piece, Body) else piece.frames
        packets[slot] += piece.packet_last - piece.packet_first
    found = [(0, 0, 0)]
    for slot in range(1, len(layout.slots)):
        period, frame, packet = found[-1]
        if frames[slot] and packets[slot]:
            period += 1
            frame, packet = layout.starts[slot], layout.sound_starts[slot]
        found.append((period, frame, packet))
    return found


def _joined(beds: list[Stretch], zeros: dict[int, int]) -> Iterator[Stretch]:
    """One stretch of the bed for each period."""
    for period, zero in zeros.items():
        runs = [one.packets for one in beds if one.period == period]
        first, last = runs[0][0], runs[-1][1]
        if first < last:
            yield Stretch(None, (0, 0), (first, last), 0, first - zero, period)
