"""One job while it is being made: on the store's list from its first step to its delivery."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager

from chainer.batch.plan import PlannedJob
from chainer.batch.work import fault_of
from chainer.digest import Digest
from chainer.episode.manifest import Manifest
from chainer.errors import Cancelled, ChainerError
from chainer.making import Making
from chainer.permission import Register
from chainer.provenance.signer import FilmSigner
from chainer.render.execute import Execution
from chainer.render.make import StepDone
from chainer.store import Presence


class Order:
    """A planned job that is made. Begun by one thread, delivered by another, ended once."""

    def __init__(
        self,
        planned: PlannedJob,
        *,
        signer: FilmSigner | None,
        register: Register | None,
        stop: threading.Event,
    ) -> None:
        assert planned.plan is not None, "a job without a plan is not made"
        self.planned, self.plan = planned, planned.plan
        self._signer, self._register, self._stop = signer, register, stop
        self._making: Making | None = None
        self._block: AbstractContextManager[Making] | None = None

    def begin(self) -> None:
        """Put the episode on the list, unless that was done.

        Raises as `Making.of`: `PolicyRefused` where consent was taken back since the plan, and
        `OutputError` for a folder that cannot be written.
        """
        if self._making is None:
            block = Making.of(
                self.plan,
                self.planned.job.out,
                signer=self._signer,
                register=self._register,
                cancel=self._stop,
            )
            self._making = block.__enter__()
            self._block = block

    def deliver(self, spent: Mapping[Digest, float]) -> Manifest:
        """Deliver the episode from the store; what is lost there is made again, here.

        `spent` has the CPU seconds of the steps that ran for it elsewhere, by key.
        """
        self.begin()
        making = self._making
        assert making is not None
        spent = dict(spent)

        def on_done(done: StepDone) -> None:
            if done.ran:
                spent[done.step.key] = spent.get(done.step.key, 0.0) + done.cpu_seconds

        execution = Execution(self.plan.render, making.kitchen, 1, on_done=on_done)
        store = making.kitchen.store
        records = {}
        for step in self.plan.render.steps:
            presence, record = store.find(step.key)
            whole = presence is Presence.CACHED and record is not None
            records[step.key] = record if whole and record else execution.again(step.key)
        return making.deliver(records, execution.again, spent=spent)

    def end(self, error: ChainerError | None = None) -> ChainerError | None:
        """Close the account: with `error`, the episode is taken off the list.

        Returns the error that stands: a refusal, where that is why something failed.
        """
        block, self._block = self._block, None
        self._making = None
        if block is None:
            return error
        try:
            if error is None:
                block.__exit__(None, None, None)
            else:
                block.__exit__(type(error), error, error.__traceback__)
        except Cancelled:
            return error
        except Exception as told:  # noqa: BLE001 - one job must not end the others
            return fault_of(told)
        return error
