"""Making one step wherever it is: the work as values that travel, and the worker's side of it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from chainer.digest import Digest
from chainer.errors import ChainerError, MediaError, RenderError
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile, open_source
from chainer.render import letters
from chainer.render.encoder import FFmpeg
from chainer.render.make import Kitchen, make_step
from chainer.render.plan import Step
from chainer.render.run import Runner
from chainer.render.spec import CardSpec, TextSpec, media_of
from chainer.store import Record, Store


@dataclass(frozen=True, slots=True)
class StepWork:
    """One step to make, with all that a worker must know; it can be pickled.

    `build` is the digest of the FFmpeg build that the step's key was made with, `media` where the
    media and the caller's fonts of each digest lie (absolute paths), `scope` as in `Kitchen`. Of
    works that wait, those of larger `priority` run first. `memory_bytes` is what the step is likely
    to need at its peak.
    """

    step: Step
    build: str
    limits: MediaLimits
    media: tuple[tuple[Digest, str], ...]
    scope: str
    priority: float = 0.0
    memory_bytes: int = 0

    @property
    def key(self) -> Digest:
        """The step's key."""
        return self.step.key


FONTS = Path(letters.__file__).with_name("fonts")
"""The fonts that come with chainer, wherever that is installed."""


def read_by(step: Step, media: Mapping[Digest, Path]) -> tuple[tuple[Digest, str], ...]:
    """The files that a step reads beside the store, for `StepWork.media`.

    `media` says where the media of a plan lies. Bundled fonts are left out: every machine has them.
    """
    spec = step.spec
    found = [(wanted, str(media[wanted])) for wanted in media_of(spec)]
    if isinstance(spec, CardSpec | TextSpec):
        fonts = zip(spec.fonts, spec.files, strict=True)
        found += [(digest, file) for digest, file in fonts if Path(file).parent != FONTS]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended: with its record, or with an error.

    `ran` is False where it was in the store already. `cpu_seconds` is what its children used,
    `seconds` how long it took, `worker` who made it.
    """

    key: Digest
    record: Record | None
    error: ChainerError | None = None
    ran: bool = False
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    worker: str = ""


def run_work(
    work: StepWork,
    store: Store,
    ffmpeg: FFmpeg,
    cancel: threading.Event | None = None,
    on_frames: Callable[[int], None] | None = None,
) -> StepResult:
    """Make the step of `work` in `store`; never raises what is the step's own fault.

    An error that is none of ours becomes a `ChainerError` with the cause in its message. Setting
    `cancel` ends it with `Cancelled` as the error.
    """
    started = time.monotonic()
    try:
        if ffmpeg.build != work.build:
            raise RenderError(
                f"{ffmpeg.path} is FFmpeg {ffmpeg.version}, another build than the one that the "
                "plan was made with; install the same imageio-ffmpeg on every machine",
                code="other-build",
                path=str(ffmpeg.path),
            )
        kitchen = Kitchen(store, Runner(ffmpeg, cancel), work.limits, _opener(work), work.scope)
        done = make_step(work.step, kitchen, on_frames)
    except ChainerError as error:
        return StepResult(
            work.key, None, error, seconds=time.monotonic() - started, worker=worker_name()
        )
    except Exception as error:  # noqa: BLE001 - one step must not end the others
        return StepResult(
            work.key,
            None,
            fault_of(error),
            seconds=time.monotonic() - started,
            worker=worker_name(),
        )
    return StepResult(
        work.key,
        done.record,
        ran=done.ran,
        cpu_seconds=done.cpu_seconds,
        seconds=time.monotonic() - started,
        worker=worker_name(),
    )


def fault_of(error: Exception) -> ChainerError:
    """An error as one of ours: itself, or where it is none, a fault with it as the cause."""
    if isinstance(error, ChainerError):
        return error
    ours = ChainerError(f"{type(error).__name__}: {error}", code="fault")
    ours.__cause__ = error
    return ours


def worker_name() -> str:
    """Who works here: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _opener(work: StepWork) -> Callable[[Digest], AbstractContextManager[SourceFile]]:
    paths = dict(work.media)

    def opened(digest: Digest) -> AbstractContextManager[SourceFile]:
        path = paths.get(digest)
        if path is None:
            raise MediaError(f"nobody knows where the media {digest[:16]} lies", code="no-media")
        return open_source(Path(path), limits=work.limits)

    return opened
