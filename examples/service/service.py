"""The line, the renders under way, cancelling, and what lies on disk."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import re
import shutil
import threading
from collections import deque
from pathlib import Path
from typing import IO

import chainer
from examples.service.config import Config
from examples.service.job import Job, State
from examples.service.orders import Order, id_of, plan_of
from examples.service.problems import Problem, problem_of

log = logging.getLogger("uvicorn.error")

_ID = re.compile(r"[0-9a-f]{32}")
_REMEMBERED = 1000


class Service:
    """All episodes of one output folder. Its methods belong to the event loop's thread.

    Finished episodes are what lies in the folder, under their ids: a service that starts again
    finds them there. What was cancelled or has failed is remembered only while it runs.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._jobs: dict[str, Job] = {}
        self._line: deque[Job] = deque()
        self._running: set[Job] = set()
        self._planning = 0
        self._desk = asyncio.Semaphore(config.at_once)
        self._stopping = threading.Event()
        self._lock = _only_one(config.out)
        for left in config.out.glob(".*.partial"):  # a killed service's: nobody else writes here
            shutil.rmtree(left, ignore_errors=True)

    async def order(self, order: Order) -> Job:
        """Plan, then join the render of the same film, or find it done, or get in line.

        Raises `Problem` and `ChainerError`.
        """
        self._demand_open(full=self._planning >= self.config.line + self.config.at_once)
        self._planning += 1
        try:
            async with self._desk:
                plan = await asyncio.to_thread(plan_of, order, self.config, self._stopping)
        finally:
            self._planning -= 1
        name = await asyncio.to_thread(id_of, order, plan)
        if (job := await self._made_already(name)) is not None:
            return job
        busy = len(self._running) >= self.config.at_once
        self._demand_open(full=busy and len(self._line) >= self.config.line)
        job = Job(name, plan)
        self._remember(job)
        self._line.append(job)
        self._fill()
        return job

    def find(self, name: str) -> Job:
        """The episode, in the making or on disk. Raises `Problem` (404)."""
        if (job := self._jobs.get(name)) is not None:
            return job
        if not _ID.fullmatch(name) or not self._finished(name):
            raise Problem(404, "unknown-episode", "there is no such episode", id=name[:64])
        return Job(name, state=State.DONE)

    async def cancel(self, name: str) -> Job:
        """Stop it; when this comes back no process works for it any more.

        What has ended stays as it is: cancelling twice is cancelling once. Raises `Problem` (404).
        """
        job = self.find(name)
        self._stop(job)
        await job.end()
        return job

    async def shown(self, name: str, file: str) -> Path:
        """A file of a finished episode that may be shown now.

        The ledger is asked each time, and what cannot be asked is not shown. Raises `Problem`:
        404, 409 while it is not done, 451 when consent was taken back, 503.
        """
        job = self.find(name)
        if job.state is not State.DONE:
            raise Problem(409, "not-done", f"the episode is {job.state.value}", state=job.state)
        if not await self._allowed(name):
            raise Problem(451, "withdrawn", "this episode may not be shown any more")
        return self.config.out / name / file

    def stop(self) -> None:
        """Begin to shut down: take nothing new, cancel everything. Safe to call again."""
        self._stopping.set()
        for job in [*self._line, *self._running]:
            self._stop(job)

    async def close(self) -> None:
        """Shut down; when this comes back no process of ours is left."""
        self.stop()
        await asyncio.gather(*(job.task for job in self._running if job.task is not None))
        self._lock.close()

    async def _made_already(self, name: str) -> Job | None:
        """The same film, under way or done; None where it is to be made."""
        while True:
            job = self._jobs.get(name)
            if job is not None and not job.ended:
                if not job.stop.is_set():
                    return job
                await job.end()  # being cancelled: not the one to join
                continue
            fit = await self._fit(name)
            if self._jobs.get(name) is not job:
                continue  # somebody else was faster while the ledger was asked
            if not fit:
                return None
            self._jobs.pop(name, None)  # a later attempt that came to nothing
            return Job(name, state=State.DONE)

    def _demand_open(self, *, full: bool) -> None:
        if self._stopping.is_set():
            raise Problem(503, "stopping", "the service is shutting down; try again soon")
        if full:
            raise Problem(503, "line-full", "too many episodes are waiting; try again later")

    def _remember(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        ended = [name for name, one in self._jobs.items() if one.ended]
        for name in ended[: max(0, len(ended) - _REMEMBERED)]:
            del self._jobs[name]

    def _fill(self) -> None:
        """Start whoever is next, and tell the others where they are in the line."""
        while self._line and len(self._running) < self.config.at_once:
            job = self._line.popleft()
            job.tell(State.RUNNING, done=0.0)
            self._running.add(job)
            job.task = asyncio.create_task(self._work(job))
        for place, job in enumerate(self._line, 1):
            job.tell(done=0.0, place=place)

    async def _work(self, job: Job) -> None:
        """Render one episode. Raises nothing: how it ended is the job's state."""
        assert job.plan is not None
        log.info("%s: rendering", job.id)
        try:
            await chainer.render_episode_async(
                job.plan,
                self.config.out / job.id,
                on_progress=job.progress,
                cancel=job.stop,
                workers=self.config.workers,
            )
        except chainer.Cancelled:
            job.tell(State.CANCELLED)
        except chainer.ChainerError as error:
            job.fail(problem_of(error))
        except Exception:
            log.exception("%s", job.id)
            job.fail(Problem(500, "fault", "a fault of the service; its log says more").told)
        else:
            job.tell(State.DONE, done=1.0)
            del self._jobs[job.id]  # the disk knows it from now on
        finally:
            job.plan = None
            self._running.discard(job)
            self._fill()

    def _stop(self, job: Job) -> None:
        if job.ended:
            return
        job.stop.set()
        if job in self._line:
            self._line.remove(job)
            job.tell(State.CANCELLED)
            self._fill()

    def _finished(self, name: str) -> bool:
        return (self.config.out / name / "episode.json").is_file()

    async def _fit(self, name: str) -> bool:
        """Whether it lies finished on disk and may be shown; if not, it is made anew."""
        try:
            return self._finished(name) and await self._allowed(name)
        except chainer.VerifyError as error:
            log.warning("%s: %s", name, error)
            return False

    async def _allowed(self, name: str) -> bool:
        """Whether nothing speaks against showing it, as far as could be asked; else the log."""
        folder, store = self.config.out / name, self.config.store
        told = await asyncio.to_thread(chainer.still_allowed, folder, store)
        if not told.allowed:
            log.warning("%s: %s", name, "; ".join(told.why))
            return False
        if not told.asked:
            log.error("%s: %s", name, "; ".join(told.notes))
            raise Problem(503, "ledger", "whether this may be shown cannot be asked now")
        return True


def _only_one(out: Path) -> IO[str]:
    """A lock on the folder: renders are joined within one process, so there may be only one."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".service.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise chainer.SettingsError(f"{out}: another service works in this folder") from None
    except OSError as error:
        raise chainer.OutputError(f"{out} cannot be written: {error.strerror}") from error
    return lock
