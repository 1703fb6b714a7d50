"""What needs no media: rates from times, turns from matrices, records and their limits."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import pytest
from pydantic import ValidationError

from chainer.media.cadence import STANDARD_RATES, cadence
from chainer.media.colour import MATRICES, PRIMARIES, TRANSFERS, turn_of
from chainer.media.info import (
    AudioInfo,
    ColourRange,
    FieldOrder,
    HdrKind,
    MediaInfo,
    VideoInfo,
)
from chainer.media.limits import MediaLimits, decoder_names
from chainer.media.notes import differences
from chainer.media.raw import RawAnswer

from .conftest import REPOSITORY

VIDEO = VideoInfo(
    stream=0,
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    bit_depth=8,
    width=1440,
    height=1080,
    sample_aspect=Fraction(4, 3),
    rotation=0,
    flipped=False,
    frame_rate=Fraction(30000, 1001),
    variable_rate=False,
    frames=300,
    start=Fraction(0),
    end=Fraction(1001, 100),
    field_order=FieldOrder.PROGRESSIVE,
    colour_range=ColourRange.TV,
    colour_primaries="bt709",
    colour_transfer="bt709",
    colour_matrix="bt709",
    hdr=HdrKind.NONE,
    alpha=False,
)
AUDIO = AudioInfo(
    stream=1,
    codec="aac",
    sample_rate=48000,
    channels=2,
    layout="stereo",
    start=Fraction(-1, 3),
    end=Fraction(10),
    frames=470,
)
INFO = MediaInfo(
    schema="chainer.media/1",
    container="mov",
    bytes=5,
    seconds=Fraction(31, 3),
    streams=2,
    video=VIDEO,
    audio=AUDIO,
    notes=("odd",),
)


def steps_of(times: list[int]) -> list[tuple[int, int]]:
    return [(after - before, 1) for before, after in pairwise(times)]


@pytest.mark.parametrize("rate", STANDARD_RATES)
@pytest.mark.parametrize("ticks", [1000, 90000, 600])
def test_a_steady_rate_is_found_through_rounded_times(rate: Fraction, ticks: int) -> None:
    times = [round(number / rate * ticks) for number in range(150)]
    found, varies = cadence(steps_of(times), Fraction(1, ticks), 150 / rate, [])
    if rate <= 120:  # above, 600 ticks are too coarse to tell
        assert not varies
        assert abs(found / rate - 1) < Fraction(1, 500)
    if ticks == 90000 and not varies:
        assert found == rate


def test_equal_steps_need_no_table() -> None:
    assert cadence([(83, 181)], Fraction(1, 2500), Fraction(182 * 83, 2500), []) == (
        Fraction(2500, 83),
        False,
    )


@pytest.mark.parametrize(
    "times",
    [
        [0, 100, 200, 400, 500, 600],
        [0, 33, 67, 200, 233, 267, 300],
        [number * 33 + (number > 75) * 90 for number in range(150)],
    ],
)
def test_a_rate_that_varies_is_called_so(times: list[int]) -> None:
    length = Fraction(times[-1] + 33, 1000)
    rate, varies = cadence(steps_of(times), Fraction(1, 1000), length, [Fraction(30)])
    assert varies
    assert abs(rate - len(times) / length) < Fraction(1, 1000)


def test_runs_of_steps_are_the_same_as_single_ones() -> None:
    numbers = random.Random(7)
    for _ in range(200):
        runs = [(numbers.choice([33, 34, 35]), numbers.randint(1, 4)) for _ in range(12)]
        single = [(step, 1) for step, times in runs for _ in range(times)]
        length = Fraction(sum(step for step, _ in single) + 33, 1000)
        tick = Fraction(1, 1000)
        assert cadence(runs, tick, length, []) == cadence(single, tick, length, [])


ONE = 65536


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ([], (0, False)),
        ([0] * 9, (0, False)),
        ([ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30], (0, False)),
        ([0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30], (90, False)),
        ([-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30], (180, False)),
        ([0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30], (270, False)),
        ([-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30], (0, True)),
        ([ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30], (180, True)),
        ([ONE // 2, 0, 0, 0, ONE // 2, 0, 0, 0, 1 << 30], (0, False)),
        ([46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30], None),
    ],
)
def test_the_turn_of_a_matrix(matrix: list[int], turn: tuple[int, bool] | None) -> None:
    assert turn_of(matrix) == turn


def test_colour_names_have_the_numbers_of_h273() -> None:
    assert (PRIMARIES[1], PRIMARIES[9], PRIMARIES[12]) == ("bt709", "bt2020", "smpte432")
    assert (TRANSFERS[1], TRANSFERS[16], TRANSFERS[18]) == ("bt709", "smpte2084", "arib-std-b67")
    assert (MATRICES[0], MATRICES[6], MATRICES[9]) == ("gbr", "smpte170m", "bt2020nc")
    assert 2 not in PRIMARIES
    assert 2 not in TRANSFERS
    assert 2 not in MATRICES


def test_the_record_comes_back_from_json_as_it_was() -> None:
    text = INFO.to_json()
    assert MediaInfo.model_validate_json(text) == INFO
    assert '"schema": "chainer.media/1"' in text
    assert '"30000/1001"' in text


@pytest.mark.parametrize(
    "wrong", [{"schema": "chainer.media/2"}, {"other": 1}, {"seconds": 1.0e300}, {"bytes": -1}]
)
def test_the_record_refuses_what_it_does_not_know(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MediaInfo.model_validate({**INFO.model_dump(by_alias=True), **wrong})


@pytest.mark.parametrize(
    ("rotation", "size"), [(0, (1920, 1080)), (90, (1080, 1920)), (180, (1920, 1080))]
)
def test_the_display_size_has_square_pixels_and_stands_upright(
    rotation: int, size: tuple[int, int]
) -> None:
    assert VIDEO.model_copy(update={"rotation": rotation}).display_size == size


def test_interlaced_follows_the_field_order() -> None:
    orders = {order: VIDEO.model_copy(update={"field_order": order}) for order in FieldOrder}
    assert [order for order, video in orders.items() if video.interlaced] == ["tt", "bb"]


def test_limits_refuse_unknown_keys_and_read_exact_times() -> None:
    assert MediaLimits.model_validate({"max_seconds": "2/5"}).max_seconds == Fraction(2, 5)
    with pytest.raises(ValidationError):
        MediaLimits.model_validate({"max_secs": 3})


def test_8k_comes_in_and_bombs_do_not() -> None:
    limits = MediaLimits()
    assert limits.max_pixels >= 7680 * 4320
    assert limits.max_pixels < 12000 * 12000


def test_decoders_are_named_as_ffmpeg_names_them() -> None:
    assert decoder_names(["av1", "h264"]) == ["libdav1d", "av1", "libaom-av1", "h264"]


def test_a_lying_header_is_told_of() -> None:
    told = differences(
        INFO,
        declared_seconds=Fraction(2147483),
        declared_frames=12,
        declared_sizes=[(65535, 65535)],
        declared_rate=Fraction(60),
    )
    assert len(told) == 4
    assert "2147483 s" in told[0]
    assert differences(INFO, declared_seconds=INFO.seconds, declared_sizes=[(1440, 1080)]) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"streams": 5}',
        '{"other": 1}',
        '{"video": -1}',
        '{"seconds": [1, 0]}',
        json.dumps({"seconds": [1, 10**30]}),
        json.dumps({"open_error": "x" * 5000}),
    ],
)
def test_an_answer_of_the_child_is_input_like_any_other(text: str) -> None:
    with pytest.raises(ValidationError):
        RawAnswer.model_validate_json(text)


def test_importing_the_room_loads_no_media_library_and_starts_nothing() -> None:
    code = """
import sys, subprocess
subprocess.Popen = None
from chainer.media import child, declared, decode, info, judge, limits, probe, source
heavy = {'av', 'numpy', 'cv2', 'imageio_ffmpeg', 'moviepy', 'ffmpeg'} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_only_the_children_know_pyav() -> None:
    room = REPOSITORY / "chainer"
    users = {path.name for path in room.rglob("*.py") if "import av" in path.read_text()}
    assert users == {"frames_child.py", "probe_child.py", "sweep_child.py"}
