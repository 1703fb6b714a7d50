"""From a job file to the plan of its batch: what a backend calls first."""

from __future__ import annotations

import threading
from pathlib import Path

from chainer.batch.cost import CostBook
from chainer.batch.expand import Load, Planners, expand
from chainer.batch.job_file import JobFile
from chainer.batch.plan import BatchPlan
from chainer.batch.planning import OnPlan, plan_batch
from chainer.batch.read import read_jobs
from chainer.compose import open_store
from chainer.continuity import OnLook
from chainer.graph import Graph, WalkOptions
from chainer.permission import Register
from chainer.settings import Settings


def plan_jobs(
    jobs: str | Path | JobFile,
    out: str | Path,
    *,
    settings: Settings | None = None,
    base: Path | None = None,
    load: Load | None = None,
    register: Register | None = None,
    on_plan: OnPlan | None = None,
    on_look: OnLook | None = None,
    cancel: threading.Event | None = None,
) -> BatchPlan:
    """Decide all episodes that a job file asks for; encodes nothing.

    `jobs` is the file, or one that was read already; paths in it are relative to `base`, by default
    the file's folder. Episodes will go into folders of `out`. `load` loads graphs, `register` is
    the consent ledger to ask instead of the graphs' own. `on_plan` is told how many jobs are
    planned, `on_look` how many clips of the next one have been looked at. What is wrong with one
    job becomes that job's fault. Raises `JobFileError`, `Cancelled`, and `StoreError` where no job
    could be made.
    """
    settings = settings or Settings()
    if isinstance(jobs, JobFile):
        file, base = jobs, base or Path()
    else:
        file, base = read_jobs(jobs), base or Path(jobs).absolute().parent
    planners = Planners(load or _load, register=register, cancel=cancel)
    asked = expand(file, base=base, out=Path(out), settings=settings, planners=planners)
    book = CostBook(open_store(settings))
    return plan_batch(
        asked, planners, estimate=book.estimate, on_plan=on_plan, on_look=on_look, cancel=cancel
    )


def _load(address: str, start: str | None, options: WalkOptions | None) -> Graph:
    from chainer.graph.sources import load_any

    return load_any(address, start, options)
