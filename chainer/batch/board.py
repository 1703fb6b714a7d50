"""Which step is next: who waits for what, and whom a failure takes along. Pure.

Marks come first, for everything waits for them; then joints, cards, posters and segments, whose
neighbours are there by then and which let a film be delivered; then clips, the longest first.
Lengths count as equal within a factor of two, and then the earlier job decides, so that films are
finished one after another rather than all at the end. For the same reason jobs have their turn in
blocks: each that is begun and not delivered holds a file open, and there may be more jobs than
files.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from math import frexp

from chainer.digest import Digest
from chainer.render.spec import StepType

_RANK = {
    StepType.MARK: 0,
    StepType.TEXT: 0,
    StepType.JOINT: 1,
    StepType.CARD: 1,
    StepType.POSTER: 1,
    StepType.BED: 1,
    StepType.SEGMENTS: 1,
    StepType.CONFORM: 2,
    StepType.EXTEND: 2,
}
_BLOCK = 64
"""Jobs among which the longest clip goes first."""


@dataclass(frozen=True, slots=True)
class Place:
    """A step as the board sees it; `jobs` are the numbers of the jobs that need it."""

    key: Digest
    type: StepType
    needs: tuple[Digest, ...]
    jobs: tuple[int, ...]
    cost: float


class _State(Enum):
    WAITING = auto()
    RUNNING = auto()
    DONE = auto()
    DROPPED = auto()


_OPEN = (_State.WAITING, _State.RUNNING)


@dataclass(slots=True)
class _Square:
    place: Place
    state: _State = _State.WAITING
    missing: set[Digest] = field(default_factory=set)
    users: list[Digest] = field(default_factory=list)
    wanted: int = 0
    """By how many jobs that are not out, while it is not there."""


class Board:
    """The steps of a batch. Every step's needs are on it too, and its jobs need those as well."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._squares = {place.key: _Square(place) for place in places}
        self._left: dict[int, set[Digest]] = {}
        self._ready: list[tuple[tuple[int, int, int, int, float, Digest], Digest]] = []
        for key, square in self._squares.items():
            for need in square.place.needs:
                self._squares[need].users.append(key)
                square.missing.add(need)
            for job in square.place.jobs:
                self._left.setdefault(job, set()).add(key)
            square.wanted = len(square.place.jobs)
        self._open = len(self._squares)
        self._gone: list[Digest] = []
        for square in self._squares.values():
            self._offer(square)

    @property
    def jobs(self) -> Mapping[int, int]:
        """How many steps each job still waits for; jobs that are whole or out are not here."""
        return {job: len(left) for job, left in self._left.items()}

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self._squares)

    @property
    def open(self) -> int:
        """How many of them wait or run."""
        return self._open

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return self._open == 0

    def users(self, key: Digest) -> tuple[int, ...]:
        """The jobs that still need a step, in order."""
        return tuple(job for job in self._squares[key].place.jobs if job in self._left)

    def next(self, accepts: Callable[[Digest], bool]) -> Digest | None:
        """Take the most urgent ready step, if `accepts` it; it counts as running then."""
        while self._ready:
            _, key = self._ready[0]
            square = self._squares[key]
            if square.state is not _State.WAITING or square.missing:
                heapq.heappop(self._ready)
                continue
            if not accepts(key):
                return None
            heapq.heappop(self._ready)
            square.state = _State.RUNNING
            return key
        return None

    def done(self, key: Digest) -> tuple[int, ...]:
        """A step is there; the jobs that have all their steps now, in order."""
        square = self._squares[key]
        self._set(square, _State.DONE)
        for name in square.users:
            user = self._squares[name]
            user.missing.discard(key)
            self._offer(user)
        whole = []
        for job in square.place.jobs:
            left = self._left.get(job)
            if left is not None and key in left:
                left.discard(key)
                if not left:
                    del self._left[job]
                    whole.append(job)
        square.wanted = 0
        return tuple(whole)

    def failed(self, key: Digest) -> tuple[int, ...]:
        """A step cannot be made; the jobs that are out because of it, in order."""
        square = self._squares[key]
        self._set(square, _State.DROPPED)
        out = self.users(key)
        for job in out:
            self.drop(job)
        return out

    def again(self, key: Digest, needs: Sequence[Digest]) -> None:
        """A running step found that the files of `needs` are lost: those first, then it."""
        square = self._squares[key]
        if not self.users(key):
            self._set(square, _State.DROPPED)
            return
        for need in needs:
            lost = self._squares[need]
            if lost.state is _State.DONE:
                self._set(lost, _State.WAITING)
                lost.missing = self._missing(lost)
                for job in lost.place.jobs:
                    if job in self._left:
                        self._left[job].add(need)
                        lost.wanted += 1
            for name in lost.users:
                if self._squares[name].state is _State.WAITING:
                    self._squares[name].missing.add(need)
            self._offer(lost)
        self._set(square, _State.WAITING)
        square.missing = self._missing(square)
        self._offer(square)

    def dropped(self) -> tuple[Digest, ...]:
        """The steps that nobody needs any more since this was last asked."""
        told, self._gone = tuple(self._gone), []
        return told

    def drop(self, job: int) -> None:
        """A job is out; steps that nobody else needs are not begun any more."""
        for key in self._left.pop(job, set()):
            square = self._squares[key]
            square.wanted -= 1
            if square.state is _State.WAITING and not square.wanted:
                self._set(square, _State.DROPPED)

    def _missing(self, square: _Square) -> set[Digest]:
        done = _State.DONE
        return {need for need in square.place.needs if self._squares[need].state is not done}

    def _set(self, square: _Square, state: _State) -> None:
        self._open += (state in _OPEN) - (square.state in _OPEN)
        if state is _State.DROPPED:
            self._gone.append(square.place.key)
        square.state = state

    def _offer(self, square: _Square) -> None:
        if square.state is _State.WAITING and not square.missing:
            place = square.place
            octave = frexp(max(place.cost, 1e-9))[1]
            first = min((job for job in place.jobs if job in self._left), default=0)
            rank = _RANK[place.type]
            order = (rank, first // _BLOCK, -octave, first, -place.cost, place.key)
            heapq.heappush(self._ready, (order, place.key))
