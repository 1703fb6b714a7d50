"""One episode in the making, and whoever listens to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any

import chainer


class State(StrEnum):
    """Where an episode is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job:
    """What is known of one episode now. Touched by the event loop's thread alone.

    There is no queue for each listener: a listener that is late reads the latest news and nothing
    in between, so a slow or vanished one costs nothing and holds up nobody.
    """

    def __init__(
        self, name: str, plan: chainer.EpisodePlan | None = None, state: State = State.QUEUED
    ) -> None:
        self.id = name
        self.plan = plan
        self.state = state
        self.stop = threading.Event()
        """Set to cancel; the render looks at it every moment."""
        self.task: asyncio.Task[None] | None = None
        self._news: dict[str, Any] = {"done": float(state is State.DONE), "phase": state.value}
        self._version = 0
        self._changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in (State.QUEUED, State.RUNNING)

    def tell(self, state: State | None = None, **news: Any) -> None:
        """Something has changed."""
        if self.ended:
            return  # progress that was still on its way
        self.state = state or self.state
        self._news = {"phase": self.state.value, **news}
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def progress(self, progress: chainer.Progress) -> None:
        """How far the render is."""
        self.tell(
            done=round(progress.done, 4),
            phase=progress.phase,
            seconds_left=progress.seconds_left,
        )

    def fail(self, problem: Mapping[str, Any]) -> None:
        """The render came to a bad end."""
        self.tell(State.FAILED, problem=dict(problem))

    async def end(self) -> None:
        """Come back when the job has ended."""
        while not self.ended:
            await self._changed.wait()

    def as_json(self) -> dict[str, Any]:
        """The state, with where to find the rest."""
        url = f"/episodes/{self.id}"
        told = {"id": self.id, "state": self.state.value, "url": url, "events": f"{url}/events"}
        if self.state is State.DONE:
            told |= {name: f"{url}/{name}" for name in ("film", "manifest", "chapters")}
        return told | self._news

    async def follow(self, keep_alive: float) -> AsyncIterator[str]:
        """Server-sent events: the state now, then its changes, the last one named by how it ended.

        A comment is sent where there is no news for `keep_alive` seconds.
        """
        seen = -1
        yield "retry: 2000\n\n"
        while True:
            changed = self._changed
            if seen == self._version:
                try:
                    await asyncio.wait_for(changed.wait(), keep_alive)
                except TimeoutError:
                    yield ": nothing new\n\n"
                continue
            seen = self._version
            ended = self.ended
            kind, number = (self.state.value,) * 2 if ended else ("progress", str(seen))
            yield f"id: {number}\nevent: {kind}\ndata: {json.dumps(self.as_json())}\n\n"
            if ended:
                return
