"""How far a render is, and how long it may still take. Floats: nothing else depends on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from chainer.render.make import StepDone
from chainer.render.plan import RenderPlan, Step, Why
from chainer.render.spec import StepType

_FRAME_COST = {
    StepType.MARK: 0.0,
    StepType.CONFORM: 1.0,
    StepType.CARD: 1.2,
    StepType.JOINT: 1.5,
    StepType.POSTER: 0.0,
    StepType.EXTEND: 3.0,
    StepType.TEXT: 0.0,
    StepType.BED: 0.0,
    StepType.SEGMENTS: 0.0,
}
_STEP_COST = {
    StepType.MARK: 10.0,
    StepType.CONFORM: 20.0,
    StepType.CARD: 60.0,
    StepType.JOINT: 15.0,
    StepType.POSTER: 20.0,
    StepType.EXTEND: 30.0,
    StepType.TEXT: 30.0,
    StepType.BED: 60.0,
    StepType.SEGMENTS: 0.5,
}
_COPY_COST = 4.0
_QUIET_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` goes from 0 to 1; `seconds_left` is None until there is something to judge by."""

    phase: str
    name: str
    done: float
    steps_done: int
    steps: int
    seconds_left: float | None


class Reporter:
    """Adds up what the threads of one render tell it, and passes it on a few times a second."""

    def __init__(self, plan: RenderPlan, tell: Callable[[Progress], None] | None) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._told = 0.0
        self._cost = {
            step.key: _STEP_COST[step.type] + _FRAME_COST[step.type] * step.frames
            for step in plan.steps
            if step.why is not Why.CACHED
        }
        self._part: dict[str, float] = {}
        self._copied = 0.0
        self._steps = len(plan.steps)
        self._done = 0
        self.steps_run = 0
        """Steps that really ran, not found in the store."""

    def frames(self, step: Step, frames: int) -> None:
        """`step` has encoded `frames` frames."""
        with self._lock:
            share = frames / step.frames if step.frames else 0.0
            self._part[step.key] = min(1.0, share) * 0.95
            self._report(step.type.value, step.name, always=False)

    def step_done(self, done: StepDone) -> None:
        """A step is in the store."""
        with self._lock:
            self._done += 1
            self.steps_run += done.ran
            self._part[done.step.key] = 1.0
            self._report(done.step.type.value, done.step.name, always=done.ran)

    def bytes(self, done: int, total: int) -> None:
        """The film's copy is so far."""
        with self._lock:
            self._copied = done / total if total else 1.0
            self._report("assemble", "film", always=False)

    def finish(self) -> None:
        """All is in place."""
        with self._lock:
            self._copied = 1.0
            self._part = dict.fromkeys(self._cost, 1.0)
            self._report("done", "", always=True)

    def _report(self, phase: str, name: str, *, always: bool) -> None:
        if self._tell is None:
            return
        now = time.monotonic()
        if not always and now - self._told < _QUIET_SECONDS:
            return
        self._told = now
        total = sum(self._cost.values()) + _COPY_COST
        made = sum(cost * self._part.get(key, 0.0) for key, cost in self._cost.items())
        share = (made + self._copied * _COPY_COST) / total
        spent = now - self._started
        left = spent / share * (1.0 - share) if share > 0.03 and spent > 1.0 else None
        self._tell(Progress(phase, name, share, self._done, self._steps, left))
