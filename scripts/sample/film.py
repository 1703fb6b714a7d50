"""Film: shots, the camera and its plates, and the encoder."""

from __future__ import annotations

import math
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from sample.canvas import Canvas, Picture
from sample.curves import Points
from sample.figure import Box, Figure
from sample.light import Light
from sample.pose import LOOKS, Look, Pose
from sample.sound import Track
from sample.speech import RATE, Line, Sound, mouth_at

Still = Callable[[Canvas, Light], None]
Live = Callable[[Canvas, Light, float], None]
Camera = Callable[[float], tuple[float, float, float]]
WIDE, HIGH = 720, 1280
SCALE = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
    "format=yuv420p,setsar=1"
)
# The slow preset makes files as small as veryslow here (within two per cent) in half the time.
# No psychovisual tuning: flat colours want none, and it costs a tenth.
X264 = (
    "threads=1:lookahead-threads=1:sliced-threads=0:aq-mode=1:aq-strength=0.6:psy-rd=0,0:deblock=2,1:"
    "colorprim=bt709:transfer=bt709:colormatrix=bt709"
)


@dataclass(frozen=True)
class Plate:
    """A still layer: drawn once, then moved by the camera: fully at depth 1, less far away."""

    draw: Still
    depth: float = 1.0
    blur: float = 0.0
    solid: bool = False


@dataclass
class Shot:
    """Everything needed to film one atom."""

    name: str
    light: Light
    camera: Camera
    under: Sequence[Plate | Live]
    act: Callable[[Stage], None]
    over: Sequence[Plate | Live] = ()
    sound: Callable[[Track], None] | None = None
    looks: dict[str, Look] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    lufs: float = -20.0
    seconds: float = 10.0
    fps: int = 30
    size: tuple[int, int] = (WIDE, HIGH)
    rate: int = RATE
    channels: int = 2
    crf: float = 31.2
    worse: Callable[[int, Picture], Picture | None] | None = None
    level_end: float | None = None  # how bright it is at the end, where that is not how it began


class Stage:
    """One frame in the making: what a shot's act draws on."""

    def __init__(self, shot: Shot, canvas: Canvas, t: float) -> None:
        self.shot, self.c, self.t, self.light = shot, canvas, t, shot.light
        self.boxes: dict[str, Box] = {}

    def person(self, who: str, pose: Pose, light: Light | None = None) -> None:
        """Draw somebody; blinks and mouth come by themselves."""
        pose.time = self.t + {"mei": 0.0, "bo": 1.7, "ines": 3.1}[who]
        pose.blink = max(pose.blink, blink_at(self.shot.name + who, self.t))
        pose.mouth = max(pose.mouth, mouth_at(self.shot.lines, who, self.t))
        look = self.shot.looks.get(who, LOOKS[who])
        box = Figure(self.c, light or self.light, look, pose).draw()
        if box is not None:
            self.boxes[who] = box


def blink_at(seed: str, t: float) -> float:
    """0 open .. 1 shut; everybody blinks in their own time."""
    rng = np.random.default_rng(sum(ord(ch) * (k + 1) for k, ch in enumerate(seed)))
    at = float(rng.uniform(0.6, 2.0))
    while at < t + 0.2:
        if abs(t - at) < 0.09:
            return 1 - abs(t - at) / 0.09 * 0.6
        at += float(rng.uniform(1.7, 3.6))
    return 0.0


def _matrix(camera: tuple[float, float, float], depth: float, width: int, height: int) -> Points:
    x, y, zoom = camera
    x, y, zoom = (
        WIDE / 2 + (x - WIDE / 2) * depth,
        HIGH / 2 + (y - HIGH / 2) * depth,
        1 + (zoom - 1) * (0.35 + 0.65 * depth),
    )
    k = zoom * width / WIDE
    return np.array([[k, 0, width / 2 - x * k], [0, k, height / 2 - y * k]])


class _Layer:
    """A plate ready to be put into frames."""

    def __init__(self, shot: Shot, plate: Plate) -> None:
        self.plate = plate
        width, height = shot.size
        times = np.linspace(0, shot.seconds, 25)
        frames = [_matrix(shot.camera(float(t)), plate.depth, width, height) for t in times]
        self.still = all(np.allclose(f, frames[0], atol=1e-4) for f in frames)
        if self.still:
            self.matrix, size = frames[0], (width, height)
        else:
            k = max(float(f[0, 0]) for f in frames)
            x0 = min(float(-f[0, 2] / f[0, 0]) for f in frames) - 4
            y0 = min(float(-f[1, 2] / f[1, 1]) for f in frames) - 4
            x1 = max(float((width - f[0, 2]) / f[0, 0]) for f in frames) + 4
            y1 = max(float((height - f[1, 2]) / f[1, 1]) for f in frames) + 4
            self.matrix = np.array([[k, 0, -x0 * k], [0, k, -y0 * k]])
            size = (math.ceil((x1 - x0) * k), math.ceil((y1 - y0) * k))
        picture = self._draw(size, shot.light, 0)
        if plate.solid:
            self.colour: Picture = picture
            return
        # Drawn on black and on white, the difference is what shows through.
        white = self._draw(size, shot.light, 255)
        clear = cv2.subtract(white, picture).max(axis=2)
        ys, xs = np.nonzero(clear < 255)
        if self.still and len(ys):
            self.area = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        else:
            self.area = (0, 0, size[0], size[1])
        self.colour, self.clear = picture, np.ascontiguousarray(cv2.merge([clear, clear, clear]))

    def _draw(self, size: tuple[int, int], light: Light, ground: int) -> Picture:
        picture: Picture = np.full((size[1], size[0], 3), ground, np.uint8)
        self.plate.draw(Canvas(picture, self.matrix), light)
        if self.plate.blur:
            picture = np.asarray(
                cv2.GaussianBlur(picture, (0, 0), self.plate.blur * size[0] / WIDE), dtype=np.uint8
            )
        return picture

    def put(self, frame: Picture, now: Points) -> None:
        if self.still:
            if self.plate.solid:
                frame[:] = self.colour
                return
            x0, y0, x1, y1 = self.area
            part = frame[y0:y1, x0:x1]
            part[:] = cv2.add(
                cv2.multiply(part, self.clear[y0:y1, x0:x1], scale=1 / 255),
                self.colour[y0:y1, x0:x1],
            )
            return
        k = now[0, 0] / self.matrix[0, 0]
        move = np.array(
            [[k, 0, now[0, 2] - k * self.matrix[0, 2]], [0, k, now[1, 2] - k * self.matrix[1, 2]]]
        )
        size = (frame.shape[1], frame.shape[0])
        colour = cv2.warpAffine(
            self.colour, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        if self.plate.solid:
            frame[:] = colour
            return
        clear = cv2.warpAffine(
            self.clear, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        frame[:] = cv2.add(cv2.multiply(frame, clear, scale=1 / 255), colour)


def frames(
    shot: Shot, only: list[float] | None = None
) -> Iterator[tuple[float, Picture, dict[str, Box]]]:
    """The shot frame by frame: time, picture, where everybody is."""
    width, height = shot.size
    under = [_Layer(shot, x) if isinstance(x, Plate) else x for x in shot.under]
    over = [_Layer(shot, x) if isinstance(x, Plate) else x for x in shot.over]
    times = (
        only if only is not None else [k / shot.fps for k in range(round(shot.seconds * shot.fps))]
    )
    frame: Picture = np.zeros((height, width, 3), np.uint8)
    stage: Stage | None = None
    drawn: tuple[float, tuple[float, float, float]] | None = None
    for k, t in enumerate(times):
        # Drawn on twos, as hand animation is: half the work, a third fewer bits.
        # The camera still moves on every frame.
        beat = t if only is not None else (k - k % 2) / shot.fps
        now = shot.camera(t)
        if stage is None or drawn != (beat, now):
            drawn = (beat, now)
            stage = Stage(shot, Canvas(frame, _matrix(now, 1.0, width, height)), beat)
            for item in [*under, None, *over]:
                if item is None:
                    shot.act(stage)
                elif isinstance(item, _Layer):
                    item.put(frame, _matrix(now, item.plate.depth, width, height))
                else:
                    item(stage.c, shot.light, beat)
        out = frame
        if shot.worse is not None:
            changed = shot.worse(k, frame)
            out = frame if changed is None else changed
        yield t, out, stage.boxes


def write(
    shot: Shot, track: Sound | None, target: Path, ffmpeg: str
) -> list[tuple[float, dict[str, Box]]]:
    """Film a shot into a file; the same bytes each time."""
    width, height = shot.size
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        sound: list[str] = []
        if track is not None:
            wav = Path(folder) / "sound.wav"
            with wave.open(str(wav), "wb") as out:
                out.setnchannels(2)
                out.setsampwidth(2)
                out.setframerate(RATE)
                out.writeframes(np.round(track * 32767).clip(-32768, 32767).astype("<i2").tobytes())
            sound = ["-i", str(wav)]
        argv = [
            ffmpeg,
            "-hide_banner",
            "-loglevel",
            "error",
            "-nostdin",
            "-y",
            "-filter_threads",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "bgr24",
            "-s",
            f"{width}x{height}",
            "-r",
            str(shot.fps),
            "-i",
            "pipe:0",
            *sound,
            "-map",
            "0:v",
            *(["-map", "1:a"] if sound else []),
            "-vf",
            SCALE,
            "-c:v",
            "libx264",
            "-preset",
            "slow",
            "-tune",
            "animation",
            "-crf",
            str(shot.crf),
            "-threads",
            "1",
            "-g",
            "300",
            "-profile:v",
            "high",
            "-x264-params",
            X264,
            "-colorspace",
            "bt709",
            "-color_primaries",
            "bt709",
            "-color_trc",
            "bt709",
            "-color_range",
            "tv",
            *(
                [
                    "-c:a",
                    "aac",
                    "-b:a",
                    "56k" if shot.channels == 2 else "40k",
                    "-ar",
                    str(shot.rate),
                    "-ac",
                    str(shot.channels),
                ]
                if sound
                else []
            ),
            "-map_metadata",
            "-1",
            "-fflags",
            "+bitexact",
            "-flags:v",
            "+bitexact",
            "-flags:a",
            "+bitexact",
            "-movflags",
            "+faststart",
            str(target),
        ]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        assert process.stdin is not None
        for t, picture, boxes in frames(shot):
            process.stdin.write(picture.data)
            seen.append((t, boxes))
        process.stdin.close()
        if process.wait() != 0:
            raise RuntimeError(f"the encoder failed on {target.name}: {argv}")
    return seen
