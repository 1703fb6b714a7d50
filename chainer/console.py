"""What a person or a machine sees of a command: progress, results, errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chainer.errors import ChainerError
    from chainer.render.progress import Progress

_BAR = 24


class Console:
    """Prints for a terminal, a log, a machine, or nobody.

    Results go to stdout, progress and complaints to stderr. `machine` prints one JSON object as
    the only result; `quiet` prints results of neither kind, only errors.
    """

    def __init__(self, *, machine: bool, quiet: bool) -> None:
        self.machine = machine
        self.quiet = quiet
        # None where the caller has closed it.
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._open_line = False
        self._last = ""

    def say(self, text: str = "") -> None:
        """A line of the result, for people."""
        if not self.machine and not self.quiet:
            self._close_line()
            click.echo(text)

    def note(self, text: str) -> None:
        """A remark beside the result."""
        if not self.machine and not self.quiet:
            self._close_line()
            click.echo(click.style("note: ", fg="yellow") + text, err=True)

    def warn(self, text: str) -> None:
        """A remark that belongs to an error: said to everybody, on stderr."""
        self._close_line()
        click.echo(click.style("note: ", fg="yellow") + text, err=True)

    def result(self, value: Mapping[str, Any]) -> None:
        """The result, for machines."""
        if self.machine:
            self._close_line()
            click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def progress(self, progress: Progress) -> None:
        """On a terminal one moving line; in a log a line for each finished step."""
        count = f"{progress.steps_done}/{progress.steps}" if progress.steps_done else ""
        what = f"{progress.phase} {progress.name}".strip()
        self.moving(
            progress.done, what, count, progress.seconds_left, ended=progress.phase == "done"
        )

    def moving(
        self, done: float, what: str, count: str, seconds_left: float | None, *, ended: bool = False
    ) -> None:
        """How far something is, as `progress`; a log gets a line whenever `count` is another."""
        if self.quiet:
            return
        left = f", {_minutes(seconds_left)} left" if seconds_left else ""
        if self._live:
            full = round(_BAR * done)
            bar = "█" * full + "░" * (_BAR - full)
            line = " ".join(word for word in (f"{bar} {done:4.0%} ", count, what + left) if word)
            click.echo(f"\r\x1b[K{line[:100]}", nl=False, err=True)
            self._open_line = True
            if ended:
                click.echo("\r\x1b[K", nl=False, err=True)
                self._open_line = False
        elif count and count != self._last and not ended:
            self._last = count
            click.echo(f"{done:4.0%}  {count} {what}{left}", err=True)

    def looking(self, done: int, total: int) -> None:
        """How many clips have been looked at; a log is told at every tenth of many."""
        if self.quiet:
            return
        if self._live:
            click.echo(f"\r\x1b[Klooking at clip {done} of {total}", nl=False, err=True)
            self._open_line = True
            if done == total:
                click.echo("\r\x1b[K", nl=False, err=True)
                self._open_line = False
        elif total >= 20 and done * 10 // total > (done - 1) * 10 // total:
            click.echo(f"looked at {done} of {total} clips", err=True)

    def fail(self, error: ChainerError) -> None:
        """An error, said once."""
        self.fail_json(error)
        self.error(str(error))

    def error(self, text: str) -> None:
        """A line that says what went wrong, for people."""
        self._close_line()
        click.echo(click.style("error: ", fg="red", bold=True) + text, err=True)

    def fail_json(self, error: ChainerError) -> None:
        """An error for machines alone, where people are told by somebody else."""
        self._close_line()
        if self.machine:
            click.echo(json.dumps({"error": error.as_json()}, indent=2, ensure_ascii=False))

    def _close_line(self) -> None:
        if self._open_line:
            click.echo("", err=True)
            self._open_line = False


def seconds_text(seconds: Fraction) -> str:
    """`9.60 s` or `1:09.6`, for people."""
    value = float(seconds)
    if value < 60:
        return f"{value:.2f} s"
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """`1 frame`, `2 frames`; `plural` where it is not the noun with an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def bytes_text(count: int) -> str:
    """`3.4 MB`, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def _minutes(seconds: float | None) -> str:
    whole = round(seconds or 0)
    return f"{whole // 60}:{whole % 60:02d} min" if whole >= 60 else f"{whole} s"
