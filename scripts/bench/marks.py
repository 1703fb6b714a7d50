"""Marks by which every frame and moment of a generated atom is known again after coding.

A strip of light and dark cells says which atom and which frame; a patch lights up for two
frames each second while a chirp sounds. All are drawn into luma, in cells large enough to
survive strong compression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

COLUMNS, ROWS = 12, 2
_ATOM_BITS = _FRAME_BITS = 10
_DARK, _LIGHT, _MIDDLE = 24, 228, 126
FIRST_FLASH = 15
FLASH_EVERY = 30
FLASH_FRAMES = 2
CHIRP_SAMPLES = 1440


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the marks are: `cell` is the side of a cell in pixels."""

    cell: int

    @property
    def height(self) -> int:
        """Rows of pixels from the top that hold all marks."""
        return self.cell * 8

    def draw(self, luma: Any, atom: int, frame: int) -> None:
        """Write the marks of `frame` into the rows of `luma`."""
        bits = _bits(atom, frame)
        cell = self.cell
        for number, bit in enumerate(bits):
            row, column = divmod(number, COLUMNS)
            top, left = cell * (1 + row), cell * (1 + column)
            luma[top : top + cell, left : left + cell] = _LIGHT if bit else _DARK
        patch = luma[cell * 4 : cell * 7, cell : cell * 4]
        patch[:] = _LIGHT if flashes(frame) else _DARK

    def read(self, luma: Any) -> tuple[int, int] | None:
        """(atom, frame), or None where the strip is not whole."""
        cell = self.cell
        strip = luma[cell : cell * (1 + ROWS), cell : cell * (1 + COLUMNS)]
        inner = strip.reshape(ROWS, cell, COLUMNS, cell)[:, cell // 4 : -(cell // 4)]
        means = inner[..., cell // 4 : -(cell // 4)].mean(axis=(1, 3)).ravel()
        bits = [int(value > _MIDDLE) for value in means]
        atom = _number(bits[:_ATOM_BITS])
        frame = _number(bits[_ATOM_BITS : _ATOM_BITS + _FRAME_BITS])
        return (atom, frame) if bits == _bits(atom, frame) else None

    def is_lit(self, luma: Any) -> bool:
        """Whether the patch is light."""
        cell = self.cell
        return bool(luma[cell * 5 : cell * 6, cell * 2 : cell * 3].mean() > _MIDDLE)


def flashes(frame: int) -> bool:
    """Whether the patch is light in this frame of an atom."""
    return frame >= FIRST_FLASH and (frame - FIRST_FLASH) % FLASH_EVERY < FLASH_FRAMES


def flash_frames(frames: int) -> list[int]:
    """The frames at which a flash begins, in an atom of `frames` frames."""
    return list(range(FIRST_FLASH, frames, FLASH_EVERY))


def chirp() -> Any:
    """30 ms from 2 to 7 kHz, without a click at either end; the flash begins with it."""
    t = np.arange(CHIRP_SAMPLES) / 48_000
    length = CHIRP_SAMPLES / 48_000
    phase = 2 * np.pi * (2000 * t + (7000 - 2000) / (2 * length) * t * t)
    return np.sin(phase) * np.sin(np.pi * t / length) ** 2


def _bits(atom: int, frame: int) -> list[int]:
    # No power of two is a multiple of 13, so one wrong cell never goes unseen.
    check = (atom * 5 + frame * 3 + 7) % 13
    parts = ((atom, _ATOM_BITS), (frame, _FRAME_BITS), (check, 4))
    return [value >> bit & 1 for value, width in parts for bit in range(width)]


def _number(bits: list[int]) -> int:
    return sum(bit << place for place, bit in enumerate(bits))
