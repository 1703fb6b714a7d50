"""The memory at work: every take looked at once, every step computed once, and kept.

Steps are named by a digest of all that goes into them, so that the chains of a relay tree share
their beginnings, within a process and through the store.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chainer.digest import Digest
from chainer.errors import ChainerError, StoreError
from chainer.graph import Atom, Edge, Graph
from chainer.memory.keys import Told, step_key
from chainer.memory.policy import FacePolicy, MemoryPolicy
from chainer.memory.report import JointReport
from chainer.memory.shelf import Observer
from chainer.memory.state import MemoryState
from chainer.store import Presence, Store

if TYPE_CHECKING:
    from chainer.memory.observation import Observation

_FILE = "state.json"
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Step:
    """A state with the report of the joint that led to it; None for the first atom."""

    state: MemoryState
    report: JointReport | None


_JSON: TypeAdapter[tuple[MemoryState, JointReport | None]] = TypeAdapter(
    tuple[MemoryState, JointReport | None],
    config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"),
)


def to_json(done: Step) -> bytes:
    """A step as JSON; pictures stay in the observations that the state names."""
    return _JSON.dump_json((done.state, done.report))


def from_json(data: bytes) -> Step:
    """What `to_json` wrote. Raises `ValueError` for anything else."""
    try:
        return Step(*_JSON.validate_json(data))
    except ValidationError as error:
        raise ValueError(str(error)) from error


class Recollection:
    """Takes the steps of a graph's chains. Safe for many threads; several share one store.

    `stepped` counts the steps that were really computed, `shows` has the characters of each state
    that was used, by the key it is kept by: what is known of faces is in it. `again` looks once
    more at a clip whose observation is lost or damaged, if it knows which one that was.
    """

    def __init__(
        self,
        graph: Graph,
        store: Store,
        observer: Observer,
        policy: MemoryPolicy,
        faces: FacePolicy,
        again: Callable[[Digest], Observation | None] | None = None,
    ) -> None:
        self.observer = observer
        self._again = again
        self.policy = policy
        self._faces = faces
        self._store = store
        cast = graph.info.characters or {}
        self.names: Mapping[str, str] = {key: one.name or key for key, one in cast.items()}
        self._told: Told = {key: dict(one.facts) for key, one in cast.items() if one.facts}
        self._kept: OrderedDict[Digest, Step] = OrderedDict()
        self._lock = threading.Lock()
        self.stepped = 0
        self.shows: dict[Digest, tuple[str, ...]] = {}

    def beside(self, again: Callable[[Digest], Observation | None] | None) -> Recollection:
        """Another one that shares what is kept at hand, but tells its own `shows`."""
        other = copy(self)
        other._again = again  # noqa: SLF001 - one of us
        other.shows = {}
        other.stepped = 0
        return other

    def observation(self, key: Digest) -> Observation:
        """An observation that a state names. Raises `StoreError` where it is lost."""
        found = self.observer.find(key)
        if found is None and self._again is not None:
            found = self._again(key)
        if found is None:
            raise StoreError(
                "the memory names an observation that the store has lost; run the command again",
                code="memory-lost",
                key=key,
            )
        return found

    def step(
        self,
        state: MemoryState | None,
        observation: Digest,
        atom: Atom,
        before: Atom | None = None,
        edge: Edge | None = None,
    ) -> Step:
        """`buffer.step` with the observation of this key, looked up first."""
        key = step_key(
            state, observation, atom, edge, self.names, self._told, self.policy, self._faces
        )
        found = self._recall(key)
        if found is not None:
            return found
        with self._store.claim(key):
            found = self._recall(key)
            if found is not None:
                return found
            from chainer.memory.buffer import step

            done = Step(
                *step(
                    state,
                    self.observation(observation),
                    atom,
                    before,
                    edge,
                    names=self.names,
                    facts=self._told,
                    policy=self.policy,
                    faces=self._faces,
                    gallery=self,
                )
            )
            data = to_json(done)
            with self._store.workspace() as folder:
                (folder / _FILE).write_bytes(data)
                self._store.publish(key, "memory", {_FILE: folder / _FILE}, {"atom": atom.id})
            with self._lock:
                self.stepped += 1
            return self._keep(key, from_json(data))

    def merged(self, first: MemoryState, second: MemoryState) -> MemoryState:
        """`buffer.merge` under this memory's policy."""
        from chainer.memory.buffer import merge

        return merge(first, second, self.policy)

    def _recall(self, key: Digest) -> Step | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._used(key, self._kept[key])
        presence, record = self._store.find(key)
        if presence is Presence.ABSENT:
            return None
        if presence is Presence.CACHED and record is not None and _FILE in record.files:
            try:
                with self._store.open(record.files[_FILE]) as stream:
                    found = from_json(stream.read())
                # Its pictures may have been evicted before it was.
                if all(self.observer.has(one) for one in _named(found.state)):
                    self._store.use(record)
                    return self._keep(key, found)
            except (ChainerError, ValueError):
                pass  # not what was put there: it is computed again
        self._store.discard(key)
        return None

    def _keep(self, key: Digest, done: Step) -> Step:
        with self._lock:
            self._kept[key] = done
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return self._used(key, done)

    def _used(self, key: Digest, done: Step) -> Step:
        self.shows[key] = tuple(one.id for one in done.state.characters)
        return done


def _named(state: MemoryState) -> set[Digest]:
    """The observations that a state's pictures lie in."""
    named = {one.ref.observation for one in state.bank}
    return named | ({state.tail.ref.observation} if state.tail else set())
