"""Small pieces made with the bundled FFmpeg, once a session."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

from chainer.mp4 import Mp4, read_mp4


@dataclass(frozen=True)
class Piece:
    path: Path
    index: Mp4
    data: bytes


def encode(path: Path, *options: str) -> Path:
    """Run the bundled FFmpeg; `options` are everything between the switches and the target."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-threads", "1", "-y"]
    subprocess.run([*argv, *options, str(path)], check=True, timeout=60, capture_output=True)
    return path


SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=30:d=2", "-f", "lavfi", "-i")
COLOUR = (
    *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
    *("-color_range", "tv", "-pix_fmt", "yuv420p"),
)
X264 = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-threads", "1"),
    *("-x264-params", "stitchable=1:open-gop=0:scenecut=0:keyint=250"),
    *("-force_key_frames", "expr:not(mod(n,16))", *COLOUR),
)
AAC = ("-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", "2")
EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")


def _piece(path: Path) -> Piece:
    with path.open("rb") as stream:
        return Piece(path, read_mp4(stream), path.read_bytes())


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Piece]:
    """`one` and `two`: 60 frames and 2 s of sound each, a keyframe every 16 frames."""
    folder = tmp_path_factory.mktemp("pieces")
    made = {}
    for name, tone in (("one", 440), ("two", 880)):
        sound = f"sine=f={tone}:r=48000:d=2"
        source = (*SOURCE, sound)
        if name == "two":
            source = (*source, "-vf", "negate")
        path = encode(folder / f"{name}.mp4", *source, *X264, *AAC, *EXACT)
        made[name] = _piece(path)
    return made
