"""The command that makes many episodes at once."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainer.cli.options import (
    Session,
    changed,
    output_options,
    settings_of,
    settings_options,
)

if TYPE_CHECKING:
    from chainer.batch.clock import BatchProgress
    from chainer.batch.executor import Executor
    from chainer.settings import Settings


@click.command(short_help="Many episodes at once.")
@click.argument("jobs", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder of all episodes, of the ledger and of the report.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done and what it costs.")
@click.option("--fail-fast", is_flag=True, help="Begin nothing new after a failure.")
@click.option("--retry-failed", is_flag=True, help="Try jobs again that failed before.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the report goes. Default: report.json in DIR.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run the steps on a Dask cluster: tls://host:8786, or a scheduler file.",
)
@click.option(
    "--memory",
    type=click.IntRange(1 << 20),
    metavar="BYTES",
    help="What steps on this machine may use together.",
)
@settings_options
@output_options
@click.pass_obj
def batch(session: Session, /, jobs: Path, out: Path, **options: Any) -> int:
    """Make the episodes that a job file asks for, each step once.

    Run the same command again after a stop of any kind: what is finished stays.

    \b
    Examples:
      chainer batch examples/jobs/relays.yaml -o out --dry-run
      chainer batch examples/jobs/relays.yaml -o out
    """
    from chainer.batch.ask import plan_jobs
    from chainer.batch.report import report_lines
    from chainer.batch.run import run_batch
    from chainer.batch.telling import plan_json, plan_lines

    console, settings = session.console, settings_of(options)
    executor = _executor(session, options["scheduler"], settings)
    teller = _Teller(session)
    plan = plan_jobs(
        jobs,
        out,
        settings=settings,
        on_plan=teller.planned,
        on_look=teller.looked,
        cancel=session.cancel,
    )
    if options["dry_run"]:
        console.result(plan_json(plan, settings.pool_size))
        for line in plan_lines(plan, settings.pool_size):
            console.say(line)
        return 7 if any(one.fault is not None for one in plan.jobs) else 0
    try:
        report = run_batch(
            plan,
            out,
            settings=settings,
            executor=executor,
            memory_bytes=options["memory"],
            fail_fast=options["fail_fast"],
            retry_failed=options["retry_failed"],
            report=options["report"],
            command=["chainer", *sys.argv[1:]],
            on_progress=teller.made,
            cancel=session.cancel,
        )
    finally:
        if executor is not None:
            executor.close()
    with _reader_may_go(1):
        console.result(report.model_dump(mode="json", by_alias=True))
        for line in report_lines(report):
            console.say(line)
        if any(row.kept and row.error is not None for row in report.jobs):
            console.say("what failed before was not tried again; --retry-failed does that")
        sys.stdout.flush()
    if console.quiet:
        for row in report.jobs:
            if row.error is not None:
                console.error(f"{row.name}: {row.error['message']}")
    return report.batch.exit_status


@contextlib.contextmanager
def _reader_may_go(descriptor: int) -> Iterator[None]:
    """Whoever reads what we print may go away; the films are made all the same."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)  # nor may Python complain about it at exit
        os.close(nowhere)


def _executor(session: Session, scheduler: str | None, settings: Settings) -> Executor | None:
    """The cluster that the option or the settings name, or None for this machine.

    It is reached once there is a step to make: a batch that is done already needs no cluster.
    """
    policy = settings.cluster
    if scheduler is not None:
        policy = changed(settings, "cluster", {"address": scheduler}).cluster
    if policy.address is None:
        return None
    from chainer.batch.later import LaterExecutor

    def reach() -> Executor:
        from chainer.batch.cluster import ClusterExecutor
        from chainer.compose import open_store

        return ClusterExecutor.reach(
            policy,
            open_store(settings),
            settings.store,
            cancel=session.cancel,
            on_wait=lambda name: session.console.warn(
                f"waiting for a worker at {name}: none is there yet"
            ),
        )

    return LaterExecutor(reach, policy.address)


class _Teller:
    """Tells the console how far a batch is."""

    def __init__(self, session: Session) -> None:
        self._console, self._cancel = session.console, session.cancel
        self._warned = False

    def planned(self, done: int, total: int) -> None:
        """So many jobs are planned; a log is told at every tenth of many."""
        tenth = done * 10 // total
        count = f"planned {done}/{total}" if tenth > (done - 1) * 10 // total else ""
        with _reader_may_go(2):
            self._console.moving(
                done / total, "planning", count if total >= 20 else "", None, ended=done == total
            )

    def looked(self, done: int, total: int) -> None:
        """So many clips of the next job are looked at."""
        with _reader_may_go(2):
            self._console.looking(done, total)

    def made(self, progress: BatchProgress) -> None:
        """How far the making is."""
        if self._cancel.is_set() and not self._warned:
            self._warned = True
            with _reader_may_go(2):
                self._console.warn(
                    "stopping: what runs is finished first, nothing new is begun; "
                    "once more stops now"
                )
        failed = f", {progress.failed} failed" if progress.failed else ""
        jobs = f"{progress.jobs_done}/{progress.jobs} episodes{failed}"
        steps = f"{progress.steps_done}/{progress.steps} steps"
        what = f"{progress.phase} {progress.name}".strip()
        over = progress.jobs_done + progress.failed == progress.jobs
        with _reader_may_go(2):
            self._console.moving(
                progress.done, what, f"{jobs}, {steps}", progress.seconds_left, ended=over
            )
