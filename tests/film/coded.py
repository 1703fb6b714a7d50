"""Atoms whose truth is computable: which atom and frame a picture is, and every sample of sound.

A picture carries a row of 20 cells, black or white: 6 bits of the atom, 12 of the frame, and two
that are always white and black. Below it is a plane in the atom's colour. The sound is a sum of
three steady sines of the atom's own over soft noise, which is what real sound costs a coder, with
a flash-and-beep where asked.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from chainer.profile import Profile
from chainer.provenance.policy import SigningMode, SigningPolicy
from chainer.settings import Settings

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
WIDTH, HEIGHT, FPS, RATE = 180, 320, 30, 48_000
CELLS, CELL, BAND = 20, 9, 40
SMALL = Profile(name="small", width=WIDTH, height=HEIGHT, preset="ultrafast", crf=16, level="3.1")

Samples = NDArray[np.float64]
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Coded:
    """One coded atom. `beeps` are frames at which picture and sound flash for one frame."""

    number: int
    frames: int = 60
    beeps: tuple[int, ...] = ()
    amplitude: float = 0.06

    def sound(self) -> Samples:
        """The whole sound, shape (samples, 2)."""
        count = self.frames * RATE // FPS
        time = np.arange(count) / RATE
        base = 180.0 + 37.0 * self.number
        left = sum(np.sin(2 * np.pi * base * k * time + k) for k in (1, 2.01, 3.7))
        right = sum(np.sin(2 * np.pi * base * k * time - k) for k in (1, 1.51, 2.9))
        sound = np.stack([left, right], axis=1) * self.amplitude
        noise = np.random.default_rng(self.number).normal(0, 1, (count + 32, 2))
        soft = sum(noise[k : count + k] for k in range(32)) / np.sqrt(32)
        sound += soft * self.amplitude * 0.3
        for beep in self.beeps:
            at = beep * RATE // FPS
            tone = np.sin(2 * np.pi * 3000 * np.arange(RATE // FPS) / RATE) * 0.5
            sound[at : at + len(tone)] += tone[:, None]
        return sound

    def pictures(self) -> Picture:
        """All pictures, shape (frames, height, width, 3), sRGB."""
        out = np.zeros((self.frames, HEIGHT, WIDTH, 3), np.uint8)
        out[:] = self.colour()
        for frame in range(self.frames):
            bits = f"{self.number:06b}{frame:012b}10"
            for cell, bit in enumerate(bits):
                out[frame, :BAND, cell * CELL : (cell + 1) * CELL] = 255 if bit == "1" else 0
        for beep in self.beeps:
            out[beep, BAND:] = 255
        return out

    def colour(self) -> tuple[int, int, int]:
        """The plane's colour."""
        return (40 + self.number * 23 % 90, 40 + self.number * 47 % 90, 40 + self.number * 71 % 90)

    def write(self, path: Path, *options: str, sound: bool = True) -> Path:
        """Encode it nearly without loss, to a file like a stranger's."""
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.with_suffix(".f32")
        raw.write_bytes(self.sound().astype("<f4").tobytes())
        argv = [FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        argv += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-"]
        if sound:
            argv += ["-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", str(raw)]
        argv += ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"]
        argv += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-colorspace", "bt709"]
        argv += ["-c:a", "flac", "-threads", "1", *options, str(path)]
        subprocess.run(argv, input=self.pictures().tobytes(), check=True, capture_output=True)
        raw.unlink()
        return path


def read_codes(film: Path) -> list[tuple[int, int] | None]:
    """(atom, frame) of each picture of a film; None where the cells are not clear."""
    found: list[tuple[int, int] | None] = []
    for picture in decode(film):
        row = picture[BAND // 4 : 3 * BAND // 4].astype(float)
        values = [row[:, c * CELL + 2 : (c + 1) * CELL - 2].mean() for c in range(CELLS)]
        if any(40 < value < 215 for value in values) or values[-2] < 128 or values[-1] > 128:
            found.append(None)
            continue
        bits = "".join("1" if value > 128 else "0" for value in values)
        found.append((int(bits[:6], 2), int(bits[6:18], 2)))
    return found


def decode(film: Path) -> NDArray[np.uint8]:
    """All luma pictures of a film, shape (frames, height, width)."""
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:v:0", "-fps_mode", "passthrough"]
    argv += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH)


def decode_sound(film: Path) -> Samples:
    """The sound of a film as a player gives it, shape (samples, 2)."""
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:a:0", "-f", "f32le"]
    argv += ["-ar", str(RATE), "-ac", "2", "-"]
    data = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(data, "<f4").reshape(-1, 2).astype(np.float64)


def frame_hashes(film: Path, first: int, count: int) -> list[str]:
    """MD5 of `count` decoded pictures from `first` on."""
    argv = [FFMPEG, "-v", "error", "-i", str(film), "-map", "0:v:0", "-fps_mode", "passthrough"]
    argv += ["-f", "framemd5", "-"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    hashes = [line.split(",")[-1].strip() for line in text.splitlines() if not line.startswith("#")]
    return hashes[first : first + count]


def write_graph(
    folder: Path,
    atoms: Sequence[Coded],
    joints: Sequence[dict[str, Any] | None] = (),
    **nodes: dict[str, Any],
) -> Path:
    """A chain of the atoms in order, c0 → c1 → …, as a graph file with its media."""
    for atom in atoms:
        path = folder / f"media/c{atom.number}.mp4"
        if not path.exists():
            atom.write(path)
    names = [f"c{atom.number}" for atom in atoms]
    edges = []
    for number, (source, target) in enumerate(pairwise(names)):
        edge: dict[str, Any] = {"source": source, "target": target, "kind": "continuation"}
        if number < len(joints) and joints[number]:
            edge["joint"] = joints[number]
        edges.append(edge)
    graph = {
        "directed": True,
        "multigraph": True,
        "graph": {"schema": "chainer.graph/1", "title": "Coded"},
        "nodes": [
            {"id": name, "media": f"media/{name}.mp4", "author": "p-a", **nodes.get(name, {})}
            for name in names
        ],
        "edges": edges,
    }
    path = folder / "graph.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    return path


def small_settings(where: Path, **changes: Any) -> Settings:
    """The small profile, its own store, no title card, memory, watermark or signature.

    Coded frames are made to be told apart, not to look like a world, and a signature is another
    each time; tests of these parts of a film switch them on.
    """
    values: dict[str, Any] = {
        "profile": SMALL,
        "signing": SigningPolicy(mode=SigningMode.OFF),
        "store": {"path": where},
        "card": {"title": False},
        "workers": 2,
        "memory": {"enabled": False},
        "watermark": {"enabled": False},
    }
    return Settings.model_validate({**values, **changes})


def seconds(frames: int) -> Fraction:
    """Exact seconds of frames at the test rate."""
    return Fraction(frames, FPS)
