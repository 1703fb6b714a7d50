"""Segments of random films: every frame and packet once, at its time, cut where clips agree."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.delivery import HlsTimeline
from chainer.timebase import AAC_FRAME, AvGrid
from chainer.timeline import Body, Layout, keyframes
from chainer.timeline.segments import Stretch, picture_cuts, sound_cuts, stretches

from .test_layout import NARROW, ODD_RATES, RATES, film_packets, films, grid_at, length

steady = settings(derandomize=True, deadline=None, max_examples=200)
CONTINUOUS, SHARED = HlsTimeline.CONTINUOUS, HlsTimeline.SHARED


def count(run: tuple[int, int]) -> int:
    return run[1] - run[0]


def check_all_is_there_once(layout: Layout, found: tuple[Stretch, ...]) -> None:
    by_part = {one.part: one for one in found}
    assert len(by_part) == len(found)
    for number, piece in enumerate(layout.pieces):
        frames, packets = length(piece), piece.packet_last - piece.packet_first
        if not frames and not packets:
            assert number not in by_part
            continue
        one = by_part[number]
        assert (count(one.frames), count(one.packets)) == (frames, packets)
        if isinstance(piece, Body):
            assert one.frames == (piece.first, piece.last)
            assert one.packets == (piece.packet_first, piece.packet_last)
        else:
            assert (one.frames[0], one.packets[0]) == (0, 0)


@steady
@given(made=films([*RATES, *ODD_RATES]))
def test_times_of_the_film_follow_one_another(made: tuple[Layout, AvGrid, int]) -> None:
    layout, _, _ = made
    found = stretches(layout, CONTINUOUS)
    check_all_is_there_once(layout, found)
    frame = packet = 0
    for one in found:
        assert (one.at_frame, one.at_packet, one.period) == (frame, packet, 0)
        piece = layout.pieces[one.part or 0]
        assert one.at_frame == piece.at
        assert (one.at_packet, packet + count(one.packets)) == film_packets(layout, piece)
        frame += count(one.frames)
        packet += count(one.packets)
    assert (frame, packet) == (layout.frames, layout.packets)


def has_both(layout: Layout, slot: int) -> bool:
    """Whether a clip and the joint after it have pictures as well as sound."""
    own = [p for p in layout.pieces if (p.slot if isinstance(p, Body) else p.left) == slot]
    return any(length(p) for p in own) and any(p.packet_first < p.packet_last for p in own)


@steady
@given(made=films([*RATES, *ODD_RATES]))
def test_times_of_clips_are_the_same_at_every_place(made: tuple[Layout, AvGrid, int]) -> None:
    layout, _, _ = made
    found = stretches(layout, SHARED)
    check_all_is_there_once(layout, found)
    periods: dict[int, list[Stretch]] = {}
    for one in found:
        periods.setdefault(one.period, []).append(one)
        piece = layout.pieces[one.part or 0]
        assert one.at_frame >= 0
        assert one.at_packet >= 0
        if isinstance(piece, Body) and has_both(layout, piece.slot):
            # The clip's own numbers, wherever it stands.
            assert (one.at_frame, one.at_packet) == (piece.first, piece.packet_first)
    assert list(periods) == list(range(len(periods)))
    for own in periods.values():
        # Players hold the periods of both against each other.
        assert any(count(one.frames) for one in own)
        assert any(count(one.packets) for one in own)
        for before, after in pairwise(own):
            assert after.at_frame == before.at_frame + count(before.frames)
            assert after.at_packet == before.at_packet + count(before.packets)


@steady
@given(made=films(NARROW), timeline=st.sampled_from(list(HlsTimeline)))
def test_a_bed_takes_the_place_of_all_sound(
    made: tuple[Layout, AvGrid, int], timeline: HlsTimeline
) -> None:
    layout, _, _ = made
    plain = stretches(layout, timeline)
    found = stretches(layout, timeline, bed=True)
    beds = [one for one in found if one.part is None]
    assert all(one.packets == (0, 0) for one in found if one.part is not None)
    assert [one.packets[0] for one in beds] == [0, *(one.packets[1] for one in beds[:-1])]
    assert beds[-1].packets[1] == layout.packets
    assert [one.period for one in beds] == sorted({one.period for one in plain})
    for one in beds:
        first = next(p for p in plain if p.period == one.period and count(p.packets))
        assert one.at_packet == first.at_packet
        assert sum(count(p.packets) for p in plain if p.period == one.period) == count(one.packets)


@st.composite
def runs(draw: st.DrawFn) -> tuple[int, int, int, AvGrid, int]:
    frames = draw(st.integers(1, 1300))
    first = draw(st.integers(0, frames))
    last = draw(st.integers(first, frames))
    rate = draw(st.sampled_from([*RATES, *ODD_RATES]))
    return frames, first, last, grid_at(rate), draw(st.sampled_from([1, 2, 3, 7]))


@steady
@given(run=runs())
def test_pictures_are_cut_at_keyframes_of_the_clip(
    run: tuple[int, int, int, AvGrid, int],
) -> None:
    frames, first, last, grid, spacing = run
    edges = picture_cuts(first, last, grid, spacing)
    if first == last:
        assert edges == ()
        return
    assert (edges[0], edges[-1]) == (first, last)
    assert all(before < after for before, after in pairwise(edges))
    assert set(edges[1:-1]) <= set(keyframes(frames, grid, spacing))
    if len(edges) > 2:
        assert min(after - before for before, after in pairwise(edges)) >= int(grid.fps)
    # No segment goes on for more than the usual and a shortest one at either end, and two steps
    # from the head to the first keyframe in line.
    step = spacing * grid.frames
    usual = step * max(1, round(Fraction(16, 5) * grid.fps / step))
    assert max(after - before for before, after in pairwise(edges)) <= (
        usual + 2 * int(grid.fps) + 2 * grid.frames
    )


@steady
@given(run=runs(), other=st.integers(0, 1300))
def test_parts_of_one_clip_share_what_they_have_in_common(
    run: tuple[int, int, int, AvGrid, int], other: int
) -> None:
    _, first, last, grid, spacing = run
    last = max(last, first + 1)
    for cuts in (picture_cuts, sound_cuts):
        edges = cuts(first, last, grid, spacing)
        longer = cuts(first, last + other, grid, spacing)
        assert list(pairwise(longer))[: len(edges) - 2] == list(pairwise(edges))[:-1]
        earlier = cuts(max(0, first - other), last, grid, spacing)
        assert set(list(pairwise(edges))[1:]) <= set(pairwise(earlier))


@steady
@given(run=runs())
def test_sound_is_cut_beside_the_pictures(run: tuple[int, int, int, AvGrid, int]) -> None:
    _, first, last, grid, spacing = run
    edges = sound_cuts(first, last, grid, spacing)
    if first == last:
        assert edges == ()
        return
    assert (edges[0], edges[-1]) == (first, last)
    assert all(before < after for before, after in pairwise(edges))
    least = int(Fraction(grid.sample_rate, AAC_FRAME))
    if len(edges) > 2:
        assert min(after - before for before, after in pairwise(edges)) >= least
    frames = range(2 * grid.frames, 4000, spacing * grid.frames)
    assert set(edges[1:-1]) <= {grid.aac_frames(frame) for frame in frames}


def test_the_house_cuts_its_clips_about_every_three_seconds() -> None:
    house = grid_at(Fraction(30))
    assert picture_cuts(0, 300, house, 3) == (0, 128, 224, 300)
    assert picture_cuts(12, 288, house, 3) == (12, 128, 224, 288)
    assert picture_cuts(0, 250, house, 3) == (0, 128, 250)
    assert picture_cuts(100, 300, house, 3) == (100, 224, 300)
    assert sound_cuts(0, 470, house, 3) == (0, 200, 350, 470)
    assert sound_cuts(20, 450, house, 3) == (20, 200, 350, 450)
