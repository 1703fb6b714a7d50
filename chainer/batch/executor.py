"""Where steps are made: the interface that the machine itself and a cluster share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chainer.batch.work import StepResult, StepWork
from chainer.digest import Digest


class Executor(Protocol):
    """Takes works and gives back results. Used from one thread alone.

    Every work that was submitted comes back as exactly one result, unless `stop` was called or the
    executor itself is lost.
    """

    @property
    def name(self) -> str:
        """For people: `this machine, 2 at once`, or the scheduler's address."""
        ...

    @property
    def workers(self) -> int:
        """How many steps run at once, as far as is known now; at least 1."""
        ...

    def takes(self, work: StepWork) -> bool:
        """Whether it has room for `work` now."""
        ...

    def submit(self, work: StepWork) -> None:
        """Begin, or queue, a work that it takes. Never waits for other works."""
        ...

    def results(self, timeout: float) -> list[StepResult]:
        """What has ended since this was last asked; waits up to `timeout` seconds for the first.

        Raises `RenderError` with code `executor-lost` where nothing will ever come any more.
        """
        ...

    def parts(self) -> Mapping[Digest, int]:
        """How many frames of each running step are encoded, as far as that is known here."""
        ...

    def recall(self) -> None:
        """Nothing new is wanted: what has not been begun may come back with `Cancelled`."""
        ...

    def stop(self) -> None:
        """End everything that runs; when it returns no child of it runs here any more."""
        ...

    def close(self) -> None:
        """Let go of threads and connections; nothing may be running."""
        ...
