"""Unusual but valid media goes into a film upright, in colour, in time, to the frame.

Every clip shows four quarters: red, green, blue, and grey, seen upright clockwise from top left.
"""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import chainer

from .coded import FFMPEG, RATE, decode_sound, small_settings

QUARTERS = (
    "color=c=0xc02020:s=90x160[a];color=c=0x20a020:s=90x160[b];"
    "color=c=0x808080:s=90x160[c];color=c=0x2020c0:s=90x160[d];"
    "[a][b]hstack[e];[c][d]hstack[f];[e][f]vstack,trim=duration=2"
)
RGB = {"top left": (192, 32, 32), "top right": (32, 160, 32), "low left": (128, 128, 128)}
TAGS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
BT709 = f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{TAGS}"
X264 = "-c:v libx264 -preset ultrafast -crf 10"
TONE = "sine=f=440:r=48000:d=2,volume=0.5"

# name: (filters after the quarters, sound source, output options, extension)
CLIPS = {
    "plain": (f"fps=30,{BT709}", TONE, f"{X264} -c:a aac", "mp4"),
    "60fps": (f"fps=60,{BT709}", TONE, f"{X264} -c:a aac", "mp4"),
    "24fps": (f"fps=24,{BT709}", TONE, f"{X264} -c:a aac", "mp4"),
    "ntsc": (f"fps=30000/1001,{BT709}", TONE, f"{X264} -c:a aac", "mp4"),
    "vfr": (
        f"fps=30,{BT709},select='not(eq(mod(n,7),3))'",
        TONE,
        f"{X264} -c:a aac -fps_mode vfr",
        "mp4",
    ),
    "rotated 90": (f"fps=30,{BT709},transpose=cclock", TONE, f"{X264} -c:a aac", "mp4"),
    "rotated 180": (f"fps=30,{BT709},hflip,vflip", TONE, f"{X264} -c:a aac", "mp4"),
    "rotated 270": (f"fps=30,{BT709},transpose=clock", TONE, f"{X264} -c:a aac", "mp4"),
    "interlaced": (f"fps=60,{BT709},interlace", TONE, f"{X264} -flags +ilme+ildct -c:a aac", "mp4"),
    "hevc": (f"fps=30,{BT709}", TONE, "-c:v libx265 -preset ultrafast -crf 12 -c:a aac", "mp4"),
    "hevc 10-bit": (
        f"fps=30,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le,{TAGS}",
        TONE,
        "-c:v libx265 -preset ultrafast -crf 12 -c:a aac",
        "mp4",
    ),
    "vp9": (f"fps=30,{BT709}", TONE, "-c:v libvpx-vp9 -cpu-used 8 -c:a libopus", "webm"),
    "av1": (f"fps=30,{BT709}", TONE, "-c:v libsvtav1 -preset 12 -c:a aac", "mp4"),
    "prores": (
        f"fps=30,scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le,{TAGS}",
        TONE,
        "-c:v prores_ks -c:a pcm_s16le",
        "mov",
    ),
    "full range": (
        "fps=30,scale=out_color_matrix=bt709:out_range=pc,format=yuv420p,"
        "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=pc",
        TONE,
        f"{X264} -c:a aac",
        "mp4",
    ),
    "bt601": (
        "fps=30,scale=out_color_matrix=smpte170m:out_range=tv,format=yuv420p,"
        "setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m:range=tv",
        TONE,
        f"{X264} -c:a aac",
        "mp4",
    ),
    "mono 44.1": (f"fps=30,{BT709}", TONE, f"{X264} -c:a aac -ar 44100 -ac 1", "mp4"),
    "5.1": (f"fps=30,{BT709}", f"{TONE},pan=5.1|FL=c0|FR=c0|FC=c0", f"{X264} -c:a aac", "mp4"),
    "square pixels not": (
        f"fps=30,{BT709},scale=360:320,setsar=1/2",
        TONE,
        f"{X264} -c:a aac",
        "mp4",
    ),
    "no sound": (f"fps=30,{BT709}", None, X264, "mp4"),
}
TURNS = {"rotated 90": 90, "rotated 180": 180, "rotated 270": 270}
LOOSE = {"bt601": 14, "prores": 12, "vp9": 12, "av1": 12}


def make(name: str, folder: Path) -> Path:
    filters, sound, options, extension = CLIPS[name]
    path = folder / f"media/c.{extension}"
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", f"{QUARTERS},{filters}"]
    if sound:
        argv += ["-f", "lavfi", "-i", sound]
    subprocess.run([*argv, *options.split(), str(path)], check=True, capture_output=True)
    if name in TURNS:
        turned = path.with_name(f"t.{extension}")
        argv = [FFMPEG, "-y", "-v", "error", "-display_rotation", str(-TURNS[name])]
        argv += ["-i", str(path), "-c", "copy", str(turned)]
        subprocess.run(argv, check=True, capture_output=True)
        turned.replace(path)
    return path


def film_of(media: Path, folder: Path, **atom: object) -> chainer.Episode:
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": "Odd"},
        "nodes": [{"id": "c", "media": f"media/{media.name}", "author": "p", **atom}],
        "edges": [],
    }
    path = folder / "graph.json"
    path.write_text(json.dumps(graph))
    settings = small_settings(folder / "store")
    plan = chainer.plan_episode(chainer.load_graph(path), "c", settings=settings)
    return chainer.render_episode(plan, folder / "out")


def pictures(film: Path) -> np.ndarray:
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-vf", "scale=in_color_matrix=bt709"]
    argv += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, 320, 180, 3)


def quarter(picture: np.ndarray, name: str) -> np.ndarray:
    rows = slice(20, 140) if "top" in name else slice(180, 300)
    columns = slice(15, 75) if "left" in name else slice(105, 165)
    return picture[rows, columns].reshape(-1, 3).astype(float).mean(axis=0)


@pytest.mark.parametrize("name", CLIPS)
def test_it_comes_out_upright_in_colour_and_in_time(name: str, tmp_path: Path) -> None:
    episode = film_of(make(name, tmp_path), tmp_path)
    film = episode.path / "episode.mp4"
    found = pictures(film)
    assert len(found) == episode.manifest.frames
    assert abs(len(found) - 60) <= 1
    for place, colour in RGB.items():
        for number in (0, 30, len(found) - 1):
            error = np.abs(quarter(found[number], place) - colour).max()
            assert error < LOOSE.get(name, 9), (place, number, quarter(found[number], place))
    sound = decode_sound(film)
    assert len(sound) >= len(found) * RATE // 30 - 1
    (source,) = episode.manifest.sources
    if CLIPS[name][1] is None:
        assert np.abs(sound).max() == 0
        assert source.sound["loudness_in"] is None
    else:
        assert source.sound["loudness"] == pytest.approx(-14, abs=0.5)
        assert np.abs(sound[:, 0] - sound[:, 1]).max() < 0.05
        spectrum = np.abs(np.fft.rfft(sound[9600 : 9600 + 48000, 0]))
        assert abs(int(spectrum.argmax()) - 440) <= 2


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_high_dynamic_range_is_toned_down_to_ordinary_pictures(
    transfer: str, tmp_path: Path
) -> None:
    """Red stays red and grey grey, neither dark nor burnt."""
    path = tmp_path / "media/c.mp4"
    path.parent.mkdir()
    tagged = BT709.replace("yuv420p", "yuv444p")
    filters = (
        f"fps=30,{tagged},zscale=t=linear:npl=203,format=gbrpf32le,"
        f"zscale=p=bt2020:t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10le"
    )
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", f"{QUARTERS},{filters}"]
    argv += ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "12", "-color_primaries", "bt2020"]
    argv += ["-color_trc", transfer, "-colorspace", "bt2020nc", str(path)]
    subprocess.run(argv, check=True, capture_output=True)
    picture = pictures(film_of(path, tmp_path).path / "episode.mp4")[30]
    red, green, grey = (quarter(picture, place) for place in RGB)
    assert red[0] > 2.5 * red[1]
    assert green[1] > 2 * green[0]
    assert np.ptp(grey) < 12
    assert 60 < grey.mean() < 235


def test_sound_that_starts_late_stays_late(tmp_path: Path) -> None:
    path = tmp_path / "media/c.mp4"
    path.parent.mkdir()
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", f"{QUARTERS},fps=30,{BT709}"]
    argv += ["-itsoffset", "0.75", "-f", "lavfi", "-i", "sine=f=440:r=48000:d=1.25"]
    argv += [*X264.split(), "-c:a", "aac", str(path)]
    subprocess.run(argv, check=True, capture_output=True)
    sound = np.abs(decode_sound(film_of(path, tmp_path).path / "episode.mp4")).max(axis=1)
    assert sound[: int(0.70 * RATE)].max() < 0.01
    onset = int(np.argmax(sound > 0.1))
    assert abs(onset - 0.75 * RATE) < 0.012 * RATE


def test_trims_are_exact(tmp_path: Path) -> None:
    media = make("plain", tmp_path)
    episode = film_of(media, tmp_path, trim={"start": "1/2", "end": "3/2"})
    assert episode.manifest.frames == 30
    assert len(pictures(episode.path / "episode.mp4")) == 30
    assert episode.manifest.seconds == Fraction(1)


def test_a_trim_past_the_end_is_a_difference_and_the_file_decides(tmp_path: Path) -> None:
    media = make("plain", tmp_path)
    episode = film_of(media, tmp_path, trim={"start": 0, "end": 9})
    assert episode.manifest.frames == 60
    assert any("trim ends at 9 s" in note for note in episode.manifest.notes)


@pytest.mark.parametrize(
    ("size", "fit", "bars"),
    [("320x180", "auto", False), ("320x180", "contain", True), ("180x300", "auto", False)],
)
def test_other_shapes_fill_the_frame(tmp_path: Path, size: str, fit: str, bars: bool) -> None:
    path = tmp_path / "media/c.mp4"
    path.parent.mkdir()
    argv = [FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", f"color=0xc0c0c0:s={size}:d=1:r=30"]
    subprocess.run([*argv, *X264.split(), "-pix_fmt", "yuv420p", str(path)], check=True)
    graph = film_graph(path, tmp_path)
    settings = small_settings(tmp_path / "store", conform={"fit": fit})
    plan = chainer.plan_episode(chainer.load_graph(graph), "c", settings=settings)
    picture = pictures(chainer.render_episode(plan, tmp_path / "out").path / "episode.mp4")[10]
    assert bool(picture[5, 90].mean() < 20) is bars
    assert picture[160, 90].mean() > 170


def film_graph(media: Path, folder: Path) -> Path:
    film = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1"},
        "nodes": [{"id": "c", "media": f"media/{media.name}", "author": "p"}],
        "edges": [],
    }
    path = folder / "graph.json"
    path.write_text(json.dumps(film))
    return path
