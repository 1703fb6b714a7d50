"""How far a batch is, and how long it may still take. Floats: nothing else depends on them."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import exp
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_ENOUGH = 0.01  # of all cost must have been made before anything is told
_MEMORY = 0.5  # of all cost is how far back the pace is judged by
_MANY = 512  # steps left from which a mean is as good as playing them through
_WILLING = 0.05  # of the time left: how long a change of mind is spread over
_LEAST = 0.1  # seconds: told while anything is left
_LATE = 0.15  # of what it took so far: left of a step that is late


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """`done` goes from 0 to 1; `seconds_left` is None until there is something to judge by.

    `phase` and `name` say what is going on: a type of step and its name, or `deliver` and a job.
    """

    jobs_done: int
    jobs: int
    failed: int
    steps_done: int
    steps: int
    done: float
    seconds_left: float | None
    phase: str
    name: str


class Clock(Generic[K]):
    """Judges the time left by how long steps took against what they were estimated to take.

    `costs` are estimates in CPU seconds, right up to a common factor; `workers` is how many steps
    run at once, and may be set again when that changes. Steps that are begun beyond that number
    count as queued. Used from one thread alone.

    What is left is played through, the longest first, with the steps that run now where they are:
    so a last long step is not averaged away. How busy the workers really were stretches it, since
    steps also wait for each other, for memory and for room. What is told follows what is found
    within a twentieth of the time left, so that it does not jump.
    """

    def __init__(
        self, costs: Mapping[K, float], workers: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.workers = max(1, workers)
        """How many steps run at once."""
        self._now = now
        self._cost = {key: max(0.0, cost) for key, cost in costs.items()}
        self._sum = sum(self._cost.values())
        self._left = dict(self._cost)
        self._left_sum = self._sum
        self._by_length = sorted(self._cost, key=lambda key: -self._cost[key])
        self._passed = 0  # of them, the longest first, are not waiting any more
        self._running: dict[K, float] = {}
        self._queued: dict[K, None] = {}
        self._part: dict[K, float] = {}
        # Over a sliding window: seconds that steps took, for how much cost; and the workers' time,
        # of how much that they could have given.
        self._took = self._for = 0.0
        self._busy = self._could = 0.0
        self._at: float | None = None
        self._told: tuple[float, float] | None = None

    # -- what happens ----------------------------------------------------------

    def cached(self, key: K) -> None:
        """It is there already, or will not be made: nothing to learn from."""
        self._tick()
        self._finish(key)

    def started(self, key: K) -> None:
        """It is being made, or queued where all workers are busy. May come again for one."""
        self._tick()
        if key in self._cost and key not in self._left:
            self._left[key] = self._cost[key]
            self._left_sum += self._cost[key]
            self._passed = 0
        self._part.pop(key, None)
        self._running.pop(key, None)
        if len(self._running) < self.workers:
            self._running[key] = self._now()
        else:
            self._queued[key] = None

    def part(self, key: K, share: float) -> None:
        """A share of it, from 0 to 1, is made."""
        if key in self._left:
            self._part[key] = max(self._part.get(key, 0.0), min(1.0, share))

    def ended(self, key: K, cpu_seconds: float, seconds: float | None = None) -> None:
        """It was made, in `seconds` where its worker said so.

        One that cost nothing says nothing of the pace: it was found in the store, or failed.
        """
        self._tick()
        begun = self._running.get(key)
        if seconds is None:
            seconds = cpu_seconds if begun is None else self._now() - begun
        cost = self._left.get(key, 0.0)
        self._finish(key)
        if cpu_seconds > 0 and cost > 0:
            fading = exp(-cost / (_MEMORY * self._sum))
            self._took = self._took * fading + seconds
            self._for = self._for * fading + cost
            self._busy *= fading
            self._could *= fading

    # -- what is told ----------------------------------------------------------

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self._cost)

    @property
    def steps_done(self) -> int:
        """How many of them are made, or were there."""
        return len(self._cost) - len(self._left)

    @property
    def done(self) -> float:
        """The share that is done, by cost, from 0 to 1; 1 only when nothing is left."""
        if not self._left:
            return 1.0
        if self._sum <= 0:
            return self.steps_done / self.steps
        made = sum(self._left[key] * share for key, share in self._part.items())
        return min(max(0.0, 1 - (self._left_sum - made) / self._sum), 0.999)

    @property
    def seconds_left(self) -> float | None:
        """How long it may still take; None until there is something to judge by, 0 at the end."""
        if not self._left:
            return 0.0
        self._tick()
        pace = self._pace()
        if pace is None:
            return None
        found, longest = self._played(pace)
        now = self._now()
        if self._told is not None:
            then, told = self._told
            expected = max(0.0, told - (now - then))
            trust = 1 - exp(-(now - then) / max(1.0, _WILLING * found))
            found = expected + trust * (found - expected)
        left = max(found, longest, _LEAST)
        self._told = (now, left)
        return left

    # -- inside ----------------------------------------------------------------

    def _tick(self) -> None:
        """Account for the workers' time up to now."""
        now = self._now()
        if self._at is not None:
            # At the end there is too little to do for all of them: that says nothing of before.
            could = min(self.workers, len(self._left))
            self._busy += (now - self._at) * min(len(self._running), could)
            self._could += (now - self._at) * could
        self._at = now

    def _finish(self, key: K) -> None:
        self._left_sum = max(0.0, self._left_sum - self._left.pop(key, 0.0))
        self._part.pop(key, None)
        self._queued.pop(key, None)
        if self._running.pop(key, None) is not None and self._queued:
            following = next(iter(self._queued))
            del self._queued[following]
            self._running[following] = self._now()

    def _pace(self) -> float | None:
        """Seconds that one unit of cost takes; None where too little was made to say."""
        took, cost = self._took, self._for
        now = self._now()
        for key, begun in self._running.items():
            share = self._part.get(key, 0.0)
            took += (now - begun) if share > 0 else 0.0
            cost += self._left[key] * share
        if cost <= 0 or took <= 0 or (not self._took and cost < _ENOUGH * self._sum):
            return None
        pace = took / cost
        # Those that end first are the short ones: the late ones that still run speak for the rest.
        for key, begun in self._running.items():
            if not self._part.get(key) and now - begun > pace * self._left[key]:
                took += now - begun
                cost += self._left[key]
        return took / cost

    def _played(self, pace: float) -> tuple[float, float]:
        """When the last step would end, and how long the longest that runs or waits still takes."""
        now = self._now()
        ends = []
        for key, begun in self._running.items():
            likely = pace * self._left[key]
            ends.append(self._rest(key, likely, now - begun))
        count = len(self._left) - len(self._running)
        if count > _MANY:
            rest = self._left_sum - sum(self._left[key] for key in self._running)
            all_of_it = sum(ends) + pace * rest
            longest = max([*ends, pace * self._longest_waiting()])
            last = max(longest, all_of_it / self.workers)
        else:
            waiting = [pace * cost for key, cost in self._left.items() if key not in self._running]
            all_of_it = sum(ends) + sum(waiting)
            longest = max([*ends, *waiting])
            last = _last_end(ends, waiting, self.workers)
        # What binds is one of the two: the longest steps, or how little gets done at once.
        return max(last, all_of_it / self.workers / self._busyness()), longest

    def _rest(self, key: K, likely: float, spent: float) -> float:
        """How long a step that runs still takes, where it is likely to take `likely` in all."""
        share = self._part.get(key, 0.0)
        if share <= 0:
            # One that is late already is likely to take a good while yet.
            return max(likely - spent, _LATE * max(likely, spent))
        # The further it is, the more its own pace says of its end.
        return (1 - share) * (share * (spent / share) + (1 - share) * likely)

    def _longest_waiting(self) -> float:
        while self._passed < len(self._by_length):
            key = self._by_length[self._passed]
            if key in self._left and key not in self._running:
                return self._left[key]
            self._passed += 1
        return 0.0

    def _busyness(self) -> float:
        """The share of their time that the workers worked, from a little to 1."""
        return max(0.05, self._busy / self._could) if self._could > 0 and self._busy > 0 else 1.0


def _last_end(running: list[float], waiting: list[float], workers: int) -> float:
    """When all is over if the longest is always begun first."""
    ends = running + [0.0] * (workers - len(running))
    heapq.heapify(ends)
    for length in sorted(waiting, reverse=True):
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)
