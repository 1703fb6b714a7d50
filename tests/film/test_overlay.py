"""Text over a clip: in its frames alone, clear of the mark, and nothing else changed."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from chainer.errors import RenderError
from chainer.profile import HOUSE
from chainer.render.conform import picture_of
from chainer.render.mark import _places
from chainer.render.overlay import Box, MarkRun, lay_out_texts, mark_boxes, place, still_size
from chainer.render.picture import picture_graph
from chainer.render.run import Runner
from chainer.render.spec import ConformSpec, ExtendSpec, Overlay, Way

from .coded import HEIGHT, SMALL, WIDTH, Coded
from .slots import BUILD, clip, make, still

A, B = "a" * 64, "b" * 64
MARK = (226, 98)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Coded(1, 48).write(tmp_path_factory.mktemp("media") / "c1.mp4")


def planes(spec: ConformSpec, media: Path, folder: Path) -> NDArray[np.uint8]:
    """What the filters give to the encoder: 4:2:0 planes as one row for each frame."""
    laid = lay_out_texts(spec.overlays, (), spec.profile, folder)
    graph = picture_graph(ffmpeg.input(str(media)).video, picture_of(spec), spec, None, laid)
    argv = Runner(BUILD).argv(
        ffmpeg.output(graph, "-", f="rawvideo", fps_mode="passthrough"), copyts=True
    )
    data = subprocess.run(argv, check=True, capture_output=True, cwd=folder).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, WIDTH * HEIGHT * 3 // 2)


def test_a_text_is_seen_in_its_frames_alone_and_comes_and_goes(media: Path, tmp_path: Path) -> None:
    still(tmp_path, A, (60, 20), (255, 255, 255, 255))
    still(tmp_path, B, (40, 16), (200, 30, 30, 128))
    overlays = (
        Overlay(A, "cue", 6, 30),
        Overlay(B, "caption", 20, 40),
        Overlay(A, "cue", 34, 46),
    )
    spec = clip(media, 48)
    plain = planes(spec, media, tmp_path)
    with_text = planes(replace(spec, overlays=overlays), media, tmp_path)
    assert len(plain) == len(with_text) == 48
    luma, changed = (
        frames[:, : WIDTH * HEIGHT].reshape(-1, HEIGHT, WIDTH).astype(int)
        for frames in (plain, with_text)
    )
    (cue, caption, _) = lay_out_texts(overlays, (), SMALL, tmp_path)
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[cue.y : cue.y + 20, cue.x : cue.x + 60] = False
    outside[caption.y : caption.y + 16, caption.x : caption.x + 40] = False
    assert (luma[:, outside] == changed[:, outside]).all()
    inside = changed[:, cue.y + 2 : cue.y + 18, cue.x + 2 : cue.x + 58].mean(axis=(1, 2))
    base = luma[:, cue.y + 2 : cue.y + 18, cue.x + 2 : cue.x + 58].mean(axis=(1, 2))
    seen = np.flatnonzero(np.abs(inside - base) > 0.5)
    assert set(seen) <= {*range(6, 30), *range(34, 46)}
    assert inside[12:24] == pytest.approx(235, abs=1.5)
    assert (np.diff(inside[6:13]) > 0).all()
    assert (np.diff(inside[24:30]) < 0).all()
    assert inside[29] < 120
    # Half of a red in BT.709: 0.5 * (63, its luma of 8 bits) over the plane.
    spot = changed[30, caption.y + 4 : caption.y + 12, caption.x + 4 : caption.x + 36].mean()
    under = luma[30, caption.y + 4 : caption.y + 12, caption.x + 4 : caption.x + 36].mean()
    red = 16 + 219 / 255 * (0.2126 * 200 + 0.7152 * 30 + 0.0722 * 30)
    assert spot == pytest.approx((red * 128 + under * 127) / 255, abs=1.5)


def test_both_kinds_of_clip_burn_text_in_and_stay_exact(media: Path, tmp_path: Path) -> None:
    overlays = (Overlay(A, "caption", 4, 20), Overlay(A, "cue", 30, 60))
    spec = clip(media, 48)
    for name, made in (
        ("conform", replace(spec, overlays=overlays[:1])),
        ("hold", ExtendSpec(Way.HOLD, (spec,), 72, overlays=overlays)),
    ):
        results = []
        for run in ("1", "2"):
            folder = tmp_path / f"{name}{run}"
            still(folder, A, (60, 20), (255, 255, 255, 255))
            files, facts = make(made, (media,), folder)
            assert facts["frames"] == made.frames
            results.append(files["piece"].read_bytes())
        assert results[0] == results[1]


def test_a_still_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="missing"):
        still_size(tmp_path / "none.png")
    (tmp_path / "x.png").write_bytes(b"GIF89a" + bytes(40))
    with pytest.raises(RenderError, match="no PNG"):
        still_size(tmp_path / "x.png")


@given(
    st.integers(0, 3),
    st.lists(
        st.tuples(
            st.sampled_from(["cue", "caption"]), st.integers(0, 280), st.integers(20, 120),
            st.integers(60, 620), st.integers(40, 130),
        ),
        min_size=1,
        max_size=4,
    ),
)  # fmt: skip
@settings(derandomize=True, deadline=None, max_examples=200)
def test_no_text_covers_the_mark_or_another_text(
    station: int, texts: list[tuple[str, int, int, int, int]]
) -> None:
    walls = mark_boxes(MarkRun(A, station, 0, 450), MARK, HOUSE)
    assert [box.last - box.first for box in walls] == [75] * 6
    overlays = [Overlay(B, kind, first, first + long) for kind, first, long, _, _ in texts]
    sizes = [(width, height) for *_, width, height in texts]
    laid = place(overlays, sizes, walls, HOUSE)
    boxes = [
        Box(one.x, one.y, *size, one.overlay.first, one.overlay.last)
        for one, size in zip(laid, sizes, strict=True)
    ]
    for number, box in enumerate(boxes):
        assert box.x % 2 == box.y % 2 == 0
        assert box.x >= 0 <= box.y
        assert box.x + box.width <= 720
        assert box.y + box.height <= 1280
        assert not any(box.meets(other) for other in [*walls, *boxes[:number]])


def test_texts_stand_where_they_are_looked_for() -> None:
    laid = place([Overlay(A, "cue", 0, 60)], [(400, 100)], [], HOUSE)
    assert 0.70 < laid[0].y / 1280 < (laid[0].y + 100) / 1280 < 0.81
    laid = place([Overlay(A, "caption", 0, 60)], [(400, 60)], [], HOUSE)
    assert laid[0].x == 160
    assert (laid[0].y + 60) / 1280 == pytest.approx(0.86, abs=0.002)


@pytest.mark.parametrize("station", range(4))
def test_the_mark_is_where_it_is_thought_to_be(station: int) -> None:
    """The places of the mark as the filter's expressions have them, evaluated."""
    x, y = _places(station, HOUSE)
    for box in mark_boxes(MarkRun(A, station, 40, 300), MARK, HOUSE):
        for frame in (box.first, box.last - 1):
            assert evaluated(x, frame) == box.x
            assert evaluated(y, frame) == box.y


def evaluated(expression: str, frame: int) -> int:
    now, value = expression.split(";")
    names = {"W": 720, "H": 1280, "w": MARK[0], "h": MARK[1], "t": frame / 30}
    held: dict[int, float] = {}

    def choose(condition: bool, yes: float, no: float) -> float:
        return yes if condition else no

    tools = {
        "floor": np.floor,
        "mod": np.mod,
        "eq": lambda one, other: one == other,
        "st": held.__setitem__,
        "ld": held.__getitem__,
        "choose": choose,
    }
    eval(now, {**tools, **names})
    return int(eval(value.replace("if(", "choose("), {**tools, **names}))


@pytest.mark.parametrize("gain", ["-6", "3"])
def test_gain_is_over_the_house_loudness(gain: str, media: Path, tmp_path: Path) -> None:
    spec = clip(media, 48, gain=Fraction(gain))
    _, facts = make(spec, (media,), tmp_path)
    assert facts["sound"]["loudness"] == pytest.approx(-14 + float(gain), abs=0.5)
    assert facts["sound"]["true_peak"] <= -1
    longer = ExtendSpec(Way.STRETCH, (spec,), 60)
    _, facts = make(longer, (media,), tmp_path / "slot")
    assert facts["sound"]["loudness"] == pytest.approx(-14 + float(gain), abs=0.5)
