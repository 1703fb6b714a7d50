"""What came of a batch: a file for machines, a table for people, a log for each failed job."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import re
import shlex
import traceback
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chainer.batch.ledger import JobLedger
from chainer.batch.rows import JobRow, StepRow, now_text, seconds_between
from chainer.batch.words import JobState, StepState
from chainer.digest import Digest, bytes_digest
from chainer.errors import ChainerError, OutputError, RenderError, StoreError

LOGS_NAME = "logs"

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
_MOST_LINES = 8  # of one failure's message in the table; the log has all of it
_MOST_NAMES = 3
_MOST_CAUSES = 20
_MOST_NAME = 100


class JobCounts(BaseModel):
    """Jobs by what has become of them."""

    model_config = _FROZEN

    done: int
    failed: int
    waiting: int


class StepCounts(BaseModel):
    """Steps, each counted once: made by this run, found in the store, failed, not come to."""

    model_config = _FROZEN

    run: int
    cached: int
    failed: int
    waiting: int


class BatchSum(BaseModel):
    """The batch in sum; times and costs are this run's."""

    model_config = _FROZEN

    command: str
    run: int
    started: str
    ended: str
    seconds: float
    exit_status: int
    jobs: JobCounts
    steps: StepCounts
    cpu_seconds: float
    workers: tuple[str, ...]


class JobReport(BaseModel):
    """One job. `kept` says that it was as it is before this run, which did nothing for it.

    Of the `steps` that it needs, `ran` were made for it in this run, at `cpu_seconds`, and `cached`
    it found: in the store, or made for an earlier job of the batch, for a shared step counts for
    the first job that needed it. `seconds` is how long its last attempt took, `error` as
    `ChainerError.as_json` tells it.
    """

    model_config = _FROZEN

    name: str
    state: JobState
    kept: bool
    place: str
    graph: str
    chain: tuple[str, ...]
    folder: str
    film_seconds: str | None
    attempts: int
    started: str
    ended: str
    seconds: float
    steps: int
    ran: int
    cached: int
    cpu_seconds: float
    error: dict[str, Any] | None
    log: str | None


class BatchReport(BaseModel):
    """The whole report: `report.json`."""

    model_config = _FROZEN

    schema_: Literal["chainer.batch/1"] = Field(default="chainer.batch/1", alias="schema")
    batch: BatchSum
    jobs: tuple[JobReport, ...]

    def to_json(self) -> str:
        """As the file has it."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2) + "\n"


def report_of(ledger: JobLedger, *, exit_status: int) -> BatchReport:
    """The report on the run that is under way or ended last, as the ledger has it now.

    Raises `StoreError` and `OutputError` as the ledger does; `ValueError` where nothing ever ran.
    """
    runs = ledger.runs()
    if not runs:
        raise ValueError("no run of the batch has begun")
    run = runs[-1]
    steps = {step.key: step for step in ledger.steps()}
    needs, first = _needs(ledger.uses())
    jobs = ledger.jobs()
    made = [step for step in steps.values() if _made(step, run.id)]
    ended = run.ended or now_text()
    states = [step.state for step in steps.values()]
    cached = sum(state in (StepState.CACHED, StepState.DONE) for state in states) - len(made)
    failed = states.count(StepState.FAILED)
    return BatchReport(
        batch=BatchSum(
            command=_clean(run.command),
            run=run.id,
            started=run.started,
            ended=ended,
            seconds=round(seconds_between(run.started, ended), 3),
            exit_status=exit_status,
            jobs=JobCounts(
                done=sum(job.state is JobState.DONE for job in jobs),
                failed=sum(job.state is JobState.FAILED for job in jobs),
                waiting=sum(job.state in (JobState.WAITING, JobState.RUNNING) for job in jobs),
            ),
            steps=StepCounts(
                run=len(made),
                cached=cached,
                failed=failed,
                waiting=len(steps) - len(made) - cached - failed,
            ),
            cpu_seconds=round(sum(step.cpu_seconds for step in made), 3),
            workers=tuple(sorted({_clean(step.worker) for step in made if step.worker})),
        ),
        jobs=tuple(
            _job_report(job, [steps[key] for key in needs.get(job.name, ())], first, run.id)
            for job in jobs
        ),
    )


def write_report(path: Path, report: BatchReport) -> None:
    """Write the report to `path`, whole or not at all. Raises `OutputError` and `StoreError`."""
    _write_whole(path, report.to_json())


def report_lines(report: BatchReport) -> Iterator[str]:
    """The report for people: a table, what it comes to, and below it why jobs failed."""
    heads = ("job", "state", "seconds", "steps", "ran", "cached", "CPU s", "folder")
    table = [heads, *(_cells(job) for job in report.jobs)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        cells = [
            cell.rjust(width) if 2 <= column <= 6 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    batch = report.batch
    yield ""
    yield (
        f"{_count(len(report.jobs), 'job')}: {batch.jobs.done} done, {batch.jobs.failed} failed, "
        f"{batch.jobs.waiting} waiting; {_count(batch.steps.run, 'step')} ran, "
        f"{batch.steps.cached} cached, {batch.steps.failed} failed; "
        f"{batch.cpu_seconds:.1f} CPU s in {batch.seconds:.1f} s"
    )
    alike: dict[str, list[JobReport]] = {}
    for job in report.jobs:
        if job.error is not None:
            alike.setdefault(str(job.error.get("message", "")), []).append(job)
    for message, jobs in alike.items():
        yield ""
        yield from _failure(message, jobs)


def log_path(folder: Path, job: str) -> Path:
    """Where the log of a job of that name is, if it failed; `folder` is the batch's.

    Of two names never the same, and always a plain name inside the folder of logs.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", job).lstrip(".")[:_MOST_NAME]
    if safe != job or not safe:
        safe = f"{safe or 'job'}-" + bytes_digest(job.encode("utf-8", "surrogatepass"))[:12]
    return folder / LOGS_NAME / f"{safe}.log"


def write_log(folder: Path, job: str, error: ChainerError) -> Path:
    """Write all that is known of why `job` failed, and say where.

    The error with its facts, the command that failed and all it said, the chain of causes.
    Raises `OutputError` and `StoreError`.
    """
    path = log_path(folder, job)
    _write_whole(path, "\n".join(_log_lines(job, error)) + "\n")
    return path


def clear_log(folder: Path, job: str) -> None:
    """Remove the log of a job that has not failed after all; one that stays harms nobody."""
    with contextlib.suppress(OSError):
        log_path(folder, job).unlink()


# -- the report's rows ---------------------------------------------------------


def _needs(uses: Sequence[tuple[str, Digest]]) -> tuple[dict[str, list[Digest]], dict[Digest, str]]:
    """The steps of each job, and the first job of each step."""
    needs: dict[str, list[Digest]] = {}
    first: dict[Digest, str] = {}
    for job, key in uses:
        needs.setdefault(job, []).append(key)
        first.setdefault(key, job)
    return needs, first


def _made(step: StepRow, run: int) -> bool:
    return step.ran and step.run == run


def _job_report(
    job: JobRow, steps: Sequence[StepRow], first: Mapping[Digest, str], run: int
) -> JobReport:
    mine = [step for step in steps if first[step.key] == job.name and _made(step, run)]
    there = sum(step.state in (StepState.CACHED, StepState.DONE) for step in steps)
    ended = job.state in (JobState.DONE, JobState.FAILED)
    return JobReport(
        name=_clean(job.name),
        state=JobState.WAITING if job.state is JobState.RUNNING else job.state,
        kept=ended and job.run != run,
        place=_clean(job.place),
        graph=_clean(job.graph),
        chain=job.chain,
        folder=_clean(str(job.out)),
        film_seconds=None if job.film is None else str(job.film.seconds),
        attempts=job.attempts,
        started=job.started,
        ended=job.ended,
        seconds=round(job.seconds, 3),
        steps=len(steps),
        ran=len(mine),
        cached=there - len(mine),
        cpu_seconds=round(sum(step.cpu_seconds for step in mine), 3),
        error=None if job.error is None else _clean_values(dict(job.error)),
        log=_clean(job.log) or None,
    )


# -- for people ----------------------------------------------------------------


def _cells(job: JobReport) -> tuple[str, ...]:
    state = f"{job.state.value}, kept" if job.kept else job.state.value
    return (
        _shown(job.name),
        state,
        f"{job.seconds:.1f}",
        str(job.steps),
        str(job.ran),
        str(job.cached),
        f"{job.cpu_seconds:.1f}",
        _shown(job.folder),
    )


def _failure(message: str, jobs: Sequence[JobReport]) -> Iterator[str]:
    names = ", ".join(_shown(job.name) for job in jobs[:_MOST_NAMES])
    if len(jobs) > _MOST_NAMES:
        names += f" and {len(jobs) - _MOST_NAMES} more"
    said = message.splitlines() or ["no reason was given"]
    # From the command on it is for those who look closer, and the log has it.
    end = next((n for n, line in enumerate(said) if line.startswith("  command: ")), len(said))
    yield f"{names} failed: {_shown(said[0])}"
    for line in said[1 : min(end, _MOST_LINES)]:
        yield f"  {_shown(line)}"
    if end > _MOST_LINES:
        yield f"  and {_count(end - _MOST_LINES, 'more line')}"
    if jobs[0].log:
        yield f"  log: {_shown(jobs[0].log)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(text: str) -> str:
    """`text` without what would move a terminal's cursor or change its colours."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _clean(text: str) -> str:
    """`text` as UTF-8 can write it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _clean_values(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        return {_clean(key): _clean_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean_values(item) for item in value]
    return value


# -- the log -------------------------------------------------------------------


def _log_lines(job: str, error: ChainerError) -> Iterator[str]:
    yield f"job: {job}"
    yield f"at: {now_text()}"
    yield from _told(error)
    cause = _cause(error)
    for _ in range(_MOST_CAUSES):
        if cause is None:
            break
        yield ""
        yield "caused by"
        yield from _told(cause)
        cause = _cause(cause)
    if error.code == ChainerError.code:
        # A fault of ours: where in the code is what matters.
        yield ""
        yield from "".join(traceback.format_exception(error)).rstrip().splitlines()


def _told(error: BaseException) -> Iterator[str]:
    yield f"error: {type(error).__name__}"
    if not isinstance(error, ChainerError):
        yield f"message: {error}"
        return
    facts = error.as_json()["facts"]
    # What was noted and is told again has them among its facts alone.
    argv, stderr = facts.pop("argv", []), facts.pop("stderr", "")
    if isinstance(error, RenderError):
        argv, stderr = error.argv, error.stderr
    yield f"code: {error.code}"
    yield f"exit status: {error.exit_status}"
    yield f"message: {error.message}"
    yield "facts: " + json.dumps(facts, indent=2, ensure_ascii=False)
    if argv:
        yield "argv: " + json.dumps(list(argv), ensure_ascii=False)
        yield "command: " + shlex.join(str(word) for word in argv)
    if stderr:
        yield "stderr:"
        yield from (f"    {line}" for line in str(stderr).splitlines())


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


# -- on disk -------------------------------------------------------------------


def _sweep(path: Path) -> None:
    """Remove what processes that are gone left half-written beside `path`."""
    stem = f".{path.name[:_MOST_NAME]}."
    for left in path.parent.glob(f"{glob.escape(stem)}*.partial"):
        process = left.name.removeprefix(stem).partition("-")[0]
        if not process.isdecimal():
            continue
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            left.unlink(missing_ok=True)
        except (OSError, OverflowError):
            continue  # it lives, or it is no process of this machine


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(
        f".{path.name[:_MOST_NAME]}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        try:
            with draft.open("w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"{path}: the disk is full; free some space and run the same command again",
                code="disk-full",
                path=str(path),
            ) from error
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name another folder or file",
            path=str(path),
        ) from error
