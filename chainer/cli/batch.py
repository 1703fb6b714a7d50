"""The command that makes many episodes at once."""

from __future__ import annotations

import sys
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
      chainer batch examples/jobs/tree.yaml -o out --dry-run
      chainer batch examples/jobs/tree.yaml -o out
    """
    from chainer.batch.ask import plan_jobs
    from chainer.batch.report import report_lines
    from chainer.batch.run import run_batch
    from chainer.batch.telling import plan_json, plan_lines

    console, settings = session.console, settings_of(options)
    teller = _Teller(session)
    plan = plan_jobs(
        jobs,
        out,
        settings=settings,
        on_plan=teller.planned,
        on_look=console.looking,
        cancel=session.cancel,
    )
    if options["dry_run"]:
        console.result(plan_json(plan, settings.pool_size))
        for line in plan_lines(plan, settings.pool_size):
            console.say(line)
        return 7 if any(one.fault is not None for one in plan.jobs) else 0
    executor = _executor(options["scheduler"], settings)
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
    console.result(report.model_dump(mode="json", by_alias=True))
    for line in report_lines(report):
        console.say(line)
    return report.batch.exit_status


def _executor(scheduler: str | None, settings: Settings) -> Executor | None:
    """The cluster that the option or the settings name, or None for this machine."""
    policy = settings.cluster
    if scheduler is not None:
        settings = changed(settings, "cluster", {"address": scheduler})
        policy = settings.cluster
    if policy.address is None:
        return None
    from chainer.batch.cluster import ClusterExecutor
    from chainer.compose import open_store

    return ClusterExecutor.reach(policy, open_store(settings), settings.store)


class _Teller:
    """Tells the console how far a batch is."""

    def __init__(self, session: Session) -> None:
        self._console, self._cancel = session.console, session.cancel
        self._warned = False

    def planned(self, done: int, total: int) -> None:
        """So many jobs are planned; a log is told at every tenth of many."""
        tenth = done * 10 // total
        count = f"planned {done}/{total}" if tenth > (done - 1) * 10 // total else ""
        self._console.moving(
            done / total, "planning", count if total >= 20 else "", None, ended=done == total
        )

    def made(self, progress: BatchProgress) -> None:
        """How far the making is."""
        if self._cancel.is_set() and not self._warned:
            self._warned = True
            self._console.warn(
                "stopping: what runs is finished first, nothing new is begun; once more stops now"
            )
        failed = f", {progress.failed} failed" if progress.failed else ""
        jobs = f"{progress.jobs_done}/{progress.jobs} episodes{failed}"
        steps = f"{progress.steps_done}/{progress.steps} steps"
        what = f"{progress.phase} {progress.name}".strip()
        over = progress.jobs_done + progress.failed == progress.jobs
        self._console.moving(
            progress.done, what, f"{jobs}, {steps}", progress.seconds_left, ended=over
        )
