"""HEVC and AV1 by the same engine as H.264: copied bodies, small joints, headers all alike."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

import chainer
from chainer.errors import RenderError
from chainer.media.inspect import inspect_media
from chainer.media.limits import MediaLimits
from chainer.mp4 import FilmTracks, Mp4, Mp4Error, Span, VideoSpec, read_mp4, write_film
from chainer.profile import Codec, Profile
from chainer.render.encoder import colour_tags, picture_options, pixel_format
from chainer.store import Store
from tests.telling.clips import graph_of, made, plan

from .coded import FFMPEG, FPS, HEIGHT, WIDTH, Coded, read_codes

CODECS = ("hevc", "av1")
ENTRIES = {"hevc": "hvc1", "av1": "av01"}
JOINTS: list[dict[str, Any] | None] = [
    {"kind": "crossfade", "seconds": "2/5"},
    {"kind": "fade", "seconds": "4/5"},
    {"kind": "cut"},
]
ATOMS = [Coded(1, 40), Coded(2, 48), Coded(3, 41), Coded(4, 33)]


def small(codec: str, **changes: Any) -> Profile:
    values = {"width": WIDTH, "height": HEIGHT, "preset": "ultrafast", "crf": 20, "level": "3.1"}
    return Profile.model_validate({"name": "small", "codec": codec, **values, **changes})


@dataclass(frozen=True)
class Told:
    plan: chainer.EpisodePlan
    out: Path
    home: Path

    @property
    def film(self) -> Path:
        return self.out / "episode.mp4"


def tell(home: Path, codec: str) -> Told:
    told = plan(graph_of(home, ATOMS, JOINTS), home, profile=small(codec))
    made(told, home / "out")
    return Told(told, home / "out", home)


@pytest.fixture(scope="module", params=CODECS)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(tmp_path_factory.mktemp(request.param), request.param)


def pieces_of(store: Path) -> list[Mp4]:
    """The indexes of all files in the store that have pictures."""
    found = []
    for path in sorted((store / "cas").rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                try:
                    index = read_mp4(stream)
                    index.track("vide")
                except Mp4Error:
                    continue
            found.append(index)
    return found


def test_every_frame_is_there_and_is_the_planned_one(film: Told) -> None:
    layout = film.plan.render.layout
    codes = read_codes(film.film)
    assert len(codes) == layout.frames
    copied = 0
    at = 0
    for key, part in film.plan.render.sources():
        if hasattr(part, "first"):
            number = int(next(s for s in film.plan.render.steps if s.key == key).name[1:])
            for frame in range(part.first, part.last):
                assert codes[at] == (number, frame), (at, codes[at])
                at += 1
                copied += 1
        else:
            at += part.frames
    assert at == layout.frames
    assert copied > layout.frames // 2


def test_pieces_agree_in_every_byte_of_their_headers(film: Told) -> None:
    pieces = pieces_of(film.home)
    assert len(pieces) >= 6  # four clips and two joints
    specs = {(p.track("vide").codec, p.track("vide").config, p.track("vide").entry) for p in pieces}
    assert len(specs) == 1
    with film.film.open("rb") as stream:
        track = read_mp4(stream).track("vide")
    assert (track.codec, track.config, track.entry) in specs
    assert track.codec == ENTRIES[film.plan.settings.profile.codec.value]
    assert not track.reordered


def test_the_file_says_what_it_is(film: Told) -> None:
    codec = film.plan.settings.profile.codec.value
    head = film.film.read_bytes()[:64]
    assert head[4:8] == b"ftyp"
    assert ENTRIES[codec].encode() in head[16:40]
    found = inspect_media(film.film, Store(film.home), MediaLimits()).info.video
    assert found is not None
    assert (found.codec, found.pixel_format) == (codec, "yuv420p")
    assert (found.width, found.height, found.frame_rate) == (WIDTH, HEIGHT, FPS)
    told = (found.colour_primaries, found.colour_transfer, found.colour_matrix, found.colour_range)
    assert told == ("bt709", "bt709", "bt709", "tv")


def _open(files: dict[str, Path], name: str) -> IO[bytes]:
    return files[name].open("rb")


def _hashes(film: Path) -> list[str]:
    argv = [FFMPEG, "-v", "error", "-xerror", "-i", str(film), "-map", "0:v:0"]
    argv += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert not done.stderr
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if line[0] != "#"]


def encode(target: Path, profile: Profile, source: str, frames: int, keys: tuple[int, ...]) -> Path:
    words = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source, "-frames:v", str(frames)]
    tags = ":".join(f"{name}={value}" for name, value in colour_tags(profile).items())
    pixels = pixel_format(profile)
    words += ["-vf", f"format={pixels},setparams=range=tv:{tags},setparams=chroma_location=left"]
    for name, value in picture_options(profile, keys).items():
        words += [f"-{name}", str(value)]
    subprocess.run([*words, str(target)], check=True, capture_output=True)
    return target


@pytest.mark.parametrize(
    ("codec", "changes"),
    [
        ("hevc", {}),
        ("av1", {}),
        ("hevc", {"dynamic_range": "pq"}),
        ("av1", {"dynamic_range": "hlg"}),
    ],
)
def test_a_piece_may_end_at_any_frame(codec: str, changes: dict[str, str], tmp_path: Path) -> None:
    profile = small(codec, **changes)
    size = f"{WIDTH}x{HEIGHT}"
    files = {
        "one": encode(tmp_path / "a.mp4", profile, f"testsrc2=s={size}:r={FPS}", 24, (0, 7, 16)),
        "two": encode(tmp_path / "b.mp4", profile, f"mandelbrot=s={size}:r={FPS}", 20, (0, 8)),
    }
    indexes = {}
    for name, path in files.items():
        with path.open("rb") as stream:
            indexes[name] = read_mp4(stream)
    one, two = (indexes[name].track("vide") for name in ("one", "two"))
    assert {0, 7, 16} <= set(one.sync)
    assert (one.codec, one.config, one.entry) == (two.codec, two.config, two.entry)
    alone = {name: _hashes(path) for name, path in files.items()}
    spec = VideoSpec(one.config, one.entry, one.width, one.height, profile.fps, one.codec)
    for end in range(1, 25):
        spans = [Span("one", 0, end), Span("two", 8, 20), Span("one", 16, 24)]
        target = tmp_path / f"{end}.mp4"
        tracks = FilmTracks(video=spec, audio=None, video_spans=spans)
        write_film(target, tracks, indexes.__getitem__, partial(_open, files))
        wanted = [*alone["one"][:end], *alone["two"][8:20], *alone["one"][16:24]]
        assert _hashes(target) == wanted, end


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_the_same_film_comes_out_of_another_store_byte_for_byte(codec: str, tmp_path: Path) -> None:
    first, second = (tell(tmp_path / name, codec) for name in ("a", "b"))
    assert first.film.read_bytes() == second.film.read_bytes()


def test_pieces_of_another_codec_are_refused(tmp_path: Path) -> None:
    """A store whose pieces say one thing and hold another: never mixed silently."""
    from chainer.render import assemble as module

    told = plan(graph_of(tmp_path, ATOMS[:2], JOINTS[:1]), tmp_path, profile=small("hevc"))
    made(told, tmp_path / "out")
    strange = encode(
        tmp_path / "x.mp4", small("av1"), f"testsrc2=s={WIDTH}x{HEIGHT}:r={FPS}", 40, (0,)
    )
    with strange.open("rb") as stream:
        other = read_mp4(stream)
    keys = list(module._pieces(told.render))
    indexes = dict(zip(keys, pieces_of(tmp_path), strict=False))
    indexes[keys[-1]] = other

    class Shelf:
        def index(self, key: str) -> Mp4:
            return indexes[key]

    with pytest.raises(RenderError, match="coded differently"):
        module._agree(told.render, Shelf(), told.settings.profile)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", *CODECS])
def test_a_store_with_a_piece_of_other_headers_makes_no_film(codec: str, tmp_path: Path) -> None:
    """Of one codec and size, and whole by its hash: only its headers are another encoder's."""
    graph = graph_of(tmp_path, ATOMS[:2], [None])
    told = plan(graph, tmp_path, profile=small(codec))
    made(told, tmp_path / "first")
    store = Store(tmp_path)
    step = next(one for one in told.render.steps if one.name == "c1")
    _, record = store.find(step.key)
    assert record is not None
    # Coded by the same encoder at another preset, which writes other tools into its headers.
    other = plan(graph, tmp_path, profile=small(codec, preset="slow"))
    made(other, tmp_path / "second")
    strange = next(one for one in other.render.steps if one.name == "c1")
    _, wrong = store.find(strange.key)
    assert wrong is not None
    store.discard(step.key)
    files = {}
    for name, artefact in wrong.files.items():
        files[name] = tmp_path / f"copy-{name}"
        with store.open(artefact) as stream:
            files[name].write_bytes(stream.read())
    store.publish(step.key, step.type.value, files, record.facts)

    with pytest.raises(RenderError, match="coded differently") as caught:
        chainer.render_episode(told, tmp_path / "third")
    assert caught.value.code == "mixed"
    assert not (tmp_path / "third").exists()


def test_what_reads_the_sample_entry_refuses_others(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    words = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=30:d=0.2"]
    subprocess.run([*words, "-c:v", "mpeg4", str(path)], check=True, capture_output=True)
    with path.open("rb") as stream, pytest.raises(Mp4Error, match="mp4v"):
        read_mp4(stream)


def test_every_codec_has_its_options() -> None:
    for codec in (Codec.H264, Codec.HEVC, Codec.AV1):
        options = picture_options(small(codec.value), (0, 16))
        assert options["force_key_frames"] == "0,0.516667"
        assert options["crf"] == 20
    with pytest.raises(ValueError, match="no dynamic range yet"):
        picture_options(small("hevc", dynamic_range="auto"), (0,))


def test_the_house_is_coded_as_it_always_was() -> None:
    """A change here makes every piece of every store another: `ENGINE` must then be raised."""
    assert picture_options(Profile(name="house"), (0, 16)) == {
        "c:v": "libx264",
        "preset": "medium",
        "crf": 21,
        "profile:v": "high",
        "level:v": "4.0",
        "pix_fmt": "yuv420p",
        "bf": 0,
        "threads:v": 1,
        "forced-idr": 1,
        "force_key_frames": "0,0.516667",
        "x264-params": "stitchable=1:open-gop=0:scenecut=0:keyint=100000:min-keyint=1",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
        "color_range": "tv",
        "fps_mode": "passthrough",
        "flags:v": "+bitexact",
    }
