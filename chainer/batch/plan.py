"""What a batch would do, decided before anything runs: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chainer.batch.job import Job
from chainer.digest import Digest
from chainer.episode.plan import EpisodePlan
from chainer.errors import ChainerError
from chainer.render.plan import Step, Why


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a step is likely to cost: CPU seconds, bytes in the store, and memory at its peak."""

    cpu_seconds: float
    bytes: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class BatchStep:
    """One step, once for all jobs that need it: `jobs` are their places in the plan.

    `home` is the plan of the first of them, which knows the media, limits and FFmpeg.
    """

    step: Step
    jobs: tuple[int, ...]
    home: EpisodePlan
    estimate: Estimate

    @property
    def cached(self) -> bool:
        """Whether it is in the store already, as far as the plan knew."""
        return self.step.why is Why.CACHED


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job with its plan, or why there is none.

    `digest` names what would be delivered: equal for equal films of equal settings.
    """

    job: Job
    plan: EpisodePlan | None
    fault: ChainerError | None
    digest: Digest


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """All jobs in order, and every step that they need, once, in an order in which they can run."""

    jobs: tuple[PlannedJob, ...]
    steps: Mapping[Digest, BatchStep]
