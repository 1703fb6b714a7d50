"""The course of a batch: every step once, each film delivered as soon as its steps are there.

One thread decides; steps run where the executor runs them, deliveries on a few threads here. What
is finished is in the store and in the ledger at once, so a stop at any moment loses nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from chainer.batch.board import Board, Place
from chainer.batch.clock import BatchProgress, Clock
from chainer.batch.cost import CostBook
from chainer.batch.executor import Executor
from chainer.batch.expand import stops_all
from chainer.batch.ledger import JobLedger
from chainer.batch.order import Order
from chainer.batch.plan import BatchPlan, BatchStep
from chainer.batch.report import clear_log, write_log
from chainer.batch.rows import FilmNote, JobRow, film_note
from chainer.batch.words import JobState
from chainer.batch.work import StepResult, StepWork, fault_of, read_by
from chainer.digest import Digest
from chainer.errors import (
    Cancelled,
    ChainerError,
    InputError,
    MediaMissing,
    OutputError,
    PolicyRefused,
)
from chainer.permission import Register
from chainer.provenance.signer import FilmSigner
from chainer.render.make import NEED_LOST
from chainer.store import Presence, Store

OnProgress = Callable[[BatchProgress], None]

_TRIES = 3
"""How often a step is begun whose needs turn out to be lost."""
_POLL = 0.1
_TELL = 0.2
_DELIVERIES = 2
_ON_THE_WAY = 2 * _DELIVERIES
"""How many films are handed to the threads that deliver."""
_WHOLE = 32
"""How many films may wait for delivery before no more steps are begun."""
_DELIVERY_SECONDS = 0.1
"""What a delivery is taken to cost besides its steps."""


class Course:
    """One run of a batch, from the first look into the ledger to the last job."""

    def __init__(
        self,
        plan: BatchPlan,
        store: Store,
        ledger: JobLedger,
        executor: Executor,
        folder: Path,
        book: CostBook,
        *,
        signer: FilmSigner | None,
        register: Register | None,
        fail_fast: bool,
        on_progress: OnProgress | None,
        cancel: threading.Event | None,
        stop: threading.Event,
    ) -> None:
        self.plan, self.store, self.ledger, self.executor = plan, store, ledger, executor
        self.folder, self.book = folder, book
        self.fail_fast, self.cancel, self.stop = fail_fast, cancel, stop
        self.fatal: ChainerError | None = None
        self.cancelled = self.stopped = False
        self._signer, self._register = signer, register
        self._tell, self._told, self._phase = on_progress, 0.0, ("", "")
        self._orders: dict[int, Order] = {}
        self._running: set[Digest] = set()
        self._tries: dict[Digest, int] = {}
        self._spent: dict[int, dict[Digest, float]] = {}
        self._whole: deque[int] = deque()
        self._delivering: dict[Future[tuple[FilmNote, float]], int] = {}
        self._couriers = ThreadPoolExecutor(_DELIVERIES, thread_name_prefix="chainer-deliver")
        self._failed = self._done = 0
        self._share = 0.0
        self.board = Board(())
        # Steps by key, deliveries by the number of their job.
        self.clock: Clock[Digest | int] = Clock({}, 1)

    def _choose(self, *, retry_failed: bool) -> None:
        """Which jobs are to be made: not those that are done, nor those that failed the same."""
        todo: list[int] = []
        for number, planned in enumerate(self.plan.jobs):
            known = self.ledger.job(planned.job.name)
            if planned.fault is not None:
                self._fail(number, planned.fault)
            elif self.ledger.is_done(known, planned.digest):
                self._done += 1
                clear_log(self.folder, planned.job.name)
            elif self._failed_before(known, planned.digest) and not retry_failed:
                self._failed += 1
            else:
                todo.append(number)
        wanted = set(todo)
        self.board = Board(
            Place(
                key,
                one.step.type,
                one.step.needs,
                tuple(job for job in one.jobs if job in wanted),
                one.estimate.cpu_seconds,
            )
            for key, one in self.plan.steps.items()
            if wanted.intersection(one.jobs)
        )
        for number in todo:
            self._orders[number] = Order(
                self.plan.jobs[number],
                signer=self._signer,
                register=self._register,
                stop=self.stop,
            )
        costs: dict[Digest | int, float] = {
            key: one.estimate.cpu_seconds
            for key, one in self.plan.steps.items()
            if wanted.intersection(one.jobs)
        }
        costs.update(dict.fromkeys(todo, _DELIVERY_SECONDS))
        self.clock = Clock(costs, self.executor.workers)

    @staticmethod
    def _failed_before(known: JobRow | None, digest: Digest) -> bool:
        if known is None or known.state is not JobState.FAILED or known.digest != digest:
            return False
        # A refusal, a folder in the way, a clip that was away for a while are no matter of the
        # film: the plan says that they are so no longer.
        error = known.error or {}
        outside = error.get("exit_status") in (PolicyRefused.exit_status, InputError.exit_status)
        return not outside and error.get("code") != MediaMissing.code

    # -- the loop --------------------------------------------------------------

    def go(self, *, retry_failed: bool) -> None:
        """Make and deliver until nothing is left, or something stops it all: that is `fatal`."""
        try:
            self._choose(retry_failed=retry_failed)
            while True:
                self._look_for_a_stop()
                self._feed()
                self._send()
                under_way = self._running or self._delivering
                if self.stopped or (not under_way and (self._halted or self.board.idle)):
                    break
                self._wait()
                self._follow()
                self._report(always=False)
        except ChainerError as error:
            self.fatal = self.fatal or error
        finally:
            self._leave()
        self._report(always=True)

    @property
    def _halted(self) -> bool:
        """Whether nothing new is begun any more."""
        return self.cancelled or self.fatal is not None or (self.fail_fast and self._failed > 0)

    @property
    def finished(self) -> bool:
        """Whether every job is delivered."""
        return self._done == len(self.plan.jobs)

    @property
    def failures(self) -> int:
        """How many jobs have failed."""
        return self._failed

    def _look_for_a_stop(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            self.cancelled = True
        if self.stop.is_set():
            self.cancelled = self.stopped = True

    def _wait(self) -> None:
        if self._halted:
            self.executor.recall()
        # Where nothing runs and nothing is taken, only the executor can tell why.
        if self._running or not self._delivering:
            for result in self.executor.results(_POLL):
                self._take(result)
        else:
            wait(self._delivering, timeout=_POLL, return_when=FIRST_COMPLETED)
        for future in [one for one in self._delivering if one.done()]:
            self._delivered(self._delivering.pop(future), future)
        self.ledger.flush()

    def _leave(self) -> None:
        """Nothing runs any more when this returns, and every open account is closed."""
        if self._running:
            self.executor.stop()
            self._account(self._take_the_last)
        if self.fatal is not None:
            self.stop.set()
        self._couriers.shutdown(wait=True)
        for future, number in self._delivering.items():
            self._account(partial(self._delivered, number, future))
        self._delivering.clear()
        if not self._orders:
            self.cancelled = False  # it came too late to stop anything
        for number, order in self._orders.items():
            order.end(Cancelled("the batch ended before this film was delivered"))
            self._account(partial(self.ledger.job_waiting, self.plan.jobs[number].job.name))
        self._orders.clear()
        self.book.save()

    def _account(self, note: Callable[[], None]) -> None:
        """Note something at the end; where that fails, the rest is noted all the same."""
        try:
            note()
        except ChainerError as error:
            self.fatal = self.fatal or error

    def _take_the_last(self) -> None:
        """What ended before the executor was stopped is accounted for, the rest waits again."""
        try:
            for result in self.executor.results(0):
                self._running.discard(result.key)
                if result.error is None:
                    self.ledger.step_done(result.key, result)
                else:
                    self.ledger.step_failed(result.key, result.error)
        finally:
            for key in self._running:
                self.ledger.step_failed(key, Cancelled("the batch ended before it was made"))
            self._running.clear()

    # -- steps -----------------------------------------------------------------

    def _feed(self) -> None:
        """Begin steps for as long as there is room."""
        while not self._halted and len(self._whole) < _WHOLE:
            key = self.board.next(self._accepts)
            if key is None:
                return
            if not self._admit(key):
                continue
            one = self.plan.steps[key]
            if self._is_there(key):
                self.ledger.step_cached(key)
                self.clock.cached(key)
                self._made(key)
                continue
            self.ledger.step_running(key)
            self.clock.started(key)
            self._phase = (one.step.type.value, one.step.name)
            self._running.add(key)
            self.executor.submit(self._work(one))

    def _accepts(self, key: Digest) -> bool:
        return self._is_there(key) or self.executor.takes(self._work(self.plan.steps[key]))

    def _is_there(self, key: Digest) -> bool:
        return self.store.find(key)[0] is Presence.CACHED

    def _admit(self, key: Digest) -> bool:
        """Put the first job that still wants the step on the store's list; whether there is one."""
        for number in self.board.users(key):
            try:
                self._orders[number].begin()
            except Exception as error:  # noqa: BLE001 - one job must not end the others
                self._trouble(number, fault_of(error))
                if self._halted:
                    break
            else:
                self.ledger.job_running(self.plan.jobs[number].job.name)
                return True
        if self.fatal is None:
            self.board.failed(key)
            self._forget()
        return False

    def _work(self, one: BatchStep) -> StepWork:
        step, home = one.step, one.home
        return StepWork(
            step,
            home.ffmpeg.build,
            home.settings.media,
            read_by(step, home.media_paths),
            home.graph.identity,
            priority=-float(one.jobs[0]),
            memory_bytes=one.estimate.memory_bytes,
        )

    def _take(self, result: StepResult) -> None:
        key = result.key
        self._running.discard(key)
        error = result.error
        if error is None:
            self.ledger.step_done(key, result)
            self.clock.ended(key, result.cpu_seconds, result.seconds)
            if result.ran and result.record is not None:
                step = self.plan.steps[key].step
                payer = next((n for n in self.plan.steps[key].jobs if n in self._orders), None)
                if payer is not None:
                    self._spent.setdefault(payer, {})[key] = result.cpu_seconds
                self.book.learn(step, result.cpu_seconds, result.record.size)
            self._made(key)
        elif error.code == NEED_LOST and self._tries.get(key, 0) + 1 < _TRIES:
            self._tries[key] = self._tries.get(key, 0) + 1
            self.board.again(key, [error.facts["need"]])
        elif isinstance(error, Cancelled):
            self.ledger.step_failed(key, error)
        else:
            self.ledger.step_failed(key, error)
            if stops_all(error):
                self.fatal = self.fatal or error
                return
            for number in self.board.failed(key):
                self._out(number, error)
            self._forget()

    def _made(self, key: Digest) -> None:
        for number in self.board.done(key):
            self.ledger.job_running(self.plan.jobs[number].job.name)
            self._whole.append(number)

    # -- jobs ------------------------------------------------------------------

    def _send(self) -> None:
        """Hand whole films to the threads that deliver."""
        while self._whole and len(self._delivering) < _ON_THE_WAY and self.fatal is None:
            number = self._whole.popleft()
            self.clock.started(number)
            self._phase = ("deliver", self.plan.jobs[number].job.name)
            spent = self._spent.pop(number, {})
            future = self._couriers.submit(self._deliver, self._orders[number], spent)
            self._delivering[future] = number

    @staticmethod
    def _deliver(order: Order, spent: Mapping[Digest, float]) -> tuple[FilmNote, float]:
        """The film as it stands now, and how long its delivery took."""
        started = time.monotonic()
        manifest = order.deliver(spent)
        return film_note(order.planned.job.out, manifest), time.monotonic() - started

    def _delivered(self, number: int, future: Future[tuple[FilmNote, float]]) -> None:
        error = future.exception()
        if error is None:
            order = self._orders.pop(number)
            order.end()
            note, seconds = future.result()
            self.clock.ended(number, seconds, seconds)
            self.board.drop(number)
            self.ledger.job_done(order.planned.job.name, note)
            clear_log(self.folder, order.planned.job.name)
            self._done += 1
        elif isinstance(error, Exception):
            self._trouble(number, fault_of(error))
        else:
            raise error

    def _trouble(self, number: int, error: ChainerError) -> None:
        """A job met an error of its own, or one that ends them all: then it waits."""
        if isinstance(error, Cancelled):
            return  # it stays open, and is closed when the run ends
        if stops_all(error):
            self.fatal = self.fatal or error
        else:
            self._out(number, error)

    def _out(self, number: int, error: ChainerError) -> None:
        """A job cannot be made any more."""
        self.board.drop(number)
        self.clock.cached(number)
        self._forget()
        order = self._orders.pop(number, None)
        if order is not None:
            error = order.end(error) or error
        self._fail(number, error)

    def _forget(self) -> None:
        """The clock hears of the steps that nobody needs any more."""
        for key in self.board.dropped():
            self.clock.cached(key)

    def _fail(self, number: int, error: ChainerError) -> None:
        self._failed += 1
        job = self.plan.jobs[number].job
        try:
            log = write_log(self.folder, job.name, error)
        except OutputError:
            log = None  # the report says why it failed, and the log only more of it
        self.ledger.job_failed(job.name, error, log)

    # -- telling ---------------------------------------------------------------

    def _follow(self) -> None:
        """How far the running steps are."""
        self.clock.workers = self.executor.workers
        for key, frames in self.executor.parts().items():
            whole = self.plan.steps[key].step.frames
            if whole and key in self._running:
                self.clock.part(key, frames / whole)

    def _report(self, *, always: bool) -> None:
        now = time.monotonic()
        if self._tell is None or (not always and now - self._told < _TELL):
            return
        self._told = now
        # A piece that is lost and made again does not take back what was told.
        self._share = max(self._share, self.clock.done)
        phase, name = self._phase
        self._tell(
            BatchProgress(
                jobs_done=self._done,
                jobs=len(self.plan.jobs),
                failed=self._failed,
                steps_done=self.board.steps - self.board.open,
                steps=self.board.steps,
                done=self._share,
                seconds_left=self.clock.seconds_left,
                phase=phase,
                name=name,
            )
        )
