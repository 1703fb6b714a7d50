"""What a batch would do, told to machines and to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chainer.batch.plan import BatchPlan, BatchStep, PlannedJob
from chainer.console import bytes_text, count_text, seconds_text
from chainer.digest import Digest
from chainer.episode.plan import EpisodePlan
from chainer.timebase import time_text

PLAN_SCHEMA = "chainer.batch-plan/1"


@dataclass(frozen=True, slots=True)
class Work:
    """Some steps in sum: how many there are and run, and what those that run are likely to cost."""

    steps: int
    to_run: int
    cpu_seconds: float
    bytes: int

    @staticmethod
    def of(steps: Iterable[BatchStep]) -> Work:
        """The sum of `steps`."""
        every = list(steps)
        running = [one.estimate for one in every if not one.cached]
        return Work(
            steps=len(every),
            to_run=len(running),
            cpu_seconds=sum(one.cpu_seconds for one in running),
            bytes=sum(one.bytes for one in running),
        )

    def as_json(self) -> dict[str, Any]:
        """The sum as one JSON object."""
        return {
            "steps": self.steps,
            "to_run": self.to_run,
            "cpu_seconds": round(self.cpu_seconds, 2),
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True)
class JobWork:
    """A job's work: all that its film needs, and what no earlier job of the batch needs too."""

    planned: PlannedJob
    whole: Work
    new: Work

    @property
    def shared(self) -> int:
        """How many of its steps an earlier job has asked for."""
        return self.whole.steps - self.new.steps


def job_works(plan: BatchPlan) -> Iterator[JobWork]:
    """The work of each job, in order; none for a job with a fault."""
    for number, planned in enumerate(plan.jobs):
        keys = keys_of(planned.plan)
        steps = [plan.steps[key] for key in keys]
        yield JobWork(
            planned, Work.of(steps), Work.of(one for one in steps if one.jobs[0] == number)
        )


def keys_of(plan: EpisodePlan | None) -> tuple[Digest, ...]:
    """The keys of all steps of a film."""
    return () if plan is None else tuple(step.key for step in plan.render.steps)


def wall_seconds(plan: BatchPlan, workers: int) -> float:
    """How long the steps take on `workers` cores, delivering aside.

    At least what one worker needs for the longest run of steps that wait for each other.
    """
    ends: dict[Digest, float] = {}
    for key, one in plan.steps.items():
        own = 0.0 if one.cached else one.estimate.cpu_seconds
        ends[key] = own + max((ends[need] for need in one.step.needs), default=0.0)
    whole = Work.of(plan.steps.values()).cpu_seconds
    return max(whole / max(1, workers), max(ends.values(), default=0.0))


def plan_json(plan: BatchPlan, workers: int) -> dict[str, Any]:
    """The whole plan as one JSON object; costs are estimates, of the steps that run."""
    return {
        "schema": PLAN_SCHEMA,
        "jobs": [_job_json(one) for one in job_works(plan)],
        "sum": _sum_json(plan, workers),
        "steps": [
            {
                **one.step.as_json(),
                "jobs": len(one.jobs),
                "cpu_seconds": round(one.estimate.cpu_seconds, 2),
                "bytes": one.estimate.bytes,
                "memory_bytes": one.estimate.memory_bytes,
            }
            for one in plan.steps.values()
        ],
    }


def _job_json(work: JobWork) -> dict[str, Any]:
    planned, job = work.planned, work.planned.job
    told: dict[str, Any] = {
        "name": job.name,
        "out": str(job.out),
        "graph": job.graph,
        "place": job.place,
        "digest": planned.digest,
    }
    if planned.fault is not None:
        return {**told, "error": planned.fault.as_json()}
    assert planned.plan is not None
    return {
        **told,
        "title": planned.plan.titles.heading,
        "chain": list(planned.plan.chain.atoms),
        "profile": planned.plan.settings.profile.name,
        "seconds": time_text(planned.plan.seconds),
        **work.whole.as_json(),
        "shared": work.shared,
        "new": work.new.as_json(),
        "notes": list(planned.plan.notes),
    }


def _sum_json(plan: BatchPlan, workers: int) -> dict[str, Any]:
    work = Work.of(plan.steps.values())
    asked = asked_steps(plan)
    return {
        "jobs": len(plan.jobs),
        "faults": sum(one.fault is not None for one in plan.jobs),
        "steps_asked": asked,
        **work.as_json(),
        "cached": work.steps - work.to_run,
        "sharing": round(asked / work.steps, 2) if work.steps else None,
        "workers": workers,
        "wall_seconds": round(wall_seconds(plan, workers), 1),
    }


def asked_steps(plan: BatchPlan) -> int:
    """How many steps all films have in sum, each for itself."""
    return sum(len(keys_of(one.plan)) for one in plan.jobs)


def plan_lines(plan: BatchPlan, workers: int) -> Iterator[str]:
    """The plan for people: a line for each job, then the sum."""
    width = min(48, max((len(one.job.name) for one in plan.jobs), default=0))
    for work in job_works(plan):
        planned = work.planned
        name = planned.job.name
        if planned.plan is None:
            # The rest of a long message is in --json, and in the log of the job that failed.
            why = str(planned.fault).splitlines()[0]
            yield f"  {name:{width}}  cannot be made: {why}"
            continue
        length = seconds_text(planned.plan.seconds)
        atoms = count_text(len(planned.plan.chain.legs), "atom")
        cost = _cost(work.new) if work.new.to_run else "nothing to render"
        yield (
            f"  {name:{width}}  {length:>8}  {atoms:>9}  {count_text(work.whole.steps, 'step')}, "
            f"{work.shared} shared, {work.new.to_run} to run: {cost}"
        )
    yield from _sum_lines(plan, workers)


def _sum_lines(plan: BatchPlan, workers: int) -> Iterator[str]:
    faults = sum(one.fault is not None for one in plan.jobs)
    bad = f", {faults} of them cannot be made" if faults else ""
    yield f"{count_text(len(plan.jobs), 'job')}{bad}"
    work, asked = Work.of(plan.steps.values()), asked_steps(plan)
    if not work.steps:
        return
    cached = work.steps - work.to_run
    yield (
        f"steps: {asked} asked for, {work.steps} different ({asked / work.steps:.1f} x shared), "
        f"{cached} in the store, {work.to_run} to run"
    )
    if work.to_run:
        wall = clock_text(wall_seconds(plan, workers))
        yield f"estimated: {_cost(work)}; {wall} with {count_text(workers, 'worker')}"


def _cost(work: Work) -> str:
    return f"{clock_text(work.cpu_seconds)} of CPU, {bytes_text(work.bytes)}"


def clock_text(seconds: float) -> str:
    """`42 s`, `7:05 min`, `3:20 h`: about how long."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
