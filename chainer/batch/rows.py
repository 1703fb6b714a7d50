"""What the ledger of a batch knows of runs, jobs and steps, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainer.batch.words import JobState, StepState
from chainer.digest import Digest
from chainer.episode.manifest import Manifest
from chainer.errors import ChainerError, OutputError

if TYPE_CHECKING:
    from fractions import Fraction

ErrorNote = Mapping[str, Any]
"""An error as `ChainerError.as_json` tells it."""


@dataclass(frozen=True, slots=True)
class FilmNote:
    """How a delivered film was when it was delivered; `seconds` is its length."""

    digest: Digest
    size: int
    mtime_ns: int
    seconds: Fraction


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job: what was asked for, up to `digest`, and what became of it.

    `digest` names what would be delivered, `out` is the episode's folder, absolute. `film` is there
    when it is done, `error` when it failed. Times are UTC as ISO text, empty where there is none;
    `run` is the run that last had to do with it.
    """

    name: str
    place: str
    graph: str
    start: str
    chain: tuple[str, ...]
    digest: Digest
    out: Path
    state: JobState = JobState.WAITING
    attempts: int = 0
    film: FilmNote | None = None
    error: ErrorNote | None = None
    log: str = ""
    started: str = ""
    ended: str = ""
    run: int | None = None

    @property
    def seconds(self) -> float:
        """How long its last attempt took; 0 where it has not ended."""
        return seconds_between(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step: what it is, up to `name`, and what became of it.

    `ran` says whether its last `run` made it. `cpu_seconds`, `seconds`, `bytes` and `worker` are of
    the last time that it was made, in whichever run that was.
    """

    key: Digest
    type: str
    name: str
    state: StepState = StepState.WAITING
    attempts: int = 0
    ran: bool = False
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    bytes: int = 0
    worker: str = ""
    error: ErrorNote | None = None
    started: str = ""
    ended: str = ""
    run: int | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of the command. `how` it ended is empty while it runs, `died` where nobody said."""

    id: int
    command: str
    pid: int
    host: str
    started: str
    ended: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The batch in sum: jobs and steps by state; what making the steps cost, over all runs."""

    jobs: Mapping[JobState, int]
    steps: Mapping[StepState, int]
    cpu_seconds: float
    bytes: int


def film_note(folder: Path, manifest: Manifest) -> FilmNote:
    """The note of the film that was just delivered to `folder`. Raises `OutputError`."""
    film = next(entry for entry in manifest.files if entry.name == manifest.film)
    path = folder / manifest.film
    try:
        stat = path.stat()
    except OSError as error:
        raise OutputError(
            f"{path} was delivered and is gone: {error.strerror}; see to it that nothing else "
            "writes to that folder, and run the same command again",
            path=str(path),
        ) from error
    return FilmNote(film.digest, film.size, stat.st_mtime_ns, manifest.seconds)


def error_again(note: ErrorNote) -> ChainerError:
    """The error that was noted, to be told once more: its code, words, facts and exit status.

    Its class is the root's: what it was is in its code.
    """
    facts = note.get("facts")
    error = ChainerError(str(note.get("message", "")), code=str(note.get("code", "fault")))
    error.facts = dict(facts) if isinstance(facts, Mapping) else {}
    status = note.get("exit_status")
    error.exit_status = status if isinstance(status, int) else ChainerError.exit_status
    return error


def now_text() -> str:
    """The present moment, UTC, to the millisecond, as ISO text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(started: str, ended: str) -> float:
    """How long it was from one time to another; 0 where one is missing or they are reversed."""
    if not started or not ended:
        return 0.0
    span = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
    return max(0.0, span.total_seconds())
