"""Running a batch in a folder: held, swept, accounted for, and reported however it ends."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from chainer.batch.cost import CostBook
from chainer.batch.course import Course, OnProgress
from chainer.batch.executor import Executor
from chainer.batch.hold import hold
from chainer.batch.ledger import JobLedger, open_ledger
from chainer.batch.local import LocalExecutor
from chainer.batch.plan import BatchPlan
from chainer.batch.report import BatchReport, report_of, write_report
from chainer.batch.rows import JobRow, StepRow
from chainer.batch.words import StepState
from chainer.batch.work import read_by
from chainer.compose import open_store
from chainer.digest import key_of
from chainer.errors import Cancelled, OutputError, StoreError
from chainer.permission import Register
from chainer.provenance.signer import FilmSigner
from chainer.render.encoder import find_ffmpeg
from chainer.settings import Settings
from chainer.store import Store, sweep, tidy
from chainer.store.lent import lent_key

REPORT_NAME = "report.json"
SOME_FAILED = 7


def run_batch(
    plan: BatchPlan,
    out: str | Path,
    *,
    settings: Settings | None = None,
    executor: Executor | None = None,
    memory_bytes: int | None = None,
    fail_fast: bool = False,
    retry_failed: bool = False,
    signer: FilmSigner | None = None,
    register: Register | None = None,
    report: Path | None = None,
    command: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    stop: threading.Event | None = None,
) -> BatchReport:
    """Make and deliver every job of `plan` into the folder `out`, each step once.

    The same plan again goes on where a run ended, however it ended: what is finished stays. A job
    that failed the same way before is tried again only with `retry_failed`; with `fail_fast`
    nothing new is begun after a failure. Steps run in `executor`, by default in threads of this
    process, as many as `settings.workers` and `memory_bytes` allow. `settings` None takes those
    that the jobs were planned with. `cancel` lets what runs end and begins nothing new; `stop`
    kills it. `on_progress` is called from this thread.

    The report is written to `report`, by default `report.json` in `out`, in every case. Raises
    `InputError` with code `held` where another run holds the folder, `OutputError` for a folder or
    a report that cannot be written, `Cancelled`, and `StoreError`
    or `RenderError` for what ends the whole batch, such as a full disk or a lost scheduler.
    """
    settings = settings or _settings_of(plan)
    folder = Path(out).absolute()
    store = open_store(settings)
    if report is not None:
        report = report.absolute()
        _check_report(report)
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold(folder, " ".join(command)))
        sweep(store)
        ledger = open_ledger(folder)
        stack.callback(ledger.close)
        book = CostBook(store)
        if executor is None:
            executor = LocalExecutor(
                store,
                find_ffmpeg(settings.ffmpeg, store),
                settings.pool_size,
                memory_bytes=memory_bytes,
            )
            stack.callback(executor.close)
        ledger.begin(" ".join(command))
        _note(ledger, plan)
        course = Course(
            plan,
            store,
            ledger,
            executor,
            folder,
            book,
            signer=signer,
            register=register,
            fail_fast=fail_fast,
            on_progress=on_progress,
            cancel=cancel,
            stop=stop or threading.Event(),
        )
        try:
            with _pinned(store, plan, folder, course):
                course.go(retry_failed=retry_failed)
            if course.fatal is None and not course.cancelled:
                tidy(store, settings.store.max_bytes)
        except StoreError as error:
            course.fatal = course.fatal or error
        status = _status(course)
        with contextlib.suppress(StoreError, OutputError):  # a full disk: the report may still fit
            ledger.end(course.fatal.code if course.fatal else _HOW.get(status, "done"))
        why = course.fatal
        if why is None and course.cancelled:
            why = Cancelled(
                "cancelled: what is finished is kept; the same command again does the rest"
            )
        try:
            told = report_of(ledger, exit_status=status)
            write_report(report or folder / REPORT_NAME, told)
        except (StoreError, OutputError):
            if why is None:
                raise
        if why is not None:
            raise why
        return told


def _settings_of(plan: BatchPlan) -> Settings:
    """Store, workers and FFmpeg are the same for all jobs of a batch."""
    return next((one.plan.settings for one in plan.jobs if one.plan is not None), Settings())


def _check_report(path: Path) -> None:
    """Better now than when all the work is done."""
    above = next(one for one in path.parents if one.exists())
    if path.is_dir() or not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(
            f"the report {path} cannot be written; name a file in a folder that you may write to "
            "with --report",
            path=str(path),
        )


_HOW = {SOME_FAILED: "failed", Cancelled.exit_status: "cancelled"}


def _status(course: Course) -> int:
    """The exit status: 0, 7 where jobs failed, 130, or that of what ended it all."""
    if course.fatal is not None:
        return course.fatal.exit_status
    if course.cancelled:
        return Cancelled.exit_status
    return SOME_FAILED if course.failures else 0


def _note(ledger: JobLedger, plan: BatchPlan) -> None:
    jobs = [
        JobRow(
            name=one.job.name,
            place=one.job.place,
            graph=one.job.graph,
            start=one.job.start,
            chain=() if one.plan is None else one.plan.chain.atoms,
            digest=one.digest,
            out=one.job.out,
        )
        for one in plan.jobs
    ]
    steps = [
        StepRow(
            key=key,
            type=one.step.type.value,
            name=one.step.name,
            state=StepState.CACHED if one.cached else StepState.WAITING,
        )
        for key, one in plan.steps.items()
    ]
    uses = [
        (plan.jobs[number].job.name, key) for key, one in plan.steps.items() for number in one.jobs
    ]
    ledger.note_plan(jobs, steps, uses)


@contextlib.contextmanager
def _pinned(store: Store, plan: BatchPlan, folder: Path, course: Course) -> Iterator[None]:
    """Nothing that the batch refers to is evicted before all of it is delivered."""
    name = f"batch-{key_of('batch-folder', str(folder))[:24]}"
    # Machines that do not see the media and fonts get them through a store that all share.
    media = {
        digest
        for one in plan.steps.values()
        for digest, _ in read_by(one.step, one.home.media_paths)
    }
    store.pin(name, [*plan.steps, *map(lent_key, media)], folder=folder, blobs=media)
    yield
    if course.finished:
        store.unpin(name)
