"""Making one step: look it up, claim it, cook it, publish it.

The same function makes a step here and on a worker elsewhere. What the step needs is taken from
the store, by key, so that nothing but the step itself has to travel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from chainer.digest import Digest
from chainer.errors import StoreError
from chainer.media.child import metered
from chainer.media.limits import MediaLimits
from chainer.media.source import SourceFile
from chainer.render.bed import render_bed, sound_name
from chainer.render.card import render_card
from chainer.render.conform import conform
from chainer.render.extend import extend
from chainer.render.joint import render_joint
from chainer.render.mark import render_mark, still_name
from chainer.render.plan import Step, remembered, slot_of
from chainer.render.poster import render_poster
from chainer.render.run import Runner
from chainer.render.segments import render_segments
from chainer.render.spec import (
    BedSpec,
    CardSpec,
    ConformSpec,
    ExtendSpec,
    JointSpec,
    MarkSpec,
    PosterSpec,
    SegmentsSpec,
    TextSpec,
)
from chainer.render.text import render_text
from chainer.store import Presence, Record, Store

NEED_LOST = "need-lost"
"""The code of the `StoreError` for an earlier step whose files are missing or damaged; its fact
`need` is that step's key. Make that one again, then this one."""


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What steps are made with. `open_source` opens the media of a digest for reading."""

    store: Store
    runner: Runner
    limits: MediaLimits
    open_source: Callable[[Digest], AbstractContextManager[SourceFile]]
    scope: str

    def stopped_by(self, cancel: threading.Event | None) -> Kitchen:
        """The same kitchen, where `cancel` stops what is cooking."""
        return replace(self, runner=Runner(self.runner.ffmpeg, cancel))


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that is in the store now.

    `ran` is False where it was there already or another process was faster; `cpu_seconds` is what
    its child processes used.
    """

    step: Step
    record: Record
    ran: bool
    cpu_seconds: float = 0.0


def make_step(
    step: Step, kitchen: Kitchen, on_frames: Callable[[int], None] | None = None
) -> StepDone:
    """See to it that `step` is in the store; what it needs must be there.

    Raises `StoreError` with code `NEED_LOST` where an earlier step's files are missing or damaged
    (its record is forgotten then), `Cancelled` where the kitchen's runner is stopped, and whatever
    is wrong with the media or the rendering.
    """
    store = kitchen.store
    presence, record = store.find(step.key)
    if presence is Presence.CACHED and record is not None:
        store.use(record)
        return StepDone(step, record, ran=False)
    with store.claim(step.key, kitchen.runner.cancel), metered() as meter:
        presence, record = store.find(step.key)
        if presence is Presence.CACHED and record is not None:
            return StepDone(step, record, ran=False)
        if presence is not Presence.ABSENT:
            store.discard(step.key)
        with store.workspace() as folder:
            files, facts = _cook(step, kitchen, folder, on_frames)
            record = store.publish(step.key, step.type.value, files, facts)
    store.remember(slot_of(step, kitchen.scope), remembered(step))
    return StepDone(step, record, ran=True, cpu_seconds=meter.cpu_seconds)


def _cook(
    step: Step, kitchen: Kitchen, folder: Path, on_frames: Callable[[int], None] | None
) -> tuple[dict[str, Path], dict[str, Any]]:
    spec, runner, store = step.spec, kitchen.runner, kitchen.store
    with ExitStack() as stack:
        if isinstance(spec, MarkSpec):
            return render_mark(runner, spec, folder)
        if isinstance(spec, ConformSpec):
            _lay_out(store, stack, spec.needs, folder)
            source = stack.enter_context(kitchen.open_source(spec.media))
            return conform(runner, spec, source, kitchen.limits, folder, on_frames)
        if isinstance(spec, ExtendSpec):
            _lay_out(store, stack, spec.needs, folder)
            sources = [stack.enter_context(kitchen.open_source(clip.media)) for clip in spec.clips]
            return extend(runner, spec, sources, kitchen.limits, folder, on_frames)
        if isinstance(spec, TextSpec):
            return render_text(runner, spec, folder)
        if isinstance(spec, BedSpec):
            for key in spec.needs:
                _named(store, stack, key, "sound", folder / sound_name(key))
            music = stack.enter_context(kitchen.open_source(spec.media))
            return render_bed(runner, spec, music, kitchen.limits, folder)
        if isinstance(spec, JointSpec):
            pieces = (
                _open(store, stack, spec.left, "piece"),
                _open(store, stack, spec.right, "piece"),
            )
            sounds = (
                _named(store, stack, spec.left, "sound", folder / "left.flac"),
                _named(store, stack, spec.right, "sound", folder / "right.flac"),
            )
            return render_joint(runner, spec, pieces, sounds, folder, on_frames)
        if isinstance(spec, CardSpec):
            if spec.stamp is not None:
                _lay_out(store, stack, (spec.stamp,), folder)
            behind = None
            if spec.behind is not None:
                behind = _open(store, stack, spec.behind, "piece")
            return render_card(runner, spec, behind, folder, on_frames)
        if isinstance(spec, SegmentsSpec):
            return render_segments(spec, _open(store, stack, spec.piece, "piece"), folder)
        assert isinstance(spec, PosterSpec)
        return render_poster(runner, _open(store, stack, spec.clip, "piece"), folder)


def _lay_out(store: Store, stack: ExitStack, keys: Sequence[Digest], folder: Path) -> None:
    """The stills that are laid over a clip, each under its key's name."""
    for key in keys:
        _, record = store.find(key)
        kind = "text" if record is not None and "text" in record.files else "mark"
        _named(store, stack, key, kind, folder / still_name(key))


def _open(store: Store, stack: ExitStack, key: Digest, name: str) -> IO[bytes]:
    """A file of an earlier step, whole."""
    presence, record = store.find(key)
    if presence is Presence.CACHED and record is not None and name in record.files:
        try:
            return stack.enter_context(store.open(record.files[name]))
        except StoreError as error:
            if error.code != "store-damaged":
                raise
    store.discard(key)
    raise StoreError(
        f"the {name} of an earlier step is lost or damaged; it must be made again",
        code=NEED_LOST,
        need=key,
    )


def _named(store: Store, stack: ExitStack, key: Digest, name: str, link: Path) -> Path:
    """A file of an earlier step under a name that FFmpeg can open."""
    stream = _open(store, stack, key, name)
    link.write_bytes(stream.read())
    return link
