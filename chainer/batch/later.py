"""An executor that is only reached when there is something to make."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chainer.batch.executor import Executor
from chainer.batch.work import StepResult, StepWork
from chainer.digest import Digest


class LaterExecutor:
    """An `Executor` that `reach` gives, asked for at the first step that is not in the store.

    A batch of which all is there needs no cluster. What `reach` raises comes from `takes`, before
    any step has begun.
    """

    def __init__(self, reach: Callable[[], Executor], name: str) -> None:
        self._reach, self._name = reach, name
        self._executor: Executor | None = None

    @property
    def name(self) -> str:
        """The executor's, or what it was called before it was reached."""
        return self._name if self._executor is None else self._executor.name

    @property
    def workers(self) -> int:
        """How many steps run at once; 1 before it was reached."""
        return 1 if self._executor is None else self._executor.workers

    def takes(self, work: StepWork) -> bool:
        """Whether it has room; reaches it."""
        return self._reached().takes(work)

    def submit(self, work: StepWork) -> None:
        """Begin, or queue, a work."""
        self._reached().submit(work)

    def results(self, timeout: float) -> list[StepResult]:
        """What has ended since; nothing, at once, before it was reached."""
        return [] if self._executor is None else self._executor.results(timeout)

    def parts(self) -> Mapping[Digest, int]:
        """How many frames of each running step are encoded."""
        return {} if self._executor is None else self._executor.parts()

    def recall(self) -> None:
        """Have back what has not been begun."""
        if self._executor is not None:
            self._executor.recall()

    def stop(self) -> None:
        """End everything that runs."""
        if self._executor is not None:
            self._executor.stop()

    def close(self) -> None:
        """Let go of it, if it was reached."""
        if self._executor is not None:
            self._executor.close()

    def _reached(self) -> Executor:
        if self._executor is None:
            self._executor = self._reach()
        return self._executor
