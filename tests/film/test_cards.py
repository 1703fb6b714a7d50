"""Cards, cues and captions are drawn whole, the same every time, and read on any picture."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray
from PIL import Image

from chainer.digest import Digest, key_of
from chainer.errors import InputError
from chainer.profile import DRAFT, HOUSE, PROFILES, Profile
from chainer.render.card import render_card
from chainer.render.contrast import WHITE, contrast
from chainer.render.encoder import FFmpeg
from chainer.render.letters import letters_for
from chainer.render.measure import roll_of
from chainer.render.reading import card_seconds, roll_frames
from chainer.render.run import Runner
from chainer.render.spec import CardKind, CardSpec, CardStyle, TextKind, TextSpec
from chainer.render.text import render_text

from .fonts import tiny_font

SMALL = DRAFT.model_copy(update={"name": "small", "width": 180, "height": 320})
NASTY = "%{pts}\\:'\"; $(rm -rf /) `x` [in]drawtext=text=a,b|c & <b> {{0}} \\n %s"
PARTS = (("Hook", "She sees it"), ("Beat", "低潮"), ("Button", "Gone 👋"))


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(FFmpeg(Path(get_ffmpeg_exe()), "", ""))


def card_of(
    kind: CardKind,
    heading: str,
    line: str = "",
    rows: tuple[tuple[str, str], ...] = (),
    frames: int = 16,
    profile: Profile = SMALL,
    style: CardStyle | None = None,
) -> CardSpec:
    style = style or CardStyle()
    words = [heading, line, *(word for row in rows for word in row)]
    fonts = letters_for(words, style)
    digests, files = tuple(f.digest for f in fonts), tuple(f.path for f in fonts)
    return CardSpec(
        *(kind, None, heading, line, rows, frames, style, digests, files, profile, "b", "m")
    )


def text_of(
    kind: TextKind, line: str, detail: str = "", size: tuple[int, int] = (360, 640)
) -> TextSpec:
    style = CardStyle()
    fonts = letters_for((line, detail), style)
    digests, files = tuple(f.digest for f in fonts), tuple(f.path for f in fonts)
    return TextSpec(kind, line, detail, style, digests, files, *size, "m")


def drawn(runner: Runner, spec: TextSpec, folder: Path) -> tuple[NDArray[np.uint8], dict]:
    folder.mkdir(exist_ok=True)
    files, facts = render_text(runner, spec, folder)
    with Image.open(files["text"]) as picture:
        assert picture.mode == "RGBA"
        assert (picture.width, picture.height) == (facts["width"], facts["height"])
        return np.asarray(picture), facts


def exact(folder: Path, profile: Profile) -> NDArray[np.uint8]:
    """The frames of a card as they were drawn, before they are encoded."""
    argv = [get_ffmpeg_exe(), "-v", "error", "-i", str(folder / "card.mkv")]
    argv += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, profile.height, profile.width, 3)


def ink(frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return frame.min(axis=-1) > 200


@pytest.mark.parametrize("kind", list(CardKind))
def test_every_kind_is_drawn_without_a_clip_behind_it(
    kind: CardKind, runner: Runner, tmp_path: Path
) -> None:
    heading = "Tide 低潮 بو" if kind is not CardKind.SKETCH else "Tide"
    spec = card_of(kind, heading, "Mei 👋", PARTS, frames=32)
    files, facts = render_card(runner, spec, None, tmp_path)
    assert facts == {"frames": 32, "silent": True}
    assert set(files) == {"piece", "sound"}
    frames = exact(tmp_path, SMALL)
    assert ink(frames[-2]).sum() > ink(frames[0]).sum()
    assert ink(frames[-2]).sum() > 60


def test_the_picture_behind_a_card_is_blurred_as_far_at_every_size(
    runner: Runner, tmp_path: Path
) -> None:
    kept = []
    for name, profile in (("house", HOUSE), ("hd", PROFILES["hd"]), ("draft", DRAFT)):
        room = tmp_path / name
        room.mkdir()
        size = f"{profile.width}x{profile.height}"
        source = f"color=black:s={size}:r=30:d=0.1,drawbox=0:0:iw/2:ih/2:white:fill"
        words = ["-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-bf", "0"]
        clip = room / "clip.mp4"
        subprocess.run([get_ffmpeg_exe(), *words, str(clip)], check=True, capture_output=True)
        spec = replace(card_of(CardKind.CHAPTER, "Tide", profile=profile), behind=clip_digest())
        with clip.open("rb") as stream:
            render_card(runner, spec, stream, room)
        with Image.open(room / "behind.png") as picture:
            assert picture.size == (profile.width, profile.height)
            kept.append(np.asarray(picture.convert("L").resize((36, 64), Image.Resampling.BOX)))
    for other in kept[1:]:
        assert np.abs(other.astype(int) - kept[0]).max() <= 6


def test_a_card_of_the_house_has_the_key_that_it_always_had() -> None:
    house = replace(card_of(CardKind.CHAPTER, "Tide", profile=HOUSE), behind=clip_digest())
    assert "blur" not in house.parts()
    draft = replace(house, profile=DRAFT)
    assert draft.parts()["blur"] == "7/2"
    assert key_of("card", draft.parts()) != key_of("card", house.parts())
    assert "blur" not in replace(house, profile=DRAFT, behind=None).parts()


def clip_digest() -> Digest:
    return Digest("sha256:" + "0" * 64)


def test_two_runs_give_the_same_bytes(runner: Runner, tmp_path: Path) -> None:
    spec = card_of(CardKind.CHAPTER, NASTY[:30], "2 👨‍👩‍👧")
    pieces = []
    for name in "ab":
        (tmp_path / name).mkdir()
        files, _ = render_card(runner, spec, None, tmp_path / name)
        pieces.append([files["piece"].read_bytes(), files["sound"].read_bytes()])
    assert pieces[0] == pieces[1]


def test_a_card_of_ten_thousand_characters_is_shortened(runner: Runner, tmp_path: Path) -> None:
    spec = card_of(CardKind.STORY, "tide and harbor " * 625, "l" * 10_000)
    _, facts = render_card(runner, spec, None, tmp_path)
    assert facts["shortened"] is True
    rows = ink(exact(tmp_path, SMALL)[-2]).any(axis=1)
    assert not rows[: SMALL.height // 20].any()
    assert not rows[-SMALL.height // 20 :].any()


def test_a_sketch_fills_its_bar_to_the_end(runner: Runner, tmp_path: Path) -> None:
    spec = card_of(CardKind.SKETCH, "Mei leaves", "She walks.", PARTS, frames=32, profile=DRAFT)
    render_card(runner, spec, None, tmp_path)
    frames = exact(tmp_path, DRAFT).astype(int)
    row = frames[:32, int(DRAFT.height * 0.9) + 2]
    accent = (np.abs(row - np.array([242, 184, 75])).sum(axis=-1) < 40).sum(axis=1)
    assert (np.diff(accent[12:]) >= 0).all()
    assert accent[31] >= 0.8 * DRAFT.width
    assert 0.4 < accent[15] / accent[31] < 0.6


def test_a_roll_goes_up_evenly_and_its_last_row_leaves(runner: Runner, tmp_path: Path) -> None:
    rows = tuple((f"Person {n}", f"{n} s") for n in range(40))
    frames = 160
    spec = card_of(CardKind.CREDITS, "Harbor", "", rows, frames, DRAFT)
    _, facts = render_card(runner, spec, None, tmp_path)
    assert facts["frames"] == frames
    roll = roll_of(len(rows), DRAFT.width, DRAFT.height)
    speed = roll.speed(frames)
    seen = exact(tmp_path, DRAFT)
    low, high = DRAFT.height // 8, DRAFT.height * 7 // 8
    for number in (40, 41, 70, 90):
        before, after = ink(seen[number]), ink(seen[number + 1])
        wrong = [
            (before[low + step : high] != after[low : high - step]).sum()
            for step in (speed - 1, speed, speed + 1)
        ]
        # Over a ground that stands, the edges of letters differ by a little.
        assert wrong[1] < before[low:high].sum() * 0.01
        assert min(wrong[0], wrong[2]) > before[low:high].sum() * 0.2
    assert not ink(seen[frames - 1]).any()


def test_a_short_roll_stands(runner: Runner, tmp_path: Path) -> None:
    spec = card_of(CardKind.CREDITS, "Harbor", "", (("Mei", "9.5 s"), ("Bo", "3 s")), 32)
    render_card(runner, spec, None, tmp_path)
    seen = exact(tmp_path, SMALL)
    assert ink(seen[31]).any()
    assert (seen[20] == seen[31]).all()


def test_the_planned_font_is_the_one_that_draws(runner: Runner, tmp_path: Path) -> None:
    font = tiny_font(tmp_path / "a.ttf", "abc")
    spec = card_of(CardKind.STORY, "abc", style=CardStyle(font=str(font)))
    lacking = replace(spec, heading="abd")
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"no.*glyph for 'd'") as caught:
        render_card(runner, lacking, None, tmp_path / "one")
    assert caught.value.code == "glyph"
    tiny_font(font, "abcd")
    with pytest.raises(InputError, match="changed after it was planned"):
        render_card(runner, spec, None, tmp_path / "two")
    font.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        render_card(runner, spec, None, tmp_path / "three")


@pytest.mark.parametrize("kind", list(TextKind))
def test_a_text_is_even_sized_and_the_same_twice(
    kind: TextKind, runner: Runner, tmp_path: Path
) -> None:
    spec = text_of(kind, "Mei hands over to Bo 👋🏽", "the old pier")
    first, facts = drawn(runner, spec, tmp_path / "a")
    second, _ = drawn(runner, spec, tmp_path / "b")
    assert (first == second).all()
    assert (tmp_path / "a/text.png").read_bytes() == (tmp_path / "b/text.png").read_bytes()
    assert set(facts) == {"width", "height"}
    assert facts["width"] % 2 == facts["height"] % 2 == 0
    assert facts["width"] <= 0.84 * 360 + 2


def test_text_is_only_text(runner: Runner, tmp_path: Path) -> None:
    plain, _ = drawn(runner, text_of(TextKind.CAPTION, "xx"), tmp_path / "a")
    nasty, facts = drawn(runner, text_of(TextKind.CAPTION, NASTY), tmp_path / "b")
    assert "shortened" not in facts
    solid = (nasty[..., 3] > 250).sum() / (plain[..., 3] > 250).sum()
    assert solid > 10


def test_a_caption_of_ten_thousand_characters_is_shortened(runner: Runner, tmp_path: Path) -> None:
    picture, facts = drawn(runner, text_of(TextKind.CAPTION, "harbor " * 1430), tmp_path / "a")
    assert facts["shortened"] is True
    assert picture.shape[0] < 640 * 0.35
    # Rows of ink and rows without: five lines at most.
    rows = (picture[..., :3].min(axis=-1) * (picture[..., 3] > 250) > 200).sum(axis=1) > 3
    starts = (rows[1:] & ~rows[:-1]).sum()
    assert 4 <= starts <= 10


def test_captions_of_several_speakers_stand_under_each_other(
    runner: Runner, tmp_path: Path
) -> None:
    one, _ = drawn(runner, text_of(TextKind.CAPTION, "Yes."), tmp_path / "a")
    two, _ = drawn(runner, text_of(TextKind.CAPTION, "Yes.\nمن هناك؟"), tmp_path / "b")
    assert two.shape[0] > 1.4 * one.shape[0]


@pytest.mark.parametrize("kind", list(TextKind))
@pytest.mark.parametrize("under", [0, 255])
def test_a_text_reads_over_black_and_white(
    kind: TextKind, under: int, runner: Runner, tmp_path: Path
) -> None:
    picture, _ = drawn(runner, text_of(kind, "MMMM", "detail"), tmp_path / "a")
    alpha = picture[..., 3:].astype(float) / 255
    shown = np.round(picture[..., :3] * alpha + under * (1 - alpha)).astype(int)
    pad = picture.shape[0] // 8
    inside = shown[pad:-pad, pad:-pad].reshape(-1, 3)
    grey = inside[(np.ptp(inside, axis=1) < 8)]
    letters, plate = grey.max(axis=0), grey.min(axis=0)
    assert tuple(letters) == WHITE
    assert contrast(tuple(map(int, letters)), tuple(map(int, plate))) >= 4.5


@given(st.text(max_size=3000))
def test_reading_takes_as_long_as_the_words_within_bounds(text: str) -> None:
    for kind in CardKind:
        seconds = card_seconds(kind, text)
        assert 2 <= seconds <= 20
        assert card_seconds(kind, text + "more words here") >= seconds


def test_ideographs_take_longer_than_letters() -> None:
    assert card_seconds(CardKind.STORY, "字" * 30) == card_seconds(CardKind.STORY, "ab" * 30)


@given(st.integers(0, 1200), st.sampled_from([24, 25, 30, 50, 60]))
def test_a_roll_is_whole_grid_steps_and_about_thirty_seconds_at_most(rows: int, fps: int) -> None:
    profile = HOUSE.model_copy(update={"fps": fps})
    frames = roll_frames((("a", "b"),) * rows, profile)
    assert frames % profile.grid.frames == 0
    assert frames > 0
    assert frames / fps <= 30 + profile.grid.frames / fps
    roll = roll_of(rows, profile.width, profile.height)
    assert roll.still or roll.speed(frames) * frames >= roll.start + roll.height
