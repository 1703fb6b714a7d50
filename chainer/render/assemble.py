"""Assembly: the film as byte ranges of pieces. No codec runs.

Every piece is hash-checked as it is opened. Before a byte is copied, all pieces must agree in
the codec configuration: SPS, PPS and the sound's. Where one does not, the film is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from chainer.digest import Digest
from chainer.errors import Cancelled, RenderError, StoreError
from chainer.mp4 import (
    AudioSpec,
    Chapter,
    FilmTracks,
    Mp4,
    Mp4Error,
    Span,
    Subtitle,
    VideoSpec,
    read_mp4,
    write_film,
)
from chainer.profile import Profile
from chainer.render.plan import RenderPlan
from chainer.render.runs import sound_runs
from chainer.store import Record, Store
from chainer.timebase import AAC_PRIMING
from chainer.timeline import Body
from chainer.timeline.captions import Caption


@dataclass(frozen=True, slots=True)
class FilmFile:
    """The finished file: its SHA-256 and size."""

    digest: Digest
    size: int


def assemble(
    plan: RenderPlan,
    records: Callable[[Digest], Record],
    remake: Callable[[Digest], Record],
    store: Store,
    profile: Profile,
    target: Path,
    *,
    chapters: Sequence[Chapter] = (),
    title: str = "",
    captions: Sequence[Caption] = (),
    language: str = "und",
    facts: Sequence[tuple[str, str]] = (),
    on_bytes: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> FilmFile:
    """Write the film to `target`. A piece found damaged is made again by `remake`.

    `captions`, in `language` (a BCP 47 tag), become a track that players offer to show. No step
    knows of them: a film with other captions is the same copy with another track. `facts` are
    names and texts for a QuickTime movie's metadata.
    """
    shelf = _Shelf(store, records, remake)
    for key in _pieces(plan):
        shelf.load(key)
    video, audio = _agree(plan, shelf, profile)
    video_spans: list[Span] = []
    for key, part in plan.sources():
        if isinstance(part, Body):
            video_spans.append(Span(key, part.first, part.last))
        elif part.frames:
            video_spans.append(Span(key, 0, part.frames))
    audio_spans = [Span(run.key, run.first, run.last) for run in sound_runs(plan.sources())]
    if plan.bed is not None:
        audio_spans = [Span(plan.bed, 0, sum(span.count for span in audio_spans))]
    film = FilmTracks(
        video=video,
        audio=audio,
        video_spans=[span for span in video_spans if span.count],
        audio_spans=audio_spans,
        skip=AAC_PRIMING,
        chapters=chapters,
        title=title,
        chunk_frames=profile.grid.frames,
        captions=[Subtitle(one.start, one.end, one.lines) for one in captions],
        language=language,
        facts=facts,
    )

    def report(done: int, total: int) -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled("cancelled while the film was copied: finished steps are kept")
        if on_bytes is not None:
            on_bytes(done, total)

    try:
        digest, size = write_film(target, film, shelf.index, shelf.open, on_bytes=report)
    except Mp4Error as error:
        raise RenderError(f"the pieces do not fit together: {error}", code="assembly") from error
    if sum(span.count for span in film.video_spans) != plan.layout.frames:
        raise RenderError("the film does not have the frames that were planned", code="frames")
    return FilmFile(digest, size)


class _Shelf:
    """The pieces of one film: their indexes in memory, their bytes checked once and open late."""

    def __init__(
        self, store: Store, records: Callable[[Digest], Record], remake: Callable[[Digest], Record]
    ) -> None:
        self._store = store
        self._records = records
        self._remake = remake
        self._indexes: dict[Digest, Mp4] = {}
        self._paths: dict[Digest, Path] = {}

    def load(self, key: Digest) -> None:
        """Check the piece of `key` and read its index."""
        record = self._records(key)
        try:
            stream = self._store.open(record.files["piece"])
        except StoreError as error:
            if error.code != "store-damaged":
                raise
            record = self._remake(key)
            stream = self._store.open(record.files["piece"])
        with stream:
            try:
                self._indexes[key] = read_mp4(stream)
            except Mp4Error as error:
                raise RenderError(f"a piece is unreadable: {error}", code="piece") from error
        self._paths[key] = self._store.path_of(record.files["piece"].digest)

    def index(self, key: Digest) -> Mp4:
        return self._indexes[key]

    def open(self, key: Digest) -> IO[bytes]:
        try:
            return self._paths[key].open("rb")
        except OSError as error:
            raise StoreError(f"a piece vanished from the store: {error}", code="store") from error


def _pieces(plan: RenderPlan) -> tuple[Digest, ...]:
    """The keys of all that is copied from, each once."""
    keys = dict.fromkeys(key for key, _ in plan.sources())
    return (*keys, *filter(None, [plan.bed]))


def _agree(plan: RenderPlan, shelf: _Shelf, profile: Profile) -> tuple[VideoSpec, AudioSpec]:
    """What all pieces share. Raises `RenderError` where one differs."""
    video: VideoSpec | None = None
    audio: AudioSpec | None = None
    names = {step.key: f"{step.type.value} {step.name}" for step in plan.steps}
    for key in _pieces(plan):
        for track in shelf.index(key).tracks:
            if track.handler == "vide":
                spec = VideoSpec(
                    track.config, track.entry, track.width, track.height, profile.fps, track.codec
                )
                if video not in (None, spec):
                    raise _mixed(names[key], "picture")
                video = spec
            elif track.handler == "soun":
                sound = AudioSpec(track.config, profile.sample_rate, profile.channels, track.codec)
                if audio not in (None, sound):
                    raise _mixed(names[key], "sound")
                audio = sound
    if video is None or audio is None:
        raise RenderError("the film has no pictures or no sound", code="assembly")
    return video, audio


def _mixed(name: str, what: str) -> RenderError:
    return RenderError(
        f"the {what} of {name} is coded differently from the rest of the film, which copying "
        "cannot mend; run again with another store, and report this one",
        code="mixed",
    )
