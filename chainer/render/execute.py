"""Running one film's plan: every missing step once, as many at a time as there are cores.

Threads wait for child processes, so they cost nothing and lose nothing. Marks come first, then
clips, the longest first; a joint starts as soon as both its neighbours are there. What is finished
is in the store at once, so that a stop at any moment keeps it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from chainer.digest import Digest
from chainer.errors import Cancelled, StoreError
from chainer.render.make import NEED_LOST, Kitchen, StepDone, make_step
from chainer.render.plan import RenderPlan, Step
from chainer.render.spec import StepType
from chainer.store import Record

_ORDER = {
    **dict.fromkeys((StepType.MARK, StepType.TEXT), 0),
    **dict.fromkeys((StepType.CONFORM, StepType.EXTEND), 1),
    StepType.CARD: 2,
    StepType.JOINT: 3,
    StepType.POSTER: 4,
    StepType.BED: 5,
    StepType.SEGMENTS: 6,
}
_TRIES = 3
"""How often a step is begun whose needs are found damaged each time."""


class Execution:
    """One run of a plan. Each step is looked up again right before it would run."""

    def __init__(
        self,
        plan: RenderPlan,
        kitchen: Kitchen,
        workers: int,
        on_frames: Callable[[Step, int], None] | None = None,
        on_done: Callable[[StepDone], None] | None = None,
    ) -> None:
        self._steps = {step.key: step for step in plan.steps}
        self._caller = kitchen.runner.cancel
        self._stop = threading.Event()
        self._kitchen = kitchen.stopped_by(Either(self._caller, self._stop))
        self._workers = max(1, workers)
        self._on_frames = on_frames
        self._on_done = on_done
        self._done: dict[Digest, Record] = {}

    def run(self) -> dict[Digest, Record]:
        """The record of every step. Raises the first error after all children have ended."""
        waiting = sorted(self._steps.values(), key=lambda step: (_ORDER[step.type], -step.frames))
        running: dict[Future[StepDone], Step] = {}
        error: BaseException | None = None
        with ThreadPoolExecutor(self._workers, thread_name_prefix="chainer") as pool:
            try:
                while waiting or running:
                    if self._caller is not None and self._caller.is_set():
                        raise Cancelled("cancelled: finished steps are kept in the store")
                    while len(running) < self._workers and (step := self._next(waiting)):
                        running[pool.submit(self._make, step)] = step
                    ended, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
                    for future in ended:
                        del running[future]
                        self._take(future.result())
            except BaseException as raised:
                error = raised
                self._stop.set()
                raise
            finally:
                if error is not None:
                    for future in running:
                        future.cancel()
        return self._done

    def again(self, key: Digest) -> Record:
        """Make the step of `key` anew, because its bytes turned out damaged."""
        self._kitchen.store.discard(key)
        done = self._make(self._steps[key])
        self._take(done)
        return done.record

    def _next(self, waiting: list[Step]) -> Step | None:
        for number, step in enumerate(waiting):
            if all(need in self._done for need in step.needs):
                return waiting.pop(number)
        return None

    def _take(self, done: StepDone) -> None:
        self._done[done.step.key] = done.record
        if self._on_done is not None:
            self._on_done(done)

    def _make(self, step: Step) -> StepDone:
        def on_frames(frames: int) -> None:
            if self._on_frames is not None:
                self._on_frames(step, frames)

        for _ in range(_TRIES - 1):
            try:
                return make_step(step, self._kitchen, on_frames)
            except StoreError as error:
                if error.code != NEED_LOST:
                    raise
                self._make(self._steps[error.facts["need"]])
        return make_step(step, self._kitchen, on_frames)


class Either(threading.Event):
    """Set when either of two events is."""

    def __init__(self, first: threading.Event | None, second: threading.Event) -> None:
        super().__init__()
        self._first = first
        self._second = second

    def is_set(self) -> bool:
        """Whether one of them is set, or this one itself."""
        return (
            super().is_set()
            or self._second.is_set()
            or (self._first is not None and self._first.is_set())
        )
