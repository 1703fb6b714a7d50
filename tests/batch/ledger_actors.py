"""Processes around a batch's folder: run as `python -m tests.batch.ledger_actors ROLE FOLDER`.

`storm`: for each line on stdin, `TICKS MICROSECONDS`, a child is forked that works through the jobs
and ticks as it goes; it is killed so long after so many ticks. `hold`: holds the folder until it is
told to end, or killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

from chainer.batch.hold import hold
from chainer.batch.ledger import JobLedger, is_done, open_ledger
from chainer.batch.rows import FilmNote, JobRow, StepRow
from chainer.batch.words import JobState, StepState
from chainer.batch.work import StepResult
from chainer.digest import bytes_digest, key_of
from chainer.episode.manifest import FILM_NAME
from chainer.errors import RenderError

JOBS = 300
STEPS_EACH = 4
FAILS = 10  # every so many jobs


def job_row(folder: Path, number: int) -> JobRow:
    name = f"job-{number:04}"
    digest = key_of("test-job", number)
    return JobRow(name, f"line {number}", "/g.json", "a", ("a", "b"), digest, folder / name)


def step_keys(number: int) -> list[str]:
    # Neighbours share a step, as episodes do.
    return [key_of("test-step", number * (STEPS_EACH - 1) + i) for i in range(STEPS_EACH)]


def plan(ledger: JobLedger, folder: Path) -> None:
    jobs = [job_row(folder, number) for number in range(JOBS)]
    known = {step.key: step.state for step in ledger.steps()}
    keys = {key: None for number in range(JOBS) for key in step_keys(number)}
    made = (StepState.DONE, StepState.CACHED)
    ledger.note_plan(
        jobs,
        [
            StepRow(
                key,
                "conform",
                key[:6],
                StepState.CACHED if known.get(key) in made else StepState.WAITING,
            )
            for key in keys
        ],
        [(jobs[number].name, key) for number in range(JOBS) for key in step_keys(number)],
    )


def film(folder: Path, number: int) -> FilmNote:
    out = folder / f"job-{number:04}"
    out.mkdir(exist_ok=True)
    data = f"film {number}".encode()
    path = out / FILM_NAME
    path.write_bytes(data)
    return FilmNote(bytes_digest(data), len(data), path.stat().st_mtime_ns, Fraction(48, 5))


def work(folder: Path, tick: Callable[[], object]) -> None:
    """Work through the jobs, and say in a file beside them what the ledger has taken."""
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    tick()
    ledger = open_ledger(folder)
    tick()
    ledger.begin("storm")
    tick()
    plan(ledger, folder)
    made = {step.key for step in ledger.steps() if step.state in (StepState.DONE, StepState.CACHED)}
    for number in range(JOBS):
        row = ledger.job(f"job-{number:04}")
        assert row is not None
        if is_done(row, row.digest) or row.state is JobState.FAILED:
            continue
        tick()
        ledger.job_running(row.name)
        for key in step_keys(number):
            if key not in made:
                tick()
                ledger.step_running(key)
                made.add(key)
                result = StepResult(key, None, ran=True, cpu_seconds=1.0, seconds=0.5, worker="w:1")
                tick()
                ledger.step_done(key, result)
        tick()
        if number % FAILS == FAILS - 1:
            ledger.job_failed(row.name, RenderError("no", argv=["ffmpeg", str(number)]))
        else:
            ledger.job_done(row.name, film(folder, number))
        os.write(said, f"{number}\n".encode())
    ledger.end("done")


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def storm(folder: Path) -> None:
    for line in sys.stdin:
        ticks, microseconds = map(int, line.split())
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.close(reading)
                work(folder, partial(os.write, writing, b"."))
                os.close(writing)
                signal.pause()
            finally:
                os._exit(status)
        os.close(writing)
        for _ in range(ticks):
            if not os.read(reading, 1):
                break  # it has done all there was
        time.sleep(microseconds / 1e6)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(reading)
        say(str(os.waitstatus_to_exitcode(status)))


def holder(folder: Path) -> None:
    with hold(folder, "chainer batch first.yaml -o out"):
        say("held")
        sys.stdin.readline()


if __name__ == "__main__":
    {"storm": storm, "hold": holder}[sys.argv[1]](Path(sys.argv[2]))
