"""Running FFmpeg: argv from a filter graph, limits, progress, and errors that show both.

Graphs are built with ffmpeg-python, which knows how to quote them, and run by the media room.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainer.errors import RenderError, StoreError
from chainer.media.child import ChildLimits, ChildResult, run_child
from chainer.render.encoder import FFmpeg

_GLOBAL = (
    "-hide_banner",
    "-nostdin",
    "-nostats",
    "-y",
    "-loglevel",
    "level+info",
    "-filter_threads",
    "1",
    "-filter_complex_threads",
    "1",
)
_PROGRESS = re.compile(r"frame=\s*(\d+)")
OWN_FILES = ChildLimits(wall_seconds=1800.0, cpu_seconds=3600, memory_bytes=3 << 30)
"""For graphs over files of our own making."""


@dataclass(frozen=True, slots=True)
class Runner:
    """The binary with the caller's wish to stop and to hear how far it is."""

    ffmpeg: FFmpeg
    cancel: threading.Event | None = None

    def argv(self, graph: Any, *, copyts: bool = False) -> list[str]:
        """The command line of an ffmpeg-python output (or several, merged)."""
        import ffmpeg

        extra = ("-copyts",) if copyts else ()
        return [str(self.ffmpeg.path), *_GLOBAL, *extra, *ffmpeg.get_args(graph)]

    def run(
        self,
        argv: Sequence[str],
        what: str,
        *,
        cwd: Path,
        limits: ChildLimits = OWN_FILES,
        pass_fds: Sequence[int] = (),
        on_frame: Callable[[int], None] | None = None,
        check: bool = True,
    ) -> ChildResult:
        """Run to the end. With `check`, raises `RenderError` with argv and stderr on failure."""
        command = list(argv)
        on_line = None
        if on_frame is not None:
            report = on_frame
            command[1:1] = ["-progress", "pipe:1", "-stats_period", "0.25"]

            def on_line(line: str) -> None:
                if found := _PROGRESS.match(line):
                    report(int(found[1]))

        result = run_child(
            command,
            limits=limits,
            pass_fds=pass_fds,
            on_line=on_line,
            cancel=self.cancel,
            cwd=cwd,
        )
        if check and not result.ok:
            raise failure(what, command, result)
        return result


def failure(what: str, argv: Sequence[str], result: ChildResult) -> RenderError:
    """The error for an FFmpeg that failed over files of our own."""
    complaint = complaints(result.stderr)
    if "No space left on device" in complaint or result.stopped == "file_size":
        return StoreError(
            f"{what}: the disk is full; free some space and run the same command again: "
            "finished steps are kept",
            code="disk-full",
            argv=argv,
            stderr=complaint,
        )
    how = f"was stopped ({result.stopped})" if result.stopped else f"ended with {result.returncode}"
    return RenderError(f"{what}: FFmpeg {how}", argv=argv, stderr=complaint)


def complaints(stderr: str) -> str:
    """The lines of warning and above; all of it where there are none."""
    lines = [line for line in stderr.splitlines() if re.search(r"\[(warning|error|fatal)\]", line)]
    return "\n".join(lines) or stderr


_SUMMARY = re.compile(r"Integrated loudness:\s*(?:\[\w+\]\s*)?I:\s*(-?[\d.]+|-?inf|nan)\s*LUFS")
_PEAK = re.compile(r"True peak:\s*(?:\[\w+\]\s*)?Peak:\s*(-?[\d.]+|-?inf|nan)\s*dBFS")


@dataclass(frozen=True, slots=True)
class Measured:
    """Integrated loudness in LUFS and true peak in dBTP; -inf where there is only silence."""

    loudness: float
    true_peak: float


def read_ebur128(stderr: str) -> Measured:
    """The last summary of the ebur128 filter in `stderr`. Raises `RenderError` without one."""
    text = re.sub(r"^\[[^\]]*ebur128[^\]]*\]\s*", "", stderr, flags=re.MULTILINE)
    text = re.sub(r"^\[info\]\s*", "", text, flags=re.MULTILINE)
    loudness, peak = _SUMMARY.findall(text), _PEAK.findall(text)
    if not loudness or not peak:
        raise RenderError("the loudness could not be measured", stderr=stderr)
    return Measured(float(loudness[-1]), float(peak[-1]))
