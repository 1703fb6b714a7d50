"""Exact time: what is read, how it is written, and the AV grid."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainer.timebase import (
    AAC_FRAME,
    AvGrid,
    clock,
    parse_time,
    round_half_up,
    time_text,
    to_frames,
    to_seconds,
)

steady = settings(derandomize=True, deadline=None)

MOST = 10**12 - 1
times = st.one_of(
    st.builds(Fraction, st.integers(-MOST, MOST), st.integers(1, MOST)),
    st.builds(Fraction, st.integers(-MOST, MOST), st.sampled_from([1, 2, 5, 10**3, 10**9, 1024])),
    st.builds(Fraction, st.integers(0, 10_000), st.integers(1, 1001)),
)


@steady
@given(times)
def test_what_is_written_reads_back(seconds: Fraction) -> None:
    assert parse_time(time_text(seconds)) == seconds


@steady
@given(st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", fullmatch=True))
def test_a_decimal_text_is_exact_and_its_shortest_text_reads_the_same(text: str) -> None:
    seconds = parse_time(text)
    assert seconds == Fraction(text)
    assert parse_time(time_text(seconds)) == seconds
    assert len(time_text(seconds)) <= len(text)


@steady
@given(st.integers(-MOST, MOST), st.integers(1, MOST))
def test_a_ratio_is_exact(numerator: int, denominator: int) -> None:
    assert parse_time(f"{numerator}/{denominator}") == Fraction(numerator, denominator)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(9), "9"),
        (Fraction(19, 2), "9.5"),
        (Fraction(-19, 2), "-9.5"),
        (Fraction(-1, 20), "-0.05"),
        (Fraction(1, 3), "1/3"),
        (Fraction(1001, 30_000), "1001/30000"),
        (Fraction(1, 10**9), "0.000000001"),
        (Fraction(1, 1024), "1/1024"),
        (Fraction(1, 10**10), "1/10000000000"),
        (Fraction(100), "100"),
    ],
)
def test_the_text_of_a_time(seconds: Fraction, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (9, Fraction(9)),
        (-1, Fraction(-1)),
        (Fraction(1, 3), Fraction(1, 3)),
        ("2/5", Fraction(2, 5)),
        ("4/10", Fraction(2, 5)),
        ("007.50", Fraction(15, 2)),
        (0.1, Fraction(1, 10)),
        (9.5, Fraction(19, 2)),
        (1e-9, Fraction(1, 10**9)),
        (1e6, Fraction(10**6)),
        (-0.0, Fraction(0)),
        (29.97, Fraction(2997, 100)),
        (np.float64(0.1), Fraction(1, 10)),
    ],
)
def test_what_is_a_time(value: object, seconds: Fraction) -> None:
    assert parse_time(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(True, False, None, b"1", [], {}, (1, 2), 1j),
        *("", " ", "1 ", " 1", "1\n", "+1", "1.", ".5", "1.5.2", "1e3", "0x10", "1_000", "--1"),
        *("nan", "inf", "-inf", "Infinity", "1/0", "1/-2", "1/02", "1.5/2", "1 / 2", "/2", "1/"),
        *("1:30", "9,5", "½", "٣", "９.５", "1/٣", "−1"),
        *("1" * 13, "0." + "1" * 10, "1/" + "1" * 13, "1" * 13 + "/1"),
        *(10**12, -(10**12), 10**4000, 10**5000),
        *(math.nan, math.inf, -math.inf, 1e12, 1e300, 5e-324, 1e-10, 0.1 + 0.2),
        np.float64(math.nan),
    ],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) else "int",
)
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match=r"time|digits"):
        parse_time(value)


def test_the_refusal_is_short_and_says_what_would_be_right() -> None:
    with pytest.raises(ValueError, match=r'write seconds as "9\.5", "2/5" or 9') as caught:
        parse_time("x" * 100_000)
    assert len(str(caught.value)) < 200


@steady
@given(st.text(max_size=20) | st.floats() | st.integers() | st.booleans() | st.none())
def test_anything_is_a_time_or_a_value_error(value: object) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_time(value), Fraction)


@steady
@given(st.decimals(-99_999, 99_999, places=4))
def test_a_float_is_read_by_its_decimal_text(decimal: object) -> None:
    assert parse_time(float(str(decimal))) == Fraction(str(decimal))


@steady
@given(times)
def test_rounding_is_to_the_nearest_and_a_half_goes_up(value: Fraction) -> None:
    nearest = round_half_up(value)
    assert -Fraction(1, 2) < nearest - value <= Fraction(1, 2)
    assert round_half_up(value + 1) == nearest + 1


@steady
@given(st.integers(0, 10**7), st.sampled_from([24, 25, 30, 60, Fraction(30_000, 1001)]))
def test_frames_and_seconds_turn_into_each_other(frames: int, fps: Fraction) -> None:
    assert to_frames(to_seconds(frames, Fraction(fps)), Fraction(fps)) == frames
    assert to_seconds(frames, Fraction(fps)) * fps == frames


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(0), "00:00:00.000"),
        (Fraction(1, 3), "00:00:00.333"),
        (Fraction(1, 2000), "00:00:00.001"),
        (Fraction(9_999_999, 10_000_000), "00:00:01.000"),
        (Fraction(59_9996, 10_000), "00:01:00.000"),
        (Fraction(3599_9999, 10_000), "01:00:00.000"),
        (Fraction(3_661_001, 1000), "01:01:01.001"),
        (Fraction(360_000), "100:00:00.000"),
    ],
)
def test_the_clock(seconds: Fraction, text: str) -> None:
    assert clock(seconds) == text


@steady
@given(st.fractions(0, 10**6))
def test_the_clock_is_right_to_half_a_millisecond(seconds: Fraction) -> None:
    hours, minutes, rest = clock(seconds).split(":")
    assert int(minutes) < 60
    assert len(rest) == 6
    assert Fraction(rest) < 60
    shown = int(hours) * 3600 + int(minutes) * 60 + Fraction(rest)
    assert abs(shown - seconds) <= Fraction(1, 2000)


RATES = [(24, 64), (25, 8), (30, 16), (48, 128), (50, 16), (60, 32), (Fraction(30_000, 1001), 640)]


@pytest.mark.parametrize(("fps", "frames"), RATES)
def test_the_grid_is_exact_and_the_smallest(fps: int | Fraction, frames: int) -> None:
    grid = AvGrid(Fraction(fps), 48_000)
    assert grid.frames == frames
    whole = [n for n in range(1, frames + 1) if n * 48_000 / Fraction(fps) % AAC_FRAME == 0]
    assert whole == [frames]


def test_sixteen_frames_at_thirty_are_twentyfive_of_sound() -> None:
    grid = AvGrid(Fraction(30), 48_000)
    assert grid.samples(16) == 25 * AAC_FRAME
    assert grid.aac_frames(16) == 25


@pytest.mark.parametrize("fps", [fps for fps, _ in RATES])
@steady
@given(frames=st.integers(0, 10**6))
def test_points_of_the_grid(fps: int | Fraction, frames: int) -> None:
    grid = AvGrid(Fraction(fps), 48_000)
    low, high = grid.floor(frames), grid.ceil(frames)
    assert low <= frames <= high
    assert high - low in (0, grid.frames)
    assert (high == low) == (frames % grid.frames == 0)
    for point in (low, high):
        assert point % grid.frames == 0
        assert grid.aac_frames(point) * AAC_FRAME == grid.samples(point)
        assert grid.samples(point) == point * 48_000 / Fraction(fps)


@pytest.mark.parametrize("fps", [fps for fps, _ in RATES])
@steady
@given(frames=st.integers(0, 10**6))
def test_the_nearest_aac_frame_is_at_most_half_a_frame_away(
    fps: int | Fraction, frames: int
) -> None:
    grid = AvGrid(Fraction(fps), 48_000)
    exact = frames * Fraction(48_000) / fps
    assert abs(grid.aac_frames(frames) * AAC_FRAME - exact) <= Fraction(AAC_FRAME, 2)
    assert abs(grid.samples(frames) - exact) <= Fraction(1, 2)
