"""Pictures from the film itself: what stands before, in and after each joint, and how far it jumps.

The film is decoded once, small, in a child under limits. A film that does not decode whole gives no
picture, because nobody could say which frame it is.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

from chainer.episode.manifest import JointEntry, Manifest, SlotEntry
from chainer.errors import RenderError
from chainer.media.limits import VIDEO_CODECS, decoder_names
from chainer.render.run import OWN_FILES, Runner

LONG_SIDE = 216
"""Pixels of a still's longer side."""
MOST_STRIPS = 200
"""Joints beyond these are told without pictures."""

_BESIDE = 9
"""Frames between the two pictures on one side of a joint."""
_AROUND = 12
"""Frames on each side of a joint that its step is held against."""
_STEP = re.compile(r"lavfi\.signalstats\.YDIF=([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Pictures:
    """JPEGs of some frames by number, and how far each frame is from the one before it.

    `steps` are mean differences of luma in 8-bit units, one a frame, the first 0. All is empty and
    `fault` says why where the film cannot be decoded whole.
    """

    stills: Mapping[int, bytes]
    steps: tuple[float, ...]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a strip."""

    number: int
    part: Literal["before", "joint", "after"]


@dataclass(frozen=True, slots=True)
class PictureStep:
    """How far the picture jumps at a joint, and the median of its neighbours on both sides."""

    value: float
    usual: float

    @property
    def ratio(self) -> float | None:
        """How many times the usual; None where nothing moves around it."""
        return self.value / self.usual if self.usual >= 0.05 else None


def strip_of(joint: JointEntry, frames: int) -> tuple[Frame, ...]:
    """Which frames of a film of `frames` show a joint: two before, up to three in it, two after."""
    end = joint.at + joint.frames
    inside: list[int] = []
    if joint.frames:
        inside = [joint.at + joint.frames * n // 4 for n in (1, 2, 3)]
    parts: dict[int, Literal["before", "joint", "after"]] = {}
    for number in (joint.at - 1 - _BESIDE, joint.at - 1):
        parts.setdefault(number, "before")
    for number in inside:
        parts.setdefault(number, "joint")
    for number in (end, end + _BESIDE):
        parts.setdefault(number, "after")
    return tuple(Frame(n, part) for n, part in sorted(parts.items()) if 0 <= n < frames)


def thumbnail_of(slot: SlotEntry, atom: str, frames: int) -> int:
    """The frame that stands for an atom of a slot: the middle of what it plays there."""
    played = next((one for one in slot.fused if one.atom == atom), None)
    first, length = (slot.start, slot.frames)
    if played is not None:
        first, length = slot.start + played.first, played.frames
    return max(0, min(first + length // 2, frames - 1))


def picture_step(joint: JointEntry, steps: tuple[float, ...]) -> PictureStep | None:
    """How far the picture jumps at a joint; None where that was not measured."""
    end = joint.at + joint.frames
    here = steps[max(1, joint.at) : end + 1]
    around = steps[max(1, joint.at - _AROUND) : joint.at] + steps[end + 1 : end + 1 + _AROUND]
    if not here or not around:
        return None
    return PictureStep(max(here), median(around))


def wanted_frames(manifest: Manifest) -> tuple[int, ...]:
    """Every frame that the page shows, in order."""
    frames = manifest.frames
    found = {
        one.number for joint in manifest.joints[:MOST_STRIPS] for one in strip_of(joint, frames)
    }
    for slot in manifest.timeline[:MOST_STRIPS]:
        for atom in [one.atom for one in slot.fused] or [slot.name]:
            found.add(thumbnail_of(slot, atom, frames))
    return tuple(sorted(number for number in found if 0 <= number < frames))


def look(runner: Runner, film: Path, frames: int, wanted: Iterable[int]) -> Pictures:
    """Decode `film`, which ought to have `frames` frames, and keep the `wanted` ones.

    Raises `Cancelled` when the runner is stopped; whatever is wrong with the film is its `fault`.
    """
    numbers = sorted(set(wanted))
    if not film.is_file():
        return Pictures({}, (), f"{film.name} is missing")
    try:
        with tempfile.TemporaryDirectory(prefix="chainer-report-") as name:
            folder = Path(name)
            result = runner.run(
                _argv(runner, film, numbers),
                "looking at the film",
                cwd=folder,
                limits=replace(OWN_FILES, file_bytes=4 << 30),
                check=False,
            )
            steps = _steps(folder / "steps.txt")
            stills = [path.read_bytes() for path in sorted(folder.glob("still*.jpg"))]
    except OSError as error:
        return Pictures({}, (), f"its pictures could not be kept: {error.strerror or error}")
    except RenderError as error:
        return Pictures({}, (), str(error))
    if result.stopped:
        return Pictures({}, (), f"{film.name} could not be decoded: {result.stopped}")
    if not result.ok or len(steps) != frames or len(stills) != len(numbers):
        return Pictures(
            {}, (), f"{film.name} does not decode whole: {len(steps)} of {frames} frames"
        )
    return Pictures(dict(zip(numbers, stills, strict=True)), steps)


def film_input(film: Path) -> list[str]:
    """Options that open a film of the folder, whoever wrote it: as what it is, nothing else."""
    kind = "matroska" if film.suffix == ".mkv" else "mov"
    return [
        *("-protocol_whitelist", "file", "-f", kind),
        *("-codec_whitelist:v", ",".join(decoder_names(VIDEO_CODECS))),
        *("-i", f"file:{film.absolute()}"),
    ]


def quiet(runner: Runner) -> list[str]:
    """How every command line of this room begins."""
    return [
        str(runner.ffmpeg.path),
        *["-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "error"],
    ]


def _argv(runner: Runner, film: Path, numbers: list[int]) -> list[str]:
    size = f"scale='if(gte(iw,ih),{LONG_SIDE},-2)':'if(gte(iw,ih),-2,{LONG_SIDE})':out_range=pc"
    chosen = choosing(numbers)
    graph = (
        f"[0:v:0]{size},format=yuvj420p,split=2[a][b];[a]select='{chosen}'[stills];"
        "[b]signalstats,metadata=print:key=lavfi.signalstats.YDIF:file=steps.txt[steps]"
    )
    return [
        *quiet(runner),
        *("-xerror", "-threads", "2"),
        *film_input(film),
        *("-filter_complex", graph),
        *("-map", "[steps]", "-fps_mode", "passthrough", "-f", "null", "-"),
        *("-map", "[stills]", "-fps_mode", "passthrough", "-q:v", "6", "still%06d.jpg"),
    ]


def choosing(numbers: list[int]) -> str:
    """FFmpeg's expression that is 1 for the frames `numbers` (in order) and 0 for all others.

    A tree, because FFmpeg reads no sum of more than a hundred terms.
    """
    if len(numbers) < 2:
        return f"eq(n,{numbers[0]})" if numbers else "0"
    half = len(numbers) // 2
    return f"if(lt(n,{numbers[half]}),{choosing(numbers[:half])},{choosing(numbers[half:])})"


def _steps(path: Path) -> tuple[float, ...]:
    if not path.is_file():
        return ()
    return tuple(float(found[1]) for found in _STEP.finditer(path.read_text("ascii", "replace")))
