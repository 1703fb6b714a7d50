"""The layout of random films: every frame and every packet once, and the sound where it is due."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.memory.point import Point
from chainer.memory.report import JointClass
from chainer.profile import Profile
from chainer.timebase import AAC_FRAME, AvGrid
from chainer.timeline import (
    Body,
    Joint,
    JointPiece,
    JointPolicy,
    JointWish,
    Layout,
    Slot,
    choose_joint,
    keyframes,
    lay_out,
)
from chainer.timeline.joint import CUT_FADE_SAMPLES, JointStyle
from chainer.timeline.slot import SlotContent

steady = settings(derandomize=True, deadline=None, max_examples=300)

RATES = [Fraction(rate) for rate in (24, 25, 30, 60)]
NARROW = [Fraction(rate) for rate in (25, 30, 60)]
"""Rates at which the AV grid is narrow enough to bend joints to it."""
ODD_RATES = [Fraction(rate) for rate in (7, 12, 15, 48, 50, 120)]
MAX_ERROR = AAC_FRAME // 2


def slot(frames: int, name: str = "a") -> Slot:
    return Slot(name, SlotContent.ATOM, frames)


def grid_at(fps: Fraction) -> AvGrid:
    return AvGrid(fps, 48_000)


def film(
    fps: Fraction,
    lengths: list[int],
    wishes: list[JointWish],
    policy: JointPolicy,
    keyframe_grids: int = 3,
) -> Layout:
    grid = grid_at(fps)
    slots = [slot(frames, f"a{number}") for number, frames in enumerate(lengths)]
    joints = [
        choose_joint(left, right, wish, policy, fps, grid)
        for (left, right), wish in zip(pairwise(slots), wishes, strict=True)
    ]
    return lay_out(slots, joints, grid, keyframe_grids)


BLENDS = (JointStyle.CROSSFADE, JointStyle.FADE)
SETTLED = (JointStyle.CUT, *BLENDS)
"""Styles that need nobody to look for a point."""


def point(left: int, right: int, made: int = 0) -> Point:
    return Point(left, right, made, 5.0, 1.0, "found for a test")


lengths_of_time = st.fractions(min_value=0, max_value=4, max_denominator=60)
wishes = st.builds(
    JointWish,
    style=st.sampled_from([None, *JointStyle]),
    seconds=st.none() | lengths_of_time,
    time_changes=st.booleans(),
    kind=st.sampled_from([None, *JointClass]),
    drift=st.booleans(),
    lead=st.none() | lengths_of_time,
    lag=st.none() | lengths_of_time,
    point=st.none() | st.builds(point, st.integers(0, 60), st.integers(0, 60), st.integers(0, 12)),
)
policies = st.builds(
    JointPolicy,
    crossfade_seconds=st.sampled_from(["1/30", "0.1", "2/5", "1", "5"]),
    soft_seconds=st.sampled_from(["1/30", "4/15", "1"]),
    fade_seconds=st.sampled_from(["1/30", "0.2", "4/5", "2", "5"]),
    max_seconds=st.sampled_from(["1/2", "3", "10"]),
    auto=st.sampled_from([None, *SETTLED]),
)
frame_counts = st.one_of(
    st.integers(8, 40), st.integers(12, 620), st.sampled_from([12, 239, 240, 300, 301, 600])
)


@st.composite
def films(draw: st.DrawFn, rates: list[Fraction]) -> tuple[Layout, AvGrid, int]:
    fps = draw(st.sampled_from(rates))
    lengths = draw(st.lists(frame_counts, min_size=1, max_size=8))
    asked = [draw(wishes) for _ in lengths[1:]]
    keyframe_grids = draw(st.sampled_from([1, 2, 3, 7, 30]))
    layout = film(fps, lengths, asked, draw(policies), keyframe_grids)
    return layout, grid_at(fps), keyframe_grids


def length(part: Body | JointPiece) -> int:
    return part.last - part.first if isinstance(part, Body) else part.frames


def film_packets(layout: Layout, part: Body | JointPiece) -> tuple[int, int]:
    """[first, last) of a piece's packets, counted in the film."""
    base = layout.sound_starts[part.slot if isinstance(part, Body) else part.left + 1]
    return base + part.packet_first, base + part.packet_last


def check_pictures(layout: Layout, grid: AvGrid, keyframe_grids: int) -> None:
    at = 0
    for part in layout.pieces:
        assert part.at == at
        assert length(part) >= 0
        at += length(part)
        if isinstance(part, Body) and length(part):
            frames = layout.slots[part.slot].frames
            assert part.first in keyframes(frames, grid, keyframe_grids)
            assert 0 <= part.first < part.last <= frames
            assert part.at == layout.starts[part.slot] + part.first
    overlaps = sum(joint.overlap for joint in layout.joints)
    gaps = sum(joint.gap for joint in layout.joints)
    assert at == layout.frames == sum(s.frames for s in layout.slots) - overlaps + gaps


def check_joint_pictures(layout: Layout) -> None:
    """A piece shows the end of one clip and the start of the next, up to where the body goes on."""
    for before, part, after in zip(
        layout.bodies, layout.joint_pieces, layout.bodies[1:], strict=False
    ):
        joint, frames = part.joint, layout.slots[part.left].frames
        assert part.left_first == before.last == frames - joint.left
        assert part.right_last == after.first >= joint.right
        if joint.style in BLENDS:
            assert (part.left_last, part.right_first) == (frames, 0)
            assert joint.overlap <= min(joint.left, joint.right)
            assert joint.made == 0
        else:
            assert (part.left_last, part.right_first) == (part.left_first, joint.right)
            assert joint.overlap - joint.gap == joint.left + joint.right - joint.made
            assert min(joint.overlap, joint.gap) == 0
            assert part.frames == joint.made + part.right_last - joint.right
        start = layout.starts[part.left + 1]
        assert part.at + part.frames == start + part.right_last


def check_every_picture_once(layout: Layout) -> None:
    """What each frame of the film shows, told from the bodies and the pieces' own ranges."""
    shows: list[list[tuple[int, int]]] = [[] for _ in range(layout.frames)]
    made = 0
    for part in layout.pieces:
        if isinstance(part, Body):
            for frame in range(part.first, part.last):
                shows[part.at + frame - part.first].append((part.slot, frame))
            continue
        joint, at = part.joint, part.at
        for frame in range(part.left_first, part.left_last):
            shows[at + frame - part.left_first].append((part.left, frame))
        made += joint.made
        if joint.style is not JointStyle.CROSSFADE:
            at += part.left_last - part.left_first + joint.made
            at += joint.gap if joint.style is JointStyle.FADE else 0
        for frame in range(part.right_first, part.right_last):
            shows[at + frame - part.right_first].append((part.left + 1, frame))
    blended = sum(j.overlap for j in layout.joints if j.style in BLENDS)
    black = sum(j.gap for j in layout.joints if j.style in BLENDS)
    assert sum(len(one) == 2 for one in shows) == blended
    assert sum(not one for one in shows) == black + made
    for number in range(len(layout.slots)):
        first, last = layout.seen(number)
        found = [at for at, one in enumerate(shows) if number in {slot for slot, _ in one}]
        assert found == list(range(first, last))
        for at in found:  # every picture at its own place
            assert (number, at - layout.starts[number]) in shows[at]


def check_packets(layout: Layout) -> None:
    packet = 0
    for part in layout.pieces:
        first, last = film_packets(layout, part)
        assert first == packet
        assert last >= first
        packet = last
    assert packet == layout.packets
    for body in layout.bodies:
        assert body.packet_first >= 0


def check_sound_places(layout: Layout, grid: AvGrid) -> None:
    for start, sound in zip(layout.starts, layout.sound_starts, strict=True):
        assert abs(sound * AAC_FRAME - grid.samples(start)) <= MAX_ERROR
    # The film's sound is there as long as its pictures, the packet of priming not counted.
    assert (layout.packets - 1) * AAC_FRAME >= grid.samples(layout.frames)


def impure(layout: Layout, part: JointPiece, grid: AvGrid) -> tuple[int, int]:
    """Samples of the film [first, last) whose sound is not that of one clip alone.

    Told from what the joint renderer does: fades fade each clip by itself, all others fade over
    each other where the joint says. The conformed left clip is faded out in its last 144 samples.
    """
    left_start = layout.sound_starts[part.left] * AAC_FRAME
    right_start = layout.sound_starts[part.left + 1] * AAC_FRAME
    left_end = left_start + grid.samples(layout.slots[part.left].frames)
    joint = part.joint
    if joint.style is JointStyle.FADE:
        return left_end - grid.samples(joint.left), right_start + grid.samples(joint.right)
    change = right_start + grid.samples(joint.sound_at)
    fade = CUT_FADE_SAMPLES
    if joint.style is JointStyle.CROSSFADE:
        fade = max(144, grid.samples(joint.right))
    elif joint.made:
        fade = grid.samples(joint.sound_at + joint.made) - grid.samples(joint.sound_at)
    return min(change, left_end - 144), change + fade


def check_sound_is_pure_at_splices(layout: Layout, grid: AvGrid) -> None:
    """Packet k carries frames k-1 and k: the frame before each splice must be of one sound."""
    parts = {part.left: part for part in layout.joint_pieces}
    for part in parts.values():
        first, last = film_packets(layout, part)
        start, end = impure(layout, part, grid)
        assert first * AAC_FRAME <= start
        assert end <= (last - 1) * AAC_FRAME
        if before := parts.get(part.left - 1):
            # nor may the joint before it still sound in the frame before the splice
            assert impure(layout, before, grid)[1] <= (first - 1) * AAC_FRAME
        if after := parts.get(part.left + 1):
            assert last * AAC_FRAME <= impure(layout, after, grid)[0]


def check(layout: Layout, grid: AvGrid, keyframe_grids: int) -> None:
    check_pictures(layout, grid, keyframe_grids)
    check_joint_pictures(layout)
    check_every_picture_once(layout)
    check_packets(layout)
    check_sound_places(layout, grid)
    check_sound_is_pure_at_splices(layout, grid)


@steady
@given(films(RATES))
def test_every_frame_and_packet_has_its_place(made: tuple[Layout, AvGrid, int]) -> None:
    check(*made)


@settings(steady, max_examples=200)
@given(films(ODD_RATES))
def test_also_at_rates_that_are_seldom_used(made: tuple[Layout, AvGrid, int]) -> None:
    check(*made)


@pytest.mark.parametrize("fps", RATES)
@settings(steady, max_examples=60)
@given(
    lengths=st.lists(st.integers(8, 30), min_size=2, max_size=6),
    wish=st.sampled_from(
        [
            *(
                JointWish(style=style, seconds=Fraction(3), point=point(4, 4))
                for style in JointStyle
            ),
            JointWish(style=JointStyle.MORPH, point=point(0, 0, 12)),
            JointWish(style=JointStyle.MORPH, point=point(3, 1, 4)),
            JointWish(lead=Fraction(3)),
            JointWish(lag=Fraction(3)),
        ]
    ),
)
def test_very_short_clips_between_long_joints(
    fps: Fraction, lengths: list[int], wish: JointWish
) -> None:
    asked = [wish] * (len(lengths) - 1)
    check(film(fps, lengths, asked, JointPolicy()), grid_at(fps), 3)


@pytest.mark.parametrize("fps", NARROW)
@settings(steady, max_examples=80)
@given(data=st.data())
def test_joints_left_open_keep_to_the_grid(fps: Fraction, data: st.DataObject) -> None:
    """Clips long enough for the joint: no sound is shifted by a single sample."""
    grid = grid_at(fps)
    long_enough = 2 * (grid.frames + to_frames_up(fps)) + 16
    lengths = data.draw(st.lists(st.integers(long_enough, 620), min_size=2, max_size=8))
    soft = JointWish(kind=JointClass.SEAMLESS, drift=True)
    open_ones = st.sampled_from([JointWish(), JointWish(time_changes=True), soft])
    asked = [data.draw(open_ones) for _ in lengths[1:]]
    layout = film(fps, lengths, asked, JointPolicy())
    assert all(start % grid.frames == 0 for start in layout.starts)
    for start, sound in zip(layout.starts, layout.sound_starts, strict=True):
        assert sound * AAC_FRAME == grid.samples(start)
        assert start * Fraction(48_000) / fps == sound * AAC_FRAME
    for part in layout.joint_pieces:
        if part.joint.style is JointStyle.CROSSFADE:
            # picture and sound of the piece start together and, but for a packet, end together
            first, last = film_packets(layout, part)
            assert first == grid.aac_frames(part.at)
            end = (part.at + part.frames) * Fraction(48_000) / fps / AAC_FRAME
            assert -Fraction(1, 2) <= last - end < 2


def test_joints_are_not_bent_to_a_grid_of_seconds() -> None:
    """At 24 fps video and AAC frames meet only every 2.7 s: lengths stay as meant."""
    layout = film(
        Fraction(24), [240, 251, 240], [JointWish(), JointWish(time_changes=True)], JointPolicy()
    )
    crossfade, fade = layout.joints
    assert (crossfade.overlap, crossfade.gap) == (10, 0)
    assert (fade.left, fade.gap, fade.right) == (9, 0, 9)
    check(layout, grid_at(Fraction(24)), 3)


def to_frames_up(fps: Fraction) -> int:
    return -(-fps.numerator // fps.denominator)


@pytest.mark.parametrize("fps", NARROW)
@settings(steady, max_examples=60)
@given(data=st.data())
def test_a_pair_has_the_same_joint_wherever_it_stands(fps: Fraction, data: st.DataObject) -> None:
    grid = grid_at(fps)
    long_enough = 2 * (grid.frames + to_frames_up(fps)) + 16
    any_length = st.integers(long_enough, 620)
    left, right = data.draw(any_length), data.draw(any_length)
    wish = data.draw(
        st.sampled_from(
            [
                *(JointWish(), JointWish(time_changes=True)),
                *(JointWish(lead=Fraction(1, 2)), JointWish(lag=Fraction(1, 3))),
                JointWish(style=JointStyle.MATCH, point=point(7, 5)),
                JointWish(style=JointStyle.MORPH, point=point(3, 0, 6)),
            ]
        )
    )
    found = []
    for _ in range(2):
        before = data.draw(st.lists(any_length, max_size=3))
        after = data.draw(st.lists(any_length, max_size=3))
        lengths = [*before, left, right, *after]
        asked = [JointWish()] * (len(lengths) - 1)
        asked[len(before)] = wish
        layout = film(fps, lengths, asked, JointPolicy())
        found.append(layout.joint_pieces[len(before)])
    one, other = found
    assert one.joint == other.joint
    numbers = [
        "left_first",
        "left_last",
        "right_first",
        "right_last",
        "shift",
        "packet_first",
        "packet_last",
        "frames",
    ]
    assert [getattr(one, n) for n in numbers] == [getattr(other, n) for n in numbers]


@steady
@given(st.sampled_from(RATES), frame_counts, frame_counts, frame_counts, wishes, policies)
def test_the_decision_knows_only_the_two(
    fps: Fraction, left: int, right: int, other: int, wish: JointWish, policy: JointPolicy
) -> None:
    """Names do not matter, and calling twice gives the same."""
    grid = grid_at(fps)
    one = choose_joint(slot(left, "x"), slot(right, "y"), wish, policy, fps, grid)
    two = choose_joint(slot(left, "z"), slot(right, "z"), wish, policy, fps, grid)
    assert one == two


@steady
@given(
    st.sampled_from(RATES),
    st.integers(200, 620),
    st.integers(200, 620),
    st.sampled_from(BLENDS),
    st.integers(2, 72),
)
def test_an_asked_length_is_kept_to_the_frame(
    fps: Fraction, left: int, right: int, style: JointStyle, frames: int
) -> None:
    wish = JointWish(style=style, seconds=Fraction(frames) / fps)
    policy = JointPolicy(max_seconds=Fraction(10))
    joint = choose_joint(slot(left), slot(right), wish, policy, fps, grid_at(fps))
    assert joint.style is style
    assert joint.notes == ()
    if style is JointStyle.CROSSFADE:
        assert (joint.left, joint.right, joint.overlap, joint.gap) == (frames, frames, frames, 0)
    else:
        assert joint.left + joint.gap + joint.right == frames
        assert min(joint.left, joint.right) >= 1
        assert abs(joint.left - joint.right) <= 1
        assert joint.gap <= frames // 2
        # the black goes to the grid or is left out
        assert joint.gap == 0 or (left + joint.gap) % grid_at(fps).frames == 0


def decide(
    left: int, right: int, wish: JointWish | None = None, policy: JointPolicy | None = None
) -> Joint:
    fps = Fraction(30)
    return choose_joint(
        slot(left), slot(right), wish or JointWish(), policy or JointPolicy(), fps, grid_at(fps)
    )


def test_the_house_crossfade_is_twelve_frames() -> None:
    joint = decide(300, 300)
    assert joint.style is JointStyle.CROSSFADE
    assert (joint.left, joint.right, joint.overlap, joint.gap) == (12, 12, 12, 0)
    layout = film(Fraction(30), [300] * 3, [JointWish()] * 2, JointPolicy())
    assert layout.starts == (0, 288, 576)
    assert layout.sound_starts == (0, 450, 900)
    piece = layout.joint_pieces[0]
    assert (piece.left_first, piece.right_last, piece.frames, piece.shift) == (288, 12, 12, 450)
    assert (piece.packet_first, piece.packet_last) == (0, 20)


def test_a_change_of_time_fades() -> None:
    joint = decide(300, 300, JointWish(time_changes=True))
    assert joint.style is JointStyle.FADE
    assert (joint.left, joint.gap, joint.right) == (12, 4, 12)
    assert "time" in joint.why


@pytest.mark.parametrize(
    ("kind", "drift", "style", "words"),
    [
        (None, False, JointStyle.CROSSFADE, "nothing declared"),
        (None, True, JointStyle.CROSSFADE, "nothing declared"),
        (JointClass.SEAMLESS, False, JointStyle.CUT, "one shot goes on"),
        (JointClass.SEAMLESS, True, JointStyle.CROSSFADE, "colours still differ"),
        (JointClass.SAME_SETUP, False, JointStyle.CROSSFADE, "hides the jump"),
        (JointClass.SAME_SETUP, True, JointStyle.CROSSFADE, "hides the jump"),
        (JointClass.NEW_SETUP, False, JointStyle.CUT, "as films do"),
        (JointClass.NEW_SETUP, True, JointStyle.CUT, "as films do"),
    ],
)
def test_what_was_seen_chooses_a_joint_left_open(
    kind: JointClass | None, drift: bool, style: JointStyle, words: str
) -> None:
    wish = JointWish(kind=kind, drift=drift)
    joint = decide(300, 300, wish)
    assert joint.style is style
    assert words in joint.why
    # What is declared of time says more, and the author and the settings say it first.
    assert decide(300, 300, replace(wish, time_changes=True)).style is JointStyle.FADE
    for other in SETTLED:
        assert decide(300, 300, replace(wish, style=other)).why == "asked for by the author"
        assert decide(300, 300, wish, JointPolicy(auto=other)).style is other


def test_a_shot_whose_colours_differ_goes_over_sooner_where_the_grid_lets_it() -> None:
    soft = JointWish(kind=JointClass.SEAMLESS, drift=True)
    usual = JointWish(kind=JointClass.SAME_SETUP)
    lengths = {rest: decide(288 + rest, 300, soft).overlap for rest in range(16)}
    assert lengths[8] == 8
    assert lengths[12] == 12  # from a clip of 10 s 12 frames, or 28, keep to the grid
    assert all(length % 16 == rest for rest, length in lengths.items())
    assert all(4 <= length <= 19 for length in lengths.values())
    sums = [sum(decide(288 + r, 300, wish).overlap for r in range(16)) for wish in (soft, usual)]
    assert sums[0] < sums[1]
    joint = decide(300, 300, replace(soft, style=JointStyle.CROSSFADE, seconds=Fraction(4, 15)))
    assert joint.overlap == 8  # an author's length is kept
    off = decide(296, 300, soft, JointPolicy(soft_seconds=Fraction(1)))
    assert off.overlap in (24, 40)


@pytest.mark.parametrize("style", SETTLED)
def test_the_author_and_the_settings_decide(style: JointStyle) -> None:
    assert decide(300, 300, JointWish(style=style, time_changes=True)).style is style
    joint = decide(300, 300, JointWish(time_changes=True), JointPolicy(auto=style))
    assert joint.style is style
    cut = JointWish(style=JointStyle.CUT)
    assert decide(300, 300, cut, JointPolicy(auto=style)).style is JointStyle.CUT


def test_a_cut_has_no_picture_and_still_joins_the_sound() -> None:
    layout = film(Fraction(30), [300, 300], [JointWish(style=JointStyle.CUT)], JointPolicy())
    piece = layout.joint_pieces[0]
    assert piece.frames == 0
    assert not piece.joint.is_picture
    assert piece.packet_last > piece.packet_first
    assert layout.bodies[1].first == 0
    assert layout.frames == 600


@pytest.mark.parametrize(
    ("wish", "picture", "sound_at", "new"),
    [
        (JointWish(lead=Fraction(2, 5)), (0, 12), 0, 0),  # 12 is a keyframe: nothing is new
        (JointWish(lead=Fraction(1, 2)), (0, 15), 0, 1),
        (JointWish(JointStyle.CUT, lead=Fraction(1)), (0, 30), 0, 2),
        (JointWish(lag=Fraction(1, 2)), (15, 0), 15, 0),
        (JointWish(JointStyle.CUT, lag=Fraction(37, 30)), (37, 0), 37, 0),
    ],
)
def test_a_cut_may_cut_the_sound_earlier_or_later(
    wish: JointWish, picture: tuple[int, int], sound_at: int, new: int
) -> None:
    joint = decide(300, 300, wish)
    overlap = sum(picture)
    assert joint == Joint(
        JointStyle.CUT, *picture, overlap, 0, "asked for by the author", sound_at=sound_at
    )
    layout = film(Fraction(30), [300, 300], [wish], JointPolicy())
    piece = layout.joint_pieces[0]
    assert layout.starts[1] == 300 - overlap
    assert layout.seen(0) == (0, 300 - picture[0])
    assert layout.seen(1) == (300 - picture[0], layout.frames)
    assert piece.frames == new
    assert layout.bodies[0].last == 300 - picture[0]
    assert layout.bodies[1].first == picture[1] + new


def test_sound_that_leads_or_lags_keeps_within_its_neighbours() -> None:
    for wish in (JointWish(lead=Fraction(2)), JointWish(lag=Fraction(2))):
        for lengths in ((300, 40), (40, 300)):
            joint = decide(*lengths, wish)
            # half of what four AAC frames leave of 40 frames, and a frame to change the sound in
            assert joint.overlap == (17 if lengths[1] == 40 else 18)
            assert joint.notes == (f"shortened to {joint.overlap} frames: a neighbour is short",)
        joint = decide(300, 300, replace(wish, lead=wish.lead and 9, lag=wish.lag and 9))
        assert joint.overlap == 90
        assert "at most 3 s" in joint.notes[0]
        tiny = decide(300, 6, wish)
        assert (tiny.style, tiny.overlap) == (JointStyle.CUT, 0)
        assert tiny.notes == ("picture and sound are cut together: a clip is too short",)


def test_less_than_a_frame_neither_leads_nor_lags() -> None:
    joint = decide(300, 300, JointWish(lead=Fraction(1, 100)))
    assert joint.overlap == 0
    assert joint.notes == ("picture and sound are cut together: 0.01 s are less than a frame",)


def test_contradictions_are_settled_and_said() -> None:
    both = decide(300, 300, JointWish(lead=Fraction(1, 2), lag=Fraction(1, 3)))
    assert (both.left, both.right) == (0, 15)
    assert both.notes == ("a joint cannot both lead and lag: it leads",)
    fade = decide(300, 300, JointWish(JointStyle.FADE, lead=Fraction(1, 2)))
    assert fade.style is JointStyle.FADE
    assert fade.notes == ("lead and lag are of cuts: this is a fade",)


def test_a_match_is_a_cut_between_the_frames_that_were_found() -> None:
    wish = JointWish(JointStyle.MATCH, point=point(7, 13))
    joint = decide(300, 300, wish)
    assert joint.style is JointStyle.MATCH
    assert (joint.left, joint.right, joint.overlap, joint.gap) == (7, 13, 20, 0)
    assert (joint.sound_at, joint.made) == (13, 0)
    assert "found for a test" in joint.why
    layout = film(Fraction(30), [300, 300], [wish], JointPolicy())
    piece = layout.joint_pieces[0]
    assert (piece.frames, layout.bodies[1].first) == (3, 16)
    assert layout.frames == 580


@pytest.mark.parametrize(
    ("found", "overlap", "gap", "sound_at"),
    [
        (point(8, 9, 6), 11, 0, 3),  # under the made pictures, where both clips have sound
        (point(12, 2, 6), 8, 0, 0),  # a little later: the right one has not begun under them
        (point(2, 12, 6), 8, 0, 2),
        (point(3, 4, 6), 1, 0, -3),  # too little of both: centred on what there is
        (point(0, 0, 6), 0, 6, -6),
        (point(1, 0, 6), 0, 5, -6),
    ],
)
def test_a_morph_makes_pictures_and_its_sound_goes_over_under_them(
    found: Point, overlap: int, gap: int, sound_at: int
) -> None:
    wish = JointWish(JointStyle.MORPH, point=found)
    joint = decide(300, 300, wish)
    assert joint.style is JointStyle.MORPH
    assert (joint.overlap, joint.gap, joint.sound_at) == (overlap, gap, sound_at)
    assert (joint.left, joint.right, joint.made) == (found.left, found.right, 6)
    layout = film(Fraction(30), [300, 300], [wish], JointPolicy())
    assert layout.joint_pieces[0].frames >= 6
    assert layout.seen(1)[0] - layout.seen(0)[1] == 6


def test_what_was_not_found_is_a_plain_cut_and_says_so() -> None:
    for style in (JointStyle.MATCH, JointStyle.MORPH):
        nobody = decide(300, 300, JointWish(style))
        assert (nobody.style, nobody.overlap) == (JointStyle.CUT, 0)
        assert nobody.notes == (f"nobody has looked for a {style.value}, so it is a plain cut",)
        none = decide(300, 300, JointWish(style, point=point(0, 0)))
        assert (none.style, none.overlap) == (JointStyle.CUT, 0)
        assert none.notes == ("found for a test",)
        greedy = decide(300, 30, JointWish(style, point=point(2, 20, 4)))
        assert greedy.style is JointStyle.CUT
        assert "too little of a short clip" in greedy.notes[-1]
    match = decide(300, 300, JointWish(JointStyle.MORPH, point=point(4, 5)))
    assert match.style is JointStyle.MATCH
    assert match.notes == ("found for a test",)


def test_a_point_counts_frames() -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        point(-1, 0)


def test_short_clips_say_that_their_joint_is_shorter() -> None:
    asked = JointWish(style=JointStyle.CROSSFADE, seconds=Fraction(2))
    joint = decide(300, 40, asked)
    assert joint.overlap == 18  # half of what four AAC frames leave of 40 frames
    assert joint.notes == ("shortened to 18 frames: a neighbour is short",)
    fade = decide(40, 300, JointWish(style=JointStyle.FADE, seconds=Fraction(2)))
    assert max(fade.left, fade.right) == 18
    assert any("short" in note for note in fade.notes)


def test_a_clip_too_short_to_fade_is_cut() -> None:
    joint = decide(300, 6)
    assert joint.style is JointStyle.CUT
    assert "too short" in joint.why


def test_the_longest_joint_is_bounded_and_says_so() -> None:
    joint = decide(300, 300, JointWish(style=JointStyle.CROSSFADE, seconds=Fraction(9)))
    assert joint.overlap == 90
    assert "at most 3 s" in joint.notes[0]


def test_a_length_of_less_than_two_frames_says_so() -> None:
    joint = decide(300, 300, JointWish(style=JointStyle.CROSSFADE, seconds=Fraction(1, 100)))
    assert joint.overlap == 2
    assert "at least 2 frames" in joint.notes[0]


def test_a_note_of_the_wish_stays() -> None:
    assert decide(300, 300, JointWish(note="as told")).notes == ("as told",)
    assert decide(300, 300, JointWish(JointStyle.CUT, note="as told")).notes == ("as told",)


@pytest.mark.parametrize("fps", [*RATES, *ODD_RATES])
@settings(steady, max_examples=60)
@given(frames=st.integers(1, 700), spacing=st.integers(1, 30))
def test_keyframes_lie_on_the_grid(fps: Fraction, frames: int, spacing: int) -> None:
    grid = grid_at(fps)
    points = keyframes(frames, grid, spacing)
    assert points[0] == 0
    assert list(points) == sorted(set(points))
    usual = grid.frames * 3 // 4
    assert all(point < frames for point in points)
    assert {point for point in points if point % grid.frames} <= {usual}
    assert (usual in points) is (usual < frames)
    assert all(
        later - earlier <= max(2, spacing) * grid.frames for earlier, later in pairwise(points)
    )
    assert frames - points[-1] <= grid.frames
    assert {p for p in (grid.frames, 2 * grid.frames) if p < frames} <= set(points)


def test_joints_and_slots_must_match() -> None:
    grid = grid_at(Fraction(30))
    joint = decide(300, 300)
    with pytest.raises(ValueError, match="1 slots cannot be joined by 1 joints"):
        lay_out([slot(300)], [joint], grid, 3)
    with pytest.raises(ValueError, match="0 slots"):
        lay_out([], [], grid, 3)


@pytest.mark.parametrize(
    "joints",
    [
        # frames: the middle clip has 24
        [
            Joint(JointStyle.CROSSFADE, 12, 12, 12, 0, "x"),
            Joint(JointStyle.CROSSFADE, 13, 13, 13, 0, "x"),
        ],
        # sound: all frames find room, but no whole AAC frame stays between the joints
        [
            Joint(JointStyle.CROSSFADE, 12, 12, 12, 0, "x"),
            Joint(JointStyle.CROSSFADE, 12, 12, 12, 0, "x"),
        ],
    ],
)
def test_joints_that_take_more_than_there_is_are_refused(joints: list[Joint]) -> None:
    slots = [slot(300), slot(24, "short"), slot(300)]
    with pytest.raises(ValueError, match="the joints of short take more than it has"):
        lay_out(slots, joints, grid_at(Fraction(30)), 3)


def test_a_single_slot_is_copied_whole() -> None:
    layout = film(Fraction(30), [300], [], JointPolicy())
    assert layout.pieces == (Body(0, 0, 300, 0, 470, 0),)
    assert layout.packets == 470  # 468.75 frames of sound, and one of priming
    assert layout.joint_pieces == ()


def test_errors_of_sound_never_add_up() -> None:
    """A hundred clips of an awkward length with cuts: the last is placed as well as the first."""
    wishes = [JointWish(style=JointStyle.CUT)] * 99
    layout = film(Fraction(30), [307] * 100, wishes, JointPolicy())
    grid = grid_at(Fraction(30))
    errors = [
        sound * AAC_FRAME - grid.samples(start)
        for start, sound in zip(layout.starts, layout.sound_starts, strict=True)
    ]
    assert max(map(abs, errors)) <= MAX_ERROR
    assert abs(layout.packets * AAC_FRAME - grid.samples(30_700)) <= 2 * AAC_FRAME


def test_policy_refuses_what_is_no_length() -> None:
    for wrong in (
        {"crossfade_seconds": 0},
        {"fade_seconds": "-1"},
        {"max_seconds": "11"},
        {"soft_seconds": "0"},
        {"x": 1},
    ):
        with pytest.raises(ValueError, match="JointPolicy"):
            JointPolicy.model_validate(wrong)


def test_the_house_profile_has_this_grid() -> None:
    assert Profile(name="x").grid == grid_at(Fraction(30))
