"""Steps on this machine: threads that wait for child processes.

FFmpeg runs with one codec thread, because the bytes must not depend on the machine, so the number
of steps at once is the number of usable cores: that keeps them all busy at the least cost. Fewer
run at once where their memory would not fit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from chainer.batch.machine import usable_memory
from chainer.batch.work import StepResult, StepWork, run_work
from chainer.digest import Digest
from chainer.render.encoder import FFmpeg
from chainer.store import Store


class LocalExecutor:
    """An `Executor` over a pool of threads. `memory_bytes` None: what is free on the machine."""

    def __init__(
        self,
        store: Store,
        ffmpeg: FFmpeg,
        workers: int,
        *,
        memory_bytes: int | None = None,
    ) -> None:
        self.workers = max(1, workers)
        self.name = f"this machine, {self.workers} at once"
        self._store, self._ffmpeg = store, ffmpeg
        self._budget = usable_memory() if memory_bytes is None else memory_bytes
        self._memory: dict[Digest, int] = {}
        self._frames: dict[Digest, int] = {}
        self._ended: queue.SimpleQueue[StepResult] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="chainer-step")

    def takes(self, work: StepWork) -> bool:
        """Whether a thread is free and the memory suffices; one step alone always runs."""
        if not self._memory:
            return True
        fits = sum(self._memory.values()) + work.memory_bytes <= self._budget
        return len(self._memory) < self.workers and fits

    def submit(self, work: StepWork) -> None:
        """Begin a work."""
        self._memory[work.key] = work.memory_bytes
        self._pool.submit(self._run, work)

    def results(self, timeout: float) -> list[StepResult]:
        """What has ended since; waits up to `timeout` seconds for the first."""
        found: list[StepResult] = []
        try:
            found.append(self._ended.get(timeout=timeout))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        for result in found:
            self._memory.pop(result.key, None)
            self._frames.pop(result.key, None)
        return found

    def recall(self) -> None:
        """Nothing: what was submitted runs."""

    def parts(self) -> Mapping[Digest, int]:
        """How many frames of each running step are encoded."""
        return dict(self._frames)

    def stop(self) -> None:
        """Kill what runs; returns when all of it has ended."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Let the threads go."""
        self.stop()

    def _run(self, work: StepWork) -> None:
        def on_frames(frames: int) -> None:
            self._frames[work.key] = frames

        self._ended.put(run_work(work, self._store, self._ffmpeg, self._stop, on_frames))
