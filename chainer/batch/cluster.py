"""Steps on a Dask cluster: a window of them in flight, each result verified before it counts.

What a worker tells is only believed when the record that it tells of is found in our own store and
every file hashes to its name. The scheduler may be lost at any time: what is in the store is done.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from chainer.batch import dask_door
from chainer.batch.dask_door import Census, Ended, How, Link
from chainer.batch.work import StepResult, StepWork
from chainer.batch.worker import run_remote
from chainer.cluster_policy import ClusterPolicy
from chainer.digest import Digest, key_of
from chainer.errors import (
    Cancelled,
    ChainerError,
    InputError,
    MediaMissing,
    RenderError,
    StoreError,
)
from chainer.store import Presence, Store, StorePolicy
from chainer.store.lent import lend

PROTOCOL = 1
"""Raised whenever workers would make something else of the same work."""

_TRIES = 3
"""How often a step is run whose result turns out untrue, or whose worker cannot make it."""
_TRIES_ADRIFT = 10
_WINDOW = 500
_LOOK_SECONDS = 2.0
_AT_A_TIME = 200
_WORKERS_FAULT = ("other-build", "other-version", "no-ffmpeg", "settings")
"""Codes of errors that another worker may not have."""
_STORES_FAULT = ("disk-full", "store", "store-denied", "store-unreachable")
"""Codes of errors that mean the worker's disk, credentials or network, or the store of all."""

Make = Callable[[Any, StorePolicy], StepResult]


@dataclass(slots=True)
class _Flight:
    """A work that was handed over; `untrue` says since when its record is being looked for."""

    work: StepWork
    tries: int = 0
    adrift: int = 0
    shunned: set[str] = field(default_factory=set)
    handle: Any = None
    told: StepResult | None = None
    worker: str = ""
    look_until: float = 0.0


class ClusterExecutor:
    """An `Executor` on a Dask cluster. Made by `reach` or `of`."""

    def __init__(
        self,
        link: Link,
        store: Store,
        places: StorePolicy,
        policy: ClusterPolicy,
        make: Make,
        cancel: threading.Event | None = None,
    ) -> None:
        self._link = link
        self._cancel = cancel
        self._recalls = False
        self._store = store
        # A worker has another home and another default: say where it is.
        self._places = places if places.url else places.model_copy(update={"path": store.root})
        self._policy = policy
        self._make = make
        self._flights: dict[str, _Flight] = {}
        self._settling: set[str] = set()
        self._adrift: set[str] = set()
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._census = Census((), 0, resource=False)
        self._asks = False
        self._seen = self._next_look = self._next_recall = time.monotonic()
        self._put: set[Digest] = set()
        self._name = link.address

    @classmethod
    def reach(
        cls,
        policy: ClusterPolicy,
        store: Store,
        places: StorePolicy,
        *,
        make: Make = run_remote,
        wait: bool = True,
        cancel: threading.Event | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> ClusterExecutor:
        """The cluster of `policy`, which must have an address; `places` says where `store` is.

        Waits for the first worker where `wait` is set; `on_wait` is told the scheduler's address
        if none is there yet. Setting `cancel` ends that, and later gives back, as cancelled, what
        no worker has begun.
        Raises `InputError` with code `scheduler` where the scheduler cannot be used or no worker
        comes within `lost_after`, `SettingsError` where Dask is not installed, and `Cancelled`.
        """
        if policy.address is None:
            raise InputError("no scheduler is named", code="scheduler")
        executor = cls(dask_door.connect(policy), store, places, policy, make, cancel)
        try:
            executor._await_workers(policy.lost_after if wait else 0.0, on_wait)
        except BaseException:
            executor.close()
            raise
        return executor

    @classmethod
    def of(
        cls,
        client: Any,
        store: Store,
        places: StorePolicy,
        *,
        policy: ClusterPolicy | None = None,
        make: Make = run_remote,
        cancel: threading.Event | None = None,
    ) -> ClusterExecutor:
        """The cluster of a synchronous Dask client that somebody else opened, and closes.

        `cancel` as in `reach`. Raises `InputError` with code `scheduler`.
        """
        policy = policy or ClusterPolicy()
        executor = cls(dask_door.borrow(client, policy), store, places, policy, make, cancel)
        executor._look()
        return executor

    # -- as an Executor --------------------------------------------------------

    @property
    def name(self) -> str:
        """The scheduler's address and how many steps it runs at once now."""
        return f"{self._name}, {self._census.slots} at once"

    @property
    def workers(self) -> int:
        """How many steps run at once; at least 1."""
        return max(1, self._census.slots)

    @property
    def in_flight(self) -> int:
        """How many steps the scheduler knows of."""
        return len(self._flights)

    @property
    def window(self) -> int:
        """How many steps may be in flight now."""
        return self._policy.window or max(_WINDOW, 4 * self._census.slots)

    def takes(self, work: StepWork) -> bool:
        """Whether the window has room; how large a work is does not matter here."""
        return len(self._flights) < self.window

    def submit(self, work: StepWork) -> None:
        """Hand `work` to the scheduler. Never waits for other works."""
        flight = _Flight(work)
        name = self._task_name(flight)
        if name in self._flights:
            raise ValueError(f"the step {work.key[:16]} is in flight already")
        self._hand_over(flight)

    def results(self, timeout: float) -> list[StepResult]:
        """What has ended and was found true; waits up to `timeout` seconds for the first.

        Raises `RenderError` with code `executor-lost` where the scheduler is gone, or no worker
        was there for `lost_after` seconds.
        """
        until = time.monotonic() + timeout
        while True:
            if time.monotonic() >= self._next_look:
                self._look()
            self._demand_life()
            found = self._settled()
            if self._recalls or (self._cancel is not None and self._cancel.is_set()):
                found += self._recalled()
            if self._adrift and self._link.running:
                found += self._again_after_loss()
            left = max(0.0, until - time.monotonic())
            found += self._judged(0.0 if found else min(left, self._patience()))
            if found or time.monotonic() >= until:
                return found

    def recall(self) -> None:
        """From now on give back, as cancelled, what no worker has begun."""
        self._recalls = True

    def parts(self) -> Mapping[Digest, int]:
        """Nothing: workers tell of whole steps only."""
        return {}

    def stop(self) -> None:
        """Want nothing any more, and wait until the workers have killed what they ran of it."""
        names = list(self._flights)
        running = [flight.handle for flight in self._flights.values() if flight.handle is not None]
        self._forget_all()
        self._link.release(running)
        if running:
            self._link.settle(names)

    def close(self) -> None:
        """Let go of the scheduler; a client that was handed in stays open."""
        self._forget_all()
        self._link.close()

    # -- inside ----------------------------------------------------------------

    def _task_name(self, flight: _Flight) -> str:
        """The task's name: whoever asks for the same of the same store shares one task.

        While a task is wanted Dask runs no other of its name, so all that a worker goes by is in
        it, and how often it was tried: a result that was untrue must not come back as it is.
        """
        work = flight.work
        digest = key_of("task", [work.key, self._setting(work), flight.tries + flight.adrift])
        kind = getattr(getattr(work.step, "type", None), "value", "step")
        return f"chainer-{kind}-{PROTOCOL}-{digest[:40]}"

    def _setting(self, work: StepWork) -> list[Any]:
        call = f"{self._make.__module__}.{getattr(self._make, '__qualname__', '')}"
        places = _places_key(self._places)
        return [call, places, work.build, repr(work.limits), [list(m) for m in work.media]]

    def _hand_over(self, flight: _Flight) -> None:
        name = self._task_name(flight)
        workers = None
        if flight.shunned:
            workers = [w for w in self._census.workers if w not in flight.shunned]
        if self._put:
            self._put_media(flight.work)
        flight.told, flight.worker = None, ""
        flight.handle = self._link.submit(
            name,
            self._make,
            (flight.work, self._places),
            priority=flight.work.priority,
            resource=self._asks,
            workers=workers,
            on_end=self._ended.put,
        )
        self._flights[name] = flight

    def _judged(self, timeout: float) -> list[StepResult]:
        """What the scheduler says has ended, waiting up to `timeout` seconds for the first."""
        names: list[str] = []
        try:
            names.append(self._ended.get(timeout=timeout) if timeout else self._ended.get_nowait())
            while len(names) < _AT_A_TIME:
                names.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        known = [name for name in dict.fromkeys(names) if name in self._flights]
        handles = [self._flights[name].handle for name in known]
        found: list[StepResult] = []
        for name, ended in zip(known, self._link.collect(handles), strict=True):
            if ended is None:
                self._link.watch(self._flights[name].handle, self._ended.put)
            elif ended.how is How.ADRIFT:
                self._flights[name].handle = None
                self._adrift.add(name)
            elif (result := self._judge(name, ended)) is not None:
                found.append(result)
        return found

    def _judge(self, name: str, ended: Ended) -> StepResult | None:
        """The result of a task that ended, or None: it is tried again, or looked at later."""
        flight = self._flights[name]
        flight.worker = ended.worker
        if ended.how is not How.FINISHED:
            error = self._foreign(flight, ended)
            if error.code in _WORKERS_FAULT and self._elsewhere(name, ended.worker):
                return None
            return self._land(name, StepResult(flight.work.key, None, error, worker=ended.worker))
        told: StepResult = ended.value
        if told.error is None:
            flight.told = told
            flight.look_until = time.monotonic() + self._policy.settle
            return self._verified(name)
        if isinstance(told.error, Cancelled):  # not by us: its worker is about to close
            return self._retried(name, f"{ended.worker} gave it up")
        if told.error.code in _WORKERS_FAULT and self._elsewhere(name, ended.worker):
            return None
        if isinstance(told.error, MediaMissing) and self._supplied(name):
            return None
        of_disk = isinstance(told.error, StoreError) and told.error.code in _STORES_FAULT
        if of_disk or isinstance(told.error, MediaMissing):
            # Its own disk, mounts or credentials, perhaps: two others are asked as well.
            if flight.tries + 1 < _TRIES and self._elsewhere(name, ended.worker):
                return None
            if isinstance(told.error, StoreError):
                told = replace(told, error=_of_worker(told.error, told.worker))
        return self._land(name, told)

    def _verified(self, name: str) -> StepResult | None:
        """The told result where it is true; None where it is tried again or may still show up."""
        flight = self._flights[name]
        told, key = flight.told, flight.work.key
        assert told is not None
        if told.key != key or told.record is None or told.record.key != key:
            return self._retried(name, "it told of another step")
        presence, record = self._store.find(key)
        if presence in (Presence.ABSENT, Presence.MISSING):
            # A shared file system may show a new name only after a moment.
            if time.monotonic() < flight.look_until:
                self._settling.add(name)
                return None
            return self._retried(name, "what it made is not in the store")
        if presence is not Presence.CACHED or record is None:
            self._store.discard(key)
            return self._retried(name, "its record in the store is damaged")
        if not all(self._store.is_whole(artefact) for artefact in record.files.values()):
            self._store.discard(key)
            return self._retried(name, "the bytes in the store are not those that it hashed")
        if record != told.record:
            return self._retried(name, "the store holds another result than it told of")
        return self._land(name, told)

    def _retried(self, name: str, why: str) -> StepResult | None:
        """Run it again, or after three times give it up, with the name of its worker."""
        flight = self._flights[name]
        flight.tries += 1
        if flight.tries < _TRIES:
            self._resubmit(name)
            return None
        step = _what(flight.work)
        error = RenderError(
            f"{step} came back from the worker {flight.worker} but {why}, {_TRIES} times: look at "
            "that machine's disk and memory, and whether it uses the same store",
            code="untrue-result",
            worker=flight.worker,
        )
        return self._land(name, StepResult(flight.work.key, None, error, worker=flight.worker))

    def _elsewhere(self, name: str, worker: str) -> bool:
        """Run it on other workers than `worker`, which cannot make it; False where none is left."""
        flight = self._flights[name]
        flight.shunned.add(worker)
        self._look()
        if all(other in flight.shunned for other in self._census.workers):
            return False
        flight.tries += 1
        self._resubmit(name)
        return True

    def _supplied(self, name: str) -> bool:
        """Put its media into the bucket that all share, and run it again.

        They may have been there: a collector may take bytes that no record names.
        """
        flight = self._flights[name]
        if not self._places.url or flight.tries >= _TRIES:
            return False
        self._put_media(flight.work, again=True)
        flight.tries += 1
        self._resubmit(name)
        return True

    def _put_media(self, work: StepWork, *, again: bool = False) -> None:
        from pathlib import Path

        for digest, path in work.media:
            if again or digest not in self._put:
                lend(self._store, digest, Path(path), again=again)
                self._put.add(digest)

    def _resubmit(self, name: str) -> None:
        flight = self._flights.pop(name)
        self._settling.discard(name)
        self._adrift.discard(name)
        if flight.handle is not None:
            self._link.release([flight.handle])
        self._hand_over(flight)

    def _land(self, name: str, result: StepResult) -> StepResult:
        flight = self._flights.pop(name)
        self._settling.discard(name)
        if flight.handle is not None:
            self._link.release([flight.handle])
        return result

    def _recalled(self) -> list[StepResult]:
        """Give back what waits for a worker: a whole window of it would run on for hours."""
        if time.monotonic() < self._next_recall:
            return []
        self._next_recall = time.monotonic() + _LOOK_SECONDS
        names = frozenset(name for name, one in self._flights.items() if one.told is None)
        waiting = self._link.waiting(names) if names else frozenset()
        error = Cancelled("cancelled before a worker began it")
        works = [(name, self._flights[name].work.key) for name in sorted(waiting)]
        return [self._land(name, StepResult(key, None, error)) for name, key in works]

    def _settled(self) -> list[StepResult]:
        """Those whose record has shown up since, or never did."""
        waiting, self._settling = self._settling, set()
        return [result for name in waiting if (result := self._verified(name)) is not None]

    def _again_after_loss(self) -> list[StepResult]:
        """Hand over again what was lost with a connection that is back."""
        found: list[StepResult] = []
        for name in sorted(self._adrift):
            flight = self._flights[name]
            flight.adrift += 1
            if flight.adrift < _TRIES_ADRIFT:
                self._resubmit(name)
                continue
            self._adrift.discard(name)
            error = RenderError(
                f"{_what(flight.work)} was cancelled {_TRIES_ADRIFT} times by somebody else at the "
                f"scheduler {self._name}",
                code="cancelled-elsewhere",
            )
            found.append(self._land(name, StepResult(flight.work.key, None, error)))
        return found

    def _foreign(self, flight: _Flight, ended: Ended) -> ChainerError:
        """What Dask or the worker raised, as one of ours."""
        if isinstance(ended.error, ChainerError):
            return ended.error
        step = _what(flight.work)
        if ended.how is How.KILLED:
            error = RenderError(
                f"{step} was given up: every worker that began it died, the last one "
                f"{ended.worker}; look for `Killed process` in that machine's log: is it short of "
                "memory?",
                code="workers-died",
                worker=ended.worker,
            )
        else:
            cause = ended.error
            error = RenderError(
                f"{step} could not be run by a worker: {type(cause).__name__}: {cause}",
                code="worker",
                worker=ended.worker,
            )
        error.__cause__ = ended.error
        return error

    def _patience(self) -> float:
        if self._settling or self._adrift:
            return 0.1
        return max(0.01, min(_LOOK_SECONDS, self._next_look - time.monotonic()))

    def _look(self) -> None:
        """See who is there; the answer before stands where there is none."""
        self._next_look = time.monotonic() + _LOOK_SECONDS
        if self._link.running and (census := self._link.census()) is not None:
            # Whoever has once announced the resource decides for the rest of the run: a worker
            # without it was not meant for encoders.
            self._asks = self._asks or census.resource
            if self._asks and not census.resource:
                census = Census((), 0, resource=True)
            self._census = census
            if census.slots:
                self._seen = time.monotonic()

    def _demand_life(self) -> None:
        if self._link.lost:
            self._forget_all()
            raise dask_door.gone(self._name, "its scheduler went away")
        away = time.monotonic() - self._seen
        if self._flights and away > self._policy.lost_after:
            handles = [f.handle for f in self._flights.values() if f.handle is not None]
            self._forget_all()
            self._link.release(handles)
            raise dask_door.gone(self._name, f"no worker was there for {away:.0f} s")

    def _await_workers(self, seconds: float, on_wait: Callable[[str], None] | None) -> None:
        until = time.monotonic() + seconds
        self._look()
        if seconds and on_wait is not None and not self._census.slots:
            on_wait(self._name)
        while not self._census.slots:
            if self._link.lost or (seconds and time.monotonic() >= until):
                raise InputError(
                    f"the scheduler at {self._name} has no workers: none came within "
                    f"{seconds:g} s; start some with `dask worker {self._name}`",
                    code="scheduler",
                    address=self._name,
                )
            if not seconds:
                return
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled("cancelled while waiting for a worker: nothing has been made")
            time.sleep(min(0.2, seconds))
            self._look()

    def _forget_all(self) -> None:
        self._flights.clear()
        self._settling.clear()
        self._adrift.clear()


def _of_worker(error: StoreError, worker: str) -> StoreError:
    """The error with the worker's name: its disk and its credentials are not ours."""
    told = StoreError(f"on the worker {worker}: {error}", code=error.code, **error.facts)
    told.__cause__ = error
    return told


@lru_cache(maxsize=8)
def _places_key(places: StorePolicy) -> Digest:
    return key_of("store", [str(places.path), places.url, places.endpoint])


def _what(work: StepWork) -> str:
    step = work.step
    return f"the {step.type.value} of {step.name} ({work.key[:16]})"
