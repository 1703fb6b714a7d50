"""What one look at a take brings: pictures, light, sound and people, and nothing of any edge.

Holds the values only; `observe.py` makes them, `shelf.py` keeps them in the store. Arrays are
read-only by agreement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from chainer.digest import Digest

Picture = NDArray[np.uint8]
"""uint8 [height, width, 3], B G R, BT.709 R'G'B' full range, upright, square pixels."""

Luma = NDArray[np.uint8]
"""uint8 [height, width], or [n, height, width]."""

Vector = NDArray[np.float32]
"""float32 [n]."""

STILL_SIDE = 192
"""Longer side of a still, pixels."""

EDGE_SIDE = 160
"""Longer side of the luma frames at both ends, pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A decoded picture at `seconds` from the window's start, upright, any size."""

    seconds: Fraction
    pixels: Picture


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A remembered picture: long side `STILL_SIDE`, at `seconds` from the window's start."""

    seconds: Fraction
    pixels: Picture


@dataclass(frozen=True, slots=True)
class World:
    """Light and colour over the whole window; medians over the sampled frames.

    `ev` is log2 of the mean linear luminance, `wb` (log2 R/G, log2 B/G) of mean linear
    channels, `lab` the mean CIELAB, each with its spread over time (standard deviation).
    `palette` has up to five (weight, L, a, b), heaviest first, weights summing to 1.
    `sharpness` is the median variance of the Laplacian of luma at `STILL_SIDE`. `dark` is the
    share of frames that are all but black, `motion` the median absolute luma difference
    between neighbouring frames of the two ends, 0 for a still picture. `flicker_in` is how far
    light (L*) and colour (a*b*) change by themselves within the first three frames, `flicker_out`
    within the last three.
    """

    ev: float
    ev_spread: float
    wb: tuple[float, float]
    wb_spread: tuple[float, float]
    lab: tuple[float, float, float]
    lab_spread: tuple[float, float, float]
    palette: tuple[tuple[float, float, float, float], ...]
    sharpness: float
    dark: float
    motion: float
    flicker_in: tuple[float, float] = (0.0, 0.0)
    flicker_out: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Sound:
    """Loudness by EBU R128 in LUFS and the quiet background of the window.

    `head` and `tail` are the loudness of the first and last three seconds, None where they are
    silent (below -60 LUFS) or shorter than that. `ambience` is the level in dB of ten octave
    bands from 31.5 Hz to 16 kHz, at the 20th percentile of time.
    """

    integrated: float | None
    head: float | None
    tail: float | None
    ambience: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One person, animal or thing seen at one moment.

    `character` is the graph's id, or empty for somebody it does not name. `box` and `head` are
    (x, y, width, height) as fractions of the upright picture. `how` says what found it: `box`
    (declared), `reference` (a reference picture), `face` (a detector), `track` (followed from
    a sighting of the same look). `face` is the identity descriptor, float32 [128], with the
    face's width in pixels of the upright source and its yaw, -1 (turned to the left of the
    picture) to 1; `torso` the square root of the Lab histogram, float32 [400]; `texture`
    describes head and shoulders without a model; `palette` as in `World`. `crop` is a JPEG of
    the person at up to 512 pixels. `confidence` is 0 to 1.
    """

    character: str
    seconds: Fraction
    box: tuple[float, float, float, float]
    how: str
    confidence: float
    torso: Vector | None = None
    texture: Vector | None = None
    palette: tuple[tuple[float, float, float, float], ...] = ()
    head: tuple[float, float, float, float] | None = None
    face: Vector | None = None
    face_width: int = 0
    yaw: float | None = None
    sharpness: float = 0.0
    crop: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One take, looked at once. Times are seconds from the start of the window that plays.

    `head` and `tail` are the first and last luma frames, [n, height, width], long side
    `EDGE_SIDE`, in order of time, at the media's own rate `fps`; of a short clip both may hold
    the same frames. `stills` are at least the first and the last frame, in order of time.
    `last_frame` is a JPEG of the last picture at its full size, up to 1920 pixels.
    `measurable` is False where colours cannot be compared (high dynamic range).
    """

    key: Digest
    seconds: Fraction
    fps: Fraction
    width: int
    height: int
    head: Luma
    tail: Luma
    stills: tuple[Still, ...]
    world: World
    sound: Sound | None
    sightings: tuple[Sighting, ...] = ()
    last_frame: bytes = b""
    measurable: bool = True
    notes: tuple[str, ...] = field(default=())

    @property
    def first(self) -> Still:
        """The first picture."""
        return self.stills[0]

    @property
    def last(self) -> Still:
        """The last picture."""
        return self.stills[-1]
