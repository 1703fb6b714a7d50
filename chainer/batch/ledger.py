"""The job ledger: the account of a batch, beside its output. The store decides what is made.

Every job and step with its state, attempts and times, over all runs of the command in a folder.
Notes of steps are written together, at most five times a second, as one commit for each would cost
more than a small step; a job's end is committed at once. A process that is killed so loses at most
the account of its last moment, and what it left running waits again when the next run begins.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from chainer.batch.ledger_file import LEDGER_NAME, connect, damaged_row, ledger_error
from chainer.batch.rows import FilmNote, JobRow, RunRow, StepRow, Totals, now_text
from chainer.batch.words import JobState, StepState
from chainer.digest import Digest, file_digest
from chainer.episode.manifest import FILM_NAMES
from chainer.episode.segments import segments_are_there
from chainer.errors import Cancelled, ChainerError, OutputError
from chainer.timebase import time_text

if TYPE_CHECKING:
    from chainer.batch.work import StepResult

_TOGETHER = 0.2  # seconds that notes may wait for others


def open_ledger(folder: Path) -> JobLedger:
    """The ledger of the batch in `folder`, both made if there are none.

    Raises what `ledger_file.connect` raises, and `OutputError` for a folder that cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made: {error.strerror}; name another folder with -o",
            path=str(folder),
        ) from error
    return JobLedger(folder / LEDGER_NAME)


def is_done(row: JobRow | None, digest: Digest) -> bool:
    """Whether the film that `digest` names was delivered and is still there.

    So must be the segments that its playlists name, whose bytes are not read. Of the film size and
    time of change are believed; where they are not as noted, the film's own digest decides.
    """
    if row is None or row.state is not JobState.DONE or row.digest != digest or row.film is None:
        return False
    found = any(_is_film(row.out / name, row.film) for name in FILM_NAMES)
    return found and segments_are_there(row.out)


def _is_film(path: Path, film: FilmNote) -> bool:
    try:
        stat = path.stat()
        if stat.st_size != film.size or not path.is_file():
            return False
        return stat.st_mtime_ns == film.mtime_ns or file_digest(path) == film.digest
    except OSError:
        return False


class JobLedger:
    """The ledger in the file at `path`. Used from the thread that opened it, and no other.

    All but `begin` and the questions need a run that has begun. Every call raises `StoreError` or
    `OutputError` for what the disk says (`disk-full` where it is full), after which what was noted
    since the last commit is forgotten and the ledger can still be asked; `KeyError` for a job or
    step that is in no plan; `RuntimeError` where it is used in the wrong order or thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = threading.get_ident()
        self._connection = connect(path)
        self._run: int | None = None
        self._committed = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- runs ------------------------------------------------------------------

    def begin(self, command: str) -> int:
        """Begin a run and give its number: what earlier ones left running waits again.

        The caller holds the folder: a run that has not ended died.
        """
        now = now_text()
        with self._all_or_none():
            self._do("UPDATE runs SET ended = ?, how = 'died' WHERE ended = ''", (now,))
            self._do("UPDATE jobs SET state = 'waiting' WHERE state = 'running'")
            self._do("UPDATE steps SET state = 'waiting' WHERE state = 'running'")
            made = self._do(
                "INSERT INTO runs (command, pid, host, started) VALUES (CAST(? AS TEXT), ?, ?, ?)",
                (_bytes(command), os.getpid(), socket.gethostname(), now),
            )
        assert made.lastrowid is not None
        self._run = made.lastrowid
        return self._run

    def end(self, how: str) -> None:
        """The run has ended: `done`, `failed`, `cancelled`, or an error's code."""
        self._do("UPDATE runs SET ended = ?, how = ? WHERE id = ?", (now_text(), how, self.run))
        self.flush()
        self._run = None

    @property
    def run(self) -> int:
        """The number of this run."""
        if self._run is None:
            raise RuntimeError("no run of the batch has begun")
        return self._run

    def note_plan(
        self,
        jobs: Iterable[JobRow],
        steps: Iterable[StepRow],
        uses: Iterable[tuple[str, Digest]],
    ) -> None:
        """What this run is to make, all or none: jobs in their order, steps, which job needs which.

        Only what was asked for is read of the rows, and of a step whether it is `cached` or
        `waiting`. What is known of a job stays known while its digest is the same (an empty one is
        nobody's), and of a step for good. Jobs that are no longer asked for stay in the file, so
        that asking again finds them, and are not told of; their films are theirs to keep.
        """
        run = self.run
        asked = list(jobs)
        if len({job.name for job in asked}) < len(asked):
            raise ValueError("two jobs of one name")
        with self._all_or_none():
            self._do("UPDATE jobs SET n = NULL")
            self._many("DELETE FROM job_steps WHERE job = ?", ((job.name,) for job in asked))
            self._many(
                "DELETE FROM jobs WHERE name = ? AND (digest <> ? OR digest = '')",
                ((job.name, job.digest) for job in asked),
            )
            self._many(_ASK, (_asked(n, job, run) for n, job in enumerate(asked)))
            self._many(
                _PLAN,
                (
                    (step.key, step.type, step.name, _planned(step).value, run, run)
                    for step in steps
                ),
            )
            self._many("INSERT OR IGNORE INTO job_steps (job, step) VALUES (?, ?)", uses)
            self._do("DELETE FROM steps WHERE key NOT IN (SELECT step FROM job_steps)")

    # -- jobs ------------------------------------------------------------------

    def job_running(self, name: str) -> None:
        """An attempt begins; nothing is noted where one is under way."""
        self._change(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, film = NULL, "
            "film_size = NULL, film_mtime_ns = NULL, film_seconds = NULL, error = NULL, log = '', "
            "started = ?, ended = '', run = ? WHERE name = ? AND state <> 'running'",
            (now_text(), self.run, name),
            _HAS_JOB,
        )

    def job_done(self, name: str, film: FilmNote) -> None:
        """Its film was delivered. Committed at once."""
        now = now_text()
        self._change(
            "UPDATE jobs SET state = 'done', attempts = max(attempts, 1), film = ?, film_size = ?, "
            "film_mtime_ns = ?, film_seconds = ?, error = NULL, log = '', "
            "started = CASE started WHEN '' THEN ? ELSE started END, ended = ?, run = ? "
            "WHERE name = ?",
            (
                film.digest,
                film.size,
                film.mtime_ns,
                time_text(film.seconds),
                now,
                now,
                self.run,
                name,
            ),
            _HAS_JOB,
        )
        self.flush()

    def job_failed(self, name: str, error: ChainerError, log: Path | None = None) -> None:
        """It failed, and `log` tells more. Committed at once."""
        now = now_text()
        self._change(
            "UPDATE jobs SET state = 'failed', film = NULL, film_size = NULL, "
            "film_mtime_ns = NULL, film_seconds = NULL, error = ?, log = CAST(? AS TEXT), "
            "started = CASE started WHEN '' THEN ? ELSE started END, ended = ?, run = ? "
            "WHERE name = ?",
            (_error_text(error), _bytes(str(log or "")), now, now, self.run, name),
            _HAS_JOB,
        )
        self.flush()

    def job_waiting(self, name: str) -> None:
        """It is to be made, and nothing is done for it now."""
        self._change(
            "UPDATE jobs SET state = 'waiting', film = NULL, film_size = NULL, "
            "film_mtime_ns = NULL, film_seconds = NULL, error = NULL, log = '', ended = '', "
            "run = ? WHERE name = ?",
            (self.run, name),
            _HAS_JOB,
        )

    # -- steps -----------------------------------------------------------------

    def step_running(self, key: Digest, worker: str = "") -> None:
        """It is being made, by `worker` if that is known already."""
        self._change(
            "UPDATE steps SET state = 'running', attempts = attempts + 1, ran = 0, error = NULL, "
            "worker = CAST(? AS TEXT), started = ?, ended = '', run = ? WHERE key = ?",
            (_bytes(worker), now_text(), self.run, key),
            _HAS_STEP,
        )

    def step_done(self, key: Digest, result: StepResult) -> None:
        """It is in the store: made, or found there by whoever was to make it."""
        if not result.ran:
            self.step_cached(key)
            return
        now = now_text()
        self._change(
            "UPDATE steps SET state = 'done', attempts = max(attempts, 1), ran = 1, "
            "cpu_seconds = ?, seconds = ?, bytes = ?, worker = CAST(? AS TEXT), error = NULL, "
            "started = CASE started WHEN '' THEN ? ELSE started END, ended = ?, run = ? "
            "WHERE key = ?",
            (
                result.cpu_seconds,
                result.seconds,
                0 if result.record is None else result.record.size,
                _bytes(result.worker),
                now,
                now,
                self.run,
                key,
            ),
            _HAS_STEP,
        )

    def step_cached(self, key: Digest) -> None:
        """It was in the store already."""
        self._change(
            "UPDATE steps SET state = 'cached', ran = 0, error = NULL, ended = ?, run = ? "
            "WHERE key = ?",
            (now_text(), self.run, key),
            _HAS_STEP,
        )

    def step_failed(self, key: Digest, error: ChainerError) -> None:
        """It failed; one that was cancelled waits again."""
        cancelled = isinstance(error, Cancelled)
        self._change(
            "UPDATE steps SET state = ?, ran = 0, error = ?, ended = ?, run = ? WHERE key = ?",
            (
                (StepState.WAITING if cancelled else StepState.FAILED).value,
                None if cancelled else _error_text(error),
                now_text(),
                self.run,
                key,
            ),
            _HAS_STEP,
        )

    # -- questions -------------------------------------------------------------

    def job(self, name: str) -> JobRow | None:
        """The job of that name; None where it is not asked for."""
        rows = self._do(_JOB, (name,))
        found = rows.fetchone()
        return None if found is None else self._job(found)

    def jobs(self) -> list[JobRow]:
        """The jobs that were asked for, in their order."""
        rows = self._do(_JOBS)
        return [self._job(row) for row in rows]

    def steps(self) -> list[StepRow]:
        """The steps that those jobs need, by key."""
        rows = self._do(_STEPS)
        return [self._step(row) for row in rows]

    def uses(self) -> list[tuple[str, Digest]]:
        """Which of those jobs needs which step, in the order of the jobs."""
        return self._do(
            "SELECT job, step FROM job_steps JOIN jobs ON name = job WHERE n IS NOT NULL "
            "ORDER BY n, step"
        ).fetchall()

    def runs(self) -> list[RunRow]:
        """All runs, the first one first."""
        rows = self._do("SELECT id, command, pid, host, started, ended, how FROM runs ORDER BY id")
        return [RunRow(*row) for row in rows]

    def totals(self) -> Totals:
        """The jobs that were asked for and their steps, in sum."""
        jobs = dict.fromkeys(JobState, 0)
        for state, count in self._do(
            "SELECT state, count(*) FROM jobs WHERE n IS NOT NULL GROUP BY state"
        ):
            jobs[JobState(state)] = count
        steps = dict.fromkeys(StepState, 0)
        cpu, size = 0.0, 0
        for state, count, seconds, number in self._do(_STEP_SUMS):
            steps[StepState(state)] = count
            cpu += seconds
            size += number
        return Totals(jobs, steps, cpu, size)

    @staticmethod
    def is_done(row: JobRow | None, digest: Digest) -> bool:
        """`is_done`, for whoever has a ledger at hand."""
        return is_done(row, digest)

    def flush(self) -> None:
        """Commit what was noted. Cheap where nothing was; to be called while nothing happens."""
        self._check()
        if self._connection.in_transaction:
            self._do("COMMIT")
        self._committed = time.monotonic()

    def close(self) -> None:
        """Commit what was noted and close the file; a second time does nothing."""
        try:
            with contextlib.suppress(sqlite3.ProgrammingError):  # closed already
                self.flush()
        finally:
            self._connection.close()

    # -- inside ----------------------------------------------------------------

    def _change(self, sql: str, values: tuple[object, ...], known: str) -> None:
        """Note something of the row whose name is the last of `values`."""
        self._check()
        if not self._connection.in_transaction:
            self._do("BEGIN IMMEDIATE")
        name = values[-1]
        if self._do(sql, values).rowcount == 0 and self._do(known, (name,)).fetchone() is None:
            raise KeyError(name)
        if time.monotonic() - self._committed > _TOGETHER:
            self.flush()

    @contextlib.contextmanager
    def _all_or_none(self) -> Iterator[None]:
        self.flush()
        self._do("BEGIN IMMEDIATE")
        try:
            yield
            self.flush()
        except BaseException:
            self._roll_back()
            raise

    def _do(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        self._check()
        try:
            return self._connection.execute(sql, values)
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            raise self._trouble(error) from error

    def _many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            self._connection.executemany(sql, rows)
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: sqlite3.Error) -> Exception:
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError):
            return error  # ours, not the disk's
        self._roll_back()
        return ledger_error(self.path, error)

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _check(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("the job ledger is used from the thread that opened it alone")

    def _job(self, row: tuple[Any, ...]) -> JobRow:
        name, place, graph, start, chain, digest, out, state, attempts = row[:9]
        film, size, mtime_ns, seconds, error, log, started, ended, run = row[9:]
        try:
            return JobRow(
                name=name,
                place=place,
                graph=graph,
                start=start,
                chain=tuple(json.loads(chain)),
                digest=digest,
                out=Path(out),
                state=JobState(state),
                attempts=attempts,
                film=None if film is None else FilmNote(film, size, mtime_ns, Fraction(seconds)),
                error=None if error is None else dict(json.loads(error)),
                log=log,
                started=started,
                ended=ended,
                run=run,
            )
        except (TypeError, ValueError) as fault:
            raise damaged_row(self.path, f"job {name}: {fault}") from fault

    def _step(self, row: tuple[Any, ...]) -> StepRow:
        key, kind, name, state, attempts, ran, cpu_seconds, seconds, size, worker = row[:10]
        error, started, ended, run = row[10:]
        try:
            return StepRow(
                key=key,
                type=kind,
                name=name,
                state=StepState(state),
                attempts=attempts,
                ran=bool(ran),
                cpu_seconds=cpu_seconds,
                seconds=seconds,
                bytes=size,
                worker=worker,
                error=None if error is None else dict(json.loads(error)),
                started=started,
                ended=ended,
                run=run,
            )
        except (TypeError, ValueError) as fault:
            raise damaged_row(self.path, f"step {key}: {fault}") from fault


_HAS_JOB = "SELECT 1 FROM jobs WHERE name = ?"
_HAS_STEP = "SELECT 1 FROM steps WHERE key = ?"
_JOBS = """
SELECT name, place, graph, start, chain, digest, out, state, attempts, film, film_size,
    film_mtime_ns, film_seconds, error, log, started, ended, run
FROM jobs WHERE n IS NOT NULL ORDER BY n
"""
_JOB = _JOBS.replace("WHERE", "WHERE name = ? AND")
_STEPS = """
SELECT key, type, name, state, attempts, ran, cpu_seconds, seconds, bytes, worker, error,
    started, ended, run
FROM steps WHERE key IN (SELECT step FROM job_steps JOIN jobs ON name = job WHERE n IS NOT NULL)
ORDER BY key
"""
_STEP_SUMS = """
SELECT state, count(*), sum(cpu_seconds), sum(bytes) FROM steps
WHERE key IN (SELECT step FROM job_steps JOIN jobs ON name = job WHERE n IS NOT NULL)
GROUP BY state
"""
_ASK = """
INSERT INTO jobs (name, n, place, graph, start, chain, digest, out, run)
VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, CAST(? AS TEXT), ?)
ON CONFLICT (name) DO UPDATE SET n = excluded.n, place = excluded.place, graph = excluded.graph,
    start = excluded.start, chain = excluded.chain, out = excluded.out
"""
_PLAN = """
INSERT INTO steps (key, type, name, state, run) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET type = excluded.type, name = excluded.name, state = excluded.state,
    ran = 0, error = NULL, run = ?
"""


def _asked(n: int, job: JobRow, run: int) -> tuple[object, ...]:
    place, graph, out = (_bytes(text) for text in (job.place, job.graph, str(job.out)))
    return job.name, n, place, graph, job.start, json.dumps(job.chain), job.digest, out, run


def _planned(step: StepRow) -> StepState:
    return StepState.CACHED if step.state is StepState.CACHED else StepState.WAITING


def _bytes(text: str) -> bytes:
    # Paths need not be UTF-8; what is no path's own doing is written as it would be in Python.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _error_text(error: ChainerError) -> str:
    return json.dumps(error.as_json())
