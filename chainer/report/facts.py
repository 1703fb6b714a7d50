"""What an episode's folder says of itself, gathered: what is missing or damaged is named."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from chainer.digest import read_regular
from chainer.episode.captions import CAPTIONS_NAME
from chainer.episode.credits import CREDITS_NAME, Credits, read_credits
from chainer.episode.making import Making, read_making
from chainer.episode.manifest import MANIFEST_NAME, Manifest, SlotEntry, read_manifest
from chainer.episode.package import POSTER_NAME
from chainer.episode.remembered import CONTINUITY_NAME
from chainer.errors import VerifyError
from chainer.report.remembered import Remembered, read_remembered

_Read = TypeVar("_Read")
_MOST_TEXT = 8 << 20
_MOST_POSTER = 400_000
_MOST_PIXELS = 1 << 16
_MOST_COUNT = 1 << 50
"""No film has as many frames or bytes."""
_CUE = re.compile(
    r"(?:(\d+):)?(\d\d):(\d\d)\.(\d{3})[ \t]+-->[ \t]+(?:(\d+):)?(\d\d):(\d\d)\.(\d{3})"
)
_VOICE = re.compile(r"<v(?:\.[^ >]*)?[ \t]+([^>]*)>")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption, shown in `[start, end)` seconds: one `(speaker or empty, text)` for each line."""

    start: Fraction
    end: Fraction
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """A folder's own account. `film` is the name of its film, which need not be there.

    `memory`, `credits`, `making` and `poster` are None and `cues` is empty where there is no such
    file, or none that reads: then `faults` says so, by the file's name.
    """

    folder: Path
    manifest: Manifest
    film: str
    memory: Remembered | None
    credits: Credits | None
    making: Making | None
    cues: tuple[Cue, ...]
    poster: bytes | None
    faults: dict[str, str]

    @property
    def path(self) -> Path:
        """Where the film is, or ought to be."""
        return self.folder / self.film

    @property
    def size(self) -> tuple[int, int]:
        """The picture's width and height in pixels, those of the house where nothing is told."""
        profile = self.manifest.profile
        return _pixels(profile.get("width"), 720), _pixels(profile.get("height"), 1280)

    def slot(self, name: str) -> SlotEntry | None:
        """A place in the timeline."""
        return next((one for one in self.manifest.timeline if one.name == name), None)


def gather(folder: Path) -> Facts:
    """Read what is there. Raises `VerifyError` where there is no manifest that reads."""
    manifest = read_manifest(folder)
    _check_counts(manifest, folder / MANIFEST_NAME)
    listed = {one.name for one in manifest.files}
    faults: dict[str, str] = {}

    def attempt(name: str, read: Callable[[Path], _Read | None]) -> _Read | None:
        try:
            return read(folder)
        except VerifyError as error:
            if name in listed or (folder / name).exists():
                missing = not (folder / name).exists()
                faults[name] = f"{name} is missing" if missing else str(error)
            return None

    film = manifest.film
    if not (folder / film).is_file():
        faults[film] = f"{film} is missing"
    memory = attempt(CONTINUITY_NAME, read_remembered)
    told = attempt(CREDITS_NAME, read_credits)
    making = attempt("making.json", read_making)
    cues = attempt(CAPTIONS_NAME, _cues) if CAPTIONS_NAME in listed else ()
    poster = attempt(POSTER_NAME, _poster) if POSTER_NAME in listed else None
    return Facts(folder, manifest, film, memory, told, making, cues or (), poster, faults)


def _pixels(told: object, usual: int) -> int:
    return told if isinstance(told, int) and 0 < told <= _MOST_PIXELS else usual


def _check_counts(manifest: Manifest, path: Path) -> None:
    """Raise `VerifyError` for numbers of frames or bytes that nothing can be reckoned with."""
    counts = {
        "frames": [manifest.frames],
        "timeline": [
            count
            for slot in manifest.timeline
            for part in ((slot.start, slot.frames), *((a.first, a.frames) for a in slot.fused))
            for count in part
        ],
        "joints": [count for joint in manifest.joints for count in (joint.at, joint.frames)],
        "files": [one.size for one in manifest.files],
    }
    for place, found in counts.items():
        if any(not 0 <= one <= _MOST_COUNT for one in found):
            raise VerifyError(
                f"{path} is damaged: {place}: a count that no film has", path=str(path)
            )


def cues_of(text: str) -> tuple[Cue, ...]:
    """The cues of a WebVTT text, without their mark-up; what is none is passed over."""
    found = []
    for block in re.split(r"\n{2,}", text.replace("\r\n", "\n")):
        lines = block.split("\n")
        at = next((n for n, line in enumerate(lines) if _CUE.match(line)), None)
        if at is None:
            continue
        times = _CUE.match(lines[at])
        assert times is not None
        start, end = _moment(times.groups()[:4]), _moment(times.groups()[4:])
        words = tuple(_line(line) for line in lines[at + 1 :] if line.strip())
        if start < end and words:
            found.append(Cue(start, end, words))
    return tuple(found)


def _line(line: str) -> tuple[str, str]:
    voice = _VOICE.match(line)
    speaker = html.unescape(voice[1]).strip() if voice else ""
    return speaker, html.unescape(_TAG.sub("", line)).strip()


def _moment(parts: tuple[str | None, ...]) -> Fraction:
    hours, minutes, seconds, millis = (int(part or 0) for part in parts)
    return Fraction(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis, 1000)


def _cues(folder: Path) -> tuple[Cue, ...]:
    return cues_of(_bytes(folder / CAPTIONS_NAME, _MOST_TEXT).decode("utf-8", "replace"))


def _poster(folder: Path) -> bytes | None:
    data = _bytes(folder / POSTER_NAME, _MOST_TEXT)
    if not data.startswith(b"\xff\xd8\xff"):
        raise VerifyError(f"{POSTER_NAME} is damaged: it is no JPEG")
    return data if len(data) <= _MOST_POSTER else None


def _bytes(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise VerifyError(f"{path.name} has more bytes than it may", path=str(path))
        return read_regular(path)
    except OSError as error:
        raise VerifyError(
            f"{path.name} cannot be read: {error.strerror or error}", path=str(path)
        ) from error
