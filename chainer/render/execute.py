"""Running a plan: every missing step once, as many at a time as there are cores.

Threads wait for child processes, so they cost nothing and lose nothing. Marks come first, then
clips, the longest first; a joint starts as soon as both its neighbours are there. What is finished
is in the store at once, so that a stop at any moment keeps it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from chainer.digest import Digest
from chainer.errors import Cancelled, StoreError
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.render.card import render_card
from chainer.render.conform import conform
from chainer.render.joint import render_joint
from chainer.render.mark import MARK, render_mark
from chainer.render.plan import RenderPlan, Step, remembered, slot_of
from chainer.render.poster import render_poster
from chainer.render.run import Runner
from chainer.render.spec import CardSpec, ConformSpec, JointSpec, MarkSpec, PosterSpec
from chainer.store import Presence, Record, Store

_ORDER = {"mark": 0, "conform": 1, "card": 2, "joint": 3, "poster": 4}


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What steps are made with. `open_source` opens the media of a digest for reading."""

    store: Store
    runner: Runner
    limits: MediaLimits
    open_source: Callable[[Digest], AbstractContextManager[SourceFile]]
    scope: str


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that is in the store now. `ran` is False where another process was faster."""

    step: Step
    record: Record
    ran: bool


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
        self._kitchen = kitchen
        self._workers = max(1, workers)
        self._on_frames = on_frames
        self._on_done = on_done
        self._done: dict[Digest, Record] = {}
        self._stop = threading.Event()

    def run(self) -> dict[Digest, Record]:
        """The record of every step. Raises the first error after all children have ended."""
        runner = self._kitchen.runner
        caller = runner.cancel
        waiting = sorted(
            self._steps.values(), key=lambda step: (_ORDER[step.type.value], -step.frames)
        )
        running: dict[Future[StepDone], Step] = {}
        error: BaseException | None = None
        with ThreadPoolExecutor(self._workers, thread_name_prefix="chainer") as pool:
            try:
                while waiting or running:
                    if caller is not None and caller.is_set():
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
        kitchen = self._kitchen
        store = kitchen.store
        presence, record = store.find(step.key)
        if presence is Presence.CACHED and record is not None:
            store.use(record)
            return StepDone(step, record, ran=False)
        cancel = _Either(kitchen.runner.cancel, self._stop)
        with store.claim(step.key, cancel):
            presence, record = store.find(step.key)
            if presence is Presence.CACHED and record is not None:
                return StepDone(step, record, ran=False)
            if presence is not Presence.ABSENT:
                store.discard(step.key)
            with store.workspace() as folder:
                files, facts = self._cook(step, folder, Runner(kitchen.runner.ffmpeg, cancel))
                record = store.publish(step.key, step.type.value, files, facts)
        store.remember(slot_of(step, kitchen.scope), remembered(step))
        return StepDone(step, record, ran=True)

    def _cook(
        self, step: Step, folder: Path, runner: Runner
    ) -> tuple[dict[str, Path], dict[str, Any]]:
        spec = step.spec

        def on_frame(frames: int) -> None:
            if self._on_frames is not None:
                self._on_frames(step, frames)

        with ExitStack() as stack:
            if isinstance(spec, MarkSpec):
                return render_mark(runner, spec, folder)
            if isinstance(spec, ConformSpec):
                if spec.mark is not None:
                    self._named(stack, spec.mark, "mark", folder / MARK)
                source = stack.enter_context(self._kitchen.open_source(spec.media))
                return conform(runner, spec, source, self._kitchen.limits, folder, on_frame)
            if isinstance(spec, JointSpec):
                pieces = (
                    self._open(stack, spec.left, "piece"),
                    self._open(stack, spec.right, "piece"),
                )
                sounds = (
                    self._named(stack, spec.left, "sound", folder / "left.flac"),
                    self._named(stack, spec.right, "sound", folder / "right.flac"),
                )
                return render_joint(runner, spec, pieces, sounds, folder, on_frame)
            if isinstance(spec, CardSpec):
                behind = self._open(stack, spec.behind, "piece")
                return render_card(runner, spec, behind, folder, on_frame)
            assert isinstance(spec, PosterSpec)
            return render_poster(runner, self._open(stack, spec.clip, "piece"), folder)

    def _open(self, stack: ExitStack, key: Digest, name: str) -> IO[bytes]:
        """A file of an earlier step, whole: a damaged one is made again first."""
        record = self._done[key]
        try:
            return stack.enter_context(self._kitchen.store.open(record.files[name]))
        except StoreError as error:
            if error.code != "store-damaged":
                raise
        self._kitchen.store.discard(key)
        record = self._make(self._steps[key]).record
        return stack.enter_context(self._kitchen.store.open(record.files[name]))

    def _named(self, stack: ExitStack, key: Digest, name: str, link: Path) -> Path:
        """A file of an earlier step under a name that FFmpeg can open."""
        stream = self._open(stack, key, name)
        link.write_bytes(stream.read())
        return link


class _Either(threading.Event):
    """Set when either of two events is."""

    def __init__(self, first: threading.Event | None, second: threading.Event) -> None:
        super().__init__()
        self._first = first
        self._second = second

    def is_set(self) -> bool:
        return self._second.is_set() or (self._first is not None and self._first.is_set())
