"""Keeps observations: in the store, one file each, and the latest in memory.

Whoever asks first looks; all others, in other threads and processes too, get what was found. A
file that is damaged or none of ours is thrown away and the take is looked at again. numpy and
OpenCV are loaded with the first observation that is really wanted: what follows from one is
usually known already.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from chainer.digest import Digest
from chainer.errors import MediaRefused, StoreError
from chainer.graph import Appearance
from chainer.media.inspect import Inspected
from chainer.media.limits import MediaLimits
from chainer.media.source import open_source
from chainer.memory.keys import observation_key
from chainer.memory.policy import FacePolicy
from chainer.store import Presence, Store

if TYPE_CHECKING:
    from chainer.memory.observation import Observation

FILE = "observation.npz"

_KEPT = 48
"""Observations in memory: up to 2 MB each, and a walk rarely comes back further."""


class Observer:
    """Looks at every take once. Safe for many threads; several share one store.

    `observed` counts the takes that were really looked at, `recalled` those that came from the
    store or from memory.
    """

    def __init__(
        self,
        store: Store,
        limits: MediaLimits,
        faces: FacePolicy,
        *,
        rate: Fraction = Fraction(30),
        kept: int = _KEPT,
    ) -> None:
        self._store = store
        self._limits = limits
        self._faces = faces
        self._rate = rate
        self._most = kept
        self._kept: OrderedDict[Digest, Observation] = OrderedDict()
        self._lock = threading.Lock()
        self.observed = 0
        self.recalled = 0

    def observe(
        self,
        media: Inspected,
        start: Fraction,
        seconds: Fraction,
        *,
        cast: Sequence[Appearance] = (),
        references: Mapping[str, Sequence[bytes]] | None = None,
        cancel: threading.Event | None = None,
    ) -> Observation:
        """The observation of `[start, start + seconds)` of `media`, its cast as declared.

        Raises as `observe.observe` does; a refusal is not kept.
        """
        key = self.key(media, start, seconds, cast=cast, references=references)
        found = self._recall(key)
        if found is not None:
            return found
        from chainer.memory.npz import from_bytes, to_bytes
        from chainer.memory.observe import observe

        with self._store.claim(key, cancel):
            found = self._recall(key)  # another may have looked while this one waited
            if found is not None:
                return found
            with self._store.workspace() as folder:
                with open_source(media.path, limits=self._limits) as source:
                    if source.digest != media.digest:
                        raise MediaRefused(
                            f"{media.path} changed after it was inspected; run the command again",
                            code="media-changed",
                            path=str(media.path),
                        )
                    made = observe(
                        source,
                        media.info,
                        start,
                        seconds,
                        cast=cast,
                        references=references,
                        faces=self._faces,
                        limits=self._limits,
                        rate=self._rate,
                        cancel=cancel,
                        folder=folder,
                    )
                data = to_bytes(made)
                path = folder / FILE
                path.write_bytes(data)
                self._store.publish(key, "observation", {FILE: path}, {"bytes": len(data)})
            with self._lock:
                self.observed += 1
            # As everyone after us will read it.
            return self._keep(from_bytes(data))

    def key(
        self,
        media: Inspected,
        start: Fraction,
        seconds: Fraction,
        *,
        cast: Sequence[Appearance] = (),
        references: Mapping[str, Sequence[bytes]] | None = None,
    ) -> Digest:
        """What such an observation is kept by."""
        return observation_key(
            media.digest,
            start,
            seconds,
            cast=cast,
            references=references,
            faces=self._faces,
            rate=self._rate,
        )

    def has(self, key: Digest) -> bool:
        """Whether there is an observation of this key, by presence and size, unread."""
        with self._lock:
            if key in self._kept:
                return True
        return self._store.find(key)[0] is Presence.CACHED

    def find(self, key: Digest) -> Observation | None:
        """The observation of this key, if it was ever made; looks at no media."""
        return self._recall(key)

    def _recall(self, key: Digest) -> Observation | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                self.recalled += 1
                return self._kept[key]
        presence, record = self._store.find(key)
        if presence is Presence.ABSENT:
            return None
        if presence is Presence.CACHED and record is not None and FILE in record.files:
            from chainer.memory.npz import from_bytes

            try:
                with self._store.open(record.files[FILE]) as stream:
                    found = from_bytes(stream.read())
                if found.key == key:
                    self._store.use(record)
                    with self._lock:
                        self.recalled += 1
                    return self._keep(found)
            except (StoreError, ValueError):
                pass  # not what was put there: it is looked at again
        self._store.discard(key)
        return None

    def _keep(self, observation: Observation) -> Observation:
        with self._lock:
            self._kept[observation.key] = observation
            self._kept.move_to_end(observation.key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return observation
