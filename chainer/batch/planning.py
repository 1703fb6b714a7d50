"""One plan for a whole batch: every job decided, and every step that they need, once.

What cannot be planned is a job with a fault; all others go on. Encodes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from chainer.batch.expand import Asked, Planners, stops_all
from chainer.batch.film_digest import FilmDigests
from chainer.batch.job import Job
from chainer.batch.job_check import within
from chainer.batch.plan import BatchPlan, BatchStep, Estimate, PlannedJob
from chainer.continuity import OnLook
from chainer.digest import Digest
from chainer.episode.folder import check_target
from chainer.episode.plan import EpisodePlan
from chainer.errors import Cancelled, ChainerError, InputError, OutputError
from chainer.render.plan import Step

OnPlan = Callable[[int, int], None]
"""Called with how many jobs have been planned, of how many."""


def plan_batch(
    asked: Sequence[Asked],
    planners: Planners,
    *,
    estimate: Callable[[Step], Estimate],
    on_plan: OnPlan | None = None,
    on_look: OnLook | None = None,
    cancel: threading.Event | None = None,
) -> BatchPlan:
    """The plan of all jobs, in their order.

    `on_plan` is told how far that is, `on_look` how many clips of a job have been looked at.
    Of two jobs with one name or one folder the later has a fault. Raises `Cancelled`, and a
    `StoreError` that would meet every other job too: a store that is full, or cannot be written.
    """
    digests = FilmDigests()
    clashes = _clashes([one.job for one in asked])
    steps = _Steps()
    jobs: list[PlannedJob] = []
    for number, one in enumerate(asked):
        if cancel is not None and cancel.is_set():
            raise Cancelled("cancelled while the batch was planned: nothing has been made")
        plan, fault = None, one.fault or clashes.get(number)
        if fault is None:
            try:
                plan = steps.add(number, _planned(one, planners, on_look))
            except ChainerError as error:
                if stops_all(error):
                    raise
                fault = error
        digest = digests.of_fault(one.job) if plan is None else digests.of(plan)
        jobs.append(PlannedJob(one.job, plan, fault, digest))
        if on_plan is not None:
            on_plan(number + 1, len(asked))
    return BatchPlan(tuple(jobs), steps.all(jobs, estimate))


def _planned(one: Asked, planners: Planners, on_look: OnLook | None) -> EpisodePlan:
    job, graph = one.job, one.graph
    if graph is None:
        raise InputError(f"{job.place}: the job has no graph", code="no-graph")
    check_target(job.out)
    planner = planners.planner(graph, job.settings)
    if job.chain is not None:
        return planner.plan(job.chain, job.options, on_look=on_look)
    return planner.best(job.start, job.options, on_look=on_look)


def _clashes(jobs: Sequence[Job]) -> dict[int, ChainerError]:
    """The jobs that stand in the way of an earlier one, by name or by folder."""
    found: dict[int, ChainerError] = {}
    names: dict[str, int] = {}
    folders: dict[tuple[str, ...], int] = {}
    for number, job in enumerate(jobs):
        if (other := names.setdefault(job.name, number)) != number:
            found[number] = InputError(
                f"{job.place}: another job is called {job.name}: {jobs[other].place}; give each "
                "a name of its own",
                code="doubled-name",
                name=job.name,
            )
        elif (other := folders.setdefault(job.out.parts, number)) != number:
            found[number] = _taken(job, job.out, jobs[other])
    for outer, inner in within(folders):
        first, second = sorted((folders[outer], folders[inner]))
        found.setdefault(second, _taken(jobs[second], Path(*inner), jobs[first]))
    return found


def _taken(job: Job, folder: Path, other: Job) -> OutputError:
    return OutputError(
        f"{job.place}: {folder} is, or lies inside, the folder of another job, {other.name} "
        f'({other.place}); name another "output"',
        code="doubled-output",
        path=str(folder),
        job=other.name,
    )


class _Steps:
    """The steps of many plans, each key once, in an order in which they can run."""

    def __init__(self) -> None:
        self._steps: dict[Digest, Step] = {}
        self._jobs: dict[Digest, list[int]] = {}

    def add(self, number: int, plan: EpisodePlan) -> EpisodePlan:
        """Take in the steps of job `number`; the plan with the objects of earlier equal ones."""
        kept = []
        for step in plan.render.steps:
            known = self._steps.setdefault(step.key, step)
            self._jobs.setdefault(step.key, []).append(number)
            # Where two clips are one, each keeps its own name.
            same = (known.name, known.why) == (step.name, step.why)
            kept.append(known if same else replace(step, spec=known.spec, needs=known.needs))
        return replace(plan, render=replace(plan.render, steps=tuple(kept)))

    def all(
        self, jobs: Sequence[PlannedJob], estimate: Callable[[Step], Estimate]
    ) -> dict[Digest, BatchStep]:
        """Every step with the jobs that need it and what it is likely to cost."""
        found = {}
        for key, step in self._steps.items():
            users = tuple(self._jobs[key])
            home = jobs[users[0]].plan
            assert home is not None
            found[key] = BatchStep(step, users, home, estimate(step))
        return found
