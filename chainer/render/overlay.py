"""Text over a clip: where each still stands, and the filters that lay it there.

Cues are lower thirds on the left, captions stand in the middle above what phones cover. The
visible mark wanders through the same frame, so places are decided from the sizes of all of them:
no text covers the mark in any of its frames, nor another text of the same time, where there is
any room left. A text stays where it is for as long as it is seen.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from chainer.digest import Digest
from chainer.errors import RenderError
from chainer.profile import Profile
from chainer.render.encoder import laid_format, pixel_format
from chainer.render.mark import _INNER, _SIDE, _STATIONS, JUMP_SECONDS, still_input, still_name
from chainer.render.spec import Overlay, TextKind
from chainer.render.tones import still_in_range
from chainer.timebase import to_frames

FADE_FRAMES = 6
"""Frames in which a text comes and goes at 30 fps; as long in time at other rates."""

_FADE_SECONDS = Fraction(FADE_FRAMES, 30)
_LEFT = Fraction(6, 100)
"""Where cues begin, as a share of the width."""
_CUE = Fraction(76, 100)
"""The middle of a cue, as a share of the height."""
_CAPTION = Fraction(86, 100)
"""The lower edge of captions: below it phones show their own."""
_LOWEST = Fraction(96, 100)
_STEP = Fraction(1, 200)
"""How finely other heights are tried, as a share of the height."""
_AIR = Fraction(1, 160)
"""Least room between two things, as a share of the height."""

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels, seen in frames [first, last)."""

    x: int
    y: int
    width: int
    height: int
    first: int
    last: int

    def meets(self, other: Box, air: int = 0) -> bool:
        """Whether the two are seen at once and come nearer than `air` pixels."""
        return (
            self.first < other.last
            and other.first < self.last
            and self.x < other.x + other.width + air
            and other.x < self.x + self.width + air
            and self.y < other.y + other.height + air
            and other.y < self.y + self.height + air
        )


@dataclass(frozen=True, slots=True)
class MarkRun:
    """The mark whose still is `key` stands over frames [first, last), from `station` on."""

    key: Digest
    station: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Laid:
    """A text where it stands: the left and top pixel, both even."""

    overlay: Overlay
    x: int
    y: int


def still_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG of our own. Raises `RenderError` where it is none."""
    try:
        with path.open("rb") as stream:
            head = stream.read(24)
    except OSError as error:
        raise RenderError(f"a still is missing: {error.strerror}", path=str(path)) from error
    if len(head) < 24 or not head.startswith(_PNG) or head[12:16] != b"IHDR":
        raise RenderError("a still is no PNG file; it must be drawn again", path=str(path))
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def lay_out_texts(
    overlays: Sequence[Overlay], marks: Sequence[MarkRun], profile: Profile, folder: Path
) -> tuple[Laid, ...]:
    """Where the texts of a clip stand, from the stills in `folder`."""
    if not overlays:
        return ()
    walls = [
        box for run in marks for box in mark_boxes(run, still_size(_file(run.key, folder)), profile)
    ]
    sizes = [still_size(_file(one.still, folder)) for one in overlays]
    return place(overlays, sizes, walls, profile)


def place(
    overlays: Sequence[Overlay],
    sizes: Sequence[tuple[int, int]],
    walls: Sequence[Box],
    profile: Profile,
) -> tuple[Laid, ...]:
    """Each text's place: its own where that is free of `walls` and of texts before it.

    Else the nearest height that is free, further down before further up; its own where none is.
    """
    taken = list(walls)
    laid = []
    air = round(profile.height * _AIR)
    for overlay, size in zip(overlays, sizes, strict=True):
        boxes = [_box(overlay, size, y, profile) for y in _heights(overlay, size, profile)]
        box = next((one for one in boxes if not any(one.meets(t, air) for t in taken)), boxes[0])
        taken.append(box)
        laid.append(Laid(overlay, box.x, box.y))
    return tuple(laid)


def mark_boxes(run: MarkRun, size: tuple[int, int], profile: Profile) -> list[Box]:
    """Where the mark stands, and when: one box for each of its turns; frames of the clip."""
    width, height = size
    side = profile.width * _SIDE
    columns = {
        "left": side,
        "right": profile.width - width - side,
        "inner": (profile.width - width) * _INNER,
    }
    jump = to_frames(JUMP_SECONDS, profile.fps)
    boxes = []
    for turn in range(run.first // jump, -(-run.last // jump)):
        column, row = _STATIONS[(turn + run.station) % len(_STATIONS)]
        x, y = int(columns[column]), int((profile.height - height) * row)
        first, last = max(run.first, turn * jump), min(run.last, (turn + 1) * jump)
        boxes.append(Box(x // 2 * 2, y // 2 * 2, width, height, first, last))
    return boxes


def overlaid(stream: Any, laid: Sequence[Laid], profile: Profile) -> Any:
    """`stream`, of the house size and rate from time 0, with the texts over it.

    Each fades in and out within its own frames. Colours are turned to the film's once for each
    text; only pixels under one change.
    """
    stills: dict[Digest, list[Any]] = {}
    for key, uses in Counter(one.overlay.still for one in laid).items():
        still = still_in_range(still_input(key, profile), profile)
        branches = still.filter_multi_output("split", uses) if uses > 1 else [still]
        stills[key] = [branches[number] for number in range(uses)]
    for one in laid:
        stream = _with(stream, stills[one.overlay.still].pop(), one, profile)
    return stream


def _with(stream: Any, still: Any, laid: Laid, profile: Profile) -> Any:
    overlay = laid.overlay
    frames = overlay.last - overlay.first
    fade = min(max(1, to_frames(_FADE_SECONDS, profile.fps)), frames // 3)
    still = still.filter("tpad", stop=frames - 1, stop_mode="clone")
    if fade:
        still = still.filter("fade", t="in", s=0, n=fade, alpha=1)
        still = still.filter("fade", t="out", s=frames - fade, n=fade, alpha=1)
    still = still.filter("settb", f"{profile.fps.denominator}/{profile.fps.numerator}")
    still = still.filter("setpts", f"PTS-STARTPTS+{overlay.first}")
    pixels = pixel_format(profile)
    return stream.filter("format", pixels).overlay(
        still, x=laid.x, y=laid.y, eval="init", format=laid_format(pixels), eof_action="pass"
    )


def _heights(overlay: Overlay, size: tuple[int, int], profile: Profile) -> list[int]:
    """The tops that are tried, in order."""
    height = profile.height
    if overlay.kind == TextKind.CUE:
        own = height * _CUE - Fraction(size[1], 2)
    else:
        own = height * _CAPTION - size[1]
    lowest = height * _LOWEST - size[1]
    step = height * _STEP
    downwards = [own + step * n for n in range(1, 200) if own + step * n <= lowest]
    upwards = [own - step * n for n in range(1, 200) if own - step * n >= height - height * _LOWEST]
    found = [own, *downwards, *upwards]
    return [max(0, int(y) // 2 * 2) for y in found]


def _box(overlay: Overlay, size: tuple[int, int], y: int, profile: Profile) -> Box:
    width, height = size
    if overlay.kind == TextKind.CUE:
        x = min(int(profile.width * _LEFT), max(0, profile.width - width))
    else:
        x = max(0, (profile.width - width) // 2)
    return Box(x // 2 * 2, y, width, height, overlay.first, overlay.last)


def _file(key: Digest, folder: Path) -> Path:
    return folder / still_name(key)
