"""How loud the film is over time, measured from the film itself by EBU R128."""

from __future__ import annotations

import math
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from chainer.errors import RenderError
from chainer.render.run import OWN_FILES, Runner
from chainer.report.strips import film_input, quiet

STEP = 0.1
"""Seconds between two measures."""
_WINDOW = 4
"""Measures that the momentary loudness looks back on: 0.4 s."""
_NOTHING = -70.0
"""LUFS; what is softer is silence to the norm."""
_LINE = re.compile(r"lavfi\.r128\.(M|S|I|LRA|true_peak)=(\S+)")


@dataclass(frozen=True, slots=True)
class Loudness:
    """LUFS after every tenth of a second, None where there is silence; the rest of the whole film.

    `momentary` looks back 0.4 s, `short` 3 s. `range` is in LU, `true_peak` in dBTP. All is empty
    or None and `fault` says why where there is no sound to measure.
    """

    momentary: tuple[float | None, ...] = ()
    short: tuple[float | None, ...] = ()
    integrated: float | None = None
    range: float | None = None
    true_peak: float | None = None
    fault: str = ""

    def step(self, start: float, end: float) -> tuple[float | None, float | None]:
        """The momentary loudness right before second `start` and right after second `end`."""
        before = round(start / STEP) - 1
        after = round(end / STEP) - 1 + _WINDOW
        return tuple(  # type: ignore[return-value]
            self.momentary[at] if 0 <= at < len(self.momentary) else None
            for at in (before, min(after, len(self.momentary) - 1))
        )


def listen(runner: Runner, film: Path) -> Loudness:
    """Measure `film`. Raises `Cancelled` when the runner is stopped; all else is its `fault`."""
    if not film.is_file():
        return Loudness(fault=f"{film.name} is missing")
    argv = [
        *quiet(runner),
        *film_input(film),
        *("-map", "0:a:0", "-af"),
        "ebur128=peak=true:framelog=quiet:metadata=1,ametadata=print:file=sound.txt",
        *("-f", "null", "-"),
    ]
    try:
        with tempfile.TemporaryDirectory(prefix="chainer-report-") as name:
            folder = Path(name)
            limits = replace(OWN_FILES, file_bytes=1 << 30)
            result = runner.run(argv, "measuring the sound", cwd=folder, limits=limits, check=False)
            path = folder / "sound.txt"
            text = path.read_text("ascii", "replace") if path.is_file() else ""
    except OSError as error:
        return Loudness(fault=f"what was measured could not be kept: {error.strerror or error}")
    except RenderError as error:
        return Loudness(fault=str(error))
    if not result.ok or not text:
        return Loudness(fault=f"the sound of {film.name} cannot be decoded")
    return read_measures(text)


def read_measures(text: str) -> Loudness:
    """What FFmpeg's `ebur128` printed as metadata, as a value."""
    found: dict[str, list[float | None]] = {}
    for line in _LINE.finditer(text):
        found.setdefault(line[1], []).append(_number(line[2]))

    def last(name: str) -> float | None:
        return (found.get(name) or [None])[-1]

    peak = last("true_peak")
    return Loudness(
        momentary=tuple(map(_heard, found.get("M", ()))),
        short=tuple(map(_heard, found.get("S", ()))),
        integrated=_heard(last("I")),
        range=last("LRA"),
        true_peak=None if not peak or peak <= 0 else 20 * math.log10(peak),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _heard(value: float | None) -> float | None:
    return None if value is None or value <= _NOTHING else value
