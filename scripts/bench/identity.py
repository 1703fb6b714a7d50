"""Whether every frame of a film is the one the manifest says: none lost, black or shown twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.watch import Shown


@dataclass(frozen=True, slots=True)
class Place:
    """Frames [start, start + frames) of the film show `atom`; the first and last of them, in
    number `shared_before` and `shared_after`, also show a neighbour."""

    atom: int
    start: int
    frames: int
    shared_before: int
    shared_after: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` frames show one atom alone; `wrong` lists (film frame, expected, seen)."""

    checked: int
    wrong: tuple[tuple[int, tuple[int, int], tuple[int, int] | None], ...]
    late_frames: int
    black: int


def places(manifest: Mapping[str, Any], numbers: Sequence[int]) -> list[Place]:
    """Where each slot of the film is; `numbers` are the atoms' numbers in their strips."""
    slots, joints = manifest["timeline"], manifest["joints"]
    shared = [joint["overlap"] for joint in joints]
    return [
        Place(number, slot["start"], slot["frames"], before, after)
        for number, slot, before, after in zip(
            numbers, slots, [0, *shared], [*shared, 0], strict=True
        )
    ]


def plain_places(numbers: Sequence[int], frames: int, overlap: int) -> list[Place]:
    """The same for a film of equal atoms."""
    last = len(numbers) - 1
    return [
        Place(
            number, n * (frames - overlap), frames, overlap if n else 0, overlap if n < last else 0
        )
        for n, number in enumerate(numbers)
    ]


def identify(shown: Sequence[Shown], where: Sequence[Place], fps: float = 30.0) -> Verdict:
    """Compare every frame that shows one atom alone; times must be whole frames from 0."""
    wrong = []
    checked = 0
    for place in where:
        for frame in range(place.shared_before, place.frames - place.shared_after):
            number = place.start + frame
            code = shown[number].code if number < len(shown) else None
            checked += 1
            if code != (place.atom, frame):
                wrong.append((number, (place.atom, frame), code))
    late = sum(abs(one.time - n / fps) > 0.0005 for n, one in enumerate(shown))
    black = sum(one.mean < 18 for one in shown)
    return Verdict(checked, tuple(wrong), late, black)


def alone(where: Sequence[Place]) -> Callable[[int], bool]:
    """A test whether a film frame shows one atom alone, with a frame to spare."""
    frames = set()
    for place in where:
        first, last = place.start + place.shared_before, place.frames - place.shared_after
        frames.update(range(first, place.start + last - 2))
    return frames.__contains__
