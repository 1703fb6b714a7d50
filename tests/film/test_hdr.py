"""HDR films: what was filmed so stays so, all else stands where BT.2408 puts it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainer
from chainer.media.info import HdrKind
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from chainer.mp4 import read_mp4
from chainer.mp4.box import box
from chainer.profile import DynamicRange, Profile
from chainer.ranges import looked_at
from chainer.render.tones import coded_range, still_in_range
from chainer.settings import Settings
from chainer.store import Store
from tests.telling.clips import graph_of, made, plan

from .coded import BAND, CELL, FFMPEG, FPS, HEIGHT, RATE, WIDTH, Coded

TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}
MASTERING = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    ":max-cll=1000,400"
)
BRIGHT = 600
"""Nits of the white of HDR sources here."""

Codes = NDArray[np.float64]


def hdr_profile(kind: str = "auto", **changes: Any) -> Profile:
    values = {"width": WIDTH, "height": HEIGHT, "preset": "ultrafast", "crf": 12, "codec": "hevc"}
    return Profile.model_validate({"name": "t", "dynamic_range": kind, **values, **changes})


def write_hdr(coded: Coded, path: Path, kind: str) -> None:
    """The coded clip with its white at `BRIGHT` nits, as HDR10 with mastering data, or HLG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = path.with_suffix(".f32")
    raw.write_bytes(coded.sound().astype("<f4").tobytes())
    transfer = TRANSFERS[kind]
    params = "pools=none:frame-threads=1:log-level=error" + (
        f":{MASTERING}" if kind == "pq" else ""
    )
    argv = [FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    argv += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-"]
    argv += ["-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", str(raw), "-vf"]
    argv += [
        "format=gbrp,zscale=matrixin=gbr:rangein=full:primariesin=709:transferin=709:"
        f"primaries=2020:transfer={transfer}:matrix=2020_ncl:range=limited:npl={BRIGHT},"
        "format=yuv420p10le"
    ]
    argv += ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "6", "-x265-params", params]
    argv += ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc"]
    argv += ["-color_range", "tv", "-c:a", "flac", "-threads", "1", str(path)]
    subprocess.run(argv, input=coded.pictures().tobytes(), check=True, capture_output=True)
    raw.unlink()


def luma(film: Path) -> Codes:
    """Luma of all pictures as a share of the scale, shape (frames, height, width)."""
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:v:0", "-fps_mode", "passthrough"]
    argv += ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    size = WIDTH * HEIGHT
    values = np.frombuffer(data, "<u2").reshape(-1, size * 3 // 2)[:, :size]
    return (values.reshape(-1, HEIGHT, WIDTH).astype(np.float64) - 64) / 876


def cell(picture: Codes, number: int) -> float:
    """The middle of one of the coded cells."""
    return float(
        picture[BAND // 4 : 3 * BAND // 4, number * CELL + 3 : (number + 1) * CELL - 3].mean()
    )


WHITE, BLACK = 18, 19
"""The cells that are always so."""


def pq(nits: float) -> float:
    """The share of the scale of a light in PQ (SMPTE ST 2084)."""
    y = (nits / 10_000) ** (2610 / 16384)
    top = 3424 / 4096 + 2413 / 128 * y
    return float((top / (1 + 2392 / 128 * y)) ** (2523 / 32))


def hlg(nits: float) -> float:
    """The share of the scale of a grey light in HLG on a display of 1000 nits (BT.2100)."""
    scene = (nits / 1000) ** (1 / 1.2)
    if scene <= 1 / 12:
        return float(np.sqrt(3 * scene))
    return float(0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


@dataclass(frozen=True)
class Told:
    plan: chainer.EpisodePlan
    out: Path
    pictures: Codes


def tell(home: Path, kinds: str, profile: Profile, **settings: Any) -> Told:
    """A film of three clips, `kinds` a word for each, with a crossfade and a fade."""
    atoms = [Coded(number, 40) for number in (1, 2, 3)]
    for atom, kind in zip(atoms, kinds.split(), strict=True):
        if kind != "sdr":
            write_hdr(atom, home / f"media/c{atom.number}.mp4", kind)
    joints: list[dict[str, Any] | None] = [
        {"kind": "crossfade", "seconds": "2/5"},
        {"kind": "fade", "seconds": "4/5"},
    ]
    told = plan(graph_of(home, atoms, joints), home, profile=profile, **settings)
    made(told, home / "out")
    pictures = luma(home / "out/episode.mp4")
    assert len(pictures) == told.render.layout.frames
    return Told(told, home / "out", pictures)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(tmp_path_factory.mktemp("mixed"), "pq hlg sdr", hdr_profile())


@pytest.fixture(scope="module")
def in_hlg(tmp_path_factory: pytest.TempPathFactory) -> Told:
    profile = hdr_profile(codec="av1")
    return tell(tmp_path_factory.mktemp("hlg"), "hlg sdr hlg", profile, watermark={"enabled": True})


def test_every_clip_stands_where_it_belongs_in_pq(mixed: Told) -> None:
    assert mixed.plan.settings.profile.dynamic_range is DynamicRange.PQ
    for at, nits in ((5, BRIGHT), (45, BRIGHT), (-5, 203)):
        assert cell(mixed.pictures[at], WHITE) == pytest.approx(pq(nits), abs=0.006), at
        assert cell(mixed.pictures[at], BLACK) == pytest.approx(0, abs=0.004), at


def test_every_clip_stands_where_it_belongs_in_hlg(in_hlg: Told) -> None:
    assert in_hlg.plan.settings.profile.dynamic_range is DynamicRange.HLG
    assert hlg(203) == pytest.approx(0.75, abs=0.001)
    for at, nits in ((5, BRIGHT), (45, 203), (-5, BRIGHT)):
        assert cell(in_hlg.pictures[at], WHITE) == pytest.approx(hlg(nits), abs=0.006), at
        assert cell(in_hlg.pictures[at], BLACK) == pytest.approx(0, abs=0.004), at


def test_a_fade_goes_through_black(mixed: Told) -> None:
    dark = [abs(float(picture.mean())) for picture in mixed.pictures]
    assert min(dark) < 0.001


def test_the_mark_is_no_brighter_than_the_white_of_a_page(in_hlg: Told) -> None:
    plain = in_hlg.pictures[45][BAND + 4 :]
    ground = np.median(plain)
    assert plain.max() > ground + 0.1, "there is a mark"
    assert plain.max() <= hlg(203) + 0.02


@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_what_shines_through_is_as_white_as_what_does_not(kind: str, tmp_path: Path) -> None:
    import ffmpeg
    from PIL import Image

    Image.new("RGBA", (16, 16), (255, 255, 255, 100)).save(tmp_path / "still.png")
    still = still_in_range(ffmpeg.input(str(tmp_path / "still.png")).video, hdr_profile(kind))
    output = ffmpeg.output(still, "-", f="rawvideo", pix_fmt="yuva420p10le")
    argv = [FFMPEG, "-v", "error", *output.get_args()]
    data = np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<u2")
    white = (pq if kind == "pq" else hlg)(203)
    assert (data[:256] - 64.0).mean() / 876 == pytest.approx(white, abs=0.003)
    assert data[-256:].mean() / 1023 == pytest.approx(100 / 255, abs=0.01)


@pytest.mark.parametrize(
    ("name", "transfer", "codec"), [("mixed", 16, "hevc"), ("in_hlg", 18, "av1")]
)
def test_the_film_is_tagged(
    name: str, transfer: int, codec: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    told: Told = request.getfixturevalue(name)
    film = told.out / "episode.mp4"
    video = inspect_media(film, Store(tmp_path), MediaLimits()).info.video
    assert video is not None
    assert (video.codec, video.bit_depth, video.pixel_format) == (codec, 10, "yuv420p10le")
    assert video.hdr is HdrKind(told.plan.settings.profile.dynamic_range.value)
    assert (video.colour_primaries, video.colour_matrix) == ("bt2020", "bt2020nc")
    with film.open("rb") as stream:
        entry = read_mp4(stream).track("vide").entry
    assert b"colrnclx" + bytes([0, 9, 0, transfer, 0, 9, 0]) in entry
    assert coded_range(entry) is video.hdr


def test_a_sources_mastering_is_not_claimed_for_the_film(mixed: Told) -> None:
    data = (mixed.out / "episode.mp4").read_bytes()
    assert b"mdcv" not in data
    assert b"clli" not in data
    argv = [FFMPEG, "-hide_banner", "-i", str(mixed.out / "episode.mp4"), "-vf", "showinfo"]
    argv += ["-frames:v", "3", "-f", "null", "-"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
    assert "smpte2084" in told
    assert "astering" not in told


def test_the_poster_is_an_ordinary_picture(mixed: Told) -> None:
    from PIL import Image

    with Image.open(mixed.out / "poster.jpg") as image:
        grey = np.asarray(image.convert("L")).astype(float)
    white = grey[BAND // 4 : 3 * BAND // 4, WHITE * CELL + 3 : (WHITE + 1) * CELL - 3].mean()
    black = grey[BAND // 4 : 3 * BAND // 4, BLACK * CELL + 3 : (BLACK + 1) * CELL - 3].mean()
    assert white > 225
    assert black < 25


def test_the_plan_says_what_was_brought_where(mixed: Told, in_hlg: Told) -> None:
    assert "brought from ordinary range into the film's PQ: c3" in mixed.plan.notes
    assert "brought from HLG into the film's PQ: c2" in mixed.plan.notes
    assert not any("from PQ" in note for note in mixed.plan.notes)
    assert "brought from ordinary range into the film's HLG: c2" in in_hlg.plan.notes


def test_no_step_is_made_in_a_range_that_is_not_decided(mixed: Told) -> None:
    ranges = set()
    for step in mixed.plan.render.steps:
        profile = getattr(step.spec, "profile", None)
        if profile is not None:
            ranges.add(profile.dynamic_range)
    assert ranges == {DynamicRange.PQ}


def test_ordinary_films_map_hdr_down_as_they_did(tmp_path: Path) -> None:
    """The house profile: 8 bits of BT.709, white of an HDR clip within the scale."""
    profile = hdr_profile("sdr", codec="h264", level="3.1")
    told = tell(tmp_path, "pq sdr hlg", profile)
    assert not any("brought" in note for note in told.plan.notes)
    for at in (5, 45, -5):
        assert 0.5 < cell(told.pictures[at], WHITE) <= 1.01
    assert cell(told.pictures[45], WHITE) == pytest.approx(1, abs=0.01)


def test_an_ordinary_film_in_an_hdr_profile_says_so(tmp_path: Path) -> None:
    told = plan(graph_of(tmp_path, [Coded(1, 40)]), tmp_path, profile=hdr_profile())
    assert told.settings.profile.dynamic_range is DynamicRange.PQ
    assert any("no clip is" in note for note in told.notes)


def test_colours_are_not_matched_in_an_hdr_film() -> None:
    settings = Settings(profile=hdr_profile())
    assert settings.memory.grade.enabled
    assert not looked_at(settings).memory.grade.enabled
    plain = Settings()
    assert looked_at(plain) is plain


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (b"", HdrKind.NONE),
        (box(b"pasp", bytes(8)), HdrKind.NONE),
        (box(b"colr", b"nclx", bytes([0, 1, 0, 1, 0, 1, 0])), HdrKind.NONE),
        (
            box(b"pasp", bytes(8)) + box(b"colr", b"nclx", bytes([0, 9, 0, 18, 0, 9, 0])),
            HdrKind.HLG,
        ),
        (box(b"colr", b"nclc", bytes([0, 9, 0, 16, 0, 9])), HdrKind.PQ),
        (box(b"colr", b"nclx", bytes(2)), HdrKind.NONE),
        (box(b"colr", b"prof", bytes([0, 9, 0, 16, 0, 9])), HdrKind.NONE),
    ],
)
def test_the_range_of_a_piece_is_read_from_its_boxes(entry: bytes, kind: HdrKind) -> None:
    assert coded_range(entry) is kind


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_the_same_film_comes_out_of_another_store_byte_for_byte(codec: str, tmp_path: Path) -> None:
    profile = hdr_profile(codec=codec)
    first, second = (tell(tmp_path / name, "pq sdr hlg", profile) for name in ("a", "b"))
    assert (first.out / "episode.mp4").read_bytes() == (second.out / "episode.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_cards_and_blurred_sides_in_hdr(kind: str, tmp_path: Path) -> None:
    """A wide HDR frame around an upright clip; the words of a card are white as a page is."""
    atoms = [Coded(1, 40), Coded(2, 40)]
    write_hdr(atoms[0], tmp_path / "media/c1.mp4", kind)
    profile = hdr_profile(kind, width=HEIGHT, height=WIDTH)
    told = plan(graph_of(tmp_path, atoms), tmp_path, profile=profile, card={"title": True})
    made(told, tmp_path / "out")
    argv = [FFMPEG, "-v", "error", "-i", str(tmp_path / "out/episode.mp4"), "-map", "0:v:0"]
    argv += ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    size = WIDTH * HEIGHT
    values = np.frombuffer(data, "<u2").reshape(-1, size * 3 // 2).astype(float)
    pictures = (values[:, :size].reshape(-1, WIDTH, HEIGHT) - 64) / 876
    chroma = (values[:, size:].reshape(-1, 2, WIDTH // 2, HEIGHT // 2) - 512) / 896
    title = told.render.layout.slots[0].frames
    white = (pq if kind == "pq" else hlg)(203)
    assert white * 0.85 < pictures[title // 2].max() < white + 0.03
    shown = pictures[-5]
    sides, middle = np.median(shown[60:, :60]), np.median(shown[60:, 140:180])
    assert 0.6 * middle < sides < 0.95 * middle
    # The sides have the colours of the picture.
    assert (
        np.abs(chroma[-5][:, 40:, :30].mean((1, 2)) - chroma[-5][:, 40:, 70:90].mean((1, 2))).max()
        < 0.04
    )


@pytest.mark.slow
def test_made_pictures_keep_to_the_film_in_ten_bits(tmp_path: Path) -> None:
    """A held and a morphed picture pass through filters of 8 bits and come back."""
    from tests.telling.clips import extended

    write_hdr(Coded(1, 300), tmp_path / "media/c1.mp4", "pq")
    graph = graph_of(tmp_path, [Coded(1, 300)], c1=extended("15", "hold"))
    told = plan(graph, tmp_path, profile=hdr_profile())
    made(told, tmp_path / "out")
    pictures = luma(tmp_path / "out/episode.mp4")
    assert len(pictures) == told.render.layout.frames
    assert np.median(pictures[-3][BAND + 20 :]) == pytest.approx(
        np.median(pictures[5][BAND + 20 :]), abs=0.01
    )
