"""A step on a worker of the cluster: what it is made with there, and when to let go of it.

A worker is a plain `dask worker` with chainer installed. It opens the store and finds its FFmpeg
once a process, looks the step up first, and runs the same function as the machine itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from chainer.batch.dask_door import Post
from chainer.batch.work import FONTS, StepResult, StepWork, run_work, worker_name
from chainer.digest import Digest
from chainer.errors import ChainerError, MediaMissing, StoreError
from chainer.render.encoder import FFmpeg, find_ffmpeg
from chainer.render.spec import CardSpec, TextSpec
from chainer.store import Store, StorePolicy
from chainer.store.place import open_store

FFMPEG = "CHAINER_FFMPEG"
"""The environment variable that names a worker's FFmpeg, where it is not imageio-ffmpeg's."""

_LOOK_SECONDS = 0.1


class Deserted(threading.Event):
    """Set once nobody wants the work any more; asks at most ten times a second."""

    def __init__(self, deserted: Callable[[], bool]) -> None:
        super().__init__()
        self._deserted = deserted
        self._next_look = 0.0

    def is_set(self) -> bool:
        """Whether the work should end now."""
        now = time.monotonic()
        if not super().is_set() and now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            if self._deserted():
                self.set()
        return super().is_set()


def run_remote(work: StepWork, policy: StorePolicy) -> StepResult:
    """Make the step of `work` on this worker, in the store of `policy`.

    Never raises what is the step's own fault, nor what is this worker's: see `run_work`. Ends with
    `Cancelled` within a moment, its child killed, when the task is cancelled, its client or its
    scheduler is gone, or the worker closes.
    """
    deserted = Deserted(Post().deserted)
    try:
        store = _store(policy)
        ffmpeg = _ffmpeg(policy)
        work = at_hand(work, store)
    except ChainerError as error:
        return StepResult(work.key, None, error, worker=worker_name())
    return run_work(work, store, ffmpeg, deserted)


@lru_cache(maxsize=8)
def _store(policy: StorePolicy) -> Store:
    return open_store(policy)


@lru_cache(maxsize=8)
def _ffmpeg(policy: StorePolicy) -> FFmpeg:
    named = os.environ.get(FFMPEG)
    return find_ffmpeg(Path(named) if named else None, _store(policy))


def at_hand(work: StepWork, store: Store) -> StepWork:
    """The work with the paths that its media and fonts have on this machine.

    Raises `MediaMissing` where a file is neither at its path nor in the store, `StoreError`.
    """
    media = tuple(_at_hand(*one, store) for one in work.media)
    spec, found = work.step.spec, dict(media)
    if isinstance(spec, CardSpec | TextSpec):
        fonts = zip(spec.fonts, spec.files, strict=True)
        # What was not sent along is bundled: chainer may be installed elsewhere here.
        files = tuple(found.get(digest) or str(FONTS / Path(file).name) for digest, file in fonts)
        work = replace(work, step=replace(work.step, spec=replace(spec, files=files)))
    return replace(work, media=media)


def _at_hand(digest: Digest, path: str, store: Store) -> tuple[Digest, str]:
    """Where the media lies on this machine: at its path, or in the store."""
    if Path(path).exists():
        return digest, path
    try:
        return digest, str(store.fetch_blob(digest))
    except StoreError as error:
        if error.code != "store-damaged":
            raise
        raise MediaMissing(
            f"the worker {worker_name()} sees no media at {path}, and the store does not hold it; "
            "put the media on a file system that all workers share, or use a store with a url",
            path=path,
            digest=digest,
        ) from error
