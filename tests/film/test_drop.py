"""Frames that are left out at the ends of a clip: the film begins and ends at the right ones."""

from __future__ import annotations

import json
import subprocess
from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainer
from chainer.graph import Atom
from chainer.media.info import MEDIA_SCHEMA, ColourRange, FieldOrder, HdrKind, MediaInfo, VideoInfo
from chainer.render.plan import plan_render
from chainer.render.spec import ConformSpec
from chainer.store import Store
from chainer.timebase import round_half_up
from chainer.timeline import Slot, lay_out
from chainer.timeline.slot import SlotContent
from chainer.timeline.used import SlotPolicy, UsedRange, used_range

from .coded import FFMPEG, HEIGHT, WIDTH, Coded, read_codes, small_settings

HOUSE = Fraction(30)
FRAMES = 70


def media_at(path: Path, rate: Fraction) -> Path:
    """The pictures of a coded atom at another rate."""
    path.parent.mkdir(parents=True)
    argv = [FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    argv += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(rate), "-i", "-"]
    argv += ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-colorspace", "bt709"]
    data = Coded(1, FRAMES).pictures().tobytes()
    subprocess.run([*argv, str(path)], input=data, check=True, capture_output=True)
    return path


def film_of(
    media: Path, folder: Path, out: str, start: Fraction, end: Fraction, **atom: object
) -> list[int]:
    """The source frames that a film of the clip shows, with so many seconds left out."""
    node = {"id": "c", "media": f"media/{media.name}", "author": "p", **atom}
    graph = {"directed": True, "multigraph": True, "graph": {"schema": "chainer.graph/1"}}
    path = folder / "graph.json"
    path.write_text(json.dumps({**graph, "nodes": [node], "edges": []}))
    wanted = small_settings(folder / "store")
    plan = chainer.plan_episode(chainer.load_graph(path), "c", settings=wanted)
    (planned,) = plan.atoms
    used = used_range(
        planned.atom, planned.media.info, HOUSE, wanted.slots, drop_start=start, drop_end=end
    )
    assert used.differences == planned.used.differences
    spec = plan.render.steps[0].spec
    assert isinstance(spec, ConformSpec)
    spec = replace(spec, first=used.first, frames=used.frames)
    slot = Slot("c", SlotContent.ATOM, used.frames)
    layout = lay_out([slot], [], wanted.profile.grid, wanted.profile.keyframe_grids)
    store = Store(plan.store)
    render = plan_render(layout, [lambda _: spec], lambda *_: None, None, store, "x")
    old = plan.render
    poster = next(step for step in old.steps if step.key == old.poster)
    render = replace(render, poster=poster.key, steps=(*render.steps, *old.steps))
    plan = replace(plan, render=render, atoms=(replace(planned, used=used),))
    codes = read_codes(chainer.render_episode(plan, folder / out).path / "episode.mp4")
    assert all(code is not None and code[0] == 1 for code in codes)
    return [code[1] for code in codes if code]


def shown(rate: Fraction, used: UsedRange, tick: Fraction | None = None) -> list[int]:
    """The source frame in each house frame, as FFmpeg's fps filter has it.

    `tick` is that of the container, which rounds each time to the nearest.
    """
    times = [Fraction(k) / rate for k in range(5 * (used.first + used.frames) + 20)]
    if tick:
        times = [round_half_up(time / tick) * tick for time in times]
    starts = [round_half_up(time * HOUSE) for time in times]
    return [
        bisect_right(starts, frame) - 1 for frame in range(used.first, used.first + used.frames)
    ]


RATES = ["24", "25", "30", "60", "24000/1001", "30000/1001", "50"]


@pytest.mark.parametrize(
    ("rate", "container"),
    [*((rate, "mp4") for rate in RATES[:5]), ("24", "mkv"), ("30000/1001", "mkv")],
)
def test_the_film_begins_and_ends_with_the_frames_that_are_meant(
    rate: str, container: str, tmp_path: Path
) -> None:
    fps = Fraction(rate)
    media = media_at(tmp_path / f"media/c.{container}", fps)
    for start, end in ((6, 0), (5, 3), (2, 1)):
        found = film_of(media, tmp_path, f"out{start}", start / fps, end / fps)
        last = FRAMES - 1 - end
        if fps <= HOUSE:
            assert (found[0], found[-1]) == (start, last)
        else:  # every second picture is shown, and one in doubt is not
            assert found[0] in (start, start + 1)
            assert last - 2 <= found[-1] <= last
        assert found == sorted(found)
        if fps <= HOUSE:
            assert set(found) == set(range(start, last + 1))


@pytest.mark.parametrize("begin", ["0.5", "0.51", "0.53", "0.54"])
def test_a_trim_between_two_frames_shows_nothing_of_the_dropped_part(
    begin: str, tmp_path: Path
) -> None:
    fps = Fraction(24)
    media = media_at(tmp_path / "media/c.mp4", fps)
    trim = {"start": begin, "end": "2.5"}
    found = film_of(media, tmp_path, "out", 6 / fps, Fraction(0), trim=trim)
    moment = Fraction(begin) + 6 / fps
    assert found[0] == -(-moment * fps // 1)
    assert found[-1] == 59


def info_of(seconds: Fraction, rate: Fraction, *, varies: bool = False) -> MediaInfo:
    video = VideoInfo(
        stream=0,
        codec="h264",
        profile="High",
        pixel_format="yuv420p",
        bit_depth=8,
        width=WIDTH,
        height=HEIGHT,
        sample_aspect=Fraction(1),
        rotation=0,
        flipped=False,
        frame_rate=rate,
        variable_rate=varies,
        frames=int(seconds * rate),
        start=Fraction(0),
        end=seconds,
        field_order=FieldOrder.PROGRESSIVE,
        colour_range=ColourRange.TV,
        colour_primaries="bt709",
        colour_transfer="bt709",
        colour_matrix="bt709",
        hdr=HdrKind.NONE,
        alpha=False,
    )
    return MediaInfo(
        schema=MEDIA_SCHEMA,
        container="mp4",
        bytes=1,
        seconds=seconds,
        streams=1,
        video=video,
        audio=None,
    )


def atom_of(**more: object) -> Atom:
    return Atom.model_validate({"id": "c", "media": "c.mp4", "author": "p", **more})


def used(
    info: MediaInfo, start: Fraction = Fraction(0), end: Fraction = Fraction(0), **atom: object
) -> UsedRange:
    return used_range(atom_of(**atom), info, HOUSE, SlotPolicy(), drop_start=start, drop_end=end)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    rate=st.sampled_from([Fraction(rate) for rate in (*RATES, "12", "15", "120")]),
    drops=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    begin=st.fractions(min_value=0, max_value=2, max_denominator=300),
    trimmed=st.booleans(),
    tick=st.sampled_from([None, Fraction(1, 1000), Fraction(1, 90_000)]),
)
def test_no_dropped_picture_is_ever_shown(
    rate: Fraction,
    drops: tuple[int, int],
    begin: Fraction,
    trimmed: bool,
    tick: Fraction | None,
) -> None:
    """At any rate, from any trim, in containers that round times to milliseconds."""
    length = Fraction(int(9 * rate)) / rate
    trim = {"trim": {"start": begin, "end": "8"}} if trimmed else {}
    begin, end = (begin, Fraction(8)) if trimmed else (Fraction(0), length)
    first, last = begin + drops[0] / rate, end - drops[1] / rate
    range_ = used(info_of(length, rate), drops[0] / rate, drops[1] / rate, **trim)
    if any("too much" in word for word in range_.differences):
        assert last - first < Fraction(10, 30)
        return
    found = shown(rate, range_, tick)
    if drops[0]:
        assert found[0] >= first * rate - Fraction(1, 500) * rate
    if drops[1]:
        assert found[-1] < last * rate
    if not trimmed and tick is None and rate <= HOUSE and drops[0]:
        assert found[0] - drops[0] in ((0,) if rate in (12, 15, 24, 25, 30) else (0, 1))


@pytest.mark.parametrize("rate", [*RATES, "14.9", "23.7", "29.9"])
def test_a_time_rounded_across_the_middle_of_a_house_frame_lets_nothing_through(rate: str) -> None:
    """Milliseconds move a picture by up to half of one, and with it into another house frame."""
    fps, tick = Fraction(rate), Fraction(1, 1000)
    info = info_of(Fraction(int(9 * fps)) / fps, fps)
    times = [round_half_up(k / fps / tick) * tick for k in range(int(9 * fps))]
    starts = [round_half_up(time * HOUSE) for time in times]
    for count in range(1, len(starts) - 24):
        after = used(info, count / fps)
        assert bisect_right(starts, after.first) - 1 >= count
        before = used(info, end=count / fps)
        assert bisect_right(starts, before.frames - 1) - 1 < len(starts) - count


def test_nothing_dropped_is_what_it_was() -> None:
    info = info_of(Fraction(10), Fraction(24))
    assert used(info) == UsedRange(0, 300, ())
    assert used(info, trim={"start": "1.25", "end": "9"}) == UsedRange(38, 232, ())


def test_the_longest_part_of_a_slot_is_chosen_before_anything_is_dropped() -> None:
    range_ = used(info_of(Fraction(13), Fraction(24)), Fraction(1, 4))
    assert (range_.first, range_.frames) == (8, 292)
    assert "do not fit a standard slot" in range_.differences[0]


def test_a_drop_that_leaves_too_little_is_ignored_and_said() -> None:
    info = info_of(Fraction(1), Fraction(30))
    kept = used(info, Fraction(22, 30))
    assert (kept.first, kept.frames, kept.differences) == (22, 8, ())
    range_ = used(info, Fraction(13, 30), Fraction(10, 30))
    assert (range_.first, range_.frames) == (0, 30)
    assert range_.differences == (
        "0.433 s at the start and 0.333 s at the end were to be left out, but of 1 s that is too "
        "much: all of it plays",
    )
    assert used(info, Fraction(5)).frames == 30


def test_where_the_rate_varies_the_house_frame_begins_after_the_drop() -> None:
    range_ = used(info_of(Fraction(5), Fraction("23.7"), varies=True), Fraction("0.21"))
    assert range_.first == 7


@pytest.mark.parametrize(
    ("media", "dropped", "first", "frames"),
    [
        ("20", "0", 0, 450),
        ("20", "1", 30, 450),  # what is left out at the start is made up for at the end
        ("16", "1", 30, 450),
        ("15.5", "1", 30, 435),  # as far as there is media
        ("15", "0", 0, 450),
    ],
)
def test_an_extended_slot_plays_on_where_its_start_is_left_out(
    media: str, dropped: str, first: int, frames: int
) -> None:
    slot = {"kind": "extended", "seconds": "15"}
    found = used(info_of(Fraction(media), Fraction(30)), Fraction(dropped), slot=slot)
    assert (found.first, found.frames) == (first, frames)


def test_an_extended_slot_stays_within_its_trim() -> None:
    slot, trim = {"kind": "extended", "seconds": "15"}, {"start": "1", "end": "16.5"}
    found = used(info_of(Fraction(20), Fraction(30)), Fraction(1), slot=slot, trim=trim)
    assert (found.first, found.frames) == (60, 435)
